"""What a thing holds, frozen for comparison; and chance, its own and the global one."""

from __future__ import annotations

import importlib
import types
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

# By name, because the rules of the folders forbid these modules to all code that decides anything. This file does not
# draw from them: it disturbs them and puts them back, to prove that others do not draw from them either.
_PYTHON = importlib.import_module("random")
_NUMPY = importlib.import_module("numpy.random")

_PLAIN = (type(None), bool, int, float, complex, str, bytes, np.generic)
_CODE = (type, types.ModuleType, types.FunctionType, types.MethodType, types.BuiltinFunctionType)
_CHANCE = (np.random.Generator, np.random.BitGenerator, _NUMPY.RandomState, _PYTHON.Random)

Frozen = dict[str, Any]


def _walk(thing: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Yield every part that holds no other part, with the path to it; what is code or opaque is left out."""
    if isinstance(thing, (*_PLAIN, *_CHANCE)):
        yield path, thing
        return
    if isinstance(thing, np.ndarray) and not thing.dtype.hasobject:
        yield path, thing
        return
    if isinstance(thing, _CODE) or id(thing) in seen:
        return
    seen.add(id(thing))
    for name, part in _parts(thing):
        yield from _walk(part, path + name, seen)


def _parts(thing: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(thing, Mapping):
        yield "len()", len(thing)
        yield from ((f"[{key!r}]", part) for key, part in list(thing.items()))
    elif isinstance(thing, list | tuple | deque | np.ndarray):
        yield "len()", len(thing)
        yield from ((f"[{at}]", part) for at, part in enumerate(thing))
    elif isinstance(thing, set | frozenset):
        yield "", repr(sorted(map(repr, thing)))
    names = [*getattr(thing, "__dict__", {})]
    for kind in type(thing).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names += [slots] if isinstance(slots, str) else slots
    for name in names:
        if hasattr(thing, name):
            yield f".{name}", getattr(thing, name)


def _still(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, np.generic):
        value = value.item()
    return "NaN" if isinstance(value, float) and value != value else value


def frozen(thing: Any) -> Frozen:
    """Return everything that `thing` holds by now, generators left out, by the path to it."""
    return {path: _still(part) for path, part in _walk(thing, "", set()) if not isinstance(part, _CHANCE)}


def changed(before: Frozen, after: Frozen) -> set[str]:
    """Return the paths that are in both and hold something else."""
    return {path for path, value in before.items() if path in after and after[path] != value}


def generators_of(thing: Any) -> list[np.random.Generator]:
    """Return every generator that `thing` holds."""
    return [part for _, part in _walk(thing, "", set()) if isinstance(part, np.random.Generator)]


def remember_chance(thing: Any) -> Callable[[], None]:
    """Return a function that sets every generator that `thing` holds back to where it is now."""
    states: list[tuple[Any, Any]] = []
    for _, part in _walk(thing, "", set()):
        if isinstance(part, np.random.Generator):
            states.append((part.bit_generator, part.bit_generator.state))
        elif isinstance(part, np.random.BitGenerator):
            states.append((part, part.state))
        elif isinstance(part, _NUMPY.RandomState):
            states.append((part, part.get_state()))
        elif isinstance(part, _PYTHON.Random):
            states.append((part, part.getstate()))

    def restore() -> None:
        for part, state in states:
            if isinstance(part, np.random.BitGenerator):
                part.state = state
            elif isinstance(part, _PYTHON.Random):
                part.setstate(state)
            else:
                part.set_state(state)

    return restore


def _global_chance() -> tuple[Any, Any]:
    return _PYTHON.getstate(), _NUMPY.get_state()


@contextmanager
def pinned_chance(seed: int) -> Iterator[Callable[[], bool]]:
    """Seed the global generators of Python and NumPy, and put them back at the end.

    Gives a function that says whether somebody has touched them since.
    """
    kept = _global_chance()
    _PYTHON.seed(seed)
    _NUMPY.seed(seed)
    first = frozen(_global_chance())
    try:
        yield lambda: frozen(_global_chance()) != first
    finally:
        _PYTHON.setstate(kept[0])
        _NUMPY.set_state(kept[1])
