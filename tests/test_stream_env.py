"""Streams as Gymnasium environments ask what the stream asks, pay what it pays, and hide what it hides."""

from __future__ import annotations

import math
import warnings
from itertools import islice
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from river import datasets

import sandbox.envs  # noqa: F401  registers the environments
from sandbox.checks.state import frozen
from sandbox.errors import SandboxError
from sandbox.interfaces import Labels
from sandbox.law_stream import LawStream
from sandbox.stream_env import StreamEnv
from sandbox.streams.recommendation import Recommendation
from sandbox.streams.river_dataset import RiverStream
from sandbox.streams.spam import Spam

DRIFT = "abrupt@20"
STREAMS = [
    ("sandbox/Spam-v0", Spam, {"cost_ratio": 5, "drift": DRIFT}),
    ("sandbox/Spam-v0", Spam, {"campaign_life": 60}),
    ("sandbox/Recommendation-v0", Recommendation, {"items": 5, "item_life": 15, "drift": DRIFT}),
]


def asked(env: gym.Env[Any, Any], count: int, seed: int | None, choices_seed: int) -> list[tuple[Any, ...]]:
    """Play random choices; return (observation, choice, reward, info) of each question."""
    rng, found = np.random.default_rng(choices_seed), []
    observation, info = env.reset(seed=seed)
    assert info == {}
    for _ in range(count):
        assert env.observation_space.contains(observation)
        choice = int(rng.integers(env.action_space.n))  # type: ignore[attr-defined]
        following, reward, terminated, truncated, info = env.step(choice)
        assert terminated is True and truncated is False and frozen(following) == frozen(observation)
        found.append((observation, choice, reward, info))
        observation, _ = env.reset()
    return found


@pytest.mark.parametrize(("env_id", "stream", "settings"), STREAMS)
@pytest.mark.parametrize("choices_seed", [0, 1])
def test_asks_and_pays_as_the_stream_does(
    env_id: str, stream: type[LawStream], settings: dict[str, Any], choices_seed: int
) -> None:
    made = stream(**settings)
    came = asked(gym.make(env_id, **settings), 50, 7, choices_seed)
    for (observation, choice, reward, info), question in zip(came, made.questions(7), strict=False):
        assert frozen(observation) == frozen(question.observation)
        assert question.rewards is not None and reward == question.rewards[choice]
        if isinstance(made.choice_space, Labels):
            assert info == {"truth": made.choice_space.labels[int(question.truth)]}
        else:
            assert list(info) == ["skip", "watch_seconds", "watch_fraction", "like"]
            earned = -0.2 if info["skip"] else info["watch_fraction"] + 0.5 * info["like"]
            assert math.isclose(reward, earned)


@pytest.mark.parametrize(("env_id", "stream", "settings"), STREAMS)
def test_passes_gymnasiums_own_check(env_id: str, stream: type[LawStream], settings: dict[str, Any]) -> None:
    env = gym.make(env_id, **settings)
    with warnings.catch_warnings():
        warnings.filterwarnings("error")
        warnings.filterwarnings("ignore", message=".*infinity.*")  # features may have any size
        check_env(env.unwrapped)
    assert env.spec is not None and gym.spec(env_id).kwargs == {} and env.spec.kwargs == settings
    several = gym.make_vec(env_id, 2, **settings)
    several.reset(seed=1)
    several.step(several.action_space.sample())


def test_runs_go_on_until_they_are_seeded() -> None:
    env = StreamEnv(Spam())
    first, second = ([x[0] for x in asked(env, 10, seed, 0)] for seed in (3, None))
    questions = [question.observation for question in islice(Spam().questions(3), 21)]
    assert first + second == questions[:10] + questions[11:]  # after ten answers one more was asked
    assert asked(env, 5, 3, 0) == asked(StreamEnv(Spam()), 5, 3, 0)


def test_first_reset_without_a_seed_draws_one() -> None:
    found = []
    for _ in range(2):
        env = StreamEnv(Spam())
        found.append([env.reset()[0] for _ in range(5)])
    assert found[0] != found[1] and len({question["body"] for question in found[0]}) == 5


