"""Who is better in one world, and how sure that is: what `sandbox compare` says and a report is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sandbox.agent_result import AgentResult
from sandbox.comparison.blocks import block_interval, paired_block_difference
from sandbox.comparison.centres import Estimate, iqm_interval, median_interval
from sandbox.comparison.intervals import Difference, Interval, paired_difference
from sandbox.comparison.pairs import checked_p, holm, improvement, seeds_to_settle
from sandbox.errors import SandboxError, suggestion
from sandbox.frames import as_frame
from sandbox.learned import Learning, learning_of
from sandbox.metrics import METRICS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sandbox.curves import Curve
    from sandbox.result import Result

LEVEL = 0.05  # of the family of all pairs
_NOTHING = Estimate(math.nan, math.nan, math.nan, 0)


class Pair(NamedTuple):
    """Two agents on the same seeds. `difference`: mean of a - b. `p_holm`: its p value corrected for all pairs.

    `improvement`: the probability that a is better on a seed. `failed`: pairs of runs of which one failed; with any,
    there is no p value, since the seeds that are left are no fair sample. `blocks`: both always give the same run, so
    the difference is over stretches of time. `more_seeds`: how many more would settle
    it, 0 if it is settled, None if more than 1,000 or if seeds cannot.
    """

    a: str
    b: str
    difference: Difference
    p_holm: float
    improvement: Estimate
    failed: int
    blocks: bool
    more_seeds: int | None

    @property
    def settled(self) -> bool:
        """Whether one is better than the other, all pairs taken into account."""
        return self.p_holm <= LEVEL

    def ahead(self, higher: bool) -> tuple[str, str]:
        """Return the two agents, the one with the better mean first."""
        return (self.a, self.b) if (self.difference.mean > 0) == higher else (self.b, self.a)


class Standing(NamedTuple):
    """One agent's place: `best` and `worst` are the places that the pairs leave possible; 0 where it has no value."""

    agent: AgentResult
    best: int
    worst: int
    mean: Interval
    median: Estimate
    iqm: Estimate


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
            median = median_interval(values, np.random.default_rng(0))
            iqm = iqm_interval(values, np.random.default_rng(0))
        mean = self._mean(agent)
        there = not math.isnan(mean.mean)
        return Standing(agent, (1 + better) * there, (known - worse) * there, mean, median, iqm)

    def _mean(self, agent: AgentResult) -> Interval:
        curve = _only_curve(agent, self.metric)
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
    return Comparison(result, name, pairs_of(result.agents, name))


def pairs_of(agents: Sequence[AgentResult], metric: str) -> list[Pair]:
    """Return every pair of agents in a metric; of runs that failed or have no value nothing is told but that."""
    higher = METRICS[metric].better == "higher"
    found = [_pair(a, b, metric, higher) for i, a in enumerate(agents) for b in agents[i + 1 :]]
    told = holm([_p_value(agents, pair, metric) for pair in found])
    # What is open after the settled ones is left to a family of that size: Holm's last step.
    still = sum(p > LEVEL for p in told)
    corrected = []
    for pair, p in zip(found, told, strict=True):
        more = 0 if p <= LEVEL else None
        if p > LEVEL and not pair.blocks:
            more = seeds_to_settle(*_common(agents, pair, metric), LEVEL / still)
        corrected.append(pair._replace(p_holm=p, more_seeds=more))
    return corrected


def _p_value(agents: Sequence[AgentResult], pair: Pair, metric: str) -> float:
    """Return the p value with which a pair joins the family of all pairs, NaN if it has none."""
    if pair.failed:
        return math.nan
    return pair.difference.p if pair.blocks else checked_p(pair.difference.p, *_common(agents, pair, metric))


def _common(agents: Sequence[AgentResult], pair: Pair, metric: str) -> tuple[list[float], list[float]]:
    by_name = {agent.name: agent for agent in agents}
    return on_common_seeds(by_name[pair.a], by_name[pair.b], metric)


def on_common_seeds(a: AgentResult, b: AgentResult, metric: str) -> tuple[list[float], list[float]]:
    """Return the values of two agents on the seeds that both have, in the seeds' order."""
    own, other = (dict(zip((run.seed for run in agent.runs), agent.values(metric), strict=True)) for agent in (a, b))
    seeds = sorted(own.keys() & other.keys())
    return [own[seed] for seed in seeds], [other[seed] for seed in seeds]


def _pair(a: AgentResult, b: AgentResult, metric: str, higher: bool) -> Pair:
    x, y = on_common_seeds(a, b, metric)
    seeds = {run.seed for run in a.runs} & {run.seed for run in b.runs}
    failed = len({run.seed for agent in (a, b) for run in agent.failed} & seeds)
    if a.distinct == b.distinct == 1:
        return Pair(a.name, b.name, _over_time(a, b, metric), math.nan, _NOTHING, failed, True, None)
    difference = paired_difference(x, y, np.random.default_rng(0))
    return Pair(a.name, b.name, difference, math.nan, improvement(x, y, higher), failed, False, None)


def _over_time(a: AgentResult, b: AgentResult, metric: str) -> Difference:
    """Return the difference of two agents that always give the same run, over stretches of the stream."""
    mean = a.interval(metric).mean - b.interval(metric).mean
    x, y = _only_curve(a, metric), _only_curve(b, metric)
    if x is None or y is None or not np.array_equal(x.step, y.step):
        return Difference(mean, math.nan, math.nan, math.nan, 1)
    return paired_block_difference(x.total, x.number, y.total, y.number)


def _only_curve(agent: AgentResult, metric: str) -> Curve | None:
    """Return the curve of an agent's only distinct run, if the metric is its mean."""
    signal = METRICS[metric].signal
    if agent.distinct != 1 or signal is None:
        return None
    scores = agent.done[0].scores
    curve = scores.curves.get(signal) if scores is not None else None
    if curve is None or not curve.number.sum():
        return None
    mean = float(curve.total.sum() / curve.number.sum())
    return curve if math.isclose(mean, agent.values(metric)[agent.runs.index(agent.done[0])], rel_tol=1e-9) else None


def _standing_row(one: Standing) -> dict[str, Any]:
    return {
        "agent": one.agent.name,
        "place": [one.best, one.worst],
        "runs": one.agent.distinct,
        "failed": len(one.agent.failed),
        "mean": one.mean._asdict(),
        "median": one.median._asdict(),
        "iqm": one.iqm._asdict(),
    }


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    share = row.pop("improvement")
    return row | {"improvement": share["value"], "improvement_low": share["low"], "improvement_high": share["high"]}


def pair_row(pair: Pair, metric: str) -> dict[str, Any]:
    """Return a pair as plain values."""
    told = pair.difference._asdict() | ({"p": math.nan} if pair.failed else {})
    return {
        "metric": metric, "a": pair.a, "b": pair.b, **told, "p_holm": pair.p_holm, "failed": pair.failed,
        "improvement": pair.improvement._asdict(), "over": "time" if pair.blocks else "seeds",
        "settled": pair.settled, "more_seeds": pair.more_seeds,
    }  # fmt: skip


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
