"""What is said of a decision, and of a stretch of the run: from the trace alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sandbox.ledger import BLUNDER_ABOVE, INACCURACY_UP_TO
from sandbox.oracle import Solution
from sandbox.plots.painter import Marks
from sandbox.report.amounts import counted, rounded
from sandbox.trace import Meta, Trace
from sandbox.watching.frames import Caption
from sandbox.watching.scenes import Scene
from sandbox.watching.ways import Way

_MOST_NAMED = 3  # of choices that are as good


class Teller:
    """Says what happened at each step of a run.

    `names`: what choices are called. `ways`: where they go, None where that is unknown. `solutions`: the exact values
    under each law, empty where the world is unpriced.
    """

    def __init__(
        self, trace: Trace, meta: Meta, names: Sequence[str], ways: Sequence[Way | None], solutions: Sequence[Solution]
    ) -> None:
        self._trace, self._meta, self._names, self.ways, self._solutions = trace, meta, names, ways, solutions
        self._starts = np.flatnonzero(np.append(True, trace.episode[1:] != trace.episode[:-1]))
        self._earned = np.append(0.0, np.cumsum(trace.reward))

    def wrong(self, step: int) -> bool:
        """Whether a decision was a mistake, as far as prices are known."""
        gap = self.gap(step)
        return bool(gap > self._meta.material * self._meta.gap_range)

    def gap(self, step: int) -> float:
        """Return the price of a decision, NaN where it is not known."""
        return float(self._trace.best[step] - self._trace.value[step])

    def marks(self, step: int) -> Marks:
        """Return what is marked in the picture of a decision."""
        choice, best = self._trace.choice[step], self._best(step)
        way = None if math.isnan(choice) else self._way(int(choice))
        square = -1 if math.isnan(choice) else int(choice)
        return Marks(way, self._way(best[0]) if best else None, self.wrong(step), square, best[0] if best else -1)

    def caption(self, step: int, title: str, later: int = 0) -> Caption:
        """Return what is said of a decision; `later`: decisions left out before it."""
        trace, begin = self._trace, self._begin(step)
        where = f"step {step:,} · episode {int(trace.episode[step]) + 1:,}, move {step - begin + 1}"
        where += f" · reward so far {amount(self._sum(begin, step))}"
        told = f"{self._chosen(step)}: earns {amount(float(trace.reward[step]))}"
        if later:
            told = f"({later:,} moves later) {told}"
        return Caption(title, where, told, *self._verdict(step))

    def ending(self, step: int, title: str) -> Caption:
        """Return what is said where the episode of this step is over."""
        begin = self._begin(step)
        how = "the episode is over" if self._trace.terminated[step] else "time is up"
        moves, earned = counted(step - begin + 1, "move"), amount(self._sum(begin, step + 1))
        gaps = self._trace.best[begin : step + 1] - self._trace.value[begin : step + 1]
        lost = f"its choices cost {amount(float(gaps.sum()))}" if not np.isnan(gaps).any() else ""
        return Caption(
            title, f"step {step:,} · episode {int(self._trace.episode[step]) + 1:,}", f"{how}: {moves}",
            f"return {earned}" + (f"; {lost}" if lost else ""),
        )  # fmt: skip

    def summary(self, scene: Scene) -> list[str]:
        """Return what is said of the stretch of a run that a scene stands for."""
        low, high = scene.begin, scene.end
        told = [f"steps {low:,} to {high - 1:,} of the run"]
        gaps = self._trace.best[low:high] - self._trace.value[low:high]
        if not np.isnan(gaps).any():
            share = 100.0 * float(np.mean(gaps > self._meta.material * self._meta.gap_range))
            told.append(f"mistakes: {rounded(share)} % of decisions")
            told.append(f"a decision costs {rounded(float(gaps.mean()))} on average")
        over = [k for k, begin in enumerate(self._starts) if low <= begin and self._end(k) <= high]
        if len(over) and len(over) < high - low:
            mean = float(np.mean([self._sum(int(self._starts[k]), self._end(k)) for k in over]))
            told.append(f"mean return: {rounded(mean)} ({counted(len(over), 'episode')})")
        else:
            told.append(f"reward of a decision: {rounded(self._sum(low, high) / (high - low))}")
        return told

    def _verdict(self, step: int) -> tuple[str, bool | None]:
        gap = self.gap(step)
        if math.isnan(gap):
            return "", None
        if not self.wrong(step):
            return ("a best choice" if gap <= 1e-12 else f"costs {amount(gap)}: too little to be a mistake"), False
        share = gap / self._meta.gap_range
        severity = "BLUNDER" if share > BLUNDER_ABOVE else "INACCURACY" if share <= INACCURACY_UP_TO else "MISTAKE"
        best = [self._names[k] for k in self._best(step)[:_MOST_NAMED]]
        return f"{severity}: costs {amount(gap)}" + (f"; best was {' or '.join(best)}" if best else ""), True

    def _chosen(self, step: int) -> str:
        choice, greedy = self._trace.choice[step], self._trace.greedy[step]
        if math.isnan(choice):
            return "abstains"
        if self._trace.choice_vector is not None:
            return f"chooses {', '.join(rounded(float(x)) for x in self._trace.choice_vector[step][:4])}"
        tried = "tries" if greedy == greedy and greedy != choice else "chooses"
        return f"{tried} {self._names[int(choice)] if int(choice) < len(self._names) else int(choice)}"

    def _best(self, step: int) -> list[int]:
        """Return the best choices where a decision was made, none where they are unknown."""
        if not self._solutions:
            return []
        one, cell = self._solutions[int(self._trace.concept[step])], int(self._trace.cell[step])
        return [int(k) for k in np.flatnonzero(one.value[cell] >= one.best[cell])]

    def _way(self, choice: int) -> Way | None:
        return self.ways[choice] if 0 <= choice < len(self.ways) else None

    def _begin(self, step: int) -> int:
        return int(self._starts[np.searchsorted(self._starts, step, side="right") - 1])

    def _end(self, k: int) -> int:
        return int(self._starts[k + 1]) if k + 1 < len(self._starts) else len(self._trace)

    def _sum(self, begin: int, end: int) -> float:
        return float(self._earned[end] - self._earned[begin])


def amount(value: float) -> str:
    """Return a number as one says it: whole ones without decimals.

    >>> amount(-2.0), amount(0.125), amount(1234.5)
    ('−2', '0.12', '1,234')
    """
    return f"{value + 0.0:,.0f}".replace("-", "−") if value == round(value) else rounded(value)
