"""The oracle: exact values of a tabular world by dynamic programming (Sutton & Barto, 2nd edition, chapter 4)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandbox.errors import SandboxError
from sandbox.table import FloatArray, IntArray, Table

_TOLERANCE = 1e-14  # of the largest change in a sweep, relative to the largest value
_CIRCLE = 1e-12  # of a change that does not shrink any more, in a sweep and in a lap, relative to the largest value
_LAP = 5_000  # sweeps between looks at whether the iteration still contracts
_SWEEPS = 500_000
_MANY, _FAR = 500, 0.97  # with more states, and a smaller discount, sweeps are faster than solving equations
_ENDLESS = 1e9  # expected steps of an episode that counts as one without end
_LAPS = 20_000  # sweeps that count the steps to the end, where there may be none


@dataclass(frozen=True)
class Solution:
    """Optimal values under the world's own objective, clock unseen.

    `best`: V* (S,), or the bias for an average objective. `value`: Q* (S, A). `policy`: a best choice (S,), of several
    the one that ends an episode soonest. `gain`: average reward per step, 0 for the other objectives. `gap_range`: the
    largest gap in a reachable state. `luck_reach`: the largest luck (S, A), in size. `residual`: the largest Bellman
    residual.
    """

    table: Table
    best: FloatArray
    value: FloatArray
    policy: IntArray
    gain: float
    gap_range: float
    luck_reach: FloatArray
    residual: float

    @property
    def start_value(self) -> float:
        """Expected V* of the first state."""
        return float(self.table.start @ self.best)


def backup(table: Table, best: FloatArray, gain: float = 0.0) -> FloatArray:
    """Return Q (S, A) one step before values `best` (S,); equation 4.10 of the book without its maximum."""
    return np.asarray((table.probability * _outcomes(table, best, gain)).sum(axis=2))


def _outcomes(table: Table, best: FloatArray, gain: float) -> FloatArray:
    """Return what each outcome (S, A, K) is worth: its reward, and the value of what follows."""
    follows = np.where(table.terminated, 0.0, best[table.successor])
    return np.asarray(table.reward - gain + table.objective.discount * follows)


def reachable_together(tables: Sequence[Table]) -> NDArray[np.bool_]:
    """Return which states (S,) an episode can stand in when it decides, where any of the laws may be in force."""
    seen = np.logical_or.reduce([table.start > 0 for table in tables])
    while True:
        grown = seen.copy()
        for table in tables:
            leads_on = (table.probability > 0) & ~table.terminated
            grown[table.successor[grown][leads_on[grown]]] = True
        if (grown == seen).all():
            return np.asarray(seen)
        seen = grown


def solve(table: Table, live: NDArray[np.bool_] | None = None) -> Solution:
    """Return the stationary optimum: policy iteration if discounted and small, else value iteration from zero.

    `live`: states (S,) in which a decision may be made; None: those that an episode can reach. Raise `SandboxError`
    where no finite optimum exists (an undiscounted world that pays for staying alive).
    """
    gain = 0.0
    reachable = table.reachable() if live is None else live
    if table.objective.kind == "average":
        best, gain = _relative_value_iteration(table, lambda q: q.max(axis=1))
    elif table.objective.kind == "discounted" and (table.n_states <= _MANY or table.objective.discount > _FAR):
        best = _policy_iteration(table)
    else:
        best = _undiscounted(table, reachable)
    value = backup(table, best, gain)
    residual = float(np.abs(value.max(axis=1) - best)[reachable].max())
    best = value.max(axis=1)  # so that the best choice has gap 0 to the last bit
    # Choices that differ by rounding alone are equally good.
    value = np.where(best[:, None] - value <= 1e-12 * np.maximum(1.0, np.abs(best[:, None])), best[:, None], value)
    gaps = (best[:, None] - value)[reachable]
    luck = np.abs(_outcomes(table, best, gain) - value[:, :, None])
    reach = np.where(table.probability > 0, luck, 0.0).max(axis=2)
    good = value >= best[:, None]
    policy = _quickest(table, good, reachable) if table.objective.kind == "undiscounted" else good.argmax(axis=1)
    return Solution(table, best, value, policy, gain, float(gaps.max()), reach, residual)


def _quickest(table: Table, good: NDArray[np.bool_], live: NDArray[np.bool_]) -> IntArray:
    """Return, among `good` choices (S, A), the one with the fewest expected steps to the end.

    Without a discount a choice with gap 0 may lead round in circles; an optimal policy must end the episode too
    (Puterman 1994, chapter 7).
    """
    steps = np.zeros(table.n_states)
    for _ in range(_LAPS):
        onward = np.where(table.terminated, 0.0, steps[table.successor])
        lengths = np.where(good, 1.0 + (table.probability * onward).sum(axis=2), np.inf)
        change = np.abs(lengths.min(axis=1) - steps)[live].max()
        steps = lengths.min(axis=1)
        if change <= 1e-9 * max(1.0, float(steps[live].max())):
            break
    return np.asarray(lengths.argmin(axis=1), dtype=np.int64)


def _policy_iteration(table: Table) -> FloatArray:
    """V* of a discounted world (Howard 1960; section 4.3 of the book): exact however close the discount is to 1."""
    states = np.arange(table.n_states)
    policy = (table.probability * table.reward).sum(axis=2).argmax(axis=1)
    while True:
        weight = table.probability[states, policy] * ~table.terminated[states, policy] * table.objective.discount
        moves = np.zeros((table.n_states, table.n_states))
        np.add.at(moves, (states[:, None], table.successor[states, policy]), weight)
        reward = (table.probability * table.reward).sum(axis=2)[states, policy]
        best = np.linalg.solve(np.eye(table.n_states) - moves, reward)
        value = backup(table, best)
        better = value.max(axis=1) > value[states, policy] + 1e-12 * max(1.0, float(np.abs(best).max()))
        if not better.any():
            return best
        policy = np.where(better, value.argmax(axis=1), policy)


def _value_iteration(
    table: Table, improve: Callable[[FloatArray], FloatArray], live: NDArray[np.bool_] | None = None
) -> FloatArray:
    found, done = _sweep(table, improve, table.reachable() if live is None else live, _SWEEPS)
    if not done:
        raise SandboxError("this world's undiscounted value is not finite: an episode can earn, or lose, for ever")
    return found


def _undiscounted(table: Table, live: NDArray[np.bool_]) -> FloatArray:
    """V* of an undiscounted world: value iteration from zero; where that crawls, policy iteration from what it found.

    It crawls where the best way waits long for a rare chance. Policy iteration is right where every policy that it
    meets ends its episodes (Bertsekas & Tsitsiklis 1991), which is seen.
    """
    best, done = _sweep(table, lambda q: q.max(axis=1), live, 2 * _LAP)
    if done:
        return best
    policy, states = backup(table, best).argmax(axis=1), np.flatnonzero(live)
    place = np.cumsum(live) - 1
    for _ in range(_LAP):
        weight = table.probability[states, policy[states]] * ~table.terminated[states, policy[states]]
        moves = np.zeros((len(states), len(states)))
        np.add.at(moves, (np.arange(len(states))[:, None], place[table.successor[states, policy[states]]]), weight)
        reward = (table.probability * table.reward).sum(axis=2)[states, policy[states]]
        try:
            found = np.linalg.solve(np.eye(len(states)) - moves, reward)
            ends = np.linalg.solve(np.eye(len(states)) - moves, np.ones(len(states)))
        except np.linalg.LinAlgError:
            break
        if not (np.isfinite(found).all() and ends.min() >= 1.0 - 1e-6 and ends.max() < _ENDLESS):
            break
        values = best.copy()
        values[states] = found
        value = backup(table, values)[states]
        better = value.max(axis=1) > value[np.arange(len(states)), policy[states]] + 1e-12 * max(
            1.0, np.abs(found).max()
        )
        if not better.any():
            return values
        policy[states] = np.where(better, value.argmax(axis=1), policy[states])
    return _value_iteration(table, lambda q: q.max(axis=1), live)


def _sweep(
    table: Table, improve: Callable[[FloatArray], FloatArray], live: NDArray[np.bool_], most: int
) -> tuple[FloatArray, bool]:
    """Return what at most so many sweeps lead to from zero, and whether the values came to rest."""
    weight = table.probability * table.objective.discount * ~table.terminated
    reward = (table.probability * table.reward).sum(axis=2)
    best = np.zeros(table.n_states)
    change, lap_change, lap_best = np.inf, np.inf, best
    for sweep in range(1, most + 1):
        after = improve(reward + (weight * best[table.successor]).sum(axis=2))
        change = float(np.abs(after - best)[live].max())
        best = after
        if change <= _TOLERANCE * max(1.0, float(np.abs(best[live]).max())):
            return best, True
        if sweep % _LAP == 0:
            if change > 0.999 * lap_change:
                # Rounding may keep values turning in a tiny circle: no nearer, but no further either.
                moved = max(change, float(np.abs(best - lap_best)[live].max()))
                return best, moved <= _CIRCLE * max(1.0, float(np.abs(best[live]).max()))
            lap_change, lap_best = change, best
    return best, False


def _relative_value_iteration(table: Table, improve: Callable[[FloatArray], FloatArray]) -> tuple[FloatArray, float]:
    """Bias and gain of an endless world (Puterman 1994, section 8.5.5), made aperiodic by staying half the time."""
    if (table.terminated & (table.probability > 0)).any():
        raise SandboxError("the average objective is for worlds without an end; this table terminates")
    live = table.reachable()
    anchor = int(np.argmax(table.start))
    best = np.zeros(table.n_states)
    for _ in range(_SWEEPS):
        after = 0.5 * best + 0.5 * improve(backup(table, best))
        change = (after - best)[live]
        best = after - after[anchor]
        scale = max(1.0, float(np.abs(best[live]).max()), float(np.abs(table.reward).max()))
        if change.max() - change.min() <= _TOLERANCE * scale:
            return best, 2.0 * float(change.mean())
    raise SandboxError("this world's average reward depends on where it starts: no single gain")


def optimal_return(table: Table, solution: Solution | None = None) -> float:
    """Expected undiscounted return of the best policy that sees the clock, over `table.horizon` steps.

    NaN where episodes are endless and returns are not what the world wants. `solution` spares solving the table again.
    """
    if table.horizon is None:
        if table.objective.kind != "undiscounted":
            return math.nan
        return (solution or solve(table)).start_value
    best = np.zeros(table.n_states)
    weight = table.probability * ~table.terminated
    reward = (table.probability * table.reward).sum(axis=2)
    for _ in range(table.horizon):
        after = (reward + (weight * best[table.successor]).sum(axis=2)).max(axis=1)
        if np.array_equal(after, best):  # a fixed point: more time changes nothing
            break
        best = after
    return float(table.start @ best)


def policy_value(table: Table, policy: FloatArray) -> float:
    """Expected stationary value, from the start, of a fixed `policy` (S, A) of choice probabilities."""
    if table.objective.kind == "average":
        raise SandboxError("with an average objective a policy has a gain, and its value from the start is not defined")
    live = table.reachable()
    weight = table.probability * table.objective.discount * ~table.terminated * policy[:, :, None]
    moves = np.zeros((table.n_states, table.n_states))
    rows = np.broadcast_to(np.arange(table.n_states)[:, None, None], table.successor.shape)
    np.add.at(moves, (rows, table.successor), weight)
    reward = (table.probability * table.reward).sum(axis=2)
    system = np.eye(int(live.sum())) - moves[np.ix_(live, live)]
    wanted = (reward * policy).sum(axis=1)[live]
    try:
        values = np.linalg.solve(system, wanted)
    except np.linalg.LinAlgError:
        values = np.full(len(wanted), np.inf)
    # A policy under which an episode may never end makes the system singular, or nearly so.
    if not np.abs(system @ values - wanted).max() <= 1e-6 * max(1.0, float(np.abs(values).max())) < 1e9:
        raise SandboxError("under this policy an episode may never end: its undiscounted value is undefined")
    return float(table.start[live] @ values)


def random_value(table: Table) -> float:
    """Value of choosing uniformly at random."""
    return policy_value(table, np.full((table.n_states, table.n_choices), 1.0 / table.n_choices))


def best_soft_value(table: Table, epsilon: float) -> float:
    """Value of the best policy that must explore uniformly a share `epsilon` of the time (the book's section 5.4).

    For an average objective it is the gain.
    """
    if table.objective.kind == "average":
        return _relative_value_iteration(table, _soft(epsilon))[1]
    return float(table.start @ _value_iteration(table, _soft(epsilon)))


def best_soft_policy(table: Table, epsilon: float) -> IntArray:
    """Return what the best policy that explores a share `epsilon` of the time chooses otherwise (S,)."""
    if table.objective.kind == "average":
        best, gain = _relative_value_iteration(table, _soft(epsilon))
    else:
        best, gain = _value_iteration(table, _soft(epsilon)), 0.0
    return np.asarray(backup(table, best, gain).argmax(axis=1), dtype=np.int64)


def _soft(epsilon: float) -> Callable[[FloatArray], FloatArray]:
    return lambda q: np.asarray((1 - epsilon) * q.max(axis=1) + epsilon * q.mean(axis=1))


def greedy_soft_value(solution: Solution, epsilon: float) -> float:
    """Value of exploring a share `epsilon` of the time and else taking a best choice of Q*, ties at random."""
    table = solution.table
    # Values that differ by rounding alone are ties.
    near = solution.value >= solution.best[:, None] - 1e-9 * np.maximum(1.0, np.abs(solution.best[:, None]))
    policy = epsilon / table.n_choices + (1.0 - epsilon) * near / near.sum(axis=1, keepdims=True)
    return policy_value(table, policy)
