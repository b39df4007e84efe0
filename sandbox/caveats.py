"""Caveats: what a reader must know before believing the numbers of a study, in words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sandbox.metrics import audit_failures

if TYPE_CHECKING:
    from sandbox.agent_result import AgentResult
    from sandbox.trace import Meta


_MUCH = 0.1  # share of a run that an unfinished episode may be before it is named
_MOST_REASONS = 3  # that are told one by one
_OFTEN = 0.05  # share of decisions that may be abstentions before they are named
MYOPIC = "gaps are myopic: they price what a choice earns at once, not what it does to later rewards; rank by shortfall"


def caveats(agents: Sequence[AgentResult], priced: bool) -> list[str]:
    """Return every caveat of a study's results: failures, audits, runs cut short, repeated runs, abstentions."""
    found = [f"failed: {agent.name}: {run.error}" for agent in agents for run in agent.failed]
    for agent in agents:
        found += [*_survivors(agent), *_audits(agent, priced)]
        found += [*_unfinished(agent), *_abstained(agent), *_silent(agent), *_unheard(agent)]
    same = [agent.name for agent in agents if 1 == agent.distinct < len(agent.done)]
    if same:
        found.append(f"every seed gave the same run, which counts once, for {', '.join(same)}")
    return found


def label_caveats(meta: Meta) -> list[str]:
    """Return the caveat of a world with one label only: whoever says it is right."""
    if meta.task != "classification" or len(meta.labels) != 1:
        return []
    return [f"every label is {str(meta.labels[0])!r}: whoever says so is always right, and nothing can be learned"]


def terms_caveats(agents: Sequence[AgentResult], never: Sequence[str], unfinished: Sequence[str]) -> list[str]:
    """Return the caveats of a world that drifts: drifts that no run saw, or not to their end, recoveries unknown."""
    longest = max((run.scores.decisions for agent in agents for run in agent.done if run.scores is not None), default=0)
    found = [f"the drift {drift} never happens: the longest run has {longest:,} decisions" for drift in never]
    found += [f"the drift {drift} is not complete when the longest run ends" for drift in unfinished]
    return found + [text for agent in agents for text in _unknown_recoveries(agent)]


def _unknown_recoveries(agent: AgentResult) -> Iterator[str]:
    """Say, for each reason, of how many changes nothing can be said."""
    notes = Counter(one.note for run in agent.done for one in run.recoveries if one.note)
    total = sum(len(run.recoveries) for run in agent.done)
    for note, count in notes.most_common(_MOST_REASONS):
        yield f"{agent.name}: recovery is unknown for {count} of {total} changes in its runs: {note}"
    others = sum(notes.values()) - sum(count for _, count in notes.most_common(_MOST_REASONS))
    if others:
        yield f"{agent.name}: and for {others} more, for other reasons, which --json has"


def _survivors(agent: AgentResult) -> Iterator[str]:
    if agent.failed and agent.done:
        yield f"{agent.name}: its numbers are over {len(agent.done)} of {len(agent.runs)} runs; the others failed"


def _audits(agent: AgentResult, priced: bool) -> Iterator[str]:
    for run in agent.done:
        if run.scores is not None:
            for text in audit_failures(run.scores.metrics, priced):
                yield f"audit: {agent.name}, seed {run.seed}: {text}"


def _unfinished(agent: AgentResult) -> Iterator[str]:
    """Name an agent whose last episodes, cut by the end of the run, are much of it: no return tells of them."""
    shares = []
    for run in agent.done:
        if run.scores is not None and not math.isnan(run.scores.metrics["episodes"]):
            metrics = run.scores.metrics
            ended = metrics["episodes"] * metrics["episode_length"] if metrics["episodes"] else 0.0
            shares.append(1.0 - ended / run.scores.decisions)
    if shares and max(shares) > _MUCH:
        yield f"{agent.name}: up to {max(shares):.0%} of a run is an episode that had not ended; no return counts it"


def _abstained(agent: AgentResult) -> Iterator[str]:
    if not agent.done:
        return
    share = agent.interval("abstentions").mean / agent.decisions
    if share > _OFTEN:
        yield f"{agent.name}: abstained from {share:.0%} of its decisions; errors are those of the others"


def _silent(agent: AgentResult) -> Iterator[str]:
    """Name an agent that gave probabilities, but kept them back often: who speaks only when sure looks calibrated."""
    told = agent.interval("probabilities_told").mean if agent.done else math.nan
    if not 0.0 < told < 1.0:
        return
    silent = 1.0 - told - agent.interval("abstentions").mean / agent.decisions
    if silent > _OFTEN:
        yield (
            f"{agent.name}: gave no probability in {silent:.0%} of its decisions; log loss, Brier, calibration and ROC "
            "area are those of the others"
        )


def _unheard(agent: AgentResult) -> Iterator[str]:
    """Name an agent that heard no answer at all."""
    if agent.done and agent.decisions == agent.interval("never_answered").mean + agent.interval("pending").mean:
        yield f"{agent.name}: no answer came before the end of a run, so that it learned nothing"
