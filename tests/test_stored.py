"""Stored runs become results again: the same numbers, told apart by their terms, filtered by world, agent and tag."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from shell import complaint, document, sandbox, user_file

from sandbox.errors import SandboxError
from sandbox.records import FOLDER, Record, check_tag, keep, records
from sandbox.result import Result
from sandbox.stored import load
from sandbox.study import run_study
from sandbox.world import Budget, make_terms


def study(folder: Path, world: str = "FrozenLake-v1", *agents: str, **more: Any) -> Result:
    terms = make_terms(more.pop("drift", None), more.pop("feedback", None))
    seeds, steps = more.pop("seeds", 3), more.pop("steps", 400)
    agents = agents or ("q-learning", "random")
    return run_study(world, agents, seeds=range(seeds), budget=Budget(steps), terms=terms, runs=folder, **more)


def told(result: Result) -> dict[str, Any]:
    document = result.as_json()
    for agent in document["agents"]:  # a clock
        del agent["decisions_per_second"]
    return document


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("stored")
    study(place, tag="one", command="sandbox run 1")
    study(place, "FrozenLake-v1", "q-learning", "sarsa", drift="abrupt@200:is_slippery=False", tag="two")
    study(place, "spam:cost_ratio=5", "logistic", "majority", feedback="delayed=20", steps=300, tag="two")
    return place


@pytest.mark.parametrize(
    ("world", "agents", "more"),
    [
        ("FrozenLake-v1", ("q-learning", "random", "oracle"), {"drift": "abrupt@200:is_slippery=False"}),
        ("spam", ("logistic", "random"), {"drift": ["gradual@100~50", "recurring@150"], "feedback": "delayed=9"}),
        ("river:Phishing", ("river:GaussianNB()", "majority"), {"steps": None}),
    ],
)
def test_what_is_read_is_what_was_found(tmp_path: Path, world: str, agents: tuple[str, ...], more: Any) -> None:
    made = study(tmp_path, world, *agents, **more)
    (read,) = load(tmp_path)
    assert told(read) == told(made)
    assert read.versions == made.versions
    assert [agent.name for agent in read.agents] == list(agents)


def test_terms_are_told_apart(folder: Path) -> None:
    found = load(folder)
    assert sorted((one.world, one.drifting.drift, one.drifting.feedback) for one in found) == [
        ("FrozenLake-v1", "", "immediate"),
        ("FrozenLake-v1", "abrupt@200:is_slippery=False", "immediate"),
        ("spam:cost_ratio=5", "", "delayed=20"),
    ]
    assert next(one for one in found if not one.drifting.drift and one.world.startswith("F")).commands == [
        "sandbox run 1"
    ]


def test_filters(folder: Path) -> None:
    assert {one.world for one in load(folder, world="FrozenLake-v1")} == {"FrozenLake-v1"}
    assert [one.world for one in load(folder, world="spam")] == ["spam:cost_ratio=5"]  # all its settings
    assert [agent.name for one in load(folder, agents=["sarsa"]) for agent in one.agents] == ["sarsa"]
    assert sorted(len(one.agents) for one in load(folder, agents=["q-learning", "random"])) == [1, 2]
    assert sorted(one.world for one in load(folder, tag="two")) == ["FrozenLake-v1", "spam:cost_ratio=5"]
    for wrong, text in (
        ({"world": "FrozenLak-v1"}, "did you mean 'FrozenLake-v1'"),
        ({"agents": ["sarssa"]}, "did you mean 'sarsa'"),
        ({"tag": "on"}, "did you mean 'one'"),
    ):
        with pytest.raises(SandboxError, match=text):
            load(folder, **wrong)  # type: ignore[arg-type]


def test_a_tag_means_its_own_seeds(tmp_path: Path) -> None:
    study(tmp_path, seeds=2, tag="small")
    study(tmp_path, seeds=5, tag="large")
    assert [len(agent.runs) for agent in load(tmp_path, tag="small")[0].agents] == [2, 2]
    assert [len(agent.runs) for agent in load(tmp_path)[0].agents] == [5, 5]


def test_damaged_files_are_named_and_left_out(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "runs"
    shutil.copytree(folder, place)
    first, second, *_ = sorted(place.glob("*.parquet"))
    first.write_bytes(first.read_bytes()[:-40])
    (place / "not-ours.parquet").write_text("no")
    (place / FOLDER / "0.json").write_text('{"schema": 1, "files": 3}')
    (place / FOLDER / "1.json").write_text("[" * 100_000)
    found = load(place)
    assert all(sum("left out" in note for note in one.notes) == 2 for one in found)
    assert any(first.name in note for note in found[0].notes)
    second.unlink()
    assert load(place)


def test_a_study_that_was_stopped_and_one_that_was_settled_say_so(tmp_path: Path) -> None:
    study(tmp_path, seeds=2, tag="short")
    first = records(tmp_path)[0]
    keep(tmp_path, Record(first.world, first.files, (0, 1, 2), "long", "sandbox run it --until settled"))
    (found,) = load(tmp_path, tag="long")
    assert any(note.startswith("2 of 6 runs of a study are missing") for note in found.notes)
    assert any("until it was settled" in note for note in found.notes)
    (whole,) = load(tmp_path, tag="short")
    assert whole.notes == []


def test_a_folder_without_runs(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="no such folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(SandboxError, match=r"holds no runs$"):
        load(tmp_path)
    (tmp_path / "x.parquet").write_text("no")
    with pytest.raises(SandboxError, match=r"holds no runs that can be read: .*x\.parquet"):
        load(tmp_path)


def test_records(tmp_path: Path) -> None:
    first = Record("w", ("a", "b"), (0, 1), "t", "sandbox run w a b")
    keep(tmp_path, first)
    keep(tmp_path, Record("w", ("b", "a"), (0, 1, 2), "t", "sandbox run w b a"))  # the same study, asked anew
    keep(tmp_path, Record("w", ("a", "b"), (0, 1), "other"))
    assert [record.tag for record in sorted(records(tmp_path), key=lambda one: one.tag)] == ["other", "t"]
    assert next(record for record in records(tmp_path) if record.tag == "t").seeds == (0, 1, 2)
    assert not list(tmp_path.glob(".tmp*"))
    with pytest.raises(SandboxError, match="is no name"):
        check_tag("two\nlines")
    with pytest.raises(SandboxError, match="is no name"):
        check_tag("x" * 101)


@pytest.mark.parametrize(
    "told", [{}, [], 3, {"schema": 1}, {"schema": 1, "world": 1, "files": [], "seeds": [], "tag": "", "command": ""}]
)
def test_a_record_that_is_none_is_no_record(tmp_path: Path, told: Any) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "x.json").write_text(json.dumps(told))
    assert records(tmp_path) == []


def test_the_command_compares_what_is_stored(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "runs")
    found = document("compare", cwd=tmp_path)["comparisons"]
    assert len(found) == 3
    (lake,) = document("compare", "--tag", "one", "--metric", "regret", cwd=tmp_path)["comparisons"]
    assert lake["metric"] == "regret" and lake["better"] == "lower"
    assert [row["agent"] for row in lake["ranking"]][-1] == "random"
    (pair,) = lake["differences"]
    assert pair["a"] == "q-learning" and pair["over"] == "seeds" and pair["n"] == 3
    shown = sandbox("compare", "--world", "spam", cwd=tmp_path)
    assert shown.returncode == 0 and "place" in shown.stdout and "logistic" in shown.stdout
    assert "no metric 'regrets'; did you mean 'regret'" in complaint("compare", "--metric", "regrets", cwd=tmp_path)
    assert "nothing of who is better" in complaint("compare", "--metric", "episodes", cwd=tmp_path)
    assert "no such folder" in complaint("compare", "--runs", "nowhere", cwd=tmp_path)
    for out in (".", "", "x.pdf"):
        assert "the name of a figure" in complaint("compare", "--out", out, cwd=tmp_path)


def test_a_stored_world_of_the_users_is_not_executed(tmp_path: Path) -> None:
    user_file(tmp_path)
    first = document("run", "mine.py:Corridor", "mine.py:Walker", "random", "--seeds", 3, "--steps", 60, cwd=tmp_path)
    (tmp_path / "mine.py").write_text("raise SystemExit('executed')")
    (found,) = document("compare", cwd=tmp_path)["comparisons"]
    assert {row["agent"] for row in found["ranking"]} == {"mine.py:Walker", "random"}
    means = {row["agent"]: row["metrics"]["return"]["mean"] for row in first["agents"]}
    assert all(math.isclose(means[row["agent"]], row["mean"]["mean"]) for row in found["ranking"])


def test_a_tag_is_kept_and_listed(tmp_path: Path) -> None:
    words = ("FrozenLake-v1", "random", "--seeds", 2, "--steps", 50, "--tag", "my tag")
    assert sandbox("run", *words, cwd=tmp_path).returncode == 0
    (row,) = document("list", "runs", cwd=tmp_path)["runs"]
    assert row["tags"] == ["my tag"] and row["seeds"] == 2 and row["world"] == "FrozenLake-v1"
    (record,) = records(tmp_path / "runs")
    assert record.command == "sandbox run FrozenLake-v1 random --seeds 2 --steps 50 --tag 'my tag'"
    assert "is no name" in complaint("run", "FrozenLake-v1", "random", "--tag", "a\nb", cwd=tmp_path)
