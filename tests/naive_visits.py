"""Groups and visits to concepts once more, slowly, from the whole trace at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sandbox.trace import Meta, Trace

NAN = math.nan


def naive_loss(trace: Trace, meta: Meta, i: int) -> float:
    """Return what one decision cost."""
    choice, truth = float(trace.choice[i]), float(trace.truth[i])
    if meta.priced:
        return float(trace.best[i]) - float(trace.value[i])
    if math.isnan(truth) or meta.task == "control":
        return NAN
    return abs(choice - truth) if meta.task == "regression" else 0.0 if choice == truth else 1.0


def average(values: Sequence[float]) -> float:
    """Return the mean of the values that are known."""
    known = [v for v in values if not math.isnan(v)]
    return math.fsum(known) / len(known) if known else NAN


def naive_visits(trace: Trace, meta: Meta, window: int) -> list[tuple[int, float, float]]:
    """Return concept, start and end of every visit."""
    runs: list[tuple[int, list[float]]] = []
    for i in range(len(trace)):
        concept = int(trace.concept[i])
        if meta.passing:
            concept %= len(meta.passing)
        if not runs or runs[-1][0] != concept:
            runs.append((concept, []))
        runs[-1][1].append(naive_loss(trace, meta, i))
    found = []
    for concept, losses in runs:
        if len(losses) >= 8 and not (meta.passing and meta.passing[concept]):
            w = min(window, len(losses) // 4)
            found.append((concept, average(losses[:w]), average(losses[len(losses) - w :])))
    return found[:256]


def naive_visit_metrics(trace: Trace, meta: Meta, window: int = 1000) -> dict[str, float]:
    """Return forgetting and transfer; what needs a twin is not known."""
    visits = naive_visits(trace, meta, window)
    lost = []
    for i, (concept, start, _) in enumerate(visits):
        before = [end for other, _, end in visits[:i] if other == concept]
        if before:
            lost.append(start - before[-1])
    gained = []
    for concept in {concept for concept, _, _ in visits}:
        of_it = [(start, end) for other, start, end in visits if other == concept]
        if len(of_it) > 1:
            gained.append(of_it[0][1] - of_it[-1][0])
    return {"forgetting": average(lost), "backward_transfer": average(gained), "forward_transfer": NAN}
