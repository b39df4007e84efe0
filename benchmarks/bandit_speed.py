"""Bandits on one core: world, agent, trace, prices and evaluation, in decisions a second."""

from __future__ import annotations

import time
from statistics import median

import numpy as np
from measure import Row, at_least, paired, runs_of

from sandbox.catalog import make_world

BOUND = 5_000_000
AGENTS = ("epsilon-greedy", "ucb", "thompson")
TOLD = ("gradient-bandit", "exp3", "kl-ucb", "thompson-beta", "sliding-window-ucb", "discounted-ucb")
WORLDS = ("walking-arms", "changing-arms", "rotting-arms")


def _plain(steps: int) -> None:
    """Epsilon-greedy on the testbed as anybody writes it; it keeps no score but the sum of rewards."""
    rng = np.random.default_rng(0)
    means, values, tries, total = rng.normal(size=10), np.zeros(10), np.zeros(10), 0.0
    for _ in range(steps):
        arm = int(rng.integers(10)) if rng.random() < 0.1 else int(values.argmax())
        reward = means[arm] + rng.normal()
        tries[arm] += 1
        values[arm] += (reward - values[arm]) / tries[arm]
        total += reward


def _speed(world: str, agent: str, steps: int, laps: int) -> float:
    """Return decisions per second of the processor, the median of some laps."""
    work = runs_of(make_world(world), agent, steps, 1)
    work()  # warm
    times = []
    for _ in range(laps):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return steps / median(times)


def bandits(quick: bool) -> list[Row]:
    """Compiled bandits on the ten-armed testbed against the bound; others of ours, and other worlds, are told."""
    steps, laps = (50_000, 3) if quick else (1_000_000, 7)
    rows = []
    for agent in AGENTS:
        speed = _speed("ten-armed", agent, steps, laps)
        rows.append(at_least(f"decisions/s of compiled {agent}, ten-armed", speed, BOUND, f"{1e9 / speed:.0f} ns each"))
    few = steps // 50
    ratio, bare, own = paired(lambda: _plain(few), runs_of(make_world("ten-armed"), "epsilon-greedy", few, 10), laps)
    told = f"{few * 10 / own / 1e6:.3g} M against {few / bare / 1e6:.3g} M decisions/s"
    rows.append(at_least("compiled epsilon-greedy / a plain NumPy loop without scores", ratio * 10, None, told))
    pairs = [("ten-armed", agent) for agent in TOLD] + [(world, "epsilon-greedy") for world in WORLDS]
    for world, agent in [*pairs, ("linear-bandit", "linucb")]:
        speed = _speed(world, agent, steps // 5, 3)
        rows.append(at_least(f"decisions/s of compiled {agent}, {world}", speed, None, f"{1e9 / speed:.0f} ns each"))
    return rows
