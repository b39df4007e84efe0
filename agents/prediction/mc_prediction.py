"""Monte Carlo prediction: a state is worth what episodes earned from it on."""

from __future__ import annotations

import numpy as np

from sandbox.compiled import rule

from ..tabular._window import COUNT, WHOLE_EPISODE, make_window, place_of, remember, returns_for_rewards
from ..yardsticks.random import choose_at_random
from ._prediction import PredictionAgent, Rate, Recalled, value_after, value_update


@rule
def learn_mc_prediction(
    memory: Recalled,
    settings: Rate,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Remember one transition; at the end of the episode learn its returns in the order of its steps."""
    _, v, window = memory
    step_size, discount = settings
    remember(window, state, choice, reward, next_state)
    if terminated or truncated:
        returns_for_rewards(window, discount, value_after(v, next_state, terminated))
        for k in range(window.mark[COUNT]):
            i = place_of(window, k)
            value_update(v, window.state[i], window.reward[i], step_size)
        window.mark[COUNT] = 0


class McPrediction(PredictionAgent):
    """Constant-step every-visit Monte Carlo prediction for the random policy (Sutton & Barto, 2nd edition, eq. 6.1).

    `step_size` in [0, 1], `discount` in [0, 1], `initial_value` of every state. Needs discrete observations and
    choices. `v` (S,) is what it has learned.

    An episode that is cut short counts as if it went on to earn what its last state is thought to be worth. Of an
    episode of more than 100,000 steps the last 100,000 are learned from.
    """

    rules = (choose_at_random, learn_mc_prediction)

    def _memory(self, n_states: int, n_choices: int) -> Recalled:
        return Recalled(*self._blank(n_states, n_choices), make_window(WHOLE_EPISODE))

    def interrupt(self) -> None:
        """Forget the steps that wait."""
        self.memory.window.mark[COUNT] = 0
