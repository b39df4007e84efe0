"""The store: a folder of Parquet files, one for each world x agent x settings, with its seeds' metrics and curves.

A file's name is a digest of everything that decides its contents. It is written under a temporary name, synced and
renamed, so a crash leaves whole files or none. Nothing in the folder is executed or unpickled. Seconds, which no two
runs share, are kept beside it, so that the same study gives the same bytes.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sandbox.curves import Curve
from sandbox.errors import SandboxError, reason
from sandbox.evaluator import Scores
from sandbox.parts import cells_from, parts_of, tables_from
from sandbox.recovery import Recovery
from sandbox.runs import Run
from sandbox.seal import check_seal, seal

SCHEMA = 7
_COLUMNS = ("seed", "kind", "name", "step", "total", "number", "windowed", "fading", "text")
_NO_POINT = (np.array([-1]), *[np.array([math.nan])] * 4)
_Part = tuple[int, str, str, tuple[Any, ...], str]


class _Table(NamedTuple):
    """The rows of a file."""

    columns: dict[str, Any]  # numbers, those of words in the columns `kind` and `name`
    words: dict[str, list[str]]  # of these two columns, sorted
    texts: dict[int, str]  # by row, where there is one


def connect() -> Any:
    """Return a DuckDB connection of one thread, so that the same rows give the same bytes."""
    import duckdb

    return duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})


def key_of(decides: dict[str, Any], world: str, agent: str) -> str:
    """Return the file stem for runs that `decides` decides: readable, and unique by digest."""
    text = json.dumps(decides, sort_keys=True, default=repr)
    return f"{_slug(world)}--{_slug(agent)}--{blake2b(text.encode(), digest_size=8).hexdigest()}"


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")[:40] or "x"


def _rows(run: Run) -> Iterator[_Part]:
    """Yield the rows of a run, a text or a metric or a curve at a time."""
    if run.scores is None:
        yield run.seed, "failed", "error", _NO_POINT, storable(run.error)
        yield run.seed, "failed", "traceback", _NO_POINT, storable(run.traceback)
        return
    told = (np.array([run.scores.decisions]), *_NO_POINT[1:])
    yield run.seed, "run", "fingerprint", told, run.scores.fingerprint
    yield run.seed, "run", "recoveries", _NO_POINT, json.dumps(run.recoveries)
    yield run.seed, "run", "why_plain", _NO_POINT, run.why_plain
    for name, value in run.scores.metrics.items():
        yield run.seed, "metric", name, (_NO_POINT[0], np.array([value], dtype=np.float64), *_NO_POINT[2:]), ""
    for name, curve in run.scores.curves.items():
        yield run.seed, "curve", name, curve, ""
    for kind, name, points in parts_of(run.scores):
        yield run.seed, kind, name, points, ""


def storable(text: str) -> str:
    """Return `text` as Unicode that a file can hold: what a user's code raises may hold anything."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def _table(runs: Iterable[Run]) -> _Table:
    parts = [part for run in runs for part in _rows(run)]
    seeds, kinds, names, points, texts = zip(*parts, strict=True)
    counts = [len(steps) for steps, *_ in points]
    columns = {"seed": np.repeat(np.array(seeds, dtype=np.int64), counts)}
    words: dict[str, list[str]] = {}
    for column, given in (("kind", kinds), ("name", names)):
        words[column] = sorted(set(given))
        code = {word: k for k, word in enumerate(words[column])}
        columns[column] = np.repeat(np.array([code[word] for word in given], dtype=np.int32), counts)
    for column, dtype, found in zip(
        _COLUMNS[3:8], (np.int64, *[np.float64] * 4), zip(*points, strict=True), strict=True
    ):
        columns[column] = np.concatenate(found).astype(dtype, copy=False)
    starts = np.cumsum([0, *counts[:-1]])
    return _Table(columns, words, {int(at): text for at, text in zip(starts, texts, strict=True) if text})


