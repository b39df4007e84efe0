"""Files and River datasets become the questions they hold, and what cannot be one is refused in one clear line."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from river import datasets
from river.datasets import base, synth

from sandbox.catalog import make_agent, make_world
from sandbox.errors import RunError, SandboxError
from sandbox.evaluator import Evaluator
from sandbox.interfaces import Labels, Number, Question, Stream
from sandbox.streams.data_file import DataFile
from sandbox.streams.features import ordered_labels
from sandbox.streams.river_dataset import RiverStream, names, river_stream
from sandbox.world import Budget

FORMATS = ["csv", "parquet"]


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Return what writes CSV text to a file, or the same table to a Parquet file, and opens it."""

    def open_file(text: str, label: str = "y", kind: str = "csv", **settings: Any) -> DataFile:
        path = tmp_path / "data.csv"
        path.write_text(text)
        if kind == "parquet":
            target = tmp_path / "data.parquet"
            with duckdb.connect() as connection:
                connection.execute(f"COPY (SELECT * FROM read_csv('{path}')) TO '{target}' (FORMAT parquet)")
            path = target
        return DataFile(str(path), label, **settings)

    return open_file


def asked(stream: Stream, limit: int | None = None) -> list[tuple[Any, float]]:
    return [(q.observation, q.truth) for q in itertools.islice(stream.questions(0), limit)]


def rows(header: str, *lines: str) -> str:
    return "\n".join([header, *lines]) + "\n"


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("values", "labels", "truths"),
    [
        (("spam", "ham", "spam"), ("ham", "spam"), [1, 0, 1]),
        (("true", "false", "true"), (False, True), [1, 0, 1]),
        (("7", "-2", "7"), (-2, 7), [1, 0, 1]),
        (("2.5", "-1", "7"), None, [2.5, -1.0, 7.0]),
    ],
)
def test_labels_of_a_file(write: Any, kind: str, values: Any, labels: Any, truths: list[float]) -> None:
    stream = write(rows("x,t,y", *(f"{i + 0.5},w{i},{v}" for i, v in enumerate(values))), kind=kind)
    assert (stream.choice_space.labels == labels) if labels else isinstance(stream.choice_space, Number)
    assert stream.length == 3
    assert asked(stream) == [({"x": i + 0.5, "t": f"w{i}"}, truth) for i, truth in enumerate(truths)]
    assert stream.observation_space["x"].shape == () and isinstance(stream.observation_space["t"], spaces.Text)
    told = [answer for _, answer in stream]  # as River sees it
    assert told == [labels[int(t)] if labels else t for t in truths]


@pytest.mark.parametrize("kind", FORMATS)
def test_dates_are_seconds(write: Any, kind: str) -> None:
    stream = write(rows("d,t,y", "1970-01-02,2000-01-01 00:00:01,a", "1969-12-31,1970-01-01 12:00:00,b"), kind=kind)
    assert [q for q, _ in asked(stream)] == [{"d": 86400.0, "t": 946684801.0}, {"d": -86400.0, "t": 43200.0}]


@pytest.mark.parametrize("kind", FORMATS)
def test_many_integers_are_numbers_and_few_are_classes(write: Any, kind: str) -> None:
    few = write(rows("x,y", *(f"{i},{i % 20}" for i in range(100))), kind=kind)
    assert isinstance(few.choice_space, Labels) and few.choice_space.n == 20
    assert isinstance(write(rows("x,y", *(f"{i},{i}" for i in range(100))), kind=kind).choice_space, Number)
    forced = write(rows("x,y", *(f"{i},{i}" for i in range(100))), kind=kind, task="classification")
    assert isinstance(forced.choice_space, Labels) and forced.choice_space.n == 100
    assert isinstance(write(rows("x,y", "1,0", "2,1"), kind=kind, task="regression").choice_space, Number)


