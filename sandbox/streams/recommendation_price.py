"""Prices of the recommendation world: what each item is worth to who comes, in the mood that they are in.

Beside taste, three things move the affinity of all items of a category (choice j shows items of category
j % categories). The season: categories have theirs in turn, and segments at other times, by a cosine in 64 steps a
year. A fashion: in half of the spans of `fashion_life` steps, drawn at random, one category is liked by everybody.
Satiety: it is one level up when a user looked at an item of the category, and, when they come and see none, with
probability `recovery` one level down.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sandbox.compiled import compiled, lean
from sandbox.draws import stream_of, uniform
from sandbox.streams.recommendation_law import EACH, Law, draw_item, reply_to, settle
from sandbox.streams.recommendation_people import taste_of
from sandbox.streams.recommendation_slate import looked_at, rank, shuffled, worth
from sandbox.table import FloatArray, IntArray

PHASES = 64  # of a year
_RECOVERY, _FASHION = 35, 36  # purposes: which satiety goes down; what is in fashion
ORACLE, RANDOM = -1, -2  # who chooses, on a walk: the best slate, or any; else that choice and those after it


class Fixed(NamedTuple):
    """What a world is made with, as numbers."""

    law_seed: int
    apart: int  # numbers of a step that each item has for itself
    categories: int
    levels: int  # of satiety, above none
    recovery: float
    year: int  # steps; 0: there are no seasons
    fashion_life: int  # steps; 0: there are no fashions
    wave: FloatArray  # (PHASES, segments, categories)
    look: FloatArray  # (slots,)


class Satiety(NamedTuple):
    """How tired users are of the categories, in one run; of no user (0, categories) where nobody ever is."""

    person: IntArray  # (users,) who is in each place
    level: IntArray  # (users, categories)


class Desk(NamedTuple):
    """Replies that are known already, by the seats of the users who came."""

    seat: IntArray  # (users,) -1: none yet
    taken: IntArray  # (1,) seats so far
    person: IntArray  # (seats,)
    taste: FloatArray  # (seats, laws, dimensions)
    item: IntArray  # (seats, k)
    mood: IntArray  # (seats, k) in which the reply was given
    reply: FloatArray  # (seats, k, 1 + 3 laws)
    shown: IntArray  # (k,) items whose numbers are at hand
    goods: FloatArray  # (k, dimensions + 2)
    moods: FloatArray  # (categories, 3) of the one who came
    mood_code: IntArray  # (categories,)


def waves(segments: int, categories: int) -> FloatArray:
    """Return the height of each season (PHASES, segments, categories): cosines, each begun later."""
    phase = np.arange(PHASES)[:, None, None] / PHASES
    late = np.arange(categories) / categories
    later = np.arange(segments)[:, None] / max(1, categories * segments)
    return np.asarray(np.cos(2.0 * np.pi * (phase - late - later)))


def no_satiety(users: int, categories: int, reactive: bool) -> Satiety:
    """Return the satiety of a run that begins."""
    users = users if reactive else 0
    return Satiety(np.arange(users), np.zeros((users, categories), dtype=np.int64))


def make_desk(users: int, seats: int, k: int, law: Law, categories: int) -> Desk:
    """Return a desk at which nobody sits."""
    laws, dimensions = law.taste.shape[0], law.taste.shape[2]
    return Desk(
        np.full(users, -1),
        np.zeros(1, dtype=np.int64),
        np.full(seats, -1),
        np.empty((seats, laws, dimensions)),
        np.full((seats, k), -1),
        np.full((seats, k), -1),
        np.empty((seats, k, 1 + EACH * laws)),
        np.full(k, -1),
        np.empty((k, dimensions + 2)),
        np.zeros((categories, 3)),
        np.zeros(categories, dtype=np.int64),
    )


@lean
def phase_of(step: int, year: int) -> int:
    """Return which part of the year a step is in."""
    return step % year * PHASES // year if year > 0 else 0


@lean
def in_fashion(seed: int, step: int, life: int, categories: int) -> int:
    """Return the category that is in fashion, -1 for none."""
    if life == 0:
        return -1
    stream = stream_of(seed, step // life, _FASHION)
    return int(uniform(stream, 1) * categories) if uniform(stream, 0) < 0.5 else -1


@lean
def find_moods(fixed: Fixed, satiety: Satiety, seed: int, step: int, user: int, person: int, desk: Desk) -> None:
    """Fill in the mood (categories, 3) of who comes, and a number that says which it is."""
    segments, reactive = fixed.wave.shape[1], satiety.level.shape[0] > 0
    if fixed.year == 0 and fixed.fashion_life == 0 and not reactive:
        return
    phase = phase_of(step, fixed.year)
    vogue = in_fashion(seed, step, fixed.fashion_life, fixed.categories)
    if reactive and satiety.person[user] != person:
        satiety.person[user] = person
        for c in range(fixed.categories):
            satiety.level[user, c] = 0
    for c in range(fixed.categories):
        level = satiety.level[user, c] if reactive else 0
        liked = 1 if vogue == c else 0
        desk.moods[c, 0] = fixed.wave[phase, user % segments, c] if fixed.year > 0 else 0.0
        desk.moods[c, 1], desk.moods[c, 2] = liked, level
        desk.mood_code[c] = (phase * 2 + liked) * (fixed.levels + 1) + level


@lean
def take_seat(law_seed: int, law: Law, user: int, person: int, desk: Desk) -> int:
    """Return the seat of who comes; whoever is new to it is asked for their taste."""
    if desk.seat[user] < 0:
        desk.seat[user] = desk.taken[0]
        desk.taken[0] += 1
    seat = desk.seat[user]
    if desk.person[seat] != person:
        desk.person[seat] = person
        taste_of(law_seed, law, user, person, desk.taste[seat])
        for j in range(desk.item.shape[1]):
            desk.item[seat, j] = -1
    return int(seat)


@lean
def price_step(
    seed: int,
    step: int,
    fixed: Fixed,
    law: Law,
    satiety: Satiety,
    desk: Desk,
    user: int,
    person: int,
    item: IntArray,
    value: FloatArray,
    outcome: FloatArray,
) -> None:
    """Fill in what each item (k,) is worth in a step (k,), and what it leads to when it is looked at (k, 4).

    Replies are worked out once for each person, item and mood.
    """
    seat = take_seat(fixed.law_seed, law, user, person, desk)
    find_moods(fixed, satiety, seed, step, user, person, desk)
    c = 0
    for j in range(item.shape[0]):
        if desk.item[seat, j] != item[j] or desk.mood[seat, j] != desk.mood_code[c]:
            if desk.shown[j] != item[j]:
                draw_item(fixed.law_seed, item[j], desk.goods[j])
                desk.shown[j] = item[j]
            reply_to(law, desk.taste[seat], desk.goods[j], desk.moods[c], desk.reply[seat, j])
            desk.item[seat, j], desk.mood[seat, j] = item[j], desk.mood_code[c]
        value[j] = desk.reply[seat, j, 0]
        c = c + 1 if c + 1 < fixed.categories else 0
    settle(seed, step, law, desk.reply[seat], fixed.apart, outcome)


@lean
def feel(fixed: Fixed, satiety: Satiety, seed: int, step: int, user: int, order: IntArray, seen: int) -> None:
    """Let a user's satiety go up where they looked, the first `seen` of `order`, and elsewhere perhaps down."""
    stream = stream_of(seed, step, _RECOVERY)
    for c in range(fixed.categories):
        met = False
        for r in range(seen):
            met = met or order[r] % fixed.categories == c
        level = satiety.level[user, c]
        if met:
            satiety.level[user, c] = min(level + 1, fixed.levels)
        elif level > 0 and uniform(stream, c) < fixed.recovery:
            satiety.level[user, c] = level - 1


