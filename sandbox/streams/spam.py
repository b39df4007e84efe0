"""Spam: messages of campaigns that come, burst and die, among ham; every decision has an exact price."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from functools import partial
from typing import Any, Self

import numpy as np
from gymnasium import spaces

from sandbox.drift import Specs
from sandbox.errors import SandboxError, suggestion
from sandbox.interfaces import Labels, Messages, Question, Words, check_range
from sandbox.law_stream import BATCH, Batch, LawStream, Play
from sandbox.streams.spam_law import LIFE_PHASES, N_WORDS, SENDERS, LawBook
from sandbox.streams.spam_reaction import OracleRun, Spammer, Watched, WatchedRun
from sandbox.streams.spam_text import DELIVER, LONGEST, MOST_PADDED, write_messages
from sandbox.table import FloatArray, IntArray

_LARGE_SAMPLE = 4 * BATCH
_MOST_CONCEPTS = 2048  # of a spammer who reacts: E[V*] is worked out for each
_KEPT_RUNS = 64  # of the oracle, while the spammer reacts
_RANGES = {
    "spam_share": (0.0, 1.0),
    "focus": (0.0, 0.95),
    "overlap": (0.0, 1.0),
    "obfuscation": (0.0, 1.0),
    "padding": (0.0, 1.0),
    "padded_words": (1, MOST_PADDED),
}
_FIXED = {
    "law_seed": (0, 2**62),
    "cost_ratio": (1e-6, 1e6),
    "abstain_cost": (0.0, 1e6),
    "campaigns": (1, 50),
    "topics": (1, 50),
    "campaign_life": (0, 2**62),
    "reaction": (0, 2**62),
    "budget": (0, 30),
    "tolerance": (0.0, 1.0),
}
_WHOLE = ("law_seed", "campaigns", "topics", "campaign_life", "padded_words", "reaction", "budget")


class Spam(LawStream):
    """Messages to deliver or to junk: words and a sender, from spam campaigns and ham topics.

    A passed spam costs 1, a lost ham `cost_ratio`, no decision `abstain_cost`. Of all messages `spam_share` is spam.
    Each word is one of its source's own with probability `focus`, else a common one; a campaign takes the share
    `overlap` of its own words from a ham topic that it imitates, and writes the share `obfuscation` of the others in
    disguise, as `fr33`. With `campaign_life` (steps, 0: never) campaigns come, burst and die in turn.

    The share `padding` of the spam gets up to `padded_words` words more at its end, written as the ham topic that its
    campaign imitates (Lowd & Meek 2005, "Good word attacks on statistical spam filters").

    With `reaction` (steps, 0: never) the spammer reacts to being blocked. After so many steps each he reviews how much
    of his spam was not delivered; if it is more than the share `tolerance`, he makes one of `budget` moves: he pads
    half of the messages that he did not pad, then disguises half of the own words that he did not, then begins new
    campaigns with new words, and so on in turn. Gaps are then myopic, and the oracle plays for the moment only: see
    the metric `shortfall`.

    By itself a drift brings new campaigns with new words. It may also change `spam_share`, `focus`, `overlap`,
    `obfuscation`, `padding` and `padded_words`. Feedback as in the TREC spam track: `one-sided=deliver` (only what
    reached the inbox is judged), `delayed=1000`, `partial=0.1`, `active=500`.

    Measured with the defaults: the law's own posterior is on the wrong side of a half for 3.6 % of the messages, and
    the decisions that cost least are wrong for 5.9 % of them and cost 0.076 each.
    """

    kind = "messages"
    choice_names = ("deliver", "junk")
    group_names = SENDERS

    def __init__(
        self,
        law_seed: int = 0,
        cost_ratio: float = 10.0,
        abstain_cost: float = 1.0,
        spam_share: float = 0.4,
        campaigns: int = 6,
        topics: int = 8,
        campaign_life: int = 0,
        focus: float = 0.3,
        overlap: float = 0.3,
        obfuscation: float = 0.0,
        padding: float = 0.0,
        padded_words: int = 10,
        reaction: int = 0,
        budget: int = 6,
        tolerance: float = 0.5,
        drift: Specs = None,
    ) -> None:
        super().__init__(drift)
        self.law_seed, self.campaigns, self.topics = law_seed, campaigns, topics
        self.cost_ratio, self.abstain_cost = cost_ratio, abstain_cost
        self.spam_share, self.campaign_life = spam_share, campaign_life
        self.focus, self.overlap, self.obfuscation = focus, overlap, obfuscation
        self.padding, self.padded_words = padding, padded_words
        self.reaction, self.budget, self.tolerance = reaction, budget, tolerance
        self._check()
        self.book = LawBook({name: getattr(self, name) for name in (*_RANGES, *_FIXED)}, self.schedule)
        self.vocabulary, self.n_concepts = self.book.vocabulary, self.book.n_concepts
        self.n_cells = campaigns + topics
        self.cell_names = tuple(f"campaign {k}" for k in range(campaigns)) + tuple(f"topic {k}" for k in range(topics))
        self._declare()

    def _declare(self) -> None:
        """Say what is asked, what may be chosen, and what it is worth."""
        cost_ratio, abstain_cost = float(self.cost_ratio), float(self.abstain_cost)
        self.gap_range, self.luck_reach = max(1.0, cost_ratio, abstain_cost), max(1.0, cost_ratio)
        self.abstention = -abstain_cost
        self._earned = ((0.0, -cost_ratio), (-1.0, 0.0))
        self.choice_space = Labels((False, True), rewards=self._earned)
        self.observation_space = spaces.Dict(
            {"body": Words(self.vocabulary, LONGEST), "sender": Words(self.group_names, 1)}
        )
        self.reactive = self.book.reacts
        self.objective = LawStream.objective + (", myopic" if self.reactive else "")
        self._oracle_runs: OrderedDict[int, OracleRun] = OrderedDict()
        if self.reactive and self.n_concepts > _MOST_CONCEPTS:
            raise SandboxError(
                f"spam: drift, phases and moves make {self.n_concepts:,} concepts, more than {_MOST_CONCEPTS:,}; "
                "lower the budget, or use fewer at once"
            )

    def _check(self) -> None:
        """Refuse, in one line, settings out of range and drifts that this world has not."""
        for name, (low, high) in (_RANGES | _FIXED).items():
            check_range("spam", name, getattr(self, name), low, high)
            if name in _WHOLE and not isinstance(getattr(self, name), int):
                raise SandboxError(f"spam: {name}={getattr(self, name)!r} is not a whole number")
        if 0 < self.campaign_life < LIFE_PHASES:
            raise SandboxError(f"spam: campaign_life={self.campaign_life} is out of range: 0, or from {LIFE_PHASES}")
        for drift in self.schedule.drifts:
            if drift.function:
                raise SandboxError(f"spam: the drift {drift}: a function changes an environment, not this stream")
            for name, value in drift.settings:
                if name in _FIXED:
                    raise SandboxError(f"spam: the drift {drift}: {name} never changes; {', '.join(_RANGES)} may")
                if name not in _RANGES:
                    near = suggestion(name, _RANGES) or f"; {', '.join(_RANGES)} may change"
                    raise SandboxError(f"spam: the drift {drift}: there is no setting {name!r}{near}")
                check_range(f"spam: the drift {drift}", name, value, *_RANGES[name])
                if name in _WHOLE and not isinstance(value, int):
                    raise SandboxError(f"spam: the drift {drift}: {name}={value!r} is not a whole number")

    def concepts(self, seed: int, start: int, count: int) -> IntArray:
        """Return the concept (count,) in force at the steps from `start` on, while the spammer has made no move.

        Its code is the drift's concept plus the number of these times the phase of the campaigns' cycle.
        """
        codes = self.schedule.concepts(seed, start, count)
        if self.campaign_life:
            steps = np.arange(start, start + count, dtype=np.int64)
            phase = steps // (self.campaign_life // LIFE_PHASES) % self.book.n_phases
            codes = codes + phase * self.book.n_drift
        return codes

    def pin(self, concept: int) -> Self:
        """Return this stream with the drift's part of `concept` always in force; the campaigns go on in their cycle."""
        made = super().pin(concept % self.book.n_drift)
        made.book = self.book
        return made

    def batch(self, seed: int, start: int, count: int) -> Batch:
        """Return the messages of some steps of the run of `seed`; if the spammer reacts, as the oracle meets them."""
        concept = self.concepts(seed, start, count)
        at = 0
        while self.reactive and at < count:
            moves, steps = self._oracle_run(seed).moves(start + at)
            concept[at : at + steps] += moves * self._laws_a_move
            at += steps
        return self._batch(seed, start, concept)

    @property
    def _laws_a_move(self) -> int:
        return self.book.n_drift * self.book.n_phases

    def _after(self, seed: int, start: int, count: int, moves: int) -> Batch:
        """Return the messages of some steps of the run of `seed`, once the spammer has made some moves."""
        return self._batch(seed, start, self.concepts(seed, start, count) + moves * self._laws_a_move)

    def _oracle_run(self, seed: int) -> OracleRun:
        runs = self._oracle_runs
        with self.book.lock:
            if seed not in runs:
                runs[seed] = OracleRun(self._spammer(), partial(self._after, seed), self._ideal_choices)
                if len(runs) > _KEPT_RUNS:
                    runs.popitem(last=False)
            return runs[seed]

    def _spammer(self) -> Spammer:
        return Spammer(self.reaction, self.budget, self.tolerance)

    def _ideal_choices(self, batch: Batch) -> FloatArray:
        """Return what the oracle chooses (n,), NaN where it abstains."""
        best = batch.values.argmax(axis=1).astype(np.float64)
        return np.asarray(np.where(self.abstention > batch.values.max(axis=1), math.nan, best))

    def play(self, seed: int) -> Play:
        """Return the run of `seed` for compiled loops."""
        if not self.reactive:
            return super().play(seed)
        return WatchedRun(self._spammer(), partial(self._after, seed))

    def questions(self, seed: int) -> Iterator[Question]:
        """Yield the questions of one run; if the spammer reacts, it depends on the answers, of which `reward` hears."""
        if not self.reactive:
            yield from super().questions(seed)
            return
        spammer, start = self._spammer(), 0
        while True:
            batch = self._after(seed, start, min(BATCH, spammer.room(start)), spammer.moves)
            columns = [part.tolist() for part in batch[1:-1]]
            for i, (truth, cell, group, concept, values) in enumerate(zip(*columns, strict=True)):
                asked = Watched(self.observation(batch, i), truth, cell, group, concept, values, None, self.abstention)
                asked.spammer = spammer
                yield asked
            start += len(batch.truth)
            spammer.review(start)

    def reward(self, question: Question, choice: Any) -> float:
        """Return what a choice earns, and let a spammer who reacts hear of it, once."""
        if isinstance(question, Watched) and question.spammer is not None:
            question.spammer.hear(question.truth == 1, choice == DELIVER)
            question.spammer = None
        return self.abstention if choice is None else self._earned[int(question.truth)][choice]

    def simple_values(self) -> tuple[float, float]:
        """Return what a choice at random, and the better of the two, always made, earn before the spammer moves."""
        values = self.pin(0)._after(0, 0, 20_000, 0).values
        return float(values.mean()), float(values.mean(axis=0).max())

    def _batch(self, seed: int, start: int, concept: IntArray) -> Batch:
        """Return the messages of the steps from `start` on, each under the law of its concept (n,)."""
        count = concept.shape[0]
        seen = Messages(np.empty((count, LONGEST + 1), dtype=np.int32), np.empty(count, dtype=np.int64))
        truth, cell, group = (np.empty(count, dtype=np.int64) for _ in range(3))
        batch = Batch(seen, truth, cell, group, concept, np.empty((count, 2)), np.empty((count, 2)))
        changed = bool((concept[1:] != concept[:-1]).any())  # much cheaper to say than which there are
        for code in np.unique(concept if changed else concept[:1]).tolist():
            rows = np.flatnonzero(concept == code)
            write_messages(seed, start, rows, self.book.law(code), float(self.cost_ratio), seen, batch)
        return batch

    def observation(self, batch: Batch, i: int) -> dict[str, str]:
        """Return the body and the sender of the i-th message of a batch."""
        assert isinstance(batch.seen, Messages)
        *body, sender = batch.seen.words[i, : batch.seen.length[i]].tolist()
        return {"body": " ".join([self.vocabulary[word] for word in body]), "sender": SENDERS[sender - N_WORDS]}

    def expected_best(self, concept: int) -> float:
        """Return E[V*] of a message under a concept, its phase included, from a fixed large sample."""
        sample = _LARGE_SAMPLE // (4 if self.reactive else 1)
        values = self._batch(0, 0, np.full(sample, concept, dtype=np.int64)).values
        return float(np.maximum(values.max(axis=1), self.abstention).mean())
