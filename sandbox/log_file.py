"""A log of decisions in a CSV or Parquet file, put by DuckDB into a table on disk: any length fits in little memory."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from sandbox.database import connect, csv_source, is_parquet, literal_path, quote, reason
from sandbox.errors import SandboxError, one_line, suggestion

_MEMORY = "400MB"
_EXACT = 2.0**53  # above it, neighbouring whole numbers are the same float
_PLAIN = ("BOOLEAN", "DATE", "HUGEINT", "TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_MACROS = (
    "CREATE MACRO as_text(x) AS CAST(x AS VARCHAR)",
    "CREATE MACRO number(x) AS coalesce(TRY_CAST(x AS DOUBLE),"
    " CASE lower(as_text(x)) WHEN 'true' THEN 1.0 WHEN 'false' THEN 0.0 END) + 0.0",  # + 0.0: no negative zero
    "CREATE MACRO flag(x) AS CASE WHEN x IS NULL THEN false WHEN lower(as_text(x)) IN ('true', 't', 'yes', '1', '1.0')"
    " THEN true WHEN lower(as_text(x)) IN ('false', 'f', 'no', '0', '0.0') THEN false END",
    "CREATE MACRO moment(x) AS TRY_CAST(x AS TIMESTAMPTZ)",
)


@dataclass(frozen=True)
class LogColumns:
    """Which column of a log says what; None: the log does not say.

    `choice`: label or number, empty for an abstention. `truth`: the right label or number, empty where unknown.
    `reward`: what the choice earned; by default 1 for a right label, 0 for a wrong one or an abstention, and minus the
    squared error of a forecast. `time`: number, date or time, by which rows are ordered. `propensity`: probability with
    which the choice was made. `group`, `cell`, `concept`: any values. `confidence`: probability given to the choice;
    `likelihood`: probability given to the truth; `sharpness`: sum of the squared probabilities of all labels, which the
    Brier score of more than two needs. `episode`: any name, used once. `terminated`, `truncated`: whether the
    episode ended here by itself, or was cut here; empty is false. `greedy`: what would have been chosen without
    exploring. `best`: V*; `value`: Q* of the choice; `next_best`: V* of what follows, taken as 0 where terminated.
    """

    choice: str
    reward: str | None = None
    truth: str | None = None
    time: str | None = None
    propensity: str | None = None
    group: str | None = None
    cell: str | None = None
    concept: str | None = None
    confidence: str | None = None
    likelihood: str | None = None
    sharpness: str | None = None
    episode: str | None = None
    terminated: str | None = None
    truncated: str | None = None
    greedy: str | None = None
    best: str | None = None
    value: str | None = None
    next_best: str | None = None

    def given(self) -> dict[str, str]:
        """Return the columns that the log has, by what they say."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {role: name for role, name in found.items() if name is not None}


class Kind(NamedTuple):
    """What the values of a column are."""

    name: str  # "text", "boolean", "number", or "" where all are missing
    whole: bool  # numbers, none with a fraction


