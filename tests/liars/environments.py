"""Environments that break one rule each."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

LAST = 3


def outcomes() -> dict[int, dict[int, list[tuple[float, int, float, bool]]]]:
    """Return a way of four states: choice 0 goes on, choice 1 may fall back to the start."""
    table: dict[int, dict[int, list[Any]]] = {LAST: {a: [(1.0, LAST, 0.0, True)] for a in (0, 1)}}
    for s in range(LAST):
        last = s + 1 == LAST
        table[s] = {0: [(0.7, s + 1, float(last), last), (0.3, s, 0.0, False)]}
        table[s][1] = [(0.5, 0, -1.0, False), (0.5, s + 1, float(last), last)]
    return table


class Honest(gym.Env[Any, Any]):
    """Plays by the table that it carries."""

    observation_space: Any = spaces.Discrete(LAST + 1)
    action_space: Any = spaces.Discrete(2)
    law = outcomes()
    first = (0.5, 0.5, 0.0, 0.0)

    def __init__(self) -> None:
        self.P = deepcopy(self.law)
        self.initial_state_distrib = list(self.first)

    def draw(self) -> float:
        return float(self.np_random.random())

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.s = int(self.draw() < 0.5)
        return self.s, {}

    def step(self, action: Any) -> Any:
        options = self.law[self.s][int(action)]
        reached = np.cumsum([chance for chance, *_ in options]).searchsorted(self.draw(), side="right")
        _, self.s, reward, ended = options[min(int(reached), len(options) - 1)]
        return self.s, reward, ended, False, {}


class Walk(gym.Env[Any, Any]):
    """A walk on a line, without a table; cut after ten steps."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-np.inf, np.inf, (1,), np.float64)
        self.action_space = spaces.Discrete(2)
        self.at = np.zeros(1)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.at, self.clock = self.np_random.normal(size=1), 0
        return self.at.copy(), {}

    def step(self, action: Any) -> Any:
        self.at = self.at + (2 * action - 1) + self.np_random.normal(size=1)
        self.clock += 1
        return self.at.copy(), -abs(float(self.at[0])), False, self.clock == 10, {}


class HasNoChoices(Honest):
    action_space = None


class Crashes(Honest):
    def step(self, action: Any) -> Any:
        if self.s == 2 and action == 1:
            raise ValueError("stuck")
        return super().step(action)


class ReturnsFour(Honest):
    def step(self, action: Any) -> Any:
        return super().step(action)[:4]


class LeavesItsSpace(Honest):
    observation_space = spaces.Discrete(LAST)


class Explodes(Walk):
    def step(self, action: Any) -> Any:
        observation, *rest = super().step(action)
        return observation if self.clock < 9 else np.array([np.inf]), *rest


class PaysNaN(Honest):
    def step(self, action: Any) -> Any:
        state, reward, *rest = super().step(action)
        return state, np.nan if state == LAST else reward, *rest


class EndsWithOne(Honest):
    def step(self, action: Any) -> Any:
        state, reward, ended, *rest = super().step(action)
        return state, reward, int(ended), *rest


class SaysNothing(Honest):
    def step(self, action: Any) -> Any:
        return *super().step(action)[:4], None


class IgnoresItsSeed(Honest):
    def reset(self, **options: Any) -> Any:
        return super().reset()


class DrawsFromNumPy(Honest):
    def draw(self) -> float:
        return float(np.random.random())  # noqa: NPY002


class NeverGoesHome(Walk):
    def reset(self, **options: Any) -> Any:
        at = self.at
        super().reset(**options)
        self.at = self.at + at
        return self.at.copy(), {}


class SharesItsPlace(Honest):
    places = [0]  # noqa: RUF012 - the lie

    @property
    def s(self) -> int:
        return self.places[0]

    @s.setter
    def s(self, state: int) -> None:
        self.places[0] = state


class ReusesItsBuffer(Walk):
    def reset(self, **options: Any) -> Any:
        super().reset(**options)
        self.buffer = self.at.copy()
        return self.buffer, {}

    def step(self, action: Any) -> Any:
        self.buffer[:], *rest = super().step(action)
        return self.buffer, *rest


class WantsNumPyChoices(Walk):
    def step(self, action: Any) -> Any:
        return super().step(action.item())


class AddsUpToMore(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.P[0][0][0] = (0.8, 1, 0.0, False)


class HasTooFewRows(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.P = {s: {0: choices[0]} for s, choices in self.P.items()}


class StartsElsewhere(Honest):
    first = (0.6, 0.4, 0.0, 0.0)


class SlipsMoreOften(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.P[1][0] = [(0.75, 2, 0.0, False), (0.25, 1, 0.0, False)]


class SlipsALittleEverywhere(Honest):
    """Each state's frequencies are near the table's, all of them are off in the same way."""

    law = {s: {a: [(1 / 40, k % 40, 0.0, False) for k in range(40)] for a in (0, 1)} for s in range(40)}  # noqa: RUF012
    observation_space = spaces.Discrete(40)
    first = (0.5, 0.5, *[0.0] * 38)

    def draw(self) -> float:
        return float(self.np_random.random() ** 1.2)

    def reset(self, **options: Any) -> Any:
        gym.Env.reset(self, seed=options.get("seed"))
        self.s = int(self.np_random.random() < 0.5)
        return self.s, {}


class LeapsElsewhere(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.P[1][1] = [(0.5, 1, -1.0, False), (0.5, 2, 0.0, False)]


class PaysMore(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.P[2][0][0] = (0.7, LAST, 0.5, True)


class EndsUntold(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.P[2][0][0] = (0.7, LAST, 1.0, False)


LIARS: list[tuple[str, Any]] = [
    ("declares_spaces", HasNoChoices),
    ("plays", Crashes),
    ("plays", ReturnsFour),
    ("observations_fit", LeavesItsSpace),
    ("observations_are_finite", Explodes),
    ("rewards_are_numbers", PaysNaN),
    ("ends_are_two_bools", EndsWithOne),
    ("info_is_a_dict", SaysNothing),
    ("same_seed_same_course", IgnoresItsSeed),
    ("leaves_global_chance_alone", DrawsFromNumPy),
    ("reset_starts_afresh", NeverGoesHome),
    ("shares_nothing", SharesItsPlace),
    ("observations_stay", ReusesItsBuffer),
    ("runs_in_the_loop", WantsNumPyChoices),
    ("table_can_be_read", AddsUpToMore),
    ("table_can_be_read", HasTooFewRows),
    ("starts_follow_table", StartsElsewhere),
    ("transitions_follow_table", SlipsMoreOften),
    ("transitions_follow_table", SlipsALittleEverywhere),
    ("transitions_follow_table", LeapsElsewhere),
    ("rewards_follow_table", PaysMore),
    ("ends_follow_table", EndsUntold),
]
