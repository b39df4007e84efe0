"""The result of a study: every agent's runs in one world, as numbers, a table, JSON and a figure."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.agent_result import AgentResult
from sandbox.caveats import MYOPIC, caveats, label_caveats, terms_caveats
from sandbox.drifting import Drifting
from sandbox.frames import as_frame
from sandbox.headlines import headline_of, metrics_of, task_of
from sandbox.metrics import AUDIT, METRICS
from sandbox.show.numbers import interval_text
from sandbox.yardsticks import is_insider, is_yardstick

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sandbox.compared import Comparison
    from sandbox.runs import Run
    from sandbox.trace import Meta


@dataclass(repr=False)
class Result:
    """What a study found in one world."""

    world: str
    meta: Meta
    budget: dict[str, int | None]
    agents: list[AgentResult]
    oracle: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    window: int = 1000  # decisions in the windowed curves
    drifting: Drifting = field(default_factory=Drifting)
    commands: list[str] = field(default_factory=list)  # that asked for these runs, where they are on record
    versions: dict[str, str] = field(default_factory=dict)  # of everything that decides the numbers
    found: int = 0  # runs that were there already
    lost: list[str] = field(default_factory=list)  # a line for each file that could not be written

    @property
    def task(self) -> str:
        """What the world asks for, and whether its decisions are priced where that matters."""
        return task_of(self.meta)

    @property
    def fixed_data(self) -> bool:
        """Whether every seed meets the same data: a stream whose law is not known."""
        return self.meta.task != "control" and not self.meta.priced

    @property
    def file_stem(self) -> str:
        """A file name for its figure: the world, and a digest of what was compared, and on what terms."""
        from sandbox.store import key_of

        told = {"agents": [agent.name for agent in self.agents], "budget": self.budget}
        told |= {"drift": self.drifting.drift, "feedback": self.drifting.feedback}
        return key_of(told, self.world, "curves")

    @property
    def headline(self) -> str:
        """The metric that agents are ordered by."""
        metric = headline_of(self.meta)
        if metric in ("return", "shortfall") and not self._known(metric):
            return "reward"
        return metric

    def _known(self, metric: str) -> bool:
        return any(not math.isnan(value) for agent in self.agents for value in agent.values(metric))

    @property
    def shown(self) -> tuple[str, ...]:
        """The metrics of the table: those of the world that have a value, the headline first."""
        return tuple(name for name in dict.fromkeys((self.headline, *metrics_of(self.meta))) if self._known(name))

    @property
    def failed(self) -> list[Run]:
        """Every failed run."""
        return [run for agent in self.agents for run in agent.failed]

    def below_yardstick(self, agent: AgentResult, metric: str = "") -> str:
        """Return the best yardstick of the study that beats `agent` in `metric` ('': the headline), '' if none does.

        An agent none of whose runs was completed is below every yardstick. Some metrics have no better and worse.
        """
        metric = metric or self.headline
        better = METRICS[metric].better
        if is_yardstick(agent.name) or not better:
            return ""
        sign = 1.0 if better == "higher" else -1.0
        own = sign * agent.interval(metric).mean
        others = [other for other in self.agents if is_yardstick(other.name) and not is_insider(other.name)]
        means = [(sign * other.interval(metric).mean, other.name) for other in others if other.done]
        beating = [pair for pair in means if pair[0] > own or (not agent.done and not math.isnan(pair[0]))]
        return max(beating)[1] if beating else ""

    def below_yardsticks(self, agent: AgentResult) -> dict[str, str]:
        """Return, for each metric in which a yardstick beats `agent`, the best such yardstick."""
        found = {name: self.below_yardstick(agent, name) for name in METRICS if name not in AUDIT}
        return {name: yardstick for name, yardstick in found.items() if yardstick}

    def warnings(self) -> list[str]:
        """Return, in words, what a reader must know before believing the numbers."""
        terms = terms_caveats(self.agents, self.drifting.never, self.drifting.unfinished)
        myopic = [MYOPIC] if self.meta.objective.endswith("myopic") else []
        return myopic + label_caveats(self.meta) + caveats(self.agents, self.meta.priced) + terms + self.notes

    def compare(self, metric: str = "") -> Comparison:
        """Return who is better in `metric` ('': the headline), and how sure that is; it shows itself in a notebook."""
        from sandbox.compared import compare

        return compare(self, metric)

    def differences(self) -> list[dict[str, Any]]:
        """Return the paired difference of the headline metric for every pair of agents, as plain values.

        `n` pairs of runs of the same seed were completed, `failed` were not; with failures there is no p value, since
        the seeds that are left are no fair sample. `p_holm` is corrected for the number of pairs.
        """
        from sandbox.paired import pair_row, pairs_of

        return [pair_row(pair, self.headline) for pair in pairs_of(self.agents, self.headline, self.fixed_data)]

    def __repr__(self) -> str:
        """Return the headline of every agent, a line each."""
        lines = [f"{self.world}: {self.headline}, mean [95 % interval] over runs"]
        for agent in self.agents:
            failed = f", {len(agent.failed)} failed" if agent.failed else ""
            lines.append(
                f"  {agent.name}: {interval_text(agent.interval(self.headline))} ({agent.distinct} runs{failed})"
            )
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Return the result as one JSON document; NaN and infinity become null."""
        agents = []
        for agent in self.agents:
            metrics = {name: agent.interval(name)._asdict() for name in METRICS}
            agents.append(
                {
                    "agent": agent.name,
                    "settings": {key: _plain(value) for key, value in agent.settings.items()},
                    "seeds": [run.seed for run in agent.runs],
                    "metrics": metrics,
                    "per_seed": {name: agent.values(name) for name in METRICS},
                    "failed": [{"seed": run.seed, "error": run.error} for run in agent.failed],
                    "distinct_runs": agent.distinct,
                    "decisions_per_second": agent.decisions_per_second,
                    "compiled": not agent.why_plain,
                    "why_plain": agent.why_plain,
                    "recovery": _recovery(agent),
                    "below_yardstick": self.below_yardstick(agent),
                    "below_yardsticks": self.below_yardsticks(agent),
                    "groups": _groups(agent, self.meta),
                    "visits": _visits(agent),
                }
            )
        document = {
            "schema": 1,
            "world": self.world,
            "priced": self.meta.priced,
            "why_unpriced": self.meta.why_unpriced,
            "oracle": self.oracle,
            "budget": self.budget,
            "drift": self.drifting.drift,
            "feedback": self.drifting.feedback,
            "changes": [{"begin": begin, "complete": complete} for begin, complete in self.drifting.changes],
            "agents": agents,
            "differences": self.differences(),
            "warnings": self.warnings(),
        }
        cleaned: dict[str, Any] = finite(document)
        return cleaned

    def frame(self) -> Any:
        """Return one row per run: a pandas DataFrame if pandas is installed, else a dict of lists."""
        names = [name for name in METRICS if name not in AUDIT] + list(AUDIT)
        columns: dict[str, list[Any]] = {
            "world": [],
            "agent": [],
            "seed": [],
            **{name: [] for name in names},
            "error": [],
        }
        for agent in self.agents:
            for i, run in enumerate(agent.runs):
                columns["world"].append(self.world)
                columns["agent"].append(agent.name)
                columns["seed"].append(run.seed)
                columns["error"].append(run.error)
                for name in names:
                    columns[name].append(agent.values(name)[i])
        return as_frame(columns)

    def reliability(self) -> Figure:
        """Return how often choices of labels were right against the confidence in them, as a matplotlib figure."""
        from sandbox.plots.reliability import figure

        return figure(self)

    def plot(self) -> Figure:
        """Return the learning curves as a matplotlib figure, whose axes can be edited like any."""
        from sandbox.plots.curves import figure

        return figure(self)

    def report(self, out: str | Path) -> Path:
        """Write the report of this result, one HTML file, or Markdown where `out` ends in .md; return its path."""
        from sandbox.report import write_report

        return write_report([self], out)[0]

    def save_figure(self, stem: Path) -> list[Path]:
        """Write the figure as PNG and SVG; return the paths."""
        from sandbox.plots.files import save

        return save(self.plot(), stem)

    def _repr_html_(self) -> str:
        from sandbox.show.notebook import result_html

        return result_html(self)


