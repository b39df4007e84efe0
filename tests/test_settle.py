"""Run until it is settled: who is better and after how many seeds, in words; the same command says the same again."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from shell import complaint, document, sandbox, stored, user_file

import sandbox as package
from sandbox.agent_result import AgentResult
from sandbox.drifting import Drifting
from sandbox.errors import SandboxError
from sandbox.evaluator import Scores
from sandbox.result import Result
from sandbox.runs import Run
from sandbox.settle import most_seeds, run_until_settled
from sandbox.trace import Meta

Score = Callable[[int], float]  # of a seed; NaN: the run fails


def chance(mean: float, key: int) -> Score:
    """Return scores that are normal about `mean` with sd 1, the same for a seed whenever it is asked for."""
    return lambda seed: float(np.random.default_rng([key, seed]).normal(mean, 1.0))


def study(seen: list[range] | None = None, **agents: Score) -> Callable[[range], Result]:
    """Return what runs groups of seeds of agents whose return is known; `seen` is told which."""

    def run(name: str, score: Score, seed: int) -> Run:
        value = score(seed)
        if math.isnan(value):
            return Run(seed, None, f"{name}, seed {seed}: it fell over")
        return Run(seed, Scores({"return": value, "regret": -value, "episodes": 1.0}, {}, 100, f"{name} {value}"))

    def run_group(seeds: range) -> Result:
        if seen is not None:
            seen.append(seeds)
        made = [AgentResult(name, {}, [run(name, score, s) for s in seeds]) for name, score in agents.items()]
        note = [f"a note of seeds {seeds.start} to {seeds.stop - 1}", "a note of all"]
        return Result("a world", cast(Meta, None), {}, made, notes=note, drifting=Drifting(), found=len(seeds))

    return run_group


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_groups_are_added_until_all_is_settled() -> None:
    seen: list[range] = []
    run_group = study(seen, good=chance(4.0, 0), fair=chance(2.0, 1), poor=chance(0.0, 2))
    found = run_until_settled(run_group, rng(), metric="return")
    assert seen == [range(start, start + 5) for start in range(0, found.seeds, 5)]
    assert 10 <= found.seeds < 50 and not found.open and not found.refused
    assert {(a, b) for a, b, _ in found.better} == {("good", "fair"), ("good", "poor"), ("fair", "poor")}
    assert max(seeds for *_, seeds in found.better) == found.seeds
    assert [run.seed for run in found.result.agents[0].runs] == list(range(found.seeds))
    assert found.result.found == found.seeds
    assert found.result.notes.count("a note of all") == 1 and found.result.notes[0] == "a note of seeds 0 to 4"
    slowest = max(found.better, key=lambda one: one[2])
    assert f"{slowest[0]} is better than {slowest[1]} in return: settled after {found.seeds} seeds" in found.words()


def test_less_may_be_better() -> None:
    found = run_until_settled(study(a=chance(0.0, 0), b=chance(9.0, 1)), rng(), metric="regret")
    assert found.better == [("b", "a", 10)]
    assert found.words() == ["b is better than a in regret: settled after 10 seeds"]


def test_what_is_not_settled_says_how_large_a_difference_is_unlikely() -> None:
    seen: list[range] = []
    found = run_until_settled(study(seen, a=chance(0.0, 0), b=chance(0.0, 1)), rng(), metric="return", most=23)
    assert seen[-1] == range(20, 23) and found.seeds == 23 and found.open == [("a", "b")] and not found.better
    a, b = (np.array(agent.values("return")) for agent in found.result.agents)
    half = 2.074 * (a - b).std(ddof=1) / math.sqrt(23)  # Student's t with 22 degrees
    reach = abs((a - b).mean()) + half
    (told,) = found.words()
    assert told.startswith("a and b are not settled in return after 23 seeds: a difference of more than ")
    assert 0.99 * reach <= float(told.split("more than ")[1].split()[0]) <= 1.3 * reach  # ours is a little wider


def test_the_answer_is_the_same_every_time_and_needs_no_global_chance() -> None:
    def once() -> Any:
        found = run_until_settled(study(a=chance(0.0, 0), b=chance(0.8, 1)), rng(), metric="return")
        return found.as_json()

    np.random.default_rng(7).normal()
    assert once() == once()


def test_failed_runs_are_left_out_and_told() -> None:
    def shaky(seed: int) -> float:
        return math.nan if seed in (1, 7) else chance(9.0, 5)(seed)

    found = run_until_settled(study(shaky=shaky, poor=chance(0.0, 2)), rng(), metric="return")
    ((ahead, behind, seeds),) = found.better
    assert (ahead, behind) == ("shaky", "poor")
    assert found.words() == [
        f"shaky is better than poor in return: settled after {seeds} seeds, leaving out 2 where a run failed"
    ]


def test_who_never_finishes_is_not_waited_for() -> None:
    seen: list[range] = []
    found = run_until_settled(study(seen, a=lambda seed: math.nan, b=chance(0.0, 1)), rng(), metric="return")
    assert seen == [range(5)] and found.seeds == 5
    assert found.words() == ["a and b cannot be settled by seeds: a has no return: every run of it failed"]


def test_runs_that_are_all_the_same_cannot_be_settled() -> None:
    seen: list[range] = []
    run_group = study(seen, a=lambda seed: 3.0, b=lambda seed: 2.0, c=chance(9.0, 3))
    found = run_until_settled(run_group, rng(), metric="return")
    assert found.refused == {("a", "b"): "each gives the same run on every seed, so more of them say nothing new"}
    assert [one[:2] for one in found.better] == [("c", "a"), ("c", "b")]
    alone = run_until_settled(study(a=lambda seed: 3.0, b=lambda seed: 2.0), rng(), metric="return")
    assert alone.seeds == 5 and not alone.better and not alone.open


def test_equal_scores_are_told_as_such() -> None:
    found = run_until_settled(study(a=chance(0.0, 0), b=chance(0.0, 0)), rng(), metric="return", most=10)
    assert found.words() == ["a and b are not settled in return after 10 seeds: they score the same on every seed"]


def test_requests_that_make_no_sense_are_refused() -> None:
    assert most_seeds("settled", None, 2) == 50
    assert most_seeds("settled", 20, 2) == 20
    for until, seeds, agents, message in (
        ("setled", None, 2, "until='setled'; did you mean 'settled'"),
        ("done", None, 2, "until='done'; there is 'settled'"),
        ("settled", 9, 2, "at least 10 are needed"),
        ("settled", [1, 2], 2, "give the most of them"),
        ("settled", None, 1, "two or more"),
    ):
        with pytest.raises(SandboxError, match=message):
            most_seeds(until, seeds, agents)
    for metric in ("episodes", "retrun"):
        with pytest.raises(SandboxError, match=f"'{metric}' is no metric that says who is better"):
            run_until_settled(study(a=chance(0.0, 0), b=chance(0.0, 1)), rng(), metric=metric)


STUDY = ("run", "FrozenLake-v1:is_slippery=False", "q-learning", "random", "--steps", "2000", "--until", "settled")


def test_the_command_says_the_same_again_without_running(tmp_path: Path) -> None:
    first = document(*STUDY, cwd=tmp_path)
    files = stored(tmp_path / "runs")
    settled = first["settled"]
    (told,) = settled["better"]
    assert told["better"] == "q-learning" and told["worse"] == "random" and told["after_seeds"] == settled["seeds"]
    assert all(agent["seeds"] == list(range(settled["seeds"])) for agent in first["agents"])
    again = document(*STUDY, cwd=tmp_path)
    for one in (first, again):
        for agent in one["agents"]:
            agent.pop("decisions_per_second")
    assert again == first
    assert stored(tmp_path / "runs") == files
    plain = document(*STUDY[:-2], "--seeds", settled["seeds"], cwd=tmp_path)  # the runs are like any other's
    assert plain["agents"][0]["per_seed"] == first["agents"][0]["per_seed"]
    assert stored(tmp_path / "runs") == files


def test_the_command_goes_on_from_the_runs_that_are_there(tmp_path: Path) -> None:
    """As after a study that was stopped in the middle of a group: the same answer, and the same files."""
    told = []
    for name in ("whole", "part"):
        folder = tmp_path / name
        folder.mkdir()
        if name == "part":
            document(*STUDY[:-2], "--seeds", "7", cwd=folder)
        told.append((document(*STUDY, cwd=folder)["settled"], stored(folder / "runs")))
    assert told[0] == told[1]


def test_the_command_tells_it_in_words(tmp_path: Path) -> None:
    done = sandbox(*STUDY, "--seeds", "15", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "q-learning is better than random in return: settled after 10 seeds\n" in done.stdout
    assert "seeds were added until it was settled" in done.stdout
    (record,) = [json.loads(path.read_text()) for path in (tmp_path / "runs" / "studies").glob("*.json")]
    assert record["seeds"] == list(range(10))


def test_the_command_refuses_what_cannot_be_settled(tmp_path: Path) -> None:
    begin = ("run", "FrozenLake-v1", "q-learning")
    assert "did you mean 'settled'" in complaint(*begin, "random", "--until", "setteld", cwd=tmp_path)
    assert "two or more" in complaint(*begin, "--until", "settled", cwd=tmp_path)
    assert "at least 10" in complaint(*begin, "random", "--until", "settled", "--seeds", "5", cwd=tmp_path)
    assert not stored(tmp_path / "runs")


def test_failures_end_the_command_with_status_1(tmp_path: Path) -> None:
    user_file(tmp_path)
    agents = ("mine.py:Walker", "mine.py:Walker:fault='raise',on=2")
    told = document("run", "mine.py:Corridor", *agents, "--steps", "60", "--until", "settled", "--seeds", "10",
                    cwd=tmp_path, status=1)  # fmt: skip
    (text,) = told["settled"]["words"]
    assert "not settled" in text and "leaving out 1 where a run failed" in text
    assert [one["seed"] for one in told["agents"][1]["failed"]] == [2]


def test_python_tells_it_in_the_notes() -> None:
    result = package.run("FrozenLake-v1:is_slippery=False", ["q-learning", "random"], steps=2000, until="settled")
    assert result.notes[0].startswith("q-learning is better than random in return: settled after ")
    assert len(result.agents[0].runs) % 5 == 0
    with pytest.raises(SandboxError, match="did you mean 'settled'"):
        package.run("FrozenLake-v1", ["q-learning", "random"], until="setled")
    with pytest.raises(SandboxError, match="give the most"):
        package.run("FrozenLake-v1", ["q-learning", "random"], seeds=[1, 2], until="settled")
