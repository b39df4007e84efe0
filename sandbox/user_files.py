"""Users' own files behind names: Python sources with their worlds and agents, and data."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError, one_line, suggestion
from sandbox.names import is_env_id, split_settings

DATA = (".csv", ".tsv", ".parquet", ".pq")


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
    source = source_of(name)
    if source is not None:
        yield source
    elif not name.startswith("river:"):
        parts, _ = split_settings(name)
        if is_file(parts, DATA):
            yield Path(parts[0])


def source_of(name: Any) -> Path | None:
    """Return the user's Python file behind `file.py:Name` or `their_module:TheirEnv-v0`, None for other things."""
    if not isinstance(name, str) or name.startswith("river:"):
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
