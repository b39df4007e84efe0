"""Who comes, in the recommendation world: users in segments, with tastes and declared profiles; and those who follow.

A user's place is taken by another person every `user_life` steps, each place in its turn (0: never). The first to hold
the places are drawn as tables; those who follow as they come, from numbers keyed by who they are.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.draws import WORLD, make_alias, mixed, normal, pick_alias, stream_of, uniform
from sandbox.streams.recommendation_law import Law
from sandbox.table import FloatArray, IntArray

_ACTIVITY = 0.5  # deviation of the logarithm of how often users come
_TASTE, _NOISE = 37, 38  # purposes: what a person likes, and how far off the profile is
_CHANGE = np.uint64(0xA24BAED4963EE407)


class People(NamedTuple):
    """Who may come, as arrays."""

    segment: IntArray  # (users,)
    keep: FloatArray  # (users,) alias table of how often each comes
    other: IntArray  # (users,)
    profile: FloatArray  # (users, dimensions + 1) a constant 1, and what the first declare
    centre: FloatArray  # (segments, dimensions) half of every taste at the beginning


def fresh_centres(law_seed: int, change: int, segments: int, dimensions: int) -> FloatArray:
    """Return the middle of each segment's tastes (segments, dimensions), as drawn for a change."""
    rng = np.random.default_rng([law_seed, 4, change])
    return rng.standard_normal((segments, dimensions))


def fresh_taste(law_seed: int, change: int, segment: IntArray, segments: int, dimensions: int) -> FloatArray:
    """Return tastes (users, dimensions) as drawn for a change: half the segment's, half the user's own."""
    rng = np.random.default_rng([law_seed, 4, change])
    centre = rng.standard_normal((segments, dimensions))
    own = rng.standard_normal((len(segment), dimensions))
    return np.asarray((centre[segment] + own) / np.sqrt(2.0))


def make_people(law_seed: int, users: int, segments: int, dimensions: int, profile_noise: float) -> People:
    """Draw the users of a law."""
    rng = np.random.default_rng([law_seed, 3])
    segment = np.arange(users) % segments
    activity = np.exp(_ACTIVITY * rng.standard_normal(users))
    keep, other = np.empty(users), np.empty(users, dtype=np.int64)
    make_alias(activity / activity.sum(), keep, other)
    noise = profile_noise * rng.standard_normal((users, dimensions))
    declared = fresh_taste(law_seed, 0, segment, segments, dimensions) + noise
    profile = np.column_stack([np.ones(users), declared / np.sqrt(1.0 + profile_noise**2)])
    return People(segment, keep, other, profile, fresh_centres(law_seed, 0, segments, dimensions))


@compiled
def own_taste(law_seed: int, person: int, change: int, d: int) -> float:
    """Return a person's own part of a taste, as drawn for a change: standard normal."""
    return normal(mixed(stream_of(law_seed, person, _TASTE) + np.uint64(change) * _CHANGE), 2 * d)


@compiled
def taste_of(law_seed: int, law: Law, user: int, person: int, into: FloatArray) -> None:
    """Fill in the taste (laws, dimensions) of the person in a user's place."""
    users, segments = law.taste.shape[1], law.centre.shape[1]
    for m in range(into.shape[0]):
        for d in range(into.shape[1]):
            if person < users:
                into[m, d] = law.taste[m, user, d]
                continue
            total = law.centre[m, user % segments, d]
            for q in range(law.change.shape[0]):
                total += law.own[m, q] * own_taste(law_seed, person, law.change[q], d)
            into[m, d] = total / math.sqrt(2.0)


@compiled
def ask(seed: int, start: int, life: int, keep: FloatArray, other: IntArray, user: IntArray, person: IntArray) -> None:
    """Fill in in whose place somebody comes in each step (n,), and who that is: `user + users generation`."""
    users = keep.shape[0]
    for i in range(user.shape[0]):
        user[i] = person[i] = pick_alias(keep, other, uniform(stream_of(seed, start + i, WORLD), 0))
        if life > 0:
            person[i] += users * ((start + i + user[i] * life // users) // life)


@compiled
def introduce(law_seed: int, people: People, noise: float, user: IntArray, person: IntArray, into: FloatArray) -> None:
    """Fill in what those who came (n,) declare (n, at least dimensions + 1): a constant 1 and a noisy taste."""
    users, dimensions = people.profile.shape[0], people.profile.shape[1] - 1
    for i in range(user.shape[0]):
        if person[i] < users:
            for d in range(dimensions + 1):
                into[i, d] = people.profile[user[i], d]
            continue
        into[i, 0] = 1.0
        for d in range(dimensions):
            taste = people.centre[people.segment[user[i]], d] + own_taste(law_seed, person[i], 0, d)
            off = noise * normal(stream_of(law_seed, person[i], _NOISE), 2 * d)
            into[i, d + 1] = (taste / math.sqrt(2.0) + off) / math.sqrt(1.0 + noise * noise)
