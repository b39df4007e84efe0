"""What there is: worlds, agents and their settings, metrics, stored runs."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

from sandbox.discovery import FAMILIES, discover
from sandbox.errors import SandboxError, suggestion
from sandbox.names import is_env_id
from sandbox.yardsticks import AT_DRIFT, INSIDERS, is_yardstick

_KINDS = ("worlds", "agents", "metrics", "runs")


def listing(what: str, runs: Path) -> dict[str, list[dict[str, Any]]]:
    """Return, for each kind asked for ('' is all but runs), rows with a name and a text; of a name, its settings."""
    if what and what not in _KINDS:
        return {what: _settings(what)}
    wanted = (what,) if what else _KINDS[:3]
    return {kind: _stored(runs) if kind == "runs" else _known(kind) for kind in wanted}


def _known(kind: str) -> list[dict[str, Any]]:
    if kind == "metrics":
        from sandbox.metrics import METRICS

        return [{"name": m.name, "text": m.text, "unit": m.unit, "better": m.better} for m in METRICS.values()]
    entries = [(entry.family or "streams", entry) for entry in discover(kind).values()]
    if kind == "worlds":
        entries += [("environments", entry) for entry in discover("environments").values()]
    if kind == "agents":
        entries += [("wrappers", replace(one, name=f"{one.name}:AGENT")) for one in discover("wrappers").values()]
    entries.sort(key=lambda pair: (pair[0] == "yardsticks", pair[0]))
    found = [{"family": family, "name": entry.name, "text": entry.text} for family, entry in entries]
    others = [(_family_of(name), name, text) for name, text in FAMILIES[kind].items()]
    return found + [{"family": family, "name": name, "text": text} for family, name, text in others]


def _family_of(name: str) -> str:
    return "yardsticks" if is_yardstick(name) else "others"


def _settings(name: str) -> list[dict[str, Any]]:
    """Return what an agent or a world is, and each of its settings with what it is unless told."""
    known = discover("agents") | discover("wrappers") | discover("worlds") | discover("environments")
    told = INSIDERS | AT_DRIFT
    head = name.split(":")[0]
    entry = known.get(head) or known.get(f"sandbox/{head}") or known.get(f"sandbox/{head}-v0")
    if entry is not None:
        return _described(entry.name, getattr(importlib.import_module(entry.module), entry.class_name))
    if head in told:
        return [{"name": head, "text": told[head]}]
    if is_env_id(name):
        return _of_gymnasium(name)
    near = suggestion(head, [*_KINDS, *known, *told])
    raise SandboxError(f"there is no agent, world or list {name!r}{near}; lists: {', '.join(_KINDS)}")


def _of_gymnasium(name: str) -> list[dict[str, Any]]:
    import gymnasium

    spec = gymnasium.registry.get(name)
    if spec is None:
        raise SandboxError(f"Gymnasium knows no environment {name!r}{suggestion(name, gymnasium.registry)}")
    entry = spec.entry_point
    return _described(name, gymnasium.envs.registration.load_env_creator(entry) if isinstance(entry, str) else entry)


def _described(name: str, made: Any) -> list[dict[str, Any]]:
    """Return what is said of a class, and its settings."""
    rows: list[dict[str, Any]] = [{"name": name, "text": inspect.cleandoc(made.__doc__ or "")}]
    for setting, given in inspect.signature(made).parameters.items():
        if setting != "render_mode" and given.default is not inspect.Parameter.empty:
            rows.append({"name": setting, "text": f"{given.default!r} unless told", "default": given.default})
    return rows


def _stored(folder: Path) -> list[dict[str, Any]]:
    """Describe each file of runs by itself; a damaged one is named, not fatal."""
    from sandbox.records import records
    from sandbox.stored import read_kept, run_files

    if not folder.is_dir():
        raise SandboxError(f"{folder}: no such folder of runs")
    asked = records(folder)
    found: list[dict[str, Any]] = []
    for path in run_files(folder):
        kept = read_kept(path)
        if kept.trouble:
            found.append({"name": path.name, "text": kept.trouble})
            continue
        told = sorted({record.tag for record in asked if record.tag and path.stem in record.files})
        facts = _facts(kept.about) | {"seeds": len(kept.runs), "failed": sum(run.scores is None for run in kept.runs)}
        found.append({"name": path.name, "text": _sentence(facts, told), **facts, "tags": told})
    return found


def _facts(about: dict[str, Any]) -> dict[str, Any]:
    steps, episodes = about["budget"]
    terms = {"drift": " ".join(about["schedule"]), "feedback": str(about["feedback"])}
    return {"world": about["world"], "agent": about["agent"], "steps": steps, "episodes": episodes, **terms}


def _sentence(facts: dict[str, Any], tags: list[str]) -> str:
    parts = [f"{facts['agent']} in {facts['world']}"]
    parts += [f"{facts['steps']:,} decisions"] if facts["steps"] is not None else []
    parts += [f"{facts['episodes']:,} episodes"] if facts["episodes"] is not None else []
    parts += [f"drift {facts['drift']}"] if facts["drift"] else []
    parts += [f"feedback {facts['feedback']}"] if facts["feedback"] != "immediate" else []
    parts.append(f"{facts['seeds']} seeds" + (f", {facts['failed']} failed" if facts["failed"] else ""))
    return ", ".join(parts) + (f"; tagged {', '.join(tags)}" if tags else "")
