"""A study: every agent, in one world, for every seed. It only decides which runs are missing, and has them done."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from sandbox.catalog import files_of, make_agent, make_world
from sandbox.compiled import source_digest
from sandbox.errors import SandboxError
from sandbox.interfaces import Agent, settings_of
from sandbox.names import split_settings
from sandbox.result import AgentResult, Result
from sandbox.runs import Options, Run, run_once, unpack
from sandbox.store import Store, TraceFile, key_of
from sandbox.workers import Workers, cores
from sandbox.world import Budget, World

Progress = Callable[[str, int], None]  # what was just done, and how many runs are left
_PACKAGES = ("numpy", "gymnasium", "river", "numba", "scipy")


class StoppedError(SandboxError):
    """A study was stopped; what was done is kept where it has a store."""


@dataclass
class _Entry:
    """One agent of a study, with the runs that are there already."""

    name: str
    make: Callable[[], Agent]
    settings: dict[str, Any]
    key: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    trained: dict[int, Any] = field(default_factory=dict)


def run_study(
    world: Any,
    agents: Sequence[Any],
    *,
    seeds: Sequence[int],
    budget: Budget,
    options: Options | None = None,
    jobs: int | None = None,
    runs: str | Path | None = None,
    trace: bool = False,
    progress: Progress | None = None,
    workers: Workers | None = None,
) -> Result:
    """Run every agent in `world` for every seed and return the result.

    Names run in worker processes, objects in this one. With `runs` finished runs are kept in that folder and found
    again. Raise `SandboxError` before anything runs if the request makes no sense; failed runs are in the result.
    """
    options = options or Options()
    _check_request(agents, seeds, options, trace, runs)
    made = make_world(world)
    budget = made.budget(budget)
    entries = _entries(agents, made)
    store = Store(runs) if runs is not None else None
    notes: list[str] = []
    if store is not None:
        for entry in entries:
            _find_done(entry, store, made, budget, options, seeds, trace, notes)
    missing = [(entry, seed) for seed in seeds for entry in entries if seed not in entry.runs]
    named = isinstance(world, str) and all(isinstance(agent, str) for agent in agents)
    count = min(jobs if jobs is not None else cores(), len(missing))
    try:
        if named and (workers is not None or count > 1):
            found = _in_workers(made, missing, budget, options, store if trace else None, count, workers)
        else:
            found = _here(made, missing, budget, options, store if trace else None)
        _collect(found, len(missing), store, progress)
    except KeyboardInterrupt:
        done = len(missing) - sum(seed not in entry.runs for entry, seed in missing)
        kept = f"kept in {store.folder}; the same command goes on from there" if store is not None else "not stored"
        raise StoppedError(f"stopped after {done} of {len(missing)} runs, {kept}") from None
    results = [
        AgentResult(entry.name, entry.settings, [entry.runs[seed] for seed in seeds], entry.trained)
        for entry in entries
    ]
    oracle = made.oracle() if made.meta.priced else None
    told = {"steps": budget.steps, "episodes": budget.episodes}
    return Result(made.name, made.meta, told, results, oracle, notes)


def _check_request(
    agents: Sequence[Any], seeds: Sequence[int], options: Options, trace: bool, runs: str | Path | None
) -> None:
    if not agents:
        raise SandboxError("a study needs at least one agent")
    if not seeds:
        raise SandboxError("a study needs at least one seed")
    for seed in seeds:
        if not isinstance(seed, int | np.integer) or seed < 0:
            raise SandboxError(f"the seed {seed!r} is not a whole number from 0")
    if len(set(seeds)) < len(seeds):
        raise SandboxError("a seed is given twice: the same run would count as two")
    names = [agent for agent in agents if isinstance(agent, str)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SandboxError(f"the agent {twice!r} is given twice")
    if options.window < 1:
        raise SandboxError(f"window={options.window} is out of range: a window holds at least one decision")
    if trace and runs is None:
        raise SandboxError("traces are kept in a folder of runs, and there is none")


def _entries(agents: Sequence[Any], world: World) -> list[_Entry]:
    """Make every agent once, and refuse what does not fit the world, before anything runs."""
    entries: list[_Entry] = []
    for agent in agents:
        trial = make_agent(agent, world)
        trial.begin(world.observation_space, world.choice_space, np.random.default_rng(0))
        name = agent if isinstance(agent, str) else _free_name(trial, agent, entries)
        settings = settings_of(make_agent(agent, world))
        entries.append(_Entry(name, partial(make_agent, agent, world), settings))
    return entries


def _free_name(trial: Agent, agent: Any, entries: list[_Entry]) -> str:
    model = getattr(trial, "model", None)
    base = getattr(agent, "__name__", None) or type(agent if model is None else model).__name__
    taken = {entry.name for entry in entries}
    return next(name for k in range(1, len(taken) + 2) if (name := base if k == 1 else f"{base} {k}") not in taken)


def _digest(path: Path) -> str:
    digest = blake2b(digest_size=16)
    with path.open("rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of everything that a result depends on, our own sources included."""
    found = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return found | {"python": platform.python_version(), "sandbox": source_digest()}


