"""An experiment as a terminal shows it: expected against found, a verdict a line."""

from __future__ import annotations

from rich.table import Table

from sandbox.gallery._catalog import Experiment
from sandbox.gallery._found import Found
from sandbox.gallery._page import cells
from sandbox.show.text import console_of, safe


def print_found(experiment: Experiment, found: Found) -> None:
    """Print what was expected and found."""
    console = console_of()
    title = safe(f"{experiment.name}: {experiment.title}")
    table = Table(title=title, title_justify="left", caption=safe(experiment.source), caption_justify="left")
    table.add_column("what", overflow="fold", min_width=30)
    table.add_column("unit", overflow="fold")
    for name in ("expected", "found", "may differ by"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in found.rows:
        *plain, verdict = map(safe, cells(row, found))
        table.add_row(*plain, "[green]ok[/]" if verdict == "ok" else "[red]OFF[/]")
    console.print(table)
    for note in found.notes:
        console.print(safe(note), soft_wrap=True, style="dim")
    console.print()


def print_list(known: dict[str, Experiment]) -> None:
    """Print which experiments there are."""
    table = Table(show_header=False, box=None, padding=(0, 2))
    for one in known.values():
        table.add_row(safe(one.name), safe(one.title))
    console_of().print(table)
