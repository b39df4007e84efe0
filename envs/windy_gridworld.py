"""A grid with a crosswind (Sutton & Barto, 2nd edition, example 6.5; exercises 6.9 and 6.10)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.interfaces import check_range
from sandbox.table import IntArray, Table, table_from_outcomes

from ._table_world import Outcome, TableWorld, grid_places

HEIGHT, START, GOAL = 7, (3, 0), (3, 7)
WINDS = (0, 0, 0, 1, 1, 1, 2, 2, 1, 0)
# Up, right, down, left; then the diagonals, as a king moves; then to stay.
_WAYS = ((-1, 0), (0, 1), (1, 0), (0, -1), (-1, 1), (1, 1), (1, -1), (-1, -1), (0, 0))
_COUNTS = {"rook": 4, "king": 8, "king-or-stay": 9}
_TRIES = 10_000


class WindyGridworld(TableWorld):
    """The windy gridworld (book, example 6.5): 7 rows, a wind upwards in each column, -1 a step to the goal.

    The observation is the cell's number, row by row; choices are up, right, down, left, with `moves="king"` the
    diagonals too (up-right, down-right, down-left, up-left), with `"king-or-stay"` also none. `winds`: by how many
    cells each of the columns, 8 or more, carries who leaves it. `gusts`: the probability that it is one cell more or
    one less, either equally likely, where there is wind (2/3 in exercise 6.10). The edges of the grid hold.

    A drift without settings deals the winds to other columns, drawn from `law_seed`, so that every cell still leads to
    the goal. Episodes have no time limit.
    """

    def __init__(
        self,
        winds: Sequence[int] = WINDS,
        *,
        gusts: float = 0.0,
        moves: str = "rook",
        law_seed: int = 0,
        drift: Specs = None,
        render_mode: str | None = None,
    ) -> None:
        check_range("WindyGridworld", "law_seed", law_seed, 0, 2**62)
        self.law_seed = int(law_seed)
        self._width = len(_sound(winds))
        super().__init__({"winds": winds, "gusts": gusts, "moves": moves}, drift, render_mode)

    def build(self, **settings: Any) -> Table:
        """Return the law of a grid, of the size of the first."""
        winds, gusts, moves = _sound(settings["winds"]), settings["gusts"], settings["moves"]
        check_range("WindyGridworld", "gusts", gusts, 0.0, 1.0)
        if moves not in _COUNTS:
            raise SandboxError(f"WindyGridworld: moves={moves!r} is none of {', '.join(_COUNTS)}")
        if len(winds) != self._width:
            raise SandboxError("WindyGridworld: a drift may not change how many columns there are")
        law = _law(winds, float(gusts), _COUNTS[moves])
        if not _leads_home(law):
            raise SandboxError(f"WindyGridworld: with winds={winds} some cell has no way to the goal")
        start = np.zeros(len(law))
        start[START[0] * len(winds) + START[1]] = 1.0
        return table_from_outcomes(law, start)

    def own_change(self, number: int) -> dict[str, Any]:
        """Return the settings after its own change of this number (1, 2, ...): the winds in other columns."""
        rng = np.random.default_rng([self.law_seed, number])
        winds = _sound(self._given["winds"])
        for _ in range(_TRIES):
            dealt = tuple(rng.permutation(winds).tolist())
            if dealt != winds and _leads_home(_law(dealt, 0.0, 4)):
                return {"winds": dealt}
        raise SandboxError("WindyGridworld: found no other winds that leave every cell a way to the goal")

    def drawing(self, **settings: Any) -> tuple[str, ...]:
        """Return the grid: each free cell shows its wind, `.` for none."""
        line = "".join(str(wind) if wind else "." for wind in settings["winds"])
        rows = [list(line) for _ in range(HEIGHT)]
        rows[START[0]][START[1]], rows[GOAL[0]][GOAL[1]] = "S", "G"
        return tuple("".join(row) for row in rows)

    def places(self) -> IntArray:
        """Return row and column (S, 2) of each cell."""
        return grid_places(HEIGHT, self._width)


def _sound(winds: Any) -> tuple[int, ...]:
    if isinstance(winds, str) or not isinstance(winds, Sequence) or len(winds) < GOAL[1] + 1:
        raise SandboxError(f"WindyGridworld: winds={winds!r} is no list of {GOAL[1] + 1} or more numbers, one a column")
    for wind in winds:
        if not isinstance(wind, int) or not 0 <= wind < HEIGHT:
            raise SandboxError(f"WindyGridworld: the wind {wind!r} is no whole number from 0 to {HEIGHT - 1}")
    return tuple(winds)


def _law(winds: tuple[int, ...], gusts: float, n_choices: int) -> dict[int, dict[int, list[Outcome]]]:
    width = len(winds)

    def outcomes(cell: tuple[int, int], way: tuple[int, int]) -> Iterator[Outcome]:
        if cell == GOAL:
            yield 1.0, GOAL[0] * width + GOAL[1], 0.0, True
            return
        wind = winds[cell[1]]
        more = gusts / 2.0 if wind else 0.0
        for lift, chance in ((wind, 1.0 - 2.0 * more), (wind - 1, more), (wind + 1, more)):
            if chance > 0.0:
                r = min(max(cell[0] + way[0] - lift, 0), HEIGHT - 1)
                c = min(max(cell[1] + way[1], 0), width - 1)
                yield chance, r * width + c, -1.0, (r, c) == GOAL

    cells = [(r, c) for r in range(HEIGHT) for c in range(width)]
    return {s: {a: list(outcomes(cell, _WAYS[a])) for a in range(n_choices)} for s, cell in enumerate(cells)}


def _leads_home(law: dict[int, dict[int, list[Outcome]]]) -> bool:
    """Whether every state has a way to an end of the episode."""
    found: set[int] = set()
    while True:
        grown = {
            state
            for state, choices in law.items()
            if any(ends or following in found for options in choices.values() for _, following, _, ends in options)
        }
        if grown == found:
            return len(found) == len(law)
        found = grown
