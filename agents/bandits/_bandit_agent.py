"""What the bandits have in common: they choose one of k slots, each of which shows an item."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.errors import RunError, SandboxError
from sandbox.feedback import Answers
from sandbox.interfaces import Chosen, Decision, Experience, Slate
from sandbox.table import FloatArray, IntArray

from ._bandit import SAMPLE_AVERAGE, make_arms, reward_arm
from ._slate import Post, make_post

Advance = Callable[[int, Slate, FloatArray, Answers, Chosen], None]


def slots_of(what: str, choice_space: spaces.Space[Any]) -> int:
    """Return how many choices there are; refuse, in one line, choices that are no slots."""
    if not isinstance(choice_space, spaces.Discrete):
        raise SandboxError(f"{what} keeps values of choices and needs discrete ones, not {type(choice_space).__name__}")
    if int(choice_space.start) != 0:
        raise SandboxError(f"{what} needs choices counted from 0, not from {int(choice_space.start)}")
    return int(choice_space.n)


def shows_items(observation_space: spaces.Space[Any], n_slots: int) -> bool:
    """Say whether observations name the item behind each slot, as `items` (k,)."""
    if not isinstance(observation_space, spaces.Dict) or "items" not in observation_space.spaces:
        return False
    return observation_space["items"].shape == (n_slots,)


class BanditAgent:
    """An agent that averages the rewards of each slot's item; subclasses say how they choose.

    Where observations hold `items` (k,), the ids behind the slots, the statistics of a slot start afresh with a new
    item, and a reward that comes after its item is gone is dropped. Without them a slot is an item.

    Where a slot's rewards never come (one-sided feedback) it keeps its first promise: agents that try the unknown show
    it for ever.
    """

    _step_size, _initial_value, _context_size = SAMPLE_AVERAGE, 0.0, 0

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run of which nothing is known."""
        self.n_slots = slots_of(type(self).__name__, choice_space)
        self._slots = np.arange(self.n_slots, dtype=np.int64)
        self._shows_items = shows_items(observation_space, self.n_slots)
        self.rng = rng
        self._forget()

    def _forget(self) -> None:
        self.arms = make_arms(self.n_slots)

    def _items(self, observation: Any) -> IntArray:
        """Return the id of the item behind each slot (k,)."""
        if not self._shows_items:
            return self._slots
        items = np.ascontiguousarray(observation["items"], dtype=np.int64)
        if items.shape != (self.n_slots,):
            raise RunError(f"the question shows {items.size} items, and there are {self.n_slots} choices")
        return items

    def _choose(self, items: IntArray, observation: Any, scores: FloatArray) -> tuple[int, bool]:
        """Return a choice and whether it explored; write the estimated values into `scores` (k,)."""
        raise NotImplementedError

    def act(self, observation: Any) -> Decision:
        """Choose a slot."""
        scores = np.empty(self.n_slots)
        choice, explored = self._choose(self._items(observation), observation, scores)
        return Decision(choice, math.nan, explored, scores.tolist())

    def learn(self, experience: Experience) -> None:
        """Learn from a reward; an abstention teaches nothing."""
        observation, choice, reward, _, _, _, _, asked_at = experience
        if choice is None:
            return
        if not 0 <= choice < self.n_slots:
            raise RunError(f"choice {choice!r} is none of the {self.n_slots}")
        item = int(self._items(observation)[choice])
        self._reward(int(choice), item, int(asked_at), float(reward), observation)

    def _reward(self, slot: int, item: int, asked_at: int, reward: float, observation: Any) -> None:
        reward_arm(self.arms, slot, item, asked_at, reward, self._step_size, self._initial_value)

    def fast(self, kind: str, feedback_told: tuple[bool, ...], budget: int | None, delay: int) -> Advance | str:
        """Return what goes through a chunk of slates in compiled code, or a line that says why there is no such thing.

        `feedback_told` (k,) says which choices are answered at all; `budget` is how many answers may be asked for;
        `delay` is the longest delay, in decisions.
        """
        name = type(self).__name__
        if "_advance" not in vars(type(self)):
            return f"{name} is a subclass with rules of its own"
        if kind != "slate":
            return f"{name} is compiled for slates, not for {kind}"
        return partial(self._advance, make_post(feedback_told, budget, delay, self._context_size))

    def _advance(
        self, post: Post, start: int, seen: Slate, outcome: FloatArray, answers: Answers, chosen: Chosen
    ) -> None:
        raise NotImplementedError
