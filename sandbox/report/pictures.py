"""The figures of a report: each draws when it is asked to, one set of axes each, so that a phone can show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.agent_result import AgentResult
from sandbox.curves import Curve
from sandbox.metrics import METRICS
from sandbox.plots.looks import looks_of
from sandbox.plots.ranking import Bar, draw_differences, draw_standings, height_of
from sandbox.plots.recovery import draw_recovery, times_of
from sandbox.plots.waterfall import draw_waterfall
from sandbox.report.accounts import NAMES, Books, best_name
from sandbox.report.amounts import scaled, title_of, unit_of
from sandbox.report.facts import Facts
from sandbox.report.parts import Picture
from sandbox.result import Result
from sandbox.runs import Run
from sandbox.show.text import printable
from sandbox.yardsticks import is_yardstick

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE, HIGH = 4.2, 3.0  # inches; the page scales figures to what room there is
_POINTS = 100  # of a seed's line
_MOST_BARS = 15
_MOST_CHANGES = 3
_LONG = 22  # characters of a name, of which two stand in a figure side by side
_FAR = 4.0  # times the learners' range beyond which a yardstick is left out of a figure
_SEEN = 0.003  # of the longest bar: what is shorter cannot be seen, and is left to the table
_OPEN = "#777777"


def drawn_axes(high: float = HIGH) -> tuple[Figure, Axes]:
    """Return a figure of the page's width, and its axes."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(WIDE, high), layout="constrained")
    return drawn, drawn.subplots()


def colours_of(facts: Facts) -> dict[str, dict[str, Any]]:
    """Return each agent's colour and line style, by name."""
    names = [agent.name for agent in facts.result.agents]
    return dict(zip(names, looks_of(names), strict=True))


def thinned(result: Result) -> Result:
    """Return a result whose curves have at most 100 points each: what a figure of this size can show."""
    return replace(result, agents=[replace(agent, runs=[_thin(run) for run in agent.runs]) for agent in result.agents])


def _thin(run: Run) -> Run:
    if run.scores is None:
        return run
    curves = {name: thin_curve(curve, _POINTS) for name, curve in run.scores.curves.items()}
    return replace(run, scores=replace(run.scores, curves=curves))


def thin_curve(curve: Curve, points: int) -> Curve:
    """Return a curve with at most `points` points: sums are summed, the rest is as it stood at each point kept."""
    n = len(curve.step)
    if n <= points:
        return curve
    ends = np.unique(np.ceil(np.linspace(0, n, points + 1)[1:]).astype(np.int64)) - 1
    starts = np.append(0, ends[:-1] + 1)
    total, number = (np.add.reduceat(part, starts) for part in (curve.total, curve.number))
    return Curve(curve.step[ends], total, number, curve.windowed[ends], curve.fading[ends])


def curve_pictures(facts: Facts, prefix: str) -> list[Picture]:
    """Return the learning curves, a figure for each question."""
    from sandbox.plots.curves import draw_panel
    from sandbox.plots.panels import Panel, panels

    result, looks = thinned(facts.result), list(colours_of(facts).values())
    safe = replace(result, agents=[replace(agent, name=printable(agent.name)) for agent in result.agents])

    def drawing(panel: Panel) -> Figure:
        drawn, axes = drawn_axes()
        draw_panel(axes, panel, safe, looks)
        axes.set_title("")
        return drawn

    return [
        Picture(
            f"{prefix}-curve-{k}",
            panel.title,
            f"{panel.title} of each agent against decisions made: {' '.join(panel.unit.split())}",
            lambda panel=panel: drawing(panel),  # type: ignore[misc]
        )
        for k, panel in enumerate(panels(result))
        if any(agent.done for agent in result.agents)
    ]


def ledger_pictures(facts: Facts, books: dict[str, Books], prefix: str) -> list[Picture]:
    """Return a waterfall for each learner with accounts."""

    def drawing(agent: AgentResult) -> Figure:
        unit, accounts = books[agent.name]
        drawn, axes = drawn_axes(1.0 + 0.3 * len(accounts))
        least = _SEEN * max(abs(one.mean) for one in accounts.values())
        shown = {key: one for key, one in accounts.items() if key == "regret" or abs(one.mean) >= least}
        steps = [(NAMES[key], one.mean) for key, one in shown.items() if key in NAMES]
        draw_waterfall(
            axes,
            (best_name(accounts["best"].mean, facts.result.oracle), accounts["best"].mean),
            steps,
            ("earned", accounts["earned"].mean),
            unit,
        )
        return drawn

    shown = [agent for agent in facts.learners if books[agent.name].accounts][:_MOST_BARS]
    return [
        Picture(
            f"{prefix}-ledger-{k}",
            facts.called(agent),
            f"From the best possible to what {facts.called(agent)} earned, account by account",
            lambda agent=agent: drawing(agent),  # type: ignore[misc]
        )
        for k, agent in enumerate(shown)
    ]


def near(facts: Facts) -> list[AgentResult]:
    """Return the agents that fit into one figure: yardsticks far off the learners stay in the table."""
    ranked = [one.agent for one in facts.standings]
    means = {agent.name: agent.interval(facts.metric).mean for agent in ranked}
    own = [means[agent.name] for agent in ranked if not is_yardstick(agent.name)]
    if len(own) < 2:
        return ranked
    low, high = min(own), max(own)
    reach = _FAR * (high - low)
    return [a for a in ranked if not is_yardstick(a.name) or low - reach <= means[a.name] <= high + reach]


