"""Sensitivity: which agents form a line is found by brute force too; the figure shows the numbers it is drawn of."""

from __future__ import annotations

import itertools
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from shell import document

from sandbox import api
from sandbox.agent_result import AgentResult
from sandbox.drifting import Drifting
from sandbox.errors import SandboxError
from sandbox.evaluator import Scores
from sandbox.interfaces import settings_of
from sandbox.metrics import METRICS
from sandbox.plots.sensitivity import save_sensitivity, sensitivity_figures
from sandbox.result import Result
from sandbox.runs import Run
from sandbox.sensitivity import Sensitivity, family_of, sensitivities
from sandbox.trace import Meta


def run_of(seed: int, reward: float, final: float = math.nan) -> Run:
    if math.isnan(reward):
        return Run(seed, None, "failed")
    metrics = dict.fromkeys(METRICS, math.nan) | {"reward": reward, "final_reward": final}
    return Run(seed, Scores(metrics, {}, 100, f"{seed} {reward}"))


def result_of(agents: dict[str, list[float]], own: dict[str, dict[str, Any]] | None = None, **more: Any) -> Result:
    """Return a result of made-up rewards, by agent's name and seed; `own`: settings beside those in the name."""
    made = [
        AgentResult(name, (own or {}).get(name, {}), [run_of(k, value, value / 2) for k, value in enumerate(rewards)])
        for name, rewards in agents.items()
    ]
    meta = Meta("control", world="made up", episodic=False, why_unpriced="")
    return Result("made up", meta, {"steps": 100, "episodes": None}, made, **more)


def shape(found: list[Sensitivity]) -> dict[str, dict[str, list[Any]]]:
    return {one.setting: {line.label: [p.value for p in line.points] for line in one.lines} for one in found}


def test_a_grid_is_a_figure_for_each_setting_and_a_line_for_each_value_of_the_other() -> None:
    names = [f"q:step_size={a},epsilon={e}" for a in (0.5, 0.1) for e in (0, 0.2)]
    found = sensitivities(result_of({name: [k, k + 1] for k, name in enumerate([*names, "random"])}))
    assert shape(found) == {
        "step_size": {"q, epsilon=0": [0.1, 0.5], "q, epsilon=0.2": [0.1, 0.5]},
        "epsilon": {"q, step_size=0.5": [0, 0.2], "q, step_size=0.1": [0, 0.2]},
    }
    assert [point.agent for point in found[0].lines[0].points] == [names[2], names[0]]
    assert [point.interval.mean for point in found[0].lines[0].points] == [2.5, 0.5]


def test_families_share_a_figure_and_what_is_not_swept_is_not_named() -> None:
    found = sensitivities(result_of({f"{n}:discount=1,step_size={a}": [a, 1] for n in ("q", "s") for a in (1, 2, 3)}))
    assert shape(found) == {"step_size": {"q": [1, 2, 3], "s": [1, 2, 3]}}


def test_two_settings_that_change_together_tell_of_neither() -> None:
    assert not sensitivities(result_of({"q:a=1,b=1": [1], "q:a=2,b=2": [2], "q:c=1": [3], "random": [0]}))
    assert not sensitivities(result_of({"q:a=1": [1], "s:a=2": [2]}))
    assert not sensitivities(result_of({"mean:a=1": [1], "random": [2]}))


def test_defaults_count_as_values_and_a_default_spelled_out_is_the_same_agent() -> None:
    own = {"q": {"a": 0.1}, "q:a=0.5": {"a": 0.5}, "q:a=0.10": {"a": 0.1}}
    found = sensitivities(result_of({"q": [1, 1], "q:a=0.5": [2, 2], "q:a=0.10": [3, 3]}, own))
    assert shape(found) == {"a": {"q": [0.1, 0.5]}} and found[0].lines[0].points[0].agent == "q"
    kept = {name: {"a": repr(value["a"])} for name, value in own.items()}  # as a file of runs holds them
    assert shape(sensitivities(result_of({"q": [1, 1], "q:a=0.5": [2, 2]}, kept))) == {"a": {"q": [0.1, 0.5]}}


