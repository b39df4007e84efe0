"""What agents that plan so many steps ahead have in common: tables for each step, and where in them they are."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.errors import SandboxError
from sandbox.table import IntArray

from ..tabular._tabular import FloatArray, greedy_choice
from ._planner import hope

MOST_CELLS = 20_000_000  # of a table (H, S, A)


class Stages(NamedTuple):
    """Tables of the steps that are planned ahead."""

    q: FloatArray  # (H, S, A)
    values: FloatArray  # (H + 1, S + 1); the last row, and the last column, of the end, are 0
    step: IntArray  # (1,) the step that is next


def hopeful_stages(what: str, horizon: int, n_states: int, n_choices: int, most: float) -> Stages:
    """Return the tables of a run that begins: every step earns at most `most`, so hope that it does."""
    if horizon * (n_states + 1) * n_choices > MOST_CELLS:
        raise SandboxError(
            f"{what} keeps a table for each of {horizon:,} steps, {n_states:,} states and {n_choices:,} choices, which "
            "is too large; lower its horizon"
        )
    stages = Stages(
        np.empty((horizon, n_states, n_choices)), np.zeros((horizon + 1, n_states + 1)), np.zeros(1, dtype=np.int64)
    )
    hope(stages.q, most)
    stages.values[:-1, :-1] = stages.q[:, :, 0]
    return stages


@rule
def choose_by_step(memory: Any, settings: Any, state: int, rng: np.random.Generator) -> tuple[int, bool]:
    """Return a best choice by the table of the step that is next; ties are broken at random."""
    stages = memory.stages
    return greedy_choice(stages.q[stages.step[0]], state, rng), False


@rule
def next_step(step: IntArray, horizon: int, over: bool) -> bool:
    """Go on to the next step, or to the first if the episode is over or the horizon reached; say whether it was."""
    step[0] += 1
    if over or step[0] >= horizon:
        step[0] = 0
    return bool(step[0] == 0)