@lean
def choose(
    policy: int, seed: int, step: int, values: FloatArray, look: FloatArray, rated: FloatArray, order: IntArray
) -> bool:
    """Fill in the slate (slots,) of one who is known; say whether anything is shown. `rated` (k,) is for rough work."""
    if policy == RANDOM:
        shuffled(seed, step, rated)
        rank(rated, order)
    elif policy == ORACLE:
        rank(values, order)
    else:
        for r in range(order.shape[0]):
            order[r] = (policy + r) % values.shape[0]
    return policy != ORACLE or worth(values, order, look) >= 0.0


@compiled
def price(
    seed: int,
    start: int,
    at: IntArray,
    fixed: Fixed,
    law: Law,
    satiety: Satiety,
    policy: int,
    desk: Desk,
    user: IntArray,
    person: IntArray,
    item: IntArray,
    level: IntArray,
    values: FloatArray,
    rewards: FloatArray,
) -> None:
    """Fill in what each item is worth and earns (n, k) in those steps (`at`) that follow one law.

    Where users tire, `policy` says who chooses, `at` is one stretch of time, and `level` (n, categories) is filled in.
    """
    k, reactive = item.shape[1], satiety.level.shape[0] > 0
    outcome, order = np.empty((k, 4)), np.empty(fixed.look.shape[0], dtype=np.int64)
    rated = np.empty(k)
    for n in range(at.shape[0]):
        i = at[n]
        price_step(seed, start + i, fixed, law, satiety, desk, user[i], person[i], item[i], values[i], outcome)
        for j in range(k):
            rewards[i, j] = outcome[j, 3]
        if reactive:
            for c in range(fixed.categories):
                level[i, c] = satiety.level[user[i], c]
            shows = choose(policy, seed, start + i, values[i], fixed.look, rated, order)
            seen = looked_at(seed, start + i, fixed.look) if shows else 0
            feel(fixed, satiety, seed, start + i, user[i], order, seen)


@compiled
def calendar(start: int, year: int, into: FloatArray) -> None:
    """Fill in the time of the year (n, 2) of the steps from `start` on: its cosine and sine."""
    for i in range(into.shape[0]):
        angle = 2.0 * math.pi * phase_of(start + i, year) / PHASES
        into[i, 0], into[i, 1] = math.cos(angle), math.sin(angle)
