"""What is said of a group is what the evaluator says of its decisions alone, with intervals over runs; also shown."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from sandbox.agent_result import AgentResult
from sandbox.cli import app
from sandbox.comparison.intervals import mean_interval
from sandbox.evaluator import Evaluator, Scores, evaluate
from sandbox.groups import FEW, MOST_GROUPS, OF_GROUPS, GroupSums, by_group, few, group_table, make_groups
from sandbox.report.facts import Facts
from sandbox.report.groups import groups_part
from sandbox.result import Result
from sandbox.runs import Run
from sandbox.show.groups import groups_table
from sandbox.trace import TRACE_COLUMNS, Meta, Trace, make_trace

NAMES = ("young", "old", "nobody")
FILE = Meta("classification", labels=("a", "b"), n_choices=2, episodic=False, why_unpriced="real data", groups=NAMES)


def answers(rng: np.random.Generator, rows: int, meta: Meta) -> Trace:
    """A trace of random answers, some of them missing, in the first two groups of `meta` and one it does not have."""
    truth, choice = rng.integers(0, 2, rows).astype(float), rng.integers(0, 2, rows).astype(float)
    truth[rng.random(rows) < 0.1], choice[rng.random(rows) < 0.1] = math.nan, math.nan
    columns = {"truth": truth, "choice": choice, "reward": rng.normal(size=rows), "group": rng.integers(-1, 2, rows)}
    if meta.priced:
        columns |= {"best": rng.random(rows) + 1.0, "value": rng.random(rows), "next_best": np.zeros(rows)}
    return make_trace(rows, columns)


def of_group(trace: Trace, group: int) -> Trace:
    rows = trace.group == group
    told = {name: getattr(trace, name)[rows].copy() for name in TRACE_COLUMNS}
    return Trace(**(told | {"step": np.arange(int(rows.sum())), "episode": np.arange(int(rows.sum()))}))


def result_of(traces: list[Trace], meta: Meta) -> Result:
    runs = [Run(seed, evaluate(trace, meta)) for seed, trace in enumerate(traces)]
    return Result("world", meta, {"steps": 10, "episodes": None}, [AgentResult("agent", {}, runs)])


# --- one definition ---------------------------------------------------------------------------------------------------


def test_five_rows_by_hand() -> None:
    columns = {"truth": [0, 1, 0, 1, 1], "choice": [0, 1, 1, math.nan, 1], "reward": [1, 1, 0, -1, 1]}
    scores = evaluate(make_trace(5, columns | {"group": [0, 0, 1, 1, 0]}), FILE)
    young, old = (GroupSums(scores.tables["groups"], g) for g in (0, 1))
    assert (young.decisions, young.mean("correct"), young.total("reward")) == (3.0, 1.0, 3.0)
    assert (old.decisions, old.mean("correct"), old.total("mistake"), old.total("abstained")) == (2.0, 0.0, 2.0, 1.0)
    assert math.isnan(old.total("regret")) and math.isnan(old.mean("absolute_error"))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 1_200),
    st.sampled_from(["classification", "regression", "control"]),
    st.booleans(),
)
def test_a_group_has_the_metrics_of_its_decisions_alone(seed: int, rows: int, task: str, priced: bool) -> None:
    why = "" if priced else "real data"
    labels = ("a", "b") if task == "classification" else ()
    meta = Meta(task, labels=labels, n_choices=2, episodic=False, why_unpriced=why, groups=NAMES)  # type: ignore[arg-type]
    trace = answers(np.random.default_rng(seed), rows, meta)
    result = result_of([trace], meta)
    found = by_group(result.agents[0], meta)
    assert set(found) == {name for code, name in enumerate(NAMES) if (trace.group == code).any()}
    for name, told in found.items():
        part = of_group(trace, NAMES.index(name))
        wanted = evaluate(part, meta).metrics
        assert told.pop("decisions").mean == len(part)
        assert set(told) == {metric for metric in OF_GROUPS if not math.isnan(wanted[metric])}
        for metric, one in told.items():
            assert one.mean == pytest.approx(wanted[metric], rel=1e-9, abs=1e-9), metric


def test_groups_of_all_decisions_add_up_to_the_run_in_chunks_too() -> None:
    rng = np.random.default_rng(1)
    trace = answers(rng, 3_000, FILE)
    trace.group[:] = np.abs(trace.group)
    judge = Evaluator(FILE)
    for first in range(0, 3_000, 700):
        judge.update(Trace(**{n: getattr(trace, n)[first : first + 700].copy() for n in TRACE_COLUMNS}))
    scores = judge.finish()
    sums = [GroupSums(scores.tables["groups"], g) for g in (0, 1)]
    assert sum(one.decisions for one in sums) == 3_000
    for metric, signal in (("mistakes", "mistake"), ("abstentions", "abstained")):
        assert sum(one.total(signal) for one in sums) == scores.metrics[metric]
    assert math.fsum(one.total("reward") for one in sums) / 3_000 == pytest.approx(scores.metrics["reward"], rel=1e-12)


def test_one_group_is_none_and_only_256_are_told_apart() -> None:
    def scored(count: int) -> Scores:
        meta = Meta("control", episodic=False, why_unpriced="real data", groups=tuple(range(count)))
        return evaluate(make_trace(count, {"group": np.arange(count), "reward": 1.0, "choice": 0.0}), meta)

    assert "groups" not in scored(1).tables
    assert set(scored(300).tables["groups"][:, 0]) == set(range(MOST_GROUPS))
    assert len(group_table(*make_groups(FILE))) == 0


# --- over runs --------------------------------------------------------------------------------------------------------


def test_intervals_are_those_of_a_mean_over_runs() -> None:
    rng = np.random.default_rng(2)
    traces = [answers(rng, 400, FILE) for _ in range(5)]
    found = by_group(result_of(traces, FILE).agents[0], FILE)["old"]
    wanted = mean_interval([evaluate(of_group(trace, 1), FILE).metrics["accuracy"] for trace in traces])
    assert found["accuracy"] == pytest.approx(wanted) and found["accuracy"].low < found["accuracy"].mean
    alone = by_group(result_of(traces[:1], FILE).agents[0], FILE)["old"]["accuracy"]
    same = by_group(result_of([traces[0]] * 3, FILE).agents[0], FILE)["old"]["accuracy"]
    for one in (alone, same):
        assert one.n == 1 and math.isnan(one.low)


def test_a_share_ends_at_nought_and_one_and_a_run_without_the_group_has_no_value() -> None:
    right = {"truth": np.zeros(40), "choice": np.zeros(40), "reward": 1.0}
    nearly = right | {"choice": np.append(np.zeros(39), 1.0)}
    traces = [make_trace(40, part | {"group": 1}) for part in (right, nearly)]
    traces.append(make_trace(40, right | {"group": 0}))
    found = by_group(result_of(traces, FILE).agents[0], FILE)
    assert found["old"]["accuracy"].n == 2 and found["old"]["accuracy"].high == 1.0
    assert found["young"]["accuracy"].n == 1


def test_groups_with_few_decisions_are_said_to_be_so() -> None:
    columns = {"truth": np.zeros(200), "choice": np.zeros(200), "reward": 1.0}
    trace = make_trace(200, columns | {"group": np.arange(200) >= 200 - (FEW - 1)})
    result = result_of([trace], FILE)
    found = by_group(result.agents[0], FILE)
    assert few(found["old"]) and not few(found["young"])
    part = groups_part(Facts(result), "s1")
    assert part is not None
    assert any("old" in said.text and "say little" in said.text for said in part.said)
    assert [row[0] for row in part.tables[0].rows] == ["young", "old (few)"]
    table = groups_table(result)
    assert not isinstance(table, str) and [str(column.header) for column in table.columns] == [
        "agent",
        "young",
        "old (few)",
    ]


# --- shown ------------------------------------------------------------------------------------------------------------


def test_a_file_s_groups_are_in_the_terminal_the_json_and_the_report(tmp_path: Path) -> None:
    """Labels that the first group repeats and the second alternates: no-change is right in one, wrong in the other."""
    rows = [f"{k},{'first' if k < 50 else 'second'},{'x' if k < 50 or k % 2 else 'y'}" for k in range(100)]
    path = tmp_path / "speech.csv"
    path.write_text("\n".join(["time,speaker,word", *rows]))
    asked = ["run", f"{path}:word:group=speaker", "no-change", "--seeds", "1", "--runs", str(tmp_path / "runs")]
    shown = CliRunner().invoke(app, asked)
    assert shown.exit_code == 0 and "accuracy % by group" in shown.output and "second" in shown.output
    told = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)["agents"][0]["groups"]
    assert told["first"]["accuracy"] == {
        "mean": 0.98,
        "low": None,
        "high": None,
        "n": 1,
    }  # the first has no word before
    assert told["second"]["accuracy"]["mean"] == 0.0 and told["second"]["decisions"]["mean"] == 50.0
    out = tmp_path / "report.md"
    assert CliRunner().invoke(app, ["report", "--runs", str(tmp_path / "runs"), "--out", str(out)]).exit_code == 0
    assert "Group by group" in out.read_text() and "| second | no-change | 50 | 0" in out.read_text()


def test_few_worlds_clutter_the_terminal() -> None:
    """A simulated world's own groups are in the report and in --json; nine of a file are too many for a table."""
    priced = Meta("classification", labels=("a", "b"), n_choices=2, episodic=False, groups=NAMES, gap_range=2.0)
    assert groups_table(result_of([answers(np.random.default_rng(3), 50, priced)], priced)) == ""
    many = Meta("regression", episodic=False, why_unpriced="real data", groups=tuple(range(9)))
    assert "too many" in str(groups_table(Result("world", many, {"steps": 1, "episodes": None}, [])))
