"""What an environment looks like as a board of signs: from its text, its own map, or as a strip of its states."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from sandbox.plots.painter import Board
from sandbox.table import IntArray

_MOST_SIGNS = 10_000
_STRIP = 20  # states in a row of a strip
_LONGEST_STRIP = 400
_SHORT = 30  # signs that a state is called by
_MOST_PROBED = 2_500  # states that are looked at one by one

SIGNS = {
    "GridMaze": "S start, G goal, O pit; arrows are winds",
    "FrozenLakeEnv": "S start, G goal, H hole in the ice",
    "CliffWalkingEnv": "S start, G goal, C cliff",
    "TaxiEnv": "p passenger, D destination",
    "WindyGridworld": "S start, G goal; numbers are the strength of the wind upwards",
    "RiverSwim": "c crumb, G feast; arrows are the current",
    "ShortCorridor": "G goal; at x left and right are exchanged",
    "Driving": "c another car, o obstacle, ~ hidden; arrows are the own speed",
    "TicTacToe": "X moved first",
    "Blackjack": "a row a sum (21 on top, O is bust), a column a dealer's card; right: with an ace",
    "AccessControl": "a row a kind of customer, a column a number of free servers",
    "DeepSea": "G the treasure",
    "Gambler": "from nothing (O) to the goal (G)",
}


def place_agent(rows: tuple[str, ...], row: int, column: int) -> tuple[str, ...]:
    """Return the rows with `@` in a cell."""
    line = rows[row]
    return (*rows[:row], f"{line[:column]}@{line[column + 1 :]}", *rows[row + 1 :])


def text_board(text: Any, kind: str = "") -> Board | None:
    """Return the board that a rendered text is: rows of equal length, printable; None if it is none.

    `kind`: the class of what rendered it, to say what its signs mean.
    """
    if not isinstance(text, str):
        return None
    rows = tuple(text.strip("\n").split("\n"))
    sound = len({len(row) for row in rows}) == 1 and rows[0] and all(row.isprintable() for row in rows)
    return Board(rows, note=SIGNS.get(kind, "")) if sound and len(rows) * len(rows[0]) <= _MOST_SIGNS else None


class Ground:
    """The fixed part of a board, and where each state is on it: `places` (S, 2), row and column; -1, -1 nowhere.

    `bare`: what is shown of a state is more than the agent in its place, so that moves are not seen on it.
    """

    bare = False

    def __init__(
        self, rows: tuple[str, ...], places: IntArray, bars: tuple[tuple[int, int], ...] = (), note: str = ""
    ) -> None:
        self.rows, self.places, self.bars, self.note = rows, places, bars, note

    def over(self, n_states: int) -> Ground | None:
        """Return it for a table of so many states: those beyond the places are these again, with a hidden fact.

        None where that does not fit.
        """
        times, rest = divmod(n_states, len(self.places))
        if times < 1 or rest:
            return None
        found = Ground(self.rows, np.tile(self.places, (times, 1)), self.bars, self.note)
        found.bare = self.bare
        return found

    def board(self, state: int) -> Board:
        """Return the board with the agent in a state."""
        return Board(place_agent(self.rows, *(int(k) for k in self.places[state])), self.bars, note=self.note)


def own_ground(env: gym.Env[Any, Any]) -> Ground | None:
    """Return the ground of Gymnasium's FrozenLake, CliffWalking or Taxi, read off the environment; None for others."""
    inner: Any = env.unwrapped
    kind = type(inner).__name__
    with contextlib.suppress(AttributeError, TypeError, ValueError, IndexError):
        if kind == "FrozenLakeEnv":
            rows = tuple(b"".join(row).decode() for row in inner.desc)
            return Ground(rows, _row_by_row(inner.nrow, inner.ncol), note=SIGNS[kind])
        if kind == "CliffWalkingEnv":
            high, wide = inner.shape
            signs = np.where(inner._cliff, "C", ".")
            signs[np.unravel_index(inner.start_state_index, inner.shape)] = "S"
            signs[high - 1, wide - 1] = "G"
            return Ground(tuple("".join(row) for row in signs), _row_by_row(high, wide), note=SIGNS[kind])
        if kind == "TaxiEnv":
            return _taxi_ground(inner)
    return None


def _row_by_row(high: int, wide: int) -> IntArray:
    return np.stack(np.divmod(np.arange(high * wide), wide), axis=1)


def _taxi_ground(taxi: Any) -> Ground:
    """Return Taxi's map: its walls stand between cells, and many states share a place."""
    signs = [[taxi.desc[1 + r, 1 + 2 * c].decode() for c in range(5)] for r in range(5)]
    rows = tuple("".join(row).replace(" ", ".") for row in signs)
    walls = tuple((r, c) for r in range(5) for c in range(4) if taxi.desc[1 + r, 2 + 2 * c] == b"|")
    return Ground(rows, np.array([list(taxi.decode(s))[:2] for s in range(len(taxi.P))], dtype=np.int64), walls)


