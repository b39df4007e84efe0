"""Names and settings of learners around learners: taken apart, refused, stored, swept, listed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from shell import document

from sandbox.agents.wrappers.replay import Replay
from sandbox.catalog import make_agent, make_world
from sandbox.discovery import discover
from sandbox.errors import SandboxError
from sandbox.identity import canonical, decides
from sandbox.listing import listing
from sandbox.runs import Options
from sandbox.sensitivity import sensitivities
from sandbox.stored import load
from sandbox.study import run_study
from sandbox.world import Budget
from sandbox.wrapping import heads_of, innermost, settings_told, unwrap

WRAPPERS = sorted(discover("wrappers"))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("replay:logistic", ("replay", {}, "logistic")),
        ("replay:size=5,replays=2:logistic", ("replay", {"size": 5, "replays": 2}, "logistic")),
        ("reset-on-drift:detector=ADWIN(delta=0.002):river:Pipeline(a=1)",
         ("reset-on-drift", {"detector": "ADWIN(delta=0.002)"}, "river:Pipeline(a=1)")),
        ("reset-on-drift:detector='drift.binary.DDM()':x", ("reset-on-drift", {"detector": "drift.binary.DDM()"}, "x")),
        ("only-mistakes:river:StandardScaler() | LogisticRegression(l2=0.1)",
         ("only-mistakes", {}, "river:StandardScaler() | LogisticRegression(l2=0.1)")),
        ("frozen:replay:size=3:logistic", ("frozen", {}, "replay:size=3:logistic")),
    ],
)  # fmt: skip
def test_names_are_taken_apart(name: str, parts: tuple[Any, ...]) -> None:
    assert unwrap(name) == parts
    assert unwrap("logistic:step_size=0.1") is None is unwrap("river:LogisticRegression()")
    assert innermost(name) == innermost(parts[2]) and heads_of(name)[0] == parts[0]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("replay", "'replay': say which agent, as in replay:logistic"),
        ("replay:size=3", "'replay:size=3': say which agent, as in replay:logistic"),
        ("replay:siez=3:logistic", "'replay:siez=3:logistic' has no setting 'siez'; did you mean 'size'?"),
        ("replay:size=0:logistic", "replay: size=0 is out of range [1, 1e+06]"),
        ("replay:agent=1:logistic", "'replay:agent=1:logistic': the agent stands behind the settings, as in re"),
        ("replay:frozen:logistic", "'replay:frozen:logistic': frozen goes first, as in frozen:replay:AGENT"),
        ("replay:oracle", "'replay:oracle': oracle learns nothing, so that there is nothing to wrap"),
        ("replay:logistik", "there is no agent 'logistik'; did you mean 'logistic'?"),
        ("replai:logistic", "there is no agent 'replai:logistic'; did you mean 'replay'?"),
        ("frozen:a=1:logistic", "'frozen:a=1:logistic': frozen has no settings; those of the agent stand behind"),
        ("committee:detector=ADWIM():logistic", "River has no constructor 'ADWIM'; did you mean 'ADWIN'?"),
        ("committee:detector=GaussianNB():logistic", "detector=GaussianNB(): River's GaussianNB is no drift detector"),
    ],
)  # fmt: skip
def test_names_that_make_no_sense_are_refused_in_one_line(name: str, said: str) -> None:
    with pytest.raises(SandboxError) as refused:
        make_agent(name, make_world("sea"))
    assert str(refused.value).startswith(said) and "\n" not in str(refused.value)


def test_settings_of_all_are_told() -> None:
    world = make_world("sea")
    made = make_agent("frozen:replay:size=50:only-mistakes:logistic:step_size=.1", world)
    told = settings_told(made)
    assert {key.rpartition(".")[0] for key in told} == {"agent", "agent.agent", "agent.agent.agent"}
    assert (told["agent.size"], told["agent.agent.margin"], told["agent.agent.agent.step_size"]) == (50, 0.0, 0.1)
    assert settings_told(make_agent("logistic", world))["step_size"] == 0.1


def test_settings_are_stored_and_decide(tmp_path: Path) -> None:
    agents = [
        "replay:size=50:logistic:step_size=.1",
        "reset:logistic:step_size=.2",
        "replay:size=50:logistic:step_size=.2",
    ]
    found = document("run", "sea", *agents, "--seeds", 1, "--steps", 60, cwd=tmp_path)
    told = {one["agent"]: one["settings"] for one in found["agents"]}
    assert told[agents[0]] | {"size": 50, "replays": 1, "agent.step_size": 0.1} == told[agents[0]]
    assert told[agents[1]]["agent.step_size"] == 0.2
    (again,) = load(tmp_path / "runs", agents=[agents[2]])
    assert again.agents[0].settings["agent.step_size"] == 0.2
    assert len(list((tmp_path / "runs").glob("*.parquet"))) == 3


def test_a_setting_inside_or_outside_can_be_swept() -> None:
    names = [f"replay:size={size}:logistic:step_size={step}" for size in (5, 50) for step in (0.01, 0.1)]
    result = run_study("sea", names, seeds=range(2), budget=Budget(200))
    found = {one.setting: one for one in sensitivities(result)}
    assert set(found) == {"size", "agent.step_size"}
    assert {line.label for line in found["size"].lines} == {
        "replay:logistic, agent.step_size=0.01", "replay:logistic, agent.step_size=0.1"
    }  # fmt: skip


def test_a_users_file_inside_decides_too(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from sandbox.agents.filters.logistic import Logistic\nclass Mine(Logistic): pass\n")
    world, digests = make_world("sea"), []
    for more in ("", "# edited\n"):
        file.write_text(file.read_text() + more)
        about = decides(world, f"frozen:replay:{file}:Mine", {}, Budget(10), Options())
        digests.append([digest for name, digest in about["files"].items() if name == "agent mine.py"])
    assert [len(one) for one in digests] == [1, 1] and digests[0] != digests[1]
    assert isinstance(make_agent(f"replay:{file}:Mine", world), Replay)


def test_one_name_has_one_form() -> None:
    assert canonical("replay:logistic:step_size=0.10") == canonical("replay:logistic:step_size=.1")
    assert canonical("replay:river:LogisticRegression(l2=0.1)") != canonical("replay:river:LogisticRegression(l2=0.2)")


def test_list_shows_them_in_a_group_of_their_own(tmp_path: Path) -> None:
    rows = listing("agents", tmp_path)["agents"]
    assert {row["name"] for row in rows if row["family"] == "wrappers"} == {f"{name}:AGENT" for name in WRAPPERS}
    assert all(row["text"] for row in rows)
    assert len(WRAPPERS) == 6
    _, *own = listing("replay", tmp_path)["replay"]
    assert [row["name"] for row in own] == ["size", "replays", "window"]
    assert not set(WRAPPERS) & set(discover("agents"))
