"""Slates of the recommendation world: priced by the best order, looked at by place, learnt from item by item."""

from __future__ import annotations

import math
import os
from itertools import islice, permutations
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from frequencies import check_frequencies
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import ndcg_score

import sandbox
import sandbox.envs
from sandbox.agents.bandits.epsilon_greedy import EpsilonGreedy
from sandbox.errors import SandboxError
from sandbox.feedback import parse_feedback
from sandbox.insiders import StreamOracle
from sandbox.interfaces import Decision, Experience
from sandbox.stream_loop import run_stream
from sandbox.streams.recommendation import Recommendation
from sandbox.streams.recommendation_asked import Asked, ndcg, recall
from sandbox.streams.recommendation_slate import arrange, attention_of, best_worths, looked_at, worth
from sandbox.trace import Trace, join

DRAWS = int(os.environ.get("RECOMMENDATION_DRAWS", "100000"))  # 2,000,000 for the long version
VALUES = st.lists(st.floats(-2, 2), min_size=4, max_size=6)


def small(**given_settings: Any) -> Recommendation:
    return Recommendation(**({"users": 24, "items": 6, "dimensions": 3, "item_life": 700, "slots": 3} | given_settings))


def run(stream: Recommendation, agent: Any, steps: int, seed: int = 1) -> Trace:
    chunks: list[Trace] = []
    run_stream(stream, agent, chunks.append, seed=seed, steps=steps)
    return join(chunks)


class Shows:
    """Shows what it is told to, and remembers what it hears."""

    def __init__(self, choice: int | None, scores: list[float] | None = None) -> None:
        self.choice, self.scores = choice, scores
        self.heard: list[Experience] = []

    def begin(self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: Any) -> None:
        """Start a run."""

    def act(self, observation: Any) -> Decision:
        """Decide as told."""
        return Decision(self.choice, scores=self.scores)

    def learn(self, experience: Experience) -> None:
        """Remember."""
        self.heard.append(experience)


# --- the best slate, and the slate that a decision is -----------------------------------------------------------------


@given(VALUES, st.integers(1, 4), st.floats(0, 3))
@settings(max_examples=150, deadline=None)
def test_the_best_slate_is_the_best_of_all_orders(values: list[float], slots: int, attention: float) -> None:
    look, found = attention_of(slots, attention), np.empty(1)
    best_worths(np.array([values]), look, found)
    brute = max(
        sum(a * values[j] for a, j in zip(look, order, strict=True))
        for order in permutations(range(len(values)), slots)
    )
    assert found[0] == pytest.approx(brute, abs=1e-12)


@given(
    st.lists(st.sampled_from([-1.0, 0.0, 0.5, 2.0, math.inf, -math.inf, math.nan]), min_size=5, max_size=5),
    st.integers(0, 4),
)
@settings(max_examples=200, deadline=None)
def test_a_slate_is_the_choice_then_the_others_by_score(scores: list[float], choice: int) -> None:
    order = np.empty(4, dtype=np.int64)
    arrange(choice, np.array(scores), order)
    others = [j for j in range(5) if j != choice]
    by_score = sorted(others, key=lambda j: (math.isnan(scores[j]), 0.0 if math.isnan(scores[j]) else -scores[j], j))
    assert order.tolist() == [choice, *by_score[:3]]


def test_attention_falls_as_a_power_of_the_place() -> None:
    assert attention_of(4, 1.0).tolist() == [1.0, 1 / 2, 1 / 3, 1 / 4]
    assert attention_of(3, 2.0).tolist() == [1.0, 1 / 4, 1 / 9] and attention_of(3, 0.0).tolist() == [1.0, 1.0, 1.0]


def test_places_are_looked_at_as_often_as_they_should() -> None:
    look, n = attention_of(5, 1.0), DRAWS
    seen = np.array([looked_at(9, step, look) for step in range(n)])
    for place, chance in enumerate(look):
        count = int((seen > place).sum())
        assert stats.binomtest(count, n, float(chance)).pvalue > 1e-4 if chance < 1 else count == n


# --- settling ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scores", [None, [0.1, 0.9, 0.3, 0.4, 0.9, 0.2]])
def test_what_comes_of_a_slate_is_the_sum_of_what_is_looked_at(scores: list[float] | None) -> None:
    stream = small()
    look, batch, depths = attention_of(3, 1.0), stream.batch(4, 0, 300), set()
    for step, asked in enumerate(islice(stream.questions(4), 300)):
        made = stream.settle(asked, Decision(2, scores=scores))
        shown = [int(j) for j in made.vector or ()]
        assert len(set(shown)) == 3 and shown[0] == 2 and (scores is None or shown[1:] == [1, 4])
        seen = looked_at(4, step, look)
        gains = [float(batch.rewards[step, j]) if r < seen else 0.0 for r, j in enumerate(shown)]
        assert list(made.parts) == list(zip(shown, gains, strict=True)) and made.reward == pytest.approx(sum(gains))
        assert made.value == pytest.approx(sum(a * batch.values[step, j] for a, j in zip(look, shown, strict=True)))
        top = np.sort(batch.values[step])[::-1][:3]
        assert made.best == pytest.approx(max(0.0, float(top @ look))) and made.value <= made.best + 1e-12
        assert stream.settle(asked, Decision(2, scores=scores)) == made  # asked again, the same
        depths.add(seen)
    assert depths == {1, 2, 3}


