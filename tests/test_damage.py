"""Whatever happens to a file of runs, it is read as it was written or refused in one line, and costs itself alone."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from shell import complaint, document, sandbox, stored, user_file

from sandbox.errors import SandboxError, one_line
from sandbox.leftovers import clean, leftovers
from sandbox.runs import Run
from sandbox.seal import check_seal, seal
from sandbox.store import Store, read_file
from sandbox.study import run_study
from sandbox.world import Budget

DAMAGE = Path(__file__).with_name("damage.py")
OLD = time.time() - 3600


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with and without failures, and their decisions."""
    place = tmp_path_factory.mktemp("whole")
    path = user_file(place)
    agents = ["q-learning", f"{path}:Walker:fault=raise,on=1"]
    told: dict[str, Any] = {"seeds": [0, 1], "budget": Budget(300), "jobs": 1, "runs": place / "runs", "trace": True}
    run_study("FrozenLake-v1", agents, **told)
    return place / "runs"


# --- damage -----------------------------------------------------------------------------------------------------------


def test_hundreds_of_damaged_files_tell_nothing_wrong(folder: Path) -> None:
    count = int(os.environ.get("SANDBOX_DAMAGES", "800"))
    words = [sys.executable, DAMAGE, folder, count, "1"]
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stderr == "", (done.returncode, done.stderr[-500:])
    told = json.loads(done.stdout)
    assert told["wrong"] == [] and told["found"]["refused"] > 0.9 * count and told["megabytes"] < 1000


def test_two_files_that_changed_places_are_refused(folder: Path, tmp_path: Path) -> None:
    names = [path for path in sorted(folder.glob("*.parquet")) if ".trace-" not in path.name]
    first, second = (Path(tmp_path / path.name) for path in names)
    first.write_bytes(names[1].read_bytes())
    second.write_bytes(names[0].read_bytes())
    for path in (first, second):
        with pytest.raises(SandboxError, match="holds other runs than its name says"):
            Store(tmp_path).read(path.stem)


def test_other_readers_pass_over_the_seal(folder: Path) -> None:
    for path in folder.glob("*.parquet"):
        check_seal(path)
        count = duckdb.sql(f"SELECT count(*) FROM '{path}'").fetchall()
        assert count[0][0] > 0
        assert path.read_bytes().count(b"sandbox\0") == 1


def test_a_seal_is_that_of_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "small.parquet"
    duckdb.sql(f"COPY (SELECT 1 AS x) TO '{path}' (FORMAT PARQUET)")
    with pytest.raises(SandboxError, match="damaged, or not a file of this program"):
        check_seal(path)
    seal(path)
    whole = path.read_bytes()
    for k in range(len(whole)):
        path.write_bytes(whole[:k] + bytes([whole[k] ^ 1]) + whole[k + 1 :])
        with pytest.raises(SandboxError):
            check_seal(path)
    path.write_bytes(whole)
    check_seal(path)


def test_damaged_traces_and_seconds_do_no_harm(tmp_path: Path) -> None:
    def study() -> list[Run]:
        told: dict[str, Any] = {"seeds": [0, 1], "budget": Budget(300), "jobs": 1, "runs": tmp_path, "trace": True}
        return run_study("FrozenLake-v1", ["random"], **told).agents[0].runs

    study()
    (clock,) = tmp_path.glob("*.seconds.json")
    trace = min(tmp_path.glob("*.trace-*"))
    whole = trace.read_bytes()
    trace.write_bytes(whole[:200] + bytes([whole[200] ^ 16]) + whole[201:])
    for text in (b"", b"{", b"\xff\xfe", b"[]", b'{"0": "x"}', b'{"0": [1]}', b'{"0": 1e999}', b"[" * 100_000):
        clock.write_bytes(text)
        found = read_file(clock.with_suffix("").with_suffix(".parquet"))[1]
        assert [run.seed for run in found] == [0, 1], text[:20]
    clock.write_text('{"0": 2.5, "7": 1}')
    assert [run.seconds for run in study()][1] != 2.5
    assert trace.read_bytes() == whole  # done again, since what was kept of it was wrong


# --- foreign files ----------------------------------------------------------------------------------------------------


def test_foreign_things_in_the_folder_are_named_and_passed_over(tmp_path: Path) -> None:
    words = ("run", "FrozenLake-v1", "random", "--seeds", 2, "--steps", 200)
    document(*words, cwd=tmp_path)
    runs = tmp_path / "runs"
    before = stored(runs)
    (own,) = before
    os.mkfifo(runs / "pipe.parquet")
    os.mkfifo(runs / f"{own.removesuffix('.parquet')}.trace-0.parquet")
    (runs / "folder.parquet").mkdir()
    (runs / "loop.parquet").symlink_to(runs / "loop.parquet")
    (runs / "gone.parquet").symlink_to(runs / "nowhere")
    duckdb.sql(f"COPY (SELECT 1 AS seed) TO '{runs}/other.parquet' (FORMAT PARQUET)")
    (runs / "x\n[bold]y.parquet").write_bytes(b"PAR1")
    (runs / own.replace(".parquet", ".seconds.json")).unlink()
    os.mkfifo(runs / own.replace(".parquet", ".seconds.json"))
    (runs / ".lock").unlink()
    os.mkfifo(runs / ".lock")
    rows = document("list", "runs", cwd=tmp_path)["runs"]
    assert any("2 seeds" in row["text"] for row in rows)
    assert {"other.parquet"} <= {row["name"] for row in rows}
    assert sandbox("list", "runs", cwd=tmp_path, timeout=60).returncode == 0
    document(*words, "--trace", cwd=tmp_path)
    assert before.items() <= {path.name: path.read_bytes() for path in runs.glob("Fro*.parquet")}.items()
    done = sandbox("clean", "--damaged", cwd=tmp_path, timeout=60)
    assert done.returncode == 0 and (runs / "other.parquet").exists() and (runs / "pipe.parquet").exists()


