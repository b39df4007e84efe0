"""By group: how an agent did on the questions of each audit group, such as the senders of mail or the speakers.

A group's numbers are the run's own metrics, over that group's decisions: one definition, here as in `sandbox score`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sandbox.compiled import compiled
from sandbox.curves import lost
from sandbox.ledger import SIGNALS, Columns, signals_of
from sandbox.metrics import METRICS
from sandbox.table import FloatArray, IntArray
from sandbox.trace import Meta

if TYPE_CHECKING:
    from sandbox.agent_result import AgentResult
    from sandbox.comparison.intervals import Interval

MOST_GROUPS = 256  # that are told apart; the decisions of later ones are in the run's own numbers only
FEW = 30  # decisions of all runs together: under that, little can be said of a group
OF_GROUPS = ("reward", "regret", "mistakes", "mistake_rate", "accuracy", "mae", "abstentions")  # metrics
_SUMMED = ("abstained", "reward", "regret", "mistake", "correct", "absolute_error")  # signals; the first counts all
_TOTAL, _REST, _COUNT = range(3)


def make_groups(meta: Meta) -> tuple[FloatArray, IntArray]:
    """Return empty sums (groups, signals, 3) and the signals that are summed; no groups where there are not two."""
    kept = [SIGNALS.index(name) for name in _SUMMED if name in signals_of(meta)]
    count = min(len(meta.groups), MOST_GROUPS) if len(meta.groups) > 1 else 0
    return np.zeros((count, len(kept), 3)), np.array(kept, dtype=np.int64)


@compiled
def sum_groups(c: Columns, first: int, rows: int, signals: FloatArray, groups: tuple[FloatArray, IntArray]) -> None:
    """Add the rows judged in `signals` (K, BLOCK) to the sums of their groups; a group unheard of is left out."""
    sums, kept = groups
    count = sums.shape[0]
    for k in range(kept.shape[0] if count else 0):
        row = kept[k]
        for i in range(rows):
            group, value = c.group[first + i], signals[row, i]
            if value == value and 0 <= group < count:  # not NaN
                sums[group, k, _REST] += lost(sums[group, k, _TOTAL], value)
                sums[group, k, _TOTAL] += value
                sums[group, k, _COUNT] += 1.0


def group_table(sums: FloatArray, kept: IntArray) -> FloatArray:
    """Return a row (group, signal, sum, number of values) for each signal that has one, by its place in `_SUMMED`."""
    rows = [
        (g, _SUMMED.index(SIGNALS[kept[k]]), of[_TOTAL] + of[_REST], of[_COUNT])
        for g, parts in enumerate(sums)
        for k, of in enumerate(parts)
        if of[_COUNT]
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


class GroupSums:
    """What a metric may ask about one group of one run (`sandbox.metric.Sums`); NaN for what is not kept by group."""

    def __init__(self, table: FloatArray, group: int) -> None:
        self._of = {_SUMMED[int(k)]: (total, count) for g, k, total, count in table.tolist() if g == group}

    @property
    def decisions(self) -> float:
        """Decisions in the group."""
        return self.count(_SUMMED[0])

    def total(self, signal: str) -> float:
        """Sum of a signal, NaN if it never had a value."""
        return float(self._of.get(signal, (math.nan, 0.0))[0])

    def count(self, signal: str) -> float:
        """Number of decisions where a signal has a value."""
        return float(self._of.get(signal, (math.nan, 0.0))[1])

    def mean(self, signal: str) -> float:
        """Mean of a signal over the decisions where it has a value."""
        return self.total(signal) / self.count(signal) if self.count(signal) else math.nan

    def tail(self, signal: str) -> float:
        """Nothing: the last tenth is not kept by group."""
        return math.nan

    def tail_count(self, signal: str) -> float:
        """Nothing: the last tenth is not kept by group."""
        return 0.0

    def audit(self, name: str) -> float:
        """Nothing: audits are of whole runs."""
        return math.nan

    def labels(self, name: str) -> float:
        """Nothing: labels are not counted by group."""
        return math.nan

    def visits(self, name: str) -> float:
        """Nothing: groups are not followed through concepts."""
        return math.nan


def by_group(agent: AgentResult, meta: Meta) -> dict[str, dict[str, Interval]]:
    """Return, for each group that was met, what `OF_GROUPS` say of it over runs, with intervals, and `decisions`.

    A metric that does not apply is left out. A run that did not meet the group has no value for it. One run, or runs
    that are all the same, have no interval.
    """
    tables = [run.scores.tables.get("groups") for run in agent.done if run.scores is not None]
    known = [table for table in tables if table is not None]
    names = [str(name) for name in meta.groups]
    found: dict[str, dict[str, Interval]] = {}
    for g in sorted({int(g) for table in known for g in table[:, 0]}):
        sums = [GroupSums(table, g) for table in known]
        told = {name: agent.interval_of(name, [float(METRICS[name].of(one)) for one in sums]) for name in OF_GROUPS}
        made = agent.interval_of("decisions", [one.decisions for one in sums])
        found[names[g]] = {"decisions": made} | {name: one for name, one in told.items() if one.n}
    return found


def main_metric(meta: Meta) -> str:
    """Return the metric by which groups are shown: what mistakes cost by the law, or what the task asks for."""
    wanted = {"classification": "accuracy", "regression": "mae", "control": "reward"}[meta.task]
    return "mistake_rate" if meta.priced else wanted


def few(found: dict[str, Interval]) -> bool:
    """Whether a group has so few decisions, in all runs together, that little can be said of it."""
    return found["decisions"].mean * found["decisions"].n < FEW