def test_no_slate_earns_nothing() -> None:
    stream = small(skip_cost=3.0)
    made = [stream.settle(asked, Decision(None)) for asked in islice(stream.questions(0), 200)]
    assert all((one.value, one.reward, list(one.parts)) == (0.0, 0.0, [(None, 0.0)]) for one in made)
    assert all(np.isnan(one.vector or ()).all() and len(one.vector or ()) == 3 for one in made)
    assert any(one.best == 0.0 for one in made) and any(one.best > 0.0 for one in made)
    oracle = run(stream, StreamOracle(stream.ideal), 200, seed=0)
    assert (np.isnan(oracle.choice) == (oracle.best == 0.0)).all() and (oracle.best == oracle.value).all()


def test_without_scores_the_other_places_are_drawn_at_random() -> None:
    stream = small(attention=0.0)
    counts = np.zeros((3, 6))
    for asked in islice(stream.questions(0), 6_000):
        for place, j in enumerate(stream.settle(asked, Decision(5)).vector or ()):
            counts[place, int(j)] += 1
    assert counts[0, 5] == 6_000 and min(stats.chisquare(row[:5]).pvalue for row in counts[1:]) > 1e-4


def test_scores_of_another_length_are_refused() -> None:
    stream = small()
    with pytest.raises(SandboxError, match="the agent gave 2 scores to 6 items"):
        run(stream, Shows(0, [1.0, 2.0]), 5)


def test_an_agent_hears_of_each_item_by_itself() -> None:
    stream, agent = small(), Shows(1, [0.0, 5.0, 1.0, 2.0, 3.0, 4.0])
    trace = run(stream, agent, 400)
    assert trace.choice_vector is not None and (trace.choice_vector == [1, 5, 4]).all()
    heard = np.array([(one.choice, one.reward, one.asked_at) for one in agent.heard]).reshape(400, 3, 3)
    assert (heard[:, :, 0] == [1, 5, 4]).all() and (heard[:, :, 2] == np.arange(400)[:, None]).all()
    np.testing.assert_allclose(heard[:, :, 1].sum(axis=1), trace.reward, atol=1e-12)


def test_late_and_wrong_answers_come_item_by_item() -> None:
    stream, agent = small(), Shows(1, [0.0, 5.0, 1.0, 2.0, 3.0, 4.0])
    chunks: list[Trace] = []
    late = parse_feedback("delayed=7+noisy=0.2+partial=0.5")
    run_stream(stream, agent, chunks.append, seed=1, steps=1_000, feedback=late)
    trace, heard = join(chunks), {}
    for one in agent.heard:
        heard.setdefault(one.asked_at, []).append((one.choice, one.reward))
    assert set(heard) == {step for step, due in enumerate(trace.answered_at) if 0 <= due < 1_000}
    signs = []
    for step, parts in heard.items():
        assert [choice for choice, _ in parts] == [1, 5, 4]
        told = sum(reward for _, reward in parts)
        assert abs(told) == pytest.approx(abs(trace.reward[step]))
        signs.append(told == pytest.approx(trace.reward[step]))
    assert stats.binomtest(signs.count(True), len(signs), 0.8).pvalue > 1e-4
    assert stats.binomtest(len(heard), 1_000, 0.5).pvalue > 1e-4


def test_lower_places_are_heard_of_less() -> None:
    """The rewards heard from each place are what its items are worth, times how often it is looked at."""
    stream, agent = small(attention=1.0), Shows(0)
    trace = run(stream, agent, 30_000)
    batch, shown = stream.batch(1, 0, 30_000), trace.choice_vector
    assert shown is not None
    for place, chance in enumerate(attention_of(3, 1.0)):
        worths = np.take_along_axis(batch.values, shown[:, place, None].astype(np.int64), axis=1)[:, 0]
        heard = np.array([one.reward for one in agent.heard[place::3]])
        excess = heard - chance * worths
        assert abs(excess.mean()) < 4 * excess.std() / math.sqrt(len(excess))


# --- prices, luck, measures -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drift", [None, "gradual@2000~4000", "recurring@1500", "abrupt@3000:like_bonus=2.0"])
def test_frequencies_of_every_item_of_a_slate(drift: Any) -> None:
    check_frequencies(small(drift=drift), DRAWS)


def test_items_of_one_slate_have_luck_of_their_own() -> None:
    batch = small().batch(0, 0, 40_000)
    luck = batch.rewards - batch.values
    together = np.corrcoef(luck.T)[np.triu_indices(6, 1)]
    assert np.abs(together).max() < 4.5 / math.sqrt(40_000)
    shared = small(slots=1).batch(0, 0, 4_000)
    assert np.corrcoef((shared.rewards - shared.values).T)[np.triu_indices(6, 1)].min() > 0.5


