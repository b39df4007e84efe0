"""Streams that break one rule each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.interfaces import Labels, Number, Question, Stream

_WIDE = spaces.Box(-np.inf, np.inf, (), np.float64)


class Honest(Stream):
    """Two numbers, of which one mostly tells the label."""

    def __init__(self) -> None:
        self.observation_space = spaces.Dict({"a": _WIDE, "b": _WIDE})
        self.choice_space: Any = Labels(["ham", "spam"])
        self.length = 200

    def question(self, rng: Any) -> Question:
        a, b = float(rng.normal()), float(rng.normal())
        return Question({"a": a, "b": b}, int(a + 0.5 * b > 0.0))

    def questions(self, seed: int) -> Iterator[Any]:
        rng = np.random.default_rng(seed)
        for _ in range(200):
            yield self.question(rng)


class HonestForecast(Honest):
    """Two numbers and a third to forecast."""

    def __init__(self) -> None:
        super().__init__()
        self.choice_space = Number()

    def question(self, rng: Any) -> Question:
        given = super().question(rng).observation
        return Question(given, given["a"] + float(rng.normal()))


class AsksForSeveral(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.choice_space = spaces.MultiBinary(2)


class CountsFromOne(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.choice_space = spaces.Discrete(2, start=1)


class HasNoAnswers(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.choice_space = spaces.Discrete(2)

    def question(self, rng: Any) -> Question:
        return super().question(rng)._replace(truth=math.nan)


class AsksNothing(Honest):
    def questions(self, seed: int) -> Iterator[Question]:
        return iter(())


class AsksPairs(Honest):
    def questions(self, seed: int) -> Iterator[Any]:
        return ((question.observation, question.truth) for question in super().questions(seed))


class HasUndeclaredFeature(Honest):
    def question(self, rng: Any) -> Question:
        found = super().question(rng)
        return found._replace(observation={**found.observation, "c": 1.0})


class HasInfiniteFeature(Honest):
    def question(self, rng: Any) -> Question:
        found = super().question(rng)
        return found if rng.random() < 0.9 else found._replace(observation={"a": 0.0, "b": math.inf})


class AnswersWithLabels(Honest):
    def question(self, rng: Any) -> Any:
        found = super().question(rng)
        return found._replace(truth=self.choice_space.labels[int(found.truth)])


class ForecastsNaN(HonestForecast):
    def question(self, rng: Any) -> Question:
        return super().question(rng)._replace(truth=math.nan)


class CountsCellsBelowZero(Honest):
    def question(self, rng: Any) -> Question:
        return super().question(rng)._replace(cell=-1)


class IgnoresItsSeed(Honest):
    def questions(self, seed: int) -> Iterator[Question]:
        return super().questions(int(np.random.default_rng().integers(2**31)))


class DrawsFromNumPy(Honest):
    def questions(self, seed: int) -> Iterator[Question]:
        return (self.question(np.random) for _ in range(200))


class CannotStartAgain(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.rng = np.random.default_rng(0)

    def questions(self, seed: int) -> Iterator[Question]:
        return (self.question(self.rng) for _ in range(200))


class SharesItsGenerator(Honest):
    def questions(self, seed: int) -> Iterator[Question]:
        self.rng = np.random.default_rng(seed)
        return (self.question(self.rng) for _ in range(200))


class ReusesItsDict(Honest):
    def questions(self, seed: int) -> Iterator[Question]:
        given: dict[str, float] = {}
        for question in super().questions(seed):
            given.update(question.observation)
            yield question._replace(observation=given)


class PromisesMore(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.length = 201


class HandsOutCodes(Honest):
    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return ((question.observation, question.truth) for question in self.questions(0))


class PaysForErrors(Honest):
    def reward(self, question: Question, choice: Any) -> float:
        return -super().reward(question, choice)


class GivesTheAnswerAway(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Dict({"a": _WIDE, "b": _WIDE, "folder": spaces.Text(9)})

    def question(self, rng: Any) -> Question:
        found = super().question(rng)
        return found._replace(observation={**found.observation, "folder": "junk" if found.truth else "inbox"})


class GivesTheNumberAway(HonestForecast):
    def question(self, rng: Any) -> Question:
        found = super().question(rng)
        return found._replace(truth=found.observation["b"])


LIARS: list[tuple[str, Any]] = [
    ("declares_spaces", AsksForSeveral),
    ("declares_spaces", CountsFromOne),
    ("asks", AsksNothing),
    ("asks", AsksPairs),
    ("questions_fit", HasUndeclaredFeature),
    ("questions_are_finite", HasInfiniteFeature),
    ("truths_fit", AnswersWithLabels),
    ("truths_fit", ForecastsNaN),
    ("truths_fit", HasNoAnswers),
    ("codes_count_from_zero", CountsCellsBelowZero),
    ("same_seed_same_questions", IgnoresItsSeed),
    ("leaves_global_chance_alone", DrawsFromNumPy),
    ("asks_again", CannotStartAgain),
    ("runs_share_nothing", SharesItsGenerator),
    ("questions_stay", ReusesItsDict),
    ("length_is_kept", PromisesMore),
    ("pairs_are_rivers", HandsOutCodes),
    ("right_answers_pay", PaysForErrors),
    ("answers_are_hidden", GivesTheAnswerAway),
    ("answers_are_hidden", GivesTheNumberAway),
]
