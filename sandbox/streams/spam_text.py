"""What a message of the spam world says, and the exact posterior of who wrote it: rules for compiled loops.

A source writes its words independently. A spammer may pad a message: append words as ham writes them. Whether, and by
how many words, nobody sees; so the posterior sums over every number of last words that may be padding.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import compiled
from sandbox.draws import WORLD, pick, stream_of, uniform
from sandbox.interfaces import Messages
from sandbox.law_stream import Batch
from sandbox.table import FloatArray, IntArray

SHORTEST, LONGEST = 5, 25  # words of a message
MOST_PADDED = LONGEST - SHORTEST  # words that padding may append
DELIVER, JUNK = 0, 1
_LENGTHS = MOST_PADDED + 1
_PADS = 5 + LONGEST  # the number of a message's stream that draws its padding


class Tables(NamedTuple):
    """What the sources of a concept write, for compiled loops; the sources of all parts of a mixture side by side."""

    ratio: FloatArray  # (words, sources) probability of a word, as a multiple of the common one
    alias: FloatArray  # (sources, words, 2) alias tables of the words: what is kept, and the other word, side by side
    sender: FloatArray  # (senders, sources) probability of a sender
    sender_up_to: FloatArray  # (sources, senders) cumulative
    good_ratio: (
        FloatArray  # (words, campaigns of all parts) as `ratio`, of what pads; no column where nothing ever does
    )
    good_alias: FloatArray  # (campaigns of all parts, words, 2) as `alias`


class Mix(NamedTuple):
    """How often each source of a concept writes, for compiled loops."""

    weight: FloatArray  # (sources,) share of all messages
    part_up_to: FloatArray  # (parts,) cumulative share of each part of a mixture
    spam: FloatArray  # (parts,) share of spam within a part
    up_to: FloatArray  # (parts, sources of a part) cumulative, among its campaigns and among its topics
    padded: FloatArray  # (parts, 1 + MOST_PADDED) chance that so many words pad a spam message
    padded_up_to: FloatArray  # the same, cumulative


class Law(NamedTuple):
    """The law of a concept."""

    tables: Tables
    mix: Mix
    campaigns: int  # the first sources of each part
    pads: bool  # whether any message is padded


# These take arrays, because passing tuples of arrays costs; and a word is looked up without a branch, because no
# processor could foretell it.


@compiled
def draw_source(part_up_to: FloatArray, spam: FloatArray, up_to: FloatArray, campaigns: int, stream: np.uint64) -> int:
    """Draw who writes by the columns of a `Mix`: a part of a mixture, spam or ham, and a source of it."""
    part = pick(part_up_to, uniform(stream, 0))
    first = part * up_to.shape[1]
    if uniform(stream, 1) < spam[part]:
        return int(first + pick(up_to[part, :campaigns], uniform(stream, 2)))
    return int(first + campaigns + pick(up_to[part, campaigns:], uniform(stream, 2)))


@compiled
def draw_word(alias: FloatArray, source: int, u: float) -> int:
    """Return a word of a source, drawn by `u` from `Tables.alias`; as `pick_alias`."""
    scaled = u * alias.shape[1]
    k = int(scaled)
    return k + int(scaled - k >= alias[source, k, 0]) * (int(alias[source, k, 1]) - k)


@compiled
def write(
    alias: FloatArray, sender_up_to: FloatArray, stream: np.uint64, source: int, room: int, words: NDArray[np.int32]
) -> int:
    """Write a message of a source into `words` (longest + 1,): its body, then its sender; return the body's length.

    It leaves `room` for words that pad it.
    """
    sender = pick(sender_up_to[source], uniform(stream, 3))
    count = SHORTEST + int(uniform(stream, 4) * (_LENGTHS - room))
    for j in range(count):
        words[j] = draw_word(alias, source, uniform(stream, 5 + j))
    words[count] = alias.shape[1] + sender
    words[count + 1 :] = 0
    return count


@compiled
def pad(good_alias: FloatArray, stream: np.uint64, row: int, words: NDArray[np.int32], count: int, more: int) -> int:
    """Append to the body of `count` words `more` as ham writes them, drawn from a `row`; return the new length."""
    words[count + more] = words[count]
    for j in range(count, count + more):
        words[j] = draw_word(good_alias, row, uniform(stream, 5 + j))
    return count + more


@compiled
def weigh(
    weight: FloatArray,
    sender: FloatArray,
    ratio: FloatArray,
    words: NDArray[np.int32],
    count: int,
    score: FloatArray,
) -> None:
    """Fill in, for each source (sources,), its share times the likelihood of a message whose body has `count` words.

    `weight` is of `Mix`, `sender` and `ratio` of `Tables`. A word's likelihood is a multiple of the common one: 25 such
    factors neither vanish nor overflow, so no logarithm is needed.
    """
    by = words[count] - ratio.shape[0]
    for k in range(score.shape[0]):
        score[k] = weight[k] * sender[by, k]
    for j in range(count):
        word = words[j]
        for k in range(score.shape[0]):
            score[k] *= ratio[word, k]


@compiled
def weigh_padded(
    ratio: FloatArray,
    good_ratio: FloatArray,
    padded: FloatArray,
    words: NDArray[np.int32],
    count: int,
    before: FloatArray,
    tail: FloatArray,
    score: FloatArray,
) -> None:
    """As `weigh`, given weight times sender in `before[0]`, where the last words of spam may be padding.

    `before` (longest + 1, sources) is filled with the likelihood of the first words, `tail` (campaigns of all parts,)
    is room for that of the last ones as padding. A body of n words that m pad is one of `_LENGTHS` - m lengths, and so
    that much likelier than one of `_LENGTHS`.
    """
    n_sources, campaigns = score.shape[0] // padded.shape[0], tail.shape[0] // padded.shape[0]
    for j in range(count):
        word = words[j]
        for k in range(score.shape[0]):
            before[j + 1, k] = before[j, k] * ratio[word, k]
    for k in range(score.shape[0]):
        score[k] = before[count, k]
    for part in range(padded.shape[0]):
        for c in range(campaigns):
            score[part * n_sources + c] *= padded[part, 0]
            tail[part * campaigns + c] = 1.0
    for m in range(1, count - SHORTEST + 1):
        word = words[count - m]
        for part in range(padded.shape[0]):
            chance = padded[part, m] * _LENGTHS / (_LENGTHS - m)
            for c in range(campaigns):
                column, k = part * campaigns + c, part * n_sources + c
                tail[column] *= good_ratio[word, column]
                score[k] += chance * before[count - m, k] * tail[column]


@compiled
def write_messages(
    seed: int, start: int, rows: IntArray, law: Law, cost_ratio: float, seen: Messages, batch: Batch
) -> None:
    """Fill in the given rows of a batch from the step `start` on: messages of a law, and what it says of them."""
    (weight, part_up_to, share, up_to, padded, padded_up_to) = law.mix
    (ratio, alias, sender, sender_up_to, good_ratio, good_alias) = law.tables
    n_sources, campaigns = up_to.shape[1], law.campaigns  # of each part
    score = np.empty(weight.shape[0])
    before, tail = np.empty((LONGEST + 1, weight.shape[0] if law.pads else 0)), np.empty(good_ratio.shape[1])
    for i in rows:
        stream, words = stream_of(seed, start + i, WORLD), seen.words[i]
        source = draw_source(part_up_to, share, up_to, campaigns, stream)
        part, is_spam = source // n_sources, source % n_sources < campaigns
        more = pick(padded_up_to[part], uniform(stream, _PADS)) if law.pads and is_spam else 0
        count = write(alias, sender_up_to, stream, source, more, words)
        if more > 0:
            count = pad(good_alias, stream, part * campaigns + source % n_sources, words, count, more)
        if law.pads:
            for k in range(weight.shape[0]):
                before[0, k] = weight[k] * sender[words[count] - ratio.shape[0], k]
            weigh_padded(ratio, good_ratio, padded, words, count, before, tail, score)
        else:
            weigh(weight, sender, ratio, words, count, score)
        spam, ham, likeliest = 0.0, 0.0, 0
        for k in range(score.shape[0]):
            if k % n_sources < campaigns:
                spam += score[k]
            else:
                ham += score[k]
            if score[k] > score[likeliest]:
                likeliest = k
        seen.length[i] = count + 1
        batch.truth[i] = is_spam
        batch.cell[i] = likeliest % n_sources
        batch.group[i] = words[count] - ratio.shape[0]
        batch.values[i, DELIVER] = -(spam / (spam + ham))
        batch.values[i, JUNK] = -cost_ratio * (ham / (spam + ham))
        batch.rewards[i, DELIVER] = -1.0 if is_spam else 0.0
        batch.rewards[i, JUNK] = 0.0 if is_spam else -cost_ratio
