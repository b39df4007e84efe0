"""What may be cleaned from a folder of runs: files of ours that nothing needs any more, nobody else's."""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.records import FOLDER, records
from sandbox.runs import Run
from sandbox.seal import check_seal
from sandbox.store import read_file, remove

_KEY = r"[A-Za-z0-9.-]+--[A-Za-z0-9.-]+--[0-9a-f]{16}"
_RUNS = re.compile(rf"({_KEY})\.parquet")
_TRACE = re.compile(rf"({_KEY})\.trace-([0-9]+)\.parquet")
_SECONDS = re.compile(rf"({_KEY})\.seconds\.json")
_FIGURE = re.compile(r"([A-Za-z0-9.-]+)--[A-Za-z0-9.-]+--[0-9a-f]{16}\.(png|svg)")
_TEMPORARY = re.compile(r"\.tmp-([0-9]+)-.*", re.DOTALL)
_YOUNG = 600.0  # seconds in which a file may belong to a study that is at work


@dataclass(frozen=True)
class Leftover:
    """A file that nothing needs, why, and its size in bytes. `damaged`: it holds runs that cannot be read."""

    path: Path
    why: str
    size: int
    damaged: bool = False


def leftovers(folder: str | Path) -> list[Leftover]:
    """Return what may be cleaned from a folder of runs, by name; raise `SandboxError` if there is no such folder.

    Files are known by their names; those that a study may have written just now are left alone.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SandboxError(f"{folder}: no such folder of runs")
    return sorted(_found(folder), key=lambda one: one.path)


def clean(found: Sequence[Leftover]) -> tuple[list[Leftover], list[str]]:
    """Remove leftovers; return those that are gone, and a line for each that is not."""
    gone, kept = [], []
    for one in found:
        remove(one.path)
        if one.path.exists():
            kept.append(f"{one.path}: cannot be removed")
        else:
            gone.append(one)
    return gone, kept


def _found(folder: Path) -> Iterator[Leftover]:
    for place in (folder, folder / "figures", folder / FOLDER):
        for path, size in _files(place, _TEMPORARY, folders=True):
            if _dead(path):
                yield Leftover(path, "half written by a process that is gone", size)
    held: dict[str, dict[int, Run] | None] = {}
    for path, size in _files(folder, _RUNS):
        try:
            held[path.stem] = {run.seed: run for run in read_file(path)[1]}
        except SandboxError as error:
            held[path.stem] = None
            yield Leftover(path, str(error).removeprefix(f"{path}: "), size, True)
    yield from _traces(folder, held)
    for path, size in _files(folder, _SECONDS):
        if path.name.removesuffix(".seconds.json") not in held and not _young(path):
            yield Leftover(path, "the seconds of runs that are gone", size)
    worlds = {stem.split("--")[0] for stem in held}
    for path, size in _files(folder / "figures", _FIGURE):
        if path.name.split("--")[0] not in worlds and not _young(path):
            yield Leftover(path, "a figure of a world of which there are no runs", size)
    for record in records(folder):
        path = folder / FOLDER / record.name
        if not held.keys() & set(record.files) and path.is_file() and not _young(path):
            yield Leftover(path, "the record of a study whose runs are gone", path.stat().st_size)


def _traces(folder: Path, held: dict[str, dict[int, Run] | None]) -> Iterator[Leftover]:
    for path, size in _files(folder, _TRACE):
        match = _TRACE.fullmatch(path.name)
        assert match is not None
        runs = held.get(match[1], {})
        run = None if runs is None else runs.get(int(match[2]))
        if _young(path) or runs is None:  # where the runs are damaged nobody knows
            continue
        if run is None or run.scores is None:
            yield Leftover(path, "the decisions of a run that is gone", size)
            continue
        try:
            check_seal(path)
        except SandboxError as error:
            yield Leftover(path, str(error).removeprefix(f"{path}: "), size, True)


def _files(folder: Path, named: re.Pattern[str], folders: bool = False) -> Iterator[tuple[Path, int]]:
    """Yield the regular files of a name, no links, with their sizes."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return
    for path in paths:
        if named.fullmatch(path.name) is None:
            continue
        try:
            found = path.lstat()
        except OSError:
            continue
        if stat.S_ISREG(found.st_mode) or (folders and stat.S_ISDIR(found.st_mode)):
            yield path, found.st_size


def _young(path: Path) -> bool:
    return time.time() - path.stat().st_mtime < _YOUNG


def _dead(path: Path) -> bool:
    """Whether the process that writes a temporary file is gone; where that cannot be told it is not."""
    match = _TEMPORARY.fullmatch(path.name)
    return match is not None and Path("/proc/self").exists() and not Path(f"/proc/{match[1]}").exists()
