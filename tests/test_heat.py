"""Maps: sums against a plain loop, what is drawn where, ways of choices, and worlds by name alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sandbox.catalog import make_world
from sandbox.plots.files import save
from sandbox.plots.heat import COST, VALUE, VISITS, Map, Panel, Phase, draw_map, figure, on_map, panels_of
from sandbox.plots.painter import AGENT, WRONG, Board, Marks, paint_board
from sandbox.plots.strips import costliest, draw_states
from sandbox.table import Table
from sandbox.watching.boards import ground_of, own_board, own_ground, state_names, strip_board, text_board
from sandbox.watching.by_name import looks_of_world
from sandbox.watching.ways import names_of, ways_of

UP, RIGHT, DOWN, LEFT = (-1.0, 0.0), (0.0, 1.0), (1.0, 0.0), (0.0, -1.0)


def env_of(name: str, **given: Any) -> gym.Env[Any, Any]:
    world: Any = make_world(name)
    env: gym.Env[Any, Any] = world.make(**given)
    env.reset(seed=0)
    return env


def table_of(name: str) -> Table:
    world: Any = make_world(name)
    table: Table = world.law.tables[0]
    return table


def a_phase(n: int = 6, title: str = "", **more: Any) -> Phase:
    visits = np.arange(n, dtype=np.float64)
    return Phase(title, visits, 2.0 * visits, visits / 2.0, **more)


@given(st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 3), st.floats(-5, 5)), min_size=1, max_size=30))
@settings(max_examples=50, deadline=None)
def test_states_that_share_a_place_are_added_or_averaged(states: list[tuple[int, int, float]]) -> None:
    places = np.array([(r, c) if r >= 0 else (-1, -1) for r, c, _ in states], dtype=np.int64)
    values = np.array([value for *_, value in states])
    ground = Map(("....",) * 3, places)
    by_place: dict[tuple[int, int], list[float]] = {}
    for (r, c), value in zip(places.tolist(), values, strict=True):
        by_place.setdefault((r, c), []).append(float(value))
    for add in (True, False):
        grid = on_map(values, ground, add)
        assert grid.shape == (3, 4)
        for (r, c), told in np.ndenumerate(grid):
            here = by_place.get((r, c))
            assert (
                math.isnan(told)
                if here is None
                else math.isclose(told, sum(here) / (1 if add else len(here)), abs_tol=1e-12)
            )
    assert ground.shared == any(len(here) > 1 for place, here in by_place.items() if place != (-1, -1))


def test_what_was_never_visited_has_no_colour() -> None:
    learned = np.arange(12.0).reshape(6, 2)
    phase = a_phase(learned=learned, best=np.ones(6), value=np.ones((6, 2)))
    found = {panel.title: panel for panel in panels_of(phase)}
    assert len(found) == 4 and all(math.isnan(panel.values[0]) for panel in found.values())
    assert found["what the agent expects"].values[1:].tolist() == [3.0, 5.0, 7.0, 9.0, 11.0]
    assert found["8 mistakes: what they cost"].values[1:].tolist() == [2.0, 4.0, 6.0, 8.0, 10.0]
    known = a_phase(values=np.full(6, 0.5), learned=learned)
    assert panels_of(known)[0].values[1] == 0.5


def test_a_map_draws_walls_arrows_and_shares() -> None:
    from matplotlib.figure import Figure

    places = np.array([(0, 0), (0, 1), (1, 0), (1, 1)], dtype=np.int64)
    ground = Map((".#", ".G"), places)
    chosen = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    values = np.array([1.0, math.nan, 2.0, math.nan])
    axes = Figure().subplots()
    draw_map(axes, Panel("", "", values, VALUE, chosen), ground, [RIGHT, UP])
    arrows = [text for text in axes.texts if text.get_text() == ""]
    assert len(arrows) == 2 and [text.get_text() for text in axes.texts if text.get_text()] == ["G"]
    assert len(axes.patches) == 1  # the wall
    tips = [tuple(arrow.xy) for arrow in arrows]
    assert tips[0][0] > 0 and tips[0][1] == 0 and tips[1][0] == 0 and tips[1][1] < 1  # right of (0, 0), above (1, 0)
    axes = Figure().subplots()
    draw_map(axes, Panel("", "", np.array([3.0, math.nan, 1.0, math.nan]), COST), ground)
    assert {text.get_text() for text in axes.texts} == {"75%", "25%", "G"}


def test_where_all_choices_are_as_good_none_is_shown() -> None:
    from matplotlib.figure import Figure

    ground = Map(("..",), np.array([(0, 0), (0, 1)], dtype=np.int64))
    axes = Figure().subplots()
    draw_map(axes, Panel("", "", np.array([1.0, 1.0]), VALUE, np.ones((2, 2))), ground, [RIGHT, UP])
    assert len(axes.texts) == 0


@pytest.mark.parametrize("rows", [("..", "..", ".."), ("." * 6,)])
@pytest.mark.parametrize("phases", [1, 2])
def test_figures_can_be_written(rows: tuple[str, ...], phases: int, tmp_path: Path) -> None:
    wide = len(rows[0])
    ground = Map(rows, np.array([divmod(k, wide) for k in range(6)], dtype=np.int64))
    several = [a_phase(6, f"phase {k}", learned=np.eye(6)[:, :4]) for k in range(phases)]
    paths = save(figure("a title", several, [ground] * phases, [UP, RIGHT, DOWN, LEFT]), tmp_path / "maps")
    assert [path.suffix for path in paths] == [".png", ".svg"]
    again = save(figure("a title", several, [ground] * phases, [UP, RIGHT, DOWN, LEFT]), tmp_path / "again")
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]


def test_each_map_has_the_range_of_its_numbers() -> None:
    phase = a_phase(6, learned=np.arange(12.0).reshape(6, 2), best=np.arange(6.0) + 3.0, value=np.ones((6, 2)))
    ground = Map(("..", "..", ".."), np.array([divmod(k, 2) for k in range(6)], dtype=np.int64))
    meshes = [axes.collections[0] for axes in figure("", [phase], [ground]).axes if axes.collections]
    ranges = [(mesh.norm.vmin, mesh.norm.vmax) for mesh in meshes[:4]]
    assert ranges == [(3.0, 11.0), (3.0, 11.0), (1.0, 5.0), (0.0, 10.0)]
    far = a_phase(6, learned=np.zeros((6, 2)), best=np.arange(6.0) * 100.0, value=np.ones((6, 2)))
    meshes = [axes.collections[0] for axes in figure("", [far], [ground]).axes if axes.collections]
    assert [mesh.norm.vmax for mesh in meshes[:2]] == [1.0, 500.0]  # too far apart to share their colours


def test_without_places_the_costliest_states_are_named() -> None:
    phase = Phase("", np.ones(200), np.where(np.arange(200) == 7, 5.0, 0.0), np.zeros(200))
    assert costliest(phase) == [7]
    drawn = figure("", [phase], [None], names={7: "the worst"})
    assert [text.get_text() for text in drawn.axes[0].get_yticklabels()] == ["the worst"]
    nothing = draw_states("", [Phase("", np.ones(200), np.zeros(200), np.zeros(200))])
    assert "0 states have 0 %" in nothing.axes[0].get_xlabel()


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("FrozenLake-v1", [LEFT, DOWN, RIGHT, UP]),
        ("FrozenLake-v1:is_slippery=False", [LEFT, DOWN, RIGHT, UP]),
        ("FrozenLake-v1:map_name=8x8", [LEFT, DOWN, RIGHT, UP]),
        ("CliffWalking-v1", [UP, RIGHT, DOWN, LEFT]),
        ("CliffWalking-v1:is_slippery=True", [UP, RIGHT, DOWN, LEFT]),
        ("Taxi-v4", [DOWN, UP, RIGHT, LEFT, (0.0, 0.0), (0.0, 0.0)]),
        ("sandbox/GridMaze-v0", [UP, RIGHT, DOWN, LEFT]),
        ("sandbox/GridMaze-v0:slip=0.3", [UP, RIGHT, DOWN, LEFT]),
    ],
)
def test_ways_are_read_off_the_law(name: str, ways: list[tuple[float, float]]) -> None:
    modes = {} if "sandbox/" not in name else {"render_mode": "ansi"}
    ground = ground_of(env_of(name, **modes))
    assert ground is not None
    assert ways_of(table_of(name), ground.places) == ways


def test_choices_have_names() -> None:
    lake = env_of("FrozenLake-v1")
    assert names_of(lake, 4, [LEFT, DOWN, RIGHT, UP]) == ["left", "down", "right", "up"]
    assert names_of(env_of("Taxi-v4"), 6, [])[4:] == ["pick up", "drop off"]
    assert names_of(lake, 3, [None, None, None]) == ["choice 0", "choice 1", "choice 2"]
    lake.unwrapped.choice_names = ("a", "b", "c", "d")  # type: ignore[attr-defined]
    assert names_of(lake, 4, [LEFT, DOWN, RIGHT, UP]) == ["a", "b", "c", "d"]


def test_the_ground_of_a_lake_is_its_map() -> None:
    env = env_of("FrozenLake-v1")
    ground = own_ground(env)
    assert ground is not None and ground.rows == ("SFFF", "FHFH", "FFFH", "HFFG")
    assert own_board(env, ground).rows == ("@FFF", "FHFH", "FFFH", "HFFG")
    assert ground.board(14).rows[3] == "HF@G"


def test_the_ground_of_a_maze_is_its_text_without_the_agent() -> None:
    env = env_of("sandbox/GridMaze-v0", render_mode="ansi")
    ground = ground_of(env)
    inner: Any = env.unwrapped
    assert ground is not None and ground.rows == inner.rows and inner.concept == 0


class Ring(gym.Env[Any, Any]):
    """Four places in a square, which says nothing of them but its text."""

    observation_space, action_space = gym.spaces.Discrete(4), gym.spaces.Discrete(2)
    metadata = {"render_modes": ["ansi"]}  # noqa: RUF012
    shown = "..\n.G"

    def __init__(self) -> None:
        self.state, self.render_mode = 0, "ansi"

    def render(self) -> Any:
        at = (0, 1, 4, 3)[self.state]
        return self.shown[:at] + "@" + self.shown[at + 1 :]


class Weather(Ring):
    """A ring whose text shows something else, too."""

    def render(self) -> Any:
        return f"{'ab'[self.state % 2] * 2}\n{super().render()}"


def test_without_places_each_state_is_looked_at() -> None:
    ground = ground_of(Ring())
    assert ground is not None and ground.rows == ("..", ".G") and not ground.bare
    assert ground.places.tolist() == [[0, 0], [0, 1], [1, 1], [1, 0]]
    assert ground_of(Weather()) is None


def test_where_more_is_shown_than_the_place_only_walls_stay() -> None:
    env = Weather()
    env.places = lambda: np.array([[1, 0], [1, 1], [2, 1], [2, 0]])  # type: ignore[attr-defined]
    ground = ground_of(env)
    assert ground is not None and ground.bare and ground.rows == ("..", "..", "..")


def test_a_taxi_shows_passenger_destination_and_walls() -> None:
    env = env_of("Taxi-v4")
    inner: Any = env.unwrapped
    ground = own_ground(env)
    assert ground is not None and ground.rows[0] == "R...G"
    inner.s = inner.encode(2, 2, 0, 1)
    assert own_board(env, ground).rows == ("p...D", ".....", "..@..", ".....", "Y..B.")
    inner.s = inner.encode(2, 2, 4, 3)
    board = own_board(env, ground)
    assert board.rows[4] == "Y..D." and board.label == "p" and (0, 1) in board.bars and len(board.bars) == 6
    assert state_names(env, [int(inner.s)]) == ["taxi in 2,2, passenger aboard, to B"]


def test_a_hidden_fact_takes_no_place() -> None:
    ground = own_ground(env_of("Taxi-v4"))
    assert ground is not None and ground.over(499) is None and ground.over(750) is None
    twice = ground.over(1000)
    assert twice is not None and np.array_equal(twice.places[500:], ground.places) and len(twice.places) == 1000


@pytest.mark.parametrize(
    ("text", "rows"),
    [("ab\ncd", ("ab", "cd")), ("ab\ncd\n", ("ab", "cd")), ("ab\nc", None), ("", None), (3, None), ("\x1b[0m", None)],
)
def test_text_is_a_board_if_its_rows_are_equal(text: Any, rows: tuple[str, ...] | None) -> None:
    board = text_board(text)
    assert (None if board is None else board.rows) == rows


def test_states_without_places_are_a_strip() -> None:
    board = strip_board(21, 25)
    assert board is not None and board.rows == ("." * 20, ".@..." + "#" * 15)
    assert strip_board(0, 100_000) is None


def colours(picture: Image.Image) -> set[tuple[int, ...]]:
    return {tuple(int(part) for part in pixel) for pixel in np.asarray(picture).reshape(-1, 3)}


def rgb(code: str) -> tuple[int, ...]:
    return tuple(int(code[k : k + 2], 16) for k in (1, 3, 5))


@given(st.integers(1, 8), st.integers(1, 8), st.integers(150, 400), st.integers(150, 400))
@settings(max_examples=25, deadline=None)
def test_a_board_keeps_to_its_room_and_marks_mistakes(high: int, wide: int, room: int, tall: int) -> None:
    board = Board(tuple(["@" + "." * (wide - 1)] + ["." * wide] * (high - 1)))
    right, wrong = (paint_board(board, Marks(RIGHT, DOWN, wrong), room, tall) for wrong in (False, True))
    assert right.size == wrong.size and right.width <= room + 2 and right.height <= tall + 2
    assert rgb(AGENT) in colours(right) and rgb(WRONG) not in colours(right) and rgb(WRONG) in colours(wrong)


def test_a_square_is_marked_where_there_is_no_agent() -> None:
    board = Board(("...", "...", "..."))
    assert colours(paint_board(board, Marks(), 200, 200)) == colours(paint_board(board, Marks(square=9), 200, 200))
    assert rgb(WRONG) in colours(paint_board(board, Marks(wrong=True, square=4, best_square=0), 200, 200))


def test_maps_by_name_are_of_worlds_that_come_with_the_package() -> None:
    maps, named = looks_of_world("sandbox/GridMaze-v0", "abrupt@100", 200)
    first, last = maps
    assert first is not None and last is not None and first.rows != last.rows and named([3]) == ["state 3"]
    same, _ = looks_of_world("sandbox/GridMaze-v0", "abrupt@100", 50)
    assert same[0] is not None and same[1] is not None and same[0].rows == same[1].rows


@pytest.mark.parametrize("steps", [150, 250, 350])
def test_the_second_map_is_of_another_law_even_where_the_run_ends_under_the_first(steps: int) -> None:
    (first, other), _ = looks_of_world("sandbox/GridMaze-v0", "recurring@100", steps)
    (_, moved), _ = looks_of_world("sandbox/GridMaze-v0", "abrupt@100", steps)
    assert first is not None and other is not None and moved is not None
    assert other.rows == moved.rows != first.rows


@pytest.mark.parametrize(
    ("world", "drift"),
    [
        ("mine.py:Maze", ""),
        ("their_module:TheirEnv-v0", ""),
        ("FrozenLake-v1", "abrupt@5:mine.py:f"),
        ("no such", ""),
        ("spam", ""),
        ("CartPole-v1", ""),
        ("sandbox/GridMaze-v0:desc=", ""),
        ("sandbox/NoMaze-v0", ""),
    ],
)
def test_others_are_never_made(world: str, drift: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("raise SystemExit('it was run')")
    (tmp_path / "their_module.py").write_text("raise SystemExit('it was run')")
    monkeypatch.syspath_prepend(tmp_path)
    maps, named = looks_of_world(world, drift, 10)
    assert maps == [None, None] and named([1]) == ["state 1"]


def test_kinds_of_maps_have_colours_of_their_own() -> None:
    assert len({COST, VALUE, VISITS}) == 3
