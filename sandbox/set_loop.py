"""The open loop of streams whose decision is a set: all questions of a day are answered before its k alerts are chosen.

An answer that comes, comes at the end of a step: what an alert found at the end of its day, other labels when the world
gives them away, later by as much as feedback delays them. The r-th alert by value is priced against the r-th best of
the day, so that no gap is negative and they add up to the sum of the best less the sum of the chosen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice

import numpy as np

from sandbox.feedback import NEVER, Feedback, Mailbox, told_label
from sandbox.insiders import StreamOracle
from sandbox.interfaces import Agent, Decision, Experience, Question
from sandbox.loop import agent_rng, blame
from sandbox.rows import StreamWriter, code_of
from sandbox.sound import check_distribution
from sandbox.streams._sets import SetStream, best_set, ranked
from sandbox.trace import CHUNK, Sink

PASS, ALERT = 0, 1


def run_days(
    stream: SetStream,
    agent: Agent,
    sink: Sink,
    *,
    seed: int,
    steps: int | None = None,
    feedback: Feedback | None = None,
    names: Sequence[str] = (),
) -> None:
    """Let `agent` answer the questions of `stream`, at most `steps` of them, day by day; hand the trace to `sink`.

    `names`: what its choices are called. Raises `RunError`, naming the step, when the stream or the agent fails; the
    days that were finished are handed on first.
    """
    writer = StreamWriter(sink, stream.extras)
    days = _Days(stream, agent, writer, seed, Mailbox(feedback or Feedback(), seed, 2, names))
    try:
        agent.begin(stream.observation_space, stream.choice_space, agent_rng(seed))
        days.run(steps)
    except Exception as error:
        raise blame(error, writer.done + len(days.made)) from error
    finally:
        writer.flush()


class _Days:
    """One run: the day's questions and decisions, until its end."""

    def __init__(self, stream: SetStream, agent: Agent, writer: StreamWriter, seed: int, mail: Mailbox) -> None:
        self.stream, self.agent, self.writer, self.seed, self.mail = stream, agent, writer, seed, mail
        self.oracle = agent if type(agent) is StreamOracle else None
        self.questions: list[Question] = []
        self.made: list[Decision] = []
        self.memory: dict[int, int] = {}

    def run(self, steps: int | None) -> None:
        """Ask questions and end days; the last may be short."""
        per_day = self.stream.per_day
        for step, question in enumerate(islice(self.stream.questions(self.seed), steps)):
            self.questions.append(question)
            self.made.append(self._answer(question))
            if (step + 1) % per_day == 0 or step + 1 == steps:
                self._end_day(step)
            for late in self.mail.arrived(step):
                self.agent.learn(late)

    def _answer(self, question: Question) -> Decision:
        if self.oracle is not None:
            self.oracle.question = question
        made = self.agent.act(question.observation)
        if type(made) is not Decision:
            made = Decision(made)
        if made.choice is not None:
            made = made._replace(choice=int(code_of(made.choice, self.stream.choice_space)))
        if made.confidence == made.confidence:
            check_distribution(made.confidence, made.scores, 2)
            if made.scores is not None:
                made = made._replace(scores=tuple(made.scores))  # before they can change
        return made

    def _end_day(self, last: int) -> None:
        """Choose the alerts of the day whose last step this is; price and record it, and send the labels off."""
        stream, questions, made, writer = self.stream, self.questions, self.made, self.writer
        count, first = len(questions), last + 1 - len(questions)
        k = stream.alerts_among(count)
        gains = np.array([question.values[ALERT] for question in questions if question.values is not None])
        best = best_set(gains, k)
        alerts = ranked(made, k, self.seed, first)
        price = dict.fromkeys(range(count), (0.0, 0.0))
        in_order = alerts[best_set(gains[alerts], k)]
        for top, place in zip(best.tolist(), in_order.tolist(), strict=True):
            price[place] = (float(gains[top]), float(gains[place]))
        chosen = set(alerts.tolist())
        told = stream.report(last // stream.per_day, questions, chosen, set(best.tolist()), self.memory)
        label_due = stream.label_due(self.seed, first, count).tolist()
        for i in range(count):
            alerted = i in chosen
            choice = ALERT if alerted else PASS
            due = last if alerted else NEVER if label_due[i] == NEVER else (label_due[i] + 1) * stream.per_day - 1
            answered = self._post(first + i, i, choice, due)
            writer.prices.append(price[i])
            writer.answered.append(answered)
            writer.extras.append(told[i])
            self._record(i, choice)
        self.questions, self.made = [], []

    def _post(self, step: int, i: int, choice: int, due: int) -> int:
        """Send a label off that is due at a step; return when it comes, if it does."""
        question, made = self.questions[i], self.made[i]
        came, wrong, shift = self.mail.answer(step, float(choice), made.ask)
        if due == NEVER or came == NEVER:
            return NEVER
        due += came - step
        label = told_label(int(question.truth), wrong, shift, 2)
        reward = self.stream.gain(question, label) if choice == ALERT else 0.0
        self.mail.post(due, Experience(question.observation, choice, reward, None, True, False, label, step))
        return due

    def _record(self, i: int, choice: int) -> None:
        """Add a row; its confidence is in what became of the answer, its likelihood the probability of the truth."""
        question, made, rows = self.questions[i], self.made[i], self.writer.rows
        sure, truth = math.nan, int(question.truth)
        if made.choice is not None and made.confidence == made.confidence:
            sure = made.confidence if made.choice == ALERT else 1.0 - made.confidence
            if made.scores is not None:
                sure = made.scores[ALERT]
        code = math.nan if made.choice is None and choice == PASS else float(choice)
        reward = self.stream.gain(question, truth) if choice == ALERT else 0.0
        greedy = math.nan if made.explored else code
        confidence, likelihood = (sure if one == ALERT else 1.0 - sure for one in (choice, truth))
        row = (question.cell, question.group, question.concept, code, greedy, truth, reward, confidence, likelihood)
        rows.pack(rows.memory, rows.filled * rows.size, *row)
        rows.filled += 1
        if rows.filled == CHUNK:
            self.writer.flush()
