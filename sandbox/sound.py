"""What a stream may not ask and an agent may not answer, each said in one line; the open loops ask in passing."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

from gymnasium import spaces

from sandbox.errors import RunError

_SLACK = 1.000000001  # a probability that rounding has raised is one
_OFF = 1e-6  # by which probabilities may add up to more than 1
_WIDEST = 60  # signs of a thing that are told


def shortly(thing: Any) -> str:
    """Return what a thing looks like, in one short line."""
    try:
        text = " ".join(repr(thing).split())
    except Exception:  # a whole number of thousands of digits has none, nor need a user's class
        text = f"a {type(thing).__name__} that cannot be shown"
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def check_probability(what: str, value: Any) -> None:
    """Raise `RunError` unless `value` is a probability, or NaN."""
    try:
        sound = bool(value != value or 0.0 <= value <= _SLACK)
    except (TypeError, ValueError):
        sound = False
    if not sound:
        raise RunError(f"the agent's {what} is {shortly(value)}, not a probability")


def check_distribution(confidence: Any, scores: Sequence[float] | None, n_labels: int) -> None:
    """Raise `RunError` unless a confidence, and the scores beside it, are probabilities that add up to 1 at most.

    Less than 1 is left to labels that a model has not met.
    """
    check_probability("confidence", confidence)
    if scores is None:
        return
    try:
        count, total, least = len(scores), sum(scores), min(scores)
        sound = bool(total <= 1.0 + _OFF and least >= 0.0)
    except (TypeError, ValueError):
        raise RunError(f"the agent's scores {shortly(scores)} are no probabilities") from None
    if count != n_labels:
        raise RunError(f"the agent gave {count} probabilities, and there are {n_labels} labels")
    if not sound:
        raise RunError(f"the scores are no probabilities: the smallest is {least:g}, their sum {total:g}")


def likelihood_of(confidence: float, scores: Sequence[float] | None, code: float, truth: float, n_labels: int) -> float:
    """Return the probability that the agent gave to the truth, NaN where its confidence alone does not say."""
    check_distribution(confidence, scores, n_labels)
    if scores is not None:
        return scores[int(truth)]
    if n_labels == 2:
        return confidence if code == truth else 1.0 - confidence
    return math.nan


def unsound(question: Any, n_labels: int) -> RunError:
    """Return what is wrong with a question whose label is none, or that is no question at all."""
    if not isinstance(question, tuple) or not hasattr(question, "truth"):
        return RunError(f"the stream gave {shortly(question)}, which is no Question")
    truth = question.truth
    if isinstance(truth, numbers.Real) and not math.isfinite(truth):
        return RunError(f"the stream gave the label {truth}")
    wanted = f", outside 0..{n_labels - 1}; a label's code is wanted" if n_labels else ", which is no number"
    return RunError(f"the stream gave the label {shortly(truth)}{wanted}")


def check_rewards(rewards: Sequence[float], n_choices: int) -> None:
    """Raise `RunError` unless each choice has a finite reward, or a finite value."""
    if n_choices and len(rewards) != n_choices:
        raise RunError(f"the stream gave {len(rewards)} rewards or values for {n_choices} choices")
    total = sum(rewards)
    if total - total != 0.0:
        raise RunError(f"the stream gave the rewards or values {shortly(tuple(rewards))}")


def check_fits(observation: Any, space: spaces.Space[Any]) -> None:
    """Raise `RunError` if a question is not as it was declared, so that no agent can be blamed."""
    if not isinstance(space, spaces.Dict):
        return
    if not isinstance(observation, Mapping):
        raise RunError(f"the stream gave the question {shortly(observation)}, which is no dictionary of features")
    for name, part in space.spaces.items():
        if name not in observation:
            raise RunError(f"the question has no feature {name!r}, and the agent needs it")
        value = observation[name]
        if isinstance(part, spaces.Box) and part.shape == () and isinstance(value, str | None):
            raise RunError(f"feature {name!r} is {shortly(value)}, and the stream declares a number")
