"""The grammar of names: `NAME:key=value,key=value`, values as Python literals, brackets protecting commas."""

from __future__ import annotations

import ast
import re
from typing import Any

from sandbox.errors import SandboxError

_ENV_ID = re.compile(r"-v\d+$")
_OPEN, _CLOSE = "([{", ")]}"


def split_outside(text: str, separator: str) -> list[str]:
    """Split at `separator` where it is not inside brackets or quotes."""
    parts, depth, quote, start = [], 0, "", 0
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth -= 1
        elif char == separator and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    if quote or depth:
        raise SandboxError(f"{text!r}: a bracket or quote is not closed")
    return [*parts, text[start:]]


def literal(text: str) -> Any:
    """Return the Python literal that `text` is, else the text itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def parse_settings(text: str, whole: str) -> dict[str, Any]:
    """Return the settings in `key=value,key=value`; `whole` is the name they belong to, for the error."""
    found: dict[str, Any] = {}
    for part in split_outside(text, ","):
        key, equals, value = part.partition("=")
        key = key.strip()
        if not equals or not key.isidentifier():
            raise SandboxError(f"{whole!r}: {part.strip()!r} is no setting; write key=value")
        if key in found:
            raise SandboxError(f"{whole!r}: the setting {key!r} is given twice")
        found[key] = literal(value.strip())
    return found


def split_settings(name: str) -> tuple[list[str], dict[str, Any]]:
    """Return the parts of a name between colons, and its settings, which are the last part if it has a `=`."""
    parts = split_outside(name, ":")
    if len(parts) > 1 and "=" in parts[-1]:
        return parts[:-1], parse_settings(parts[-1], name)
    return parts, {}


def is_env_id(name: str) -> bool:
    """Whether a name is a Gymnasium id: it ends in -v and a number."""
    return _ENV_ID.search(name) is not None


def expand(name: str) -> list[str]:
    """Expand shell-style sweeps such as `q-learning:step_size={0.1,0.5}` where the shell did not.

    Braces with a colon inside are a Python dict and stay as they are.
    """
    match = re.search(r"=\{([^{}:]*,[^{}:]*)\}", name)
    if match is None:
        return [name]
    options = [part.strip() for part in match.group(1).split(",")]
    return [done for option in options for done in expand(f"{name[: match.start()]}={option}{name[match.end() :]}")]
