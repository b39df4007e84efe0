"""What is sure of a comparison, in words and numbers of one cell."""

from __future__ import annotations

import math

from sandbox.compared import Comparison, Standing
from sandbox.metrics import METRICS
from sandbox.paired import Pair
from sandbox.show.numbers import interval_text, number


def place_text(one: Standing) -> str:
    """Return the places that an agent may have: 1, or 2-4, or a dash."""
    if not one.best:
        return "–"
    return f"{one.best}" if one.best == one.worst else f"{one.best}-{one.worst}"


def range_text(metric: str, one: Standing) -> str:
    """Return the lowest and the highest run, shares as per cent."""
    low, high = (100 * part if METRICS[metric].percent else part for part in one.reach[:2])
    return "–" if math.isnan(low) else f"{number(low, [high])} to {number(high, [low])}"


def p_text(p: float) -> str:
    """Return a p value as people read it."""
    if math.isnan(p):
        return "–"
    return "under 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def share_text(pair: Pair) -> str:
    """Return in how many per cent of the runs the first is better."""
    share = [100 * part for part in pair.improvement[:3]]
    return "–" if math.isnan(share[0]) else f"{interval_text(share)} % of runs"


def comparison_lines(found: Comparison) -> list[str]:
    """Return a comparison in plain lines: the ranking, then every pair."""
    lines = [f"{found.result.world}: {found.metric}, mean [95 % interval] over runs"]
    lines += [
        f"  {place_text(one)}. {one.agent.name}: {interval_text(one.mean)} ({one.agent.distinct} runs)"
        for one in found.ranking
    ]
    return lines + [
        f"  {pair.a} - {pair.b}: {interval_text(pair.difference)}, {verdict(found, pair)}" for pair in found.pairs
    ]


def verdict(found: Comparison, pair: Pair) -> str:
    """Return in words what is sure of a pair, and what would settle it."""
    if pair.settled:
        ahead = pair.a if found.better(pair.a, pair.b) else pair.b
        return f"{ahead} is better"
    if pair.failed:
        return f"unknown: on {pair.failed} seeds a run of the two failed"
    if math.isnan(pair.p_holm):
        return "unknown: one run each"
    if pair.blocks:
        return "not settled"
    if pair.more_seeds is None:
        return "not settled, nor by 1,000 more seeds"
    seeds = "seed" if pair.more_seeds == 1 else "seeds"
    return f"not settled; about {pair.more_seeds:,} more {seeds} would, if this difference is the true one"


def steps_text(found: Comparison, name: str) -> str:
    """Return after how many decisions an agent reached the threshold, and how many of its runs did."""
    learned = found.learning.of(name) if found.learning is not None else None
    if learned is None:
        return "–"
    median, n, seen = learned.speed.median, learned.speed.n, round(learned.speed.reached * learned.speed.n)
    if math.isnan(median.median):
        return f"{seen} of {n} got there"
    high = "…" if math.isinf(median.high) else f"{median.high:,.0f}"
    told = f"{median.median:,.0f}" if math.isnan(median.low) else f"{median.median:,.0f} [{median.low:,.0f}, {high}]"
    return told if seen == n else f"{told} ({seen} of {n})"
