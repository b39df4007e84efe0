"""The best policy for what an agent can see: not the clock that cuts an episode, and of states only what is observed.

A policy that goes by the observation alone is improved step by step towards what is best on average where it looks the
same (conservative policy iteration: Kakade & Langford 2002). What is found is a local optimum, tried from several
starts: to find the best such policy for certain is NP-hard (Littman 1994).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.draws import WORLD, keyed_uniforms
from sandbox.errors import SandboxError
from sandbox.oracle import backup, solve
from sandbox.table import FloatArray, IntArray, Table

_ROUNDS = 400
_HALVINGS = 24
_ELSEWHERE = (
    1e-6  # share of episodes that start anywhere while a policy is improved, so that it learns what to do there
)
_SMALL = 5_000  # states times choices; smaller worlds are tried from random starts too
_HARDLY = 1e-4  # a choice as rare as this was not got rid of by halving
_FEW = 300  # observations times choices; in such worlds every switch of one choice is tried
_ENOUGH = 1e-10  # gain of a round, relative to the value, that is not worth another


class Judged(NamedTuple):
    """What a policy is worth from the start, and the slope of that by choice (S, A)."""

    value: float
    slope: FloatArray


class Limited(NamedTuple):
    """The best policy found: its value from the start, its probabilities (S, A), the same in states that look alike."""

    value: float
    policy: FloatArray


def best_limited(table: Table, live: NDArray[np.bool_] | None = None) -> Limited:
    """Return the best policy that goes by what is observed, under the world's objective.

    Undiscounted worlds with a time limit: the value is the expected return within it, though the clock is not seen.
    `live`: states (S,) in which a decision may be made, those that other laws lead to among them; None: those that an
    episode can reach.
    """
    reachable = table.reachable()
    for met in (reachable if live is None else live, reachable):
        anywhere = replace(table, start=(1.0 - _ELSEWHERE) * table.start + _ELSEWHERE * met / met.sum())
        found = max((_climb(anywhere, start) for start in _starts(table)), key=lambda one: one.value)
        if found.value > -np.inf:  # else an episode may never end where only another law leads
            break
    judge = _judge(table)
    rounded = np.where(found.policy < _HARDLY, 0.0, found.policy)
    rounded /= rounded.sum(axis=1, keepdims=True)
    return max((Limited(judge(one).value, one) for one in (rounded, found.policy)), key=lambda one: one.value)


def _starts(table: Table) -> Iterator[FloatArray]:
    uniform = np.full((table.n_states, table.n_choices), 1.0 / table.n_choices)
    yield uniform
    try:
        known = np.eye(table.n_choices)[solve(table).policy]
    except SandboxError:
        known = uniform
    yield _alike(table, 0.9 * known + 0.1 * uniform, np.ones(table.n_states))
    for k in range(4 if table.observed is not None and uniform.size <= _SMALL else 0):
        drawn = keyed_uniforms(k, 0, table.n_observations * table.n_choices, WORLD)
        drawn = drawn.reshape(table.n_observations, table.n_choices)[table.seen]
        yield drawn / drawn.sum(axis=1, keepdims=True)


def _alike(table: Table, numbers: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the mean of `numbers` (S, A) over states that look alike, weighted by `weight` (S,)."""
    seen = table.seen
    total, mass = np.zeros((table.n_observations, table.n_choices)), np.zeros(table.n_observations)
    np.add.at(total, seen, numbers * weight[:, None])
    np.add.at(mass, seen, weight)
    return np.asarray((total / np.maximum(mass, 1e-300)[:, None])[seen])


def _climb(table: Table, policy: FloatArray) -> Limited:
    judge = _judge(table)
    here = judge(policy)
    for _ in range(_ROUNDS):
        slope = _alike(table, here.slope, np.ones(table.n_states))
        target = np.eye(table.n_choices)[slope.argmax(axis=1)]
        found, there = _best_on_the_way(judge, policy, target, here)
        gained = there.value - here.value
        policy, here = found, there
        if not gained > _ENOUGH * max(1.0, abs(here.value)):
            policy, there = _switched(table, judge, policy, here)
            if there is here:
                break
            here = there
    return Limited(here.value, policy)


def _switched(
    table: Table, judge: Callable[[FloatArray], Judged], policy: FloatArray, here: Judged
) -> tuple[FloatArray, Judged]:
    """Return a policy that is better by another choice where one observation is made; else the same."""
    if table.observed is None or table.n_observations * table.n_choices > _FEW:
        return policy, here
    for seen in range(table.n_observations):
        for choice in range(table.n_choices):
            other = policy.copy()
            other[table.seen == seen] = np.eye(table.n_choices)[choice]
            tried = judge(other)
            if tried.value > here.value + _ENOUGH * max(1.0, abs(here.value)):
                return other, tried
    return policy, here


