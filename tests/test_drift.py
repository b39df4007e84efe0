"""Schedules against their description: written out step by step, once more, without arithmetic on arrays."""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sandbox.draws import DRIFT, keyed_uniform
from sandbox.drift import KINDS, LEVELS, MOST_CONCEPTS, Drift, Schedule, parse_drift, parse_drifts
from sandbox.errors import SandboxError

ONE_WAY = ("abrupt", "gradual", "incremental")


@st.composite
def drifts(draw: Any, kinds: tuple[str, ...] = KINDS, longest: int = 400) -> Drift:
    kind = draw(st.sampled_from(kinds))
    width = draw(st.integers(0, longest)) if kind in ("gradual", "incremental") else 0
    return Drift(kind, draw(st.integers(1, longest)), width)


@st.composite
def schedules(draw: Any) -> Schedule:
    one_way = draw(st.lists(drifts(ONE_WAY), max_size=3))
    others = draw(st.lists(drifts(("recurring", "random-walk")), max_size=1))
    recurring = draw(st.lists(drifts(("recurring",)), max_size=2))
    return Schedule(tuple(draw(st.permutations([*one_way, *others, *recurring]))))


def levels(schedule: Schedule, seed: int, start: int, count: int) -> list[tuple[int, ...]]:
    return [schedule.levels_of(int(code)) for code in schedule.concepts(seed, start, count)]


@cache
def walk(seed: int, lap: int) -> int:
    """Return where a walk on the whole line is, folded at both ends: what it is to be reflected."""
    place = on_line(seed, lap) % (2 * LEVELS)
    return min(place, 2 * LEVELS - place)


@cache
def on_line(seed: int, lap: int) -> int:
    if lap == 0:
        return 0
    return on_line(seed, lap - 1) + (1 if keyed_uniform(seed, lap, DRIFT) >= 0.5 else -1)