def _copy(connection: Any, table: _Table, to: Path, about: dict[str, Any]) -> None:
    """Write a table into a Parquet file, words in place of their numbers."""
    texts = np.full(len(table.columns["seed"]), "", dtype=object)
    for at, text in table.texts.items():
        texts[at] = text
    connection.register("rows", table.columns | {"text": texts})
    for column, words in table.words.items():
        connection.execute(f"SET VARIABLE {column}s = ?", [words])
    connection.execute(
        f"COPY (SELECT * REPLACE (getvariable('kinds')[kind + 1] AS kind, getvariable('names')[name + 1] AS name) "
        f"FROM rows) TO {quoted(str(to))} (FORMAT PARQUET, COMPRESSION ZSTD, "
        f"KV_METADATA {{sandbox: {quoted(json.dumps(about, sort_keys=True, default=repr))}}})"
    )


def _fetch(connection: Any, path: Path) -> _Table:
    """Return the table in a Parquet file, whose rows come in their order."""
    source, given = "FROM read_parquet(?, file_row_number = true)", [str(path)]
    words = {}
    for column in ("kind", "name"):
        found = connection.execute(f"SELECT DISTINCT {column} {source}", given).fetchall()
        words[column] = sorted(word for (word,) in found)
        connection.execute(f"SET VARIABLE {column}s = ?", [words[column]])
    numbers = (f"(list_position(getvariable('{column}s'), {column}) - 1)::INTEGER AS {column}" for column in words)
    columns = connection.execute(
        f"SELECT * EXCLUDE (text, file_row_number) REPLACE ({', '.join(numbers)}) {source}", given
    )
    plain = {name: _plain(column) for name, column in columns.fetchnumpy().items()}
    texts = connection.execute(f"SELECT file_row_number, text {source} WHERE text IS DISTINCT FROM ''", given)
    return _Table({name: plain[name] for name in _COLUMNS[:-1]}, words, dict(texts.fetchall()))


def quoted(text: str) -> str:
    """Return `text` as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def put_in_place(temporary: Path, final: Path) -> None:
    """Sync a file that is written and give it its name."""
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    temporary.replace(final)
    folder = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def remove(left: Path) -> None:
    """Remove a temporary file, or folder of them; failing that does no harm."""
    with contextlib.suppress(OSError):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)


class Store:
    """A `runs/` folder."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SandboxError(f"{folder}: cannot be used for runs: {error.strerror}") from error
        self.sweep()

    def sweep(self) -> None:
        """Remove what processes that are gone left half written; where that cannot be told, leave it."""
        for left in (*self.folder.glob(".tmp-*"), *self.folder.glob("figures/.tmp-*")):
            owner = left.name.split("-")[1]
            if owner.isdigit() and Path("/proc/self").exists() and not Path(f"/proc/{owner}").exists():
                remove(left)

    def path(self, key: str) -> Path:
        """Return the file of `key`."""
        return self.folder / f"{key}.parquet"

    def trace_path(self, key: str, seed: int) -> Path:
        """Return the file of one seed's decisions."""
        return self.folder / f"{key}.trace-{seed}.parquet"

    def write(self, key: str, runs: Iterable[Run], about: dict[str, Any]) -> None:
        """Write the runs of `key`, all at once; `about` is kept in the file's metadata."""
        ordered = sorted(runs, key=lambda run: run.seed)
        table = _table(ordered)
        about = {"schema": SCHEMA, "key": key, **about}
        temporary, seconds = (self.folder / f".tmp-{os.getpid()}-{uuid.uuid4().hex}" for _ in range(2))
        try:
            with connect() as connection:
                _copy(connection, table, temporary, about)
            seal(temporary)
            put_in_place(temporary, self.path(key))
            clock = {str(run.seed): run.seconds for run in ordered if run.scores is not None}
            seconds.write_text(json.dumps(clock))
            put_in_place(seconds, self.path(key).with_suffix(".seconds.json"))
        except Exception as error:
            raise SandboxError(f"{self.path(key)}: cannot be written: {reason(error)}") from error
        finally:  # whatever stopped it, Ctrl-C too
            remove(temporary)
            remove(seconds)

    def has_trace(self, key: str, run: Run) -> bool:
        """Whether the decisions of this very run are there, whole."""
        path = self.trace_path(key, run.seed)
        if run.scores is None or not path.is_file():
            return False
        try:
            check_seal(path)
            with connect() as connection:
                found = connection.execute("SELECT key, value FROM parquet_kv_metadata(?)", [str(path)]).fetchall()
                rows = connection.execute("SELECT num_rows FROM parquet_file_metadata(?)", [str(path)]).fetchone()
            fingerprint = json.loads(dict(found)[b"sandbox"])["fingerprint"]
        except Exception:
            return False
        return bool(fingerprint == run.scores.fingerprint and rows[0] == run.scores.decisions)

    def read(self, key: str) -> list[Run]:
        """Return the runs of `key`, none if there is no file; raise `SandboxError` if it is damaged or foreign."""
        path = self.path(key)
        if not path.is_file():
            return []
        about, runs = read_file(path)
        if about["key"] != key:
            raise SandboxError(f"{path}: holds other runs than its name says, those of {about['key']}")
        return runs


