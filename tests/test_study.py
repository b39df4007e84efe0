"""A study does what is missing and no more, in any order, on any number of processes, through kills and faults."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shell import COMMAND, document, sandbox, stored, user_file

from sandbox.errors import SandboxError
from sandbox.runs import Options
from sandbox.store import read_file
from sandbox.study import run_study
from sandbox.world import Budget

AGENTS = ("q-learning:step_size=0.5", "random", "sarsa")


def study(folder: Path | None, agents: tuple[str, ...] = AGENTS, seeds: Any = range(3), **more: Any) -> tuple[Any, int]:
    """Run a small study; return its result and how many runs were done for it."""
    done: list[str] = []
    told = {"budget": Budget(300), "jobs": 1, "world": "FrozenLake-v1"} | more
    result = run_study(agents=agents, seeds=seeds, runs=folder, progress=lambda what, left: done.append(what), **told)
    return result, len(done)


# --- the same bytes ---------------------------------------------------------------------------------------------------


def test_the_same_study_gives_the_same_bytes(tmp_path: Path) -> None:
    study(tmp_path / "a")
    np.random.seed(7)  # noqa: NPY002 - the global state must not matter
    random.seed(7)
    study(tmp_path / "b", tuple(reversed(AGENTS)), seeds=[2, 0, 1], jobs=3)
    words = ("run", "FrozenLake-v1", "sarsa", "random", AGENTS[0], "--seeds", 3, "--steps", 300, "--runs", "c")
    assert sandbox(*words, "--jobs", 2, cwd=tmp_path, PYTHONHASHSEED="5").returncode == 0
    for one in (AGENTS[0],), ("random",), ("sarsa",):
        study(tmp_path / "d", one)
    whole = stored(tmp_path / "a")
    assert len(whole) == 3
    for other in "bcd":
        assert stored(tmp_path / other) == whole, other


def test_only_what_is_missing_is_run(tmp_path: Path) -> None:
    first, count = study(tmp_path, seeds=[1])
    assert count == 3
    assert study(tmp_path, seeds=[1])[1] == 0
    more, count = study(tmp_path, seeds=range(3))
    assert count == 6
    assert [run.seed for run in more.agents[0].runs] == [0, 1, 2]
    assert more.agents[0].runs[1].scores.metrics == pytest.approx(first.agents[0].runs[0].scores.metrics, nan_ok=True)
    again, count = study(tmp_path, seeds=[2])
    assert count == 0 and [run.seed for run in again.agents[0].runs] == [2]
    assert study(tmp_path, (*AGENTS, "expected-sarsa"))[1] == 3
    study(tmp_path / "straight")
    assert stored(tmp_path / "straight").items() <= stored(tmp_path).items()


def test_asking_for_less_or_for_traces_loses_nothing(tmp_path: Path) -> None:
    study(tmp_path, ("random",), seeds=range(4))
    before = stored(tmp_path)
    assert study(tmp_path, ("random",), seeds=[0, 5], trace=True)[1] == 2
    assert study(tmp_path, ("random",), seeds=range(6))[1] == 1  # only seed 4
    assert before.keys() <= stored(tmp_path).keys()


def test_two_studies_at_once_keep_each_others_runs(tmp_path: Path) -> None:
    def meanwhile(what: str, left: int) -> None:
        if not (tmp_path / "done").exists():
            (tmp_path / "done").touch()
            study(tmp_path, ("random",), seeds=[7, 8])

    told: dict[str, Any] = {"budget": Budget(300), "jobs": 1, "progress": meanwhile}
    run_study("FrozenLake-v1", ["random"], seeds=[0, 1], runs=tmp_path, **told)
    assert study(tmp_path, ("random",), seeds=[0, 1, 7, 8])[1] == 0


def test_two_studies_in_two_processes_lose_no_seed(tmp_path: Path) -> None:
    script = (
        "import sys, time; from sandbox.study import run_study; from sandbox.store import Store;"
        "from sandbox.world import Budget; write = Store.write;"
        "Store.write = lambda *told: (time.sleep(0.05), write(*told));"  # between what is read and what is written
        "first = int(sys.argv[1]);"
        "[run_study('FrozenLake-v1', ['random'], seeds=[seed], budget=Budget(50), jobs=1, runs='runs')"
        " for seed in range(first, first + 12)]"
    )
    both = [subprocess.Popen([sys.executable, "-c", script, first], cwd=tmp_path) for first in ("0", "100")]
    assert [process.wait(60) for process in both] == [0, 0]
    (path,) = (tmp_path / "runs").glob("*.parquet")
    assert [run.seed for run in read_file(path)[1]] == [*range(12), *range(100, 112)]


@pytest.mark.parametrize("change", ["budget", "setting", "world", "window", "fading", "episodes"])
def test_whatever_decides_the_result_gives_another_file(change: str, tmp_path: Path) -> None:
    study(tmp_path, ("sarsa",))
    more: dict[str, dict[str, Any]] = {
        "budget": {"budget": Budget(301)},
        "episodes": {"budget": Budget(300, 9)},
        "setting": {"agents": ("sarsa:epsilon=0.2",)},
        "world": {"world": "FrozenLake-v1:is_slippery=False"},
        "window": {"options": Options(window=50)},
        "fading": {"options": Options(fading=0.9)},
    }
    assert study(tmp_path, **({"agents": ("sarsa",)} | more[change]))[1] == 3
    assert len(stored(tmp_path)) == 2


def test_changed_files_of_the_user_are_run_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("world", "agent"):  # two files of one name
        (tmp_path / folder).mkdir()
        user_file(tmp_path / folder)
    (tmp_path / "rows.csv").write_text("x,y\n1,a\n2,b\n3,a\n")

    def counts() -> tuple[int, int]:
        own = study(tmp_path / "runs", ("agent/mine.py:Walker", "random"), world="world/mine.py:Corridor", seeds=[0])
        return own[1], study(tmp_path / "runs", ("majority",), world="rows.csv:y", seeds=[0], budget=Budget())[1]

    assert counts() == (2, 1) and counts() == (0, 0)
    with Path("world/mine.py").open("a") as file:
        file.write("# another law\n")
    assert counts() == (2, 0)
    with Path("agent/mine.py").open("a") as file:
        file.write("# another learner\n")
    assert counts() == (1, 0)
    Path("rows.csv").write_text("x,y\n1,a\n2,b\n3,b\n")
    assert counts() == (0, 1)


# --- one run is one run -----------------------------------------------------------------------------------------------


def test_one_seed_and_identical_runs_have_no_interval(tmp_path: Path) -> None:
    (one, _), (lake, _) = study(None, seeds=[0]), study(None, seeds=range(2))
    assert one.as_json()["agents"][0]["metrics"]["return"]["low"] is None
    assert lake.as_json()["agents"][0]["metrics"]["regret"]["low"] is not None
    (tmp_path / "rows.csv").write_text("x,y\n" + "".join(f"{k},{'ab'[k % 3 == 0]}\n" for k in range(60)))
    models = ("river:GaussianNB()", "river:HoeffdingTreeClassifier()")
    data, _ = study(None, models, world=f"{tmp_path}/rows.csv:y", seeds=range(4), budget=Budget())
    told = data.as_json()
    for agent in told["agents"]:
        accuracy = agent["metrics"]["accuracy"]
        assert (accuracy["n"], accuracy["low"], agent["distinct_runs"]) == (1, None, 1)
    (pair,) = told["differences"]  # over stretches of time, since seeds say nothing
    assert pair["over"] == "time" and pair["n"] == 10 and pair["low"] <= pair["mean"] <= pair["high"]
    assert any("counts once" in text for text in data.warnings())


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("kill", "killed by signal 9, twice"),
        ("exit", "ended with status 7, twice"),
        ("raise", "step 30: the agent's act raised ValueError: lost my way"),
        ("surrogate", "raised ValueError"),
    ],
)
def test_a_fault_on_one_seed_leaves_the_others(fault: str, says: str, jobs: int, tmp_path: Path) -> None:
    user_file(tmp_path)
    name = f"mine.py:Walker:fault='{fault}',on=1"
    words = ("run", "FrozenLake-v1", name, "random", "--seeds", 3, "--steps", 100, "--jobs", jobs)
    told = document(*words, cwd=tmp_path, status=1)
    own, other = told["agents"]
    assert [failed["seed"] for failed in own["failed"]] == [1] and says in own["failed"][0]["error"]
    assert "FrozenLake-v1" in own["failed"][0]["error"] and "seed 1" in own["failed"][0]["error"]
    assert other["failed"] == [] and own["metrics"]["regret"]["n"] == 2
    assert own["per_seed"]["regret"][1] is None and None not in other["per_seed"]["regret"]
    done = sandbox(*words, cwd=tmp_path)  # once more: the failed one is tried again, and alone
    assert done.returncode == 1 and "2 + 1 failed" in done.stdout and says[:25] in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_traceback_of_a_failure_is_kept(tmp_path: Path) -> None:
    user_file(tmp_path)
    path = f"{tmp_path}/mine.py:Walker:fault=raise,on=1"
    result, _ = study(tmp_path / "runs", (path,))
    _, runs = read_file(next((tmp_path / "runs").glob("*.parquet")))
    assert [run.seed for run in runs if run.scores is None] == [1] == [run.seed for run in result.failed]
    assert "mine.py" in runs[1].traceback and "lost\nmy way" in runs[1].traceback and "\n" not in runs[1].error


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"agents": ()}, "at least one agent"),
        ({"seeds": []}, "at least one seed"),
        ({"seeds": [0, 0]}, "given twice"),
        ({"seeds": [-1]}, "whole number"),
        ({"seeds": [0.5]}, "whole number"),
        ({"seeds": [2**63]}, "below 2"),
        ({"seeds": range(10**12)}, "too many seeds"),
        ({"seeds": range(10**30)}, "too many seeds"),
        ({"budget": Budget(10**23)}, "steps is out of range"),
        ({"budget": Budget(None, 10**5000)}, "episodes is out of range"),
        ({"options": Options(window=0)}, "window=0 is out of range"),
        ({"options": Options(window=10**13)}, "out of range"),
        ({"options": Options(fading=2.0)}, "fading=2.0 is out of range"),
        ({"trace": True}, "there is none"),
    ],
)
def test_requests_that_make_no_sense(request_: dict[str, Any], says: str) -> None:
    with pytest.raises(SandboxError, match=says):
        study(None, **request_)


# --- stopped ----------------------------------------------------------------------------------------------------------

SLOW = ("run", "mine.py:Corridor", "mine.py:Walker:pause=0.002", "random", "--seeds", "4", "--steps", "250")


def start(cwd: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *words], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def workers_in(cwd: Path) -> list[int]:
    """Return the worker processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes()
            if b"sandbox.worker" in words and (process / "cwd").resolve() == cwd.resolve():
                found.append(int(process.name))
    return found


