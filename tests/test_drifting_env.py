"""Environments whose law is not known drift too: made anew at their next reset, on the clock of their lifetime."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env

from sandbox.catalog import make_agent, make_world
from sandbox.drift import Schedule, parse_drifts
from sandbox.drifting_env import DriftingEnv
from sandbox.errors import SandboxError
from sandbox.trace import Trace, join
from sandbox.world import Budget, make_terms

EPISODE = 7


class Wage(gym.Env[Any, Any]):
    """Pays `power` plus a little chance for every step, seven steps long; it carries no table."""

    closed = 0
    made = 0

    def __init__(self, power: float = 1.0, tint: str = "red", size: int = 3) -> None:
        self.power, self.tint = power, tint
        self.observation_space, self.action_space = spaces.Discrete(size), spaces.Discrete(2)
        Wage.made += 1

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.at = 0
        return 0, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self.at += 1
        reward = self.power + (100.0 if self.tint == "blue" else 0.0) + 1e-6 * float(self.np_random.random())
        return int(self.np_random.integers(3)), reward, self.at == EPISODE, False, {}

    def close(self) -> None:
        Wage.closed += 1


class Shy(Wage):
    """Does not tell what it was made with."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(settings.get("power", 1.0))
        self._power = self.power
        del self.power

    def step(self, action: int) -> Any:
        self.power = self._power
        told = super().step(action)
        del self.power
        return told


def run(world: Any, drift: Any, steps: int = 700, seed: int = 0, pinned: int | None = None) -> Trace:
    made = make_world(world).under(make_terms(drift))
    made = made if pinned is None else made.twin(pinned)
    chunks: list[Trace] = []
    made.run(make_agent("random", made), seed, Budget(steps=steps), chunks.append)
    return join(chunks)


def by_episode(column: Any) -> Any:
    """Return one number per episode, after checking that it is the same all through it."""
    rows = np.round(column, 4).reshape(-1, EPISODE)
    assert (rows == rows[:, :1]).all()
    return rows[:, 0]


# --- when -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [1, 6, 7, 8, 300, 350])
def test_it_changes_at_the_first_reset_after_the_step(at: int) -> None:
    trace = run(Wage, f"abrupt@{at}:power=3.0")
    first = math.ceil(at / EPISODE)
    assert by_episode(trace.concept).tolist() == [0] * first + [1] * (100 - first)
    assert by_episode(trace.reward).tolist() == [1.0] * first + [3.0] * (100 - first)


def test_it_is_made_anew_only_when_something_changes() -> None:
    Wage.made = Wage.closed = 0
    env = DriftingEnv(Wage, Schedule(parse_drifts(["recurring@21:power=3.0"])), "wage")
    env.reset(seed=0)
    for _ in range(12 * EPISODE - 1):
        if env.step(0)[2]:
            env.reset()
    env.close()
    # one to look at, one to try the drift out, one for the seed, and one for each of the steps 21, 42, 63
    assert Wage.made == Wage.closed == 3 + 3 and env.clock == 12 * EPISODE - 1


def test_a_seed_starts_a_new_life() -> None:
    env = DriftingEnv(Wage, Schedule(parse_drifts("abrupt@5:power=3.0")), "wage")
    lives = []
    for seed in (1, 2, 1):
        env.reset(seed=seed)
        assert (env.clock, env.concept) == (0, 0)
        told = [env.step(0)[:2] for _ in range(EPISODE)]
        env.reset()
        assert env.concept == 1
        lives.append(told + [env.step(0)[:2] for _ in range(EPISODE)])
    assert lives[0] == lives[2] != lives[1]
    check_env(env, skip_render_check=True)