class LogFile:
    """A log in a temporary table `raw`: a column ROLE_raw for each role, as the file has it, and `row_no`, from 1.

    Empty, NULL and NaN are missing (NULL). Use it in a `with` statement; leaving it removes the table.
    """

    def __init__(self, path: str, columns: LogColumns) -> None:
        self.path = path
        self.columns = columns.given()

    def __enter__(self) -> LogFile:
        if not Path(self.path).is_file():
            raise SandboxError(f"{self.path}: no such file")
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="sandbox-score-", ignore_cleanup_errors=True)
        except OSError as error:
            raise SandboxError(f"{self.path}: no room for a temporary table: {one_line(error)}") from error
        try:
            self._connection: Any = connect(Path(self._folder.name) / "log.duckdb", _MEMORY)
            self._load()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(self, "_connection"):
            self._connection.close()
        self._folder.cleanup()

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Run one statement; a failure becomes one clear line."""
        try:
            return self._connection.execute(sql, parameters)
        except Exception as error:
            raise SandboxError(f"{self.path}: cannot be read: {reason(error)}") from error

    def rows_of(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows that a query finds; ask only for few."""
        try:
            return list(self.execute(sql, parameters).fetchall())
        except SandboxError:
            raise
        except Exception as error:
            raise SandboxError(f"{self.path}: cannot be read: {reason(error)}") from error

    def _load(self) -> None:
        for statement in ("SET TimeZone = 'UTC'", *_MACROS):
            self.execute(statement)
        if is_parquet(self.path):
            source, parameters, kinds = "read_parquet(?)", [literal_path(self.path)], self._parquet_kinds()
        else:
            source, parameters, kinds = self._csv_source()
        selected = [f"{_present(*kinds[name])} AS {role}_raw" for role, name in self.columns.items()]
        self.execute(
            f"CREATE TABLE raw AS SELECT row_number() OVER () AS row_no, {', '.join(selected)} FROM {source}",
            parameters,
        )
        self.rows = int(self.rows_of("SELECT count(*) FROM raw")[0][0])
        if not self.rows:
            raise SandboxError(f"{self.path}: the file has no rows")

    def _parquet_kinds(self) -> dict[str, tuple[str, str]]:
        described = self.rows_of("DESCRIBE SELECT * FROM read_parquet(?)", [literal_path(self.path)])
        self._check_names([row[0] for row in described])
        return {row[0]: (quote(row[0]), str(row[1])) for row in described}

    def _csv_source(self) -> tuple[str, list[Any], dict[str, tuple[str, str]]]:
        names, source, parameters = csv_source(self.path)
        self._check_names(names)
        return source, parameters, {name: (f"c{k}", "VARCHAR") for k, name in enumerate(names)}

    def _check_names(self, names: list[str]) -> None:
        for role, name in self.columns.items():
            if name not in names:
                near = suggestion(name, names)
                raise SandboxError(
                    f"{self.path} has no column {name!r} for the {role}{near}; it has {', '.join(names)}"
                )
            if names.count(name) > 1:
                raise SandboxError(f"{self.path} has {names.count(name)} columns {name!r}")

    def require(self, role: str, sound: str, wanted: str, missing: str = "false") -> None:
        """Refuse the first row whose value x of `role` is neither `sound` nor missing where allowed (both SQL)."""
        condition = f"CASE WHEN x IS NULL THEN NOT ({missing}) ELSE NOT coalesce({sound}, false) END"
        values = f"SELECT *, {role}_raw AS x FROM raw"
        bad = self.rows_of(f"SELECT row_no, as_text(x) FROM ({values}) WHERE {condition} ORDER BY row_no LIMIT 1")
        if not bad:
            return
        row, value = bad[0]
        column = f"(column {self.columns[role]!r})"
        if value is None:
            raise SandboxError(f"{self.path}: row {row} has no {role} {column}")
        raise SandboxError(f"{self.path}: row {row}: the {role} {column} is {value!r}, not {wanted}")

    def kind(self, role: str) -> Kind:
        """Return what the values of a role are."""
        filled, numbers, booleans, whole, digits, largest = self.rows_of(
            "SELECT count(x), count(number(x)), count(*) FILTER (lower(as_text(x)) IN ('true', 'false')),"
            " bool_and(number(x) = trunc(number(x))), bool_and(regexp_full_match(as_text(x), '-?[0-9]+')),"
            f" max(abs(number(x))) FROM (SELECT {role}_raw AS x FROM raw)"
        )[0]
        if not filled:
            return Kind("", True)
        if booleans == filled:
            return Kind("boolean", True)
        if numbers < filled or (digits and largest >= _EXACT):
            return Kind("text", False)
        return Kind("number", bool(whole))

    def has_more_kinds(self, role: str, most: int) -> bool:
        """Say whether a role has more than `most` different values."""
        distinct = f"SELECT DISTINCT {role}_raw AS x FROM raw WHERE x IS NOT NULL LIMIT {most + 1}"
        return bool(self.rows_of(f"SELECT count(*) FROM ({distinct})")[0][0] > most)


def _present(expression: str, kind: str) -> str:
    """Return SQL for a value, NULL where it is missing; what is no plain value becomes text."""
    if kind in ("FLOAT", "DOUBLE"):
        return f"nullif(CAST({expression} AS DOUBLE), CAST('nan' AS DOUBLE))"
    if kind in _PLAIN or (kind[0] == "U" and kind[1:] in _PLAIN) or kind.startswith(("TIMESTAMP", "DECIMAL")):
        return expression
    return f"CASE WHEN lower(as_text({expression})) NOT IN ('', 'nan') THEN as_text({expression}) END"
