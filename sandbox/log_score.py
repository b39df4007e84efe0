"""Score a log of decisions made elsewhere, in production or by another library, with the evaluator that judges runs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sandbox.curves import Curve
from sandbox.errors import SandboxError
from sandbox.evaluator import Evaluator, Scores
from sandbox.log_file import LogColumns, LogFile
from sandbox.log_trace import LogTrace
from sandbox.metrics import audit_failures
from sandbox.offpolicy import OffPolicy, Yardstick
from sandbox.trace import TRACE_COLUMNS, Meta, Trace

__all__ = ["LogColumns", "LogScore", "Yardstick", "score_log"]

SCHEMA = 1
NO_GROUP = "(none)"  # the group of rows that name none


@dataclass(frozen=True)
class LogScore:
    """What the evaluator says of a log.

    `scores` (of all rows) and `groups` (by label) hold metrics and curves; curves of groups keep the whole log's step.
    `labels`: choices by code. `yardsticks`: what simple ways of choosing would have earned, if propensities are given.
    `notes`: what a reader must know beside the numbers, a line each.
    """

    path: str
    rows: int
    scores: Scores
    groups: dict[Any, Scores]
    labels: tuple[Any, ...]
    meta: Meta
    yardsticks: list[Yardstick]
    notes: list[str]

    @property
    def curves(self) -> dict[str, Curve]:
        """The curves of the whole log, by signal."""
        return self.scores.curves

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints; NaN becomes None."""
        return {
            "schema": SCHEMA,
            "log": self.path,
            "rows": self.rows,
            "task": self.meta.task,
            "priced": self.meta.priced,
            "labels": [str(label) for label in self.labels],
            "metrics": _without_nan(self.scores.metrics),
            "groups": {
                str(label): {"rows": scores.decisions, "metrics": _without_nan(scores.metrics)}
                for label, scores in self.groups.items()
            },
            "yardsticks": [_without_nan(yardstick.as_dict()) for yardstick in self.yardsticks],
            "notes": list(self.notes),
        }


