"""Bandits: their rules against papers and brute force, both speeds against each other, items that come and go."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bandits import (
    BOX,
    FEEDBACKS,
    IDS,
    LEVEL,
    SEEN,
    Chunk,
    D,
    K,
    as_python,
    columns,
    compiled,
    held_by,
    in_the_open,
    made_up,
    reward,
    started,
)
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sandbox.agents.bandits._bandit import Arms, best_of, make_arms, make_held
from sandbox.agents.bandits.epsilon_greedy import EpsilonGreedy
from sandbox.agents.bandits.popularity import Popularity
from sandbox.agents.bandits.thompson import Thompson
from sandbox.agents.bandits.ucb import Ucb
from sandbox.agents.contextual.linucb import Linucb
from sandbox.catalog import make_agent
from sandbox.discovery import discover
from sandbox.errors import SandboxError
from sandbox.feedback import Feedback
from sandbox.interfaces import Decision, Labels, Number, Slate
from sandbox.streams.recommendation import Recommendation

AGENTS: dict[str, Callable[[], Any]] = {
    "epsilon-greedy": lambda: EpsilonGreedy(epsilon=0.2),
    "epsilon-greedy, constant step": lambda: EpsilonGreedy(0.1, 0.3, 1.0),
    "ucb": Ucb,
    "thompson": lambda: Thompson(0.5, 0.2, 2.0),
    "linucb": lambda: Linucb(0.7, 0.5),
    "popularity": Popularity,
    "popularity, decaying": lambda: Popularity(0.9, 0.5, 0.5),
}


# --- two speeds -------------------------------------------------------------------------------------------------------


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
    answered = (made[0].answered_at >= 0).sum()
    assert answered == min(len(chunk.rewards), feedback.budget or 10**9) or feedback.partial < 1 or feedback.only
    assert answered > 10 and np.isnan(made[0].confidence).all()
    if not name.startswith("popularity"):
        assert (made[0].greedy != made[0].choice).any()


def test_who_has_no_compiled_loop_says_why() -> None:
    class Mine(Ucb):
        def act(self, observation: Any) -> Decision:
            return Decision(0)

    for make in AGENTS.values():
        assert "compiled for slates, not for messages" in started(make()).fast("messages", (True,) * K, None, 0)
    assert started(Mine()).fast("slate", (True,) * K, None, 0) == "Mine is a subclass with rules of its own"


# --- rules ------------------------------------------------------------------------------------------------------------

REWARDS = st.lists(st.tuples(st.integers(0, K - 1), st.floats(-3, 3)), max_size=30)


@settings(max_examples=60, deadline=None)
@given(REWARDS, st.floats(0.0, 1.0), st.floats(-2, 2))
def test_values_against_sums(told: list[tuple[int, float]], step_size: float, initial: float) -> None:
    """The mean of an item's rewards; with a constant step size equation 2.6 of Sutton & Barto."""
    mean = started(EpsilonGreedy(0.0, None, initial), seen=spaces.Discrete(1))
    constant = started(EpsilonGreedy(0.0, step_size, initial), seen=spaces.Discrete(1))
    for step, (slot, value) in enumerate(told):
        reward(mean, slot, value, step=step)
        reward(constant, slot, value, step=step)
    for slot in range(K):
        own = [value for at, value in told if at == slot]
        n, a = len(own), step_size
        assert mean.act(0).scores[slot] == pytest.approx(np.mean(own) if own else initial, abs=1e-12)
        weighted = (1 - a) ** n * initial + sum(a * (1 - a) ** (n - 1 - i) * r for i, r in enumerate(own))
        assert constant.act(0).scores[slot] == pytest.approx(weighted, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(REWARDS, st.floats(0.1, 1.0), st.floats(-2, 2), st.floats(0.01, 5))
def test_popularity_against_sums(told: list[tuple[int, float]], decay: float, initial: float, weight: float) -> None:
    """Each reward counts decay^(rewards since); an item starts with `weight` imagined ones."""
    agent = started(Popularity(decay, initial, weight), seen=spaces.Discrete(1))
    for step, (slot, value) in enumerate(told):
        reward(agent, slot, value, step=step)
    made = agent.act(0)
    for slot in range(K):
        own = [(decay ** (len(told) - 1 - i), value) for i, (at, value) in enumerate(told) if at == slot]
        expected = (weight * initial + sum(w * r for w, r in own)) / (weight + sum(w for w, _ in own))
        assert made.scores[slot] == pytest.approx(expected, abs=1e-9)
    assert made.scores[made.choice] == max(made.scores) and not made.explored


def test_ucb1_against_a_naive_one() -> None:
    rng, agent = np.random.default_rng(4), started(Ucb(), seen=spaces.Discrete(1))
    seen: list[list[float]] = [[] for _ in range(K)]
    explored = 0
    for n in range(600):
        made = agent.act(0)
        bounds = [math.inf if not own else np.mean(own) + math.sqrt(2 * math.log(n) / len(own)) for own in seen]
        assert bounds[made.choice] >= max(bounds) - 1e-9
        means = [np.mean(own) if own else 0.0 for own in seen]
        assert made.scores == pytest.approx(means, abs=1e-12)
        assert made.explored == (made.scores[made.choice] < max(made.scores))
        explored += made.explored
        seen[made.choice].append(float(rng.random() < 0.2 + 0.15 * made.choice))
        reward(agent, made.choice, seen[made.choice][-1], step=n)
    assert 50 < explored < 550 and min(map(len, seen)) > 5


def test_ucb1_keeps_the_bound_of_its_paper() -> None:
    """Auer et al. 2002, theorem 1: a worse arm is pulled 8 ln n / gap^2 + 1 + pi^2 / 3 times on average, at most."""
    n, means = 10_000, np.array([0.9, 0.6])
    pulls = []
    for seed in range(20):
        won = (np.random.default_rng([seed, 8]).random((n, 2)) < means).astype(float)
        pulls.append((columns(Ucb(), won, seed).choice == 1).sum())
    assert 2 * math.log(n) < np.mean(pulls) < 8 * math.log(n) / 0.09 + 1 + math.pi**2 / 3


def test_ten_armed_testbed() -> None:
    """Sutton & Barto, 2nd edition, section 2.3 and figure 2.2: after 1,000 steps, on a quarter of the book's tasks.

    Greedy earns "about 1, compared with the best possible of about 1.55", and finds the best arm in "approximately
    one-third of the tasks"; epsilon = 0.1 chooses the best arm in 80 % of the steps, and never in more than 91 %.
    """
    earned, right, best = {0.0: [], 0.1: []}, {0.0: [], 0.1: []}, []
    for task in range(500):
        rng = np.random.default_rng([task, 22])
        values = rng.standard_normal(10)
        rewards = values + rng.standard_normal((1000, 10))
        best.append(values.max())
        for epsilon in earned:
            choice = columns(EpsilonGreedy(epsilon), rewards, task).choice.astype(int)[-100:]
            earned[epsilon].append(values[choice].mean())
            right[epsilon].append((choice == values.argmax()).mean())
    assert np.mean(best) == pytest.approx(1.54, abs=0.08)
    assert np.mean(earned[0.0]) == pytest.approx(1.0, abs=0.1) and np.mean(right[0.0]) == pytest.approx(1 / 3, abs=0.07)
    assert np.mean(earned[0.1]) == pytest.approx(1.37, abs=0.08) and np.mean(right[0.1]) == pytest.approx(0.8, abs=0.04)


def test_thompson_matches_probabilities() -> None:
    """Posteriors by Bayes' rule on a grid; an item is chosen as often as it is likely to be the best."""
    agent = started(Thompson(0.7, 0.3, 1.5), seen=spaces.Discrete(1), k=2)
    told, grid = [(0, 1.2), (0, 0.4), (1, 0.1)], np.linspace(-12, 12, 24_001)
    posterior = [stats.norm.logpdf(grid, 0.3, 1.5) for _ in range(2)]
    for step, (slot, value) in enumerate(told):
        reward(agent, slot, value, step=step)
        posterior[slot] = posterior[slot] + stats.norm.logpdf(value, grid, 0.7)
    weights = [np.exp(p - p.max()) / np.exp(p - p.max()).sum() for p in posterior]
    means = [float(w @ grid) for w in weights]
    spread = math.sqrt(sum(float(w @ (grid - m) ** 2) for w, m in zip(weights, means, strict=True)))
    made = [agent.act(0) for _ in range(6_000)]
    assert made[0].scores == pytest.approx(means, abs=1e-9)
    share = stats.norm.cdf((means[0] - means[1]) / spread)
    assert stats.binomtest(sum(d.choice == 0 for d in made), len(made), share).pvalue > LEVEL
    assert all(d.explored == (d.choice == 1) for d in made)


def test_linucb_against_dense_algebra() -> None:
    """Li et al. 2010, Algorithm 1, with numpy.linalg."""
    chunk, agent = made_up(1, 300, life=10**6), started(Linucb(0.8, 0.4))
    a, b = np.stack([0.4 * np.eye(D)] * K), np.zeros((K, D))
    explored = 0
    for step in range(300):
        x, made = chunk.seen.context[step], agent.act(chunk.observation(step))
        theta = np.stack([np.linalg.solve(a[j], b[j]) for j in range(K)])
        bounds = theta @ x + 0.8 * np.sqrt([x @ np.linalg.solve(a[j], x) for j in range(K)])
        assert made.scores == pytest.approx((theta @ x).tolist(), abs=1e-9)
        assert bounds[made.choice] >= bounds.max() - 1e-9
        assert made.explored == (made.scores[made.choice] < max(made.scores))
        explored += made.explored
        value = chunk.rewards[step, made.choice] + 0.3 * x[1] * made.choice
        reward(agent, made.choice, value, chunk.observation(step), step)
        a[made.choice] += np.outer(x, x)
        b[made.choice] += value * x
    np.testing.assert_allclose(agent.ridges.inverse, np.linalg.inv(a), atol=1e-9)
    assert 5 < explored < 250


def test_linucb_takes_a_plain_vector() -> None:
    inside, plain = started(Linucb(), 1), started(Linucb(), 1, BOX)
    chunk = made_up(0, 50, life=10**6)
    for step in range(50):
        made = [inside.act(chunk.observation(step)), plain.act(chunk.seen.context[step].astype(np.float64))]
        assert made[0] == made[1]
        reward(inside, made[0].choice, chunk.rewards[step, 0], chunk.observation(step), step)
        reward(plain, made[0].choice, chunk.rewards[step, 0], chunk.seen.context[step], step)


@pytest.mark.parametrize("values", [[1.0, 1.0, 1.0], [0.0, 2.0, 2.0, 1.0, 2.0], [math.inf, 0.0, math.inf], [3.0, 1.0]])
def test_ties_are_broken_uniformly(values: list[float]) -> None:
    rng, index = np.random.default_rng(7), np.array(values)
    counts = np.bincount([best_of(index, rng) for _ in range(6_000)], minlength=len(values))
    tied = index == index.max()
    assert (counts[~tied] == 0).all()
    assert tied.sum() == 1 or stats.chisquare(counts[tied]).pvalue > LEVEL


def test_exploration_has_its_share() -> None:
    agent = started(EpsilonGreedy(0.3), seen=spaces.Discrete(1))
    agent.arms.held.item[:], agent.arms.value[:] = np.arange(K), [0, 1, 0.5, 0, 0]
    made = [agent.act(0) for _ in range(10_000)]
    explored = [d.choice for d in made if d.explored]
    assert stats.binomtest(len(explored), len(made), 0.3).pvalue > LEVEL
    assert stats.chisquare(np.bincount(explored, minlength=K)).pvalue > LEVEL
    assert {d.choice for d in made if not d.explored} == {1}


# --- items come and go ------------------------------------------------------------------------------------------------

EVENTS = st.lists(st.tuples(st.integers(0, K - 1), st.integers(0, 25), st.integers(-4, 4)), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(EVENTS)
def test_items_against_a_memory_of_everything(events: list[tuple[int, int, int]]) -> None:
    """Slots whose items are replaced every 12 steps, rewards late and out of order: each item keeps its own mean.

    Nothing of an item's predecessor remains, and what comes late for one that is gone is not counted for its heir.
    """
    agent = started(EpsilonGreedy(epsilon=0.0, initial_value=9.0))
    due: dict[int, list[tuple[int, int, int]]] = {}
    told: dict[int, list[int]] = {}
    for step in range(len(events) + 26):
        items = (np.arange(K) * 5 + step) // 12 * K + np.arange(K)
        scores = agent.act({"user": 0, "context": np.zeros(D), "items": items}).scores
        assert scores == pytest.approx([np.mean(told[i]) if i in told else 9.0 for i in items.tolist()])
        if step < len(events):
            slot, delay, value = events[step]
            due.setdefault(step + delay, []).append((step, slot, value))
        for asked_at, slot, value in due.pop(step, []):
            shown = (np.arange(K) * 5 + asked_at) // 12 * K + np.arange(K)
            told.setdefault(int(shown[slot]), []).append(value)
            reward(agent, slot, value, {"user": 0, "context": np.zeros(D), "items": shown}, asked_at)


@pytest.mark.parametrize("name", AGENTS)
def test_a_new_item_starts_afresh(name: str) -> None:
    """Before its first reward it is unknown, and after it one reward is all that is known."""
    chunk = made_up(2, 100, life=10**6)
    used, fresh = started(AGENTS[name]()), started(AGENTS[name]())
    for step in range(80):
        reward(used, step % K, 3.0, chunk.observation(step), step)
    now = chunk.observation(99) | {"items": np.array([0, 1, 77, 3, 4])}
    assert used.act(now).scores[2] == fresh.act(now).scores[2] != used.act(chunk.observation(99)).scores[2]
    for agent in (used, fresh):
        reward(agent, 2, -0.5, now, 99)
    assert used.act(now).scores[2] == fresh.act(now).scores[2]
    before = used.act(now).scores
    reward(used, 2, 4.0, chunk.observation(50), 50)  # for the item that is gone
    assert used.act(now).scores == before


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


# --- worlds made to be learnt, and those that do not fit --------------------------------------------------------------


@pytest.mark.parametrize("name", AGENTS)
def test_every_agent_beats_random(name: str) -> None:
    """On five slots of which one pays: a random agent gets 0.36, an oracle 0.8."""
    rng = np.random.default_rng(3)
    chunk, means = made_up(9, 3_000, life=10**6), np.array([0.2, 0.3, 0.8, 0.1, 0.4])
    chunk = chunk._replace(rewards=means + 0.3 * rng.standard_normal((3_000, K)))
    choice = compiled(started(AGENTS[name]()), chunk, Feedback(), 0).choice.astype(int)
    assert means[choice[-1000:]].mean() > 0.36 + 0.2


@pytest.mark.parametrize("name", sorted({"epsilon-greedy", "ucb", "thompson", "linucb", "popularity"}))
def test_recommendation(name: str) -> None:
    """Found by name; both speeds agree; better than random, with items that are born and die."""
    assert name in discover("agents")
    world = Recommendation(items=8, users=20, dimensions=4, item_life=2_000)
    batch = world.batch(1, 0, 4_000)
    plain, fast = (make_agent(name, None) for _ in range(2))  # type: ignore[arg-type]
    for agent in (plain, fast):
        agent.begin(world.observation_space, world.choice_space, np.random.default_rng(0))
    chunk = Chunk(batch.seen, batch.rewards)  # type: ignore[arg-type]
    made, again = compiled(fast, chunk, Feedback(20), 1), in_the_open(plain, chunk, Feedback(20), 1)
    for a, b in zip((*made, *held_by(fast)), (*again, *held_by(plain)), strict=True):
        np.testing.assert_array_equal(a, b)
    earned = batch.values[np.arange(4_000), made.choice.astype(int)][1_000:]
    random = batch.values[1_000:].mean(axis=1)
    assert earned.mean() > random.mean() + 5 * (earned - random).std() / math.sqrt(3_000)


def test_contexts_are_worth_something() -> None:
    """Where each user likes another item, LinUCB finds it, and an average cannot."""
    rng, n = np.random.default_rng(0), 4_000
    context = np.eye(D)[rng.integers(D, size=n)]
    values = context @ np.array([[1.0, 0, 0, 0, 0.4], [0, 1.0, 0, 0, 0.4], [0, 0, 1.0, 0, 0.4]])
    seen = Slate(np.zeros(n, dtype=np.int64), context, np.tile(np.arange(K), (n, 1)))
    chunk = Chunk(seen, values + 0.2 * rng.standard_normal((n, K)))
    means = {}
    for kind in (Linucb, Ucb):
        choice = compiled(started(kind()), chunk, Feedback(), 0).choice.astype(int)
        means[kind] = values[np.arange(n), choice][1000:].mean()
    assert means[Linucb] > 0.9 and means[Ucb] < 0.45


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: started(Ucb(), seen=SEEN).begin(SEEN, Number(), None), "needs discrete ones, not Number"),
        (lambda: Popularity().begin(SEEN, spaces.Discrete(3, start=1), np.random.default_rng(0)), "counted from 0"),
        (lambda: started(Linucb(), seen=spaces.Discrete(4)), "Linucb needs a context.*not Discrete"),
        (lambda: started(Linucb(), seen=spaces.Dict({"items": IDS})), "Linucb needs a context.*not Dict"),
        (lambda: started(Linucb(), seen=spaces.Dict({"context": spaces.Discrete(3)})), "Linucb needs a context"),
        (lambda: EpsilonGreedy(epsilon=1.5), "epsilon=1.5 is out of range"),
        (lambda: EpsilonGreedy(step_size=-0.1), "step_size=-0.1 is out of range"),
        (lambda: Ucb(exploration=-1), "exploration=-1 is out of range"),
        (lambda: Ucb(exploration="x"), "is not a number"),  # type: ignore[arg-type]
        (lambda: Thompson(noise=0.0), "noise=0.0 is out of range"),
        (lambda: Thompson(prior_scale=math.nan), "prior_scale=nan is out of range"),
        (lambda: Linucb(regularization=0.0), "regularization=0.0 is out of range"),
        (lambda: Popularity(decay=0.0), "decay=0.0 is out of range"),
        (lambda: Popularity(prior_weight=0.0), "prior_weight=0.0 is out of range"),
        (lambda: started(Ucb()).act({"items": np.arange(3)}), "shows 3 items, and there are 5 choices"),
        (lambda: started(Linucb()).act({"items": np.arange(5), "context": np.zeros(2)}), "the context has 2 numbers"),
        (lambda: reward(started(Ucb(), seen=BOX), 7, 1.0), "choice 7 is none of the 5"),
    ],
)
def test_what_does_not_fit_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(SandboxError, match=message):
        make()


def test_labels_are_slots_too() -> None:
    """And a feature called `items` that is no list of the slots' items is a feature."""
    agent = Ucb()
    agent.begin(spaces.Dict({"items": spaces.Box(0, 9, ())}), Labels(["a", "b"]), np.random.default_rng(0))
    for step in range(200):
        made = agent.act({"items": 3.0})
        reward(agent, made.choice, float(made.choice == 1), {"items": 3.0}, step)
    assert agent.arms.tries[1] > 150
    assert isinstance(agent.arms, Arms) and len(make_arms(3).value) == 3 and make_held(2).item.tolist() == [-1, -1]