def test_real_agents_have_their_defaults() -> None:
    from sandbox.agents.tabular.q_learning import QLearning

    result = api.run("FrozenLake-v1", ["q-learning", "q-learning:epsilon=0.5", "random"], seeds=2, steps=50)
    default = settings_of(QLearning())["epsilon"]
    assert shape(sensitivities(result, "regret")) == {"epsilon": {"q-learning": [default, 0.5]}}
    objects = api.run("FrozenLake-v1", [QLearning(epsilon=0.5), QLearning(), "random"], seeds=2, steps=50)
    assert shape(sensitivities(objects)) == {"epsilon": {"QLearning": [default, 0.5]}}
    (line,) = sensitivities(result, "regret")[0].lines
    assert line.points[1].interval == result.agents[1].interval("regret")
    with pytest.raises(SandboxError, match="no metric 'regert'"):
        sensitivities(result, "regert")


def test_the_numbers_in_a_river_model_are_its_settings() -> None:
    names = [f"river:Scale() | linear.Log(optimizer=SGD({a}), l2={b})" for a in (0.1, 1) for b in (0, -0.5)]
    own = {name: {"model": object()} for name in names}  # as River shows them, all different
    blank = "river:Scale() | linear.Log(optimizer=SGD({}), l2={})"
    found = sensitivities(result_of({name: [1, 2] for name in names}, own))
    assert [one.setting for one in found] == ["Log.l2", "SGD (argument 1)"]
    assert shape(found)["Log.l2"] == {f"{blank.format('…', '…')}, SGD (argument 1)={a}": [-0.5, 0] for a in (0.1, 1)}
    same = "river:A(B(1), B(2))"
    assert family_of(result_of({same: [1]}).agents[0])[1] == {"B (argument 1)": 1, "B (argument 1) (2)": 2}
    assert family_of(result_of({"river:(": [1]}).agents[0]) == ("river:(", {})


@pytest.mark.parametrize(
    ("values", "ordered", "scale"),
    [
        ("0.5 0.1 0.3", [0.1, 0.3, 0.5], "linear"),
        ("1 0.1", [0.1, 1], "log"),
        ("-1 1 9", [-1, 1, 9], "linear"),
        ("0 0.01 1", [0, 0.01, 1], "even"),
        ("-10 1", [-10, 1], "linear"),
        ("10 0 5", [0, 5, 10], "linear"),
        (" ".join(map(str, range(1, 30))), list(range(1, 30)), "linear"),
        ("1 2 4 8 16 32", [1, 2, 4, 8, 16, 32], "log"),
        ("'b' 'a' 2", [2, "b", "a"], "even"),
        ("True False", [True, False], "even"),
        ("1 True None", [1, True, None], "even"),
        ("1 1.0 2", [1, 2], "linear"),
        ("1e-320 1e308", [1e-320, 1e308], "log"),
        ("[1,2] [1]", [[1, 2], [1]], "even"),
    ],
)
def test_values_are_ordered_and_find_their_axis(values: str, ordered: list[Any], scale: str) -> None:
    (found,) = sensitivities(result_of({f"q:a={value}": [k, 1] for k, value in enumerate(values.split())}))
    assert [repr(value) for value in found.values] == [repr(value) for value in ordered]
    assert found.scale == scale
    assert [repr(point.value) for point in found.lines[0].points] == [repr(value) for value in ordered]


OWN = st.dictionaries(st.sampled_from("abc"), st.sampled_from([0, 1, 2.5, "x"]))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["q", "s"]), OWN), min_size=1, max_size=10))
def test_lines_against_every_pair(told: list[tuple[str, dict[str, Any]]]) -> None:
    """Two agents are on one line exactly if they are of one name and differ in the value of that one setting."""
    names = {
        f"{base}{':' if own else ''}{','.join(f'{k}={v}' for k, v in own.items())}": (base, own) for base, own in told
    }
    together = {
        (one.setting, *sorted(pair))
        for one in sensitivities(result_of({name: [1, 2] for name in names}))
        for line in one.lines
        for pair in itertools.combinations([point.agent for point in line.points], 2)
    }
    wanted = set()
    for x, y in itertools.combinations(names, 2):
        (base, own), (other, theirs) = names[x], names[y]
        if base == other and own.keys() == theirs.keys():
            differing = [key for key in own if own[key] != theirs[key]]
            if len(differing) == 1:
                wanted.add((differing[0], *sorted((x, y))))
    # Of agents that are the same but for the order of their settings the first stands for all.
    plain = {repr((base, sorted(own.items()))) for base, own in names.values()}
    assert together == wanted if len(plain) == len(names) else together <= wanted


