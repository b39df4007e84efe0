"""Alarms of one detector in one run, and whether what it heard rose or fell."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from sandbox.detection.heard import Heard
from sandbox.errors import SandboxError, one_line
from sandbox.table import FloatArray, IntArray

_LARGE = 2**62
RECENT = 50  # values, compared with those before, that tell whether what is heard rose or fell


class Alarms(NamedTuple):
    """The alarms of one run: lifetime steps at whose end they came, and whether what was heard had fallen."""

    at: tuple[int, ...]
    fell: tuple[bool, ...]


def alarms_of(detector: Any, heard: Heard, name: str, most: float = math.inf) -> Alarms:
    """Return the alarms of a fresh detector; more than `most` nobody wants to know of.

    A detector has `update(value)`, after which `drift_detected` says whether this is an alarm. Some
    of ours also say at once where they alarm, by `alarms_in`.
    """
    values = heard.values
    whole = bool(np.isin(values, (0.0, 1.0)).all())
    quick = getattr(detector, "alarms_in", None)
    at_once = quick(values, _LARGE if math.isinf(most) else int(most) + 1) if whole and quick is not None else None
    found = _one_by_one(detector, values, whole, name, most) if at_once is None else at_once
    places = np.array(found, dtype=np.int64)
    return Alarms(tuple(heard.at[places].tolist()), _fell(heard, places))


def _one_by_one(detector: Any, values: FloatArray, whole: bool, name: str, most: float) -> list[int]:
    """Return where a detector alarms; `whole`: it is told whole numbers."""
    update, found = detector.update, list[int]()
    told: list[Any] = values.astype(np.int64).tolist() if whole else values.tolist()
    try:
        for i, value in enumerate(told):
            update(value)
            if detector.drift_detected:
                found.append(i)
                if len(found) > most:
                    break
    except Exception as error:
        raise SandboxError(f"{name} failed at value {i + 1} of {len(told)}: {one_line(error)}") from error
    return found


def _fell(heard: Heard, places: IntArray) -> tuple[bool, ...]:
    """Return for each alarm whether the last values heard are lower, on average, than those before.

    Those before reach back to the last alarm, and as far as there are recent ones at the least.
    """
    if not len(places):
        return ()
    total = np.concatenate([[0.0], np.cumsum(heard.values)])
    recent = np.minimum(RECENT, (places + 1) // 2)
    middle = places + 1 - recent
    since = np.concatenate([[0], places[:-1] + 1])
    first = np.maximum(np.minimum(since, middle - recent), 0)
    after = (total[places + 1] - total[middle]) / np.maximum(recent, 1)
    before = (total[middle] - total[first]) / np.maximum(middle - first, 1)
    return tuple((after < before).tolist())


def dummy_alarms(every: int, steps: int) -> Alarms:
    """Return the alarms of who does not listen: one at every `every`-th decision, none if that is 0."""
    at = tuple(range(every - 1, steps, every)) if every else ()
    return Alarms(at, (False,) * len(at))
