"""What the drift did, in plain words: how hard each learner was hit, who recovered, and how fast."""

from __future__ import annotations

import math

from sandbox.agent_result import AgentResult
from sandbox.recovery import Summary
from sandbox.report.amounts import counted, listed, rounded
from sandbox.report.facts import Facts
from sandbox.report.parts import Said

Hit = list[tuple[AgentResult, Summary]]


def drift_in_short(facts: Facts) -> str:
    """Return a sentence on the drift for a list of worlds, '' where there was none."""
    changes = facts.result.drifting.changes
    told = [(agent, one[0]) for agent, one in _summaries(facts)] if len(changes) == 1 else []
    hit = [(agent, one) for agent, one in told if 2 * one.at_risk > one.n]
    if not hit:
        return "The drift harmed hardly anybody." if told else ""
    found = []
    for agent, one in sorted(hit, key=lambda pair: (math.isnan(pair[1].median.median), pair[1].median.median)):
        time = "more than was seen" if math.isnan(one.median.median) else rounded(one.median.median)
        found.append(f"{time} ({facts.called(agent)})")
    at = f"After the change at decision {changes[0][0]:,}"
    within = f"{found[0].replace(' (', ' decisions (')}" if len(found) == 1 else f"{listed(found)} decisions"
    return f"{at}, half of the runs that it hit were back to normal within {within}."


def drift_words(facts: Facts) -> list[Said]:
    """Return what is to say of the drift, nothing where there is none."""
    drifting = facts.result.drifting
    if not drifting.drift:
        return []
    if not drifting.changes:
        text = f"the world changes all the time, a little ({drifting.drift})."
        if drifting.never:
            text = f"the world was to change ({drifting.drift}), but only after the last decision of every run."
        return [Said("The drift:", text)]
    begin, complete = drifting.changes[0]
    when = f"at decision {begin:,}" + (f", by and by until {complete:,}" if complete > begin else "")
    if len(drifting.changes) > 1:
        when = f"{counted(len(drifting.changes), 'time')}, first {when}"
    told = _one_change(facts) if len(drifting.changes) == 1 else _many_changes(facts)
    return [Said("The drift:", " ".join([f"the world changed {when} ({drifting.drift}).", *told]))]


def _summaries(facts: Facts) -> list[tuple[AgentResult, list[Summary]]]:
    found = [(agent, [one for one in agent.recoveries() if one.n]) for agent in facts.learners if agent.done]
    return [(agent, told) for agent, told in found if told]


def _one_change(facts: Facts) -> list[str]:
    """Return sentences on a single change: who lost what, and when half of the runs were back."""
    told = _summaries(facts)
    if not told:
        return [_unknown(facts)]
    firsts = [(agent, one[0]) for agent, one in told]
    hit = [(agent, one) for agent, one in firsts if 2 * one.at_risk > one.n]
    found = _spared(facts, [pair for pair in firsts if pair not in hit])
    if not hit:
        return found
    (worst, most), *rest = sorted(hit, key=lambda pair: -pair[1].drop.mean)
    others = ", ".join(f"{facts.called(agent)} {rounded(one.drop.mean)}" for agent, one in rest)
    found.append(
        f"Right after, each decision of {facts.called(worst)} cost {rounded(most.drop.mean)} reward more than if the "
        f"world had always been so{f' (of {others})' if others else ''}."
    )
    return [*found[-1:], *_back(facts, hit), *_quickest(facts, hit), *found[:-1]]


def _spared(facts: Facts, others: Hit) -> list[str]:
    """Say who took little or no harm: in fewer than half of the runs did anything show."""
    none = [facts.called(agent) for agent, one in others if not one.at_risk]
    some = [f"{facts.called(agent)} ({one.at_risk} of {counted(one.n, 'run')})" for agent, one in others if one.at_risk]
    found = [f"{listed(none)} took no harm from it."] if none else []
    return found + ([f"Hardly harmed: {listed(some)}."] if some else [])


def _back(facts: Facts, hit: Hit) -> list[str]:
    """Say how many runs of each agent recovered, and in what time."""
    all_back = all(one.recovered == one.at_risk for _, one in hit)
    known = [(agent, one) for agent, one in hit if not math.isnan(one.median.median)]
    if all_back and known == hit:
        times = [f"{rounded(one.median.median)} ({facts.called(agent)})" for agent, one in hit]
        if len(hit) == 1:
            agent, one = hit[0]
            half = "" if one.at_risk == 1 else ", half of them"
            of = f"{one.at_risk:,} of {counted(one.n, 'run')} of {facts.called(agent)}"
            within = f"within {rounded(one.median.median)} decisions"
            return [f"That hit {of}, and all of these were back to normal{half} {within}."]
        return [f"All runs were back to normal, half of those of each learner within {listed(times)} decisions."]
    return [f"Back to normal: {'; '.join(_back_of(facts.called(agent), one) for agent, one in hit)}."]


def _back_of(name: str, one: Summary) -> str:
    if not one.recovered:
        return f"{name} in none of {counted(one.at_risk, 'run')}"
    runs = "its only run" if one.at_risk == 1 else f"{one.recovered} of {counted(one.at_risk, 'run')}"
    if math.isnan(one.median.median):
        return f"{name} in {runs}, the others not by the end"
    half = "" if one.at_risk == 1 else "half of all "
    return f"{name} in {runs}, {half}within {rounded(one.median.median)} decisions"


def _quickest(facts: Facts, hit: Hit) -> list[str]:
    """Say whether it is sure who was back first: whether intervals of the medians are apart."""
    timed = [(agent, one.median) for agent, one in hit if not math.isnan(one.median.high)]
    if len(timed) < 2 or len(timed) < len(hit):
        return []
    (first, fastest), *rest = sorted(timed, key=lambda pair: pair[1].median)
    if all(fastest.high < other.low for _, other in rest):
        return [f"{facts.called(first)} is back first, beyond chance."]
    return ["Which of them is back first may be chance."]


def _many_changes(facts: Facts) -> list[str]:
    """Return sentences on several changes: totals over all of them."""
    told = _summaries(facts)
    if not told:
        return [_unknown(facts)]
    found = []
    for agent, changes in told:
        due, back = sum(one.at_risk for one in changes), sum(one.recovered for one in changes)
        cost = math.fsum(one.cost.mean for one in changes if not math.isnan(one.cost.mean))
        name, looked = facts.called(agent), sum(one.n for one in changes)
        if not due:
            found.append(f"{name} took no harm from any of them.")
            continue
        all_ = "all changes together cost" if cost >= 0 else "even so all changes together spared"
        found.append(
            f"{name} was hit in {due:,} of {looked:,} cases (runs times changes) and back before the next change in "
            f"{back:,} of them; {all_} it {rounded(abs(cost))} reward a run."
        )
    return found


def _unknown(facts: Facts) -> str:
    if not facts.result.meta.priced:
        return "What that did to each decision cannot be priced here; look at the curves."
    return "Nothing can be said of the recovery: no run has enough decisions after the change."
