"""The worlds of arms: they draw as they say, price exactly, show nothing, and are the same whoever plays."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, product
from statistics import NormalDist
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

import sandbox.envs  # noqa: F401  registers the environments
from sandbox.catalog import make_world
from sandbox.errors import SandboxError
from sandbox.interfaces import Question, Slate
from sandbox.law_stream import Batch
from sandbox.streams._arms import ArmStream, rare_gap
from sandbox.streams._normal import REACH, mean_of_largest, normal_of
from sandbox.streams.changing_arms import ChangingArms
from sandbox.streams.linear_bandit import LinearBandit
from sandbox.streams.rotting_arms import RottingArms
from sandbox.streams.ten_armed import TenArmed
from sandbox.streams.walking_arms import WalkingArms

LEVEL = 1e-4  # of the tests by chance, whose seeds are fixed
WORLDS: list[type[ArmStream]] = [TenArmed, WalkingArms, ChangingArms, RottingArms, LinearBandit]
NAMES = ["ten-armed", "walking-arms", "changing-arms", "rotting-arms", "linear-bandit"]
DRIFTS: list[Any] = [
    None,
    "abrupt@700",
    "gradual@300~900",
    "incremental@300~900:noise=0.2",
    "recurring@400",
    "random-walk@30",
    ("abrupt@500", "recurring@333:noise=2.0", "gradual@800~400"),
]


def made(world: type[ArmStream], drift: Any = None, **given_settings: Any) -> ArmStream:
    """Return a world with a drift that fits it: coins have no noise that could change, and phases are short here."""
    if world is ChangingArms:
        given_settings = {"changes": (600, 1100), "noise": float("noise" in str(drift))} | given_settings
    return world(drift=drift, **given_settings)


def columns(batch: Batch) -> list[Any]:
    return [*batch.seen, *batch[1:]]


def same(one: Batch, other: Batch) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(columns(one), columns(other), strict=True))


def rows(batch: Batch, at: slice) -> Batch:
    return Batch(Slate(*(part[at] for part in batch.seen)), *(part[at] for part in batch[1:]))


# --- normal numbers ---------------------------------------------------------------------------------------------------


@given(st.floats(0.0, 1.0, exclude_max=True) | st.floats(0.0, 1e-9))
@settings(max_examples=300, deadline=None)
def test_a_normal_number_is_the_quantile(u: float) -> None:
    grain = 2.0**-53
    u = math.floor(u / grain) * grain  # as uniform numbers come
    if u >= 0.5:
        assert normal_of(u) == -normal_of(1.0 - u - grain)
        return
    assert normal_of(u) == pytest.approx(NormalDist().inv_cdf(u + grain / 2), rel=1e-14, abs=1e-15)
    assert normal_of(u) == normal_of.py_func(u)  # type: ignore[attr-defined]


def test_the_largest_normal_number() -> None:
    assert normal_of(1.0 - 2.0**-53) == -normal_of(0.0) == pytest.approx(8.2923611, abs=1e-6)
    assert normal_of(0.0) > -REACH


def test_the_mean_of_the_largest_of_several() -> None:
    """Harter 1961, table 1, to five decimals; REFERENCES: 1.5388 for ten."""
    found = [mean_of_largest(k) for k in (1, 2, 3, 5, 10, 20, 100)]
    assert found == pytest.approx([0.0, 0.56419, 0.84628, 1.16296, 1.53875, 1.86748, 2.50759], abs=6e-6)
    assert mean_of_largest(2) == pytest.approx(1.0 / math.sqrt(math.pi), abs=1e-12)


def test_rare_gaps_are_rare_but_not_too_rare() -> None:
    """Against the law of the range: P(R <= r) is the integral of k phi(x) (Phi(x + r) - Phi(x))^(k - 1)."""
    normal = stats.norm

    def beyond(r: float, k: int) -> float:
        def missed(x: float) -> float:
            inside = normal.cdf(x + r) - normal.cdf(x)
            return float(k * normal.pdf(x) * (normal.sf(x) ** (k - 1) - inside ** (k - 1)))

        return float(integrate.quad(missed, -12, 12, epsabs=1e-12, limit=400)[0])

    for k in (2, 10):
        assert 1e-7 < beyond(rare_gap(k), k) <= 1.0001e-6
    assert rare_gap(10, [2.0], [1.0]) == pytest.approx(2.0 * rare_gap(10))
    assert rare_gap(10, [0.0, 1.0], [0.5, 0.5]) < rare_gap(10)
    assert rare_gap(1) == 1.0


# --- what is drawn ----------------------------------------------------------------------------------------------------


def test_the_testbed_draws_its_arms_for_every_run() -> None:
    best = np.array([TenArmed().batch(seed, 0, 1).values[0] for seed in range(4000)])
    assert stats.kstest(best.ravel(), "norm").pvalue > LEVEL
    assert np.abs(np.corrcoef(best.T) - np.eye(10)).max() < 0.08
    error = best.max(axis=1).std() / math.sqrt(len(best))
    assert best.max(axis=1).mean() == pytest.approx(TenArmed().expected_best(0), abs=4 * error)
    assert TenArmed().expected_best(0) == pytest.approx(1.538753, abs=1e-6)
    shifted = TenArmed(mean=4.0, spread=0.5).batch(3, 0, 1).values[0]
    assert shifted == pytest.approx(4.0 + 0.5 * best[3], abs=1e-12)


@pytest.mark.parametrize("world", [TenArmed, WalkingArms, RottingArms, LinearBandit])
def test_rewards_are_normal_about_their_values(world: type[ArmStream]) -> None:
    stream = world()
    batch = stream.batch(5, 100, 20_000)
    luck = (batch.rewards - batch.values) / stream.noise
    assert luck == pytest.approx(luck[:, :1] + np.zeros_like(luck), abs=1e-9)  # all arms share a step's number
    assert stats.kstest(luck[:, 0], "norm").pvalue > LEVEL
    assert abs(np.corrcoef(luck[1:, 0], luck[:-1, 0])[0, 1]) < 0.03
    assert np.abs(batch.rewards - batch.values).max() <= stream.luck_reach


def test_coins_fall_as_often_as_they_should() -> None:
    batch = ChangingArms().batch(2, 0, 3000)
    assert set(np.unique(batch.rewards)) == {0.0, 1.0}
    assert batch.rewards.mean(axis=0) == pytest.approx([0.5, 0.3, 0.4], abs=0.04)
    heads = batch.rewards.astype(bool)
    assert not (heads[:, 1] & ~heads[:, 0]).any()  # who meets the same luck with a better arm does not earn less


@pytest.mark.parametrize("drift", DRIFTS, ids=str)
@pytest.mark.parametrize("world", WORLDS)
def test_rewards_average_to_values(world: type[ArmStream], drift: Any) -> None:
    """Over many runs, in every concept and arm; mixtures of laws included."""
    stream = made(world, drift)
    batches = [stream.batch(seed, 0, 1500) for seed in range(40)]
    luck = np.concatenate([batch.rewards - batch.values for batch in batches])
    concept = np.concatenate([batch.concept for batch in batches])
    assert len(np.unique(concept)) > 1 or (drift is None and world is not ChangingArms)
    for code in np.unique(concept):
        part = luck[concept == code]
        error = part.std(axis=0) / math.sqrt(len(part))
        assert (np.abs(part.mean(axis=0)) < 5.5 * error + 1e-12).all(), code
    assert np.abs(luck).max() <= stream.luck_reach * (1 + 1e-12)


@pytest.mark.parametrize("drift", [None, "gradual@300~4", "incremental@300~4", "abrupt@9:noise=0.1", "recurring@40"])
@pytest.mark.parametrize("world", WORLDS)
def test_the_best_arm_is_worth_what_is_expected(world: type[ArmStream], drift: Any) -> None:
    stream = made(world, drift)
    for concept in range(stream.n_concepts):
        twin = stream.pin(concept)
        steps = range(stream.suggested // 24, stream.suggested, stream.suggested // 12)
        if world in (ChangingArms, RottingArms):
            best = [twin.batch(0, 0, stream.suggested).values.max(axis=1).mean()]
        else:
            best = [np.mean([twin.batch(seed, at, 1).values.max() for at in steps]) for seed in range(40)]
        error = np.std(best) / math.sqrt(len(best))
        assert np.mean(best) == pytest.approx(stream.expected_best(concept), rel=1e-3, abs=4.5 * error)


@pytest.mark.parametrize(
    "stream",
    [TenArmed(mean=0.3), WalkingArms(), ChangingArms(), RottingArms(), RottingArms(rested=True), LinearBandit()],
)
def test_simple_players_earn_what_the_oracle_says(stream: ArmStream) -> None:
    """An arm at random, and the best of those that are always the same: played out, run by run."""
    told = make_world(stream).oracle()
    by_chance, fixed, steps = [], [], stream.suggested
    for seed in range(3 if isinstance(stream, RottingArms) else 60):
        if isinstance(stream, RottingArms) and stream.rested:
            drawn = np.random.default_rng(seed).integers(stream.n_arms, size=steps)
            ways = [drawn, *(np.full(steps, arm) for arm in range(stream.n_arms))]
            means = [np.mean(list(worth(stream, seed, way.tolist()))) for way in ways]
        else:
            values = stream.pin(0).batch(seed, 0, steps).values
            means = [values.mean(), *values.mean(axis=0)]
        by_chance.append(means[0])
        fixed.append(max(means[1:]))
    if isinstance(stream, LinearBandit):  # the best of ten means of 10,000 contexts is not quite 0
        fixed = [value - 1.54 / math.sqrt(steps) for value in fixed]
    for name, found in (("random_value", by_chance), ("best_fixed_choice_value", fixed)):
        error = 4.0 * float(np.std(found)) / math.sqrt(len(found)) + 1e-3
        assert told[name] == pytest.approx(float(np.mean(found)), abs=error), name
    assert told["best_fixed_choice_value"] <= told["stationary_value"] + 1e-12


def worth(stream: ArmStream, seed: int, choices: list[int]) -> Iterator[float]:
    """Yield what the choices of a run are worth on average."""
    for asked, choice in zip(stream.questions(seed), choices, strict=False):
        assert asked.values is not None
        yield asked.values[choice]
        stream.reward(asked, choice)


def test_settings_that_drift_change_what_they_say() -> None:
    for world, setting in ((TenArmed, "spread"), (LinearBandit, "spread"), (WalkingArms, "walk")):
        stream = world(drift=f"abrupt@100:{setting}=3.0")
        batch, before = stream.batch(1, 0, 200), world().batch(1, 0, 200)
        factor = 3.0 / getattr(stream, setting)
        assert batch.values[:100] == pytest.approx(before.values[:100])
        assert batch.values[100:] == pytest.approx(factor * before.values[100:])
    moved = TenArmed(drift="abrupt@100:mean=2.5").batch(1, 0, 200).values
    assert moved[100:] - moved[:100] == pytest.approx(np.full((100, 10), 2.5))
    anew = TenArmed(drift="abrupt@100").batch(1, 0, 200).values
    assert abs(np.corrcoef(anew[0], anew[100])[0, 1]) < 0.9 and not np.isin(anew[0], anew[100]).any()


# --- each world by itself ---------------------------------------------------------------------------------------------


def test_walks_have_the_covariance_of_a_walk() -> None:
    """Var and covariance of where a walk stands are its steps so far, at blocks' ends and far from them."""
    times = [0, 1, 2, 1000, 1023, 1024, 1025, 1500, 2047, 2048, 2049, 5000, 5120]
    stream = WalkingArms(arms=400, walk=1.0)
    place = np.concatenate([[stream.batch(seed, t, 1).values[0] for t in times] for seed in range(20)], axis=1)
    assert (place[0] == 0.0).all()
    n = place.shape[1]
    found, wanted = place @ place.T / n, np.minimum.outer(times, times)
    spread = np.sqrt((np.outer(times, times) + wanted**2) / n)
    assert (np.abs(found - wanted) <= 4.5 * spread).all()
    assert stats.kstest(place[-2] / math.sqrt(5000), "norm").pvalue > LEVEL


