"""Measures of labels on their way to a reader: kept with runs, drawn, and told in reports where they apply."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sandbox
from sandbox import Decision
from sandbox.agents.filters.logistic import Logistic
from sandbox.calibration import CONFIDENCE, COUNT, RIGHT
from sandbox.evaluator import Scores
from sandbox.plots.reliability import bins_of, points_of
from sandbox.report.facts import Facts
from sandbox.report.labels import SIDES, labels_part
from sandbox.result import Result
from sandbox.runs import Run, pack, unpack


@cache
def studied(world: str = "spam", agents: tuple[str, ...] = ("logistic", "majority", "oracle")) -> Result:
    found: Result = sandbox.run(world, list(agents), seeds=2, steps=1_500, runs=None)
    return found


def scores_of(run: Run) -> Scores:
    assert run.scores is not None
    return run.scores


def test_runs_keep_their_bins_on_every_way(tmp_path: Path) -> None:
    sandbox.run("spam", ["logistic"], seeds=2, steps=300, runs=tmp_path, tag="kept")
    stored = sandbox.load(tmp_path, tag="kept")[0]
    again: Result = sandbox.run("spam", ["logistic"], seeds=2, steps=300, runs=None)
    for run, other in zip(again.agents[0].runs, stored.agents[0].runs, strict=True):
        table = scores_of(run).tables["reliability"]
        assert table.shape == (15, 3) and table[:, COUNT].sum() == 300
        np.testing.assert_array_equal(table, scores_of(other).tables["reliability"])
        np.testing.assert_array_equal(table, scores_of(unpack(pack(run))).tables["reliability"])
    assert stored.meta.extras == again.meta.extras == ()


def test_a_reliability_diagram_is_drawn_of_who_states_a_confidence() -> None:
    result = studied()
    bins = [bins_of(agent) for agent in result.agents]
    assert bins[0] is not None and bins[0][:, COUNT].sum() == 3_000 and bins[2] is None  # the oracle states none
    axes = result.reliability().axes[0]
    diagonal, *lines = axes.get_lines()
    assert np.array_equal(diagonal.get_xdata(), diagonal.get_ydata())
    assert [line.get_label() for line in lines] == ["logistic", "majority"]
    sure, right, share = points_of(bins[0])
    np.testing.assert_array_equal(lines[0].get_xdata(), sure)
    np.testing.assert_array_equal(lines[0].get_ydata(), right)
    assert 0 < share.sum() <= 1 and ((sure >= 0) & (sure <= 1)).all()


def test_bins_of_few_decisions_are_not_drawn() -> None:
    bins = np.zeros((15, 3))
    bins[3], bins[9] = (9, 2.0, 3), (91, 55.0, 60)
    sure, right, share = points_of(bins)
    assert (sure.tolist(), right.tolist(), share.tolist()) == ([55 / 91], [60 / 91], [0.91])
    assert (CONFIDENCE, RIGHT) == (1, 2)


def test_a_report_tells_of_labels_where_there_are_any() -> None:
    part = labels_part(Facts(studied(), ""), "s1")
    assert part is not None and [picture.name for picture in part.pictures] == ["s1-reliability"]
    labels, sides = part.tables
    assert labels.head[:3] == ("agent", "accuracy % ↑", "g mean % ↑") and "brier ↓" in labels.head
    assert sides.head[1:5] == ("hm % ↓", "sm % ↓", "lam % ↓", "1-ROCA % ↓") and "hm: of" in sides.caption
    assert len(sides.head) == 1 + 2 * len(SIDES) and all(len(row) == len(sides.head) for row in sides.rows)
    assert [name for name, _, _ in part.legend] == ["logistic", "majority"]
    assert part.pictures[0].draw().axes
    assert labels_part(Facts(studied("FrozenLake-v1", ("q-learning", "random")), ""), "s1") is None


def test_a_report_says_where_the_last_tenth_disagrees(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = Facts(studied("spam", ("logistic", "naive-bayes")), "")
    for agent, whole, final in zip(facts.result.agents, (0.1, 0.2), (0.4, 0.3), strict=True):
        for run in agent.runs:
            monkeypatch.setitem(scores_of(run).metrics, "lam", whole)
            monkeypatch.setitem(scores_of(run).metrics, "final_lam", final)
            monkeypatch.setitem(scores_of(run).metrics, "kappa_temporal", whole - 0.15)
    part = labels_part(facts, "s1")
    assert part is not None
    told = {said.lead: said.text for said in part.said}
    assert told["lam:"] == "logistic is best over the whole run, naive-bayes over its last tenth (see intervals)."
    assert told["Right less often than who does not learn:"].startswith("logistic: ")


def test_who_keeps_probabilities_back_is_named() -> None:
    """The same choices, no confidence below .9: log loss gets better, and a caveat says why."""

    class Careful(Logistic):
        def act(self, observation: Any) -> Decision:
            made = super().act(observation)
            return made if made.confidence >= 0.9 else made._replace(confidence=math.nan, scores=None)

        def fast(self, *_: Any) -> str:
            return "it is to be run plain"

    result = sandbox.run("spam", [Logistic, Careful], seeds=2, steps=1500, jobs=1)
    open_, careful = result.agents
    assert open_.values("accuracy") == careful.values("accuracy")
    assert open_.values("probabilities_told") == [1.0, 1.0] and max(careful.values("probabilities_told")) < 0.9
    assert max(careful.values("log_loss")) < min(open_.values("log_loss"))
    (told,) = [text for text in result.warnings() if "gave no probability" in text]
    assert told.startswith("Careful: gave no probability in ")
