"""A study: every agent, in one world, for every seed. It only decides which runs are missing, and has them done."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sandbox.agent_result import AgentResult
from sandbox.catalog import make_agent, make_world
from sandbox.collect import Progress as Progress
from sandbox.collect import StoppedError as StoppedError
from sandbox.collect import collect
from sandbox.dispatch import Entry, Plan, check_timeout, do_all
from sandbox.drifting import drifting_of
from sandbox.errors import SandboxError, one_line
from sandbox.identity import canonical, decides, versions
from sandbox.interfaces import Agent
from sandbox.records import Record, check_tag, keep
from sandbox.result import Result
from sandbox.runs import Options
from sandbox.store import Store, key_of
from sandbox.user_files import source_of
from sandbox.workers import Workers, cores
from sandbox.world import Budget, Terms, World
from sandbox.wrapping import settings_told

_WIDEST = 1_000_000  # decisions in a window; it is held in memory
_MOST_SEEDS = 1_000_000
_LONGEST = 2**62  # steps and episodes that are counted in 64 bits


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
    timeout: float | None = None,
    progress: Progress | None = None,
    workers: Workers | None = None,
    tag: str = "",
    command: str = "",
    recorded: Sequence[int] | None = None,
) -> Result:
    """Run every agent in `world`, on some terms, for every seed and return the result.

    Compiled runs share this process's cores; of the others names run in worker processes, objects in this one. With
    `runs` finished runs are kept in that folder and found again. Raise `SandboxError` before anything runs if the
    request makes no sense; failed runs are in the result, among them those that took longer than `timeout` seconds.
    `recorded`: the seeds of the whole study, where these are but its last group.
    """
    options = options or Options()
    _check_request(agents, seeds, budget, options, runs is not None or not trace)
    check_timeout(timeout)
    named = all(isinstance(thing, str) for thing in (world, *agents))
    # What users' code prints while it is looked at goes where workers let it go, not into a document on stdout.
    with contextlib.redirect_stdout(sys.stderr) if named else contextlib.nullcontext():
        made = make_world(world)
        made = made if terms is None else made.under(terms)
        entries = _entries(agents, made, seeds)
        budget = made.budget(budget)
        oracle = made.oracle() if made.meta.priced else None  # before threads share them
    plan = Plan(made, budget, options, Store(runs) if runs is not None else None, trace, timeout)
    notes = [note for entry in entries for note in _find_done(entry, plan, oracle)]
    notes += _record(plan, entries, seeds if recorded is None else recorded, check_tag(tag), command)
    missing = [(entry, int(seed)) for seed in seeds for entry in entries if seed in entry.missing]
    count = max(1, min(jobs if jobs is not None else cores(), len(missing)))
    own = named and any(map(source_of, (world, *agents)))
    # Code of the user's own runs in a worker even if there is one run alone: it may take its process with it.
    # So does what may hang: only a process can be ended.
    many = workers is not None or count > 1
    apart, shared = named and (many or own or timeout is not None), named and not own
    lost = collect(do_all(plan, missing, count, workers, apart, shared), missing, plan.store, progress)
    found = len(seeds) * len(entries) - len(missing)
    return replace(
        _result(plan, entries, seeds, oracle), notes=notes, commands=[command] * bool(command), found=found, lost=lost
    )


def _record(plan: Plan, entries: list[Entry], seeds: Sequence[int], tag: str, command: str) -> list[str]:
    """Record what was asked beside its runs; return what to tell the reader if that fails."""
    if plan.store is None:
        return []
    files = tuple(entry.key for entry in entries)
    try:
        keep(plan.store.folder, Record(plan.world.name, files, tuple(int(seed) for seed in seeds), tag, command))
    except SandboxError as error:
        return [str(error)]
    return []


def _result(plan: Plan, entries: list[Entry], seeds: Sequence[int], oracle: dict[str, Any] | None) -> Result:
    results = [
        AgentResult(entry.name, entry.settings, [entry.runs[int(seed)] for seed in seeds], entry.trained)
        for entry in entries
    ]
    meta, told = plan.world.meta, {"steps": plan.budget.steps, "episodes": plan.budget.episodes}
    steps = max((int(agent.decisions) for agent in results), default=0)
    drift = drifting_of(plan.world.schedule, str(plan.world.terms.feedback), meta, steps)
    return Result(
        plan.world.name,
        meta,
        told,
        results,
        oracle,
        window=plan.options.window,
        drifting=drift,
        versions=versions(),
    )


def _check_request(
    agents: Sequence[Any], seeds: Sequence[int], budget: Budget, options: Options, traces_kept: bool
) -> None:
    if not agents:
        raise SandboxError("a study needs at least one agent")
    _check_sizes(seeds, budget)
    names = [agent for agent in agents if isinstance(agent, str)]
    meant: set[str] = set()
    for name in names:
        one = repr(canonical(name))
        if one in meant:
            raise SandboxError(f"the agent {name!r} is given twice")
        meant.add(one)
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
        settings = settings_told(make_agent(agent, world))
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


def _find_done(entry: Entry, plan: Plan, oracle: dict[str, Any] | None) -> list[str]:
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
    schedule = [str(one) for one in plan.world.schedule.drifts]
    entry.about = about | {"meta": plan.world.meta.as_dict(), "schedule": schedule, "oracle": oracle}
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
