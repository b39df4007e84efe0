"""Killed or stopped at any moment, a study leaves whole files, no process, and goes on to the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from shell import document, sandbox, stored, user_file
from test_study import start, wait_until_gone

pytestmark = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="processes are found by /proc")

# Compiled agents and plain ones, decisions kept: some seconds of work.
STUDY = ("run", "FrozenLake-v1", "q-learning", "mine.py:Walker:pause=0.001", "random", "--seeds", "4")
STUDY += ("--steps", "300", "--trace", "--jobs", "2")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def listens(process: subprocess.Popen[str]) -> bool:
    """Whether a process has its own handler of SIGTERM, as the command has before it imports anything."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return False
    (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) & 1 << (signal.SIGTERM - 1))


def wait_for(what: object, process: subprocess.Popen[str]) -> None:
    """Wait until `what()` holds or the process has ended."""
    until = time.monotonic() + 60
    while process.poll() is None and not what():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.005)


def left_in(folder: Path) -> list[str]:
    """Return the temporary files in a folder."""
    return [path.name for path in folder.rglob(".tmp*")]


def moments(count: int, seed: int) -> list[float]:
    """Return `count` moments in [0, 1), shuffled: one in each of as many equal parts, so that few cover all."""
    rng = random.Random(seed)
    return rng.sample([(k + rng.random()) / count for k in range(count)], count)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A folder in which the study was done without a fault, and how long that took."""
    place = tmp_path_factory.mktemp("undisturbed")
    user_file(place)
    began = time.monotonic()
    assert sandbox(*STUDY, cwd=place).returncode == 0
    return place, time.monotonic() - began


def test_killed_at_ten_moments_it_goes_on_to_the_same_bytes(undisturbed: tuple[Path, float], tmp_path: Path) -> None:
    straight, seconds = undisturbed
    user_file(tmp_path)
    for k, moment in enumerate(moments(10, seed=7)):
        process = start(tmp_path, *STUDY)
        wait_for(lambda process=process: listens(process), process)
        time.sleep((0.1 + 0.8 * moment) * seconds)
        process.kill()
        process.communicate()
        wait_until_gone(tmp_path)
        for path, data in stored(tmp_path / "runs").items():  # whole files or none, at every moment
            if ".trace-" in path:
                assert data == stored(straight / "runs")[path], (k, path)
    done = sandbox(*STUDY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert stored(tmp_path / "runs") == stored(straight / "runs")
    assert len(stored(straight / "runs")) == 3 + 12 and left_in(tmp_path) == []


def test_stopped_at_any_moment_it_says_one_line_and_goes_on(undisturbed: tuple[Path, float], tmp_path: Path) -> None:
    straight, seconds = undisturbed
    user_file(tmp_path)
    for k, moment in enumerate(moments(6, seed=5)):
        process, number = start(tmp_path, *STUDY), SIGNALS[k % 3]
        wait_for(lambda process=process: listens(process), process)
        time.sleep(moment**2 * seconds)
        os.killpg(process.pid, number)
        began = time.monotonic()
        _, err = process.communicate(timeout=60)
        assert time.monotonic() - began < 10  # a second, but for a machine that does much else
        wait_until_gone(tmp_path)
        assert left_in(tmp_path) == []
        if process.returncode:  # else it had just ended
            assert process.returncode == 128 + number and err.startswith("sandbox: stopped") and err.count("\n") == 1
        else:
            assert err == ""
    assert sandbox(*STUDY, cwd=tmp_path).returncode == 0
    assert stored(tmp_path / "runs") == stored(straight / "runs")


@pytest.mark.parametrize("how", ["compiled", "here"])
def test_ctrl_c_in_this_process(how: str, tmp_path: Path) -> None:
    words = ["run", "FrozenLake-v1", "q-learning", "--seeds", "3", "--steps", "1000000000"]
    if how == "here":
        words += ["--plain", "--jobs", "1"]
    first = [word.replace("1000000000", "2000") for word in words]
    assert sandbox(*first, cwd=tmp_path).returncode == 0  # compiles
    process = start(tmp_path, *words)
    wait_for(lambda: listens(process), process)
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)  # as wrappers do
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.count("\n")) == (130, "", 1), err
    assert "stopped" in err and left_in(tmp_path) == []


def test_signals_that_were_ignored_stay_ignored(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
        "os.execv(sys.executable, [sys.executable, '-m', 'sandbox', *sys.argv[1:]])"
    )
    words = [sys.executable, "-c", script, "run", "FrozenLake-v1", "random", "--seeds", "1", "--steps", "200"]
    process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: listens(process), process)
    process.send_signal(signal.SIGHUP)  # as when a terminal closes under nohup
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")


def test_workers_that_let_nothing_run_die_with_their_parent(tmp_path: Path) -> None:
    text = (
        "import ctypes, os, pathlib\nfrom mine import Walker\n\n\nclass Deaf(Walker):\n"
        "    def act(self, observation):\n"
        "        pathlib.Path('deaf').touch()\n"
        "        ctypes.PyDLL(None).pause()  # in C, and never lets another thread of Python run\n"
    )
    user_file(tmp_path)
    (tmp_path / "deaf.py").write_text(text)
    process = start(tmp_path, "run", "mine.py:Corridor", "deaf.py:Deaf", "--seeds", "1", "--steps", "9")
    wait_for(lambda: (tmp_path / "deaf").exists(), process)
    process.kill()
    process.communicate()
    wait_until_gone(tmp_path)


FAULTS = '''
import ctypes, os, signal, sys, threading, time
from mine import Walker


class Faulty(Walker):
    """Takes its process with it, one way or another, on seed 1."""

    def act(self, observation):
        if self.made == 20 and self.seed == 1:
            if self.fault == "segfault":
                ctypes.string_at(0)
            if self.fault == "memory":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.fault == "leave":
                os._exit(0)
            if self.fault == "closes":
                os.closerange(3, 64)
                time.sleep(1e6)
            if self.fault in ("half", "rubbish"):
                for line in range(3, 32):
                    try:
                        os.write(line, b'{"seed": 1, "err' if self.fault == "half" else b"rubbish\\n")
                    except OSError:
                        pass
                if self.fault == "half":
                    os._exit(3)
            if self.fault == "once" and not os.path.exists("once"):
                open("once", "w").close()
                os._exit(3)
        if self.fault == "prints":
            print("hello", flush=True)
            os.write(1, b"hello\\n")
        return super().act(observation)
'''


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("segfault", "its worker was killed by signal 11, twice"),
        ("memory", "its worker was killed by signal 9, twice"),
        ("leave", "its worker ended with status 0, twice"),
        ("closes", "its worker does not answer, twice"),
        ("half", "its worker ended with status 3, twice"),
        ("rubbish", "its worker answered what is no answer, twice"),
        ("once", ""),
        ("prints", ""),
    ],
)
def test_a_worker_that_dies_or_lies_costs_its_own_run_alone(fault: str, says: str, tmp_path: Path) -> None:
    user_file(tmp_path)
    (tmp_path / "faulty.py").write_text(FAULTS)
    name = f"faulty.py:Faulty:fault={fault},on=1"
    words = ["run", "FrozenLake-v1", name, "--seeds", 3, "--steps", 50, "--jobs", 2]
    if fault in ("prints", "segfault", "closes"):  # may say so on standard error
        done = sandbox(*words, "--json", cwd=tmp_path)
        assert done.returncode == (1 if says else 0) and (says in done.stdout) and "hello" not in done.stdout
        wait_until_gone(tmp_path)
        return
    told = document(*words, cwd=tmp_path, status=1 if says else 0)
    (agent,) = told["agents"]
    errors = [f"FrozenLake-v1, seed 1, {says}"] if says else []
    assert [failed["error"] for failed in agent["failed"]] == errors
    assert agent["metrics"]["regret"]["n"] == 3 - len(errors)
    wait_until_gone(tmp_path)
