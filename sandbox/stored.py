"""Stored runs as results again: read from a folder, told apart by what was asked, filtered by world, agent and tag."""

from __future__ import annotations

import json
import math
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sandbox.agent_result import AgentResult
from sandbox.drift import Schedule, parse_drifts
from sandbox.drifting import drifting_of
from sandbox.errors import SandboxError, one_line, suggestion
from sandbox.identity import canonical
from sandbox.names import literal, split_settings
from sandbox.records import Record, records, tags
from sandbox.result import Result
from sandbox.runs import Run
from sandbox.store import read_file
from sandbox.trace import Meta
from sandbox.yardsticks import is_yardstick

_ASKED = ("--until settled", "--until=settled", "until='settled'")  # in the command of such a study
_UNTIL = "seeds were added until it was settled who is better: p values and intervals do not take that into account"


@dataclass(frozen=True)
class Kept:
    """One file of runs: what it says about itself, and its runs, or why it cannot be read."""

    path: Path
    about: dict[str, Any]
    runs: tuple[Run, ...]
    trouble: str = ""

    @property
    def terms(self) -> str:
        """What runs must share to be compared: world, drift, feedback, budget, windows."""
        told = [canonical(self.about["world"])]
        told += [self.about[part] for part in ("schedule", "feedback", "budget", "options")]
        return json.dumps(told, default=repr)


