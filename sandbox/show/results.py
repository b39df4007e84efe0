"""The table of a study, and what to mind about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.measure import Measurement
from rich.table import Table

from sandbox.harm import slight_text
from sandbox.metrics import METRICS
from sandbox.result import Result
from sandbox.show.groups import groups_table
from sandbox.show.numbers import interval_text
from sandbox.show.text import cell, console_of, exact, heading, safe
from sandbox.show.visits import visits_table

if TYPE_CHECKING:
    from sandbox.agent_result import AgentResult
    from sandbox.recovery import Summary

_RECOVERY_COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("agent", "left"), ("change at", "right"), ("drop (gap per decision)", "right"), ("recovered", "right"),
    ("median decisions to recover", "right"), ("cost of drift (reward)", "right"),
)  # fmt: skip
_MOST_CHANGES = 6


def terms_of(result: Result) -> str:
    """Say how long runs are, and on what terms the world was met."""
    steps, episodes = result.budget["steps"], result.budget["episodes"]
    limits = [f"{steps:,} decisions"] if steps else []
    limits += [f"{episodes:,} episodes"] if episodes else []
    length = " or ".join(limits) + (" at most" if len(limits) > 1 else "") + " a run"
    return ", ".join([length, *([str(result.drifting)] if str(result.drifting) else [])])


def _title(result: Result) -> str:
    has_interval = any(not math.isnan(agent.interval(result.headline).low) for agent in result.agents)
    return f"{result.world}: {terms_of(result)}, mean{' [95 % interval]' if has_interval else ''} over runs"


def _table(result: Result, shown: Sequence[str]) -> Table:
    table = Table(title=safe(_title(result)), title_justify="left")
    table.add_column("agent", overflow="fold", max_width=44)
    for name in shown:
        arrow = {"higher": " ↑", "lower": " ↓", "": ""}[METRICS[name].better]
        failed_episodes = result.task == "control, unpriced" and name == "mistake_rate"
        table.add_column(
            ("failed episodes %" if failed_episodes else heading(name)) + arrow, justify="right", no_wrap=True
        )
    table.add_column("runs", justify="right")
    for agent in result.agents:
        mark = " ▼" if result.below_yardstick(agent) else ""
        runs = f"{agent.distinct}" + (f" + {len(agent.failed)} failed" if agent.failed else "")
        cells = [cell(name, agent.interval(name)) + _mark(result, agent, name) for name in shown]
        table.add_row(safe(agent.name) + mark, *cells, runs)
    return table


def _mark(result: Result, agent: AgentResult, metric: str) -> str:
    """Return a mark where a yardstick is better, but for the headline, where the agent's name has it."""
    return " ▼" if metric != result.headline and agent.done and result.below_yardstick(agent, metric) else ""


def print_result(result: Result) -> None:
    """Print the table of a study, and what to mind about it; a narrow terminal gets fewer columns, not cut numbers."""
    console = console_of()
    shown, endless = list(result.shown), console.options.update(max_width=10_000)
    while len(shown) > 1 and Measurement.get(console, endless, _table(result, shown)).maximum > console.width:
        shown.pop()
    console.print(_table(result, shown))
    left_out = [heading(name) for name in result.shown if name not in shown]
    if left_out:
        console.print(f"no room here for {', '.join(left_out)}: widen the terminal, or use --json")
    by_group = groups_table(result)
    if by_group:
        console.print(by_group)
    if result.drifting.drift:
        console.print(_recoveries(result))
        returned = visits_table(result)
        if returned is not None:
            console.print(returned)
    for agent in result.agents:
        yardstick = result.below_yardstick(agent)
        if yardstick:
            whose = f"the mean of {safe(agent.name)}" if agent.done else f"{safe(agent.name)}, whose runs all failed,"
            console.print(f"▼ {whose} is below the yardstick {yardstick} in {heading(result.headline)}")
    if any(_mark(result, agent, name) for agent in result.agents for name in shown if name != result.headline):
        console.print("▼ in a cell: a yardstick's mean is better there; --json says whose")
    if result.oracle is not None and not result.meta.reactive:
        console.print(_best_possible(result))
    console.print(_speeds(result))
    if not result.meta.priced:
        console.print(f"unpriced: {safe(result.meta.why_unpriced)}{_what_mistakes_are(result)}")
    for text in result.warnings():
        console.print(f"! {safe(text)}", style="yellow")


