"""Forgetting and transfer equal their definitions, are 0 where nothing is learned, and find who forgets."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_visits import naive_visit_metrics, naive_visits

from sandbox.catalog import make_agent, make_world
from sandbox.drift import Schedule, parse_drifts
from sandbox.evaluator import Evaluator, Scores
from sandbox.runs import Options, Run, pack, run_once, unpack
from sandbox.stretches import (
    MOST_VISITS,
    Start,
    Visit,
    Visits,
    backward_transfer,
    forgetting,
    forward_transfer,
    passing_of,
    visits_from,
)
from sandbox.trace import TRACE_COLUMNS, Meta, Trace, join, make_trace
from sandbox.world import Budget, Terms, make_terms

PRICED = Meta("control", gap_range=1.0, expected_start=(0.0,), episodic=False)


def trace_of(gaps: list[float], concepts: list[int]) -> Trace:
    columns = {"best": np.zeros(len(gaps)), "value": -np.array(gaps), "next_best": 0.0, "reward": 0.0, "choice": 0.0}
    return make_trace(len(gaps), columns | {"concept": concepts})


def judged(trace: Trace, meta: Meta, window: int, chunk: int = 8192) -> Scores:
    judge = Evaluator(meta, window=window)
    for first in range(0, len(trace), chunk):
        rows = slice(first, first + chunk)
        judge.update(Trace(**{name: getattr(trace, name)[rows].copy() for name in TRACE_COLUMNS}))
    return judge.finish()


# --- by their definitions ---------------------------------------------------------------------------------------------


def test_three_visits_by_hand() -> None:
    """Eight decisions each, so a start and an end are means of two."""
    gaps = [1.0, 0.8, 0, 0, 0, 0, 0.2, 0.0] + [0.5] * 8 + [0.6, 0.4, 0, 0, 0, 0, 0.1, 0.3]
    scores = judged(trace_of(gaps, [0] * 8 + [1] * 8 + [0] * 8), PRICED, window=1000)
    assert visits_from(scores.tables) == [
        Visit(0, 0, 8, pytest.approx(0.9), pytest.approx(0.1)),
        Visit(1, 8, 8, 0.5, 0.5),
        Visit(0, 16, 8, pytest.approx(0.5), pytest.approx(0.2)),
    ]
    assert scores.metrics["forgetting"] == pytest.approx(0.5 - 0.1)
    assert scores.metrics["backward_transfer"] == pytest.approx(0.1 - 0.5)
    assert math.isnan(scores.metrics["forward_transfer"])  # no twin was run


def test_forgetting_and_backward_transfer_differ_where_a_concept_returns_twice() -> None:
    """A concept relearned ever better: each return forgets .1 of what the visit before ended with; in all it gains."""
    visits = [Visit(0, 0, 8, 1.0, 0.6), Visit(1, 8, 8, 1.0, 1.0), Visit(0, 16, 8, 0.7, 0.3), Visit(0, 32, 8, 0.4, 0.1)]
    assert forgetting(visits) == pytest.approx(0.1)
    assert backward_transfer(visits) == pytest.approx(0.6 - 0.4)
    first, second = Start(PRICED, 10), Start(PRICED, 10)
    first.update(trace_of([5.0] * 20, [0] * 20))
    second.update(trace_of([1.5, 1.0] + [0.0] * 18, [1] * 20))
    assert forward_transfer(visits, {0: first, 1: second}, 1000) == pytest.approx(1.25 - 1.0)
    assert math.isnan(forward_transfer(visits, {0: first}, 1000))  # the first concept of a run has no forward transfer


@st.composite
def lived(draw: st.DrawFn) -> tuple[Trace, Meta]:
    """A run through a few concepts, some of them short, of any kind of task."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    parts = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 40)), min_size=1, max_size=12))
    concept = np.concatenate([np.full(count, code) for code, count in parts])
    rows, task = len(concept), draw(st.sampled_from(["control", "classification", "regression"]))
    priced = task == "control" or draw(st.booleans())
    truth, choice = rng.integers(0, 3, rows).astype(float), rng.integers(0, 3, rows).astype(float)
    choice[rng.random(rows) < 0.2] = math.nan
    columns = {"concept": concept, "truth": truth, "choice": choice, "reward": rng.normal(size=rows), "next_best": 0.0}
    columns |= {"best": rng.random(rows) + 1.0, "value": rng.random(rows)} if priced else {}
    labels = (0, 1, 2) if task == "classification" else ()
    meta = Meta(task, labels=labels, n_choices=3, episodic=False, expected_start=(0.0,) if priced else ())
    passing = draw(st.sampled_from([(), (False, False, False, False), (False, True, False, True), (False, False)]))
    meta = replace(meta, passing=passing, gap_range=2.0 if priced else math.nan)
    return make_trace(rows, columns), meta if priced else replace(meta, why_unpriced="real data")


