"""What the drift did, in plain words: how hard each learner was hit, who recovered, and how fast."""

from __future__ import annotations

import math

from sandbox.agent_result import AgentResult
from sandbox.recovery import Summary
from sandbox.report.amounts import counted, listed, rounded
from sandbox.report.facts import Facts
from sandbox.report.parts import Said

Hit = list[tuple[AgentResult, Summary]]


BACK = "as good as a copy of the learner that had always lived in the new world"


def drift_in_short(facts: Facts) -> str:
    """Return what the drift did to every learner, for a list of worlds; '' where nothing is known."""
    changes, told = facts.result.drifting.changes, _summaries(facts)
    if not changes or not told:
        return ""
    if len(changes) > 1:
        return f"The world changed {counted(len(changes), 'time')}. {' '.join(_many_changes(facts))}"
    firsts = [(agent, one[0]) for agent, one in told]
    hit = sorted(((agent, one) for agent, one in firsts if _is_hit(one)), key=lambda pair: -pair[1].drop.mean)
    rest = _spared(facts, [pair for pair in firsts if not _is_hit(pair[1])])
    at = f"at decision {changes[0][0]:,}"
    if not hit:
        return f"The change {at} hit no learner in more than half of its runs. {' '.join(rest)}".strip()
    only = "only " if len(hit) == 1 < len(firsts) else ""
    named = listed([f"{facts.called(agent)} ({_met(facts, one)})" for agent, one in hit])
    return " ".join([f"The change {at} hit {only}{named}.", *rest])


def _is_hit(one: Summary) -> bool:
    return 2 * one.at_risk > one.n


def _met(facts: Facts, one: Summary) -> str:
    """Say what an agent lost right after a change, and how many runs that were hit were back, and when."""
    lost = f"{rounded(one.drop.mean)} {_unit(facts)} lost at first"
    known = not math.isnan(one.median.median) and one.recovered and one.at_risk > 1
    half = f", half within {one.median.median:,.0f} decisions" if known else ""
    if one.recovered == one.at_risk == 1:
        half = f", within {one.median.median:,.0f} decisions"
    return f"{lost}; {one.recovered:,} of {counted(one.at_risk, 'run')} back{half}"


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
    hit = [(agent, one) for agent, one in firsts if _is_hit(one)]
    found = _spared(facts, [pair for pair in firsts if pair not in hit])
    if not hit:
        return found
    (worst, most), *rest = sorted(hit, key=lambda pair: -pair[1].drop.mean)
    others = ", ".join(f"{facts.called(agent)} {rounded(one.drop.mean)}" for agent, one in rest)
    what = "each decision of {} cost {} reward more" if facts.result.meta.priced else "an episode of {} earned {} less"
    lost = what.format(facts.called(worst), rounded(most.drop.mean))
    found.append(f"Right after, {lost} than if the world had always been so{f' (of {others})' if others else ''}.")
    return [*found[-1:], *_back(facts, hit), *_quickest(facts, hit), *found[:-1]]


def _spared(facts: Facts, others: Hit) -> list[str]:
    """Say who took little or no harm: at most half of the runs were hit."""
    none = [facts.called(agent) for agent, one in others if not one.at_risk]
    some = [(agent, one) for agent, one in others if one.at_risk]
    found = [f"No run of {listed(none, 'or')} was hit."] if none else []
    if some:
        only = "only " if all(4 * one.at_risk <= one.n for _, one in some) else ""
        (first, one), *rest = some
        verb = "was" if one.at_risk == 1 else "were"
        told = f"Of {facts.called(first)} {only}{one.at_risk:,} of {counted(one.n, 'run')} {verb} hit"
        found.append(", ".join([told, *(f"of {facts.called(a)} {o.at_risk:,} of {o.n:,}" for a, o in rest)]) + ".")
    return found


def _back(facts: Facts, hit: Hit) -> list[str]:
    """Say how many runs of each agent recovered, and in what time."""
    told = "; ".join(_back_of(facts.called(agent), one) for agent, one in hit)
    return [f"Of the runs that it hit, back again ({BACK}): {told}."]


def _back_of(name: str, one: Summary) -> str:
    if not one.recovered:
        return f"{name} in none of {counted(one.at_risk, 'run')}"
    runs = "its only one" if one.at_risk == 1 else f"{one.recovered:,} of {counted(one.at_risk, 'run')}"
    if math.isnan(one.median.median):
        return f"{name} in {runs}, the others not by the end"
    half = "" if one.at_risk == 1 else "half of all "
    return f"{name} in {runs}, {half}within {one.median.median:,.0f} decisions"


def _quickest(facts: Facts, hit: Hit) -> list[str]:
    """Say whether it is sure who was back first: whose interval of the median is apart from that of the quickest."""
    timed = [(agent, one.median) for agent, one in hit if not math.isnan(one.median.high)]
    if len(timed) < 2 or len(timed) < len(hit):
        return []
    (first, fastest), *rest = sorted(timed, key=lambda pair: pair[1].median)
    name = facts.called(first)
    later = [facts.called(agent) for agent, other in rest if fastest.high < other.low]
    close = [facts.called(agent) for agent, other in rest if not fastest.high < other.low]
    if not close:
        return [f"{name} is back first, beyond chance."]
    slower = f"; {listed(later)} {'is' if len(later) == 1 else 'are'} plainly slower than {name}" if later else ""
    return [f"Which of {listed([name, *close])} is back first may be chance{slower}."]


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
        if not facts.result.meta.priced:
            found.append(f"{name} was hit in {due:,} of {looked:,} cases (runs times changes) and back in {back:,}.")
            continue
        all_ = "all changes together cost" if cost >= 0 else "even so all changes together spared"
        found.append(
            f"{name} was hit in {due:,} of {looked:,} cases (runs times changes) and back before the next change in "
            f"{back:,} of them; {all_} it {rounded(abs(cost))} reward a run."
        )
    return found


def _unit(facts: Facts) -> str:
    return "reward a decision" if facts.result.meta.priced else "return an episode"


def _unknown(facts: Facts) -> str:
    return "Nothing can be said of the recovery: no run has enough decisions after the change."