def run_files(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder that are named as files of runs are."""
    for path in sorted(folder.glob("*.parquet")):
        if ".trace-" not in path.name and not path.name.startswith("."):
            yield path


def read_kept(path: Path) -> Kept:
    """Read a file of runs; what stands against that is in it, not raised."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
            raise SandboxError(f"{path}: no file of runs")
        about, runs = read_file(path)
        kept = Kept(path, about, tuple(runs))
        _ = kept.terms, about["agent"], about["settings"], about["versions"], about["oracle"], _meta(about)
        return kept
    except SandboxError as error:
        return Kept(path, {}, (), str(error))
    except Exception as error:  # sealed, so written so: by another program
        return Kept(path, {}, (), f"{path}: damaged, or not a file of runs ({one_line(error)})")


def load(folder: str | Path, world: str = "", agents: Sequence[str] = (), tag: str = "") -> list[Result]:
    """Return the results that a folder of runs holds, one for each world, drift, feedback and length of run.

    `world`, `agents` and `tag` leave out what has other names: a name without settings stands for all of them. Files
    that cannot be read are told of in the notes of every result. Raise `SandboxError` if nothing is left.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SandboxError(f"{folder}: no such folder of runs")
    asked = records(folder)
    if tag and tag not in tags(asked):
        raise SandboxError(f"{folder}: no study has the tag {tag!r}{suggestion(tag, tags(asked))}")
    chosen = [record for record in asked if record.tag == tag] if tag else []
    wanted = {file for record in chosen for file in record.files}
    kept = [read_kept(path) for path in run_files(folder) if not tag or path.stem in wanted]
    notes = [f"{one.trouble}; it was left out" for one in kept if one.trouble]
    sound = [one for one in kept if not one.trouble]
    if not sound:
        raise SandboxError(f"{folder}: holds no runs" + (f" that can be read: {notes[0]}" if notes else ""))
    sound = _named(sound, "world", (world,) if world else (), folder)
    sound = _named(sound, "agent", agents, folder)
    seeds = {file: set(record.seeds) for record in chosen for file in record.files}
    groups: dict[str, list[Kept]] = {}
    for one in sound:
        allowed = seeds.get(one.path.stem)
        groups.setdefault(one.terms, []).append(
            one if allowed is None else replace(one, runs=tuple(run for run in one.runs if run.seed in allowed))
        )
    return [_result(group, chosen or asked, notes) for group in groups.values()]


def _named(kept: Sequence[Kept], role: str, names: Sequence[str], folder: Path) -> list[Kept]:
    """Return the files whose world or agent has one of these names, all if there are none."""
    if not names:
        return list(kept)
    found: list[Kept] = []
    known = sorted({str(one.about[role]) for one in kept})
    for name in names:
        same = [one for one in kept if _means(name, str(one.about[role]))]
        if not same:
            raise SandboxError(f"{folder}: no runs of the {role} {name!r}{suggestion(name, known)}")
        found += [one for one in same if one not in found]
    return [one for one in kept if one in found]


def _means(asked: str, name: str) -> bool:
    """Whether a name is meant: the same, however spelled, or the same but for settings that were not asked for."""
    if asked == name or canonical(asked) == canonical(name):
        return True
    try:
        parts, settings = split_settings(name)
        return bool(settings) and not name.startswith("river:") and asked == ":".join(parts)
    except SandboxError:
        return False


def _meta(about: dict[str, Any]) -> Meta:
    told = dict(about["meta"])
    for name in ("labels", "expected_start", "groups", "extras", "passing"):
        told[name] = tuple(told[name])
    told["arrivals"] = tuple((at, name) for at, name in told["arrivals"])
    return Meta(**told)


def _settings(about: dict[str, Any]) -> dict[str, Any]:
    """Return an agent's settings, which are kept as text, as the values that they are, where they are plain ones."""
    return {name: literal(text) for name, text in about["settings"].items()}


def _result(kept: Sequence[Kept], asked: Iterable[Record], notes: Sequence[str]) -> Result:
    """Return the result of files that share their terms."""
    chosen, older = _newest(kept)
    files = [one.path.stem for one in chosen]
    studies = [record for record in asked if set(record.files) & set(files)]
    place = {file: k for record in studies for k, file in enumerate(record.files)}
    chosen.sort(key=lambda one: (is_yardstick(str(one.about["agent"])), place.get(one.path.stem, len(place))))
    agents = [AgentResult(str(one.about["agent"]), _settings(one.about), list(one.runs)) for one in chosen]
    about, meta = chosen[0].about, _meta(chosen[0].about)
    steps, episodes = about["budget"]
    told = list(notes)
    if older:
        told.append(f"older files of the same agents, made by other versions, are left out: {older}")
    if len({json.dumps(one.about["versions"], sort_keys=True) for one in chosen}) > 1:
        told.append("the runs of these agents were made by different versions: run them anew to be sure")
    told += [_UNTIL] if any(mark in record.command for record in studies for mark in _ASKED) else []
    told += _lacking(studies, chosen)
    longest = max((int(agent.decisions) for agent in agents if not math.isnan(agent.decisions)), default=0)
    schedule = Schedule(parse_drifts(about["schedule"]))
    return Result(
        str(about["world"]),
        meta,
        {"steps": steps, "episodes": episodes},
        agents,
        about["oracle"],
        told,
        about["options"][0],
        drifting_of(schedule, about["feedback"], meta, longest),
        list(dict.fromkeys(record.command for record in studies if record.command)),
        about["versions"],
    )


def _lacking(studies: Sequence[Record], chosen: Sequence[Kept]) -> list[str]:
    """Say of each study that was stopped how many of its runs are not there."""
    there = {one.path.stem: {run.seed for run in one.runs} for one in chosen}
    found = []
    for record in studies:
        files = [file for file in record.files if file in there]
        missing = sum(len(set(record.seeds) - there[file]) for file in files)
        if missing:
            whole = len(files) * len(record.seeds)
            found.append(f"{missing} of {whole} runs of a study are missing; its command does them: {record.command}")
    return found


def _newest(kept: Sequence[Kept]) -> tuple[list[Kept], int]:
    """Return the newest file of each agent, and how many older ones there are."""
    found: dict[str, Kept] = {}
    for one in sorted(kept, key=lambda one: one.path.stat().st_mtime_ns):
        found[json.dumps([canonical(str(one.about["agent"])), one.about["settings"]], default=repr)] = one
    return list(found.values()), len(kept) - len(found)
