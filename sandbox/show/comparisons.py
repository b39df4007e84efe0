"""Who is better, as a terminal shows it: the ranking, every pair, and what it means in words."""

from __future__ import annotations

import math

from rich.table import Table

from sandbox.compared import Comparison
from sandbox.learned import Learning
from sandbox.metrics import METRICS
from sandbox.show.numbers import number
from sandbox.show.results import terms_of
from sandbox.show.text import cell, console_of, heading, safe
from sandbox.show.verdicts import p_text, place_text, range_text, share_text, steps_text, verdict

_MOST_PAIRS = 30  # that are printed


def print_comparison(found: Comparison) -> None:
    """Print a comparison: places, every pair with what is sure of it, and what to mind."""
    console = console_of()
    metric = METRICS[found.metric]
    console.print(_ranking(found))
    content = max((one.reach.content for one in found.ranking if not math.isnan(one.reach.content)), default=0.0)
    if content:
        told = "between the lowest and the highest run lies, with 95 %, at least"
        console.print(f"range of runs: {told} {100 * content:.0f} % of all runs there could be", soft_wrap=True)
    if found.pairs:
        console.print(_pairs(found))
    if found.learning is not None:
        console.print(_learning(found, found.learning))
        share = " (levels as shares, not per cent)" if METRICS[found.metric].percent else ""
        console.print(safe(found.learning.threshold.told) + share, soft_wrap=True)
    console.print(f"{heading(found.metric)}: {metric.text}, in {metric.unit}; {metric.better} is better")
    for text in found.result.warnings():
        console.print(f"! {safe(text)}", style="yellow")


def _ranking(found: Comparison) -> Table:
    told = "" if all(math.isnan(one.mean.low) for one in found.ranking) else " [95 % interval]"
    title = f"{found.result.world}: {terms_of(found.result)}, {heading(found.metric)} over runs{told}"
    table = Table(title=safe(title), title_justify="left")
    table.add_column("place", justify="right")
    table.add_column("agent", overflow="fold", max_width=44)
    for name in ("mean", "median", "interquartile mean", "range of runs", "runs"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found.ranking:
        mark = " ▼" if found.result.below_yardstick(one.agent, found.metric) else ""
        runs = f"{one.agent.distinct}" + (f" + {len(one.agent.failed)} failed" if one.agent.failed else "")
        cells = [cell(found.metric, part) for part in (one.mean, one.median, one.iqm)]
        name = safe(one.agent.name) + mark
        table.add_row(place_text(one), name, *cells, range_text(found.metric, one), runs)
    return table


def _learning(found: Comparison, learning: Learning) -> Table:
    """Return how fast each agent learned: the area under its curve, and when it got to a level that counts."""
    title = f"how fast they learned, over the first {learning.to:,.0f} decisions"
    table = Table(title=title, title_justify="left")
    table.add_column("agent", overflow="fold", max_width=44)
    for name in (
        "area under the curve / its length",
        f"decisions to {number(_shown(found, learning.threshold.value))}",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for one in learning.agents:
        if one.area.n:
            table.add_row(safe(one.agent), cell(found.metric, one.area), steps_text(found, one.agent))
    return table


def _shown(found: Comparison, value: float) -> float:
    return 100.0 * value if METRICS[found.metric].percent else value


def _pairs(found: Comparison) -> Table:
    blocks, count = sum(pair.blocks for pair in found.pairs), len(found.pairs)
    over = "over ten stretches of the stream" if blocks == count else "on the same seeds"
    over += ", or where marked † over ten stretches of the stream" if 0 < blocks < count else ""
    corrected = f", p values corrected for {count} pairs" if count > 1 else ""
    table = Table(title=f"differences {over}{corrected}", title_justify="left")
    table.add_column("pair", overflow="fold", max_width=70)
    for name in ("difference [95 % interval]", "p (Holm)", "first is better in", "verdict"):
        table.add_column(name, justify="left" if name == "verdict" else "right", no_wrap=name != "verdict")
    for pair in found.pairs[:_MOST_PAIRS]:
        names = f"{safe(pair.a)} − {safe(pair.b)}" + (" †" if pair.blocks and blocks < count else "")
        table.add_row(
            names,
            cell(found.metric, pair.difference),
            p_text(pair.p_holm),
            share_text(pair),
            safe(verdict(found, pair)),
        )
    if len(found.pairs) > _MOST_PAIRS:
        table.caption = f"the first {_MOST_PAIRS} of {len(found.pairs)} pairs; --json has them all"
    return table
