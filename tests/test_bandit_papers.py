"""Bandits against their papers' own definitions, and faults planted in their rules, each of which must be found."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import bandit_papers as papers
import numpy as np
import pytest
from bandits import LEVEL, K, columns, held_by, mutate, reward, started
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sandbox.agents import bandits
from sandbox.agents.bandits.discounted_thompson import DiscountedThompson
from sandbox.agents.bandits.discounted_ucb import DiscountedUcb
from sandbox.agents.bandits.exp3 import Exp3
from sandbox.agents.bandits.exp3s import Exp3s
from sandbox.agents.bandits.gradient_bandit import GradientBandit
from sandbox.agents.bandits.kl_ucb import KlUcb, divergence, kl_bound
from sandbox.agents.bandits.restarting_ucb import RestartingUcb
from sandbox.agents.bandits.sliding_window_ucb import SlidingWindowUcb
from sandbox.agents.bandits.thompson_beta import ThompsonBeta
from sandbox.agents.bandits.ucb import Ucb


def mixed(step: int, slot: int) -> float:
    """Rewards of many values, some beyond 0 and 1, of slots that differ and change at step 80."""
    return float(np.random.default_rng([step, slot, 1]).normal(0.2 + 0.12 * ((slot + step // 80) % K), 0.4))


def won(step: int, slot: int) -> float:
    """Successes and failures of slots that differ."""
    return float(np.random.default_rng([step, slot, 2]).random() < 0.1 + 0.15 * slot)


def check_kl_ucb() -> None:
    """Garivier & Cappe 2011, Algorithm 1, whose bound is found by bisection here."""
    for c, low, high, delay in ((0.0, 0.0, 1.0, 0), (3.0, -0.2, 1.5, 4)):
        rule = partial(papers.kl_ucb, c=c, low=low, high=high)
        papers.replay(KlUcb(c, low, high), papers.follows_bounds(rule), mixed, delay)


def check_discounted_ucb() -> None:
    """Garivier & Moulines 2011, section 2: sums over all rewards with their weights."""
    for decay, exploration, delay in ((0.95, 1.0, 0), (0.8, 0.3, 6)):
        rule = partial(papers.discounted_ucb, decay=decay, exploration=exploration)
        papers.replay(DiscountedUcb(decay, exploration), papers.follows_bounds(rule), mixed, delay)


def check_sliding_window_ucb() -> None:
    """Garivier & Moulines 2011, section 3: sums over the last rewards."""
    for window, delay in ((40, 0), (7, 3), (1, 0)):
        rule = partial(papers.sliding_window_ucb, window=window, exploration=0.5)
        papers.replay(SlidingWindowUcb(window, 0.5), papers.follows_bounds(rule), mixed, delay)


def check_restarting_ucb() -> None:
    """UCB1 on the rewards since the last alarm of a Page-Hinkley test that is taken anew after each reward."""
    rule = partial(papers.restarting_ucb, exploration=0.5, threshold=1.0, tolerance=0.1)
    agent = RestartingUcb(0.5, 1.0, 0.1)
    papers.replay(agent, papers.follows_bounds(rule), mixed)
    assert agent.watch.restarts[0] >= 2


def check_exp3() -> None:
    """Auer et al. 2002, figure 1, with plain weights; rewards at once and late."""
    for delay in (0, 5):
        rule = partial(papers.exp3, gamma=0.3, low=0.0, high=0.8)
        papers.replay(Exp3(0.3, 0.0, 0.8), papers.has_chances(rule), mixed, delay)


def check_exp3s() -> None:
    """Auer et al. 2002, section 8, with plain weights; rewards at once and late."""
    for delay in (0, 5):
        rule = partial(papers.exp3s, gamma=0.2, alpha=0.02, low=-0.5, high=1.0)
        papers.replay(Exp3s(0.2, 0.02, -0.5, 1.0), papers.has_chances(rule), mixed, delay)


def check_gradient() -> None:
    """Sutton & Barto, equation 2.12; rewards at once and late."""
    for step_size, baseline, delay in ((0.4, True, 0), (0.2, False, 0), (0.3, True, 5)):
        rule = partial(papers.gradient, step_size=step_size, baseline=baseline)
        papers.replay(GradientBandit(step_size, baseline), papers.has_chances(rule), mixed, delay)


def check_gradient_extremes() -> None:
    """Preferences of thousands are no trouble, nor are rewards that no number can add up."""
    agent = started(GradientBandit(1.0, False), 1, spaces.Discrete(1))
    for step, value in enumerate((5e3, -4e3, 1e4, -1e4, 1e308, -1e308, 1e308)):
        reward(agent, step % 2, value, step=step)
        assert sum(agent.act(0).scores) == pytest.approx(1.0, rel=1e-12)
    assert np.ptp(agent.preferences.value) > 5_000


def check_beta() -> None:
    """Raj & Kalyani 2017, Algorithm 1 (without decay Agrawal & Goyal 2012, Algorithm 1): means of the posteriors."""
    for agent, decay, a, b in ((ThompsonBeta(2.0, 0.5), 1.0, 2.0, 0.5), (DiscountedThompson(0.9), 0.9, 1.0, 1.0)):

        def look(made: Any, told: papers.Told, decay: float = decay, a: float = a, b: float = b) -> None:
            won, lost = papers.beta(told, decay, a, b)
            np.testing.assert_allclose(made.scores, won / (won + lost), rtol=1e-9)

        papers.replay(agent, look, won, delay=2)


def check_beta_draws() -> None:
    """An item is chosen as often as it is likely to be the best: here by an integral over the posteriors."""
    agent = started(DiscountedThompson(0.8, 2.0, 3.0), 1, spaces.Discrete(1), 2)
    for step, (slot, value) in enumerate([(0, 1.0), (0, 0.0), (1, 1.0), (1, 1.0), (0, 0.0)]):
        reward(agent, slot, value, step=step)
    first = stats.beta(2 + 0.8**4, 3 + 0.8**3 + 1)
    second = stats.beta(2 + 0.8**2 + 0.8, 3)
    grid = (np.arange(20_000) + 0.5) / 20_000
    share = float(np.mean(second.pdf(grid) * first.cdf(grid)))
    drawn = [agent.act(0).choice for _ in range(4_000)]
    assert stats.binomtest(sum(drawn), len(drawn), share).pvalue > LEVEL


def check_beta_trials() -> None:
    """Agrawal & Goyal 2012, Algorithm 2: a reward between the bounds is a success with the chance it stands for."""
    agent = started(ThompsonBeta(1.0, 1.0, -1.0, 3.0), 2, spaces.Discrete(1), 2)
    for step in range(2_000):
        reward(agent, 0, 0.2, step=step)
        reward(agent, 1, 9.0, step=step)
    assert stats.binomtest(int(agent.trials.won[0]), 2_000, 0.3).pvalue > LEVEL
    assert agent.trials.lost[0] == 2_000 - agent.trials.won[0]
    assert (agent.trials.won[1], agent.trials.lost[1]) == (2_000, 0)


CHECKS: list[Callable[[], None]] = [
    check_kl_ucb, check_discounted_ucb, check_sliding_window_ucb, check_restarting_ucb, check_exp3, check_exp3s,
    check_gradient, check_gradient_extremes, check_beta, check_beta_draws, check_beta_trials,
]  # fmt: skip


@pytest.mark.parametrize("check", CHECKS)
def test_rule_is_that_of_its_paper(check: Callable[[], None]) -> None:
    check()


# --- planted faults ---------------------------------------------------------------------------------------------------

FAULTS: list[tuple[str, str, str, str, Callable[[], None]]] = [
    ("gradient_bandit", "reward_preferences", "else -change", "else change", check_gradient),
    ("gradient_bandit", "reward_preferences", "* (1.0 - chances[j])", "", check_gradient),
    ("gradient_bandit", "baseline_of", "return before if", "return seen[1] if", check_gradient),
    ("gradient_bandit", "chances_by_preference", "- top", "", check_gradient_extremes),
    ("exp3", "reward_exp3", "gain / chance", "gain", check_exp3),
    ("exp3", "reward_exp3", "/ weights.log.shape[0]", "", check_exp3),
    ("exp3", "chances_by_weight", "+ epsilon / n", "", check_exp3),
    ("_chances", "unit", "/ (high - low)", "", check_exp3),
    ("exp3s", "reward_exp3s", "gain / chance", "gain", check_exp3s),
    ("exp3s", "reward_exp3s", "sharing / n", "sharing", check_exp3s),
    ("exp3s", "reward_exp3s", "math.e *", "", check_exp3s),
    ("popularity", "reward_popular", "fade(arms.tries, decay)", "arms.tries[slot] *= decay", check_discounted_ucb),
    ("sliding_window_ucb", "reward_window", "% window.slot.shape[0]", "% max(window.slot.shape[0] - 1, 1)",
     check_sliding_window_ucb),
    ("sliding_window_ucb", "reward_window", "drop_oldest(window, arms)", "pass", check_sliding_window_ucb),
    ("sliding_window_ucb", "drop_oldest", "- window.reward[at]", "", check_sliding_window_ucb),
    ("restarting_ucb", "falls", "mean - reward - tolerance", "reward - mean - tolerance", check_restarting_ucb),
    ("restarting_ucb", "falls", "- tolerance", "", check_restarting_ucb),
    ("restarting_ucb", "reward_watched", "range(arms.tries.shape[0])", "range(slot, slot + 1)", check_restarting_ucb),
    ("kl_ucb", "choose_kl_ucb", "level / index[j]", "level", check_kl_ucb),
    ("kl_ucb", "choose_kl_ucb", "exploration * math.log(level)", "exploration", check_kl_ucb),
    ("kl_ucb", "divergence", "math.log(p / q)", "math.log(q / p)", check_kl_ucb),
    ("_beta", "reward_trials", "fade(trials.lost, decay)", "pass", check_beta),
    ("_beta", "reward_trials", "fade(trials.won, decay)", "trials.won[slot] *= decay", check_beta),
    ("_beta", "choose_beta", "rng.beta(a, b)", "rng.beta(b, a)", check_beta_draws),
    ("_beta", "reward_trials", "rng.random() < share", "share > 0.5", check_beta_trials),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name", "old", "new", "check"), FAULTS)
def test_a_planted_fault_is_found(
    module: str, name: str, old: str, new: str, check: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch, bandits, module, name, old, new)
    with pytest.raises((AssertionError, ValueError, OverflowError)):
        check()


def test_late_rewards_need_the_chances_of_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """With those of now instead, the rules of EXP3, EXP3.S and the gradient bandit are not those of their papers."""
    forgetful = property(lambda choice: None, lambda choice, chances: None)
    monkeypatch.setattr("sandbox.agents.bandits._chances.Drawn.chances", forgetful, raising=False)
    for check in (check_exp3, check_exp3s, check_gradient):
        with pytest.raises(AssertionError):
            check()


# --- properties -------------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(st.floats(0.0, 1.0), st.floats(0.0, 60.0))
def test_kl_bound_is_the_root(p: float, target: float) -> None:
    """It meets the target, lies under Pinsker's bound, and agrees with bisection."""
    q = kl_bound(p, target)
    assert p <= q <= min(1.0, p + np.sqrt(target / 2) + 1e-12)
    assert q == pytest.approx(papers.kl_bound(p, target), abs=1e-7)
    if p < q < 1.0 - 1e-6:
        assert divergence(p, q) == pytest.approx(target, rel=1e-6, abs=1e-9)
    assert kl_bound(p, target * 1.5) >= q - 1e-7


