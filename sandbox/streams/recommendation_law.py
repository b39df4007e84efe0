"""The law of the recommendation world, in closed form: what showing an item to a user leads to.

A user with taste `t` meets an item with features `f`, quality `q` and a length of `D` seconds. Their affinity is
`a = t.f + q`. The user skips it with probability logistic(-(0.5 + 1.2 a)); else watches for min(T, D) seconds with T
lognormal, of median `30 sqrt(D / 30) exp(0.6 a)` seconds, so that long items are watched longer and finished more
seldom (duration bias: Zhan et al. 2022, "Deconfounding duration bias in watch-time prediction"), and likes it with
probability logistic(1.5 a - 1.5). The expected reward of every item follows exactly. What else moves the affinity (the
season, a fashion, satiety) is in recommendation_price.py.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.draws import OUTCOME, WORLD, mixed, normal, pick, stream_of, uniform
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
_SKIP, _MEDIAN, _LIKE, EACH = 1, 2, 3, 3


class Law(NamedTuple):
    """A mixture of laws, as arrays: which one is in force in a step is drawn anew each time, and hidden."""

    cumulative: FloatArray  # (laws,) weights, added up; the last is 1
    weight: FloatArray  # (laws,)
    taste: FloatArray  # (laws, users, dimensions)
    like_bonus: FloatArray  # (laws,)
    skip_cost: FloatArray  # (laws,)
    sigma: FloatArray  # (laws,) deviation of the logarithm of the watch time
    satiation: FloatArray  # (laws,) affinity lost with each level of satiety
    fashion: FloatArray  # (laws,) affinity won by what is in fashion
    season: FloatArray  # (laws,) affinity won at the height of the season
    centre: FloatArray  # (laws, segments, dimensions) the segment's part of the taste of who comes later
    own: FloatArray  # (laws, changes) the share of each draw in their own part
    change: IntArray  # (changes,) the number of each draw: 0 the first


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
def reply_to(law: Law, taste: FloatArray, goods: FloatArray, mood: FloatArray, reply: FloatArray) -> None:
    """Fill in a reply (1 + 3 laws,): the expected reward of an item, and what its outcome is drawn from.

    `taste` (laws, dimensions); `mood` (3,): the season's wave, whether the item is in fashion, the level of satiety.
    """
    reply[0] = 0.0
    for m in range(law.weight.shape[0]):
        moved = law.season[m] * mood[0] + law.fashion[m] * mood[1] - law.satiation[m] * mood[2]
        affinity = affinity_of(taste[m], goods) + moved
        reward = expected_reward(affinity, goods[_SECONDS], law.like_bonus[m], law.skip_cost[m], law.sigma[m])
        reply[0] += law.weight[m] * reward
        reply[_SKIP + EACH * m] = logistic(-(STAY + STAY_SLOPE * affinity))
        reply[_MEDIAN + EACH * m] = math.exp(SECONDS_SLOPE * affinity - 0.5 * math.log(goods[_SECONDS] / SECONDS))
        reply[_LIKE + EACH * m] = logistic(LIKE + LIKE_SLOPE * affinity)


@compiled
def settle(seed: int, step: int, law: Law, replies: FloatArray, apart: int, outcomes: FloatArray) -> None:
    """Fill in what each item leads to in a step (k, 4): whether it is watched, the share watched, a like, the reward.

    `apart` 0: all items share the step's numbers, so agents with one seed share their luck as far as they agree. 4:
    each has numbers of its own, as items of one slate must.
    """
    stream = stream_of(seed, step, OUTCOME)
    m = pick(law.cumulative, uniform(stream, 0))
    skip = like = stretch = 0.0
    for j in range(replies.shape[0]):
        if j == 0 or apart > 0:
            skip, like = uniform(stream, 1 + apart * j), uniform(stream, 2 + apart * j)
            stretch = math.exp(law.sigma[m] * normal(stream, 3 + apart * j))
        watched = skip >= replies[j, _SKIP + EACH * m]
        liked = watched and like < replies[j, _LIKE + EACH * m]
        share = min(1.0, replies[j, _MEDIAN + EACH * m] * stretch) if watched else 0.0
        outcomes[j, 0] = 1.0 if watched else 0.0
        outcomes[j, 1] = share
        outcomes[j, 2] = 1.0 if liked else 0.0
        outcomes[j, 3] = share + law.like_bonus[m] * outcomes[j, 2] if watched else -law.skip_cost[m]


@compiled
def offer(start: int, life: int, item: IntArray) -> None:
    """Fill in the item on offer in each step by each choice (n, k).

    A choice's item is replaced every `life` steps, by item `choice + k generation`; the choices take turns, evenly.
    """
    k = item.shape[1]
    shown, left = np.arange(k), np.full(k, -1)
    if life > 0:
        for j in range(k):
            phase = start + j * life // k
            shown[j], left[j] = j + k * (phase // life), life - phase % life
    for i in range(item.shape[0]):
        for j in range(k):
            item[i, j] = shown[j]
            left[j] -= 1
            if left[j] == 0:
                shown[j], left[j] = shown[j] + k, life
