"""What agents forgot between visits to a concept, as a small table in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from sandbox.headlines import OF_VISITS
from sandbox.metrics import METRICS
from sandbox.show.text import cell, heading, safe

if TYPE_CHECKING:
    from sandbox.result import Result


def visits_table(result: Result) -> Table | None:
    """Return forgetting and transfer of every agent, None where no concept returns: the report has them anyway."""
    if not any(agent.interval("forgetting").n for agent in result.agents):
        return None
    unit = "gap" if result.meta.priced else "error"
    table = Table(title=f"between visits to the same concept, in {unit} per decision", title_justify="left")
    table.add_column("agent", overflow="fold", max_width=44)
    arrows = {"higher": " ↑", "lower": " ↓", "": ""}
    for name in OF_VISITS:
        table.add_column(heading(name) + arrows[METRICS[name].better], justify="right")
    for agent in result.agents:
        table.add_row(safe(agent.name), *[cell(name, agent.interval(name)) for name in OF_VISITS])
    return table