def test_walks_go_by_normal_steps() -> None:
    values = WalkingArms().batch(3, 0, 20_000).values
    steps = np.diff(values, axis=0) / 0.01
    assert stats.kstest(steps.ravel(), "norm").pvalue > LEVEL
    assert (
        np.abs([np.corrcoef(steps[lag:, j], steps[:-lag, j])[0, 1] for lag in (1, 2, 1024) for j in range(10)]).max()
        < 0.03
    )
    assert stats.kstest(steps[1023::1024].ravel(), "norm").pvalue > LEVEL  # into a block
    assert np.abs(np.corrcoef(steps.T) - np.eye(10)).max() < 0.04


def test_a_walk_is_found_at_once_ten_million_steps_on() -> None:
    stream = WalkingArms(arms=500)
    far = stream.batch(0, 10_000_000, 3).values
    assert far.std() == pytest.approx(0.01 * math.sqrt(1e7), rel=0.15)
    assert stats.kstest(far[0] / (0.01 * math.sqrt(1e7)), "norm").pvalue > LEVEL
    assert np.abs(np.diff(far, axis=0)).max() < 0.06
    assert all(not isinstance(kept, np.ndarray) for kept in vars(stream).values())  # nothing of a run is kept


def test_changing_arms_are_those_of_garivier_and_moulines() -> None:
    batch = ChangingArms().batch(0, 0, 10_000)
    third = np.where((np.arange(10_000) >= 3000) & (np.arange(10_000) < 5000), 0.9, 0.4)
    assert np.array_equal(batch.values, np.column_stack([np.full(10_000, 0.5), np.full(10_000, 0.3), third]))
    assert np.array_equal(np.flatnonzero(np.diff(batch.concept)) + 1, [3000, 5000])
    assert [ChangingArms().expected_best(concept) for concept in range(3)] == [0.5, 0.9, 0.5]


