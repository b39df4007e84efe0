"""The trace: columns of decisions, one row each, produced in chunks. Four writers, one reader."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sandbox.errors import SandboxError
from sandbox.table import FloatArray, IntArray

CHUNK = 8192  # rows a writer holds before it hands them on


@dataclass(frozen=True)
class Trace:
    """Columns of decisions, one row each; NaN where unknown.

    `step`: lifetime clock. `episode`: its number (for one-step decisions, the step). `cell`, `group`, `concept`: codes.
    `choice`: code or number, NaN for an abstention. `greedy`: what would have been chosen without exploring. `truth`:
    code or number. `reward`: what the choice earned. `best`: V*. `value`: Q* of the choice. `next_best`: V* of what
    follows, 0 at an end. `confidence`: probability given to the choice; `likelihood`: probability given to the truth.
    `answered_at`: step at which the answer came, -1 never. `choice_vector`: (rows, d) for choices that are no single
    number (their `choice` is then 0), else None. `extras`: what only this kind of world, or of learner, reports of each
    decision, by name, each (rows,).
    """

    step: IntArray
    episode: IntArray
    cell: IntArray
    group: IntArray
    concept: IntArray
    choice: FloatArray
    greedy: FloatArray
    truth: FloatArray
    reward: FloatArray
    best: FloatArray
    value: FloatArray
    next_best: FloatArray
    confidence: FloatArray
    likelihood: FloatArray
    answered_at: IntArray
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    choice_vector: FloatArray | None = None
    extras: Mapping[str, FloatArray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.step)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the columns by name, `choice_vector` spread over `choice_0`, `choice_1`, ..., extras last."""
        found: dict[str, NDArray[Any]] = {name: getattr(self, name) for name in TRACE_COLUMNS}
        if self.choice_vector is not None:
            found |= {f"choice_{k}": self.choice_vector[:, k] for k in range(self.choice_vector.shape[1])}
        return {**found, **self.extras}


_INTEGERS = {"step", "episode", "cell", "group", "concept", "answered_at"}
_FLAGS = {"terminated", "truncated"}
TRACE_COLUMNS = tuple(f.name for f in fields(Trace) if f.name not in ("choice_vector", "extras"))
_UNLESS_TOLD = {"cell": 0, "group": 0, "concept": 0, "truncated": False}


def make_trace(
    rows: int,
    columns: Mapping[str, Any],
    choice_vector: FloatArray | None = None,
    extras: Mapping[str, FloatArray] | None = None,
) -> Trace:
    """Build a `Trace` of `rows` rows from the columns that are known; the rest is NaN, 0 or false.

    Without `step` the rows are counted from 0; without `episode` each row is an episode of its own, which ends.
    """
    unknown = set(columns) - set(TRACE_COLUMNS)
    if unknown:
        raise SandboxError(f"a trace has no column {sorted(unknown)[0]!r}")
    step = np.asarray(columns.get("step", np.arange(rows)), dtype=np.int64)
    told: dict[str, Any] = {"step": step, "episode": step, "answered_at": step, "terminated": "episode" not in columns}
    made: dict[str, Any] = {}
    for name in TRACE_COLUMNS:
        dtype = np.int64 if name in _INTEGERS else np.bool_ if name in _FLAGS else np.float64
        value = columns.get(name, told.get(name, _UNLESS_TOLD.get(name, math.nan)))
        column: NDArray[Any] = np.asarray(value, dtype=dtype)
        # Never broadcast: that gives arrays that are not to be written to, for which numba would compile anew.
        made[name] = np.ascontiguousarray(column if column.shape == (rows,) else np.full(rows, column))
    return Trace(**made, choice_vector=choice_vector, extras=dict(extras or {}))


def join(chunks: Iterable[Trace]) -> Trace:
    """Return the chunks as one trace."""
    parts = list(chunks)
    if not parts:
        return make_trace(0, {})
    vectors = [part.choice_vector for part in parts]
    known = [v for v in vectors if v is not None]
    extras = dict.fromkeys(name for part in parts for name in part.extras)
    return Trace(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in TRACE_COLUMNS},
        choice_vector=np.concatenate(known) if len(known) == len(vectors) else None,
        extras={name: np.concatenate([extra_of(part, name) for part in parts]) for name in extras},
    )


def extra_of(trace: Trace, name: str) -> FloatArray:
    """Return an extra column (rows,), NaN where the trace does not have it."""
    found = trace.extras.get(name)
    return np.full(len(trace), math.nan) if found is None else found


Task = Literal["control", "classification", "regression"]


@dataclass(frozen=True)
class Meta:
    """What a reader of a trace must know beside its columns.

    `discount` and `gain` are the world's, never the agent's. `gap_range` is the largest price a decision can have.
    `luck_reach` is the largest luck, in size, that the law allows for each choice in each cell (cells x choices, cell
    by cell, concept after concept; the last concept told of holds for later ones, one number everywhere; empty if
    unknown). `material` is the share of the gap range above which a decision is a mistake. `slight` is the excess gap
    per decision that counts as no drop after a change; NaN: as large as the smallest mistake.
    `expected_start` holds E[V*(first state)] for each concept. `reference_return`: an unpriced episode below it is a
    mistake. `tolerance`: so is a forecast further off. `marks`: for each metric that counts decisions in certain cells,
    such as `near_misses`, those cells. `extras`: the names of what the world reports of each decision. `quantile`: the
    level by which forecasts are charged the pinball loss. `catalogue`: number of items of which a slate, the numbers in
    `choice_vector`, is made; 0: choices are no slates. `arrivals`: the steps at which groups that follow each other
    arrive, and their names. `reactive`: whether choices change later laws, so that gaps are myopic. `answers`:
    when answers come by the world's own rule, in words. `passing`: for each
    concept of the world's drift, whether it is only passed through (`sandbox.stretches`); empty: not known.
    """

    task: Task
    world: str = ""
    labels: tuple[Any, ...] = ()
    n_cells: int = 1
    n_choices: int = 1
    objective: str = "undiscounted"
    discount: float = 1.0
    gain: float = 0.0
    gap_range: float = math.nan
    luck_reach: tuple[float, ...] = ()
    material: float = 0.01
    slight: float = math.nan
    expected_start: tuple[float, ...] = ()
    reference_return: float = math.nan
    tolerance: float = math.nan
    why_unpriced: str = ""
    episodic: bool = True
    groups: tuple[Any, ...] = field(default=())
    arrivals: tuple[tuple[int, str], ...] = ()
    reactive: bool = False
    answers: str = ""
    marks: dict[str, tuple[int, ...]] = field(default_factory=dict)
    extras: tuple[str, ...] = ()
    quantile: float = 0.5
    catalogue: int = 0
    passing: tuple[bool, ...] = ()

    @property
    def priced(self) -> bool:
        """Whether the law of the world is known, so that every decision has a price."""
        return not self.why_unpriced

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name, but for the table of `luck_reach`; labels are text."""
        told = asdict(self) | {"labels": [str(v) for v in self.labels], "groups": [str(v) for v in self.groups]}
        del told["luck_reach"], told["marks"]  # as long as the table
        return told


Sink = Callable[[Trace], None]
