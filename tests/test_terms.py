"""Drift, feedback and the open loop, asked for on the command line and in Python: the same runs, told honestly."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flips
import gymnasium
import numpy as np
import pytest
from flips import Flip, Flipper, levers
from shell import COMMAND, document, sandbox, stored

from sandbox import api
from sandbox.agents.filters.logistic import Logistic
from sandbox.agents.tabular.q_learning import QLearning
from sandbox.errors import SandboxError
from sandbox.result import Result
from sandbox.runs import Options, Run
from sandbox.store import read_file
from sandbox.streams.spam import Spam
from sandbox.study import run_study
from sandbox.world import Budget, make_terms

SPAM = "spam:campaigns=2,topics=2"
LATE = "delayed=uniform(0,40)+partial=0.9+noisy=0.05"
STUDIES: dict[str, tuple[str, tuple[str, ...], list[str], str]] = {
    "spam": (SPAM, ("logistic", "naive-bayes"), ["abrupt@1000:obfuscation=0.5"], LATE),
    "maze": ("sandbox/GridMaze-v0", ("q-learning", "random"), ["recurring@700", "gradual@900~300:slip=0.1"], ""),
    "slate": ("recommendation", ("linucb", "epsilon-greedy"), ["abrupt@900"], "delayed=5"),
}


def study(
    folder: Path | None, name: str, plain: bool = False, seeds: Any = range(3), **more: Any
) -> tuple[Result, int]:
    """Run one of the studies; return its result and how many runs were done for it."""
    done: list[str] = []
    world, agents, drift, feedback = STUDIES[name]
    told = {"drift": drift, "feedback": feedback, "jobs": 2, "options": Options(window=100), "steps": 2000} | more
    terms = make_terms(told.pop("drift"), told.pop("feedback"), plain)
    result = run_study(
        world, agents, seeds=seeds, budget=Budget(told.pop("steps")), terms=terms, runs=folder,
        progress=lambda what, left: done.append(what), **told,
    )  # fmt: skip
    return result, len(done)


def alike(one: Run, other: Run) -> None:
    """Two runs are the same, but for how they were made."""
    assert one.scores is not None and other.scores is not None
    assert one.scores.fingerprint == other.scores.fingerprint and one.scores.decisions == other.scores.decisions
    np.testing.assert_equal(one.scores.metrics, other.scores.metrics)
    assert one.scores.curves.keys() == other.scores.curves.keys()
    for name, curve in one.scores.curves.items():
        np.testing.assert_array_equal(curve, other.scores.curves[name], err_msg=name)
    assert repr(one.recoveries) == repr(other.recoveries) != "()"  # NaN equals NaN


# --- the same bytes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STUDIES)
def test_plain_and_compiled_runs_are_the_same_runs(name: str, tmp_path: Path) -> None:
    fast, count = study(tmp_path, name)
    assert count == 6 and fast.failed == [] and all(agent.why_plain == "" for agent in fast.agents)
    before = stored(tmp_path)
    slow, count = study(tmp_path, name, plain=True)
    assert count == 6 and all(agent.why_plain == "the open loop was asked for" for agent in slow.agents)
    for one, other in zip(fast.agents, slow.agents, strict=True):
        for a, b in zip(one.runs, other.runs, strict=True):
            alike(a, b)
    assert stored(tmp_path).keys() == before.keys() and stored(tmp_path) != before  # it says how it was run
    again, count = study(tmp_path, name, plain=True)
    assert count == 0 and again.agents[0].why_plain == "the open loop was asked for"
    back, count = study(tmp_path, name)
    assert count == 6 and back.agents[0].why_plain == "" and stored(tmp_path) == before
    told = [result.as_json() | {"agents": [], "differences": []} for result in (fast, slow)]
    assert told[0] == told[1]


def test_the_same_study_gives_the_same_bytes(tmp_path: Path) -> None:
    _, agents, drift, feedback = STUDIES["spam"]
    study(tmp_path / "a", "spam", jobs=1)
    study(tmp_path / "b", "spam", seeds=[2, 0])
    study(tmp_path / "b", "spam", seeds=[1])
    words = ["run", SPAM, *reversed(agents), "--drift", drift[0], "--feedback", feedback, "--seeds", 3, "--steps", 2000]
    done = sandbox(*words, "--window", 100, "--runs", "c", cwd=tmp_path, PYTHONHASHSEED="5")
    assert done.returncode == 0 and done.stderr == ""
    whole = stored(tmp_path / "a")
    assert len(whole) == 2
    assert stored(tmp_path / "b") == whole == stored(tmp_path / "c")


def test_many_seeds_in_threads_are_those_of_one_thread(tmp_path: Path) -> None:
    for jobs in (1, 6):
        study(tmp_path / str(jobs), "spam", seeds=range(40), jobs=jobs, steps=300, drift="gradual@100~50")
    assert stored(tmp_path / "1") == stored(tmp_path / "6")


@pytest.mark.parametrize(
    ("name", "world", "agents"),
    [
        ("spam", lambda: Spam(campaigns=2, topics=2), [Logistic]),
        ("maze", lambda **settings: gymnasium.make("sandbox/GridMaze-v0", **settings), [QLearning]),
    ],
)
def test_objects_are_run_as_names_are(name: str, world: Callable[..., Any], agents: list[Any]) -> None:
    (of_names, _), (_, _, drift, feedback) = study(None, name), STUDIES[name]
    found = api.run(world, agents, seeds=3, steps=2000, drift=drift, feedback=feedback or None, window=100)
    for one, other in zip(of_names.agents[0].runs, found.agents[0].runs, strict=True):
        alike(one, other)
        assert one.why_plain == other.why_plain == ""
    assert set(found.agents[0].trained) == {0, 1, 2}


def test_killed_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    study(tmp_path / "straight", "spam", seeds=range(8), steps=30_000, feedback="delayed=9")
    script = (
        "import os, signal; from sandbox.study import run_study; from sandbox.runs import Options;"
        "from sandbox.world import Budget, make_terms;"
        "from sandbox.store import Store; write = Store.write;"
        "Store.write = lambda *told: (write(*told), os.kill(os.getpid(), signal.SIGKILL));"  # after the first file
        f"run_study({SPAM!r}, ('logistic', 'naive-bayes'), seeds=range(8), budget=Budget(30_000), jobs=2, runs='runs',"
        "options=Options(window=100), terms=make_terms(['abrupt@1000:obfuscation=0.5'], 'delayed=9'),"
        "progress=lambda what, left: left > 14 or __import__('time').sleep(0.7))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(read_file(next((tmp_path / "runs").glob("*.parquet")))[1]) > 0
    _, count = study(tmp_path / "runs", "spam", seeds=range(8), steps=30_000, feedback="delayed=9")
    assert 0 < count < 16
    assert stored(tmp_path / "runs") == stored(tmp_path / "straight")


# --- what decides a file ----------------------------------------------------------------------------------------------

BASE = ["gradual@500~100:focus=0.2,overlap=0.1", "recurring@300"]


@pytest.mark.parametrize(
    ("drift", "feedback", "same"),
    [
        ([" gradual@0500~100:focus=0.20 , overlap=.1", "recurring@300"], "noisy=.1+delayed=3", True),
        (["gradual@500~100:overlap=0.1,focus=0.2", "recurring@300"], "delayed=3+noisy=0.1+partial=1", True),
        (BASE, "delayed=3+noisy=0.2", False),
        (BASE, "delayed=geometric(3)+noisy=0.1", False),
        (BASE, "delayed=3+noisy=0.1+one-sided=junk", False),
        (BASE, None, False),
        (["gradual@500~101:focus=0.2,overlap=0.1", "recurring@300"], "delayed=3+noisy=0.1", False),
        (BASE[:1], "delayed=3+noisy=0.1", False),
        (None, "delayed=3+noisy=0.1", False),
    ],
)
def test_terms_decide_the_file(drift: Any, feedback: str | None, same: bool, tmp_path: Path) -> None:
    told: dict[str, Any] = {"seeds": [0], "steps": 20, "jobs": 1}
    study(tmp_path, "spam", drift=BASE, feedback="delayed=3+noisy=0.1", **told)
    assert len(stored(tmp_path)) == 2
    _, count = study(tmp_path, "spam", drift=drift, feedback=feedback, **told)
    assert (count, len(stored(tmp_path))) == ((0, 2) if same else (2, 4))


def test_immediate_feedback_has_several_spellings(tmp_path: Path) -> None:
    for k, feedback in enumerate((None, "", "immediate", "delayed=0", "partial=1.0+noisy=0")):
        _, count = study(tmp_path, "spam", drift=None, feedback=feedback, seeds=[0], steps=20)
        assert count == (2 if k == 0 else 0)


def test_a_function_that_drifts_is_part_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("law.py").write_text("def f(env, progress):\n    env.length = 0.5 + progress\n")
    told: dict[str, Any] = {"seeds": [0, 1], "budget": Budget(80), "runs": tmp_path / "runs"}

    def count(function: str) -> int:
        done: list[str] = []
        terms = make_terms(f"abrupt@40:law.py:{function}")
        found = run_study("CartPole-v1", ("random",), terms=terms, progress=lambda what, _: done.append(what), **told)
        assert found.failed == [] and found.drifting.drift == f"abrupt@40:law.py:{function}"
        return len(done)

    assert (count("f"), count("f")) == (2, 0)
    with Path("law.py").open("a") as file:
        file.write("\n\ndef g(env, progress):\n    pass\n")
    assert (count("f"), count("g"), count("f")) == (2, 2, 0)


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_the_document_tells_the_terms(tmp_path: Path) -> None:
    world, agents, drift, feedback = STUDIES["spam"]
    words = ["run", world, *agents, "--drift", drift[0], "--feedback", feedback, "--seeds", 2]
    told = document(*words, "--steps", 1500, "--window", 50, cwd=tmp_path)
    assert told["drift"] == drift[0] and told["feedback"] == "delayed=uniform(0,40)+partial=0.9+noisy=0.05"
    assert told["changes"] == [{"begin": 1000, "complete": 1000}]
    for agent in told["agents"]:
        assert (agent["compiled"], agent["why_plain"]) == (True, "")
        (row,) = agent["recovery"]
        assert {"change", "complete", "n", "at_risk", "recovered", "censored", "median", "restricted_mean", "drop",
                "cost", "horizon", "undecided", "notes"} == row.keys()  # fmt: skip
        assert row["n"] == 2 and row["drop"].keys() == {"mean", "low", "high", "n"}
        assert row["median"].keys() == {"median", "low", "high", "n"}
    plain = document(*words, "--steps", 1500, "--window", 50, "--plain", cwd=tmp_path)
    for one, other in zip(told["agents"], plain["agents"], strict=True):
        assert (other["compiled"], other["why_plain"]) == (False, "the open loop was asked for")
        assert one["metrics"] == other["metrics"] and one["recovery"] == other["recovery"]
    shown = sandbox(*words, "--steps", 1500, "--window", 50, cwd=tmp_path).stdout
    assert "compiled: logistic, naive-bayes" in shown and "asked for" not in shown


def test_unknown_and_endless_numbers_are_null() -> None:
    told = api.run(Flip, [Flipper(settles=True)], seeds=3, steps=2000, window=50, drift="abrupt@1000").as_json()
    (row,) = told["agents"][0]["recovery"]
    assert row["median"]["median"] is None and row["median"]["high"] is None
    json.dumps(told, allow_nan=False)


# --- threads ----------------------------------------------------------------------------------------------------------


def test_what_breaks_in_a_compiled_run_breaks_that_run_alone(tmp_path: Path) -> None:
    shutil.copy(flips.__file__, tmp_path / "mine.py")
    words = ("run", "mine.py:Flip", "mine.py:Quick:on=1", "oracle", "--seeds", 4, "--steps", 20_000, "--jobs", 2)
    told = document(*words, "--drift", "abrupt@9000", cwd=tmp_path, status=1)
    broken, oracle = told["agents"]
    assert [failed["seed"] for failed in broken["failed"]] == [1] and oracle["failed"] == []
    assert broken["failed"][0]["error"] == (
        "mine.py:Flip, seed 1, after 8192 decisions: ArithmeticError: the loop broke"
    )
    assert broken["compiled"] is True and broken["metrics"]["regret"]["n"] == 1  # all others are one run
    assert broken["per_seed"]["regret"] == [11_000.0, None, 11_000.0, 11_000.0]
    assert "Traceback" not in sandbox(*words, "--drift", "abrupt@9000", cwd=tmp_path).stdout


def test_an_agent_that_cannot_be_made_again_fails_alone() -> None:
    made: list[int] = []

    def maker() -> Flipper:
        made.append(0)
        if len(made) == 4:  # two to look at, then the seeds
            raise OSError("no\nmore")
        return Flipper()

    found = api.run(Flip, [maker], seeds=3, steps=50)
    assert [run.seed for run in found.failed] == [1]
    assert found.failed[0].error == "Flip, seed 1, the agent cannot be made: 'maker' cannot be made: OSError: no more"


def test_ctrl_c_ends_compiled_runs_at_once(tmp_path: Path) -> None:
    shutil.copy(flips.__file__, tmp_path / "mine.py")
    words = ("run", "mine.py:Flip", "mine.py:Quick", "--seeds", "5000", "--steps", "3000000", "--drift", "abrupt@9")
    process = subprocess.Popen(
        [*COMMAND, *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    until = time.monotonic() + 120
    while not list((tmp_path / "runs").glob("*.parquet")):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.1)
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 5  # a second, on a machine that does nothing else
    assert (process.returncode, out) == (130, "")
    assert err.count("\n") == 1 and err.startswith("sandbox: stopped after ") and "of 5000 runs, kept in runs" in err
    assert "the same command goes on from there" in err
    kept = [read_file(path)[1] for path in (tmp_path / "runs").glob("*.parquet")]
    assert len(kept[0]) == int(err.split()[3]) > 0 and not list((tmp_path / "runs").glob(".tmp*"))
    assert all(run.error == "" and run.recoveries[0].note == "" for run in kept[0])


# --- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("world", "drift", "feedback", "says"),
    [
        ("FrozenLake-v1", "abrupt", None, "write KIND@STEP, such as abrupt@20000"),
        ("FrozenLake-v1", "abrupt@0:is_slippery=False", None, "happens at step 1 or later"),
        ("FrozenLake-v1", "sudden@5", None, "there is no drift 'sudden'; one of abrupt, gradual"),
        ("FrozenLake-v1", "abrubt@5", None, "did you mean 'abrupt'"),
        ("FrozenLake-v1", "abrupt@5~3:is_slippery=False", None, "leave out ~3"),
        ("FrozenLake-v1", "abrupt@5000", None, "no change of its own; say what changes, as abrupt@5000:setting=value"),
        ("FrozenLake-v1", "abrupt@5:is_slipery=False", None, "did you mean 'is_slippery'"),
        ("FrozenLake-v1", "abrupt@5:map_name=8x8", None, "FrozenLake-v1: a drift may not change how many states"),
        ("FrozenLake-v1", "abrupt@5:", None, "after the colon comes setting=value or FILE.py:FUNCTION"),
        ("FrozenLake-v1", "abrupt@5:nowhere.py:f", None, "nowhere.py: no such file"),
        ("CartPole-v1", "abrupt@5", None, "no change of its own; say what changes, as abrupt@5:setting=value"),
        ("CartPole-v1", "abrupt@5:gravity=20", None, "has no setting 'gravity'; it has sutton_barto_reward"),
        ("spam", "abrupt@5:spam_shar=0.1", None, "did you mean 'spam_share'"),
        ("spam", "abrupt@5:cost_ratio=1", None, "cost_ratio never changes"),
        ("spam:drift='abrupt@5'", "abrupt@9", None, "has a drift of its own; give one only"),
        ("sandbox/GridMaze-v0:drift='abrupt@5'", "abrupt@9", None, "has a drift of its own; give one only"),
        ("river:Phishing", "abrupt@5", None, "cannot drift on demand: the law behind real data is not known"),
        ("spam", None, "late=3", "'late=3' is not understood"),
        ("spam", None, "delayd=3", "did you mean 'delayed'"),
        ("spam", None, "delayed", "'delayed' needs a value"),
        ("spam", None, "immediate=1", "takes no value"),
        ("spam", None, "delayed=3+delayed=4", "given twice"),
        ("spam", None, "delayed=-3", "out of range: 0 to"),
        ("spam", None, "delayed=soon", "a number of decisions, uniform(a,b)"),
        ("spam", None, "delayed=uniform(5,1)", "out of range"),
        ("spam", None, "partial=x", "partial='x' is out of range"),
        ("spam", None, "noisy=1.5", "noisy=1.5 is out of range"),
        ("spam", None, "active=-1", "a number of answers, from 0"),
        ("spam", None, "one-sided=bin", "there is no such choice; there is deliver, junk"),
        ("FrozenLake-v1", None, "one-sided=4", "there is no such choice; there is 0 to 3"),
        ("river:TrumpApproval", None, "one-sided=1", "needs choices that can be counted"),
        ("Pendulum-v1", None, "one-sided=1", "needs choices that can be counted"),
    ],
)
def test_terms_that_make_no_sense_are_refused_in_one_line(
    world: str, drift: str | None, feedback: str | None, says: str
) -> None:
    with pytest.raises(SandboxError) as caught:
        api.run(world, ["random"], seeds=1, steps=20, drift=drift, feedback=feedback)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_a_drift_function_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "law.py"
    path.write_text("f = 3\n")
    for name, says in (("f", "is no function"), ("g", "has no 'g'")):
        with pytest.raises(SandboxError, match=says):
            api.run("CartPole-v1", ["random"], seeds=1, steps=20, drift=f"abrupt@5:{path}:{name}")


def test_real_data_answers_late_too() -> None:
    told = api.run("river:Phishing", ["majority"], seeds=2, steps=300, feedback="delayed=50+partial=0.5+noisy=0.1")
    assert told.failed == [] and told.drifting.feedback == "delayed=50+partial=0.5+noisy=0.1"
    at_once = api.run("river:Phishing", ["majority"], seeds=2, steps=300)
    assert told.agents[0].values("abstentions")[0] >= 50 > at_once.agents[0].values("abstentions")[0]
    assert "open loop" not in told.agents[0].why_plain and told.agents[0].why_plain
    assert math.isnan(told.agents[0].values("regret")[0])


def test_levers_are_answered_on_one_side_only() -> None:
    found = api.run(levers, [Flipper()], seeds=1, steps=60, feedback="one-sided=1")
    assert found.failed == [] and found.agents[0].values("regret") == [0.0]  # it never hears, and never errs
    with pytest.raises(SandboxError, match="there is 0 to 1"):
        api.run(levers, [Flipper()], seeds=1, steps=60, feedback="one-sided=2")
