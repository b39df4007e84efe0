"""What holds of every Gymnasium environment; and, where it carries a table of its law, that it follows it."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterator
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from sandbox.checks import tables
from sandbox.checks.state import Frozen, frozen, pinned_chance
from sandbox.checks.suite import CheckError, SkipError, needs
from sandbox.errors import one_line
from sandbox.interfaces import Experience
from sandbox.loop import run_episodes
from sandbox.table import Table
from sandbox.table_env import DriftClock

_STEPS = 300


@dataclass
class EnvironmentSubject:
    """The environment under check; `make` gives a fresh one and `law` its table, or why there is none."""

    make: Callable[[], gym.Env[Any, Any]]
    law: Callable[[gym.Env[Any, Any]], Table | str]

    @cached_property
    def table(self) -> Table:
        """The table of its law."""
        with closing(self.make()) as env:
            law = self.law(env)
        if isinstance(law, str):
            raise SkipError(law)
        return law

    @cached_property
    def sample(self) -> tables.Sample:
        """What was seen of the law; of the first one, where it drifts."""
        env = self.make()
        if isinstance(env.unwrapped, DriftClock) and env.unwrapped.schedule:
            env.unwrapped.schedule = env.unwrapped.schedule.pin(0)
        return tables.draw_sample(env, self.table)


class Moment(NamedTuple):
    """One step, or a reset: then there is no reward."""

    observation: Any
    reward: Any
    terminated: Any
    truncated: Any
    info: Any


def _playing(env: gym.Env[Any, Any], seed: int) -> Iterator[Moment]:
    """Reset with a seed and play random choices of the same seed."""
    choices = deepcopy(env.action_space)
    choices.seed(seed)
    yield _reset(env, seed=seed)
    for _ in range(_STEPS):
        came = env.step(choices.sample())
        if not isinstance(came, tuple) or len(came) != 5:
            raise CheckError("step does not return (observation, reward, terminated, truncated, info)")
        yield Moment(*came)
        if came[2] or came[3]:
            yield _reset(env)


def _reset(env: gym.Env[Any, Any], seed: int | None = None) -> Moment:
    came = env.reset() if seed is None else env.reset(seed=seed)
    if not isinstance(came, tuple) or len(came) != 2:
        raise CheckError("reset does not return (observation, info)")
    return Moment(came[0], None, False, False, came[1])


def _moments(subject: EnvironmentSubject, seed: int = 0) -> list[Moment]:
    with closing(subject.make()) as env:
        return list(_playing(env, seed))


def _course(env: gym.Env[Any, Any], seed: int) -> Iterator[Frozen]:
    return (frozen(moment[:4]) for moment in _playing(env, seed))


def _play(subject: EnvironmentSubject, seed: int) -> list[Frozen]:
    with closing(subject.make()) as env:
        return list(_course(env, seed))


def _expect_same(first: list[Frozen], second: list[Frozen], said: str) -> None:
    for step, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            raise CheckError(f"{said}, from step {step} on" if step else f"{said}, from the first observation on")


def check_declares_spaces(subject: EnvironmentSubject) -> None:
    """It can be made and declares `observation_space` and `action_space`."""
    with closing(subject.make()) as env:
        for name in ("observation_space", "action_space"):
            if not isinstance(getattr(env, name, None), spaces.Space):
                raise CheckError(f"{name} is no Gymnasium space")


@needs(check_declares_spaces)
def check_plays(subject: EnvironmentSubject) -> None:
    """`reset` and `step` take what they should and return what they should."""
    try:
        _moments(subject)
    except CheckError:
        raise
    except Exception as error:
        raise CheckError(f"while playing random choices it raised {one_line(error)}") from error


@needs(check_plays)
def check_observations_fit(subject: EnvironmentSubject) -> None:
    """Every observation lies in the observation space."""
    with closing(subject.make()) as env:
        for step, moment in enumerate(_playing(env, 0)):
            if not env.observation_space.contains(moment.observation):
                raise CheckError(f"step {step}: {moment.observation!r} lies outside {env.observation_space}")


@needs(check_plays)
def check_observations_are_finite(subject: EnvironmentSubject) -> None:
    """No observation holds an infinite number."""
    for step, moment in enumerate(_moments(subject)):
        for value in _numbers(moment.observation):
            if not np.isfinite(value).all():
                raise CheckError(f"step {step}: the observation {moment.observation!r} is not finite")


def _numbers(observation: Any) -> Iterator[Any]:
    if isinstance(observation, dict):
        observation = tuple(observation.values())
    if isinstance(observation, tuple | list):
        for part in observation:
            yield from _numbers(part)
    elif isinstance(observation, np.ndarray | float) and np.issubdtype(np.asarray(observation).dtype, np.floating):
        yield observation


@needs(check_plays)
def check_rewards_are_numbers(subject: EnvironmentSubject) -> None:
    """Every reward is one finite number."""
    for step, moment in enumerate(_moments(subject)):
        reward = moment.reward
        if reward is not None and not (isinstance(reward, numbers.Real) and math.isfinite(reward)):
            raise CheckError(f"step {step}: the reward is {reward!r}, not a finite number")


@needs(check_plays)
def check_ends_are_two_bools(subject: EnvironmentSubject) -> None:
    """`terminated` and `truncated` are two truth values."""
    for step, moment in enumerate(_moments(subject)):
        for name in ("terminated", "truncated"):
            if not isinstance(getattr(moment, name), bool | np.bool_):
                raise CheckError(f"step {step}: {name} is {getattr(moment, name)!r}, not True or False")


@needs(check_plays)
def check_info_is_a_dict(subject: EnvironmentSubject) -> None:
    """What comes beside an observation is a dict."""
    for step, moment in enumerate(_moments(subject)):
        if not isinstance(moment.info, dict):
            raise CheckError(f"step {step}: info is {moment.info!r}, not a dict")


@needs(check_plays)
def check_same_seed_same_course(subject: EnvironmentSubject) -> None:
    """Two environments reset with the same seed answer the same choices alike."""
    runs = []
    for _ in range(2):
        with pinned_chance(0):
            runs.append(_play(subject, 1))
    _expect_same(runs[0], runs[1], "two runs of the same seed differ")


@needs(check_same_seed_same_course)
def check_leaves_global_chance_alone(subject: EnvironmentSubject) -> None:
    """The global generators of Python and NumPy neither matter to it nor are touched."""
    runs = []
    for seed in (1, 2):
        with pinned_chance(seed) as touched:
            runs.append(_play(subject, 1))
            if touched():
                raise CheckError("it uses the global random generator; draw from self.np_random")
    _expect_same(runs[0], runs[1], "it depends on the global random generator")


@needs(check_leaves_global_chance_alone)
def check_reset_starts_afresh(subject: EnvironmentSubject) -> None:
    """After a run, reset with a seed starts the same course as in a fresh environment."""
    with closing(subject.make()) as env:
        list(_playing(env, 1))
        _expect_same(list(_course(env, 2)), _play(subject, 2), "an earlier run changes what follows reset(seed=...)")


@needs(check_leaves_global_chance_alone)
def check_shares_nothing(subject: EnvironmentSubject) -> None:
    """Two environments played at the same time do not disturb each other."""
    with closing(subject.make()) as one, closing(subject.make()) as other:
        both = list(zip(_course(one, 1), _course(other, 2), strict=False))
    _expect_same(_play(subject, 1), [pair[0] for pair in both], "another environment of its kind changes it")


@needs(check_plays)
def check_observations_stay(subject: EnvironmentSubject) -> None:
    """An observation that was handed out is not changed later."""
    with closing(subject.make()) as env:
        kept = [(moment.observation, frozen(moment.observation)) for moment in _playing(env, 0)]
    for step, (observation, before) in enumerate(kept):
        if frozen(observation) != before:
            raise CheckError(f"the observation of step {step} was changed afterwards; hand out a copy")


class _Plain:
    """Chooses at random, in plain Python numbers where choices are discrete, as our agents do."""

    def begin(self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: Any) -> None:
        self.space = deepcopy(choice_space)
        self.space.seed(0)

    def act(self, observation: Any) -> Any:
        choice = self.space.sample()
        return int(choice) if isinstance(self.space, spaces.Discrete) else choice

    def learn(self, experience: Experience) -> None:
        pass


@needs(check_observations_fit, check_observations_are_finite, check_rewards_are_numbers, check_ends_are_two_bools)
def check_runs_in_the_loop(subject: EnvironmentSubject) -> None:
    """The sandbox's own loop, with choices as plain Python numbers, runs it."""
    with closing(subject.make()) as env:
        run_episodes(env, _Plain(), lambda trace: None, seed=0, steps=_STEPS)


