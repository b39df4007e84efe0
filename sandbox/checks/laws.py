"""What holds of every stream that knows its own law, beside what holds of all."""

from __future__ import annotations

import inspect
import math
import numbers
from itertools import islice
from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.checks import streams
from sandbox.checks.leaks import columns_of, that_stands_for
from sandbox.checks.shown import shows, words_of
from sandbox.checks.state import frozen
from sandbox.checks.suite import CheckError, SkipError, needs
from sandbox.interfaces import Messages, Number, Numbers, Slate
from sandbox.law_stream import KINDS, Batch, LawStream

_ROWS, _CHANGE = 500, 211  # questions looked at one by one, and when the law changes in them
_SAMPLE = 8192  # questions in which every code should come
_CODES = ("truth", "cell", "group", "concept")
_SEEN = dict(zip(KINDS, (Messages, Slate, Numbers), strict=True))


def law_of(subject: streams.StreamSubject) -> LawStream:
    """Return a fresh stream under check."""
    made = subject.make()
    assert isinstance(made, LawStream)
    return made


def _rows(batch: Batch) -> list[Any]:
    """Return the questions of a batch, each frozen."""
    parts = [*batch.seen, *batch[1:]]
    if isinstance(batch.seen, Messages):  # what lies behind the last word is nobody's business
        parts[0] = [row[:count] for row, count in zip(*batch.seen, strict=True)]
    return [frozen([part[i] for part in parts]) for i in range(len(batch.truth))]


def _expect_same(one: list[Any], other: list[Any], said: str) -> None:
    at = next((k for k, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]), None)
    if at is not None:
        raise CheckError(f"{said}, first in row {at}")


@needs(streams.check_declares_spaces)
def check_keeps_its_settings(subject: streams.StreamSubject) -> None:
    """Every constructor argument, `drift` among them, is kept as an attribute of the same name."""
    stream = law_of(subject)
    names = list(inspect.signature(type(stream)).parameters)
    missing = [name for name in names if not hasattr(stream, name)]
    if missing or "drift" not in names:
        raise CheckError(f"the setting {', '.join(missing) or 'drift'} is not kept, so a drift or a twin would lose it")


@needs(streams.check_declares_spaces)
def check_declares_its_law(subject: streams.StreamSubject) -> None:
    """It says how many cells and concepts there are, how its choices are called, and how large prices and luck get."""
    stream = law_of(subject)
    for name in ("n_cells", "n_concepts", "suggested"):
        count = getattr(stream, name, None)
        if not isinstance(count, numbers.Integral) or count < 1:
            raise CheckError(f"{name} is {count!r}, not 1, 2, ...")
    for name, least in (("gap_range", 0.0), ("luck_reach", 0.0), ("abstention", -math.inf)):
        size = getattr(stream, name, None)
        if name == "abstention" and size == least:  # one of the choices must be taken
            continue
        if name == "luck_reach" and stream.settles and size == math.inf:  # a forecast may be off by any number
            continue
        if not isinstance(size, int | float | np.floating) or not least < size < math.inf:
            raise CheckError(f"{name} is {size!r}, not a finite number{' above 0' if least == 0.0 else ''}")
    n_choices = int(getattr(stream.choice_space, "n", 0))
    if len(stream.choice_names) not in (0, n_choices) or not stream.group_names:
        raise CheckError(
            f"choice_names names {len(stream.choice_names)} of {n_choices} choices, or group_names nothing"
        )
    if stream.kind not in KINDS and not stream.reactive:
        raise CheckError(f"kind is {stream.kind!r}, none of {', '.join(KINDS)}")


@needs(check_declares_its_law, streams.check_asks)
def check_batches_fit(subject: streams.StreamSubject) -> None:
    """A batch holds a row for each question, and a finite value and reward for every choice."""
    stream = law_of(subject)
    batch = stream.batch(0, 0, _ROWS)
    if not isinstance(batch.seen, _SEEN.get(stream.kind, tuple(_SEEN.values()))):
        raise CheckError(f"kind is {stream.kind!r}, and a batch shows {type(batch.seen).__name__}")
    for name in _CODES:
        column = getattr(batch, name)
        if name == "truth" and isinstance(stream.choice_space, Number):
            if column.shape != (_ROWS,) or not np.isfinite(column).all():
                raise CheckError(f"truth of a batch is not {_ROWS} finite numbers")
        elif column.shape != (_ROWS,) or column.dtype != np.int64:
            raise CheckError(f"{name} of a batch is {column.dtype}{column.shape}, not int64({_ROWS},)")
    if stream.settles:
        return
    assert isinstance(stream.choice_space, spaces.Discrete)
    wanted = (_ROWS, int(stream.choice_space.n))
    for name in ("values", "rewards"):
        table = getattr(batch, name)
        if table.shape != wanted or table.dtype != np.float64 or not np.isfinite(table).all():
            raise CheckError(f"{name} of a batch are not {wanted[0]} x {wanted[1]} finite numbers (float64)")


