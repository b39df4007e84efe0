"""A model that holds the last outcome of each pair of state and choice, as in chapter 8 of the book."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.errors import SandboxError
from sandbox.interfaces import check_range
from sandbox.table import IntArray

from ..tabular._tabular import FloatArray


class Model(NamedTuple):
    """What was seen: of each pair its last outcome, and lists of states and choices to draw from."""

    after: IntArray  # (S, A) the state that followed
    earned: FloatArray  # (S, A) the reward
    ends: IntArray  # (S, A) 1 where the episode terminated
    tried: IntArray  # (S, A) the choices tried in each state, in the order of their first times
    n_tried: IntArray  # (S,) how many
    met: IntArray  # (S,) the states in which a choice was made, in the order of their first times
    n_met: IntArray  # (1,) how many


def empty_model(n_states: int, n_choices: int) -> Model:
    """Return the model of a world of which nothing was seen."""

    def pairs() -> IntArray:
        return np.zeros((n_states, n_choices), dtype=np.int64)

    def states() -> IntArray:
        return np.zeros(n_states, dtype=np.int64)

    return Model(
        pairs(), np.zeros((n_states, n_choices)), pairs(), pairs(), states(), states(), np.zeros(1, dtype=np.int64)
    )


@rule
def remember(model: Any, state: int, choice: int, reward: float, next_state: int, terminated: bool) -> None:
    """Keep the outcome of a pair in place of its last one: step (e) of Dyna-Q."""
    after, earned, ends, tried, n_tried, met, n_met = model
    known = False
    for k in range(n_tried[state]):
        known = known or tried[state, k] == choice
    if n_tried[state] == 0:
        met[n_met[0]] = state
        n_met[0] += 1
    if not known:
        tried[state, n_tried[state]] = choice
        n_tried[state] += 1
    after[state, choice], earned[state, choice], ends[state, choice] = next_state, reward, terminated


@rule
def recall_state(model: Any, rng: np.random.Generator) -> int:
    """Return a state in which a choice was made, each equally likely."""
    return int(model.met[int(rng.random() * model.n_met[0])])


@rule
def recall_choice(model: Any, state: int, rng: np.random.Generator) -> int:
    """Return a choice that was tried in a state, each equally likely."""
    return int(model.tried[state, int(rng.random() * model.n_tried[state])])


def check_whole(what: str, name: str, value: int, low: int, high: int) -> None:
    """Refuse, in one line, a setting that is no whole number in `[low, high]`."""
    check_range(what, name, value, low, high)
    if not isinstance(value, int):
        raise SandboxError(f"{what}: {name}={value!r} is no whole number")
