"""A maze drawn in text, whose walls, winds or rewards move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.interfaces import check_range
from sandbox.table import IntArray, Table, table_from_outcomes

from ._table_world import TableWorld, grid_places, objective_of

MAZE = (
    "S...#...",
    ".##.#.#.",
    "..#...#.",
    ".v#.###.",
    ".v..^...",
    ".####.#.",
    ".O...^#.",
    "..##...G",
)
_STEPS = ((-1, 0), (0, 1), (1, 0), (0, -1))  # up, right, down, left
_WINDS = {"^": 0, ">": 1, "v": 2, "<": 3}
_MOVED = {"walls": "#", "winds": "^>v<", "rewards": "GO"}
_TRIES = 10_000

Cell = tuple[int, int]


class GridMaze(TableWorld):
    """A maze drawn in text: the observation is the cell's number, row by row; choices are up, right, down, left.

    `S` a start (one of several, equally likely), `G` a goal and `O` a pit (both end the episode), `#` a wall, `.` free,
    `^ > v <` a wind that carries one cell further with probability `wind`. With probability `slip` a move goes to one
    side instead, either side equally likely. Each move earns `step_reward`, and `goal_reward` or `pit_reward` where it
    ends; `discount` under 1 makes later rewards count less. `desc`: the maze, as rows or as one text with `/` between
    them. `drift`: when it changes; a drift without settings moves what `moves` says (`walls`, `winds`, `rewards`) to
    cells drawn anew from `law_seed`, so that every cell still leads to a goal.

    Who is walled in is moved: the next move starts from the nearest open cell (by steps through walls, then the upper,
    then the left one). Who finds a goal or pit arrive underfoot is in it with the next move.
    """

    max_episode_steps: int | None = 200

    def __init__(
        self,
        desc: str | Sequence[str] = MAZE,
        *,
        wind: float = 0.5,
        slip: float = 0.0,
        step_reward: float = -1.0,
        goal_reward: float = 0.0,
        pit_reward: float = -20.0,
        discount: float = 1.0,
        moves: str = "walls",
        law_seed: int = 0,
        drift: Specs = None,
        render_mode: str | None = None,
    ) -> None:
        given = {
            "desc": desc, "wind": wind, "slip": slip, "step_reward": step_reward, "goal_reward": goal_reward,
            "pit_reward": pit_reward, "discount": discount,
        }  # fmt: skip
        if moves not in _MOVED:
            raise SandboxError(f"GridMaze: moves={moves!r} is none of {', '.join(_MOVED)}")
        check_range("GridMaze", "law_seed", law_seed, 0, 2**62)
        self.moves, self.law_seed = moves, int(law_seed)
        self.rows = rows_of(desc)
        super().__init__(given, drift, render_mode)

    def build(self, **settings: Any) -> Table:
        """Return the law of a maze, of the size of the first."""
        table = maze_table(**settings)
        if table.n_states != len(self.rows) * len(self.rows[0]):
            raise SandboxError("GridMaze: a drift may not change the size of the maze")
        return table

    def drawing(self, **settings: Any) -> tuple[str, ...]:
        """Return the rows of the maze."""
        return rows_of(settings["desc"])

    def places(self) -> IntArray:
        """Return row and column (S, 2) of each cell."""
        return grid_places(len(self.rows), len(self.rows[0]))

    def own_change(self, number: int) -> dict[str, Any]:
        """Return the settings after the maze's own change of this number (1, 2, ...): `moves` says what moves."""
        rng = np.random.default_rng([self.law_seed, number])
        what = _MOVED[self.moves]
        cells = [(r, c) for r, row in enumerate(self.rows) for c, sign in enumerate(row) if sign in what + "."]
        signs = [self.rows[r][c] for r, c in cells]
        for _ in range(_TRIES):
            drawn = [list(row) for row in self.rows]
            for (r, c), k in zip(cells, rng.permutation(len(cells)), strict=True):
                drawn[r][c] = signs[k]
            rows = tuple("".join(row) for row in drawn)
            if rows != self.rows and _lost(rows) is None:
                return {"desc": rows}
        raise SandboxError(f"GridMaze: found no way to move its {self.moves} that leaves every cell a way to a goal")