TOLD = st.lists(st.tuples(st.integers(0, K - 1), st.floats(-5, 5)), max_size=40)


@settings(max_examples=60, deadline=None)
@given(TOLD, st.floats(0.01, 1.0), st.floats(0.0, 1.0))
def test_chances_are_chances(told: list[tuple[int, float]], epsilon: float, sharing: float) -> None:
    """They add up to 1; none of EXP3 and EXP3.S is less than its share of epsilon; gains raise their own."""
    for agent, least in ((Exp3(epsilon), epsilon), (Exp3s(epsilon, sharing), epsilon), (GradientBandit(), 0.0)):
        started(agent, seen=spaces.Discrete(1))
        for step, (slot, value) in enumerate(told):
            before = agent.act(0).scores
            reward(agent, slot, value, step=step)
            after = agent.act(0).scores
            assert sum(after) == pytest.approx(1.0, abs=1e-9) and min(after) >= least / K - 1e-12
            if type(agent) is Exp3:
                assert (after[slot] >= before[slot] - 1e-12) and (value > 0 or after == pytest.approx(before))


@settings(max_examples=60, deadline=None)
@given(TOLD, st.integers(1, 12), st.integers(1, 9))
def test_a_window_holds_the_last_rewards_of_present_items(
    told: list[tuple[int, float]], window: int, life: int
) -> None:
    """Slots whose items are replaced now and then: a mean is over the item's own rewards among the last ones."""
    agent, items, kept = started(SlidingWindowUcb(window, 0.5)), np.arange(K), []
    for step, (slot, value) in enumerate(told):
        if step % life == 0:
            items = items + K * (np.arange(K) == step // life % K)
        seen = {"user": 0, "context": np.zeros(3), "items": items.copy()}
        reward(agent, slot, value, seen, step)
        kept = [*kept, (slot, int(items[slot]), value)][-window:]
        own = [[v for s, i, v in kept if (s, i) == (j, items[j])] for j in range(K)]
        assert agent.act(seen).scores == pytest.approx([float(np.mean(one)) if one else 0.0 for one in own], abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(TOLD, st.floats(0.1, 1.0))
def test_what_faded_adds_up(told: list[tuple[int, float]], decay: float) -> None:
    """All counts together are 1 + decay + decay^2 + ..., for means and for successes and failures."""
    ucb, beta = (started(make(decay), seen=spaces.Discrete(1)) for make in (DiscountedUcb, DiscountedThompson))
    for step, (slot, value) in enumerate(told):
        reward(ucb, slot, value, step=step)
        reward(beta, slot, value, step=step)
    total = sum(decay**age for age in range(len(told)))
    assert ucb.arms.tries.sum() == pytest.approx(total, rel=1e-9)
    assert (beta.trials.won + beta.trials.lost).sum() == pytest.approx(total, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0.0, 0.5))
def test_rewards_that_never_fall_raise_no_alarm(values: list[float], tolerance: float) -> None:
    agent = started(RestartingUcb(1.0, 1e-6, tolerance), seen=spaces.Discrete(1))
    for step, value in enumerate(sorted(values)):
        reward(agent, 0, value, step=step)
    assert agent.watch.restarts[0] == 0 and agent.arms.tries[0] == len(values)


SAME: list[tuple[Callable[[], Any], Callable[[], Any]]] = [
    (lambda: DiscountedUcb(1.0, 0.7), lambda: Ucb(0.7)),
    (lambda: SlidingWindowUcb(2_000, 0.7), lambda: Ucb(0.7)),
    (lambda: RestartingUcb(threshold=1e9), Ucb),
    (lambda: DiscountedThompson(1.0), ThompsonBeta),
    (lambda: Exp3s(0.1, 0.0), lambda: Exp3(0.1)),
]


@pytest.mark.parametrize(("special", "general"), SAME)
def test_without_drift_in_mind_it_is_its_parent(special: Callable[[], Any], general: Callable[[], Any]) -> None:
    """No decay, an endless window, no alarm, no sharing: the same choices, from the same draws."""
    rewards = np.random.default_rng(1).normal(np.linspace(0.2, 0.7, K), 0.3, (2_000, K))
    made = [columns(make(), rewards, 3) for make in (special, general)]
    np.testing.assert_array_equal(made[0].choice, made[1].choice)
    assert len(set(made[0].choice)) == K


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-2, 2), min_size=3, max_size=3), st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_gradient_climbs_the_expected_reward(likes: list[float], values: list[float]) -> None:
    """Sutton & Barto, section 2.8: the expected step is step_size times the gradient, here by finite differences."""
    h, q, expected = np.array(likes), np.array(values), np.zeros(3)
    for choice, (chance, value) in enumerate(zip(softmax(h), q, strict=True)):
        agent = started(GradientBandit(0.1), seen=spaces.Discrete(1), k=3)
        agent.preferences.held.item[:], agent.preferences.value[:] = np.arange(3), h
        agent.preferences.seen[:] = 5, 0.7  # any baseline
        reward(agent, choice, value, step=5)
        expected += chance * (agent.preferences.value - h)
    ahead, back = (np.array([softmax(h + s * 1e-5 * e) @ q for e in np.eye(3)]) for s in (1, -1))
    np.testing.assert_allclose(expected, 0.1 * (ahead - back) / 2e-5, atol=1e-8)


