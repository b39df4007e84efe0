"""What a person reads: text from data neither steers the terminal nor counts as markup; unknown numbers are dashes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flips import Flip, Flipper

from sandbox import api
from sandbox.checks import CheckResult
from sandbox.log_score import LogColumns, score_log
from sandbox.result import Result
from sandbox.show.answers import print_checks, print_listing, print_log, print_oracle
from sandbox.show.results import print_figures, print_result
from sandbox.show.text import printable
from sandbox.study import run_study
from sandbox.world import Budget

ODD = "a\x1b[2J\x9b2J\x07\r\n\x7f[/x]ö"
SHOWN = r"a\x1b[2J\x9b2J\x07\r\n\x7f[/x]ö"


@pytest.fixture(scope="module")
def result() -> Result:
    return run_study("FrozenLake-v1", ("random",), seeds=range(2), budget=Budget(50), jobs=1, runs=None)


def test_control_characters_are_spelled_out() -> None:
    assert printable(ODD) == SHOWN
    assert printable("naïve – 中文 \N{GRINNING FACE}") == "naïve – 中文 \N{GRINNING FACE}"


def _prints(result: Result) -> list[Callable[[], None]]:
    agent = result.agents[0]
    odd = Result(ODD, result.meta, result.budget, [type(agent)(ODD, {}, agent.runs)], notes=[ODD])
    row: dict[str, Any] = {"name": ODD, "text": ODD}
    return [
        lambda: print_result(odd),
        lambda: print_figures([Path(ODD)]),
        lambda: print_oracle({"world": ODD, "why_unpriced": ODD}),
        lambda: print_listing({"runs": [row]}),
        lambda: print_checks(ODD, [CheckResult("name", passed=False, text=ODD, message=ODD)]),
    ]


@pytest.mark.parametrize("k", range(5))
def test_no_text_steers_the_terminal(k: int, result: Result, capsys: pytest.CaptureFixture[str]) -> None:
    _prints(result)[k]()
    told = capsys.readouterr().out
    assert SHOWN in told
    assert all(sign.isprintable() or sign == "\n" for sign in told)


def test_groups_of_a_log_do_not_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.csv"
    path.write_text("c,r,g\n1,0.5,\x1b[2Jred\n0,1,[/x]\n1,0,[/x]\n")
    print_log(score_log(str(path), LogColumns(choice="c", reward="r", group="g")))
    told = capsys.readouterr().out
    assert r"\x1b[2Jred" in told and "[/x]" in told and "\x1b" not in told


@pytest.mark.parametrize("unknown", [None, math.nan])
def test_a_world_without_an_optimal_return(
    unknown: float | None, result: Result, capsys: pytest.CaptureFixture[str]
) -> None:
    known = result.oracle or {}
    told = known | {"optimal_return": unknown}
    print_result(Result(result.world, result.meta, result.budget, result.agents, oracle=told))
    assert "best possible return – (seeing the clock); V* of the start 0.823529" in capsys.readouterr().out
    assert not Result(result.world, result.meta, result.budget, result.agents, oracle=told).plot().axes[0].texts


# --- worlds that drift ------------------------------------------------------------------------------------------------


def told(capsys: pytest.CaptureFixture[str], *agents: Any, **more: Any) -> str:
    print_result(api.run(Flip, list(agents), **({"steps": 4000, "seeds": 1, "window": 50} | more)))
    return " ".join(capsys.readouterr().out.split())


def test_recovery_is_told_in_decisions(capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, Flipper(20), Flipper(settles=True), "oracle", drift="abrupt@1000")
    assert "after the changes of abrupt@1000, against each run's twin" in out
    assert "│ Flipper │ 1,000 │ 0.4000 │ 1 of 1 │ 20 │ 20.00 │" in out
    assert "│ Flipper 2 │ 1,000 │ 1.000 │ 0 of 1 │ more than 2,900 │ 3,000 │" in out
    assert "│ oracle │ 1,000 │ 0 │ no drop │ – │ 0 │" in out
    assert "best possible reward per decision ≈ 1, 1 after the last change" in out


def test_a_median_without_an_upper_bound(capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, Flipper(5, 90), seeds=4, drift="abrupt@1000")
    assert re.search(r"4 of 4 │ [\d.]+ \[\d+, (…|\d+)\]", out)


def test_only_the_first_changes_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, Flipper(3), drift="recurring@400")
    assert "the first 6 of 9 changes; --json has them all" in out and "2,400" in out and "2,800 │" not in out


def test_the_terms_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, Flipper(), feedback="delayed=3+noisy=0.1")
    assert "Flip: 4,000 decisions a run, feedback delayed=3+noisy=0.1, mean over runs" in out and "drift" not in out
    assert "random-walk@9: it never ceases" in told(capsys, Flipper(), drift="random-walk@9")
    late = told(capsys, Flipper(), drift="abrupt@4000")
    assert "drift abrupt@4000: no run sees a change" in late and "ceases" not in late and "feedback" not in late
    html = api.run(Flip, [Flipper()], seeds=1, steps=90, drift="abrupt@9", feedback="delayed=3")._repr_html_()
    assert "<caption>Flip; drift abrupt@9; feedback delayed=3; mean [95 % interval] over runs</caption>" in html


def test_what_is_unknown_of_a_change_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, Flipper(breaks=True), drift="abrupt@1000")
    assert "│ 1,000 │ – │ unknown │ – │ – │" in out
    assert "! Flipper: recovery is unknown for 1 of 1 changes in its runs: its twin failed: step 0" in out


def test_who_was_compiled_and_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, Flipper(), "oracle")
    assert "open loop: Flipper (Flipper has no compiled loop); oracle (StreamOracle has no compiled loop)" in out
    print_result(run_study("FrozenLake-v1", ("q-learning",), seeds=[0], budget=Budget(50), jobs=1, runs=None))
    assert "compiled: q-learning" in capsys.readouterr().out
