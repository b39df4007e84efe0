"""Spam: messages of campaigns that come, burst and die, among ham; every decision has an exact price."""

from __future__ import annotations

from typing import Self

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox.compiled import compiled
from sandbox.draws import WORLD, pick, stream_of, uniform
from sandbox.drift import Specs
from sandbox.errors import SandboxError, suggestion
from sandbox.interfaces import Labels, Messages, Words, check_range, settings_of
from sandbox.law_stream import BATCH, Batch, LawStream
from sandbox.streams.spam_law import LIFE_PHASES, N_WORDS, SENDERS, Law, LawBook
from sandbox.table import FloatArray, IntArray

SHORTEST, LONGEST = 5, 25  # words of a message
DELIVER, JUNK = 0, 1
_LARGE_SAMPLE = 4 * BATCH
_RANGES = {"spam_share": (0.0, 1.0), "focus": (0.0, 0.95), "overlap": (0.0, 1.0), "obfuscation": (0.0, 1.0)}
_FIXED = {
    "law_seed": (0, 2**62),
    "cost_ratio": (1e-6, 1e6),
    "abstain_cost": (0.0, 1e6),
    "campaigns": (1, 50),
    "topics": (1, 50),
    "campaign_life": (0, 2**62),
}
_WHOLE = ("law_seed", "campaigns", "topics", "campaign_life")


class Spam(LawStream):
    """Messages to deliver or to junk: words and a sender, from spam campaigns and ham topics.

    A passed spam costs 1, a lost ham `cost_ratio`, no decision `abstain_cost`. Of all messages `spam_share` is spam.
    Each word is one of its source's own with probability `focus`, else a common one; a campaign takes the share
    `overlap` of its own words from a ham topic that it imitates, and writes the share `obfuscation` of the others in
    disguise, as `fr33`. With `campaign_life` (steps, 0: never) campaigns come, burst and die in turn.

    By itself a drift brings new campaigns with new words. It may also change `spam_share`, `focus`, `overlap` and
    `obfuscation`. Measured with the defaults: the law's own posterior is on the wrong side of a half for 3.6 % of the
    messages, and the decisions that cost least are wrong for 5.9 % of them and cost 0.076 each.
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
        drift: Specs = None,
    ) -> None:
        super().__init__(drift)
        self.law_seed, self.campaigns, self.topics = law_seed, campaigns, topics
        self.cost_ratio, self.abstain_cost = cost_ratio, abstain_cost
        self.spam_share, self.campaign_life = spam_share, campaign_life
        self.focus, self.overlap, self.obfuscation = focus, overlap, obfuscation
        self._check()
        self.book = LawBook(settings_of(self), self.schedule)
        self.vocabulary = self.book.vocabulary
        self.n_cells = campaigns + topics
        self.cell_names = tuple(f"campaign {k}" for k in range(campaigns)) + tuple(f"topic {k}" for k in range(topics))
        self.n_concepts = self.book.n_drift * self.book.n_phases
        self.gap_range = max(1.0, float(cost_ratio), float(abstain_cost))
        self.luck_reach = max(1.0, float(cost_ratio))
        self.abstention = -float(abstain_cost)
        self.choice_space = Labels((False, True), rewards=((0.0, -float(cost_ratio)), (-1.0, 0.0)))
        self.observation_space = spaces.Dict(
            {"body": Words(self.vocabulary, LONGEST), "sender": Words(self.group_names, 1)}
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

    def concepts(self, seed: int, start: int, count: int) -> IntArray:
        """Return the concept (count,) in force at the steps `start`, ..., `start + count - 1`: the drift's and a phase.

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
        """Return the messages of the steps `start`, ..., `start + count - 1` of the run of `seed`."""
        return self._batch(seed, start, self.concepts(seed, start, count))

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
        values = self._batch(0, 0, np.full(_LARGE_SAMPLE, concept, dtype=np.int64)).values
        return float(np.maximum(values.max(axis=1), self.abstention).mean())


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
def write(alias: FloatArray, sender_up_to: FloatArray, stream: np.uint64, source: int, words: NDArray[np.int32]) -> int:
    """Write a message of a source into `words` (longest + 1,): its body, then its sender; return the body's length."""
    sender = pick(sender_up_to[source], uniform(stream, 3))
    count = SHORTEST + int(uniform(stream, 4) * (LONGEST - SHORTEST + 1))
    for j in range(count):
        words[j] = draw_word(alias, source, uniform(stream, 5 + j))
    words[count] = alias.shape[1] + sender
    words[count + 1 :] = 0
    return count


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
def write_messages(
    seed: int, start: int, rows: IntArray, law: Law, cost_ratio: float, seen: Messages, batch: Batch
) -> None:
    """Fill in the given rows of a batch from the step `start` on: messages of a law, and what it says of them."""
    (weight, part_up_to, share, up_to), (ratio, alias, sender, sender_up_to) = law.mix, law.tables
    n_sources, campaigns = up_to.shape[1], law.campaigns  # of each part
    score = np.empty(weight.shape[0])
    for i in rows:
        stream, words = stream_of(seed, start + i, WORLD), seen.words[i]
        source = draw_source(part_up_to, share, up_to, campaigns, stream)
        count = write(alias, sender_up_to, stream, source, words)
        weigh(weight, sender, ratio, words, count, score)
        spam, ham, likeliest = 0.0, 0.0, 0
        for k in range(score.shape[0]):
            if k % n_sources < campaigns:
                spam += score[k]
            else:
                ham += score[k]
            if score[k] > score[likeliest]:
                likeliest = k
        is_spam = source % n_sources < campaigns
        seen.length[i] = count + 1
        batch.truth[i] = is_spam
        batch.cell[i] = likeliest % n_sources
        batch.group[i] = words[count] - ratio.shape[0]
        batch.values[i, DELIVER] = -(spam / (spam + ham))
        batch.values[i, JUNK] = -cost_ratio * (ham / (spam + ham))
        batch.rewards[i, DELIVER] = -1.0 if is_spam else 0.0
        batch.rewards[i, JUNK] = 0.0 if is_spam else -cost_ratio
