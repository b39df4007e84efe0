"""One run: a world, an agent and a seed, judged as it goes."""

from __future__ import annotations

import base64
import copy
import math
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.curves import Curve
from sandbox.deadline import Deadline, Halt
from sandbox.errors import RunError, SandboxError, one_line
from sandbox.evaluator import Evaluator, Scores
from sandbox.harm import Harm, slight
from sandbox.interfaces import Agent
from sandbox.parts import cells_from, parts_of, tables_from
from sandbox.recovery import NOT_COMPLETE, GapLog, Recovery, recover, segments_of, undecided
from sandbox.shortfall import with_shortfall
from sandbox.stretches import Start, with_forward_transfer
from sandbox.trace import Sink, Trace

if TYPE_CHECKING:
    from sandbox.world import Budget, World


@dataclass(frozen=True)
class Run:
    """What is kept of a run: its scores, or why it failed (`error`, one line) and where (`traceback`).

    `why_plain`: why it was run in the open loop, "" if it was compiled. `recoveries`: how it came through each change.
    `lost`: what of it could not be kept in a file, one line.
    """

    seed: int
    scores: Scores | None
    error: str = ""
    traceback: str = ""
    seconds: float = math.nan
    why_plain: str = ""
    recoveries: tuple[Recovery, ...] = ()
    lost: str = ""


@dataclass(frozen=True)
class Options:
    """How runs are judged: decisions in a window, and the factor by which the fading mean forgets."""

    window: int = 1000
    fading: float = 0.999


class _Sink:
    """Takes a run's trace, chunk by chunk: judges it, keeps it, and asks whether to go on."""

    def __init__(self, judge: Evaluator, log: GapLog | None, keep: Sink | None, stopped: Callable[[], bool]) -> None:
        self.judge, self.log, self.keep, self.stopped = judge, log, keep, stopped
        self.harm = Harm(judge.meta)
        self.deadline = Deadline(None)
        self.made = 0

    def go_on(self) -> None:
        """Raise `Halt` if nobody wants the run any more, or its time is over."""
        if self.stopped():
            raise Halt("nobody wants the run any more")
        self.deadline.check(self.made)

    def __call__(self, trace: Trace) -> None:
        self.go_on()
        self.judge.update(trace)
        self.made += len(trace)
        if self.log is not None:
            self.log.add(*self.harm.of(trace))
        if self.keep is not None:
            self.keep(trace)


def run_once(
    world: World,
    agent: Agent,
    seed: int,
    budget: Budget,
    options: Options,
    keep: Sink | None = None,
    stopped: Callable[[], bool] = lambda: False,
    timeout: float | None = None,
) -> Run:
    """Run once and judge; `keep` is handed the trace too. A failure is returned, not raised.

    In a world that changes it runs the twins too: a copy of the agent in the world as it is after each change.
    `stopped` is asked now and then whether nobody wants the run any more; it then fails, as after `timeout` seconds.
    """
    twin, log = (_copy(agent), GapLog(world.decisions(budget))) if _recovers(world) else ("", None)
    judge = Evaluator(world.meta, world.decisions(budget), options.window, options.fading)
    sink = _Sink(judge, log, keep, stopped)
    try:
        with Deadline(timeout) as sink.deadline:
            began = time.perf_counter()
            why = world.run(agent, seed, budget, sink)
            scores = judge.finish()
            if not scores.decisions:
                raise RunError("the world ended before the first decision")
            seconds = time.perf_counter() - began
            scores = with_shortfall(world, scores, judge.total("reward"), seed, budget, sink.go_on)
            found: tuple[Recovery, ...] = ()
            if log is not None:
                found, starts = _recoveries(world, twin, seed, budget, options, log, sink)
                scores = with_forward_transfer(scores, starts, options.window)
    except (Exception, SystemExit, Halt) as error:  # users' code may want to leave; the study stays
        return _failed(world, seed, error, sink.made)
    return Run(seed, scores, seconds=seconds, why_plain=why, recoveries=found)


def _failed(world: World, seed: int, error: BaseException, made: int) -> Run:
    """Return a failed run, of which `made` decisions were judged."""
    known = isinstance(error, SandboxError | Halt)
    trail = "".join(traceback.format_exception(error.__cause__ if known and error.__cause__ is not None else error))
    # The open loops name the step; of a compiled one it is known how many decisions came out of it whole.
    where = "" if known else f"after {made} decisions: "
    what = str(error) if isinstance(error, Halt) else one_line(error)
    return Run(seed, None, f"{world.name}, seed {seed}, {where}{what}", trail)


