"""What there is: worlds, agents, metrics, stored runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sandbox.catalog import FAMILIES, discover
from sandbox.errors import SandboxError, suggestion

_KINDS = ("worlds", "agents", "metrics", "runs")


def listing(what: str, runs: Path) -> dict[str, list[dict[str, Any]]]:
    """Return, for each kind asked for ('' is all but runs), rows with a name and a text."""
    if what and what not in _KINDS:
        raise SandboxError(f"there is no list of {what!r}{suggestion(what, _KINDS)}; there is {', '.join(_KINDS)}")
    wanted = (what,) if what else _KINDS[:3]
    return {kind: _stored(runs) if kind == "runs" else _known(kind) for kind in wanted}


def _known(kind: str) -> list[dict[str, Any]]:
    if kind == "metrics":
        from sandbox.metrics import METRICS

        return [{"name": m.name, "text": m.text, "unit": m.unit, "better": m.better} for m in METRICS.values()]
    found = [{"name": entry.name, "text": entry.text} for entry in discover(kind).values()]
    return found + [{"name": name, "text": text} for name, text in FAMILIES[kind].items()]


def _stored(folder: Path) -> list[dict[str, Any]]:
    """Describe each file of runs by itself; a damaged one is named, not fatal."""
    from sandbox.store import read_file

    if not folder.is_dir():
        raise SandboxError(f"{folder}: no such folder of runs")
    found = []
    for path in sorted(folder.glob("*.parquet")):
        if ".trace-" in path.name or path.name.startswith("."):
            continue
        try:
            about, stored = read_file(path)
        except SandboxError as error:
            found.append({"name": path.name, "text": str(error)})
            continue
        failed = sum(run.scores is None for run in stored)
        text = f"{len(stored)} seeds, {failed} failed" if failed else f"{len(stored)} seeds"
        steps, episodes = about["budget"]
        length = f"{steps} decisions" if steps is not None else f"{episodes} episodes"
        found.append({"name": path.name, "text": f"{about['agent']} in {about['world']}, {length}, {text}"})
    return found