def _best_on_the_way(
    judge: Callable[[FloatArray], Judged], policy: FloatArray, target: FloatArray, here: Judged
) -> tuple[FloatArray, Judged]:
    """Return the best of the mixtures tried between a policy and its target, halving the way while that helps."""
    best, judged, share = policy, here, 1.0
    for _ in range(_HALVINGS):
        mixed = (1.0 - share) * policy + share * target
        tried = judge(mixed)
        if tried.value > judged.value:
            best, judged = mixed, tried
        elif judged is not here:
            break
        share *= 0.5
    return best, judged


def _judge(table: Table) -> Callable[[FloatArray], Judged]:
    """Return what judges policies of a world under its objective."""
    cut = table.horizon is not None and table.objective.kind == "undiscounted"
    return _judge_within(table) if cut else _judge_for_ever(table)


def _judge_within(table: Table) -> Callable[[FloatArray], Judged]:
    """Judge by the expected return until the time limit."""
    weight = table.probability * ~table.terminated
    reward = (table.probability * table.reward).sum(axis=2)
    horizon = table.horizon or 0

    def judge(policy: FloatArray) -> Judged:
        values = np.zeros((horizon + 1, table.n_states))
        for left in range(1, horizon + 1):
            values[left] = ((reward + (weight * values[left - 1][table.successor]).sum(axis=2)) * policy).sum(axis=1)
        slope, here = np.zeros_like(policy), table.start
        moves = weight * policy[:, :, None]
        for left in range(horizon, 0, -1):
            slope += here[:, None] * (reward + (weight * values[left - 1][table.successor]).sum(axis=2))
            here = np.zeros(table.n_states) + np.bincount(
                table.successor.ravel(), (moves * here[:, None, None]).ravel(), table.n_states
            )
        return Judged(float(table.start @ values[horizon]), slope)

    return judge


def _judge_for_ever(table: Table) -> Callable[[FloatArray], Judged]:
    """Judge by the value without a time limit; a policy that may never end an episode is worth -inf."""
    live = np.flatnonzero(table.reachable())
    reward = (table.probability * table.reward).sum(axis=2)
    average = table.objective.kind == "average"
    from_start = np.zeros(len(live)) if average else table.start[live]
    from_start[0] += average

    def judge(policy: FloatArray) -> Judged:
        solved = _solve(_system(table, live, policy), (reward * policy).sum(axis=1)[live], from_start)
        if solved is None:
            return Judged(-np.inf, np.zeros_like(policy))
        found, visits = solved
        gain, values, slope = 0.0, np.zeros(table.n_states), np.zeros_like(policy)
        values[live] = found
        if average:
            gain, values[live[0]] = float(found[0]), 0.0
        slope[live] = visits[:, None] * backup(table, values, gain)[live]
        return Judged(gain if average else float(table.start @ values), slope)

    return judge


def _system(table: Table, live: IntArray, policy: FloatArray) -> Any:
    """Return the equations of the values of `live` states under a policy, as a sparse matrix.

    For an average objective the first state's value is 0, and its column stands for the gain.
    """
    import scipy.sparse

    sparse: Any = scipy.sparse  # it has no types
    place = np.full(table.n_states, -1)
    place[live] = np.arange(len(live))
    weight = table.probability * ~table.terminated * table.objective.discount * policy[:, :, None]
    rows = np.broadcast_to(place[live][:, None, None], table.successor[live].shape).ravel()
    columns, chance = place[table.successor[live]].ravel(), weight[live].ravel()
    known = chance > 0.0
    moves = sparse.csc_array((chance[known], (rows[known], columns[known])), shape=(len(live), len(live)))
    system = (sparse.eye_array(len(live)) - moves).tolil()
    if table.objective.kind == "average":
        system[:, 0] = np.ones((len(live), 1))
    return sparse.csc_array(system)


def _solve(system: Any, wanted: FloatArray, from_start: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """Return what solves the equations, and what solves them transposed; None where nothing finite does."""
    import scipy.sparse.linalg

    linear: Any = scipy.sparse.linalg  # it has no types
    try:
        solver = linear.splu(system)
        found, visits = solver.solve(wanted), solver.solve(from_start, trans="T")
    except RuntimeError:
        return None
    sound = np.abs(system @ found - wanted).max() <= 1e-6 * max(1.0, float(np.abs(found).max())) < 1e9
    return (found, visits) if sound else None