def own_board(env: gym.Env[Any, Any], ground: Ground) -> Board:
    """Return how one of Gymnasium's own environments stands now."""
    inner: Any = env.unwrapped
    if type(inner).__name__ != "TaxiEnv":
        return ground.board(int(inner.s))
    row, column, passenger, destination = inner.decode(int(inner.s))
    rows = [list(signs) for signs in ground.rows]
    rows[inner.locs[destination][0]][inner.locs[destination][1]] = "D"
    if passenger < len(inner.locs):
        rows[inner.locs[passenger][0]][inner.locs[passenger][1]] = "p"
    rows[row][column] = "@"
    told = tuple("".join(signs) for signs in rows)
    carries = "p" if passenger == len(inner.locs) else ""
    return Board(told, ground.bars, carries, SIGNS["TaxiEnv"], "RGYB")


def strip_board(state: int, n_states: int) -> Board | None:
    """Return states in their order as a strip, the present one marked; None where they are too many."""
    if n_states > _LONGEST_STRIP:
        return None
    wide = min(n_states, _STRIP)
    signs = ("." * n_states).ljust(-(-n_states // wide) * wide, "#")
    rows = tuple(signs[k : k + wide] for k in range(0, len(signs), wide))
    return Board(place_agent(rows, *divmod(state, wide)))


def ground_of(env: gym.Env[Any, Any]) -> Ground | None:
    """Return the ground of an environment that renders text and was reset, None if its states have no places in it.

    The environment's own `places()` says where states are; without it each state is looked at.
    """
    own = own_ground(env)
    if own is not None:
        return own
    inner: Any = env.unwrapped
    if getattr(inner, "render_mode", None) != "ansi" or not isinstance(env.observation_space, spaces.Discrete):
        return None
    told = getattr(inner, "places", None)
    if not hasattr(inner, "state") or int(env.observation_space.n) > _MOST_PROBED:
        return None
    where = told() if callable(told) else _probed(inner, int(env.observation_space.n))
    if where is None:
        return None
    places = np.asarray(where, dtype=np.int64)
    rows = _empty(inner, places)
    if rows is None and callable(told) and (places >= 0).all(axis=1).any():
        found = Ground(_bare(inner, places), places)
        found.bare = True
        return found
    return None if rows is None else Ground(rows, places)


def _shown(inner: Any, state: int) -> tuple[str, ...] | None:
    inner.state = state
    board = text_board(inner.render())
    return None if board is None else board.rows


def _probed(inner: Any, n_states: int) -> IntArray | None:
    """Return where the agent is shown in each state, None if it is not shown once in every one."""
    places = np.zeros((n_states, 2), dtype=np.int64)
    for state in range(n_states):
        rows = _shown(inner, state)
        text = "" if rows is None else "".join(rows)
        if rows is None or text.count("@") != 1:
            return None
        places[state] = divmod(text.index("@"), len(rows[0]))
    return places


def _empty(inner: Any, places: IntArray) -> tuple[str, ...] | None:
    """Return the rows without the agent, None where the text shows more of a state than its place."""
    placed = np.flatnonzero((places >= 0).all(axis=1))
    elsewhere = placed[(places[placed] != places[placed[:1]]).any(axis=1)]
    if not len(elsewhere):
        return None
    first, other = _shown(inner, int(placed[0])), _shown(inner, int(elsewhere[0]))
    if first is None or other is None or [len(row) for row in other] != [len(row) for row in first]:
        return None
    r, c = (int(k) for k in places[placed[0]])
    rows = (*first[:r], first[r][:c] + other[r][c] + first[r][c + 1 :], *first[r + 1 :])
    some = placed[np.unique(np.linspace(0, len(placed) - 1, 50).astype(np.int64))].tolist()
    alike = all(_shown(inner, state) == place_agent(rows, *(int(k) for k in places[state])) for state in some)
    return rows if alike else None


def _bare(inner: Any, places: IntArray) -> tuple[str, ...]:
    """Return rows of nothing but walls, where what is shown changes with more of the state than its place."""
    high, wide = (int(k) + 1 for k in places.max(axis=0))
    shown = [row.ljust(wide) for row in _shown(inner, 0) or ()]
    rows = ["".join("#" if sign == "#" else "." for sign in row) for row in shown]
    plain = all(set(row) == {"."} for row in rows)
    return ("." * wide,) * high if plain or len(rows) < high else tuple(rows)


def state_names(env: gym.Env[Any, Any], states: Sequence[int]) -> list[str]:
    """Return what states are called: as the environment draws them in a few signs, else by their numbers."""
    inner: Any = env.unwrapped
    kind, found = type(inner).__name__, []
    for state in states:
        name = f"state {state}"
        if kind == "TaxiEnv":
            row, column, passenger, destination = inner.decode(state % len(inner.P))
            where = "aboard" if passenger == 4 else f"at {'RGYB'[passenger]}"
            name = f"taxi in {row},{column}, passenger {where}, to {'RGYB'[destination]}"
        elif hasattr(inner, "state") and getattr(inner, "render_mode", None) == "ansi":
            rows = _shown(inner, state)
            if rows is not None and sum(map(len, rows)) <= _SHORT:
                name = " / ".join(rows)
        found.append(name)
    return found
