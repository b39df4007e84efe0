"""The law of the spam world: who writes, how often, and with which words, in every concept.

A message comes from a *source*: one of the spam campaigns (numbered first) or of the ham topics. A source has a share
of all messages, probabilities of senders, and a distribution of words, from which the words are drawn independently.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.draws import make_alias
from sandbox.drift import Anchor, Schedule, Shares
from sandbox.streams._words import disguised, make_words
from sandbox.streams.spam_reaction import Dodges, dodges, risen
from sandbox.streams.spam_text import MOST_PADDED, Law, Mix, Tables
from sandbox.table import FloatArray, IntArray

N_PLAIN = 1000  # words; the first are the most frequent
_FREQUENT = 400  # words too frequent for a campaign to have as its own
N_WORDS = N_PLAIN + (N_PLAIN - _FREQUENT)  # the disguised ones follow, in the same order
SENDERS = ("colleague", "newsletter", "stranger")
_OWN = 30  # words that are a source's own
_DISGUISED_BY_CHANCE = 0.01  # share of everybody's common words: no word proves anything
_GENERATIONS = 3  # the campaigns' words come in so many groups: new campaigns have new words
_TOPIC_SENDERS, _CAMPAIGN_SENDERS = (3.0, 2.0, 1.0), (0.6, 1.8, 3.6)
# How active a campaign is in each phase of its cycle: it comes, bursts, dies in two phases, and is silent.
CYCLE = (1.0, 4.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0)
LIFE_PHASES = 4  # phases of a campaign's life, the silence after it not counted
_KEPT_BYTES = 64_000_000  # of tables: with the default sources the 65 levels of a drift take half of it
_TOPICS, _CAMPAIGNS, _VOCABULARY, _ORDER = 1, 2, 3, 4  # child seeds


class Sources(NamedTuple):
    """The law of an anchor, by source: campaigns first, then topics."""

    weight: FloatArray  # (sources,) share of each among the campaigns, or among the topics
    word: FloatArray  # (sources, words) probability of each word
    sender: FloatArray  # (sources, senders) probability of each sender
    good: FloatArray  # (campaigns, words) what pads a campaign's messages: words as the topic that it imitates has them


class LawBook:
    """The laws of all concepts, each made when it is first needed, by whichever thread.

    A concept's code is made of that of the drift, of the phase of the campaigns' cycle, and of the moves that the
    spammer has made, as the digits of a number are, the drift's the last. `settings`: those of the world by name.
    """

    def __init__(self, settings: Mapping[str, Any], schedule: Schedule) -> None:
        self.campaigns, self.topics = int(settings["campaigns"]), int(settings["topics"])
        self.n_phases = len(CYCLE) if settings["campaign_life"] else 1
        self.n_drift = schedule.n_concepts
        self.reacts = bool(settings["reaction"] and settings["budget"])
        self.n_concepts = self.n_drift * self.n_phases * (1 + (int(settings["budget"]) if self.reacts else 0))
        drifted = [value for drift in schedule.drifts for name, value in drift.settings if name == "padding"]
        self.pads = self.reacts or max([settings["padding"], *drifted]) > 0.0  # whether anything is ever padded
        self._settings, self._schedule = settings, schedule
        self._seed = int(settings["law_seed"])
        plain = make_words(self._rng(_VOCABULARY), N_PLAIN)
        words = (*plain, *map(disguised, plain[_FREQUENT:]))
        self.order = self._rng(_ORDER).permutation(N_WORDS)  # so that a word's place tells nothing of it
        self.vocabulary = tuple(words[k] for k in self.order)
        self.common = _common()[self.order]
        self._anchors: dict[tuple[Anchor, int, int], Sources] = {}
        self._tables: OrderedDict[tuple[tuple[Shares, ...], int, int], Tables] = OrderedDict()
        self._mixes: dict[int, Mix] = {}
        self.lock = threading.RLock()

    def law(self, concept: int) -> Law:
        """Return the law of a concept."""
        drift, phase, moves = self.digits(concept)
        mixture, done = self._schedule.made_of(drift).mixture, dodges(moves)
        parts = tuple(shares for _, shares in mixture)
        key = parts, done.words, done.obfuscation
        with self.lock:
            if concept not in self._mixes:
                weights, padded = (
                    np.stack([self._interpolated(shares, part, what, done) for shares in parts])
                    for part, what in ((self._weights, phase), (self._padded, None))
                )
                self._mixes[concept] = _mix(np.array([share for share, _ in mixture]), weights, padded, self.campaigns)
            if key not in self._tables:
                self._tables[key] = _tables(self.common, *self._columns(parts, done))
                while len(self._tables) > 1 and self.kept_bytes > _KEPT_BYTES:
                    self._tables.popitem(last=False)
            self._tables.move_to_end(key)
            mix = self._mixes[concept]
            return Law(self._tables[key], mix, self.campaigns, self.pads and bool((mix.padded[:, 0] < 1.0).any()))

    def digits(self, concept: int) -> tuple[int, int, int]:
        """Return what a concept is made of: the drift's concept, the phase, and the spammer's moves."""
        rest, drift = divmod(concept, self.n_drift)
        moves, phase = divmod(rest, self.n_phases)
        return drift, phase, moves

    @property
    def kept_bytes(self) -> int:
        """Memory that the tables kept for later take."""
        return sum(column.nbytes for tables in self._tables.values() for column in tables)

    def anchor(self, anchor: Anchor, done: Dodges = Dodges()) -> Sources:  # noqa: B008  a tuple never changes
        """Return the law of an anchor, after what the spammer has done."""
        key = anchor, done.words, done.obfuscation
        with self.lock:
            if key not in self._anchors:
                self._anchors[key] = self._sources(self.settings_of(anchor), self._schedule.own_change(anchor), done)
            return self._anchors[key]

    def settings_of(self, anchor: Anchor) -> Mapping[str, Any]:
        """Return the settings in force in an anchor."""
        return {**self._settings, **self._schedule.settings_of(anchor)}

    def _columns(self, parts: tuple[Shares, ...], done: Dodges) -> tuple[FloatArray, ...]:
        """Return words, senders and what pads, of the sources of all parts."""
        names = ("word", "sender", "good")
        return tuple(
            np.concatenate([self._interpolated(one, self._column, name, done) for one in parts]) for name in names
        )

    def _interpolated(self, shares: Shares, part: Any, what: Any, done: Dodges) -> FloatArray:
        """Return the mean over anchors, by their shares, of `part(anchor, what, done)`."""
        total = shares[0][0] * part(shares[0][1], what, done)
        for share, anchor in shares[1:]:
            total = total + share * part(anchor, what, done)
        return np.asarray(total)

    def _column(self, anchor: Anchor, name: str, done: Dodges) -> FloatArray:
        return np.asarray(getattr(self.anchor(anchor, done), name))

    def _padded(self, anchor: Anchor, _: Any, done: Dodges) -> FloatArray:
        """Return the chance that so many words pad a spam message (1 + MOST_PADDED,): if any, each number as likely."""
        settings, chance = self.settings_of(anchor), np.zeros(1 + MOST_PADDED)
        share, most = risen(settings["padding"], done.padding), settings["padded_words"]
        chance[0], chance[1 : 1 + most] = 1.0 - share, share / most
        return chance

    def _weights(self, anchor: Anchor, phase: int, done: Dodges) -> FloatArray:
        """Return the share of each source of an anchor in a phase; all campaigns together keep theirs."""
        weight = self.anchor(anchor, done).weight.copy()
        spam = weight[: self.campaigns]  # a view
        if self.n_phases > 1:
            now = [CYCLE[(phase + k * len(CYCLE) // self.campaigns) % len(CYCLE)] for k in range(self.campaigns)]
            spam *= now if any(now) else 1.0  # where all are silent, as a single one may be, none is
            spam /= spam.sum()
        share = self.settings_of(anchor)["spam_share"]
        spam *= share
        weight[self.campaigns :] *= 1.0 - share
        return weight

    def _rng(self, *child: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, *child])

    def _sources(self, settings: Mapping[str, Any], change: int, done: Dodges) -> Sources:
        """Draw the sources of an anchor; a `change` and new words draw the campaigns anew and leave the topics."""
        anew = (done.words,) if done.words else ()
        rngs = [self._rng(_CAMPAIGNS, change, k, *anew) for k in range(self.campaigns)]
        topic_rngs = [self._rng(_TOPICS, k) for k in range(self.topics)]
        weight = [0.5 + rng.random() for rng in (*rngs, *topic_rngs)]
        for group in (slice(0, self.campaigns), slice(self.campaigns, None)):
            weight[group] = (np.array(weight[group]) / np.sum(weight[group])).tolist()
        senders = [rng.dirichlet(_CAMPAIGN_SENDERS) for rng in rngs]
        senders += [rng.dirichlet(_TOPIC_SENDERS) for rng in topic_rngs]
        everywhere, common = np.arange(N_PLAIN), _common()
        topics = [_own_words(rng, everywhere) for rng in topic_rngs]
        focus, overlap = settings["focus"], settings["overlap"]
        hidden = risen(settings["obfuscation"], done.obfuscation)
        generation = (change + done.words) % _GENERATIONS
        words, imitated = [], []
        for rng in rngs:
            own = _own_words(rng, np.arange(_FREQUENT + generation, N_PLAIN, _GENERATIONS))
            own[N_PLAIN:] = hidden * own[_FREQUENT:N_PLAIN]
            own[_FREQUENT:N_PLAIN] *= 1.0 - hidden
            imitated.append(int(rng.integers(self.topics)))
            words.append((1.0 - focus) * common + focus * ((1.0 - overlap) * own + overlap * topics[imitated[-1]]))
        words += [(1.0 - focus) * common + focus * own for own in topics]
        word = np.stack(words)[:, self.order]
        good = word[self.campaigns + np.array(imitated)] if self.pads else np.empty((0, N_WORDS))
        return Sources(np.array(weight), word, np.stack(senders), good)


def _common() -> FloatArray:
    """Return how often everybody writes each word: by Zipf's law, flattened at the top, a few of them disguised."""
    plain = 1.0 / (np.arange(N_PLAIN) + 3.0)
    twins = plain[_FREQUENT:] * (_DISGUISED_BY_CHANCE / plain[_FREQUENT:].sum())
    return np.concatenate([plain * ((1.0 - _DISGUISED_BY_CHANCE) / plain.sum()), twins])


