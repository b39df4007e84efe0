"""Every pair of agents on the seeds that both have: how they differ, how sure that is, what would settle it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sandbox.agent_result import AgentResult
from sandbox.comparison.blocks import paired_block_difference
from sandbox.comparison.centres import Estimate
from sandbox.comparison.intervals import Difference, paired_difference
from sandbox.comparison.pairs import checked_p, holm, improvement, seeds_to_settle
from sandbox.metrics import METRICS

if TYPE_CHECKING:
    from sandbox.curves import Curve

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


def pairs_of(agents: Sequence[AgentResult], metric: str, fixed: bool = False) -> list[Pair]:
    """Return every pair of agents in a metric; of runs that failed or have no value nothing is told but that.

    `fixed`: every seed meets the same data, so that a learner that repeats itself is one run, and no seed of another
    says how it would do on other data: such pairs are compared over time.
    """
    found = [_pair(a, b, metric, fixed) for i, a in enumerate(agents) for b in agents[i + 1 :]]
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


def _pair(a: AgentResult, b: AgentResult, metric: str, fixed: bool) -> Pair:
    x, y = on_common_seeds(a, b, metric)
    seeds = {run.seed for run in a.runs} & {run.seed for run in b.runs}
    failed = len({run.seed for agent in (a, b) for run in agent.failed} & seeds)
    if a.distinct == b.distinct == 1 or (fixed and 1 in (a.distinct, b.distinct)):
        return Pair(a.name, b.name, _over_time(a, b, metric), math.nan, _NOTHING, failed, True, None)
    share = improvement(x, y, METRICS[metric].better == "higher")
    return Pair(a.name, b.name, paired_difference(x, y), math.nan, share, failed, False, None)


def _over_time(a: AgentResult, b: AgentResult, metric: str) -> Difference:
    """Return the difference of two agents over stretches of the stream."""
    mean = a.interval(metric).mean - b.interval(metric).mean
    x, y = time_curve(a, metric), time_curve(b, metric)
    if x is None or y is None or not np.array_equal(x.step, y.step):
        return Difference(mean, math.nan, math.nan, math.nan, 1)
    return paired_block_difference(x.total, x.number, y.total, y.number)


def time_curve(agent: AgentResult, metric: str) -> Curve | None:
    """Return an agent's curve, the mean over its runs, if the metric is the curve's mean; of one seed, nothing."""
    signal = METRICS[metric].signal
    if signal is None or len(agent.done) < 2:
        return None
    runs = agent.done[:1] if agent.distinct == 1 else agent.done
    curves = [run.scores.curves.get(signal) for run in runs if run.scores is not None]
    known = [curve for curve in curves if curve is not None and curve.number.sum()]
    if len(known) < len(runs) or any(not np.array_equal(curve.step, known[0].step) for curve in known):
        return None
    for run, curve in zip(runs, known, strict=True):
        value = agent.values(metric)[agent.runs.index(run)]
        if not math.isclose(float(curve.total.sum() / curve.number.sum()), value, rel_tol=1e-9, abs_tol=1e-12):
            return None
    total, number = (np.mean([curve[k] for curve in known], axis=0) for k in (1, 2))
    return known[0]._replace(total=total, number=number)


def only_curve(agent: AgentResult, metric: str) -> Curve | None:
    """Return the curve of the run that an agent gave on every seed, if the metric is its mean; of one seed, nothing."""
    return time_curve(agent, metric) if agent.distinct == 1 else None


def pair_row(pair: Pair, metric: str) -> dict[str, Any]:
    """Return a pair as plain values."""
    told = pair.difference._asdict() | ({"p": math.nan} if pair.failed else {})
    return {
        "metric": metric, "a": pair.a, "b": pair.b, **told, "p_holm": pair.p_holm, "failed": pair.failed,
        "improvement": pair.improvement._asdict(), "over": "time" if pair.blocks else "seeds",
        "settled": pair.settled, "more_seeds": pair.more_seeds,
    }  # fmt: skip
