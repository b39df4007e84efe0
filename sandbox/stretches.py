"""Forgetting and transfer, where a world returns to laws it had before, or comes to new ones.

A *visit* is a stretch of decisions under one concept of the world's drift (`Trace.concept`), from one change to the
next or to the end of the run. Concepts that are only passed through, mixtures of an old law and a new one or laws
between them (`Meta.passing`), are no visits; nor is a stretch of under 8 decisions; and of a run's visits the first 256
count. What a stream does in phases of its own is no change of concept here.

The *loss* of a decision is its gap where prices are known; without prices 1 for a wrong label or an abstention and 0
for a right label, or the absolute error of a forecast. Control without prices has none.

For a visit of n decisions, w = min(window of the run, n // 4); its *start* is the mean loss of its first w decisions,
its *end* that of its last w. Then, as means that are NaN where there is nothing to take them over:

- forgetting = over all returns, start of the return - end of the visit to that concept before it: what was lost in
  between (after Chaudhry et al. 2018, section 4, with the last visit in place of the best).
- backward_transfer = over all concepts that were returned to, end of the first visit - start of the last one: what came
  after a concept did to it (BWT of Lopez-Paz & Ranzato 2017, section 2: accuracy at the very end minus accuracy when
  the task had just been learned). Below 0 it was forgotten, above 0 it gained. With one return to each concept it is
  minus the forgetting.
- forward_transfer = over the concepts that are first met after another one, start of the twin that always lived there -
  start of the first visit: what was learned elsewhere was worth on arrival (FWT, ibid.: accuracy before the task is
  learned minus that of a random start). The twin's start is over as many decisions. Above 0 earlier concepts helped. It
  is known where recovery is measured (`sandbox.recovery`), which is what runs twins.

An agent whose loss does not depend on what it learned has 0 in all three but for chance: its first and last decisions
meet other questions. The shorter w, the more of that; the longer, the more of the loss is relearned within a start.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sandbox.drift import Schedule
from sandbox.table import FloatArray, IntArray
from sandbox.trace import Meta, Trace

if TYPE_CHECKING:
    from sandbox.agent_result import AgentResult
    from sandbox.comparison.intervals import Interval
    from sandbox.evaluator import Scores

MOST_VISITS = 256
SHORTEST = 8  # decisions of a visit: a quarter of it is two


class Visit(NamedTuple):
    """One visit to a concept: its first lifetime step, its decisions, and the mean loss at both its ends."""

    concept: int
    begin: int
    decisions: int
    start: float
    end: float

    def span(self, window: int) -> int:
        """Return over how many decisions a start, or an end, is taken."""
        return min(window, self.decisions // 4)


def passing_of(schedule: Schedule) -> tuple[bool, ...]:
    """Return for each concept whether it is only passed through: neither the old nor the new law of some drift."""
    levels = [drift.levels for drift in schedule.drifts]
    return tuple(
        any(0 < level < top for level, top in zip(schedule.levels_of(concept), levels, strict=True))
        for concept in range(schedule.n_concepts)
    )


def losses_of(trace: Trace, meta: Meta) -> FloatArray:
    """Return the loss (n,) of each decision, NaN where it is not known."""
    if meta.priced:
        return np.asarray(trace.best - trace.value)
    if meta.task == "classification":
        return np.where(np.isnan(trace.truth), math.nan, trace.choice != trace.truth)
    return np.abs(trace.choice - trace.truth) if meta.task == "regression" else np.full(len(trace), math.nan)


def _mean(loss: FloatArray) -> float:
    known = loss[~np.isnan(loss)].tolist()
    return math.fsum(known) / len(known) if known else math.nan


class Start:
    """The losses of a run's first decisions, at most `window`."""

    def __init__(self, meta: Meta, window: int) -> None:
        self._meta, self._window = meta, window
        self._loss = np.empty(0)

    def update(self, trace: Trace) -> None:
        """Take the next chunk."""
        room = self._window - len(self._loss)
        if room > 0:
            self._loss = np.append(self._loss, losses_of(trace, self._meta)[:room])

    def mean(self, count: int) -> float:
        """Return the mean loss of the first `count` decisions, NaN if there were not that many."""
        return _mean(self._loss[:count]) if len(self._loss) >= count else math.nan


