"""The evaluator: one judge for agents, models and logs. It reads columns and knows no world and no agent."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sandbox import books, labelled, ledger
from sandbox.answers import AnswerCount
from sandbox.calibration import bin_rows, calibration_error, make_bins
from sandbox.cells import Cells, cells_of, count_cells, make_counts, visits_to
from sandbox.compiled import compiled
from sandbox.curves import Curve, Track, curve_of, make_track, push, tail_mean, tail_of, total_of
from sandbox.extras import check_extras
from sandbox.fingerprint import Fingerprint
from sandbox.groups import group_table, make_groups, sum_groups
from sandbox.ledger import BLOCK
from sandbox.luck import LuckTest, audit_luck, enlarged, luck_z, make_luck_test, reach_of
from sandbox.metrics import METRICS
from sandbox.ranked import Scored
from sandbox.slates import coverage, mark_shown
from sandbox.stretches import OF, Visits, visit_tables
from sandbox.table import FloatArray, IntArray
from sandbox.trace import Meta, Trace, extra_of

_AUDIT = {
    "ledger_error": books.A_LEDGER_ERROR,
    "min_gap": books.A_MIN_GAP,
    "shift_leak": books.A_SHIFT_LEAK,
    "start_luck": books.A_START_LUCK,
    "level": books.A_LEVEL,
}


@compiled
def judge(
    c: ledger.Columns,
    rules: ledger.Rules,
    book: books.Books,
    kept: tuple[IntArray, IntArray],
    decisions: Track,
    episodes: Track,
    test: LuckTest,
    cells: FloatArray,
    tally: labelled.Tally,
    bins: FloatArray,
    groups: tuple[FloatArray, IntArray],
) -> int:
    """Judge the rows of a chunk, a block at a time; return how many abstentions had a truth.

    `kept`: the rows of signals that are followed, of decisions and of episodes. `cells`: counts of `count_cells`.
    `tally`, `bins`: counts of labels, and of choices by their confidence. `groups`: sums by group (`make_groups`).
    """
    signals, at, unanswered = np.empty((len(ledger.SIGNALS), BLOCK)), np.empty(BLOCK, dtype=np.int64), 0
    for first in range(0, c.step.shape[0], BLOCK):
        rows = min(BLOCK, c.step.shape[0] - first)
        ledger.price_rows(c, rules, first, rows, signals)
        if rules.priced or rules.episodic:
            done = books.book_rows(c, rules, book, first, rows, signals)
            if rules.episodic:
                push(episodes, book.ended, kept[1], book.ended_at[:done])
        ledger.judge_exploring(c, first, rows, signals)
        for i in range(rows):
            at[i] = c.step[first + i] + 1
            unanswered += np.isnan(c.choice[first + i]) and not np.isnan(c.truth[first + i])
        push(decisions, signals, kept[0], at[:rows])
        if rules.priced:
            audit_luck(c, rules, first, rows, signals, test)
        if cells.shape[2]:
            count_cells(c, first, rows, signals, cells)
        if rules.task == ledger.CLASSIFICATION:
            labelled.tally_rows(c, first, rows, tally)
            bin_rows(c, first, rows, signals, bins)
        sum_groups(c, first, rows, signals, groups)
    return unanswered


@dataclass(frozen=True)
class Scores:
    """What the evaluator says of one run: `metrics` by name (NaN: does not apply) and `curves` by signal.

    `cells`: what happened state by state, in priced tables that are not too large. `tables`: what else is kept in rows
    of numbers, each (n, 4) at most; "reliability": by bin of confidence, decisions, sum of confidence, and those that
    were right; "groups" (`sandbox.groups`); "visits" to concepts, and their losses (`sandbox.stretches`).
    `fingerprint` is the same for two runs that met, chose and earned the same.
    """

    metrics: dict[str, float]
    curves: dict[str, Curve]
    decisions: int
    fingerprint: str
    cells: dict[str, Cells] = field(default_factory=dict)
    tables: dict[str, FloatArray] = field(default_factory=dict)


class Evaluator:
    """Judges a trace chunk by chunk, in memory that does not grow with the run.

    `pushes`: number of decisions if known beforehand (the final tenth is then exact; else to 1/256 of the run).
    `window`: decisions in the windowed curve. `fading`: factor by which the fading mean forgets, per decision.
    """

    def __init__(self, meta: Meta, pushes: int | None = None, window: int = 1000, fading: float = 0.999) -> None:
        self.meta = meta
        self._rules = ledger.rules_of(meta)
        self._books = books.make_books()
        self._signals = ledger.signals_of(meta)
        rows = [ledger.SIGNALS.index(name) for name in self._signals]
        self._kept = np.array(rows), np.arange(len(books.EPISODE_SIGNALS))
        self._decisions = make_track(len(self._signals), window, fading, pushes)
        self._episodes = make_track(len(books.EPISODE_SIGNALS), min(window, 100), fading, None)
        self._extras = make_track(len(check_extras(meta.world, meta.extras)), window, fading, pushes)
        self._luck = make_luck_test(0)
        self._answers = AnswerCount()
        self._fingerprint = Fingerprint()
        self._cells = make_counts(meta)
        self._tally, self._bins = labelled.make_tally(meta), make_bins()
        self._scored = Scored(pushes) if meta.task == "classification" and meta.n_choices == 2 else None
        self._groups, self._visits = make_groups(meta), Visits(meta, window)
        self._shown = np.zeros(meta.catalogue, dtype=np.bool_)
        self._unanswered = 0
        self._seen = 0

    def update(self, trace: Trace) -> None:
        """Judge the next chunk of the run."""
        if not len(trace):
            return
        if self.meta.priced:
            self._luck = enlarged(self._luck, self.meta, int(trace.concept.max()))
        self._unanswered += judge(
            ledger.columns_of(trace), self._rules, self._books, self._kept, self._decisions, self._episodes, self._luck,
            self._cells, self._tally, self._bins, self._groups,
        )  # fmt: skip
        if self._scored is not None:
            self._scored.update(trace)
        if len(self._shown) and trace.choice_vector is not None:
            mark_shown(trace.choice_vector, self._shown)
        if self.meta.extras:
            told = np.array([extra_of(trace, name) for name in self.meta.extras])
            push(self._extras, told, np.arange(len(told)), trace.step + 1)
        self._visits.update(trace)
        self._answers.update(trace)
        self._fingerprint.update(trace)
        self._seen = int(trace.step[-1]) + 1

    def total(self, signal: str) -> float:
        """Sum of a signal, NaN if it never had a value."""
        if signal in ("unanswered", "pending", "never_answered"):
            counted = self._unanswered, self._answers.pending, self._answers.never
            return float(counted[("unanswered", "pending", "never_answered").index(signal)])
        if signal in self.meta.marks:
            return visits_to(self._cells, self.meta.marks[signal])
        found = self._find(signal)
        return total_of(*found) if found is not None else math.nan

    def count(self, signal: str) -> float:
        """Number of rows where a signal has a value."""
        found = self._find(signal)
        return float(found[0].counts[found[1]]) if found is not None else 0.0

    def mean(self, signal: str) -> float:
        """Mean of a signal over the rows where it has a value."""
        count = self.count(signal)
        return self.total(signal) / count if count else math.nan

    def tail(self, signal: str) -> float:
        """Mean of a signal over the final tenth of the decisions (of the episodes, for what episodes have)."""
        found = self._find(signal)
        return tail_mean(*found) if found is not None else math.nan

    def tail_count(self, signal: str) -> float:
        """Number of rows of the final tenth where a signal has a value."""
        found = self._find(signal)
        return tail_of(*found)[1] if found is not None else 0.0

    def labels(self, name: str) -> float:
        """One of the numbers that follow from counts of labels, or of items shown, by its metric's name."""
        if name in ("roc_auc", "final_roc_auc"):
            return math.nan if self._scored is None else self._scored.area(final=name == "final_roc_auc")
        if name == "calibration_error":
            return calibration_error(self._bins)
        return coverage(self._shown) if name == "coverage" else labelled.OF[name](self._tally)

    def visits(self, name: str) -> float:
        """One of the numbers that follow from visits to concepts, NaN for what only a run's twins can tell."""
        return OF[name](self._visits.finish()) if name in OF else math.nan

    def audit(self, name: str) -> float:
        """One entry of the audit, NaN where the run is not priced."""
        if not self.meta.priced:
            return math.nan
        if name in ("luck_z", "luck_z_bound"):
            return luck_z(self._luck, reach_of(self.meta, len(self._luck.counts)))[name == "luck_z_bound"]
        return float(self._books.audit[_AUDIT[name]])

    def _find(self, signal: str) -> tuple[Track, int] | None:
        """Return where a signal is summed up, None if this kind of world does not have it."""
        if signal in books.EPISODE_SIGNALS:
            return self._episodes, books.EPISODE_SIGNALS.index(signal)
        if signal in self.meta.extras:
            return self._extras, self.meta.extras.index(signal)
        return (self._decisions, self._signals.index(signal)) if signal in self._signals else None

    def finish(self) -> Scores:
        """Close the run and return its scores."""
        books.close_books(self._books)
        metrics = {name: float(metric.of(self)) for name, metric in METRICS.items()}
        if not self.meta.episodic:
            metrics |= dict.fromkeys(("return", "final_return", "episodes", "episode_length"), math.nan)
        curves = {}
        episodic = books.EPISODE_SIGNALS if self.meta.episodic else ()
        for signal in (*self._signals, *episodic, *self.meta.extras):
            found = self._find(signal)
            if found is not None and self.count(signal):
                curves[signal] = curve_of(*found, self._seen)
        tables = {"reliability": self._bins.copy()} if self._bins.any() else {}
        tables |= {"groups": by_group} if len(by_group := group_table(*self._groups)) else {}
        tables |= visit_tables(self._visits.finish())
        return Scores(metrics, curves, self._seen, self._fingerprint.text(), cells_of(self._cells), tables)


def evaluate(trace: Trace, meta: Meta, **options: Any) -> Scores:
    """Judge a whole trace at once; `options` are those of `Evaluator`."""
    judge = Evaluator(meta, pushes=len(trace), **options)
    judge.update(trace)
    return judge.finish()
