"""Streams with a law of their own that break one rule each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from gymnasium import spaces

from sandbox.draws import keyed_uniforms
from sandbox.interfaces import Decision, Labels, Messages, Number, Numbers, Question, Settled, Slate, Words
from sandbox.law_stream import Batch, LawStream

WORDS = ("free", "hello", "meeting", "win")
PAYS = np.array([[[0.8, 0.2], [0.3, 0.5]], [[0.1, 0.6], [0.9, 0.4]]])  # (law, user, choice)


class Honest(LawStream):
    """Two users, two items, and a context that shifts what each earns: 0 or 1."""

    kind = "slate"
    abstention = 0.0
    choice_names = ("a", "b")
    group_names = ("all",)
    n_cells = 2
    gap_range = luck_reach = 1.0

    def __init__(self, shift: float = 0.2, drift: Any = None) -> None:
        super().__init__(drift)
        self.shift = shift
        self.choice_space = spaces.Discrete(2)
        wide: spaces.Space[Any] = spaces.Box(-np.inf, np.inf, (2,), np.float64)
        self.shown: dict[str, spaces.Space[Any]] = {
            "user": spaces.Discrete(2),
            "context": wide,
            "items": spaces.Box(0, 9, (2,), np.int64),
        }
        self.observation_space = spaces.Dict(self.shown)

    def pays(self, concept: int) -> Any:
        shares = self.schedule.made_of(concept).shares
        return sum(share * PAYS[min(1, self.schedule.own_change(anchor))] for share, anchor in shares)

    def batch(self, seed: int, start: int, count: int) -> Batch:
        u = np.stack([keyed_uniforms(seed, start, count, purpose) for purpose in (40, 41, 42, 43)])
        concept = self.schedule.concepts(seed, start, count)
        user = (u[0] < 0.5).astype(np.int64)
        table = np.stack([self.pays(code) for code in range(self.n_concepts)])
        values = table[concept, user] * (1.0 - self.shift * u[1][:, None])
        rewards = (values > u[2:].T).astype(np.float64)
        context = np.column_stack([np.ones(count), u[1]])
        nothing = np.zeros(count, dtype=np.int64)
        return Batch(Slate(user, context, self.items(count)), nothing - 1, user, nothing, concept, values, rewards)

    def items(self, count: int) -> Any:
        return np.tile(np.array([3, 7]), (count, 1))

    def observation(self, batch: Batch, i: int) -> Any:
        seen: Any = batch.seen
        return {"user": int(seen.user[i]), "context": seen.context[i], "items": seen.item[i]}

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        batch = self.batch(0, 0, 1000)
        return ((self.observation(batch, i), float(batch.rewards[i, 0])) for i in range(1000))


class HonestMessages(LawStream):
    """Messages of two words and a sender, junk or not; the posterior is Bayes' rule."""

    kind = "messages"
    abstention = -1.0
    choice_names = ("deliver", "junk")
    group_names = ("friend", "stranger")
    n_cells = 4
    gap_range = luck_reach = 4.0

    def __init__(self, drift: Any = None) -> None:
        super().__init__(drift)
        self.choice_space = Labels((False, True), rewards=((0.0, -4.0), (-1.0, 0.0)))
        self.observation_space = spaces.Dict({"body": Words(WORDS, 2), "sender": Words(self.group_names, 1)})

    def words(self, concept: int) -> Any:
        """Return how often each word is written (label, word)."""
        spam = [np.array([0.4, 0.2, 0.1, 0.3]), np.array([0.1, 0.2, 0.4, 0.3])]
        mixed = (
            share * spam[min(1, self.schedule.own_change(anchor))]
            for share, anchor in self.schedule.made_of(concept).shares
        )
        return np.stack([np.array([0.1, 0.4, 0.4, 0.1]), sum(mixed)])

    def batch(self, seed: int, start: int, count: int) -> Batch:
        u = np.stack([keyed_uniforms(seed, start, count, purpose) for purpose in (40, 41, 42, 43)])
        truth = (u[0] < 0.4).astype(np.int64)
        concept = self.schedule.concepts(seed, start, count)
        words = np.stack([self.words(code) for code in range(self.n_concepts)])[concept]  # (n, label, word)
        up_to = np.cumsum(words[np.arange(count), truth], axis=1)
        body = [(part[:, None] >= up_to[:, :-1]).sum(axis=1) for part in u[1:3]]
        sender = (u[3] < np.where(truth, 0.8, 0.3)).astype(np.int64)
        weight = np.tile([0.6, 0.4], (count, 1)) * np.where(sender[:, None], [0.3, 0.8], [0.7, 0.2])
        for word in body:
            weight = weight * words[np.arange(count)[:, None], [0, 1], word[:, None]]
        posterior = weight / weight.sum(axis=1, keepdims=True)
        pays = np.array([[0.0, -4.0], [-1.0, 0.0]])
        seen = Messages(np.column_stack([*body, 4 + sender]).astype(np.int32), np.full(count, 3))
        return Batch(seen, truth, body[0], sender, concept, posterior @ pays, pays[truth])

    def observation(self, batch: Batch, i: int) -> Any:
        seen: Any = batch.seen
        first, second, sender = seen.words[i].tolist()
        vocabulary = (*WORDS, *self.group_names)
        return {"body": f"{vocabulary[first]} {vocabulary[second]}", "sender": vocabulary[sender]}


