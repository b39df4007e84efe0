"""The two ways in which things go wrong: a request that makes no sense, and a run that fails."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable


class SandboxError(Exception):
    """A request that makes no sense: one clear line for the user, exit status 2."""


class RunError(SandboxError):
    """A run that cannot go on: one clear line that names the thing and the step."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the known name nearest to `name`, or an empty string."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else ""


def one_line(error: BaseException) -> str:
    """Return the error's message folded to a single line, with its type where the type says more."""
    text = " ".join(str(error).split())
    if isinstance(error, SandboxError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def reason(error: BaseException) -> str:
    """Return, in one line, why a file could not be used: what the system said, also where DuckDB wraps it."""
    text = " ".join(str(error).split())
    number = re.search(r'"errno":"([0-9]+)"', text)
    if number is not None:
        return os.strerror(int(number[1]))
    told = re.search(r'": ([A-Za-z -]+)$', text)
    if told is not None:
        return told[1]
    return (error.strerror if isinstance(error, OSError) else None) or text
