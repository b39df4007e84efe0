"""Recovery through a whole study: worlds and agents whose answer is known, on the command line and in Python."""

from __future__ import annotations

import json
import math
import shutil
import statistics
from pathlib import Path
from typing import Any

import flips
import numpy as np
import pytest
from flips import Falls, Flip, Flipper, Stubborn, levers
from shell import document, sandbox

from sandbox import api
from sandbox.loop import agent_rng
from sandbox.recovery import NOT_COMPLETE, TOO_SHORT, Recovery, Summary
from sandbox.result import Result
from sandbox.show.results import print_result
from sandbox.store import read_file
from sandbox.stream_world import StreamWorld

CHANGE, STEPS, WINDOW = 1_000, 4_000, 50  # a hundredth of a mistake in a window of 50 is half of one


def study(agent: Any, drift: Any = f"abrupt@{CHANGE}", world: Any = Flip, **more: Any) -> Result:
    return api.run(world, [agent], **({"steps": STEPS, "seeds": 2, "window": WINDOW, "drift": drift} | more))


def only(result: Result) -> Summary:
    """Return how the one agent came through the one change."""
    (found,) = result.agents[0].recoveries()
    return found


def rows(result: Result) -> list[list[Recovery]]:
    return [list(run.recoveries) for run in result.agents[0].done]


# --- one change -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("agent", ["oracle", "random"])
def test_who_learns_nothing_loses_nothing(agent: str) -> None:
    """The oracle is always right, and a random agent as often wrong after the change as its twin."""
    found = only(study(agent, window=1000, seeds=5))
    assert (found.n, found.at_risk, found.recovered, found.undecided) == (1 if agent == "oracle" else 5, 0, 0, 0)
    assert math.isnan(found.censored) and math.isnan(found.median.median)
    assert abs(found.drop.mean) < 1e-12 and abs(found.cost.mean) < 1e-9  # by the twin's luck, not on average


@pytest.mark.parametrize("slow", [1, 2, 20, 400])
def test_wrong_for_a_known_number_of_decisions(slow: int) -> None:
    """Right until the change, wrong for `slow` decisions after it; the twin was so at its start, long ago."""
    found = only(study(Flipper(slow)))
    assert (found.n, found.at_risk, found.recovered, found.censored) == (1, 1, 1, 0.0)  # both seeds are one run
    assert (found.median.median, found.change, found.complete) == (slow, CHANGE, CHANGE)
    assert found.drop.mean == pytest.approx(min(1.0, slow / WINDOW))
    assert found.cost.mean == slow


def test_a_slip_too_short_for_the_window_is_no_drop() -> None:
    found = only(study(Flipper(1), window=1000))  # a quarter of the segment, 750: one mistake in it is under 0.01
    assert (found.n, found.at_risk, found.cost.mean) == (1, 0, 1.0)


def test_wrong_for_ever_is_censored_at_the_last_decision_that_tells() -> None:
    result = study(Flipper(settles=True))
    found = only(result)
    assert (found.at_risk, found.recovered, found.censored) == (1, 0, 1.0)
    assert math.isnan(found.median.median) and found.horizon == STEPS - CHANGE - 2 * WINDOW
    assert found.restricted_mean.mean == found.horizon
    assert (found.drop.mean, found.cost.mean) == (1.0, STEPS - CHANGE)
    (row,) = result.as_json()["agents"][0]["recovery"]
    assert (row["median"]["median"], row["censored"], row["restricted_mean"]["mean"]) == (None, 1.0, found.horizon)


def test_the_median_is_that_of_the_seeds() -> None:
    patience = [5 + int(agent_rng(seed).integers(90)) for seed in range(15)]
    result = study(Flipper(5, 90), seeds=15)
    assert [run[0].steps for run in rows(result)] == patience
    found = only(result)
    assert (found.n, found.recovered, found.median.median) == (15, 15, statistics.median(patience))
    assert min(patience) <= found.median.low <= found.median.median <= found.median.high <= max(patience)
    assert found.cost.mean == pytest.approx(statistics.mean(patience))


