"""The law of the recommendation world, in closed form: what showing an item to a user leads to.

A user with taste `t` meets an item with features `f`, quality `q` and a length of `D` seconds. Their affinity is
`a = t.f + q`. The user skips it with probability logistic(-(0.5 + 1.2 a)); else watches for min(T, D) seconds with T
lognormal, of median `30 sqrt(D / 30) exp(0.6 a)` seconds, so that long items are watched longer and finished more
seldom (duration bias: Zhan et al. 2022, "Deconfounding duration bias in watch-time prediction"), and likes it with
probability logistic(1.5 a - 1.5). The expected reward of every item follows exactly.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.draws import OUTCOME, WORLD, mixed, normal, pick, pick_alias, stream_of, uniform
from sandbox.table import FloatArray, IntArray

_LAW = np.uint64(0x7F4A7C159E3779B9)  # items are drawn apart from the questions of the run whose seed is the law's

STAY, STAY_SLOPE = 0.5, 1.2
SECONDS, SECONDS_SLOPE = 30.0, 0.6
LIKE, LIKE_SLOPE = -1.5, 1.5
QUALITY = 0.4  # its standard deviation; that of the affinity is about 1
LENGTH, LENGTH_SPREAD = 60.0, 0.8  # seconds of the median item, and the deviation of their logarithm
SHORTEST, LONGEST = 5.0, 1800.0  # seconds

# Of an item's numbers, the last two; its features come before.
_QUALITY, _SECONDS = -2, -1
# Of a reply: the expected reward, then for each law of the mixture what one outcome is drawn from.
_SKIP, _MEDIAN, _LIKE, _EACH = 1, 2, 3, 3


class Law(NamedTuple):
    """A mixture of laws, as arrays: which one is in force in a step is drawn anew each time, and hidden."""

    cumulative: FloatArray  # (laws,) weights, added up; the last is 1
    weight: FloatArray  # (laws,)
    taste: FloatArray  # (laws, users, dimensions)
    like_bonus: FloatArray  # (laws,)
    skip_cost: FloatArray  # (laws,)
    sigma: FloatArray  # (laws,) deviation of the logarithm of the watch time


class Outcome(NamedTuple):
    """What came of showing one item once."""

    skip: bool
    watch_seconds: float
    watch_fraction: float  # of the item's length
    like: bool
    reward: float


@compiled
def logistic(x: float) -> float:
    """Return 1 / (1 + exp(-x)), for any size of x."""
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


@compiled
def watched_share(log_median: float, sigma: float) -> float:
    """Return E[min(T, 1)] of a lognormal T with this median's logarithm: the expected share of an item's length.

    E[T; T < 1] + P(T >= 1), from the lognormal's partial mean (Johnson, Kotz & Balakrishnan 1994, chapter 14).
    """
    z = log_median / sigma
    if z > 9.0:  # all of it, to the last digit; the partial mean would be infinity times 0 further out
        return 1.0
    whole = 0.5 * math.erfc(-z / math.sqrt(2.0))
    part = math.exp(log_median + 0.5 * sigma * sigma) * 0.5 * math.erfc((z + sigma) / math.sqrt(2.0))
    return min(1.0, part + whole)


@compiled
def draw_item(law_seed: int, item: int, into: FloatArray) -> None:
    """Fill in the numbers of an item: features, quality, seconds."""
    stream = mixed(stream_of(law_seed, item, WORLD) ^ _LAW)
    dimensions = into.shape[0] - 2
    for d in range(dimensions):
        into[d] = normal(stream, 2 * d) / math.sqrt(dimensions)
    into[_QUALITY] = QUALITY * normal(stream, 2 * dimensions)
    seconds = LENGTH * math.exp(LENGTH_SPREAD * normal(stream, 2 * dimensions + 2))
    into[_SECONDS] = min(max(seconds, SHORTEST), LONGEST)


@compiled
def draw_items(law_seed: int, items: IntArray, into: FloatArray) -> None:
    """Fill in the numbers (m, dimensions + 2) of several items (m,)."""
    for k in range(items.shape[0]):
        draw_item(law_seed, items[k], into[k])


@compiled
def affinity_of(taste: FloatArray, goods: FloatArray) -> float:
    """Return how well an item suits a taste."""
    total = goods[_QUALITY]
    for d in range(taste.shape[0]):
        total += taste[d] * goods[d]
    return float(total)


@compiled
def expected_reward(affinity: float, seconds: float, like_bonus: float, skip_cost: float, sigma: float) -> float:
    """Return the expected reward of showing an item of this length to a user of this affinity."""
    skip = logistic(-(STAY + STAY_SLOPE * affinity))
    like = logistic(LIKE + LIKE_SLOPE * affinity)
    log_median = SECONDS_SLOPE * affinity - 0.5 * math.log(seconds / SECONDS)
    return (1.0 - skip) * (watched_share(log_median, sigma) + like_bonus * like) - skip * skip_cost


@compiled
def reply_to(law: Law, user: int, goods: FloatArray, reply: FloatArray) -> None:
    """Fill in a reply (1 + 3 laws,): the expected reward of an item, and what its outcome is drawn from."""
    reply[0] = 0.0
    for m in range(law.weight.shape[0]):
        affinity = affinity_of(law.taste[m, user], goods)
        reward = expected_reward(affinity, goods[_SECONDS], law.like_bonus[m], law.skip_cost[m], law.sigma[m])
        reply[0] += law.weight[m] * reward
        reply[_SKIP + _EACH * m] = logistic(-(STAY + STAY_SLOPE * affinity))
        reply[_MEDIAN + _EACH * m] = math.exp(SECONDS_SLOPE * affinity - 0.5 * math.log(goods[_SECONDS] / SECONDS))
        reply[_LIKE + _EACH * m] = logistic(LIKE + LIKE_SLOPE * affinity)


@compiled
def settle(seed: int, step: int, law: Law, replies: FloatArray, outcomes: FloatArray) -> None:
    """Fill in what each item leads to in a step (k, 4): whether it is watched, the share watched, a like, the reward.

    All items share the step's numbers, so agents with one seed share their luck as far as they agree.
    """
    stream = stream_of(seed, step, OUTCOME)
    m = pick(law.cumulative, uniform(stream, 0))
    skip, like = uniform(stream, 1), uniform(stream, 2)
    stretch = math.exp(law.sigma[m] * normal(stream, 3))
    for j in range(replies.shape[0]):
        watched = skip >= replies[j, _SKIP + _EACH * m]
        liked = watched and like < replies[j, _LIKE + _EACH * m]
        share = min(1.0, replies[j, _MEDIAN + _EACH * m] * stretch) if watched else 0.0
        outcomes[j, 0] = 1.0 if watched else 0.0
        outcomes[j, 1] = share
        outcomes[j, 2] = 1.0 if liked else 0.0
        outcomes[j, 3] = share + law.like_bonus[m] * outcomes[j, 2] if watched else -law.skip_cost[m]


@compiled
def ask(seed: int, start: int, life: int, keep: FloatArray, other: IntArray, user: IntArray, item: IntArray) -> None:
    """Fill in who comes in each step (n,), and the item in each slot (n, k).

    A slot's item is replaced every `life` steps, by item `slot + k generation`; the slots take turns, evenly.
    """
    k = item.shape[1]
    shown, left = np.arange(k), np.full(k, -1)
    if life > 0:
        for j in range(k):
            phase = start + j * life // k
            shown[j], left[j] = j + k * (phase // life), life - phase % life
    for i in range(user.shape[0]):
        user[i] = pick_alias(keep, other, uniform(stream_of(seed, start + i, WORLD), 0))
        for j in range(k):
            item[i, j] = shown[j]
            left[j] -= 1
            if left[j] == 0:
                shown[j], left[j] = shown[j] + k, life


@compiled
def price(
    seed: int,
    start: int,
    law_seed: int,
    at: IntArray,
    law: Law,
    user: IntArray,
    item: IntArray,
    values: FloatArray,
    rewards: FloatArray,
) -> None:
    """Fill in the expected and the realised rewards (n, k) of those questions (`at`) that follow one law.

    Replies are worked out once for each user and item that meet in the chunk.
    """
    k, users, dimensions, width = item.shape[1], law.taste.shape[1], law.taste.shape[2], 1 + _EACH * law.weight.shape[0]
    seat, seats = np.full(users, -1), 0
    room = min(users, at.shape[0])
    known, reply = np.full((room, k), -1), np.empty((room, k, width))
    shown, goods = np.full(k, -1), np.empty((k, dimensions + 2))
    outcomes = np.empty((k, 4))
    for n in range(at.shape[0]):
        i = at[n]
        if seat[user[i]] < 0:
            seat[user[i]], seats = seats, seats + 1
        s = seat[user[i]]
        for j in range(k):
            if known[s, j] != item[i, j]:
                if shown[j] != item[i, j]:
                    draw_item(law_seed, item[i, j], goods[j])
                    shown[j] = item[i, j]
                reply_to(law, user[i], goods[j], reply[s, j])
                known[s, j] = item[i, j]
        settle(seed, start + i, law, reply[s], outcomes)
        for j in range(k):
            values[i, j], rewards[i, j] = reply[s, j, 0], outcomes[j, 3]
