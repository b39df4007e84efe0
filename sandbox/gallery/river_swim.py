"""Exploration on RiverSwim: regret and mistakes rank agents differently, and so does what they earn.

Six places, episodes of 20 steps, 2,000 of them; the feast lies far upstream. Regret sums what decisions cost, as a
player who does not see the clock would price them; mistakes counts those that cost something worth mentioning.
Agents that plan for the clock give up in time near the end of an episode, which counts as a mistake by that price, and
yet they earn nearly all there is. So the third column: what they earned less than the best, who sees the clock.
"""

from __future__ import annotations

import numpy as np

from sandbox.catalog import make_world
from sandbox.env_world import EnvWorld
from sandbox.errors import SandboxError
from sandbox.gallery._found import Curve, Found, Panel, Row, computed, sigmas
from sandbox.gallery._runs import measured
from sandbox.table import FloatArray
from sandbox.trace import Trace

SOURCE = (
    "RiverSwim of Osband, Russo & Van Roy (2013), horizon 20; no such figure was published: numbers by the "
    "brute-force program sandbox/gallery/brute/river.py"
)
WORLD, EPISODES = "sandbox/RiverSwim-v0", 2000
# Name of the numbers, and the agent. Those that no brute-force program tells of are shown for comparison.
AGENTS = {
    "random": "random",
    "q-learning": "q-learning:discount=0.95,step_size=0.1,epsilon=0.1",
    "q-learning, optimistic": "q-learning:discount=0.95,step_size=0.1,epsilon=0,initial_value=20",
    "r-max": "r-max:threshold=20,discount=0.95",
    "mbie-eb": "mbie-eb:exploration=0.01,discount=0.95",
    "ucb-h": "ucb-h:exploration=0.001,horizon=20",
    "ucbvi": "ucbvi:exploration=0.0003,horizon=20",
    "psrl": "psrl:horizon=20",
}
MEASURES = {
    "regret": "sum of gaps", "mistakes": "decisions", "short": "reward below the best possible",
}  # fmt: skip
_EXTRA = ("mbie-eb", "ucbvi")
_TITLES = {"short": "reward missed"}


def measure(quick: bool) -> Found:
    """Run every agent for 2,000 episodes, and price its decisions."""
    world = make_world(WORLD)
    assert isinstance(world, EnvWorld)
    if isinstance(world.solution, str):
        raise SandboxError(world.solution)
    mistake = world.meta.material * world.meta.gap_range
    best = EPISODES * world.oracle()["optimal_return"]

    def read(trace: Trace) -> FloatArray:
        gap = trace.best - trace.value
        return np.array([gap.sum(), (gap > mistake).sum(), best - trace.reward.sum()])

    runs = 10 if quick else 100
    values = {name: measured(WORLD, agent, runs, read, episodes=EPISODES) for name, agent in AGENTS.items()}
    rows: dict[tuple[str, str], Row] = {}
    for name in AGENTS:
        for k, (what, unit) in enumerate(MEASURES.items()):
            if name not in _EXTRA:
                told = f"{name}: {what}"
                rows[name, what] = computed(told, unit, values[name][:, k], "river-swim", told.replace(":", ""))
    panels = [_panel(k, what, values, rows) for k, what in enumerate(MEASURES)]
    note = f"{runs} runs; {sigmas(len(rows)):.2f} standard errors of the difference are allowed."
    return Found(list(rows.values()), panels, [note, *_ranks(values)])


def _panel(k: int, what: str, values: dict[str, FloatArray], rows: dict[tuple[str, str], Row]) -> Panel:
    curves = []
    for place, name in enumerate(AGENTS):
        row = rows.get((name, what))
        points = [] if row is None else [(float(place), row.expected.mean, row.tolerance(len(rows)))]
        error = values[name][:, k].std(ddof=1) / np.sqrt(len(values[name]))
        curves.append(Curve(name, [float(place)], [float(values[name][:, k].mean())], [float(error)], points))
    title = f"{_TITLES.get(what, what)}, in 40,000 decisions"
    return Panel(title, "", list(MEASURES.values())[k], curves, log="" if what == "short" else "y", ticks=list(AGENTS))


def _ranks(values: dict[str, FloatArray]) -> list[str]:
    """Say in which order each measure puts the agents, the best first."""
    told = []
    for k, what in enumerate(MEASURES):
        means = {name: float(one[:, k].mean()) for name, one in values.items()}
        order = ", ".join(f"{name} {means[name]:,.0f}" for name in sorted(means, key=lambda name: means[name]))
        told.append(f"By {'reward below the best possible' if what == 'short' else what}: {order}.")
    return told
