"""Who is better: places that the pairs leave open, failures, repeated runs, how fast agents learned, escaped names."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.agent_result import AgentResult
from sandbox.compared import compare, compare_all
from sandbox.comparison.intervals import mean_interval, paired_difference
from sandbox.comparison.pairs import holm
from sandbox.curves import Curve
from sandbox.errors import SandboxError
from sandbox.evaluator import Scores
from sandbox.metrics import METRICS
from sandbox.paired import on_common_seeds, pairs_of
from sandbox.result import Result
from sandbox.runs import Run
from sandbox.trace import Meta

STEPS = np.arange(10, 401, 10)


def run(seed: int, level: float, learned_at: int = 0, same: bool = False) -> Run:
    """A run whose return is 0 until it has learned, then `level`."""
    value = np.where(learned_at < STEPS, level, 0.0).astype(np.float64)
    curve = Curve(STEPS, value, np.ones(len(STEPS)), value, value)
    metrics = dict.fromkeys(METRICS, math.nan) | {"return": float(value.mean()), "regret": -level, "mistake_rate": 0.25}
    print_of = "same" if same else f"{seed} {level}"
    return Run(seed, Scores(metrics, {"return": curve}, 400, print_of))


def agent(name: str, levels: Sequence[float], learned_at: int = 0, same: bool = False) -> AgentResult:
    return AgentResult(name, {}, [run(seed, level, learned_at, same) for seed, level in enumerate(levels)])


def result(*agents: AgentResult) -> Result:
    meta = Meta("control", why_unpriced="it is made up")
    return Result("a world", meta, {"steps": 400, "episodes": None}, list(agents), window=1)


RNG = np.random.default_rng(5)
NOISE = RNG.normal(size=20)
HIGH, MIDDLE, LOW = (level + 0.1 * RNG.normal(size=20) for level in (3.0, 2.0, 1.0))


def test_places_are_those_that_the_pairs_leave_open() -> None:
    found = compare(result(agent("low", LOW), agent("high", HIGH), agent("like", HIGH + 0.01 * NOISE)))
    assert [one.agent.name for one in found.ranking][-1] == "low"
    assert {one.agent.name: (one.best, one.worst) for one in found.ranking} == {
        "high": (1, 2),
        "like": (1, 2),
        "low": (3, 3),
    }
    assert found.better("high", "low") and not found.better("low", "high") and not found.better("high", "like")


def test_less_is_better_where_the_metric_says_so() -> None:
    found = compare(result(agent("low", LOW), agent("high", HIGH)), "regret")
    assert not found.higher and found.ranking[0].agent.name == "high" and found.better("high", "low")


def test_p_values_are_corrected_for_all_pairs() -> None:
    near = [agent(name, LOW + k * 0.04 + 0.1 * RNG.normal(size=20)) for k, name in enumerate("abc")]
    pairs = pairs_of(near, "return")
    plain = [pair.difference.p for pair in pairs]
    assert [pair.p_holm for pair in pairs] == holm(plain)
    x, y = near[0].values("return"), near[1].values("return")
    assert pairs[0].difference == paired_difference(x, y)
    assert all(a <= b for a, b in zip(plain, (pair.p_holm for pair in pairs), strict=True))


def test_only_common_seeds_are_paired() -> None:
    a, b = agent("a", [1.0, 2.0, 3.0]), agent("b", [5.0, 6.0, 7.0, 8.0])
    a.runs.reverse()
    x, y = on_common_seeds(a, b, "regret")
    assert (x, y) == ([-1.0, -2.0, -3.0], [-5.0, -6.0, -7.0])
    assert compare(result(a, b)).pairs[0].difference.n == 3


def test_with_a_failed_run_there_is_no_p_value() -> None:
    a, b = agent("a", HIGH), agent("b", LOW)
    b.runs[3] = Run(3, None, "it fell")
    (pair,) = compare(result(a, b)).pairs
    assert pair.failed == 1 and math.isnan(pair.p_holm) and not pair.settled and pair.more_seeds is None
    assert pair.difference.n == 19


def test_an_agent_without_a_value_has_no_place() -> None:
    dead = AgentResult("dead", {}, [Run(seed, None, "it fell") for seed in range(20)])
    found = compare(result(dead, agent("a", HIGH), agent("b", LOW)))
    assert found.ranking[-1].agent is dead and (found.ranking[-1].best, found.ranking[-1].worst) == (0, 0)
    assert found.ranking[0].best == 1 and found.ranking[1].worst == 2
    with pytest.raises(SandboxError, match="no run has a re"):
        compare(result(dead))
    assert compare_all([result(dead), result(agent("a", HIGH))])[0].ranking[0].best == 1


def test_runs_that_are_all_the_same_are_compared_over_time() -> None:
    a, b = agent("a", [2.0] * 3, same=True), agent("b", [1.0] * 3, learned_at=200, same=True)
    (pair,) = compare(result(a, b)).pairs
    assert pair.blocks and pair.difference.n == 10 and pair.difference.low <= pair.difference.mean == 1.5
    assert math.isnan(pair.improvement.value) and pair.more_seeds != 3
    assert result(a, b).as_json()["differences"][0]["over"] == "time"


def test_on_fixed_data_a_learner_that_repeats_itself_is_one_run() -> None:
    a, b = agent("a", [2.0] * 3, same=True), agent("b", [1.0, 1.01, 0.99])
    (over_seeds,), (over_time,) = pairs_of([a, b], "return"), pairs_of([a, b], "return", fixed=True)
    assert not over_seeds.blocks and over_time.blocks and over_time.difference.n == 10
    assert over_time.difference.mean == pytest.approx(over_seeds.difference.mean)
    c, d = agent("c", [1.0, 1.1]), agent("d", [2.0, 2.1])
    assert not pairs_of([c, d], "return", fixed=True)[0].blocks  # of learners that vary, seeds say something


def test_one_run_settles_nothing() -> None:
    found = compare(result(agent("a", [1.0]), agent("b", [2.0])))
    assert not found.pairs[0].settled and math.isnan(found.pairs[0].difference.low)
    assert all(math.isnan(one.reach.low) for one in found.ranking)


def test_how_fast_they_learned() -> None:
    found = compare(result(agent("quick", 1.0 + 0.01 * NOISE, 100), agent("never", 0.1 + 0.01 * NOISE, 100)))
    learning = found.learning
    assert learning is not None and learning.to == 400
    quick, never = learning.of("quick"), learning.of("never")
    assert quick is not None and never is not None
    assert quick.speed.median.median == 110 and quick.speed.reached == 1.0
    assert never.speed.reached == 0.0 and math.isnan(never.speed.median.median)
    # Trapezoids: nothing up to 100, a ramp of ten decisions, the level for 290; over 400.
    assert quick.area.mean == pytest.approx(float(np.mean(1.0 + 0.01 * NOISE)) * 295 / 400)


def test_nothing_counts_as_learned_where_nobody_gets_better_than_chance() -> None:
    found = compare(result(agent("still", LOW), agent("random", HIGH)))
    assert found.learning is not None and found.learning.of("still") is None
    assert "no agent became better" in found.learning.threshold.told


def test_a_metric_without_a_curve_has_no_learning() -> None:
    flat = agent("a", HIGH)
    for one in flat.runs:
        assert one.scores is not None
        one.scores.metrics["final_return"] = one.scores.metrics["return"]
    assert compare(result(flat), "final_return").learning is None


@pytest.mark.parametrize(
    ("metric", "text"),
    [("retrun", "did you mean 'return'"), ("episodes", "nothing of who"), ("mae", "no run has a mae")],
)
def test_what_cannot_be_compared_is_refused(metric: str, text: str) -> None:
    with pytest.raises(SandboxError, match=text):
        compare(result(agent("a", HIGH)), metric)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-5, 5).map(lambda x: round(x, 3)), min_size=5, max_size=12, unique=True), st.floats(-3, 3))
def test_places_do_not_depend_on_the_order_or_the_origin(levels: list[float], shift: float) -> None:
    other = [level + abs(np.sin(7 * level)) for level in levels]
    a, b = agent("a", levels), agent("b", other)
    places = {one.agent.name: (one.best, one.worst) for one in compare(result(a, b)).ranking}
    moved = result(agent("b", [x + shift for x in other]), agent("a", [x + shift for x in levels]))
    assert {one.agent.name: (one.best, one.worst) for one in compare(moved).ranking} == places


def test_the_document_has_what_the_design_asks() -> None:
    document = compare(result(agent("a", HIGH), agent("b", MIDDLE))).as_json()
    json.dumps(document, allow_nan=False)
    (row,) = document["differences"]
    assert {"metric", "a", "b", "mean", "low", "high", "p", "p_holm", "n", "failed", "more_seeds"} <= set(row)
    best = document["ranking"][0]
    expected = mean_interval(agent("a", HIGH).values("return"))
    assert best["agent"] == "a" and best["mean"]["low"] == expected.low
    assert best["range"]["content"] == pytest.approx(0.7839, abs=1e-3)  # of 20 runs; Wilks 1941


def test_names_are_escaped_in_a_notebook() -> None:
    bad = "<img src=x onerror=alert(1)>"
    told = result(agent(bad, HIGH), agent("b", LOW))
    told = replace(told, world=bad)
    for html in (told._repr_html_(), told.compare()._repr_html_()):
        assert "<img src=x" not in html and "&lt;img src=x" in html and 'src="data:image/png;base64,' in html
    assert bad in repr(told.compare())


def test_the_figure_can_be_edited() -> None:
    drawn = compare(result(agent("a", HIGH), agent("b", LOW))).plot()
    left, right = drawn.axes
    left.set_title("mine")
    assert left.get_xlabel().startswith("reward per episode") and "better by" in right.get_xlabel()


def test_frames() -> None:
    frame = compare(result(agent("a", HIGH), agent("b", LOW))).frame()
    assert list(frame["a"]) == ["a"] and frame["improvement"][0] == 1.0
