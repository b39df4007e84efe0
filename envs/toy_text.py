"""The laws of environments that carry their table: Gymnasium's toy_text (FrozenLake, CliffWalking, Taxi), and ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit

from sandbox.errors import SandboxError
from sandbox.table import Objective, Table, table_from_outcomes
from sandbox.table_env import TableEnv

# Wrappers that leave rewards, observations and choices as they are.
_TRANSPARENT = {"TimeLimit", "OrderEnforcing", "PassiveEnvChecker"}


def table_of(env: gym.Env[Any, Any]) -> Table | str:
    """Return the law of `env`, or the reason why it is unknown."""
    inner, horizon = env, None
    while isinstance(inner, gym.Wrapper):
        if type(inner).__name__ not in _TRANSPARENT:
            return f"wrapped in {type(inner).__name__}, which may change the law"
        limit = getattr(inner, "_max_episode_steps", None) if isinstance(inner, TimeLimit) else None
        horizon = limit if horizon is None or (limit is not None and limit < horizon) else horizon
        inner = inner.env
    if isinstance(inner, TableEnv):
        return replace(inner.laws[0], horizon=horizon)
    outcomes, start = getattr(inner, "P", None), getattr(inner, "initial_state_distrib", None)
    if outcomes is None or start is None:
        return getattr(inner, "why_unpriced", "the environment carries no table of its law")
    if not isinstance(inner.observation_space, spaces.Discrete) or not isinstance(inner.action_space, spaces.Discrete):
        return "its table needs discrete observations and choices"
    objective = getattr(inner, "objective", None) or Objective()
    try:
        if getattr(inner, "fickle_passenger", False):
            return _fickle_taxi(inner, objective, horizon)
        return table_from_outcomes(outcomes, start, objective, horizon)
    except (SandboxError, KeyError, IndexError, TypeError, ValueError) as error:
        return f"its table cannot be read: {error}"


def refuse_unseeded_map(name: str, settings: dict[str, Any]) -> None:
    """Refuse a FrozenLake that draws a fresh map each time it is made: no two runs would share a world."""
    if name.startswith("FrozenLake") and settings.get("map_name", "") is None and settings.get("desc") is None:
        raise SandboxError("FrozenLake with map_name=None draws a new map each time; give desc=[...] instead")


def _fickle_taxi(taxi: Any, objective: Objective, horizon: int | None) -> Table:
    """Return the law of Taxi with a fickle passenger, which its own table omits.

    A share of the passengers (`fickle_probability`, settled when the episode starts) names another destination, each of
    the three equally likely, on the first move with them aboard. Whether that move has been made is not in the
    observation, but history shows it: states 0..S-1 are "not yet", S..2S-1 are "done".
    """
    n_states, chance = len(taxi.P), float(taxi.fickle_probability)

    def decided(state: int, successor: int) -> bool:
        row, column, passenger, _ = taxi.decode(state)
        return bool(passenger == 4 and taxi.decode(successor)[:2] != (row, column))

    def spread(state: int, outcome: Any) -> list[tuple[float, int, float, bool]]:
        probability, successor, reward, terminated = outcome
        if not decided(state, successor):
            return [(probability, successor, reward, terminated)]
        row, column, passenger, destination = taxi.decode(successor)
        # The change keeps clear of the destination the passenger had before the move.
        others = [taxi.encode(row, column, passenger, d) for d in range(4) if d != destination]
        kept = [(probability * (1.0 - chance), successor + n_states, reward, terminated)]
        return kept + [(probability * chance / 3.0, other + n_states, reward, terminated) for other in others]

    def follow(state: int, observation: int) -> int:
        done = state >= n_states or decided(state, observation)
        return observation + n_states if done else observation

    outcomes: dict[int, dict[int, list[Any]]] = {}
    for state, choices in taxi.P.items():
        outcomes[state] = {a: [new for o in options for new in spread(state, o)] for a, options in choices.items()}
        outcomes[state + n_states] = {
            a: [(p, s + n_states, r, t) for p, s, r, t in options] for a, options in choices.items()
        }
    start = list(taxi.initial_state_distrib) + [0.0] * n_states
    return table_from_outcomes(outcomes, start, objective, horizon, follow)
