"""What an agent and a world must offer: two methods beside `begin`, and questions with answers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox.errors import SandboxError

Label = Hashable


class Decision(NamedTuple):
    """One decision of an agent.

    `choice` lies in the choice space; None abstains. `confidence` is the probability (0 to 1) that the agent gives to
    its choice, NaN if it has none. `explored` says that the choice was made to learn, not to earn. `scores` holds one
    number per choice: probabilities where `confidence` is given, values otherwise. `ask` says that the answer is
    wanted, where feedback is active: each costs one of a budget.
    """

    choice: Any
    confidence: float = math.nan
    explored: bool = False
    scores: Sequence[float] | None = None
    ask: bool = True


class Experience(NamedTuple):
    """What came of one decision.

    `terminated` says that the episode ended in the world's own way: what follows is worth nothing. `truncated` says
    that it was cut short: what follows would have been worth something. `truth` is the right label or number where the
    world tells it, else None. `asked_at` is the lifetime step of the decision.
    """

    observation: Any
    choice: Any
    reward: float
    next_observation: Any
    terminated: bool
    truncated: bool
    truth: Any
    asked_at: int


@runtime_checkable
class Agent(Protocol):
    """Whatever learns. Constructor arguments are its settings, all with defaults."""

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run afresh; raise `SandboxError` if the spaces do not fit."""

    def act(self, observation: Any) -> Any:
        """Return a choice or a `Decision`; never change what was learned."""

    def learn(self, experience: Experience) -> None:
        """Learn from what came of a decision."""


class Labels(spaces.Discrete):
    """A choice space of labels: choice k is `labels[k]`, and the world tells the right one.

    `rewards`: what each choice earns under each truth, as rows of truths; None: 1 for the right label, 0 for others.
    """

    def __init__(self, labels: Sequence[Label], rewards: Sequence[Sequence[float]] | None = None) -> None:
        if len(labels) < 1:
            raise SandboxError("a stream of labels needs at least one label")
        super().__init__(len(labels))
        self.labels = tuple(labels)
        self.rewards = None if rewards is None else tuple(map(tuple, rewards))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Labels) and (self.labels, self.rewards) == (other.labels, other.rewards)

    def __repr__(self) -> str:
        return f"Labels({list(self.labels)})"


class Words(spaces.Text):
    """An observation space of texts: words of a known `vocabulary`, with a space between them."""

    def __init__(self, vocabulary: Sequence[str], longest: int) -> None:
        letters = frozenset("".join(vocabulary)) | {" "}
        super().__init__(longest * (1 + max(map(len, vocabulary))), charset=letters)
        self.vocabulary = tuple(vocabulary)


class Number(spaces.Box):
    """A choice space of forecasts: any real number, and the world tells the right one."""

    def __init__(self) -> None:
        super().__init__(-np.inf, np.inf, (), np.float64)

    def __repr__(self) -> str:
        return "Number()"


class Question(NamedTuple):
    """One question of a stream.

    `truth` is its answer (a label's code, or a number), hidden from the agent until the stream tells it. `cell` is the
    discrete situation, `group` the audit group, `concept` the law in force; all are codes. `values` holds Q* of every
    choice and `rewards` what each earns this time, None where the law is not known; an abstention earns `abstention`
    exactly. Where choices cannot be counted, `values` holds the numbers of the law that the stream settles by. Agents
    never see a question, only its observation.
    """

    observation: Any
    truth: float
    cell: int = 0
    group: int = 0
    concept: int = 0
    values: Sequence[float] | None = None
    rewards: Sequence[float] | None = None
    abstention: float = math.nan


class Messages(NamedTuple):
    """What can be seen of a chunk of messages, for compiled loops: the words of each, in order, as numbers.

    A number is the word's place in the vocabularies of the observation's parts, one after the other.
    """

    words: NDArray[np.int32]  # (n, longest)
    length: NDArray[np.int64]  # (n,) words of each


class Numbers(NamedTuple):
    """What can be seen of a chunk of rows of numbers, for compiled loops."""

    values: NDArray[np.float64]  # (n, d), its columns in the order of the observation space


class Slate(NamedTuple):
    """What can be seen of a chunk of recommendations, for compiled loops."""

    user: NDArray[np.int64]  # (n,)
    context: NDArray[np.float64]  # (n, d) what is known of the user
    item: NDArray[np.int64]  # (n, k) the item that each choice would show


