"""Prioritised sweeping: work backwards from what surprised most."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.interfaces import check_range
from sandbox.table import IntArray

from ..tabular._table_agent import GreedyTableAgent, choose_epsilon_greedy
from ..tabular._tabular import FloatArray, best_value, td_update
from ._model import check_whole
from ._queue import Queue, empty_queue, pop, push

UNKNOWN, NONE = -2, -1  # of `Leads.after`: never tried; leads nowhere, for the episode ends


class Leads(NamedTuple):
    """The last outcome of each pair, and for each state the pairs that lead to it: chains of pairs, linked both ways.

    A pair is state * A + choice.
    """

    after: IntArray  # (S * A,) the state that followed, or UNKNOWN, or NONE
    earned: FloatArray  # (S * A,) the reward
    first: IntArray  # (S,) the first pair of a state's chain, -1 for none
    following: IntArray  # (S * A,) the next pair of the same chain, -1 for none
    before: IntArray  # (S * A,) the previous one, -1 for none


class Sweeping(NamedTuple):
    """The memory of prioritised sweeping."""

    q: FloatArray  # (S, A)
    leads: Leads
    queue: Queue


class Thresholds(NamedTuple):
    """The settings of prioritised sweeping."""

    step_size: float
    discount: float
    epsilon: float
    planning_steps: int
    threshold: float


@rule
def link(leads: Leads, pair: int, after: int, reward: float) -> None:
    """Keep what followed a pair in place of what followed it last."""
    held, earned, first, following, before = leads
    old, earned[pair] = held[pair], reward
    if old == after:
        return
    if old >= 0:  # leave the old chain
        if before[pair] >= 0:
            following[before[pair]] = following[pair]
        else:
            first[old] = following[pair]
        if following[pair] >= 0:
            before[following[pair]] = before[pair]
    if after >= 0:  # enter the new one
        following[pair], before[pair] = first[after], -1
        if first[after] >= 0:
            before[first[after]] = pair
        first[after] = pair
    held[pair] = after


@rule
def target_of(q: FloatArray, leads: Leads, pair: int, discount: float) -> float:
    """Return what a pair is worth by what followed it last."""
    after = leads.after[pair]
    value = 0.0 if after < 0 else discount * best_value(q, after)
    return float(leads.earned[pair] + value)


@rule
def queue_pair(memory: Any, pair: int, discount: float, threshold: float) -> None:
    """Let a pair wait if its value would change by more than the threshold."""
    q, leads, queue = memory
    change = abs(target_of(q, leads, pair, discount) - q[pair // q.shape[1], pair % q.shape[1]])
    if change > threshold:
        push(queue, pair, change)


@rule
def learn_by_sweeping(
    memory: Sweeping,
    settings: Thresholds,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Remember one transition, then update pairs in the order of how much that changes them."""
    q, leads, queue = memory
    step_size, discount, _, planning_steps, threshold = settings
    n_choices = q.shape[1]
    link(leads, state * n_choices + choice, NONE if terminated else next_state, reward)
    queue_pair(memory, state * n_choices + choice, discount, threshold)
    for _ in range(planning_steps):
        if queue.length[0] == 0:
            break
        pair = pop(queue)
        s, a = pair // n_choices, pair % n_choices
        td_update(q, s, a, target_of(q, leads, pair, discount), step_size)
        leading = leads.first[s]
        while leading >= 0:
            queue_pair(memory, leading, discount, threshold)
            leading = leads.following[leading]


class PrioritisedSweeping(GreedyTableAgent):
    """Prioritised sweeping on a table (Moore & Atkeson 1993; Peng & Williams 1993; Sutton & Barto, section 8.4).

    As in the book's box, for worlds whose outcomes are certain: it remembers the last outcome of each pair. A pair
    whose value would change by more than `threshold` waits; after each decision up to `planning_steps` pairs are
    updated, those that change most first, and what leads to them is looked at in turn. The updates are all the learning
    there is, so without planning steps nothing is learned. Where outcomes are uncertain keep `step_size` in [0, 1]
    small. `discount` in [0, 1], `epsilon` (share of random choices) in [0, 1], `initial_value` of every entry. Needs
    discrete observations and choices.
    """

    rules = (choose_epsilon_greedy, learn_by_sweeping)

    def __init__(
        self,
        step_size: float = 0.5,
        discount: float = 0.95,
        epsilon: float = 0.1,
        planning_steps: int = 10,
        threshold: float = 0.0001,
        initial_value: float = 0.0,
    ) -> None:
        super().__init__(step_size, discount, epsilon, initial_value)
        check_whole("PrioritisedSweeping", "planning_steps", planning_steps, 0, 1_000_000)
        check_range("PrioritisedSweeping", "threshold", threshold, 0.0, 1e12)
        self.planning_steps = planning_steps
        self.threshold = threshold

    def _memory(self, n_states: int, n_choices: int) -> Sweeping:
        pairs = n_states * n_choices

        def nowhere(n: int) -> IntArray:
            return np.full(n, -1, dtype=np.int64)

        leads = Leads(np.full(pairs, UNKNOWN), np.zeros(pairs), nowhere(n_states), nowhere(pairs), nowhere(pairs))
        q = np.full((n_states, n_choices), float(self.initial_value))
        return Sweeping(q, leads, empty_queue(pairs))

    def _numbers(self) -> Thresholds:  # type: ignore[override]
        return Thresholds(
            float(self.step_size), float(self.discount), float(self.epsilon), int(self.planning_steps),
            float(self.threshold),
        )  # fmt: skip
