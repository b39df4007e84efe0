"""The tables of a report."""

from __future__ import annotations

import math

from sandbox.agent_result import AgentResult
from sandbox.comparison.intervals import Interval
from sandbox.comparison.learning import Speed
from sandbox.metrics import METRICS
from sandbox.recovery import Summary
from sandbox.report.accounts import HEADS, NAMES, Books, best_name
from sandbox.report.amounts import NONE, among, amount, counted, measured, scaled, title_of, unit_of
from sandbox.report.facts import Facts
from sandbox.report.parts import Table
from sandbox.show.verdicts import p_text, place_text, verdict
from sandbox.yardsticks import is_insider, is_yardstick

BELOW, ABOVE = "▼ below", "▲ above"


def ranking_table(facts: Facts) -> Table:
    """Return the ranking: places, three centres, runs, and the yardstick that an agent beats or not."""
    rows = []
    ranking = facts.comparison.ranking if facts.comparison is not None else []
    for one in ranking:
        agent = one.agent
        centres = [measured(facts.metric, part) for part in (one.mean, one.median, one.iqm)]
        rows.append(
            (facts.called(agent), place_text(one).replace("-", "–"), *centres, _runs(agent), _yardstick(facts, agent))
        )
    unit = f"{title_of(facts.metric)} ({unit_of(facts.metric)}, {METRICS[facts.metric].better} is better)"
    caption = f"Ranking by {unit}; in brackets 95 % intervals. Two places, as 1–2: which of them is not settled."
    head = ("agent", "place", "mean", "median", "mean of the middle half", "runs", "yardstick")
    return Table("ranking", caption, head, rows, left=(6,))


def _runs(agent: AgentResult) -> str:
    return f"{agent.distinct:,}" + (f" + {len(agent.failed):,} failed" if agent.failed else "")


def _yardstick(facts: Facts, agent: AgentResult) -> str:
    """Return whether an agent beats the yardsticks."""
    if is_yardstick(agent.name):
        return "is one"
    rivals = [one for one in facts.yardsticks if not is_insider(one.name)]
    if not rivals:
        return NONE
    if not agent.done:
        return f"{BELOW} all: no run was completed"
    found = facts.below(agent)
    if found is not None:
        return f"{BELOW} {found[0].name}" + ("" if found[1] else " (may be chance)")
    lead = facts.lead(agent, rivals[0])
    sure = lead is not None and lead.pair.settled
    return f"{ABOVE} {rivals[0].name if len(rivals) == 1 else 'all'}" + ("" if sure else " (may be chance)")


def pairs_table(facts: Facts) -> Table:
    """Return the difference of every pair."""
    comparison, rows = facts.comparison, []
    for lead in facts.leads:
        pair = lead.pair
        by = measured(facts.metric, (lead.by, lead.low, lead.high, pair.difference.n))
        chance = NONE if math.isnan(lead.chance) else f"{lead.chance:.0%}"
        names = f"{facts.called(lead.ahead)} over {facts.called(lead.behind)}"
        told = "" if comparison is None else verdict(comparison, pair)
        for agent in (lead.ahead, lead.behind):
            told = told.replace(agent.name, facts.called(agent))
        rows.append((names, by, p_text(pair.p_holm), chance, told))
    over = "on the same seeds"
    if facts.leads and all(lead.pair.blocks for lead in facts.leads):
        over = "over stretches of time, since every seed gives the same run"
    caption = f"Differences of pairs in {title_of(facts.metric)} ({unit_of(facts.metric)}), {over}."
    return Table(
        "pairs", caption, ("pair", "better by", "p (Holm)", "better on", "verdict"), rows, left=(4,), fold=len(rows) > 6
    )


