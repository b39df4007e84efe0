"""The grammar of names: `NAME:key=value,key=value`, values as Python literals, brackets protecting commas."""

from __future__ import annotations

import ast
import re
import threading
import warnings
from typing import Any

from sandbox.errors import SandboxError

_ENV_ID = re.compile(r"-v\d+$")
_OPEN, _CLOSE = "([{", ")]}"
_PARSING = threading.Lock()  # two threads may not parse at once (Python 3.11), nor set warnings aside


def split_outside(text: str, separator: str) -> list[str]:
    """Split at `separator` where it is not inside brackets or quotes."""
    parts, open_brackets, quote, start, escaped = [], "", "", 0, False
    for at, char in enumerate(text):
        if quote:
            if char == quote and not escaped:
                quote = ""
            escaped = char == "\\" and not escaped
        elif char in "'\"":
            quote = char
        elif char in _OPEN:
            open_brackets += char
        elif char in _CLOSE:
            if not open_brackets or _OPEN.index(open_brackets[-1]) != _CLOSE.index(char):
                raise SandboxError(f"{text!r}: {char!r} closes no bracket")
            open_brackets = open_brackets[:-1]
        elif char == separator and not open_brackets:
            parts.append(text[start:at])
            start = at + 1
    if quote or open_brackets:
        raise SandboxError(f"{text!r}: a bracket or quote is not closed")
    return [*parts, text[start:]]


def literal(text: str) -> Any:
    """Return the Python literal that `text` is, else the text itself."""
    try:
        with _PARSING, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the parser, about text that only resembles a literal
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
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
    if "river" in parts[1:]:  # a model inside another agent
        at = parts.index("river", 1)
        return [*parts[:at], ":".join(parts[at:])], {}
    if len(parts) > 1 and "=" in parts[-1]:
        return parts[:-1], parse_settings(parts[-1], name)
    return parts, {}


def is_env_id(name: str) -> bool:
    """Whether a name is a Gymnasium id: it ends in -v and a number."""
    return _ENV_ID.search(name) is not None


def expand(name: str) -> list[str]:
    """Expand shell-style sweeps such as `q-learning:step_size={0.1,0.5}` where the shell did not.

    Braces with a colon inside are a Python dict, braces without a comma a set, and both stay as they are.
    """
    for match in re.finditer(r"=\{", name):
        end = _closing(name, match.end() - 1)
        inside = name[match.end() : end]
        options = split_outside(inside, ",")
        if len(options) > 1 and len(split_outside(inside, ":")) == 1:
            rests = expand(name[end + 1 :])
            return [f"{name[: match.start()]}={option.strip()}{rest}" for option in options for rest in rests]
    return [name]


def _closing(text: str, start: int) -> int:
    """Return where the bracket that opens at `start` is closed."""
    for end in range(start + 1, len(text)):
        if text[end] in _CLOSE:
            try:
                split_outside(text[start : end + 1], ",")
            except SandboxError:
                continue
            return end
    raise SandboxError(f"{text!r}: a bracket or quote is not closed")
