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


class Tables(NamedTuple):
    """What the sources of a concept write, for compiled loops; the sources of all parts of a mixture side by side."""

    ratio: FloatArray  # (words, sources) probability of a word, as a multiple of the common one
    alias: FloatArray  # (sources, words, 2) alias tables of the words: what is kept, and the other word, side by side
    sender: FloatArray  # (senders, sources) probability of a sender
    sender_up_to: FloatArray  # (sources, senders) cumulative


class Mix(NamedTuple):
    """How often each source of a concept writes, for compiled loops."""

    weight: FloatArray  # (sources,) share of all messages
    part_up_to: FloatArray  # (parts,) cumulative share of each part of a mixture
    spam: FloatArray  # (parts,) share of spam within a part
    up_to: FloatArray  # (parts, sources of a part) cumulative, among its campaigns and among its topics


class Law(NamedTuple):
    """The law of a concept."""

    tables: Tables
    mix: Mix
    campaigns: int  # the first sources of each part


class LawBook:
    """The laws of all concepts, each made when it is first needed, by whichever thread.

    A concept's code is that of the drift, plus the number of the drift's concepts times the phase of the campaigns'
    cycle. `settings`: those of the world by name.
    """

    def __init__(self, settings: Mapping[str, Any], schedule: Schedule) -> None:
        self.campaigns, self.topics = int(settings["campaigns"]), int(settings["topics"])
        self.n_phases = len(CYCLE) if settings["campaign_life"] else 1
        self.n_drift = schedule.n_concepts
        self._settings, self._schedule = settings, schedule
        self._seed = int(settings["law_seed"])
        plain = make_words(self._rng(_VOCABULARY), N_PLAIN)
        words = (*plain, *map(disguised, plain[_FREQUENT:]))
        self.order = self._rng(_ORDER).permutation(N_WORDS)  # so that a word's place tells nothing of it
        self.vocabulary = tuple(words[k] for k in self.order)
        self.common = _common()[self.order]
        self._anchors: dict[Anchor, Sources] = {}
        self._tables: OrderedDict[tuple[Shares, ...], Tables] = OrderedDict()
        self._mixes: dict[int, Mix] = {}
        self._lock = threading.RLock()

    def law(self, concept: int) -> Law:
        """Return the law of a concept."""
        drift, phase = concept % self.n_drift, concept // self.n_drift
        mixture = self._schedule.made_of(drift).mixture
        parts = tuple(shares for _, shares in mixture)
        with self._lock:
            if concept not in self._mixes:
                weights = np.stack([self._interpolated(shares, self._weights, phase) for shares in parts])
                self._mixes[concept] = _mix(np.array([share for share, _ in mixture]), weights, self.campaigns)
            if parts not in self._tables:
                words, senders = (
                    np.concatenate([self._interpolated(shares, self._column, name) for shares in parts])
                    for name in ("word", "sender")
                )
                self._tables[parts] = _tables(words, senders, self.common)
                while len(self._tables) > 1 and self.kept_bytes > _KEPT_BYTES:
                    self._tables.popitem(last=False)
            self._tables.move_to_end(parts)
            return Law(self._tables[parts], self._mixes[concept], self.campaigns)

    @property
    def kept_bytes(self) -> int:
        """Memory that the tables kept for later take."""
        return sum(column.nbytes for tables in self._tables.values() for column in tables)

    def anchor(self, anchor: Anchor) -> Sources:
        """Return the law of an anchor."""
        with self._lock:
            if anchor not in self._anchors:
                self._anchors[anchor] = self._sources(self.settings_of(anchor), self._schedule.own_change(anchor))
            return self._anchors[anchor]

    def settings_of(self, anchor: Anchor) -> Mapping[str, Any]:
        """Return the settings in force in an anchor."""
        return {**self._settings, **self._schedule.settings_of(anchor)}

    def _interpolated(self, shares: Shares, part: Any, what: Any) -> FloatArray:
        """Return the mean over anchors, by their shares, of `part(anchor, what)`."""
        total = shares[0][0] * part(shares[0][1], what)
        for share, anchor in shares[1:]:
            total = total + share * part(anchor, what)
        return np.asarray(total)

    def _column(self, anchor: Anchor, name: str) -> FloatArray:
        return np.asarray(getattr(self.anchor(anchor), name))

    def _weights(self, anchor: Anchor, phase: int) -> FloatArray:
        """Return the share of each source of an anchor in a phase; all campaigns together keep theirs."""
        weight = self.anchor(anchor).weight.copy()
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

    def _sources(self, settings: Mapping[str, Any], change: int) -> Sources:
        """Draw the sources of an anchor; a `change` draws the campaigns anew and leaves the topics."""
        rngs = [self._rng(_CAMPAIGNS, change, k) for k in range(self.campaigns)]
        topic_rngs = [self._rng(_TOPICS, k) for k in range(self.topics)]
        weight = [0.5 + rng.random() for rng in (*rngs, *topic_rngs)]
        for group in (slice(0, self.campaigns), slice(self.campaigns, None)):
            weight[group] = (np.array(weight[group]) / np.sum(weight[group])).tolist()
        senders = [rng.dirichlet(_CAMPAIGN_SENDERS) for rng in rngs]
        senders += [rng.dirichlet(_TOPIC_SENDERS) for rng in topic_rngs]
        everywhere, common = np.arange(N_PLAIN), _common()
        topics = [_own_words(rng, everywhere) for rng in topic_rngs]
        focus, overlap, hidden = settings["focus"], settings["overlap"], settings["obfuscation"]
        words = []
        for rng in rngs:
            own = _own_words(rng, np.arange(_FREQUENT + change % _GENERATIONS, N_PLAIN, _GENERATIONS))
            own[N_PLAIN:] = hidden * own[_FREQUENT:N_PLAIN]
            own[_FREQUENT:N_PLAIN] *= 1.0 - hidden
            imitated = topics[int(rng.integers(self.topics))]
            words.append((1.0 - focus) * common + focus * ((1.0 - overlap) * own + overlap * imitated))
        words += [(1.0 - focus) * common + focus * own for own in topics]
        return Sources(np.array(weight), np.stack(words)[:, self.order], np.stack(senders))


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


