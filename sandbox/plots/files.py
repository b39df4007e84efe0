"""Figures as files: PNG and SVG, the same bytes for the same figure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_UNWRITTEN: ContextVar[list[str] | None] = ContextVar("_UNWRITTEN", default=None)
SAME_BYTES: Any = {"svg.hashsalt": "learner-sandbox", "svg.fonttype": "path"}


@contextmanager
def unwritten() -> Iterator[list[str]]:
    """Within it, a figure that cannot be written is a line in the list, no error: the numbers matter more."""
    found: list[str] = []
    token = _UNWRITTEN.set(found)
    try:
        yield found
    finally:
        _UNWRITTEN.reset(token)


def save(drawn: Figure, stem: Path) -> list[Path]:
    """Write a figure as PNG and SVG, the same bytes for the same figure; return the paths."""
    import matplotlib

    paths = [stem.with_name(stem.name + ".png"), stem.with_name(stem.name + ".svg")]
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        with matplotlib.rc_context(SAME_BYTES):
            drawn.savefig(paths[0], dpi=130, metadata={"Software": None})
            drawn.savefig(paths[1], metadata={"Date": None, "Creator": None})
    except OSError as error:
        for path in paths:  # half a figure is worse than none
            with suppress(OSError):
                path.unlink(missing_ok=True)
        text = f"{stem}: the figure cannot be written: {error.strerror or error}"
        noted = _UNWRITTEN.get()
        if noted is None:
            raise SandboxError(text) from error
        noted.append(text)
        return []
    return paths
