"""A report out of results: a section for each world, and what its words mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sandbox.comparison.bands import tolerance_content
from sandbox.errors import SandboxError
from sandbox.plots.curves import BAND_FROM
from sandbox.report.accounts import HEADS, NAMES, TOLD, best_name
from sandbox.report.amounts import counted
from sandbox.report.facts import Facts
from sandbox.report.groups import groups_part
from sandbox.report.labels import labels_part
from sandbox.report.parts import Part, Report, Said, Section
from sandbox.report.pictures import (
    curve_pictures,
    ledger_pictures,
    legend_of,
    ranking_pictures,
    recovery_pictures,
    who_was_hit,
)
from sandbox.report.places import places_part
from sandbox.report.surprise import LOOKED_FOR
from sandbox.report.tables import (
    failures_table,
    learning_table,
    ledger_table,
    metrics_table,
    pairs_table,
    ranking_table,
    recovery_table,
    seeds_table,
    settings_table,
)
from sandbox.report.visits import visits_part
from sandbox.report.words import report_words, section_words
from sandbox.result import Result

GLOSSARY = [
    ("agent, learner, yardstick", "Whatever decides is an agent. A learner learns from what comes of its decisions; a "
     "yardstick is there to be measured by: random choices, always the commonest answer, a learner frozen or begun "
     "anew at the drift, or one that was told the law."),
    ("decision, episode", "A decision is one choice: a move, a label, a recommendation. An episode is a string of them "
     "from a start to an end, such as one walk to the goal; in some worlds every decision stands alone."),
    ("reward, return, price", "A reward is what the world pays for a decision; it may be negative. A return is the sum "
     "of an episode's rewards. Prices are known where the world's law says what each choice is worth on average."),
    ("final", "Over the last tenth of a run: how good it was in the end."),
    ("mean of the middle half", "The mean of runs without the best quarter and the worst (the interquartile mean): a "
     "few odd runs hardly move it."),
    ("run, seed", "A run is one agent in one world from the start. Runs with other seeds meet other chance; runs of "
     "several agents with the same seed meet the same chance, so their differences are fair."),
    ("gap, mistake, regret", "The gap of a decision is how much less it was worth than the best one, whatever came of "
     "it. A gap above a hundredth of the largest possible is a mistake, above a fifth a blunder. Regret is the sum of "
     "all gaps."),
    ("luck", "What chance added to, or took from, what a decision was worth. In the long run it is zero. "
     "Luck of the starts: episodes, or questions, that began better or worse than the average one."),
    ("cut short", "An episode that was not over when the run ended or its time was up: part of its reward was still "
     "to come."),
    ("feedback delayed=500", "What came of a decision is told to the agent only 500 decisions later."),
    ("95 % interval", "Made from many studies in this way, 95 of 100 such intervals would hold the true mean. An "
     "interval of a difference that does not hold 0 speaks for a real difference."),
    ("p (Holm)", "How often chance alone would show a difference like this if there were none, corrected for the "
     "number of pairs that were looked at. Up to 0.05 counts as settled here."),
    ("surprise", f"What a reader would not expect. Looked for are {LOOKED_FOR}."),
    ("drift, recovery, back", "Drift is a change of the world's law that nobody is told of. An agent has recovered, or "
     "is back, when its decisions are as good as those of its twin, which lived in the new world from the start."),
]  # fmt: skip


def report_of(results: Sequence[Result], metric: str = "") -> Report:
    """Return the report of results, a section each; `metric`: by which agents are compared, '' for each world's own."""
    all_facts = [Facts(result, metric) for result in results]
    if metric and all(facts.comparison is None for facts in all_facts):
        raise SandboxError(all_facts[0].why_not)
    worlds = list(dict.fromkeys(result.world for result in results))
    title = worlds[0] if len(worlds) == 1 else f"{counted(len(results), 'study', 'studies')}"
    titles = titles_of(results)
    pairs = zip(all_facts, titles, strict=True)
    sections = [_section(facts, name, f"s{k}", len(all_facts) == 1) for k, (facts, name) in enumerate(pairs, 1)]
    return Report(f"Report: {title}", report_words(all_facts, titles), sections, GLOSSARY)


def titles_of(results: Sequence[Result]) -> list[str]:
    """Return what each study is called: its world, and what else tells it from another study of the same world."""
    ways: list[Callable[[Result], str]] = [
        lambda result: result.world,
        lambda result: f"{result.world}, {result.drifting}" if str(result.drifting) else f"{result.world}, no drift",
        lambda result: f"{result.world}, {'; '.join(filter(None, (str(result.drifting), _length(result))))}",
    ]
    found = [""] * len(results)
    for way in ways:
        told = [way(result) for result in results]
        found = [old if old and found.count(old) == 1 else new for old, new in zip(found, told, strict=True)]
    return [name if found.count(name) == 1 else f"{name} ({k})" for k, name in enumerate(found, 1)]


def _length(result: Result) -> str:
    limits = [f"{number:,} {unit}" for unit, number in result.budget.items() if number]
    return " or ".join(limits).replace("steps", "decisions")


