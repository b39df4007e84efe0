"""Who is better, as a terminal shows it: the ranking, every pair, and what it means in words."""

from __future__ import annotations

import math

from rich.table import Table

from sandbox.compared import Comparison
from sandbox.metrics import METRICS
from sandbox.show.results import terms_of
from sandbox.show.text import cell, console_of, heading, safe
from sandbox.show.verdicts import p_text, place_text, share_text, steps_text, verdict

_MOST_PAIRS = 30  # that are printed


def print_comparison(found: Comparison) -> None:
    """Print a comparison: places, every pair with what is sure of it, and what to mind."""
    console = console_of()
    metric = METRICS[found.metric]
    console.print(_ranking(found))
    if found.pairs:
        console.print(_pairs(found))
    if found.learning is not None:
        console.print(safe(found.learning.threshold.told), soft_wrap=True)
    console.print(f"{heading(found.metric)}: {metric.text}, in {metric.unit}; {metric.better} is better")
    for text in found.result.warnings():
        console.print(f"! {safe(text)}", style="yellow")


def _ranking(found: Comparison) -> Table:
    told = "" if all(math.isnan(one.mean.low) for one in found.ranking) else " [95 % interval]"
    title = f"{found.result.world}: {terms_of(found.result)}, {heading(found.metric)} over runs{told}"
    table = Table(title=safe(title), title_justify="left")
    table.add_column("place", justify="right")
    table.add_column("agent", overflow="fold", max_width=44)
    for name in ("mean", "median", "interquartile mean", *(["decisions to learn"] if _has_threshold(found) else [])):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("runs", justify="right")
    for one in found.ranking:
        mark = " ▼" if found.result.below_yardstick(one.agent) else ""
        runs = f"{one.agent.distinct}" + (f" + {len(one.agent.failed)} failed" if one.agent.failed else "")
        cells = [cell(found.metric, part) for part in (one.mean, one.median, one.iqm)]
        table.add_row(
            place_text(one),
            safe(one.agent.name) + mark,
            *cells,
            *([steps_text(found, one.agent.name)] if _has_threshold(found) else []),
            runs,
        )
    return table


def _has_threshold(found: Comparison) -> bool:
    return found.learning is not None and not math.isnan(found.learning.threshold.value)


def _pairs(found: Comparison) -> Table:
    over = "stretches of time (one run each)" if all(pair.blocks for pair in found.pairs) else "the same seeds"
    table = Table(title=f"differences on {over}, p values corrected for {len(found.pairs)} pairs", title_justify="left")
    table.add_column("pair", overflow="fold", max_width=70)
    for name in ("difference [95 % interval]", "p (Holm)", "first is better in", "verdict"):
        table.add_column(name, justify="left" if name == "verdict" else "right", no_wrap=name != "verdict")
    for pair in found.pairs[:_MOST_PAIRS]:
        names = f"{safe(pair.a)} − {safe(pair.b)}"
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