def wait_until_gone(cwd: Path) -> None:
    until = time.monotonic() + 10
    while workers_in(cwd):
        assert time.monotonic() < until, "workers outlive the study"
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="processes are found by /proc")
def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    user_file(tmp_path)
    words = (*SLOW, "--trace")
    assert sandbox(*words, "--runs", "straight", cwd=tmp_path).returncode == 0
    rng = random.Random(3)
    for _ in range(4):
        process = start(tmp_path, *words)
        time.sleep(rng.uniform(1.0, 4.0))
        process.kill()
        process.communicate()
        wait_until_gone(tmp_path)
    assert sandbox(*words, cwd=tmp_path).returncode == 0
    assert stored(tmp_path / "runs") == stored(tmp_path / "straight")
    assert len(stored(tmp_path / "runs")) == 2 + 8
    assert not list((tmp_path / "runs").glob(".tmp*"))


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="processes are found by /proc")
def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(tmp_path: Path) -> None:
    user_file(tmp_path)
    words = ("run", "mine.py:Corridor", "random", "mine.py:Walker:pause=0.05", "--seeds", "3", "--steps", "400")
    process = start(tmp_path, *words, "--jobs", "2")
    until = time.monotonic() + 60
    while not list((tmp_path / "runs").glob("*--random--*.parquet")):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    began = time.monotonic()
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 5  # a couple of seconds, on a busy machine
    assert (process.returncode, out) == (130, "")
    assert err.count("\n") == 1 and "kept in runs; the same command goes on from there" in err
    wait_until_gone(tmp_path)
    kept = len(json.loads(sandbox("list", "runs", "--json", cwd=tmp_path).stdout)["runs"])
    assert kept >= 1 and not list((tmp_path / "runs").glob(".tmp*"))
