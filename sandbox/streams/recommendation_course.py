"""The course of runs of the recommendation world: who comes, what they are offered, and what all of it is worth."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sandbox.interfaces import Decision, Question, Settled, Slate
from sandbox.law_stream import BATCH, Batch
from sandbox.streams._mixed import MixedStream
from sandbox.streams.recommendation_asked import About, Asked, best_slate, settle_slate
from sandbox.streams.recommendation_law import Law, offer
from sandbox.streams.recommendation_people import People, ask, introduce
from sandbox.streams.recommendation_price import (
    ORACLE,
    RANDOM,
    Desk,
    Fixed,
    Satiety,
    calendar,
    make_desk,
    no_satiety,
    price,
    price_step,
)
from sandbox.streams.recommendation_slate import best_worths
from sandbox.streams.recommendation_taste import build_law
from sandbox.streams.recommendation_walk import Priced, Walks
from sandbox.table import FloatArray, IntArray

_LAWS_KEPT, _TASTES_KEPT = 128, 4_000_000  # laws, and numbers in them
# Where users tire: steps from which levels and simple values are read, and slates that are tried.
_MET, _SIMPLE, _TRIED = 10_000, 4_000, 10
_BUILDING = threading.Lock()  # of laws; a stream may be asked for several seeds at once


class Coming(NamedTuple):
    """Who comes in some steps, and what they are offered."""

    user: IntArray  # (n,) in whose place
    person: IntArray  # (n,)
    item: IntArray  # (n, k)
    context: FloatArray  # (n, d)
    group: IntArray  # (n,)
    concept: IntArray  # (n,)


class Course(MixedStream):
    """What happens in a run of the recommendation world; the subclass says with which settings, and what is seen."""

    law_seed: int
    users: int
    items: int
    segments: int
    dimensions: int
    item_life: int
    user_life: int
    categories: int
    renewal: float
    profile_noise: float
    slots: int
    levels: int
    recovery: float
    season: float
    fashion: float

    def _begin(self, fixed: Fixed, people: People, width: int) -> None:
        """Keep what the settings amount to; contexts hold `width` numbers."""
        self._fixed, self._people, self._width = fixed, people, width
        self._laws: dict[int, Law] = {}
        self._walks = Walks(self.rested, self._walk)

    def law(self, concept: int) -> Law:
        """Return the law of a concept, as arrays."""
        with _BUILDING:
            if concept not in self._laws:
                if len(self._laws) >= min(_LAWS_KEPT, 1 + _TASTES_KEPT // (self.users * self.dimensions)):
                    self._laws.clear()
                mixture, segments = self.parts(concept), (self.segments, self.dimensions)
                drifting = {
                    name: np.array([self.between(name, parts) for _, parts in mixture]) for name in self.may_drift
                }
                self._laws[concept] = build_law(
                    mixture, drifting, self.law_seed, self._people.segment, segments, self.renewal
                )
            return self._laws[concept]

    def rested(self) -> Satiety:
        """Return the satiety of a run that begins."""
        return no_satiety(self.users, self.categories, self.reactive)

    def desk(self, law: Law, count: int) -> Desk:
        """Return a desk for so many steps under one law."""
        return make_desk(self.users, min(self.users, count), self.items, law, self.categories)

    def come(self, seed: int, start: int, count: int) -> Coming:
        """Return who comes in the steps `start`, ..., `start + count - 1`, what they are offered, and the concept."""
        user, person = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
        ask(seed, start, self.user_life, self._people.keep, self._people.other, user, person)
        item = np.empty((count, self.items), dtype=np.int64)
        offer(start, self.item_life, item)
        context = np.zeros((count, self._width))
        if self.user_life:
            introduce(self.law_seed, self._people, float(self.profile_noise), user, person, context)
        else:
            context[:, : self.dimensions + 1] = self._people.profile[user]
        if self._fixed.year:
            calendar(start, self._fixed.year, context[:, -2:])
        concept = self.schedule.concepts(seed, start, count)
        return Coming(user, person, item, context, self._people.segment[user], concept)

    def batch(self, seed: int, start: int, count: int) -> Batch:
        """Return the questions of some steps of the run of `seed`; of users who tire, those that the oracle meets."""
        come = self.come(seed, start, count)
        if self.reactive:
            level, values, rewards = self._walks.at(seed, start, count)
            self.levels_in(come.context)[:] = level
        else:
            _, values, rewards = self._price(seed, start, come, self.rested(), ORACLE)
        seen = Slate(come.person, come.context, come.item)
        return Batch(seen, np.full(count, -1), come.group, come.group, come.concept, values, rewards)

    def _walk(self, seed: int, start: int, count: int, satiety: Satiety) -> Priced:
        return self._price(seed, start, self.come(seed, start, count), satiety, ORACLE)

    def _price(self, seed: int, start: int, come: Coming, satiety: Satiety, policy: int) -> Priced:
        count, concept = len(come.user), come.concept
        values, rewards = np.empty((count, self.items)), np.empty((count, self.items))
        level = np.empty((count if self.reactive else 0, self.categories), dtype=np.int64)
        codes = np.unique(concept).tolist()
        stretches = [(code, np.flatnonzero(concept == code)) for code in codes]
        if self.reactive and len(codes) > 1:  # one after the other
            edges = [0, *(1 + np.flatnonzero(np.diff(concept))).tolist(), count]
            stretches = [(int(concept[a]), np.arange(a, b)) for a, b in pairwise(edges)]
        for code, at in stretches:
            law, fixed = self.law(code), self._fixed
            desk = self.desk(law, len(at))
            price(seed, start, at, fixed, law, satiety, policy, desk, *come[:3], level, values, rewards)
        return level, values, rewards

    def best_values(self, batch: Batch) -> FloatArray:
        """Return V* (n,) of the questions of a batch, abstaining left out."""
        best = np.empty(len(batch.values))
        best_worths(batch.values, self._fixed.look, best)
        return best

    def questions(self, seed: int) -> Iterator[Question]:
        """Yield the questions of one run; what tired users are asked depends on what was shown to them.

        One that is not answered is taken as answered by the oracle.
        """
        return self._ask_each(seed) if self.settles else super().questions(seed)

    def settle(self, question: Question, made: Decision) -> Settled:
        """Return what came of a slate."""
        assert isinstance(question, Asked)
        return settle_slate(question, made)

    def ideal(self, question: Question) -> Decision:
        """Return the items in the order of their worth, or none where that is better."""
        assert question.values is not None
        return best_slate(question.values, self._fixed.look)

    def expected_best(self, concept: int) -> float:
        """Return E[V*] of a question under a concept, from a fixed large sample; of users who tire, as oracles do."""
        if not self.reactive:
            return super().expected_best(concept)
        made = self.pin(concept)
        return float(np.maximum(made.best_values(made.batch(0, 0, _MET)), self.abstention).mean())

    def simple_values(self) -> tuple[float, float]:
        """Return what slates at random, and the best one that is always the same, earn on average at first.

        Where users tire, the second is the best of ten slates.
        """
        if not self.settles:
            return super().simple_values()
        look, at_first = self._fixed.look, self.pin(0)
        if not self.reactive:
            means = at_first.batch(0, 0, 20_000).values.mean(axis=0)
            return float(look.sum() * means.mean()), float(np.sort(means)[::-1][: len(look)] @ look)
        values = at_first.met_by(RANDOM)
        slates = np.argsort(-values.mean(axis=0))[:_TRIED].tolist()
        places = (np.arange(len(look)) + np.array(slates)[:, None]) % self.items
        fixed = [at_first.met_by(first)[:, slate] @ look for first, slate in zip(slates, places, strict=True)]
        return float(look.sum() * values.mean()), max(float(one.mean()) for one in fixed)

    def met_by(self, policy: int) -> FloatArray:
        """Return what each item was worth (n, k) in the first steps of run 0 to one who chooses by `policy`."""
        return self._price(0, 0, self.come(0, 0, _SIMPLE), self.rested(), policy)[1]

    def _ask_each(self, seed: int) -> Iterator[Question]:
        satiety, start, count = self.rested(), 0, 256
        while True:
            come = self.come(seed, start, count)
            seen = Slate(come.person, come.context, come.item)
            nothing = np.empty((count, 0))
            batch = Batch(seen, np.full(count, -1), come.group, come.group, come.concept, nothing, nothing)
            known = -1
            for i, (code, group) in enumerate(zip(come.concept.tolist(), come.group.tolist(), strict=True)):
                if code != known:
                    known, law = code, self.law(code)
                    desk = self.desk(law, count)
                value, outcome = np.empty(self.items), np.empty((self.items, 4))
                who = int(come.user[i]), int(come.person[i])
                price_step(seed, start + i, self._fixed, law, satiety, desk, *who, come.item[i], value, outcome)
                if self.reactive:
                    self.levels_in(come.context)[i] = satiety.level[who[0]]
                observation = self.observation(batch, i)
                asked = Asked(observation, math.nan, group, group, code, value.tolist(), None, self.abstention)
                length = observation["durations"]
                asked.about = About(seed, start + i, who[0], self._fixed, satiety, value, outcome, length)
                yield asked
                if not asked.answered:
                    self.settle(asked, self.ideal(asked))
            start, count = start + count, min(2 * count, BATCH)

    def levels_in(self, context: FloatArray) -> FloatArray:
        """Return the part of contexts (..., d) that holds levels of satiety (..., categories)."""
        return context[..., self.dimensions + 1 : self.dimensions + 1 + self.categories]
