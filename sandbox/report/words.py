"""What a report says first, in plain words: who is better at what, how sure that is, what a yardstick says of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sandbox.agent_result import AgentResult
from sandbox.metrics import METRICS
from sandbox.report.accounts import best_name
from sandbox.report.amounts import (
    among,
    amount,
    counted,
    digits_for,
    in_words,
    listed,
    measured,
    rounded,
    scaled,
    unit_of,
)
from sandbox.report.drift_words import BACK, drift_in_short, drift_words
from sandbox.report.facts import Facts, Lead
from sandbox.report.parts import Said
from sandbox.report.surprise import surprise_of
from sandbox.show.verdicts import p_text
from sandbox.yardsticks import is_insider, is_yardstick

_ONE = "it may be luck. An interval comes from stretches of that one run and says nothing of other seeds."
_SMALL = 0.02  # of the largest account: what is less is not told
# What each account is called where it took something, and where it gave something.
PHRASES = {
    "level": ("by the world becoming harder", "by the world becoming easier"),
    "start_luck": ("by unlucky starts", "by lucky starts"),
    "shift": ("by changes in the middle of episodes", "by changes in the middle of episodes"),
    "luck": ("by bad luck", "by good luck"),
    "regret": ("by its own mistakes", "by its own choices"),
    "open": ("by episodes cut short", "by episodes cut short"),
}
_FEW = 10  # runs under which an interval is to be taken with care
_MOST = 3  # pairs that are told one by one


def section_words(facts: Facts) -> list[Said]:
    """Return what a world's section says first."""
    found = [_done(facts), *_who(facts), *_loss(facts), *_yardsticks(facts), *drift_words(facts), *_troubles(facts)]
    surprise = surprise_of(facts)
    if surprise is not None:
        return [*found, Said("The largest surprise:", surprise.text)]
    return [*found, Said("Surprises:", "none of those that are looked for.")] if len(_ranked(facts)) > 1 else found


def report_words(all_facts: Sequence[Facts], titles: Sequence[str]) -> list[Said]:
    """Return what the report says first: all of a single world, else a sentence or two for each, by its title."""
    if len(all_facts) == 1:
        return section_words(all_facts[0])
    found = [Said(f"{title}:", _in_short(facts)) for facts, title in zip(all_facts, titles, strict=True)]
    if any(" back" in one.text for one in found):
        found.append(Said("“Back” means:", f"{BACK}."))
    for facts, title in zip(all_facts, titles, strict=True):
        one = surprise_of(facts)
        found += [Said(f"A surprise in {title}:", one.text)] if one is not None else []
    return found


def _done(facts: Facts) -> Said:
    """Say what was run."""
    result, learners = facts.result, facts.learners
    yard = [agent for agent in result.agents if is_yardstick(agent.name)]
    who = [counted(len(learners), "learner")] if learners else []
    who += [f"{counted(len(yard), 'yardstick')} ({listed([agent.name for agent in yard])})"] if yard else []
    seeds = max((len(agent.runs) for agent in result.agents), default=0)
    longest = max((agent.decisions for agent in result.agents), default=0.0)
    each = "each " if len(result.agents) > 1 else ""
    made = f"{each}made {longest:,.0f} decisions" if longest else f"{each}failed before the end of a run"
    times = f", {counted(seeds, 'time')} over with different seeds" if seeds > 1 else ", once"
    done = [agent for agent in learners if agent.done]
    if seeds > 1 and done and all(agent.distinct == 1 < len(agent.done) for agent in done):
        same = " on the same data" if "real data" in result.meta.why_unpriced else ""
        times = f": one run of each learner{same} counts (other seeds change nothing)"
        stretches = max((lead.pair.difference.n for lead in facts.leads if lead.pair.blocks), default=1)
        times += f"; what is sure comes from {stretches} stretches of it" if stretches > 1 else ""
    return Said("", f"In {result.world}, {listed(who)} {made}{times}.")


def _value(facts: Facts, agent: AgentResult) -> str:
    standing = next(one for one in facts.standings if one.agent is agent)
    return f"{measured(facts.metric, standing.mean)} {in_words(facts.metric)}"


def _ranked(facts: Facts) -> list[AgentResult]:
    """Return the learners that have a value, the best first."""
    known = {one.agent.name for one in facts.standings}
    return [agent for agent in facts.learners if agent.name in known]


