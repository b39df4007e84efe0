"""What a person reads: tables on the terminal."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from sandbox.metrics import METRICS
from sandbox.result import Result, number, show

if TYPE_CHECKING:
    from sandbox.checks import CheckResult
    from sandbox.log_score import LogScore
    from sandbox.recovery import Summary

_NAMES = {
    "return": "return", "final_return": "final return", "mistake_rate": "mistakes %",
    "final_mistake_rate": "final mistakes %", "accuracy_answered": "accuracy of answers", "log_loss": "log loss",
    "episode_length": "length",
}  # fmt: skip
_RECOVERY_COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("agent", "left"), ("change at", "right"), ("drop (gap per decision)", "right"), ("recovered", "right"),
    ("median decisions to recover", "right"), ("cost of drift (reward)", "right"),
)  # fmt: skip
_MOST_CHANGES = 6
_PERCENT = {"mistake_rate", "final_mistake_rate", "accuracy", "accuracy_answered"}


def printable(text: str) -> str:
    """Return `text` with its control characters spelled out, as \\x1b, so that none of them steers the terminal."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda found: found[0].encode("unicode_escape").decode(), text)


def _text(text: str) -> str:
    # Whatever comes from data, names, paths or errors is printed through here: neither control nor markup.
    return escape(printable(text))


def _console() -> Console:
    # A pipe or file gets whole lines; a terminal is asked for its width.
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False, emoji=False)


def _heading(name: str) -> str:
    text = _NAMES.get(name, name.replace("_", " "))
    return text + " %" if name in _PERCENT and not text.endswith("%") else text


def _cell(name: str, interval: Any) -> str:
    if name in _PERCENT:
        interval = interval._replace(mean=100 * interval.mean, low=100 * interval.low, high=100 * interval.high)
    return show(interval)


def _exact(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.6g}"


def _title(result: Result) -> str:
    steps, episodes = result.budget["steps"], result.budget["episodes"]
    limits = [f"{steps:,} decisions"] if steps else []
    limits += [f"{episodes:,} episodes"] if episodes else []
    length = " or ".join(limits) + (" at most" if len(limits) > 1 else "")
    has_interval = any(not math.isnan(agent.interval(result.headline).low) for agent in result.agents)
    late = f", feedback {result.drifting.feedback}" if result.drifting.feedback != "immediate" else ""
    return f"{result.world}: {length} a run{late}, mean{' ± 95 % half-width' if has_interval else ''} over runs"


def _table(result: Result, shown: Sequence[str]) -> Table:
    table = Table(title=_text(_title(result)), title_justify="left")
    table.add_column("agent", overflow="fold", max_width=44)
    for name in shown:
        arrow = {"higher": " ↑", "lower": " ↓", "": ""}[METRICS[name].better]
        failed_episodes = result.task == "control, unpriced" and name == "mistake_rate"
        table.add_column(
            ("failed episodes %" if failed_episodes else _heading(name)) + arrow, justify="right", no_wrap=True
        )
    table.add_column("runs", justify="right")
    for agent in result.agents:
        mark = " ▼" if result.below_yardstick(agent) else ""
        runs = f"{agent.distinct}" + (f" + {len(agent.failed)} failed" if agent.failed else "")
        cells = [_cell(name, agent.interval(name)) for name in shown]
        table.add_row(_text(agent.name) + mark, *cells, runs)
    return table


def print_result(result: Result) -> None:
    """Print the table of a study, and what to mind about it; a narrow terminal gets fewer columns, not cut numbers."""
    console = _console()
    shown, endless = list(result.shown), console.options.update(max_width=10_000)
    while len(shown) > 1 and Measurement.get(console, endless, _table(result, shown)).maximum > console.width:
        shown.pop()
    console.print(_table(result, shown))
    left_out = [_heading(name) for name in result.shown if name not in shown]
    if left_out:
        console.print(f"no room here for {', '.join(left_out)}: widen the terminal, or use --json")
    if result.drifting.drift:
        console.print(_recoveries(result))
    for agent in result.agents:
        yardstick = result.below_yardstick(agent)
        if yardstick:
            console.print(f"▼ {_text(agent.name)} is below the yardstick {yardstick} in {_heading(result.headline)}")
    if result.oracle is not None:
        console.print(_best_possible(result))
    console.print(_speeds(result))
    if not result.meta.priced:
        console.print(f"unpriced: {_text(result.meta.why_unpriced)}{_what_mistakes_are(result)}")
    for text in result.warnings():
        console.print(f"! {_text(text)}", style="yellow")


def _best_possible(result: Result) -> str:
    """Say what the best there is earns, under the first law and the last."""
    oracle, levels = result.oracle or {}, result.drifting.best
    last = f", {_exact(levels[-1][1])} after the last change" if len(levels) > 1 else ""
    if not result.meta.episodic:
        return f"best possible reward per decision ≈ {_exact(oracle['stationary_value'])}{last} (a large sample's mean)"
    best, value = oracle["optimal_return"], oracle["stationary_value"]
    first = ", under the first law" if result.drifting.drift else ""
    return f"best possible return {_exact(best)} (seeing the clock{first}); V* of the start {_exact(value)}{last}"


