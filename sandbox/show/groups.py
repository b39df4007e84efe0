"""How agents did on each group, as a small table in a terminal; the report has a larger one, --json has all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from sandbox.groups import by_group, few, main_metric
from sandbox.show.text import cell, heading, safe

if TYPE_CHECKING:
    from sandbox.result import Result

_MOST = 8  # groups that have a column each


def groups_table(result: Result) -> Table | str:
    """Return a column for each group of a file whose groups were asked for, "" where there is none; or why not.

    The groups that simulated worlds have by themselves are left to the report.
    """
    if not result.fixed_data or len(result.meta.groups) < 2:
        return ""
    if len(result.meta.groups) > _MOST:
        return f"{len(result.meta.groups)} groups are too many for a table here: see sandbox report, or --json"
    metric = main_metric(result.meta)
    found = {agent.name: by_group(agent, result.meta) for agent in result.agents}
    names = [name for name in map(str, result.meta.groups) if any(name in told for told in found.values())]
    thin = {name for name in names for told in found.values() if name in told and few(told[name])}
    table = Table(title=f"{heading(metric)} by group", title_justify="left")
    table.add_column("agent", overflow="fold", max_width=44)
    for name in names:
        table.add_column(safe(name) + (" (few)" if name in thin else ""), justify="right")
    for agent, told in found.items():
        rows = [told.get(name, {}).get(metric) for name in names]
        table.add_row(safe(agent), *["–" if one is None else cell(metric, one) for one in rows])
    return table
