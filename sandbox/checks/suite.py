"""How checks are run: each by itself, and only where what it builds on holds."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

from sandbox.checks.state import pinned_chance
from sandbox.errors import one_line

Check = Callable[[Any], None]
_AnyCheck = TypeVar("_AnyCheck", bound=Check)
_NEEDS: dict[str, tuple[str, ...]] = {}


class CheckError(Exception):
    """What a check found wrong, in one line."""


class SkipError(Exception):
    """Why a check has nothing to look at, in one line."""


class CheckResult(NamedTuple):
    """What one check said.

    `check` is its name and `text` what holds where it passes. `message` says what is wrong or, where it passed without
    being looked at, why: what it builds on failed already, or there is nothing to look at. Else it is empty.
    """

    check: str
    passed: bool
    message: str
    text: str


def needs(*checks: Check) -> Callable[[_AnyCheck], _AnyCheck]:
    """Say that a check makes sense only where `checks` pass: one fault is then reported once."""

    def mark(check: _AnyCheck) -> _AnyCheck:
        _NEEDS[_full_name(check)] = tuple(_full_name(one) for one in checks)
        return check

    return mark


def _full_name(check: Check) -> str:
    return f"{getattr(check, '__module__', '')}.{getattr(check, '__name__', '')}"


def checks_in(family: ModuleType) -> list[Check]:
    """Return the checks of a module, in their order: its functions named `check_…`."""
    return [
        found
        for name, found in vars(family).items()
        if name.startswith("check_") and getattr(found, "__module__", "") == family.__name__
    ]


def run_family(family: Sequence[ModuleType], subject: Any) -> list[CheckResult]:
    """Run every check of some modules, in their order, on `subject`; a crash inside a check is its failure."""
    results: list[CheckResult] = []
    stuck: dict[str, str] = {}  # checks that failed or could not be looked at, by the check that failed
    for check in (found for module in family for found in checks_in(module)):
        full = _full_name(check)
        name = full.rpartition(".check_")[2]
        text = (check.__doc__ or "").split("\n")[0]
        blamed = next((stuck[one] for one in _NEEDS.get(full, ()) if one in stuck), None)
        if blamed is not None:
            stuck[full] = blamed
            results.append(CheckResult(name, True, f"not looked at, because {blamed} failed", text))
            continue
        passed, message = _run(check, subject)
        if not passed:
            stuck[full] = name
        results.append(CheckResult(name, passed, message, text))
    return results


def _run(check: Check, subject: Any) -> tuple[bool, str]:
    try:
        with warnings.catch_warnings(), pinned_chance(0):
            warnings.simplefilter("ignore")
            check(subject)
    except SkipError as reason:
        return True, f"nothing to look at: {reason}"
    except CheckError as fault:
        return False, " ".join(str(fault).split())
    except Exception as error:
        return False, one_line(error)
    return True, ""
