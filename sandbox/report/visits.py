"""What was forgotten and what was carried over, in a report: visits to the concepts of a world that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.headlines import OF_VISITS
from sandbox.metrics import METRICS
from sandbox.plots.groups import draw_visits
from sandbox.report.amounts import NONE, measured, title_of
from sandbox.report.facts import Facts
from sandbox.report.parts import Part, Picture, Said, Table
from sandbox.report.pictures import colours_of, drawn_axes, legend_of
from sandbox.stretches import MOST_VISITS, visits_over_runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ARROWS = {"higher": " ↑", "lower": " ↓"}
_MOST_LINES = 6
_DEFINED = [
    ("concept, visit", "A concept is one of the laws between which the world changes; a visit is the time from one "
     "change to the next. Loss is the gap where prices are known, else the error."),
    ("forgetting", "Loss at the start of a return to a concept minus that at the end of the visit before: what was "
     "lost in between."),
    ("backward transfer", "Loss at the end of the first visit to a concept minus that at the start of the last one: "
     "what came after the concept did to it; below 0 it was forgotten."),
    ("forward transfer", "Loss at the start of a twin that always lived in a concept minus that at the start of the "
     "first visit to it: what was learned in other concepts was worth on arrival; below 0 it did harm."),
]  # fmt: skip


def visits_part(facts: Facts, prefix: str) -> Part | None:
    """Return what visits to concepts tell, None where no concept returned and no twin tells of a new one."""
    agents = [agent for agent in facts.result.agents if agent.done]
    shown = [name for name in OF_VISITS if any(agent.interval(name).n for agent in agents)]
    if not shown:
        return None
    rows = [(facts.called(agent), *[_cell(name, agent.interval(name)) for name in shown]) for agent in agents]
    head = ("agent", *[f"{title_of(name)}{_ARROWS[METRICS[name].better]}" for name in shown])
    caption = "Forgetting and transfer, in gap or error per decision. Means over runs with 95 % intervals."
    drawn = [agent for agent in (*facts.learners, *facts.yardsticks) if visits_over_runs(agent)][:_MOST_LINES]
    unit = "gap per decision" if facts.result.meta.priced else "error per decision"

    def drawing() -> Figure:
        figure, axes = drawn_axes()
        looks = colours_of(facts)
        told = [visits_over_runs(agent) for agent in drawn]
        draw_visits(axes, told, [looks[agent.name] for agent in drawn], facts.result.window, unit)
        return figure

    label = (
        "Each visit to a concept from its start (hollow) to its end (full): mean loss of its first and last decisions"
    )
    pictures = [Picture(f"{prefix}-visits", "Start and end of each visit", label, drawing)] if drawn else []
    said = []
    if any(len(run.scores.tables.get("visits", ())) == MOST_VISITS for a in agents for run in a.done if run.scores):
        said.append(Said("", f"Only the first {MOST_VISITS} visits of a run count here."))
    return Part(
        f"{prefix}-visits-part", "What was kept and carried over", said, pictures,
        [Table("visits", caption, head, rows)],
        [line for line in legend_of(facts) if line[0] in {facts.called(agent) for agent in drawn}],
        defined=_DEFINED,
    )  # fmt: skip


def _cell(metric: str, found: tuple[float, float, float, int]) -> str:
    return measured(metric, found) if found[3] else NONE
