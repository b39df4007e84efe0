"""Which agents are drawn where there are too many to be told apart: the best, and every yardstick."""

from __future__ import annotations

import math
from dataclasses import replace

from sandbox.metrics import METRICS
from sandbox.result import Result
from sandbox.yardsticks import is_yardstick

MOST = 6  # learners that a reader can follow: each has a colour of its own


def thinned(result: Result, most: int = MOST) -> tuple[Result, str]:
    """Return the result with its best `most` learners, and what to tell of that, "" if nothing.

    Best: by the mean of the headline. Order is kept. Yardsticks stay. Learners that completed no run go first.
    """
    learners = [agent for agent in result.agents if not is_yardstick(agent.name)]
    if len(learners) <= most:
        return result, ""
    sign = -1.0 if METRICS[result.headline].better == "lower" else 1.0

    def worth(name: str) -> float:
        mean = sign * means[name]
        return -math.inf if math.isnan(mean) else mean

    means = {agent.name: agent.interval(result.headline).mean for agent in learners}
    best = sorted(means, key=worth, reverse=True)[:most]
    kept = [agent for agent in result.agents if is_yardstick(agent.name) or agent.name in best]
    return replace(result, agents=kept), f"the best {most} of {len(learners)} agents"
