"""Feedback: when an answer comes, whether it comes at all, and whether it is true; one text for every world.

The answer to the decision of step t comes at the end of step `answered_at` >= t, after that step's own decision. What
comes in one step comes in the order in which it was asked. What is pending at the end of a run is counted, not told.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import compiled, lean
from sandbox.draws import FEEDBACK, stream_of, uniform
from sandbox.errors import SandboxError, suggestion
from sandbox.names import literal, split_outside
from sandbox.table import FloatArray, IntArray

NEVER = -1
_FIXED, _UNIFORM, _GEOMETRIC, _EXPONENTIAL = range(4)
_LAWS = {"uniform": _UNIFORM, "geometric": _GEOMETRIC, "exponential": _EXPONENTIAL}
_TAIL = 20.0  # times (mean + 1) after which a geometric or exponential delay is cut: under one in 5e8
_LONGEST = 10_000_000
_TOLD = 10  # choices that are named
_DELAY = re.compile(r"(\w+)\(([^()]*)\)$")
_MODES = ("immediate", "delayed", "partial", "noisy", "one-sided", "active")


class Answers(NamedTuple):
    """What the world would answer to each decision of a chunk, whatever is chosen."""

    due: IntArray  # (n,) step at whose end the answer comes, NEVER if never
    wrong: NDArray[np.bool_]  # (n,) whether it is a wrong one
    shift: FloatArray  # (n,) in [0, 1): which of the other labels a wrong answer names


@compiled
def plan_answers(
    seed: int, start: int, law: int, low: float, high: float, partial: float, noisy: float, answers: Answers
) -> None:
    """Fill in the answers to the decisions of the steps from `start` on."""
    for i in range(answers.due.shape[0]):
        step = start + i
        stream = stream_of(seed, step, FEEDBACK)
        delay = low
        if law == _UNIFORM:
            delay = low + math.floor(uniform(stream, 0) * (high - low + 1.0))
        elif law == _GEOMETRIC:  # failures before a success, of mean `low`
            delay = math.floor(math.log1p(-uniform(stream, 0)) / math.log1p(-1.0 / (1.0 + low))) if low > 0.0 else 0.0
        elif law == _EXPONENTIAL:
            delay = math.floor(-low * math.log1p(-uniform(stream, 0)) + 0.5)
        answers.due[i] = step + int(min(delay, high)) if uniform(stream, 1) < partial else NEVER
        answers.wrong[i] = uniform(stream, 2) < noisy
        answers.shift[i] = uniform(stream, 3)


@compiled
def told_label(truth: int, wrong: bool, shift: float, n_labels: int) -> int:
    """Return the label that is told: the true one, or one of the others, each equally likely."""
    if not wrong or n_labels < 2:
        return truth
    return (truth + 1 + int(shift * (n_labels - 1))) % n_labels


@dataclass(frozen=True)
class Feedback:
    """How a world answers.

    `delay`: decisions until the answer comes, a number or a law (`uniform(a,b)`, `geometric(mean)`,
    `exponential(mean)`, rounded to whole ones). `partial`: share of answers that ever come. `noisy`: share that is
    wrong (another label, or the number or reward with its sign changed). `only`: choices that are answered at all, by
    name or code; None: all. `budget`: answers that an agent may ask for in a run, each counted whether or not it comes;
    None: no limit, and it need not ask.
    """

    delay: int | str = 0
    partial: float = 1.0
    noisy: float = 0.0
    only: tuple[int | str, ...] | None = None
    budget: int | None = None

    def __post_init__(self) -> None:
        _, low, high = self.law
        if not 0 <= low <= high <= _LONGEST:
            raise SandboxError(f"feedback: delayed={self.delay} is out of range: 0 to {_LONGEST:,} decisions")
        for name in ("partial", "noisy"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0.0 <= value <= 1.0:
                raise SandboxError(f"feedback: {name}={value!r} is out of range [0, 1]")
        whole = isinstance(self.budget, int) and not isinstance(self.budget, bool)
        if self.budget is not None and not (whole and 0 <= self.budget < 2**62):
            raise SandboxError(f"feedback: active={self.budget!r} is out of range: a number of answers, from 0")

    @cached_property
    def law(self) -> tuple[int, float, float]:
        """The delay's law and its numbers: (which, a, b)."""
        if isinstance(self.delay, int) and not isinstance(self.delay, bool):
            return _FIXED, float(self.delay), float(self.delay)
        match = _DELAY.match(str(self.delay))
        numbers = [literal(part.strip()) for part in match[2].split(",")] if match else []
        plain = all(isinstance(n, int | float) and not isinstance(n, bool) and math.isfinite(n) for n in numbers)
        if match is None or match[1] not in _LAWS or not plain or len(numbers) != (2 if match[1] == "uniform" else 1):
            raise SandboxError(
                f"feedback: delayed={self.delay} is not understood; a number of decisions, uniform(a,b), "
                "geometric(mean) or exponential(mean)"
            )
        law = _LAWS[match[1]]
        if law == _UNIFORM and any(n != int(n) for n in numbers):
            raise SandboxError(f"feedback: delayed={self.delay}: the bounds are whole numbers of decisions")
        high = numbers[1] if law == _UNIFORM else math.ceil(_TAIL * (numbers[0] + 1.0))
        return law, float(numbers[0]), float(high)

    @property
    def longest(self) -> int:
        """The longest delay there can be, in decisions."""
        return int(self.law[2])

    @property
    def immediate(self) -> bool:
        """Whether every answer comes at once, and is true."""
        return self == Feedback()

    def answers(self, seed: int, start: int, count: int) -> Answers:
        """Return what the world would answer to `count` decisions from step `start` on."""
        found = Answers(np.empty(count, dtype=np.int64), np.empty(count, dtype=np.bool_), np.empty(count))
        plan_answers(seed, start, *self.law, self.partial, self.noisy, found)
        return found

    def answered(self, n_choices: int, names: Sequence[str] = ()) -> NDArray[np.bool_]:
        """Return which choices (n_choices,) are answered at all; raise `SandboxError` for one that does not exist."""
        if self.only is None:
            return np.ones(n_choices, dtype=np.bool_)
        found = np.zeros(n_choices, dtype=np.bool_)
        for choice in self.only:
            code = names.index(str(choice)) if str(choice) in names else choice  # a label may be called True, or 5
            if not isinstance(code, int) or isinstance(code, bool) or not 0 <= code < n_choices:
                more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
                known = ", ".join(names[:_TOLD]) + more if names else f"0 to {n_choices - 1}"
                raise SandboxError(f"feedback: one-sided={choice}: there is no such choice; there is {known}")
            found[code] = True
        return found

    def __str__(self) -> str:
        parts = [f"delayed={self.delay}"] if self.longest else []
        parts += [f"partial={float(self.partial)!r}"] if self.partial < 1.0 else []
        parts += [f"noisy={float(self.noisy)!r}"] if self.noisy else []
        parts += [f"one-sided={'/'.join(map(str, self.only))}"] if self.only is not None else []
        parts += [f"active={self.budget}"] if self.budget is not None else []
        return "+".join(parts) or "immediate"


