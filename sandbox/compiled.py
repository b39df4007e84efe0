"""Compile plain functions with numba, cached on disk under a digest of all our sources.

numba's own cache does not notice that a called function in another file was edited; a folder whose name is the digest
of every source file does.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

_KEPT_SECONDS = 14 * 24 * 3600.0

F = TypeVar("F", bound=Callable[..., Any])


@lru_cache(maxsize=1)
def source_digest() -> str:
    """Return a digest of every Python source of this package, symlinked folders included."""
    root = Path(__file__).parent
    digest = hashlib.blake2b(digest_size=12)
    for folder, folders, files in os.walk(root, followlinks=True):
        folders.sort()
        for name in sorted(files):
            if name.endswith(".py"):
                path = Path(folder) / name
                digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _cache_folder() -> str | None:
    """Return a folder for compiled code that is ours alone, None if there is none; remove those of old sources."""
    try:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "learner-sandbox"
        folder = root / source_digest()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in root.iterdir():
            if old != folder and time.time() - old.stat().st_mtime > _KEPT_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
    except (OSError, RuntimeError):  # RuntimeError: nobody's home is known
        return None
    return str(folder) if os.access(folder, os.W_OK) else None


def compiled(function: F) -> F:
    """Return `function` compiled in no-Python mode, releasing the GIL, without fast-math."""
    import numba

    settings: Any = numba.config
    folder, before = _cache_folder(), settings.CACHE_DIR
    if folder is not None:
        settings.CACHE_DIR = folder
    try:
        return cast(F, numba.njit(cache=folder is not None, nogil=True)(function))
    finally:
        settings.CACHE_DIR = before


def rule(function: F) -> F:
    """Return `function` as it is, for the open loop; compiled functions that call it compile it with themselves."""
    from numba.extending import register_jitable

    found: F = register_jitable(function)
    return found