def test_the_same_seed_the_same_bytes_whoever_acts_and_twins_share_what_was_before() -> None:
    drift = "gradual@200~300:power=3.0"
    once, again, other = (run(Wage, drift, seed=seed) for seed in (0, 0, 1))
    assert all(column.tobytes() == again.columns()[name].tobytes() for name, column in once.columns().items())
    assert once.reward.tolist() != other.reward.tolist()
    twin = run(Wage, drift, pinned=0)
    assert np.array_equal(twin.reward[:203], once.reward[:203]) and (twin.concept == 0).all()
    last = make_world(Wage).under(make_terms(drift)).schedule.n_concepts - 1
    after = run(Wage, drift, pinned=last)
    assert (after.concept == last).all() and set(by_episode(after.reward)) == {3.0}


# --- how --------------------------------------------------------------------------------------------------------------


def test_in_a_mixture_each_episode_is_drawn() -> None:
    old = new = 0
    expected = np.zeros(100)
    counts = np.zeros(100)
    for seed in range(30):
        trace = run(Wage, "gradual@70~560:power=3.0", seed=seed)
        power = by_episode(trace.reward)
        old, new = old + int((power == 1.0).sum()), new + int((power == 3.0).sum())
        counts += power == 3.0
        expected = by_episode(trace.concept) / 64.0
    assert old + new == 3000
    assert (counts[:10] == 0).all() and (counts[90:] == 30).all()
    z = (counts - 30 * expected)[10:90] / np.sqrt(30 * expected * (1.0 - expected))[10:90]
    assert np.abs(z).max() < 4.5 and abs(z.mean()) < 4.5 / math.sqrt(80) and 0.6 < z.std() < 1.4


@pytest.mark.parametrize("world", [Wage, Shy])
def test_an_interpolated_law_moves_from_the_first_number_to_the_last(world: Any) -> None:
    if world is Shy:
        with pytest.raises(SandboxError, match="the first value of 'power' is needed too: the environment hides it"):
            make_world(world).under(make_terms("incremental@70~560:power=3.0"))
        assert set(by_episode(run(world, "gradual@70~560:power=3.0").reward)) == {1.0, 3.0}  # which needs none
        return
    trace = run(world, "incremental@70~560:power=3.0")
    level = by_episode(trace.concept)
    assert len(set(level)) > 50 and level.max() == 64 and (np.diff(level) >= 0).all()
    np.testing.assert_allclose(by_episode(trace.reward), 1.0 + 2.0 * level / 64.0, atol=1e-4)


def test_the_first_number_may_be_given_or_the_constructors_own() -> None:
    for made, first in ((lambda **s: Wage(**({"power": 2.0} | s)), 2.0), (Wage, 1.0)):
        env = DriftingEnv(made, Schedule(parse_drifts("incremental@1~3:power=4.0")), "wage")
        env.reset(seed=0)
        env.step(0)
        env.reset()
        assert env._inner.unwrapped.power == pytest.approx(first + (4.0 - first) / 4.0)  # type: ignore[attr-defined]
    given = make_world("Pendulum-v1:g=2.0").under(make_terms("incremental@200~400:g=10.0"))
    env = given._env()
    env.reset(seed=0)
    found = []
    for step in range(1200):
        if env.step(np.zeros(1, dtype=np.float32))[3]:
            env.reset()
            level = env.unwrapped.concept
            found.append(env.unwrapped._inner.unwrapped.g)
            assert found[-1] == pytest.approx(2.0 + 8.0 * level / 64.0), step
    assert found[0] < found[1] < found[2] == found[3] == 10.0


def test_what_is_no_number_jumps_with_the_larger_share() -> None:
    trace = run(Wage, "incremental@70~560:tint=blue,power=3.0")
    blue = by_episode(trace.reward) > 50.0
    level = by_episode(trace.concept)
    assert (blue[level > 32]).all() and not blue[level < 32].any()


