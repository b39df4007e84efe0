"""Recommendation: one of a few items is shown to each user who comes; it is skipped or watched, and perhaps liked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.draws import keyed_uniforms, make_alias
from sandbox.drift import Anchor, Drift, Shares, Specs
from sandbox.errors import SandboxError, suggestion
from sandbox.interfaces import Slate, check_range
from sandbox.law_stream import BATCH, Batch, LawStream
from sandbox.streams.recommendation_law import Law, Outcome, ask, draw_items, price, reply_to, settle
from sandbox.table import FloatArray, IntArray

# Settings that may drift: their range. The others decide what the spaces hold, or what is known of the users.
_MAY_DRIFT = {"like_bonus": (0.0, 100.0), "skip_cost": (0.0, 100.0), "sigma": (0.01, 10.0)}
_SHARES = {"profile_noise": (0.0, 100.0), "renewal": (0.0, 1.0)}
_COUNTS = {
    "law_seed": (0, 2**62),
    "users": (1, 100_000),
    "items": (1, 1_000),
    "dimensions": (1, 100),
    "segments": (1, 1_000),
    "item_life": (0, 2**40),
}
_ACTIVITY = 0.5  # deviation of the logarithm of how often users come
_LOGGED = 32  # the purpose for which the logging policy draws
_LAWS_KEPT, _TASTES_KEPT = 128, 4_000_000  # laws, and numbers in them
_BUILDING = threading.Lock()  # of laws; a stream may be asked for several seeds at once


class Recommendation(LawStream):
    """Users with tastes, items born and dying: skip, watch time and like by a known law (recommendation_law.py).

    A choice is a slot 0, ..., `items` - 1; the item in it is replaced every `item_life` steps (0: never), each slot in
    its turn. The reward is the share of the item that is watched, plus `like_bonus` for a like; a skip costs
    `skip_cost`. To show nothing earns 0. What is known of a user is a constant 1 and a declared profile: the taste at
    the beginning, with noise of `profile_noise` deviations. Audit groups and cells are the users' segments.

    Drift: without settings, `renewal` of the variance of all tastes is drawn anew, and profiles grow stale; with
    settings, `like_bonus`, `skip_cost` or `sigma` (deviation of the logarithm of the watch time) change.

    As a River stream it yields the ratings (rewards) of the run of seed 0 under a logging policy that shows each item
    equally often: `({"user": "u12", "item": "i34", "segment": "segment-0", "duration": 61.5}, 0.8)`.
    """

    kind = "slate"
    abstention = 0.0
    choice_names = ()

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
        drift: Specs = None,
    ) -> None:
        super().__init__(drift)
        self.law_seed, self.users, self.items, self.dimensions = law_seed, users, items, dimensions
        self.segments, self.item_life, self.renewal = segments, item_life, renewal
        self.like_bonus, self.skip_cost, self.sigma = like_bonus, skip_cost, sigma
        self.profile_noise = profile_noise
        self._check()
        # No price is larger: a skip against a whole item that is liked. Under all laws that the drifts lead to.
        self.gap_range = self.luck_reach = 1.0 + self._largest("like_bonus") + self._largest("skip_cost")
        self.group_names = tuple(f"segment-{k}" for k in range(segments))
        self.n_cells = segments
        self.choice_space = spaces.Discrete(items)
        self.observation_space = spaces.Dict(
            {
                "user": spaces.Discrete(users),
                "context": spaces.Box(-np.inf, np.inf, (dimensions + 1,), np.float64),
                "items": spaces.Box(0, 2**62, (items,), np.int64),
                "features": spaces.Box(-np.inf, np.inf, (items, dimensions), np.float64),
                "durations": spaces.Box(0.0, np.inf, (items,), np.float64),
            }
        )
        self._draw_users()
        self._laws: dict[int, Law] = {}

    def _check(self) -> None:
        for name, (low, high) in (_COUNTS | _MAY_DRIFT | _SHARES).items():
            value = getattr(self, name)
            check_range("recommendation", name, value, low, high)
            if name in _COUNTS and not isinstance(value, int):
                raise SandboxError(f"recommendation: {name}={value!r} is not a whole number")
        if self.segments > self.users:
            raise SandboxError(f"recommendation: {self.segments} segments are more than {self.users} users")
        for drift in self.schedule.drifts:
            _check_drift(drift)

    def _largest(self, name: str) -> float:
        drifted = [value for drift in self.schedule.drifts for key, value in drift.settings if key == name]
        return float(max([getattr(self, name), *drifted]))

    def _draw_users(self) -> None:
        rng = np.random.default_rng([self.law_seed, 3])
        self._segment = np.arange(self.users) % self.segments
        activity = np.exp(_ACTIVITY * rng.standard_normal(self.users))
        self._alias = np.empty(self.users), np.empty(self.users, dtype=np.int64)
        make_alias(activity / activity.sum(), *self._alias)
        noise = self.profile_noise * rng.standard_normal((self.users, self.dimensions))
        declared = (self._fresh_taste(0) + noise) / np.sqrt(1.0 + self.profile_noise**2)
        self._profile = np.column_stack([np.ones(self.users), declared])

    def _fresh_taste(self, change: int) -> FloatArray:
        """Return tastes (users, dimensions) as drawn for a change: half the segment's, half the user's own."""
        rng = np.random.default_rng([self.law_seed, 4, change])
        centre = rng.standard_normal((self.segments, self.dimensions))
        own = rng.standard_normal((self.users, self.dimensions))
        return np.asarray((centre[self._segment] + own) / np.sqrt(2.0))

    def _taste(self, anchor: Anchor) -> FloatArray:
        change, first = self.schedule.own_change(anchor), self._fresh_taste(0)
        if not change:
            return first
        return np.asarray(np.sqrt(1.0 - self.renewal) * first + np.sqrt(self.renewal) * self._fresh_taste(change))

    def law(self, concept: int) -> Law:
        """Return the law of a concept, as arrays."""
        with _BUILDING:
            if concept not in self._laws:
                if len(self._laws) >= min(_LAWS_KEPT, 1 + _TASTES_KEPT // (self.users * self.dimensions)):
                    self._laws.clear()
                self._laws[concept] = self._build(concept)
            return self._laws[concept]

    def _build(self, concept: int) -> Law:
        mixture = self.schedule.made_of(concept).mixture
        weight = np.array([share for share, _ in mixture])
        cumulative = np.cumsum(weight)
        cumulative[-1] = 1.0
        taste = np.stack([sum(share * self._taste(anchor) for share, anchor in shares) for _, shares in mixture])
        settings = [[self._between(name, shares) for _, shares in mixture] for name in _MAY_DRIFT]
        return Law(cumulative, weight, taste, *map(np.array, settings))

    def _between(self, name: str, shares: Shares) -> float:
        own = getattr(self, name)
        return float(sum(share * self.schedule.settings_of(anchor).get(name, own) for share, anchor in shares))

    def batch(self, seed: int, start: int, count: int) -> Batch:
        """Return the questions of the steps `start`, ..., `start + count - 1` of the run of `seed`."""
        user, item = self._asked(seed, start, count)
        concept = self.schedule.concepts(seed, start, count)
        values, rewards = np.empty((count, self.items)), np.empty((count, self.items))
        for code in np.unique(concept).tolist():
            at = np.flatnonzero(concept == code)
            price(seed, start, self.law_seed, at, self.law(code), user, item, values, rewards)
        group = self._segment[user]
        seen = Slate(user, self._profile[user], item)
        return Batch(seen, np.full(count, -1), group, group, concept, values, rewards)

    def _asked(self, seed: int, start: int, count: int) -> tuple[IntArray, IntArray]:
        user, item = np.empty(count, dtype=np.int64), np.empty((count, self.items), dtype=np.int64)
        ask(seed, start, self.item_life, *self._alias, user, item)
        return user, item

    def observation(self, batch: Batch, i: int) -> dict[str, Any]:
        """Return what an agent sees of the i-th question: user, what is known of them, and the items on offer.

        `context`: (dimensions + 1,); `items`: ids (k,); `features`: (k, dimensions); `durations`: seconds (k,).
        """
        seen = batch.seen
        assert isinstance(seen, Slate)
        features, durations = _on_show(self.law_seed, self.dimensions, seen.item[i].tobytes())
        # Copies: what a view is a part of would tell of coming questions.
        return {
            "user": int(seen.user[i]),
            "context": seen.context[i].copy(),
            "items": seen.item[i].copy(),
            "features": features,
            "durations": durations,
        }

    def outcome(self, seed: int, step: int, choice: int) -> Outcome:
        """Return what comes of a choice in a step of the run of `seed`; the reward is that of `batch`."""
        user, item = self._asked(seed, step, 1)
        goods = _goods(self.law_seed, self.dimensions, item[0].tobytes())[choice].copy()
        law = self.law(int(self.schedule.concepts(seed, step, 1)[0]))
        reply, outcomes = np.empty((1, 1 + 3 * len(law.weight))), np.empty((1, 4))
        reply_to(law, int(user[0]), goods, reply[0])
        settle(seed, step, law, reply, outcomes)
        watched, share, like, reward = outcomes[0].tolist()
        return Outcome(not watched, share * float(goods[-1]), share, bool(like), reward)

    def __iter__(self) -> Iterator[tuple[dict[str, Any], float]]:
        start = 0
        while True:
            batch = self.batch(0, start, BATCH)
            chosen = (keyed_uniforms(0, start, BATCH, _LOGGED) * self.items).astype(np.int64)
            rated = batch.rewards[np.arange(BATCH), chosen].tolist()
            for i, (slot, rating) in enumerate(zip(chosen.tolist(), rated, strict=True)):
                seen = self.observation(batch, i)
                name = self.group_names[int(batch.group[i])]
                about = {"user": f"u{seen['user']}", "item": f"i{seen['items'][slot]}", "segment": name}
                yield about | {"duration": float(seen["durations"][slot])}, rating
            start += BATCH


def _check_drift(drift: Drift) -> None:
    """Refuse what cannot drift."""
    if drift.function:
        raise SandboxError(f"recommendation: the drift {drift} has a function; it changes tastes, or named settings")
    for name, value in drift.settings:
        if name not in _MAY_DRIFT:
            near = suggestion(name, _MAY_DRIFT)
            raise SandboxError(f"recommendation: {name!r} cannot drift{near}; these can: {', '.join(_MAY_DRIFT)}")
        check_range("recommendation", name, value, *_MAY_DRIFT[name])


@lru_cache(maxsize=256)
def _goods(law_seed: int, dimensions: int, items: bytes) -> FloatArray:
    """Return the numbers (k, dimensions + 2) of the items on offer, read-only: agents see parts of it."""
    ids = np.frombuffer(items, dtype=np.int64)
    goods = np.empty((len(ids), dimensions + 2))
    draw_items(law_seed, ids, goods)
    goods.setflags(write=False)
    return goods


@lru_cache(maxsize=4096)
def _on_show(law_seed: int, dimensions: int, items: bytes) -> tuple[FloatArray, FloatArray]:
    """Return the features (k, dimensions) and durations (k,) of the items on offer, read-only; not their quality."""
    goods = _goods(law_seed, dimensions, items)
    features, durations = goods[:, :-2].copy(), goods[:, -1].copy()
    for part in (features, durations):
        part.setflags(write=False)
    return features, durations
