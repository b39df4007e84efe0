"""What worlds report of each decision becomes a metric and a curve of that name, and nothing where there is none."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from sandbox.catalog import make_agent
from sandbox.errors import RunError, SandboxError
from sandbox.evaluator import Evaluator, evaluate, judge
from sandbox.extras import EXTRAS
from sandbox.interfaces import Decision, Labels, Number, Numbers, Question, Settled, Stream
from sandbox.law_stream import Batch, LawStream
from sandbox.metrics import METRICS
from sandbox.stream_world import StreamWorld
from sandbox.trace import CHUNK, TRACE_COLUMNS, Meta, Trace, join, make_trace
from sandbox.world import Budget

TOLD = np.array([0.5, math.nan, 1.0, 0.0, 0.5])
SAVED = np.array([1.0, 0.0, 2.0, math.nan, 1.0])
META = Meta("control", why_unpriced="test", episodic=False, extras=("recall_at_k", "cards_saved"))


def test_a_mean_and_a_total_by_hand() -> None:
    trace = make_trace(5, {"reward": 0.0}, extras={"recall_at_k": TOLD, "cards_saved": SAVED})
    scores = evaluate(trace, META, window=2)
    assert scores.metrics["recall_at_k"] == 0.5 and scores.metrics["cards_saved"] == 4.0
    assert scores.curves["recall_at_k"].number.tolist() == [1, 0, 1, 1, 1]
    assert scores.curves["cards_saved"].windowed.tolist() == [1.0, 0.5, 1.0, 2.0, 1.0]


def test_worlds_that_report_nothing_have_nothing() -> None:
    trace = make_trace(5, {"reward": 0.0}, extras={"recall_at_k": TOLD})
    scores = evaluate(trace, Meta("control", why_unpriced="test", episodic=False))
    assert all(math.isnan(scores.metrics[name]) for name in EXTRAS) and "recall_at_k" not in scores.curves
    missing = evaluate(make_trace(5, {"reward": 0.0}), META)
    assert math.isnan(missing.metrics["recall_at_k"]) and "recall_at_k" not in missing.curves


def test_chunks_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    told = rng.random(3_000)
    told[rng.random(3_000) < 0.2] = math.nan
    parts = [make_trace(n, {"reward": 0.0, "step": at + np.arange(n)}, extras={"recall_at_k": told[at : at + n]})
             for at, n in ((0, 1), (1, 1_999), (2_000, 1_000))]  # fmt: skip
    whole, one = join(parts), Evaluator(META, pushes=3_000)
    for part in parts:
        one.update(part)
    for scores in (one.finish(), evaluate(whole, META)):
        assert scores.metrics["recall_at_k"] == pytest.approx(np.nanmean(told), rel=1e-12)
    np.testing.assert_array_equal(whole.columns()["recall_at_k"], told)


def test_an_unknown_name_is_refused_in_one_line() -> None:
    for names, text in ((("recal_at_k",), "'recal_at_k'.*recall_at_k"), (("cost", "cost"), "twice: cost, cost")):
        with pytest.raises(SandboxError, match=text) as found:
            Evaluator(Meta("control", "shop", extras=names))
        assert "\n" not in str(found.value) and "shop" in str(found.value)


def test_every_extra_is_a_metric() -> None:
    assert EXTRAS.items() <= METRICS.items() and all(metric.signal == name for name, metric in EXTRAS.items())


class Shop(LawStream):
    """Asks nothing much, and reports two numbers of each decision."""

    choice_names, group_names, n_cells, gap_range, luck_reach, abstention = ("a", "b"), (), 1, 1.0, 1.0, 0.0
    kind, settles, extras = "shop", True, ("recall_at_k", "cards_saved")

    def __init__(self, drift: Any = None) -> None:
        super().__init__(drift)
        self.observation_space, self.choice_space = gym.spaces.Discrete(1), gym.spaces.Discrete(2)

    def batch(self, seed: int, start: int, count: int) -> Batch:
        nothing, values = np.zeros(count, dtype=np.int64), np.zeros((count, 2))
        return Batch(Numbers(values), nothing - 1, nothing, nothing, nothing, values, values)

    def observation(self, batch: Batch, i: int) -> int:
        return 0

    def settle(self, question: Question, made: Decision) -> Settled:
        right = float(made.choice == 1)
        return Settled(1.0, right, right, extras=(0.25 + right / 2, math.nan if right else 1.0))


def test_a_stream_reports_what_it_settles() -> None:
    world = StreamWorld("shop", Shop)
    traces: list[Trace] = []
    world.run(make_agent("random", world), 0, Budget(steps=CHUNK + 100), traces.append)
    trace = join(traces)
    right = trace.choice == 1
    assert world.meta.extras == Shop.extras and len(trace) == CHUNK + 100 and len(traces) == 2
    np.testing.assert_array_equal(trace.extras["recall_at_k"], 0.25 + right / 2)
    scores = evaluate(trace, world.meta)
    assert scores.metrics["cards_saved"] == (~right).sum()
    assert scores.metrics["recall_at_k"] == pytest.approx(0.25 + right.mean() / 2, rel=1e-12)


def test_a_stream_that_reports_too_little_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shop, "extras", ("recall_at_k", "cards_saved", "cost"))
    world = StreamWorld("shop", Shop)
    with pytest.raises(RunError, match="must report 3 numbers of each decision"):
        world.run(make_agent("random", world), 0, Budget(steps=10), lambda trace: None)


def test_the_sharpness_of_what_an_agent_thinks_of_many_labels() -> None:
    class Sure:
        def begin(self, observation_space: Any, choice_space: Any, rng: np.random.Generator) -> None: ...

        def act(self, observation: Any) -> Decision:
            return Decision(0, 0.5, scores=(0.5, 0.25, 0.25)) if observation["x"] < 2 else Decision(0, 0.5)

        def learn(self, experience: Any) -> None: ...

    class Three(Stream):
        observation_space, choice_space = gym.spaces.Dict(x=Number()), Labels(["a", "b", "c"])

        def questions(self, seed: int) -> Iterator[Question]:
            yield from (Question({"x": float(i)}, i % 3) for i in range(4))

    traces: list[Trace] = []
    StreamWorld("three", Three).run(Sure(), 0, Budget(steps=4), traces.append)
    assert traces[0].extras["sharpness"][:2].tolist() == [0.375, 0.375]
    assert np.isnan(traces[0].extras["sharpness"][2:]).all()


def test_traces_of_every_writer_are_of_one_type() -> None:
    """Else what is compiled for one is compiled again for the next, while a user waits."""
    some = make_trace(3, {"choice": np.arange(3.0), "reward": 1.0, "episode": np.arange(3)})
    for column in (getattr(some, name) for name in TRACE_COLUMNS):
        assert column.flags.writeable and column.flags.c_contiguous
    evaluate(some, META)
    known = len(judge.signatures)  # type: ignore[attr-defined]
    for rows in (1, 3):
        for columns in ({"choice": np.arange(float(rows))}, {"truth": np.ones(rows), "reward": 0.5}, {"reward": 0.0}):
            evaluate(make_trace(rows, columns), META)
            evaluate(make_trace(rows, columns), Meta("regression", why_unpriced="test", episodic=False))
    assert len(judge.signatures) == known  # type: ignore[attr-defined]