@pytest.mark.parametrize("more", [{}, {"satiation": 0.5}, {"season": 1.0, "drift": "gradual@300~900"}])
def test_the_ledger_closes_and_luck_is_fair(more: dict[str, Any]) -> None:
    result = sandbox.run(small(**more), ["oracle", "thompson", "random"], seeds=3, steps=1_500)
    for agent in result.agents:
        assert max(agent.values("ledger_error")) < 1e-9 and np.abs(agent.values("luck_z")).max() < 4.5
        assert (max(agent.values("regret")) == 0.0) == (agent.name == "oracle")


@given(VALUES, st.permutations(range(4)))
@settings(max_examples=100, deadline=None)
def test_ndcg_is_that_of_scikit_learn(values: list[float], order: list[int]) -> None:
    slate, ideal = np.array(order[:3]), np.argsort(-np.array(values[:4]), kind="stable")[:3]
    gains = np.maximum(np.array(values[:4]), 0.0)
    ours = ndcg(np.array(values[:4]), slate, ideal)
    if gains.max() < 1e-6:
        return
    scores = np.zeros(4)
    scores[slate] = [3.0, 2.0, 1.0]
    assert ours == pytest.approx(ndcg_score(gains[None], scores[None], k=3), abs=1e-9)


def test_measures_of_a_slate_by_hand() -> None:
    value, ideal = np.array([0.5, -0.2, 1.0, 0.25]), np.array([2, 0])
    assert recall(np.array([0, 1]), ideal) == 0.5 and recall(np.array([0, 2]), ideal) == 1.0
    assert ndcg(value, np.array([1, 0]), ideal) == pytest.approx((0.5 / math.log2(3)) / (1 + 0.5 / math.log2(3)))
    assert ndcg(value, ideal, ideal) == 1.0 and math.isnan(ndcg(value - 1.0, ideal, ideal))
    assert worth(value, np.array([0, 2]), attention_of(2, 1.0)) == 1.0


def test_measures_reach_the_metrics() -> None:
    result = sandbox.run(small(), ["oracle", "random"], seeds=2, steps=1_000)
    oracle, random = (agent.values for agent in result.agents)
    assert min(oracle("recall_at_k")) == min(oracle("ndcg_at_k")) == 1.0
    assert max(random("recall_at_k")) < 0.6 and max(random("ndcg_at_k")) < 0.9
    assert min(oracle("watch_seconds")) > max(random("watch_seconds")) > 10
    assert random("coverage") == [1.0, 1.0]


def test_watch_seconds_are_those_of_what_is_watched() -> None:
    stream = small(attention=0.0, like_bonus=0.0, skip_cost=0.0)  # a reward is then the share watched
    trace = run(stream, Shows(0, [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]), 300)
    seen = [asked.observation["durations"][:3] for asked in islice(stream.questions(1), 300)]
    shares = stream.batch(1, 0, 300).rewards[:, :3]
    np.testing.assert_allclose(trace.extras["watch_seconds"], (shares * np.array(seen)).sum(axis=1))


# --- learning, and its other forms ------------------------------------------------------------------------------------


def test_bandits_learn_slates_as_they_are() -> None:
    stream = small(users=1, segments=1, item_life=0)
    late, random = (run(stream, agent, 3_000) for agent in (EpsilonGreedy(epsilon=0.1), Shows(0)))
    gap = late.best - late.value
    assert gap[2_000:].mean() < 0.6 * gap[:300].mean() and gap.sum() < (random.best - random.value).sum()


def test_as_a_river_stream_it_rates_the_first_item() -> None:
    stream = small()
    batch = stream.batch(0, 0, 500)
    for i, (x, rating) in enumerate(islice(stream, 500)):
        slot = batch.seen.item[i].tolist().index(int(x["item"][1:]))
        assert rating == batch.rewards[i, slot]


def test_as_an_environment_it_takes_scores() -> None:
    env = gym.make("sandbox/Recommendation-v0", users=24, items=6, dimensions=3, item_life=700, slots=3)
    assert isinstance(env.action_space, spaces.Box) and env.action_space.shape == (6,)
    stream, total = small(), 0.0
    scores = [0.0, 5.0, 1.0, 2.0, 3.0, 4.0]
    for step, asked in enumerate(islice(stream.questions(7), 50)):
        observation, _ = env.reset(seed=7) if step == 0 else env.reset()
        assert observation["user"] == asked.observation["user"]
        reward = float(env.step(np.array(scores))[1])
        assert isinstance(asked, Asked) and reward == stream.settle(asked, Decision(1, scores=scores)).reward
        total += abs(reward)
    assert total > 0.0


@pytest.mark.parametrize(
    ("given_settings", "message"),
    [
        ({"slots": 7}, "7 slots are more than 6 items"),
        ({"slots": 0}, "slots=0 is out of range"),
        ({"attention": -1.0}, "attention=-1.0 is out of range"),
        ({"drift": "abrupt@5:attention=2.0"}, "'attention' cannot drift"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given_settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SandboxError, match=message):
        small(**given_settings)
