"""Exact values: dynamic programming on each world's own table.

No run and no luck: what the best policy earns, and what some known policies do, to the last digit that is known.
"""

from __future__ import annotations

from typing import Any

from sandbox.catalog import make_world
from sandbox.gallery._found import Estimate, Found, Row

SOURCE = "independent solvers, and Sutton & Barto, 2nd edition, examples 4.1, 6.5 and 6.6"
_GRID = ["....", "....", "....", "...."]


def measure(quick: bool) -> Found:
    """Ask the oracle of each world."""
    lake, large = _oracle("FrozenLake-v1"), _oracle("FrozenLake8x8-v1")
    cliff = _oracle("CliffWalking-v1", 0.1)
    rows = [
        _row("FrozenLake 4x4, 100 steps, best policy", 0.744190, 6, lake["optimal_return"]),
        _row("FrozenLake 4x4, no time limit, best policy", 0.823529, 6, lake["stationary_value"]),
        _row("FrozenLake 4x4, no time limit, random policy", 0.0139, 4, lake["random_value"]),
        _row("FrozenLake 8x8, 200 steps, best policy", 0.913220, 6, large["optimal_return"]),
        _row("Taxi, 200 steps, best policy", 7.93, 2, _oracle("Taxi-v4")["optimal_return"]),
        _row("cliff, best policy", -13.0, 6, cliff["optimal_return"]),
        _row("cliff, best policy of those that explore a tenth", -20.707677, 6, cliff["best_soft_value"]),
        _row("cliff, best choices and a tenth of random ones", -50.800048, 6, cliff["greedy_soft_value"]),
        *_example_4_1(),
        _row("windy gridworld, best policy", -15.0, 6, _oracle("sandbox/WindyGridworld-v0")["optimal_return"]),
        _row("RiverSwim, 6 states, 20 steps", 3.397264, 6, _oracle("sandbox/RiverSwim-v0")["optimal_return"]),
        _row("ten-armed testbed, expected best arm", 1.538753, 6, _oracle("ten-armed")["stationary_value"]),
    ]
    return Found(rows)


def _oracle(world: str, epsilon: float | None = None) -> dict[str, Any]:
    return make_world(world).oracle(epsilon)


def _row(what: str, expected: float, digits: int, found: float) -> Row:
    return Row(what, "value", Estimate(expected), Estimate(found), SOURCE, 0.5 * 10.0**-digits)


def _example_4_1() -> list[Row]:
    """Value the random policy in the book's 4 x 4 grid, whose two other corners end the episode."""
    rows = []
    for expected, (r, c) in ((-14.0, (0, 1)), (-18.0, (1, 1)), (-20.0, (0, 2)), (-22.0, (0, 3))):
        signs = [list(row) for row in _GRID]
        signs[0][0] = signs[3][3] = "G"
        signs[r][c] = "S"
        desc = "/".join("".join(row) for row in signs)
        found = _oracle(f"sandbox/GridMaze-v0:desc={desc!r}")["random_value"]
        rows.append(_row(f"4 x 4 grid, random policy, from row {r + 1}, column {c + 1}", expected, 6, found))
    return rows
