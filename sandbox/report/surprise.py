"""The largest surprise of a study: what a reader would not expect, the most startling first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from sandbox.agent_result import AgentResult
from sandbox.metrics import METRICS
from sandbox.report.amounts import amount, counted, rounded
from sandbox.report.facts import Facts, Lead

LOOKED_FOR = (
    "a learner below a yardstick, fewer mistakes but less reward, another order at the end, a lead by luck alone, "
    "no recovery where others recover, an agent that always fails"
)
_MUCH = 1.25  # times as many mistakes that are worth a word


class Surprise(NamedTuple):
    """A sentence, and how startling it is among others: only the order counts."""

    size: float
    text: str


def surprise_of(facts: Facts) -> Surprise | None:
    """Return the largest surprise, None if nothing stands out."""
    found = [*_failures(facts), *_below(facts), *_mistakes(facts), *_late(facts), *_luck(facts), *_lost(facts)]
    return max(found, key=lambda one: one.size, default=None)


def _failures(facts: Facts) -> Iterator[Surprise]:
    for agent in facts.learners:
        if agent.failed and not agent.done:
            many = "its only run" if len(agent.runs) == 1 else f"all {len(agent.runs)} runs"
            yield Surprise(90.0, f"{facts.called(agent)} did not get through: {many} failed.")


def _below(facts: Facts) -> Iterator[Surprise]:
    for agent in facts.learners:
        found = facts.below(agent) if agent.done else None
        if found is not None and found[1]:
            text = f"{facts.called(agent)} learns, and still does worse than {found[0].name}, which does not."
            yield Surprise(80.0, text)


def _sure_leads(facts: Facts) -> list[Lead]:
    learners = {agent.name for agent in facts.learners}
    return [one for one in facts.leads if one.pair.settled and {one.ahead.name, one.behind.name} <= learners]


def _mean(agent: AgentResult, metric: str) -> float:
    return agent.interval(metric).mean


def _mistakes(facts: Facts) -> Iterator[Surprise]:
    """Fewer mistakes and yet less reward: what counts is what mistakes cost."""
    if not facts.result.meta.priced or facts.metric not in ("return", "reward"):
        return
    for lead in _sure_leads(facts):
        more, fewer = _mean(lead.ahead, "mistakes"), _mean(lead.behind, "mistakes")
        if fewer > 0 and more > _MUCH * fewer:
            ahead, behind = facts.called(lead.ahead), facts.called(lead.behind)
            text = (
                f"{behind} makes fewer mistakes than {ahead} ({rounded(fewer)} a run against {rounded(more)}) and yet "
                f"earns less: its mistakes are dearer, {rounded(_each(lead.behind))} reward each against "
                f"{rounded(_each(lead.ahead))}."
            )
            yield Surprise(60.0 + min(9.0, more / fewer), text)


def _each(agent: AgentResult) -> float:
    """Return what a mistake cost on average."""
    return _mean(agent, "regret") / max(1.0, _mean(agent, "mistakes"))


def _late(facts: Facts) -> Iterator[Surprise]:
    """Who is ahead over the whole run is behind at its end."""
    final = {"return": "final_return", "reward": "final_reward"}.get(facts.metric)
    if final is None:
        return
    at_end = Facts(facts.result, final)
    for lead in _sure_leads(facts):
        late = at_end.lead(lead.ahead, lead.behind)
        if late is not None and late.pair.settled and late.ahead is lead.behind:
            a, b = facts.called(lead.ahead), facts.called(lead.behind)
            text = (
                f"{a} is better over the whole run, but in its last tenth {b} is: "
                f"{amount(_mean(lead.behind, final))} against {amount(_mean(lead.ahead, final))} {METRICS[final].unit}."
            )
            yield Surprise(70.0, text)


def _luck(facts: Facts) -> Iterator[Surprise]:
    """A lead that luck made: without it the order would be the other."""
    if not facts.result.meta.priced or facts.metric != "reward":
        return
    learners = {agent.name for agent in facts.learners}
    for lead in facts.leads[:1]:
        skill = _mean(lead.behind, "regret") - _mean(lead.ahead, "regret")
        luck = _mean(lead.ahead, "luck") - _mean(lead.behind, "luck")
        if {lead.ahead.name, lead.behind.name} <= learners and luck > 0 > skill and not lead.pair.settled:
            a, b = facts.called(lead.ahead), facts.called(lead.behind)
            text = f"{a} is ahead of {b} by luck alone: its decisions were worth {rounded(-skill)} reward a run less."
            yield Surprise(50.0, text)


def _lost(facts: Facts) -> Iterator[Surprise]:
    """Who never recovers, where another does."""
    told = [(agent, one) for agent in facts.learners for one in agent.recoveries(1) if one.at_risk]
    if not any(one.recovered == one.at_risk for _, one in told):
        return
    for agent, one in told:
        if not one.recovered and one.at_risk > 1 and not math.isnan(one.censored):
            runs = counted(one.at_risk, "run")
            text = f"{facts.called(agent)} never recovers from the change, in none of {runs}; others do."
            yield Surprise(65.0, text)
