"""More bandits: their rules against the papers' own definitions, and faults planted in them that must be found."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bandits import FEEDBACKS, SEEN, K, as_python, columns, compiled, held_by, in_the_open, made_up, reward, started
from gymnasium import spaces
from test_speeds import check_pair

from sandbox.agents.bandits.discounted_thompson import DiscountedThompson
from sandbox.agents.bandits.discounted_ucb import DiscountedUcb
from sandbox.agents.bandits.exp3 import Exp3
from sandbox.agents.bandits.exp3s import Exp3s
from sandbox.agents.bandits.gradient_bandit import GradientBandit
from sandbox.agents.bandits.kl_ucb import KlUcb
from sandbox.agents.bandits.restarting_ucb import RestartingUcb
from sandbox.agents.bandits.sliding_window_ucb import SlidingWindowUcb
from sandbox.agents.bandits.thompson_beta import ThompsonBeta
from sandbox.agents.bandits.ucb import Ucb
from sandbox.errors import SandboxError
from sandbox.feedback import Feedback
from sandbox.interfaces import Number
from sandbox.world import Budget

AGENTS: dict[str, Callable[[], Any]] = {
    "kl-ucb": lambda: KlUcb(3.0, -0.5, 1.0),
    "thompson-beta": lambda: ThompsonBeta(0.5, 2.0, -0.4, 1.1),
    "gradient-bandit": GradientBandit,
    "gradient-bandit, no baseline": lambda: GradientBandit(0.5, False),
    "exp3": lambda: Exp3(0.2, -0.5, 1.0),
    "exp3s": lambda: Exp3s(0.1, 0.01, -0.5, 1.0),
    "discounted-ucb": lambda: DiscountedUcb(0.95),
    "sliding-window-ucb": lambda: SlidingWindowUcb(37, 0.8),
    "discounted-thompson": lambda: DiscountedThompson(0.9, 1.0, 1.0, -0.5, 1.0),
    "restarting-ucb": lambda: RestartingUcb(1.0, 1.5, 0.05),
}


@pytest.mark.parametrize("feedback", FEEDBACKS, ids=str)
@pytest.mark.parametrize("name", AGENTS)
def test_compiled_and_plain_are_bit_identical(name: str, feedback: Feedback, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decisions, what was learned and the generator; the rules as Python against the compiled loop."""
    chunk, agents = made_up(3), [started(AGENTS[name](), 5) for _ in range(3)]
    made = [compiled(agents[0], chunk, feedback, 11), in_the_open(agents[1], chunk, feedback, 11)]
    with monkeypatch.context() as patch:
        as_python(patch)
        made.append(in_the_open(agents[2], chunk, feedback, 11))
    states = [agent.rng.bit_generator.state for agent in agents]
    assert states[0] == states[1] == states[2]
    for other in (1, 2):
        for a, b in zip((*made[0], *held_by(agents[0])), (*made[other], *held_by(agents[other])), strict=True):
            np.testing.assert_array_equal(a, b)
    assert (made[0].answered_at >= 0).sum() > 10 and (made[0].greedy != made[0].choice).any()
    assert len(held_by(agents[0])) > 2 and all(np.isfinite(array).all() for array in held_by(agents[0]))


