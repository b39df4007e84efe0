"""Columns as the data frame that a notebook's user expects."""

from __future__ import annotations

import importlib
from typing import Any


def as_frame(columns: dict[str, list[Any]]) -> Any:
    """Return columns as a pandas DataFrame if pandas is installed, else as they are."""
    try:
        pandas = importlib.import_module("pandas")
    except ImportError:
        return columns
    return pandas.DataFrame(columns)
