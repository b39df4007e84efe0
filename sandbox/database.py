"""DuckDB, as everything here uses it: one thread, so that the same rows give the same bytes; no extras fetched."""

from __future__ import annotations

import csv
import glob
import gzip
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError, one_line


def connect(path: Path | None = None, memory: str | None = None) -> Any:
    """Return a connection to a database file, or in memory; `memory` bounds what it takes, such as '256MB'."""
    import duckdb

    settings: dict[str, Any] = {"threads": 1, "autoinstall_known_extensions": False}
    if memory is not None:
        settings["memory_limit"] = memory
    connection = duckdb.connect(":memory:" if path is None else str(path), config=settings)
    connection.execute("SET enable_progress_bar = false")
    return connection


def quote(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def is_parquet(path: str) -> bool:
    """Whether a file is Parquet, by its name; else it is CSV."""
    return Path(path).suffix.lower() in (".parquet", ".pq")


def literal_path(path: str) -> str:
    """Return a path in which no sign stands for other files."""
    return glob.escape(path)


def csv_header(path: str) -> tuple[list[str], str]:
    """Return the names in the first line of a CSV file, and what separates them: the sign that makes most of them."""
    unpacked = gzip.open if Path(path).suffix.lower() == ".gz" else open
    found: list[tuple[int, list[str], str]] = []
    for separator in ",;\t|":
        try:
            with unpacked(path, "rt", encoding="utf-8-sig", newline="") as file:
                names = next(csv.reader(file, delimiter=separator), [])
        except UnicodeDecodeError as error:
            raise SandboxError(f"{path}: cannot be read: it is not UTF-8 text") from error
        except (OSError, EOFError, csv.Error) as error:
            raise SandboxError(f"{path}: cannot be read: {one_line(error)}") from error
        found.append((len(names), names, separator))
    _, names, separator = max(found, key=lambda item: item[0])
    if not names:
        raise SandboxError(f"{path}: the file is empty")
    return names, separator


def csv_source(path: str) -> tuple[list[str], str, list[Any]]:
    """Return a CSV file's column names, SQL that reads it as texts c0, c1, ..., and the parameters of that SQL.

    Nothing is guessed but the separator: DuckDB's guesses hide ragged rows, and take a late quote for text.
    """
    names, separator = csv_header(path)
    sql = "read_csv(?, auto_detect=false, header=true, strict_mode=true, quote='\"', escape='\"', delim=?, columns=?)"
    return names, sql, [literal_path(path), separator, {f"c{k}": "VARCHAR" for k in range(len(names))}]


def reason(error: Exception) -> str:
    """Return where and why DuckDB failed, without its hints about options."""
    text = str(error).split("\nPossible")[0]
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if not lines:
        return one_line(error)
    place = lines[0].rpartition("CSV Error on Line: ")[2]
    return f"line {place}: {lines[-1]}" if place.isdigit() else lines[0]