class HonestNumbers(LawStream):
    """One number is seen, and a number near its double is asked for: squared error."""

    kind = "numbers"
    settles = True
    abstention = -9.0
    choice_names = ()
    group_names = ("all",)
    n_cells = 1
    gap_range = 9.0
    luck_reach = np.inf

    def __init__(self, slope: float = 2.0, drift: Any = None) -> None:
        super().__init__(drift)
        self.slope = slope
        self.choice_space = Number()
        self.observation_space = spaces.Dict({"x": spaces.Box(-np.inf, np.inf, (), np.float64)})

    def slope_of(self, concept: int) -> float:
        shares = self.schedule.made_of(concept).shares
        return sum(share * self.slope * (1.0 + self.schedule.own_change(anchor)) for share, anchor in shares)

    def batch(self, seed: int, start: int, count: int) -> Batch:
        x, u = (keyed_uniforms(seed, start, count, purpose) for purpose in (40, 41))
        concept = self.schedule.concepts(seed, start, count)
        mean = np.array([self.slope_of(code) for code in range(self.n_concepts)])[concept] * x
        values = np.column_stack([mean, np.full(count, 1.0 / 12.0)])
        nothing = np.zeros(count, dtype=np.int64)
        return Batch(Numbers(x[:, None]), mean + u - 0.5, nothing, nothing, concept, values, np.empty((count, 0)))

    def observation(self, batch: Batch, i: int) -> Any:
        seen: Any = batch.seen
        return {"x": float(seen.values[i, 0])}

    def best_values(self, batch: Batch) -> Any:
        return -batch.values[:, 1]

    def ideal(self, question: Question) -> Decision:
        assert question.values is not None
        return Decision(question.values[0])

    def settle(self, question: Question, made: Decision) -> Settled:
        assert question.values is not None
        mean, variance = question.values
        if made.choice is None:
            return Settled(-variance, self.abstention, self.abstention)
        off, missed = made.choice - mean, made.choice - question.truth
        return Settled(-variance, -variance - off * off, -missed * missed)


class ForecastsTooTimidly(HonestNumbers):
    def ideal(self, question: Question) -> Decision:
        assert question.values is not None
        return Decision(0.99 * question.values[0])


class OverstatesForecasts(HonestNumbers):
    def settle(self, question: Question, made: Decision) -> Settled:
        found = super().settle(question, made)
        return found._replace(reward=found.reward + 0.1 * (made.choice is not None))


class LosesASetting(Honest):
    def __init__(self, shift: float = 0.2, drift: Any = None, tilt: float = 0.0) -> None:
        super().__init__(shift, drift)


class HasNoRange(Honest):
    gap_range = 0.0


class NumbersItsAnswersShort(Honest):
    def batch(self, seed: int, start: int, count: int) -> Batch:
        found = super().batch(seed, start, count)
        return found._replace(truth=found.truth.astype(np.int32))