def metrics_table(facts: Facts) -> Table:
    """Return the mean of every metric that the world has."""
    shown = facts.result.shown
    rows = [
        (facts.called(agent), *[cell_of(name, agent.interval(name)) + mark(facts, agent, name) for name in shown])
        for agent in facts.result.agents
    ]
    arrows = {"higher": " ↑", "lower": " ↓", "": ""}
    head = (
        "agent",
        *[f"{title_of(name)}{' %' if '%' in unit_of(name) else ''}{arrows[METRICS[name].better]}" for name in shown],
    )
    caption = "Means over runs with 95 % intervals; ↑ more is better, ↓ less is."
    if any(mark(facts, agent, name) for agent in facts.result.agents for name in shown):
        caption += " ▼: a yardstick's mean is better."
    if facts.result.meta.priced:
        other = "an unlucky outcome" if facts.result.meta.episodic else "a wrong label or bad luck"
        caption += f" A mistake is a choice that costs by the world's prices, not {other}."
    return Table("metrics", caption, head, rows)


def mark(facts: Facts, agent: AgentResult, metric: str) -> str:
    """Return a mark where the mean of a yardstick is better than an agent's, empty where none is."""
    return " ▼" if agent.done and facts.result.below_yardstick(agent, metric) else ""


def cell_of(metric: str, found: Interval) -> str:
    """Return a value with its interval, a whole number without one as a whole number."""
    value = scaled(metric, found.mean)
    alone = math.isnan(found.low) or found.low == found.high
    return f"{value:,.0f}".replace("-", "−") if alone and value.is_integer() else measured(metric, found)


def learning_table(facts: Facts) -> Table | None:
    """Return how fast every agent learned, None where the metric has no curve."""
    found = facts.comparison.learning if facts.comparison is not None else None
    if found is None:
        return None
    by_name = {agent.name: facts.called(agent) for agent in facts.result.agents}
    rows = [
        (by_name[one.agent], measured(facts.metric, one.area), *_pace(None if known is None else known.speed))
        for one in found.agents
        if not math.isnan(one.area.mean)
        for known in [found.of(one.agent)]
    ]
    told = found.threshold.told.rstrip(".")
    share = " (as a share: 1 is 100 %)" if METRICS[facts.metric].percent else ""
    caption = (
        f"How fast they learned. Level: mean height of the curve over the first {found.to:,.0f} decisions, in "
        f"{unit_of(facts.metric)}. {told[:1].upper()}{told[1:]}{share}. Half within: decisions until half of all runs "
        "had learned."
    )
    return Table("learning", caption, ("agent", "level", "runs that learned", "half within"), rows)


def _pace(speed: Speed | None) -> tuple[str, str]:
    if speed is None:
        return NONE, NONE
    runs = f"{round(speed.reached * speed.n):,} of {speed.n:,}"
    median, low, high = speed.median[:3]
    if math.isnan(median):
        return runs, NONE
    if math.isnan(low):
        return runs, f"{median:,.0f}"
    return runs, f"{median:,.0f} ({low:,.0f} {'or more' if not math.isfinite(high) else f'to {high:,.0f}'})"


def seeds_table(facts: Facts) -> Table:
    """Return the value of every run, by seed."""
    seeds = sorted({run.seed for agent in facts.result.agents for run in agent.runs})
    columns = []
    for agent in facts.result.agents:
        values = [scaled(facts.metric, value) for value in agent.values(facts.metric)]
        told = dict(zip((run.seed for run in agent.runs), among(values), strict=True))
        failed = {run.seed for run in agent.failed}
        columns.append(["failed" if seed in failed else told.get(seed, NONE) for seed in seeds])
    rows = [(f"{seed}", *[column[k] for column in columns]) for k, seed in enumerate(seeds)]
    head = ("seed", *[facts.called(agent) for agent in facts.result.agents])
    return Table("seeds", f"Every run: {title_of(facts.metric)} ({unit_of(facts.metric)}).", head, rows, fold=True)