@pytest.mark.parametrize("name", AGENTS)
def test_a_new_item_starts_afresh(name: str) -> None:
    """What a slot's last item earned, and what still comes for it, is nothing to its heir."""
    chunk, agents = made_up(2, 100, life=10**6), [started(AGENTS[name]()) for _ in range(2)]
    now = chunk.observation(99) | {"items": np.array([0, 1, 77, 3, 4])}
    for agent, earned in zip(agents, (-0.5, 1.0), strict=True):  # they differ in what the slot's last item earned
        for step in range(40):
            slot = (2, 2, 0, 1, 3)[step % 5]
            reward(agent, slot, earned if slot == 2 else 0.5, chunk.observation(step), step)
    if name.startswith("exp3"):
        for agent in agents:
            seen = agent.act(now).scores
            assert seen[2] == pytest.approx(np.mean(np.delete(seen, 2)), rel=1e-12)
        assert agents[0].act(chunk.observation(0)).scores[2] < agents[1].act(chunk.observation(0)).scores[2] - 0.05
    elif name.startswith("gradient"):
        for agent in agents:
            likes = np.exp(np.where(np.arange(K) == 2, 0.0, agent.preferences.value))
            assert agent.act(now).scores == pytest.approx(likes / likes.sum(), rel=1e-12)
    else:
        assert agents[0].act(now).scores[2] == agents[1].act(now).scores[2]
        assert agents[0].act(chunk.observation(0)).scores[2] != agents[1].act(chunk.observation(0)).scores[2]
    reward(agents[0], 2, 0.7, now, 90)
    before = [array.copy() for array in held_by(agents[0])]
    reward(agents[0], 2, 1.0, chunk.observation(50), 50)  # for the item that is gone
    for a, b in zip(before, held_by(agents[0]), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", AGENTS)
def test_acting_learns_nothing_and_an_abstention_teaches_nothing(name: str) -> None:
    agent, chunk = started(AGENTS[name]()), made_up(5, 200, life=10)
    for step in range(60):
        reward(agent, step % K, 0.25 * step, chunk.observation(step), step)
    before = [array.copy() for array in held_by(agent)]
    for step in range(200):
        agent.act(chunk.observation(step))
    reward(agent, None, 5.0, chunk.observation(199), 199)
    for a, b in zip(before, held_by(agent), strict=True):
        np.testing.assert_array_equal(a, b)
    agent.begin(SEEN, spaces.Discrete(K), np.random.default_rng(0))
    for a, b in zip(held_by(agent), held_by(started(AGENTS[name]())), strict=True):
        np.testing.assert_array_equal(a, b)


LATE = "delayed=uniform(0,30)+noisy=0.1+partial=0.9"
NAMES = [
    "kl-ucb", "thompson-beta", "gradient-bandit", "exp3", "exp3s", "discounted-ucb", "sliding-window-ucb:window=50",
    "discounted-thompson", "restarting-ucb:threshold=3.0", "linucb", "lin-ts", "ridge-greedy",
]  # fmt: skip


@pytest.mark.parametrize("terms", [{}, {"feedback": LATE, "drift": "abrupt@1200"}], ids=["plain terms", "drift, late"])
@pytest.mark.parametrize("name", NAMES)
def test_whole_runs_are_the_same_at_both_speeds(name: str, terms: dict[str, Any]) -> None:
    """Traces, priced, and what was learned, in a world of ours, to the last bit."""
    world = "linear-bandit" if name in ("linucb", "lin-ts", "ridge-greedy") else "ten-armed"
    check_pair(world, name, Budget(steps=2_500), **terms)


# --- worlds made to be learnt, and those that change ------------------------------------------------------------------


@pytest.mark.parametrize("make", [type(make()) for make in AGENTS.values()])
def test_every_agent_beats_random(make: Callable[[], Any]) -> None:
    """As it comes, on five slots of which one pays best: a random agent gets 0.36, an oracle 0.8."""
    means = np.array([0.2, 0.3, 0.8, 0.1, 0.4])
    rewards = (np.random.default_rng(3).random((4_000, K)) < means).astype(float)
    earned = [means[columns(make(), rewards, seed).choice.astype(int)[-1000:]].mean() for seed in range(5)]
    assert min(earned) > 0.36 + 0.1


PARENTS = [
    (DiscountedUcb, Ucb), (SlidingWindowUcb, Ucb), (RestartingUcb, Ucb), (DiscountedThompson, ThompsonBeta),
    (Exp3s, Exp3),
]  # fmt: skip


@pytest.mark.parametrize(("aware", "parent"), PARENTS)
def test_on_what_changes_they_beat_their_stationary_parents(
    aware: Callable[[], Any], parent: Callable[[], Any]
) -> None:
    """The example of Garivier & Moulines 2011, figure 1, over twelve seeds, paired; everybody as it comes."""
    n = 10_000
    means = np.tile([0.5, 0.3, 0.4], (n, 1))
    means[3_000:5_000, 2] = 0.9
    lost: dict[Callable[[], Any], list[float]] = {aware: [], parent: []}
    for seed in range(12):
        rewards = (np.random.default_rng([seed, 4]).random(means.shape) < means).astype(float)
        for make, found in lost.items():
            choice = columns(make(), rewards, seed).choice.astype(int)
            found.append((means.max(axis=1) - means[np.arange(n), choice]).sum())
    ahead = np.subtract(lost[parent], lost[aware])
    assert ahead.mean() > 3 * ahead.std(ddof=1) / math.sqrt(12)
    assert np.mean(lost[aware]) < 0.7 * np.mean(lost[parent])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: KlUcb(exploration=-1.0), "KlUcb: exploration=-1.0 is out of range"),
        (lambda: KlUcb(low=1.0, high=1.0), "low=1.0 and high=1.0: high must be the larger"),
        (lambda: KlUcb(low=math.nan), "low=nan is out of range"),
        (lambda: ThompsonBeta(prior_successes=0.0), "ThompsonBeta: prior_successes=0.0 is out of range"),
        (lambda: ThompsonBeta(low=2.0), "low=2.0 and high=1.0: high must be the larger"),
        (lambda: DiscountedThompson(decay=0.0), "DiscountedThompson: decay=0.0 is out of range"),
        (lambda: DiscountedThompson(prior_failures=1e9), "DiscountedThompson: prior_failures=1000000000.0 is out"),
        (lambda: DiscountedThompson(high="x"), "DiscountedThompson: high='x' is not a number"),  # type: ignore
        (lambda: GradientBandit(step_size=-1.0), "GradientBandit: step_size=-1.0 is out of range"),
        (lambda: GradientBandit(baseline=3), "baseline=3 is neither True nor False"),  # type: ignore[arg-type]
        (lambda: Exp3(epsilon=0.0), "Exp3: epsilon=0.0 is out of range"),
        (lambda: Exp3(low=5), "low=5 and high=1.0: high must be the larger"),
        (lambda: Exp3s(sharing=1.5), "Exp3s: sharing=1.5 is out of range"),
        (lambda: DiscountedUcb(decay=1.1), "DiscountedUcb: decay=1.1 is out of range"),
        (lambda: DiscountedUcb(exploration=-1), "DiscountedUcb: exploration=-1 is out of range"),
        (lambda: SlidingWindowUcb(window=0), "SlidingWindowUcb: window=0 is out of range"),
        (lambda: SlidingWindowUcb(window=10.5), "window=10.5 is no whole number"),  # type: ignore[arg-type]
        (lambda: RestartingUcb(threshold=0.0), "RestartingUcb: threshold=0.0 is out of range"),
        (lambda: RestartingUcb(tolerance=-0.1), "RestartingUcb: tolerance=-0.1 is out of range"),
        (lambda: started(Exp3(), seen=SEEN).begin(SEEN, Number(), None), "Exp3 .* needs discrete ones, not Number"),
        (lambda: reward(started(Exp3(), seen=spaces.Discrete(1)), 7, 1.0), "choice 7 is none of the 5"),
    ],
)
def test_what_does_not_fit_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(SandboxError, match=message) as raised:
        make()
    assert "\n" not in str(raised.value)
