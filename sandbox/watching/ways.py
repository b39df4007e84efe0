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
}
_COMPASS = {(-1, 0): "up", (1, 0): "down", (0, 1): "right", (0, -1): "left"}
_COMPASS |= {(-1, 1): "up right", (-1, -1): "up left", (1, 1): "down right", (1, -1): "down left"}
_STILL = 0.05  # of the longest way: a choice that moves less does not move

Way = tuple[float, float]  # rows down, columns right; of length 1, or (0, 0)


def ways_of(table: Table, places: IntArray) -> list[Way | None]:
    """Return the way that each choice goes on a map with these places (S, 2) of states, None if none goes anywhere.

    It is where the choice leads on average, over all states, beyond where all choices lead: so winds and slips, which
    come with every choice, drop out.
    """
    onward = table.probability * ~table.terminated
    here = places[:, None, None, :]
    moved: FloatArray = (onward[..., None] * (places[table.successor] - here)).sum(axis=2)  # (S, A, 2)
    sound = (places >= 0).all(axis=1) & table.reachable()
    if not sound.any():
        return [None] * table.n_choices
    mean = moved[sound].mean(axis=0)
    mean -= mean.mean(axis=0)
    sizes = np.hypot(mean[:, 0], mean[:, 1])
    longest = float(sizes.max())
    if longest < 1e-9:
        return [None] * table.n_choices
    still = sizes < _STILL * longest
    return [(0.0, 0.0) if s else (float(m[0] / n), float(m[1] / n)) for m, n, s in zip(mean, sizes, still, strict=True)]


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
    eighth = round(math.atan2(way[0], way[1]) / (math.pi / 4))
    down, right = math.sin(eighth * math.pi / 4), math.cos(eighth * math.pi / 4)
    return _COMPASS[round(down), round(right)]
