"""Who is better in one world, and how sure that is: what `sandbox compare` says and a report is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from sandbox.agent_result import AgentResult
from sandbox.comparison.bands import tolerance_content
from sandbox.comparison.blocks import block_interval
from sandbox.comparison.centres import Estimate, iqm_interval, median_interval
from sandbox.comparison.intervals import Interval
from sandbox.errors import SandboxError, suggestion
from sandbox.frames import as_frame
from sandbox.learned import Learning, learning_of
from sandbox.metrics import METRICS
from sandbox.paired import Pair, only_curve, pair_row, pairs_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sandbox.result import Result

_NOTHING = Estimate(math.nan, math.nan, math.nan, 0)


class Reach(NamedTuple):
    """The lowest and the highest run, and the share of all runs that with 95 % lies between (Wilks 1941)."""

    low: float
    high: float
    content: float


class Standing(NamedTuple):
    """One agent's place: `best` and `worst` are the places that the pairs leave possible; 0 where it has no value."""

    agent: AgentResult
    best: int
    worst: int
    mean: Interval
    median: Estimate
    iqm: Estimate
    reach: Reach


@dataclass(repr=False)
class Comparison:
    """The agents of a result, compared in one metric."""

    result: Result
    metric: str
    pairs: list[Pair] = field(default_factory=list)

    @property
    def file_stem(self) -> str:
        """A file name for its figure, its own for what is compared, and on what terms."""
        from sandbox.store import key_of

        told = {"agents": [agent.name for agent in self.result.agents], "budget": self.result.budget}
        told |= {"terms": str(self.result.drifting), "metric": self.metric}
        return key_of(told, self.result.world, "compared")

    @property
    def higher(self) -> bool:
        """Whether more is better."""
        return METRICS[self.metric].better == "higher"

    @cached_property
    def ranking(self) -> list[Standing]:
        """The agents, the best mean first; those without a value come last."""
        found = [self._standing(agent) for agent in self.result.agents]
        sign = -1.0 if self.higher else 1.0
        return sorted(found, key=lambda one: (math.isnan(one.mean.mean), sign * one.mean.mean))

    def _standing(self, agent: AgentResult) -> Standing:
        better = sum(self.better(other.name, agent.name) for other in self.result.agents)
        worse = sum(self.better(agent.name, other.name) for other in self.result.agents)
        known = sum(not math.isnan(other.interval(self.metric).mean) for other in self.result.agents)
        values = agent.values(self.metric)
        if agent.distinct < 2:
            centre = _NOTHING._replace(value=agent.interval(self.metric).mean, n=agent.distinct)
            median = iqm = centre
        else:
            median = median_interval(values)
            iqm = iqm_interval(values)
        mean = self._mean(agent)
        there = not math.isnan(mean.mean)
        return Standing(agent, (1 + better) * there, (known - worse) * there, mean, median, iqm, _reach(agent, values))

    def _mean(self, agent: AgentResult) -> Interval:
        curve = only_curve(agent, self.metric)
        if curve is None:
            return agent.interval(self.metric)
        found = block_interval(curve.total, curve.number)
        return Interval(agent.interval(self.metric).mean, found.low, found.high, found.n)

    @cached_property
    def learning(self) -> Learning | None:
        """How fast the agents learned, None if the metric has no curve."""
        return learning_of(self.result, self.metric)

    def better(self, a: str, b: str) -> bool:
        """Whether it is settled that `a` is better than `b`, all pairs taken into account."""
        return any(pair.settled and pair.ahead(self.higher) == (a, b) for pair in self.pairs)

    def frame(self) -> Any:
        """Return one row for each pair: a pandas DataFrame if pandas is installed, else a dict of lists."""
        rows = [_flat(pair_row(pair, self.metric)) for pair in self.pairs]
        return as_frame({name: [row[name] for row in rows] for name in (rows[0] if rows else ())})

    def plot(self) -> Figure:
        """Return the ranking and the differences as a matplotlib figure, whose axes can be edited like any."""
        from sandbox.plots.comparison import figure

        return figure(self)

    def __repr__(self) -> str:
        """Return the ranking, a line each, and what is settled."""
        from sandbox.show.verdicts import comparison_lines

        return "\n".join(comparison_lines(self))

    def _repr_html_(self) -> str:
        from sandbox.show.notebook import comparison_html

        return comparison_html(self)

    def as_json(self) -> dict[str, Any]:
        """Return the comparison as one JSON document; NaN and infinity become null."""
        from sandbox.result import finite

        document = {
            "schema": 1,
            "world": self.result.world,
            "drift": self.result.drifting.drift,
            "feedback": self.result.drifting.feedback,
            "budget": self.result.budget,
            "metric": self.metric,
            "better": METRICS[self.metric].better,
            "ranking": [_standing_row(one) for one in self.ranking],
            "differences": [pair_row(pair, self.metric) for pair in self.pairs],
            "learning": self.learning.as_json() if self.learning is not None else None,
            "warnings": self.result.warnings(),
        }
        cleaned: dict[str, Any] = finite(document)
        return cleaned


def compare(result: Result, metric: str = "") -> Comparison:
    """Compare the agents of a result in `metric`, '' for the one that they are ordered by.

    Raise `SandboxError` if there is no such metric, or none of its values is known, or more of it is no better.
    """
    name = metric or result.headline
    if name not in METRICS:
        raise SandboxError(f"there is no metric {name!r}{suggestion(name, METRICS)}")
    if not METRICS[name].better:
        raise SandboxError(f"{name} says nothing of who is better; compare by another metric")
    if all(math.isnan(value) for agent in result.agents for value in agent.values(name)):
        raise SandboxError(f"{result.world}: no run has a {name}")
    return Comparison(result, name, pairs_of(result.agents, name, result.fixed_data))


def _reach(agent: AgentResult, values: Sequence[float]) -> Reach:
    known = [value for value in values if not math.isnan(value)]
    if agent.distinct < 2 or len(known) < 2:
        return Reach(math.nan, math.nan, math.nan)
    return Reach(min(known), max(known), tolerance_content(len(known)))


def _standing_row(one: Standing) -> dict[str, Any]:
    return {
        "agent": one.agent.name,
        "place": [one.best, one.worst],
        "runs": one.agent.distinct,
        "failed": len(one.agent.failed),
        "mean": one.mean._asdict(),
        "median": one.median._asdict(),
        "iqm": one.iqm._asdict(),
        "range": one.reach._asdict(),
    }


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    share = row.pop("improvement")
    return row | {"improvement": share["value"], "improvement_low": share["low"], "improvement_high": share["high"]}


def compare_all(results: Sequence[Result], metric: str = "") -> list[Comparison]:
    """Compare the agents of each result; those without the metric are left out, unless that is all of them."""
    found, refused = [], []
    for result in results:
        try:
            found.append(compare(result, metric))
        except SandboxError as error:
            refused.append(error)
    if not found and refused:
        raise refused[0]
    return found