def _best_possible(result: Result) -> str:
    """Say what the best there is earns, under the first law and the last."""
    oracle, levels = result.oracle or {}, result.drifting.best
    last = f", {exact(levels[-1][1])} after the last change" if len(levels) > 1 else ""
    if not result.meta.episodic:
        return f"best possible reward per decision ≈ {exact(oracle['stationary_value'])}{last} (a large sample's mean)"
    best, value = oracle["optimal_return"], oracle["stationary_value"]
    first = ", under the first law" if result.drifting.drift else ""
    return f"best possible return {exact(best)} (seeing the clock{first}); V* of the start {exact(value)}{last}"


def _speeds(result: Result) -> str:
    """Say which agents were compiled, and why the others were not."""
    fast = [agent.name for agent in result.agents if not agent.why_plain]
    parts = [f"compiled: {safe(', '.join(fast))}"] if fast else []
    reasons: dict[str, list[str]] = {}
    for agent in result.agents:
        if agent.why_plain:
            reasons.setdefault(agent.why_plain, []).append(agent.name)
    plain = [f"{safe(', '.join(names))} ({safe(why)})" for why, names in reasons.items()]
    parts += [f"open loop: {'; '.join(plain)}"] if plain else []
    return "; ".join(parts)


def _recoveries(result: Result) -> Table | str:
    """Return how each agent came through each change."""
    drift, changes = safe(result.drifting.drift), result.drifting.changes
    if not changes and result.drifting.never:
        return f"drift {drift}: no run sees a change, so there is no recovery to measure"
    if not changes:
        return f"drift {drift}: it never ceases, so there is no recovery to measure"
    counts = f"; a drop is {slight_text(result.meta)}"
    table = Table(title=f"after the changes of {drift}, against each run's twin{counts}", title_justify="left")
    for name, justify in _RECOVERY_COLUMNS:
        name = name if result.meta.priced else name.replace("gap per decision", "return per episode")
        table.add_column(name, justify=justify, overflow="fold", max_width=44 if name == "agent" else None)
    for agent in result.agents:
        for found in agent.recoveries(_MOST_CHANGES):
            table.add_row(safe(agent.name), f"{found.change:,}", *_recovery(found))
    table.caption = (
        "no drop: it lost no more than its twin, which had always lived in the new world and may do badly there too"
    )
    table.caption_justify = "left"
    if not any(found.n and not found.at_risk for agent in result.agents for found in agent.recoveries(_MOST_CHANGES)):
        table.caption = None
    if len(changes) > _MOST_CHANGES:
        table.caption = f"the first {_MOST_CHANGES} of {len(changes)} changes; --json has them all"
    return table


def _recovery(found: Summary) -> tuple[str, ...]:
    if not found.n:
        return "–", "unknown", "–", "–"  # a warning says why
    at_risk = f"{found.recovered} of {found.at_risk}" if found.at_risk else "no drop"
    median = found.median
    if not found.at_risk:
        time = "–"
    elif math.isnan(median.median):
        most = f"{found.horizon:,.0f}"
        time = f"mean {interval_text(found.restricted_mean)} within {most}" if found.recovered else f"more than {most}"
    elif math.isnan(median.low):
        time = f"{median.median:,.0f}"
    else:
        high = "…" if math.isinf(median.high) else f"{median.high:,.0f}"
        time = f"{median.median:,.0f} [{median.low:,.0f}, {high}]"
    return interval_text(found.drop), at_risk, time, interval_text(found.cost)


def _what_mistakes_are(result: Result) -> str:
    """Say what counts as a mistake in an unpriced world, where anything does."""
    if not any(agent.interval("mistakes").n for agent in result.agents):
        return ""
    if result.meta.task == "control":
        return f"; an episode has failed if its return is under {result.meta.reference_return:g}, by bad luck or not"
    return "; mistakes are outcome errors and include bad luck"


def print_figures(figures: Sequence[Path]) -> None:
    """Print where figures are."""
    console = console_of()
    if figures:
        console.print("figure: " + "  ".join(safe(str(path)) for path in figures), soft_wrap=True)
    console.print()


def print_report(path: Path) -> None:
    """Print where the report is."""
    told = "" if path.suffix.lower() in (".md", ".markdown") else " (open it in a browser)"
    console_of().print(f"report: {safe(str(path))}{told}", soft_wrap=True)
