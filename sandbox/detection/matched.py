"""The sensitivity at which a detector gives a wanted number of false alarms: only so can detectors be compared."""

from __future__ import annotations

import math
from typing import NamedTuple

from sandbox.detection.crew import Crew
from sandbox.detection.detectors import Detector

_TRIALS = 10  # halvings of the range of a setting, at most
_NEAR = 0.9  # of the alarms that are wanted: near enough


class Tuned(NamedTuple):
    """A detector with the sensitivity found for it, None where there is none; `why`: in words, where it is not met."""

    detector: Detector | None
    why: str = ""


def tune(detector: Detector, crew: Crew, most: float) -> Tuned:
    """Return a detector as sensitive as it can be with at most `most` alarms in all controls together.

    The range of its setting is halved again and again, the looser half taken where there are no more alarms than that.
    """
    if not detector.setting:
        return Tuned(None, "no setting is known that makes it more sensitive")
    if _count(detector.at_level(1.0), crew, most) <= most:
        return Tuned(detector.at_level(1.0), "even at its loosest it gives no more")
    if _count(detector.at_level(0.0), crew, most) > most:
        return Tuned(None, "even at its strictest it gives more")
    low, high = 0.0, 1.0
    for _ in range(_TRIALS):
        level = 0.5 * (low + high)
        count = _count(detector.at_level(level), crew, most)
        if count > most:
            high = level
        else:
            low = level
        if most >= 1.0 and _NEAR * math.floor(most) <= count <= most:
            break
    return Tuned(detector.at_level(low))


def _count(detector: Detector, crew: Crew, most: float) -> int:
    return sum(len(one.at) for one in crew.alarms(detector, True, most).values())