def _recovers(world: World) -> bool:
    """Whether recovery is measured in a world: it has changes that are complete one day."""
    return any(drift.kind != "random-walk" for drift in world.schedule.drifts)


def _copy(agent: Agent) -> Agent | str:
    """Return a fresh agent for the twins, or why there is none: a copy, since who made it may hand out one only."""
    try:
        return copy.deepcopy(agent)
    except Exception as error:
        return f"its twin failed: the agent cannot be copied: {one_line(error)}"


def _recoveries(
    world: World,
    agent: Agent | str,
    seed: int,
    budget: Budget,
    options: Options,
    log: GapLog,
    sink: _Sink,
) -> tuple[tuple[Recovery, ...], dict[int, Start]]:
    """Return how a run came through each change that it saw, against its twins; of those in its last episode, too.

    And how each twin started, by the concept in which it lived.
    """
    walks = any(drift.kind == "random-walk" for drift in world.schedule.drifts)  # whose twin would stand still
    twins: dict[int, tuple[GapLog, Start] | str] = {}
    found = []
    for segment in segments_of(world.schedule.changes(sink.made), sink.made):
        if segment.complete >= segment.end or walks:
            found.append(undecided(segment, "a random walk goes on" if walks else NOT_COMPLETE))
            continue
        concept = int(world.schedule.concepts(seed, segment.complete, 1)[0])
        if concept not in twins:
            twins[concept] = _twin_log(world, concept, agent, seed, budget, options, sink.go_on)
        twin = twins[concept]
        if isinstance(twin, str):
            found.append(undecided(segment, twin))
        else:
            one = recover(log, twin[0], segment, options.window, slight(world.meta, twin[0]))
            found.append(one if world.meta.priced else one._replace(cost=math.nan))
    return tuple(found), {concept: twin[1] for concept, twin in twins.items() if not isinstance(twin, str)}


def _twin_log(
    world: World,
    concept: int,
    agent: Agent | str,
    seed: int,
    budget: Budget,
    options: Options,
    go_on: Callable[[], None],
) -> tuple[GapLog, Start] | str:
    """Return the gaps of the twin that always lived in `concept`, and its start, or how it failed."""
    if isinstance(agent, str):
        return agent
    log, harm, start = GapLog(world.decisions(budget)), Harm(world.meta), Start(world.meta, options.window)

    def sink(trace: Trace) -> None:
        go_on()
        log.add(*harm.of(trace))
        start.update(trace)

    try:
        world.twin(concept).run(agent, seed, budget, sink)
    except (Exception, SystemExit) as error:
        return f"its twin failed: {one_line(error)}"
    return log, start


def pack(run: Run) -> dict[str, Any]:
    """Return a run as plain JSON values, for the way from a worker."""
    packed: dict[str, Any] = {"seed": run.seed, "error": run.error, "traceback": run.traceback, "seconds": run.seconds}
    packed |= {"why_plain": run.why_plain, "recoveries": run.recoveries, "lost": run.lost}
    if run.scores is not None:
        curves = {name: _text(curve) for name, curve in run.scores.curves.items()}
        parts = [(kind, name, _text(part)) for kind, name, part in parts_of(run.scores)]
        packed["scores"] = [run.scores.metrics, curves, run.scores.decisions, run.scores.fingerprint, parts]
    return packed


def _text(curve: Curve) -> str:
    return base64.b64encode(np.stack([column.astype(np.float64) for column in curve]).tobytes()).decode()


def _curve(text: str) -> Curve:
    step, *rest = np.frombuffer(base64.b64decode(text)).reshape(len(Curve._fields), -1)
    return Curve(step.astype(np.int64), *rest)


def unpack(packed: dict[str, Any]) -> Run:
    """Return the run that was packed."""
    scores = None
    if "scores" in packed:
        metrics, curves, decisions, fingerprint, kept = packed["scores"]
        lines = {name: _curve(text) for name, text in curves.items()}
        parts: dict[str, dict[str, Curve]] = {}
        for kind, name, text in kept:
            parts.setdefault(kind, {})[name] = _curve(text)
        scores = Scores(metrics, lines, decisions, fingerprint, cells_from(parts), tables_from(parts))
    recoveries = tuple(Recovery(*row) for row in packed["recoveries"])
    told = (packed["error"], packed["traceback"], packed["seconds"], packed["why_plain"])
    return Run(packed["seed"], scores, *told, recoveries, packed["lost"])