def test_changing_arms_take_any_phases() -> None:
    stream = ChangingArms(((1.0, -3.0), (2.0, 5.0)), (7,), noise=0.5, drift="abrupt@11")
    values = stream.batch(0, 5, 8).values.tolist()
    assert values == [[1.0, -3.0]] * 2 + [[2.0, 5.0]] * 4 + [[5.0, 2.0]] * 2
    assert stream.gap_range == 4.0


def test_rotting_arms_rot_by_their_law() -> None:
    stream = RottingArms((2.0, 1.0), (0.5, 0.0), scale=10.0)
    values = stream.batch(0, 30, 2).values
    assert values == pytest.approx(np.array([[2.0 / 2.0, 1.0], [2.0 * 4.1**-0.5, 1.0]]))
    best = RottingArms().batch(0, 0, 10_000).values.argmax(axis=1)
    assert np.array_equal(np.flatnonzero(np.diff(best)) + 1, [187, 609, 1844, 5168])


def rested(questions: int, choose: Callable[[Question], int], **given_settings: Any) -> list[tuple[list[float], float]]:
    stream = RottingArms(
        **{"heights": (1.0, 0.8, 0.5), "rates": (0.9, 0.5, 0.0), "scale": 3.0, **given_settings}, rested=True
    )
    found = []
    for question in islice(stream.questions(4), questions):
        assert question.values is not None and question.rewards is None
        found.append((list(question.values), stream.reward(question, choose(question))))
    return found


