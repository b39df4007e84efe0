"""Measure speed and memory as ratios in one run: `make bench`, or `python benchmarks/run.py [--quick] [NAME...]`.

Two things are timed in turn, several times; the ratio is the median over the pairs, so that a machine whose speed
drifts does not decide it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

import gymnasium as gym
import numpy as np
from river import evaluate, linear_model, metrics, optim, preprocessing

from sandbox.agents._tabular import epsilon_greedy
from sandbox.agents.adapters.river import RiverAgent
from sandbox.agents.q_learning import QLearning, q_learning_update
from sandbox.catalog import make_world
from sandbox.loop import agent_rng
from sandbox.runs import Options, run_once
from sandbox.world import Budget

FOLDER = Path(__file__).parent


class Row(NamedTuple):
    """A measured number, and the bound it should keep."""

    name: str
    found: float
    bound: str
    kept: bool
    detail: str


def paired(a: Callable[[], None], b: Callable[[], None], pairs: int) -> tuple[float, float, float]:
    """Return the median of time(a) / time(b) over pairs, and the median seconds of each."""
    a(), b()  # warm
    times = []
    for _ in range(pairs):
        lap = []
        for work in (a, b):
            began = time.perf_counter()
            work()
            lap.append(time.perf_counter() - began)
        times.append(lap)
    return median(x / y for x, y in times), median(x for x, _ in times), median(y for _, y in times)


def bare_loop(world: str, settings: dict[str, object], steps: int) -> None:
    """The loop anybody would write: Gymnasium, a table, the same rule, nothing kept."""
    env = gym.make(world, **settings)
    rng = agent_rng(0)
    q = np.zeros((int(env.observation_space.n), int(env.action_space.n)))
    state, _ = env.reset(seed=0)
    for _ in range(steps):
        choice, _ = epsilon_greedy(q, state, 0.1, rng)
        following, reward, terminated, truncated, _ = env.step(choice)
        q_learning_update(q, state, choice, reward, following, terminated, 0.1, 0.99)
        state = following
        if terminated or truncated:
            state, _ = env.reset()


def episode_loop(quick: bool) -> list[Row]:
    """The open loop, with trace, prices and evaluation, against the bare loop with the same rule."""
    rows = []
    steps, pairs = (10_000, 3) if quick else (100_000, 9)
    for name, settings in (("FrozenLake-v1", {"map_name": "8x8"}), ("CliffWalking-v1", {}), ("Taxi-v4", {})):
        text = ",".join(f"{k}={v}" for k, v in settings.items())
        world = make_world(f"{name}:{text}" if text else name)
        _ = world.meta  # the oracle is solved once a study, not once a run

        def ours(world=world) -> None:
            assert run_once(world, QLearning(), 0, Budget(steps), Options()).scores is not None

        ratio, bare, own = paired(lambda: bare_loop(name, settings, steps), ours, pairs)  # noqa: B023
        detail = f"{steps / own / 1000:.0f} k against {steps / bare / 1000:.0f} k decisions/s"
        rows.append(Row(f"open episode loop / bare Gymnasium loop, {name}", ratio, ">= 0.75", ratio >= 0.75, detail))
    return rows


def _model():
    return preprocessing.StandardScaler() | linear_model.LogisticRegression(optimizer=optim.SGD(0.1))


def river_loop(quick: bool) -> list[Row]:
    """A River model through our loop against River's own evaluation, on the same questions."""
    from river import datasets

    rows = []
    # Bananas has two features: about the lightest work a model can have, where our share is largest. No bound there.
    takes = (("river:Phishing", datasets.Phishing(), 1.15), ("river:Bananas", datasets.Bananas(), None))
    for name, dataset, bound in takes:
        world = make_world(name)
        budget = world.budget(Budget())
        repeats = 2 if quick else 10

        def ours(world=world, budget=budget, repeats=repeats) -> None:
            for _ in range(repeats):
                assert run_once(world, RiverAgent(_model()), 0, budget, Options()).scores is not None

        def rivers(dataset=dataset, repeats=repeats) -> None:
            for _ in range(repeats):
                evaluate.progressive_val_score(dataset, _model(), metrics.Accuracy())

        ratio, own, bare = paired(ours, rivers, 3 if quick else 9)
        events = (budget.steps or 0) * repeats
        detail = f"{events / own / 1000:.0f} k against {events / bare / 1000:.0f} k questions/s"
        text = f"River model through our loop / progressive_val_score, {name}"
        kept = bound is None or ratio <= bound
        rows.append(Row(text, ratio, "none" if bound is None else f"<= {bound}", kept, detail))
    return rows


def _peak(steps: int) -> float:
    """Peak memory, in MiB, of a process that makes `steps` decisions."""
    done = subprocess.run(
        [sys.executable, str(FOLDER / "memory.py"), str(steps)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def memory(quick: bool) -> list[Row]:
    """A run ten times as long needs no more memory."""
    short, long = (50_000, 500_000) if quick else (500_000, 5_000_000)
    small, large = _peak(short), _peak(long)
    detail = f"{large:.0f} MiB for {long:,} decisions, {small:.0f} MiB for {short:,}"
    return [Row("memory of a run ten times as long", large / small, "<= 1.10", large / small <= 1.1, detail)]


def command_line(quick: bool) -> list[Row]:
    """The commands that people wait for."""
    rows = []
    for arguments, bound in ((["--help"], 0.3), (["list"], 1.0)):
        laps = []
        for _ in range(3 if quick else 9):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-m", "sandbox", *arguments], capture_output=True, check=True)
            laps.append(time.perf_counter() - began)
        found = median(laps)
        rows.append(Row(f"seconds of 'sandbox {arguments[0]}'", found, f"<= {bound}", found <= bound, ""))
    return rows


BENCHMARKS = {"episodes": episode_loop, "river": river_loop, "memory": memory, "commands": command_line}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)} [all]")
    parser.add_argument("--quick", action="store_true", help="small versions, to see that they run")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; there is {', '.join(BENCHMARKS)}")
    missed = 0
    for name in asked.names or BENCHMARKS:
        for row in BENCHMARKS[name](asked.quick):
            missed += not row.kept
            mark = "ok  " if row.kept else "MISS"
            print(f"{mark} {row.name}: {row.found:.3g} (bound {row.bound})  {row.detail}", flush=True)
    sys.exit(1 if missed and not asked.quick else 0)


if __name__ == "__main__":
    main()
