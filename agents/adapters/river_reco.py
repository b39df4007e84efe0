"""River's recommenders as agents: they rate every item on offer for this user, and the best rated is shown."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium import spaces
from river.reco.base import Ranker

from sandbox.errors import RunError, SandboxError
from sandbox.interfaces import Decision, Experience, check_range

from ..bandits._bandit import best_of
from ..bandits._bandit_agent import BanditAgent
from .river import _seeded


class RiverRecommender(BanditAgent):
    """A model of `river.reco`. It shows the item that it rates best, and learns the reward as the user's rating.

    `model` is any `river.reco.base.Ranker`; seeds that it leaves open are drawn from the run's generator. `epsilon` in
    [0, 1] is the share of random choices. Needs discrete choices, and observations with the `user` and, unless a slot
    is an item, the `items` (k,) behind the slots; a contextual model gets the numbers of `context` by their place.
    """

    def __init__(self, model: Ranker, epsilon: float = 0.0) -> None:
        if not isinstance(model, Ranker):
            raise SandboxError(f"{type(model).__name__} is no recommender of river.reco")
        check_range("RiverRecommender", "epsilon", epsilon, 0.0, 1.0)
        self.model = model
        self.epsilon = epsilon

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run with an untrained clone."""
        if not isinstance(observation_space, spaces.Dict) or "user" not in observation_space.spaces:
            name = type(self.model).__name__
            raise SandboxError(f"River's {name} recommends to users and needs observations that hold a 'user'")
        self._contextual = bool(self.model.is_contextual)
        super().begin(observation_space, choice_space, rng)

    def _forget(self) -> None:
        self.trained = _seeded(self.model, self.rng)

    def _about(self, observation: Any) -> dict[Any, float] | None:
        """Return what the model is told of the user beside the name."""
        return dict(enumerate(np.ravel(observation["context"]).tolist())) if self._contextual else None

    def act(self, observation: Any) -> Decision:
        """Choose the slot of the item that is rated best, ties at random."""
        user, x, predict = observation["user"], self._about(observation), self.trained.predict_one
        scores = [float(predict(user, item, x)) for item in self._items(observation).tolist()]
        if not math.isfinite(sum(scores)):
            raise RunError(f"River's {type(self.model).__name__} rates an item with a number that is not finite")
        if self.epsilon and self.rng.random() < self.epsilon:
            return Decision(int(self.rng.random() * self.n_slots), math.nan, True, scores)
        return Decision(best_of(np.array(scores), self.rng), math.nan, False, scores)

    def learn(self, experience: Experience) -> None:
        """Learn the reward as the user's rating of the item that was shown; an abstention teaches nothing."""
        observation, choice, reward, _, _, _, _, _ = experience
        if choice is not None:
            item = int(self._items(observation)[choice])
            self.trained.learn_one(observation["user"], item, reward, self._about(observation))

    def fast(self, kind: str, feedback_told: tuple[bool, ...], budget: int | None, delay: int) -> str:
        """Say why there is no compiled loop."""
        return f"River's {type(self.model).__name__} is not compiled"
