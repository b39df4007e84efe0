"""What choices are called, and which way they go on a map: read off the law where it moves things."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from sandbox.table import FloatArray, IntArray, Table

_KNOWN = {
    "CartPoleEnv": ("push left", "push right"),
    "MountainCarEnv": ("push left", "do nothing", "push right"),
    "AcrobotEnv": ("push one way", "do nothing", "push the other way"),
    "TaxiEnv": ("south", "north", "east", "west", "pick up", "drop off"),
    "BlackjackEnv": ("stick", "hit"),
    "Blackjack": ("stick", "hit"),
    "AccessControl": ("reject", "accept"),
    "Driving": ("keep on", "faster", "slower", "brake hard", "left lane", "right lane"),
    "TicTacToe": (
        "top left",
        "top",
        "top right",
        "left",
        "middle",
        "right",
        "bottom left",
        "bottom",
        "bottom right",
    ),
}
_COMPASS = {(-1, 0): "up", (1, 0): "down", (0, 1): "right", (0, -1): "left"}
_COMPASS |= {(-1, 1): "up right", (-1, -1): "up left", (1, 1): "down right", (1, -1): "down left"}
_STILL = 0.2  # of the longest way: a choice that moves less does not move

Way = tuple[float, float]  # rows down, columns right; of length 1, or (0, 0)


def ways_of(table: Table, places: IntArray) -> list[Way | None]:
    """Return the way that each choice goes on a map with these places (S, 2) of states, None if none goes anywhere.

    It is where the choice leads on average beyond where all choices lead, so that winds and slips, which come with
    every choice, drop out; the median over the states in which choices differ most, in steps of an eighth of a turn.
    """
    onward = table.probability * ~table.terminated
    moved: FloatArray = (onward[..., None] * (places[table.successor] - places[:, None, None, :])).sum(axis=2)
    sound = (places >= 0).all(axis=1) & table.reachable()
    if not sound.any():
        return [None] * table.n_choices
    moved = moved[sound]  # (states, choices, 2)
    kinds = np.array([len(np.unique(np.round(one, 6), axis=0)) for one in moved])
    mean = np.median((moved - moved.mean(axis=1, keepdims=True))[kinds == kinds.max()], axis=0)
    sizes = np.hypot(mean[:, 0], mean[:, 1])
    longest = float(sizes.max())
    if longest < 1e-9:
        return [None] * table.n_choices
    return [(0.0, 0.0) if n < _STILL * longest else _compass(m[0], m[1]) for m, n in zip(mean, sizes, strict=True)]


def _compass(down: float, right: float) -> Way:
    """Return the nearest of eight directions, of length 1.

    >>> _compass(-3.0, 0.1)
    (-1.0, 0.0)
    """
    eighth = round(math.atan2(down, right) / (math.pi / 4))
    return round(math.sin(eighth * math.pi / 4), 6) + 0.0, round(math.cos(eighth * math.pi / 4), 6) + 0.0


def names_of(env: gym.Env[Any, Any], n_choices: int, ways: Sequence[Way | None]) -> list[str]:
    """Return what the choices are called: as the environment says (`choice_names`), by their ways, or by number."""
    inner: Any = env.unwrapped
    told = getattr(inner, "choice_names", None) or _KNOWN.get(type(inner).__name__, ())
    if len(told) == n_choices:
        return [str(name) for name in told]
    named = [_named(way) if way is not None else "" for way in ways]
    if all(named) and len(set(named)) == n_choices:
        return named
    return [f"choice {k}" for k in range(n_choices)]


def _named(way: Way) -> str:
    """Return up, right, down, left or what lies between, stay where it does not move."""
    if way == (0.0, 0.0):
        return "stay"
    return _COMPASS[round(way[0]), round(way[1])]
