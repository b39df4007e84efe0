"""Off-policy yardsticks: what another way of choosing would have earned, judged by a log made with known chances.

Self-normalised inverse propensity scoring (SNIPS; Swaminathan & Joachims, "The Self-Normalized Estimator for
Counterfactual Learning", NeurIPS 2015, equation 8). A decision i was logged with reward r_i and chosen with probability
p_i; the other way chooses the same with probability q_i. With weights w_i = q_i / p_i:

    value = sum w_i r_i / sum w_i
    standard error = sqrt(sum w_i^2 (r_i - value)^2) / sum w_i          (delta method, a ratio of means)
    effective sample size = (sum w_i)^2 / sum w_i^2                     (Kish 1965)

Its bias vanishes as 1/n. It holds where every choice could be made in every row, rewards depend on a row's own choice
alone, and the propensities are those that were used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sandbox.table import FloatArray

MOST_YARDSTICKS = 20  # labels with a yardstick of their own
_FEW, _DOMINANT = 30, 0.1  # effective sample size, and share of one weight, where an estimate is marked
_UNFIT = 5.0  # standard errors by which the mean weight may miss 1


@dataclass(frozen=True)
class Yardstick:
    """The reward per decision that a simple way of choosing would have earned, as the log lets us estimate it.

    `error`: standard error, NaN for a single row. `effective`: effective sample size. `largest_share`: largest weight
    over the sum of weights. `rows`: logged decisions that `policy` can make.
    """

    policy: str
    value: float
    error: float
    effective: float
    largest_share: float
    rows: int
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by the names that a result has."""
        found = asdict(self)
        return {{"error": "standard_error", "effective": "effective_sample_size"}.get(k, k): found[k] for k in found}


class OffPolicy:
    """Sums over a log, one chunk at a time, from which the yardsticks follow; one column per label."""

    def __init__(self, labels: Sequence[Any]) -> None:
        self._labels = tuple(labels)
        self._origin = math.nan  # rewards are counted from here, so that squares do not cancel
        self._sums = np.zeros((5, len(labels)))  # of w, w r, w^2, w^2 r, w^2 r^2; w = 1 / propensity
        self._largest = np.zeros(len(labels))
        self._counts = np.zeros(len(labels), dtype=np.int64)
        self._decisions = 0
        self.left_out = 0  # rows whose reward is unknown

    def add(self, choice: FloatArray, reward: FloatArray, propensity: FloatArray) -> None:
        """Add decisions: codes (n,), NaN for an abstention; rewards (n,); probabilities of the choices (n,)."""
        known = ~np.isnan(reward)
        self.left_out += int((~known).sum())
        self._decisions += int(known.sum())
        made = known & ~np.isnan(choice)
        if not made.any():
            return
        code, weight = choice[made].astype(np.int64), 1.0 / propensity[made]
        if math.isnan(self._origin):
            self._origin = float(reward[made].mean())
        r = reward[made] - self._origin
        square = weight * weight
        for k, term in enumerate((weight, weight * r, square, square * r, square * r * r)):
            self._sums[k] += np.bincount(code, term, len(self._labels))
        np.maximum.at(self._largest, code, weight)
        self._counts += np.bincount(code, minlength=len(self._labels))

    def yardsticks(self) -> list[Yardstick]:
        """Return "uniformly at random" over the labels that were ever chosen, and "always" each of the commonest."""
        chosen = np.flatnonzero(self._counts)
        if not len(chosen):
            return []
        commonest = chosen[np.argsort(-self._counts[chosen], kind="stable")][:MOST_YARDSTICKS]
        found = [self._yardstick("uniformly at random", chosen, 1.0 / len(chosen))]
        return found + [self._yardstick(f"always {self._labels[k]}", np.array([k]), 1.0) for k in np.sort(commonest)]

    def _yardstick(self, name: str, codes: Any, chance: float) -> Yardstick:
        """Judge the way that takes each of `codes` with probability `chance`."""
        power = np.array([chance, chance, chance**2, chance**2, chance**2])
        w, wr, w2, w2r, w2r2 = (float(v) for v in self._sums[:, codes].sum(axis=1) * power)
        mean = wr / w
        spread = max(0.0, w2r2 - 2.0 * mean * w2r + mean * mean * w2)
        effective, share = w * w / w2, float(self._largest[codes].max()) * chance / w
        rows, notes = int(self._counts[codes].sum()), []
        if effective < _FEW:
            notes.append(f"only {effective:.1f} effective decisions: take no notice")
        elif share > _DOMINANT:
            notes.append(f"one decision carries {share:.0%} of the weight")
        n = self._decisions
        deviation = math.sqrt(max(0.0, w2 / n - (w / n) ** 2) / n)
        if effective >= _FEW and abs(w / n - 1.0) > max(_UNFIT * deviation, 1e-9):
            notes.append(f"the propensities do not fit: weights average {w / n:.3g}, not 1")
        return Yardstick(
            name,
            self._origin + mean,
            math.sqrt(spread) / w if rows > 1 else math.nan,
            effective,
            share,
            rows,
            "; ".join(notes),
        )
