"""Labels and probabilities in a report: what accuracy does not say of those who choose labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sandbox.agent_result import AgentResult
from sandbox.metrics import METRICS
from sandbox.plots.reliability import bins_of, draw_reliability
from sandbox.report.amounts import NONE, measured, title_of, unit_of
from sandbox.report.facts import Facts
from sandbox.report.parts import Part, Picture, Said, Table
from sandbox.report.pictures import colours_of, drawn_axes, legend_of
from sandbox.report.tables import mark
from sandbox.show.text import printable
from sandbox.table import FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PROBABILITIES = ("brier", "calibration_error", "roc_auc")
_LABELS = ("accuracy", "g_mean", "kappa", "kappa_temporal", "kappa_majority")
SIDES = ("false_positive_rate", "false_negative_rate", "lam", "roca_error")  # each has a final_ one too
_MOST_LINES = 6
_ARROWS = {"higher": " ↑", "lower": " ↓", "": ""}
_DEFINED = [
    ("Brier, calibration error", "How far probabilities were from what happened: the mean squared distance, and the "
     "mean distance between confidence and share of right choices."),
    ("ROC AUC", "How often a question of the second label was given a higher probability of it than one of the first."),
    ("G-mean", "The geometric mean of how often each label was recognised: 0 if one never is."),
    ("kappa", "Accuracy beyond a rule that knows nothing, as a share of what that rule leaves to be won: labels drawn "
     "as often as they were chosen; the last label again (temporal); the commonest label so far (majority)."),
    ("hm, sm, lam, 1-ROCA", "The measures of the TREC spam track, for any two labels: how much of the first label, and "
     "of the second, was not recognised; the two together, averaged in log odds; and the area above the ROC curve."),
]  # fmt: skip


def labels_part(facts: Facts, prefix: str) -> Part | None:
    """Return what there is to say of labels beyond accuracy, None where choices are no labels."""
    if facts.result.meta.task != "classification" or not any(agent.done for agent in facts.result.agents):
        return None
    tables = [_table(facts, "labels", (*_LABELS, *_PROBABILITIES), "Labels and probabilities beyond accuracy")]
    if facts.result.meta.n_choices == 2:
        first, second = (str(label) for label in facts.result.meta.labels[:2])
        caption = f"Errors by label, over all and over the last tenth; hm: of {first}, sm: of {second}"
        tables.append(_table(facts, "sides", tuple(part + name for part in ("", "final_") for name in SIDES), caption))
    return Part(
        f"{prefix}-labels", "Labels and probabilities", _said(facts), _pictures(facts, prefix),
        [table for table in tables if len(table.head) > 1], defined=_DEFINED,
        legend=[line for line in legend_of(facts) if line[0] in {facts.called(agent) for agent, _ in _sure(facts)}],
    )  # fmt: skip


def _table(facts: Facts, name: str, metrics: tuple[str, ...], caption: str) -> Table:
    agents = [agent for agent in facts.result.agents if agent.done]
    shown = [metric for metric in metrics if any(agent.interval(metric).n for agent in agents)]
    rows = [
        (facts.called(agent), *[_cell(agent, metric) + mark(facts, agent, metric) for metric in shown])
        for agent in agents
    ]
    head = ("agent", *[f"{_title(m)}{' %' if '%' in unit_of(m) else ''}{_ARROWS[METRICS[m].better]}" for m in shown])
    return Table(
        name,
        f"{caption}. Means over runs with 95 % intervals; ↑ more is better, ↓ less is; ▼: a yardstick's is better.",
        head,
        rows,
    )


def _cell(agent: AgentResult, metric: str) -> str:
    found = agent.interval(metric)
    return measured(metric, found) if found.n else NONE


def _title(metric: str) -> str:
    """Return the short name that the literature has, else a metric's own."""
    final, name = metric.startswith("final_"), metric.removeprefix("final_")
    short = {"false_positive_rate": "hm", "false_negative_rate": "sm", "roca_error": "1-ROCA", "roc_auc": "ROC AUC"}
    return ("final " if final else "") + short.get(name, title_of(name))


def _said(facts: Facts) -> list[Said]:
    """Say where the whole run and its last tenth disagree on who is best, and who is worse than a rule."""
    agents, found = [agent for agent in facts.learners if agent.done], []
    for metric in SIDES:
        whole, final = _best(agents, metric), _best(agents, f"final_{metric}")
        if whole is not None and final is not None and whole is not final:
            found.append(Said(f"{_title(metric)}:", f"{facts.called(whole)} is best over the whole run, "
                              f"{facts.called(final)} over its last tenth (see intervals)."))  # fmt: skip
    # A day's alerts are so many, whatever is right: labels are no aim there.
    beaten = [facts.called(agent) for agent in agents if agent.interval("kappa_temporal").mean < 0.0]
    if beaten and not facts.result.meta.extras:
        told = f"{', '.join(beaten)}: the last label said again would have been right more often."
        found.append(Said("Right less often than who does not learn:", told))
    return found


def _best(agents: list[AgentResult], metric: str) -> AgentResult | None:
    """Return the agent of the least mean, None where there are not two to choose from or they are level."""
    means = sorted(((agent.interval(metric).mean, k) for k, agent in enumerate(agents)), key=lambda pair: pair)
    known = [pair for pair in means if not math.isnan(pair[0])]
    return agents[known[0][1]] if len(known) > 1 and known[0][0] < known[1][0] else None


def _sure(facts: Facts) -> list[tuple[AgentResult, FloatArray]]:
    """Return the agents whose confidence is drawn, and their bins."""
    found = [(agent, bins_of(agent)) for agent in (*facts.learners, *facts.yardsticks)]
    return [(agent, bins) for agent, bins in found if bins is not None][:_MOST_LINES]


def _pictures(facts: Facts, prefix: str) -> list[Picture]:
    looks = colours_of(facts)
    shown = _sure(facts)
    if not shown:
        return []

    def drawing() -> Figure:
        drawn, axes = drawn_axes()
        named = [(printable(facts.called(agent)), bins) for agent, bins in shown]
        draw_reliability(axes, named, [looks[agent.name] for agent, _ in shown])
        return drawn

    label = "Share of choices that were right against the confidence in them; the grey line is perfect calibration"
    return [Picture(f"{prefix}-reliability", "Is confidence borne out?", label, drawing)]