def ledger_table(facts: Facts, books: dict[str, Books]) -> Table:
    """Return the accounts of every agent; `books`: by agent's name."""
    used = [key for key in ("best", *NAMES, "earned") if any(key in one.accounts for one in books.values())]
    heads, result = HEADS | NAMES, facts.result
    known = next((one.accounts["best"].mean for one in books.values() if one.accounts), math.nan)
    heads |= {"best": best_name(known, result.oracle if result.meta.episodic else None)}
    rows = []
    for agent in facts.result.agents:
        accounts = books[agent.name].accounts
        if accounts:
            cells = [measured("reward", accounts[key]) if key in accounts else "0" for key in used]
            rows.append((facts.called(agent), *cells))
    unit = next(iter(books.values())).unit
    caption = f"The ledger, in {unit}: the best possible and all accounts add up to what was earned."
    if result.meta.episodic:
        caption += " Earned counts unfinished episodes too, the return only whole ones."
    return Table("ledger", caption, ("agent", *[heads[key] for key in used]), rows)


def recovery_table(facts: Facts) -> Table:
    """Return how every agent came through every change."""
    rows = [
        (facts.called(agent), f"{one.change:,}", *_recovery(one))
        for agent in facts.result.agents
        if agent.done
        for one in agent.recoveries()
    ]
    head = ("agent", "change at", "drop", "runs hit", "back again", "half of these within", "cost of the change")
    priced = facts.result.meta.priced
    loss = "extra loss a decision right after, in reward" if priced else "return lost per episode right after"
    cost = "extra loss in all, in reward" if priced else "not known without prices"
    caption = (
        "Recovery, against the same run in a world that had always been as it is after the change. "
        f"Drop: {loss}. Half within: decisions. Cost: {cost}."
    )
    return Table("recovery", caption, head, rows, fold=len(rows) > 12)


def _recovery(one: Summary) -> tuple[str, ...]:
    if not one.n:
        return NONE, "unknown", NONE, NONE, NONE
    hit, back = f"{one.at_risk} of {one.n}", f"{one.recovered} of {one.at_risk}" if one.at_risk else NONE
    median = one.median
    if not one.at_risk:
        time = NONE
    elif math.isnan(median.median):
        time = f"more than {one.horizon:,.0f}"
    elif math.isnan(median.low) or math.isinf(median.high):
        time = f"{median.median:,.0f}" + (f" ({median.low:,.0f} or more)" if median.low == median.low else "")
    else:
        time = f"{median.median:,.0f} ({median.low:,.0f} to {median.high:,.0f})"
    return measured("reward", one.drop), hit, back, time, measured("reward", one.cost)


def settings_table(facts: Facts) -> Table:
    """Return the agents' full names and settings."""
    rows = []
    for agent in facts.result.agents:
        told = ", ".join(f"{key} = {' '.join(repr(value).split())}" for key, value in agent.settings.items())
        seeds = [run.seed for run in agent.runs]
        speed = agent.decisions_per_second
        how = "compiled" if not agent.why_plain else f"open loop: {agent.why_plain}"
        rows.append(
            (
                facts.called(agent),
                agent.name,
                told or NONE,
                seeds_text(seeds),
                how,
                amount(float(round(speed))) if speed == speed else NONE,
            )
        )
    head = ("agent", "as given", "settings", "seeds", "how it ran", "decisions a second")
    return Table("settings", "Agents, with everything that decides what they do.", head, rows, left=(1, 2, 3, 4))


def seeds_text(seeds: list[int]) -> str:
    """Return seeds as ranges: 0–9, 12."""
    parts: list[list[int]] = []
    for seed in sorted(seeds):
        if parts and seed == parts[-1][1] + 1:
            parts[-1][1] = seed
        else:
            parts.append([seed, seed])
    return ", ".join(f"{a}" if a == b else f"{a}–{b}" for a, b in parts)


def failures_table(facts: Facts) -> Table:
    """Return every failed run with its error."""
    rows = [(facts.called(agent), f"{run.seed}", run.error) for agent in facts.result.agents for run in agent.failed]
    caption = f"{counted(len(rows), 'failed run')}."
    return Table("failures", caption, ("agent", "seed", "error"), rows, left=(2,), fold=len(rows) > 5)
