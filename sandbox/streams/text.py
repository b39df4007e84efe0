"""Text: the next word of documents about hidden topics; the decision is a distribution, and the true one is known."""

from __future__ import annotations

import math
from typing import Any, ClassVar, cast

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox.drift import Specs
from sandbox.errors import RunError
from sandbox.interfaces import Decision, Labels, Messages, Question, Settled, Words
from sandbox.law_stream import BATCH, Batch
from sandbox.streams._forecasts import rows_by_concept
from sandbox.streams._mixed import MixedStream, Part
from sandbox.streams._words import make_words
from sandbox.streams.text_law import LEAST, Law, negative_entropies, write
from sandbox.table import FloatArray, IntArray

PLACES = ("opening", "middle", "ending")
_OFF = 1e-6  # by which probabilities may fail to add up to 1
_FOLLOWERS = 5  # words that often follow a word
_BY_CHANCE = 0.1  # share of followers that are any words
_VOCABULARY, _GRAMMAR, _TOPICS = 5, 6, 7  # child seeds; 1 is that of agents
_PARTS = 32  # of a fixed large sample


class Text(MixedStream):
    """Say how likely each word is to come next; what is earned is the logarithm of the probability of the one that did.

    A document of `document` words after its opening is about one of `topics`, which is hidden. A word follows from the
    one before with probability `grammar`; else it is one of the topic's own with probability `focus`, or a common one.
    What is seen is the document so far, and its last word. The law of the next word is known by Bayes' rule over the
    topics; another distribution costs its Kullback-Leibler divergence from that, probabilities counting as 1e-15 at
    least. `scores` with a `confidence` are a distribution; a `confidence` alone leaves the rest to the other words,
    equally; without one the choice is certain. No decision earns what all words equally likely do.

    Drift: without settings, other topics; with settings, `grammar` or `focus` change. Where that happens within a
    document, all of it is shown as if it had been written under the new law: words that were seen may be others.

    Measured with the defaults: all words equally likely earn -3.91, the best distribution that is always the same
    -3.74, the law -2.81. A mistake is a distribution that costs more than a twentieth of the first: the word that comes
    is thought 18 % too unlikely.
    """

    kind = "messages"
    settles = True
    material = 0.05
    group_names = PLACES
    changes_what = "the topics"
    luck_reach = -math.log(LEAST)
    counts: ClassVar[dict[str, tuple[int, int]]] = {
        "law_seed": (0, 2**62),
        "words": (10, 500),
        "topics": (1, 50),
        "document": (3, 200),
    }
    may_drift: ClassVar[dict[str, tuple[float, float]]] = {"focus": (0.0, 0.95), "grammar": (0.0, 0.95)}

    def __init__(
        self,
        law_seed: int = 0,
        words: int = 50,
        topics: int = 6,
        document: int = 24,
        focus: float = 0.8,
        grammar: float = 0.5,
        drift: Specs = None,
    ) -> None:
        super().__init__(drift)
        self.law_seed, self.words, self.topics, self.document = law_seed, words, topics, document
        self.focus, self.grammar = focus, grammar
        self._check_settings()
        self.vocabulary = make_words(self._rng(_VOCABULARY), words)
        self.choice_names = self.vocabulary
        self.cell_names = tuple(f"topic {k}" for k in range(topics))
        self.n_cells = topics
        self.gap_range = math.log(words)
        self.abstention = -math.log(words)
        self.choice_space = Labels(self.vocabulary)
        self.action_space = spaces.Box(0.0, 1.0, (words,), np.float64)
        self.observation_space = spaces.Dict(
            {"document": Words(self.vocabulary, document), "previous": Words(self.vocabulary, 1)}
        )
        common = 1.0 / (np.arange(words) + 3.0)
        self._common = common / common.sum()
        self._follower = self._followers()
        self._laws: dict[int, Law] = {}

    def _rng(self, *child: int) -> np.random.Generator:
        return np.random.default_rng([self.law_seed, *child])

    def _followers(self) -> FloatArray:
        """Draw which words follow which (words, words), the same in every law."""
        rng, found = self._rng(_GRAMMAR), np.tile(_BY_CHANCE * self._common, (self.words, 1))
        weight = 1.0 / (np.arange(_FOLLOWERS) + 1.0)
        for row in found:
            row[rng.permutation(self.words)[:_FOLLOWERS]] += (1.0 - _BY_CHANCE) * weight / weight.sum()
        return found

    def _of_topics(self, change: int) -> tuple[FloatArray, FloatArray]:
        """Draw the share of each topic (topics,), and its own words (topics, words)."""
        rng, count = self._rng(_TOPICS, change), max(3, self.words // 6)
        share, own = 0.5 + rng.random(self.topics), np.zeros((self.topics, self.words))
        for row in own:
            row[rng.permutation(self.words)[:count]] = 1.0 / (np.arange(count) + 2.0)
        return share / share.sum(), own / own.sum(axis=1, keepdims=True)

    def law(self, concept: int) -> Law:
        """Return the law of a concept."""
        if concept not in self._laws:
            prior, word, grammar = [], [], []
            for weight, parts in self.parts(concept):
                drawn = [self._of_part(part) for part in parts]
                prior.append(weight * sum(one[0] for one in drawn))
                word.append(sum(one[1] for one in drawn))
                grammar += [self.between("grammar", parts)] * self.topics
            states = np.concatenate(prior)
            up_to = np.cumsum(states)
            up_to[-1] = 1.0
            self._laws[concept] = Law(states, up_to, np.concatenate(word), np.array(grammar), self._follower)
        return self._laws[concept]

    def _of_part(self, part: Part) -> tuple[FloatArray, FloatArray]:
        """Return the shares of topics (topics,) and of words in each (topics, words), times a part's own share."""
        focus = float(part.settings.get("focus", self.focus))
        share, own = self._of_topics(part.change)
        return part.share * share, part.share * ((1.0 - focus) * self._common + focus * own)

    def ask(self, seed: int, start: int, concept: IntArray) -> Batch:
        """Return the questions of the steps from `start` on, each under the law of its concept (n,)."""
        n = len(concept)
        seen = Messages(np.empty((n, self.document + 1), dtype=np.int32), np.empty(n, dtype=np.int64))
        truth, cell, group = np.empty((3, n), dtype=np.int64)
        batch = Batch(seen, truth, cell, group, concept, np.empty((n, self.words)), np.empty((n, 0)))
        for code, rows in rows_by_concept(concept):
            write(seed, start, rows, self.law(code), self.document, self.topics, seen, batch)
        return batch

    def batch(self, seed: int, start: int, count: int) -> Batch:
        """Return the questions of the steps `start`, ..., `start + count - 1` of the run of `seed`."""
        return self.ask(seed, start, self.schedule.concepts(seed, start, count))

    def observation(self, batch: Batch, i: int) -> dict[str, str]:
        """Return the document so far and its last word, of the i-th question of a batch."""
        assert isinstance(batch.seen, Messages)
        *document, _ = batch.seen.words[i, : batch.seen.length[i]].tolist()
        return {
            "document": " ".join([self.vocabulary[word] for word in document]),
            "previous": self.vocabulary[document[-1]],
        }

    def settle(self, question: Question, made: Decision) -> Settled:
        """Return what a distribution is worth, and what it earned."""
        law = np.array(question.values)
        best = float(law @ np.log(np.maximum(law, LEAST)))
        if made.choice is None:
            return Settled(
                best, self.abstention, self.abstention, None, cast(Any, np.full(self.words, 1.0 / self.words))
            )
        stated = self.stated(made)
        logs = np.log(np.maximum(stated, LEAST))
        return Settled(best, float(law @ logs), float(logs[int(question.truth)]), None, cast(Any, stated))

    def stated(self, made: Decision) -> NDArray[np.float64]:
        """Return the distribution (words,) that a decision stands for; refuse scores that are none."""
        unsaid = made.confidence != made.confidence
        if made.scores is None or unsaid:  # scores without a confidence are values
            sure = 1.0 if unsaid else min(1.0, float(made.confidence))
            stated = np.full(self.words, (1.0 - sure) / (self.words - 1))
            stated[int(made.choice)] = sure
            return stated
        stated = np.array(made.scores, dtype=np.float64)
        if stated.shape != (self.words,):
            raise RunError(f"the agent scored {stated.size} words, and there are {self.words}")
        total = float(stated.sum())
        if not stated.min() >= 0.0 or not abs(total - 1.0) <= _OFF:
            raise RunError(f"the scores are no probabilities: the smallest is {stated.min():g}, their sum {total:g}")
        return stated / total

    def ideal(self, question: Question) -> Decision:
        """Return the law of the next word."""
        law = question.values
        assert law is not None
        best = max(law)
        return Decision(law.index(best), best, scores=law)

    def decided(self, action: Any) -> Decision:
        """Return the decision that an action stands for: a row (words,) of weights, divided by their sum; a choice."""
        if isinstance(action, np.ndarray):
            total = float(action.sum())
            action = action / total if total > 0.0 else np.full(self.words, 1.0 / self.words)
        return super().decided(action)

    def best_values(self, batch: Batch) -> FloatArray:
        """Return V* (n,) of the questions of a batch: minus the entropy of the next word."""
        found = np.empty(len(batch.values))
        negative_entropies(batch.values, found)
        return found

    def _sample(self, concept: int) -> list[Batch]:
        starts = range(0, self.suggested, self.suggested // _PARTS)
        law = np.full(BATCH // _PARTS, concept, dtype=np.int64)
        return [self.ask(0, start, law) for start in starts]

    def expected_best(self, concept: int) -> float:
        """Return E[V*] of a question under a concept, from a fixed large sample, spread over a run."""
        return float(np.concatenate([self.best_values(batch) for batch in self._sample(concept)]).mean())

    def simple_values(self) -> tuple[float, float]:
        """Return what all words equally likely earn, and the best distribution that is always the same."""
        mean = np.concatenate([batch.values for batch in self._sample(0)]).mean(axis=0)
        return self.abstention, float(mean @ np.log(mean))
