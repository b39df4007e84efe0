"""PSRL: imagine a world that may be the true one, and do for an episode what is best in it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from sandbox.compiled import compiled, rule
from sandbox.interfaces import check_range
from sandbox.table import IntArray

from ..tabular._table_agent import TableAgent
from ..tabular._tabular import FloatArray
from ._counts import Counts, check_range_of_rewards, check_whole, count, empty_counts
from ._draws import draw_beta, draw_break, draw_gamma
from ._planner import hope, plan_steps
from ._steps import Stages, choose_by_step, hopeful_stages, next_step


def sticks_for(prior: float) -> int:
    """Return into how many parts the prior's share is broken, so that the last holds 6 % of it or less."""
    return 1 + math.ceil(4.0 * prior)


class Imagined(NamedTuple):
    """A world drawn from the posterior."""

    pay: FloatArray  # (S, A) mean reward
    kinds: IntArray  # (S, A) how many places may follow
    after: IntArray  # (S, A, S + 1 + sticks) they: a state, or S for the end
    weight: FloatArray  # (S, A, S + 1 + sticks) and how probable they are, as shares of
    total: FloatArray  # (S, A) the sum of the weights


class Posterior(NamedTuple):
    """The memory of PSRL."""

    scores: FloatArray  # (S, A) the first table of `stages.q`
    stages: Stages
    counts: Counts
    imagined: Imagined


class Prior(NamedTuple):
    """The settings of PSRL."""

    prior: float
    least: float
    most: float


@rule
def draw_reward(counts: Counts, s: int, a: int, least: float, most: float, rng: np.random.Generator) -> float:
    """Return a mean reward drawn from its posterior: Beta(1 + sum, 1 + n - sum) of rewards scaled to [0, 1]."""
    n = 1.0 * counts.visits[s, a]
    good = min(max((counts.earned[s, a] - n * least) / (most - least), 0.0), n)
    return least + (most - least) * draw_beta(1.0 + good, 1.0 + n - good, rng)


@rule
def draw_followers(imagined: Imagined, counts: Counts, s: int, a: int, prior: float, rng: np.random.Generator) -> None:
    """Draw what follows a pair from its posterior.

    The prior is Dirichlet with prior / (S + 1) for each state and the end. Each follower seen n times weighs Gamma(n),
    and the prior itself Gamma(prior), of which shares Beta(1, prior) of what is left go to one place after another,
    each drawn at random (Sethuraman 1994).
    """
    seen, times, (_, n_kinds, after, weights, totals) = counts.after, counts.times, imagined
    places, kinds, total = seen.shape[2], 0, 0.0
    for k in range(counts.kinds[s, a]):
        if times[s, a, k] > 0:
            weight = draw_gamma(1.0 * times[s, a, k], rng)
            after[s, a, kinds], weights[s, a, kinds] = seen[s, a, k], weight
            total, kinds = total + weight, kinds + 1
    left = draw_gamma(prior, rng)
    totals[s, a] = total + left
    sticks = after.shape[2] - places
    for j in range(sticks):
        weight = left * draw_break(prior, rng) if j < sticks - 1 else left
        after[s, a, kinds], weights[s, a, kinds] = int(rng.random() * places), weight
        left, kinds = left - weight, kinds + 1
    n_kinds[s, a] = kinds


@compiled
def plan_psrl(stages: Stages, counts: Counts, imagined: Imagined, settings: Prior, rng: np.random.Generator) -> None:
    """Draw a world from the posterior, and find what is best in it by backward induction."""
    prior, least, most = settings
    for s in range(counts.visits.shape[0]):
        for a in range(counts.visits.shape[1]):
            imagined.pay[s, a] = draw_reward(counts, s, a, least, most, rng)
            draw_followers(imagined, counts, s, a, prior, rng)
    hope(stages.q, most)
    plan_steps(
        stages.q, stages.values, imagined.pay, imagined.kinds, imagined.after, imagined.weight, imagined.total, most
    )


@rule
def learn_psrl(
    memory: Posterior,
    settings: Prior,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Count one transition; imagine another world when an episode ends."""
    _, stages, counts, imagined = memory
    horizon, n_states, _ = stages.q.shape
    paid = min(max(reward, settings.least), settings.most)  # each by itself: one beyond the range must not buy others
    count(counts, state, choice, paid, n_states if terminated else next_state)
    if next_step(stages.step, horizon, terminated or truncated):
        plan_psrl(stages, counts, imagined, settings, rng)


class Psrl(TableAgent):
    """Posterior sampling for reinforcement learning (Strens 2000; Osband, Russo & Van Roy 2013, algorithm 1).

    At the end of each episode it draws a world from its posterior, and follows the best policy of that world, `horizon`
    steps ahead, for the next one; of a longer episode every `horizon` steps are taken for one. What follows a pair has
    a Dirichlet prior of total `prior` in [1, 20], even over all states and the end. Its mean reward has a beta
    posterior, uniform at first, of rewards scaled from `reward_min`..`reward_max` to 0..1: one between counts as that
    much of a success, one outside as the nearest. With a `window` > 0 only the last `window` decisions count, as in
    sliding-window UCRL2 (Cheung, Simchi-Levi & Zhu 2020). Needs discrete observations and choices, S states and A
    choices of which S * A * (S + 1) is at most 20 million.

    It counts the steps of an episode by their answers: where these come late or not at all it is out of step, and may
    learn nothing.
    """

    rules = (choose_by_step, learn_psrl)

    def __init__(
        self,
        horizon: int = 20,
        prior: float = 1.0,
        reward_min: float = 0.0,
        reward_max: float = 1.0,
        window: int = 0,
    ) -> None:
        check_whole("Psrl", "horizon", horizon, 1, 100_000)
        check_range("Psrl", "prior", prior, 1.0, 20.0)
        check_range_of_rewards("Psrl", reward_min, reward_max)
        check_whole("Psrl", "window", window, 0, 10**8)
        self.horizon = horizon
        self.prior = prior
        self.reward_min = reward_min
        self.reward_max = reward_max
        self.window = window

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run with a world drawn from the prior."""
        super().begin(observation_space, choice_space, rng)
        _, stages, counts, imagined = self.memory
        plan_psrl(stages, counts, imagined, self._given, rng)

    def _memory(self, n_states: int, n_choices: int) -> Posterior:
        counts = empty_counts("Psrl", n_states, n_choices, self.window)
        stages = hopeful_stages("Psrl", self.horizon, n_states, n_choices, float(self.reward_max))
        pairs, wide = (n_states, n_choices), (n_states, n_choices, n_states + 1 + sticks_for(self.prior))
        imagined = Imagined(
            np.zeros(pairs), np.zeros(pairs, dtype=np.int64), np.zeros(wide, dtype=np.int64), np.zeros(wide),
            np.zeros(pairs),
        )  # fmt: skip
        return Posterior(stages.q[0], stages, counts, imagined)

    def _numbers(self) -> Prior:
        return Prior(float(self.prior), float(self.reward_min), float(self.reward_max))
