"""The ledger of whole runs: how the best possible became what was earned, account by account.

    earned = best possible + level + starts + shifts + luck - gaps - what episodes that were cut short had still to come

holds in every run (DESIGN section 5: the books of its episodes, summed up), so it holds for the means over runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sandbox.comparison.intervals import Interval, mean_interval

if TYPE_CHECKING:
    from sandbox.agent_result import AgentResult
    from sandbox.runs import Run
    from sandbox.trace import Meta

# The accounts between the best possible and what was earned; the last one is left out where it is nothing.
NAMES = {
    "level": "world changed",
    "start_luck": "luck of the starts",
    "shift": "changed underway",
    "luck": "luck",
    "regret": "own mistakes",
    "open": "cut short",
}
HEADS = {"best": "best possible", "earned": "earned"}
TOLD = {
    "best": "the most that can be expected from a start under the first law of the world, by the best play",
    "level": "how much more, or less, the best play could expect after the world changed",
    "start_luck": "starts (or questions) that were better or worse than the average one",
    "shift": "jumps in what could still be expected, because the world changed in the middle of an episode",
    "luck": "what chance gave or took beyond what the choices were worth",
    "regret": "the price of every choice that was not the best one: the sum of all gaps, with a minus sign",
    "open": "what the best play would still have got out of episodes that were cut short",
    "earned": "the rewards themselves",
}
_NOTHING = 1e-9  # of the largest account


def best_name(best: float, oracle: Mapping[str, Any] | None) -> str:
    """Return what the best possible of a ledger is called; `oracle`: the world's exact values, of which one may differ.

    The ledger's is the value of the start without a clock. A player who sees the clock, and so the time limit, may
    expect another return: the figures draw that one.
    """
    clock = (oracle or {}).get("optimal_return", math.nan)
    far = not math.isnan(clock) and not math.isclose(best, clock, rel_tol=1e-3, abs_tol=1e-9)
    return f"{HEADS['best']} without a time limit" if far else HEADS["best"]


class Books(NamedTuple):
    """The accounts of an agent, each the mean over its runs with its interval; `unit`: of what. Empty if unpriced.

    Keys, in order: best, level, start_luck, shift, luck, regret (negative: it was lost), open, earned.
    """

    unit: str
    accounts: dict[str, Interval]


def books_of(agent: AgentResult, meta: Meta) -> Books:
    """Return the accounts of an agent, per episode, or per decision where each is an episode of its own.

    There are none where prices are unknown, and none for discounted worlds, whose books are kept in discounted reward.
    """
    unit = "reward per episode" if meta.episodic else "reward per decision"
    if not meta.priced or meta.discount != 1.0 or not meta.expected_start or not agent.done:
        return Books(unit, {})
    runs = agent.done[:1] if agent.distinct == 1 else agent.done
    by_run = [_run_accounts(run, meta) for run in runs]
    names = ("best", *NAMES, "earned")
    found = {name: mean_interval([one[name] for one in by_run]) for name in names}
    scale = max(abs(one.mean) for one in found.values())
    empty = [name for name in NAMES if name != "regret" and abs(found[name].mean) <= _NOTHING * scale]
    return Books(unit, {name: one for name, one in found.items() if name not in empty})


def _run_accounts(run: Run, meta: Meta) -> dict[str, float]:
    """Return the accounts of one run, divided by its number of episodes (an unfinished one counts) or decisions."""
    scores = run.scores
    assert scores is not None
    told, decisions = scores.metrics, scores.decisions
    starts = float(decisions)
    if meta.episodic:
        ended = told["episodes"] * told["episode_length"] if told["episodes"] else 0.0
        starts = told["episodes"] + (decisions - ended > 0.5)
    found = {name: told[name] / starts for name in ("level", "start_luck", "shift", "luck")}
    found |= {"best": meta.expected_start[0] + meta.gain * decisions / starts, "regret": -told["regret"] / starts}
    earned = told["reward"] * decisions / starts
    return found | {"earned": earned, "open": earned - sum(found.values())}
