"""Studies in a file: worlds x agents x swept settings x seeds, in TOML, read and checked before anything runs."""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError, one_line, suggestion
from sandbox.names import expand, literal, split_settings
from sandbox.planned import Planned, check_studies, run_studies
from sandbox.result import Result

_WHOLE, _SECONDS, _SWITCH = "a whole number from 1", "a number of seconds above 0", "true or false"
_TEXT, _TEXTS = "a text", "a text or a list of texts"
# What may be said of a study, at the top of the file for all, or in a [[study]] block for one.
KEYS = {
    "worlds": _TEXTS, "agents": _TEXTS, "seeds": _WHOLE, "steps": _WHOLE, "episodes": _WHOLE, "drift": _TEXTS,
    "feedback": _TEXT, "window": _WHOLE, "plain": _SWITCH, "trace": _SWITCH, "jobs": _WHOLE,
    "timeout": _SECONDS, "tag": _TEXT, "until": _TEXT,
}  # fmt: skip
_TABLES = ("sweep", "study")
_BUDGET = ("steps", "episodes")
_LARGEST = 1_000_000  # bytes of a study file
_MOST_AGENTS = 10_000  # of one sweep


def is_study_file(name: str) -> bool:
    """Whether a name given as a world is that of a study file."""
    return name.lower().endswith(".toml")


def read_study_file(path: str | Path, given: Mapping[str, Any] | None = None) -> list[Planned]:
    """Return the studies that a file asks for, one a world, in its order; none is run.

    `given`: values of `KEYS` that are set beside the file, and hold for all its studies. Raise `SandboxError` in one
    line that names the file and the key.
    """
    path = Path(path)
    told = _parse(path)
    blocks = _blocks(told, path)
    given = dict(given or {})
    _check_keys(given, [key for key in KEYS if key not in ("worlds", "agents")], f"beside {path}")
    found: list[Planned] = []
    used: set[str] = set()
    for where, block in blocks:
        levels = [{key: value for key, value in told.items() if key in KEYS}, block, given]
        sweeps = {**told.get("sweep", {}), **block.get("sweep", {})}
        found += _planned(where, _merge(levels), sweeps, used)
    for where, sweeps in ((str(path), told.get("sweep", {})), *((w, b.get("sweep", {})) for w, b in blocks)):
        for name in sweeps:
            if name not in used:
                near = suggestion(name, [agent for one in found for agent in one.agents])
                raise SandboxError(f"{where}: sweep.{name}: no study has this agent{near}")
    return found


