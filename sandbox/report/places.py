"""Where mistakes were made: maps of what they cost, and of where the learners were, for worlds that are tables."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sandbox.agent_result import AgentResult
from sandbox.cells import AFTER, BEFORE
from sandbox.plots.heat import COST, VISITS, Map, Panel, Phase, draw_map
from sandbox.plots.strips import MOST_IN_ORDER, costliest, draw_bars, draw_costliest
from sandbox.report.amounts import counted
from sandbox.report.facts import Facts
from sandbox.report.parts import Part, Picture, Said
from sandbox.report.pictures import WIDE, drawn_axes
from sandbox.show.text import printable
from sandbox.table import FloatArray
from sandbox.watching.by_name import Named, looks_of_world

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 3  # learners whose maps are shown
_COLOURS = 9
_TITLES = {BEFORE: "before the drift", AFTER: "after the drift"}
_BACK = {BEFORE: "under the first law", AFTER: "under other laws"}  # where the first law may come back


def places_part(facts: Facts, prefix: str) -> Part | None:
    """Return the maps of a world's learners, None where nothing is known state by state."""
    result = facts.result
    back = any(f" {kind}@" in f" {result.drifting.drift}" for kind in ("recurring", "random-walk"))
    titles = _BACK if back else _TITLES
    found = [(agent, _phases(agent, result.meta.n_cells, titles)) for agent in facts.learners]
    shown = [(agent, phases) for agent, phases in found if phases][:_MOST]
    if not shown:
        return None
    steps = max((int(agent.decisions) for agent, _ in shown if not math.isnan(agent.decisions)), default=1)
    maps, named = looks_of_world(result.world, result.drifting.drift, steps)
    pictures = _pictures(facts, shown, dict(zip((BEFORE, AFTER), maps, strict=True)), named, prefix)
    told = (
        "Cost is the sum of the gaps of all decisions made in a state, in reward; visits are how many they were. Both"
    )
    told += " are means of a run; darker is more."
    left = f" Shown are the best {_MOST}." if len(found) > _MOST else ""
    said = [Said("", told + left)]
    said += [Said(f"{facts.called(agent)}:", _concentrated(phases)) for agent, phases in shown]
    return Part(f"{prefix}-places", "Where mistakes were made", said, pictures)


def _phases(agent: AgentResult, n_cells: int, titles: dict[str, str]) -> dict[str, Phase]:
    """Return, for the first law and the later ones, what happened state by state in the mean run of an agent."""
    runs = [run.scores for run in agent.done if run.scores is not None]
    runs = runs[:1] if agent.distinct == 1 else runs
    found = {}
    for name in (BEFORE, AFTER):
        sums = np.zeros((3, n_cells))
        for scores in runs:
            cells = scores.cells.get(name)
            if cells is not None and len(cells.cell) and cells.cell[-1] < n_cells:
                sums[:, cells.cell] += np.stack([cells.visits, cells.cost, cells.mistakes])
        if sums.any():
            found[name] = Phase(titles[name], *(sums / len(runs)))
    return {"": replace(found[BEFORE], title="")} if list(found) == [BEFORE] else found


def _concentrated(phases: dict[str, Phase]) -> str:
    """Say in how few states mistakes cost most."""
    told = []
    for phase in phases.values():
        total, met = float(phase.cost.sum()), int((phase.visits > 0).sum())
        if total <= 0:
            told.append(f"{phase.title} no mistake cost anything".strip())
            continue
        half = int(np.searchsorted(np.cumsum(np.sort(phase.cost)[::-1]), 0.5 * total)) + 1
        where = f"{phase.title}, " if phase.title else ""
        states = counted(half, "state")
        told.append(f"{where}half of what its mistakes cost fell to {states} of the {met:,} that it met")
    return f"{'; '.join(told)}."


def _pictures(
    facts: Facts,
    shown: list[tuple[AgentResult, dict[str, Phase]]],
    maps: dict[str, Map | None],
    named: Named,
    prefix: str,
) -> list[Picture]:
    """Return for each learner and phase a map of cost and one of visits, in the same colours for all learners."""
    every = [phase for _, phases in shown for phase in phases.values()]
    found = []
    for k, (agent, phases) in enumerate(shown):
        for name, phase in phases.items():
            ground = maps[name or BEFORE]
            kinds = (COST, VISITS) if ground is not None and len(ground.rows) > 1 else (COST,)
            for kind in kinds:
                title = f"{facts.called(agent)}: {'cost' if kind == COST else 'visits'} {phase.title}".strip()
                found.append(
                    Picture(
                        f"{prefix}-{kind}-{k}-{'after' if name == AFTER else 'first'}",
                        title,
                        f"{title}, state by state",
                        lambda phase=phase, ground=ground, kind=kind: _drawn(phase, ground, kind, every, named),  # type: ignore[misc]
                    )
                )
    return found


def _drawn(phase: Phase, ground: Map | None, kind: str, every: list[Phase], named: Named) -> Figure:
    """Draw what a phase cost, or where it was, on the map; without one as bars."""
    cost = kind == COST
    unit = "sum of gaps (reward)" if cost else "decisions"
    if ground is None or len(ground.rows) == 1:
        figure, axes = drawn_axes(2.6 if len(phase.cost) <= MOST_IN_ORDER else 3.6)
        if len(phase.cost) <= MOST_IN_ORDER:
            draw_bars(axes, phase.cost, unit)
        else:
            worst = costliest(phase)
            draw_costliest(axes, phase, dict(zip(worst, map(printable, named(worst)), strict=True)))
        return figure
    figure, axes = drawn_axes(min(6.0, (WIDE - 0.9) * len(ground.rows) / len(ground.rows[0]) + 0.2))
    values = _seen(phase, cost)
    known = np.concatenate([_seen(one, cost) for one in every])
    limits = None if ground.shared else (float(np.nanmin(known)), float(np.nanmax(known)))
    draw_map(axes, Panel("", "", values, kind), ground, (), limits, _COLOURS)
    return figure


def _seen(phase: Phase, cost: bool) -> FloatArray:
    told: FloatArray = np.where(phase.visits > 0, phase.cost if cost else phase.visits, math.nan)
    return told
