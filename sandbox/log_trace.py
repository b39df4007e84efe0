"""A log as a trace: which codes its labels get, in which order its rows are judged, and which rows are refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from sandbox.errors import SandboxError
from sandbox.log_file import LogFile
from sandbox.table import FloatArray
from sandbox.trace import TRACE_COLUMNS, Task, Trace, make_trace

CHUNK = 32_768  # rows of a log in memory at once
MOST_CLASSES = 20  # a truth of whole numbers with more kinds is a forecast
MOST_LABELS, MOST_GROUPS, MOST_CELLS = 100_000, 200, 1_000_000
_CHOICES = ("choice", "truth", "greedy")
_FINITE = ("isfinite(number(x))", "a finite number")
_PROBABILITY = ("number(x) BETWEEN 0 AND 1 + 1e-9", "a probability")
_FLAG = ("flag(x) IS NOT NULL", "true or false")
_ANY = ("true", "")


class Chunk(NamedTuple):
    """Rows of a log: their trace, and the probabilities with which the choices were made, NaN if not given."""

    trace: Trace
    propensity: FloatArray


class LogTrace:
    """The rows of a log, checked, coded and put in order, in a table `log` beside the file's own.

    The order is that of `time`; equal times, and logs without one, as in the file. The rows of an episode are put
    together, episodes in the order of their first rows; without `time` they must lie together. `step` counts the rows
    in this order.
    """

    def __init__(self, log: LogFile, task: str) -> None:
        self._log = log
        self._has = frozenset(log.columns)
        self.rows = log.rows
        self.notes: list[str] = []
        self.labels: tuple[Any, ...] = ()
        self.task: Task = self._decide(task)
        self._check_values()
        self._code_choices()
        self.groups = self._make_codes("group", ("group",), MOST_GROUPS) if "group" in self._has else ()
        self.n_cells = len(self._make_codes("cell", ("cell",), MOST_CELLS)) if "cell" in self._has else 1
        if "concept" in self._has:
            self._make_codes("concept", ("concept",), MOST_CELLS)
        self._lay_table()
        if "episode" in self._has:
            self._check_episodes()

    def _decide(self, wanted: str) -> Task:
        """Return what kind of decisions these are, from the values where it is not said."""
        if wanted not in ("auto", "control", "classification", "regression"):
            raise SandboxError(f"task={wanted!r} is none of auto, control, classification, regression")
        if "truth" not in self._has and wanted in ("classification", "regression"):
            raise SandboxError(f"{wanted} needs the column of the truth")
        if wanted == "classification":
            return "classification"
        if wanted == "regression":
            return "regression"
        if wanted == "control" or "episode" in self._has or "truth" not in self._has:
            return "control"
        choice, truth = self._log.kind("choice"), self._log.kind("truth")
        if "text" in (choice.name, truth.name):
            return "classification"
        if choice.whole and truth.whole and not self._log.has_more_kinds("truth", MOST_CLASSES):
            return "classification"
        if choice.whole and truth.whole:
            self.notes.append(
                f"the truth has more than {MOST_CLASSES} kinds: judged as a number, not as a label, unless task says so"
            )
        return "regression"

    def _check_values(self) -> None:
        """Refuse the first row with a value that cannot be, role by role."""
        excused = "choice_raw IS NULL" if self.task == "regression" else "false"  # a forecast not made earns nothing
        ended = "flag(terminated_raw)" if "terminated" in self._has else "false"
        for role, (sound, wanted), missing in (
            ("reward", _FINITE, excused),
            ("propensity", ("number(x) BETWEEN 1e-100 AND 1", "a probability above 0"), "false"),
            ("confidence", _PROBABILITY, "true"),
            ("likelihood", _PROBABILITY, "true"),
            ("sharpness", _PROBABILITY, "true"),
            ("best", _FINITE, "false"),
            ("value", _FINITE, "false"),
            ("terminated", _FLAG, "true"),
            ("truncated", _FLAG, "true"),
            ("next_best", _FINITE, ended),
            ("episode", _ANY, "false"),
            ("concept", _ANY, "false"),
        ):
            if role in self._has:
                self._log.require(role, sound, wanted, missing)

    def _code_choices(self) -> None:
        """Number the labels of choice, truth and greedy together; choices that are numbers stay what they are."""
        roles = tuple(role for role in _CHOICES if role in self._has)
        kinds = [self._log.kind(role) for role in roles]
        numbers = self.task == "regression"
        if self.task == "control" and all(kind.name != "text" for kind in kinds):
            numbers = not all(kind.whole for kind in kinds) or self._log.has_more_kinds("choice", MOST_LABELS)
        if not numbers:
            self.labels = self._make_codes("choice", roles, MOST_LABELS)
            return
        for role in roles:
            self._log.require(role, *_FINITE, missing="true")
        self._log.execute("CREATE MACRO choice_code(x) AS number(x)")

    def _make_codes(self, name: str, roles: tuple[str, ...], most: int) -> tuple[Any, ...]:
        """Make the SQL function NAME_code, which numbers the values of `roles` in their order; return the values."""
        kinds = {self._log.kind(role).name for role in roles} - {""}
        key = "as_text({})" if "text" in kinds else "lower(as_text({}))" if kinds == {"boolean"} else "number({})"
        for role in roles if key == "number({})" else ():
            self._log.require(role, *_FINITE, missing="true")
        parts = [f"SELECT {key.format(f'{role}_raw')} AS v FROM raw WHERE {role}_raw IS NOT NULL" for role in roles]
        self._log.execute(
            f"CREATE TABLE {name}_values AS SELECT DISTINCT v FROM ({' UNION ALL '.join(parts)}) ORDER BY v"
        )
        values = [row[0] for row in self._log.rows_of(f"SELECT v FROM {name}_values LIMIT {most + 1}")]
        if len(values) > most:
            column = self._log.columns[roles[0]]
            raise SandboxError(f"{self._log.path}: the {name} (column {column!r}) has more than {most} kinds")
        texts = f"SELECT as_text(v) FROM {name}_values ORDER BY v" if values else "''"  # an ENUM is never empty
        self._log.execute(f"CREATE TYPE {name}_kind AS ENUM ({texts})")
        coded = f"enum_code(CAST(as_text({key.format('x')}) AS {name}_kind))"
        self._log.execute(f"CREATE MACRO {name}_code(x) AS CAST({coded} AS BIGINT)")
        if kinds == {"boolean"}:
            return tuple(value == "true" for value in values)
        return tuple(int(v) if isinstance(v, float) and v.is_integer() else v for v in values)

    def _moment(self) -> str:
        """Return SQL by which rows are ordered in time; refuse a time that has no order."""
        kind = self._log.kind("time")
        if kind.name != "text":
            self._log.require("time", *_FINITE)
            return "number(time_raw)"
        large = "TRY_CAST(time_raw AS HUGEINT)"  # whole numbers beyond what a float holds
        if self._log.rows_of(f"SELECT bool_and({large} IS NOT NULL) FROM raw WHERE time_raw IS NOT NULL")[0][0]:
            self._log.require("time", *_ANY)
            return large
        self._log.require("time", "moment(x) IS NOT NULL", "a number, nor a date such as 2026-01-31 12:30:00")
        return "moment(time_raw)"

    def _lay_table(self) -> None:
        """Make the table `log`: the columns of a trace, `row_no`, `place` (rank in time) and `propensity`."""
        place = f"row_number() OVER (ORDER BY {self._moment()}, row_no) - 1" if "time" in self._has else "row_no - 1"
        ordered = f"SELECT *, {place} AS place FROM raw"
        if "episode" in self._has:
            self._log.execute(f"CREATE TABLE placed AS {ordered}")
            firsts = "SELECT episode_raw, min(place) AS first FROM placed GROUP BY episode_raw"
            numbered = f"SELECT episode_raw, row_number() OVER (ORDER BY first) - 1 AS episode FROM ({firsts})"
            joined = f"SELECT placed.*, n.episode FROM placed JOIN ({numbered}) AS n USING (episode_raw)"
            ordered = f"SELECT *, row_number() OVER (ORDER BY episode, place) - 1 AS step FROM ({joined})"
        else:
            ordered = f"SELECT *, place AS episode, place AS step FROM ({ordered})"
        codes = [f"{_code('choice', role) if role in self._has else 'NULL'} AS {role}" for role in _CHOICES]
        coded = f"SELECT *, {', '.join(codes)} FROM ({ordered})"
        columns = ", ".join(f"{sql} AS {name}" for name, sql in self._columns().items())
        self._log.execute(f"CREATE TABLE log AS SELECT {columns} FROM ({coded}) ORDER BY step")
        self._log.execute("DROP TABLE IF EXISTS placed")

    def _columns(self) -> dict[str, str]:
        """Return SQL for each column of the table `log`."""
        has = self._has
        found = {name: name for name in ("row_no", "place", "step", "episode")}
        for role, otherwise in (("cell", "0"), ("group", "0"), ("concept", "0")):
            found[f"{role}_no"] = f"coalesce({_code(role, role)}, -1)" if role in has else otherwise
        for role in _CHOICES:
            found[role] = _known(role)
        for role in ("reward", "best", "value", "next_best", "confidence", "likelihood", "sharpness", "propensity"):
            found[role] = _known(f"number({role}_raw)" if role in has else "NULL")
        if "reward" not in has:
            right = "CAST(choice IS NOT NULL AND choice = truth AS DOUBLE)"
            earned = "-(choice - truth) * (choice - truth)" if self.task == "regression" else right
            found["reward"] = _known(f"CASE WHEN truth IS NOT NULL THEN {earned} END")
        found |= {f: f"flag({f}_raw)" if f in has else "false" for f in ("terminated", "truncated")}
        if "episode" not in has:
            found |= {"terminated": "true", "next_best": "CAST(0 AS DOUBLE)"}
        elif has.isdisjoint({"terminated", "truncated"}):  # each episode ends where its rows do
            found["truncated"] = "lead(episode) OVER (ORDER BY step) IS DISTINCT FROM episode"
        if "terminated" in has and "next_best" in has:
            found["next_best"] = f"CASE WHEN flag(terminated_raw) THEN 0.0 ELSE {found['next_best']} END"
        if self.task == "classification" and "confidence" in has and "likelihood" not in has:
            found["likelihood"] = self._likelihood(found["confidence"])
        return found

    def _likelihood(self, confidence: str) -> str:
        """Return SQL for the probability given to the truth, which follows from a confidence if labels are two."""
        if len(self.labels) > 2:
            self.notes.append(
                f"no log loss: of {len(self.labels)} labels, the confidence does not tell the probability of the truth "
                "where the choice is wrong; name the column of the likelihood"
            )
            return _known("NULL")
        told = f"CASE WHEN choice = truth THEN {confidence} ELSE 1.0 - {confidence} END"
        return f"CASE WHEN choice IS NULL OR truth IS NULL THEN {_known('NULL')} ELSE {told} END"

    def _check_episodes(self) -> None:
        """Refuse rows that lie apart without a time, that follow an episode's end, or that change group within one."""
        apart = self._log.rows_of("SELECT row_no FROM log WHERE place > step ORDER BY place LIMIT 1")
        if apart and "time" not in self._has:
            self._refuse(apart[0][0], "after another began; name the column of the time, or give each its own name")
        if apart:
            count = self._log.rows_of("SELECT count(DISTINCT episode) FROM log WHERE place <> step")[0][0]
            self.notes.append(
                f"{count} episodes overlap in time or follow one that does: the rows of each were put together, "
                "episodes in the order of their first rows"
            )
        before = "lag({0}) OVER (ORDER BY step) AS {0}_before"
        seen = ", ".join(before.format(name) for name in ("episode", "terminated", "truncated", "group_no"))
        source = f"FROM (SELECT *, {seen} FROM log) WHERE episode = episode_before AND"
        for condition, what in (
            ("(terminated_before OR truncated_before)", "after it ended; each needs its own name"),
            ("group_no <> group_no_before", "in another group; a group is made of whole episodes"),
        ):
            bad = self._log.rows_of(f"SELECT row_no {source} {condition} ORDER BY row_no LIMIT 1")
            if bad:
                self._refuse(bad[0][0], what)

    def _refuse(self, row: int, what: str) -> None:
        name = self._log.rows_of("SELECT as_text(episode_raw) FROM raw WHERE row_no = ?", [row])[0][0]
        raise SandboxError(f"{self._log.path}: row {row} goes on with episode {name!r} {what}")

    def extreme_gap(self) -> float:
        """Return the largest best - value of all rows, at least 0."""
        return max(0.0, float(self._log.rows_of("SELECT max(best - value) FROM log")[0][0]))

    def group_sizes(self) -> dict[int, int]:
        """Return the number of rows of each group, by its code; -1 is the group of the rows that name none."""
        return dict(self._log.rows_of("SELECT group_no, count(*) FROM log GROUP BY group_no ORDER BY group_no"))

    def kinds_of(self, role: str) -> set[Any]:
        """Return the labels that a role takes."""
        codes = self._log.rows_of(f"SELECT DISTINCT {role} FROM log")
        return {self.labels[int(code)] for (code,) in codes if not math.isnan(code)}

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows in their order."""
        stored = {"cell": "cell_no", "group": "group_no", "concept": "concept_no"}
        names = [name for name in TRACE_COLUMNS if name != "answered_at"]
        selected = ", ".join(f'{stored.get(name, name)} AS "{name}"' for name in names)
        sql = f"SELECT {selected}, sharpness, propensity FROM log WHERE step >= ? AND step < ? ORDER BY step"
        for start in range(0, self.rows, CHUNK):
            found = self._log.execute(sql, [start, start + CHUNK]).fetchnumpy()
            columns = {name: np.asarray(found[name]) for name in names}
            extras = {"sharpness": np.asarray(found["sharpness"], dtype=np.float64)} if "sharpness" in self._has else {}
            trace = make_trace(len(columns["step"]), columns, extras=extras)
            yield Chunk(trace, np.asarray(found["propensity"], dtype=np.float64))


def _known(sql: str) -> str:
    return f"coalesce(CAST({sql} AS DOUBLE), CAST('nan' AS DOUBLE))"


def _code(name: str, role: str) -> str:
    return f"{name}_code({role}_raw)"