@needs(check_batches_fit, streams.check_codes_count_from_zero)
def check_codes_are_declared(subject: streams.StreamSubject) -> None:
    """Cells, groups and concepts are among those that it declares."""
    stream = law_of(subject)
    declared = {"cell": stream.n_cells, "group": len(stream.group_names), "concept": stream.n_concepts}
    batch = stream.batch(0, 0, _SAMPLE)
    for name, count in declared.items():
        largest = int(getattr(batch, name).max())
        if largest >= count:
            raise CheckError(f"{name} {largest} comes, and it declares {count} of them")


@needs(check_batches_fit, streams.check_asks_again)
def check_chunks_do_not_matter(subject: streams.StreamSubject) -> None:
    """A question is the same in whatever batch it comes, alone or among others, early or late."""
    stream = law_of(subject)
    whole = _rows(stream.batch(3, 0, _ROWS))
    for start, count in ((300, 200), (0, 1), (1, 299), (_ROWS - 1, 1)):
        part = _rows(stream.batch(3, start, count))
        _expect_same(
            whole[start : start + count], part, f"questions {start} to {start + count - 1} differ by themselves"
        )


@needs(check_batches_fit, streams.check_asks_again)
def check_questions_are_those_of_batches(subject: streams.StreamSubject) -> None:
    """`questions` asks what `batch` holds, at the price of abstaining that the stream declares.

    Where choices change later laws and `reward` hears of them, `batch` holds what the oracle meets.
    """
    stream = law_of(subject)
    batch = stream.batch(3, 0, _ROWS)
    for i, question in enumerate(islice(stream.questions(3), _ROWS)):
        number = isinstance(stream.choice_space, Number)
        truth = batch.truth[i].item() if number or batch.truth[i] >= 0 else math.nan
        rewards = None if stream.settles else batch.rewards[i].tolist()
        if rewards is not None and stream.reactive and question.rewards is None:
            choice = stream.ideal(question).choice
            if stream.reward(question, choice) != (stream.abstention if choice is None else rewards[choice]):
                raise CheckError(f"the oracle's choice in question {i} earns something else than the batch says")
            rewards = None
        told = (part[i].tolist() for part in batch[2:-1])
        held = (stream.observation(batch, i), truth, *told, rewards, stream.abstention)
        if frozen(tuple(question)) != frozen(held):
            raise CheckError(f"question {i} is not that of the batch")


@needs(check_batches_fit)
def check_seen_is_the_observation(subject: streams.StreamSubject) -> None:
    """What compiled agents see of a question is what others see: the same words, or the same user, context, items."""
    stream = law_of(subject)
    batch = stream.batch(0, 0, _ROWS)
    for i in range(_ROWS):
        observation = stream.observation(batch, i)
        if isinstance(batch.seen, Messages):
            held, shown = words_of(stream.observation_space, observation), batch.seen.words[i, : batch.seen.length[i]]
            same = held == shown.tolist()
        else:
            same = shows(stream.observation_space, observation, batch.seen, i)
        if not same:
            raise CheckError(f"question {i}: the batch shows something else than the observation")


@needs(check_chunks_do_not_matter, check_keeps_its_settings)
def check_drift_is_taken(subject: streams.StreamSubject) -> None:
    """A drift without settings changes the concept and the law at its step, and nothing before."""
    stream = law_of(subject)
    one, other = (stream.with_drift(drift).batch(0, 0, _ROWS) for drift in (None, f"abrupt@{_CHANGE}"))
    before, same = (_rows(batch._replace(concept=one.concept))[:_CHANGE] for batch in (one, other))  # codes may differ
    _expect_same(before, same, f"a drift at step {_CHANGE} changes what was before")
    if other.concept[_CHANGE - 1] == other.concept[_CHANGE] or np.array_equal(one.values, other.values):
        raise CheckError(f"a drift at step {_CHANGE} does not change the concept and the law there")


@needs(check_drift_is_taken)
def check_twins_share_their_luck(subject: streams.StreamSubject) -> None:
    """After a change it is the world of its twin, in which the new concept was always in force, to the last bit."""
    stream = law_of(subject).with_drift(f"abrupt@{_CHANGE}")
    if stream.reactive:
        raise SkipError("what is asked depends on what was chosen before")
    drifting = stream.batch(0, 0, _ROWS)
    twin = stream.pin(int(drifting.concept[_CHANGE])).batch(0, _CHANGE, _ROWS - _CHANGE)
    _expect_same(_rows(drifting)[_CHANGE:], _rows(twin), "after a change it differs from its twin")


@needs(check_drift_is_taken)
def check_concept_is_hidden(subject: streams.StreamSubject) -> None:
    """No feature tells which concept is in force."""
    stream = law_of(subject).with_drift(f"abrupt@{_CHANGE}")
    batch = stream.batch(0, 0, _ROWS)
    columns = columns_of([stream.observation(batch, i) for i in range(_ROWS)])
    name = that_stands_for(columns, batch.concept.tolist())
    if name:
        raise CheckError(f"{name} tells the concept in force in each of {_ROWS} questions")
