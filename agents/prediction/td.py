"""TD(0): a state is worth what comes next and what that leads to."""

from __future__ import annotations

import numpy as np

from sandbox.compiled import rule

from ..yardsticks.random import choose_at_random
from ._prediction import PredictionAgent, Rate, Worth, value_after, value_update


@rule
def learn_td(
    memory: Worth,
    settings: Rate,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Learn from one transition: equation 6.2 of Sutton & Barto (2nd edition)."""
    step_size, discount = settings
    target = reward + discount * value_after(memory.v, next_state, terminated)
    value_update(memory.v, state, target, step_size)


class Td(PredictionAgent):
    """TD(0) prediction for the random policy (Sutton 1988; Sutton & Barto, 2nd edition, section 6.1).

    `step_size` in [0, 1], `discount` in [0, 1], `initial_value` of every state. Needs discrete observations and
    choices. `v` (S,) is what it has learned.
    """

    rules = (choose_at_random, learn_td)
