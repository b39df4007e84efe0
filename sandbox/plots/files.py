"""Figures as files: PNG and SVG, the same bytes for the same figure."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox import stopping
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
    drafts = [path.with_name(f".tmp-{os.getpid()}-{uuid.uuid4().hex}{path.suffix}") for path in paths]
    stopping.tidy(stem.parent)
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        with matplotlib.rc_context(SAME_BYTES):
            drawn.savefig(drafts[0], dpi=130, metadata={"Software": None})
            drawn.savefig(drafts[1], metadata={"Date": None, "Creator": None})
        for path in paths:  # half a figure is worse than none
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        for draft, path in zip(drafts, paths, strict=True):
            draft.replace(path)
    except OSError as error:
        text = f"{stem}: the figure cannot be written: {error.strerror or error}"
        noted = _UNWRITTEN.get()
        if noted is None:
            raise SandboxError(text) from error
        noted.append(text)
        return []
    finally:
        for draft in drafts:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
    return paths