def test_the_border_between_classes_and_numbers_is_exact(write: Any) -> None:
    """20 kinds of integers are classes and 21 are numbers, whichever integers they are."""
    rng = np.random.default_rng(0)
    for _ in range(25):
        values = rng.choice(10**6, size=21, replace=False)
        assert isinstance(write(rows("x,y", *(f"1,{v}" for v in values))).choice_space, Number)
        assert isinstance(write(rows("x,y", *(f"1,{v}" for v in values[:20]))).choice_space, Labels)


def test_missing_features(write: Any) -> None:
    text = rows("x,z,y", "1,2,a", "3,,b", ",4,a")
    with pytest.raises(SandboxError, match=r"row 2 has no value for 'z'.*missing=omit"):
        write(text)
    assert [q for q, _ in asked(write(text, missing="omit"))] == [{"x": 1, "z": 2}, {"x": 3}, {"z": 4}]


@pytest.mark.parametrize(
    ("text", "label", "settings", "message"),
    [
        ("x,y\n1,a\n2,b\n", "Y", {}, "no column 'Y'.*it has x, y"),
        ("x,label\n1,a\n2,b\n", "lable", {}, "no column 'lable'; did you mean 'label'"),
        ("y\na\nb\n", "y", {}, "no column beside the label 'y'"),
        ("x,y\n", "y", {}, "no rows"),
        ("x,y\n1,a\n2,\n3,\n", "y", {}, "2 of 3 rows have no label in 'y'"),
        ("x,y\n1,a\n2,b\n", "y", {"task": "regression"}, "'y' is VARCHAR, not a number"),
        ("x,y\n1,a\n2,b\n", "y", {"task": "guess"}, "task='guess' is none of auto"),
        ("x,y\n1,a\n2,b\n", "y", {"missing": "drop"}, "missing='drop' is none of error, omit"),
        ("", "y", {}, "."),
    ],
)
def test_files_that_are_refused(write: Any, text: str, label: str, settings: Any, message: str) -> None:
    with pytest.raises(SandboxError, match=message) as caught:
        write(text, label, **settings)
    assert "data.csv" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("line", ["5", "5,1,7,8"])
@pytest.mark.parametrize("good", [3, 60_000])
def test_ragged_rows_are_refused_before_the_run(write: Any, line: str, good: int) -> None:
    with pytest.raises(SandboxError, match=r"data\.csv") as caught:
        write(rows("x,z,y", *(f"{i},{i},{i % 2}" for i in range(good)), line))
    assert "\n" not in str(caught.value)


def test_a_bad_value_far_down_is_found_before_the_run(write: Any) -> None:
    """The docstring of `_look` says so: every row is read once."""
    with pytest.raises(SandboxError, match="row 60001"):
        write(rows("x,y", *(f"{i},{i % 2}" for i in range(60_000)), "bad,1"))


def test_no_such_file_and_no_file_of_this_kind(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="no such file"):
        DataFile(str(tmp_path / "none.csv"), "y")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(SandboxError, match=r"cut\.parquet: cannot be read"):
        DataFile(str(tmp_path / "cut.parquet"), "y")
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT [1, 2] AS x, 1 AS y) TO '{tmp_path / 'list.parquet'}' (FORMAT parquet)")
    with pytest.raises(SandboxError, match=r"column 'x' is INTEGER.*no single number"):
        DataFile(str(tmp_path / "list.parquet"), "y")


def test_names_that_need_quotes(write: Any) -> None:
    stream = write('"a b","select","q""uote"\n1,2,u\n3,4,v\n', 'q"uote')
    assert asked(stream) == [({"a b": 1, "select": 2}, 0), ({"a b": 3, "select": 4}, 1)]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_numbers_that_are_none_stop_the_run(write: Any, value: str) -> None:
    for text in (rows("x,y", "1.5,a", f"{value},b"), rows("x,y", "1.5,2.5", f"2.5,{value}")):
        stream = write(text)
        world = make_world(stream)
        judge = Evaluator(world.meta)
        with pytest.raises(RunError, match=f"step 1: .*{value}"):
            world.run(make_agent("no-change", world), 0, Budget(), judge.update)
        assert judge.finish().decisions == 1


