"""The catalog: the one place that turns names into worlds and agents."""

from __future__ import annotations

import contextlib
import importlib
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.at_drift import at_drift
from sandbox.discovery import discover
from sandbox.errors import SandboxError, one_line, suggestion
from sandbox.interfaces import check_range
from sandbox.names import is_env_id, split_settings
from sandbox.user_files import DATA, is_file
from sandbox.user_files import load_file as load_file
from sandbox.wrapping import unwrap
from sandbox.yardsticks import AT_DRIFT, INSIDERS

if TYPE_CHECKING:
    from sandbox.interfaces import Agent
    from sandbox.world import World


def _construct(thing: Any, settings: dict[str, Any], name: str) -> Any:
    """Call a constructor with settings, refusing unknown ones with the nearest name."""
    parameters: Mapping[str, inspect.Parameter] = {}
    with contextlib.suppress(TypeError, ValueError):  # something that does not say what it takes
        parameters = inspect.signature(thing).parameters
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for key in settings:
        if parameters and key not in parameters and not open_ended:
            has = f"; it has {', '.join(parameters)}" if parameters else ""
            raise SandboxError(f"{name!r} has no setting {key!r}{suggestion(key, parameters) or has}")
    try:
        return thing(**settings)
    except SandboxError:
        raise
    except Exception as error:
        raise SandboxError(f"{name!r} cannot be made: {one_line(error)}") from error


def make_world(world: Any) -> World:
    """Return the world that a name or an object stands for.

    Raise `SandboxError`, with the nearest name, if there is none.
    """
    if not isinstance(world, str):
        return adapt_world(world)
    parts, settings = split_settings(world)
    if parts[0] == "river":
        if len(parts) != 2:
            raise SandboxError(f"{world!r}: write river:NAME, such as river:Phishing")
        return _river_world(world, parts[1], settings)
    if is_file(parts, DATA):
        if len(parts) != 2:
            raise SandboxError(f"{world!r}: say which column is the label, as in {parts[0]}:label")
        return _data_world(world, parts, settings)
    if is_file(parts, (".py",)):
        if len(parts) != 2:
            raise SandboxError(f"{world!r}: say which class, as in {parts[0]}:MyEnv")
        return adapt_world(load_file(parts[0], parts[1]), world, settings)
    if is_env_id(parts[-1]):
        return _gym_world(world, ":".join(parts), settings)
    known = discover("worlds")
    if parts[0] in known and len(parts) == 1:
        entry = known[parts[0]]
        thing = getattr(importlib.import_module(entry.module), entry.class_name)
        return adapt_world(thing, world, settings)
    raise SandboxError(f"there is no world {world!r}{suggestion(parts[0], world_names())}; see 'sandbox list worlds'")


def world_names() -> list[str]:
    """Return every world's name that is known beforehand."""
    import gymnasium

    importlib.import_module("sandbox.envs")
    return [*discover("worlds"), *gymnasium.registry, "river"]


def _river_world(world: str, name: str, settings: dict[str, Any]) -> World:
    from sandbox.stream_world import StreamWorld
    from sandbox.streams.river_dataset import river_stream

    return StreamWorld(world, lambda: river_stream(name, dict(settings)), settings)


def _data_world(world: str, parts: list[str], settings: dict[str, Any]) -> World:
    from sandbox.stream_world import StreamWorld
    from sandbox.streams.data_file import DataFile

    def make() -> DataFile:
        made = _construct(DataFile, {"path": parts[0], "label": parts[1], **settings}, world)
        assert isinstance(made, DataFile)
        return made

    return StreamWorld(world, make, settings)


def _gym_world(world: str, env_id: str, settings: dict[str, Any]) -> World:
    import gymnasium

    importlib.import_module("sandbox.envs")  # which registers ours
    toy_text = importlib.import_module("sandbox.envs.toy_text")
    toy_text.refuse_unseeded_map(env_id, settings)
    if ":" not in env_id and env_id not in gymnasium.registry:
        near = suggestion(env_id, gymnasium.registry)
        raise SandboxError(f"Gymnasium knows no environment {env_id!r}{near}")

    _check_gym_settings(env_id, settings, world)

    def make(**changes: Any) -> gymnasium.Env[Any, Any]:
        _check_gym_settings(env_id, changes, world)
        try:
            return gymnasium.make(env_id, **(settings | changes))
        except SandboxError:
            raise
        except Exception as error:
            raise SandboxError(f"{world!r} cannot be made: {one_line(error)}") from error

    return _env_world(world, make, settings)


def _check_gym_settings(env_id: str, settings: dict[str, Any], name: str) -> None:
    """Refuse a setting that neither `gymnasium.make` nor the environment has, where that can be told."""
    import gymnasium

    spec = gymnasium.registry.get(env_id)
    if not settings or spec is None:
        return
    try:
        entry = spec.entry_point
        made = gymnasium.envs.registration.load_env_creator(entry) if isinstance(entry, str) else entry
        parameters = inspect.signature(made).parameters if made is not None else {}
    except Exception:
        return  # making it will say what is wrong
    known = [*parameters, *(set(inspect.signature(gymnasium.make).parameters) - {"id", "kwargs"})]
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    for key in settings:
        if key not in known:
            has = f"; it has {', '.join(parameters)}"
            raise SandboxError(f"{name!r} has no setting {key!r}{suggestion(key, known) or has}")


def _env_world(name: str, make: Callable[[], Any], settings: dict[str, Any]) -> World:
    from sandbox.env_world import EnvWorld

    return EnvWorld(name, make, env_table, settings)


