"""What the store keeps is read back equal or refused, by file, whatever happened to the file."""

from __future__ import annotations

import math
import os
import random
import subprocess
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from shell import complaint, document, sandbox, stored, user_file

from sandbox.errors import SandboxError
from sandbox.log_score import LogColumns, score_log
from sandbox.runs import Run
from sandbox.store import SCHEMA, Store, key_of, read_file
from sandbox.study import run_study
from sandbox.trace import Meta, make_trace
from sandbox.worker import TraceFile
from sandbox.world import Budget, make_terms

TERMS = make_terms("recurring@100:is_slippery=False", "delayed=3")
TOLD: dict[str, Any] = {"budget": Budget(400), "jobs": 1, "terms": TERMS}
ABOUT = {"world": "w", "agent": "a", "budget": [10, None]}


def content(runs: list[Run]) -> list[Any]:
    """Return everything in runs but their seconds, comparable."""
    found = []
    for run in runs:
        scores = run.scores
        curves = {} if scores is None else {k: [p.tobytes() for p in curve] for k, curve in scores.curves.items()}
        told = None if scores is None else (repr(scores.metrics), scores.decisions, scores.fingerprint)
        found.append((run.seed, run.error, run.traceback, told, curves, run.why_plain, repr(run.recoveries)))
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Run]]:
    """A folder of runs with one file in it, and its runs."""
    folder = tmp_path_factory.mktemp("finished")
    result = run_study("FrozenLake-v1", ["q-learning"], seeds=[2, 0], runs=folder, **TOLD)
    return next(folder.glob("*.parquet")), sorted(result.agents[0].runs, key=lambda run: run.seed)


# --- written and read -------------------------------------------------------------------------------------------------


def test_what_is_written_is_read_back_equal(finished: tuple[Path, list[Run]], tmp_path: Path) -> None:
    _, runs = finished
    odd = "a 'quoted' \"error\" with ünïcode, tab\t and\nlines"
    failed = Run(7, None, odd, "Traceback\n  line\n")
    store = Store(tmp_path)
    store.write("key", [failed, *runs], ABOUT)
    assert content(store.read("key")) == content([*runs, failed])
    assert [len(run.recoveries) for run in store.read("key")] == [3, 3, 0] and runs[0].why_plain
    assert all(math.isnan(one.censored_at) or math.isnan(one.steps) for run in runs for one in run.recoveries)
    assert [run.seconds for run in store.read("key")][:2] == [run.seconds for run in runs]
    about, _ = read_file(store.path("key"))
    assert about["agent"] == "a" and about["key"] == "key" and about["schema"] == SCHEMA
    assert store.read("another") == []