def test_tolerance_decides_what_a_mistake_is(write: Any) -> None:
    text = rows("x,y", "1,1.0", "1,1.4", "1,2.0", "1,2.5")
    for tolerance, mistakes in ((math.nan, math.nan), (0.45, 3.0), (0.55, 2.0), (0.0, 4.0)):  # the abstention is one
        world = make_world(write(text, tolerance=tolerance))
        judge = Evaluator(world.meta)
        world.run(make_agent("no-change", world), 0, Budget(), judge.update)
        metrics = judge.finish().metrics
        assert metrics["mistakes"] == pytest.approx(mistakes, nan_ok=True)
        assert metrics["mae"] == pytest.approx((0.4 + 0.6 + 0.5) / 3) and metrics["abstentions"] == 1


def test_a_file_by_name(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("x,y\n1,a\n2,\n")
    with pytest.raises(SandboxError, match="1 of 2 rows have no label"):
        make_world(f"{tmp_path / 'd.csv'}:y").meta  # noqa: B018
    with pytest.raises(SandboxError, match="which column is the label"):
        make_world(str(tmp_path / "d.csv"))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.sampled_from(FORMATS))
def test_a_file_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, seed: int, n: int, kind: str
) -> None:
    rng, path = np.random.default_rng(seed), tmp_path_factory.mktemp("back") / f"d.{kind}"
    numbers, whole = rng.normal(size=n), rng.integers(-9, 9, size=n)
    words = [" ".join(rng.choice(["tab,", 'q"', "é", "x"], size=2)) for _ in range(n)]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (f DOUBLE, i BIGINT, w VARCHAR, y VARCHAR)")
        given_rows = [[float(f), int(i), w, f"c{i % 3}"] for f, i, w in zip(numbers, whole, words, strict=True)]
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", given_rows)
        connection.execute(f"COPY t TO '{path}' (FORMAT {kind}{', HEADER' if kind == 'csv' else ''})")
    stream = DataFile(str(path), "y")
    assert isinstance(stream.choice_space, Labels)
    back = [[*q.values(), stream.choice_space.labels[int(t)]] for q, t in asked(stream)]
    assert back == given_rows


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for n in (10_000, 100_000):
        path = tmp_path / f"{n}.csv"
        path.write_text(rows("x,z,y", *(f"{i},{i * 0.5},{i % 3}" for i in range(n))))
        stream = DataFile(str(path), "y")
        tracemalloc.start()
        assert sum(1 for _ in stream.questions(0)) == n
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 200_000


def test_two_runs_of_one_file_do_not_meddle(write: Any) -> None:
    stream = write(rows("x,y", *(f"{i},{i % 2}" for i in range(5_000))))
    one, two = stream.questions(0), stream.questions(1)
    assert [next(one).observation["x"] for _ in range(3_000)] == list(range(3_000))
    assert next(two).observation["x"] == 0 and next(one).observation["x"] == 3_000


# --- River's datasets -------------------------------------------------------------------------------------------------


class Small(base.Dataset):
    """A dataset of our own, as a user would write one."""

    def __init__(self, answers: list[Any], task: str = base.MULTI_CLF, **settings: Any) -> None:
        super().__init__(n_features=1, n_samples=len(answers), task=task, **settings)
        self.answers = answers

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        yield from (({"x": float(i)}, answer) for i, answer in enumerate(self.answers))


def test_labels_of_a_dataset_are_ordered() -> None:
    stream = RiverStream(Small(["b", "c", "a", "c"]))
    assert stream.choice_space == Labels(["a", "b", "c"]) and [t for _, t in asked(stream)] == [1, 2, 0, 2]
    assert RiverStream(Small([True, False], base.BINARY_CLF)).choice_space.labels == (False, True)  # type: ignore[union-attr]
    assert ordered_labels({2, "b", 1, "a"}) == (1, 2, "a", "b")
    assert isinstance(RiverStream(Small([1.5, 2.5], base.REG)).choice_space, Number)
    assert asked(RiverStream(Small([3, 1], base.REG))) == [({"x": 0.0}, 3.0), ({"x": 1.0}, 1.0)]


