"""Watching a run: what is shown is what happened; what cannot be watched is refused in a line."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from shell import COMMAND, complaint, document, sandbox

from sandbox.catalog import make_agent, make_world
from sandbox.env_world import EnvWorld
from sandbox.errors import SandboxError
from sandbox.plots.painter import Board
from sandbox.trace import Trace, join, make_trace
from sandbox.watching.film import same_run, shoot
from sandbox.watching.gif import save_gif
from sandbox.watching.maps import phase_of, spans_of
from sandbox.watching.scenes import FRAMES, scenes_of
from sandbox.watching.screens import screen_of, settings_under
from sandbox.watching.telling import Teller, amount
from sandbox.watching.watch import file_name, watch
from sandbox.world import Budget, make_terms

MAZE = "sandbox/GridMaze-v0"
FRAMED = '''
import gymnasium as gym
import numpy as np


class Framed(gym.Env):
    """Two steps an episode; its frames are as bright as the step."""

    observation_space = gym.spaces.Box(0.0, 9.0, (1,))
    action_space = gym.spaces.Discrete(2)
    metadata = {"render_modes": ["rgb_array"]}

    def __init__(self, render_mode=None, broken="", drift=0):
        self.render_mode, self.broken = render_mode, broken

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = 0
        return np.zeros(1, dtype=np.float32), {}

    def step(self, action):
        self.at += 1
        return np.full(1, self.at, dtype=np.float32), 1.0, self.at == 2, False, {}

    def render(self):
        if self.broken == "raise":
            raise ImportError("no brushes here")
        if self.broken == "shape":
            return np.zeros((4, 4))
        return np.full((300, 600, 3), 100 * self.at, dtype=np.uint8)


class Unseen(Framed):
    metadata = {"render_modes": []}


class Moody(gym.Env):
    """Another run each time, whatever the seed."""

    observation_space = gym.spaces.Discrete(3)
    action_space = gym.spaces.Discrete(2)
    lives = 0

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            type(self).lives += 1
        return self.lives % 3, {}

    def step(self, action):
        return self.lives % 3, float(self.lives), True, False, {}
'''


def a_world(name: str = MAZE, drift: str = "") -> EnvWorld:
    world = make_world(name).under(make_terms([drift] if drift else None, plain=True))
    assert isinstance(world, EnvWorld)
    return world


def run_of(world: EnvWorld, agent: str = "q-learning", steps: int = 3000) -> Trace:
    chunks: list[Trace] = []
    world.run(make_agent(agent, world), 0, Budget(steps), chunks.append)
    return join(chunks)


def made_up(lengths: list[int], cut: int = 0) -> Trace:
    """Return a trace of episodes of these lengths; the last one is without an end if `cut`."""
    episode = np.repeat(np.arange(len(lengths)), lengths)
    ends = np.cumsum(lengths) - 1
    terminated = np.isin(np.arange(len(episode)), ends[: len(lengths) - cut])
    return make_trace(len(episode), {"episode": episode, "terminated": terminated})


@given(
    st.lists(st.one_of(st.integers(1, 60), st.integers(1, 2000)), min_size=1, max_size=40),
    st.integers(0, 1),
    st.lists(st.integers(0, 30_000), max_size=2, unique=True),
)
@settings(max_examples=150, deadline=None)
def test_scenes_are_short_apart_and_in_the_run(lengths: list[int], cut: int, at: list[int]) -> None:
    trace = made_up(lengths, cut)
    n = len(trace)
    scenes = scenes_of(trace, [(step, step) for step in sorted(at) if step < n])
    steps = [step for scene in scenes for step in scene.steps]
    assert len(set(steps)) == len(steps) and min(steps) == 0 and max(steps) < n
    assert all(0 < len(scene.steps) <= FRAMES and list(scene.steps) == sorted(scene.steps) for scene in scenes)
    assert all(0 <= scene.begin < scene.end <= n for scene in scenes)
    assert scenes[0].title == "early" and len({scene.title for scene in scenes}) == len(scenes)


def test_scenes_show_whole_episodes_and_both_sides_of_a_drift() -> None:
    scenes = {scene.title: scene for scene in scenes_of(made_up([10] * 100), [(505, 505)])}
    assert list(scenes) == ["early", "before the drift", "after the drift", "at the end"]
    assert scenes["early"].steps == tuple(range(30))
    assert scenes["before the drift"].steps == tuple(range(470, 500))
    assert scenes["after the drift"].steps == tuple(range(510, 540))
    assert scenes["at the end"].steps == tuple(range(970, 1000))
    long = {scene.title: scene for scene in scenes_of(made_up([5000]), [])}
    assert [scene.steps[0] for scene in long.values()] == [0, 2500, 5000 - FRAMES]
    middle = scenes_of(made_up([100] * 30), [])[1].steps
    assert middle[0] == 1500 and middle[-1] == 1599 and len(middle) == FRAMES  # its beginning and its end


def test_what_is_filmed_is_the_run_itself() -> None:
    world = a_world()
    plain, screen = run_of(world), screen_of(world)
    film = shoot(world, lambda: make_agent("q-learning", world), 0, Budget(3000), screen=screen, steps=range(60))
    assert same_run(plain, film.trace) and not same_run(plain, run_of(world, steps=2999))
    assert sorted(film.before) == list(range(60))
    for step, shown in film.before.items():
        assert isinstance(shown, Board) and "".join(shown.rows).index("@") == plain.cell[step]
    ends = [step for step in range(60) if plain.terminated[step] or plain.truncated[step]]
    assert sorted(film.after) == ends and film.tables[3000].shape == (64, 4)


@pytest.mark.parametrize("name", ["FrozenLake-v1", "CliffWalking-v1", "Taxi-v4"])
def test_gymnasiums_own_worlds_need_no_library_to_draw(name: str) -> None:
    world = a_world(name)
    screen = screen_of(world)
    film = shoot(world, lambda: make_agent("random", world), 1, Budget(40), screen=screen, steps=range(40))
    ground_wide = {"FrozenLake-v1": 4, "CliffWalking-v1": 12, "Taxi-v4": 5}[name]
    for step, shown in film.before.items():
        assert isinstance(shown, Board) and "".join(shown.rows).count("@") == 1
        if name != "Taxi-v4":
            assert "".join(shown.rows).index("@") == film.trace.cell[step] and len(shown.rows[0]) == ground_wide


def test_a_world_that_drifts_by_its_tables_is_shown_as_it_is_then() -> None:
    world = a_world(drift="abrupt@30")
    screen = screen_of(world)
    film = shoot(world, lambda: make_agent("random", world), 0, Budget(60), screen=screen, steps=range(60))
    now = {step: shown.rows for step, shown in film.before.items() if isinstance(shown, Board)}
    assert len(now) == 60
    walls = {step: tuple(row.replace("@", ".") for row in rows) for step, rows in now.items()}
    assert walls[29] != walls[30]
    assert all("".join(rows).index("@") == film.trace.cell[step] for step, rows in now.items())
    assert settings_under(world, 0) == {} and "desc" in settings_under(world, 1)


@pytest.mark.parametrize("concept", [0, 1])
def test_a_drift_of_the_worlds_own_is_shown_too(concept: int) -> None:
    world = a_world(f"{MAZE}:drift=abrupt@30")
    env: Any = screen_of(world).stage(concept).unwrapped
    rows = env.rows if concept == 0 else env.own_change(1)["desc"]
    shown = env.render().split("\n")
    at = divmod(env.state, 8)
    assert [row.replace("@", rows[at[0]][at[1]]) for row in shown] == list(rows)


def test_captions_say_what_happened() -> None:
    world = a_world()
    trace, solutions = run_of(world), world.law.solutions
    assert not isinstance(solutions, str)
    teller = Teller(trace, world.meta, ["up", "right", "down", "left"], [], solutions)
    starts = {0, *(int(k) + 1 for k in np.flatnonzero(trace.terminated | trace.truncated))}
    earned = moves = 0.0
    for step in range(500):
        earned, moves = (0.0, 0) if step in starts else (earned, moves)
        told, gap = teller.caption(step, "x"), trace.best[step] - trace.value[step]
        assert f"step {step:,} · " in told.where and f"move {int(moves) + 1} " in told.where
        assert told.where.endswith(f"reward so far {amount(earned)}")
        wrong = gap > 0.01 * world.meta.gap_range
        assert told.wrong is bool(wrong) is teller.wrong(step) is teller.marks(step).wrong
        name = ["up", "right", "down", "left"][int(trace.choice[step])]
        assert f" {name}: earns {amount(trace.reward[step])}" in told.told
        assert told.told.startswith("tries") == bool(trace.greedy[step] != trace.choice[step])
        if wrong:
            assert f"costs {amount(gap)}; best was " in told.verdict and told.verdict.split(":")[0].isupper()
        earned, moves = earned + trace.reward[step], moves + 1


def test_summaries_are_those_of_the_stretch() -> None:
    world = a_world()
    trace = run_of(world)
    solutions = world.law.solutions
    assert not isinstance(solutions, str)
    teller = Teller(trace, world.meta, list("abcd"), [], solutions)
    scene = scenes_of(trace, [])[-1]
    assert (scene.begin, scene.end) == (2700, 3000)
    gaps = (trace.best - trace.value)[2700:]
    told = teller.summary(scene)
    assert told[0] == "steps 2,700 to 2,999 of the run" and told[2].endswith(f"{float(gaps.mean()):.2f} on average")
    share = 100 * np.mean(gaps > 0.01 * world.meta.gap_range)
    assert abs(float(told[1].split()[1]) - share) < 0.1


def test_maps_are_sums_over_their_phase() -> None:
    world = a_world(drift="abrupt@1000")
    film = shoot(world, lambda: make_agent("q-learning", world), 0, Budget(3000), learned_at=[1000])
    assert sorted(film.tables) == [1000, 3000]
    solutions = world.law.solutions
    assert not isinstance(solutions, str)
    spans = spans_of(3000, [1000])
    assert spans == [("before the drift", 0, 1000), ("after the drift", 1000, 3000)]
    assert spans_of(3000, []) == [("", 0, 3000)] == spans_of(3000, [3000])
    for law, span in zip(solutions, spans, strict=True):
        phase = phase_of(span[0], film, law, world.meta, *span[1:])
        assert phase.visits.sum() == span[2] - span[1]
        for state in (0, 9, 63):
            here = slice(*span[1:])
            mine = film.trace.cell[here] == state
            gaps = (film.trace.best - film.trace.value)[here][mine]
            assert phase.visits[state] == mine.sum() and np.isclose(phase.cost[state], gaps.sum())
        assert phase.learned is not None and np.array_equal(phase.learned, film.tables[span[2]])


def test_a_gif_keeps_its_frames_and_its_colours(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (60, 40), colour) for colour in ("#ffffff", "#0072B2", "#D55E00")]
    path = save_gif(frames, [100, 200, 300], tmp_path / "a.gif")
    with Image.open(path) as found:
        assert found.n_frames == 3 and found.info["loop"] == 0  # type: ignore[attr-defined]
        for k, frame in enumerate(frames):
            found.seek(k)
            assert found.info["duration"] == 100 * (k + 1)
            assert found.convert("RGB").getpixel((3, 3)) == frame.getpixel((3, 3))
    assert save_gif(frames, [100, 200, 300], tmp_path / "b.gif").read_bytes() == path.read_bytes()
    assert [one.name for one in sorted(tmp_path.iterdir())] == ["a.gif", "b.gif"]


def test_the_command_writes_an_animation_and_maps(tmp_path: Path) -> None:
    told = document("watch", MAZE, "q-learning:step_size=0.5", "--steps", 2000, "--drift", "abrupt@1000", cwd=tmp_path)
    assert told["animation"] == "GridMaze-v0--q-learning-step-size-0.5.gif" == file_name(MAZE, told["agent"])
    assert [one["title"] for one in told["scenes"]] == ["early", "before the drift", "after the drift", "at the end"]
    assert (told["decisions"], told["seed"], told["notes"]) == (2000, 0, [])
    with Image.open(tmp_path / told["animation"]) as found:
        assert found.n_frames == told["frames"] > 100  # type: ignore[attr-defined]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([told["animation"], *told["figures"]])
    assert 10_000 < (tmp_path / told["animation"]).stat().st_size < 3_000_000


def test_the_same_run_gives_the_same_bytes_and_overwrites(tmp_path: Path) -> None:
    out = tmp_path / "new" / "a.gif"
    watch("FrozenLake-v1", "q-learning", steps=500, out=out)
    before = {path.name: path.read_bytes() for path in out.parent.iterdir()}
    assert sorted(before) == ["a-maps.png", "a-maps.svg", "a.gif"]
    out.write_bytes(b"something else")
    watch("FrozenLake-v1", "q-learning", steps=500, out=out)
    assert {path.name: path.read_bytes() for path in out.parent.iterdir()} == before
    other = watch("FrozenLake-v1", "q-learning", seed=1, steps=500, out=out)
    assert other.seed == 1 and out.read_bytes() != before["a.gif"]


@pytest.mark.parametrize("name", ["Taxi-v4:fickle_passenger=True", "sandbox/Driving-v0:fog=2", "sandbox/TicTacToe-v0"])
def test_worlds_whose_states_are_more_than_what_is_seen(name: str, tmp_path: Path) -> None:
    seen = watch(name, "q-learning", steps=600, out=tmp_path / "a.gif")
    assert seen.frames > 50 and len(seen.figures) in (2, 4) and seen.notes == []


def test_frames_of_the_worlds_own_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(FRAMED)
    seen = watch("mine.py:Framed", "random", steps=30)
    assert len(seen.notes) == 1 and seen.notes[0].startswith("no mistakes are marked, and there are no maps: ")
    assert seen.figures == [] and not any("mistakes" in line for _, told in seen.scenes for line in told)
    with Image.open(seen.animation) as found:
        shades = set()
        for k in range(found.n_frames):  # type: ignore[attr-defined]
            found.seek(k)
            shades.add(found.convert("RGB").getpixel((240, 150)))
    assert {(0, 0, 0), (100, 100, 100), (200, 200, 200)} <= shades  # before, underway, and after the end
    drifting = watch("mine.py:Framed", "random", steps=30, terms=make_terms(["abrupt@9:drift=1"], plain=True))
    assert drifting.decisions == 30


def test_a_run_that_is_another_each_time_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(FRAMED)
    seen = watch("mine.py:Moody", "random", steps=30)
    assert any("not give the same run twice" in note for note in seen.notes)
    assert any("shown as a strip of its 3 states" in note for note in seen.notes)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["FrozenLake-v2", "q-learning"], "did you mean"),
        ([MAZE, "q-lerning"], "did you mean 'q-learning'"),
        (["spam", "logistic"], "spam is a stream: it has no frames to watch; see its curves with 'sandbox run spam"),
        (["mine.py:Unseen", "random"], "draws nothing: its environment has no render mode 'ansi' or 'rgb_array'"),
        (["mine.py:Framed:broken=raise", "random"], "cannot be drawn: ImportError: no brushes here"),
        (["mine.py:Framed:broken=shape", "random"], "its frame is no array of pixels"),
        (["mine.py:Framed", "q-learning"], "needs discrete observations"),
        ([MAZE, "random", "--steps", "0"], "--steps 0 is out of range"),
        ([MAZE, "random", "--seed", "-1"], "--seed -1 is out of range"),
        ([MAZE, "random", "--out", "a.png"], "an animation is written as .gif"),
        ([MAZE, "random", "--out", "mine.py/a.gif"], "the animation cannot be written"),
        ([MAZE, "random", "--out", "folder.gif"], "it is a folder"),
        ([MAZE, "random", "--drift", "abrupt@9:wnd=1"], "wnd"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(words: list[str], told: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FRAMED)
    (tmp_path / "folder.gif").mkdir()
    assert told in complaint("watch", *words, cwd=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == ["folder.gif", "mine.py"]


@pytest.mark.parametrize("name", ["CartPole-v1"])
def test_a_missing_library_is_named(name: str, tmp_path: Path) -> None:
    try:
        import pygame  # noqa: F401
    except ImportError:
        assert "pygame is not installed" in complaint("watch", name, "random", cwd=tmp_path)
    else:
        assert document("watch", name, "random", "--steps", 200, cwd=tmp_path)["frames"] > 20


def test_a_failing_run_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(
        "class Bad:\n    def begin(self, *a): self.n = 0\n    def learn(self, e): pass\n"
        "    def act(self, o):\n        self.n += 1\n        return 0 if self.n < 9 else 1 / 0\n"
    )
    assert "step 8: the agent's act raised ZeroDivisionError" in complaint("watch", MAZE, "bad.py:Bad", cwd=tmp_path)
    assert list(tmp_path.glob("*.gif")) == []


def test_stopped_it_leaves_no_half_file(tmp_path: Path) -> None:
    words = [*COMMAND, "watch", MAZE, "random", "--steps", "3000000", "--out", "a.gif"]
    with subprocess.Popen(words, cwd=tmp_path, env=os.environ, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(4)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and said == "sandbox: stopped\n"
    assert list(tmp_path.iterdir()) == []


def test_it_prints_what_it_saw(tmp_path: Path) -> None:
    done = sandbox("watch", "FrozenLake-v1", "random", "--steps", 300, "--out", "a.gif", cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.strip().splitlines()
    assert [line.split(":")[0] for line in lines] == ["early", "midway", "at the end", "figure"]
    assert lines[-1] == "figure: a.gif  a-maps.png  a-maps.svg"


def test_a_world_of_a_users_without_text_is_refused_once() -> None:
    class Blank(gym.Env[Any, Any]):
        observation_space, action_space = gym.spaces.Discrete(1000), gym.spaces.Discrete(2)

    with pytest.raises(SandboxError, match="draws nothing"):
        watch(make_world(Blank), "random", steps=5)


def test_names_of_files_are_safe() -> None:
    assert file_name("a b/c", "x:y=(1, 2)") == "c--x-y-1-2.gif" and file_name("/", "/") == "x--x.gif"
