"""Tables begin with what tells most of a world, and mark in each metric who loses to a yardstick."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import run
from sandbox.agent_result import AgentResult
from sandbox.caveats import MYOPIC
from sandbox.evaluator import Scores
from sandbox.headlines import metrics_of
from sandbox.metrics import AUDIT, METRICS
from sandbox.report.facts import Facts
from sandbox.report.tables import metrics_table
from sandbox.result import Result
from sandbox.runs import Run
from sandbox.show.results import print_result
from sandbox.trace import Meta

LABELLED = Meta("classification", labels=("a", "b"), n_choices=2, episodic=False, why_unpriced="real data")
JUDGED = [name for name, metric in METRICS.items() if metric.better and name not in AUDIT]


@cache
def made(world: str, *agents: str) -> Result:
    return run(world, list(agents), seeds=2, steps=300, jobs=1)


# --- what comes first -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("world", ["house-prices", "demand"])
def test_priced_forecasts_show_their_prices(world: str) -> None:
    result = made(world, "mean")
    assert result.task == "regression, priced" and result.headline == "reward"
    assert result.shown[:2] == ("reward", "regret") and "mae" in result.shown


@pytest.mark.parametrize(
    "world", ["recommendation:satiation=0.5", "spam:reaction=100,budget=10", "rotting-arms:rested=True"]
)
def test_where_choices_change_later_laws_agents_are_ranked_by_shortfall(world: str) -> None:
    result = made(world, "random", "oracle")
    assert result.headline == "shortfall" == result.shown[0]
    assert result.shown[1] == "reward" and "regret" not in result.shown
    assert result.agents[1].values("shortfall") == [0.0, 0.0]
    assert MYOPIC in result.warnings() and MYOPIC.endswith("rank by shortfall")
    assert Facts(result).metric == "shortfall" and METRICS["shortfall"].better == "lower"


def test_a_day_s_alerts_and_slates_show_their_own_measures() -> None:
    fraud, slates = made("fraud", "random"), made("recommendation:slots=3", "random")
    assert fraud.shown[:6] == ("reward", "regret", "precision_at_k", "cost", "bayes_cost", "cards_saved")
    assert fraud.meta.answers == "alerts at the day's end, 90% of the others 14 days later" and not slates.meta.answers
    assert "accuracy" not in fraud.shown and {"recall_at_k", "ndcg_at_k"} <= set(slates.shown[:4])
    assert not {"recall_at_k", "ndcg_at_k"} & set(made("recommendation", "random").shown)


@pytest.mark.parametrize("task", ["control", "classification", "regression"])
@pytest.mark.parametrize("priced", [True, False])
def test_a_table_has_a_handful_of_columns(task: Any, priced: bool) -> None:
    names = metrics_of(Meta(task, why_unpriced="" if priced else "real data"))
    assert 3 < len(names) <= 7 and set(names) <= set(METRICS) and len(set(names)) == len(names)


# --- who loses to a yardstick -----------------------------------------------------------------------------------------


def scored(name: str, metric: str, *values: float) -> AgentResult:
    """An agent whose runs have no value but those of one metric, NaN for a run that failed."""
    nothing = dict.fromkeys(METRICS, math.nan)
    runs = [
        Run(seed, None, "it failed")
        if math.isnan(value)
        else Run(seed, Scores(nothing | {metric: value}, {}, 10, f"{name}{seed}"))
        for seed, value in enumerate(values)
    ]
    return AgentResult(name, {}, runs)


@pytest.mark.parametrize("metric", JUDGED)
def test_every_metric_marks_who_loses(metric: str) -> None:
    """Whatever is better, a mean that is worse than a yardstick's is marked; an equal or better one is not."""
    worse, same, better = (0.2, 0.3, 0.4) if METRICS[metric].better == "higher" else (0.4, 0.3, 0.2)
    levels = {"worse": worse, "same": same, "better": better, "majority": same, "no-change": worse, "oracle": better}
    agents = [scored(name, metric, value, value) for name, value in levels.items()]
    result = Result("world", LABELLED, {"steps": 10, "episodes": None}, agents)
    assert [result.below_yardstick(agent, metric) for agent in agents] == ["majority", *[""] * 5]
    found = [agent["below_yardsticks"] for agent in result.as_json()["agents"]]
    assert found == [{metric: "majority"}, {}, {}, {}, {}, {}]
    assert Facts(result, metric).below(agents[0]) is not None and Facts(result, metric).below(agents[2]) is None


@given(st.sampled_from([name for name in METRICS if name not in JUDGED or not METRICS[name].better]))
def test_what_is_no_better_or_worse_marks_nobody(metric: str) -> None:
    agents = [scored("mine", metric, 0.1), scored("majority", metric, 0.9), scored("no-change", metric, -0.9)]
    result = Result("world", LABELLED, {"steps": 10, "episodes": None}, agents)
    assert result.below_yardsticks(agents[0]) == {}


def test_who_completed_no_run_is_below_all_and_a_yardstick_without_a_value_beats_nobody() -> None:
    agents = [scored("broken", "brier", math.nan), scored("mine", "accuracy", 0.5), scored("majority", "brier", 0.3)]
    result = Result("world", LABELLED, {"steps": 10, "episodes": None}, agents)
    assert result.below_yardsticks(agents[0]) == {"brier": "majority"} and result.below_yardsticks(agents[1]) == {}


def test_cells_are_marked_in_the_terminal_and_in_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    agents = [scored("mine", "accuracy", 0.5, 0.5), scored("majority", "accuracy", 0.4, 0.4)]
    for agent, loss in zip(agents, (0.9, 0.1), strict=True):
        for one in agent.done:
            one.scores.metrics["log_loss"] = loss  # type: ignore[union-attr]
    result = Result("world", LABELLED, {"steps": 10, "episodes": None}, agents)
    print_result(result)
    lines = [line for line in capsys.readouterr().out.splitlines() if "▼" in line]
    assert "0.9000 ▼" in lines[0] and "mine ▼" not in lines[0] and lines[1].startswith("▼ in a cell")
    table = metrics_table(Facts(result))
    assert [cell.endswith("▼") for cell in table.rows[0]] == [False, False, True] and "▼" in table.caption
    assert not any("▼" in cell for cell in table.rows[1])
