"""Recommendation: items are shown to each user who comes; each is skipped or watched, and perhaps liked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from sandbox.draws import keyed_uniforms
from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.interfaces import Agent, Decision, Slate
from sandbox.law_stream import BATCH, Batch
from sandbox.streams.recommendation_asked import EXTRAS
from sandbox.streams.recommendation_course import Course
from sandbox.streams.recommendation_items import goods_of, on_show
from sandbox.streams.recommendation_law import Outcome
from sandbox.streams.recommendation_people import make_people
from sandbox.streams.recommendation_plan import Planner
from sandbox.streams.recommendation_price import Fixed, price_step, waves
from sandbox.streams.recommendation_slate import attention_of

_LOGGED = 32  # the purpose for which the logging policy draws
_SATIETY_KEPT = 4_000_000  # numbers of one run


class Recommendation(Course):
    """Users with tastes, items born and dying: skip, watch time and like by a known law (recommendation_law.py).

    A choice is one of 0, ..., `items` - 1; its item is replaced every `item_life` steps (0: never), each choice's in
    its turn, and so are users every `user_life` steps. The reward is the share of the item that is watched, plus
    `like_bonus` for a like; a skip costs `skip_cost`. To show nothing earns 0. What is known of a user is a constant 1
    and a declared profile: the taste at the beginning, with noise of `profile_noise` deviations. Audit groups and cells
    are the users' segments.

    Beside taste, what moves the worth of items goes by category (choice modulo `categories`): `season` by the time of
    the `year` (steps), whose cosine and sine are added to the context; `fashion` for whatever is in fashion, hidden;
    `satiation` for every level, up to `levels`, by which a user was shown too much of it; each visit without it takes
    one level off with probability `recovery`. Levels are added to the context. Choices then change later laws, and gaps
    are myopic. `slots` > 1: a choice is the first of so many items shown at once, and the agent's scores (without them:
    chance) say what follows; the r-th is looked at with probability r^-`attention` (recommendation_slate.py), else it
    earns nothing; each is learnt from by itself.

    Drift: without settings, `renewal` of the variance of all tastes is drawn anew, and profiles grow stale; with
    settings, `like_bonus`, `skip_cost`, `sigma` (deviation of the logarithm of the watch time), `satiation`, `fashion`
    or `season` change.

    As a River stream it yields the ratings (rewards) of the run of seed 0 under a logging policy that shows each item
    equally often: `({"user": "u12", "item": "i34", "segment": "segment-0", "duration": 61.5}, 0.8)`.
    """

    kind = "slate"
    abstention = 0.0
    choice_names = ()
    changes_what = "tastes"
    may_drift: ClassVar[dict[str, tuple[float, float]]] = {
        "like_bonus": (0.0, 100.0),
        "skip_cost": (0.0, 100.0),
        "sigma": (0.01, 10.0),
        "satiation": (0.0, 100.0),
        "fashion": (0.0, 100.0),
        "season": (0.0, 100.0),
    }
    ranges: ClassVar[dict[str, tuple[float, float]]] = {
        "profile_noise": (0.0, 100.0),
        "renewal": (0.0, 1.0),
        "recovery": (0.0, 1.0),
        "attention": (0.0, 20.0),
    }
    counts: ClassVar[dict[str, tuple[int, int]]] = {
        "law_seed": (0, 2**62),
        "users": (1, 100_000),
        "items": (1, 1_000),
        "dimensions": (1, 100),
        "segments": (1, 1_000),
        "item_life": (0, 2**40),
        "user_life": (0, 2**40),
        "slots": (1, 1_000),
        "categories": (1, 1_000),
        "levels": (1, 1_000),
        "fashion_life": (1, 2**40),
        "year": (1, 2**40),
    }

    def __init__(
        self,
        law_seed: int = 0,
        users: int = 100,
        items: int = 20,
        dimensions: int = 5,
        segments: int = 4,
        item_life: int = 10_000,
        like_bonus: float = 0.5,
        skip_cost: float = 0.2,
        sigma: float = 0.8,
        profile_noise: float = 0.5,
        renewal: float = 1.0,
        user_life: int = 0,
        slots: int = 1,
        attention: float = 1.0,
        categories: int = 4,
        satiation: float = 0.0,
        recovery: float = 0.25,
        levels: int = 4,
        fashion: float = 0.0,
        fashion_life: int = 500,
        season: float = 0.0,
        year: int = 10_000,
        drift: Specs = None,
    ) -> None:
        super().__init__(drift)
        self.law_seed, self.users, self.items, self.dimensions = law_seed, users, items, dimensions
        self.segments, self.item_life, self.user_life, self.renewal = segments, item_life, user_life, renewal
        self.like_bonus, self.skip_cost, self.sigma = like_bonus, skip_cost, sigma
        self.profile_noise, self.slots, self.attention = profile_noise, slots, attention
        self.categories, self.satiation, self.recovery, self.levels = categories, satiation, recovery, levels
        self.fashion, self.fashion_life, self.season, self.year = fashion, fashion_life, season, year
        self._check_settings()
        self._open()

    def _check_settings(self) -> None:
        super()._check_settings()
        if self.segments > self.users:
            raise SandboxError(f"recommendation: {self.segments} segments are more than {self.users} users")
        if self.slots > self.items:
            raise SandboxError(f"recommendation: {self.slots} slots are more than {self.items} items")
        if self.largest("satiation") > 0.0 and self.users * self.categories > _SATIETY_KEPT:
            raise SandboxError(
                f"recommendation: {self.users} users tire of {self.categories} categories, more than "
                f"{_SATIETY_KEPT:,} numbers; use fewer"
            )

    def _open(self) -> None:
        """Work out what follows from the settings."""
        self.reactive = self.largest("satiation") > 0.0
        self.settles = self.reactive or self.slots > 1
        self.extras = EXTRAS if self.settles else ()
        self.catalogue = self.items if self.slots > 1 else 0
        self.objective = "reward per decision" + (", myopic" if self.reactive else "")
        look = attention_of(self.slots, self.attention)
        # No price is larger: a skip against a whole item that is liked. Under all laws that the drifts lead to.
        most = 1.0 + self.largest("like_bonus") + self.largest("skip_cost")
        self.gap_range, self.luck_reach = most * float(look.sum()), most * self.slots
        self.group_names = tuple(f"segment-{k}" for k in range(self.segments))
        self.n_cells = self.segments
        seasons = self.largest("season") > 0.0
        fixed = Fixed(
            self.law_seed,
            4 if self.slots > 1 else 0,
            self.categories,
            self.levels,
            float(self.recovery),
            self.year if seasons else 0,
            self.fashion_life if self.largest("fashion") > 0.0 else 0,
            waves(self.segments, self.categories if seasons else 0),
            look,
        )
        people = make_people(self.law_seed, self.users, self.segments, self.dimensions, self.profile_noise)
        width = self.dimensions + 1 + (self.categories if self.reactive else 0) + (2 if seasons else 0)
        self._begin(fixed, people, width)
        self._declare(width)

    def _declare(self, width: int) -> None:
        """Say what can be seen and chosen; contexts hold `width` numbers."""
        self.choice_space = spaces.Discrete(self.items)
        if self.slots > 1:
            self.action_space = spaces.Box(-np.inf, np.inf, (self.items,), np.float64)
        self.observation_space = spaces.Dict(
            {
                "user": spaces.Discrete(2**62 if self.user_life else self.users),
                "context": spaces.Box(-np.inf, np.inf, (width,), np.float64),
                "items": spaces.Box(0, 2**62, (self.items,), np.int64),
                "features": spaces.Box(-np.inf, np.inf, (self.items, self.dimensions), np.float64),
                "durations": spaces.Box(0.0, np.inf, (self.items,), np.float64),
            }
        )

    def observation(self, batch: Batch, i: int) -> dict[str, Any]:
        """Return what an agent sees of the i-th question of a batch: user, what is known of them, items on offer.

        `context` (d,): 1 and the profile (dimensions + 1), then levels of satiety (categories) where users tire, then
        cosine and sine of the year where there are seasons. `items`: ids (k,); `features`: (k, dimensions);
        `durations`: seconds (k,).
        """
        seen = batch.seen
        assert isinstance(seen, Slate)
        features, durations = on_show(self.law_seed, self.dimensions, seen.item[i].tobytes())
        # Copies: what a view is a part of would tell of coming questions.
        return {
            "user": int(seen.user[i]),
            "context": seen.context[i].copy(),
            "items": seen.item[i].copy(),
            "features": features,
            "durations": durations,
        }

    def outcome(self, seed: int, step: int, choice: int) -> Outcome:
        """Return what comes of a choice in a step of the run of `seed`; the reward is that of `batch`.

        Where users tire, it is what would come if they were not tired yet.
        """
        come = self.come(seed, step, 1)
        seconds = float(goods_of(self.law_seed, self.dimensions, come.item[0].tobytes())[choice, -1])
        law, who = self.law(int(come.concept[0])), (int(come.user[0]), int(come.person[0]))
        value, outcome = np.empty(self.items), np.empty((self.items, 4))
        desk = self.desk(law, 1)
        price_step(seed, step, self._fixed, law, self.rested(), desk, *who, come.item[0], value, outcome)
        watched, share, like, reward = outcome[choice].tolist()
        return Outcome(not watched, share * seconds, share, bool(like), reward)

    def planner(self) -> Agent:
        """Return who earns most in the long run, where users tire of a catalogue that stays."""
        return Planner(self)

    def __iter__(self) -> Iterator[tuple[dict[str, Any], float]]:
        for seen, group, slot, rating in self._rated():
            about = {"user": f"u{seen['user']}", "item": f"i{seen['items'][slot]}", "segment": self.group_names[group]}
            yield about | {"duration": float(seen["durations"][slot])}, rating

    def _rated(self) -> Iterator[tuple[dict[str, Any], int, int, float]]:
        """Yield observation, group, choice and reward of each step of run 0; in a slate, of the first item."""
        if self.settles:
            for step, asked in enumerate(self.questions(0)):
                slot = int(keyed_uniforms(0, step, 1, _LOGGED)[0] * self.items)
                yield asked.observation, asked.group, slot, self.settle(asked, Decision(slot)).parts[0][1]
        for start in range(0, 2**62, BATCH):
            batch = self.batch(0, start, BATCH)
            chosen = (keyed_uniforms(0, start, BATCH, _LOGGED) * self.items).astype(np.int64)
            rated = batch.rewards[np.arange(BATCH), chosen].tolist()
            for i, (slot, rating) in enumerate(zip(chosen.tolist(), rated, strict=True)):
                yield self.observation(batch, i), int(batch.group[i]), slot, rating
