"""A spammer who reacts to being blocked: at each review he may move, as long as his budget lasts.

What he has done so far is a number of moves, the same for everybody who made as many; it is part of the concept in
force. Between reviews it does not change, so whole batches can be made up to the next one.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import NamedTuple

from sandbox.compiled import compiled
from sandbox.interfaces import Question
from sandbox.law_stream import BATCH, Batch, Play
from sandbox.table import FloatArray, IntArray

Made = Callable[[int, int, int], Batch]  # the questions from a step on, so many, given the moves made so far


class Dodges(NamedTuple):
    """How often the spammer has done each of what he can do."""

    padding: int = 0  # of the spam that was not padded, half is from then on
    obfuscation: int = 0  # of the own words that were not disguised, half are from then on
    words: int = 0  # new campaigns with new words


def dodges(moves: int) -> Dodges:
    """Return what a number of moves amounts to: more padding, more obfuscation, new words, in turn."""
    return Dodges((moves + 2) // 3, (moves + 1) // 3, moves // 3)


def risen(share: float, times: int) -> float:
    """Return a share after the rest was halved a number of times."""
    return 1.0 - (1.0 - share) * 0.5**times if times else share


class Spammer:
    """What the spammer of one run has seen: how much spam he sent since the last review, and how much was blocked.

    `reaction`: steps between reviews. `budget`: moves that he can make in all. `tolerance`: the share of his messages
    that may be blocked; above it he moves.
    """

    def __init__(self, reaction: int, budget: int, tolerance: float) -> None:
        self.reaction, self.budget, self.tolerance = reaction, budget, tolerance
        self.sent = self.blocked = self.moves = 0

    def room(self, start: int) -> int:
        """Return how many steps from `start` on nothing can change in."""
        return self.reaction - start % self.reaction if self.moves < self.budget else 2**62

    def hear(self, spam: bool, delivered: bool) -> None:
        """Take in one decision."""
        self.sent += spam
        self.blocked += spam and not delivered

    def hear_all(self, truth: IntArray | FloatArray, choice: FloatArray) -> None:
        """Take in decisions (n,): 0 where a message was delivered, NaN where nothing was done with it."""
        sent, blocked = count_blocked(truth, choice)
        self.sent, self.blocked = self.sent + sent, self.blocked + blocked

    def review(self, step: int) -> None:
        """Move, if a review falls on this step and too much was blocked since the last."""
        if step % self.reaction == 0:
            self.moves += self.moves < self.budget and self.blocked > self.tolerance * self.sent
            self.sent = self.blocked = 0


@compiled
def count_blocked(truth: IntArray | FloatArray, choice: FloatArray) -> tuple[int, int]:
    """Return how many messages (n,) are spam, and how many of these were not delivered (choice 0)."""
    sent = blocked = 0
    for i in range(truth.shape[0]):
        if truth[i] == 1:
            sent += 1
            if choice[i] != 0.0:
                blocked += 1
    return sent, blocked


class Watched(Question):
    """A question of a run whose spammer watches: he hears of the first answer to it."""

    spammer: Spammer | None = None


class WatchedRun(Play):
    """A run whose spammer watches, batch by batch."""

    def __init__(self, spammer: Spammer, made: Made) -> None:
        self._spammer, self._made = spammer, made

    def room(self, start: int) -> int:
        """Return how many questions from `start` on can be asked at once: up to the next review."""
        return self._spammer.room(start)

    def batch(self, start: int, count: int) -> Batch:
        """Return the questions of some steps, as the spammer now writes."""
        return self._made(start, count, self._spammer.moves)

    def hear(self, start: int, batch: Batch, choice: FloatArray) -> None:
        """Let the spammer see what became of a batch, and review if it is time."""
        self._spammer.hear_all(batch.truth, choice)
        self._spammer.review(start + len(choice))


class OracleRun:
    """How often the spammer has moved at each step of a run that the oracle plays, worked out as far as was asked.

    `choices(batch)`: what the oracle chooses (n,).
    """

    def __init__(self, spammer: Spammer, made: Made, choices: Callable[[Batch], FloatArray]) -> None:
        self._spammer, self._made, self._choices = spammer, made, choices
        self._played = 0  # steps
        self._moved = [0]  # the steps from which on there is one move more
        self._lock = threading.Lock()

    def moves(self, step: int) -> tuple[int, int]:
        """Return how many moves were made before a step, and for how many steps from it on that stays so."""
        spammer = self._spammer
        with self._lock:
            while self._played <= step and spammer.moves < spammer.budget:
                count = min(spammer.room(self._played), BATCH)
                batch, before = self._made(self._played, count, spammer.moves), spammer.moves
                spammer.hear_all(batch.truth, self._choices(batch))
                self._played += count
                spammer.review(self._played)
                if spammer.moves > before:
                    self._moved.append(self._played)
            known = sum(at <= step for at in self._moved) - 1
            after = self._moved[known + 1] if known + 1 < len(self._moved) else math.inf
            end = after if spammer.moves == spammer.budget else min(after, self._played)
            return known, int(end - step) if end < math.inf else 2**62