def test_length_begins_another_run() -> None:
    env = StreamEnv(Spam(drift=DRIFT), length=30)
    env.reset(seed=1)
    concepts = [env.concept] + [(env.reset(), env.concept)[1] for _ in range(89)]
    assert concepts == ([0] * 20 + [1] * 10) * 3
    asked_again = asked(env, 60, 1, 0)
    assert asked_again[:30] == asked(StreamEnv(Spam(drift=DRIFT)), 30, 1, 0)
    assert asked_again[30:] != asked_again[:30]  # of another seed
    with pytest.raises(SandboxError, match="length"):
        StreamEnv(Spam(), length=0)


def test_real_data_begins_again_at_its_end() -> None:
    env = StreamEnv(RiverStream(datasets.Phishing()))
    first, _ = env.reset(seed=0)
    for _ in range(1249):
        env.reset()
    assert env.reset()[0] == first
    assert env.step(0)[4]["truth"] in (True, False)


def test_forecasts_are_numbers() -> None:
    env = StreamEnv(RiverStream(datasets.TrumpApproval()))
    env.reset(seed=0)
    _, reward, terminated, _, info = env.step(np.array(40.0))
    assert terminated and reward == -((40.0 - info["truth"]) ** 2)
    assert type(env.action_space) is spaces.Box


def test_abstention_is_priced() -> None:
    for stream, price in ((Spam(abstain_cost=0.3), -0.3), (Recommendation(), 0.0)):
        env = StreamEnv(stream)
        env.reset(seed=0)
        assert env.step(None)[1] == price


def test_a_question_is_answered_once_and_within_its_space() -> None:
    env = StreamEnv(Spam())
    with pytest.raises(SandboxError, match="reset"):
        env.step(0)
    env.reset(seed=0)
    for choice in (2, -1, 0.5):
        with pytest.raises(SandboxError, match="outside"):
            env.step(choice)
    env.step(1)
    with pytest.raises(SandboxError, match="answered already"):
        env.step(1)


def test_what_is_handed_out_can_be_written_on() -> None:
    env, other = StreamEnv(Recommendation()), StreamEnv(Recommendation())
    observation, _ = env.reset(seed=0)
    other.reset(seed=0)
    for part in ("context", "items", "features", "durations"):
        observation[part][:] = 0
    assert frozen(env.step(3)) == frozen(other.step(3))
    assert frozen(env.reset()) == frozen(other.reset())


def test_pinned_schedule_pins_the_stream() -> None:
    env = StreamEnv(Spam(drift=DRIFT))
    env.schedule = env.schedule.pin(1)
    came = [x[0] for x in asked(env, 5, 2, 0)]
    assert came == [q.observation for q in islice(Spam(drift=DRIFT).pin(1).questions(2), 5)]


def test_settings_that_do_not_exist_are_refused() -> None:
    with pytest.raises(TypeError, match="cost_ratoi"):
        gym.make("sandbox/Spam-v0", cost_ratoi=3)
    with pytest.raises(SandboxError, match="cost_ratio"):
        gym.make("sandbox/Spam-v0", cost_ratio=-3)


def test_the_command_line_runs_it_and_says_where_the_prices_are() -> None:
    from sandbox.catalog import make_agent, make_world
    from sandbox.checks import run_checks
    from sandbox.world import Budget

    for name, agent in (("Recommendation", "linucb"), ("Spam", "epsilon-greedy")):
        world = make_world(f"sandbox/{name}-v0:drift='{DRIFT}'")
        assert world.meta.why_unpriced.endswith(f"run the stream '{name.lower()}' for them")
        traces: list[Any] = []
        world.run(make_agent(agent, world), 5, Budget(steps=50), traces.append)
        assert np.concatenate([t.concept for t in traces]).tolist() == [0] * 20 + [1] * 30
        assert [r.check for r in run_checks(f"sandbox/{name}-v0") if not r.passed] == []
    with pytest.raises(SandboxError, match="cost_ratio"):
        make_world("sandbox/Spam-v0:cost_ratoi=3")