def parse_feedback(spec: str | Feedback | None) -> Feedback:
    """Return the feedback that a text such as `delayed=500+noisy=0.05` describes; immediate for None."""
    if isinstance(spec, Feedback):
        return spec
    if not isinstance(spec, str | None):
        raise SandboxError(f"the feedback {spec!r} is no text such as 'delayed=500+noisy=0.05'")
    given: dict[str, Any] = {}
    for part in split_outside((spec or "immediate").strip(), "+"):
        mode, equals, value = (piece.strip() for piece in part.partition("="))
        if mode not in _MODES or bool(equals) != (mode != "immediate") or mode in given:
            why = f"is not understood{suggestion(mode, _MODES)}"
            if mode in _MODES:
                why = "is given twice" if mode in given else "takes no value" if equals else "needs a value"
            raise SandboxError(f"feedback: {part!r} {why}; write for example delayed=500+partial=0.9+noisy=0.05")
        given[mode] = literal(value)
    only = given.get("one-sided")
    return Feedback(
        given.get("delayed", 0),
        given.get("partial", 1.0),
        given.get("noisy", 0.0),
        None if only is None else tuple(literal(name) for name in str(only).split("/")),
        given.get("active"),
    )


class Mailbox:
    """Answers on their way, for the open loops."""

    def __init__(self, feedback: Feedback, seed: int, n_choices: int, names: Sequence[str] = ()) -> None:
        self._feedback, self._seed = feedback, seed
        self._answered = None if feedback.only is None else feedback.answered(n_choices, names).tolist()
        self._asked = 0
        self._waiting: dict[int, list[Any]] = {}
        self._chunk = 4096
        self._start = -self._chunk
        self._plan: list[list[Any]] = []

    def answer(self, step: int, choice: float, ask: bool) -> tuple[int, bool, float]:
        """Return when the answer to a decision comes (NEVER), whether it is wrong, and which wrong one it is.

        `choice` is its code, NaN for an abstention, which a one-sided world does not answer.
        """
        at = step - self._start
        if at >= self._chunk:
            self._start, at = step, 0
            plan = self._feedback.answers(self._seed, step, self._chunk)
            self._plan = [column.tolist() for column in plan]
        due = self._plan[0][at]
        if self._feedback.only is not None and (
            choice != choice or not self._answered or not self._answered[int(choice)]
        ):
            due = NEVER
        if self._feedback.budget is not None:
            if not ask or self._asked >= self._feedback.budget:
                due = NEVER
            else:
                self._asked += 1
        return due, self._plan[1][at], self._plan[2][at]

    def post(self, due: int, experience: Any) -> None:
        """Put an experience on its way, unless its answer never comes."""
        if due != NEVER:
            self._waiting.setdefault(due, []).append(experience)

    def arrived(self, step: int) -> list[Any]:
        """Return the experiences whose answers come at the end of `step`."""
        return self._waiting.pop(step, [])


