"""Whether a question gives away what is hidden from the agent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

Columns = dict[str, list[Any]]


def features(observation: Any) -> Iterator[tuple[str, Any]]:
    """Yield the single values of a question, with what to call them."""
    if isinstance(observation, Mapping):
        for name, value in observation.items():
            if isinstance(value, np.ndarray):
                yield from ((f"feature {name!r}[{k}]", part) for k, part in enumerate(value.ravel().tolist()))
            else:
                yield f"feature {name!r}", value
    elif isinstance(observation, np.ndarray | list | tuple):
        yield from ((f"feature {k}", value) for k, value in enumerate(np.ravel(np.asarray(observation)).tolist()))
    else:
        yield "the question", observation


def columns_of(observations: Sequence[Any]) -> Columns:
    """Return every feature that all observations have, as a column."""
    found: Columns = {}
    for observation in observations:
        for name, value in features(observation):
            found.setdefault(name, []).append(value)
    return {name: column for name, column in found.items() if len(column) == len(observations)}


def that_equals(columns: Columns, numbers: Sequence[float]) -> str:
    """Return which feature is the hidden number in every question, an empty text if none is."""
    same = (name for name, column in columns.items() if all(map(_equal, column, numbers)))
    return next(same, "")


def _equal(value: Any, number: float) -> bool:
    return bool(value == number)


def that_stands_for(columns: Columns, codes: Sequence[float]) -> str:
    """Return which feature has one value for each hidden code, an empty text if none has."""
    for name, column in columns.items():
        values = list(map(repr, column))
        if len(set(zip(values, codes, strict=True))) == len(set(values)) == len(set(codes)):
            return name
    return ""
