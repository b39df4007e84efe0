"""Planning where users tire: the best player of a small catalogue, who spares what will be wanted later.

While nothing else changes, each user is a small decision process of their own, whose clock is their visits: the state
is the level of satiety of each category, a choice is the best item of a category, or none. Its best average reward is
found by relative value iteration, which bounds it from both sides (Puterman 1994, section 8.5).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.errors import SandboxError
from sandbox.interfaces import Decision, Experience
from sandbox.streams.recommendation_course import Course
from sandbox.streams.recommendation_law import EACH, Law, draw_items, reply_to
from sandbox.table import FloatArray, IntArray

_STATES = 4_000_000  # of all users together
_SWEEPS = 100_000


class Plan(NamedTuple):
    """The best stationary policy of each user, and what it earns per visit."""

    low: FloatArray  # (users,) the best average reward is at least this,
    high: FloatArray  # (users,) and at most this
    action: IntArray  # (users, levels + 1, ...) the category to show; `categories`: nothing
    item: IntArray  # (users, categories, levels + 1) the best item of each category
    reward: FloatArray  # (users, categories, levels + 1) what it is worth


@compiled
def worths_of(law: Law, users: int, levels: int, goods: FloatArray, into: FloatArray) -> None:
    """Fill in what each item, of numbers `goods` (k, d), is worth to each user at each level (users, k, levels + 1)."""
    reply, mood = np.empty(1 + EACH * law.weight.shape[0]), np.zeros(3)
    for user in range(users):
        for j in range(goods.shape[0]):
            for level in range(levels + 1):
                mood[2] = level
                reply_to(law, law.taste[:, user], goods[j], mood, reply)
                into[user, j, level] = reply[0]


def after(value: FloatArray, shown: int, recovery: float) -> FloatArray:
    """Return the expected value (users, levels + 1, ...) of where a visit leads on which category `shown` is seen."""
    for c in range(value.ndim - 1):
        axis, n = c + 1, value.shape[c + 1]
        if c == shown:
            value = value.take(np.minimum(np.arange(n) + 1, n - 1), axis)
        else:
            value = (1.0 - recovery) * value + recovery * value.take(np.maximum(np.arange(n) - 1, 0), axis)
    return value


def gains_of(reward: FloatArray) -> list[FloatArray]:
    """Return what showing each category earns, of shape (users, levels + 1 or 1, ...), and showing nothing: 0."""
    users, categories, n = reward.shape
    shapes = [[n if axis == c else 1 for axis in range(categories)] for c in range(categories)]
    return [
        *(reward[:, c].reshape(users, *shape) for c, shape in enumerate(shapes)),
        np.zeros((users,) + (1,) * categories),
    ]


def greedy(reward: FloatArray) -> IntArray:
    """Return what is best at once in each state (users, levels + 1, ...): the oracle's choice."""
    users, categories, n = reward.shape
    options = [np.broadcast_to(one, (users, *(n,) * categories)) for one in gains_of(reward)]
    return np.asarray(np.argmax(np.stack(options), axis=0), dtype=np.int64)


def earned_by(reward: FloatArray, recovery: float, action: IntArray, visits: int) -> FloatArray:
    """Return what each user is expected to earn in 0, ..., `visits` visits from rest on (users, visits + 1).

    `action` (users, levels + 1, ...) says what is shown in each state.
    """
    users, categories, n = reward.shape
    value, found = np.zeros((users, *(n,) * categories)), np.zeros((users, visits + 1))
    for t in range(visits):
        options = np.stack(
            np.broadcast_arrays(*(g + after(value, c, recovery) for c, g in enumerate(gains_of(reward))))
        )
        value = np.take_along_axis(options, action[None], axis=0)[0]
        found[:, t + 1] = value.reshape(users, -1)[:, 0]
    return found


def plan(reward: FloatArray, recovery: float, tolerance: float = 1e-6) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return bounds of the best average reward (users,), and the choice in each state (users, levels + 1, ...).

    `reward` (users, categories, levels + 1) is what the best item of a category earns at a level. The iteration stops
    when bounds are nearer than `tolerance` for every user.
    """
    users, categories, n = reward.shape
    gains, value = gains_of(reward), np.zeros((users, *(n,) * categories))
    for _ in range(_SWEEPS):
        options = [gain + after(value, c, recovery) for c, gain in enumerate(gains)]
        best = np.max(options, axis=0)
        step = (best - value).reshape(users, -1)
        low, high = step.min(axis=1), step.max(axis=1)
        if (high - low).max() < tolerance:
            return low, high, np.argmax(options, axis=0)
        value = 0.5 * (value + best)  # by half steps, so that what goes in circles comes to rest
        value -= value.reshape(users, -1)[:, :1].reshape(users, *(1,) * categories)
    raise SandboxError(f"the plan did not settle within {_SWEEPS:,} sweeps; ask for less than {tolerance:g}")


class Planner:
    """The best player of a `recommendation` whose users tire, as an agent: it is told the law, like the oracle.

    The oracle takes what is best at once. This one earns most in the long run, at the price of gaps. Where else than in
    satiety anything changes, it raises `SandboxError`.
    """

    def __init__(self, world: Course) -> None:
        changing = [name for name in ("item_life", "user_life", "season", "fashion") if getattr(world, name)]
        if changing or world.schedule or world.slots > 1 or not world.reactive:
            wrong = ", ".join(changing) or "its drift, its slots or users who never tire"
            raise SandboxError(
                f"recommendation has no best-planned with {wrong}: one item at a time is shown, of a catalogue that "
                "stays, to users who stay and tire"
            )
        states = world.users * (world.levels + 1.0) ** world.categories
        if states > _STATES:
            raise SandboxError(f"recommendation has {states:,.0f} states, more than {_STATES:,} to plan; use fewer")
        self.world = world
        self.plan = self._made()

    def _made(self) -> Plan:
        world = self.world
        goods = np.empty((world.items, world.dimensions + 2))
        draw_items(world.law_seed, np.arange(world.items), goods)
        worths = np.empty((world.users, world.items, world.levels + 1))
        worths_of(world.law(0), world.users, world.levels, goods, worths)
        reward = np.full((world.users, world.categories, world.levels + 1), -math.inf)
        item = np.zeros(reward.shape, dtype=np.int64)
        for c in range(min(world.categories, world.items)):
            own = np.arange(c, world.items, world.categories)
            best = worths[:, own].argmax(axis=1)
            reward[:, c], item[:, c] = worths[:, own].max(axis=1), own[best]
        return Plan(*plan(reward, float(world.recovery)), item, reward)

    def begin(self, observation_space: Any, choice_space: Any, rng: np.random.Generator) -> None:
        """Start a run."""
        if choice_space != self.world.choice_space or observation_space != self.world.observation_space:
            raise SandboxError("the planner was made for another world")

    def act(self, observation: Any) -> Decision:
        """Return the choice of the plan: an item, or none."""
        user = observation["user"]
        levels = self.world.levels_in(observation["context"]).astype(np.int64)
        c = int(self.plan.action[(user, *levels)])
        return Decision(None if c == self.world.categories else int(self.plan.item[user, c, levels[c]]))

    def learn(self, experience: Experience) -> None:
        """Do nothing: there is nothing to learn."""
