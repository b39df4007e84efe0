"""What a world may report of each decision beside its price: numbers that only this kind of world has.

A world names them in its class attribute `extras`; the evaluator makes a metric and a curve of each. A name is declared
here, once, and is NaN in worlds that do not report it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sandbox.errors import SandboxError, suggestion
from sandbox.metric import Metric


def _extra(name: str, text: str, unit: str, better: Literal["higher", "lower", ""], how: str = "mean") -> Metric:
    """Return the metric that is the mean, or the total, of what a world reports under this name."""
    if how == "total":
        return Metric(name, text, unit, better, lambda s: s.total(name), name)
    return Metric(name, text, unit, better, lambda s: s.mean(name), name)


_DECLARED = (
    _extra("recall_at_k", "share of the k truly best items that were shown", "share of the best items", "higher"),
    _extra(
        "ndcg_at_k",
        "discounted worth of the slate, as a share of the best slate's (Järvelin & Kekäläinen 2002)",
        "share of the best slate's worth",
        "higher",
    ),
    _extra("watch_seconds", "mean time watched", "seconds per decision", "higher"),
    _extra("precision_at_k", "share of the k alerts a day that were fraud", "share of alerts", "higher"),
    _extra("cost", "mean cost of what was decided, by what happened", "cost per decision", "lower"),
    _extra("bayes_cost", "mean cost of the best decisions that the law allows, on the same questions",
           "cost per decision", ""),
    _extra("cards_saved", "cards saved: their first fraud in two weeks was caught", "cards", "higher", "total"),
)  # fmt: skip

EXTRAS: dict[str, Metric] = {metric.name: metric for metric in _DECLARED}


def check_extras(world: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names that a world reports; refuse, in one line, one that is not declared or comes twice."""
    for name in names:
        if name not in EXTRAS:
            raise SandboxError(
                f"{world} reports {name!r}, which sandbox/extras.py does not declare{suggestion(name, EXTRAS)}"
            )
    if len(set(names)) < len(names):
        raise SandboxError(f"{world} reports a number twice: {', '.join(names)}")
    return tuple(names)
