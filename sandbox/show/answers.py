"""Answers to questions: exact values, lists, checks, logs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from sandbox.metrics import METRICS
from sandbox.show.numbers import number
from sandbox.show.text import console_of, heading, safe

if TYPE_CHECKING:
    from sandbox.checks import CheckResult
    from sandbox.log_score import LogScore


def print_oracle(found: dict[str, Any]) -> None:
    """Print the oracle's numbers."""
    console = console_of()
    table = Table(title=safe(f"oracle of {found['world']}"), title_justify="left", show_header=False)
    for name, value in found.items():
        if (
            name != "world"
            and value is not None
            and value != ""
            and not (isinstance(value, float) and math.isnan(value))
        ):
            table.add_row(name.replace("_", " "), f"{value:.9g}" if isinstance(value, float) else safe(str(value)))
    console.print(table)


def print_listing(found: dict[str, list[dict[str, Any]]]) -> None:
    """Print lists of names and texts."""
    console = console_of()
    for kind, rows in found.items():
        table = Table(title=safe(kind), title_justify="left", show_header=False, box=None, padding=(0, 2))
        family = ""
        for row in rows:
            if row.get("family", "") != family:
                family = row["family"]
                table.add_row(f"[bold]{safe(family)}[/]", "")
            paragraphs = [safe(" ".join(part.split())) for part in row["text"].split("\n\n")]
            table.add_row(safe(row["name"]), "\n".join(paragraphs))
        console.print(table)
        console.print()


def print_checks(thing: str, found: Sequence[CheckResult]) -> None:
    """Print which checks passed."""
    console = console_of()
    for result in found:
        mark = "[red]FAIL[/]" if not result.passed else "[dim]-[/]   " if result.message else "[green]ok[/]  "
        message = f": {safe(result.message)}" if result.message else ""
        console.print(f"{mark} {safe(result.text.rstrip('.'))}{message}", soft_wrap=True)
    failed = sum(not result.passed for result in found)
    unseen = sum(result.passed and bool(result.message) for result in found)
    skipped = f", {unseen} had nothing to look at" if unseen else ""
    console.print(f"{safe(thing)}: {len(found) - failed - unseen} checks passed, {failed} failed{skipped}")


def print_log(scored: LogScore) -> None:
    """Print the scores of a log, by group where it has groups."""
    console = console_of()
    columns = {"all": scored.scores, **{str(k): v for k, v in scored.groups.items()}}
    table = Table(title=safe(f"{scored.path}: {scored.rows:,} decisions"), title_justify="left")
    table.add_column("metric")
    for name in columns:
        table.add_column(safe(name), justify="right")
    for name in METRICS:
        values = [scores.metrics[name] for scores in columns.values()]
        if not all(math.isnan(v) for v in values):
            table.add_row(heading(name), *[number(100 * v if METRICS[name].percent else v) for v in values])
    console.print(table)
    if scored.yardsticks:
        yard = Table(
            title="what fixed policies would have earned (estimated by inverse propensity)", title_justify="left"
        )
        for column in ("policy", "reward per decision", "standard error", "effective sample"):
            yard.add_column(column, justify="right" if column != "policy" else "left")
        for row in scored.yardsticks:
            yard.add_row(safe(row.policy), number(row.value), number(row.error), number(row.effective))
        console.print(yard)
    for text in scored.notes:
        console.print(f"! {safe(text)}", style="yellow")