def test_rested_arms_wear_by_use_alone() -> None:
    rng, uses = np.random.default_rng(0), np.zeros(3)
    choices = rng.integers(3, size=200).tolist()
    order = iter(choices)
    came = rested(200, lambda question: next(order))
    noise = RottingArms(heights=(1.0,) * 3, rates=(0.0,) * 3).batch(4, 0, 200)
    for step, (values, reward) in enumerate(came):
        assert values == pytest.approx(np.array([1.0, 0.8, 0.5]) * (1 + uses / 3.0) ** -np.array([0.9, 0.5, 0.0]))
        luck = noise.rewards[step, 0] - noise.values[step, 0]
        assert reward - values[choices[step]] == pytest.approx(luck)
        uses[choices[step]] += 1


def test_a_rested_arm_wears_once_a_question() -> None:
    stream = RottingArms(rested=True)
    first, second = islice(stream.questions(0), 2)
    assert first.values == second.values  # nobody has answered
    assert stream.reward(first, 1) == stream.reward(first, 1)
    third = next(islice(stream.questions(0), 1))
    assert third.values == first.values  # another run


@given(st.lists(st.floats(0.1, 2.0), min_size=2, max_size=2), st.lists(st.floats(0.0, 3.0), min_size=2, max_size=2))
@settings(max_examples=20, deadline=None)
def test_the_greedy_oracle_of_rested_arms_is_the_best_player(heights: list[float], rates: list[float]) -> None:
    """Heidari, Kearns & Roth 2016, against every sequence of nine choices."""

    def mean(arm: int, uses: int) -> float:
        return heights[arm] * (1 + uses / 2.0) ** -rates[arm]

    law = {"heights": tuple(heights), "rates": tuple(rates), "scale": 2.0, "noise": 0.0}
    came = rested(9, lambda question: int(np.argmax(question.values or ())), **law)
    best = max(
        sum(mean(arm, order[:t].count(arm)) for t, arm in enumerate(order)) for order in product((0, 1), repeat=9)
    )
    assert sum(reward for _, reward in came) == pytest.approx(best, rel=1e-12)