def test_the_best_is_the_best_mean_whichever_way_is_better() -> None:
    result = result_of({"q:a=1": [1, 5], "q:a=2": [4, 4], "q:a=3": [4, 4], "q:a=4": [math.nan] * 2})
    (line,) = sensitivities(result)[0].lines
    highest, lowest = line.best("higher"), line.best("lower")
    assert highest is not None and lowest is not None
    assert (highest.value, lowest.value, line.best("")) == (2, 1, None)
    assert line.points[-1].interval.n == 0 and all(math.isnan(value) for value in line.points[-1].by_seed)


def drawn_of(result: Result, setting: str = "a") -> Figure:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = sensitivity_figures(result)[setting]
        drawn.draw_without_rendering()
    return drawn


def bars(drawn: Figure, panel: int = 0) -> dict[str, ErrorbarContainer]:
    return {c.get_label(): c for c in drawn.axes[panel].containers if isinstance(c, ErrorbarContainer)}


RESULT = result_of(
    {
        "q:a=0.1,b=1": [1, 2, 3],
        "q:a=10,b=1": [5, 7, 6],
        "s:a=1": [4, 4, 5],
        "s:a=10": [2, 3, math.nan],
        "random": [0, 0, 0],
    },
    {"q:a=0.1,b=1": {}, "q:a=10,b=1": {}},
    drifting=Drifting("abrupt@50", "immediate", [(50, 50)]),
)


def test_the_figure_shows_means_intervals_runs_and_the_best() -> None:
    drawn = drawn_of(RESULT)
    for panel, metric in enumerate(("reward", "final_reward")):
        axes = drawn.axes[panel]
        found = bars(drawn, panel)
        assert list(found) == ["q", "s"]
        for label, of in (("q", RESULT.agents[:2]), ("s", RESULT.agents[2:4])):
            line, _, (ranges,) = found[label].lines
            np.testing.assert_allclose(line.get_ydata(), [agent.interval(metric).mean for agent in of])
            ends = np.array([segment[:, 1] for segment in ranges.get_segments()])
            wanted = [(agent.interval(metric).low, agent.interval(metric).high) for agent in of]
            np.testing.assert_allclose(ends, wanted)
        dots = [line for line in axes.lines if line.get_marker() == "."]
        assert sorted(v for line in dots for v in np.asarray(line.get_ydata())) == sorted(
            value for agent in RESULT.agents[:4] for value in agent.values(metric) if not math.isnan(value)
        )
        rings = [line for line in axes.lines if line.get_markersize() == 13]
        best = [RESULT.agents[1].interval(metric).mean, RESULT.agents[2].interval(metric).mean]
        assert [float(np.asarray(line.get_ydata())[0]) for line in rings] == pytest.approx(best)
        assert METRICS[metric].unit == axes.get_ylabel() and axes.get_xlabel() == "a (logarithmic)"
        assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0.1", "1", "10"]
        np.testing.assert_allclose(axes.get_xticks(), [-1, 0, 1])
    assert [text.get_text() for text in drawn.axes[0].texts] == ["best: 10 (6.000)"]
    title = " ".join(drawn.get_suptitle().split())
    assert "up to 3 runs" in title and "drift abrupt@50" in title


def test_lines_lie_where_their_values_do_and_are_told_apart() -> None:
    found = bars(drawn_of(RESULT))
    for label, at in (("q", [-1, 1]), ("s", [0, 1])):
        np.testing.assert_allclose(np.asarray(found[label].lines[0].get_xdata()), at, atol=0.05)
    (q, s) = (found[label].lines[0] for label in "qs")
    assert (
        q.get_color() != s.get_color() and q.get_marker() != s.get_marker() and q.get_linestyle() != s.get_linestyle()
    )