def ranking_pictures(facts: Facts, prefix: str) -> list[Picture]:
    """Return the standings, and the differences of pairs where there are any."""
    metric, shown = facts.metric, near(facts)[:_MOST_BARS]
    left = [one.agent for one in facts.standings if one.agent not in shown]
    bars, differences = _standings(facts, shown), _differences(facts, shown)
    unit = unit_of(metric)
    off = f" (too far off: {', '.join(facts.called(agent) for agent in left)})" if left else ""
    arrow = "more is better" if METRICS[metric].better == "higher" else "less is better"

    def drawing(which: Any, rows: list[Bar], told: str) -> Figure:
        drawn, axes = drawn_axes(height_of(len(rows)))
        which(axes, rows, told)
        return drawn

    found = []
    if bars:
        label = f"Mean {title_of(metric)} of each agent with its 95 % interval, and every run as a faint point{off}"
        found.append(Picture(f"{prefix}-standings", f"Means, intervals and every run{off}", label,
                             lambda: drawing(draw_standings, bars, f"{unit} ({arrow})")))  # fmt: skip
    if differences:
        label = "How much better the first of each pair is, with its 95 % interval; hollow and grey: not settled"
        found.append(Picture(f"{prefix}-pairs", "Differences of pairs (hollow, grey: not settled)", label,
                             lambda: drawing(draw_differences, differences, f"better by, {unit}")))  # fmt: skip
    return found


def _standings(facts: Facts, shown: Sequence[AgentResult]) -> list[Bar]:
    metric, looks = facts.metric, colours_of(facts)
    return [
        _bar(
            metric,
            squeezed(facts.called(one.agent), 2 * _LONG),
            one.mean,
            looks[one.agent.name]["color"],
            one.agent.values(metric),
        )
        for one in facts.standings
        if one.agent in shown
    ]


def _differences(facts: Facts, shown: Sequence[AgentResult]) -> list[Bar]:
    looks = colours_of(facts)
    leads = [lead for lead in facts.leads if lead.ahead in shown and lead.behind in shown][:_MOST_BARS]
    return [
        _bar(
            facts.metric,
            f"{squeezed(facts.called(lead.ahead), _LONG)} over {squeezed(facts.called(lead.behind), _LONG)}",
            (lead.by, lead.low, lead.high),
            looks[lead.ahead.name]["color"] if lead.pair.settled else _OPEN,
        )
        for lead in leads
    ]


def _bar(metric: str, label: str, told: Sequence[float], colour: str, seeds: Sequence[float] = ()) -> Bar:
    value, low, high = (scaled(metric, part) for part in told[:3])
    return Bar(printable(label), value, low, high, [scaled(metric, one) for one in seeds], colour)


def recovery_pictures(facts: Facts, prefix: str) -> list[Picture]:
    """Return the recovery curves of the first changes that hit anybody."""
    looks = colours_of(facts)
    by_change: dict[int, list[tuple[AgentResult, Any]]] = {}
    for agent in _drawn(facts):
        for runs in agent.by_change():
            if times_of(runs)[0]:
                by_change.setdefault(runs[0].change, []).append((agent, runs))

    def drawing(told: list[tuple[AgentResult, Any]]) -> Figure:
        drawn, axes = drawn_axes()
        draw_recovery(axes, [runs for _, runs in told], [looks[agent.name] for agent, _ in told])
        return drawn

    return [
        Picture(
            f"{prefix}-recovery-{k}",
            f"After the change at {change:,}",
            f"Of the runs that the change at decision {change:,} hit, the share not back yet, against decisions since",
            lambda change=change: drawing(by_change[change]),  # type: ignore[misc]
        )
        for k, change in enumerate(sorted(by_change)[:_MOST_CHANGES])
    ]


def squeezed(name: str, most: int) -> str:
    """Return a name of at most so many characters: a long one without its middle, since ends differ most.

    >>> squeezed("mine.py:Stubborn:choice=2", 12)
    'min…choice=2'
    """
    head = most // 4
    return name if len(name) <= most else f"{name[:head]}…{name[head + 1 - most :]}"


def who_was_hit(facts: Facts) -> list[str]:
    """Return what the agents are called whose recovery is drawn."""
    return [facts.called(agent) for agent in _drawn(facts)]


def _drawn(facts: Facts) -> list[AgentResult]:
    """Return the agents that a change hit in more than half of their runs, if there are any, else all that it hit."""
    shares = []
    for agent in facts.result.agents:
        told = [sum(one.at_risk for one in runs) / len(runs) for runs in agent.by_change()] if agent.done else []
        shares.append((agent, max(told, default=0.0)))
    return [agent for agent, share in shares if share > 0.5] or [agent for agent, share in shares if share]


def legend_of(facts: Facts) -> list[tuple[str, str, str]]:
    """Return each agent's name, colour and dashes (SVG's, '' for a full line)."""
    found = []
    for agent in facts.result.agents:
        look = colours_of(facts)[agent.name]
        found.append((facts.called(agent), look["color"], _dashes(look["linestyle"])))
    return found


def _dashes(style: Any) -> str:
    named = {"-": (), "--": (3.7, 1.6), "-.": (6.4, 1.6, 1.0, 1.6), ":": (1.0, 1.65)}  # matplotlib's, in line widths
    pattern = named[style] if isinstance(style, str) else style[1]
    return " ".join(f"{2 * part:g}" for part in pattern)
