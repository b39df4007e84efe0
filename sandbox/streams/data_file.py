"""Any CSV or Parquet file with a label column, as a world: its rows are the questions, in their order."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.database import connect, csv_source, is_parquet, literal_path, quote, reason
from sandbox.errors import SandboxError, suggestion
from sandbox.interfaces import Labels, Number, Question, Stream, check_range
from sandbox.streams.features import feature_space, ordered_labels

_MOST_GROUPS = 256
_MOST_LABELS = 20  # an integer column with more distinct values is a number, not a class
_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
_MOMENTS = ("DATE", "TIMESTAMP")


class DataFile(Stream):
    """Rows of a CSV or Parquet file; the column `label` is the answer, the others are features.

    `group`: a column that is shown to nobody: by it decisions are told apart in tables, and where its values come in
    blocks, as speakers one after another, figures mark each arrival. `leave_out`: columns that are no features, with a
    / between them. `task`: "classification" or "regression"; by default text, truth values and integers of at most 20
    kinds are classes. `missing`: "error" refuses an empty feature, "omit" leaves it out, as River expects.
    `tolerance`: a forecast further off is a mistake. Dates become seconds since 1970.
    """

    def __init__(
        self,
        path: str,
        label: str,
        task: str = "auto",
        missing: str = "error",
        tolerance: float = math.nan,
        group: str | None = "",
        leave_out: str | None = "",
    ) -> None:
        for name, value, allowed in (
            ("task", task, ("auto", "classification", "regression")),
            ("missing", missing, ("error", "omit")),
        ):
            if value not in allowed:
                raise SandboxError(f"{path}: {name}={value!r} is none of {', '.join(allowed)}")
        if tolerance == tolerance:
            check_range(path, "tolerance", tolerance, 0.0, math.inf)
        self.path = path
        self.label = label
        self.task = task
        self.missing = missing
        self.tolerance = tolerance
        # A column may be called 5, which is a number in a name.
        self.group = "" if group is None else str(group)
        self.leave_out = "" if leave_out is None else str(leave_out)
        self._look()

    def _look(self) -> None:
        """Learn the columns, the labels and the number of rows; every row is read once, so a bad one is found now."""
        if not Path(self.path).is_file():
            why = "is no file" if Path(self.path).exists() else "no such file"
            raise SandboxError(f"{self.path}: {why}")
        try:
            with connect() as connection:
                self._source, self._given = self._table(connection)
                kinds = self._columns(connection)
                hidden = self._hidden(kinds)
                self._names = [name for name in kinds if name not in hidden]
                if not self._names:
                    raise SandboxError(f"{self.path} has no column beside the label {self.label!r} that is shown")
                self._select = ", ".join(_cast(self.path, name, kinds[name]) for name in self._names)
                # Every column is counted, so that every value is read.
                filled = self._all(connection, f"count(*), {', '.join(f'count({quote(name)})' for name in kinds)}")[0]
                rows, labels = filled[0], dict(zip(kinds, filled[1:], strict=True))[self.label]
                if not rows:
                    raise SandboxError(f"{self.path}: the file has no rows")
                if labels < rows:
                    raise SandboxError(f"{self.path}: {rows - labels} of {rows} rows have no label in {self.label!r}")
                if self.missing == "error" and min(filled[1:]) < rows:
                    self._name_missing(connection, kinds)
                self.length = int(rows)
                self.choice_space = self._choices(connection, kinds[self.label])
                self._look_at_groups(connection)
                first = self._all(connection, self._select, "LIMIT 1")[0]
                self.observation_space = feature_space(dict(zip(self._names, first, strict=True)))
        except SandboxError:
            raise
        except Exception as error:
            raise SandboxError(f"{self.path}: cannot be read: {reason(error)}") from error

    def _hidden(self, kinds: dict[str, str]) -> set[str]:
        """Return the columns that are no features."""
        hidden = [self.label, *([self.group] if self.group else []), *filter(None, self.leave_out.split("/"))]
        for name in hidden:
            if name not in kinds:
                raise SandboxError(
                    f"{self.path} has no column {name!r}{suggestion(name, kinds)}; it has {', '.join(kinds)}"
                )
        if self.group == self.label:
            raise SandboxError(f"{self.path}: group={self.group}: the label is no group")
        return set(hidden)

    def _look_at_groups(self, connection: Any) -> None:
        """Learn the groups, in the order in which they come, and where each arrives if they come in blocks."""
        if not self.group:
            return
        value = f"CAST({quote(self.group)} AS VARCHAR)"
        numbered = f"(SELECT row_number() OVER () - 1 AS row_no, {value} AS g FROM {self._source})"
        found = connection.execute(
            f"SELECT g, min(row_no) AS first, max(row_no) - min(row_no) + 1 - count(*) AS holes FROM {numbered} "
            f"GROUP BY g ORDER BY first LIMIT {_MOST_GROUPS + 1}",
            self._given,
        ).fetchall()
        if len(found) > _MOST_GROUPS:
            raise SandboxError(f"{self.path}: group={self.group}: more than {_MOST_GROUPS} groups are too many to tell")
        self.group_names = tuple(str(row[0]) for row in found)
        if not any(holes for _, _, holes in found):
            self.arrivals = tuple((int(first), str(name)) for name, first, _ in found)

    def _table(self, connection: Any) -> tuple[str, list[Any]]:
        """Return SQL that reads the file, every column with the type that all its values have, and its parameters."""
        if is_parquet(self.path):
            return "read_parquet(?)", [literal_path(self.path)]
        names, source, given = csv_source(self.path)
        twice = next((name for name in names if names.count(name) > 1), None)
        if "" in names:
            raise SandboxError(
                f"{self.path}: column {names.index('') + 1} has no name; the first line names all columns"
            )
        if twice is not None:
            raise SandboxError(f"{self.path} has {names.count(twice)} columns {twice!r}")
        texts = [f"nullif(trim(c{k}), '')" for k in range(len(names))]
        counts = connection.execute(f"SELECT {', '.join(map(_counts, texts))} FROM {source}", given).fetchone()
        typed = []
        for k, (name, text) in enumerate(zip(names, texts, strict=True)):
            kind = _kind(*counts[5 * k : 5 * k + 5])
            if kind is None:
                row, value = connection.execute(
                    f"SELECT row_no, x FROM (SELECT row_number() OVER () AS row_no, {text} AS x FROM {source}) "
                    "WHERE x IS NOT NULL AND TRY_CAST(x AS DOUBLE) IS NULL ORDER BY row_no LIMIT 1",
                    given,
                ).fetchone()
                raise SandboxError(f"{self.path}: row {row}: {name!r} is {value!r}, where most rows have a number")
            typed.append(f"CAST({text} AS {kind}) AS {quote(name)}")
        return f"(SELECT {', '.join(typed)} FROM {source})", given

    def _all(self, connection: Any, what: str, more: str = "") -> list[tuple[Any, ...]]:
        return list(connection.execute(f"SELECT {what} FROM {self._source} {more}", self._given).fetchall())

    def _columns(self, connection: Any) -> dict[str, str]:
        described = connection.execute(f"DESCRIBE SELECT * FROM {self._source}", self._given).fetchall()
        kinds = {row[0]: str(row[1]) for row in described}
        if self.label not in kinds:
            raise SandboxError(
                f"{self.path} has no column {self.label!r}{suggestion(self.label, kinds)}; it has {', '.join(kinds)}"
            )
        if len(kinds) < 2:
            raise SandboxError(f"{self.path} has no column beside the label {self.label!r}")
        return kinds

    def _name_missing(self, connection: Any, kinds: dict[str, str]) -> None:
        """Name the first row with an empty feature."""
        empty = " OR ".join(f"{quote(name)} IS NULL" for name in kinds)
        numbered = f"SELECT row_number() OVER () AS row_no, * FROM {self._source}"
        row = connection.execute(f"SELECT * FROM ({numbered}) WHERE {empty} LIMIT 1", self._given).fetchone()
        name = list(kinds)[row[1:].index(None)]
        raise SandboxError(
            f"{self.path}: row {row[0]} has no value for {name!r}; fill it, or leave empty features out with "
            f"{self.path}:{self.label}:missing=omit"
        )

    def _choices(self, connection: Any, kind: str) -> Labels | Number:
        number = kind in _WHOLE or kind in ("FLOAT", "DOUBLE", "HUGEINT") or kind.startswith("DECIMAL")
        if self.task == "regression" and not number:
            raise SandboxError(f"{self.path}: the label {self.label!r} is {kind}, not a number")
        self._label_sql = quote(self.label)
        if self.task == "classification" or (self.task == "auto" and (kind in _WHOLE or not number)):
            limit = f"LIMIT {_MOST_LABELS + 1}" if self.task == "auto" and number else ""
            found = {row[0] for row in self._all(connection, f"DISTINCT {self._label_sql}", limit)}
            if not limit or len(found) <= _MOST_LABELS:
                return Labels(ordered_labels(found))
        self._label_sql = f"CAST({self._label_sql} AS DOUBLE)"
        return Number()

    def questions(self, seed: int) -> Iterator[Question]:
        """Yield the rows, in their order; `seed` changes nothing."""
        labels = self.choice_space.labels if isinstance(self.choice_space, Labels) else None
        codes = {label: code for code, label in enumerate(labels)} if labels is not None else None
        names = self._names
        group_sql = f"CAST({quote(self.group)} AS VARCHAR)" if self.group else "NULL"
        group_of: dict[Any, int] = {name: code for code, name in enumerate(self.group_names)}
        with connect() as connection:
            wanted = f"SELECT {self._label_sql}, {group_sql}, {self._select} FROM {self._source}"
            cursor = connection.execute(wanted, self._given)
            while rows := cursor.fetchmany(2048):
                for answer, group, *values in rows:
                    question = dict(zip(names, values, strict=True))
                    if None in values:
                        question = {name: value for name, value in question.items() if value is not None}
                    truth = answer if codes is None else codes[answer]
                    yield Question(question, truth, group=group_of.get(group, 0))


def _counts(text: str) -> str:
    """Return SQL that counts a column's texts, and those that are a number, a whole one, a truth value, a moment."""
    return (
        f"count({text}), count(TRY_CAST({text} AS DOUBLE)), "
        f"count(TRY_CAST({text} AS BIGINT)) FILTER (regexp_full_match({text}, '[+-]?[0-9]+')), "
        f"count(*) FILTER (lower({text}) IN ('true', 'false')), count(TRY_CAST({text} AS TIMESTAMP))"
    )


def _kind(filled: int, numbers: int, whole: int, flags: int, moments: int) -> str | None:
    """Return the narrowest type that holds all texts of a column, None for numbers with a text in between."""
    for count, kind in ((flags, "BOOLEAN"), (whole, "BIGINT"), (numbers, "DOUBLE"), (moments, "TIMESTAMP")):
        if count == filled > 0:
            return kind
    return None if filled / 2 < numbers else "VARCHAR"


def _cast(path: str, name: str, kind: str) -> str:
    quoted = quote(name)
    if kind in _WHOLE or kind in ("DOUBLE", "BOOLEAN", "VARCHAR"):
        return quoted
    if kind in ("FLOAT", "HUGEINT") or kind.startswith("DECIMAL"):
        return f"CAST({quoted} AS DOUBLE)"
    if kind.startswith(_MOMENTS):
        return f"epoch({quoted})"
    if kind.startswith("ENUM") or kind in ("UUID", "TIME"):
        return f"CAST({quoted} AS VARCHAR)"
    raise SandboxError(f"{path}: column {name!r} is {kind}, which is no single number or text")