def test_gradient_bandit_with_and_without_baseline() -> None:
    """Sutton & Barto, figure 2.5: values near +4; 84.9 % and 49.1 % optimal at step 1,000 by the gallery's program."""
    right: dict[bool, list[float]] = {True: [], False: []}
    for task in range(150):
        rng = np.random.default_rng([task, 25])
        values = 4.0 + rng.standard_normal(10)
        rewards = values + rng.standard_normal((1000, 10))
        for baseline in right:
            choice = columns(GradientBandit(0.1, baseline), rewards, task).choice[-200:]
            right[baseline].append(float((choice == values.argmax()).mean()))
    assert np.mean(right[True]) == pytest.approx(0.84, abs=0.08)
    assert np.mean(right[False]) == pytest.approx(0.49, abs=0.11)


def test_exp3_keeps_the_bound_of_its_paper() -> None:
    """Auer et al. 2002, theorem 3.1: G_max - E[G] <= (e - 1) gamma G_max + K ln K / gamma, whatever the gains are."""
    n, gamma = 4_000, 0.1
    turns = np.arange(n)[:, None] * np.arange(1, K + 1)
    gains = np.where(turns % 7 < 3, 1.0, 0.1) * np.where((np.arange(n) < n // 3)[:, None], np.arange(K) > 2, 1.0)
    gains[:, 1] = 0.8
    earned = []
    for seed in range(20):
        choice = columns(Exp3(gamma), gains, seed).choice.astype(int)
        earned.append(gains[np.arange(n), choice].sum())
    top = gains.sum(axis=0).max()
    bound = (math.e - 1) * gamma * top + K * math.log(K) / gamma
    assert bound < top - gains.mean(axis=1).sum() < top  # chance alone does not keep it
    assert top - np.mean(earned) < bound


def test_exp3s_keeps_the_bound_of_its_paper() -> None:
    """Auer et al. 2002, corollary 8.2, against the best sequence of S choices: 2 sqrt(e-1) sqrt(KT (S ln(KT) + e))."""
    n, parts = 20_000, 3
    best = np.arange(n) * parts // n
    gains = (best[:, None] == np.arange(K)).astype(float)
    hard = parts * math.log(K * n) + math.e
    agent = Exp3s(min(1.0, math.sqrt(K * hard / ((math.e - 1) * n))), 1.0 / n)
    lost = [n - gains[np.arange(n), columns(agent, gains, seed).choice.astype(int)].sum() for seed in range(10)]
    assert np.mean(lost) < 2 * math.sqrt((math.e - 1) * K * n * hard) < n * (1 - 1 / K)


@pytest.mark.parametrize("make", [Exp3, Exp3s, GradientBandit])
def test_a_million_steps_leave_finite_weights(make: Callable[[], Any]) -> None:
    """And the agent still knows which slot pays; what EXP3.S shares out costs it a tenth."""
    rewards = np.zeros((1_000_000, 3))
    rewards[:, 1] = 1.0
    agent = make()
    choice = columns(agent, rewards, 1).choice
    assert all(np.isfinite(array).all() for array in held_by(agent))
    assert (choice[-1000:] == 1).mean() > 0.85
    assert sum(agent.act(0).scores) == pytest.approx(1.0, rel=1e-12)


def test_kl_ucb_meets_the_bound_of_lai_and_robbins() -> None:
    """Garivier & Cappe 2011, theorem 1: a worse slot is chosen ln n / d(worse, best) times, to first order."""
    n, means = 20_000, np.array([0.9, 0.6])
    pulls = []
    for seed in range(20):
        won = (np.random.default_rng([seed, 8]).random((n, 2)) < means).astype(float)
        pulls.append((columns(KlUcb(), won, seed).choice == 1).sum())
    assert 0.6 < np.mean(pulls) / (math.log(n) / papers.divergence(0.6, 0.9)) < 1.6


def test_a_restart_comes_of_worsening_only() -> None:
    """Better rewards raise no alarm, worse ones do; what was asked before it and comes after it is not counted."""
    agent = started(RestartingUcb(1.0, 5.0, 0.1), seen=spaces.Discrete(1))
    for step in range(200):
        reward(agent, step % 2, 0.2 if step < 100 else 0.9, step=step)
    assert agent.watch.restarts[0] == 0 and agent.arms.tries[:2].tolist() == [100, 100]
    for step in range(200, 250):
        reward(agent, 0, 0.1, step=step)
        if agent.watch.restarts[0]:
            break
    assert agent.watch.restarts.tolist() == [1, step] and 205 < step < 220 and agent.arms.tries.sum() == 0
    reward(agent, 3, 0.5, step=step - 1)
    assert agent.arms.tries.sum() == 0
    reward(agent, 3, 0.5, step=step + 1)
    assert agent.arms.tries.tolist() == [0, 0, 0, 1, 0]


def softmax(likes: np.ndarray) -> np.ndarray:
    weights = np.exp(likes - likes.max())
    return weights / weights.sum()