def _mix(parts: FloatArray, weights: FloatArray, campaigns: int) -> Mix:
    """Return how often sources write, from the parts' shares (parts,) and the sources' within each (parts, sources)."""
    up_to = np.concatenate([_up_to(weights[:, :campaigns]), _up_to(weights[:, campaigns:])], axis=1)
    weight = (parts[:, None] * weights).ravel()
    return Mix(weight, _up_to(parts[None])[0], weights[:, :campaigns].sum(axis=1), up_to)


def _up_to(rows: FloatArray) -> FloatArray:
    """Return the cumulative distribution of each row; the last is exactly 1, so a draw never falls off the end."""
    total = np.cumsum(rows, axis=1)
    return np.asarray(np.divide(total, total[:, -1:], out=np.ones_like(total), where=total[:, -1:] > 0.0))


def _tables(words: FloatArray, senders: FloatArray, common: FloatArray) -> Tables:
    alias = np.empty((*words.shape, 2))
    fill_aliases(words, alias)
    ratio = np.ascontiguousarray((words / common).T)
    return Tables(ratio, alias, np.ascontiguousarray(senders.T), _up_to(senders))


@compiled
def fill_aliases(probability: FloatArray, alias: FloatArray) -> None:
    """Fill the alias table (words, 2) of each row of probabilities (sources, words)."""
    other = np.empty(probability.shape[1], dtype=np.int64)
    for row in range(probability.shape[0]):
        make_alias(probability[row], alias[row, :, 0], other)
        alias[row, :, 1] = other