def _speeds(result: Result) -> str:
    """Say which agents were compiled, and why the others were not."""
    fast = [agent.name for agent in result.agents if not agent.why_plain]
    parts = [f"compiled: {_text(', '.join(fast))}"] if fast else []
    reasons: dict[str, list[str]] = {}
    for agent in result.agents:
        if agent.why_plain:
            reasons.setdefault(agent.why_plain, []).append(agent.name)
    plain = [f"{_text(', '.join(names))} ({_text(why)})" for why, names in reasons.items()]
    parts += [f"open loop: {'; '.join(plain)}"] if plain else []
    return "; ".join(parts)


def _recoveries(result: Result) -> Table | str:
    """Return how each agent came through each change."""
    drift, changes = _text(result.drifting.drift), result.drifting.changes
    if not changes and result.drifting.never:
        return f"drift {drift}: no run sees a change, so there is no recovery to measure"
    if not changes:
        return f"drift {drift}: it never ceases, so there is no recovery to measure"
    if not result.meta.priced:
        return f"drift {drift}: recovery is measured in prices, which are not known here"
    counts = f"; a drop is an excess gap above {number(result.meta.material * result.meta.gap_range)} per decision"
    table = Table(title=f"after the changes of {drift}, against each run's twin{counts}", title_justify="left")
    for name, justify in _RECOVERY_COLUMNS:
        table.add_column(name, justify=justify, overflow="fold", max_width=44 if name == "agent" else None)
    for agent in result.agents:
        for found in agent.recoveries(_MOST_CHANGES):
            table.add_row(_text(agent.name), f"{found.change:,}", *_recovery(found))
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
        time = f"mean {show(found.restricted_mean)} within {most}" if found.recovered else f"more than {most}"
    elif math.isnan(median.low):
        time = f"{median.median:,.0f}"
    else:
        high = "…" if math.isinf(median.high) else f"{median.high:,.0f}"
        time = f"{median.median:,.0f} [{median.low:,.0f}, {high}]"
    return show(found.drop), at_risk, time, show(found.cost)


def _what_mistakes_are(result: Result) -> str:
    """Say what counts as a mistake in an unpriced world, where anything does."""
    if not any(agent.interval("mistakes").n for agent in result.agents):
        return ""
    if result.meta.task == "control":
        return f"; an episode has failed if its return is under {result.meta.reference_return:g}, by bad luck or not"
    return "; mistakes are outcome errors and include bad luck"


def print_figures(figures: Sequence[Path]) -> None:
    """Print where figures are."""
    console = _console()
    if figures:
        console.print("figure: " + "  ".join(_text(str(path)) for path in figures), soft_wrap=True)
    console.print()


def print_oracle(found: dict[str, Any]) -> None:
    """Print the oracle's numbers."""
    console = _console()
    table = Table(title=_text(f"oracle of {found['world']}"), title_justify="left", show_header=False)
    for name, value in found.items():
        if (
            name != "world"
            and value is not None
            and value != ""
            and not (isinstance(value, float) and math.isnan(value))
        ):
            table.add_row(name.replace("_", " "), f"{value:.9g}" if isinstance(value, float) else _text(str(value)))
    console.print(table)


def print_listing(found: dict[str, list[dict[str, Any]]]) -> None:
    """Print lists of names and texts."""
    console = _console()
    for kind, rows in found.items():
        table = Table(title=kind, title_justify="left", show_header=False, box=None, padding=(0, 2))
        for row in rows:
            table.add_row(_text(row["name"]), _text(row["text"]))
        console.print(table)
        console.print()


def print_checks(thing: str, found: Sequence[CheckResult]) -> None:
    """Print which checks passed."""
    console = _console()
    for result in found:
        mark = "[red]FAIL[/]" if not result.passed else "[dim]-[/]   " if result.message else "[green]ok[/]  "
        message = f": {_text(result.message)}" if result.message else ""
        console.print(f"{mark} {_text(result.text.rstrip('.'))}{message}", soft_wrap=True)
    failed = sum(not result.passed for result in found)
    unseen = sum(result.passed and bool(result.message) for result in found)
    skipped = f", {unseen} had nothing to look at" if unseen else ""
    console.print(f"{_text(thing)}: {len(found) - failed - unseen} checks passed, {failed} failed{skipped}")


def print_log(scored: LogScore) -> None:
    """Print the scores of a log, by group where it has groups."""
    console = _console()
    columns = {"all": scored.scores, **{str(k): v for k, v in scored.groups.items()}}
    table = Table(title=_text(f"{scored.path}: {scored.rows:,} decisions"), title_justify="left")
    table.add_column("metric")
    for name in columns:
        table.add_column(_text(name), justify="right")
    for name in METRICS:
        values = [scores.metrics[name] for scores in columns.values()]
        if not all(math.isnan(v) for v in values):
            table.add_row(_heading(name), *[number(100 * v if name in _PERCENT else v) for v in values])
    console.print(table)
    if scored.yardsticks:
        yard = Table(
            title="what fixed policies would have earned (estimated by inverse propensity)", title_justify="left"
        )
        for heading in ("policy", "reward per decision", "standard error", "effective sample"):
            yard.add_column(heading, justify="right" if heading != "policy" else "left")
        for row in scored.yardsticks:
            yard.add_row(_text(row.policy), number(row.value), number(row.error), number(row.effective))
        console.print(yard)
    for text in scored.notes:
        console.print(f"! {_text(text)}", style="yellow")