class DeclaresOneCell(Honest):
    n_cells = 1


class DrawsByTheBatch(Honest):
    def batch(self, seed: int, start: int, count: int) -> Batch:
        found = super().batch(seed, start, count)
        return found if start % 256 == 0 else self._moved(found)

    def _moved(self, found: Batch) -> Batch:
        seen: Any = found.seen
        return found._replace(seen=seen._replace(context=seen.context + np.array([0.0, 1e-9])))


class AsksOtherQuestions(Honest):
    def questions(self, seed: int) -> Iterator[Question]:
        return (question._replace(abstention=-1.0) for question in super().questions(seed))


class ShowsOtherItems(Honest):
    def observation(self, batch: Batch, i: int) -> Any:
        return {**super().observation(batch, i), "items": np.array([7, 3])}


class SpellsOtherwise(HonestMessages):
    def observation(self, batch: Batch, i: int) -> Any:
        found = super().observation(batch, i)
        return {**found, "body": " ".join(reversed(found["body"].split()))}


class UnderstatesLuck(Honest):
    luck_reach = 0.5


class PricesTooHigh(Honest):
    def batch(self, seed: int, start: int, count: int) -> Batch:
        found = super().batch(seed, start, count)
        return found._replace(values=np.minimum(found.values * 1.05, 1.0))


class PricesTimidly(Honest):
    """Right on average in each cell, wrong by what the context tells."""

    def batch(self, seed: int, start: int, count: int) -> Batch:
        found = super().batch(seed, start, count)
        seen: Any = found.seen
        exact = (1.0 - self.shift * seen.context[:, 1:]) / (1.0 - self.shift / 2.0)
        return found._replace(values=found.values / exact * (2.0 - exact))


class NeverDrifts(Honest):
    def pays(self, concept: int) -> Any:
        return PAYS[0]


class LivesAnotherLife(Honest):
    def pin(self, concept: int) -> Self:
        made = super().pin(concept)
        vars(made)["items"] = lambda count: np.tile(np.array([3, 8]), (count, 1))
        return made


class ShowsTheConcept(Honest):
    def __init__(self, shift: float = 0.2, drift: Any = None) -> None:
        super().__init__(shift, drift)
        self.observation_space = spaces.Dict({**self.shown, "season": spaces.Discrete(9)})

    def observation(self, batch: Batch, i: int) -> Any:
        return {**super().observation(batch, i), "season": 5 + int(batch.concept[i])}


class ShowsItsLuck(Honest):
    def __init__(self, shift: float = 0.2, drift: Any = None) -> None:
        super().__init__(shift, drift)
        self.observation_space = spaces.Dict({**self.shown, "rumour": spaces.Discrete(2)})

    def observation(self, batch: Batch, i: int) -> Any:
        return {**super().observation(batch, i), "rumour": int(batch.rewards[i, 1])}


class RatesWithWords(Honest):
    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return ((observation, "good" if rating else "bad") for observation, rating in super().__iter__())


LIARS: list[tuple[str, Any]] = [
    ("answers_are_hidden", ShowsItsLuck),
    ("pairs_are_rivers", RatesWithWords),
    ("keeps_its_settings", LosesASetting),
    ("declares_its_law", HasNoRange),
    ("batches_fit", NumbersItsAnswersShort),
    ("codes_are_declared", DeclaresOneCell),
    ("chunks_do_not_matter", DrawsByTheBatch),
    ("questions_are_those_of_batches", AsksOtherQuestions),
    ("seen_is_the_observation", ShowsOtherItems),
    ("seen_is_the_observation", SpellsOtherwise),
    ("decisions_are_settled", ForecastsTooTimidly),
    ("decisions_are_settled", OverstatesForecasts),
    ("prices_are_in_range", UnderstatesLuck),
    ("rewards_average_to_values", PricesTooHigh),
    ("rewards_average_to_values", PricesTimidly),
    ("drift_is_taken", NeverDrifts),
    ("twins_share_their_luck", LivesAnotherLife),
    ("concept_is_hidden", ShowsTheConcept),
]
