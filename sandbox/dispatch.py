"""Who does the runs of a study: threads where they are compiled, else worker processes, or this process itself."""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from sandbox import stopping
from sandbox.errors import SandboxError, one_line
from sandbox.interfaces import Agent
from sandbox.runs import Options, Run, unpack
from sandbox.store import Store
from sandbox.worker import do_run
from sandbox.workers import PATIENCE, Workers
from sandbox.world import Budget, World

_LONGEST = 1e8  # seconds, three years: what every clock can be set to


@dataclass
class Entry:
    """One agent of a study, with the runs that are there already."""

    name: str
    make: Callable[[], Agent]
    settings: dict[str, Any]
    missing: set[int]  # the seeds that are to be run
    why_plain: str = ""  # why it is run in the open loop, "" if it is compiled
    key: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)  # every run that its file is to hold, also of other seeds
    trained: dict[int, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What the runs of a study share."""

    world: World
    budget: Budget
    options: Options
    store: Store | None
    trace: bool
    timeout: float | None = None  # seconds that a run may take

    def trace_to(self, entry: Entry, seed: int) -> str | None:
        """Return the file for a run's decisions, None if they are not kept."""
        return str(self.store.trace_path(entry.key, seed)) if self.trace and self.store is not None else None


def check_timeout(timeout: float | None) -> None:
    """Refuse, in one line, a limit in seconds that no run could keep or no clock could."""
    if timeout is None:
        return
    if isinstance(timeout, bool) or not isinstance(timeout, int | float | np.number) or not 0 < timeout <= _LONGEST:
        raise SandboxError(f"timeout={timeout!r} is out of range: give the seconds that a run may take, above 0")


def do_all(
    plan: Plan,
    missing: Sequence[tuple[Entry, int]],
    count: int,
    workers: Workers | None,
    apart: bool,
    shared: bool,
) -> Generator[tuple[Entry, Run] | None]:
    """Do the compiled runs on all cores of this process, if they may be `shared`, then the others.

    `apart`: the others go to worker processes.
    """
    fast = [pair for pair in missing if shared and not pair[0].why_plain]
    slow = [pair for pair in missing if not shared or pair[0].why_plain]
    if fast:
        yield from _in_threads(plan, fast, count)
    if slow:
        yield from _in_workers(plan, slow, min(count, len(slow)), workers) if apart else _here(plan, slow)


def _do(plan: Plan, entry: Entry, seed: int, stopped: Callable[[], bool] = lambda: False) -> tuple[Agent | None, Run]:
    """Make an agent and run it; return both. One that cannot be made has a failed run."""
    try:
        agent = entry.make()
    except (Exception, SystemExit) as error:
        text = f"{plan.world.name}, seed {seed}, the agent cannot be made: {one_line(error)}"
        return None, Run(seed, None, text, traceback.format_exc())
    to = plan.trace_to(entry, seed)
    return agent, do_run(plan.world, agent, seed, plan.budget, plan.options, to, stopped, plan.timeout)


def _in_threads(plan: Plan, missing: Sequence[tuple[Entry, int]], count: int) -> Generator[tuple[Entry, Run] | None]:
    """Do compiled runs in threads: their loops leave the interpreter to each other."""
    waiting, done, stopped = iter(missing), queue.SimpleQueue[tuple[Entry, Run]](), threading.Event()
    turn = threading.Lock()

    def serve() -> None:
        while not stopped.is_set():
            with turn:
                found = next(waiting, None)
            if found is None:
                return
            entry, seed = found
            done.put((entry, _do(plan, entry, seed, stopped.is_set)[1]))

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(min(count, len(missing)))]
    for thread in threads:
        thread.start()
    try:
        left = len(missing)
        while left:
            try:
                yield done.get(timeout=PATIENCE)
                left -= 1
            except queue.Empty:
                yield None
    finally:  # also when nobody wants the rest
        stopped.set()
        for thread in threads:  # where the process is about to end, one that compiles is not waited for
            thread.join(0.5 / len(threads) if stopping.asked() else None)


def _here(plan: Plan, missing: Sequence[tuple[Entry, int]]) -> Generator[tuple[Entry, Run] | None]:
    """Do the runs one after the other in this process."""
    for entry, seed in missing:
        with stopping.raising():
            agent, run = _do(plan, entry, seed, stopping.asked)
        if agent is not None:
            entry.trained[seed] = agent
        yield entry, run


def _in_workers(
    plan: Plan, missing: Sequence[tuple[Entry, int]], count: int, workers: Workers | None
) -> Generator[tuple[Entry, Run] | None]:
    """Do the runs in worker processes; one that dies has its run tried once more, then failed."""
    entries = {entry.name: entry for entry, _ in missing}
    terms = plan.world.terms
    shared = asdict(plan.budget) | asdict(plan.options) | {"world": plan.world.name, "plain": terms.plain}
    shared["timeout"] = None if plan.timeout is None else float(plan.timeout)
    shared |= {"drift": [str(one) for one in terms.drift.drifts], "feedback": str(terms.feedback)}
    asked = [
        shared | {"agent": entry.name, "seed": seed, "trace_to": plan.trace_to(entry, seed)} for entry, seed in missing
    ]
    pool = workers if workers is not None else Workers(count)
    try:
        for told in pool.map(asked):
            if told is None:
                yield None
                continue
            job, answer = told
            if isinstance(answer, str):
                run = Run(job["seed"], None, f"{plan.world.name}, seed {job['seed']}, {answer}, twice")
            else:
                run = unpack(answer)
            yield entries[job["agent"]], run
    finally:
        if workers is None:
            pool.close()
