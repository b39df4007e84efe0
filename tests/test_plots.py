"""Figures: every task and every odd result is drawn without a warning, with units, told apart without colour."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from flips import Flip, Flipper
from matplotlib.figure import Figure
from shell import user_file

from sandbox import api
from sandbox.agent_result import AgentResult
from sandbox.comparison.bands import Band
from sandbox.comparison.learning import mean_curve
from sandbox.errors import SandboxError
from sandbox.plots.crowd import MOST
from sandbox.plots.curves import BAND_TOLD, figure
from sandbox.plots.files import save
from sandbox.plots.looks import looks_of
from sandbox.plots.panels import panels
from sandbox.result import Result
from sandbox.runs import Options
from sandbox.study import run_study
from sandbox.table import FloatArray
from sandbox.world import Budget

TURN = "abrupt@100:sutton_barto_reward=True"
RIVER = ("river:GaussianNB()", "river:HoeffdingTreeClassifier()", "majority", "no-change")


def study(world: str, agents: tuple[str, ...], seeds: int = 3, steps: int = 400, window: int = 1000) -> Result:
    return run_study(
        world, agents, seeds=range(seeds), budget=Budget(steps), options=Options(window=window), jobs=1, runs=None
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    path = user_file(tmp_path_factory.mktemp("place"))
    raising = f"{path}:Walker:fault=raise,on="
    return {
        "priced": study("FrozenLake-v1", ("q-learning", "sarsa", "expected-sarsa", "random", "oracle"), steps=3000),
        "cliff": study("CliffWalking-v1", ("q-learning:step_size=0.5,discount=1", "random"), steps=3000),
        "unpriced": study("CartPole-v1", ("random",)),
        "classification": study("river:Phishing", RIVER),
        "regression": study("river:TrumpApproval", ("river:LinearRegression()", "mean", "no-change")),
        "one seed": study("FrozenLake-v1", ("q-learning",), seeds=1),
        "deterministic": study("river:Phishing", RIVER[:2], seeds=4),
        "one decision": study("FrozenLake-v1", ("q-learning", "random"), steps=1),
        "one answer": study("river:Phishing", RIVER, steps=1),
        "failed only": study("FrozenLake-v1", (raising + "0",), seeds=1),
        "one failed": study("FrozenLake-v1", (raising + "1", "random"), seeds=3),
        "many": study("FrozenLake-v1", tuple(f"q-learning:step_size={k / 20}" for k in range(1, 16)), seeds=2),
        "abrupt": api.run("spam", ["logistic", "random"], seeds=2, steps=2000, window=100, drift="abrupt@800"),
        "gradual": api.run(Flip, [Flipper(9)], seeds=2, steps=2000, drift="gradual@500~300"),
        "recurring": api.run(Flip, [Flipper(9), "oracle"], seeds=2, steps=2000, drift="recurring@40"),
        "walk": api.run(Flip, [Flipper(9)], seeds=2, steps=2000, drift="random-walk@40", feedback="delayed=3"),
        "unpriced drift": api.run("CartPole-v1", ["random"], seeds=2, steps=300, drift=TURN),
        "odd names": study("FrozenLake-v1", (f"{path}:Walker:on='_$x_{{$'", f"{path}:Walker:on='<&>'"), seeds=2),
    }


NAMES = [
    "priced", "cliff", "unpriced", "classification", "regression", "one seed", "deterministic", "one decision",
    "one answer", "failed only", "one failed", "many", "odd names", "abrupt", "gradual", "recurring", "walk",
    "unpriced drift",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_drawn_without_warnings_and_the_same_bytes_twice(name: str, results: dict[str, Result], tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = save(figure(results[name]), tmp_path / "a")
        second = save(results[name].plot(), tmp_path / "deeper" / "b")
    assert [path.suffix for path in first] == [".png", ".svg"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes() and one.stat().st_size > 5000
    assert first[0].read_bytes().startswith(b"\x89PNG") and b"</svg>" in first[1].read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_axes_say_what_they_show_and_agents_are_told_apart(name: str, results: dict[str, Result]) -> None:
    result = results[name]
    drawn = figure(result)
    for axes, panel in zip(drawn.axes, panels(result), strict=True):
        assert axes.get_xlabel() == "decisions" and axes.get_title() == panel.title
        assert any(unit in axes.get_ylabel() for unit in ("reward", "decisions", "episodes", "labels", "nats", "label"))
        thick = [line for line in axes.lines if line.get_linewidth() > 1.2]
        styles = [(line.get_color(), repr(line._unscaled_dash_pattern)) for line in thick]
        assert len(set(styles)) == len(styles)
        if len(styles) <= 11 and name != "many":
            assert len({dashes for _, dashes in styles}) == len(styles)  # without colour, too
    legend = [text.get_text() for one in drawn.legends for text in one.get_texts()]
    alive = [agent.name for agent in result.agents if agent.done]
    assert len(legend) == min(len(alive), MOST) or name == "one decision"
    assert (f"the best {MOST} of 15 agents" in drawn.get_suptitle()) == (name == "many")
    assert result.world in drawn.get_suptitle()


def _thin(drawn: Figure) -> int:
    return sum(line.get_linewidth() < 0.8 for line in drawn.axes[0].lines)


def test_every_seed_is_faint_behind_the_mean(results: dict[str, Result]) -> None:
    assert _thin(figure(results["priced"])) == 3 * 5
    assert _thin(figure(results["one seed"])) == 0 == _thin(figure(results["deterministic"]))
    assert _thin(figure(results["one failed"])) == 2 + 3


def test_the_band_of_the_whole_mean_curve_is_shaded_behind_it(results: dict[str, Result]) -> None:
    """From 8 runs on, told in the title."""
    drawn = figure(study("FrozenLake-v1", ("q-learning", "sarsa", "random"), seeds=10, steps=1000))
    assert BAND_TOLD in drawn.get_suptitle() and "to 10 runs" in drawn.get_suptitle()
    for axes in drawn.axes:
        thick: list[Any] = [line for line in axes.lines if line.get_label() in ("q-learning", "sarsa")]
        assert len(axes.collections) == 2  # a yardstick has none
        for line, shade in zip(thick, axes.collections, strict=True):
            assert shade.get_zorder() < line.get_zorder()
            mean = dict(np.round(line.get_xydata(), 6).tolist())
            edge = np.asarray(shade.get_paths()[0].vertices)
            for x in np.unique(np.round(edge[:, 0], 6))[1:-1:9]:
                at = edge[np.isclose(edge[:, 0], x, rtol=0, atol=1e-5), 1]
                assert at.min() - 1e-6 <= mean[x] <= at.max() + 1e-6
    for name in ("priced", "one seed", "deterministic"):
        few = figure(results[name])
        assert not few.axes[0].collections and "shaded" not in few.get_suptitle()


def test_a_wide_band_stretches_no_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    result = study("FrozenLake-v1", ("q-learning",), seeds=8, steps=300)
    before = figure(result).axes[1].get_ylim()
    monkeypatch.setattr("sandbox.plots.curves.simultaneous_band", lambda x, rng: Band(x[0], x[0] - 9, x[0] + 9, 8))
    assert figure(result).axes[1].get_ylim() == before


def test_the_mean_is_the_mean_of_the_runs(results: dict[str, Result]) -> None:
    result = results["classification"]
    axes = figure(result).axes[1]
    assert axes.get_title().startswith("Mistakes so far (unpriced")
    (line,) = [line for line in axes.lines if line.get_label() == "majority"]
    mistakes = result.agents[2].values("mistakes")
    assert np.asarray(line.get_ydata())[-1] == pytest.approx(sum(mistakes) / len(mistakes))


def test_the_best_possible_return_is_marked(results: dict[str, Result]) -> None:
    texts = [text.get_text() for text in figure(results["priced"]).axes[0].texts]
    assert texts == ["best possible 0.744"]
    assert not figure(results["unpriced"]).axes[0].texts


def _changes(drawn: Figure) -> list[list[float]]:
    """Return where each panel has a dotted line from top to bottom."""
    dotted = [[line for line in axes.lines if len(line.get_xdata()) == 2] for axes in drawn.axes]
    upright = [[np.asarray(line.get_xdata(), dtype=float) for line in lines] for lines in dotted]
    return [[float(x[0]) for x in lines if x[0] == x[1]] for lines in upright]


def test_changes_are_marked_in_every_panel(results: dict[str, Result]) -> None:
    for name, at in (("abrupt", [800.0]), ("gradual", [500.0]), ("unpriced drift", [100.0]), ("walk", [])):
        drawn = figure(results[name])
        assert _changes(drawn) == [at] * len(drawn.axes), name
        said = [[text.get_text() for text in axes.texts].count("drift") for axes in drawn.axes]
        assert said == [len(at)] * len(drawn.axes)
        assert f"drift {results[name].drifting.drift}" in " ".join(drawn.get_suptitle().split())
    assert "feedback delayed=3" in figure(results["walk"]).get_suptitle()
    assert "feedback" not in figure(results["abrupt"]).get_suptitle()
    for axes in figure(results["gradual"]).axes:
        (band,) = [patch for patch in axes.patches if patch.get_alpha() is not None]
        assert band.get_extents().width > 0
        assert (band.get_x(), band.get_x() + band.get_width()) == (500.0, 800.0)  # type: ignore[attr-defined]
    for axes in figure(results["abrupt"]).axes:
        assert not axes.patches


def test_many_changes_are_faint_and_the_best_possible_is_a_range(results: dict[str, Result]) -> None:
    drawn = figure(results["recurring"])
    assert [len(found) for found in _changes(drawn)] == [49] * len(drawn.axes)
    marks = [line for line in drawn.axes[0].lines if line.get_linewidth() == 1.1]
    assert {line.get_alpha() for line in marks} == {0.35}
    assert [text.get_text() for text in drawn.axes[0].texts].count("drift") == 1
    assert "best possible ≈ 1" in " ".join(text.get_text() for text in drawn.axes[0].texts)


def test_the_best_possible_follows_the_law(results: dict[str, Result]) -> None:
    result = results["abrupt"]
    (line,) = [line for line in figure(result).axes[0].lines if line.get_drawstyle() == "steps-post"]
    levels = result.meta.expected_start
    np.testing.assert_array_equal(line.get_xdata(), [0, 800, 2000])
    np.testing.assert_array_equal(line.get_ydata(), [levels[0], levels[1], levels[1]])
    for name, told in (("abrupt", f"{levels[1]:.3g}"), ("gradual", "1")):  # at the end, however many levels on the way
        assert f"best possible ≈ {told}".replace("-", "\N{MINUS SIGN}") in [
            text.get_text() for text in figure(results[name]).axes[0].texts
        ]


def test_a_yardstick_far_below_leaves_the_panel_to_the_learners(results: dict[str, Result]) -> None:
    result = results["abrupt"]
    axes = figure(result).axes[0]
    logistic, random = (np.array(agent.values("reward")) for agent in result.agents)
    low, high = axes.get_ylim()
    assert random.max() < low < logistic.min() and high > max(result.meta.expected_start)
    assert high - low < 2 * (max(result.meta.expected_start) - logistic.min() + 1)
    (told,) = [text.get_text() for text in axes.texts if text.get_text().startswith("below: ")]
    assert told.startswith("below: random (\N{MINUS SIGN}")
    assert abs(float(told.split("(")[1][:-1].replace("\N{MINUS SIGN}", "-")) - random.mean()) < 0.5
    falls = [text.get_text() for text in figure(results["cliff"]).axes[0].texts]  # on a logarithmic axis too
    assert any(text.startswith("below: random (\N{MINUS SIGN}") for text in falls)
    for name in ("priced", "recurring"):  # where it is near enough, nothing is cut away
        assert not any(text.get_text().startswith("below") for text in figure(results[name]).axes[0].texts)


def test_an_oracle_has_no_regret_and_none_is_negative(results: dict[str, Result]) -> None:
    for name in ("priced", "recurring"):
        axes = figure(results[name]).axes[2]
        assert axes.get_title() == "Regret" and axes.get_ylim()[0] == 0.0 and axes.get_yscale() == "symlog"


@pytest.mark.parametrize(("window", "says"), [(1000, "window of 1,000"), (50, "window of 50")])
def test_the_label_names_the_window_that_was_used(window: int, says: str) -> None:
    drawn = figure(study("FrozenLake-v1", ("random",), seeds=1, window=window))
    assert says in drawn.axes[1].get_ylabel()
    assert f"mean of {min(window, 100)} episodes" in drawn.axes[0].get_ylabel()


def test_unpriced_worlds_say_so(results: dict[str, Result]) -> None:
    for name in ("unpriced", "classification", "regression"):
        assert "unpriced: " in figure(results[name]).get_suptitle()
    assert "unpriced" not in figure(results["priced"]).get_suptitle()


def test_names_are_text_not_formulas(results: dict[str, Result], tmp_path: Path) -> None:
    base = results["one seed"]
    odd = AgentResult("a.py:A:on='_$x_{$'", {}, base.agents[0].runs)
    drawn = figure(Result("$w_{", base.meta, base.budget, [odd]))
    with mpl.rc_context({"svg.fonttype": "none"}):
        drawn.savefig(tmp_path / "x.svg")
    text = (tmp_path / "x.svg").read_text()
    assert "a.py:A:on='_$x_{$'" in text and "$w_{ — mean over" in text
    hidden = AgentResult("_scratch.py:A", {}, results["one seed"].agents[0].runs)
    texts = figure(Result(base.world, base.meta, base.budget, [hidden])).legends[0].get_texts()
    assert [text.get_text().strip("\N{WORD JOINER}") for text in texts] == ["_scratch.py:A"]


def test_looks_repeat_as_late_as_can_be() -> None:
    looks = looks_of([f"agent {k}" for k in range(36)])
    assert len({(look["color"], repr(look["linestyle"])) for look in looks}) == 36
    own: list[Any] = looks_of(("random", "majority", "no-change", "mean", "a"))
    assert len({repr(look["linestyle"]) for look in own}) == 5
    for look in own[:-1]:  # yardsticks are grey
        assert len({look["color"][k : k + 2] for k in (1, 3, 5)}) == 1


def test_colours_are_told_apart_by_the_colour_blind() -> None:
    """Okabe and Ito's palette, as seen with the common kinds of colour-blindness (Machado 2009, severity 1)."""
    seen = {
        "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    }
    looks = looks_of([f"agent {k}" for k in range(6)])
    colours = np.array([[int(look["color"][k : k + 2], 16) / 255 for k in (1, 3, 5)] for look in looks])
    for matrix in seen.values():
        linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
        shown = np.clip(linear @ np.array(matrix).T, 0, 1)
        for i in range(6):
            for j in range(i):
                assert math.dist(shown[i], shown[j]) > 0.07


def test_a_figure_that_cannot_be_written_is_one_line(results: dict[str, Result], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SandboxError, match="the figure cannot be written"):
        save(figure(results["one seed"]), tmp_path / "file" / "x")
    (tmp_path / "x.svg").mkdir()
    with pytest.raises(SandboxError, match="the figure cannot be written"):
        save(figure(results["one seed"]), tmp_path / "x")
    assert not (tmp_path / "x.png").exists()  # no half of a figure


def _curve(steps: list[float], values: list[float]) -> tuple[FloatArray, FloatArray]:
    return np.array(steps, dtype=float), np.array(values, dtype=float)


def test_runs_of_one_length_are_averaged_everywhere() -> None:
    rng = np.random.default_rng(3)
    steps = np.arange(1.0, 700.0, 7.0)
    curves = [(steps, rng.normal(size=len(steps))) for _ in range(7)]
    grid, mean = mean_curve(curves)
    np.testing.assert_array_equal(grid, np.linspace(1, steps[-1], 400))
    np.testing.assert_array_equal(mean, np.mean([np.interp(grid, *curve) for curve in curves], axis=0))


def test_the_mean_spans_what_half_of_the_runs_reach() -> None:
    curves = [_curve([k, end], [k, k]) for k, end in ((1, 10), (2, 100), (3, 200), (4, 300))]
    grid, mean = mean_curve(curves)
    assert (grid[0], grid[-1]) == (2, 200) and not np.isnan(mean).any()
    assert mean[0] == 1.5 and mean[-1] == 3.5  # runs 1 and 2; runs 3 and 4: nobody counts beyond their own end
    assert set(mean[(grid > 10) & (grid <= 100)]) == {3.0}
    grid, mean = mean_curve(curves[:2])
    assert (grid[0], grid[-1]) == (2, 10)  # two of two, not one
    grid, mean = mean_curve(curves[3:])
    assert (grid[0], grid[-1]) == (4, 300) and set(mean) == {4.0}


def test_there_is_no_mean_where_runs_do_not_meet() -> None:
    grid, mean = mean_curve([_curve([1], [5]), _curve([2], [6])])
    assert len(grid) == len(mean) == 0
    pairs = [_curve([1, 2], [k, k]) for k in (0, 2)] + [_curve([5, 6], [k, k]) for k in (0, 4)]
    grid, mean = mean_curve(pairs)
    assert np.isnan(mean[(grid > 2) & (grid < 5)]).all() and (mean[0], mean[-1]) == (1, 2)


def test_runs_of_unequal_lengths_are_drawn(tmp_path: Path) -> None:
    for episodes in (1, 20):
        found = run_study("CartPole-v1", ("random",), seeds=range(4), budget=Budget(None, episodes), jobs=1, runs=None)
        ends = sorted(run.scores.decisions for run in found.agents[0].done if run.scores is not None)
        drawn = figure(found)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            save(drawn, tmp_path / "a")
        (mean,) = [line for line in drawn.axes[2].lines if line.get_linewidth() > 1.2]
        if episodes > 1:
            assert np.asarray(mean.get_xdata())[-1] == ends[2]
        assert [text.get_text() for text in drawn.legends[0].get_texts()] == ["random"]
