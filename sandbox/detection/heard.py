"""What a detector hears of a run: errors, right answers or rewards, one by one, when the answers come."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from gymnasium import spaces

from sandbox import stopping
from sandbox.catalog import make_agent
from sandbox.errors import SandboxError
from sandbox.feedback import told_label
from sandbox.interfaces import Labels, Number
from sandbox.table import FloatArray, IntArray
from sandbox.trace import Trace
from sandbox.world import Budget, World

WATCHED = ("error", "truth", "reward")


class Heard(NamedTuple):
    """What is told in one run, in the order in which it is heard."""

    values: FloatArray  # (n,) 1 for an error and 0 for none; or the size of a forecast's error; or what is watched
    at: IntArray  # (n,) the lifetime step at whose end it is heard
    steps: int  # decisions of the run


def what_to_watch(world: World, wanted: str | None) -> str:
    """Return what detectors hear in a world: errors where it tells right answers, else rewards."""
    if wanted is not None and wanted not in WATCHED:
        raise SandboxError(f"--watch {wanted!r} is not known; one of {', '.join(WATCHED)}")
    answers = isinstance(world.choice_space, Labels | Number)
    if wanted in ("error", "truth") and not answers:
        raise SandboxError(f"{world.name} tells no right answers, so no {wanted} can be heard; give --watch reward")
    return wanted or ("error" if answers else "reward")


def usual_agent(world: World, watch: str) -> str:
    """Return the name of an agent whose errors, or rewards, are worth hearing; of right answers, of any that fits."""
    for name in _usual(world, watch):
        try:
            agent = make_agent(name, world)
            agent.begin(world.observation_space, world.choice_space, np.random.default_rng(0))
        except SandboxError:
            continue
        return name
    raise SandboxError(f"{world.name}: say whose {watch}s are watched, by --agent")


def _usual(world: World, watch: str) -> tuple[str, ...]:
    """Return agents that are worth trying, the best first."""
    seen, space = world.observation_space, world.choice_space
    parts = list(seen.spaces.values()) if isinstance(seen, spaces.Dict) else [seen]
    numbers = isinstance(seen, spaces.Dict) and all(isinstance(part, spaces.Box) for part in parts)
    if isinstance(space, Number):
        model = ("river:StandardScaler() | LinearRegression()",) if numbers and watch != "truth" else ()
        return (*model, "mean")
    if not isinstance(space, Labels):
        return "linucb", "ucb", "q-learning", "random"
    if watch == "truth":
        return ("random",)
    if any(isinstance(part, spaces.Text) for part in parts):
        return "naive-bayes", "majority"
    if not numbers:
        return ("majority",)
    return "river:StandardScaler() | LogisticRegression()", "river:GaussianNB()", "majority"


def hear(world: World, agent: str, seed: int, steps: int, watch: str) -> Heard:
    """Run an agent once, and return what a detector beside it hears."""
    parts: list[tuple[IntArray, FloatArray, IntArray]] = []
    made = 0

    def take(trace: Trace) -> None:
        nonlocal made
        stopping.check()
        parts.append((trace.step, _watched(world, trace, seed, watch), trace.answered_at))
        made += len(trace)

    world.run(make_agent(agent, world), seed, Budget(steps), take)
    if not parts:
        raise SandboxError(f"{world.name}, seed {seed}: the world ended before the first decision")
    step, values, at = (np.concatenate(column) for column in zip(*parts, strict=True))
    known = ~np.isnan(values)  # of a decision that was not made there may be nothing to hear
    if not known.any():
        raise SandboxError(
            f"{world.name}, seed {seed}: there is no {watch} to be heard; watch another thing by --watch"
        )
    heard = known & (at >= 0) & (at < made)  # an answer that comes after the end is not heard
    order = np.flatnonzero(heard)[np.lexsort((step[heard], at[heard]))]
    return Heard(values[order], at[order], made)


def _watched(world: World, trace: Trace, seed: int, watch: str) -> FloatArray:
    """Return what is watched of each decision (n,), as it is told: a wrong answer is heard as it is."""
    wrong, label = _misinformed(world, trace, seed)
    if watch == "reward":
        return np.where(wrong, -trace.reward, trace.reward)
    truth = np.where(wrong, label(trace.truth), trace.truth)
    if watch == "truth":
        return truth
    if isinstance(world.choice_space, Labels):
        return np.asarray(trace.choice != truth, dtype=np.float64)  # an abstention is an error
    return np.abs(trace.choice - truth)


def _misinformed(world: World, trace: Trace, seed: int) -> tuple[FloatArray | bool, Callable[[FloatArray], FloatArray]]:
    """Return which answers are wrong, and what they say instead of the truth."""
    feedback, space = world.terms.feedback, world.choice_space
    if not feedback.noisy:
        return False, lambda truth: truth
    answers = feedback.answers(seed, int(trace.step[0]), len(trace))
    if not isinstance(space, Labels):
        return np.asarray(answers.wrong), lambda truth: -truth
    n = int(space.n)

    def other(truth: FloatArray) -> FloatArray:
        told = zip(truth.tolist(), answers.shift.tolist(), strict=True)
        return np.array([told_label(int(label), True, shift, n) for label, shift in told], dtype=np.float64)

    return np.asarray(answers.wrong), other