def _own_words(rng: np.random.Generator, among: IntArray) -> FloatArray:
    """Return a distribution (words,) over a few of the words `among`, by Zipf's law."""
    own = np.zeros(N_WORDS)
    own[rng.permutation(among)[:_OWN]] = 1.0 / (np.arange(_OWN) + 2.0)
    return np.asarray(own / own.sum())


def _mix(parts: FloatArray, weights: FloatArray, padded: FloatArray, campaigns: int) -> Mix:
    """Return how often sources write, from the parts' shares (parts,) and the sources' within each (parts, sources)."""
    up_to = np.concatenate([_up_to(weights[:, :campaigns]), _up_to(weights[:, campaigns:])], axis=1)
    weight, spam = (parts[:, None] * weights).ravel(), weights[:, :campaigns].sum(axis=1)
    return Mix(weight, _up_to(parts[None])[0], spam, up_to, padded, _up_to(padded))


def _up_to(rows: FloatArray) -> FloatArray:
    """Return the cumulative distribution of each row; the last is exactly 1, so a draw never falls off the end."""
    total = np.cumsum(rows, axis=1)
    return np.asarray(np.divide(total, total[:, -1:], out=np.ones_like(total), where=total[:, -1:] > 0.0))


def _tables(common: FloatArray, words: FloatArray, senders: FloatArray, good: FloatArray) -> Tables:
    (ratio, alias), (good_ratio, good_alias) = _looked_up(words, common), _looked_up(good, common)
    return Tables(ratio, alias, np.ascontiguousarray(senders.T), _up_to(senders), good_ratio, good_alias)


def _looked_up(words: FloatArray, common: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the multiples of the common probabilities (words, sources), and the alias tables (sources, words, 2)."""
    alias = np.empty((*words.shape, 2))
    fill_aliases(words, alias)
    return np.ascontiguousarray((words / common).T), alias


@compiled
def fill_aliases(probability: FloatArray, alias: FloatArray) -> None:
    """Fill the alias table (words, 2) of each row of probabilities (sources, words)."""
    other = np.empty(probability.shape[1], dtype=np.int64)
    for row in range(probability.shape[0]):
        make_alias(probability[row], alias[row, :, 0], other)
        alias[row, :, 1] = other
