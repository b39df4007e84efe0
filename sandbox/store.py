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
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from sandbox.curves import Curve
from sandbox.errors import SandboxError
from sandbox.evaluator import Scores
from sandbox.runs import Run
from sandbox.trace import Meta, Trace

SCHEMA = 1
_COLUMNS = ("seed", "kind", "name", "step", "total", "number", "windowed", "fading", "text")


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


def _rows(run: Run) -> Iterable[tuple[Any, ...]]:
    none = (math.nan,) * 4
    if run.scores is None:
        yield (run.seed, "failed", "error", -1, *none, storable(run.error))
        yield (run.seed, "failed", "traceback", -1, *none, storable(run.traceback))
        return
    yield (run.seed, "run", "fingerprint", run.scores.decisions, *none, run.scores.fingerprint)
    for name, value in run.scores.metrics.items():
        yield (run.seed, "metric", name, -1, value, math.nan, math.nan, math.nan, "")
    for name, curve in run.scores.curves.items():
        for point in zip(*curve, strict=True):
            yield (run.seed, "curve", name, *point, "")


def storable(text: str) -> str:
    """Return `text` as Unicode that a file can hold: what a user's code raises may hold anything."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def _table(runs: Iterable[Run]) -> dict[str, Any]:
    columns = list(zip(*[row for run in runs for row in _rows(run)], strict=True))
    kinds = (np.int64, object, object, np.int64, np.float64, np.float64, np.float64, np.float64, object)
    return {name: np.array(c, dtype=k) for name, c, k in zip(_COLUMNS, columns, kinds, strict=True)}


def _seal(about: dict[str, Any], columns: Iterable[Any]) -> str:
    """Return a digest of what a file says, which the file carries: Parquet itself does not notice a flipped bit."""
    digest = blake2b(json.dumps(about, sort_keys=True, default=repr).encode(), digest_size=16)
    for column in columns:
        if column.dtype.kind == "O":
            digest.update(json.dumps(column.tolist()).encode())
        else:
            digest.update(np.where(column != column, np.nan, column).tobytes())  # one NaN for all
    return digest.hexdigest()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _replace(temporary: Path, final: Path) -> None:
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    temporary.replace(final)
    folder = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove(left: Path) -> None:
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
        for left in self.folder.glob(".tmp-*"):
            owner = left.name.split("-")[1]
            if owner.isdigit() and Path("/proc/self").exists() and not Path(f"/proc/{owner}").exists():
                _remove(left)

    def path(self, key: str) -> Path:
        """Return the file of `key`."""
        return self.folder / f"{key}.parquet"

    def trace_path(self, key: str, seed: int) -> Path:
        """Return the file of one seed's decisions."""
        return self.folder / f"{key}.trace-{seed}.parquet"

    def write(self, key: str, runs: Iterable[Run], about: dict[str, Any]) -> None:
        """Write the runs of `key`, all at once; `about` is kept in the file's metadata."""
        ordered = sorted(runs, key=lambda run: run.seed)
        rows = _table(ordered)
        about = {"schema": SCHEMA, "key": key, **about}
        about["seal"] = _seal(about, rows.values())
        temporary, seconds = (self.folder / f".tmp-{os.getpid()}-{uuid.uuid4().hex}" for _ in range(2))
        try:
            with connect() as connection:
                connection.register("rows", rows)
                connection.execute(
                    f"COPY (SELECT * FROM rows) TO {_quoted(str(temporary))} (FORMAT PARQUET, COMPRESSION ZSTD, "
                    f"KV_METADATA {{sandbox: {_quoted(json.dumps(about, sort_keys=True, default=repr))}}})"
                )
            _replace(temporary, self.path(key))
            clock = {str(run.seed): run.seconds for run in ordered if run.scores is not None}
            seconds.write_text(json.dumps(clock))
            _replace(seconds, self.path(key).with_suffix(".seconds.json"))
        except Exception as error:
            _remove(temporary)
            _remove(seconds)
            raise SandboxError(f"{self.path(key)}: cannot be written: {' '.join(str(error).split())}") from error

    def has_trace(self, key: str, run: Run) -> bool:
        """Whether the decisions of this very run are there, whole."""
        path = self.trace_path(key, run.seed)
        if run.scores is None or not path.is_file():
            return False
        try:
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
    try:
        with connect() as connection:
            found = connection.execute("SELECT key, value FROM parquet_kv_metadata(?)", [str(path)]).fetchall()
            about = json.loads(dict(found)[b"sandbox"])
            if about["schema"] != SCHEMA:
                raise SandboxError(f"{path}: written by another version (schema {about['schema']}, not {SCHEMA})")
            seal = about.pop("seal")
            rows = connection.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM read_parquet(?) ORDER BY file_row_number", [str(path)]
            ).fetchnumpy()
        columns = [_plain(rows[name]) for name in _COLUMNS]
        if _seal(about, columns) != seal:
            raise ValueError("the contents are not what was written")
        return about, _runs(columns, _seconds(path))
    except SandboxError:
        raise
    except Exception as error:
        raise SandboxError(f"{path}: damaged, or not a file of runs ({type(error).__name__})") from error


