"""Tired users: who errs for a purpose earns more.

Users of a small catalogue tire of a category with every item of it that they are shown, and recover when they are
spared it. The oracle shows what is worth most at once, and is never charged a gap; the planner (`best-planned`) spares
what will be wanted later, and is charged for it at almost every step. Gaps are myopic here: go by the reward, and by
the shortfall, which is negative for whoever earns more than the oracle. What both earn is known exactly, by dynamic
programming over the levels of satiety of each user.
"""

from __future__ import annotations

import numpy as np

from sandbox.errors import SandboxError
from sandbox.gallery._found import Curve, Estimate, Found, Panel, Row, estimate
from sandbox.gallery._streams import gaps, law_of, runs_of
from sandbox.streams.recommendation import Recommendation
from sandbox.streams.recommendation_plan import Planner, earned_by, greedy
from sandbox.table import FloatArray, IntArray

SOURCE = "dynamic programming over levels of satiety, for the visits that were paid"
WORLD, STEPS, EVERY = "recommendation:users=10,items=8,item_life=0,satiation=0.5", 3_000, 50
AGENTS = ("oracle", "best-planned")


def measure(quick: bool) -> Found:
    """Let both recommend, over some seeds; the shortfall is paired by seed."""
    seeds = range(5 if quick else 50)
    world = law_of(WORLD)
    if not isinstance(world, Recommendation):
        raise SandboxError(f"{WORLD} is no recommendation")
    planner, visits = Planner(world), np.stack([_visits(world, seed) for seed in seeds])
    rows, curves, rewards, exact, paid = list[Row](), list[Curve](), list[FloatArray](), list[FloatArray](), []
    for agent in AGENTS:
        action = greedy(planner.plan.reward) if agent == "oracle" else planner.plan.action
        worth = earned_by(planner.plan.reward, float(world.recovery), action, int(visits.max()))
        traces = runs_of(WORLD, agent, seeds, STEPS)
        rewards.append(np.stack([trace.reward for trace in traces]))
        exact.append(worth[np.arange(world.users), visits].sum(axis=1))
        paid.append(gaps(traces).sum(axis=1).mean())
        rows.append(_row(f"{agent}: reward of {STEPS:,} decisions", rewards[-1].sum(axis=1), exact[-1]))
        sums = np.cumsum(rewards[-1], axis=1)[:, EVERY - 1 :: EVERY]
        at, error = np.arange(EVERY, STEPS + 1, EVERY), sums.std(axis=0, ddof=1) / np.sqrt(len(seeds))
        end = [(float(STEPS), rows[-1].expected.mean, rows[-1].tolerance(len(AGENTS) + 1))]
        curves.append(Curve(agent, list(map(float, at)), sums.mean(axis=0).tolist(), error.tolist(), end))
    shortfall = (rewards[0] - rewards[1]).sum(axis=1)
    rows.append(_row("best-planned: shortfall", shortfall, exact[0] - exact[1]))
    notes = [
        f"{len(seeds)} runs. Sum of gaps: " + ", ".join(f"{a} {g:,.0f}" for a, g in zip(AGENTS, paid, strict=True))
    ]
    return Found(rows, [Panel("what is earned where users tire", "decisions", "sum of rewards", curves)], notes)


def _row(what: str, found: FloatArray, exact: FloatArray) -> Row:
    """Return what was found beside what it should be for those visits; what differs is luck."""
    error = estimate(found - exact).error
    return Row(what, "sum of rewards", Estimate(float(exact.mean())), Estimate(float(found.mean()), error), SOURCE)


def _visits(world: Recommendation, seed: int) -> IntArray:
    """Return how often each user comes in a run (users,)."""
    return np.asarray(np.bincount(world.come(seed, 0, STEPS).user, minlength=world.users), dtype=np.int64)
