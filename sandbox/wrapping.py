"""Names of learners around learners, `NAME[:key=value,...]:AGENT`, and what is told of their settings."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from sandbox.discovery import discover
from sandbox.errors import SandboxError
from sandbox.interfaces import settings_of
from sandbox.names import parse_settings, split_outside
from sandbox.yardsticks import AT_DRIFT, INSIDERS

_SETTING = re.compile(r"\s*\w+\s*=")


class Wrapped(NamedTuple):
    """A name of a learner around a learner, taken apart."""

    head: str
    settings: dict[str, Any]  # its own
    agent: str  # the name of the agent inside


def unwrap(name: str) -> Wrapped | None:
    """Return the parts of a name of a learner around a learner, None for others; raise `SandboxError` if one lacks.

    >>> unwrap("replay:size=50:logistic:step_size=0.1")
    Wrapped(head='replay', settings={'size': 50}, agent='logistic:step_size=0.1')
    """
    head, _, rest = name.partition(":")
    wrappers = discover("wrappers")
    if head not in AT_DRIFT and head not in wrappers:
        return None
    first = split_outside(rest, ":")[0]
    settings: dict[str, Any] = {}
    if _SETTING.match(first):
        settings, rest = parse_settings(first, name), rest[len(first) + 1 :]
    inner = rest.partition(":")[0]
    if not rest:
        raise SandboxError(
            f"{name!r}: say which agent, as in {head}:{'q-learning' if head in AT_DRIFT else 'logistic'}"
        )
    if head in AT_DRIFT and settings:
        raise SandboxError(f"{name!r}: {head} has no settings; those of the agent stand behind its name")
    if head in wrappers and inner in AT_DRIFT:
        raise SandboxError(f"{name!r}: {inner} goes first, as in {inner}:{head}:AGENT")
    if head in wrappers and inner in INSIDERS:
        raise SandboxError(f"{name!r}: {inner} learns nothing, so that there is nothing to wrap")
    return Wrapped(head, settings, rest)


def innermost(name: str) -> str:
    """Return the name of the agent that learners around it wrap; a name of anything else as it is."""
    try:
        found = unwrap(name)
    except SandboxError:  # who makes it says so
        return name
    return name if found is None else innermost(found.agent)


def heads_of(name: str) -> list[str]:
    """Return the names of the learners around the innermost agent, the outermost first."""
    found = unwrap(name)
    return [] if found is None else [found.head, *heads_of(found.agent)]


def settings_told(agent: Any) -> dict[str, Any]:
    """Return the settings of an agent, and of those inside it, as `agent.step_size`."""
    own, inside = dict[str, Any](), dict[str, Any]()
    for key, value in settings_of(agent).items():
        if all(hasattr(value, method) for method in ("begin", "act", "learn")):
            inside |= {f"{key}.{inner}": setting for inner, setting in settings_told(value).items()}
        else:
            own[key] = value
    return own | inside
