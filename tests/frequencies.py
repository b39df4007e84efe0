"""Frequencies against the oracle: what choices earn is, on average, what the law says they do, wherever one looks.

The draws are put into bins by (concept, group, cell, decile of the expected reward), for each choice; and again by each
of these alone. In every bin the sum of luck, realised minus expected reward, is compared with 0. P-values are bounds
that hold for any number of draws, so rare events need no pooling: Bernstein's inequality where the variance is known,
as it is where a choice earns one of two numbers, and its empirical form elsewhere (Maurer & Pontil 2009, theorem 4).
All bins together are corrected by Bonferroni.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from sandbox.law_stream import BATCH, Batch, LawStream
from sandbox.table import FloatArray, IntArray

DECILES = 10
_SUMS = 6  # of each bin: draws, luck, luck squared, value, value squared, variance
_LOOKS = {
    "everything": (),
    "concept": (0,),
    "group": (1,),
    "cell": (2,),
    "decile": (3,),
    "concept and group": (0, 1),
    "concept, group, cell and decile": (0, 1, 2, 3),
}
Variance = Callable[[Batch], FloatArray]


class Bin(NamedTuple):
    """The draws of one bin, for one choice."""

    look: str  # by what the draws were told apart
    key: tuple[int, ...]  # of the bin
    choice: int
    draws: int
    excess: float  # mean of realised minus expected reward
    p: float  # two-sided, not corrected


@dataclass
class Frequencies:
    """What a check found: every bin, and the p-value of the most unlikely one, corrected for their number."""

    bins: list[Bin] = field(default_factory=list)

    @property
    def worst(self) -> Bin:
        """The most unlikely bin."""
        return min(self.bins, key=lambda one: one.p)

    @property
    def p(self) -> float:
        """Bonferroni's p-value of all bins together."""
        return min(1.0, len(self.bins) * self.worst.p)


def check_frequencies(
    stream: LawStream,
    draws: int,
    *,
    seed: int = 0,
    batches: Iterable[Batch] | None = None,
    variance: Variance | None = None,
    level: float = 1e-3,
) -> Frequencies:
    """Fail, naming the worst bin, where what choices earn is not what the law of `stream` says; else return all bins.

    `draws` are the first ones of the run of `seed`; or the rows of `batches`, where what is asked depends on choices.
    `variance` (n, choices) of the rewards of a batch, if the world knows it; needed only for power, and only where a
    choice can earn more than two numbers. Luck must not exceed the stream's `luck_reach`.
    """
    found = frequencies(stream, draws, seed=seed, batches=batches, variance=variance)
    worst = found.worst
    assert found.p > level, (
        f"{type(stream).__name__}: choice {worst.choice} in {worst.look} {worst.key} earned {worst.excess:+.3g} more "
        f"than the law says, over {worst.draws:,} draws: p = {worst.p:.2g}, corrected for {len(found.bins):,} bins "
        f"{found.p:.2g}"
    )
    return found


def frequencies(
    stream: LawStream,
    draws: int,
    *,
    seed: int = 0,
    batches: Iterable[Batch] | None = None,
    variance: Variance | None = None,
) -> Frequencies:
    """Return what `check_frequencies` compares, without judging it."""
    tally: _Tally | None = None
    for batch in _rows(stream, seed, draws) if batches is None else batches:
        if tally is None:
            tally = _Tally(batch.values, variance, 2.0 * stream.luck_reach)
        tally.add(batch)
    assert tally is not None, "nothing was drawn"
    return Frequencies([one for look, axes in _LOOKS.items() for one in tally.bins(look, axes)])


def _rows(stream: LawStream, seed: int, draws: int) -> Iterator[Batch]:
    for start in range(0, draws, BATCH):
        yield stream.batch(seed, start, min(BATCH, draws - start))


class _Tally:
    """Sums by bin and choice, in memory that the number of draws does not change."""

    def __init__(self, values: FloatArray, variance: Variance | None, reach: float) -> None:
        self._variance, self._reach = variance, reach
        marks = np.linspace(0.0, 1.0, DECILES + 1)[1:-1]
        self._edges = np.quantile(values, marks, axis=0).T  # (choices, 9), of the first draws
        self._sums: list[dict[tuple[int, ...], FloatArray]] = [{} for _ in self._edges]
        self._earned: list[set[float]] = [set() for _ in self._edges]

    def add(self, batch: Batch) -> None:
        luck = batch.rewards - batch.values
        assert np.isfinite(luck).all(), "a price or a reward is not finite"
        spread = np.zeros_like(luck) if self._variance is None else self._variance(batch)
        for choice, edges in enumerate(self._edges):
            value, one = batch.values[:, choice], luck[:, choice]
            if len(self._earned[choice]) <= 2:
                self._earned[choice] |= set(np.unique(batch.rewards[:, choice])[:3].tolist())
            decile = np.searchsorted(edges, value, side="right")
            keys, where = _groups(np.stack([batch.concept, batch.group, batch.cell, decile], axis=1))
            columns = (np.ones_like(one), one, one * one, value, value * value, spread[:, choice])
            sums = np.stack([np.bincount(where, column, len(keys)) for column in columns], axis=1)
            for key, row in zip(map(tuple, keys.tolist()), sums, strict=True):
                self._sums[choice][key] = self._sums[choice].get(key, 0.0) + row

    def bins(self, look: str, axes: tuple[int, ...]) -> Iterator[Bin]:
        """Yield the bins by some of (concept, group, cell, decile), for each choice."""
        for choice, sums in enumerate(self._sums):
            merged: dict[tuple[int, ...], FloatArray] = {}
            for key, row in sums.items():
                less = tuple(key[axis] for axis in axes)
                merged[less] = merged.get(less, np.zeros(_SUMS)) + row
            for key, row in merged.items():
                yield Bin(look, key, choice, int(row[0]), row[1] / row[0], self._p(choice, row))

    def _p(self, choice: int, row: FloatArray) -> float:
        """Return a bound on the chance that the sum of luck in a bin is as far from 0 as it is."""
        n, luck, squared, value, value_squared, spread = row.tolist()
        known, reach, t = self._variance is not None, self._reach, abs(luck)
        if not known and len(self._earned[choice]) == 2:
            low, high = sorted(self._earned[choice])
            known, reach = True, high - low
            spread = max(0.0, (low + high) * value - value_squared - n * low * high)
        if reach == 0.0:
            return float(t <= 1e-9 * n)
        if known:
            scale = 2.0 * spread + 2.0 / 3.0 * reach * t
            return min(1.0, 2.0 * math.exp(-t * t / scale)) if scale > 0.0 else 1.0
        if n < 2:
            return 1.0
        # t = sqrt(2 n V L) + 7/3 R L n / (n - 1), solved for L; the chance is at most 4 exp(-L).
        a = 7.0 / 3.0 * reach * n / (n - 1.0)
        b = math.sqrt(2.0 * max(0.0, squared - luck * luck / n) * n / (n - 1.0))
        root = (-b + math.sqrt(b * b + 4.0 * a * t)) / (2.0 * a)
        return min(1.0, 4.0 * math.exp(-root * root))


def _groups(keys: IntArray) -> tuple[IntArray, IntArray]:
    """Return the different rows of keys (n, 4), and which of them each row is (n,)."""
    low = keys.min(axis=0)
    sizes = keys.max(axis=0) - low + 1
    flat = np.ravel_multi_index(tuple((keys - low).T), tuple(sizes.tolist()))
    different, where = np.unique(flat, return_inverse=True)
    return np.stack(np.unravel_index(different, tuple(sizes.tolist())), axis=1) + low, where
