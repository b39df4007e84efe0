"""Arms: what the bandit worlds have in common. Each choice has a mean reward; what it is, nobody is shown."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces

from sandbox.compiled import compiled
from sandbox.draws import OUTCOME, keyed_uniform, pick, stream_of, uniform
from sandbox.drift import Specs
from sandbox.interfaces import Slate
from sandbox.law_stream import Batch
from sandbox.streams._mixed import MixedStream, Part
from sandbox.streams._normal import fill_normals, normal_of
from sandbox.table import FloatArray, IntArray

MOST_ARMS = 1000
_ARMS, _LOGGED = 48, 52  # the purposes for which the arms of a run are drawn, and the choices of a log
_RARE = 1e-6
COIN = -1.0  # stands for the noise of rewards that are 0 or 1


class Law(NamedTuple):
    """What is in force in a concept: a mixture of laws, of which each step draws one anew."""

    weight: FloatArray  # (laws,)
    cumulative: FloatArray  # (laws,) the last is 1
    noise: FloatArray  # (laws,) standard deviation of a reward; `COIN`: rewards are 0 or 1
    parts: tuple[tuple[Part, ...], ...]  # of each law; their shares add up to 1


@compiled
def draw_arms(seed: int, change: int, into: FloatArray) -> None:
    """Fill `into` (m,) with standard normal numbers: those of a run, drawn anew for each change."""
    fill_normals(stream_of(seed, change, _ARMS), into)


@compiled
def settle(
    seed: int,
    start: int,
    at: IntArray,
    weight: FloatArray,
    cumulative: FloatArray,
    noise: FloatArray,
    means: FloatArray,
    values: FloatArray,
    rewards: FloatArray,
) -> None:
    """Fill in the expected and the realised rewards (n, k) of those steps (`at`) that follow one mixture of laws.

    `means` (laws, m or 1, k): the expected reward of each arm in each of those steps. All arms share the step's one
    number, since a decision sees the reward of one arm only: so agents with one seed share their luck.
    """
    laws, rows, k = means.shape
    for n in range(at.shape[0]):
        i = at[n]
        row = n if rows > 1 else 0
        stream = stream_of(seed, start + i, OUTCOME)
        m, u = 0, uniform(stream, 0)
        for j in range(k):
            values[i, j] = means[0, row, j]
        if laws > 1:
            m = pick(cumulative, uniform(stream, 1))
            mix(weight, means, row, values[i])
        if noise[m] == COIN:
            for j in range(k):
                rewards[i, j] = 1.0 if u < means[m, row, j] else 0.0
        else:
            z = noise[m] * normal_of(u)
            for j in range(k):
                rewards[i, j] = means[m, row, j] + z


@compiled
def mix(weight: FloatArray, means: FloatArray, row: int, value: FloatArray) -> None:
    """Fill in the expected reward of each arm (k,) under a mixture of laws, of `means` (laws, rows, k)."""
    for j in range(value.shape[0]):
        total = weight[0] * means[0, row, j]
        for law in range(1, weight.shape[0]):
            total += weight[law] * means[law, row, j]
        value[j] = total


class ArmStream(MixedStream):
    """A world of k arms; subclasses say what each earns on average, and which settings may drift.

    Arms have no names and a question shows nothing (`Discrete(1)`), so nothing tells which arm is best but rewards.
    One arm must be chosen: there is no abstaining. What the arms of a run are is part of its luck (`start_luck`).
    """

    kind = "slate"
    abstention = -math.inf
    choice_names = ()
    group_names = ("all",)
    n_cells = 1
    suggested = 10_000
    counts: ClassVar[dict[str, tuple[int, int]]] = {"arms": (1, MOST_ARMS)}
    changes_what = "the arms"
    noise: float
    _shows = False  # whether a question shows numbers

    def __init__(self, drift: Specs = None) -> None:
        super().__init__(drift)
        self._laws: dict[int, Law] = {}

    def _open(self, arms: int) -> None:
        """Check the settings, and say what can be seen and chosen."""
        self._check_settings()
        self.n_arms = arms
        self.choice_space = spaces.Discrete(arms)
        self.observation_space: spaces.Space[Any] = spaces.Discrete(1)

    def law(self, concept: int) -> Law:
        """Return what is in force in a concept."""
        if concept not in self._laws:
            mixture = self.parts(concept)
            weight = np.array([share for share, _ in mixture])
            cumulative = np.cumsum(weight)
            cumulative[-1] = 1.0
            noise = np.array([self._noise(parts) for _, parts in mixture])
            self._laws[concept] = Law(weight, cumulative, noise, tuple(parts for _, parts in mixture))
        return self._laws[concept]

    def _noise(self, parts: tuple[Part, ...]) -> float:
        return self.between("noise", parts)

    @abstractmethod
    def arm_means(self, seed: int, part: Part, start: int, seen: Slate) -> FloatArray:
        """Return the mean of each arm (n, k) in the steps from `start` on, (1, k) where it is always the same."""

    def seen(self, seed: int, start: int, count: int) -> Slate:
        """Return what is to be seen in each step: nothing, and arms without names."""
        item = np.empty((count, self.n_arms), dtype=np.int64)
        item[:] = np.arange(self.n_arms)
        return Slate(np.zeros(count, dtype=np.int64), np.empty((count, 0)), item)

    def batch(self, seed: int, start: int, count: int) -> Batch:
        """Return the questions of the steps `start`, ..., `start + count - 1` of the run of `seed`."""
        seen = self.seen(seed, start, count)
        concept = self.schedule.concepts(seed, start, count)
        values, rewards = np.empty((2, count, self.n_arms))  # one block: two go back to the system at every batch
        drifts = bool(self.schedule) and self.schedule.pinned is None
        known: dict[str, FloatArray] = {}  # the means of a part; concepts share parts
        for code in np.unique(concept).tolist() if drifts else concept[:1].tolist():
            law = self.law(code)
            at = np.flatnonzero(concept == code) if drifts else np.arange(count)
            means = np.stack([self._mean_of(parts, seed, start, seen, known, at) for parts in law.parts])
            settle(seed, start, at, *law[:3], means, values, rewards)
        nothing = np.zeros(count, dtype=np.int64)
        return Batch(seen, nothing - 1, nothing, nothing, concept, values, rewards)

    def _mean_of(
        self, parts: tuple[Part, ...], seed: int, start: int, seen: Slate, known: dict[str, FloatArray], at: IntArray
    ) -> FloatArray:
        """Return the mean of each arm in the steps `at` (m, k), or (1, k), under one law."""
        mean = np.zeros((1, self.n_arms))
        for part in parts:
            key = repr(part[1:])
            if key not in known:
                known[key] = self.arm_means(seed, part, start, seen)
            found = known[key]
            mean = mean + part.share * (found if len(found) == 1 or len(at) == len(found) else found[at])
        return mean

    @abstractmethod
    def simple_values(self) -> tuple[float, float]:
        """Return what an arm at random, and the best arm of a run, always chosen, earn at first: means over runs."""

    def observation(self, batch: Batch, i: int) -> Any:
        """Return what an agent sees of the i-th question of a batch: 0, always."""
        return 0

    def __iter__(self) -> Iterator[tuple[dict[str, Any], float]]:
        """Yield what a River model can learn from: arms, each chosen equally often, and their rewards in run 0."""
        for step, question in enumerate(self.questions(0)):
            arm = int(keyed_uniform(0, step, _LOGGED) * self.n_arms)
            earned = self.reward(question, arm) if question.rewards is None else question.rewards[arm]
            context = np.atleast_1d(question.observation) if self._shows else ()
            yield {"arm": arm} | {f"x{d}": float(x) for d, x in enumerate(context)}, earned


def blended(parts: tuple[Part, ...], scale: list[float]) -> float:
    """Return the standard deviation of an arm that is a blend of `parts`, each drawn with its `scale` (n,).

    Parts of one change are the same draw.
    """
    of_change: dict[int, float] = {}
    for part, size in zip(parts, scale, strict=True):
        of_change[part.change] = of_change.get(part.change, 0.0) + part.share * size
    return math.hypot(*of_change.values())


def rare_gap(arms: int, scale: Sequence[float] = (1.0,), weight: Sequence[float] = (1.0,)) -> float:
    """Return what the distance of the best and the worst of several normal arms exceeds once in a million, at most.

    Their standard deviation is `scale` (n,) with probabilities `weight` (n,). It is the bound that counts every pair.
    """
    low, high = 0.0, 40.0 * max(scale)
    for _ in range(60):
        r = 0.5 * (low + high)
        chance = sum(p * math.erfc(r / (2.0 * s)) for s, p in zip(scale, weight, strict=True) if s > 0.0)
        low, high = (r, high) if 0.5 * arms * (arms - 1) * chance > _RARE else (low, r)
    return high if arms > 1 else max(scale)