class Chosen(NamedTuple):
    """What an agent did with a chunk, written by its compiled loop: each (n,), as the trace's columns of that name."""

    choice: NDArray[np.float64]
    greedy: NDArray[np.float64]
    confidence: NDArray[np.float64]
    likelihood: NDArray[np.float64]
    answered_at: NDArray[np.int64]


class Settled(NamedTuple):
    """What came of a decision whose price is no row of a table: a forecast, a distribution, a slate.

    `best` is V*, `value` Q* of the decision, `reward` what it earned. `told` is what the learner hears as the truth,
    None: the question's own. `vector` is the choice where it is no single number, always as long. `parts`: what the
    learner hears part by part, as pairs of a choice and its reward; none: the choice and the reward as a whole.
    `extras`: a number for each name in the stream's `extras`, in their order, NaN where there is none this time.
    """

    best: float
    value: float
    reward: float
    told: float | None = None
    vector: Sequence[float] | None = None
    parts: Sequence[tuple[Any, float]] = ()
    extras: Sequence[float] = ()


def label_reward(question: Question, choice: Any) -> float:
    """Return 1 for the right label, 0 for another or an abstention."""
    return 1.0 if choice == question[1] else 0.0


def number_reward(question: Question, choice: Any) -> float:
    """Return minus the squared error of a forecast, NaN for an abstention: no forecast is the worst."""
    if choice is None:
        return math.nan
    error = choice - question[1]
    return float(-error * error)


class Stream(ABC):
    """A world that asks questions and answers them. Iterating it gives River-style `(x, y)` pairs."""

    observation_space: spaces.Space[Any]
    choice_space: Labels | Number | spaces.Discrete
    length: int | None = None  # number of questions, None if unknown or endless
    tolerance: float = math.nan  # a forecast further off than this is a mistake; NaN: the world does not say
    group_names: tuple[str, ...] = ()
    arrivals: tuple[tuple[int, str], ...] = ()  # of groups that come one after another: from which question on, and who
    quantile: float = 0.5  # the level that a forecast is meant for: that of the pinball loss
    answers: str = ""  # when answers come by the world's own rule, in words; "": at once
    extras: tuple[str, ...] = ()  # names, declared in sandbox/extras.py, of what is reported of each decision
    catalogue: int = 0  # number of items of which a slate is made; 0: choices are no slates

    @abstractmethod
    def questions(self, seed: int) -> Iterator[Question]:
        """Yield the questions of one run, the same for the same seed."""

    def reward(self, question: Question, choice: Any) -> float:
        """Return what a choice earns, unless the question says: 1 for the right label; minus the squared error.

        An abstention earns what the worst label does, 0; a forecast has no worst value, so there it is NaN.
        """
        return (label_reward if isinstance(self.choice_space, Labels) else number_reward)(question, choice)

    def take(self, count: int) -> Iterator[tuple[Any, Any]]:
        """Return the first `count` pairs, as River's datasets do."""
        return islice(self, count)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        labels = self.choice_space.labels if isinstance(self.choice_space, Labels) else None
        for question in self.questions(0):
            yield question.observation, question.truth if labels is None else labels[int(question.truth)]


def settings_of(thing: Any) -> dict[str, Any]:
    """Return the constructor arguments of `thing` that it keeps as attributes of the same name."""
    import inspect

    names = inspect.signature(type(thing).__init__).parameters if type(thing).__init__ is not object.__init__ else {}
    return {name: getattr(thing, name) for name in names if name != "self" and hasattr(thing, name)}


def require_discrete(what: str, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any]) -> None:
    """Refuse, in one line, spaces that a table of values cannot hold."""
    for role, space in (("observations", observation_space), ("choices", choice_space)):
        if not isinstance(space, spaces.Discrete):
            raise SandboxError(f"{what} keeps a table and needs discrete {role}, not {type(space).__name__}")
        if int(space.start) != 0:
            raise SandboxError(f"{what} needs {role} counted from 0, not from {int(space.start)}")


def check_range(what: str, name: str, value: float, low: float, high: float) -> None:
    """Refuse, in one line, a setting outside `[low, high]`."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise SandboxError(f"{what}: {name}={value!r} is not a number")
    if not low <= value <= high:
        raise SandboxError(f"{what}: {name}={value!r} is out of range [{low:g}, {high:g}]")
