"""Actor-critic: preferences for choices that climb where a critic is surprised by more than it thought."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.errors import SandboxError
from sandbox.interfaces import check_range

from ._table_agent import TableAgent
from ._tabular import FloatArray, best_value


class Roles(NamedTuple):
    """The memory of an actor and a critic."""

    preference: FloatArray  # (S, A)
    v: FloatArray  # (S,)
    weight: FloatArray  # (1,) of the actor's updates in this episode


class Rates(NamedTuple):
    """The settings of an actor and a critic."""

    step_size: float
    critic_step_size: float
    discount: float
    fading: bool


@rule
def weight_of(preference: float, best: float) -> float:
    """Return e to the power of a preference less the best one, so that it cannot overflow."""
    return math.exp(max(preference - best, -700.0))


@rule
def total_weight(preference: FloatArray, state: int, best: float) -> float:
    """Return the sum of the weights of all choices in a state."""
    total = 0.0
    for a in range(preference.shape[1]):
        total += weight_of(preference[state, a], best)
    return total


@rule
def choose_by_preference(memory: Roles, settings: Rates, state: int, rng: np.random.Generator) -> tuple[int, bool]:
    """Return a choice drawn by the softmax of the preferences (equation 13.2), and whether another is preferred."""
    preference = memory.preference
    best = best_value(preference, state)
    left, choice = rng.random() * total_weight(preference, state, best), preference.shape[1] - 1
    for a in range(preference.shape[1]):
        left -= weight_of(preference[state, a], best)
        if left < 0.0:
            choice = a
            break
    return choice, preference[state, choice] < best


@rule
def actor_update(preference: FloatArray, state: int, choice: int, change: float) -> None:
    """Move `preference` (S, A) in a state by `change` times the gradient of the choice's log chance (exercise 13.3)."""
    best = best_value(preference, state)
    total = total_weight(preference, state, best)
    for a in range(preference.shape[1]):
        chance = weight_of(preference[state, a], best) / total
        preference[state, a] += change * ((1.0 if a == choice else 0.0) - chance)


@rule
def learn_actor_critic(
    memory: Roles,
    settings: Rates,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Learn from one transition: equations 13.12 to 13.14, and the box below them."""
    preference, v, weight = memory
    step_size, critic_step_size, discount, fading = settings
    target = reward if terminated else reward + discount * v[next_state]
    error = target - v[state]
    v[state] += critic_step_size * error
    actor_update(preference, state, choice, step_size * weight[0] * error)
    if terminated or truncated:
        weight[0] = 1.0
    elif fading:
        weight[0] *= discount


class ActorCritic(TableAgent):
    """One-step actor-critic with a softmax policy on a table (Sutton & Barto, 2nd edition, section 13.5).

    `step_size` of the actor in [0, 100], `critic_step_size` in [0, 1], `discount` in [0, 1], `initial_value` of every
    state. `fading`: whether the actor's updates are weighted by the discount to the power of the episode's age, as the
    book's box has it; without end or with long episodes the actor then stops learning, so it is off by default. Needs
    discrete observations and choices. `q` holds the preferences (S, A), `v` the critic's values (S,).

    For drift take small steps of the actor: a policy that is sure of itself hardly tries what has become better.
    """

    rules = (choose_by_preference, learn_actor_critic)

    def __init__(
        self,
        step_size: float = 0.1,
        critic_step_size: float = 0.1,
        discount: float = 0.99,
        fading: bool = False,
        initial_value: float = 0.0,
    ) -> None:
        check_range("ActorCritic", "step_size", step_size, 0.0, 100.0)
        check_range("ActorCritic", "critic_step_size", critic_step_size, 0.0, 1.0)
        check_range("ActorCritic", "discount", discount, 0.0, 1.0)
        check_range("ActorCritic", "initial_value", initial_value, -1e12, 1e12)
        if not isinstance(fading, bool):
            raise SandboxError(f"ActorCritic: fading={fading!r} is neither True nor False")
        self.step_size = step_size
        self.critic_step_size = critic_step_size
        self.discount = discount
        self.fading = fading
        self.initial_value = initial_value

    def _memory(self, n_states: int, n_choices: int) -> Roles:
        return Roles(np.zeros((n_states, n_choices)), np.full(n_states, float(self.initial_value)), np.ones(1))

    def _numbers(self) -> Rates:
        return Rates(float(self.step_size), float(self.critic_step_size), float(self.discount), self.fading)

    @property
    def v(self) -> FloatArray:
        """The critic's values (S,)."""
        values: FloatArray = self.memory.v
        return values
