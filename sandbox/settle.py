"""Run until it is settled: seeds in groups, until every pair of agents is told apart or the most seeds are run."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Any

import numpy as np

from sandbox.agent_result import AgentResult
from sandbox.comparison.intervals import paired_difference
from sandbox.comparison.sequential import Pair, Sequential
from sandbox.errors import SandboxError, suggestion
from sandbox.metrics import METRICS
from sandbox.result import Result
from sandbox.show.numbers import number
from sandbox.workers import Workers, cores

GROUP = 5  # seeds that are added at a time
MOST = 50  # seeds of each agent, if nobody says otherwise
LEVEL = 0.05
_LEAST = 2 * GROUP  # fewer can settle nothing: of 5 pairs of runs, one in 16 goes all one way by chance
_CAUTION = (
    "seeds were added until it was settled who is better; what is settled takes that into account, "
    "intervals and p values do not"
)


@dataclass(frozen=True)
class Settled:
    """What was settled between the agents of `result`, by `metric`.

    `better`: for every settled pair, who is better, who is worse, and after how many seeds of each that was clear.
    `open`: the pairs that `seeds` seeds did not settle. `refused`: those that no seeds can settle, and why.
    """

    result: Result
    metric: str
    seeds: int
    better: list[tuple[str, str, int]] = field(default_factory=list)
    open: list[Pair] = field(default_factory=list)
    refused: dict[Pair, str] = field(default_factory=dict)
    left_out: dict[Pair, int] = field(default_factory=dict)

    def words(self) -> list[str]:
        """Return a line for each pair: who is better and after how many seeds, or what can be said instead."""
        told = []
        for a, b, seeds in self.better:
            lost = self.left_out.get((a, b), 0) + self.left_out.get((b, a), 0)
            but = f", leaving out {lost} where a run failed" if lost else ""
            told.append(f"{a} is better than {b} in {self.metric}: settled after {seeds} seeds{but}")
        told += [self._open(a, b) for a, b in self.open]
        return told + [f"{a} and {b} cannot be settled by seeds: {why}" for (a, b), why in self.refused.items()]

    def _open(self, a: str, b: str) -> str:
        by_name = {agent.name: agent for agent in self.result.agents}
        x, y = (by_name[name].values(self.metric) for name in (a, b))
        found = paired_difference(x, y)
        told = f"{a} and {b} are not settled in {self.metric} after {self.seeds} seeds"
        if found.n < 2:
            return f"{told}: there are not two seeds on which both have a score"
        reach, lost = max(abs(found.low), abs(found.high)), self.left_out.get((a, b), 0)
        told += f" (leaving out {lost} where a run failed)" if lost else ""
        if not reach:
            return f"{told}: they score the same on every seed"
        return f"{told}: a difference of more than {number(reach)} either way is unlikely (95 % interval)"

    def noted(self) -> Result:
        """Return the result with what was settled among its notes."""
        return replace(self.result, notes=[*self.words(), *self.result.notes])

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values, for a JSON document."""
        return {
            "metric": self.metric,
            "seeds": self.seeds,
            "better": [{"better": a, "worse": b, "after_seeds": seeds} for a, b, seeds in self.better],
            "open": [list(pair) for pair in self.open],
            "refused": [{"a": a, "b": b, "why": why} for (a, b), why in self.refused.items()],
            "words": self.words(),
        }


def most_seeds(until: str, seeds: object, agents: int) -> int:
    """Return the most seeds to run until it is settled; refuse what never can be. `agents`: their number."""
    if until != "settled":
        near = suggestion(str(until), ["settled"]) or "; there is 'settled'"
        raise SandboxError(f"there is no until={until!r}{near}")
    if seeds is None:
        seeds = MOST
    if not isinstance(seeds, Integral):
        raise SandboxError("until it is settled seeds are added from 0 on: give the most of them, a number")
    if int(seeds) < _LEAST:
        raise SandboxError(
            f"{seeds} seeds settle nothing: they come in groups of {GROUP}, at least {_LEAST} are needed"
        )
    if agents < 2:
        raise SandboxError("one agent has nobody to be settled with: give two or more")
    return int(seeds)


