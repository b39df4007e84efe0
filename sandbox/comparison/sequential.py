"""Adding seeds until it is settled: a permutation test that looks at the scores after every group of seeds.

The test of AdaStop (T. Mathieu and others: AdaStop: adaptive statistical testing for sound comparisons of deep RL
agents, TMLR 2024, arXiv 2306.10882), algorithm 1. After group k of at most K, the largest sum of differences of any
undecided pair is held against its distribution when the two names of a pair are exchanged at random within every
group. What crosses at any look has probability at most `level`, of which each look may spend an equal part.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from sandbox.errors import SandboxError
from sandbox.table import FloatArray

Verdict = Literal["larger", "smaller", "equal", "undecided"]
Pair = tuple[str, str]

RESAMPLES = 10_000
_AT_ONCE, _FEWEST = 8_000_000, 1000  # sums held; but that many permutations at least, where they are drawn
_ROUNDING = 1e-9  # sums that are equal but for rounding, relative to the largest


class Sequential:
    """Which of several agents score higher, looked at after each of at most `looks` groups of seeds.

    `level` bounds the probability that any equal pair is called unequal, over all pairs and looks. `paired`: the scores
    of two agents on one seed are exchanged with each other, which is exact where runs pair by seed; else any scores of
    the two in a group, as AdaStop does. Permutations are enumerated while there are at most `resamples`, then drawn
    from `rng`. `accept`: probability that equal pairs may be called equal early; 0: never.
    """

    def __init__(
        self,
        agents: Sequence[str],
        looks: int,
        rng: np.random.Generator,
        *,
        level: float = 0.05,
        paired: bool = True,
        pairs: Sequence[Pair] | None = None,
        accept: float = 0.0,
        resamples: int = RESAMPLES,
    ) -> None:
        if looks < 1 or not 0.0 < level < 1.0 or resamples < 1:
            raise SandboxError(
                f"looks={looks}, level={level}, resamples={resamples}: give at least 1, (0, 1), at least 1"
            )
        if len(set(agents)) < len(agents) or len(agents) < 2:
            raise SandboxError("a comparison needs two agents or more, each with a name of its own")
        self.looks, self.level, self.accept, self.paired = looks, level, accept, paired
        chosen = list(itertools.combinations(agents, 2)) if pairs is None else list(pairs)
        foreign = next((pair for pair in chosen if pair[0] == pair[1] or not set(pair) <= set(agents)), None)
        if foreign is not None:
            raise SandboxError(f"there is no pair of {foreign[0]!r} and {foreign[1]!r} among the agents")
        self.decisions: dict[Pair, Verdict] = dict.fromkeys(chosen, "undecided")
        self.decided_at: dict[Pair, int] = {}  # number of looks that it took
        self.left_out = dict.fromkeys(self.decisions, 0)  # seeds without a score of one of the two
        self.look = 0
        self._rng = rng
        self._resamples = min(resamples, max(_FEWEST, _AT_ONCE // max(1, len(chosen))))
        # One row for every permutation that crossed at no look, the first is what was seen; a column for each pair.
        self._pairs = list(self.decisions)
        self._sums = np.zeros((1, len(self._pairs)))
        self._crossed, self._total, self._accepted = 0, 1, 0

    @property
    def undecided(self) -> list[Pair]:
        """The pairs that are not told apart, nor called equal."""
        return [pair for pair, verdict in self.decisions.items() if verdict == "undecided"]

    @property
    def done(self) -> bool:
        """Whether no look is left, or no pair."""
        return self.look >= self.looks or not self.undecided

    def update(self, scores: Mapping[str, Sequence[float]]) -> dict[Pair, Verdict]:
        """Take the scores of one more group of seeds, (n,) of each agent, and return what is decided so far.

        NaN where a run failed: that seed says nothing of the agent's pairs, and is counted in `left_out`. Agents all
        of whose pairs are decided may be missing. Raise `SandboxError` if there are no more looks.
        """
        if self.done:
            raise SandboxError("there is nothing left to look at: every pair is decided, or no look is left")
        values = self._values(scores)
        self.look += 1
        self._extend(values)
        self._decide()
        return dict(self.decisions)

    def _values(self, scores: Mapping[str, Sequence[float]]) -> FloatArray:
        """Return the scores (2, n, pairs) of both agents of every undecided pair."""
        missing = {name for pair in self.undecided for name in pair} - set(scores)
        if missing:
            raise SandboxError(f"there are no scores of {sorted(missing)[0]!r}, which is in a pair that is not decided")
        both = [[scores[a], scores[b]] for a, b in self.undecided]
        if len({len(one) for pair in both for one in pair}) != 1 or not len(both[0][0]):
            raise SandboxError("give as many scores of every agent, one for each seed of the group")
        values = np.moveaxis(np.asarray(both, dtype=np.float64), 0, 2)
        if np.isinf(values).any():
            raise SandboxError("a score is infinite; give NaN for a run that failed")
        lost = np.isnan(values).any(axis=0).sum(axis=0)
        for pair, number in zip(self.undecided, lost, strict=True):
            self.left_out[pair] += int(number)
        return values

    def _extend(self, values: FloatArray) -> None:
        """Add the group's sums of differences, as they are and with the names of each pair exchanged, to every row."""
        n, count = values.shape[1], len(self._sums)
        exchanges = 2**n if self.paired else math.comb(2 * n, n)
        if self._total * exchanges <= self._resamples:
            step = _sums(values, _every_exchange(n, self.paired), self.paired)
            self._sums = (self._sums[:, None, :] + step[None, :, :]).reshape(count * len(step), -1)
            self._crossed, self._accepted = self._crossed * exchanges, self._accepted * exchanges
            self._total *= exchanges
            return
        copies = max(1, self._resamples // self._total)
        self._sums = np.repeat(self._sums, copies, axis=0)
        self._crossed, self._accepted = self._crossed * copies, self._accepted * copies
        self._total *= copies
        drawn = _some_exchanges(n, len(self._sums), self.paired, self._rng)
        self._sums = self._sums + _sums(values, drawn, self.paired)

    def _decide(self) -> None:
        """Step down: call the largest difference real while it crosses, then test those that are left by themselves."""
        may_cross = math.floor(self.level * self.look / self.looks * self._total + _ROUNDING) - self._crossed
        below = math.ceil(self.accept * self.look / self.looks * self._total) - self._accepted
        seen = np.abs(self._sums[0])
        left = [int(k) for k in np.argsort(-seen, kind="stable")]
        accepted = False
        while left:
            # Column j: the largest of the differences j and after it.
            largest = np.maximum.accumulate(np.abs(self._sums[:, left[::-1]]), axis=1)[:, ::-1]
            first = 0
            while first < len(left) and seen[left[first]] > _upper(largest[:, first], may_cross):
                self._settle(left[first], "larger" if self._sums[0, left[first]] > 0 else "smaller")
                first += 1
            left, largest = left[first:], largest[:, first:]
            if not left or not seen[left[-1]] < _lower(largest[:, 0], below):
                break
            accepted = True
            self._settle(left.pop(), "equal")
        if left:
            kept = largest[:, 0] <= _upper(largest[:, 0], may_cross)
            self._crossed += int((~kept).sum())
            self._sums = self._sums[kept]
        self._accepted += below * accepted
        self._sums, self._pairs = self._sums[:, sorted(left)], self.undecided

    def _settle(self, column: int, verdict: Verdict) -> None:
        self.decisions[self._pairs[column]] = verdict
        self.decided_at[self._pairs[column]] = self.look


def _upper(largest: FloatArray, may_cross: int) -> float:
    """Return the least bound over which at most `may_cross` rows lie, and a little for rounding."""
    if may_cross <= 0:
        return math.inf
    if may_cross >= len(largest):
        return -1.0
    return float(np.sort(largest)[-1 - may_cross] + _ROUNDING * largest.max())


def _lower(largest: FloatArray, below: int) -> float:
    """Return the bound under which fewer than `below` rows lie; what is smaller may be called equal."""
    if below <= 0:
        return -math.inf
    return float(np.sort(largest)[min(below, len(largest)) - 1] - _ROUNDING * largest.max())


def _every_exchange(n: int, paired: bool) -> FloatArray:
    """Return every way to exchange names, a row of signs each, that which changes nothing first."""
    if paired:
        return np.array(list(itertools.product((1.0, -1.0), repeat=n)))
    chosen = np.array(list(itertools.combinations(range(2 * n), n)))
    signs = np.full((len(chosen), 2 * n), -1.0)
    np.put_along_axis(signs, chosen, 1.0, axis=1)
    return signs


def _some_exchanges(n: int, rows: int, paired: bool, rng: np.random.Generator) -> FloatArray:
    """Return `rows` random ways to exchange names; the first changes nothing."""
    unchanged = np.ones(n) if paired else np.repeat((1.0, -1.0), n)
    signs = rng.choice((1.0, -1.0), size=(rows, n)) if paired else rng.permuted(np.tile(unchanged, (rows, 1)), axis=1)
    signs[0] = unchanged
    return np.asarray(signs)


def _sums(values: FloatArray, signs: FloatArray, paired: bool) -> FloatArray:
    """Return the sums of differences (rows, pairs) of values (2, n, pairs) under rows of signs.

    Paired, a seed without one of the scores adds nothing. Else the difference is n times that of the means of the
    scores that are there, which is the sum where none failed; it is 0 where one of the two has no score.
    """
    if paired:
        return np.asarray(signs @ np.nan_to_num(values[0] - values[1]))
    pooled = values.reshape(-1, values.shape[2])
    there, known = (~np.isnan(pooled)).astype(np.float64), np.nan_to_num(pooled)
    counts = [(signs == sign) @ there for sign in (1.0, -1.0)]
    first, second = (
        ((signs == sign) @ known) / np.maximum(n, 1.0) for sign, n in zip((1.0, -1.0), counts, strict=True)
    )
    return np.where((counts[0] > 0) & (counts[1] > 0), values.shape[1] * (first - second), 0.0)