class Visits:
    """Follows a run through its concepts, chunk by chunk, in memory that does not grow with it."""

    def __init__(self, meta: Meta, window: int) -> None:
        self._meta, self._window = meta, window
        self._on = len(meta.passing) != 1 and (meta.task != "control" or meta.priced)
        self._kept: list[Visit] = []
        self._concept, self._begin, self._made = -1, 0, 0
        self._seen = 0
        self._head, self._tail = np.empty(0), np.empty(0)

    def update(self, trace: Trace) -> None:
        """Take the next chunk."""
        if not self._on or len(self._kept) >= MOST_VISITS:
            return
        laws = len(self._meta.passing)
        concept = trace.concept
        if laws and concept.max(initial=0) >= laws:  # beside the world's own phases; a remainder takes its time
            concept = concept % laws
        loss = losses_of(trace, self._meta)
        cuts = np.flatnonzero(concept[1:] != concept[:-1]) + 1
        starts, ends = np.append(0, cuts), np.append(cuts, len(trace))
        # What begins and ends in this chunk and is too short is not looked at: a walk may move at every step.
        worth = (ends - starts >= SHORTEST) | (starts == 0) | (ends == len(trace))
        for first, last in zip(starts[worth].tolist(), ends[worth].tolist(), strict=True):
            self._add(int(concept[first]), self._seen + first, loss[first:last])
        self._seen += len(trace)

    def _add(self, concept: int, step: int, loss: FloatArray) -> None:
        if concept != self._concept or step != self._begin + self._made:
            self._close()
            self._concept, self._begin, self._made = concept, step, 0
            self._head, self._tail = np.empty(0), np.empty(0)
        if len(self._head) < self._window:
            self._head = np.append(self._head, loss[: self._window - len(self._head)])
        self._tail = np.append(self._tail, loss)[-self._window :]
        self._made += len(loss)

    def _close(self) -> None:
        passing = self._meta.passing
        if self._made < SHORTEST or len(self._kept) >= MOST_VISITS or (passing and passing[self._concept]):
            return
        visit = Visit(self._concept, self._begin, self._made, math.nan, math.nan)
        w = visit.span(self._window)
        self._kept.append(visit._replace(start=_mean(self._head[:w]), end=_mean(self._tail[-w:])))

    def finish(self) -> list[Visit]:
        """End the last visit; return all that count."""
        self._close()
        self._made = 0
        return self._kept


def _mean_of(parts: list[float]) -> float:
    return _mean(np.array(parts, dtype=np.float64))


def forgetting(visits: list[Visit]) -> float:
    """Return the mean over returns of start - end of the visit before, NaN where no concept returns."""
    last: dict[int, Visit] = {}
    lost = []
    for visit in visits:
        if visit.concept in last:
            lost.append(visit.start - last[visit.concept].end)
        last[visit.concept] = visit
    return _mean_of(lost)


def backward_transfer(visits: list[Visit]) -> float:
    """Return the mean over concepts that return of end of the first visit - start of the last one."""
    first, last = firsts(visits), {visit.concept: visit for visit in visits}
    return _mean_of([one.end - last[one.concept].start for one in first if last[one.concept] is not one])


def forward_transfer(visits: list[Visit], twins: Mapping[int, Start], window: int) -> float:
    """Return the mean over later concepts of start of the twin in it - start of the first visit; `twins`: by concept.

    A concept without a twin is left out.
    """
    later = [visit for visit in firsts(visits)[1:] if visit.concept in twins]
    return _mean_of([twins[visit.concept].mean(visit.span(window)) - visit.start for visit in later])


def firsts(visits: list[Visit]) -> list[Visit]:
    """Return the first visit to each concept, in their order."""
    found: dict[int, Visit] = {}
    for visit in visits:
        found.setdefault(visit.concept, visit)
    return list(found.values())


OF = {"forgetting": forgetting, "backward_transfer": backward_transfer}


def visit_tables(visits: list[Visit]) -> dict[str, FloatArray]:
    """Return the visits as tables of numbers, none where there are not two: where and how long; losses at both ends."""
    if len(visits) < 2:
        return {}
    rows = np.array(visits, dtype=np.float64)
    return {"visits": rows[:, :3].copy(), "visit losses": rows[:, 3:].copy()}


def visits_from(tables: Mapping[str, FloatArray]) -> list[Visit]:
    """Return the visits among tables of numbers."""
    if "visits" not in tables:
        return []
    where: IntArray = tables["visits"].astype(np.int64)
    losses = tables["visit losses"].tolist()
    return [Visit(*map(int, row), *pair) for row, pair in zip(where.tolist(), losses, strict=True)]


def with_forward_transfer(scores: Scores, twins: Mapping[int, Start], window: int) -> Scores:
    """Return scores with the forward transfer that the starts of a run's twins, by concept, tell."""
    found = forward_transfer(visits_from(scores.tables), twins, window)
    return replace(scores, metrics=scores.metrics | {"forward_transfer": found})


def visits_over_runs(agent: AgentResult) -> list[tuple[Visit, Interval, Interval]]:
    """Return each visit of an agent's runs, in their order, and the means over runs of its start and of its end.

    Where runs differ in their visits, as under a random walk, each counts for those that made it.
    """
    found: dict[tuple[int, int, int], list[Visit]] = {}
    for run in agent.done:
        for visit in visits_from(run.scores.tables if run.scores is not None else {}):
            found.setdefault((visit.begin, visit.concept, visit.decisions), []).append(visit)
    return [
        (
            visits[0],
            agent.interval_of("", [visit.start for visit in visits]),
            agent.interval_of("", [visit.end for visit in visits]),
        )
        for _, visits in sorted(found.items())
    ]