def _section(facts: Facts, title: str, prefix: str, alone: bool) -> Section:
    result = facts.result
    parts = [_curves(facts, prefix), _ranking(facts, prefix), _ledger(facts, prefix)]
    places = places_part(facts, prefix)
    labels = labels_part(facts, prefix)
    groups = groups_part(facts, prefix)
    parts += [part for part in (places, labels, groups) if part is not None]
    parts += [_recovery(facts, prefix)] if result.drifting.drift else []
    visits = visits_part(facts, prefix)
    parts += [visits] if visits is not None else []
    parts += [_caveats(facts, prefix)] if result.warnings() else []
    return Section(
        prefix,
        title,
        _terms(result),
        [] if alone else section_words(facts),
        [*parts, _made(facts, prefix)],
    )


def _terms(result: Result) -> list[tuple[str, str]]:
    """Return what was asked of the world, as short facts."""
    seeds = max((len(agent.runs) for agent in result.agents), default=0)
    found = [("a run", _length(result)), ("seeds", f"{seeds:,}")]
    found += [("drift", result.drifting.drift)] if result.drifting.drift else []
    own, asked = result.meta.answers, result.drifting.feedback
    found += [("feedback", asked if not own else own if asked == "immediate" else f"{own}; on top {asked}")]
    found.append(("prices", "known" if result.meta.priced else "unknown (unpriced)"))
    return [(name, told) for name, told in found if told]


def _curves(facts: Facts, prefix: str) -> Part:
    result = facts.result
    told = "Thick lines are means over runs, thin ones are the runs themselves."
    least = min((agent.distinct for agent in facts.learners if agent.distinct > 1), default=0)
    if least:
        content = 100 * tolerance_content(least)
        told += f" Between the outermost of {least} runs lie, at any one point, at least {content:.0f} % of all runs"
        told += " that there could be (95 % sure)."
    if any(agent.distinct >= BAND_FROM for agent in result.agents):
        told += " A shaded band is 95 % sure to hold the whole mean curve."
    if result.drifting.changes:
        told += " Dotted upright lines are changes of the world."
    if result.oracle:
        told += " “Best possible” is what a player would earn who knows the law of the world."
    if not result.meta.priced:
        told += " Mistakes are bad outcomes here and include bad luck: this world has no prices."
    return Part(
        f"{prefix}-curves", "How they learned", [Said("", told)], curve_pictures(facts, prefix), [metrics_table(facts)],
        legend_of(facts),
    )  # fmt: skip


def _ranking(facts: Facts, prefix: str) -> Part:
    said = [Said("", facts.why_not)] if facts.why_not else []
    tables = [ranking_table(facts)] if facts.comparison is not None else []
    tables += [pairs_table(facts)] if facts.leads else []
    learning = learning_table(facts)
    tables += [learning] if learning is not None and learning.rows else []
    pictures = ranking_pictures(facts, prefix)
    return Part(
        f"{prefix}-ranking", "Who is better, and how sure that is", said, pictures, [*tables, seeds_table(facts)]
    )


def _ledger(facts: Facts, prefix: str) -> Part:
    result = facts.result
    title = "Where the reward went"
    if not result.meta.priced:
        told = f"Unpriced: {result.meta.why_unpriced}. So nobody knows what the best decision would have been worth."
        return Part(f"{prefix}-ledger", title, [Said("", told)])
    books = facts.books
    if not any(one.accounts for one in books.values()):
        told = "No run was completed." if not any(agent.done for agent in result.agents) else (
            "This world discounts later rewards: its books are in discounted reward and do not add up to plain ones."
        )  # fmt: skip
        return Part(f"{prefix}-ledger", title, [Said("", told)])
    used = dict.fromkeys(key for one in books.values() for key in one.accounts if key in NAMES)
    said = [Said("", "From the best that could be expected, account by account, to what was earned.")]
    known = next(one.accounts["best"].mean for one in books.values() if one.accounts)
    heads = HEADS | {"best": best_name(known, result.oracle if result.meta.episodic else None)}
    defined = [(NAMES.get(key, heads.get(key, key)), TOLD[key]) for key in TOLD if key in used or key in HEADS]
    pictures, tables = ledger_pictures(facts, books, prefix), [ledger_table(facts, books)]
    return Part(f"{prefix}-ledger", title, said, pictures, tables, defined=defined)


def _recovery(facts: Facts, prefix: str) -> Part:
    title, told = (
        "How they met the drift",
        "A run that falls back no more than a mistake's worth is not counted as hit.",
    )
    table, pictures = recovery_table(facts), recovery_pictures(facts, prefix)
    if not table.rows:
        told = "There is no recovery to measure: no run saw a change that was complete in time, or nothing has a price."
    drawn = [line for line in legend_of(facts) if line[0] in who_was_hit(facts)]
    tables, legend = [table] if table.rows else [], drawn if pictures else []
    return Part(f"{prefix}-recovery", title, [Said("", told)], pictures, tables, legend)


def _caveats(facts: Facts, prefix: str) -> Part:
    said = [Said("", text) for text in facts.result.warnings() if not text.startswith("failed: ")]
    tables = [failures_table(facts)] if facts.result.failed else []
    return Part(f"{prefix}-caveats", "What to mind", said, [], tables)


def _made(facts: Facts, prefix: str) -> Part:
    result = facts.result
    said = []
    if result.versions:
        told = ", ".join(f"{name} {version}" for name, version in result.versions.items())
        said.append(Said("Versions:", f"{told}."))
    if not result.commands:
        said.append(Said("Command:", "not on record; the runs were asked for in Python, or without a store."))
    return Part(
        f"{prefix}-made", "How this was made", said, [], [settings_table(facts)], commands=list(result.commands)
    )
