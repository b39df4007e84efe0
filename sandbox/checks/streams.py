"""What holds of every stream: ours, a River dataset, the rows of a file."""

from __future__ import annotations

import math
import numbers
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gymnasium import spaces

from sandbox.checks.leaks import columns_of, features, that_equals, that_stands_for
from sandbox.checks.state import Frozen, frozen, pinned_chance
from sandbox.checks.suite import CheckError, SkipError, needs
from sandbox.errors import one_line
from sandbox.interfaces import Decision, Labels, Number, Question, Stream
from sandbox.law_stream import LawStream

_ROWS = 500
_LONG = 50_000  # questions to which a declared length is counted
_LEAK_ROWS, _LEAK_OTHERS = 50, 20  # questions that a leak is told from, and how many have not the commonest label


@dataclass
class StreamSubject:
    """The stream under check; `make` gives a fresh one."""

    make: Callable[[], Stream]

    def ask(self, seed: int = 0) -> list[Question]:
        """Return the first questions of a run of a fresh stream."""
        return list(islice(self.make().questions(seed), _ROWS))


def _course(stream: Stream, seed: int) -> Iterator[Frozen]:
    return (frozen(tuple(question)) for question in islice(stream.questions(seed), _ROWS))


def _expect_same(first: Iterable[Frozen], second: Iterable[Frozen], said: str) -> None:
    one, other = list(first), list(second)
    if one != other:
        at = next((k for k, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
        raise CheckError(f"{said}: {len(one)} and {len(other)} questions" if at is None else f"{said}: question {at}")


def check_declares_spaces(subject: StreamSubject) -> None:
    """It can be made and declares `observation_space`, and `choice_space` as Labels, Number or Discrete from 0."""
    stream = subject.make()
    if not isinstance(getattr(stream, "observation_space", None), spaces.Space):
        raise CheckError("observation_space is no Gymnasium space")
    choices = getattr(stream, "choice_space", None)
    if not isinstance(choices, spaces.Discrete | Number) or (isinstance(choices, spaces.Discrete) and choices.start):
        raise CheckError("choice_space is none of Labels, Number and Discrete from 0")


@needs(check_declares_spaces)
def check_asks(subject: StreamSubject) -> None:
    """It asks at least one question, each a `Question`."""
    try:
        asked = subject.ask()
    except Exception as error:
        raise CheckError(f"while asking it raised {one_line(error)}") from error
    if not asked:
        raise CheckError("it asks no question")
    for number, question in enumerate(asked):
        if not isinstance(question, Question):
            raise CheckError(f"question {number} is a {type(question).__name__}, not a Question")


@needs(check_asks)
def check_questions_fit(subject: StreamSubject) -> None:
    """Every question lies in the observation space; a feature may be missing."""
    space = subject.make().observation_space
    for number, question in enumerate(subject.ask()):
        fault = _misfit(space, question.observation)
        if fault:
            raise CheckError(f"question {number}: {fault}")


def _misfit(space: spaces.Space[Any], value: Any, name: str = "") -> str:
    where = f"feature {name!r} " if name else ""
    if type(space) is spaces.Space:  # anything
        return ""
    if isinstance(space, spaces.Dict):
        if not isinstance(value, Mapping):
            return f"{where}{value!r} is no dict of features"
        unknown = [str(key) for key in value if str(key) not in space.spaces]
        if unknown:
            return f"the feature {unknown[0]!r} is not in the observation space"
        found = (_misfit(space.spaces[str(key)], part, str(key)) for key, part in value.items())
        return next((fault for fault in found if fault), "")
    if isinstance(space, spaces.Text):
        fits = isinstance(value, str)
    elif isinstance(space, spaces.Box) and space.shape == ():
        low, high = float(space.low), float(space.high)
        fits = isinstance(value, numbers.Real) and not low > float(value) and not high < float(value)
    else:
        fits = space.contains(value)
    return "" if fits else f"{where}{value!r} does not fit {space}"


@needs(check_asks)
def check_questions_are_finite(subject: StreamSubject) -> None:
    """No question holds NaN or an infinite number."""
    for number, question in enumerate(subject.ask()):
        for name, value in features(question.observation):
            if isinstance(value, numbers.Real) and not math.isfinite(value):
                raise CheckError(f"question {number}: {name} is {value}")


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and math.isfinite(value)


@needs(check_asks)
def check_truths_fit(subject: StreamSubject) -> None:
    """Every truth is the code of a label (0, 1, ...), or a finite number; priced choices need none."""
    choices = subject.make().choice_space
    for number, question in enumerate(subject.ask()):
        truth = question.truth
        if not isinstance(choices, Labels):
            if not _is_number(truth) and (isinstance(choices, Number) or question.values is None):
                raise CheckError(f"question {number}: the truth {truth!r} is no finite number")
        elif not (_is_number(truth) and truth in range(int(choices.n))):
            hint = "; the label's code is wanted" if truth in choices.labels else ""
            raise CheckError(f"question {number}: the truth {truth!r} is outside 0..{int(choices.n) - 1}{hint}")


@needs(check_asks)
def check_codes_count_from_zero(subject: StreamSubject) -> None:
    """`cell`, `group` and `concept` are whole numbers from 0."""
    for number, question in enumerate(subject.ask()):
        for name in ("cell", "group", "concept"):
            code = getattr(question, name)
            if not isinstance(code, numbers.Integral) or code < 0:
                raise CheckError(f"question {number}: {name} is {code!r}, not 0, 1, 2, ...")


@needs(check_asks)
def check_same_seed_same_questions(subject: StreamSubject) -> None:
    """Two runs of the same seed are asked the same questions, with the same answers."""
    runs = []
    for _ in range(2):
        with pinned_chance(0):
            runs.append(list(_course(subject.make(), 1)))
    _expect_same(runs[0], runs[1], "two runs of the same seed differ")


@needs(check_same_seed_same_questions)
def check_leaves_global_chance_alone(subject: StreamSubject) -> None:
    """The global generators of Python and NumPy neither matter to it nor are touched."""
    runs = []
    for seed in (1, 2):
        with pinned_chance(seed) as touched:
            runs.append(list(_course(subject.make(), 1)))
            if touched():
                raise CheckError("it uses the global random generator; make one from the seed")
    _expect_same(runs[0], runs[1], "it depends on the global random generator")


@needs(check_leaves_global_chance_alone)
def check_asks_again(subject: StreamSubject) -> None:
    """The same stream can be asked again: a second run of a seed equals the first."""
    stream = subject.make()
    first = list(_course(stream, 1))
    list(_course(stream, 2))
    _expect_same(first, _course(stream, 1), "the second run of a seed on the same stream differs from the first")


@needs(check_asks_again)
def check_runs_share_nothing(subject: StreamSubject) -> None:
    """Two runs of the same stream at the same time do not disturb each other."""
    stream = subject.make()
    both = list(zip(_course(stream, 1), _course(stream, 2), strict=False))
    alone = islice(_course(subject.make(), 1), len(both))
    _expect_same(alone, [pair[0] for pair in both], "another run at the same time changes the questions")


@needs(check_asks)
def check_questions_stay(subject: StreamSubject) -> None:
    """A question that was handed out is not changed later."""
    kept = [(question, frozen(tuple(question))) for question in islice(subject.make().questions(0), _ROWS)]
    for number, (question, before) in enumerate(kept):
        if frozen(tuple(question)) != before:
            raise CheckError(f"question {number} was changed after it was handed out; make a new one each time")


@needs(check_asks)
def check_length_is_kept(subject: StreamSubject) -> None:
    """As many questions come as `length` says."""
    stream = subject.make()
    if stream.length is None:
        raise SkipError("it declares no length")
    came = sum(1 for _ in islice(stream.questions(0), _LONG))
    if came != min(stream.length, _LONG):
        more = "or more " if came == _LONG else ""
        raise CheckError(f"length is {stream.length}, and {came} {more}questions came")


@needs(check_truths_fit, check_leaves_global_chance_alone)
def check_pairs_are_rivers(subject: StreamSubject) -> None:
    """Iterating it gives River's `(x, y)`: the questions of seed 0 with the label itself, not its code.

    Where there is no right answer y is any number, such as a rating of what was shown.
    """
    stream = subject.make()
    if _answerless(stream):
        for number, pair in enumerate(islice(stream, _ROWS)):
            if not isinstance(pair, tuple) or len(pair) != 2 or not _is_number(pair[1]):
                raise CheckError(f"pair {number} is {pair!r}, not (x, a number)")
        return
    asked, pairs = subject.ask(), list(islice(stream, _ROWS))
    if len(pairs) != len(asked):
        raise CheckError(f"iterating gives {len(pairs)} pairs for {len(asked)} questions")
    for number, (pair, question) in enumerate(zip(pairs, asked, strict=True)):
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise CheckError(f"pair {number} is {pair!r}, not (x, y)")
        choices, truth = stream.choice_space, question.truth
        label = choices.labels[int(truth)] if isinstance(choices, Labels) else truth
        if type(pair[1]) is not type(label) or frozen(pair) != frozen((question.observation, label)):
            raise CheckError(f"pair {number} is {pair!r}, and the question is {question.observation!r}: {label!r}")


def _answerless(stream: Stream) -> bool:
    return not isinstance(stream.choice_space, Labels | Number)


def _earned(stream: Stream, question: Question, choice: Any) -> float:
    if isinstance(stream, LawStream) and stream.settles:
        return stream.settle(question, Decision(choice)).reward
    if question.rewards is None:
        return stream.reward(question, choice)
    return question.abstention if choice is None else question.rewards[choice]


@needs(check_truths_fit)
def check_right_answers_pay(subject: StreamSubject) -> None:
    """Rewards are finite, and the right answer, where there is one, earns no less than another; one may abstain."""
    stream = subject.make()
    for number, question in enumerate(subject.ask()[:50]):
        space, right = stream.choice_space, question.truth
        choices = range(int(space.n)) if isinstance(space, spaces.Discrete) else (right, right + 1.0)
        earned = {choice: _earned(stream, question, choice) for choice in choices}
        for choice, reward in earned.items():
            if not math.isfinite(reward):
                raise CheckError(f"question {number}: the reward of {choice!r} is not finite")
            if right in earned and reward > earned[right] and not _answerless(stream):
                best = f"{reward:g}, and the truth {right!r} {earned[right]:g}"
                raise CheckError(f"question {number}: {choice!r} earns {best}")
        must_choose = question.rewards is not None and question.abstention == -math.inf
        if math.isinf(_earned(stream, question, None)) and not must_choose:
            raise CheckError(f"question {number}: abstaining has an infinite price")


@needs(check_truths_fit)
def check_answers_are_hidden(subject: StreamSubject) -> None:
    """No feature is the answer under another name; where there is none, what a choice earns by luck.

    Told from features that match the truth in every question: the very number, or one value for each label.
    """
    asked = subject.ask()
    if len(asked) < _LEAK_ROWS:
        raise SkipError(f"{len(asked)} questions are too few to tell")
    columns, choices = columns_of([question.observation for question in asked]), subject.make().choice_space
    name = ""
    if not isinstance(choices, Labels | Number):  # then what a choice would earn this time is the answer
        priced = [(q.rewards, q.values) for q in asked if q.rewards is not None and q.values is not None]
        tables = [zip(*both, strict=True) for both in priced]
        for pairs in zip(*tables, strict=True):
            if sum(reward != value for reward, value in pairs) >= _LEAK_OTHERS:
                name = name or that_equals(columns, [reward for reward, _ in pairs])
    else:
        truths = [question.truth for question in asked]
        if len(asked) - max(Counter(truths).values()) < _LEAK_OTHERS:
            raise SkipError("nearly all questions have the same answer")
        name = (that_stands_for if isinstance(choices, Labels) else that_equals)(columns, truths)
    if name:
        raise CheckError(f"{name} gives the answer away in each of {len(asked)} questions; is it the truth?")
