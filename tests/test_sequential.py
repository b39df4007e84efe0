"""Adding seeds until it is settled: published studies decided as published, enumeration by hand, error and power."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.comparison.sequential import Sequential
from sandbox.errors import SandboxError

# Returns after training in Walker2d, of five runs of each agent a group: examples/walker1.csv to walker6.csv of
# https://github.com/TimotheeMathieu/adastop (MIT), rounded to a hundredth; from the third group on two agents.
WALKER = (
    {
        "PPO": (3683.49, 1576.48, 3908.14, 1451.91, 5177.01),
        "DDPG": (420.27, 640.07, 2338.04, 879.10, 736.54),
        "SAC": (4291.03, 4551.04, 4669.77, 4697.37, 4074.50),
        "TRPO": (446.09, 1918.92, 1015.73, 757.01, 1769.34),
    },
    {
        "PPO": (3384.11, 2358.69, 1624.72, 4151.18, 1699.54),
        "DDPG": (962.29, 1771.09, 545.91, 906.02, 1553.93),
        "SAC": (5453.36, 4988.52, 4617.74, 3955.18, 4135.49),
        "TRPO": (1031.30, 961.66, 695.73, 1817.83, 939.60),
    },
    {"DDPG": (345.87, 857.63, 346.56, 1978.24, 89.13), "TRPO": (450.03, 1125.62, 567.03, 529.26, 1786.07)},
    {"DDPG": (705.55, 974.38, 1021.40, 936.26, 517.52), "TRPO": (998.79, 1631.73, 1517.60, 1873.34, 1906.80)},
    {"DDPG": (957.05, 1254.52, 594.46, 586.46, 184.69), "TRPO": (1909.22, 1671.61, 897.87, 1677.16, 490.03)},
    {"DDPG": (2101.37, 56.55, 996.29, 1549.75, -10.06), "TRPO": (1095.36, 989.42, 1369.59, 609.49, 1333.28)},
)
# In Humanoid: humanoid1.csv to humanoid3.csv of the paper's own runs, TimotheeMathieu/Adaptive_stopping_MC_RL.
HUMANOID = (
    {
        "SAC": (6110.44, 6211.75, 6207.70, 478.65, 6102.88),
        "DDPG": (129.01, 164.49, 280.42, 161.94, 399.58),
        "TRPO": (531.82, 527.42, 579.03, 636.90, 591.43),
        "PPO": (5061.62, 5634.21, 4490.11, 5931.37, 3381.51),
    },
    {
        "SAC": (6411.30, 5016.31, 5964.15, 6347.81, 6265.20),
        "DDPG": (224.19, 75.88, 75.61, 159.50, 66.48),
        "TRPO": (676.38, 527.43, 718.33, 633.20, 607.75),
        "PPO": (1653.48, 4492.29, 1086.18, 5011.93, 1741.09),
    },
    {
        "SAC": (6810.56, 5928.98, 4661.90, 6434.16, 5954.81),
        "DDPG": (69.83, 210.95, 222.63, 294.11, 218.03),
        "TRPO": (678.01, 633.72, 520.22, 522.00, 597.68),
        "PPO": (4593.54, 4870.61, 3930.11, 1996.68, 4025.08),
    },
)
# In HalfCheetah, halfcheetah1.csv to halfcheetah6.csv from there: PPO, DDPG, TRPO, and SAC in the first group.
CHEETAH_SAC = (11600.36, 10686.75, 7743.92, 11328.02, 9447.81)
CHEETAH = (
    ((3040.01, 3426.94, 1486.37, 1657.89, 2957.77), (1677.91, 7155.15, 3399.62, 6315.14, 1817.58),
     (1512.85, 4652.02, 4528.69, 5124.92, 3553.11)),
    ((1755.79, 3488.93, 1941.30, 1644.42, 3882.45), (2049.48, 5484.20, 6322.59, 2014.74, 6678.74),
     (4398.74, 4276.03, 1404.43, 4683.82, 3066.32)),
    ((1552.63, 2844.97, 1789.45, 4227.70, 1597.78), (7292.27, 2041.70, 7481.67, 6799.90, 7851.39),
     (4904.50, 4509.01, 4974.92, 4851.47, 3770.05)),
    ((3719.04, 1326.84, 2215.52, 4102.66, 3036.81), (7918.76, 6721.28, 2011.65, 7034.95, 1928.38),
     (3130.05, 4436.44, 1621.31, 3815.21, 3236.09)),
    ((2241.68, 1670.70, 1529.67, 3510.09, 1588.37), (7143.68, 4813.67, 5217.27, 8094.51, 3564.97),
     (2630.57, 1407.78, 2618.46, 4191.59, 4613.91)),
    ((2431.93, 1895.55, 3601.65, 1596.08, 2603.02), (1709.68, 7825.99, 4652.93, 1748.38, 6728.88),
     (2504.73, 3078.13, 2871.63, 5771.01, 1860.78)),
)  # fmt: skip
Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray[Any, Any]]
SCORES: dict[str, Draw] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "lognormal": lambda rng, size: rng.lognormal(size=size),
    "0/1": lambda rng, size: (rng.random(size) < 0.5).astype(float),
}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def by_look(test: Sequential, groups: Sequence[dict[str, Any]]) -> list[set[str]]:
    """Return what was decided at each look: "A > B", "A = B"."""
    found = []
    for group in groups:
        if test.done:
            break
        test.update(group)
        new = [pair for pair, look in test.decided_at.items() if look == test.look]
        sign = {"larger": ">", "smaller": "<", "equal": "="}
        found.append({f"{a} {sign[test.decisions[a, b]]} {b}" for a, b in new})
    return found


@pytest.mark.parametrize("seed", range(3))
def test_walker_is_decided_as_in_the_readme_of_adastop(seed: int) -> None:
    test = Sequential(list(WALKER[0]), 5, rng(seed), paired=False, accept=0.01)
    first = {"DDPG < SAC", "DDPG = TRPO", "SAC > TRPO"}
    assert by_look(test, WALKER) == [first, {"PPO > DDPG", "PPO < SAC", "PPO > TRPO"}]
    assert test.done and not test.undecided


@pytest.mark.parametrize("seed", range(3))
def test_walker_ends_as_in_the_paper(seed: int) -> None:
    """Their log of six looks: four agents for ten seeds, two for thirty, and those are not told apart."""
    test = Sequential(list(WALKER[0]), 6, rng(seed), paired=False)
    found = by_look(test, WALKER)
    assert set.union(*found[:2]) == {"DDPG < SAC", "SAC > TRPO", "PPO > DDPG", "PPO < SAC", "PPO > TRPO"}
    assert found[2:] == [set()] * 4
    assert test.done and test.undecided == [("DDPG", "TRPO")]


@pytest.mark.parametrize("seed", range(3))
def test_walker_is_decided_as_in_the_tutorial_of_adastop_at_its_level(seed: int) -> None:
    """There the null is of the signed maximum: what it calls .05 is .10 for a pair, two-sided."""
    test = Sequential(list(WALKER[0]), 5, rng(seed), paired=False, level=0.10)
    found = by_look(test, WALKER)
    assert [bool(look) for look in found] == [True, True, False, False, True]
    assert found[4] == {"DDPG < TRPO"}
    honest = Sequential(list(WALKER[0]), 5, rng(seed), paired=False)
    by_look(honest, WALKER)
    assert honest.undecided == [("DDPG", "TRPO")]


@pytest.mark.parametrize("looks", [5, 6])
@pytest.mark.parametrize("seed", range(3))
def test_humanoid_is_decided_as_in_the_paper(seed: int, looks: int) -> None:
    test = Sequential(list(HUMANOID[0]), looks, rng(seed), paired=False)
    assert by_look(test, HUMANOID) == [
        {"SAC > DDPG", "DDPG < PPO"},
        {"SAC > TRPO", "TRPO < PPO"},
        {"SAC > PPO", "DDPG < TRPO"},
    ]


@pytest.mark.parametrize("seed", range(3))
def test_half_cheetah_is_decided_as_in_the_paper(seed: int) -> None:
    """The same six verdicts, and the first four at the same looks; the last two took their log a look longer."""
    groups = [dict(zip(("PPO", "DDPG", "TRPO"), group, strict=True)) for group in CHEETAH]
    test = Sequential(["PPO", "SAC", "DDPG", "TRPO"], 6, rng(seed), paired=False)
    found = by_look(test, [groups[0] | {"SAC": CHEETAH_SAC}, *groups[1:]])
    assert found[:4] == [{"PPO < SAC", "SAC > DDPG", "SAC > TRPO"}, set(), {"PPO < DDPG"}, set()]
    assert set.union(*found[4:]) == {"PPO < TRPO", "DDPG > TRPO"}


def exchanged(group: dict[str, tuple[int, ...]], paired: bool) -> list[int]:
    """Return the sum of differences of two agents, a and b, for every exchange, by plain enumeration."""
    a, b = group["a"], group["b"]
    n = len(a)
    if paired:
        flips = itertools.product((1, -1), repeat=n)
        return [sum(s * (x - y) for s, x, y in zip(signs, a, b, strict=True)) for signs in flips]
    pooled = a + b
    return [2 * sum(pooled[k] for k in chosen) - sum(pooled) for chosen in itertools.combinations(range(2 * n), n)]


@given(st.data(), st.booleans())
@settings(deadline=None, max_examples=60)
def test_one_look_is_the_permutation_test(data: st.DataObject, paired: bool) -> None:
    n = data.draw(st.integers(2, 6 if paired else 4))
    scores = st.lists(st.integers(-3, 9), min_size=n, max_size=n).map(tuple)
    group = {"a": data.draw(scores), "b": data.draw(scores)}
    level = data.draw(st.sampled_from([0.03, 0.05, 0.1, 0.2, 0.4]))
    test = Sequential(["a", "b"], 1, rng(), level=level, paired=paired)
    verdict = test.update(group)["a", "b"]
    sums = exchanged(group, paired)
    p = sum(abs(s) >= abs(sums[0]) for s in sums) / len(sums)
    sign = "larger" if sums[0] > 0 else "smaller"
    assert verdict == (sign if p <= level + 1e-12 and sums[0] else "undecided")


@given(st.data(), st.booleans())
@settings(deadline=None, max_examples=40)
def test_the_second_look_spends_what_is_left(data: st.DataObject, paired: bool) -> None:
    """The second of two looks, enumerated by hand: those that crossed at the first count against the level."""
    n = 4 if paired else 3
    scores = st.lists(st.integers(-3, 9), min_size=n, max_size=n).map(tuple)
    groups = [{"a": data.draw(scores), "b": data.draw(scores)} for _ in range(2)]
    level = data.draw(st.sampled_from([0.1, 0.2, 0.4]))
    first, second = (exchanged(group, paired) for group in groups)

    def bound(sums: list[int], spent: float, weight: int, most: float) -> float:
        ways = sorted({abs(s) for s in sums})
        return min(b for b in [-1, *ways] if spent + sum(abs(s) > b for s in sums) * weight <= most + 1e-9)

    total = len(first) * len(second)
    b1 = bound(first, 0, len(second), level / 2 * total)
    alive = [s for s in first if abs(s) <= b1]
    spent = (len(first) - len(alive)) * len(second)
    b2 = bound([s + t for s in alive for t in second], spent, 1, level * total)
    test = Sequential(["a", "b"], 2, rng(), level=level, paired=paired)
    told = test.update(groups[0])["a", "b"]
    assert (told != "undecided") == (abs(first[0]) > b1)
    if told == "undecided":
        assert (test.update(groups[1])["a", "b"] != "undecided") == (abs(first[0] + second[0]) > b2)


@given(st.integers(0, 1000), st.booleans(), st.floats(0.01, 100.0), st.floats(-50.0, 50.0))
@settings(deadline=None, max_examples=25)
def test_names_units_and_zero_do_not_matter(seed: int, paired: bool, unit: float, zero: float) -> None:
    draw = rng(seed)
    groups = [draw.normal([[1.0], [0.0]], size=(2, 5)) for _ in range(4)]
    mirror = {"larger": "smaller", "smaller": "larger"}
    told = Sequential(["a", "b"], 4, rng(1), paired=paired, resamples=1000)
    other = Sequential(["b", "a"], 4, rng(1), paired=paired, resamples=1000)
    for a, b in groups:
        if not told.done:
            told.update({"a": a, "b": b})
            if not other.done:
                other.update({"a": unit * a + zero, "b": unit * b + zero})
    if paired:  # unpaired, which random exchanges are drawn depends on the order of the names
        assert other.look == told.look
        assert other.decisions["b", "a"] == mirror.get(told.decisions["a", "b"], "undecided")
    same = Sequential(["a", "b"], 4, rng(1), paired=paired, resamples=1000)
    for a, b in groups:
        if not same.done:
            same.update({"a": unit * a + zero, "b": unit * b + zero})
    assert (same.look, same.decisions) == (told.look, told.decisions)


def run(draw: Draw, seed: int, agents: int, looks: int, paired: bool, ahead: float = 0.0) -> Sequential:
    """Return a finished test of agents that are equal, but for the first which is `ahead`."""
    chance = rng(seed)
    names = [str(k) for k in range(agents)]
    test = Sequential(names, looks, chance, paired=paired, resamples=500)
    while not test.done:
        scores = draw(chance, (agents, 5))
        scores[0] += ahead
        test.update(dict(zip(names, scores, strict=True)))
    return test


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("kind", SCORES)
def test_equal_agents_are_seldom_called_unequal(kind: str, paired: bool) -> None:
    """The error over all pairs and looks; at full size it is in make bench."""
    wrong = sum(bool(run(SCORES[kind], seed, 3, 6, paired).decided_at) for seed in range(200))
    assert wrong <= 20  # of 200 at .05; more has a probability of .001


def test_a_difference_of_one_sd_is_settled() -> None:
    """Of the difference of a pair, that is: the two are sqrt(2) of their own apart."""
    found = [run(SCORES["normal"], seed, 2, 10, True, ahead=math.sqrt(2)) for seed in range(100)]
    assert sum(test.decisions["0", "1"] == "larger" for test in found) >= 98
    assert not any(test.decisions["0", "1"] == "smaller" for test in found)
    assert np.mean([5 * test.look for test in found]) < 20


def test_a_large_difference_does_not_hide_a_small_one() -> None:
    """Step-down: once the far agent is told apart, the others are tested by themselves."""
    chance = rng(3)
    names = ["far", "near", "base"]
    test = Sequential(names, 4, rng(0), resamples=2000)
    while not test.done:
        scores = chance.normal([[50.0], [1.5], [0.0]], size=(3, 8))
        test.update(dict(zip(names, scores, strict=True)))
    assert test.decisions == {("far", "near"): "larger", ("far", "base"): "larger", ("near", "base"): "larger"}
    assert test.decided_at["near", "base"] >= test.decided_at["far", "base"]


@pytest.mark.parametrize("paired", [True, False])
def test_failed_seeds_are_left_out_and_counted(paired: bool) -> None:
    """A failure says nothing: with it the verdict is that of the other seeds."""
    a, b = rng(5).normal([[3.0], [0.0]], size=(2, 6))
    c = [5.0, math.nan] * 3 + [6.0]
    test = Sequential(["a", "b", "c"], 1, rng(), paired=paired)
    test.update({"a": [*a, math.nan], "b": [*b, math.nan], "c": c})
    assert test.left_out == {("a", "b"): 1, ("a", "c"): 4, ("b", "c"): 4}
    fewer = Sequential(["a", "b"], 1, rng(), paired=paired)
    fewer.update({"a": a, "b": b})
    assert test.decisions["a", "b"] == fewer.decisions["a", "b"] == "larger"


def test_all_failed_decides_nothing() -> None:
    for paired in (True, False):
        test = Sequential(["a", "b"], 1, rng(), paired=paired)
        assert test.update({"a": [math.nan] * 6, "b": [1.0] * 6}) == {("a", "b"): "undecided"}


def test_the_same_scores_decide_nothing() -> None:
    test = Sequential(["a", "b"], 2, rng())
    for _ in range(2):
        test.update({"a": [0.3] * 8, "b": [0.3] * 8})
    assert test.done and test.undecided == [("a", "b")]


def test_what_cannot_be_compared_is_refused() -> None:
    for names, message in ((["a"], "two agents"), (["a", "a"], "name of its own")):
        with pytest.raises(SandboxError, match=message):
            Sequential(names, 3, rng())
    with pytest.raises(SandboxError, match="looks=0"):
        Sequential(["a", "b"], 0, rng())
    with pytest.raises(SandboxError, match="pair of 'a' and 'x'"):
        Sequential(["a", "b"], 3, rng(), pairs=[("a", "x")])
    test = Sequential(["a", "b"], 1, rng())
    with pytest.raises(SandboxError, match="no scores of 'b'"):
        test.update({"a": [1.0]})
    with pytest.raises(SandboxError, match="as many scores"):
        test.update({"a": [1.0, 2.0], "b": [1.0]})
    with pytest.raises(SandboxError, match="infinite"):
        test.update({"a": [math.inf], "b": [1.0]})
    assert test.look == 0
    test.update({"a": [1.0], "b": [1.0]})
    with pytest.raises(SandboxError, match="nothing left to look at"):
        test.update({"a": [1.0], "b": [1.0]})