def test_late_feedback_puts_recovery_off_by_its_delay() -> None:
    for delay in (0, 7, 300):
        found = only(study(Flipper(4), feedback=f"delayed={delay}"))
        assert (found.median.median, found.cost.mean) == (4 + delay, 4 + delay)


# --- several changes, slow ones, none ---------------------------------------------------------------------------------


def test_a_law_that_recurs_has_two_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    met: list[int] = []
    inner = StreamWorld.twin
    monkeypatch.setattr(StreamWorld, "twin", lambda self, concept: met.append(concept) or inner(self, concept))
    changes = rows(study(Flipper(20), "recurring@500", steps=2600, seeds=1))[0]
    assert [one.change for one in changes] == [500, 1000, 1500, 2000, 2500]
    assert [one.steps for one in changes] == [20] * 5 and [one.note for one in changes] == [""] * 5
    assert [one.cost for one in changes] == [20.0] * 5
    assert sorted(met) == [0, 1]


def test_a_change_that_is_not_complete_before_the_end_is_undecided() -> None:
    result = study(Flipper(20), f"gradual@{CHANGE}~100000")
    found = only(result)
    assert (found.n, found.undecided, found.at_risk) == (0, 2, 0)
    assert rows(result)[0][0].note == NOT_COMPLETE
    told = " ".join(result.warnings())
    assert "gradual@1000~100000 is not complete when the longest run ends" in told
    assert f"recovery is unknown for 2 of 2 changes in its runs: {NOT_COMPLETE}" in told
    (row,) = result.as_json()["agents"][0]["recovery"]
    assert (row["n"], row["notes"], row["drop"]["mean"]) == (0, {NOT_COMPLETE: 2}, None)


def test_a_change_at_the_very_end_is_too_short() -> None:
    assert rows(study(Flipper(), f"abrupt@{STEPS - 3}"))[0][0].note == TOO_SHORT


def test_a_gradual_change_is_measured_from_where_it_begins() -> None:
    found = only(study(Flipper(3), f"gradual@{CHANGE}~500", seeds=6))
    assert (found.change, found.complete, found.n) == (CHANGE, CHANGE + 500, 6)
    assert found.at_risk == 6 and 300 < found.median.median < 700  # the new law is the more likely from 250 on


def test_a_random_walk_never_ceases(capsys: pytest.CaptureFixture[str]) -> None:
    result = study(Flipper(3), "random-walk@100")
    assert result.agents[0].recoveries() == [] and result.drifting.changes == [] and result.drifting.best == []
    print_result(result)
    assert "it never ceases, so there is no recovery to measure" in capsys.readouterr().out


def test_a_change_that_no_run_sees(capsys: pytest.CaptureFixture[str]) -> None:
    result = study(Flipper(3), f"abrupt@{STEPS}")
    assert result.agents[0].recoveries() == [] and result.as_json()["changes"] == []
    assert any(f"abrupt@{STEPS} never happens: the longest run has {STEPS:,} decisions" in w for w in result.warnings())
    print_result(result)
    assert "never happens" in capsys.readouterr().out


# --- runs and twins that fail -----------------------------------------------------------------------------------------


def test_a_twin_that_fails_is_no_failure_of_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    result = study(Flipper(breaks=True))
    assert result.failed == []
    found = only(result)
    assert (found.n, found.undecided) == (0, 1)
    assert (
        "its twin failed: step 0: the agent's learn raised ValueError: not what I am used to" in rows(result)[0][0].note
    )
    print_result(result)
    told = capsys.readouterr().out
    assert "unknown" in told and "its twin failed" in told


def test_an_agent_that_cannot_be_copied_keeps_its_run() -> None:
    result = study(Stubborn(3))
    assert result.failed == [] and "cannot be copied: TypeError: one of a kind" in rows(result)[0][0].note
    assert result.agents[0].values("regret") == [3.0, 3.0]


def test_a_run_that_fails_is_left_out_and_named() -> None:
    result = study(Falls(), seeds=3)
    assert [run.seed for run in result.failed] == [1] and "step 1500" in result.failed[0].error
    assert [len(one) for one in rows(result)] == [1, 1] and only(result).median.median == 3
    alone = study(Falls(on=0), seeds=1)
    assert alone.agents[0].recoveries() == [] and alone.as_json()["agents"][0]["recovery"] == []