def rows_of(desc: str | Sequence[str]) -> tuple[str, ...]:
    """Return the rows of a maze; raise `SandboxError` if it is none, or if a cell has no way to a goal."""
    rows = tuple(desc.split("/")) if isinstance(desc, str) else tuple(desc)
    if not rows or not rows[0] or any(not isinstance(row, str) or len(row) != len(rows[0]) for row in rows):
        raise SandboxError("GridMaze: desc needs rows of one length")
    for sign in sorted({sign for row in rows for sign in row} - set("SGO#.^>v<")):
        raise SandboxError(f"GridMaze: {sign!r} means nothing in a maze; it knows S G O # . ^ > v <")
    for sign in "SG":
        if not any(sign in row for row in rows):
            raise SandboxError(f"GridMaze: the maze has no {sign}")
    lost = _lost(rows)
    if lost is not None:
        raise SandboxError(f"GridMaze: the cell in row {lost[0]}, column {lost[1]} has no way to a goal")
    return rows


def _inside(rows: tuple[str, ...], cell: Cell) -> bool:
    return 0 <= cell[0] < len(rows) and 0 <= cell[1] < len(rows[0])


def _lost(rows: tuple[str, ...]) -> Cell | None:
    """Return a cell from which no goal can be reached without passing a pit, None if there is none."""
    grid = {(r, c): sign for r, row in enumerate(rows) for c, sign in enumerate(row)}
    reached = {cell for cell, sign in grid.items() if sign == "G"}
    edge = list(reached)
    while edge:
        r, c = edge.pop()
        for down, right in _STEPS:
            near = (r + down, c + right)
            if near not in reached and grid.get(near, "#") not in "#OG":
                reached.add(near)
                edge.append(near)
    return next((cell for cell, sign in grid.items() if sign not in "#O" and cell not in reached), None)


def _home(rows: tuple[str, ...], cell: Cell) -> Cell:
    """Return the open cell nearest to a walled one."""
    open_cells = [(r, c) for r, row in enumerate(rows) for c, sign in enumerate(row) if sign not in "#GO"]
    return min(open_cells, key=lambda near: (abs(near[0] - cell[0]) + abs(near[1] - cell[1]), near))


def maze_table(
    desc: str | Sequence[str],
    wind: float,
    slip: float,
    step_reward: float,
    goal_reward: float,
    pit_reward: float,
    discount: float = 1.0,
) -> Table:
    """Return the law of a maze: states are cells row by row."""
    for name, value in (("wind", wind), ("slip", slip)):
        check_range("GridMaze", name, value, 0.0, 0.999)
    for name, value in (("step_reward", step_reward), ("goal_reward", goal_reward), ("pit_reward", pit_reward)):
        check_range("GridMaze", name, value, -1e9, 1e9)
    objective = objective_of("GridMaze", discount)
    rows = rows_of(desc)
    ends = {"G": step_reward + goal_reward, "O": step_reward + pit_reward}
    cells = [(r, c) for r in range(len(rows)) for c in range(len(rows[0]))]
    start = np.array([float(rows[r][c] == "S") for r, c in cells])
    outcome = _outcomes(rows, wind, slip, step_reward, ends)
    law = {state: {way: outcome(cell, way) for way in range(4)} for state, cell in enumerate(cells)}
    return table_from_outcomes(law, start / start.sum(), objective)


def _outcomes(
    rows: tuple[str, ...], wind: float, slip: float, step_reward: float, ends: dict[str, float]
) -> Callable[[Cell, int], list[tuple[float, int, float, bool]]]:
    """Return what a move from a cell one way may lead to; `ends`: what the signs that end an episode earn."""

    def moved(cell: Cell, way: int) -> Cell:
        near = (cell[0] + _STEPS[way][0], cell[1] + _STEPS[way][1])
        return near if _inside(rows, near) and rows[near[0]][near[1]] != "#" else cell

    def outcome(chance: float, cell: Cell) -> tuple[float, int, float, bool]:
        sign = rows[cell[0]][cell[1]]
        return chance, cell[0] * len(rows[0]) + cell[1], ends.get(sign, step_reward), sign in ends

    def outcomes(cell: Cell, way: int) -> list[tuple[float, int, float, bool]]:
        sign = rows[cell[0]][cell[1]]
        if sign in ends:
            return [outcome(1.0, cell)]
        start = _home(rows, cell) if sign == "#" else cell
        found = []
        for chance, went in ((1.0 - slip, way), (slip / 2.0, (way + 1) % 4), (slip / 2.0, (way + 3) % 4)):
            there = moved(start, went)
            blows = _WINDS.get(rows[there[0]][there[1]])
            if chance > 0.0 and blows is not None and wind > 0.0:
                found += [outcome(chance * (1.0 - wind), there), outcome(chance * wind, moved(there, blows))]
            elif chance > 0.0:
                found.append(outcome(chance, there))
        return found

    return outcomes