def _recovery(agent: AgentResult) -> list[dict[str, Any]]:
    """Return how an agent came through each change; `notes` counts the runs of which nothing can be said, by reason."""
    rows = []
    for by_seed, found in zip(agent.by_change(), agent.recoveries(), strict=True):
        row = {key: part._asdict() if hasattr(part, "_asdict") else part for key, part in found._asdict().items()}
        rows.append(row | {"notes": dict(Counter(one.note for one in by_seed if one.note))})
    return rows


def _groups(agent: AgentResult, meta: Meta) -> dict[str, Any]:
    """Return how an agent did on each group."""
    from sandbox.groups import by_group

    return {
        group: {name: found._asdict() for name, found in told.items()} for group, told in by_group(agent, meta).items()
    }


def _visits(agent: AgentResult) -> list[dict[str, Any]]:
    """Return every visit to a concept, with the mean loss at both its ends."""
    from sandbox.stretches import visits_over_runs

    return [
        {"concept": one.concept, "begin": one.begin, "decisions": one.decisions}
        | {"start": start._asdict(), "end": end._asdict()}
        for one, start, end in visits_over_runs(agent)
    ]


def finite(value: Any) -> Any:
    """Return `value` with every NaN and infinity as None, for JSON."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return value


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | type(None)) else " ".join(repr(value).split())