def test_linear_rewards_are_linear() -> None:
    stream = LinearBandit(arms=4, dimensions=3, noise=0.0)
    batch = stream.batch(6, 0, 500)
    weight, left, _, _ = np.linalg.lstsq(batch.seen.context, batch.rewards, rcond=None)  # type: ignore[union-attr]
    assert left == pytest.approx(np.zeros(4), abs=1e-20)
    assert batch.values == pytest.approx(batch.seen.context @ weight)  # type: ignore[union-attr]
    spread = [stream.batch(seed, 0, 1).values for seed in range(3000)]
    assert np.std(spread) == pytest.approx(1.0, rel=0.05)
    assert stats.kstest(batch.seen.context.ravel(), "norm").pvalue > LEVEL  # type: ignore[union-attr]


# --- the same whoever asks, and how -----------------------------------------------------------------------------------


@given(st.integers(0, 2**40), st.integers(0, 3000), st.integers(1, 40), st.sampled_from(DRIFTS))
@settings(max_examples=25, deadline=None)
@pytest.mark.parametrize("world", WORLDS)
def test_batches_do_not_depend_on_how_they_are_cut(
    world: type[ArmStream], seed: int, at: int, count: int, drift: Any
) -> None:
    stream = made(world, drift)
    start = max(0, at - 17)
    whole = stream.batch(seed, start, at - start + count)
    assert same(rows(whole, slice(at - start, None)), made(world, drift).batch(seed, at, count))


@pytest.mark.parametrize("world", WORLDS)
def test_questions_are_those_of_batches_and_seeds_may_run_at_once(world: type[ArmStream]) -> None:
    stream = made(world, "recurring@300")
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda seed: stream.batch(seed, 0, 900), range(8)))
    for seed, batch in enumerate(together):
        assert same(batch, made(world, "recurring@300").batch(seed, 0, 900))
        for i, question in enumerate(islice(stream.questions(seed), 500)):
            assert question.rewards == batch.rewards[i].tolist() and question.concept == batch.concept[i]
    assert together[0].rewards.tobytes() != together[1].rewards.tobytes()


@pytest.mark.parametrize("drift", DRIFTS[1:], ids=str)
@pytest.mark.parametrize("world", WORLDS)
def test_twins_share_their_luck(world: type[ArmStream], drift: Any) -> None:
    stream = made(world, drift)
    batch = stream.batch(11, 0, 1500)
    for concept in np.unique(batch.concept)[:6].tolist():
        twin = stream.pin(concept).batch(11, 0, 1500)
        where = batch.concept == concept
        assert (twin.concept == concept).all()
        assert np.array_equal(batch.values[where], twin.values[where])
        assert np.array_equal(batch.rewards[where], twin.rewards[where])


