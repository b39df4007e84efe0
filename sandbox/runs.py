"""One run: a world, an agent and a seed, judged as it goes."""

from __future__ import annotations

import base64
import math
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.curves import Curve
from sandbox.errors import RunError, SandboxError, one_line
from sandbox.evaluator import Evaluator, Scores
from sandbox.interfaces import Agent
from sandbox.trace import Sink, Trace

if TYPE_CHECKING:
    from sandbox.world import Budget, World


@dataclass(frozen=True)
class Run:
    """What is kept of a run: its scores, or why it failed (`error`, one line) and where (`traceback`)."""

    seed: int
    scores: Scores | None
    error: str = ""
    traceback: str = ""
    seconds: float = math.nan


@dataclass(frozen=True)
class Options:
    """How runs are judged: decisions in a window, and the factor by which the fading mean forgets."""

    window: int = 1000
    fading: float = 0.999


def run_once(world: World, agent: Agent, seed: int, budget: Budget, options: Options, keep: Sink | None = None) -> Run:
    """Run once and judge; `keep` is handed the trace too. A failure is returned, not raised."""
    judge = Evaluator(world.meta, world.decisions(budget), options.window, options.fading)

    def sink(trace: Trace) -> None:
        judge.update(trace)
        if keep is not None:
            keep(trace)

    began = time.perf_counter()
    try:
        world.run(agent, seed, budget, sink)
        scores = judge.finish()
        if not scores.decisions:
            raise RunError("the world ended before the first decision")
    except (Exception, SystemExit) as error:  # users' code may want to leave; the study stays
        cause = error.__cause__ if isinstance(error, SandboxError) and error.__cause__ is not None else error
        trail = "".join(traceback.format_exception(cause))
        return Run(seed, None, f"{world.name}, seed {seed}, {one_line(error)}", trail)
    return Run(seed, scores, seconds=time.perf_counter() - began)


def pack(run: Run) -> dict[str, Any]:
    """Return a run as plain JSON values, for the way from a worker."""
    packed: dict[str, Any] = {"seed": run.seed, "error": run.error, "traceback": run.traceback, "seconds": run.seconds}
    if run.scores is not None:
        curves = {
            name: base64.b64encode(np.stack([part.astype(np.float64) for part in curve]).tobytes()).decode()
            for name, curve in run.scores.curves.items()
        }
        packed["scores"] = [run.scores.metrics, curves, run.scores.decisions, run.scores.fingerprint]
    return packed


def unpack(packed: dict[str, Any]) -> Run:
    """Return the run that was packed."""
    scores = None
    if "scores" in packed:
        metrics, curves, decisions, fingerprint = packed["scores"]
        made = {}
        for name, text in curves.items():
            parts = np.frombuffer(base64.b64decode(text)).reshape(5, -1)
            made[name] = Curve(parts[0].astype(np.int64), *parts[1:])
        scores = Scores(metrics, made, decisions, fingerprint)
    return Run(packed["seed"], scores, packed["error"], packed["traceback"], packed["seconds"])