def env_table(env: Any) -> Any:
    """Return the table of an environment's law, or the reason why it is unknown."""
    return importlib.import_module("sandbox.envs.toy_text").table_of(env)


def adapt_world(thing: Any, name: str | None = None, settings: dict[str, Any] | None = None) -> World:
    """Return a world for an object: an environment or its factory, a River dataset, a stream, or a class of these."""
    import gymnasium

    from sandbox.env_world import EnvWorld
    from sandbox.interfaces import Stream
    from sandbox.stream_world import StreamWorld

    if isinstance(thing, EnvWorld | StreamWorld):
        return thing
    settings = settings or {}
    name = name or _name_of(thing)
    if isinstance(thing, gymnasium.Env):
        raise SandboxError(f"{name}: give a function that makes the environment, since every run needs a fresh one")
    if inspect.isclass(thing) and issubclass(thing, gymnasium.Env):
        return _env_world(name, lambda **changes: _construct(thing, settings | changes, name), settings)
    if inspect.isclass(thing) or (callable(thing) and not _is_dataset(thing) and not isinstance(thing, Stream)):
        made = _construct(thing, settings, name)
        if isinstance(made, gymnasium.Env):
            made.close()
            return _env_world(name, lambda **changes: _construct(thing, settings | changes, name), settings)
        thing = made
    if isinstance(thing, Stream):
        stream = thing
        return StreamWorld(name, lambda: stream, settings)
    if _is_dataset(thing):
        from sandbox.streams.river_dataset import RiverStream

        dataset = thing
        return StreamWorld(name, lambda: RiverStream(dataset), settings)
    raise SandboxError(f"{name} is no world: neither an environment, a stream nor a River dataset")


def _is_dataset(thing: Any) -> bool:
    return hasattr(thing, "n_samples") and hasattr(thing, "task") and hasattr(thing, "__iter__")


def _name_of(thing: Any) -> str:
    return thing.__name__ if hasattr(thing, "__name__") else type(thing).__name__


def make_agent(agent: Any, world: World) -> Agent:
    """Return a fresh agent that a name or an object stands for.

    Raise `SandboxError`, with the nearest name, if there is none.
    """
    if not isinstance(agent, str):
        return adapt_agent(agent)
    if agent.startswith("river:"):
        found: Agent = importlib.import_module("sandbox.agents.adapters.river").river_agent(agent[len("river:") :])
        return found
    wrapped = unwrap(agent)
    if wrapped is not None:
        return _around(agent, *wrapped, world)
    parts, settings = split_settings(agent)
    if is_file(parts, (".py",)):
        if len(parts) != 2:
            raise SandboxError(f"{agent!r}: say which class, as in {parts[0]}:MyAgent")
        return adapt_agent(load_file(parts[0], parts[1]), agent, settings)
    known = discover("agents")
    if parts[0] in INSIDERS and len(parts) == 1:
        return _insider(agent, parts[0], world, settings)
    if parts[0] in known and len(parts) == 1:
        entry = known[parts[0]]
        return adapt_agent(getattr(importlib.import_module(entry.module), entry.class_name), agent, settings)
    near = suggestion(parts[0], [*known, *INSIDERS, *AT_DRIFT, *discover("wrappers"), "river"])
    raise SandboxError(f"there is no agent {agent!r}{near}; see 'sandbox list agents'")


def _around(name: str, head: str, settings: dict[str, Any], inner: str, world: World) -> Agent:
    """Return the learner `head` around the agent that `inner` names."""
    agent = make_agent(inner, world)
    if head in AT_DRIFT:
        return at_drift(head, agent)
    entry = discover("wrappers")[head]
    wrapper = getattr(importlib.import_module(entry.module), entry.class_name)
    if "agent" in settings:
        raise SandboxError(f"{name!r}: the agent stands behind the settings, as in {head}:logistic")
    made: Agent = _construct(partial(wrapper, agent), settings, name)
    return made


def _insider(agent: str, name: str, world: World, settings: dict[str, Any]) -> Agent:
    """Return an agent that is told the law of `world`; only `best-soft` has a setting, `epsilon`."""
    for key in settings:
        if name != "best-soft" or key != "epsilon":
            has = "; it has epsilon" if name == "best-soft" else ""
            raise SandboxError(f"{agent!r} has no setting {key!r}{has}")
    epsilon = settings.get("epsilon", 0.1)
    check_range(name, "epsilon", epsilon, 0.0, 1.0)
    return world.insider(name, epsilon)


def adapt_agent(thing: Any, name: str | None = None, settings: dict[str, Any] | None = None) -> Agent:
    """Return an agent for an object: an agent, a River estimator, or a class or function that makes one."""
    name = name or _name_of(thing)
    if inspect.isclass(thing) or (callable(thing) and not hasattr(thing, "act") and not hasattr(thing, "predict_one")):
        thing = _construct(thing, settings or {}, name)
    elif settings:
        raise SandboxError(f"{name}: an object that is made already takes no settings")
    if all(callable(getattr(thing, method, None)) for method in ("begin", "act", "learn")):
        found: Agent = thing
        return found
    if hasattr(thing, "predict_one") and hasattr(thing, "learn_one"):
        adapted: Agent = importlib.import_module("sandbox.agents.adapters.river").agent_of(thing)
        return adapted
    missing = [m for m in ("begin", "act", "learn") if not callable(getattr(thing, m, None))]
    raise SandboxError(f"{name} is no agent: it has no {' and no '.join(missing)}, and it is no River estimator")
