"""A run that takes too long fails by itself, in one line, wherever it runs and whatever it hangs in."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shell import complaint, document, sandbox, user_file
from test_study import wait_until_gone

import sandbox as door
from sandbox.deadline import Deadline, Halt
from sandbox.errors import SandboxError
from sandbox.store import read_file
from sandbox.study import run_study
from sandbox.world import Budget

SLEEPY = '''
import signal, time
from mine import Corridor

class Sleepy(Corridor):
    """Hangs at decision 40 of the run of seed 1."""

    def __init__(self, how="sleep", at=40, on=1):
        super().__init__()
        self.how, self.hangs, self.on, self.seed = how, at, on, None

    def reset(self, *, seed=None, options=None):
        self.seed = self.seed if seed is None else seed
        return super().reset(seed=seed)

    def step(self, action):
        if self.clock == self.hangs and self.seed == self.on:
            while self.how == "loop":
                pass
            if self.how == "sleep":
                time.sleep(1e6)
            while self.how == "stubborn":
                try:
                    time.sleep(1e6)
                except BaseException:
                    pass
        return super().step(action)
'''


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the user's files."""
    user_file(tmp_path)
    (tmp_path / "sleepy.py").write_text(SLEEPY)
    return tmp_path


# --- a worker ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("sleep", "took longer than the timeout of 3 s: it was at decision 40"),
        ("loop", "took longer than the timeout of 3 s: it was at decision 40"),
        ("stubborn", "took longer than the timeout of 3 s and did not let itself be stopped"),
    ],
)
def test_a_world_that_hangs_fails_its_run_alone(how: str, says: str, place: Path) -> None:
    world = f"sleepy.py:Sleepy:how={how}"
    words = ("run", world, "random", "--seeds", 3, "--steps", 60, "--timeout", 3, "--jobs", 1)
    told = document(*words, cwd=place, status=1, PYTHONPATH=str(place))
    (agent,) = told["agents"]
    assert agent["failed"] == [{"seed": 1, "error": f"{world}, seed 1, {says}"}]
    assert agent["metrics"]["reward"]["n"] == 2 and agent["per_seed"]["reward"][1] is None
    wait_until_gone(place)
    (path,) = (place / "runs").glob("*.parquet")
    assert [run.seed for run in read_file(path)[1] if run.scores is None] == [1]
    if how == "sleep":  # it is no part of what a run is: those that were done are found, the late one is tried again
        shown = sandbox(*words[:-4], "--timeout", 2, cwd=place, PYTHONPATH=str(place))
        assert (
            shown.returncode == 1
            and "random: " in shown.stdout
            and "the timeout of 2 s" in " ".join(shown.stdout.split())
        )
        assert len(list((place / "runs").glob("*.parquet"))) == 1


def test_a_world_that_hangs_before_it_begins(place: Path) -> None:
    text = SLEEPY.replace("super().__init__()", "super().__init__(); __import__('os').environ.get('SLEEPY') or 0")
    text += "\nimport sys\nif 'sandbox.worker' in sys.orig_argv:\n    time.sleep(1e6)\n"
    (place / "sleepy.py").write_text(text)
    words = ("run", "sleepy.py:Sleepy", "random", "--seeds", 1, "--steps", 60, "--timeout", 2)
    told = document(*words, cwd=place, status=1, PYTHONPATH=str(place))
    (failed,) = told["agents"][0]["failed"]
    assert failed["error"] == "sleepy.py:Sleepy, before it began, took longer than the timeout of 2 s"


# --- this process -----------------------------------------------------------------------------------------------------


class Slow:
    """An agent that takes its time on some seeds."""

    def __init__(self, pause: float = 0.0, at: int = 10) -> None:
        self.pause, self.at = pause, at

    def begin(self, observation_space: Any, choice_space: Any, rng: np.random.Generator) -> None:
        self.n, self.made = int(choice_space.n), 0

    def act(self, observation: Any) -> int:
        self.made += 1
        if self.made > self.at:
            time.sleep(self.pause)
        return self.made % self.n

    def learn(self, experience: Any) -> None:
        pass


def test_objects_are_interrupted_in_the_middle_and_the_next_run_goes_on() -> None:
    before = signal.getsignal(signal.SIGALRM)
    began = time.monotonic()
    told: dict[str, Any] = {"seeds": 2, "steps": 200, "timeout": 1.0}
    result = door.run("CliffWalking-v1", [Slow(1e6), Slow()], **told)
    assert time.monotonic() - began < 60
    late, quick = result.agents
    assert [run.error for run in late.runs] == [
        f"CliffWalking-v1, seed {seed}, took longer than the timeout of 1 s: it was at decision 10" for seed in (0, 1)
    ]
    assert "in act" in late.runs[0].traceback and quick.failed == []
    assert signal.getsignal(signal.SIGALRM) is before and signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_in_another_thread_it_ends_between_two_chunks() -> None:
    found: list[Any] = []

    def study() -> None:
        budget = Budget(40_000)
        found.append(run_study("CliffWalking-v1", [Slow(1e-4, 8192)], seeds=[0], budget=budget, timeout=0.3))

    thread = threading.Thread(target=study)
    thread.start()
    thread.join(60)
    (run,) = found[0].agents[0].runs
    assert "took longer than the timeout of 0.3 s: it was at decision 8,192" in run.error


def test_compiled_runs_end_between_two_chunks() -> None:
    told: dict[str, Any] = {"seeds": [0, 1], "budget": Budget(2_000_000_000), "timeout": 0.5}
    began = time.monotonic()
    result = run_study("CliffWalking-v1", ["random"], **told)
    assert time.monotonic() - began < 60
    assert [run.seed for run in result.failed] == [0, 1] and "the timeout of 0.5 s" in result.failed[0].error


def test_a_timer_that_was_set_goes_on() -> None:
    rang: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: rang.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(Halt), Deadline(0.1):
            time.sleep(60)
        assert rang == []
        time.sleep(0.5)
        assert rang == [signal.SIGALRM]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_what_catches_everything_is_interrupted_again() -> None:
    caught = 0
    with Deadline(0.1), pytest.raises(Halt):
        while True:
            try:
                time.sleep(60)
            except BaseException:
                caught += 1
                if caught == 2:
                    raise
    assert caught == 2


# --- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 1e300, "5", True])
def test_limits_that_make_no_sense(timeout: Any) -> None:
    with pytest.raises(SandboxError, match="is out of range: give the seconds that a run may take"):
        run_study("CliffWalking-v1", ["random"], seeds=[0], budget=Budget(10), timeout=timeout)


def test_zero_on_the_command_line_is_one_line(tmp_path: Path) -> None:
    line = complaint("run", "CliffWalking-v1", "random", "--timeout", "0", cwd=tmp_path)
    assert "timeout=0" in line and not (tmp_path / "runs").exists()
