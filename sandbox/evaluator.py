"""The evaluator: one judge for agents, models and logs. It reads columns and knows no world and no agent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from sandbox import ledger
from sandbox.curves import Curve, Track, curve_of, make_track, push, tail_mean, total_of
from sandbox.metrics import METRICS
from sandbox.table import IntArray
from sandbox.trace import Meta, Trace

_AUDIT = {
    "ledger_error": ledger.A_LEDGER_ERROR,
    "min_gap": ledger.A_MIN_GAP,
    "shift_leak": ledger.A_SHIFT_LEAK,
    "start_luck": ledger.A_START_LUCK,
    "level": ledger.A_LEVEL,
}
_MAX_SLOTS = 5_000_000  # situations x choices above which luck is not audited: it would take too much memory
# What makes two runs different runs.
_DISTINGUISH = ("cell", "choice", "truth", "reward", "likelihood", "terminated", "truncated", "choice_vector")


@dataclass(frozen=True)
class Scores:
    """What the evaluator says of one run: `metrics` by name (NaN: does not apply) and `curves` by signal.

    `fingerprint` is the same for two runs that met, chose and earned the same.
    """

    metrics: dict[str, float]
    curves: dict[str, Curve]
    decisions: int
    fingerprint: str


class Evaluator:
    """Judges a trace chunk by chunk, in memory that does not grow with the run.

    `pushes`: number of decisions if known beforehand (the final tenth is then exact; else to 1/256 of the run).
    `window`: decisions in the windowed curve. `fading`: factor by which the fading mean forgets, per decision.
    """

    def __init__(self, meta: Meta, pushes: int | None = None, window: int = 1000, fading: float = 0.999) -> None:
        self.meta = meta
        self._rules = ledger.rules_of(meta)
        self._books = ledger.make_books()
        self._signals = ledger.signals_of(meta)
        self._picked = np.array([ledger.SIGNALS.index(name) for name in self._signals])
        self._decisions = make_track(len(self._signals), window, fading, pushes)
        self._episodes = make_track(len(ledger.EPISODE_SIGNALS), min(window, 100), fading, None)
        self._concepts = 1
        self._luck = ledger.LuckTest(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0))
        self._unanswered = 0.0
        self._seen = 0
        self._digests = {name: blake2b(digest_size=16) for name in _DISTINGUISH}

    def update(self, trace: Trace) -> None:
        """Judge the next chunk of the run."""
        if not len(trace):
            return
        columns = ledger.columns_of(trace)
        signals = np.empty((len(trace), len(ledger.SIGNALS)))
        ledger.book_rows(columns, self._rules, self._books, self._episodes, signals)
        push(self._decisions, signals[:, self._picked], trace.step + 1)
        self._unanswered += float((np.isnan(trace.choice) & ~np.isnan(trace.truth)).sum())
        if self.meta.priced:
            luck = trace.reward - self.meta.gain + self.meta.discount * trace.next_best - trace.value
            slots = self._slots(trace)  # may enlarge self._luck
            if slots is not None:
                ledger.add_luck(self._luck, slots, luck, trace.value)
        for name, digest in self._digests.items():
            column = getattr(trace, name)
            if column is not None:
                digest.update(column.tobytes())
        self._seen = int(trace.step[-1]) + 1

    def _slots(self, trace: Trace) -> IntArray | None:
        """Number each (concept, cell, choice), an abstention -1; None if there are too many to keep."""
        cells, choices = self.meta.n_cells, self.meta.n_choices
        concepts = int(trace.concept.max()) + 1
        wanted = max(concepts, self._concepts) * cells * choices
        if wanted > _MAX_SLOTS:
            return None
        if len(self._luck.counts) < wanted:
            more = np.zeros(wanted - len(self._luck.counts))
            self._luck = ledger.LuckTest._make(np.concatenate([part, more]) for part in self._luck)
            self._concepts = max(concepts, self._concepts)
        choice = np.nan_to_num(trace.choice, nan=0.0).astype(np.int64)
        if self.meta.task == "regression":
            choice = np.zeros_like(choice)
        slot = (trace.concept * cells + trace.cell) * choices + choice
        outside = (trace.cell < 0) | (trace.cell >= cells) | (choice < 0) | (choice >= choices) | np.isnan(trace.choice)
        return np.where(outside, -1, slot).astype(np.int64)

    def total(self, signal: str) -> float:
        """Sum of a signal, NaN if it never had a value."""
        if signal == "unanswered":
            return self._unanswered
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

    def audit(self, name: str) -> float:
        """One entry of the audit, NaN where the run is not priced."""
        if not self.meta.priced:
            return math.nan
        if name in ("luck_z", "luck_z_bound"):
            reach = np.array(self.meta.luck_reach) if self.meta.luck_reach else None
            return ledger.luck_z(self._luck, reach)[name == "luck_z_bound"]
        return float(self._books.audit[_AUDIT[name]])

    def _find(self, signal: str) -> tuple[Track, int] | None:
        """Return where a signal is summed up, None if this kind of world does not have it."""
        if signal in ledger.EPISODE_SIGNALS:
            return self._episodes, ledger.EPISODE_SIGNALS.index(signal)
        return (self._decisions, self._signals.index(signal)) if signal in self._signals else None

    def finish(self) -> Scores:
        """Close the run and return its scores."""
        books = self._books
        if books.episode[ledger.E_OPEN] == 1.0:
            closing = float(books.episode[ledger.E_NEXT_BEST])
            ledger.close_episode(books, self._rules, closing, False, self._episodes, self._seen)
        metrics = {name: float(metric.of(self)) for name, metric in METRICS.items()}
        if not self.meta.episodic:
            metrics |= dict.fromkeys(("return", "final_return", "episodes", "episode_length"), math.nan)
        curves = {}
        episodic = ledger.EPISODE_SIGNALS if self.meta.episodic else ()
        for signal in (*self._signals, *episodic):
            found = self._find(signal)
            if found is not None and self.count(signal):
                curves[signal] = curve_of(*found, self._seen)
        parts = "".join(digest.hexdigest() for digest in self._digests.values())
        fingerprint = blake2b(parts.encode(), digest_size=16).hexdigest()
        return Scores(metrics, curves, self._seen, fingerprint)


def evaluate(trace: Trace, meta: Meta, **options: Any) -> Scores:
    """Judge a whole trace at once; `options` are those of `Evaluator`."""
    judge = Evaluator(meta, pushes=len(trace), **options)
    judge.update(trace)
    return judge.finish()
