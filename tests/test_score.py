"""A log is scored as the evaluator scores a run, in bounded memory, and a bad log is refused in one line."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from sandbox.catalog import make_agent, make_world
from sandbox.errors import SandboxError
from sandbox.evaluator import Scores, evaluate
from sandbox.log_score import LogColumns, LogScore, score_log
from sandbox.trace import Meta, Trace, join, make_trace
from sandbox.world import Budget


def log_of(folder: Path, text: str, name: str = "log.csv") -> str:
    """Write a log; each word of `text` is a row."""
    path = folder / name
    path.write_text("\n".join(text.split()) + "\n")
    return str(path)


def score(folder: Path, text: str, **options: Any) -> LogScore:
    """Score a log whose columns are named after what they say."""
    names = text.split(maxsplit=1)[0].split(",")
    known = {name: name for name in names if name in LogColumns.__dataclass_fields__}
    return score_log(log_of(folder, text), LogColumns(**known), **options)


def write(path: Path, trace: Trace, leave_out: Iterable[str] = ()) -> LogColumns:
    """Write a trace as a log with odd column names; return what they say."""
    columns = {n: c for n, c in trace.columns().items() if n not in {"step", "answered_at", *leave_out}}
    named = {f'the "{name}", so': column.tolist() for name, column in columns.items()}
    plain = path.with_suffix(".csv")
    with plain.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(named)
        writer.writerows(zip(*named.values(), strict=True))
    if path.suffix == ".parquet":
        duckdb.sql(f"COPY (SELECT * FROM read_csv('{plain}')) TO '{path}' (FORMAT parquet)")
    return LogColumns(**{name: f'the "{name}", so' for name in columns})


def run(world: str, agent: str, steps: int) -> tuple[Trace, Meta]:
    """Return the trace of a run."""
    made, chunks = make_world(world), list[Trace]()
    made.run(make_agent(agent, made), 3, Budget(steps=steps), chunks.append)
    return join(chunks), made.meta


def check_same(found: Scores, wanted: Scores, but: Sequence[str] = ()) -> None:
    """Every metric and every curve is the same."""
    assert found.metrics.keys() == wanted.metrics.keys() and found.curves.keys() == wanted.curves.keys()
    for name in found.metrics.keys() - set(but):
        assert found.metrics[name] == pytest.approx(wanted.metrics[name], rel=1e-12, abs=1e-12, nan_ok=True), name
    for name, curve in found.curves.items():
        for mine, theirs in zip(curve, wanted.curves[name], strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12)
    assert found.decisions == wanted.decisions  # a log numbers its cells and labels itself: no common fingerprint


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_log_of_episodes_is_scored_as_the_run(kind: str, tmp_path: Path) -> None:
    trace, meta = run("FrozenLake-v1", "q-learning", 20_000)
    path = tmp_path / f"log.{kind}"
    columns = write(path, trace, {"truth", "confidence", "likelihood"})
    scored = score_log(str(path), columns, gap_range=meta.gap_range)
    wanted = evaluate(trace, meta)
    # A log does not tell what an episode is worth before its first state is drawn.
    # Nor does it know the law, which bounds luck.
    check_same(scored.scores, wanted, ("start_luck", "level", "luck_z"))
    assert math.isnan(scored.scores.metrics["start_luck"]) and wanted.metrics["mistakes"] > 100
    check_same(scored.scores, evaluate(trace, replace(meta, expected_start=(), luck_reach=())))
    assert scored.meta.priced and not scored.notes and scored.meta.task == "control"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("world", "agent"),
    [
        ("river:Phishing", "river:preprocessing.StandardScaler() | linear_model.LogisticRegression()"),
        ("river:ImageSegments", "river:naive_bayes.GaussianNB()"),
        ("river:TrumpApproval", "river:preprocessing.StandardScaler() | linear_model.LinearRegression()"),
    ],
)
def test_log_of_a_stream_is_scored_as_the_run(world: str, agent: str, kind: str, tmp_path: Path) -> None:
    trace, meta = run(world, agent, 900)
    path = tmp_path / f"log.{kind}"
    leave_out = {"episode", "terminated", "truncated", "best", "value", "next_best"}
    columns = write(path, trace, leave_out | ({"likelihood"} if world == "river:Phishing" else set()))
    scored = score_log(str(path), columns)
    check_same(scored.scores, evaluate(trace, meta))
    assert scored.notes == ["unpriced: includes bad luck"] and scored.meta.task == meta.task


def test_priced_one_step_log(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    means, choice = np.array([0.2, 0.5, 0.9]), rng.integers(0, 3, 4000)
    reward = (rng.random(4000) < means[choice]).astype(float)
    trace = make_trace(
        4000, {"choice": choice, "reward": reward, "best": 0.9, "value": means[choice], "next_best": 0.0}
    )
    columns = write(tmp_path / "log.csv", trace, {"episode", "terminated", "truncated", "next_best", "truth"})
    scored = score_log(str(tmp_path / "log.csv"), replace(columns, confidence=None, likelihood=None, greedy=None))
    check_same(scored.scores, evaluate(trace, Meta("control", n_choices=3, gap_range=0.7, episodic=False)))
    assert scored.notes == ["the gap range is not given; taken as the largest gap in the log, 0.7"]
    assert scored.scores.metrics["mistakes"] == (choice != 2).sum()
    wrong = write(tmp_path / "wrong.csv", replace(trace, value=means[choice[::-1]]), {"episode"})
    names = LogColumns(wrong.choice, wrong.reward, best=wrong.best, value=wrong.value)
    assert "luck does not average to zero" in score_log(str(tmp_path / "wrong.csv"), names).notes[-1]


def test_text_labels_abstentions_and_unknown_truths(tmp_path: Path) -> None:
    scored = score(tmp_path, "choice,truth,confidence spam,spam,0.9 ham,spam,0.6 ,ham,0.7 ham,,0.8 spam,ham, ham,ham,1")
    found = scored.scores.metrics
    assert scored.labels == ("ham", "spam") and scored.meta.task == "classification" and scored.rows == 6
    assert found["accuracy"] == 2 / 5 and found["accuracy_answered"] == 2 / 4 and found["abstentions"] == 1
    assert found["reward"] == 2 / 5 and found["mistakes"] == 3 and math.isnan(found["regret"])
    assert found["log_loss"] == pytest.approx(-(math.log(0.9) + math.log(0.4)) / 3)
    assert scored.curves is scored.scores.curves and "correct" in scored.curves


@pytest.mark.parametrize(
    ("text", "labels", "accuracy", "task"),
    [
        ("choice,truth True,1 False,1 True,0 false,0", (0, 1), 0.5, "classification"),
        ("choice,truth True,true False,True", (False, True), 0.5, "classification"),
        ("choice,truth 1.0,1 0.0,1 nan,0 ,1", (0, 1), 0.25, "classification"),
        ("choice,truth 10,10 9,10 -0.0,0", (0, 9, 10), 2 / 3, "classification"),
        ("choice,truth a,1 1,1 01,1", ("01", "1", "a"), 1 / 3, "classification"),
        ("choice,truth 9007199254740993,9007199254740993 9007199254740992,9007199254740993",
         ("9007199254740992", "9007199254740993"), 0.5, "classification"),
        ("choice,truth 0.5,1 2,1", (), None, "regression"),
        ("choice,truth 1,0.25 1,3", (), None, "regression"),
        ("choice,reward up,1 down,0", ("down", "up"), None, "control"),
        ("choice,reward 0.3,1 0.4,0", (), None, "control"),
        ("choice,reward ,1 ,0", (), None, "control"),
    ],
)  # fmt: skip
def test_kinds_of_labels(text: str, labels: tuple[Any, ...], accuracy: float | None, task: str, tmp_path: Path) -> None:
    scored = score(tmp_path, text)
    assert scored.labels == labels and scored.meta.task == task
    found = scored.scores.metrics["accuracy"]
    assert math.isnan(found) if accuracy is None else found == pytest.approx(accuracy)


def test_forecasts(tmp_path: Path) -> None:
    scored = score(tmp_path, "choice,truth,reward 1.5,1,-0.25 ,4,nan 3,5,-4 2,,-9", tolerance=1.0)
    found = scored.scores.metrics
    assert found["mae"] == 1.25 and found["rmse"] == pytest.approx(math.sqrt(4.25 / 2)) and found["mistakes"] == 2
    assert found["abstentions"] == 1 and found["reward"] == pytest.approx(-13.25 / 3)
    unrewarded = score(tmp_path, "choice,truth 1.5,1 ,4 3,5 2,", tolerance=1.0).scores.metrics
    assert unrewarded["reward"] == pytest.approx(-4.25 / 2) and unrewarded["mae"] == 1.25
    many = "choice,truth " + " ".join(f"{k},{k}" for k in range(21))
    assert score(tmp_path, many).meta.task == "regression" and "21" not in score(tmp_path, many).notes[0]
    assert score(tmp_path, many, task="classification").scores.metrics["accuracy"] == 1.0
    assert score(tmp_path, many, task="control").meta.task == "control"


def test_confidence_among_three_labels_gives_no_log_loss(tmp_path: Path) -> None:
    text = "choice,truth,confidence a,a,0.9 b,c,0.5 c,c,0.8"
    scored = score(tmp_path, text)
    assert math.isnan(scored.scores.metrics["log_loss"]) and "no log loss: of 3 labels" in scored.notes[-1]
    told = score(tmp_path, "choice,truth,likelihood a,a,0.9 b,c,0.25 c,c,0.8")
    assert told.scores.metrics["log_loss"] == pytest.approx(-math.log(0.9 * 0.25 * 0.8) / 3) and len(told.notes) == 1


@pytest.mark.parametrize(
    "times",
    [
        "3 1 2 1", "-1 -7.5 -2 -7.5", "2026-03-01 2026-01-31 2026-02-01 2026-01-31",
        "2026-01-01T10:00:00Z 2026-01-01T10:00:00+02:00 2026-01-01T09:00:00Z 2026-01-01T10:00:00+02:00",
        "1767225600000000003 1767225600000000001 1767225600000000002 1767225600000000001",
    ],
)  # fmt: skip
def test_rows_are_put_in_the_order_of_time(times: str, tmp_path: Path) -> None:
    rows = [f"{t},a,{k}" for k, t in enumerate(times.split())]
    curve = score(tmp_path, " ".join(["time,choice,reward", *rows])).curves["reward"]
    assert curve.total.tolist() == [1, 3, 2, 0] and curve.step.tolist() == [1, 2, 3, 4]
    unordered = score(tmp_path, " ".join(["when,choice,reward", *rows])).curves["reward"]
    assert unordered.total.tolist() == [0, 1, 2, 3]
    path = tmp_path / "log.parquet"
    duckdb.sql(f"COPY (FROM read_csv('{log_of(tmp_path, ' '.join(['time,choice,reward', *rows]))}')) TO '{path}'")
    stored = score_log(str(path), LogColumns("choice", "reward", time="time"))
    assert stored.curves["reward"].total.tolist() == [1, 3, 2, 0]


EPISODES = "episode,time,choice,reward,terminated x,1,a,1,0 y,2,b,10,0 x,3,a,2,1 z,4,a,5,1 y,5,b,20,1 w,6,a,7,0"


def test_interleaved_episodes_are_put_together_by_time(tmp_path: Path) -> None:
    scored = score(tmp_path, EPISODES)
    assert scored.curves["return"].total.tolist() == [3, 30, 5] and scored.meta.episodic
    assert scored.curves["reward"].total.tolist() == [1, 2, 10, 20, 5, 7]
    assert "3 episodes overlap in time" in scored.notes[-1]
    with pytest.raises(SandboxError, match="row 3 goes on with episode 'x' after another began"):
        score(tmp_path, EPISODES.replace("time", "when"))


def test_episodes_without_flags_end_where_their_rows_do(tmp_path: Path) -> None:
    scored = score(tmp_path, "episode,choice,reward 7,a,1 7,a,2 3,a,10 9,b,4 9,b,5")
    assert scored.scores.metrics["episodes"] == 3 and scored.curves["return"].total.tolist() == [3, 10, 9]


def test_discount_and_terminated_next_best(tmp_path: Path) -> None:
    text = (
        "episode,choice,reward,best,value,next_best,terminated,greedy "
        "1,a,0,0.5,0.45,0.9,0,b 1,b,1,0.9,0.9,,1,b 2,a,1,0.5,0.45,0.5,no,a 2,b,0,0.5,0.5,0.4,no,b"
    )
    found = score(tmp_path, text, discount=0.5, gap_range=1.0).scores.metrics
    assert found["regret"] == pytest.approx(0.1) and found["mistakes"] == 2 and found["exploring_mistakes"] == 1
    assert found["luck"] == pytest.approx(0.0 + 0.1 + 0.8 - 0.3) and found["ledger_error"] < 1e-12


def test_groups_are_scored_as_logs_of_their_own(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = [(f"g{g}", "ab"[c], "ab"[t]) for g, c, t in rng.integers(0, 2, (70_000, 3))] + [("", "a", "a")]
    path = tmp_path / "log.csv"

    def judge(wanted: str | None) -> LogScore:
        kept = [row for row in rows if wanted in (None, row[0])]
        path.write_text("group,choice,truth\n" + "\n".join(map(",".join, kept)) + "\n")
        return score_log(str(path), LogColumns("choice", truth="truth", group="group"))

    scored = judge(None)
    assert list(scored.groups) == ["(none)", "g0", "g1"] and scored.meta.groups == ("g0", "g1")
    for group in ("g0", "g1"):
        alone = judge(group).groups[group]
        assert alone.metrics == pytest.approx(scored.groups[group].metrics, nan_ok=True)
        assert alone.decisions == scored.groups[group].decisions == sum(row[0] == group for row in rows)
    assert scored.groups["g0"].curves["correct"].step[-1] > 60_000


def test_json(tmp_path: Path) -> None:
    scored = score(tmp_path, "choice,truth,group,propensity a,a,1,0.5 b,a,2,0.5 a,b,2,1")
    told = scored.as_json()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["schema"] == 1 and told["rows"] == 3 and told["priced"] is False and told["log"] == scored.path
    assert told["metrics"]["regret"] is None and told["metrics"]["accuracy"] == pytest.approx(1 / 3)
    assert told["groups"]["2"]["rows"] == 2 and told["groups"]["2"]["metrics"]["accuracy"] == 0.0
    assert [row["policy"] for row in told["yardsticks"]] == ["uniformly at random", "always a", "always b"]
    assert told["yardsticks"][2]["standard_error"] is None and told["yardsticks"][1]["value"] == pytest.approx(2 / 3)
    assert told["notes"][0] == "unpriced: includes bad luck"


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_separators_quotes_and_late_surprises(mark: str, tmp_path: Path) -> None:
    path = tmp_path / "log [1]*.csv"
    rows = [f"a{mark}1"] * 30_000 + [f'"x{mark} ""y""\nz"{mark}1', f"#b{mark}2.5"]
    path.write_bytes(("\ufeffthe choice" + mark + "r\r\n" + "\r\n".join(rows).replace("\nz", "z")).encode())
    (tmp_path / "log 1.csv").write_text("not this one")
    scored = score_log(str(path), LogColumns("the choice", "r"))
    assert scored.labels == ("#b", "a", f'x{mark} "y"z') and scored.rows == 30_002


SPENT = """
import resource, sys
from sandbox import log_file
from sandbox.log_score import LogColumns, score_log
log_file._MEMORY = "100MB"
names = dict(time="t", group="g", episode="e", best="v", value="v", next_best="v", cell="c")
score_log(sys.argv[1], LogColumns("choice", "r", **names))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    spent = []
    for rows in (50_000, 600_000):  # the trace of 600,000 rows takes 80 MB, its signals 70 MB, the table 70 MB
        path = tmp_path / f"{rows}.csv"
        columns = (
            "'choice ' || (i % 7) AS choice, (i * 7919) % 1000 AS r, (i * 104729) % 1000003 AS t,"
            " (i // 40) % 9 AS g, i // 40 AS e, 'cell' || (i % 90) AS c, 1.5 AS v"
        )
        duckdb.sql(f"COPY (SELECT {columns} FROM range({rows}) AS r(i)) TO '{path}' (HEADER)")
        told = subprocess.check_output([sys.executable, "-c", SPENT, str(path)], text=True)
        spent.append(int(told))  # and nothing else on stdout
    assert spent[1] < spent[0] + 120, spent
