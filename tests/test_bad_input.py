"""Bad input, through the real command: one clear line, the right exit status, nothing lost (DESIGN section 11)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from shell import complaint, document, sandbox, user_file

FEW = ("--seeds", 2, "--steps", 60)

REFUSED: list[tuple[tuple[Any, ...], str]] = [
    (("run", "FrozenLake-v1", "random", "--steps", 0), "--steps 0 is out of range"),
    (("run", "FrozenLake-v1", "random", "--episodes", -1), "--episodes -1 is out of range"),
    (("run", "FrozenLake-v1", "random", "--seeds", 0), "--seeds 0 is out of range"),
    (("run", "FrozenLake-v1", "random", "--jobs", 0), "--jobs 0 is out of range"),
    (("run", "FrozenLake-v1", "random", "--window", 0), "window=0 is out of range"),
    (("run", "FrozenLake-v1", "random", "--window", 10**13), "is out of range"),
    (("run", "FrozenLake-v1", "random", "--steps", "many"), "--steps"),
    (("run", "FrozenLake-v1"), "AGENT"),
    (("run", "FrozenLake-v1", "random", "--stpes", 3), "--steps"),
    (("runn", "FrozenLake-v1", "random"), "runn"),
    (("run", "FrozenLake-v1", "q-learning:step_size=2"), "step_size=2 is out of range [0, 1]"),
    (("run", "FrozenLake-v1", "q-learning:epsilon=nan"), "epsilon="),
    (("run", "FrozenLake-v1", "q-learning:step_size=big"), "step_size='big' is not a number"),
    (("run", "FrozenLake-v1", "q-learning:step_size=" + "(" * 9999), "not closed"),
    (("run", "FrozenLake-v1", "q-learning:stepsize=1"), "did you mean 'step_size'"),
    (("run", "FrozenLake-v1", "q-lerning"), "did you mean 'q-learning'"),
    (("run", "FrozenLake-v1", "random", "random"), "given twice"),
    (("run", "FrozenLak-v1", "random"), "did you mean 'FrozenLake-v1'"),
    (("run", "FrozenLake-v1:map_nam=8x8", "random"), "map_nam"),
    (("run", "FrozenLake-v1:map_name=None", "random"), "draws a new map"),
    (("run", "no_such_module:TheirEnv-v0", "random"), "no_such_module"),
    (("run", "nowhere.csv:label", "random"), "nowhere.csv: no such file"),
    (("run", "rows.csv", "random"), "say which column is the label"),
    (("run", "rows.csv:labl", "majority"), "did you mean 'label'"),
    (("run", "rows.csv:label:task=guess", "majority"), "task='guess'"),
    (("run", "rows.csv:x:task=regression", "majority"), "labels"),
    (("run", "ragged.csv:label", "majority"), "ragged.csv: cannot be read"),
    (("run", "gaps.csv:label", "majority"), "row 2 has no value for 'holes'"),
    (("run", "gaps.csv:holes", "majority"), "have no label in 'holes'"),
    (("run", "empty.csv:label", "majority"), "empty.csv"),
    (("run", "bare.csv:label", "majority"), "no rows"),
    (("run", "fake.parquet:label", "majority"), "fake.parquet: cannot be read"),
    (("run", "rows.csv:label", "majority", "--episodes", 3), "is a stream and has no episodes"),
    (("run", "river:Phising", "majority"), "did you mean 'Phishing'"),
    (("run", "river", "majority"), "write river:NAME"),
    (("run", "river:SMSSpam", "majority"), "is not on this machine"),
    (("run", "mine.py:Corridr", "random"), "did you mean 'Corridor'"),
    (("run", "mine.py:Corridor", "mine.py:Wolker"), "did you mean 'Walker'"),
    (("run", "mine.py:Corridor:length=0/0,", "random"), "is no setting"),
    (("run", "nowhere.py:X", "random"), "nowhere.py: no such file"),
    (("run", "broken.py:X", "random"), "broken.py cannot be run: SyntaxError"),
    (("run", "rows.csv:label", "q-learning"), "needs discrete observations"),
    (("run", "CartPole-v1", "q-learning"), "needs discrete observations"),
    (("run", "CartPole-v1", "oracle"), "CartPole-v1 has no oracle"),
    (("run", "FrozenLake-v1", "majority"), "needs a stream"),
    (("run", "FrozenLake-v1", "river:GaussianNB()"), "learns from right answers"),
    (("run", "river:Phishing", "river:LinearRegression()"), "forecasts numbers"),
    (("run", "river:TrumpApproval", "river:GaussianNB()"), "asks for numbers"),
    (("run", "river:ImageSegments", "river:LogisticRegression()"), "knows two labels"),
    (("run", "river:Phishing", "river:__import__('os').system('touch owned')"), "can be called"),
    (("run", "FrozenLake-v1", "random", "--drift", "abrupt@0:is_slippery=False"), "happens at step 1 or later"),
    (("run", "FrozenLake-v1", "random", "--drift", "abrupt@5000"), "say what changes, as abrupt@5000:setting=value"),
    (("run", "CartPole-v1", "random", "--drift", "abrupt@50:gravity=9"), "has no setting 'gravity'"),
    (("run", "rows.csv:label", "majority", "--drift", "abrupt@2"), "rows.csv:label cannot drift on demand"),
    (("run", "mine.py:Corridor", "random", "--drift", "abrupt@2:lenght=3"), "did you mean 'length'"),
    (("run", "mine.py:Corridor", "random", "--drift", "abrupt@2:mine.py:nothing"), "mine.py has no 'nothing'"),
    (("run", "mine.py:Corridor", "random", "--drift", "recurring@9", "--drift", "sudden@2"), "no drift 'sudden'"),
    (("run", "spam", "random", "--feedback", "one-sided=bin"), "there is deliver, junk"),
    (("run", "spam", "random", "--feedback", "delayed"), "'delayed' needs a value"),
    (("run", "rows.csv:label", "majority", "--feedback", "one-sided=c"), "there is no such choice; there is a, b"),
    (("oracle", "CartPole-v1"), "has no oracle"),
    (("oracle", "FrozenLake-v1", "--epsilon", 2), "epsilon=2.0 is out of range"),
    (("list", "wrlds"), "did you mean 'worlds'"),
    (("check", "mine.py:Nothing"), "mine.py has no 'Nothing'"),
    (("demo", "--seeds", 0), "out of range"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    user_file(folder)
    (folder / "rows.csv").write_text("x,label\n1.5,a\n2.5,b\n3.5,a\n")
    (folder / "gaps.csv").write_text("x,label,holes\n1.5,a,1\n2.5,b,\n3.5,a,2\n")
    (folder / "ragged.csv").write_text("x,label\n1,a\n2,b,c\n3\n" + "4,a\n" * 50)
    (folder / "empty.csv").write_text("")
    (folder / "bare.csv").write_text("x,label\n")
    (folder / "fake.parquet").write_text("x,label\n1,a\n")
    (folder / "broken.py").write_text("def\n")
    return folder


@pytest.mark.parametrize(
    ("words", "says"), REFUSED, ids=lambda value: " ".join(map(str, value))[:60] if isinstance(value, tuple) else ""
)
def test_refused_before_anything_runs(words: tuple[Any, ...], says: str, place: Path) -> None:
    assert says in complaint(*words, cwd=place, RIVER_DATA=str(place / "none"))
    assert not (place / "runs").exists() and not (place / "owned").exists() and not (place / "demo").exists()


FAILING = [
    ("mine.py:Corridor:fault='nan reward'", "random", "step 19: the environment gave the reward nan"),
    ("mine.py:Corridor:fault='inf reward'", "random", "step 19: the environment gave the reward inf"),
    ("mine.py:Corridor:fault=observation", "random", "step 19: the environment gave the observation 99"),
    ("mine.py:Boxed:fault='nan observation'", "random", "step 20: the environment gave the observation"),
    ("mine.py:Boxed:fault='nan at reset'", "random", "step 0: the environment gave the first observation"),
    ("mine.py:Corridor:fault=raise", "random", "step 19: the environment's step raised RuntimeError: the corridor"),
    ("FrozenLake-v1", "mine.py:Walker:fault=outside,on=1", "step 30: the agent chose 4, outside 0..3"),
    ("FrozenLake-v1", "mine.py:Walker:fault=text,on=1", "step 30: the agent chose 'left', outside 0..3"),
    ("FrozenLake-v1", "mine.py:Walker:fault=raise,on=1", "step 30: the agent's act raised ValueError: lost my way"),
    ("FrozenLake-v1", "mine.py:Walker:fault=learn,on=1", "step 30: the agent's learn raised KeyError"),
    ("nan.csv:label", "majority", "step 1"),
    ("nan.csv:x:task=regression", "mean", "step 1: the stream gave the label nan"),
]


@pytest.mark.parametrize(("world", "agent", "says"), FAILING, ids=lambda value: str(value)[:40])
def test_a_run_fails_with_the_world_the_seed_and_the_step(world: str, agent: str, says: str, tmp_path: Path) -> None:
    user_file(tmp_path)
    (tmp_path / "nan.csv").write_text("x,z,label\n1.5,1,a\nNaN,2,b\n3.5,3,a\n")
    told = document("run", world, agent, "--seeds", 2, "--steps", 60, cwd=tmp_path, status=1)
    failed = told["agents"][0]["failed"]
    on_one = "on=1" in agent
    assert [failure["seed"] for failure in failed] == ([1] if on_one else [0, 1])
    for failure in failed:
        assert failure["error"].startswith(f"{world}, seed {failure['seed']}, ") and says in failure["error"]
        assert "\n" not in failure["error"]
        assert any(failure["error"] in warning for warning in told["warnings"])
    assert (told["agents"][0]["metrics"]["reward"]["n"]) == (1 if on_one else 0)


def test_an_endless_environment_needs_a_budget_in_steps(tmp_path: Path) -> None:
    user_file(tmp_path)
    world = "mine.py:Corridor:fault=endless"
    told = document("run", world, "random", "--seeds", 1, "--episodes", 3, cwd=tmp_path, status=1)
    assert "did not end within 1000000 steps; give a budget in steps" in told["agents"][0]["failed"][0]["error"]
    document("run", world, "random", "--seeds", 1, "--steps", 50, cwd=tmp_path)


def test_a_model_that_answers_nonsense(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(
        "import math\n"
        "from sandbox import Decision\n"
        "class Odd:\n"
        "    def __init__(self, confidence=2.0): self.confidence = confidence\n"
        "    def begin(self, observations, choices, rng): pass\n"
        "    def act(self, observation): return Decision(0, self.confidence)\n"
        "    def learn(self, experience): pass\n"
        "class Nan(Odd):\n"
        "    def act(self, observation): return math.nan\n"
    )
    for agent, says in (("odd.py:Odd", "2.0"), ("odd.py:Odd:confidence=-0.1", "-0.1"), ("odd.py:Nan", "nan")):
        told = document("run", "river:Phishing", agent, "--seeds", 1, "--steps", 20, cwd=tmp_path, status=1)
        assert "step 0" in told["agents"][0]["failed"][0]["error"] and says in told["agents"][0]["failed"][0]["error"]
    told = document("run", "river:TrumpApproval", "odd.py:Nan", "--seeds", 1, "--steps", 20, cwd=tmp_path, status=1)
    assert "nan, which is not a finite number" in told["agents"][0]["failed"][0]["error"]


def test_a_table_of_failures_has_no_traceback(tmp_path: Path) -> None:
    user_file(tmp_path)
    done = sandbox("run", "mine.py:Corridor:fault=raise", "random", "mine.py:Walker", *FEW, cwd=tmp_path)
    assert done.returncode == 1 and done.stderr == ""
    assert "0 + 2 failed" in done.stdout and "Traceback" not in done.stdout
    assert "seed 0, step 19: the environment's step raised RuntimeError: the corridor collapsed" in done.stdout


def test_an_agent_whose_begin_raises_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(
        "class Odd:\n"
        "    def begin(self, *_): raise OSError('no\\nboard')\n"
        "    def act(self, observation): return 0\n"
        "    def learn(self, experience): pass\n"
    )
    told = document("run", "FrozenLake-v1", "odd.py:Odd", "random", *FEW, cwd=tmp_path, status=1)
    odd, other = told["agents"]
    assert len(odd["failed"]) == 2 and "begin raised OSError: no board" in odd["failed"][0]["error"]
    assert other["failed"] == []