@settings(max_examples=80, deadline=None)
@given(lived(), st.integers(1, 20), st.integers(1, 60))
def test_visits_equal_brute_force_whatever_the_chunks(told: tuple[Trace, Meta], window: int, chunk: int) -> None:
    trace, meta = told
    scores, wanted = judged(trace, meta, window, chunk), naive_visits(trace, meta, window)
    found = [(visit.concept, visit.start, visit.end) for visit in visits_from(scores.tables)]
    assert len(found) == (len(wanted) if len(wanted) > 1 else 0)
    for one, other in zip(found, wanted, strict=False):
        assert one == pytest.approx(other, rel=1e-12, abs=1e-12, nan_ok=True)
    for name, value in naive_visit_metrics(trace, meta, window).items():
        assert scores.metrics[name] == pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True), name


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=4), st.lists(st.integers(8, 60), min_size=3, max_size=12))
def test_who_never_learns_forgets_nothing(levels: list[float], lengths: list[int]) -> None:
    """A loss that depends on the concept alone: exactly no forgetting, no transfer either way."""
    codes = [k % len(levels) for k in range(len(lengths))]
    concept = [code for code, n in zip(codes, lengths, strict=True) for _ in range(n)]
    metrics = judged(trace_of([levels[code] for code in concept], concept), PRICED, 5).metrics
    returns = len(lengths) > len(levels)
    for name in ("forgetting", "backward_transfer"):
        assert metrics[name] == pytest.approx(0.0, abs=1e-12) if returns else math.isnan(metrics[name])


def test_no_more_than_256_visits_are_kept_in_constant_memory() -> None:
    visits = Visits(PRICED, 7)
    for k in range(400):
        visits.update(trace_of([float(k)] * 5_000, [k % 2] * 5_000))
        assert len(visits._head) <= 7 and len(visits._tail) <= 7
    kept = visits.finish()
    assert len(kept) == MOST_VISITS and kept[-1].begin == 255 * 5_000
    assert forgetting(kept) == pytest.approx(2.0)  # each return is two visits later


# --- which concepts count ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drift", "wanted"),
    [
        (None, (False,)),
        ("abrupt@100", (False, False)),
        ("recurring@50", (False, False)),
        ("gradual@100~3", (False, True, True, True, False)),
        (["gradual@100~1", "recurring@10"], (False, True, False) * 2),
    ],
)
def test_concepts_on_the_way_are_passed_through(drift: str | list[str] | None, wanted: tuple[bool, ...]) -> None:
    assert passing_of(Schedule(parse_drifts(drift))) == wanted


@pytest.mark.parametrize("kind", ["gradual", "incremental"])
def test_only_pure_laws_are_visited_under_a_drift_that_takes_time(kind: str) -> None:
    run = made("spam", "naive-bayes", f"{kind}@600~500", 2_000)
    assert run.scores is not None
    visits = visits_from(run.scores.tables)
    assert [(visit.begin, visit.decisions) for visit in visits] == [(0, 600), (1_100, 900)]
    assert math.isnan(run.scores.metrics["forgetting"]) and not math.isnan(run.scores.metrics["forward_transfer"])


def test_a_stream_s_own_phases_are_no_visits() -> None:
    run = made("spam", "naive-bayes", None, 3_000)
    assert run.scores is not None and "visits" not in run.scores.tables


# --- in worlds --------------------------------------------------------------------------------------------------------


@cache
def made(world: str, agent: str, drift: str | None, steps: int, seed: int = 0) -> Run:
    under = make_world(world).under(make_terms([drift] if drift else None))
    run = run_once(under, make_agent(agent, under), seed, Budget(steps=steps), Options())
    assert run.error == ""
    return run


def test_the_oracle_forgets_nothing() -> None:
    scores = made("spam", "oracle", "recurring@500", 2_500).scores
    assert scores is not None and len(visits_from(scores.tables)) == 5
    assert scores.metrics["forgetting"] == 0.0 == scores.metrics["backward_transfer"]


def test_who_begins_anew_loses_at_each_return_what_learning_gained() -> None:
    """reset:AGENT knows nothing at a return: it forgets about what its first visit had won; a learner less."""
    forgets, keeps = (
        made("spam", name, "recurring@1000", 6_000).scores for name in ("reset:naive-bayes", "naive-bayes")
    )
    assert forgets is not None and keeps is not None
    first = visits_from(forgets.tables)[0]
    assert forgets.metrics["forgetting"] == pytest.approx(first.start - first.end, rel=0.5)
    assert forgets.metrics["forgetting"] > 0.1 > keeps.metrics["forgetting"] + 0.05
    assert forgets.metrics["backward_transfer"] < -0.1


def test_forward_transfer_is_against_the_twin_s_own_start() -> None:
    world = make_world("spam").under(make_terms(["abrupt@400"]))
    chunks: list[Trace] = []
    run = run_once(world, make_agent("naive-bayes", world), 3, Budget(steps=1_000), Options(window=50), chunks.append)
    twin: list[Trace] = []
    world.twin(1).run(make_agent("naive-bayes", world), 3, Budget(steps=1_000), twin.append)
    lost = [(part.best - part.value).tolist() for part in (join(chunks), join(twin))]
    assert run.scores is not None
    wanted = math.fsum(lost[1][:50]) / 50 - math.fsum(lost[0][400:450]) / 50
    assert run.scores.metrics["forward_transfer"] == pytest.approx(wanted, rel=1e-12)
    assert unpack(json.loads(json.dumps(pack(run)))).scores.tables.keys() == run.scores.tables.keys()  # type: ignore[union-attr]


def test_errors_count_where_nothing_has_a_price() -> None:
    """Digits have no law: the loss of a decision is a wrong digit."""
    pytest.importorskip("sklearn")
    world = make_world("digits").under(Terms(drift=Schedule(parse_drifts("recurring@200"))))
    chunks: list[Trace] = []
    run = run_once(world, make_agent("no-change", world), 0, Budget(steps=600), Options(), chunks.append)
    assert run.scores is not None
    trace = join(chunks)
    wrong = (trace.choice != trace.truth).astype(float)
    assert [visit.start for visit in visits_from(run.scores.tables)] == [
        pytest.approx(float(wrong[at : at + 50].mean())) for at in (0, 200, 400)
    ]
