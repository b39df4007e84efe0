"""The open loop, which any environment, agent and model can take: what judging every decision costs."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
from measure import Row, at_least, at_most, paired, runs_of
from river import datasets, evaluate, linear_model, metrics, optim, preprocessing

from sandbox.agents.adapters.river import RiverAgent
from sandbox.agents.tabular._tabular import epsilon_greedy
from sandbox.agents.tabular.q_learning import q_learning_update
from sandbox.catalog import make_world
from sandbox.loop import agent_rng
from sandbox.runs import Options, run_once
from sandbox.world import Budget, make_terms


def bare_loop(world: str, settings: dict[str, object], steps: int) -> None:
    """The loop anybody would write: Gymnasium, a table, the same rule as plain Python, nothing kept."""
    env = gym.make(world, **settings)
    rng = agent_rng(0)
    q = np.zeros((int(env.observation_space.n), int(env.action_space.n)))
    state, _ = env.reset(seed=0)
    for _ in range(steps):
        choice, _ = epsilon_greedy(q, state, 0.1, rng)
        following, reward, terminated, truncated, _ = env.step(choice)
        q_learning_update(q, state, choice, reward, following, terminated, 0.1, 0.99)
        state = following
        if terminated or truncated:
            state, _ = env.reset()


def episode_loop(quick: bool) -> list[Row]:
    """The open loop, with trace, prices and evaluation, against the bare loop with the same rule."""
    rows = []
    steps, pairs = (10_000, 3) if quick else (100_000, 9)
    for name, settings in (("FrozenLake-v1", {"map_name": "8x8"}), ("CliffWalking-v1", {}), ("Taxi-v4", {})):
        text = ",".join(f"{k}={v}" for k, v in settings.items())
        world = make_world(f"{name}:{text}" if text else name).under(make_terms(plain=True))
        ours = runs_of(world, "q-learning", steps, 1, compiled=False)
        ratio, bare, own = paired(lambda: bare_loop(name, settings, steps), ours, pairs)  # noqa: B023
        detail = f"{steps / own / 1000:.0f} k against {steps / bare / 1000:.0f} k decisions/s"
        rows.append(at_least(f"open episode loop / bare Gymnasium loop, {name}", ratio, 0.75, detail))
    return rows


def _model():
    return preprocessing.StandardScaler() | linear_model.LogisticRegression(optimizer=optim.SGD(0.1))


def river_loop(quick: bool) -> list[Row]:
    """A River model through our loop against River's own evaluation, on the same questions."""
    rows = []
    # Bananas has two features: about the lightest work a model can have, where our share is largest. No bound there.
    takes = (("river:Phishing", datasets.Phishing(), 1.15), ("river:Bananas", datasets.Bananas(), None))
    for name, dataset, bound in takes:
        world = make_world(name)
        budget = world.budget(Budget())
        repeats = 2 if quick else 10

        def ours(world=world, budget=budget, repeats=repeats) -> None:
            for _ in range(repeats):
                assert run_once(world, RiverAgent(_model()), 0, budget, Options()).scores is not None

        def rivers(dataset=dataset, repeats=repeats) -> None:
            for _ in range(repeats):
                evaluate.progressive_val_score(dataset, _model(), metrics.Accuracy())

        ratio, own, bare = paired(ours, rivers, 3 if quick else 9)
        events = (budget.steps or 0) * repeats
        detail = f"{events / own / 1000:.0f} k against {events / bare / 1000:.0f} k questions/s"
        rows.append(at_most(f"River model through our loop / progressive_val_score, {name}", ratio, bound, detail))
    return rows
