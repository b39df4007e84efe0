"""What alarms are worth: one credit a drift, and none for what alarms would have hit by chance.

The chance is not guessed. Every run has its control: the same seed, hence the same luck, in the world that does not
change. What a detector "finds" there, at the places where the other world changes, it found by chance. Who does not
listen alarms in both at the same times, so that its credit is nothing, exactly, in every single run.

The control cannot tell of who listens once and alarms ever after: it never hears the first change. That is told by the
run itself. Alarms that come by chance are as near to a change before it as after it; so from the second drift on a find
is worth no more than it is nearer to the beginning of the drift than the last alarm before, if that found nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from sandbox.detection.alarms import Alarms

WITHIN = 1000  # decisions: an alarm so long after a drift is complete has not found it
PER = 10_000  # decisions, for which false alarms are counted


class Span(NamedTuple):
    """Where a drift begins, from where on it is complete, and the step before which it is to be found."""

    begin: int
    complete: int
    end: int


class RunScore(NamedTuple):
    """How a detector did in one run and its control.

    `delay`: decisions from the beginning of each drift to the first alarm after it, None: missed. `chance`: the same in
    the control. `fell`: for each drift whether that alarm said that what is heard fell. `credit`: the share of the
    spans that is left after the alarm, beyond that by chance; 1 at best. `repeats`: further alarms within a span.
    `false`: alarms in the control, per 10,000 decisions; `false_fell`: those that said that it fell.
    """

    delay: tuple[int | None, ...]
    chance: tuple[int | None, ...]
    fell: tuple[bool, ...]
    credit: float
    repeats: int
    false: float
    false_fell: float


def spans_of(changes: Sequence[tuple[int, int]], steps: int, within: int = WITHIN) -> tuple[Span, ...]:
    """Return the spans of the changes (begin, complete) of a run: each lasts until `within` decisions after it is
    complete, but no longer than until the next one, or the end.

    Of changes that begin at one step only the last to be complete counts. One with less than a hundred decisions (or a
    tenth of `within`) until the end of the run is nobody's to find, and left out.
    """
    last = dict(sorted(changes))  # of equal beginnings the later
    begins = sorted(begin for begin in last if begin < steps)
    ends = [*begins[1:], steps][: len(begins)]
    spans = [Span(b, last[b], min(end, last[b] + within)) for b, end in zip(begins, ends, strict=True)]
    return tuple(one for one in spans if steps - one.begin >= min(within, WITHIN) / 10)


def delays(alarms: Alarms, spans: Sequence[Span]) -> tuple[int | None, ...]:
    """Return for each span the decisions from its beginning to the first alarm in it, None if there is none."""
    found: list[int | None] = []
    for span in spans:
        k = bisect_left(alarms.at, span.begin)
        hit = k < len(alarms.at) and alarms.at[k] < span.end
        found.append(alarms.at[k] - span.begin if hit else None)
    return tuple(found)


def _credit(alarms: Alarms, spans: Sequence[Span], delay: Sequence[int | None], chance: Sequence[int | None]) -> float:
    """Return the mean over spans of the share of each that is left after its alarm, beyond that by chance."""
    saved, found = 0.0, -1  # the alarm that found the last drift
    for span, seen, lucky in zip(spans, delay, chance, strict=True):
        length = span.end - span.begin
        late = length if seen is None else seen
        gain = (length if lucky is None else lucky) - late
        k = bisect_left(alarms.at, span.begin) - 1
        if gain > 0 and k >= 0 and alarms.at[k] >= spans[0].begin and alarms.at[k] != found:
            gain = min(gain, span.begin - 1 - alarms.at[k] - late)
        saved += gain / length
        found = found if seen is None else span.begin + seen
    return saved / len(spans) if spans else 0.0


def score_run(alarms: Alarms, control: Alarms, spans: Sequence[Span], steps: int) -> RunScore:
    """Score the alarms of a run by those of its control; both have `steps` decisions."""
    delay, chance = delays(alarms, spans), delays(control, spans)
    within = sum(bisect_left(alarms.at, span.end) - bisect_left(alarms.at, span.begin) for span in spans)
    hits = [bisect_left(alarms.at, span.begin) for span, seen in zip(spans, delay, strict=True) if seen is not None]
    return RunScore(
        delay,
        chance,
        tuple(alarms.fell[k] for k in hits),
        _credit(alarms, spans, delay, chance),
        within - len(hits),
        PER * len(control.at) / steps,
        PER * sum(control.fell) / steps,
    )
