"""Compile plain functions with numba, cached on disk under a digest of the sources that they are made of.

numba's own cache does not notice that a called function in another file was edited; a folder whose name is the digest
of a module and of everything of ours that it imports does.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

_KEPT_SECONDS = 14 * 24 * 3600.0
_ROOT = Path(__file__).parent
_IMPORT = re.compile(
    r"^\s*(?:from\s+(\.*)([\w.]*)\s+import\s+(\([^)]*\)|[^#\n]*)|import\s+()(sandbox[\w.]*)())", re.MULTILINE
)

F = TypeVar("F", bound=Callable[..., Any])


@lru_cache(maxsize=1)
def source_digest() -> str:
    """Return a digest of every Python source of this package, symlinked folders included."""
    digest = hashlib.blake2b(digest_size=12)
    for folder, folders, files in os.walk(_ROOT, followlinks=True):
        folders.sort()
        for name in sorted(files):
            if name.endswith(".py"):
                path = Path(folder) / name
                digest.update(str(path.relative_to(_ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _path_of(module: str) -> Path | None:
    """Return the source of one of our modules; None for others."""
    base = _ROOT.parent.joinpath(*module.split("."))
    if module.split(".")[0] != _ROOT.name:
        return None
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


@cache
def _imports(module: str) -> tuple[str, ...]:
    """Return which of our modules a module's source imports, wherever in it that stands."""
    path = _path_of(module)
    return () if path is None else tuple(sorted(set(_imported(module, path))))


def _imported(module: str, path: Path) -> Iterator[str]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for dots, base, names, _, whole, _ in _IMPORT.findall(path.read_text(encoding="utf-8")):
        if dots:
            base = ".".join([*package.split(".")[: package.count(".") + 2 - len(dots)], *filter(None, [base])])
        for name in (
            whole or base,
            *(f"{base}.{one.split(' as ')[0].strip(' ()')}" for one in names.replace("\n", " ").split(",")),
        ):
            if not name.endswith(".") and _path_of(name) is not None:
                yield name


def sources_of(modules: set[str]) -> dict[str, Path]:
    """Return the source of each of our modules that `modules` are made of: they themselves, and all they import."""
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        path = _path_of(module)
        if path is not None and module not in found:
            found[module] = path
            waiting.extend(_imports(module))
    return found


@cache
def _cache_folder(modules: frozenset[str]) -> str | None:
    """Return a folder of our own for what is compiled from `modules`, None if there is none."""
    digest = hashlib.blake2b(digest_size=12)
    for module, path in sorted(sources_of(set(modules)).items()):
        digest.update(module.encode() + b"\0" + path.read_bytes() + b"\0")
    try:
        folder = _cache_root() / digest.hexdigest()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: nobody's home is known
        return None
    return str(folder) if os.access(folder, os.W_OK) else None


@lru_cache(maxsize=1)
def _cache_root() -> Path:
    """Return the folder of all compiled code of ours; remove from it what was not used for long."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "learner-sandbox"
    for old in root.iterdir() if root.is_dir() else ():
        if time.time() - old.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    return root


def compiled(function: F, **options: Any) -> F:
    """Return `function` compiled in no-Python mode, releasing the GIL, without fast-math.

    A function made by another may close over rules: their sources count as its own. `options` are numba's.
    """
    import numba

    settings: Any = numba.config
    closed_over = [cell.cell_contents for cell in function.__closure__ or ()]
    modules = {function.__module__, *(getattr(one, "__module__", None) or "" for one in closed_over)}
    folder, before = _cache_folder(frozenset(modules)), settings.CACHE_DIR
    if folder is not None:
        settings.CACHE_DIR = folder
    try:
        return cast(F, numba.njit(cache=folder is not None, nogil=True, **options)(function))
    finally:
        settings.CACHE_DIR = before


def lean(function: F) -> F:
    """Return `function` compiled, without the counting of references to arrays, and always inlined.

    Else a count goes up and down, on all cores' behalf, whenever an array of a named tuple is looked at: some 10 ns,
    a dozen times a decision. For what makes no array and returns none; numba refuses others.
    """
    return compiled(function, _nrt=False, forceinline=True)


def rule(function: F) -> F:
    """Return `function` as it is, for the open loop; compiled functions that call it compile it into themselves.

    It is always inlined: a call that hands on a generator takes as long as a step of a table.
    """
    from numba.extending import register_jitable

    found: F = register_jitable(forceinline=True)(function)
    return found
