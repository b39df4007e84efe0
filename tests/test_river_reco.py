"""River's recommenders as agents: through our loop as through a plain one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from river import linear_model, optim, reco
from scipy import stats

from sandbox.agents.adapters.river import RiverAgent, agent_of
from sandbox.agents.adapters.river_reco import RiverRecommender
from sandbox.catalog import make_agent
from sandbox.errors import RunError, SandboxError
from sandbox.interfaces import Decision, Experience
from sandbox.streams.recommendation import Recommendation

WORLD = Recommendation(items=6, users=15, dimensions=3, item_life=100)
N = 400
RECOMMENDERS: dict[str, Callable[[], Any]] = {
    "biased": lambda: reco.BiasedMF(n_factors=4, latent_optimizer=optim.SGD(0.05), seed=3),
    "funk": lambda: reco.FunkMF(n_factors=3, seed=5),
    "baseline": lambda: reco.Baseline(optimizer=optim.SGD(0.05)),
    "normal": lambda: reco.RandomNormal(seed=2),
}


def started(agent: Any, seed: int = 0) -> Any:
    agent.begin(WORLD.observation_space, WORLD.choice_space, np.random.default_rng(seed))
    return agent


def run(agent: Any) -> Iterator[tuple[dict[str, Any], Decision, float]]:
    """Let `agent` recommend, and yield what it saw, decided and earned, before it learns that."""
    batch = WORLD.batch(0, 0, N)
    for step in range(N):
        observation = WORLD.observation(batch, step)
        made = agent.act(observation)
        earned = float(batch.rewards[step, made.choice])
        yield observation, made, earned
        agent.learn(Experience(observation, made.choice, earned, None, True, False, None, step))


@pytest.mark.parametrize("name", RECOMMENDERS)
def test_equal_to_a_plain_loop(name: str) -> None:
    """Over the same stream, with the same ratings to the last bit."""
    model = RECOMMENDERS[name]()
    for observation, made, earned in run(started(RiverRecommender(RECOMMENDERS[name]()))):
        user, items = observation["user"], observation["items"].tolist()
        ratings = [model.predict_one(user, item) for item in items]
        assert made.scores == ratings and ratings[made.choice] == max(ratings) and not made.explored
        model.learn_one(user, items[made.choice], y=earned)


def test_it_learns() -> None:
    values = WORLD.batch(0, 0, N).values
    choices = [made.choice for _, made, _ in run(started(RiverRecommender(RECOMMENDERS["biased"]())))]
    earned, random = values[np.arange(N), choices], values.mean(axis=1)
    assert earned.mean() > random.mean() + 5 * (earned - random).std() / math.sqrt(N)


@pytest.mark.parametrize(
    "text", ["river:reco.BiasedMF(n_factors=5)", "river:BiasedMF()", "river:FunkMF", "river:RandomNormal()"]
)
def test_by_name_with_seeds_left_open(text: str) -> None:
    runs = []
    for seed in (1, 1, 2):
        agent = started(make_agent(text, None), seed)  # type: ignore[arg-type]
        assert isinstance(agent, RiverRecommender)
        runs.append([made.choice for _, made, _ in run(agent)])
    assert runs[0] == runs[1] != runs[2]


def test_other_models_stay_what_they_were() -> None:
    assert isinstance(agent_of(linear_model.LogisticRegression()), RiverAgent)
    assert isinstance(agent_of(reco.Baseline()), RiverRecommender)


def test_ties_are_broken_at_random() -> None:
    agent = started(RiverRecommender(reco.Baseline()))  # knows nothing: every item is rated 0
    observation = WORLD.observation(WORLD.batch(0, 0, 1), 0)
    counts = np.bincount([agent.act(observation).choice for _ in range(3_000)], minlength=6)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_of_slates_each_item_that_was_shown_is_rated() -> None:
    """And users who come later are other users to it."""
    world = Recommendation(items=6, users=15, dimensions=3, item_life=100, slots=3, user_life=60)
    agent, model, users = RiverRecommender(RECOMMENDERS["funk"]()), RECOMMENDERS["funk"](), set()
    agent.begin(world.observation_space, world.choice_space, np.random.default_rng(0))
    for step, asked in enumerate(islice(world.questions(0), N)):
        seen = asked.observation
        made = agent.act(seen)
        assert made.scores == [model.predict_one(seen["user"], item) for item in seen["items"].tolist()]
        parts = world.settle(asked, made).parts
        assert len(parts) == 3 and parts[0][0] == made.choice
        for choice, earned in parts:
            agent.learn(Experience(seen, choice, earned, None, True, False, None, step))
            model.learn_one(seen["user"], int(seen["items"][choice]), y=earned)
        users.add(seen["user"])
    assert max(users) > 15 * 5 and len(users) > 60


class Likes(reco.base.Ranker):
    """Rates an item by a number of the context, and nothing for user 8."""

    @property
    def is_contextual(self) -> bool:
        return True

    def learn_one(self, user: Any, item: Any, y: Any, x: Any = None) -> None:
        assert set(x) == {0, 1, 2, 3}

    def predict_one(self, user: Any, item: Any, x: Any = None) -> float:
        return math.nan if user == 8 else float(x[1] * (item % 6))


def test_one_of_ones_own_explores_and_sees_the_context() -> None:
    agent = started(RiverRecommender(Likes(), epsilon=0.25))
    batch, made = WORLD.batch(0, 0, N), []
    for step in range(N):
        observation = WORLD.observation(batch, step)
        if observation["user"] != 8:
            made.append((agent.act(observation), observation["context"][1]))
    assert {d.choice for d, x in made if not d.explored and x > 0} == {5}
    assert {d.choice for d, x in made if not d.explored and x < 0} == {0}
    assert stats.binomtest(sum(d.explored for d, _ in made), len(made), 0.25).pvalue > 1e-3
    observation = WORLD.observation(batch, 0)
    agent.learn(Experience(observation, 1, 0.5, None, True, False, None, 0))
    agent.learn(Experience(observation, None, 0.0, None, True, False, None, 0))
    with pytest.raises(RunError, match="not finite"):
        agent.act(observation | {"user": 8})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RiverRecommender(3), "int is no recommender of river.reco"),  # type: ignore[arg-type]
        (lambda: RiverRecommender(reco.Baseline(), epsilon=2.0), "epsilon=2.0 is out of range"),
        (
            lambda: RiverRecommender(reco.BiasedMF()).begin(
                spaces.Discrete(3), spaces.Discrete(2), np.random.default_rng(0)
            ),
            "River's BiasedMF recommends to users and needs observations that hold a 'user'",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(SandboxError, match=message):
        make()


def test_it_is_not_compiled_and_says_so() -> None:
    told = (True,) * 6
    assert started(RiverRecommender(reco.Baseline())).fast("slate", told, None, 0) == "River's Baseline is not compiled"
