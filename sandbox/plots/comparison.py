"""The picture of a comparison: every agent's mean among its seeds, and the difference of every pair."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sandbox.metrics import METRICS
from sandbox.plots.looks import looks_of, plain
from sandbox.plots.ranking import Bar, draw_differences, draw_standings, height_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sandbox.compared import Comparison
    from sandbox.paired import Pair

_MOST = 20  # rows of each kind
_OPEN = "#777777"  # a difference that is not settled


def figure(found: Comparison) -> Figure:
    """Return a comparison's figure: on the left the ranking, on the right the differences, best against best first.

    Its two axes can be edited like any.
    """
    from matplotlib.figure import Figure

    metric = METRICS[found.metric]
    names = [agent.name for agent in found.result.agents]
    colours = {name: look["color"] for name, look in zip(names, looks_of(names), strict=True)}
    standings = [
        Bar(one.agent.name, *one.mean[:3], one.agent.values(found.metric), colours[one.agent.name])
        for one in found.ranking[:_MOST]
    ]
    place = {one.agent.name: k for k, one in enumerate(found.ranking)}
    known = [pair for pair in found.pairs if not math.isnan(pair.difference.mean)]
    known.sort(key=lambda pair: sorted((place[pair.a], place[pair.b])))
    differences = [_lead(found, pair, colours) for pair in known[:_MOST]]
    drawn = Figure(figsize=(10.5, max(height_of(len(standings)), height_of(len(differences))) + 0.4), layout="tight")
    left, right = drawn.subplots(1, 2)
    draw_standings(left, standings, f"{metric.unit} ({'more' if found.higher else 'less'} is better)")
    left.set_title(f"{metric.name.replace('_', ' ')}: mean, 95 % interval, every run", fontsize=10, loc="left")
    draw_differences(right, differences, f"better by, {metric.unit}")
    right.set_title("differences, 95 % interval (hollow: not settled)", fontsize=10, loc="left")
    drawn.suptitle(plain("; ".join(filter(None, (found.result.world, str(found.result.drifting))))), fontsize=11)
    return drawn


def _lead(found: Comparison, pair: Pair, colours: dict[str, str]) -> Bar:
    """Return a pair as the lead of the one that is ahead."""
    ahead, behind = pair.ahead(found.higher)
    mean, low, high = pair.difference[:3]
    if mean < 0:
        mean, low, high = -mean, -high, -low
    return Bar(f"{ahead} over {behind}", mean, low, high, (), colours[ahead] if pair.settled else _OPEN)