def test_several_at_once() -> None:
    trace = run(Wage, ["recurring@70:power=3.0", "abrupt@350:tint=blue", "abrupt@490:power=5.0"])
    power = by_episode(trace.reward)
    late = np.arange(100) * EPISODE
    wanted = np.where(late >= 490, 5.0, 1.0)
    wanted = np.where(late // 70 % 2 == 1, 3.0, wanted)  # what comes and goes counts before what stays
    wanted = wanted + np.where(late >= 350, 100.0, 0.0)
    np.testing.assert_allclose(power, wanted, atol=1e-4)
    assert len(set(trace.concept.tolist())) == 6


# --- a user's function ------------------------------------------------------------------------------------------------

TEXT = """
def richer(env, progress):
    assert type(env).__name__ in ("Wage", "CartPoleEnv"), env
    if hasattr(env, "power"):
        env.power += 10.0 * progress
    else:
        env.gravity = 9.8 + progress

not_a_function = 3

def broken(env, progress):
    raise ValueError("no such law")
"""


@pytest.fixture
def laws(tmp_path: Path) -> str:
    path = tmp_path / "laws.py"
    path.write_text(TEXT)
    return str(path)


def test_a_function_is_told_how_far_it_is(laws: str) -> None:
    trace = run(Wage, f"incremental@70~560:{laws}:richer")
    level = by_episode(trace.concept)
    np.testing.assert_allclose(by_episode(trace.reward), 1.0 + 10.0 * level / 64.0, atol=1e-4)
    mixed = by_episode(run(Wage, f"gradual@70~560:{laws}:richer").reward)
    assert set(mixed) == {1.0, 11.0} and 20 < (mixed[10:90] == 11.0).sum() < 60
    both = by_episode(run(Wage, [f"abrupt@70:{laws}:richer", "abrupt@350:power=2.0"]).reward)
    assert both.tolist() == [1.0] * 10 + [11.0] * 40 + [12.0] * 50


def test_a_function_on_cart_pole(laws: str) -> None:
    world = make_world("CartPole-v1").under(make_terms(f"abrupt@500:{laws}:richer"))
    assert not world.meta.priced and world.meta.why_unpriced == "the environment carries no table of its law"
    env = world._env()
    env.reset(seed=0)
    while env.unwrapped.clock < 1000:
        late = env.unwrapped.concept
        inner = env.unwrapped._inner
        assert inner.unwrapped.gravity == 9.8 + late
        if any(env.step(0)[2:4]):
            before = env.unwrapped.clock
            env.reset()
            assert env.unwrapped.concept == int(before >= 500)
    chunks: list[Trace] = []
    world.run(make_agent("random", world), 0, Budget(steps=1000), chunks.append)
    trace = join(chunks)
    starts = np.flatnonzero(np.diff(trace.episode, prepend=-1))
    assert (trace.concept[starts] == (starts >= 500)).all() and trace.concept.max() == 1
    assert (np.diff(trace.concept)[np.diff(trace.episode) == 0] == 0).all()


def test_a_function_takes_a_table_its_price(laws: str) -> None:
    text = Path(laws).read_text().replace('"CartPoleEnv"', '"FrozenLakeEnv"').replace("gravity", "note")
    Path(laws).write_text(text)
    world = make_world("FrozenLake-v1").under(make_terms(f"abrupt@50:{laws}:richer"))
    assert not world.meta.priced
    chunks: list[Trace] = []
    world.run(make_agent("q-learning", world), 0, Budget(steps=200), chunks.append)
    assert join(chunks).concept.max() == 1


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drift", "message"),
    [
        ("abrupt@70", "has no change of its own; say what changes, as abrupt@70:setting=value"),
        ("abrupt@70:size=4", "a drift may not change the observations or the choices"),
        ("abrupt@70:powr=4", "has no setting 'powr'; did you mean 'power'"),
        ("abrupt@70:nowhere.py:f", "nowhere.py"),
        ("abrupt@70:{laws}:poorer", "poorer"),
        ("abrupt@70:{laws}:not_a_function", "is no function"),
        ("abrupt@70:{laws}:broken", "no such law"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(drift: str, message: str, laws: str) -> None:
    with pytest.raises(SandboxError, match=message) as caught:  # before the run begins
        make_world(Wage).under(make_terms(drift.format(laws=laws)))
    assert "\n" not in str(caught.value)
