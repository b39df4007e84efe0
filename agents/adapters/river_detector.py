"""River's drift detectors, from text such as `ADWIN(delta=0.002)`."""

from __future__ import annotations

from typing import Any

from river import base
from river.drift import binary

from sandbox.errors import SandboxError, one_line

_KINDS = (base.DriftDetector, base.BinaryDriftDetector)


def detector_of(expression: str) -> Any:
    """Return the untouched detector that `expression` describes; raise `SandboxError` if it is none.

    It is one of River's constructors, or a name of `river_detectors`, such as `adwin`.
    """
    from .river_detectors import OFFERS
    from .river_expression import build

    text = str(expression).strip()
    if text in OFFERS:
        return OFFERS[text].made()
    if text.partition("(")[0] in binary.__all__:  # which River's own index leaves out
        text = f"drift.binary.{text}"
    try:
        made = build(text)
    except SandboxError as error:
        raise SandboxError(str(error).replace("river:", "detector=", 1)) from None
    except Exception as error:
        raise SandboxError(f"detector={expression}: {one_line(error)}") from error
    if not isinstance(made, _KINDS):
        raise SandboxError(f"detector={expression}: River's {type(made).__name__} is no drift detector; try ADWIN()")
    return made


def is_binary(detector: Any) -> bool:
    """Whether a detector watches right and wrong alone, and no sizes of errors."""
    return isinstance(detector, base.BinaryDriftDetector)