def _who(facts: Facts) -> list[Said]:
    """Say who is best, and how sure that is."""
    ranked = _ranked(facts)
    if not ranked:
        if facts.standings:
            return [Said("No learner has a value here;", f"{facts.standings[0].agent.name} is a yardstick.")]
        return [Said("Nothing can be said of who is better:", facts.why_not or "no run was completed")]
    best, others = ranked[0], ranked[1:]
    name, better = facts.called(best), METRICS[facts.metric].better
    told = _value(facts, best)
    if not others:
        return [Said(f"{name}", f"had {told} ({better} is better). There is no other learner to compare it with.")]
    leads = [(other, facts.lead(best, other)) for other in others]
    beaten = [lead for _, lead in leads if lead is not None and lead.pair.settled]
    open_ = [(other, lead) for other, lead in leads if lead is None or not lead.pair.settled]
    if not open_:
        text = f"with {told} ({better} is better). {_beats(facts, beaten)}"
        return [Said(f"{name} did best,", text)]
    first = Said("No clear winner:", _tied(facts, best, open_, beaten, better))
    if len(open_) <= _MOST:
        rest = " ".join(_open(facts, best, other, lead) for other, lead in open_)
    else:
        rest = f"{name} cannot be told apart from {listed([facts.called(other) for other, _ in open_])}."
    return [first, Said("", f"{rest} {name} {_beats(facts, beaten)[3:]}" if beaten else rest)]


def _tied(
    facts: Facts, best: AgentResult, open_: Sequence[tuple[AgentResult, Lead | None]], beaten: list[Lead], better: str
) -> str:
    """Say who is not told apart from the best, with their values, and whom they beat."""
    top = [best, *(other for other, _ in open_)]
    means = [next(one.mean.mean for one in facts.standings if one.agent is agent) for agent in top]
    values = among([scaled(facts.metric, mean) for mean in means])
    told = listed([f"{facts.called(agent)} {value}" for agent, value in zip(top, values, strict=True)])
    text = f"{told} {in_words(facts.metric)} ({better} is better)"
    if not beaten:
        return f"{text}."
    behind = [lead.behind for lead in beaten]
    leads = [facts.lead(agent, other) for agent in top for other in behind]
    everyone = all(lead is not None and lead.pair.settled and lead.ahead in top for lead in leads)
    who = ("both" if len(top) == 2 else "all of them") if everyone else facts.called(best)
    beat = "beat" if everyone else "beats"
    return f"{text}; {who} {beat} {listed([facts.called(agent) for agent in behind])}."


def _beats(facts: Facts, leads: list[Lead]) -> str:
    """Say by how much, and how sure, somebody is better than others."""
    if not leads:
        return ""
    ways = {sure(lead.pair.p_holm) for lead in leads}
    if len(leads) > _MOST:
        least = min(leads, key=lambda lead: lead.by)
        told = listed([facts.called(lead.behind) for lead in leads])
        worst = max(lead.pair.p_holm for lead in leads)
        return f"It is better than {told}, by at least {_by(facts, least)} on average; that is {sure(worst)}."
    if len(ways) == 1:
        told = listed([f"than {facts.called(lead.behind)} by {_by(facts, lead)}" for lead in leads])
        return f"It is better {told}; that is {ways.pop()}."
    parts = [f"{_by(facts, lead)} better than {facts.called(lead.behind)}, {sure(lead.pair.p_holm)}" for lead in leads]
    return f"It is {'; '.join(parts)}."


def _by(facts: Facts, lead: Lead) -> str:
    by, low, high = (scaled(facts.metric, value) for value in (lead.by, lead.low, lead.high))
    percent = " percentage points" if unit_of(facts.metric).startswith("%") else ""
    if math.isnan(low) or low == high:
        return f"{amount(by)}{percent}"
    digits = digits_for(high - low)
    return f"{by:,.{digits}f}{percent} ({low:,.{digits}f} to {high:,.{digits}f})".replace("-", "−")


def sure(p: float) -> str:
    """Say how sure a difference is whose p value, corrected for all pairs, is `p`."""
    words = "practically certain" if p < 0.001 else "very sure" if p < 0.01 else "fairly sure"
    return f"{words} ({_p(p)})"


def _p(p: float) -> str:
    return f"p {'< 0.001' if p < 0.001 else '= ' + p_text(p)}"


def _open(facts: Facts, best: AgentResult, other: AgentResult, lead: Lead | None) -> str:
    """Say what is not settled between two, and what would settle it."""
    first, name = facts.called(best), facts.called(other)
    if lead is None:
        return f"Against {name} nothing is known."
    if best.distinct == other.distinct == 1:
        why = "each has only one run" if len(best.runs) == 1 else "every seed gives each of them the same run"
        if math.isnan(lead.low):
            return f"{first} is {_by(facts, lead)} better than {name}, but {why}: nothing says how sure that is."
        return f"{first} is {_by(facts, lead)} better than {name} over time, which may be chance ({why})."
    if lead.pair.failed:
        runs = counted(lead.pair.failed, "run")
        return f"Against {name} nothing is sure: {runs} of theirs failed, and those that are left are no fair sample."
    if math.isnan(lead.pair.p_holm):
        return f"Against {name} there are too few runs to say."
    if lead.by == 0.0:
        return f"{first} is exactly as good as {name}."
    more = lead.pair.more_seeds
    told = f"The lead of {first} on {name}, {_by(facts, lead)}, may be mere chance ({_p(lead.pair.p_holm)})"
    settle = f"about {counted(more or 0, 'more seed')} would settle it, if this difference is the true one"
    return f"{told}; {settle}." if more else f"{told}."


