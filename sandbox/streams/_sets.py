"""Streams whose decision is a set: of a day's questions the k highest answers are acted on, at the day's end."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from sandbox.draws import keyed_uniforms
from sandbox.errors import RunError
from sandbox.interfaces import Decision, Question
from sandbox.streams._mixed import MixedStream
from sandbox.table import FloatArray, IntArray

_TIES, _EXPLORED = 65, 66  # the purposes for which it is drawn who comes first of equals, and who is explored


class SetStream(MixedStream):
    """A stream of days of `per_day` questions, each answered by pass (0) or alert (1), of which `alerts` are alerts.

    The answers of a day are ranked by `urgency`; what is not among the first is passed, whatever was said. A run's last
    day may be shorter, and then has fewer alerts, in proportion, rounded down.
    """

    per_day: int
    alerts: int

    @property
    def slight(self) -> float:  # type: ignore[override]  # worked out when it is asked for
        """A tenth of what the best alerts gain, per question: few questions have a price, as large as a mistake's."""
        return 0.1 * abs(self.expected_best(0))

    @classmethod
    def env_class(cls, stream: SetStream) -> Any:
        """Return a stream as a Gymnasium environment (`sandbox.set_env.DayEnv`)."""
        from sandbox.set_env import DayEnv

        return DayEnv(stream)

    @abstractmethod
    def gain(self, question: Question, truth: float) -> float:
        """Return what an alert earns if `truth` is the right label; a pass earns 0."""

    @abstractmethod
    def label_due(self, seed: int, start: int, count: int) -> IntArray:
        """Return the day (count,) at whose end the label of each step from `start` on comes by itself, or -1."""

    @abstractmethod
    def report(
        self, day: int, questions: Sequence[Question], alerts: set[int], best: set[int], memory: dict[int, int]
    ) -> list[Sequence[float]]:
        """Return the numbers of `extras` for each question of a day; `memory` is a run's own, empty at first."""

    def alerts_among(self, count: int) -> int:
        """Return how many of the `count` questions of a day are alerts."""
        return self.alerts if count == self.per_day else self.alerts * count // self.per_day


def urgency(made: Decision) -> float:
    """Return by what a decision is ranked: the probability that it gives to 1, else what 1 is worth more than 0.

    Probabilities are scores beside a confidence, or the confidence alone; without them the choice itself counts. An
    abstention comes last.
    """
    choice, confidence, _, scores, _ = made
    if choice is None:
        return -math.inf
    if scores is not None:
        found = float(scores[1]) if confidence == confidence else float(scores[1]) - float(scores[0])
    elif confidence == confidence:
        found = float(confidence) if choice == 1 else 1.0 - float(confidence)
    else:
        found = float(choice)
    if found != found:
        raise RunError("the agent's score of 1 is not a number")
    return found


def ranked(made: Sequence[Decision], count: int, seed: int, start: int) -> IntArray:
    """Return the places of the `count` most urgent decisions, first to last; of equals a keyed draw says who is first.

    What was decided to explore is as urgent as another of the day's decisions, drawn at random: so a share of the
    alerts explores, as large as that of the decisions. `start`: the step of the first.
    """
    ties = keyed_uniforms(seed, start, len(made), _TIES)
    urgencies = np.array([urgency(one) for one in made])
    explored = np.array([one.explored for one in made], dtype=np.bool_)
    others = (keyed_uniforms(seed, start, len(made), _EXPLORED) * len(made)).astype(np.int64)
    urgencies = np.where(explored, urgencies[others], urgencies)
    return np.lexsort((ties, -urgencies))[:count]


def best_set(gains: FloatArray, count: int) -> IntArray:
    """Return the places of the `count` highest expected gains (n,), highest first, the earlier one of equals."""
    return np.argsort(-gains, kind="stable")[:count]
