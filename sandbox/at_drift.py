"""Two yardsticks of a world that changes: who stops learning when it does, and who then begins anew.

Both wrap any agent, and are told by the world when it begins to change, which no agent is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.drift import Schedule
from sandbox.errors import SandboxError
from sandbox.interfaces import Agent, Decision, Experience
from sandbox.table_walk import CLOCK, Steps, Walk, part_of

_NEVER = 2**63 - 1


def next_change(schedule: Schedule, step: int) -> int:
    """Return the first step after `step` at which a change begins; a random walk, which never ceases, is none."""
    begins = [_NEVER]
    if schedule.pinned is None:
        for drift in schedule.drifts:
            if drift.kind == "recurring":
                begins.append((step // drift.at + 1) * drift.at)
            elif drift.kind != "random-walk" and drift.at > step:
                begins.append(drift.at)
    return min(begins)


class AtDrift:
    """An agent to which something is done when the world begins to change; subclasses say what.

    The world sets `schedule` when a run begins; the twins of a run, whose world never changes, have another.
    """

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.schedule = Schedule()

    @property
    def agent(self) -> Agent:
        """The agent inside."""
        return self._agent

    def begin(self, observation_space: Any, choice_space: Any, rng: Any) -> None:
        """Start a run."""
        self._spaces, self._rng = (observation_space, choice_space), rng
        self._step, self._since = 0, 0
        self._changed = False
        self._agent.begin(observation_space, choice_space, rng)

    def act(self, observation: Any) -> Any:
        """Choose as the agent does."""
        if self._step == self._next():
            self._turn()
        self._step += 1
        return self._agent.act(observation)

    def learn(self, experience: Experience) -> None:
        """Learn as the agent does."""
        self._agent.learn(experience)

    def _next(self) -> int:
        """Return the next step, from here on, at which the world begins to change."""
        return next_change(self.schedule, max(self._step - 1, 0))

    def _turn(self) -> None:
        self._changed, self._since = True, self._step
        self._change()

    def _change(self) -> None:
        """Do what is to be done when the world begins to change."""
        raise NotImplementedError

    def _told(self, told: tuple[bool, ...]) -> tuple[bool, ...]:
        """Return which choices are answered, as far as the agent hears of it."""
        return told

    def fast(self, kind: str, told: tuple[bool, ...], budget: int | None, delay: int) -> Callable[..., int] | str:
        """Return the agent's compiled loop through a table, stopped at each change, or why there is none."""
        if kind != "table":
            return f"{type(self).__name__} is compiled for tables only"
        offered = getattr(self._agent, "fast", None)
        if offered is None:
            return f"{type(self._agent).__name__} has no compiled loop"
        loop = offered(kind, told, budget, delay)
        if isinstance(loop, str):
            return loop

        def advance(walk: Walk, steps: Steps, chance: Any, limits: tuple[int, int]) -> int:
            nonlocal loop
            done, size = 0, len(steps.cell)
            while done < size:
                self._step = int(walk.place[CLOCK])
                if self._step == self._next():
                    self._turn()
                    loop = offered(kind, self._told(told), budget, delay)
                room = min(size - done, next_change(self.schedule, self._step) - self._step)
                made = loop(walk, part_of(steps, done, room), chance, limits)
                done += made
                if made < room:
                    break
            self._step = int(walk.place[CLOCK])
            return done

        return advance


class Frozen(AtDrift):
    """An agent that stops learning when the world first begins to change: what stale knowledge costs."""

    def act(self, observation: Any) -> Any:
        """Choose as the agent does; once frozen, ask for no answer."""
        made = super().act(observation)
        if not self._changed:
            return made
        return (made if isinstance(made, Decision) else Decision(made))._replace(ask=False)

    def learn(self, experience: Experience) -> None:
        """Learn until the world begins to change."""
        if not self._changed:
            super().learn(experience)

    def _change(self) -> None:
        interrupt = getattr(self._agent, "interrupt", None)
        if interrupt is not None:
            interrupt()

    def _told(self, told: tuple[bool, ...]) -> tuple[bool, ...]:
        return (False,) * len(told)


class Reset(AtDrift):
    """An agent that forgets everything whenever the world begins to change: what it costs to begin anew."""

    def learn(self, experience: Experience) -> None:
        """Learn; what was asked before the last change is dropped."""
        if experience.asked_at >= self._since:
            super().learn(experience)

    def _change(self) -> None:
        self._agent.begin(*self._spaces, self._rng)


_KINDS = {"frozen": Frozen, "reset": Reset}


def at_drift(name: str, agent: Agent) -> AtDrift:
    """Return `agent`, frozen or reset at the drift."""
    if isinstance(agent, AtDrift):
        raise SandboxError(f"{name}: an agent is frozen or reset at the drift once")
    return _KINDS[name](agent)


def tell_schedule(agent: Agent, schedule: Schedule) -> None:
    """Tell an agent, if it is one of these, when the world of its run changes."""
    if isinstance(agent, AtDrift):
        agent.schedule = schedule