def naive_level(drift: Drift, seed: int, step: int) -> int:
    """Return the level of one drift at one step, from its description."""
    if drift.kind == "recurring":
        return 1 if (step // drift.at) % 2 == 1 else 0
    if drift.kind == "random-walk":
        return walk(seed, step // drift.at)
    into = step - drift.at
    if into < 0:
        return 0
    if into >= drift.width:
        return drift.levels
    return 1 + math.floor(into * (drift.levels - 1) / drift.width)


# --- one drift --------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(drifts(), st.integers(0, 5))
@example(Drift("abrupt", 1), 0)
@example(Drift("gradual", 10, 1), 0)
@example(Drift("incremental", 10, 63), 0)
@example(Drift("incremental", 10, 64), 0)
@example(Drift("random-walk", 1), 3)
def test_levels_are_those_of_the_description(drift: Drift, seed: int) -> None:
    wanted = [(naive_level(drift, seed, step),) for step in range(900)]
    assert levels(Schedule((drift,)), seed, 0, 900) == wanted


@pytest.mark.parametrize("kind", ONE_WAY)
@pytest.mark.parametrize("at", [1, 2, 8192, 10**15])
def test_width_0_is_exact(kind: str, at: int) -> None:
    schedule = Schedule((Drift(kind, at),))
    assert schedule.n_concepts == 2
    assert schedule.concepts(0, at - 1, 3).tolist() == [0, 1, 1]
    assert schedule.made_of(0).shares == ((1.0, (False,)),) and schedule.made_of(1).shares == ((1.0, (True,)),)


@pytest.mark.parametrize("kind", ["gradual", "incremental"])
@settings(deadline=None)
@given(at=st.integers(1, 10**9), width=st.integers(1, 10**6))
@example(at=1, width=1)
@example(at=2**55, width=2**55)
def test_the_window_is_bounded(kind: str, at: int, width: int) -> None:
    drift = Drift(kind, at, width)
    schedule = Schedule((drift,))
    assert drift.levels == min(LEVELS, width + 1) and schedule.n_concepts == drift.levels + 1

    def share(step: int) -> float:
        found = {anchor: part for part, anchor in schedule.made_of(code(step)).shares}
        return found.get((True,), 0.0)

    def code(step: int) -> int:
        return int(schedule.concepts(0, step, 1)[0])

    assert share(0) == share(at - 1) == 0.0 < share(at)
    assert share(at + width) == share(at + width + 10**6) == 1.0 > share(at + width - 1)
    steps = [at + width * k // 200 for k in range(201)]
    shares = [share(step) for step in steps]
    assert shares == sorted(shares)
    # never further from a straight line than a level
    assert all(abs(s - (step - at) / width) <= 1.0 / drift.levels + 1e-9 for s, step in zip(shares, steps, strict=True))


def test_a_walk_takes_one_level_at_a_time_and_is_reflected() -> None:
    schedule = Schedule((Drift("random-walk", 3),))
    paths = np.array([[level for (level,) in levels(schedule, seed, 0, 60_000)] for seed in range(3)])
    assert (paths[:, :3] == 0).all() and (paths[:, 3:6] == 1).all()  # it starts at an end
    laps = paths[:, ::3]
    assert (np.abs(np.diff(laps)) == 1).all() and (np.repeat(laps, 3, axis=1) == paths).all()
    assert laps.min() == 0 and laps.max() == LEVELS
    inside = laps[:, :-1][(laps[:, :-1] > 0) & (laps[:, :-1] < LEVELS)]
    ups = (np.diff(laps) > 0)[(laps[:, :-1] > 0) & (laps[:, :-1] < LEVELS)]
    assert abs(ups.mean() - 0.5) < 4.0 / math.sqrt(4 * len(inside))
    assert not np.array_equal(paths[0], paths[1])
    # a reflected walk is everywhere equally often, at the ends half as often
    share = np.bincount(laps.ravel(), minlength=LEVELS + 1) / laps.size
    assert share[1:-1].mean() == pytest.approx(1.0 / LEVELS, rel=0.1)


# --- several ----------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(schedules(), st.integers(0, 3))
@example(Schedule(), 0)
@example(Schedule(tuple(Drift(kind, 50, 90 * (kind in ("gradual", "incremental"))) for kind in KINDS[:4])), 0)
def test_each_of_several_goes_its_own_way(schedule: Schedule, seed: int) -> None:
    codes = schedule.concepts(seed, 0, 900)
    assert codes.dtype == np.int64 and codes.min() >= 0 and codes.max() < max(1, len(schedule._path)) * 10**6
    found = np.array([schedule.levels_of(int(code)) for code in codes]).reshape(900, len(schedule.drifts))
    for i, drift in enumerate(schedule.drifts):
        if drift.kind != "random-walk" or i == 0:  # walks draw from child seeds, the first from the seed itself
            assert found[:, i].tolist() == [naive_level(drift, seed, step) for step in range(900)]
    # a code is the levels, no more and no less
    pairs = set(zip(codes.tolist(), map(tuple, found.tolist()), strict=True))
    assert len(pairs) == len({code for code, _ in pairs}) == len({place for _, place in pairs})


@settings(deadline=None)
@given(schedules(), st.integers(0, 3), st.lists(st.integers(1, 300), min_size=1, max_size=8))
def test_chunks_make_no_difference(schedule: Schedule, seed: int, cuts: list[int]) -> None:
    whole, start = schedule.concepts(seed, 0, sum(cuts)), 0
    for count in cuts:
        assert np.array_equal(schedule.concepts(seed, start, count), whole[start : start + count])
        start += count
    assert schedule.concepts(seed, 5, 0).shape == (0,)


@settings(deadline=None)
@given(schedules().filter(lambda one: 0 < len(one._path) < 200))
def test_shares_add_up_to_one(schedule: Schedule) -> None:
    for code in np.unique(schedule.concepts(0, 0, 1000)).tolist():
        concept = schedule.made_of(code)
        assert math.fsum(weight for weight, _ in concept.mixture) == pytest.approx(1.0, abs=1e-12)
        for weight, shares in concept.mixture:
            assert weight > 0.0 and math.fsum(share for share, _ in shares) == pytest.approx(1.0, abs=1e-12)
        flat = concept.shares
        assert math.fsum(share for share, _ in flat) == pytest.approx(1.0, abs=1e-12)
        assert len({anchor for _, anchor in flat}) == len(flat) and {a for _, a in flat} == set(concept.anchors)
        for i, drift in enumerate(schedule.drifts):  # the marginal share of each change is its progress
            level = schedule.levels_of(code)[i]
            made = math.fsum(share for share, anchor in flat if anchor[i])
            assert made == pytest.approx(level / drift.levels, abs=1e-12)


def test_gradual_mixes_and_incremental_interpolates() -> None:
    schedule = Schedule((Drift("gradual", 10, 3), Drift("incremental", 10, 3)))
    code = int(schedule.concepts(0, 11, 1)[0])  # both at level 2 of 4
    concept = schedule.made_of(code)
    assert schedule.levels_of(code) == (2, 2)
    assert concept.mixture == (
        (0.5, ((0.5, (False, False)), (0.5, (False, True)))),
        (0.5, ((0.5, (True, False)), (0.5, (True, True)))),
    )
    assert {anchor: share for share, anchor in concept.shares} == dict.fromkeys(
        itertools.product((False, True), repeat=2), 0.25
    )


def test_concepts_are_numbered_in_the_order_of_those_that_come_once() -> None:
    schedule = Schedule((Drift("abrupt", 300), Drift("recurring", 50), Drift("gradual", 100, 2), Drift("abrupt", 200)))
    once = Schedule(tuple(drift for drift in schedule.drifts if drift.kind != "recurring"))
    assert list(dict.fromkeys(once.concepts(0, 0, 500).tolist())) == [0, 1, 2, 3, 4, 5] and once.n_concepts == 6
    assert schedule.n_concepts == 12
    assert list(dict.fromkeys(schedule.concepts(0, 0, 500).tolist())) == [0, 6, 1, 2, 3, 9, 4, 10, 5, 11]


def test_two_walks_are_two() -> None:
    schedule = Schedule((Drift("random-walk", 5), Drift("random-walk", 5)))
    pairs = levels(schedule, 0, 0, 2000)
    assert any(a != b for a, b in pairs)
    with pytest.raises(SandboxError, match=r"4,225 concepts, more than 1,024; use fewer at once$"):
        _ = schedule.n_concepts


def test_too_many_concepts_are_refused() -> None:
    wide = tuple(Drift("gradual", 1000 * k + 1, 100) for k in range(17))
    assert Schedule(wide[:15]).n_concepts == 15 * LEVELS + 1 <= MOST_CONCEPTS
    with pytest.raises(SandboxError, match="1,089 concepts"):
        _ = Schedule(wide).n_concepts


def test_a_pin_holds_one_concept() -> None:
    schedule = Schedule((Drift("gradual", 10, 5), Drift("recurring", 3)))
    for code in range(schedule.n_concepts):
        pinned = schedule.pin(code)
        assert pinned.concepts(3, 5, 40).tolist() == [code] * 40 and pinned.n_concepts == schedule.n_concepts
        assert pinned.made_of(code) == schedule.made_of(code)


@settings(deadline=None)
@given(schedules(), st.integers(1, 900))
def test_changes_are_where_the_levels_begin_and_cease_to_move(schedule: Schedule, steps: int) -> None:
    found = schedule.changes(steps)
    assert found == sorted(set(found)) and all(start < steps for start, _ in found)
    moved: set[int] = set()
    for drift in schedule.drifts:
        path = [naive_level(drift, 0, step) for step in range(1400)]
        jumps = [step for step in range(1, 1400) if path[step] != path[step - 1]]
        if drift.kind == "recurring":
            moved |= {step for step in jumps if step < steps}
        elif drift.kind != "random-walk" and drift.at < steps:
            assert (jumps[0], jumps[-1]) in found
            moved.add(jumps[0])
    assert {start for start, _ in found} == moved


# --- what changes -----------------------------------------------------------------------------------------------------


def test_later_settings_come_before_earlier_ones() -> None:
    schedule = Schedule(parse_drifts(["abrupt@5:a=1,b=1", "abrupt@3:b=2,c=2", "abrupt@9"]))
    assert schedule.settings_of((False, False, True)) == {}
    assert schedule.settings_of((True, False, False)) == {"a": 1, "b": 1}
    assert schedule.settings_of((True, True, False)) == {"a": 1, "b": 1, "c": 2}  # later in time, not in the list
    assert schedule.settings_of((False, True, True)) == {"b": 2, "c": 2}
    comes_and_goes = Schedule(parse_drifts(["recurring@2:a=3", "abrupt@5:a=1"]))
    assert comes_and_goes.settings_of((True, True)) == {"a": 3}


def test_own_changes_follow_time_whatever_the_order_of_their_texts() -> None:
    one, other = (Schedule(parse_drifts(texts)) for texts in (["abrupt@20", "abrupt@10"], ["abrupt@10", "abrupt@20"]))
    for schedule in (one, other):
        made = [schedule.made_of(int(concept)).anchors[0] for concept in schedule.concepts(0, 0, 30)[[0, 10, 20]]]
        assert [schedule.own_change(anchor) for anchor in made] == [0, 1, 2]
    recurring = Schedule(parse_drifts(["recurring@10", "abrupt@25"]))
    at = recurring.concepts(0, 0, 50)[[0, 10, 20, 25, 30, 40]]
    made = [recurring.made_of(int(concept)).anchors[0] for concept in at]
    assert [recurring.own_change(anchor) for anchor in made] == [0, 2, 0, 1, 2, 1]


def test_own_changes_are_counted_by_themselves() -> None:
    schedule = Schedule(parse_drifts(["abrupt@5:a=1", "abrupt@3", "abrupt@4:there.py:f", "recurring@9"]))
    numbers = {anchor: schedule.own_change(anchor) for anchor in itertools.product((False, True), repeat=4)}
    for anchor, number in numbers.items():
        assert number == (2 if anchor[3] else 1 if anchor[1] else 0)
    assert Schedule().own_change(()) == 0


# --- texts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "drift"),
    [
        ("abrupt@20000", Drift("abrupt", 20000)),
        (" gradual@20000~5000 ", Drift("gradual", 20000, 5000)),
        ("incremental@5~0", Drift("incremental", 5)),
        ("recurring@7:slip=0.3", Drift("recurring", 7, 0, (("slip", 0.3),))),
        ("random-walk@7:a='x:y',b=[1,2]", Drift("random-walk", 7, 0, (("a", "x:y"), ("b", [1, 2])))),
        ("abrupt@3:desc=S.G", Drift("abrupt", 3, 0, (("desc", "S.G"),))),
        ("gradual@3~4:my/laws.py:colder", Drift("gradual", 3, 4, (), "my/laws.py:colder")),
    ],
)
def test_texts_that_are_understood(text: str, drift: Drift) -> None:
    assert parse_drift(text) == drift
    assert parse_drift(str(drift)) == drift


@settings(deadline=None)
@given(drifts(longest=10**6))
def test_a_drift_reads_its_own_text(drift: Drift) -> None:
    assert parse_drift(str(drift)) == drift and str(Schedule((drift, drift))) == f"{drift} {drift}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not understood; write KIND@STEP"),
        ("abrupt", "is not understood"),
        ("abrupt@", "is not understood"),
        ("abrupt@-5", "is not understood"),
        ("abrupt@5.5", "is not understood"),
        ("abrupt@5~", "is not understood"),
        ("abrupt@5 6", "is not understood"),
        ("Abrupt@5", "is not understood"),
        ("abrupt@" + "9" * 5000, "is not understood"),
        ("abrubt@5", r"there is no drift 'abrubt'; did you mean 'abrupt'\?; one of abrupt, gradual"),
        ("abrupt@0", "is out of range: it happens at step 1 or later"),
        ("abrupt@999999999999999999", "is out of range"),
        ("gradual@5~999999999999999999", "is out of range"),
        ("abrupt@5~3", "only gradual and incremental drift take time; leave out ~3"),
        ("recurring@5~3", "leave out ~3"),
        ("abrupt@5:", "after the colon comes setting=value or FILE.py:FUNCTION"),
        ("abrupt@5:slip", "after the colon comes"),
        ("abrupt@5:a=1:b=2", "after the colon comes"),
        ("abrupt@5:a=1,a=2", "'a' is given twice"),
        ("abrupt@5:a=[1", "is not closed"),
        ("abrupt@5:1=2", "is no setting"),
    ],
)
def test_texts_that_are_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(SandboxError, match=message) as caught:
        parse_drift(text)
    assert "\n" not in str(caught.value)


def test_one_or_several() -> None:
    one, other = Drift("abrupt", 5), Drift("gradual", 6, 7)
    assert parse_drifts(None) == parse_drifts("") == parse_drifts([]) == ()
    assert parse_drifts("abrupt@5") == parse_drifts(one) == parse_drifts(["abrupt@5"]) == (one,)
    assert parse_drifts([one, "gradual@6~7"]) == (one, other)
    assert not Schedule() and Schedule((one,)) and Schedule().n_concepts == 1
    assert Schedule().made_of(0).shares == ((1.0, ()),)
