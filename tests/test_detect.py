"""Detectors of change: what alarms are worth; that dummies are worth nothing; the published case of ADWIN."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.detection.alarms import Alarms, alarms_of, dummy_alarms
from sandbox.detection.detectors import DUMMIES, Detector, detector_of, offers
from sandbox.detection.found import Found, Row
from sandbox.detection.heard import Heard, hear, usual_agent, what_to_watch
from sandbox.detection.listener import Request
from sandbox.detection.scores import PER, Span, score_run, spans_of
from sandbox.detection.study import detect
from sandbox.errors import SandboxError

STEPS = 400


def alarms(*at: int) -> Alarms:
    return Alarms(at, (False,) * len(at))


def test_spans_last_until_the_next_drift_or_a_while_after_they_are_complete() -> None:
    assert spans_of([(100, 100), (300, 350)], 5000, 1000) == (Span(100, 100, 300), Span(300, 350, 1350))
    assert spans_of([(100, 100), (100, 150)], 5000, 20) == (Span(100, 150, 170),)
    assert spans_of([], 5000) == ()
    # One at the very end is nobody's to find; it still ends the span before it.
    assert spans_of([(4000, 4000), (4950, 4950)], 5000, 1000) == (Span(4000, 4000, 4950),)
    assert spans_of([(6000, 6000)], 5000) == ()


def test_a_run_by_hand() -> None:
    spans = (Span(100, 100, 300), Span(300, 300, 500))
    run = Alarms((40, 120, 150, 400), (False, True, False, False))
    scored = score_run(run, Alarms((90, 310, 480), (True, False, False)), spans, 500)
    assert scored.delay == (20, 100) and scored.chance == (None, 10)
    assert scored.credit == pytest.approx(((200 - 20) + (10 - 100)) / 200 / 2)
    assert scored.fell == (True, False) and scored.repeats == 1
    assert scored.false == pytest.approx(3 / 500 * PER) and scored.false_fell == pytest.approx(1 / 500 * PER)


def test_the_perfect_detector_has_all_the_credit_and_who_is_late_less() -> None:
    spans = spans_of([(100, 100), (300, 300)], 1000, 200)
    credit = [score_run(alarms(100 + k, 300 + k), alarms(), spans, 1000).credit for k in (0, 10, 50, 199)]
    assert credit == pytest.approx([1.0, 0.95, 0.75, 0.005])
    assert score_run(alarms(99, 500), alarms(), spans, 1000).credit == 0.0
    apart = spans_of([(100, 100), (600, 600)], 1000, 200)
    many = score_run(alarms(*range(100, 200), *range(600, 700)), alarms(), apart, 1000)
    assert many.credit == 1.0 and many.repeats == 198  # one credit a drift, however often it is told
    last = score_run(alarms(*range(100, 550), 610), alarms(), apart, 1000)  # 50 before the drift, then 10 after it
    assert last.credit == pytest.approx((1.0 + (50 - 10) / 200) / 2)


PLACES = st.sets(st.integers(0, STEPS - 1), max_size=40)
CHANGES = st.lists(st.tuples(st.integers(1, STEPS), st.integers(0, 100)), max_size=8).map(
    lambda pairs: [(begin, begin + width) for begin, width in pairs]
)


@given(at=PLACES, changes=CHANGES, within=st.integers(1, 2 * STEPS))
def test_who_does_not_listen_gets_nothing_whatever_it_does(
    at: set[int], changes: list[tuple[int, int]], within: int
) -> None:
    same = alarms(*sorted(at))
    assert score_run(same, same, spans_of(changes, STEPS, within), STEPS).credit == 0.0


@given(run=PLACES, control=PLACES, changes=CHANGES)
def test_credit_is_what_drifts_save_and_chance_takes_away(
    run: set[int], control: set[int], changes: list[tuple[int, int]]
) -> None:
    spans = spans_of(changes, STEPS)
    made, lucky = alarms(*sorted(run)), alarms(*sorted(control))
    there, back = score_run(made, lucky, spans, STEPS), score_run(lucky, made, spans, STEPS)
    assert -1.0 <= there.credit <= 1.0 and there.credit <= -back.credit + 1e-12
    if len(spans) == 1:
        assert there.credit == pytest.approx(-back.credit)
    for span, delay in zip(spans, there.delay, strict=True):
        inside = [at for at in sorted(run) if span.begin <= at < span.end]
        assert delay == (inside[0] - span.begin if inside else None)


@pytest.mark.parametrize(("apart", "nothing"), [(4000, True), (400, False)])
def test_alarms_by_chance_get_nothing_on_average_or_less(apart: int, nothing: bool) -> None:
    rng = np.random.default_rng(5)
    spans = spans_of([(k, k) for k in range(200, 4000, apart)], 4000, 300)
    for rate in (0.0005, 0.005, 0.05):
        credit = [
            score_run(
                *(alarms(*np.flatnonzero(rng.random(4000) < rate).tolist()) for _ in range(2)), spans, 4000
            ).credit
            for _ in range(800)
        ]
        error = float(np.std(credit)) / math.sqrt(800)
        assert float(np.mean(credit)) < 4.0 * error
        assert not nothing or float(np.mean(credit)) > -4.0 * error


@pytest.mark.parametrize("every", [1, 7, 100])
def test_who_listens_once_and_alarms_ever_after_gains_by_one_drift_at_most(every: int) -> None:
    rng = np.random.default_rng(6)
    spans = spans_of([(k, k) for k in range(1000, 10_000, 1000)], 10_000)
    credit = []
    for _ in range(200):
        first = 1000 + int(rng.integers(every)) + 20
        credit.append(score_run(alarms(*range(first, 10_000, every)), alarms(), spans, 10_000).credit)
    error = float(np.std(credit)) / math.sqrt(200)
    assert float(np.mean(credit)) < 1.0 / len(spans) + 4.0 * error
    # Who has been quiet for as long as a drift may take to be found loses nothing by having said it three times.
    apart = spans_of([(k, k) for k in range(1000, 10_000, 1500)], 10_000)
    again = [one.begin + k for one in apart for k in (50, 150, 250)]
    assert score_run(alarms(*again), alarms(), apart, 10_000).credit == pytest.approx(0.95)


@pytest.mark.parametrize("every", DUMMIES.values())
def test_dummies_by_the_clock(every: int) -> None:
    at = dummy_alarms(every, 1000).at
    assert len(at) == (1000 // every if every else 0)
    assert not every or (at[0] == every - 1 and set(np.diff(at)) <= {every})


def row(name: str, credits: list[float], every: int | None = None) -> Row:
    scores = [
        score_run(alarms(), alarms(), (), 10)._replace(credit=credit, delay=(1,), chance=(1,)) for credit in credits
    ]
    return Row(name, Detector(name, dict, every=every), tuple(scores), {})


def found(*rows: Row) -> Found:
    facts = {"steps": 10}
    made = Found("w", Request("w", "a", "error", 10), facts, "", 3, (Span(1, 1, 2),), "")
    made.given = list(rows)
    return made


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(-1, 1), min_size=3, max_size=3), max_size=6))
def test_a_dummy_never_ranks_above_a_detector(credits: list[list[float]]) -> None:
    dummies = [row(name, [0.0] * 3, every) for name, every in DUMMIES.items()]
    study = found(*dummies, *(row(f"d{k}", one) for k, one in enumerate(credits)))
    names = [one.name for one in study.ranking(study.given)]
    assert set(names[-3:]) == set(DUMMIES)
    places = study.places(study.given)
    assert not set(places) & set(DUMMIES)
    assert all(float(np.mean(credits[int(name[1:])])) > 0.0 for name in places)
    assert sorted(places.values())[:1] in ([], [1])


@pytest.mark.parametrize("changes", [5, 50])
def test_dummies_are_last_at_5_and_at_50_drifts(changes: int) -> None:
    every = 10_000 // (changes + 1) + 1
    names = ["adwin", "page-hinkley", "ddm", "eddm", "hddm-a", "hddm-w", "kswin"]
    study = detect("coin", names, drift=f"recurring@{every}:share=0.5", watch="truth", seeds=6, jobs=1, steps=10_000)
    assert len(study.spans) == changes
    for rows in (study.given, study.matched):
        assert [one.name for one in study.ranking(rows)][-3:] == ["never", "every-hundred", "always"]
        credit = {one.name: one.interval("credit").mean for one in rows}
        assert {credit[name] for name in DUMMIES} == {0.0}
        assert all(credit[name] > 0.0 for name in names)  # and not by decree: every real one is worth something
        assert len(study.places(rows)) == len(names)
    assert {one.name: one.interval("found").mean for one in study.given}[
        "always"
    ] == 1.0  # as others score it: the best


def test_adwin_as_published() -> None:
    """Error rate .2, .5 from step 2000 on, 30 seeds: no false alarm, delay 87 with a standard deviation of 21."""
    study = detect(
        "coin:share=.2", ["adwin"], drift="abrupt@2000:share=.5", watch="truth", seeds=30, jobs=1, steps=4000
    )
    adwin = study.given[0]
    delay = np.array(adwin.by_seed("delay"))
    assert adwin.by_seed("false_alarms") == [0.0] * 30 and adwin.by_seed("found") == [1.0] * 30
    assert all(run.at[0] >= 2000 for run, _ in adwin.alarms.values())
    assert abs(delay.mean() - 87) < 3 * 21 / math.sqrt(30) and 14 < delay.std(ddof=1) < 30
    assert adwin.by_seed("fell") == [0.0] * 30 and adwin.beats_dummies


def test_alarms_have_a_direction() -> None:
    up = Heard(np.repeat([0.0, 1.0], 300), np.arange(600), 600)
    down = Heard(np.repeat([1.0, 0.0], 300), np.arange(600), 600)
    for name in ("adwin", "page-hinkley:threshold=5.0", "kswin"):
        rose, fell = (alarms_of(detector_of(name).fresh(0), one, name) for one in (up, down))
        assert rose.at and fell.at and not any(rose.fell) and all(fell.fell)


def test_drifts_back_are_told_apart() -> None:
    study = detect("coin", ["adwin"], drift="recurring@2000:share=0.5", watch="truth", seeds=4, jobs=1, steps=10_000)
    assert study.given[0].by_seed("fell") == [0.5] * 4  # up, down, up, down


def test_all_are_tuned_to_equally_many_false_alarms() -> None:
    terms: dict[str, Any] = {"drift": "abrupt@4000:share=0.5", "watch": "truth", "seeds": 8, "jobs": 1}
    for rate in (1.0, 10.0):
        study = detect("coin", ["adwin", "hddm-a", "ddm"], false_alarms=rate, **terms)
        for one in study.matched[:3]:
            mean = float(np.mean(one.by_seed("false_alarms")))
            assert mean <= rate and (mean >= 0.6 * rate or "loosest" in one.why), (one.detector, mean)
        assert not study.unmatched
        assert [bool(one.why) for one in study.matched] == [rate == 10.0] + [False] * 5  # ADWIN never gives so many
        delay = {one.name: one.interval("delay").mean for one in study.matched}
        assert delay["adwin"] < 70  # by default it gives no false alarm at all, and takes 87


def test_no_false_alarm_at_all_and_a_short_control() -> None:
    terms: dict[str, Any] = {"drift": "abrupt@1000:share=0.9", "watch": "truth", "seeds": 3, "jobs": 1, "steps": 2000}
    strict, short = (detect("coin", ["adwin"], false_alarms=rate, **terms) for rate in (0.0, 1.0))
    assert strict.matched[0].by_seed("false_alarms") == short.matched[0].by_seed("false_alarms") == [0.0] * 3
    assert 0.002 < strict.matched[0].detector.settings["delta"] < 0.999  # as loose as that allows
    assert any("0.6 false alarms are allowed" in text for text in short.caveats())
    one = detect("coin", ["adwin"], **(terms | {"seeds": 1}))
    assert one.given[0].beats_dummies is None and any("one run" in text for text in one.caveats())


def test_settings_that_are_tuned_need_not_be_given_twice() -> None:
    names = ["adwin:delta=0.01", "adwin:delta=0.1", "adwin:delta=0.1,clock=1"]
    study = detect("coin", names, drift="abrupt@1500:share=0.9", watch="truth", seeds=2, jobs=1, steps=3000)
    assert [one.name for one in study.given] == [*names, *DUMMIES]
    assert [one.name for one in study.matched] == ["adwin", "adwin:clock=1", *DUMMIES]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["adwin", "page-hinkley", "ddm", "eddm", "hddm-a", "hddm-w", "kswin"]), st.floats(0, 1))
def test_every_level_is_a_detector_from_deaf_to_nervous(name: str, level: float) -> None:
    rng = np.random.default_rng(1)
    same = Heard((rng.random(1500) < 0.3).astype(float), np.arange(1500), 1500)
    other = same._replace(values=np.where(np.arange(1500) < 700, same.values, 1.0))
    made = detector_of(name).at_level(level)
    assert len(alarms_of(made.fresh(0), same, name).at) < 1500
    deaf, nervous = (detector_of(name).at_level(end) for end in (0.0, 1.0))
    assert not alarms_of(deaf.fresh(0), same, name).at
    assert any(at >= 700 for at in alarms_of(nervous.fresh(0), other, name).at)


def test_one_process_or_two_give_the_same() -> None:
    terms: dict[str, Any] = {"drift": "gradual@1000~300:share=0.6", "watch": "truth", "seeds": 5, "steps": 2500}
    one, two = (detect("coin", ["kswin", "hddm-w", "adwin"], jobs=jobs, **terms) for jobs in (1, 2))
    assert one.as_json() == two.as_json()


def test_offers_are_those_that_are_named() -> None:
    assert set(offers()) == {"adwin", "page-hinkley", "ddm", "eddm", "hddm-a", "hddm-w", "kswin"}


def world_of(name: str, feedback: str | None = None, drift: str | None = None) -> Any:
    from sandbox.catalog import make_world
    from sandbox.world import make_terms

    return make_world(name).under(make_terms(drift, feedback))


def test_an_answer_is_heard_when_it_comes() -> None:
    now = hear(world_of("coin"), "random", 3, 2000, "truth")
    late = hear(world_of("coin", "delayed=500"), "random", 3, 2000, "truth")
    assert len(now.values) == 2000 and len(late.values) == 1500  # the last ones come after the end
    assert np.array_equal(late.values, now.values[:1500]) and np.array_equal(late.at, now.at[:1500] + 500)
    mixed = hear(world_of("coin", "delayed=uniform(0,300)"), "random", 3, 2000, "truth")
    assert np.all(np.diff(mixed.at) >= 0) and mixed.at[-1] < 2000
    never = hear(world_of("coin", "partial=0.25"), "random", 3, 2000, "truth")
    assert 400 < len(never.values) < 600


def test_a_wrong_answer_is_heard_as_it_is() -> None:
    right = hear(world_of("coin"), "random", 3, 500, "truth")
    wrong = hear(world_of("coin", "noisy=1.0"), "random", 3, 500, "truth")
    assert np.array_equal(wrong.values, 1.0 - right.values)
    errors = hear(world_of("coin"), "random", 3, 500, "error")
    blamed = hear(world_of("coin", "noisy=1.0"), "random", 3, 500, "error")
    assert np.array_equal(blamed.values, 1.0 - errors.values)


def test_what_is_watched() -> None:
    bandit, coin = world_of("ten-armed"), world_of("coin")
    assert what_to_watch(bandit, None) == "reward" and what_to_watch(coin, None) == "error"
    with pytest.raises(SandboxError, match="tells no right answers"):
        what_to_watch(bandit, "error")
    earned = hear(bandit, "ucb", 0, 300, "reward")
    assert len(np.unique(earned.values)) == 300
    assert usual_agent(bandit, "reward") == "ucb" and usual_agent(coin, "truth") == "random"
    assert usual_agent(world_of("spam"), "error") == "naive-bayes"
    forecast = world_of("river:TrumpApproval")
    assert usual_agent(forecast, "error").endswith("LinearRegression()")
    assert (hear(forecast, "mean", 0, 100, "truth").values > 20).all()
    errors = hear(forecast, "no-change", 0, 100, "error")
    assert errors.at[0] == 1 and len(errors.values) == 99 and errors.values[0] > 0  # at first there is no forecast
    with pytest.raises(SandboxError, match="no truth to be heard"):
        hear(bandit, "ucb", 0, 100, "truth")


def test_where_nothing_is_known_alarms_are_only_listed() -> None:
    real = detect("river:Phishing", ["adwin"], seeds=1, jobs=1)
    assert "nobody knows" in real.why and not real.spans and not real.matched and real.as_json()["matched"] is None
    still = detect("coin", ["eddm"], watch="truth", seeds=2, jobs=1, steps=3000)
    assert "every alarm is false" in still.why and still.given[0].interval("false_alarms").mean > 0
    walk = detect("coin", ["adwin"], watch="truth", drift="random-walk@50:share=0.9", seeds=1, jobs=1, steps=2000)
    assert "random walk" in walk.why and not walk.spans
    deaf = detect(
        "coin", ["adwin"], agent="majority", feedback="partial=0", drift="abrupt@50", seeds=2, jobs=1, steps=200
    )
    assert any("nothing is heard" in text for text in deaf.caveats()) and deaf.given[0].merit == 0.0


def test_the_figure_marks_drifts_and_alarms() -> None:
    from sandbox.plots.detect import detection_figure

    study = detect("coin", ["adwin"], drift="recurring@900:share=0.7", watch="truth", seeds=3, jobs=1, steps=4000)
    drawn = detection_figure(study)
    heard, _, _, _, raster, control, delay, credit = drawn.axes
    begins = [900, 1800, 2700, 3600]
    for axes, expected in ((heard, begins), (raster, begins), (control, [])):
        lines = [line.get_xdata() for line in axes.lines]
        assert [int(x[0]) for x in lines if len(x) == 2 and x[0] == x[1] and x[0] in begins] == expected
    adwin = study.ranking(study.matched)[0]
    for axes, which in ((raster, 0), (control, 1)):
        ticks = sorted(x for line in axes.lines if line.get_marker() == "|" for x in line.get_xdata())
        known = [
            at
            for row in study.matched
            if row.name in ("adwin", "every-hundred")
            for run in row.alarms.values()
            for at in run[which].at
        ]
        assert ticks == sorted(known)
    assert len(credit.patches) == 4 and credit.patches[0].get_width() == pytest.approx(adwin.interval("credit").mean)
    assert len(delay.patches) == 3 and [text.get_text() for text in delay.texts] == [" none found"]  # by `never`
    still = detection_figure(detect("coin", ["ddm"], watch="truth", seeds=1, jobs=1))
    assert len(still.axes) == 2 and still.axes[1].get_xlim() == (0, 10_000)
