"""River models from text, without `eval`: River's own constructors, literals and the operators `|`, `+`, `*`."""

from __future__ import annotations

import ast
import importlib
import inspect
from functools import lru_cache
from pathlib import Path
from typing import Any

import river

from sandbox.errors import SandboxError, suggestion

# Modules that hold no part of a model, or that reach for files.
_LEFT_OUT = {"api", "checks", "datasets", "evaluate", "stream", "test_utils", "utils", "base"}


@lru_cache(maxsize=1)
def _constructors() -> dict[str, list[str]]:
    """Return, for each public River name, the modules that have it; read from their sources, none imported."""
    found: dict[str, list[str]] = {}
    for init in sorted(Path(river.__file__).parent.glob("*/__init__.py")):
        module = init.parent.name
        if module in _LEFT_OUT:
            continue
        for node in ast.walk(ast.parse(init.read_text())):
            if isinstance(node, ast.Assign) and any(
                isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets
            ):
                for name in ast.literal_eval(node.value):
                    found.setdefault(name, []).append(module)
    return found


def _class(name: str) -> Any:
    module, _, last = name.rpartition(".")
    module = module.removeprefix("river.")
    if not module:
        modules = _constructors().get(last, [])
        if not modules:
            raise SandboxError(f"River has no constructor {last!r}{suggestion(last, _constructors())}")
        if len(modules) > 1:
            both = " or ".join(f"{m}.{last}" for m in modules)
            raise SandboxError(f"River has several constructors named {last!r}; write {both}")
        module = modules[0]
    parts = module.split(".")
    if _LEFT_OUT & set(parts) or not all(part.isidentifier() for part in parts):
        raise SandboxError(f"{name!r} is no part of a River model")
    try:
        found = getattr(importlib.import_module(f"river.{module}"), last)
    except (ImportError, AttributeError):
        raise SandboxError(f"River has no constructor {name!r}{suggestion(last, _constructors())}") from None
    if not inspect.isclass(found) or not found.__module__.startswith("river."):
        raise SandboxError(f"{name!r} is not one of River's own constructors")
    return found


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    raise SandboxError("only River's constructors can be called")


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Call():
            if any(keyword.arg is None for keyword in node.keywords):
                raise SandboxError("'**' is not allowed in a River model")
            arguments = [_value(argument) for argument in node.args]
            return _class(_dotted(node.func))(*arguments, **{str(k.arg): _value(k.value) for k in node.keywords})
        case ast.BinOp(op=ast.BitOr()):
            return _value(node.left) | _value(node.right)
        case ast.BinOp(op=ast.Add()):
            return _value(node.left) + _value(node.right)
        case ast.BinOp(op=ast.Mult()):
            return _value(node.left) * _value(node.right)
        case ast.List():
            return [_value(part) for part in node.elts]
        case ast.Tuple():
            return tuple(_value(part) for part in node.elts)
        case ast.Dict():
            return {_value(k): _value(v) for k, v in zip(node.keys, node.values, strict=True) if k is not None}
        case ast.Name() | ast.Attribute():
            return _class(_dotted(node))()
        case _:
            try:
                return ast.literal_eval(node)
            except ValueError:
                raise SandboxError(f"{ast.unparse(node)!r} is not allowed in a River model") from None


def build(expression: str) -> Any:
    """Return the River model that `expression` describes; a name without brackets is called without arguments."""
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except SyntaxError as error:
        raise SandboxError(f"river:{expression}: not a model: {error.msg}") from None
    return _value(tree.body)
