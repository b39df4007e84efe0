"""A study: every agent, in one world, for every seed. It only decides which runs are missing, and has them done."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sandbox.agent_result import AgentResult
from sandbox.catalog import make_agent, make_world
from sandbox.dispatch import Entry, Plan, do_all
from sandbox.drift import Schedule
from sandbox.errors import SandboxError, one_line
from sandbox.identity import canonical, decides
from sandbox.interfaces import Agent, settings_of
from sandbox.result import Drifting, Result
from sandbox.runs import Options, Run
from sandbox.store import Store, key_of
from sandbox.trace import Meta
from sandbox.user_files import source_of
from sandbox.workers import Workers, cores
from sandbox.world import Budget, Terms, World

if sys.platform != "win32":
    import fcntl

Progress = Callable[[str, int], None]  # what was just done, and how many runs are left
_WIDEST = 1_000_000  # decisions in a window; it is held in memory
_MOST_SEEDS = 1_000_000
_LONGEST = 2**62  # steps and episodes that are counted in 64 bits


class StoppedError(SandboxError):
    """A study was stopped; what was done is kept where it has a store."""


def run_study(
    world: Any,
    agents: Sequence[Any],
    *,
    seeds: Sequence[int],
    budget: Budget,
    terms: Terms | None = None,
    options: Options | None = None,
    jobs: int | None = None,
    runs: str | Path | None = None,
    trace: bool = False,
    progress: Progress | None = None,
    workers: Workers | None = None,
) -> Result:
    """Run every agent in `world`, on some terms, for every seed and return the result.

    Compiled runs share this process's cores; of the others names run in worker processes, objects in this one. With
    `runs` finished runs are kept in that folder and found again. Raise `SandboxError` before anything runs if the
    request makes no sense; failed runs are in the result.
    """
    options = options or Options()
    _check_request(agents, seeds, budget, options, runs is not None or not trace)
    named = all(isinstance(thing, str) for thing in (world, *agents))
    # What users' code prints while it is looked at goes where workers let it go, not into a document on stdout.
    with contextlib.redirect_stdout(sys.stderr) if named else contextlib.nullcontext():
        made = make_world(world)
        made = made if terms is None else made.under(terms)
        entries = _entries(agents, made, seeds)
        budget = made.budget(budget)
        _ = made.meta  # before threads share it
    plan = Plan(made, budget, options, Store(runs) if runs is not None else None, trace)
    notes = [note for entry in entries for note in _find_done(entry, plan)]
    missing = [(entry, int(seed)) for seed in seeds for entry in entries if seed in entry.missing]
    count = max(1, min(jobs if jobs is not None else cores(), len(missing)))
    own = named and any(map(source_of, (world, *agents)))
    # Code of the user's own runs in a worker even if there is one run alone: it may take its process with it.
    apart, shared = named and (workers is not None or count > 1 or own), named and not own
    _collect(do_all(plan, missing, count, workers, apart, shared), missing, plan.store, progress)
    return _result(plan, entries, seeds, notes)


def _result(plan: Plan, entries: list[Entry], seeds: Sequence[int], notes: list[str]) -> Result:
    results = [
        AgentResult(entry.name, entry.settings, [entry.runs[int(seed)] for seed in seeds], entry.trained)
        for entry in entries
    ]
    meta, told = plan.world.meta, {"steps": plan.budget.steps, "episodes": plan.budget.episodes}
    oracle = plan.world.oracle() if meta.priced else None
    steps = max((int(agent.decisions) for agent in results), default=0)
    schedule = plan.world.schedule
    drift = Drifting(
        str(schedule),
        str(plan.world.terms.feedback),
        schedule.changes(steps),
        _best(schedule, meta, steps),
        [str(one) for one in schedule.drifts if one.at >= steps > 0],
        [str(one) for one in schedule.drifts if one.at < steps < one.at + one.width],
    )
    return Result(plan.world.name, meta, told, results, oracle, notes, plan.options.window, drift)


def _best(schedule: Schedule, meta: Meta, steps: int) -> list[tuple[int, float]]:
    """Return from which step on which E[V*] holds; nothing where it is unknown, never changes, or as chance has it."""
    by_chance = any(drift.kind == "random-walk" for drift in schedule.drifts)
    if not meta.priced or by_chance or not schedule.changes(steps):
        return []
    grid = np.unique(np.linspace(0, steps - 1, 2000).astype(np.int64))
    grid = np.union1d(grid, [at for change in schedule.changes(steps) for at in change if at < steps])
    concept = np.array([int(schedule.concepts(0, int(at), 1)[0]) for at in grid])
    new = np.append(True, concept[1:] != concept[:-1])
    # A stream may go through phases by itself: its levels are those of every law in each phase.
    level = np.array(meta.expected_start).reshape(-1, schedule.n_concepts).mean(axis=0)
    return [(int(at), float(level[c])) for at, c in zip(grid[new], concept[new], strict=True)]


def _check_request(
    agents: Sequence[Any], seeds: Sequence[int], budget: Budget, options: Options, traces_kept: bool
) -> None:
    if not agents:
        raise SandboxError("a study needs at least one agent")
    _check_sizes(seeds, budget)
    names = [agent for agent in agents if isinstance(agent, str)]
    meant = [canonical(name) for name in names]
    twice = next((name for k, name in enumerate(names) if meant[k] in meant[:k]), None)
    if twice is not None:
        raise SandboxError(f"the agent {twice!r} is given twice")
    if not isinstance(options.window, int) or not 1 <= options.window <= _WIDEST:
        raise SandboxError(f"window={options.window} is out of range: a window holds 1 to {_WIDEST:,} decisions")
    if not 0.0 < options.fading <= 1.0:
        raise SandboxError(f"fading={options.fading} is out of range (0, 1]")
    if not traces_kept:
        raise SandboxError("traces are kept in a folder of runs, and there is none")


def _check_sizes(seeds: Sequence[int], budget: Budget) -> None:
    try:
        count = len(seeds)
    except OverflowError:  # of a range
        count = sys.maxsize
    if not count:
        raise SandboxError("a study needs at least one seed")
    if count > _MOST_SEEDS:
        raise SandboxError(f"too many seeds: a study has at most {_MOST_SEEDS:,}")
    for seed in seeds:
        if not isinstance(seed, int | np.integer) or seed < 0:
            raise SandboxError(f"the seed {seed!r} is not a whole number from 0")
        if seed >= 2**63:
            raise SandboxError("a seed is out of range: seeds are below 2**63")
    if len(set(seeds)) < count:
        raise SandboxError("a seed is given twice: the same run would count as two")
    for name, value in (("steps", budget.steps), ("episodes", budget.episodes)):
        if value is not None and value >= _LONGEST:
            raise SandboxError(f"{name} is out of range: a run has less than 2**62")


def _entries(agents: Sequence[Any], world: World, seeds: Sequence[int]) -> list[Entry]:
    """Make every agent once, and refuse what does not fit the world, before anything runs."""
    entries: list[Entry] = []
    try:
        observations, choices = world.observation_space, world.choice_space
    except SandboxError:
        raise
    except Exception as error:
        raise SandboxError(f"{world.name} says nothing of its spaces: {one_line(error)}") from error
    for agent in agents:
        trial = make_agent(agent, world)
        try:
            trial.begin(observations, choices, np.random.default_rng(0))
        except SandboxError:
            raise
        except Exception:  # a fault, not a refusal: its runs will fail, those of the other agents need not
            pass
        name = agent if isinstance(agent, str) else _free_name(trial, agent, entries)
        settings = settings_of(make_agent(agent, world))
        missing = {int(seed) for seed in seeds}
        entries.append(Entry(name, partial(make_agent, agent, world), settings, missing, _why_plain(world, trial)))
    return entries


def _why_plain(world: World, trial: Agent) -> str:
    try:
        return world.why_plain(trial)
    except Exception as error:  # its runs will say more
        return one_line(error)


def _free_name(trial: Agent, agent: Any, entries: list[Entry]) -> str:
    model = getattr(trial, "model", None)
    base = getattr(agent, "__name__", None) or type(agent if model is None else model).__name__
    taken = {entry.name for entry in entries}
    return next(name for k in range(1, len(taken) + 2) if (name := base if k == 1 else f"{base} {k}") not in taken)


def _find_done(entry: Entry, plan: Plan) -> list[str]:
    """Name the entry's file and take the runs that it holds; missing are those that failed, or have no trace.

    Return what to tell the reader of that.
    """
    store = plan.store
    if store is None:
        return []
    about = decides(plan.world, entry.name, entry.settings, plan.budget, plan.options)
    entry.key = key_of(
        about | {"world": canonical(plan.world.name), "agent": canonical(entry.name)}, plan.world.name, entry.name
    )
    entry.about = about | {"meta": plan.world.meta.as_dict()}
    try:
        found = store.read(entry.key)
    except SandboxError as error:
        return [f"{error}; its runs were done again"]
    entry.runs = {run.seed: run for run in found}
    done = {
        run.seed
        for run in found
        if run.scores is not None
        and (not plan.trace or store.has_trace(entry.key, run))
        and bool(run.why_plain) == bool(entry.why_plain)  # the same numbers, but not at the speed that is asked for
    }
    entry.missing -= done
    return []


def _collect(
    found: Generator[tuple[Entry, Run] | None],
    missing: Sequence[tuple[Entry, int]],
    store: Store | None,
    progress: Progress | None,
) -> None:
    """Take runs as they come, and write them within two seconds or so: fewer writes where runs are many and short."""
    unsaved: dict[str, Entry] = {}
    done = 0
    save_at = time.monotonic() + 1.0
    try:
        for told in found:
            if told is not None:
                entry, run = told
                entry.runs[run.seed] = run
                entry.missing.remove(run.seed)
                done += 1
                unsaved[entry.name] = entry
                if progress is not None:
                    progress(f"{entry.name}, seed {run.seed}", len(missing) - done)
            if store is not None and time.monotonic() > save_at:
                began = time.monotonic()
                _save(unsaved, store)
                save_at = time.monotonic() + max(1.0, 5 * (time.monotonic() - began))
    except KeyboardInterrupt:
        kept = f"kept in {store.folder}; the same command goes on from there" if store is not None else "not stored"
        raise StoppedError(f"stopped after {done} of {len(missing)} runs, {kept}") from None
    finally:
        found.close()  # ends the workers
        if store is not None:
            store.sweep()  # what workers that were ended left behind
            _save(unsaved, store)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other studies from writing in a folder, where its file system and the platform have locks."""
    with contextlib.ExitStack() as stack:
        if sys.platform != "win32":
            with contextlib.suppress(OSError):
                handle = stack.enter_context((folder / ".lock").open("a"))
                fcntl.flock(handle, fcntl.LOCK_EX)  # until it is closed
        yield


def _save(unsaved: dict[str, Entry], store: Store) -> None:
    for name in list(unsaved):
        entry = unsaved.pop(name)
        with _locked(store.folder):
            with contextlib.suppress(SandboxError):  # another study may have added to the file meanwhile
                for run in store.read(entry.key):
                    entry.runs.setdefault(run.seed, run)
            store.write(entry.key, entry.runs.values(), entry.about)
