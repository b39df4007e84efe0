"""Rows of decisions on their way into a trace: buffered, then turned into priced columns."""

from __future__ import annotations

import math
import numbers
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.errors import RunError
from sandbox.interfaces import Labels, Number
from sandbox.oracle import Solution
from sandbox.sound import shortly
from sandbox.table import FloatArray
from sandbox.trace import CHUNK, Sink, Trace, make_trace

TERMINATED, TRUNCATED, ABSTAINED = 1, 2, 4  # flags of an episode's row

EPISODE_ROW = ("cell", "choice", "greedy", "reward", "next cell", "confidence", "flags")
STREAM_ROW = ("cell", "group", "concept", "choice", "greedy", "truth", "reward", "confidence", "likelihood")


def greedy_choice(choice: float, explored: bool, scores: Sequence[float] | None) -> float:
    """Return what would have been chosen without exploring: among the best scores the choice itself, else the first."""
    if not explored:
        return choice
    if scores is None or math.isnan(choice):
        return math.nan
    values = list(scores)
    top = max(values)
    return choice if values[int(choice)] == top else float(values.index(top))


def code_of(choice: Any, space: spaces.Space[Any]) -> float:
    """Return the numeric code of a choice that is one number; raise `RunError` if it lies outside its space."""
    if isinstance(space, Number):
        try:
            if isinstance(choice, numbers.Real) and math.isfinite(choice):
                return float(choice)
        except OverflowError:
            pass
        raise RunError(f"the agent forecast {shortly(choice)}, which is not a finite number")
    if isinstance(space, spaces.Discrete):
        whole = isinstance(choice, np.ndarray) and choice.shape == () and np.issubdtype(choice.dtype, np.integer)
        whole = whole or (isinstance(choice, numbers.Integral) and abs(int(choice)) < 2**62)
        if whole and space.contains(np.int64(choice)):
            return int(choice) - int(space.start)
        limits = f"0..{int(space.n) - 1}" if int(space.start) == 0 else str(space)
        hint = "; a label's code is wanted, not the label" if isinstance(space, Labels) else ""
        raise RunError(f"the agent chose {shortly(choice)}, outside {limits}{hint}")
    raise RunError(f"choices in {space} are no single number")


def vector_of(choice: Any, space: spaces.Space[Any]) -> FloatArray:
    """Return a choice that is no single number as a flat vector; raise `RunError` if it lies outside its space."""
    if isinstance(space, spaces.Box):
        flat = np.asarray(choice, dtype=np.float64).ravel()
        if flat.shape != (math.prod(space.shape),) or not np.isfinite(flat).all():
            raise RunError(f"the agent chose {shortly(choice)}, which does not fit {space}")
        low, high = space.low.ravel().astype(np.float64), space.high.ravel().astype(np.float64)
        with np.errstate(invalid="ignore"):  # infinite bounds have no slack to add
            slack = 1e-6 * np.maximum(1.0, np.nan_to_num(high - low, posinf=1.0))  # rounding of single precision
        if (flat < low - slack).any() or (flat > high + slack).any():
            raise RunError(f"the agent chose {shortly(choice)}, outside {space}")
        return flat
    if not space.contains(choice):
        raise RunError(f"the agent chose {shortly(choice)}, outside {space}")
    return np.asarray(spaces.flatten(space, choice), dtype=np.float64).ravel()