def _loss(facts: Facts) -> list[Said]:
    """Say what kept the best learner from the best possible: its own mistakes, luck, the world."""
    ranked = _ranked(facts)
    unit, accounts = facts.books[ranked[0].name] if ranked else ("", {})
    if not accounts:
        return []
    short = accounts["best"].mean - accounts["earned"].mean
    between = {key: one.mean for key, one in accounts.items() if key in PHRASES}
    large = {key: mean for key, mean in between.items() if abs(mean) >= _SMALL * max(map(abs, between.values()))}
    if short <= 0 or not large:
        return []
    took = [f"{rounded(-mean)} {PHRASES[key][0]}" for key, mean in large.items() if mean < 0]
    gave = [f"{rounded(mean)} {PHRASES[key][1]}" for key, mean in large.items() if mean > 0]
    name = best_name(accounts["best"].mean, facts.result.oracle if facts.result.meta.episodic else None)
    text = f"{facts.called(ranked[0])} fell {rounded(short)} {unit} short of the {name}: {listed(took)}"
    text += f"; it was given {listed(gave)}" if gave else ""
    small = "; the rest are small amounts, see the ledger" if len(large) < len(between) else ""
    return [Said("What it cost:", f"{text}{small}.")]


def _yardsticks(facts: Facts) -> list[Said]:
    """Say which learners do worse than a yardstick."""
    rivals = [agent for agent in facts.yardsticks if not is_insider(agent.name)]
    if not rivals or not facts.learners:
        return []
    below = [(agent, found) for agent in facts.learners if agent.done and (found := facts.below(agent))]
    if not below:
        alone, whole = len(facts.learners) == 1, all(agent.done for agent in facts.learners)
        which = "the yardstick" if len(rivals) == 1 else "every yardstick"
        them = "It does" if alone else "All learners do" if whole else "All learners that finished do"
        return [Said("", f"{them} better than {which} ({listed([agent.name for agent in rivals])}).")]
    told = [
        f"{facts.called(agent)} does worse than the yardstick {yard.name}"
        + ("" if settled else ", though that may be chance")
        for agent, (yard, settled) in below
    ]
    return [Said("Below a yardstick:", f"{'; '.join(told)}.")]


def _troubles(facts: Facts) -> list[Said]:
    """Say what makes all this less sure: failures, few runs, unknown prices."""
    result, found = facts.result, []
    if result.failed:
        by = [f"{len(a.failed)} of {len(a.runs)} of {facts.called(a)}" for a in result.agents if a.failed]
        text = f"{listed(by)}. They are counted and named below, not left out in silence."
        found.append(Said("Runs failed:", text))
    several = [agent.distinct for agent in facts.learners if agent.distinct > 1]
    if several and min(several) < _FEW:
        found.append(Said("Few runs:", f"with {min(several)}, intervals are wide and rest on assumptions."))
    if any(len(agent.runs) == 1 for agent in result.agents) and not several:
        found.append(
            Said(
                "One run each:",
                "it may be luck. An interval comes from stretches of that run and says nothing of other seeds.",
            )
        )
    if not result.meta.priced:
        text = (
            f"{result.meta.why_unpriced}. So skill and luck cannot be told apart, and a mistake here is a bad outcome."
        )
        found.append(Said("Decisions have no price here:", text))
    return found


def _in_short(facts: Facts) -> str:
    """Say who is best, how sure that is and what the drift did, in a sentence or two, for a list of worlds."""
    ranked = _ranked(facts)
    told = "" if ranked else "nothing can be said of learners."
    if ranked:
        best, leads = ranked[0], [(other, facts.lead(ranked[0], other)) for other in ranked[1:]]
        beaten = [lead for _, lead in leads if lead is not None and lead.pair.settled]
        open_ = [(other, lead) for other, lead in leads if lead is None or not lead.pair.settled]
        better = METRICS[facts.metric].better
        value = _value(facts, best).replace(f" {in_words(facts.metric)}", "").split(" (")[0]
        told = f"{facts.called(best)} {'is ahead with' if leads else 'had'} {value} {in_words(facts.metric)}"
        told += f" ({better} is better){'' if beaten else '.'}"
        if open_:
            told = f"No clear winner: {_tied(facts, best, open_, beaten, better)}"
        elif beaten:
            by = [f"{facts.called(one.behind)} by {_by(facts, one).split(' (')[0]}" for one in beaten]
            told += f", ahead of {listed(by)}; that is {sure(max(lead.pair.p_holm for lead in beaten))}."
    below = [facts.called(agent) for agent in facts.learners if agent.done and facts.below(agent)]
    told += f" Not better than a yardstick: {listed(below)}." if below else ""
    told += f" {counted(len(facts.result.failed), 'run')} failed." if facts.result.failed else ""
    return f"{told} {drift_in_short(facts)}".strip() or facts.why_not
