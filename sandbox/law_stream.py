"""Streams that know their own law: every choice has an exact price, and the law may drift."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import numpy as np

from sandbox.drift import Schedule, Specs, parse_drifts
from sandbox.interfaces import Messages, Question, Slate, Stream, settings_of
from sandbox.table import FloatArray, IntArray

BATCH = 8192  # questions made at a time


class Batch(NamedTuple):
    """A chunk of questions as arrays: what can be seen of them, and what only the world knows."""

    seen: Messages | Slate
    truth: IntArray  # (n,) the right label's code, -1 where there is none
    cell: IntArray  # (n,) the situation, a function of what can be seen: luck must average to zero in each
    group: IntArray  # (n,) audit group
    concept: IntArray  # (n,) the law in force
    values: FloatArray  # (n, choices) Q*: the expected reward of each choice, given all that can be seen
    rewards: FloatArray  # (n, choices) what each choice earns this time


class LawStream(Stream):
    """A stream drawn from a law that it knows. It is the same for the same seed, whoever answers.

    The law itself is drawn from `law_seed`, and is the same for every seed of a run; where a run draws its own, as
    bandits do, that is part of its luck (`start_luck`). Subclasses keep every constructor argument under its name,
    `drift` among them.
    """

    choice_names: tuple[str, ...]
    group_names: tuple[str, ...]
    n_cells: int
    gap_range: float  # the largest price that a decision can have
    luck_reach: float  # the largest luck, in size
    abstention: float  # what no choice earns, exactly; minus infinity where one must be taken
    objective = "reward per decision"
    kind: str  # of `Batch.seen`: "messages" or "slate"; another: what is asked depends on what was chosen before
    suggested = 20_000  # questions of a run, where nothing else is asked

    def __init__(self, drift: Specs = None) -> None:
        self.drift = drift
        self.schedule = Schedule(parse_drifts(drift))
        self.n_concepts = self.schedule.n_concepts  # a stream with phases of its own has more

    def pin(self, concept: int) -> Self:
        """Return this stream with `concept` always in force: the world of a run's twin."""
        made = type(self)(**settings_of(self))
        made.schedule = self.schedule.pin(concept)
        return made

    def with_drift(self, drift: Specs) -> Self:
        """Return this stream with other drifts."""
        return type(self)(**(settings_of(self) | {"drift": drift}))

    @abstractmethod
    def batch(self, seed: int, start: int, count: int) -> Batch:
        """Return the questions of the steps `start`, ..., `start + count - 1` of the run of `seed`."""

    @abstractmethod
    def observation(self, batch: Batch, i: int) -> Any:
        """Return what an agent sees of the i-th question of a batch."""

    def expected_best(self, concept: int) -> float:
        """Return E[V*] of a question under a concept, from a fixed large sample, spread over a run."""
        pinned, parts = self.pin(concept), 32
        starts = range(0, self.suggested, self.suggested // parts)
        values = np.concatenate([pinned.batch(0, start, BATCH // parts).values for start in starts])
        return float(np.maximum(values.max(axis=1), self.abstention).mean())

    def simple_values(self) -> tuple[float, float]:
        """Return what a choice at random, and the best choice that is always the same, earn on average at first.

        It is read off 20,000 questions of one run; where every run has its own law, means over runs are wanted instead.
        """
        values = self.pin(0).batch(0, 0, 20_000).values
        return float(values.mean()), float(values.mean(axis=0).max())

    def questions(self, seed: int) -> Iterator[Question]:
        """Yield the questions of one run, the same for the same seed."""
        start, count = 0, 256  # a short run does not wait for a long batch
        while True:
            batch = self.batch(seed, start, count)
            columns = [part.tolist() for part in batch[1:]]
            for i, (truth, cell, group, concept, values, rewards) in enumerate(zip(*columns, strict=True)):
                label = truth if truth >= 0 else math.nan
                yield Question(
                    self.observation(batch, i), label, cell, group, concept, values, rewards, self.abstention
                )
            start, count = start + count, min(2 * count, BATCH)
