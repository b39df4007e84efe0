"""Plans by dynamic programming on counts: for ever with a discount, or so many steps ahead."""

from __future__ import annotations

import math

from sandbox.compiled import compiled
from sandbox.table import IntArray

from ..tabular._tabular import FloatArray
from ._counts import Counts

MOST_SWEEPS = 20_000
CLOSE = 1e-7  # of the largest value: how near all are to their limit when a plan is done


@compiled
def plan_discounted(
    q: FloatArray, values: FloatArray, counts: Counts, least: int, bonus: float, discount: float, ceiling: float
) -> None:
    """Value iteration from the `values` (S + 1,) of the last plan, the last of them that of the end, 0.

    q(s, a) = mean reward + bonus / sqrt(visits) + discount * mean of what follows, and at most `ceiling`, which pairs
    tried fewer than `least` times have. Sweeps change values in place.
    """
    visits, earned, kinds, after, times = counts.visits, counts.earned, counts.kinds, counts.after, counts.times
    for _ in range(MOST_SWEEPS):
        moved, size = 0.0, abs(ceiling)
        for s in range(q.shape[0]):
            best = -math.inf
            for a in range(q.shape[1]):
                n, value = visits[s, a], ceiling
                if n >= least:
                    total = 0.0
                    for k in range(kinds[s, a]):
                        total += times[s, a, k] * values[after[s, a, k]]
                    value = min((earned[s, a] + discount * total) / n + bonus / math.sqrt(n), ceiling)
                q[s, a] = value
                best = max(best, value)
            moved, size = max(moved, abs(best - values[s])), max(size, abs(best))
            values[s] = best
        if moved <= CLOSE * (1.0 - discount) * size:
            break


@compiled
def ceiling_of(steps_left: int, most: float) -> float:
    """Return the largest sum of rewards in at most so many steps, at least one, of `most` each."""
    return max(most, most * steps_left)


@compiled
def plan_steps(
    q: FloatArray,
    values: FloatArray,
    pay: FloatArray,
    kinds: IntArray,
    after: IntArray,
    weight: FloatArray | IntArray,
    total: FloatArray | IntArray,
    most: float,
) -> None:
    """Backward induction over the steps of an episode: `q` (H, S, A), `values` (H + 1, S + 1), zero at both ends.

    What follows a pair are `kinds` (S, A) of `after`, each by its share `weight` / `total`; it pays `pay`. Values only
    fall: a pair of total 0 keeps what it had. `most`: the largest reward; what is left of the steps can earn no more.
    """
    steps, n_states, n_choices = q.shape
    for h in range(steps - 1, -1, -1):
        ceiling = ceiling_of(steps - h, most)
        for s in range(n_states):
            best = -math.inf
            for a in range(n_choices):
                value = ceiling
                if total[s, a] > 0:
                    ahead = 0.0
                    for k in range(kinds[s, a]):
                        ahead += weight[s, a, k] * values[h + 1, after[s, a, k]]
                    value = min(pay[s, a] + ahead / total[s, a], ceiling)
                q[h, s, a] = min(q[h, s, a], value)
                best = max(best, q[h, s, a])
            values[h, s] = best


@compiled
def hope(q: FloatArray, most: float) -> None:
    """Set `q` (H, S, A) to what each step could earn at most."""
    steps, n_states, n_choices = q.shape
    for h in range(steps):
        ceiling = ceiling_of(steps - h, most)
        for s in range(n_states):
            for a in range(n_choices):
                q[h, s, a] = ceiling