def levels(drawn: Figure) -> dict[str, float]:
    flat = [line for line in drawn.axes[0].lines if list(line.get_xdata()) == [0, 1]]
    return {str(line.get_label()): float(np.asarray(line.get_ydata())[0]) for line in flat}


def test_yardsticks_and_the_best_possible_are_lines_or_told_where_too_far() -> None:
    agents = {"q:a=1": [1.0, 2.0] * 9, "q:a=2": [2.0, 3.0] * 9, "random": [0.5] * 18, "majority": [-90.0] * 18}
    drawn = drawn_of(result_of(agents, oracle={"stationary_value": 4.0}))
    assert levels(drawn) == {"random": 0.5, "best possible": 4.0}
    assert drawn.axes[0].texts[0].get_text() == "below: majority (-90.00)"
    low, high = drawn.axes[0].get_ylim()
    assert -1 < low < 0.5 and 4 < high < 6
    moving = result_of(agents, oracle={"stationary_value": 4.0}, drifting=Drifting("abrupt@50"))
    assert "best possible" not in levels(drawn_of(moving))
    grey = next(line for line in drawn.axes[0].lines if line.get_label() == "random").get_color()
    assert to_hex(grey)[1:3] == to_hex(grey)[3:5] == to_hex(grey)[5:7]


ODD = {
    "one seed": result_of({"q:a=1": [1.0], "q:a=2": [2.0]}),
    "all equal": result_of({"q:a=1": [1.0, 1.0], "q:a=2": [1.0, 1.0]}),
    "texts": result_of({"q:a='$x_{'": [1.0, 2.0], "q:a='_b'": [3.0, 1.0], "q:a=" + "'" + "w" * 90 + "'": [2.0, 2.5]}),
    "one value failed": result_of({"q:a=1": [math.nan] * 2, "q:a=2": [1.0, 2.0], "q:a=3": [1.0, 2.0]}),
    "all but one failed": result_of({"q:a=1": [math.nan] * 2, "q:a=2": [1.0, 2.0]}),
    "many values": result_of({f"q:a={k}": [k, k + 1.0] for k in range(30)}),
    "widest": result_of({"q:a=1e-300": [1.0, 2.0], "q:a=1e300": [1e9, 2e9]}),
    "markup": result_of({"<b>:a=1": [1.0, 2.0], "<b>:a=2": [1.0, 2.0]}),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_results_are_drawn_without_a_warning_and_the_same_twice(name: str, tmp_path: Path) -> None:
    drawn_of(ODD[name])
    first = save_sensitivity(ODD[name], tmp_path / "x--curves--1")
    second = save_sensitivity(ODD[name], tmp_path / "again" / "x--curves--1")
    assert [path.name for path in first] == ["x--curves--1--a.png", "x--curves--1--a.svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_nothing_is_drawn_where_nothing_was_swept_or_done(tmp_path: Path) -> None:
    assert not save_sensitivity(result_of({"q:a=1": [1.0], "s": [2.0]}), tmp_path / "x")
    assert not save_sensitivity(result_of({"q:a=1": [math.nan], "q:a=2": [math.nan]}), tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_of_many_lines_the_best_are_drawn_and_the_figure_says_so() -> None:
    result = result_of({f"q:a={a},b={b}": [b + a / 10, b + a] for a in (1, 2) for b in range(12)})
    drawn = drawn_of(result)
    assert list(bars(drawn)) == [f"q, b={b}" for b in range(4, 12)]
    assert "the best 8 of 12 combinations" in " ".join(drawn.get_suptitle().split())


def test_the_command_draws_what_braces_sweep(tmp_path: Path) -> None:
    words = (
        "run",
        "FrozenLake-v1",
        "q-learning:step_size={0.1,0.5},epsilon={0,1}",
        "random",
        "--seeds",
        2,
        "--steps",
        60,
    )
    told = document(*words, cwd=tmp_path)
    ends = [Path(path).name.rpartition("--")[2] for path in told["figures"]]
    assert ends[2:] == ["step-size.png", "step-size.svg", "epsilon.png", "epsilon.svg"]
    assert all((tmp_path / path).stat().st_size > 5000 for path in told["figures"])
