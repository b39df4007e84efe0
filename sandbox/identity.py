"""What decides a run's result, beside its seed: from it comes the name of the file that keeps the run."""

from __future__ import annotations

import ast
import importlib.metadata
import platform
import re
import warnings
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sandbox.compiled import source_digest
from sandbox.names import split_settings
from sandbox.runs import Options
from sandbox.user_files import PACKAGES, code_of, files_of
from sandbox.world import Budget, World


def digest_of(path: Path) -> str:
    """Return a digest of a file's bytes."""
    digest = blake2b(digest_size=16)
    with path.open("rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of everything that a result depends on, our own sources included."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return found | {"python": platform.python_version(), "sandbox": source_digest()}


def _text(value: Any) -> str:
    """Return a setting as text that is the same in every process: without addresses."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def canonical(name: str) -> list[Any]:
    """Return a name in the one form that all its spellings share."""
    if name.startswith("river:"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the parser
                return ["river", ast.unparse(ast.parse(name[len("river:") :].strip(), mode="eval"))]
        except (SyntaxError, ValueError, MemoryError, RecursionError):  # a dataset with settings, or no model
            return [name]
    parts, settings = split_settings(name)
    return [parts, sorted(settings.items())]


def decides(world: World, agent: str, settings: dict[str, Any], budget: Budget, options: Options) -> dict[str, Any]:
    """Return everything that decides what the runs of an agent in a world give, as plain values."""
    drift = world.terms.drift
    of_role = (
        ("world", world.name),
        ("agent", agent),
        *(("drift", one.function) for one in drift.drifts if one.function),
    )
    files = {f"{role} {path.name}": digest_of(path) for role, name in of_role for path in files_of(name)}
    for role, name in of_role:
        for module, where in code_of(name).items():
            files[f"{role} module {module}"] = where if isinstance(where, str) else digest_of(where)
    return {
        "world": world.name,
        "agent": agent,
        "settings": {key: _text(value) for key, value in settings.items()},
        "drift": [str(replace(one, settings=tuple(sorted(one.settings)))) for one in drift.drifts],
        "feedback": str(world.terms.feedback),
        "budget": [budget.steps, budget.episodes],
        "options": [options.window, options.fading],
        "files": files,
        "versions": versions(),
    }
