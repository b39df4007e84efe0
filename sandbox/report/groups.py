"""Groups in a report: how every agent did on each group, and which groups say little."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.agent_result import AgentResult
from sandbox.comparison.intervals import Interval
from sandbox.groups import FEW, MOST_GROUPS, OF_GROUPS, by_group, few, main_metric
from sandbox.metrics import METRICS
from sandbox.plots.groups import draw_groups, height_of
from sandbox.report.amounts import NONE, counted, listed, measured, scaled, title_of, unit_of
from sandbox.report.facts import Facts
from sandbox.report.parts import Part, Picture, Said, Table
from sandbox.report.pictures import colours_of, drawn_axes, legend_of, squeezed
from sandbox.report.tables import cell_of
from sandbox.show.text import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Found = dict[str, dict[str, dict[str, Interval]]]  # agent, group, metric
_MOST_ROWS, _MOST_LINES = 12, 6  # groups and agents in the figure
_FOLD = 16
_ARROWS = {"higher": " ↑", "lower": " ↓", "": ""}


def groups_part(facts: Facts, prefix: str) -> Part | None:
    """Return how the agents did by group, None where there are no groups."""
    meta = facts.result.meta
    found: Found = {agent.name: by_group(agent, meta) for agent in facts.result.agents}
    names = [name for name in dict.fromkeys(map(str, meta.groups)) if any(name in told for told in found.values())]
    if len(names) < 2:
        return None
    drawn = [agent for agent in (*facts.learners, *facts.yardsticks) if found[agent.name]][:_MOST_LINES]
    pictures = [_picture(facts, found, names, drawn, prefix)] if drawn else []
    return Part(
        f"{prefix}-groups", "Group by group", _said(facts, found, names), pictures, [_table(facts, found, names)],
        [line for line in legend_of(facts) if line[0] in {facts.called(agent) for agent in drawn}],
    )  # fmt: skip


def _said(facts: Facts, found: Found, names: list[str]) -> list[Said]:
    meta, metric = facts.result.meta, main_metric(facts.result.meta)
    said = [Said("", "Each number is the run's own measure, over the decisions of one group. Intervals are over runs.")]
    if len(meta.groups) > MOST_GROUPS:
        said.append(Said("", f"Only the first {MOST_GROUPS} of {len(meta.groups):,} groups are told apart."))
    for agent in facts.learners:
        told = {n: one[metric] for n, one in found[agent.name].items() if metric in one and not few(one)}
        order = sorted(told, key=lambda name: told[name].mean, reverse=METRICS[metric].better == "higher")
        if len(order) > 1 and told[order[0]].mean != told[order[-1]].mean:
            best, worst = (f"{name}, {measured(metric, told[name])}" for name in (order[0], order[-1]))
            said.append(Said(f"{facts.called(agent)}:", f"best on {best}; worst on {worst}; {_unit(metric)}."))
    thin = [name for name in names if any(name in told and few(told[name]) for told in found.values())]
    if thin:
        told_of = listed(thin[:5]) + (f" and {len(thin) - 5} more" if len(thin) > 5 else "")
        said.append(Said("Few decisions:", f"under {FEW} in all runs together on {told_of}: they say little."))
    return said


def _unit(metric: str) -> str:
    return f"{title_of(metric)} ({unit_of(metric)})"


def _table(facts: Facts, found: Found, names: list[str]) -> Table:
    told = [one for groups in found.values() for one in groups.values()]
    shown = [name for name in OF_GROUPS if any(name in one for one in told)]
    rows = []
    for name in names:
        for agent in facts.result.agents:
            one = found[agent.name].get(name)
            if one is not None:
                cells = [cell_of(metric, one[metric]) if metric in one else NONE for metric in shown]
                mark = " (few)" if few(one) else ""
                rows.append((f"{name}{mark}", facts.called(agent), f"{one['decisions'].mean:,.0f}", *cells))
    head = ("group", "agent", "decisions", *[f"{_title(name)}{_ARROWS[METRICS[name].better]}" for name in shown])
    caption = "By group: means over runs with 95 % intervals; ↑ more is better, ↓ less is. Regret, mistakes and "
    caption += "abstentions are counts and sums: larger groups have more of them."
    return Table("groups", caption, head, rows, left=(1,), fold=len(rows) > _FOLD)


def _title(metric: str) -> str:
    return title_of(metric) + (" %" if METRICS[metric].percent else "")


def _picture(facts: Facts, found: Found, names: list[str], drawn: list[AgentResult], prefix: str) -> Picture:
    metric = main_metric(facts.result.meta)
    size = {n: max((told[n]["decisions"].mean for told in found.values() if n in told), default=0.0) for n in names}
    largest = set(sorted(names, key=lambda name: -size[name])[:_MOST_ROWS])
    shown = [name for name in names if name in largest]
    left = f" (the {counted(len(shown), 'largest group')} of {len(names)})" if len(shown) < len(names) else ""

    def drawing() -> Figure:
        figure, axes = drawn_axes(height_of(len(shown), len(drawn)))
        looks = colours_of(facts)
        rows = [[_scaled(metric, found[a.name].get(name, {}).get(metric)) for name in shown] for a in drawn]
        labels = [squeezed(printable(name), 18) for name in shown]
        draw_groups(axes, labels, rows, [looks[a.name]["color"] for a in drawn], unit_of(metric))
        return figure

    label = f"Mean {title_of(metric)} of each agent on each group, with 95 % intervals{left}"
    return Picture(f"{prefix}-by-group", f"{title_of(metric).capitalize()} by group{left}", label, drawing)


def _scaled(metric: str, one: Interval | None) -> Interval | None:
    if one is None:
        return None
    mean, low, high = (scaled(metric, part) for part in one[:3])
    return Interval(mean, low, high, one.n)
