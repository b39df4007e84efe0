"""Late labels: what they cost is read off a run of the same seed that is told at once.

A run and its twin meet the same questions with the same luck, so that the difference of their regrets is the cost of
the delay and nothing else. What it should be, the twin itself says: with every label d decisions late, a learner
decides as the twin did d decisions before. Its first d decisions are untaught, and it never gets to the twin's last d.
"""

from __future__ import annotations

import numpy as np

from sandbox.gallery._found import Curve, Estimate, Found, Panel, Row, estimate
from sandbox.gallery._streams import gaps, law_of, runs_of

SOURCE = (
    "the gaps of the same learner told at once: its first decision d times over, less its last d (a law that stays)"
)
WORLD, AGENTS, STEPS = "spam", ("logistic", "naive-bayes"), 10_000
DELAYS = (50, 200, 500, 2000)


def measure(quick: bool) -> Found:
    """Run two learners with labels that come at once and that come late."""
    runs = 10 if quick else 100
    rows, curves = list[Row](), list[Curve]()
    for agent in AGENTS:
        own = _rows(agent, range(runs))
        x, found = list(map(float, DELAYS)), [row.found for row in own]
        points = [(d, row.expected.mean, row.tolerance(len(AGENTS) * len(own))) for d, row in zip(x, own, strict=True)]
        curves.append(Curve(agent, x, [one.mean for one in found], [one.error for one in found], points, marked=True))
        rows += own
    panel = Panel(f"the cost of late labels in {STEPS:,} decisions", "delay in decisions", "sum of gaps", curves, "xy")
    note = f"{runs} runs, each against its twin of the same seed. Circles: what the twin alone says."
    return Found(rows, [panel], [note])


def _rows(agent: str, seeds: range) -> list[Row]:
    """Return the cost of each delay, paired by seed, beside what the decisions of those told at once say."""
    twins = runs_of(WORLD, agent, seeds, STEPS)
    at_once = gaps(twins)
    rows = []
    for delay in DELAYS:
        late = gaps(runs_of(WORLD, agent, seeds, STEPS, f"delayed={delay}"))
        cost = (late - at_once).sum(axis=1)
        untaught = [_untaught(seed, int(twin.choice[0]), delay) for seed, twin in zip(seeds, twins, strict=True)]
        foretold = np.array(untaught) - at_once[:, STEPS - delay :].sum(axis=1)
        error = estimate(cost - foretold).error
        what, told = f"{agent}: labels {delay:,} decisions late", Estimate(float(foretold.mean()))
        rows.append(Row(what, "sum of gaps", told, Estimate(float(cost.mean()), error), SOURCE))
    return rows


def _untaught(seed: int, choice: int, count: int) -> float:
    """Return what `choice`, made for each of the first questions of a run, costs."""
    stream = law_of(WORLD)
    batch = stream.batch(seed, 0, count)
    return float((stream.best_values(batch).clip(min=stream.abstention) - batch.values[:, choice]).sum())
