"""The open loop of streams: question by question."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import islice
from operator import mul
from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.errors import RunError
from sandbox.feedback import Feedback, Mailbox, told_label
from sandbox.insiders import StreamOracle
from sandbox.interfaces import (
    Agent,
    Decision,
    Experience,
    Labels,
    Number,
    Question,
    Settled,
    Stream,
    label_reward,
    number_reward,
)  # fmt: skip
from sandbox.law_stream import LawStream
from sandbox.loop import agent_rng, blame, mailbox
from sandbox.rows import StreamWriter, code_of, greedy_choice
from sandbox.sound import check_fits, check_rewards, likelihood_of, unsound
from sandbox.trace import CHUNK, Sink


def run_stream(
    stream: Stream,
    agent: Agent,
    sink: Sink,
    *,
    seed: int,
    steps: int | None = None,
    feedback: Feedback | None = None,
    names: Sequence[str] = (),
) -> None:
    """Let `agent` answer the questions of `stream`, at most `steps` of them; hand the trace to `sink`.

    `names`: what its choices are called. Raises `RunError`, naming the step, when the stream or the agent fails; what
    was recorded before is handed on first.
    """
    writer = StreamWriter(sink, stream.extras)
    try:
        agent.begin(stream.observation_space, stream.choice_space, agent_rng(seed))
        _questions(stream, agent, writer, seed, steps, mailbox(feedback, seed, stream.choice_space, names))
    except Exception as error:
        raise blame(error, writer.done) from error
    finally:
        writer.flush()


def _questions(
    stream: Stream, agent: Agent, writer: StreamWriter, seed: int, steps: int | None, mail: Mailbox | None
) -> None:
    """The loop itself, written for speed as the other one is."""
    act, learn, earned, rows, space = agent.act, agent.learn, stream.reward, writer.rows, stream.choice_space
    n_labels = int(space.n) if isinstance(space, Labels) else 0
    n_choices = int(space.n) if isinstance(space, spaces.Discrete) else 0
    sharp = writer.sharpness if n_labels > 2 else None
    oracle = agent if type(agent) is StreamOracle else None
    settling = stream if isinstance(stream, LawStream) and stream.settles else None
    if type(stream).reward is Stream.reward:  # the same rule, without the way to it
        earned = label_reward if n_labels else number_reward
    new = tuple.__new__  # what Experience(...) does, without a call in between
    pack, memory, size, chunk, filled = rows.pack, rows.memory, rows.size, CHUNK, 0
    nan, infinite = math.nan, math.inf
    parts: Sequence[tuple[Any, float]] = ()
    for step, question in enumerate(islice(stream.questions(seed), steps)):
        try:
            observation, truth, cell, group, concept, values, rewards, abstention = question
            if n_labels:
                sound = 0 <= truth < n_labels and truth % 1 == 0
            else:
                sound = -infinite < truth < infinite or values is not None
        except (TypeError, ValueError):
            sound = False
        if not sound:
            raise unsound(question, n_labels)
        if type(observation) is dict:
            try:
                total = sum(observation.values())
                finite = True if total - total == 0 else False  # noqa: SIM210  an array's truth is asked in here
            except (TypeError, ValueError):  # text or arrays among the features
                finite = False
            if not finite:
                _check_features(observation)
        elif isinstance(observation, np.ndarray):
            _check_array(observation)
        if rewards is not None:
            check_rewards(rewards, n_choices)
        if oracle is not None:
            oracle.question = question
        try:
            made = act(observation)
        except Exception:
            check_fits(observation, stream.observation_space)
            raise
        if type(made) is not Decision:
            made = Decision(made)
        choice, confidence, explored, scores, ask = made
        if type(choice) is int and 0 <= choice < n_choices:
            code: float = choice
        else:
            code = nan if choice is None else code_of(choice, space)
            if choice is None and abstention == -infinite:
                raise RunError("the agent abstained, and here one of the choices must be taken")
        greedy = code if not explored else greedy_choice(code, explored, scores)  # before scores can change
        likelihood = nan
        if confidence == confidence and n_labels and choice is not None:
            likelihood = likelihood_of(confidence, scores, code, truth, n_labels)
        if sharp is not None:
            sharp.append(nan if scores is None or likelihood != likelihood else sum(map(mul, scores, scores)))
        told: float | None = truth if n_labels or values is None else None
        if settling is not None:
            settled = settling.settle(question, made)
            best, value, reward, told, vector, parts, reported = settled
            if reported:
                writer.extras.append(reported)
            writer.prices.append((best, value))
            if vector is not None:
                writer.vectors.append(vector)
            told = truth if told is None and truth == truth else told
            heard = reward
            if told is not None and told != truth:  # a reward does not tell what is kept back
                heard = settling.settle(question._replace(truth=told), made).reward
        else:
            reward = earned(question, choice) if rewards is None else abstention if choice is None else rewards[choice]
            heard = reward
        if settling is None and values is not None:
            check_rewards(values, n_choices)
            best = max(values)
            value = abstention if choice is None else values[int(code)]
            writer.prices.append((best if best > abstention else abstention, value))
        if mail is None:
            if parts:
                for part, gained in parts:
                    learn(Experience(observation, part, gained, None, True, False, None, step))
            else:
                learn(new(Experience, (observation, choice, heard, None, True, False, told, step)))
        else:
            due, wrong, shift = mail.answer(step, code, ask)
            writer.answered.append(due)
            for part, gained in parts:
                mail.post(
                    due, Experience(observation, part, -gained if wrong else gained, None, True, False, None, step)
                )
            if parts:
                pass
            elif wrong and settling is not None:
                mail.post(due, _misinformed_of(settling, question, made, settled, shift, step))
            elif wrong:
                mail.post(due, _misinformed(question, choice, space, shift, earned, step))
            else:
                mail.post(due, Experience(observation, choice, heard, None, True, False, told, step))
            for late in mail.arrived(step):
                learn(late)
        pack(memory, filled * size, cell, group, concept, code, greedy, truth, reward, confidence, likelihood)
        rows.filled = filled = filled + 1
        if filled == chunk:
            writer.flush()
            filled = 0


def _misinformed(
    question: Question,
    choice: Any,
    space: spaces.Space[Any],
    shift: float,
    earned: Callable[[Question, Any], float],
    step: int,
) -> Experience:
    """Return what a wrong answer tells: another label and what it would have earned, or the reward's other sign."""
    if isinstance(space, Labels):
        label = told_label(int(question.truth), True, shift, int(space.n))
        reward = earned(question._replace(truth=label), choice)
        if question.rewards is not None and space.rewards is not None:
            reward = question.abstention if choice is None else space.rewards[label][choice]
        return Experience(question.observation, choice, reward, None, True, False, label, step)
    if isinstance(space, Number):
        wrong = question._replace(truth=-question.truth)
        return Experience(question.observation, choice, earned(wrong, choice), None, True, False, wrong.truth, step)
    rewards = question.rewards
    reward = earned(question, choice) if rewards is None else question.abstention if choice is None else rewards[choice]
    return Experience(question.observation, choice, -reward, None, True, False, None, step)


def _misinformed_of(
    stream: LawStream, question: Question, made: Decision, settled: Settled, shift: float, step: int
) -> Experience:
    """Return what a wrong answer tells where the stream settles decisions: another label, or the other sign."""
    truth = question.truth if settled.told is None else settled.told
    if isinstance(stream.choice_space, Labels):
        wrong: float = told_label(int(truth), True, shift, int(stream.choice_space.n))
    else:
        wrong = -truth
    reward = stream.settle(question._replace(truth=wrong), made).reward
    told = wrong if wrong == wrong else None
    return Experience(question.observation, made.choice, reward, None, True, False, told, step)


def _check_array(observation: np.ndarray[Any, Any]) -> None:
    if observation.dtype.kind == "f" and not np.isfinite(observation).all():
        raise RunError("a number of the question is not finite")


def _check_features(observation: dict[Any, Any]) -> None:
    for name, value in observation.items():
        if isinstance(value, float | np.floating) and not math.isfinite(value):
            raise RunError(f"feature {name!r} is {value}")
        if isinstance(value, np.ndarray):
            _check_array(value)