# --- environments -----------------------------------------------------------------------------------------------------


def test_an_environment_in_episodes() -> None:
    """Three decisions an episode; a wrong lever ends it, and forgoes what was left: 3, 2 or 1."""
    result = study(Flipper(1), f"abrupt@{CHANGE}:right=1", levers, steps=None, episodes=1000)
    found = only(result)
    assert (found.n, found.at_risk, found.recovered, found.median.median) == (1, 1, 1, 1.0)
    assert found.cost.mean == 2.0  # step 1000 is the second lever of its row
    exact = study(Flipper(1), f"abrupt@{CHANGE}:right=1", levers, steps=3000)
    assert only(exact).cost.mean == 2.0


def test_a_change_that_only_longer_runs_see_is_that_of_those() -> None:
    result = study("random", "abrupt@180:right=1", levers, steps=None, episodes=100, seeds=12)
    lengths = [run.scores.decisions for run in result.agents[0].done if run.scores is not None]
    longer = sum(length > 180 for length in lengths)
    assert 0 < longer < 12
    found = only(result)
    assert found.n + found.undecided == longer


def test_unpriced_worlds_recover_in_returns(capsys: pytest.CaptureFixture[str]) -> None:
    """CartPole, its rewards -1 at a fall instead of 1 a step: an episode of n steps earns n before, -1 after."""
    result = study("random", "abrupt@200:sutton_barto_reward=True", "CartPole-v1", steps=800, jobs=1)
    assert result.failed == [] and result.meta.reference_return == 475.0
    (one,) = result.agents[0].recoveries()
    assert one.change == 200 and one.n == len(result.agents[0].done) and one.at_risk == 0
    assert math.isnan(one.cost.mean)
    told = result.as_json()
    assert (
        told["changes"] == [{"begin": 200, "complete": 200}]
        and told["agents"][0]["recovery"][0]["cost"]["mean"] is None
    )
    print_result(result)
    assert "a drop is a loss of more than 47.5 of an episode's return" in " ".join(capsys.readouterr().out.split())
    assert result.plot().axes


# --- the whole chain --------------------------------------------------------------------------------------------------


def test_through_workers_store_and_json(tmp_path: Path) -> None:
    shutil.copy(flips.__file__, tmp_path / "mine.py")
    agents = ("mine.py:Flipper:slow=20", "mine.py:Flipper:settles=True", "mine.py:Flipper:breaks=True", "oracle")
    words = ("run", "mine.py:Flip", *agents, "--drift", "abrupt@1000", "--steps", STEPS, "--window", WINDOW)
    told = document(*words, "--seeds", 3, "--jobs", 2, cwd=tmp_path)
    assert (told["drift"], told["feedback"]) == ("abrupt@1000", "immediate")
    by_name = {agent["agent"]: agent["recovery"][0] for agent in told["agents"]}
    slow, settled, breaking, best = (by_name[name] for name in agents)
    assert (slow["median"]["median"], slow["drop"]["mean"], slow["cost"]["mean"]) == (20.0, 0.4, 20.0)
    assert (settled["censored"], settled["median"]["median"], settled["horizon"]) == (1.0, None, 2900.0)
    assert breaking["n"] == 0 and list(breaking["notes"].values()) == [1]
    assert (best["n"], best["at_risk"], best["median"]["median"]) == (1, 0, None)
    again = document(*words, "--seeds", 3, cwd=tmp_path)
    assert json.dumps(again["agents"][0]["recovery"]) == json.dumps(told["agents"][0]["recovery"])
    kept = [read_file(path)[1] for path in (tmp_path / "runs").glob("*slow-20*.parquet")]
    assert [run.recoveries[0].steps for run in kept[0]] == [20.0] * 3
    shown = sandbox(*words, "--seeds", 3, cwd=tmp_path).stdout
    assert "after the changes of abrupt@1000, against each run's twin" in shown
    assert "1 of 1" in shown and "no drop" in shown and "more than 2,900" in shown
    assert np.isfinite(told["agents"][0]["metrics"]["reward"]["mean"])
