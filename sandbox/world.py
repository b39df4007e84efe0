"""Worlds as a study sees them: something with spaces and a law that an agent can be run in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from gymnasium import spaces

from sandbox.drift import Schedule, Specs, parse_drifts
from sandbox.errors import SandboxError
from sandbox.feedback import Feedback, parse_feedback
from sandbox.interfaces import Agent
from sandbox.trace import Meta, Sink


@dataclass(frozen=True)
class Budget:
    """How long a run lasts: `steps` decisions or `episodes` episodes, whichever ends first; None: not limited by it."""

    steps: int | None = None
    episodes: int | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "episodes"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise SandboxError(f"{name}={value!r} is out of range: a run has at least 1")


@dataclass(frozen=True)
class Terms:
    """On what terms a world is met: how it drifts, how it answers, and whether it is always run in the open loop."""

    drift: Schedule = field(default_factory=Schedule)
    feedback: Feedback = field(default_factory=Feedback)
    plain: bool = False


def make_terms(drift: Specs = None, feedback: str | Feedback | None = None, plain: bool = False) -> Terms:
    """Return the terms that the texts of the command line describe."""
    return Terms(Schedule(parse_drifts(drift)), parse_feedback(feedback), plain)


def check_one_sided(name: str, feedback: Feedback, choices: spaces.Space[Any], names: Sequence[str] = ()) -> None:
    """Refuse, in one line, feedback for choices that a world does not have; `names`: what its choices are called."""
    if not isinstance(choices, spaces.Discrete):
        raise SandboxError(f"{name}: one-sided feedback needs choices that can be counted")
    feedback.answered(int(choices.n), names)


class World(Protocol):
    """What a study needs of a world."""

    name: str
    settings: dict[str, Any]
    terms: Terms

    def under(self, terms: Terms) -> Self:
        """Return this world on other terms; raise `SandboxError` if it cannot be met on them."""

    @property
    def schedule(self) -> Schedule:
        """Which concept is in force when."""

    def twin(self, concept: int) -> Self:
        """Return the world in which `concept` is in force always, with the same luck for the same seed."""

    def why_plain(self, agent: Agent) -> str:
        """Return why an agent, whose `begin` was called, is run here in the open loop; "" if it is compiled."""

    @property
    def observation_space(self) -> spaces.Space[Any]:
        """Space of observations."""

    @property
    def choice_space(self) -> spaces.Space[Any]:
        """Space of choices."""

    @property
    def meta(self) -> Meta:
        """What a reader of its traces must know."""

    def budget(self, wanted: Budget) -> Budget:
        """Return `wanted`, or the budget that the world suggests where nothing was asked."""

    def decisions(self, budget: Budget) -> int | None:
        """Return how many decisions a run of this budget makes, None if that is not known beforehand."""

    def run(self, agent: Agent, seed: int, budget: Budget, sink: Sink) -> str:
        """Run an agent once and hand its trace to `sink`; return why in the open loop, "" if it was compiled."""

    def insider(self, name: str, epsilon: float = 0.1) -> Agent:
        """Return the agent of this name that is told the law; `epsilon`: the share of exploring of `best-soft`."""

    def oracle(self, epsilon: float | None = None) -> dict[str, Any]:
        """Return the oracle's numbers; with `epsilon` those of policies that explore this share, too."""
