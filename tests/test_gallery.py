"""The gallery: small versions of every experiment agree with what was published, and what is wrong is called off."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shell import sandbox

from sandbox.errors import SandboxError
from sandbox.gallery._catalog import experiment, experiments
from sandbox.gallery._found import Curve, Estimate, Found, Panel, Row, estimate, from_json, published, sigmas
from sandbox.gallery._picture import figure

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("name", experiments())
def test_a_small_version_finds_what_was_published(name: str) -> None:
    found = experiment(name).measure(True)
    if found.absent:
        pytest.skip(f"real data that do not come with the project: {found.absent}")
    assert found.rows
    assert [f"{row.what}: {row.expected} against {row.found}" for row in found.off] == []
    assert from_json(json.loads(json.dumps(found.as_json()))) == found
    assert len(figure(found, name).axes) == len(found.panels) if found.panels else name == "exact-values"
    for panel in found.panels:
        assert panel.y and (panel.x or panel.ticks) and any(curve.points for curve in panel.curves)


def test_every_experiment_has_a_title_an_explanation_and_a_source() -> None:
    known = experiments()
    assert len(known) >= 19
    for one in known.values():
        assert one.title and one.about and len(one.source) > 20, one.name


def _row(expected: float, found: float, *, errors: tuple[float, float] = (0.0, 0.0), rounding: float = 0.0) -> Row:
    return Row("x", "u", Estimate(expected, errors[0]), Estimate(found, errors[1]), "a book", rounding)


def test_what_differs_by_more_than_chance_is_off() -> None:
    assert _row(1.0, 1.0 + 0.9e-6).ok(1) and not _row(1.0, 1.0 + 1.1e-6).ok(1)
    assert _row(7.93, 7.934, rounding=0.005).ok(1) and not _row(7.93, 7.936, rounding=0.005).ok(1)
    near, far = (_row(0.0, d * 5.0, errors=(3.0, 4.0)) for d in (2.99, 3.01))
    assert near.ok(1) and not far.ok(1) and far.ok(2)
    assert not _row(1.0, math.nan).ok(1) and not _row(1.0, math.nan, errors=(1.0, 1.0)).ok(9)


@given(st.integers(1, 500))
def test_rows_together_err_as_seldom_as_one(rows: int) -> None:
    each = math.erfc(sigmas(rows) / math.sqrt(2.0))
    assert rows * each == pytest.approx(math.erfc(3.0 / math.sqrt(2.0)), rel=1e-6)


def test_what_was_published_has_the_error_of_its_own_runs() -> None:
    values = np.random.default_rng(1).normal(size=400)
    row = published("x", "u", values, 0.0, runs=100, digits=1, source="a book")
    assert row.found == estimate(values)
    assert row.expected.error == pytest.approx(2.0 * row.found.error) and row.rounding == 0.05
    assert row.tolerance(1) == pytest.approx(3.0 * math.sqrt(5.0) * row.found.error + 0.05)
    with pytest.raises(SandboxError, match="two runs"):
        estimate([1.0])


def test_a_fault_is_called_off() -> None:
    """Q-learning's numbers given as Sarsa's, and a step size that was not published."""
    from sandbox.gallery import example_6_6, figure_6_2

    kept = example_6_6.AGENTS, figure_6_2.AGENTS
    try:
        example_6_6.AGENTS = (("sarsa", -50.1), ("q-learning", -27.0))  # type: ignore[assignment]
        assert len(example_6_6.measure(True).off) == 2
        figure_6_2.AGENTS = (("TD", "td:step_size=0.1,initial_value=0.5", 0.0353),)  # type: ignore[assignment]
        assert len(figure_6_2.measure(True).off) == 1
    finally:
        example_6_6.AGENTS, figure_6_2.AGENTS = kept


def test_a_figure_shows_what_was_expected_and_its_tolerance() -> None:
    curve = Curve("an agent", [1.0, 2.0], [3.0, 4.0], [0.1, 0.1], [(2.0, 4.1, 0.5)])
    drawn = figure(Found([_row(4.1, 4.0, errors=(0.1, 0.1))], [Panel("p", "step", "reward", [curve])]), "title")
    (axes,) = drawn.axes
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("step", "reward", "p")
    (bars,) = [one for one in axes.containers if one.has_yerr]
    low, high = bars[2][0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((3.6, 4.6))


def test_brute_force_programs_use_nothing_of_ours() -> None:
    for path in (ROOT / "sandbox/gallery/brute").glob("*.py"):
        lines = [
            line for line in path.read_text(encoding="utf-8").splitlines() if "sandbox." in line and "import" in line
        ]
        allowed = ("sandbox.compiled", "sandbox.table import", "sandbox.gallery.brute._store", "sandbox.gallery._grids")
        assert [line for line in lines if not any(one in line for one in allowed)] == [], path.name


def test_every_stored_number_says_how_it_was_made() -> None:
    stored = json.loads((ROOT / "sandbox/gallery/brute/numbers.json").read_text(encoding="utf-8"))
    for name, told in stored.items():
        module = told["command"].removeprefix("python -m ").replace(".", "/")
        assert name in experiments() and (ROOT / f"{module}.py").is_file()
        assert all(error >= 0.0 and math.isfinite(mean) for mean, error in told["numbers"].values())


def test_the_command_lists_runs_and_writes(tmp_path: Path) -> None:
    listed = sandbox("gallery", "--list", cwd=tmp_path)
    assert listed.returncode == 0 and "figure-2-2" in listed.stdout
    done = sandbox("gallery", "example-13-1", "--quick", "--out", "made", cwd=tmp_path)
    assert done.returncode == 0 and "6 of 6 numbers ok" in done.stdout
    assert (tmp_path / "made/example-13-1.png").stat().st_size > 5000
    told = json.loads(sandbox("gallery", "example-13-1", "--quick", "--json", cwd=tmp_path).stdout)
    assert told["experiments"][0]["ok"] is True and len(told["experiments"][0]["found"]["rows"]) == 6


def test_an_unknown_experiment_is_refused_with_the_nearest(tmp_path: Path) -> None:
    done = sandbox("gallery", "figure-2-1", cwd=tmp_path)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
    assert "figure-2-1" in done.stderr and "did you mean" in done.stderr