def _without_nan(values: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def score_log(
    path: str,
    columns: LogColumns,
    *,
    discount: float = 1.0,
    gap_range: float = math.nan,
    window: int = 1000,
    fading: float = 0.999,
    task: str = "auto",
    tolerance: float = math.nan,
) -> LogScore:
    """Judge the decisions in a CSV or Parquet file; memory does not grow with its length.

    `discount`: of the world, within an episode. `gap_range`: the largest price that a decision can have, by default the
    largest in the log. `window`, `fading`: of the curves. `task`: "control", "classification" or "regression"; by
    default control without a truth or with episodes, classification if choices and truths are labels (text, or whole
    numbers with at most 20 kinds of truth), else regression. `tolerance`: a forecast further off is a mistake.
    Raises `SandboxError`, one line that names the file and the row, if the log cannot be read as asked.
    """
    _check(columns, discount, gap_range, tolerance)
    with LogFile(path, columns) as log:
        table = LogTrace(log, task)
        meta, notes = _describe(path, columns, table, discount, gap_range, tolerance)
        judges = _Judges(meta, table, {"window": window, "fading": fading})
        off_policy = _off_policy(columns, table)
        for trace, propensity in table.chunks():
            judges.update(trace)
            if off_policy is not None:
                off_policy.add(trace.choice, trace.reward, propensity)
        overall, groups = judges.finish()
        yardsticks = [] if off_policy is None else off_policy.yardsticks()
        notes += [*table.notes, *_found(overall, table, meta.priced), *_missed(off_policy, columns, table)]
        return LogScore(path, table.rows, overall, groups, table.labels, meta, yardsticks, notes)


def _check(columns: LogColumns, discount: float, gap_range: float, tolerance: float) -> None:
    """Refuse columns that do not go together, and settings out of range."""
    given = columns.given()
    priced, episodes = "best" in given, "episode" in given
    for wrong, what in (
        (not given.keys() & {"reward", "truth"}, "a log needs the column of the reward or of the truth"),
        (episodes and "reward" not in given, "episodes need the column of the reward"),
        (("best" in given) != ("value" in given), "best and value go together: a price is their difference"),
        ("next_best" in given and not priced, "next_best needs best and value"),
        (priced and episodes and "next_best" not in given, "priced episodes need the column of next_best"),
        (
            episodes and "propensity" in given,
            "a propensity has no use in episodes: yardsticks are for single decisions",
        ),
        ("likelihood" in given and "truth" not in given, "likelihood needs the column of the truth"),
        ("sharpness" in given and "likelihood" not in given, "sharpness needs the column of the likelihood"),
        (not 0.0 <= discount <= 1.0, f"discount={discount!r} is out of range [0, 1]"),
        (not math.isnan(gap_range) and not priced, "gap_range needs best and value"),
        (not (math.isnan(gap_range) or 0.0 < gap_range < math.inf), f"gap_range={gap_range!r} is not above 0"),
        (not (math.isnan(tolerance) or 0.0 <= tolerance < math.inf), f"tolerance={tolerance!r} is below 0"),
    ):
        if wrong:
            raise SandboxError(what)
    for role in ("next_best", "terminated", "truncated"):
        if role in given and not episodes:
            raise SandboxError(f"{role} needs the column of the episode: without it each row is one of its own")


def _describe(
    path: str, columns: LogColumns, table: LogTrace, discount: float, gap_range: float, tolerance: float
) -> tuple[Meta, list[str]]:
    """Return what the evaluator must know of the log, and what its reader must."""
    priced = columns.best is not None
    notes = [] if priced else ["unpriced: includes bad luck"]
    if priced and math.isnan(gap_range):
        gap_range = table.extreme_gap()
        notes.append(f"the gap range is not given; taken as the largest gap in the log, {gap_range:g}")
    meta = Meta(
        table.task,
        path,
        labels=table.labels,
        n_cells=max(1, table.n_cells),
        n_choices=max(1, len(table.labels)),
        objective="undiscounted" if discount == 1.0 else f"discounted by {discount:g}",
        discount=discount,
        gap_range=gap_range,
        tolerance=tolerance,
        why_unpriced="" if priced else "the log does not say what its choices were worth",
        episodic=columns.episode is not None,
        groups=table.groups,
    )
    return meta, notes


class _Judges:
    """One evaluator for the log and one for each group."""

    def __init__(self, meta: Meta, table: LogTrace, options: dict[str, Any]) -> None:
        self._overall = Evaluator(meta, pushes=table.rows, **options)
        self._sizes = table.group_sizes() if meta.groups else {}
        self._groups = {code: Evaluator(meta, pushes=size, **options) for code, size in self._sizes.items()}
        self._labels = meta.groups

    def update(self, trace: Trace) -> None:
        """Judge the next rows."""
        self._overall.update(trace)
        if self._groups:
            for code, part in _parts(trace):
                self._groups[code].update(part)

    def finish(self) -> tuple[Scores, dict[Any, Scores]]:
        """Return the scores of the log and, by label, of its groups."""
        groups = {}
        for code, judge in self._groups.items():
            label = self._labels[code] if code >= 0 else NO_GROUP
            groups[label] = replace(judge.finish(), decisions=self._sizes[code])
        return self._overall.finish(), groups


def _parts(trace: Trace) -> Iterator[tuple[int, Trace]]:
    """Yield the rows of each group, in their order."""
    order = np.argsort(trace.group, kind="stable")
    codes, starts = np.unique(trace.group[order], return_index=True)
    for code, rows in zip(codes, np.split(order, starts[1:]), strict=True):
        extras = {name: column[rows] for name, column in trace.extras.items()}
        yield int(code), Trace(**{name: getattr(trace, name)[rows] for name in TRACE_COLUMNS}, extras=extras)


def _off_policy(columns: LogColumns, table: LogTrace) -> OffPolicy | None:
    if columns.propensity is None:
        return None
    if not table.labels:
        raise SandboxError("a propensity is of use where choices are labels; these are numbers")
    return OffPolicy(table.labels)


def _found(overall: Scores, table: LogTrace, priced: bool) -> list[str]:
    """Return notes on what the evaluator found."""
    notes = [f"the audit fails: {failure}" for failure in audit_failures(overall.metrics, priced)]
    if table.task == "classification" and overall.metrics["accuracy"] == 0.0:
        choices, truths = table.kinds_of("choice"), table.kinds_of("truth")
        if choices and truths and not choices & truths:
            chosen, true = (", ".join(sorted(map(str, kinds))[:5]) for kinds in (choices, truths))
            notes.append(f"no choice is ever a truth: choices are {chosen}; truths are {true}; are they written alike?")
    return notes


def _missed(off_policy: OffPolicy | None, columns: LogColumns, table: LogTrace) -> list[str]:
    """Return notes on what the yardsticks cannot tell."""
    if off_policy is None:
        return []
    notes = [f"{yardstick.policy}: {yardstick.note}" for yardstick in off_policy.yardsticks() if yardstick.note]
    never = [str(label) for label in table.labels if label not in table.kinds_of("choice")]
    if never:
        notes.append(f"no yardstick for labels that were never chosen: {', '.join(never[:5])}")
    if off_policy.left_out:
        notes.append(f"the yardsticks leave out {off_policy.left_out} rows without a reward")
    return notes
