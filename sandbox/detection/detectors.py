"""Detectors by name: River's, your own, and dummies that do not listen."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.errors import SandboxError, one_line, suggestion
from sandbox.interfaces import check_range
from sandbox.names import split_settings
from sandbox.user_files import is_file, load_file

DUMMIES = {"always": 1, "never": 0, "every-hundred": 100}  # one alarm in so many decisions, 0: none


@dataclass(frozen=True)
class Detector:
    """A detector and its settings.

    `setting`: what makes it more sensitive, from `strict` to `loose`, empty if that is not known. `binary`: whether it
    only understands 0 and 1. `every`: for a dummy, see `DUMMIES`.
    """

    name: str
    make: Callable[..., Any]
    settings: dict[str, Any] = field(default_factory=dict)
    setting: str = ""
    strict: float = math.nan
    loose: float = math.nan
    binary: bool = False
    raised: str = ""
    every: int | None = None

    def __str__(self) -> str:
        told = ",".join(f"{key}={_short(value)}" for key, value in self.settings.items())
        return f"{self.name}:{told}" if told else self.name

    @property
    def is_dummy(self) -> bool:
        """Whether it does not listen."""
        return self.every is not None

    @property
    def tuned(self) -> str:
        """What it is called where its sensitivity is found for it: without that setting."""
        kept = {key: value for key, value in self.settings.items() if key not in (self.setting, self.raised)}
        return str(replace(self, settings=kept))

    def at_level(self, level: float) -> Detector:
        """Return it with another sensitivity: 0 is the strictest, 1 the loosest, evenly on a logarithmic scale."""
        value = self.strict * math.exp(level * math.log(self.loose / self.strict))
        changed = {self.setting: value}
        if self.raised:
            changed[self.raised] = max(value, self.settings.get(self.raised, 0.0), 0.95)
        return replace(self, settings=self.settings | changed)

    def fresh(self, seed: int) -> Any:
        """Return a new one for the run of a seed; what it draws is seeded by that, where it can be."""
        settings = dict(self.settings)
        known = _parameters(self.make)
        if "seed" in known and "seed" not in settings:
            settings["seed"] = seed
        try:
            made = self.make(**settings)
        except SandboxError:
            raise
        except Exception as error:
            raise SandboxError(f"{self} cannot be made: {one_line(error)}") from error
        if not callable(getattr(made, "update", None)) or not hasattr(made, "drift_detected"):
            raise SandboxError(f"{self.name} is no detector: it needs update(value) and drift_detected")
        return made


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else repr(value)


def _parameters(make: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(make).parameters
    except (TypeError, ValueError):  # something that does not say what it takes
        return {}


def detector_of(text: str) -> Detector:
    """Return the detector of a name such as `adwin:delta=0.01` or `mine.py:Mine`.

    A class of your own may say how it is made more sensitive by `sensitivity = ("threshold", 50.0, 0.5)`: a setting,
    its strictest and its loosest value, both above 0.
    """
    parts, settings = split_settings(text)
    if is_file(parts, (".py",)):
        if len(parts) != 2:
            raise SandboxError(f"{text!r}: say which class, as in {parts[0]}:MyDetector")
        made = _own(":".join(parts), load_file(parts[0], parts[1]), settings)
    elif parts[0] in DUMMIES and len(parts) == 1:
        if settings:
            raise SandboxError(f"{text!r}: {parts[0]} has no settings")
        return Detector(parts[0], dict, every=DUMMIES[parts[0]])
    else:
        made = _of_river(text, parts, settings)
    known = _parameters(made.make)
    open_ended = any(p.kind is p.VAR_KEYWORD for p in known.values())
    for key in settings:
        if known and key not in known and not open_ended:
            has = suggestion(key, known) or f"; it has {', '.join(known)}"
            raise SandboxError(f"{text!r} has no setting {key!r}{has}")
    made.fresh(0)
    return made


def offers() -> Mapping[str, Any]:
    """Return what River has, by our names."""
    found: Mapping[str, Any] = importlib.import_module("sandbox.agents.adapters.river_detectors").OFFERS
    return found


def _of_river(text: str, parts: list[str], settings: dict[str, Any]) -> Detector:
    known = offers()
    if parts[0] not in known or len(parts) != 1:
        near = suggestion(parts[0], [*known, *DUMMIES])
        raise SandboxError(f"there is no detector {text!r}{near or '; there are ' + ', '.join([*known, *DUMMIES])}")
    offer = known[parts[0]]
    if offer.setting in settings:
        low, high = sorted((offer.strict, offer.loose))
        check_range(parts[0], offer.setting, settings[offer.setting], min(low, 1e-300), high)
    return Detector(
        parts[0], offer.made, settings, offer.setting, offer.strict, offer.loose, offer.binary, offer.raised
    )


def _own(name: str, thing: Any, settings: dict[str, Any]) -> Detector:
    if not callable(thing):
        raise SandboxError(f"{name} is no class of detectors: every run needs a fresh one")
    told = getattr(thing, "sensitivity", None)
    if told is None:
        return Detector(name, thing, settings)
    try:
        setting, strict, loose = told
        sound = str(setting).isidentifier() and 0 < strict < math.inf and 0 < loose < math.inf and strict != loose
    except (TypeError, ValueError):
        sound = False
    if not sound:
        raise SandboxError(f'{name}: sensitivity={told!r} is not understood; write ("threshold", 50.0, 0.5)')
    return Detector(name, thing, settings, setting, float(strict), float(loose))