def _plain(column: Any) -> Any:
    if isinstance(column, np.ma.MaskedArray):
        return column.filled(np.nan if column.dtype.kind == "f" else "")
    return column


def _seconds(path: Path) -> dict[str, float]:
    try:
        found = json.loads(path.with_suffix(".seconds.json").read_text())
        return {str(seed): float(value) for seed, value in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _runs(columns: list[Any], seconds: dict[str, float]) -> list[Run]:
    ends = np.append(np.flatnonzero(np.diff(columns[0])) + 1, len(columns[0]))  # rows lie seed by seed
    starts = np.append(0, ends[:-1])
    return [_run([column[i:j] for column in columns], seconds) for i, j in zip(starts, ends, strict=True)]


def _run(columns: list[Any], seconds: dict[str, float]) -> Run:
    """Return the run whose rows these are."""
    seeds, kinds, names, steps, totals, numbers, windowed, fading, texts = columns
    seed = int(seeds[0])
    failed = {names[i]: texts[i] for i in np.flatnonzero(kinds == "failed")}
    if failed:
        return Run(seed, None, failed["error"], failed["traceback"])
    metrics = {names[i]: float(totals[i]) for i in np.flatnonzero(kinds == "metric")}
    is_curve = kinds == "curve"
    curves = {}
    for name in dict.fromkeys(names[is_curve]):
        at = is_curve & (names == name)
        curves[name] = Curve(steps[at], totals[at], numbers[at], windowed[at], fading[at])
    told = int(np.flatnonzero(kinds == "run")[0])
    scores = Scores(metrics, curves, int(steps[told]), texts[told])
    return Run(seed, scores, seconds=seconds.get(str(seed), math.nan))


class TraceFile:
    """The decisions of one run on their way into a Parquet file, in memory that does not grow with the run."""

    def __init__(self, path: Path, meta: Meta) -> None:
        import duckdb

        self.path = path
        self._about = meta.as_dict()
        stem = path.parent / f".tmp-{os.getpid()}-{uuid.uuid4().hex}"
        self._scratch, self._temporary = stem.with_suffix(".duckdb"), stem.with_suffix(".parquet")
        self._rows = 0
        self._connection: Any = None
        try:
            self._connection = duckdb.connect(str(self._scratch), config={"threads": 1, "memory_limit": "256MB"})
        except Exception as error:
            self.__exit__()
            raise SandboxError(f"{path}: cannot be written: {' '.join(str(error).split())}") from error

    def add(self, trace: Trace) -> None:
        """Add the next chunk."""
        self._connection.register("chunk", trace.columns())
        verb = "INSERT INTO trace" if self._rows else "CREATE TABLE trace AS"
        self._connection.execute(f"{verb} SELECT * FROM chunk")
        self._connection.unregister("chunk")
        self._rows += len(trace)

    def keep(self, fingerprint: str) -> None:
        """Write the file; `fingerprint` is that of the run's scores."""
        told = {"schema": SCHEMA, "meta": self._about, "fingerprint": fingerprint}
        about = json.dumps(told, sort_keys=True, default=repr)
        try:
            self._connection.execute(
                f"COPY (SELECT * FROM trace) TO {_quoted(str(self._temporary))} "
                f"(FORMAT PARQUET, COMPRESSION ZSTD, KV_METADATA {{sandbox: {_quoted(about)}}})"
            )
            _replace(self._temporary, self.path)
        except Exception as error:
            raise SandboxError(f"{self.path}: cannot be written: {' '.join(str(error).split())}") from error

    def __enter__(self) -> TraceFile:
        return self

    def __exit__(self, *error: object) -> None:
        if self._connection is not None:
            self._connection.close()
        for suffix in ("", ".wal", ".tmp"):
            _remove(self._scratch.with_name(self._scratch.name + suffix))
        _remove(self._temporary)
