"""Maps of a run: what the agent learned, what is true, where it was, where it erred and what that cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sandbox.oracle import Solution
from sandbox.plots.files import save
from sandbox.plots.heat import Map, Phase, figure
from sandbox.plots.strips import costliest, draw_states
from sandbox.trace import Meta
from sandbox.watching.boards import Ground, ground_of, state_names
from sandbox.watching.film import Film
from sandbox.watching.reel import Told
from sandbox.watching.screens import Screen


def ground_under(screen: Screen, concept: int) -> Ground | None:
    """Return the map of a world under a law, None if it has none."""
    found = ground_of(screen.stage(concept))
    return None if found is None else found.over(screen.world.meta.n_cells)


def save_maps(screen: Screen, film: Film, told: Told, stem: Path) -> list[Path]:
    """Write the maps of a run beside its animation, as PNG and SVG; return their paths, none if unpriced.

    Where several states share a place, or none has one, the costliest states are drawn by name, too.
    """
    solutions = screen.world.law.solutions
    if isinstance(solutions, str):
        return []
    phases, maps, names = list[Phase](), list[Map | None](), dict[int, str]()
    for title, begin, end in spans_of(len(film.trace), told.changes):
        concept = int(film.trace.concept[end - 1])
        phases.append(phase_of(title, film, solutions[concept], screen.world.meta, begin, end))
        ground = ground_under(screen, concept)
        maps.append(None if ground is None else Map(ground.rows, ground.places, ground.bars))
        worst = costliest(phases[-1])
        names |= dict(zip(worst, state_names(screen.stage(concept), worst), strict=True))
    title = f"{told.subject}: {len(film.trace):,} decisions"
    paths = save(figure(title, phases, maps, told.teller.ways, names), stem.with_name(f"{stem.name}-maps"))
    if maps[0] is not None and maps[0].shared:
        paths += save(draw_states(title, phases, names), stem.with_name(f"{stem.name}-states"))
    return paths


def spans_of(n: int, changes: Sequence[int]) -> list[tuple[str, int, int]]:
    """Return the stretches of a run of `n` decisions that have maps of their own: before the first drift, and after."""
    cut = next((at for at in changes if 0 < at < n), None)
    return [("", 0, n)] if cut is None else [("before the drift", 0, cut), ("after the drift", cut, n)]


def phase_of(title: str, film: Film, solution: Solution, meta: Meta, begin: int, end: int) -> Phase:
    """Return what is drawn of the decisions from `begin` to `end`; `solution`: of the law in force at their end."""
    trace, n_states = film.trace, solution.table.n_states
    cell, gap = trace.cell[begin:end], trace.best[begin:end] - trace.value[begin:end]
    sums = [np.ones(len(cell)), np.nan_to_num(gap), gap > meta.material * meta.gap_range]
    visits, cost, mistakes = (np.bincount(cell, weights=part, minlength=n_states).astype(np.float64) for part in sums)
    learned, values = film.tables.get(end), film.values.get(end)
    if learned is not None and learned.shape != (solution.table.n_observations, solution.table.n_choices):
        learned = None
    if values is not None and values.shape != (solution.table.n_observations,):
        values = None
    seen = solution.table.seen  # of several states that look alike the agent thinks the same
    return Phase(
        title, visits, cost, mistakes, None if learned is None else learned[seen], solution.best, solution.value,
        None if values is None else values[seen],
    )  # fmt: skip
