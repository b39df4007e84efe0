"""Small worlds that drift and agents that do as they are told, so that the recovery of each is known beforehand.

The tests copy this file for the command line, as a file of the user's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit

from sandbox.draws import keyed_uniforms
from sandbox.interfaces import Slate
from sandbox.law_stream import Batch, LawStream
from sandbox.table import table_from_outcomes
from sandbox.table_env import TableEnv


class Flip(LawStream):
    """One of two choices earns 1, the other nothing; each change of the world's own makes it the other one."""

    kind = "slate"
    abstention = 0.0
    choice_names = ("heads", "tails")
    group_names = ("all",)
    n_cells = 1
    gap_range = luck_reach = 1.0
    suggested = 4000

    def __init__(self, drift: Any = None) -> None:
        super().__init__(drift)
        self.choice_space = spaces.Discrete(2)
        shown: dict[str, Any] = {
            "user": spaces.Discrete(1),
            "context": spaces.Box(0, 1, (1,)),
            "items": spaces.MultiDiscrete([2, 2]),
        }
        self.observation_space = spaces.Dict(shown)

    def tails(self, concept: int) -> float:
        """Return how often tails is right."""
        shares = self.schedule.made_of(concept).shares
        return sum(share * (self.schedule.own_change(anchor) % 2) for share, anchor in shares)

    def batch(self, seed: int, start: int, count: int) -> Batch:
        concept = self.schedule.concepts(seed, start, count)
        known = np.array([self.tails(code) for code in range(self.n_concepts)])
        values = np.column_stack([1.0 - known[concept], known[concept]])
        tails = keyed_uniforms(seed, start, count, 40) < values[:, 1]
        rewards = np.column_stack([~tails, tails]).astype(np.float64)
        nothing = np.zeros(count, dtype=np.int64)
        seen = Slate(nothing, np.ones((count, 1)), np.tile([0, 1], (count, 1)))
        return Batch(seen, nothing - 1, nothing, nothing, concept, values, rewards)

    def observation(self, batch: Batch, i: int) -> Any:
        return {"user": 0, "context": np.ones(1, dtype=np.float32), "items": np.array([0, 1])}


class Levers(TableEnv):
    """Three levers in a row; the `right` one of two leads on and earns 1, the other one ends the episode."""

    def __init__(self, right: int = 0) -> None:
        ends = [(1.0, 0, 0.0, True)]
        outcomes = {s: {a: [(1.0, s + 1, 1.0, s == 2)] if a == right else ends for a in (0, 1)} for s in range(3)}
        outcomes[3] = {0: ends, 1: ends}
        super().__init__([table_from_outcomes(outcomes, [1.0, 0.0, 0.0, 0.0])])


def levers(right: int = 0) -> Any:
    """Return the environment with the limit that it does not need."""
    return TimeLimit(Levers(right), 10)


class Flipper:
    """Chooses heads until it has failed `slow` times in a row, and `spread` more by the seed; then the other one.

    `settles`: what has earned once is chosen for ever. `breaks`: it raises when its first choice fails.
    """

    def __init__(self, slow: int = 1, spread: int = 0, settles: bool = False, breaks: bool = False) -> None:
        self.slow, self.spread, self.settles, self.breaks = slow, spread, settles, breaks

    def begin(self, observation_space: Any, choice_space: Any, rng: np.random.Generator) -> None:
        self.patience = self.slow + (int(rng.integers(self.spread)) if self.spread else 0)
        self.choice = self.failed = self.made = self.since = 0
        self.settled = False

    def act(self, observation: Any) -> int:
        self.made += 1
        return self.choice

    def learn(self, experience: Any) -> None:
        if self.breaks and self.made == 1 and not experience.reward:
            raise ValueError("not what\nI am used to")
        if experience.asked_at < self.since:  # news of a choice that it has left
            return
        self.failed = 0 if experience.reward else self.failed + 1
        self.settled = self.settled or (self.settles and experience.reward > 0)
        if self.failed >= self.patience and not self.settled:
            self.choice, self.failed, self.since = 1 - self.choice, 0, self.made


class Stubborn(Flipper):
    """A flipper that cannot be copied."""

    def __deepcopy__(self, memo: Any) -> Any:
        raise TypeError("one of a kind")


class Falls(Flipper):
    """A flipper that falls at step `at` of the seed `on`."""

    def __init__(self, at: int = 1500, on: int = 1) -> None:
        super().__init__(3)
        self.at, self.on = at, on

    def begin(self, observation_space: Any, choice_space: Any, rng: np.random.Generator) -> None:
        super().begin(observation_space, choice_space, rng)
        self.falls: bool = rng.bit_generator.seed_seq.entropy[0] == self.on  # type: ignore[attr-defined]

    def act(self, observation: Any) -> int:
        if self.falls and self.made == self.at:
            raise RuntimeError("fell")
        return super().act(observation)


class Quick(Flipper):
    """A flipper that says it is compiled: always heads, and on the seed `on` its loop raises in the second chunk."""

    def __init__(self, on: int = -1) -> None:
        super().__init__()
        self.on = on

    def begin(self, observation_space: Any, choice_space: Any, rng: np.random.Generator) -> None:
        super().begin(observation_space, choice_space, rng)
        self.seed: int = rng.bit_generator.seed_seq.entropy[0]  # type: ignore[attr-defined]

    def fast(self, kind: str, told: tuple[bool, ...], budget: int | None, delay: int) -> Callable[..., None]:
        def advance(start: int, seen: Any, outcome: Any, answers: Any, chosen: Any) -> None:
            if start and self.seed == self.on:
                raise ArithmeticError("the loop\nbroke")
            chosen.choice[:] = chosen.greedy[:] = 0.0
            chosen.answered_at[:] = answers.due
            chosen.confidence[:] = math.nan

        return advance
