"""Sensitivity: how a metric answers to one setting of an agent, all its other settings held."""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sandbox.comparison.intervals import Interval
from sandbox.errors import SandboxError
from sandbox.metrics import METRICS
from sandbox.names import literal, split_settings
from sandbox.result import Result
from sandbox.wrapping import heads_of, innermost
from sandbox.yardsticks import is_yardstick

if TYPE_CHECKING:
    from sandbox.agent_result import AgentResult

_DECADE = 10.0  # the ratio of values from which on their axis is logarithmic


@dataclass(frozen=True)
class Point:
    """An agent at one value of the setting: the metric over its runs, and in each of them (NaN: the run failed)."""

    value: Any
    agent: str
    interval: Interval
    by_seed: tuple[float, ...]


@dataclass(frozen=True)
class Line:
    """One family of agents that differ in the setting alone, by ascending value."""

    label: str
    points: tuple[Point, ...]

    def best(self, better: str) -> Point | None:
        """Return the point with the best mean, the first of equals; None if none has one or neither way is better."""
        known = [point for point in self.points if not math.isnan(point.interval.mean)]
        if not known or better not in ("higher", "lower"):
            return None
        return (max if better == "higher" else min)(known, key=lambda point: point.interval.mean)


@dataclass(frozen=True)
class Sensitivity:
    """A metric against one setting: a line for each family that varies it."""

    setting: str
    metric: str
    lines: tuple[Line, ...]

    @property
    def values(self) -> list[Any]:
        """Return every value of the setting once: numbers ascending, then what is no number as it came."""
        found: list[Any] = []
        for point in (point for line in self.lines for point in line.points):
            if not any(_same(point.value, value) for value in found):
                found.append(point.value)
        return sorted(found, key=_rank)

    @property
    def scale(self) -> str:
        """How the values lie on their axis: "linear", "log", or "even", each at the same distance from the next.

        Texts lie evenly. Numbers do where they span a decade or more and one is not positive, and are so uneven that
        a linear axis would not tell them apart. Of the others over a decade "log" is for those that it spaces better.
        """
        values = self.values
        if not all(map(is_number, values)):
            return "even"
        sizes = [abs(value) for value in values if value != 0]
        if len(sizes) < 2 or max(sizes) / min(sizes) < _DECADE:
            return "linear"
        if min(values) > 0:
            logs = [math.log(value) for value in values]
            return "log" if len(values) == 2 or _unevenness(logs) < _unevenness(values) else "linear"
        return "even" if _unevenness(values) >= _DECADE else "linear"


def _unevenness(values: Sequence[float]) -> float:
    """Return the largest step between neighbours, as a multiple of the smallest; `values` ascend."""
    steps = [after - before for before, after in pairwise(values)]
    return max(steps) / min(steps) if min(steps) > 0 else math.inf


def is_number(value: Any) -> bool:
    """Whether a setting's value is a number that an axis can hold; truth values are not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def sensitivities(result: Result, metric: str | None = None) -> list[Sensitivity]:
    """Return how `metric` (None: the headline) answers to every setting of which a family of agents has two values.

    A family: agents of one name whose other settings are the same. Raise `SandboxError` if there is no such metric.
    """
    metric = metric or result.headline
    if metric not in METRICS:
        raise SandboxError(f"there is no metric {metric!r}")
    told = [(agent, *family_of(agent)) for agent in result.agents if not is_yardstick(agent.name)]
    bases = dict.fromkeys(base for _, base, _ in told)
    settings = dict.fromkeys(key for _, _, own in told for key in own)
    found = []
    for setting in settings:
        lines: list[Line] = []
        for base in bases:
            of_base = [(agent, own) for agent, name, own in told if name == base and setting in own]
            lines += _lines(base, setting, metric, of_base)
        if lines:
            found.append(Sensitivity(setting, metric, tuple(lines)))
    return found


def _lines(base: str, setting: str, metric: str, of_base: list[tuple[AgentResult, dict[str, Any]]]) -> Iterator[Line]:
    """Yield a line for each combination of the other settings that has two values of this one."""
    groups: dict[str, list[tuple[AgentResult, dict[str, Any]]]] = {}
    for agent, own in of_base:
        if _is_plain(own[setting]):
            groups.setdefault(repr(sorted((k, v) for k, v in own.items() if k != setting)), []).append((agent, own))
    chosen: list[tuple[dict[str, Any], tuple[Point, ...]]] = []
    for members in groups.values():
        points: list[Point] = []
        for agent, own in members:
            if not any(_same(own[setting], point.value) for point in points):  # a default, spelled out: the same agent
                by_seed = tuple(agent.values(metric))
                points.append(Point(own[setting], agent.name, agent.interval(metric), by_seed))
        if len(points) > 1:
            chosen.append((members[0][1], tuple(sorted(points, key=lambda point: _rank(point.value)))))
    varied = [
        key
        for key in (chosen[0][0] if chosen else {})
        if key != setting and len({repr(own.get(key)) for own, _ in chosen}) > 1
    ]
    for own, ordered in chosen:
        yield Line(", ".join([base, *(f"{key}={own.get(key)}" for key in varied)]), ordered)


def family_of(agent: AgentResult) -> tuple[str, dict[str, Any]]:
    """Return an agent's name without its settings, and these, defaults included; values as they are, not as text."""
    if agent.name.startswith("river:"):
        return _river_family(agent.name)
    own = {key: literal(value) if isinstance(value, str) else value for key, value in agent.settings.items()}
    try:
        if heads := heads_of(agent.name):  # whose settings are told as those of who is inside
            return ":".join([*heads, family_of(replace(agent, name=innermost(agent.name), settings={}))[0]]), own
        parts, written = split_settings(agent.name)
    except SandboxError:  # an object's own name is any text
        parts, written = [agent.name], {}
    base = re.sub(r" \d+$", "", ":".join(parts))  # of two objects of one class the second is called NAME 2
    return base, own | written


def _river_family(name: str) -> tuple[str, dict[str, Any]]:
    """Return a River model with its numbers and texts blanked out, and these, named as CLASS.argument."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the parser
            tree = ast.parse(name[len("river:") :].strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return name, {}
    found: dict[str, Any] = {}
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        of = ast.unparse(call.func).rpartition(".")[2]
        for k, value in enumerate(call.args):
            call.args[k] = _blank(f"{of} (argument {k + 1})", value, found)
        for keyword in call.keywords:
            keyword.value = _blank(f"{of}.{keyword.arg}", keyword.value, found)
    return "river:" + ast.unparse(tree), found


def _blank(key: str, value: ast.expr, found: dict[str, Any]) -> ast.expr:
    """Take a constant into `found` and return a blank for it; return what is none as it is."""
    try:
        constant = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return value
    name, turn = key, 1
    while name in found:  # the same argument of a second call
        name, turn = f"{key} ({turn + 1})", turn + 1
    found[name] = constant
    return ast.Name("…", ast.Load())


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool | type(None) | list | tuple)


def _same(a: Any, b: Any) -> bool:
    return bool(a == b) if is_number(a) and is_number(b) else repr(a) == repr(b)


def _rank(value: Any) -> tuple[bool, float]:
    return (False, float(value)) if is_number(value) else (True, 0.0)
