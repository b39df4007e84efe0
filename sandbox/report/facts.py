"""What the words, tables and figures of a report all ask of a result: who is ahead, and what everybody is called."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from sandbox.agent_result import AgentResult
from sandbox.compared import Comparison, Standing, compare
from sandbox.errors import SandboxError
from sandbox.metrics import METRICS
from sandbox.paired import Pair
from sandbox.report.accounts import Books, books_of
from sandbox.result import Result
from sandbox.yardsticks import is_insider, is_yardstick


class Lead(NamedTuple):
    """A pair seen from who is ahead: `by` is how much better it is, at least 0, between `low` and `high`."""

    ahead: AgentResult
    behind: AgentResult
    by: float
    low: float
    high: float
    chance: float  # that it is better on a seed
    pair: Pair


class Facts:
    """A result as a report sees it; `metric`: by which agents are compared, '' for the result's own."""

    def __init__(self, result: Result, metric: str = "") -> None:
        self.result = result
        self.comparison: Comparison | None = None
        self.why_not = ""
        try:
            self.comparison = compare(result, metric)
        except SandboxError as error:
            self.why_not = str(error)
            if metric and metric not in METRICS:
                raise
        self.metric = self.comparison.metric if self.comparison is not None else metric or result.headline
        self.names = dict(
            zip((a.name for a in result.agents), short_names([a.name for a in result.agents]), strict=True)
        )

    def called(self, agent: AgentResult) -> str:
        """Return what an agent is called in this report."""
        return self.names[agent.name]

    @property
    def standings(self) -> list[Standing]:
        """The agents that have a value, the best first."""
        found = self.comparison.ranking if self.comparison is not None else []
        return [one for one in found if not math.isnan(one.mean.mean)]

    @property
    def learners(self) -> list[AgentResult]:
        """The agents that are no yardsticks, in the order of their values; those without one last."""
        ranked = [one.agent for one in self.standings]
        rest = [agent for agent in self.result.agents if agent not in ranked]
        return [agent for agent in (*ranked, *rest) if not is_yardstick(agent.name)]

    @property
    def yardsticks(self) -> list[AgentResult]:
        """The yardsticks, the best first."""
        return [one.agent for one in self.standings if is_yardstick(one.agent.name)]

    @cached_property
    def books(self) -> dict[str, Books]:
        """The ledger of every agent, by its name."""
        return {agent.name: books_of(agent, self.result.meta) for agent in self.result.agents}

    @cached_property
    def leads(self) -> list[Lead]:
        """Every pair with a known difference, from who is ahead: best against best first."""
        if self.comparison is None:
            return []
        place = {one.agent.name: k for k, one in enumerate(self.standings)}
        by_name = {agent.name: agent for agent in self.result.agents}
        found = [_lead(pair, by_name, self.comparison.higher) for pair in self.comparison.pairs]
        known = [lead for lead in found if not math.isnan(lead.by)]
        return sorted(known, key=lambda lead: sorted((place[lead.ahead.name], place[lead.behind.name])))

    def lead(self, a: AgentResult, b: AgentResult) -> Lead | None:
        """Return the pair of two agents."""
        return next((one for one in self.leads if {one.ahead.name, one.behind.name} == {a.name, b.name}), None)

    def below(self, agent: AgentResult) -> tuple[AgentResult, bool] | None:
        """Return the best yardstick with a better mean than an agent's, and whether that is settled; None if none has.

        The oracle is no yardstick here: nobody can beat it.
        """
        order = [one.agent for one in self.standings]
        better = order[: order.index(agent)] if agent in order else order
        found = next((other for other in better if is_yardstick(other.name) and not is_insider(other.name)), None)
        if found is None or is_yardstick(agent.name):
            return None
        lead = self.lead(agent, found)
        return found, lead is not None and lead.pair.settled


def _lead(pair: Pair, by_name: dict[str, AgentResult], higher: bool) -> Lead:
    mean, low, high = pair.difference[:3]
    sign = 1.0 if higher else -1.0
    a, b, chance = by_name[pair.a], by_name[pair.b], pair.improvement[0]
    if sign * mean < 0:
        a, b, sign, chance = b, a, -sign, 1.0 - chance
    low, high = sorted((sign * low, sign * high)) if not math.isnan(low) else (low, high)
    return Lead(a, b, sign * mean, low, high, chance, pair)


def short_names(names: Sequence[str]) -> list[str]:
    """Return what agents are called where space is short: without settings, where that tells them apart.

    >>> short_names(["q-learning:step_size=0.5", "mine.py:Mine:k=1", "river:StandardScaler() | GaussianNB()"])
    ['q-learning', 'Mine', 'GaussianNB']
    >>> short_names(["sarsa:step_size=0.1", "sarsa:step_size=0.5"])
    ['sarsa:step_size=0.1', 'sarsa:step_size=0.5']
    """
    found = list(names)
    for way in (_without_file, _base):
        told = [way(name) for name in names]
        many = Counter(told)
        found = [old if many[new] > 1 else new for old, new in zip(found, told, strict=True)]
    return found


def _without_file(name: str) -> str:
    first, _, rest = name.partition(":")
    return rest if first.endswith(".py") and rest else name


def _base(name: str) -> str:
    if name.startswith("river:"):
        return _without_arguments(name.removeprefix("river:")).split(" | ")[-1].rpartition(".")[2] or name
    first, *rest = name.split(":")
    return (rest[0] if first.endswith(".py") and rest else first) or name


def _without_arguments(text: str) -> str:
    """Return an expression without what stands in parentheses: its constructors' names alone."""
    depth, kept = 0, []
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if not depth and sign != ")":
            kept.append(sign)
    return " ".join("".join(kept).split()) or text
