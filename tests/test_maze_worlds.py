"""The mazes of the book's chapter 8, and its first grid: where their walls are, how far it is, and when they move."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from sandbox.catalog import make_agent, make_world
from sandbox.checks import run_checks
from sandbox.envs.blocking_maze import BlockingMaze
from sandbox.envs.dyna_maze import DynaMaze
from sandbox.envs.grid_maze import GridMaze
from sandbox.envs.shortcut_maze import ShortcutMaze
from sandbox.errors import SandboxError
from sandbox.evaluator import Evaluator
from sandbox.oracle import solve
from sandbox.trace import Trace, join
from sandbox.world import Budget, make_terms

MAZES = ["DynaMaze", "BlockingMaze", "ShortcutMaze"]


def distance(maze: str) -> int:
    """Length of the shortest way from S to G."""
    rows = maze.split()
    grid = {(r, c): sign for r, row in enumerate(rows) for c, sign in enumerate(row)}
    start = next(cell for cell, sign in grid.items() if sign in "S@")
    far, edge = {start: 0}, deque([start])
    while edge:
        r, c = cell = edge.popleft()
        if grid[cell] == "G":
            return far[cell]
        for near in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)):
            if grid.get(near, "#") != "#" and near not in far:
                far[near] = far[cell] + 1
                edge.append(near)
    raise AssertionError("there is no way")


def runs_of(name: str, agent: str, steps: int, plain: bool = False, drift: str | None = None) -> Trace:
    world, chunks = make_world(f"sandbox/{name}").under(make_terms(drift, plain=plain)), list[Trace]()
    world.run(make_agent(agent, world), 1, Budget(steps=steps), chunks.append)
    return join(chunks)


# --- all of them ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [f"{maze}-v0" for maze in MAZES] + ["DynaMaze-v0:slip=0.2,drift='abrupt@200'"])
def test_it_is_what_it_says(name: str) -> None:
    assert [result for result in run_checks(f"sandbox/{name}") if not result.passed] == []
    env = make_world(f"sandbox/{name}").make()
    check_env(env.unwrapped, skip_render_check=True)
    assert env.spec is not None and env.spec.max_episode_steps is None


@pytest.mark.parametrize("name", MAZES)
def test_its_prices_are_sound_at_both_speeds(name: str) -> None:
    world = make_world(f"sandbox/{name}-v0")
    for agent in ("q-learning:step_size=0.5,discount=0.95", "random", "oracle"):
        plain, fast = (runs_of(f"{name}-v0", agent, 5000, plain) for plain in (True, False))
        for column, values in plain.columns().items():
            assert values.tobytes() == fast.columns()[column].tobytes(), column
        judge = Evaluator(world.meta, pushes=len(plain))
        judge.update(plain)
        metrics = judge.finish().metrics
        assert metrics["ledger_error"] <= 1e-9 and metrics["shift_leak"] == 0.0 and metrics["min_gap"] >= -1e-12
        assert abs(metrics["luck_z"]) <= metrics["luck_z_bound"]
        assert (metrics["regret"] == 0.0) == (agent == "oracle")


# --- where the walls are ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("maze", "ways"), [(DynaMaze, [14]), (BlockingMaze, [10, 16]), (ShortcutMaze, [16, 10])], ids=MAZES
)
def test_they_are_as_far_from_the_goal_as_in_the_book(maze: type[GridMaze], ways: list[int]) -> None:
    env = maze(render_mode="ansi")
    assert len(env.laws) == len(ways)
    for table, way in zip(env.laws, ways, strict=True):
        solution = solve(table)
        assert solution.start_value == pytest.approx(0.95 ** (way - 1))
        assert str(table.objective) == "discounted by 0.95"
    env.reset(seed=0)
    drawn = str(env.render())
    assert distance(drawn) == ways[0] and {len(row) for row in drawn.split()} == {9} and len(drawn.split()) == 6


def test_the_dyna_maze_has_the_walls_of_figure_8_2() -> None:
    walls = {(1, 2), (2, 2), (3, 2), (4, 5), (0, 7), (1, 7), (2, 7)}
    found = {(r, c) for r, row in enumerate(DynaMaze().rows) for c, sign in enumerate(row) if sign == "#"}
    assert found == walls and DynaMaze().rows[2][0] == "S" and DynaMaze().rows[0][8] == "G"


@pytest.mark.parametrize(
    ("maze", "change", "gaps"), [(BlockingMaze, 1000, ({8}, {0})), (ShortcutMaze, 3000, ({0}, {0, 8}))]
)
def test_the_wall_moves_when_it_should(maze: type[GridMaze], change: int, gaps: tuple[set[int], set[int]]) -> None:
    env = maze(render_mode="ansi")
    env.reset(seed=0)
    for step in range(change + 5):
        drawn = str(env.render()).split()
        open_cells = {c for c, sign in enumerate(drawn[3]) if sign != "#"}
        assert env.concept == int(step >= change) and open_cells == gaps[env.concept]
        env.step(3)  # to the left, and there it stays


def test_it_moves_when_told_and_every_second_time_back() -> None:
    env = BlockingMaze(drift=["abrupt@10", "abrupt@20", "abrupt@30"])
    assert [solve(table).start_value for table in env.laws] == pytest.approx([0.95**9, 0.95**15, 0.95**9, 0.95**15])
    told = make_world("sandbox/ShortcutMaze-v0:drift=None").under(make_terms("abrupt@50"))
    assert [s.start_value for s in told.law.solutions] == pytest.approx([0.95**15, 0.95**9])  # type: ignore[union-attr]
    with pytest.raises(SandboxError, match="has a drift of its own; give one only"):
        make_world("sandbox/ShortcutMaze-v0").under(make_terms("abrupt@50"))
    own = make_world("sandbox/DynaMaze-v0").under(make_terms("abrupt@50"))
    assert len(own.law.tables) == 2


@pytest.mark.parametrize(
    ("maze", "given", "message"),
    [
        (BlockingMaze, {"after": "S.G"}, "may not change the size of the maze"),
        (BlockingMaze, {"after": ["#" * 9] * 6}, "the maze has no S"),
        (ShortcutMaze, {"desc": "S.."}, "the maze has no G"),
        (DynaMaze, {"discount": 1.5}, r"discount=1.5 is out of range \[0, 1\]"),
        (DynaMaze, {"discount": "much"}, "discount='much' is not a number"),
        (DynaMaze, {"slip": -1.0}, "slip=-1.0 is out of range"),
        (DynaMaze, {"drift": "abrupt@5:discount=0.5"}, "nor the objective"),
        (DynaMaze, {"render_mode": "human"}, "render_mode='human' is not 'ansi'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(maze: Any, given: dict[str, Any], message: str) -> None:
    with pytest.raises(SandboxError, match=message) as caught:
        maze(**given)
    assert "\n" not in str(caught.value)


# --- learning in them -------------------------------------------------------------------------------------------------


def test_q_learning_finds_the_way_and_finds_it_again() -> None:
    """A run that knows the law would reach the goal 10 steps after each start, and 16 after the change."""
    agent = "q-learning:step_size=0.5,discount=0.95,epsilon=0.3"
    trace = runs_of("BlockingMaze-v0:drift='abrupt@20000'", agent, 40_000)
    ends = np.flatnonzero(trace.terminated)
    lengths, at = np.diff(ends), ends[1:]
    before, lost, after = (lengths[(at > low) & (at <= low + 5000)].mean() for low in (15_000, 20_000, 35_000))
    assert 10.0 <= before < 17.0 and lost > 40.0 and 16.0 <= after < 28.0


# --- the first grid of the book ---------------------------------------------------------------------------------------


def test_the_random_policy_in_the_grid_of_example_4_1() -> None:
    """Figure 4.1: -14, -18, -20, -22 and so on, from all cells of a square with an end in two corners."""
    table = GridMaze("GSSS/SSSS/SSSS/SSSG").laws[0]
    moves, cost = np.zeros((16, 16)), np.zeros(16)
    for s in range(16):
        for a in range(4):
            for p, to, paid, ends in zip(
                *(part[s, a] for part in (table.probability, table.successor, table.reward, table.terminated)),
                strict=True,
            ):
                moves[s, to] += 0.25 * p * (not ends)
                cost[s] += 0.25 * p * paid
    values = np.linalg.solve(np.eye(16) - moves, cost)
    values[[0, 15]] = 0.0
    wanted = [0, -14, -20, -22, -14, -18, -20, -20, -20, -20, -18, -14, -22, -20, -14, 0]
    np.testing.assert_allclose(values, wanted, atol=1e-9)
