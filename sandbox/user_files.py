"""Users' own files behind names: Python sources with their worlds and agents, and data."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.metadata
import importlib.util
import re
import sys
import warnings
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError, one_line, suggestion
from sandbox.names import is_env_id, split_settings
from sandbox.wrapping import innermost

DATA = (".csv", ".tsv", ".parquet", ".pq")
# Packages whose versions, or sources, are told of every run.
PACKAGES = ("numpy", "gymnasium", "river", "numba", "scipy")
_TOLD = {"sandbox", *PACKAGES, *sys.stdlib_module_names}


class _Fresh(importlib.machinery.SourceFileLoader):
    """Compiles the source every time: bytecode kept beside it is not told from that of an edit within a second."""

    def get_code(self, fullname: str) -> Any:
        """Return the code of the file as it is now."""
        return self.source_to_code(self.get_data(self.path), self.path)


def is_file(parts: list[str], suffixes: tuple[str, ...]) -> bool:
    """Whether the first part of a name is a file with one of these suffixes."""
    return parts[0].lower().endswith(suffixes)


def load_file(path: str, name: str) -> Any:
    """Return what `name` is in the Python file `path`, which is run."""
    file = Path(path)
    if not file.is_file():
        raise SandboxError(f"{path}: no such file")
    resolved = str(file.resolve())
    try:
        contents = file.read_bytes()
    except OSError as error:
        raise SandboxError(f"{path} cannot be read: {error.strerror}") from error
    # Its contents too: a file that was edited since is another module.
    digest = blake2b(resolved.encode() + b"\0" + contents, digest_size=6).hexdigest()
    module_name = f"_user_{re.sub(r'[^A-Za-z0-9_]', '_', file.stem)}_{digest}"
    module = sys.modules.get(module_name)
    if module is None:
        spec = importlib.util.spec_from_loader(module_name, _Fresh(module_name, resolved))
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[module_name]
            if isinstance(error, Exception | SystemExit):
                raise SandboxError(f"{path} cannot be run: {one_line(error)}") from error
            raise
    public = [n for n in vars(module) if not n.startswith("_")]
    if name not in vars(module):
        raise SandboxError(f"{path} has no {name!r}{suggestion(name, public)}")
    return vars(module)[name]


def files_of(name: str) -> Iterator[Path]:
    """Yield the files of the user's that decide what a name stands for: its Python source, its data."""
    name = innermost(name)
    source = source_of(name)
    if source is not None:
        yield source
    elif not name.startswith("river:"):
        parts, _ = split_settings(name)
        if is_file(parts, DATA):
            yield Path(parts[0])


def source_of(name: Any) -> Path | None:
    """Return the user's Python file behind `file.py:Name` or `their_module:TheirEnv-v0`, None for other things."""
    if not isinstance(name, str) or (name := innermost(name)).startswith("river:"):
        return None
    parts, _ = split_settings(name)
    if is_file(parts, (".py",)):
        return Path(parts[0])
    if len(parts) == 2 and is_env_id(parts[1]):
        try:
            spec = importlib.util.find_spec(parts[0])
        except (ImportError, ValueError):
            return None
        if spec is not None and spec.origin is not None and Path(spec.origin).is_file():
            return Path(spec.origin)
    return None


def code_of(name: Any) -> dict[str, Path | str]:
    """Return the code that a name brings in, by module: files of the user's, or what is installed with its version.

    To be asked once the thing is made: its modules are found as they were then. What code imports is read from its
    sources, not from what happens to be loaded, so that other things in the same process do not matter.
    """
    found: dict[str, Path | str] = {}
    waiting = list(_roots(name))
    if waiting:
        importlib.invalidate_caches()
    while waiting:
        module, where = waiting.pop()
        if module not in found:
            found[module] = where
            if isinstance(where, Path):
                waiting += [there for wanted in _imports(module, where) if (there := _locate(wanted)) is not None]
    return found


def _roots(name: Any) -> Iterator[tuple[str, Path | str]]:
    """Yield the modules that a name names: the user's file, the package of an id, that of an id's entry point."""
    if not isinstance(name, str) or (name := innermost(name)).startswith("river:"):
        return
    parts, _ = split_settings(name)
    if is_file(parts, (".py",)):
        yield Path(parts[0]).name, Path(parts[0])
    elif is_env_id(parts[-1]) and not is_file(parts, DATA):
        import gymnasium

        modules = parts[:-1]
        spec = gymnasium.registry.get(parts[-1])
        if spec is not None:
            entry = spec.entry_point
            modules.append(entry.partition(":")[0] if isinstance(entry, str) else getattr(entry, "__module__", ""))
        for module in modules:
            yield from _package(module)


def _package(module: str) -> Iterator[tuple[str, Path | str]]:
    """Yield a module and, if it lies in a package of the user's, everything in that, since ids name modules in text."""
    place = _locate(module)
    if place is not None:
        yield place
    top = _locate(module.partition(".")[0])
    if top is not None and isinstance(top[1], Path) and top[1].name == "__init__.py":
        folder = top[1].parent
        for path in folder.rglob("*.py"):
            inner = path.relative_to(folder)
            if not _is_installed(inner):
                steps = inner.parent.parts if path.name == "__init__.py" else inner.with_suffix("").parts
                yield ".".join((top[0], *steps)), path


def _is_installed(path: Path) -> bool:
    return not {"site-packages", "dist-packages"}.isdisjoint(path.parts)


def _locate(module: str) -> tuple[str, Path | str] | None:
    """Return a module with its file, or its package with the installed version; None for what is told of every run."""
    steps = module.split(".")
    if steps[0] in _TOLD:
        return None
    spec, places = None, None
    for k in range(len(steps)):
        spec = importlib.machinery.PathFinder.find_spec(".".join(steps[: k + 1]), places)
        places = spec.submodule_search_locations if spec is not None else None
        if places is None:
            break
    whole = spec is not None and spec.name == module and spec.has_location
    origin = spec.origin if spec is not None and whole else getattr(sys.modules.get(module), "__file__", None)
    if origin is None or not Path(origin).is_file():
        return None
    if _is_installed(Path(origin)):
        return steps[0], _version(steps[0]) or Path(origin)
    return module, Path(origin)


def _version(package: str) -> str:
    """Return the name and version of what installed a package, nothing if that is unknown."""
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        names = set(importlib.metadata.packages_distributions().get(package, ()))
        return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in sorted(names))


def _imports(module: str, path: Path) -> Iterator[str]:
    """Yield the names of all modules that a source may import, those of their packages too."""
    if path.suffix != ".py":
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nodes = list(ast.walk(ast.parse(path.read_bytes())))
    except (OSError, SyntaxError, ValueError, MemoryError, RecursionError):
        return
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in nodes:
        for wanted in _named(node, package):
            steps = wanted.split(".")
            yield from (".".join(steps[: k + 1]) for k in range(len(steps)) if all(steps))


def _named(node: ast.AST, package: str) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=base, names=names, level=level):
            inside = package.split(".")[: len(package.split(".")) - level + 1] if level else []
            start = ".".join([*inside, *([base] if base else [])])
            yield from (start, *(f"{start}.{alias.name}" for alias in names))
        case ast.Call(
            func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(called)), *_],
        ):
            yield called
        case _:
            return