def read_file(path: Path) -> tuple[dict[str, Any], list[Run]]:
    """Return what a file of runs says about itself, and its runs."""
    check_seal(path)  # first of all: what parses it was not made for damaged bytes
    try:
        with connect() as connection:
            found = connection.execute("SELECT key, value FROM parquet_kv_metadata(?)", [str(path)]).fetchall()
            about = json.loads(dict(found)[b"sandbox"])
            if about["schema"] != SCHEMA:
                raise SandboxError(f"{path}: written by another version (schema {about['schema']}, not {SCHEMA})")
            table = _fetch(connection, path)
        return about, _runs(table, _seconds(path))
    except SandboxError:
        raise
    except Exception as error:
        raise SandboxError(f"{path}: damaged, or not a file of runs ({type(error).__name__})") from error


def _plain(column: Any) -> Any:
    if isinstance(column, np.ma.MaskedArray):
        return column.filled(np.nan if column.dtype.kind == "f" else -1)
    return column


def _seconds(path: Path) -> dict[str, float]:
    clock = path.with_suffix(".seconds.json")
    try:
        if not clock.is_file():  # a pipe would be waited for
            return {}
        found = json.loads(clock.read_text())
        return {str(seed): float(value) for seed, value in found.items()}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return {}


def _runs(table: _Table, seconds: dict[str, float]) -> list[Run]:
    """Return the runs whose rows these are: they lie seed by seed, and what belongs together lies together."""
    told = [table.columns[name] for name in ("seed", "kind", "name")]
    changes = np.flatnonzero(np.logical_or.reduce([column[1:] != column[:-1] for column in told])) + 1
    starts = np.append(0, changes).tolist()
    parts: dict[int, dict[str, dict[str, tuple[Curve, str]]]] = {}
    for i, j in zip(starts, [*starts[1:], len(told[0])], strict=True):
        seed, kind, name = (int(column[i]) for column in told)
        points = Curve(*(table.columns[column][i:j] for column in _COLUMNS[3:8]))
        of_run = parts.setdefault(seed, {})
        of_run.setdefault(table.words["kind"][kind], {})[table.words["name"][name]] = points, table.texts.get(i, "")
    return [_run(seed, found, seconds) for seed, found in parts.items()]


def _run(seed: int, found: dict[str, dict[str, tuple[Curve, str]]], seconds: dict[str, float]) -> Run:
    failed = found.get("failed")
    if failed is not None:
        return Run(seed, None, failed["error"][1], failed["traceback"][1])
    metrics = {name: float(point.total[0]) for name, (point, _) in found.get("metric", {}).items()}
    curves = {name: curve for name, (curve, _) in found.get("curve", {}).items()}
    parts = {kind: {name: part for name, (part, _) in named.items()} for kind, named in found.items()}
    told, fingerprint = found["run"]["fingerprint"]
    return Run(
        seed,
        Scores(metrics, curves, int(told.step[0]), fingerprint, cells_from(parts), tables_from(parts)),
        seconds=seconds.get(str(seed), math.nan),
        why_plain=found["run"]["why_plain"][1],
        recoveries=tuple(Recovery(*row) for row in json.loads(found["run"]["recoveries"][1])),
    )
