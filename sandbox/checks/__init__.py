"""The public checks: what must hold of any agent, environment or stream, each a small function with one reason."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from copy import deepcopy
from types import ModuleType
from typing import Any

from sandbox import catalog
from sandbox.checks.suite import CheckError, CheckResult, run_family
from sandbox.errors import SandboxError, one_line
from sandbox.names import split_settings

__all__ = ["CheckError", "CheckResult", "run_checks"]

_Looked = tuple[tuple[ModuleType, ...], Any]  # the checks that concern a thing, and what they take
_AGENT_METHODS = ("act", "learn", "predict_one", "learn_one")


def run_checks(thing: Any) -> list[CheckResult]:
    """Run every check that concerns `thing`: an agent, an environment or a stream, by name or as an object.

    Names are those of the command line. Agents are objects or classes with `begin`, `act` and `learn`, or River
    estimators; environments are classes or functions that make one; streams are ours or River's datasets. Objects are
    copied, never used themselves. Raise `SandboxError` if `thing` is none of these or cannot be made.

    >>> [result.check for result in run_checks("q-learning") if not result.passed]
    []
    """
    family, subject = _subject(thing)
    return run_family(family, subject)


def _subject(thing: Any) -> _Looked:
    """Return the checks that concern `thing`, and what they take."""
    name, settings = None, None
    if isinstance(thing, str):
        found = _from_file(thing)
        if found is None:
            return _either(lambda: _world(lambda: catalog.make_world(thing)), lambda: _named_agent(thing))
        name, (thing, settings) = thing, found

    def world() -> _Looked:
        return _world(_makes(thing, lambda fresh: catalog.adapt_world(fresh, name, settings)))

    def agent() -> _Looked:
        make = _makes(thing, lambda fresh: catalog.adapt_agent(fresh, name, settings))
        if not (meant and inspect.isclass(thing)):
            make()  # a class that cannot be made is an agent all the same: the first check says why
        return _agent(make)

    meant = any(hasattr(thing, method) for method in _AGENT_METHODS)
    return agent() if meant else _either(world, agent)


def _from_file(name: str) -> tuple[Any, dict[str, Any]] | None:
    """Return what a name of the form FILE.py:NAME stands for, and its settings; None if it has another form."""
    if name.startswith("river:"):
        return None
    parts, settings = split_settings(name)
    if len(parts) != 2 or not parts[0].lower().endswith(".py"):
        return None
    return catalog.load_file(parts[0], parts[1]), settings


def _makes(thing: Any, adapt: Callable[[Any], Any]) -> Callable[[], Any]:
    """Return what makes a fresh, adapted `thing` each time; an object is copied as it is now."""
    if inspect.isroutine(thing) or inspect.isclass(thing):
        return lambda: adapt(thing)
    try:
        kept = deepcopy(thing)
    except Exception as error:
        raise SandboxError(f"a {type(thing).__name__} cannot be copied: {one_line(error)}; give its class") from error
    return lambda: adapt(deepcopy(kept))


def _either(world: Callable[[], _Looked], agent: Callable[[], _Looked]) -> _Looked:
    refusals: list[str] = []
    for make in (world, agent):
        try:
            return make()
        except SandboxError as error:
            refusals.append(str(error))
    known = [said for said in refusals if not said.startswith("there is no ")]
    raise SandboxError("; ".join(dict.fromkeys(known or refusals)))


def _world(make: Callable[[], Any]) -> _Looked:
    from sandbox.env_world import EnvWorld
    from sandbox.law_stream import LawStream
    from sandbox.stream_world import StreamWorld

    world = make()
    if isinstance(world, StreamWorld):
        from sandbox.checks import laws, prices, streams

        family = (streams, laws, prices) if isinstance(world.stream, LawStream) else (streams,)
        return family, streams.StreamSubject(lambda: make().stream)
    if isinstance(world, EnvWorld):
        from sandbox.checks import environments

        return (environments,), environments.EnvironmentSubject(world.make, world.table_of)
    raise SandboxError(f"there are no checks for a {type(world).__name__}")


def _named_agent(name: str) -> _Looked:
    if name == "oracle":
        raise SandboxError("the oracle belongs to a world and is no agent by itself")
    anywhere = catalog.make_world("FrozenLake-v1")  # only the oracle depends on the world
    catalog.make_agent(name, anywhere)
    return _agent(lambda: catalog.make_agent(name, anywhere))


def _agent(make: Callable[[], Any]) -> _Looked:
    from sandbox.checks import agents, grounds, speeds

    return (agents, speeds), grounds.AgentSubject(make)
