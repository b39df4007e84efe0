"""A disk that is full, read-only, gone or somebody else's costs what cannot be written, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from shell import COMMAND, complaint, document, sandbox, stored, user_file
from test_study import start

from sandbox import collect
from sandbox.errors import SandboxError
from sandbox.runs import Run
from sandbox.store import Store, read_file
from sandbox.study import run_study
from sandbox.world import Budget

STUDY = ("run", "FrozenLake-v1", "q-learning", "random", "--seeds", 2, "--steps", 3000)


def fill(place: Path, room: int) -> None:
    """Leave so many bytes on a disk."""
    with (place / "filler").open("wb") as file:
        file.write(bytes(max(0, os.statvfs(place).f_bavail * 4096 - room)))


def lines_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return what a command said on standard error, a line each, none of it a traceback."""
    assert "Traceback" not in done.stderr + done.stdout
    lines = done.stderr.splitlines()
    assert all(line.startswith("sandbox: ") for line in lines), lines
    return lines


@pytest.mark.parametrize("room", [0, 8192])
@pytest.mark.parametrize("trace", [(), ("--trace",)], ids=["scores", "trace"])
def test_a_full_disk_costs_files_and_no_numbers(
    trace: tuple[str, ...], room: int, small_disk: Path, tmp_path: Path
) -> None:
    runs = small_disk / "runs"
    document("run", "FrozenLake-v1", "random", "--seeds", 1, "--steps", 200, "--runs", runs, cwd=tmp_path)
    before = stored(runs)
    fill(small_disk, room)
    done = sandbox(*STUDY, "--runs", runs, *trace, "--json", cwd=tmp_path)
    lines = lines_of(done)
    told = json.loads(done.stdout)
    assert done.returncode == 1 and [agent["failed"] for agent in told["agents"]] == [[], []]
    assert all(agent["metrics"]["regret"]["n"] == 2 for agent in told["agents"])
    lost = [line for line in lines if "cannot be written: No space left on device" in line]
    names = {line.split(": ")[1] for line in lost}
    assert len(names) == len(lost) and all(str(runs) in name for name in names)
    if not room:  # two files of runs, the decisions of four runs, a figure
        assert len([name for name in names if name.endswith(".parquet")]) == (6 if trace else 2)
    for path in stored(runs):
        if ".trace-" not in path:
            read_file(runs / path)
    assert before.items() <= stored(runs).items() and not list(runs.rglob(".tmp*"))
    (small_disk / "filler").unlink()
    if not trace:
        assert sandbox(*STUDY, "--runs", runs, cwd=tmp_path).returncode == 0


def test_a_disk_with_room_for_the_runs_alone_keeps_them(small_disk: Path, tmp_path: Path) -> None:
    runs = small_disk / "runs"
    told: dict[str, Any] = {"seeds": [0], "budget": Budget(50_000), "jobs": 1, "trace": True}
    fill(small_disk, 600_000)
    result = run_study("FrozenLake-v1", ["q-learning"], runs=runs, **told)
    assert result.failed == [] and len(result.lost) == 1 and ".trace-0.parquet: cannot be written" in result.lost[0]
    (path,) = (path for path in runs.glob("*.parquet"))
    assert [run.seed for run in read_file(path)[1]] == [0]
    assert not list(runs.glob(".tmp*"))


def test_a_folder_that_cannot_be_written_is_refused_before_the_first_run(small_disk: Path, tmp_path: Path) -> None:
    runs = small_disk / "runs"
    document(*STUDY, "--runs", runs, cwd=tmp_path)
    before = stored(runs)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    line = complaint(*STUDY[:2], "sarsa", *STUDY[3:], "--runs", runs, cwd=tmp_path)
    assert str(runs) in line and "Read-only file system" in line
    done = sandbox(*STUDY, "--runs", runs, cwd=tmp_path)  # nothing to be done: what is there is shown
    assert done.returncode == 1 and "q-learning" in done.stdout
    assert all("figure" in text or "record" in text for text in lines_of(done))
    assert stored(runs) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
def test_somebody_elses_folder_is_one_clear_line(tmp_path: Path) -> None:
    for folder in (tmp_path, *list(tmp_path.parents)[:-2]):
        if not folder.stat().st_mode & 0o001:
            pytest.skip("nobody else can come to this test's folder")
    runs = tmp_path / "runs"
    runs.mkdir(mode=0o755)
    script = (
        "import os; os.setgid(65534); os.setuid(65534)\n"
        "from sandbox.collect import _try_to_write\nfrom pathlib import Path\n"
        f"try: _try_to_write(Path({str(runs)!r}))\nexcept Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([COMMAND[0], "-c", script], capture_output=True, text=True, check=False)
    if "ModuleNotFoundError" in done.stderr:
        pytest.skip("nobody else can read this package")
    assert done.stdout == f"SandboxError {runs}: runs cannot be kept there: Permission denied\n"


def test_a_folder_that_is_removed_meanwhile_is_made_again(tmp_path: Path) -> None:
    user_file(tmp_path)
    words = ("run", "mine.py:Corridor", "random", "mine.py:Walker:pause=0.01", "--seeds", "2", "--steps", "300")
    process = start(tmp_path, *words, "--jobs", "2")
    until = time.monotonic() + 60
    while not list((tmp_path / "runs").glob("*--random--*.parquet")):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.02)
    shutil.rmtree(tmp_path / "runs", ignore_errors=True)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    files = list((tmp_path / "runs").glob("*.parquet"))
    assert sorted(len(read_file(path)[1]) for path in files) == [2, 2]


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    assert "cannot be used for runs" in complaint(*STUDY, cwd=tmp_path)
    (tmp_path / "runs").unlink()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "figures").write_text("")
    done = sandbox(*STUDY, cwd=tmp_path)
    assert done.returncode == 1 and "q-learning" in done.stdout
    assert [line for line in lines_of(done) if "figure cannot be written" in line] == lines_of(done) != []


def test_a_file_that_could_not_be_written_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    write = Store.write

    def sometimes(self: Store, key: str, runs: Any, about: dict[str, Any]) -> None:
        tried.append(key)
        if len(tried) < 2:
            raise SandboxError(f"{key}: cannot be written: no room")
        write(self, key, runs, about)

    monkeypatch.setattr(Store, "write", sometimes)
    clock = SimpleNamespace(monotonic=(10**k for k in count()).__next__)  # it is always time to write
    monkeypatch.setattr(collect, "time", clock)
    told: dict[str, Any] = {"seeds": range(4), "budget": Budget(50), "jobs": 1}
    result = run_study("FrozenLake-v1", ["random"], runs=tmp_path, **told)
    assert len(tried) >= 2 and result.lost == []
    (path,) = tmp_path.glob("*.parquet")
    assert [run.seed for run in read_file(path)[1]] == [0, 1, 2, 3] and isinstance(read_file(path)[1][0], Run)
