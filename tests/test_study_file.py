"""Studies in a file: what it says is what is run; what it cannot mean is refused in one line that names the key."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shell import COMMAND, complaint, document, sandbox, stored, user_file

from sandbox import api
from sandbox.errors import SandboxError
from sandbox.names import split_settings
from sandbox.planned import Planned, check_studies, run_studies
from sandbox.study import run_study
from sandbox.study_file import KEYS, read_study_file, run_file, swept
from sandbox.world import Budget, make_terms

PLAIN = """
worlds = ["FrozenLake-v1", "CliffWalking-v1"]
agents = ["q-learning", "sarsa:epsilon=0.05", "random"]
seeds = 2
steps = 300

[sweep.q-learning]
step_size = [0.1, 0.5]
epsilon = [0, 0.2, 1]

[sweep.sarsa]
step_size = [0.3]
"""

BLOCKS = """
seeds = 3
episodes = 20
agents = "random"
worlds = "FrozenLake-v1"

[[study]]

[[study]]
worlds = ["spam", "recommendation"]
agents = ["thompson:prior_weight={1,2}", "random"]
steps = 200
drift = ["abrupt@50", "recurring@20"]
feedback = "delayed=5"
sweep.random = {}

[[study]]
agents = ["sarsa", "q-learning"]
tag = "mine"
timeout = 2.5
sweep.sarsa.step_size = [0.5]
"""


def written(folder: Path, text: str, name: str = "study.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_worlds_agents_and_the_grid_of_a_sweep(tmp_path: Path) -> None:
    q = [f"q-learning:step_size={a},epsilon={e}" for a in (0.1, 0.5) for e in (0, 0.2, 1)]
    agents = (*q, "sarsa:epsilon=0.05,step_size=0.3", "random")
    terms = {"seeds": 2, "steps": 300}
    assert read_study_file(written(tmp_path, PLAIN)) == [
        Planned("FrozenLake-v1", agents, terms),
        Planned("CliffWalking-v1", agents, terms),
    ]


def test_blocks_take_what_is_said_for_all_and_a_budget_replaces_a_budget(tmp_path: Path) -> None:
    first, spam, items, last = read_study_file(written(tmp_path, BLOCKS))
    assert first == Planned("FrozenLake-v1", ("random",), {"seeds": 3, "episodes": 20})
    assert spam.agents == items.agents == ("thompson:prior_weight=1", "thompson:prior_weight=2", "random")
    assert (spam.budget, first.budget) == (Budget(200), Budget(None, 20))
    assert spam.terms == make_terms(["abrupt@50", "recurring@20"], "delayed=5")
    assert (last.world, last.agents) == ("FrozenLake-v1", ("sarsa:step_size=0.5", "q-learning"))
    assert last.given == {"seeds": 3, "episodes": 20, "tag": "mine", "timeout": 2.5}


def test_what_is_given_beside_the_file_replaces_what_it_says(tmp_path: Path) -> None:
    path = written(tmp_path, BLOCKS)
    beside = {"seeds": 1, "steps": 7, "drift": ["abrupt@3"], "plain": True, "jobs": 2}
    for one in read_study_file(path, beside):
        assert one.given | beside == one.given and "episodes" not in one.given
        assert one.seeds == range(1) and one.budget == Budget(7) and one.terms.plain


SETTINGS = st.one_of(
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.lists(st.one_of(st.integers(), st.text(max_size=3), st.booleans()), max_size=3),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(SETTINGS, min_size=1, max_size=4))
def test_a_swept_value_is_what_the_name_says(values: list[Any]) -> None:
    names = list(swept("file.py:A:x=1", {"file.py:A": {"y": values, "z": [1, "b"]}}, set()))
    found = [split_settings(name) for name in names]
    assert all(parts == ["file.py", "A"] for parts, _ in found)
    assert [repr(told) for _, told in found] == [repr({"x": 1, "y": y, "z": z}) for y in values for z in (1, "b")]


BAD: list[tuple[str, str]] = [
    ("", "names no worlds"),
    ("agents = ['random']", "names no worlds"),
    ("worlds = ['spam']", "names no agents"),
    ("[[study]]\nworlds = 'spam'\n[[study]]", "study 1: names no agents"),
    ("agent = ['random']", "there is no key 'agent'; did you mean 'agents'?"),
    ("worlds = 'spam'\nagents = 'random'\nxyzzy = 1", "there is no key 'xyzzy'; there is worlds"),
    ("[[study]]\nsteps = 3\nseed = 1", "study 1: there is no key 'seed'; did you mean 'seeds'?"),
    ("[study]\nworlds = 'spam'", "study: write each study as a block that begins with [[study]]"),
    ("study = [1, 2]", "write each study as a block"),
    ("study = []", "write each study as a block"),
    ("[[study]]\n[[study.study]]", "there is no key 'study'"),
    ("seeds = 2.0", "seeds = 2.0: a whole number from 1 is needed"),
    ("seeds = true", "seeds = True: a whole number from 1 is needed"),
    ("seeds = 0", "seeds = 0: a whole number"),
    ("seeds = [1, 2]", "seeds = [1, 2]: a whole number"),
    ("steps = '20k'", "steps = '20k': a whole number from 1 is needed"),
    ("plain = 1", "plain = 1: true or false is needed"),
    ("timeout = 0", "timeout = 0: a number of seconds above 0"),
    ("timeout = inf", "timeout = inf: a number of seconds above 0"),
    ("feedback = ['delayed=3']", "feedback = ['delayed=3']: a text is needed"),
    ("worlds = []", "worlds = []: a text or a list of texts"),
    ("agents = ['random', 3]", "agents = ['random', 3]: a text or a list of texts"),
    ("drift = 2026-01-01", "drift = datetime.date(2026, 1, 1): a text or a list of texts"),
    ("sweep = 3", "sweep: write it as a table"),
    ("[sweep]\nstep_size = [1]", "sweep.step_size: say of which agent"),
    ("[sweep.sarsa]\nstep_size = 1", "sweep.sarsa.step_size = 1: a list of values is needed"),
    ("[sweep.sarsa]\nstep_size = []", "sweep.sarsa.step_size = []: a list"),
    ("[sweep.mine.py]\nx = [1]", 'sweep.mine.py: put the agent in quotes, [sweep."AGENT"]'),
    ("[sweep.sarsa]\n'a b' = [1]", "sweep.sarsa: 'a b' is no name of a setting"),
    (
        "worlds='spam'\nagents='sarsa'\n[sweep.sarsaa]\na=[1]",
        "sweep.sarsaa: no study has this agent; did you mean 'sarsa'",
    ),
    ("worlds='spam'\nagents='sarsa:a=2'\n[sweep.sarsa]\na=[1]", "sweep.sarsa.a: the agent 'sarsa:a=2' sets a already"),
    (
        "worlds='spam'\nagents='river:GaussianNB()'\n[sweep.'river:GaussianNB()']\na=[1]",
        "sweep a River model in its name",
    ),
    ("worlds='spam'\nagents='sarsa:a=(1'", "a bracket or quote is not closed"),
    (
        "worlds='spam'\nagents='sarsa'\n[sweep.sarsa]\n" + "".join(f"{x} = {[0] * 99}\n" for x in "abcdef"),
        "sweep.sarsa: makes 941,480,149,401 agents of one; 10,000 is the most",
    ),
    ("worlds = [", "is no TOML: Invalid value (at end of document)"),
    ("seeds = 2\nseeds = 3\n#", "is no TOML: Cannot overwrite a value (at line 2, column 10)"),
    ("a = " + "[" * 5000, "study.toml"),
]


@pytest.mark.parametrize(("text", "told"), BAD, ids=[str(k) for k in range(len(BAD))])
def test_what_a_file_cannot_mean_is_refused_by_name(text: str, told: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SandboxError) as refused:
        read_study_file(path)
    assert told in str(refused.value) and str(path) in str(refused.value) and "\n" not in str(refused.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes("agents = 'caf\u00e9'".encode("latin-1"))
    (tmp_path / "huge.toml").write_bytes(b"#" * 1_000_001)
    (tmp_path / "folder.toml").mkdir()
    for name, told in (
        ("none.toml", "no such file"),
        ("folder.toml", "is no file"),
        ("latin.toml", "is not UTF-8 text (byte 13)"),
        ("huge.toml", "too large"),
        ("a\0b.toml", "no such file"),
        ("x" * 5000 + ".toml", "cannot be read"),
    ):
        with pytest.raises(SandboxError) as refused:
            read_study_file(tmp_path / name)
        assert told in str(refused.value), name
    bom = tmp_path / "bom.toml"
    bom.write_bytes(b"\xef\xbb\xbfworlds = 'spam'\nagents = 'random'")
    assert len(read_study_file(bom)) == 1


@pytest.mark.parametrize(
    ("beside", "told"), [({"seds": 2}, "'seeds'"), ({"worlds": "x"}, "'worlds'"), ({"seeds": 0}, "0")]
)
def test_what_cannot_be_given_beside_a_file(beside: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="beside") as refused:
        read_study_file(written(tmp_path, PLAIN), beside)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (
            "worlds = 'spam'\nagents = ['logistic', 'logistc']",
            "spam: there is no agent 'logistc'; did you mean 'logistic'",
        ),
        ("worlds = 'span'\nagents = 'random'", "did you mean 'spam'"),
        ("worlds = 'spam'\nagents = 'sarsa'", "spam: "),
        ("worlds = 'spam'\nagents = 'random'\nepisodes = 2", "spam is a stream and has no episodes"),
        ("worlds = 'spam'\nagents = 'random'\ndrift = 'sudden@3'", "no drift 'sudden'"),
    ],
)
def test_the_last_study_is_checked_before_the_first_runs(extra: str, told: str, tmp_path: Path) -> None:
    text = f"seeds = 1\n[[study]]\nworlds = 'FrozenLake-v1'\nagents = 'random'\nsteps = 50\n[[study]]\n{extra}"
    assert told in complaint("run", written(tmp_path, text), cwd=tmp_path)
    assert not (tmp_path / "runs").exists()


def test_each_world_is_the_study_that_its_names_would_be(tmp_path: Path) -> None:
    path = written(tmp_path, PLAIN)
    results = run_file(path, runs=tmp_path / "runs", seeds=1)
    for one, result in zip(read_study_file(path), results, strict=True):
        alone = run_study(one.world, one.agents, seeds=range(1), budget=one.budget)
        assert [agent.name for agent in result.agents] == list(one.agents)
        for ours, theirs in zip(result.agents, alone.agents, strict=True):
            assert ours.runs[0].scores is not None and theirs.runs[0].scores is not None
            assert ours.runs[0].scores.fingerprint == theirs.runs[0].scores.fingerprint
            assert ours.settings == theirs.settings


def test_progress_counts_what_is_left_in_the_whole_file(tmp_path: Path) -> None:
    left: list[int] = []
    planned = [Planned("FrozenLake-v1", ("random", "sarsa"), {"seeds": 2, "steps": 20}) for _ in range(2)]
    assert len(list(run_studies(planned, progress=lambda what, rest: left.append(rest)))) == 2
    assert left == [7, 6, 5, 4, 3, 2, 1, 0]


def test_a_fault_of_one_agent_is_no_refusal(tmp_path: Path) -> None:
    path = user_file(tmp_path)
    path.write_text(path.read_text() + "\n\nclass Broken(Walker):\n    def begin(self, *spaces):\n        1 / 0\n")
    check_studies([Planned("FrozenLake-v1", (f"{path}:Broken",))], "here")


def test_the_command_runs_a_file_and_resumes_it(tmp_path: Path) -> None:
    path = written(tmp_path, "window = 50\n" + PLAIN)
    told = document("run", path, "--seeds", 1, cwd=tmp_path)
    assert told["schema"] == 1 and [one["world"] for one in told["studies"]] == ["FrozenLake-v1", "CliffWalking-v1"]
    for one in told["studies"]:
        assert len(one["agents"]) == 8 and all(agent["seeds"] == [0] for agent in one["agents"])
        assert all((tmp_path / figure).is_file() for figure in one["figures"])
    before = stored(tmp_path / "runs")
    again = document("run", path, "--seeds", 1, cwd=tmp_path)
    assert stored(tmp_path / "runs") == before
    for agent in (agent for one in (*told["studies"], *again["studies"]) for agent in one["agents"]):
        agent.pop("decisions_per_second")
    assert json.dumps(again) == json.dumps(told)


def test_the_command_says_what_failed_and_keeps_the_rest(tmp_path: Path) -> None:
    mine = user_file(tmp_path)
    text = f"""
        worlds = ["{mine.name}:Corridor", "{mine.name}:Corridor:length=5"]
        agents = ["{mine.name}:Walker", "random"]
        steps = 100
        sweep."{mine.name}:Walker".fault = ["", "raise"]
        sweep."{mine.name}:Walker".on = [1]
    """
    told = document("run", written(tmp_path, text), "--seeds", 2, "--jobs", 2, cwd=tmp_path, status=1)
    failed = [[len(agent["failed"]) for agent in one["agents"]] for one in told["studies"]]
    assert failed == [[0, 1, 0], [0, 1, 0]]
    done = sandbox("run", "study.toml", "--seeds", 2, cwd=tmp_path)
    assert done.returncode == 1 and done.stdout.count("mine.py:Walker:fault=raise,on=1") >= 2


def test_ctrl_c_within_a_file_keeps_what_is_done(tmp_path: Path) -> None:
    """The first world is done and told, the second stopped; the same command ends as an undisturbed one does."""
    user_file(tmp_path)
    written(
        tmp_path, "worlds = ['FrozenLake-v1', 'mine.py:Corridor']\nagents = ['random', 'mine.py:Walker:pause=0.02']\n"
        "steps = 150\nseeds = 2\njobs = 1",
    )  # fmt: skip
    words = [*COMMAND, "run", "study.toml"]
    process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while not list((tmp_path / "runs").glob("mine.py-Corridor--random--*.parquet")):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "FrozenLake-v1" in out and "Corridor: " not in out
    assert err.count("\n") == 1 and "the same command goes on from there" in err
    assert sandbox("run", "study.toml", cwd=tmp_path).returncode == 0
    assert sandbox("run", "study.toml", "--runs", "straight", cwd=tmp_path).returncode == 0
    assert stored(tmp_path / "runs") == stored(tmp_path / "straight")


def test_agents_beside_a_file_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, PLAIN)
    assert "'random' beside it is too much" in complaint("run", path, "random", cwd=tmp_path)
    assert "AGENT is missing" in complaint("run", "spam", cwd=tmp_path)
    assert "no such file" in complaint("run", "nowhere.toml", cwd=tmp_path)


def test_until_settled_in_a_file_is_as_beside_names(tmp_path: Path) -> None:
    text = "worlds = 'FrozenLake-v1'\nagents = ['q-learning', 'random', 'oracle']\nsteps = 200\nuntil = 'settled'"
    (result,) = run_file(written(tmp_path, text), runs=tmp_path / "runs")
    alone = api.run("FrozenLake-v1", ["q-learning", "random", "oracle"], steps=200, until="settled")
    assert result.notes == alone.notes and [run.seed for run in result.agents[0].runs] == list(
        range(len(alone.agents[0].runs))
    )
    for bad, told in (
        ("until = 'setled'", "did you mean 'settled'"),
        ("until = 'settled'\nseeds = 3", "3 seeds settle"),
    ):
        path = written(tmp_path, f"worlds = 'spam'\nagents = ['logistic', 'random']\n{bad}")
        assert told in complaint("run", path, cwd=tmp_path)


def test_every_key_is_understood(tmp_path: Path) -> None:
    """Each key reaches its study: none of `KEYS` is accepted and then forgotten."""
    values: dict[str, Any] = {
        "worlds": "FrozenLake-v1", "agents": "random", "seeds": 1, "steps": 30, "episodes": 4, "drift": "abrupt@5",
        "feedback": "delayed=2", "window": 3, "plain": True, "trace": True, "jobs": 1, "timeout": 60.0, "tag": "t",
    }  # fmt: skip
    values["drift"] += ":is_slippery=False"
    assert {*values, "until"} == set(KEYS)
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())
    (result,) = run_file(written(tmp_path, text), runs=tmp_path / "runs")
    assert result.window == 3 and result.budget == {"steps": 30, "episodes": 4}
    assert str(result.drifting) == "drift abrupt@5:is_slippery=False; feedback delayed=2"
    assert result.agents[0].why_plain and len(list((tmp_path / "runs").glob("*.trace-*"))) == 1
    assert not math.isnan(result.agents[0].interval("reward").mean)