class Queue(NamedTuple):
    """The same for compiled loops: decisions on their way, each in the slot `step % capacity`."""

    first: IntArray  # (capacity,) of those due in a step, the slot asked first; -1: none
    last: IntArray  # (capacity,) the slot asked last
    following: IntArray  # (capacity,) the slot asked after it that is due in the same step; -1: none


def make_queue(feedback: Feedback) -> Queue:
    """Return an empty queue that holds the longest delay."""
    capacity = feedback.longest + 1
    return Queue(*(np.full(capacity, -1, dtype=np.int64) for _ in range(3)))


@lean
def place_of(queue: Queue, step: int) -> int:
    """Return the slot of a step: `step % capacity`, which takes its time."""
    capacity = queue.first.shape[0]
    return step % capacity if capacity > 1 else 0


@lean
def enqueue(queue: Queue, step: int, due: int) -> None:
    """Put the decision of `step` on its way; `due` is a step from `step` on, at most the longest delay later."""
    slot, bucket = place_of(queue, step), place_of(queue, due)
    queue.following[slot] = -1
    if queue.first[bucket] == -1:
        queue.first[bucket] = slot
    else:
        queue.following[queue.last[bucket]] = slot
    queue.last[bucket] = slot


@lean
def dequeue(queue: Queue, step: int) -> int:
    """Return the slot of the next decision whose answer comes at the end of `step`, and forget it; -1: no more."""
    bucket = place_of(queue, step)
    slot = queue.first[bucket]
    if slot != -1:
        queue.first[bucket] = queue.following[slot]
    return int(slot)