@pytest.mark.parametrize("drift", [None, "recurring@50"])
@pytest.mark.parametrize("world", WORLDS)
def test_nothing_tells_which_arm_is_best(world: type[ArmStream], drift: Any) -> None:
    """What is seen is the same for other arms and other laws; and Gymnasium's info is empty."""
    stream = made(world, drift)
    seen = [stream.batch(seed, 0, 200).seen for seed in (0, 0, 1)]
    if world is not LinearBandit:
        for batch in (stream.batch(seed, 0, 200) for seed in range(3)):
            assert {stream.observation(batch, i) for i in range(200)} == {0}
    other = made(world, drift).pin(stream.n_concepts - 1).batch(0, 0, 200).seen
    for part, again in zip(seen[0], other, strict=True):
        assert np.array_equal(part, again)
    assert isinstance(seen[2], Slate) and np.array_equal(seen[2].item, np.tile(np.arange(stream.n_arms), (200, 1)))
    env = gym.make(f"sandbox/{world.__name__}-v0")
    assert env.reset(seed=3)[1] == {}
    assert all(env.step(0)[4] == env.reset()[1] == {} for _ in range(20))


# --- bad settings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("world", "given_settings", "said"),
    [
        (TenArmed, {"arms": 0}, "ten-armed: arms=0 is out of range [1, 1000]"),
        (TenArmed, {"arms": 2.5}, "ten-armed: arms=2.5 is not a whole number"),
        (TenArmed, {"spread": 0.0}, "ten-armed: spread=0.0 is out of range [1e-06, 1e+06]"),
        (TenArmed, {"noise": "x"}, "ten-armed: noise='x' is not a number"),
        (TenArmed, {"drift": "abrupt@9:arms=3"}, "ten-armed: 'arms' cannot drift; these can: mean, spread, noise"),
        (TenArmed, {"drift": "abrupt@9:nois=3"}, "ten-armed: 'nois' cannot drift; did you mean 'noise'?"),
        (TenArmed, {"drift": "abrupt@9:noise=-3"}, "ten-armed: noise=-3 is out of range [0, 1e+06]"),
        (TenArmed, {"drift": "abrupt@9:a.py:f"}, "ten-armed: the drift abrupt@9:a.py:f has a function"),
        (WalkingArms, {"walk": 0.0}, "walking-arms: walk=0.0 is out of range"),
        (LinearBandit, {"dimensions": 0}, "linear-bandit: dimensions=0 is out of range [1, 1000]"),
        (ChangingArms, {"means": (1, 2)}, "changing-arms: means=(1, 2) are no rows of numbers"),
        (ChangingArms, {"means": ((0.5, 2.0),), "changes": ()}, "changing-arms: means=2.0 is out of range [0, 1]"),
        (ChangingArms, {"means": ((0.5,), (0.1, 0.2))}, "changing-arms: the rows of means="),
        (ChangingArms, {"changes": (5,)}, "changing-arms: 3 rows of means need 2 steps in changes"),
        (ChangingArms, {"changes": (5, 5)}, "changing-arms: changes=(5, 5) are not rising steps from 1 on"),
        (ChangingArms, {"changes": (0, 5)}, "changing-arms: changes=(0, 5) are not rising steps from 1 on"),
        (ChangingArms, {"drift": "abrupt@3:noise=1.0"}, "changing-arms: rewards are 0 or 1 and have no noise"),
        (RottingArms, {"heights": (1.0,)}, "rotting-arms: rates=(0.5, 0.4, 0.3, 0.2, 0.1): one number for each arm"),
        (RottingArms, {"heights": ()}, "rotting-arms: heights=(): one number for each arm"),
        (RottingArms, {"heights": (-1.0,), "rates": (1.0,)}, "rotting-arms: heights=-1.0 is out of range"),
        (RottingArms, {"rested": 1}, "rotting-arms: rested=1 is neither True nor False"),
    ],
)
def test_bad_settings_are_one_line(world: type[ArmStream], given_settings: dict[str, Any], said: str) -> None:
    with pytest.raises(SandboxError) as caught:
        world(**given_settings)
    assert str(caught.value).startswith(said.split("; did")[0]) and "\n" not in str(caught.value)