def test_a_label_that_was_not_there_before_is_named() -> None:
    dataset = Small(["a", "b"])
    stream = RiverStream(dataset)
    dataset.answers = ["a", "new"]
    with pytest.raises(RunError, match="'new' is new"):
        asked(stream)


def test_an_empty_dataset_and_a_missing_answer() -> None:
    with pytest.raises(SandboxError, match="Small is empty"):
        RiverStream(Small([]))
    world = make_world(Small([1.0, None, 2.0], base.REG))
    with pytest.raises(RunError, match=r"step 1: .*label nan"):
        world.run(make_agent("mean", world), 0, Budget(), lambda _: None)


def test_several_outputs_need_a_target() -> None:
    with pytest.raises(SandboxError, match=r"several outputs; choose one with target=.*m-class-flares"):
        river_stream("SolarFlare", {})
    with pytest.raises(SandboxError, match="several outputs"):
        river_stream("SolarFlare", {"target": "z-class"})
    stream = river_stream("SolarFlare", {"target": "m-class-flares"})
    assert [t for _, t in asked(stream)] == [y["m-class-flares"] for _, y in datasets.SolarFlare()]
    assert river_stream("Yeast", {"target": "Class3"}).length == 2417


def test_names_of_datasets() -> None:
    assert {"Phishing", "TrumpApproval", "synth.SEA", "synth.LED"} <= set(names())
    with pytest.raises(SandboxError, match="no dataset 'Phising'; did you mean 'Phishing'"):
        river_stream("Phising", {})
    with pytest.raises(SandboxError, match=r"did you mean 'synth\.Agrawal'"):
        river_stream("synth.Aggrawal", {})
    with pytest.raises(SandboxError, match=r"river:synth\.SEA: .*nosuch"):
        river_stream("synth.SEA", {"nosuch": 1})
    with pytest.raises(SandboxError, match=r"not on this machine.*download"):
        river_stream("MaliciousURL", {})


OPEN = sorted(n for n in names() if n.startswith("synth.") and n != "synth.Logical")
LEFT_OPEN = {"synth.ConceptDriftStream", "synth.RandomRBF", "synth.RandomRBFDrift", "synth.RandomTree"}


@pytest.mark.parametrize("name", [*OPEN])
def test_synthetic_datasets_are_seeded_by_the_run(name: str) -> None:
    stream = river_stream(name, {})

    def first(seed: int) -> list[tuple[Any, float]]:
        return [(q.observation, q.truth) for q in itertools.islice(stream.questions(seed), 60)]

    assert first(1) == first(1) != first(2)


def test_a_dataset_with_a_seed_of_its_own_keeps_it() -> None:
    stream = river_stream("synth.SEA", {"seed": 7, "variant": 1})
    own = [x for x, _ in itertools.islice(synth.SEA(seed=7, variant=1), 30)]
    for seed in (1, 2):
        assert [q.observation for q in itertools.islice(stream.questions(seed), 30)] == own


def test_streams_iterate_as_river_does() -> None:
    assert list(RiverStream(Small(["b", "a"]))) == [({"x": 0.0}, "b"), ({"x": 1.0}, "a")]
    assert list(itertools.islice(river_stream("Phishing", {}), 20)) == list(itertools.islice(datasets.Phishing(), 20))


def test_rewards_of_answers() -> None:
    labels, numbers = RiverStream(Small(["a", "b"])), RiverStream(Small([1.0, 2.0], base.REG))
    assert [labels.reward(Question({}, 1), c) for c in (1, 0, None)] == [1.0, 0.0, 0.0]
    assert numbers.reward(Question({}, 2.0), 0.5) == -2.25 and math.isnan(numbers.reward(Question({}, 2.0), None))