def _parse(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file whose keys and values are checked."""
    try:
        if not path.is_file():
            raise SandboxError(f"{path}: {'is no file' if path.exists() else 'no such file'}")
        if path.stat().st_size > _LARGEST:
            raise SandboxError(f"{path}: too large for a study file ({_LARGEST:,} bytes at most)")
        told = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SandboxError(f"{path}: is not UTF-8 text (byte {error.start})") from None
    except tomllib.TOMLDecodeError as error:
        raise SandboxError(f"{path}: is no TOML: {one_line(error).removeprefix('TOMLDecodeError: ')}") from None
    except (ValueError, RecursionError) as error:  # of a path with a NUL, or brackets within brackets for ever
        raise SandboxError(f"{str(path)!r}: cannot be read: {one_line(error)}") from None
    except OSError as error:
        raise SandboxError(f"{path}: cannot be read: {error.strerror or error}") from None
    _check_keys(told, (*KEYS, *_TABLES), str(path))
    return told


def _blocks(told: dict[str, Any], path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return each [[study]] with its name for errors; without any, the file itself is the one study."""
    blocks = told.get("study")
    if blocks is None:
        return [(str(path), {})]
    if not isinstance(blocks, list) or not blocks or not all(isinstance(one, dict) for one in blocks):
        raise SandboxError(f"{path}: study: write each study as a block that begins with [[study]]")
    named = [(f"{path}, study {k}", block) for k, block in enumerate(blocks, 1)]
    for where, block in named:
        _check_keys(block, (*KEYS, "sweep"), where)
    return named


def _check_keys(table: dict[str, Any], known: Sequence[str], where: str) -> None:
    """Refuse unknown keys, values of another type, and sweeps that are none."""
    for key, value in table.items():
        if key not in known:
            raise SandboxError(f"{where}: there is no key {key!r}{suggestion(key, known) or _list_of(known)}")
        if key in KEYS and not _fits(value, KEYS[key]):
            raise SandboxError(f"{where}: {key} = {_shown(value)}: {KEYS[key]} is needed")
    sweep = table.get("sweep", {})
    if not isinstance(sweep, dict):
        raise SandboxError(f"{where}: sweep: write it as a table, [sweep.AGENT], with setting = [value, value]")
    for name, settings in sweep.items():
        if not isinstance(settings, dict):
            raise SandboxError(f"{where}: sweep.{name}: say of which agent, as [sweep.AGENT], and then {name} = [...]")
        for setting, values in settings.items():
            if isinstance(values, dict):
                raise SandboxError(f'{where}: sweep.{name}.{setting}: put the agent in quotes, [sweep."AGENT"]')
            if not isinstance(values, list) or not values:
                raise SandboxError(f"{where}: sweep.{name}.{setting} = {_shown(values)}: a list of values is needed")
            if not setting.isidentifier():
                raise SandboxError(f"{where}: sweep.{name}: {setting!r} is no name of a setting")


def _fits(value: Any, kind: str) -> bool:
    if kind == _WHOLE:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if kind == _SECONDS:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
    if kind == _SWITCH:
        return isinstance(value, bool)
    if kind == _TEXTS and isinstance(value, list):
        return bool(value) and all(isinstance(one, str) for one in value)
    return isinstance(value, str)


def _list_of(known: Sequence[str]) -> str:
    return f"; there is {', '.join(known)}"


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _merge(levels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the keys of all levels; the later decides, and a budget replaces the whole budget before it."""
    merged: dict[str, Any] = {}
    for level in levels:
        if any(key in level for key in _BUDGET):
            merged = {key: value for key, value in merged.items() if key not in _BUDGET}
        merged |= {key: value for key, value in level.items() if key in KEYS and value is not None}
    return merged


def _several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _planned(where: str, told: dict[str, Any], sweeps: dict[str, Any], used: set[str]) -> Iterator[Planned]:
    """Yield a study for each world; add to `used` the sweeps that were."""
    for key in ("worlds", "agents"):
        if key not in told:
            raise SandboxError(f"{where}: names no {key}; write {key} = [...]")
    terms = {key: value for key, value in told.items() if key not in ("worlds", "agents")}
    try:
        agents = [name for agent in _several(told["agents"]) for name in swept(agent, sweeps, used)]
        worlds = [name for world in _several(told["worlds"]) for name in expand(world)]
    except SandboxError as error:
        raise SandboxError(f"{where}: {error}") from None
    for world in worlds:
        yield Planned(world, tuple(agents), terms)


def swept(agent: str, sweeps: Mapping[str, Mapping[str, list[Any]]], used: set[str]) -> Iterator[str]:
    """Yield an agent's name with every combination of its swept settings, the last setting varying fastest.

    A sweep is named as the agent is listed, or as it is called before its settings. Braces in names are swept too.
    """
    for name in expand(agent):
        parts, own = (name.split(":", 1), {}) if name.startswith("river:") else split_settings(name)
        key = next((key for key in (agent, name, ":".join(parts)) if key in sweeps), None)
        if key is not None:
            used.add(key)
        if key is None or not sweeps[key]:
            yield name
            continue
        if parts[0] == "river":
            raise SandboxError(f"sweep.{key}: sweep a River model in its name, as river:GaussianNB(x={{1,2}})")
        twice = next((setting for setting in sweeps[key] if setting in own), None)
        if twice is not None:
            raise SandboxError(f"sweep.{key}.{twice}: the agent {name!r} sets {twice} already")
        count = math.prod(len(values) for values in sweeps[key].values())
        if count > _MOST_AGENTS:
            raise SandboxError(f"sweep.{key}: makes {count:,} agents of one; {_MOST_AGENTS:,} is the most")
        for values in itertools.product(*sweeps[key].values()):
            more = [f"{k}={_written(v)}" for k, v in zip(sweeps[key], values, strict=True)]
            yield ",".join([name, *more]) if own else f"{name}:{','.join(more)}"


def _written(value: Any) -> str:
    """Return a value as it is written in a name: bare where that reads as the same value."""
    safe = isinstance(value, str) and value == value.strip() and not set(value) & set("()[]{}'\",:=\\")
    return value if safe and value and literal(value) == value else repr(value)


def run_file(path: str | Path, *, runs: str | Path | None = None, **given: Any) -> list[Result]:
    """Run the studies of a file and return their results, one a world.

    `runs`: a folder that keeps the runs. `given`: keys such as `seeds=3` that replace those of the file. Raise
    `SandboxError` before anything runs if the request makes no sense.
    """
    planned = read_study_file(path, given)
    check_studies(planned, path)
    command = f"run_file({', '.join([repr(str(path)), *(f'{key}={value!r}' for key, value in given.items())])})"
    return list(run_studies(planned, runs, command=command))