def run_until_settled(
    run_group: Callable[[range], Result],
    rng: np.random.Generator,
    *,
    metric: str = "",
    group: int = GROUP,
    most: int = MOST,
    level: float = LEVEL,
) -> Settled:
    """Run groups of seeds, from 0, until every pair of agents is settled in `metric` or `most` seeds are run.

    `run_group` runs all agents for the seeds that it is given. `metric`: '' for the one that agents are ordered by. The
    probability that any equal pair is called settled is at most `level`, however often it was looked at
    (`sandbox.comparison.sequential`, paired by seed). Failed runs say nothing of who is better; their seeds are left
    out. Pairs that always repeat the same run cannot be settled.
    """
    result = run_group(range(min(group, most)))
    metric = metric or result.headline
    if metric not in METRICS or not METRICS[metric].better:
        raise SandboxError(f"{metric!r} is no metric that says who is better{suggestion(metric, METRICS)}")
    names = [agent.name for agent in result.agents]
    refused = _refused(result.agents, metric)
    pairs = [pair for pair in itertools.combinations(names, 2) if pair not in refused]
    if not pairs:
        return Settled(result, metric, len(result.agents[0].runs), refused=refused)
    test = Sequential(names, math.ceil(most / group), rng, level=level, pairs=pairs)
    test.update(_scores(result, metric, 0))
    while not test.done:
        seeds = test.look * group
        result = _joined(result, run_group(range(seeds, min(seeds + group, most))))
        test.update(_scores(result, metric, seeds))
    seeds, higher = min(test.look * group, most), METRICS[metric].better == "higher"
    better = [
        (*(pair if (verdict == "larger") == higher else pair[::-1]), min(test.decided_at[pair] * group, most))
        for pair, verdict in test.decisions.items()
        if pair in test.decided_at
    ]
    return Settled(result, metric, seeds, better, test.undecided, refused, test.left_out)


def settle_study(study: Callable[..., Result], *, most: int = MOST, jobs: int | None = None) -> Settled:
    """Settle the agents of `study`, which is `run_study` with all but its seeds; `jobs`: its worker processes.

    The same study again finds its runs, and settles the same after as many seeds.
    """
    with Workers(max(1, jobs if jobs is not None else cores())) as workers:

        def run_group(seeds: range) -> Result:
            return study(seeds=seeds, recorded=range(seeds.stop), workers=workers)

        found = run_until_settled(run_group, np.random.default_rng(0), most=most)
    return replace(found, result=replace(found.result, notes=[*found.result.notes, _CAUTION]))


def _scores(result: Result, metric: str, since: int) -> dict[str, Sequence[float]]:
    return {agent.name: agent.values(metric)[since:] for agent in result.agents}


def _refused(agents: Sequence[AgentResult], metric: str) -> dict[Pair, str]:
    """Return the pairs that more seeds will not settle, as the first group shows, and why."""
    nothing = {agent.name for agent in agents if all(math.isnan(value) for value in agent.values(metric))}
    found = {}
    for a, b in itertools.combinations(agents, 2):
        without = next((agent for agent in (a, b) if agent.name in nothing), None)
        if without is not None:
            why = "no run of it has one" if without.done else "every run of it failed"
            found[a.name, b.name] = f"{without.name} has no {metric}: {why}"
        elif a.distinct == b.distinct == 1:
            found[a.name, b.name] = "each gives the same run on every seed, so more of them say nothing new"
    return found


def _joined(first: Result, second: Result) -> Result:
    """Return the runs of two results of one study, for other seeds, as one result."""
    agents = [
        AgentResult(a.name, a.settings, a.runs + b.runs, a.trained | b.trained)
        for a, b in zip(first.agents, second.agents, strict=True)
    ]
    longest = max((first, second), key=lambda one: max(agent.decisions for agent in one.agents))
    notes = list(dict.fromkeys(first.notes + second.notes))
    lost = list(dict.fromkeys(first.lost + second.lost))
    found = first.found + second.found
    return replace(second, agents=agents, notes=notes, lost=lost, found=found, drifting=longest.drifting)
