"""The law of a tabular world: what each choice in each state leads to, and how often."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sandbox.errors import SandboxError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Objective:
    """What a world wants maximised: the sum of rewards, their discounted sum, or their average per step."""

    kind: Literal["undiscounted", "discounted", "average"] = "undiscounted"
    discount: float = 1.0

    def __post_init__(self) -> None:
        if self.kind == "discounted" and not 0.0 <= self.discount < 1.0:
            raise SandboxError(f"a discounted objective needs a discount in [0, 1), not {self.discount!r}")
        if self.kind != "discounted" and self.discount != 1.0:
            raise SandboxError(f"the {self.kind} objective has no discount; got {self.discount!r}")

    def __str__(self) -> str:
        return f"discounted by {self.discount:g}" if self.kind == "discounted" else self.kind


@dataclass(frozen=True)
class Table:
    """Arrays over (state, choice, outcome), padded with outcomes of probability 0.

    `probability`, `reward`: float (S, A, K). `successor`: int (S, A, K). `terminated`: bool (S, A, K).
    `start`: probability of each first state (S,). `horizon`: steps after which an episode is cut, None if never.
    `follow(state, observation)` gives the state that an observation leads to, where the state is more than it (a fact
    that only history shows); None where the observation is the state. `observed`: int (S,), what is seen of each state,
    numbered from 0, where several may look alike; None where states are seen.
    """

    probability: FloatArray
    successor: IntArray
    reward: FloatArray
    terminated: NDArray[np.bool_]
    start: FloatArray
    objective: Objective = field(default_factory=Objective)
    horizon: int | None = None
    follow: Callable[[int, int], int] | None = None
    observed: IntArray | None = None

    def __post_init__(self) -> None:
        totals = self.probability.sum(axis=2)
        # Written so that NaN is wrong too.
        wrong = np.argwhere(~(np.abs(totals - 1.0) <= 1e-9) | ~(self.probability >= 0).all(axis=2))
        if len(wrong):
            state, choice = wrong[0]
            raise SandboxError(
                f"the table's probabilities for state {state}, choice {choice} add up to {totals[state, choice]:.6g} "
                "or are negative"
            )
        if self.start.shape != (self.n_states,):
            raise SandboxError(f"the table has {self.n_states} states, and {self.start.size} first-state probabilities")
        if not abs(self.start.sum() - 1.0) <= 1e-9 or not (self.start >= 0).all():
            raise SandboxError(f"the probabilities of the table's first states add up to {self.start.sum():.6g}, not 1")
        if not np.isfinite(self.reward).all():
            raise SandboxError("the table holds a reward that is not finite")
        if self.successor.min() < 0 or self.successor.max() >= len(self.start):
            raise SandboxError(f"the table leads to a state outside 0..{len(self.start) - 1}")
        if self.observed is not None and (self.observed.shape != self.start.shape or self.observed.min() < 0):
            raise SandboxError(f"the table has {self.n_states} states, and needs as many observations, from 0")

    @property
    def n_states(self) -> int:
        """Number of states, S."""
        return int(self.probability.shape[0])

    @property
    def n_choices(self) -> int:
        """Number of choices, A."""
        return int(self.probability.shape[1])

    @property
    def seen(self) -> IntArray:
        """What is seen of each state (S,)."""
        return np.arange(self.n_states) if self.observed is None else self.observed.astype(np.int64)

    @property
    def n_observations(self) -> int:
        """Number of observations."""
        return int(self.seen.max()) + 1

    def reachable(self) -> NDArray[np.bool_]:
        """Return which states (S,) an episode can stand in when it decides."""
        seen = self.start > 0
        leads_on = (self.probability > 0) & ~self.terminated
        while True:
            following = self.successor[seen][leads_on[seen]]
            grown = seen.copy()
            grown[following] = True
            if (grown == seen).all():
                return seen
            seen = grown


Outcome = Sequence[Any]  # (probability, successor, reward, terminated), as in Gymnasium's toy_text


def table_from_outcomes(
    outcomes: Mapping[int, Mapping[int, Sequence[Outcome]]],
    start: Sequence[float] | FloatArray,
    objective: Objective | None = None,
    horizon: int | None = None,
    follow: Callable[[int, int], int] | None = None,
) -> Table:
    """Build a `Table` from nested `outcomes[state][choice] = [(probability, successor, reward, terminated), ...]`."""
    n_states, n_choices = len(outcomes), len(outcomes[0])
    width = max(len(outcomes[s][a]) for s in range(n_states) for a in range(n_choices))
    shape = (n_states, n_choices, width)
    probability, reward = np.zeros(shape), np.zeros(shape)
    successor, terminated = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.bool_)
    for s in range(n_states):
        for a in range(n_choices):
            for k, outcome in enumerate(outcomes[s][a]):
                probability[s, a, k], successor[s, a, k], reward[s, a, k], terminated[s, a, k] = outcome
    return Table(
        probability,
        successor,
        reward,
        terminated,
        np.asarray(start, dtype=np.float64),
        objective or Objective(),
        horizon,
        follow,
    )