class RowBuffer:
    """A fixed number of rows of numbers, packed as they come: quicker than lists of tuples, and without garbage.

    The loops pack rows themselves, by `pack(memory, offset, *numbers)`, and count them in `filled`.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.pack = struct.Struct(f"{width}d").pack_into
        self.size = 8 * width  # bytes of a row
        self.memory = bytearray(CHUNK * self.size)
        self.filled = 0

    def add(self, *numbers: float) -> None:
        """Add a row; there must be room."""
        self.pack(self.memory, self.filled * self.size, *numbers)
        self.filled += 1

    @property
    def full(self) -> bool:
        """Whether there is no room for another row."""
        return self.filled == CHUNK

    def matrix(self) -> FloatArray:
        """Return the rows (filled, width), as a copy."""
        rows = np.frombuffer(self.memory, np.float64, self.filled * self.width)
        return rows.reshape(self.filled, self.width).copy()


class EpisodeWriter:
    """Collects rows of episodes and hands on priced traces when told to."""

    def __init__(
        self, sink: Sink, solution: Solution | Sequence[Solution] | None, choice_space: spaces.Space[Any]
    ) -> None:
        self._sink = sink
        self._prices: tuple[FloatArray, FloatArray] | None = None
        if solution is not None:
            several = [solution] if isinstance(solution, Solution) else solution
            self._prices = np.stack([one.best for one in several]), np.stack([one.value for one in several])
        self.rows = RowBuffer(len(EPISODE_ROW))
        self.vectors: list[FloatArray | None] | None = None if isinstance(choice_space, spaces.Discrete) else []
        self.concepts: list[int] = []  # of each row, where it is not always 0
        self.answered: list[int] = []  # when each row is answered, where it is not at once
        self._step = 0
        self._episode = 0

    def cut(self) -> None:
        """Mark the last row as truncated."""
        *row, flags = self.rows.matrix()[-1]
        self.rows.filled -= 1
        self.rows.add(*row, int(flags) | TRUNCATED)

    def pending(self) -> list[Trace]:
        """Return what was collected and not yet handed on."""
        if not self.rows.filled:
            return []
        rows = self.rows.matrix()
        count, flags = len(rows), rows[:, 6].astype(np.int64)
        cell, taken = rows[:, 0].astype(np.int64), rows[:, 1]
        terminated, truncated = (flags & TERMINATED) > 0, (flags & TRUNCATED) > 0
        ended = np.cumsum(terminated | truncated)
        step = self._step + np.arange(count)
        columns: dict[str, Any] = {
            "step": step,
            "episode": self._episode + np.concatenate([[0], ended[:-1]]),
            "cell": cell,
            "choice": np.where((flags & ABSTAINED) > 0, np.nan, taken),
            "greedy": rows[:, 2],
            "reward": rows[:, 3],
            "confidence": rows[:, 5],
            "answered_at": step,
            "terminated": terminated,
            "truncated": truncated,
        }
        concept: Any = 0
        if self.concepts:
            columns["concept"] = concept = np.array(self.concepts[:count], dtype=np.int64)
        if self.answered:
            columns["answered_at"] = np.array(self.answered[:count], dtype=np.int64)
        if self._prices is not None:
            best, value = self._prices
            columns["best"] = best[concept, cell]
            columns["value"] = value[concept, cell, taken.astype(np.int64)]
            columns["next_best"] = np.where(terminated, 0.0, best[concept, rows[:, 4].astype(np.int64)])
        return [make_trace(count, columns, np.array(self.vectors) if self.vectors else None)]

    @property
    def done(self) -> int:
        """Decisions made so far."""
        return self._step + self.rows.filled

    def flush(self) -> None:
        """Hand on what was collected."""
        for trace in self.pending():
            self._sink(trace)
            self._step += len(trace)
            self._episode += int((trace.terminated | trace.truncated).sum())
        self.rows.filled = 0
        for part in (self.vectors, self.concepts, self.answered):
            if part is not None:
                part.clear()


class StreamWriter:
    """Collects rows of a stream's decisions and hands on traces when told to.

    `told`: the names of the numbers in each row of `extras`.
    """

    def __init__(self, sink: Sink, told: Sequence[str] = ()) -> None:
        self._sink, self._told = sink, tuple(told)
        self.rows = RowBuffer(len(STREAM_ROW))
        self.prices: list[tuple[float, float]] = []  # V* and Q* of each row, where the law is known
        self.answered: list[int] = []  # when each row is answered, where it is not at once
        self.vectors: list[Sequence[float]] = []  # of each row, where choices are no single number
        self.sharpness: list[float] = []  # of each row: sum of squared probabilities, where labels are more than two
        self.extras: list[Sequence[float]] = []  # what the world reports of each row
        self._step = 0

    @property
    def done(self) -> int:
        """Decisions made so far."""
        return self._step + self.rows.filled

    def flush(self) -> None:
        """Hand on what was collected."""
        if not self.rows.filled:
            return
        rows = self.rows.matrix()
        columns: dict[str, Any] = {name: rows[:, k] for k, name in enumerate(STREAM_ROW)}
        columns["step"] = self._step + np.arange(len(rows))
        if self.prices:
            columns["best"], columns["value"] = np.array(self.prices[: len(rows)]).T
            columns["next_best"] = 0.0
        if self.answered:
            columns["answered_at"] = np.array(self.answered[: len(rows)], dtype=np.int64)
        vectors = np.array(self.vectors[: len(rows)], dtype=np.float64) if self.vectors else None
        self._sink(make_trace(len(rows), columns, vectors, self._extras(len(rows))))
        self._step += len(rows)
        self.rows.filled = 0
        for part in (self.prices, self.answered, self.vectors, self.sharpness, self.extras):
            part.clear()

    def _extras(self, rows: int) -> dict[str, FloatArray]:
        """Return the extra columns that there are."""
        found = {"sharpness": np.array(self.sharpness[:rows])} if self.sharpness else {}
        if self.extras:
            matrix = np.array(self.extras[:rows], dtype=np.float64)
            if matrix.shape != (rows, len(self._told)):
                raise RunError(f"the stream must report {len(self._told)} numbers of each decision: {self._told}")
            return found | {name: matrix[:, k] for k, name in enumerate(self._told)}
        return found | {name: np.full(rows, math.nan) for name in self._told}