@needs(check_observations_fit)
def check_table_can_be_read(subject: EnvironmentSubject) -> None:
    """The table of its law has a row for every state and choice, and each adds up to one."""
    try:
        table = subject.table
    except SkipError as reason:
        if str(reason).startswith("its table"):
            raise CheckError(str(reason)) from None
        raise
    with closing(subject.make()) as env:
        assert isinstance(env.observation_space, spaces.Discrete) and isinstance(env.action_space, spaces.Discrete)
        wanted = (int(env.observation_space.n), int(env.action_space.n))
    if table.n_choices != wanted[1] or (table.follow is None and table.n_observations != wanted[0]):
        found = f"{table.n_observations} states and {table.n_choices} choices"
        raise CheckError(f"its table has {found}, and its spaces {wanted[0]} and {wanted[1]}")


@needs(check_table_can_be_read)
def check_starts_follow_table(subject: EnvironmentSubject) -> None:
    """Episodes start in each state as often as the table says."""
    law = {int(state): float(subject.table.start[state]) for state in np.flatnonzero(subject.table.start)}
    _agree([tables.Case("the first state", subject.sample.starts, law)])


@needs(check_table_can_be_read)
def check_transitions_follow_table(subject: EnvironmentSubject) -> None:
    """Every choice leads to each state as often as the table says."""
    _agree(list(tables.cases(subject.table, subject.sample, 0)))


@needs(check_table_can_be_read, check_rewards_are_numbers)
def check_rewards_follow_table(subject: EnvironmentSubject) -> None:
    """Every transition earns what the table says, as often as it says."""
    _agree(list(tables.cases(subject.table, subject.sample, 1)))


@needs(check_table_can_be_read)
def check_ends_follow_table(subject: EnvironmentSubject) -> None:
    """Every transition ends the episode where the table says."""
    _agree(list(tables.cases(subject.table, subject.sample, 2)))


def _agree(found: list[tables.Case]) -> None:
    fault = tables.disagreement(found)
    if fault:
        raise CheckError(fault)
