"""A sandbox where every decision of a learner has a price.

Reinforcement-learning agents in Gymnasium environments and online learners on streams, under one judge.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.api import check, exact_values, load, record, run, score
    from sandbox.errors import SandboxError
    from sandbox.interfaces import Agent, Decision, Experience, Labels, Number, Question, Stream
    from sandbox.result import Result

# Public names, and where they live: they are imported when first used, so that `import sandbox` is quick.
_HOMES = {
    "run": "api", "load": "api", "score": "api", "exact_values": "api", "check": "api", "record": "api",
    "Result": "result", "SandboxError": "errors", "Agent": "interfaces", "Decision": "interfaces",
    "Experience": "interfaces", "Stream": "interfaces", "Question": "interfaces", "Labels": "interfaces",
    "Number": "interfaces",
}  # fmt: skip

__all__ = [
    "Agent", "Decision", "Experience", "Labels", "Number", "Question", "Result", "SandboxError", "Stream",
    "check", "exact_values", "load", "record", "run", "score",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"sandbox.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sandbox' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