def test_failures_only_and_text_that_no_file_can_hold(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write("key", [Run(0, None, "half a pair \udc80, nul \0", "")], ABOUT)
    assert store.read("key")[0].error == "half a pair \\udc80, nul \\0"


def test_the_same_runs_give_the_same_bytes_whatever_their_order(
    finished: tuple[Path, list[Run]], tmp_path: Path
) -> None:
    _, runs = finished
    slower = [replace(run, seconds=run.seconds + 1) for run in reversed(runs)]
    for name, given in (("a", runs), ("b", slower)):
        Store(tmp_path / name).write("key", given, ABOUT)
    assert stored(tmp_path / "a") == stored(tmp_path / "b")


def test_many_seeds_take_little_time_and_memory(finished: tuple[Path, list[Run]], tmp_path: Path) -> None:
    _, (run, _) = finished
    many = [replace(run, seed=seed) for seed in range(300)]
    assert run.scores is not None
    rows = 300 * sum(len(curve.step) for curve in run.scores.curves.values())
    tracemalloc.start()
    began = time.process_time()
    Store(tmp_path).write("key", many, ABOUT)
    found = Store(tmp_path).read("key")
    seconds, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert content(found) == content(many)
    assert seconds / rows < 6e-6 and peak / rows < 250  # a few times what it takes


def test_names_are_readable_and_told_apart_by_everything() -> None:
    key = key_of({"a": 1}, "sandbox/Grid Maze-v0:size=3", "river:A() | B()")
    assert key.startswith("sandbox-Grid-Maze-v0-size-3--river-A-B--")
    assert key != key_of({"a": 2}, "sandbox/Grid Maze-v0:size=3", "river:A() | B()")
    assert "/" not in key_of({}, "../../etc/passwd", "..") and not key_of({}, "..", "..").startswith(".")


# --- damage -----------------------------------------------------------------------------------------------------------


def damages(data: bytes) -> Iterator[bytes]:
    rng = random.Random(0)
    for _ in range(150):
        flipped = bytearray(data)
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        yield bytes(flipped)
    for _ in range(60):
        yield data[: rng.randrange(len(data))]
    for _ in range(60):
        at, size = rng.randrange(len(data)), rng.randrange(1, 64)
        yield data[:at] + rng.randbytes(size) + data[at + size :]
    for _ in range(30):
        at = rng.randrange(len(data))
        yield data[:at] + data[at + rng.randrange(1, 64) :]
    yield from (b"", b"PAR1", b"PAR1PAR1", bytes(1000), data + b"x", data * 2)


def test_a_damaged_file_is_equal_or_refused(finished: tuple[Path, list[Run]], tmp_path: Path) -> None:
    path, runs = finished
    whole, damaged = path.read_bytes(), tmp_path / "damaged.parquet"
    about, refused = read_file(path)[0], 0
    for data in damages(whole):
        damaged.write_bytes(data)
        try:
            found, read = read_file(damaged)
        except SandboxError as error:
            assert "\n" not in str(error) and "damaged.parquet" in str(error)
            refused += 1
            continue
        assert found == about and content(read) == content(runs)
    assert refused > 200


def _foreign(path: Path, query: str) -> None:
    duckdb.sql(f"COPY ({query}) TO '{path}' (FORMAT PARQUET)")


@pytest.mark.parametrize("damage", ["empty", "truncated", "flipped", "foreign", "text", "renamed", "newer"])
def test_a_bad_file_is_named_skipped_and_run_again(
    damage: str, finished: tuple[Path, list[Run]], tmp_path: Path
) -> None:
    source, runs = finished
    whole, path = source.read_bytes(), tmp_path / source.name
    path.write_bytes({"empty": b"", "truncated": whole[:-9], "text": b"seed,kind\n1,2\n"}.get(damage, whole))
    if damage == "flipped":
        path.write_bytes(whole[:5000] + bytes([whole[5000] ^ 4]) + whole[5001:])
    if damage == "foreign":
        _foreign(path, "SELECT 1 AS seed, 'x' AS name")
    if damage == "renamed":
        Store(tmp_path).write("other", runs, ABOUT)
        (tmp_path / "other.parquet").replace(path)
    if damage == "newer":
        Store(tmp_path).write(source.stem, runs, {"schema": 99})
    result = run_study("FrozenLake-v1", ["q-learning"], seeds=[2, 0], runs=tmp_path, **TOLD)
    assert len(result.notes) == 1 and str(path) in result.notes[0] and "done again" in result.notes[0]
    assert result.notes == [note for note in result.warnings() if str(path) in note]
    assert path.read_bytes() == whole


def test_other_files_beside_a_bad_one_are_used_and_listed(tmp_path: Path) -> None:
    command = ("run", "FrozenLake-v1", "q-learning", "random", "--seeds", 2, "--steps", 300)
    document(*command, cwd=tmp_path)
    bad = next((tmp_path / "runs").glob("*--random--*.parquet"))
    bad.write_bytes(bad.read_bytes()[:100])
    rows = document("list", "runs", cwd=tmp_path)["runs"]
    assert [("damaged" in row["text"]) for row in rows] == [row["name"] == bad.name for row in rows]
    assert len(rows) == 2
    found = document(*command, cwd=tmp_path)
    assert any(bad.name in text for text in found["warnings"]) and len(found["warnings"]) >= 1
    assert not any("damaged" in row["text"] for row in document("list", "runs", cwd=tmp_path)["runs"])


def test_half_written_files_of_dead_processes_are_swept_away(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tmp_path / f".tmp-{gone.pid}-x.duckdb").write_text("x")
    (tmp_path / f".tmp-{gone.pid}-x.duckdb.tmp").mkdir()
    (tmp_path / f".tmp-{gone.pid}-x.duckdb.tmp" / "part").write_text("x")
    (tmp_path / f".tmp-{os.getpid()}-y").write_text("mine")
    Store(tmp_path)
    assert [left.name for left in tmp_path.iterdir()] == [f".tmp-{os.getpid()}-y"]


# --- places that cannot be written ------------------------------------------------------------------------------------


def _left(place: Path) -> list[str]:
    return [path.name for path in place.rglob(".tmp*")]


def test_a_read_only_folder_is_one_clear_line(small_disk: Path, tmp_path: Path) -> None:
    runs = small_disk / "runs"
    document("run", "FrozenLake-v1", "random", "--seeds", 1, "--steps", 200, "--runs", runs, cwd=tmp_path)
    before = stored(runs)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for folder in (runs, small_disk / "new"):
        line = complaint("run", "FrozenLake-v1", "q-learning", "--steps", 200, "--runs", folder, cwd=tmp_path)
        assert str(folder) in line
    assert stored(runs) == before


def test_a_file_is_no_folder_of_runs(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    assert "cannot be used for runs" in complaint("run", "FrozenLake-v1", "random", cwd=tmp_path)
    assert "no such folder" in complaint("list", "runs", "--runs", "nowhere", cwd=tmp_path)


# --- traces -----------------------------------------------------------------------------------------------------------


def test_a_kept_trace_scores_the_same(tmp_path: Path) -> None:
    result = run_study(
        "FrozenLake-v1", ["q-learning"], seeds=[0, 3], budget=Budget(20_000), jobs=1, runs=tmp_path, trace=True
    )
    names = ("episode", "terminated", "truncated", "best", "value", "next_best", "cell", "greedy", "concept")
    columns = LogColumns(choice="choice", reward="reward", time="step", **{name: name for name in names})
    for run in result.agents[0].runs:
        assert run.scores is not None
        (path,) = tmp_path.glob(f"*.trace-{run.seed}.parquet")
        scored = score_log(str(path), columns, gap_range=result.meta.gap_range, task="control").scores.metrics
        for name in ("reward", "return", "episodes", "mistakes", "blunders", "regret", "luck", "exploring_mistakes"):
            assert scored[name] == pytest.approx(run.scores.metrics[name], rel=1e-12), name
    assert _left(tmp_path) == []


def test_a_trace_counts_only_if_it_is_that_of_the_run(tmp_path: Path) -> None:
    def study(trace: bool = True) -> None:
        run_study("FrozenLake-v1", ["random"], seeds=[0, 1], budget=Budget(300), jobs=1, runs=tmp_path, trace=trace)

    study(trace=False)
    assert not list(tmp_path.glob("*.trace-*"))
    study()
    traces = {path: path.read_bytes() for path in tmp_path.glob("*.trace-*")}
    assert len(traces) == 2
    first, second = sorted(traces)
    first.write_bytes(traces[first][:-20])
    second.write_bytes(traces[first])
    study()
    assert {path: path.read_bytes() for path in tmp_path.glob("*.trace-*")} == traces


def test_a_trace_that_is_not_kept_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), TraceFile(tmp_path / "t.parquet", Meta("control")) as file:
        file.add(make_trace(5, {"reward": np.ones(5)}))
        raise KeyError
    assert list(tmp_path.iterdir()) == [] and math.isnan(Run(0, None).seconds)


def test_nothing_in_the_folder_is_executed(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    for name in ("sitecustomize.py", "sandbox.py", "numpy.py", "x.pkl", "__init__.py"):
        (runs / name).write_text(f"open({str(tmp_path / 'owned')!r}, 'w')")
    user_file(runs)
    done = sandbox("run", "FrozenLake-v1", "random", "--seeds", 2, "--steps", 100, cwd=tmp_path)
    assert done.returncode == 0 and sandbox("list", "runs", cwd=tmp_path).returncode == 0
    assert not (tmp_path / "owned").exists()