HOSTILE = [
    "a\nb",
    "../../escaped",
    "<img src=x onerror=alert(1)>",
    "[bold]x[/bold]",
    "n" * 300,
    "ünï/../cödé",
    "\x1b[31mred",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_in_the_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "inside"
    place.mkdir()
    monkeypatch.chdir(place)
    told: dict[str, Any] = {"seeds": [0], "budget": Budget(10), "jobs": 1, "runs": "runs"}
    for world, agent in ((name, "random"), ("FrozenLake-v1", name), (f"FrozenLake-v1:x={name!r}", "random")):
        with pytest.raises(SandboxError) as caught:
            run_study(world, [agent], **told)
        assert "\n" not in one_line(caught.value)
    with contextlib.suppress(SandboxError):  # a tag is one line of text
        run_study("FrozenLake-v1", ["random"], tag=name, **told)
    Store("runs").write("key", [Run(0, None, name, name)], {"world": name, "agent": name, "budget": [1, None]})
    assert read_file(Path("runs/key.parquet"))[1][0].error == name
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]
    assert {path.name for path in place.iterdir()} <= {"runs"}


def test_hostile_names_are_shown_in_one_line(tmp_path: Path) -> None:
    assert complaint("run", "\x1b[31ma\nb", "random", cwd=tmp_path)[:-1].isprintable()
    words = ("run", "FrozenLake-v1", "random", "--steps", 10, "--seeds", 1, "--runs", "../[bold]\x1b[31m")
    (tmp_path / "inside").mkdir()
    done = sandbox(*words, cwd=tmp_path / "inside")
    assert done.returncode == 0 and "\x1b[31m" not in done.stdout + done.stderr


# --- leftovers --------------------------------------------------------------------------------------------------------


def test_leftovers_are_found_named_and_removed(tmp_path: Path) -> None:
    words = ("run", "FrozenLake-v1", "random", "q-learning", "--seeds", 2, "--steps", 200, "--trace")
    document(*words, cwd=tmp_path)
    runs = tmp_path / "runs"
    assert leftovers(runs) == []
    before = {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()}
    gone = subprocess.Popen(["true"])
    gone.wait()
    (runs / f".tmp-{gone.pid}-x").write_bytes(b"123")
    (runs / f".tmp-{os.getpid()}-x").write_bytes(b"mine")
    (runs / "notes.txt").write_text("not ours")
    random_file, learner = (
        next(path for path in runs.glob(f"*--{name}--*.parquet") if ".trace-" not in path.name)
        for name in ("random", "q-learning")
    )
    learner.unlink()
    random_file.write_bytes(random_file.read_bytes()[:-1])
    assert len(leftovers(runs)) == 2  # the others are so young that a study may be at work
    for path in runs.rglob("*.*"):
        os.utime(path, (OLD, OLD))
    found = leftovers(runs)
    whys = [one.why for one in found]
    assert sum("decisions of a run that is gone" in why for why in whys) == 2
    assert sum("seconds of runs that are gone" in why for why in whys) == 1
    assert [one.path for one in found if one.damaged] == [random_file]
    said = sandbox("clean", "--dry-run", cwd=tmp_path).stdout
    assert "would remove 4 files" in said and all(one.path.exists() for one in found)
    assert sandbox("clean", cwd=tmp_path).stdout.endswith(" bytes\n") and random_file.exists()
    done = sandbox("clean", "--damaged", cwd=tmp_path)
    assert done.returncode == 0 and not random_file.exists()
    left = {path for path in runs.rglob("*") if path.is_file()}
    assert {runs / "notes.txt", runs / f".tmp-{os.getpid()}-x"} <= left
    assert all(path.read_bytes() == data for path, data in before.items() if path in left)


def test_figures_and_records_go_with_their_runs(tmp_path: Path) -> None:
    document("run", "FrozenLake-v1", "random", "--seeds", 1, "--steps", 50, cwd=tmp_path)
    runs = tmp_path / "runs"
    for path in [*runs.glob("*.parquet"), *runs.glob("*.json")]:
        path.unlink()
    for path in runs.rglob("*.*"):
        os.utime(path, (OLD, OLD))
    gone, kept = clean(leftovers(runs))
    assert sorted(one.path.suffix for one in gone) == [".json", ".png", ".svg"] and kept == []
    assert leftovers(runs) == [] and np.all([path.name == ".lock" for path in runs.iterdir() if path.is_file()])


def test_cleaning_what_is_not_there_is_one_line(tmp_path: Path) -> None:
    assert "no such folder of runs" in complaint("clean", "--runs", "nowhere", cwd=tmp_path)
