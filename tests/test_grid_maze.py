"""The maze against a tiny simulator of its own, written from its description; and what moves in it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.catalog import make_agent, make_world
from sandbox.envs.grid_maze import MAZE, GridMaze, maze_table, rows_of
from sandbox.errors import SandboxError
from sandbox.oracle import solve
from sandbox.table import Table
from sandbox.trace import Trace, join
from sandbox.world import Budget, make_terms

WAYS = {0: (-1, 0), 1: (0, 1), 2: (1, 0), 3: (0, -1)}  # up, right, down, left
BLOWS = {"^": 0, ">": 1, "v": 2, "<": 3}

Law = dict[tuple[int, float, bool], float]  # of what may come: (state, reward, whether the episode ends)


# --- a second text of the rules ---------------------------------------------------------------------------------------


class Naive:
    """A maze by its description, one question at a time."""

    def __init__(self, rows: Any, wind: float = 0.5, slip: float = 0.0, paid: Any = (-1.0, 0.0, -20.0)) -> None:
        self.rows, self.wind, self.slip = list(rows), wind, slip
        self.step, self.goal, self.pit = paid

    def sign(self, cell: tuple[int, int]) -> str:
        r, c = cell
        return self.rows[r][c] if 0 <= r < len(self.rows) and 0 <= c < len(self.rows[0]) else "#"

    def pushed(self, cell: tuple[int, int], way: int) -> tuple[int, int]:
        there = (cell[0] + WAYS[way][0], cell[1] + WAYS[way][1])
        return cell if self.sign(there) == "#" else there

    def home(self, cell: tuple[int, int]) -> tuple[int, int]:
        """Search outwards, ring by ring, each from the top and from the left."""
        size = (len(self.rows), len(self.rows[0]))
        for far in range(sum(size)):
            for r, c in itertools.product(range(size[0]), range(size[1])):
                if abs(r - cell[0]) + abs(c - cell[1]) == far and self.sign((r, c)) not in "#GO":
                    return r, c
        raise AssertionError

    def law(self, cell: tuple[int, int], way: int) -> Law:
        found: Law = {}

        def add(chance: float, there: tuple[int, int]) -> None:
            sign = self.sign(there)
            paid = self.step + {"G": self.goal, "O": self.pit}.get(sign, 0.0)
            key = (there[0] * len(self.rows[0]) + there[1], paid, sign in "GO")
            if chance > 0.0:
                found[key] = found.get(key, 0.0) + chance

        if self.sign(cell) in "GO":
            add(1.0, cell)
            return found
        if self.sign(cell) == "#":
            cell = self.home(cell)
        for turn, chance in ((0, 1.0 - self.slip), (1, self.slip / 2.0), (-1, self.slip / 2.0)):
            there = self.pushed(cell, (way + turn) % 4)
            blown = BLOWS.get(self.sign(there))
            if blown is None:
                add(chance, there)
            else:
                add(chance * (1.0 - self.wind), there)
                add(chance * self.wind, self.pushed(there, blown))
        return found


def law_of(table: Table, state: int, way: int) -> Law:
    found: Law = {}
    parts = (table.successor, table.reward, table.terminated, table.probability)
    for *key, chance in zip(*(part[state, way].tolist() for part in parts), strict=True):
        if chance > 0.0:
            found[tuple(key)] = found.get(tuple(key), 0.0) + chance  # type: ignore[index]
    return found


def check_law(table: Table, naive: Naive) -> None:
    width = len(naive.rows[0])
    for state, way in itertools.product(range(table.n_states), range(4)):
        assert law_of(table, state, way) == pytest.approx(naive.law(divmod(state, width), way), abs=1e-12), (state, way)
    signs = "".join(naive.rows)
    assert table.start.tolist() == [(sign == "S") / signs.count("S") for sign in signs]


def sound(rows: list[str]) -> bool:
    """Whether every open cell has a way to a goal that passes neither a pit nor a goal."""
    naive, cells = Naive(rows), list(itertools.product(range(len(rows)), range(len(rows[0]))))
    good = {cell for cell in cells if naive.sign(cell) == "G"}
    for _ in cells:
        good |= {c for c in cells if naive.sign(c) not in "#O" and any(naive.pushed(c, w) in good for w in WAYS)}
    return all(cell in good for cell in cells if naive.sign(cell) not in "#O")


@st.composite
def mazes(draw: Any) -> list[str]:
    height, width = draw(st.integers(1, 4)), draw(st.integers(2, 4))
    signs = draw(st.lists(st.sampled_from("....##SO^>v<G"), min_size=height * width, max_size=height * width))
    places = draw(st.permutations(range(height * width)))
    signs[places[0]], signs[places[1]] = "S", "G"
    return ["".join(signs[width * r : width * (r + 1)]) for r in range(height)]


PRICES = (-0.5, 3.0, -7.0)


@settings(max_examples=150, deadline=None)
@given(mazes(), st.sampled_from([0.0, 0.3, 0.999]), st.sampled_from([0.0, 0.2, 0.999]))
def test_the_law_is_that_of_the_description(rows: list[str], wind: float, slip: float) -> None:
    if not sound(rows):
        with pytest.raises(SandboxError, match="has no way to a goal"):
            maze_table(rows, wind, slip, *PRICES)
        return
    check_law(maze_table(rows, wind, slip, *PRICES), Naive(rows, wind, slip, PRICES))
    assert rows_of("/".join(rows)) == rows_of(rows) == tuple(rows)


def test_the_maze_of_the_house() -> None:
    env = gym.make("sandbox/GridMaze-v0", wind=0.25, slip=0.1).unwrapped
    assert isinstance(env, GridMaze) and env.rows == MAZE
    check_law(env.laws[0], Naive(MAZE, 0.25, 0.1))
    assert gym.make("sandbox/GridMaze-v0").spec.max_episode_steps == 200  # type: ignore[union-attr]
    check_env(env, skip_render_check=True)


def test_it_is_worth_what_its_shortest_way_costs() -> None:
    assert solve(GridMaze("S..G").laws[0]).best[0] == -3.0
    assert solve(GridMaze("S#G/...", goal_reward=10.0).laws[0]).best[0] == 6.0
    blown = solve(GridMaze("S>.G", wind=0.5).laws[0])  # a step on, and with even chances one more
    assert blown.best[0] == pytest.approx(-1.0 - 0.5 * 2.0 - 0.5 * 1.0)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"desc": ""}, "desc needs rows of one length"),
        ({"desc": []}, "desc needs rows of one length"),
        ({"desc": "S.G/.."}, "desc needs rows of one length"),
        ({"desc": ["S.G", 5]}, "desc needs rows of one length"),
        ({"desc": "S.g"}, "'g' means nothing in a maze; it knows S G O # ."),
        ({"desc": "..G"}, "the maze has no S"),
        ({"desc": "S.."}, "the maze has no G"),
        ({"desc": "S#G"}, "the cell in row 0, column 0 has no way to a goal"),
        ({"desc": "SOG"}, "the cell in row 0, column 0 has no way to a goal"),
        ({"desc": "S.G/##./.#."}, "the cell in row 2, column 0 has no way to a goal"),
        ({"wind": 1.0}, r"wind=1.0 is out of range \[0, 0.999\]"),
        ({"slip": -0.1}, r"slip=-0.1 is out of range \[0, 0.999\]"),
        ({"slip": "much"}, "slip='much' is not a number"),
        ({"pit_reward": math.inf}, "pit_reward=inf is out of range"),
        ({"goal_reward": math.nan}, "goal_reward=nan is out of range"),
        ({"moves": "pits"}, "moves='pits' is none of walls, winds, rewards"),
        ({"law_seed": -1}, "law_seed=-1 is out of range"),
        ({"drift": "abrupt@5:slipp=0.2"}, "a drift cannot change 'slipp'; did you mean 'slip'"),
        ({"drift": "abrupt@5:law_seed=2"}, "a drift cannot change 'law_seed'.*; it can desc, wind, slip"),
        ({"drift": "abrupt@5:slip=2.0"}, "slip=2.0 is out of range"),
        ({"drift": "abrupt@5:some.py:f"}, "give a drift by settings; a function would hide the law"),
        ({"drift": "abrupt@5:desc=S.G"}, "a drift may not change the size of the maze"),
        ({"drift": "abrupt@5", "desc": "S.G"}, "found no way to move its walls that leaves every cell a way to a goal"),
        ({"drift": "abrupt@5", "moves": "winds", "desc": "S#G/..."}, "found no way to move its winds"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SandboxError, match=message) as caught:
        GridMaze(**given)
    assert "\n" not in str(caught.value)


# --- what moves -------------------------------------------------------------------------------------------------------


def concepts(env: GridMaze) -> Iterator[tuple[int, Table]]:
    yield from enumerate(env.laws)


@pytest.mark.parametrize(("moves", "signs"), [("walls", "#"), ("winds", "^>v<"), ("rewards", "GO")])
@pytest.mark.parametrize("law_seed", [0, 1, 7])
def test_its_own_change_moves_what_it_says(moves: str, signs: str, law_seed: int) -> None:
    env = GridMaze(moves=moves, law_seed=law_seed)
    seen = {env.rows}
    for number in (1, 2, 3):
        (rows,) = env.own_change(number).values()
        seen.add(rows)
        assert sound(list(rows)) and rows_of(rows) == rows
        assert sorted("".join(rows)) == sorted("".join(env.rows))
        for before, after in zip("".join(env.rows), "".join(rows), strict=True):
            assert before == after or {before, after} <= {*signs, "."}
    assert len(seen) == 4
    again = GridMaze(moves=moves, law_seed=law_seed)
    assert [again.own_change(k) for k in (1, 2)] == [env.own_change(k) for k in (1, 2)]
    assert GridMaze(moves=moves, law_seed=law_seed + 100).own_change(1) != env.own_change(1)


def test_a_drift_leads_from_one_law_to_the_other() -> None:
    env = GridMaze(drift=["abrupt@50", "abrupt@80:wind=0.9,slip=0.2"])
    moved = env.own_change(1)["desc"]
    assert [env.schedule.n_concepts, len(env.laws)] == [3, 3]
    for (_, table), naive in zip(concepts(env), (Naive(MAZE), Naive(moved), Naive(moved, 0.9, 0.2)), strict=True):
        check_law(table, naive)
    mixed = GridMaze(drift="gradual@50~4")  # in five levels
    for level, table in concepts(mixed):
        for state, way in itertools.product(range(64), range(4)):
            cell, wanted = divmod(state, 8), dict[Any, float]()
            for share, naive in ((1.0 - level / 5.0, Naive(MAZE)), (level / 5.0, Naive(moved))):
                for key, chance in naive.law(cell, way).items():
                    wanted[key] = wanted.get(key, 0.0) + share * chance
            found = law_of(table, state, way)
            assert found == pytest.approx({key: p for key, p in wanted.items() if p > 0.0}, abs=1e-12)


def test_another_maze_by_name_comes_before_its_own_change() -> None:
    other = "S.../.##./.##./...G"
    base = "S..#/...#/.#../...G"
    for drifts in (["abrupt@5", f"abrupt@5:desc={other}"], [f"abrupt@5:desc={other}", "abrupt@5"]):
        check_law(GridMaze(base, drift=drifts).laws[1], Naive(other.split("/")))
        world = make_world(f"sandbox/GridMaze-v0:desc={base}").under(make_terms(drifts))
        check_law(world.law.tables[1], Naive(other.split("/")))


def test_drift_of_its_own_and_drift_of_the_world_are_one() -> None:
    runs = []
    for name, drift in (("sandbox/GridMaze-v0:drift='gradual@300~9'", None), ("sandbox/GridMaze-v0", "gradual@300~9")):
        world, chunks = make_world(name).under(make_terms(drift)), list[Trace]()
        world.run(make_agent("q-learning", world), 4, Budget(steps=3000), chunks.append)
        runs.append(join(chunks))
    for name, column in runs[0].columns().items():
        assert column.tobytes() == runs[1].columns()[name].tobytes()
    assert len(np.unique(runs[0].concept)) == 11


def walk(env: GridMaze, ways: str) -> list[tuple[int, float, bool]]:
    return [env.step("URDL".index(way))[:3] for way in ways]


def test_who_is_walled_in_is_moved_to_the_nearest_open_cell() -> None:
    env = GridMaze("S../.../..G", drift="abrupt@2:desc=S#./.#./..G", wind=0.0)
    env.reset(seed=0)
    assert walk(env, "RD") == [(1, -1.0, False), (4, -1.0, False)]
    # row 1, column 1 is a wall now; of the three open cells a step away, two are the upper ones, one of them the left
    assert env.concept == 1 and walk(env, "D") == [(6, -1.0, False)]
    env.reset(seed=0)
    walk(env, "RD")
    assert walk(env, "R") == [(3, -1.0, False)]  # it starts from there, and the wall is in the way


def test_a_goal_that_arrives_underfoot_ends_the_episode_with_the_next_move() -> None:
    env = GridMaze("S..G", drift="abrupt@1:desc=SG..", goal_reward=9.0)
    env.reset(seed=0)
    assert walk(env, "R") == [(1, -1.0, False)]
    assert walk(env, "L") == [(1, 8.0, True)]
    pit = GridMaze("S..G/....", drift="abrupt@1:desc=SO.G/....")
    pit.reset(seed=0)
    assert walk(pit, "RR") == [(1, -1.0, False), (1, -21.0, True)]


def test_winds_blow_and_moves_slip_as_often_as_they_should() -> None:
    env = GridMaze("..../S>../...G", wind=0.3, slip=0.4)
    ends: dict[int, int] = {}
    for _ in range(20_000):
        env.reset(seed=None if env.clock else 1)
        (end, _, _), *_ = walk(env, "R")
        ends[end] = ends.get(end, 0) + 1
    for cell, chance in ((5, 0.6 * 0.7), (6, 0.6 * 0.3), (0, 0.2), (8, 0.2)):
        assert abs(ends[cell] / 20_000 - chance) < 5.0 * math.sqrt(chance * (1.0 - chance) / 20_000)
    assert set(ends) == {0, 5, 6, 8}


# --- what is seen -----------------------------------------------------------------------------------------------------


def test_it_draws_the_maze_in_force() -> None:
    env = GridMaze("S..#/...G", drift="gradual@2~3", render_mode="ansi")  # in four levels
    moved = "/".join(env.own_change(1)["desc"])
    env.reset(seed=0)
    drawn = [env.render()]
    for way in "RLRLRL":
        walk(env, way)
        drawn.append(env.render())
    shown = [str(text).replace("\n", "/") for text in drawn]
    assert shown[0] == "@..#/...G" and shown[1] == "S@.#/...G"
    assert env.schedule.concepts(0, 0, 7).tolist() == [0, 0, 1, 2, 3, 4, 4]
    assert shown[2] == "@..#/...G"  # a quarter of the new one
    for k in (4, 5, 6):  # three quarters, and all of it
        assert shown[k] == moved[: env_cell(shown[k])] + "@" + moved[env_cell(shown[k]) + 1 :]
    assert GridMaze().render() is None


def env_cell(shown: str) -> int:
    return shown.index("@")
