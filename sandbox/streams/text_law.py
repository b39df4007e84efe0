"""The law of the text world: documents of hidden topics, word by word, and the law of each next word."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.draws import WORLD, pick, stream_of, uniform
from sandbox.interfaces import Messages
from sandbox.law_stream import Batch
from sandbox.table import FloatArray, IntArray

LEAST = 1e-15  # what a probability counts as at least: no word costs more than 34.5


class Law(NamedTuple):
    """The law of a concept. Its hidden states are the topics of all laws of a mixture, side by side."""

    prior: FloatArray  # (states,) share of the documents
    up_to: FloatArray  # (states,) cumulative
    word: FloatArray  # (states, words) probability of each word where grammar has no say
    grammar: FloatArray  # (states,) share of the words in which it has
    follower: FloatArray  # (words, words) probability of each word after another, where grammar has its say


@compiled
def draw_word(law: Law, state: int, before: int, u: float) -> int:
    """Return the word that a uniform number stands for, in a state; `before` is -1 at the opening of a document."""
    share = law.grammar[state] if before >= 0 else 0.0
    row, total = max(before, 0), 0.0
    last = int(law.word.shape[1] - 1)
    for w in range(last):
        total += (1.0 - share) * law.word[state, w] + share * law.follower[row, w]
        if total > u:
            return w
    return last


@compiled
def weigh(law: Law, before: int, word: int, belief: FloatArray) -> None:
    """Update what is believed of the states (states,) by a word, by Bayes; `before` is -1 at the opening."""
    total = 0.0
    for h in range(belief.shape[0]):
        share = law.grammar[h] if before >= 0 else 0.0
        belief[h] *= (1.0 - share) * law.word[h, word] + share * law.follower[max(before, 0), word]
        total += belief[h]
    for h in range(belief.shape[0]):
        belief[h] /= total


@compiled
def foretell(law: Law, before: int, belief: FloatArray, chance: FloatArray) -> None:
    """Fill in the probability of each next word (words,)."""
    share = 0.0
    for h in range(belief.shape[0]):
        share += belief[h] * law.grammar[h]
    for w in range(chance.shape[0]):
        chance[w] = share * law.follower[before, w]
    for h in range(belief.shape[0]):
        own = belief[h] * (1.0 - law.grammar[h])
        for w in range(chance.shape[0]):
            chance[w] += own * law.word[h, w]


@compiled
def write(
    seed: int, start: int, rows: IntArray, law: Law, length: int, topics: int, seen: Messages, batch: Batch
) -> None:
    """Fill in the given rows of a batch from the step `start` on: documents word by word, and the law of the next one.

    Every step is a place in a document that is drawn as a whole under the law of the step, by numbers of its own: so
    where the law changes in the midst of one, it goes on as if it had been written under the new law.
    """
    n_words, now, place, state = law.word.shape[1], -1, -1, 0
    document, belief = np.empty(length + 1, dtype=np.int32), np.empty(law.prior.shape[0])
    stream = np.uint64(0)
    for i in rows:
        which, wanted = (start + i) // length, (start + i) % length
        if which != now or wanted < place:
            now, place, stream = which, 0, stream_of(seed, which, WORLD)
            state = pick(law.up_to, uniform(stream, 0))
            document[0] = draw_word(law, state, -1, uniform(stream, 1))
            belief[:] = law.prior
            weigh(law, -1, document[0], belief)
            document[1] = draw_word(law, state, document[0], uniform(stream, 2))
        while place < wanted:
            place += 1
            weigh(law, document[place - 1], document[place], belief)
            document[place + 1] = draw_word(law, state, document[place], uniform(stream, 2 + place))
        likeliest = 0
        for h in range(belief.shape[0]):
            if belief[h] > belief[likeliest]:
                likeliest = h
        foretell(law, document[place], belief, batch.values[i])
        seen.words[i, : place + 1] = document[: place + 1]
        seen.words[i, place + 1] = n_words + document[place]
        seen.words[i, place + 2 :] = 0
        seen.length[i] = place + 2
        batch.truth[i], batch.cell[i], batch.group[i] = document[place + 1], likeliest % topics, 3 * place // length


@compiled
def negative_entropies(chance: FloatArray, out: FloatArray) -> None:
    """Fill in the sum of p log p (n,) of distributions (n, words): what the best one earns."""
    for i in range(chance.shape[0]):
        total = 0.0
        for w in range(chance.shape[1]):
            if chance[i, w] > 0.0:
                total += chance[i, w] * math.log(max(chance[i, w], LEAST))
        out[i] = total
