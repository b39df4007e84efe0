"""What a review of worlds and of the core found wrong, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import api


@pytest.mark.parametrize(
    ("drift", "said", "wrong"),
    [
        ("recurring@300", ("under the first law", "under other laws"), "before the drift, half"),
        ("abrupt@300", ("before the drift", "after the drift"), "under the first law, half"),
    ],
)
def test_a_law_that_comes_back_is_not_called_before_the_drift(
    drift: str, said: tuple[str, str], wrong: str, tmp_path: Path
) -> None:
    result = api.run("sandbox/GridMaze-v0", ["q-learning"], seeds=2, steps=900, drift=drift, jobs=1)
    text = result.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert all(f"{one}, half of what its mistakes cost" in text for one in said)
    assert wrong not in text