def _canonical(name: str) -> list[Any]:
    if name.startswith("river:"):
        return [" ".join(name.split())]
    parts, settings = split_settings(name)
    return [parts, sorted(settings.items())]


def _find_done(
    entry: _Entry,
    store: Store,
    world: World,
    budget: Budget,
    options: Options,
    seeds: Sequence[int],
    trace: bool,
    notes: list[str],
) -> None:
    """Name the entry's file, and take from it the runs that are wanted and were completed."""
    files = {path.name: _digest(path) for name in (world.name, entry.name) for path in files_of(name)}
    about = {
        "world": world.name,
        "agent": entry.name,
        "settings": {key: " ".join(repr(value).split()) for key, value in entry.settings.items()},
        "budget": [budget.steps, budget.episodes],
        "options": [options.window, options.fading],
        "files": files,
        "versions": versions(),
    }
    decides = about | {"world": _canonical(world.name), "agent": _canonical(entry.name)}
    entry.key = key_of(decides, world.name, entry.name)
    entry.about = about | {"meta": world.meta.as_dict()}
    try:
        found = store.read(entry.key)
    except SandboxError as error:
        notes.append(f"{error}; its runs were done again")
        return
    for run in found:
        traced = not trace or store.trace_path(entry.key, run.seed).is_file()
        if run.scores is not None and traced:
            entry.runs[run.seed] = run


def _here(
    world: World, missing: Sequence[tuple[_Entry, int]], budget: Budget, options: Options, traces: Store | None
) -> Iterator[tuple[_Entry, Run]]:
    """Do the runs one after the other in this process."""
    for entry, seed in missing:
        agent = entry.make()
        if traces is None:
            run = run_once(world, agent, seed, budget, options)
        else:
            with TraceFile(traces.trace_path(entry.key, seed), world.meta) as file:
                run = run_once(world, agent, seed, budget, options, file.add)
                if run.scores is not None:
                    file.keep()
        entry.trained[seed] = agent
        yield entry, run


def _in_workers(
    world: World,
    missing: Sequence[tuple[_Entry, int]],
    budget: Budget,
    options: Options,
    traces: Store | None,
    count: int,
    workers: Workers | None,
) -> Iterator[tuple[_Entry, Run]]:
    """Do the runs in worker processes; one that dies has its run tried once more, then failed."""
    entries = {entry.name: entry for entry, _ in missing}
    asked = [
        {
            "world": world.name,
            "agent": entry.name,
            "seed": int(seed),
            "steps": budget.steps,
            "episodes": budget.episodes,
            "window": options.window,
            "fading": options.fading,
            "trace_to": None if traces is None else str(traces.trace_path(entry.key, seed)),
        }
        for entry, seed in missing
    ]
    pool = workers if workers is not None else Workers(count)
    try:
        for job, answer in pool.map(asked):
            failed = isinstance(answer, str)
            text = f"{world.name}, seed {job['seed']}: {answer}, twice" if failed else ""
            yield entries[job["agent"]], Run(job["seed"], None, text) if isinstance(answer, str) else unpack(answer)
    finally:
        if workers is None:
            pool.close()


def _collect(found: Iterator[tuple[_Entry, Run]], total: int, store: Store | None, progress: Progress | None) -> None:
    """Take runs as they come; write an agent's file when its last run is in, and at least every second meanwhile."""
    unsaved: dict[str, _Entry] = {}
    left = total
    saved_at = time.monotonic()
    try:
        for entry, run in found:
            entry.runs[run.seed] = run
            left -= 1
            unsaved[entry.name] = entry
            if progress is not None:
                progress(f"{entry.name}, seed {run.seed}", left)
            if store is not None and time.monotonic() - saved_at > 1.0:
                _save(unsaved, store)
                saved_at = time.monotonic()
    finally:
        if store is not None:
            _save(unsaved, store)


def _save(unsaved: dict[str, _Entry], store: Store) -> None:
    for name in list(unsaved):
        entry = unsaved.pop(name)
        store.write(entry.key, entry.runs.values(), entry.about)
