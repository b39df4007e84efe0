"""What holds of every agent, and of every River estimator as an agent."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.checks.grounds import (
    GROUNDS,
    AgentSubject,
    Ground,
    choice_in,
    lessons,
    misfit,
    outcome,
    play,
    playing,
    price_of_abstaining,
    start,
)
from sandbox.checks.state import Frozen, changed, frozen, pinned_chance, remember_chance
from sandbox.checks.suite import CheckError, needs
from sandbox.errors import one_line
from sandbox.interfaces import Decision, settings_of


def _settings(subject: AgentSubject) -> list[inspect.Parameter]:
    """Return the parameters of its constructor; of a learner around another, all but that one."""
    loose = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    agent = subject.make()
    parts = inspect.signature(type(agent)).parameters.values()
    return [p for p in parts if p.kind not in loose and not hasattr(getattr(agent, p.name, None), "act")]


def _differ(first: Sequence[Frozen], second: Sequence[Frozen]) -> int | None:
    """Return the step at which two runs differ, None if they do not."""
    return next((k for k, pair in enumerate(zip(first, second, strict=True)) if pair[0] != pair[1]), None)


def _expect_same(first: Sequence[Frozen], second: Sequence[Frozen], ground: Ground, said: str) -> None:
    step = _differ(first, second)
    if step is not None:
        raise CheckError(f"{said}: on {ground.name} the decision of step {step} differs")


def check_makes_itself(subject: AgentSubject) -> None:
    """It can be made, and every constructor argument has a default."""
    missing = [part.name for part in _settings(subject) if part.default is part.empty]
    if missing and not subject.is_estimator:
        raise CheckError(f"the constructor's {', '.join(missing)} has no default, so its name alone does not make it")


@needs(check_makes_itself)
def check_keeps_its_settings(subject: AgentSubject) -> None:
    """Every constructor argument is kept as an attribute of the same name, so that it is stored with the run."""
    agent = subject.make()
    missing = [part.name for part in _settings(subject) if not hasattr(agent, part.name)]
    if missing:
        raise CheckError(f"the setting {', '.join(missing)} is not kept as an attribute of the same name")


@needs(check_makes_itself)
def check_takes_some_ground(subject: AgentSubject) -> None:
    """It takes some kind of question: `begin` raises SandboxError only where the spaces do not fit."""
    if not subject.grounds:
        raise CheckError(f"begin refuses every kind of question, {GROUNDS[0].name} with {_first(subject.refusals)!r}")


def _first(found: dict[str, str]) -> str:
    return next(iter(found.values()), "")


@needs(check_makes_itself)
def check_plays(subject: AgentSubject) -> None:
    """It acts and learns on what it takes, through the ends of episodes."""
    for ground in subject.grounds:
        try:
            play(subject.make(), ground, 0)
        except Exception as error:
            raise CheckError(f"on {ground.name} it raised {one_line(error)}") from error


@needs(check_plays)
def check_choices_fit(subject: AgentSubject) -> None:
    """Every choice lies in the choice space, as a code and not as a label, or is None."""
    for ground, decision in _decisions(subject):
        fault = misfit(ground, choice_in(decision))
        if fault:
            raise CheckError(f"on {ground.name} {fault}")


def _decisions(subject: AgentSubject) -> list[tuple[Ground, Any]]:
    found = []
    for ground in subject.grounds:
        agent = subject.make()
        start(agent, ground, 0)
        for step, lesson in enumerate(deepcopy(lessons(ground, 0))):
            decision = agent.act(lesson.observation)
            found.append((ground, deepcopy(decision)))
            agent.learn(outcome(ground, lesson, choice_in(decision), step))
    return found


@needs(check_plays)
def check_confidence_is_a_probability(subject: AgentSubject) -> None:
    """The confidence of a decision is NaN or lies between 0 and 1."""
    for ground, decision in _decisions(subject):
        given = decision.confidence if type(decision) is Decision else math.nan
        if not (given != given or 0.0 <= given <= 1.0 + 1e-9):
            raise CheckError(f"on {ground.name} the confidence is {given}, not a probability")


@needs(check_choices_fit, check_confidence_is_a_probability)
def check_scores_fit(subject: AgentSubject) -> None:
    """Scores are one finite number per choice; beside a confidence they are probabilities that agree with it."""
    for ground, decision in _decisions(subject):
        if type(decision) is not Decision or decision.scores is None:
            continue
        if not isinstance(ground.choice_space, spaces.Discrete):
            raise CheckError(f"on {ground.name} there are scores, and no list of choices to have them")
        scores = np.asarray(decision.scores, dtype=np.float64)
        n_choices = int(ground.choice_space.n)
        if scores.shape != (n_choices,) or not np.isfinite(scores).all():
            raise CheckError(f"on {ground.name} the scores {scores} are not {n_choices} finite numbers")
        if math.isnan(decision.confidence) or decision.choice is None:
            continue
        if scores.min() < -1e-9 or abs(scores.sum() - 1.0) > 1e-6:
            raise CheckError(f"on {ground.name} the scores {scores} beside a confidence are no probabilities")
        if abs(scores[int(decision.choice)] - decision.confidence) > 1e-6:
            raise CheckError(
                f"on {ground.name} the confidence {decision.confidence:g} is not the score of the choice, "
                f"{scores[int(decision.choice)]:g}"
            )


@needs(check_plays)
def check_same_seed_same_choices(subject: AgentSubject) -> None:
    """Two runs with generators of the same seed make the same decisions."""
    for ground in subject.grounds:
        runs = []
        for _ in range(2):
            with pinned_chance(0):
                runs.append(play(subject.make(), ground, 1))
        _expect_same(runs[0], runs[1], ground, "two runs of the same seed differ")


@needs(check_same_seed_same_choices)
def check_leaves_global_chance_alone(subject: AgentSubject) -> None:
    """The global generators of Python and NumPy neither matter to it nor are touched."""
    for ground in subject.grounds:
        runs = []
        for seed in (1, 2):
            with pinned_chance(seed) as touched:
                runs.append(play(subject.make(), ground, 1))
                if touched():
                    raise CheckError(f"on {ground.name} it uses the global random generator; use the rng of begin")
        _expect_same(runs[0], runs[1], ground, "it depends on the global random generator")


@needs(check_leaves_global_chance_alone)
def check_begin_starts_afresh(subject: AgentSubject) -> None:
    """A second run on the same object equals a run on a fresh one."""
    for ground in subject.grounds:
        used = subject.make()
        play(used, ground, 1)
        _expect_same(play(used, ground, 2), play(subject.make(), ground, 2), ground, "begin keeps what was learned")


@needs(check_leaves_global_chance_alone)
def check_shares_nothing(subject: AgentSubject) -> None:
    """Two agents that run at the same time do not disturb each other."""
    for ground in subject.grounds:
        alone = play(subject.make(), ground, 1)
        both = list(zip(*(playing(subject.make(), ground, seed) for seed in (1, 2)), strict=True))
        _expect_same(alone, [pair[0] for pair in both], ground, "another agent of its kind changes its decisions")


@needs(check_plays)
def check_act_leaves_what_learn_changes(subject: AgentSubject) -> None:
    """`act` changes nothing that `learn` changes."""
    for ground in subject.grounds:
        agent = subject.make()
        start(agent, ground, 0)
        by_act, by_learn = set(), set()
        for step, lesson in enumerate(deepcopy(lessons(ground, 0))):
            before = frozen(vars(agent))
            choice = deepcopy(choice_in(agent.act(lesson.observation)))
            between = frozen(vars(agent))
            agent.learn(outcome(ground, lesson, choice, step))
            by_act |= changed(before, between)
            by_learn |= changed(between, frozen(vars(agent)))
        both = sorted(by_act & by_learn)
        if both:
            raise CheckError(f"on {ground.name} act changes {both[0]}, which is what it learned")


@needs(check_leaves_global_chance_alone, check_act_leaves_what_learn_changes)
def check_asking_teaches_nothing(subject: AgentSubject) -> None:
    """Questions that are asked and never answered change neither what it decides nor what it learns."""
    for ground in subject.grounds:
        agent, plain = subject.make(), subject.make()
        said = []
        start(agent, ground, 1)
        given = deepcopy(lessons(ground, 1))
        for step, lesson in enumerate(given):
            restore = remember_chance(agent)
            for other in given[:: len(given) // 4] if step >= 5 else ():  # what is made at first use is made by then
                agent.act(deepcopy(other.observation))
            restore()
            decision = agent.act(lesson.observation)
            said.append(frozen(decision))
            agent.learn(outcome(ground, lesson, choice_in(decision), step))
        _expect_same(play(plain, ground, 1), said, ground, "merely asking it changes it")


@needs(check_plays)
def check_leaves_questions_alone(subject: AgentSubject) -> None:
    """It does not change the observations that it is given."""
    for ground in subject.grounds:
        agent = subject.make()
        start(agent, ground, 0)
        given = deepcopy(lessons(ground, 0))
        before = [frozen(lesson) for lesson in given]
        for step, lesson in enumerate(given):
            agent.learn(outcome(ground, lesson, choice_in(agent.act(lesson.observation)), step))
        if [frozen(lesson) for lesson in given] != before:
            raise CheckError(f"on {ground.name} it changes an observation that it was given")


@needs(check_plays)
def check_settings_stay(subject: AgentSubject) -> None:
    """A run leaves the settings as they were given, so that they describe it."""
    for ground in subject.grounds:
        agent = subject.make()
        before = {name: frozen(value) for name, value in settings_of(agent).items()}
        play(agent, ground, 0)
        for name, value in settings_of(agent).items():
            if frozen(value) != before.get(name):
                raise CheckError(f"on {ground.name} the run changed the setting {name!r}; keep what changes elsewhere")


def _teach(subject: AgentSubject, what: str, change: Callable[[Any, Ground], Any]) -> None:
    """Play with some experiences changed, and say that `what` is not taken if it raises."""
    for ground in subject.grounds:
        agent = subject.make()
        start(agent, ground, 0)
        for step, lesson in enumerate(deepcopy(lessons(ground, 0))):
            came = outcome(ground, lesson, choice_in(agent.act(lesson.observation)), step)
            try:
                agent.learn(change(came, ground) if step % 3 == 1 or (lesson.last and not ground.is_stream) else came)
            except Exception as error:
                raise CheckError(f"on {ground.name}, with {what}, learn raised {one_line(error)}") from error


@needs(check_plays)
def check_takes_truncated(subject: AgentSubject) -> None:
    """`learn` takes an episode that was cut short (`truncated`)."""
    _teach(
        subject,
        "an episode cut short",
        lambda came, ground: came if ground.is_stream else came._replace(terminated=False, truncated=True),
    )


@needs(check_plays)
def check_takes_late_answers(subject: AgentSubject) -> None:
    """`learn` takes what came of earlier decisions, late and in another order."""
    for ground in subject.grounds:
        agent, waiting = subject.make(), []
        start(agent, ground, 0)
        for step, lesson in enumerate(deepcopy(lessons(ground, 0))):
            waiting.append(outcome(ground, lesson, choice_in(agent.act(lesson.observation)), step))
            while step % 4 == 3 and waiting:
                try:
                    agent.learn(waiting.pop())
                except Exception as error:
                    raise CheckError(f"on {ground.name}, with a late answer, learn raised {one_line(error)}") from error


@needs(check_plays)
def check_takes_no_truth(subject: AgentSubject) -> None:
    """`learn` takes an answer that never comes (`truth=None`)."""
    _teach(subject, "truth=None", lambda came, ground: came._replace(truth=None))


@needs(check_plays)
def check_takes_abstention(subject: AgentSubject) -> None:
    """`learn` takes an abstention (`choice=None`)."""
    _teach(
        subject,
        "choice=None",
        lambda came, ground: came._replace(choice=None, reward=price_of_abstaining(ground)),
    )
