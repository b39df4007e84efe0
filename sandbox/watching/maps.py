"""Maps of a run: what the agent learned, what is true, where it was, where it erred and what that cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sandbox.oracle import Solution
from sandbox.plots.files import save
from sandbox.plots.heat import Map, Phase, figure
from sandbox.table import FloatArray, Table
from sandbox.trace import Meta
from sandbox.watching.boards import Ground, ground_of
from sandbox.watching.film import Film
from sandbox.watching.reel import Told
from sandbox.watching.screens import Screen


def ground_under(screen: Screen, concept: int) -> Ground | None:
    """Return the map of a world under a law, None if it has none."""
    return ground_of(screen.stage(concept))


def save_maps(screen: Screen, film: Film, told: Told, stem: Path) -> list[Path]:
    """Write the maps of a run beside its animation, as PNG and SVG; return their paths, none if unpriced."""
    solutions = screen.world.law.solutions
    if isinstance(solutions, str):
        return []
    phases, maps = list[Phase](), list[Map | None]()
    for title, begin, end in spans_of(len(film.trace), told.changes):
        concept = int(film.trace.concept[end - 1])
        phases.append(phase_of(title, film, solutions[concept], screen.world.meta, begin, end))
        ground = ground_under(screen, concept)
        maps.append(None if ground is None else Map(ground.rows, ground.places, ground.bars))
    title = f"{told.subject}: {len(film.trace):,} decisions"
    return save(figure(title, phases, maps, told.teller.ways), stem.with_name(f"{stem.name}-maps"))


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
    learned = _by_state(film.tables.get(end), solution.table)
    return Phase(title, visits, cost, mistakes, learned, solution.best, solution.value)


def _by_state(learned: FloatArray | None, table: Table) -> FloatArray | None:
    """Return a learned table with a row for each state, None if it is none of this world."""
    if learned is None or learned.shape != (table.n_observations, table.n_choices):
        return None
    return learned[table.seen]
