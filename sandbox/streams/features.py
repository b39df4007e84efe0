"""The observation space of a question with named features."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces


class AnyText(spaces.Text):
    """A space of texts of any length, in any script."""

    def __init__(self) -> None:
        super().__init__(1_000_000, min_length=0)

    def contains(self, x: Any) -> bool:
        """Whether `x` is a text."""
        return isinstance(x, str)

    def __repr__(self) -> str:
        return "AnyText()"


class AnyNumber(spaces.Box):
    """A space of single numbers, as River's rows hold them: plain floats, of which Gymnasium's own Box complains."""

    def __init__(self) -> None:
        super().__init__(-np.inf, np.inf, (), np.float64)

    def contains(self, x: Any) -> bool:
        """Whether `x` is a number."""
        return isinstance(x, numbers.Real) or (isinstance(x, np.ndarray) and x.shape == ())

    def __repr__(self) -> str:
        return "AnyNumber()"


def row_space(names: Iterable[str]) -> spaces.Dict:
    """Return the space of rows of numbers, in the order of `names`: that of the columns which compiled loops see."""
    return spaces.Dict([(name, AnyNumber()) for name in names])  # of a dict Gymnasium would sort the names


def feature_space(example: Mapping[Any, Any]) -> spaces.Dict:
    """Return a Dict space for questions like `example`: a number, a text, or anything else, by feature name."""
    made: dict[str, spaces.Space[Any]] = {}
    for name, value in example.items():
        if isinstance(value, numbers.Real):
            made[str(name)] = spaces.Box(-np.inf, np.inf, (), np.float64)
        elif isinstance(value, str):
            made[str(name)] = AnyText()
        else:
            made[str(name)] = spaces.Space()
    return spaces.Dict(made)


def ordered_labels(labels: set[Any]) -> tuple[Any, ...]:
    """Return labels in a fixed order: their own where they have one, else that of their text."""
    try:
        return tuple(sorted(labels))
    except TypeError:
        return tuple(sorted(labels, key=lambda label: (type(label).__name__, str(label))))
