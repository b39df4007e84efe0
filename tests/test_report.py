"""The report: words that say no more than the numbers do, accounts that add up, files that hold what they should."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shell import complaint, document, sandbox, user_file

from sandbox import api
from sandbox.agent_result import AgentResult
from sandbox.curves import Curve
from sandbox.errors import SandboxError
from sandbox.plots.inline import inline_svg
from sandbox.recovery import Summary
from sandbox.report import write_report
from sandbox.report.accounts import books_of
from sandbox.report.amounts import amount, measured, rounded
from sandbox.report.drift_words import BACK, _quickest, _spared
from sandbox.report.facts import Facts, short_names
from sandbox.report.pictures import squeezed, thin_curve
from sandbox.report.sections import titles_of
from sandbox.report.tables import learning_table, ledger_table, metrics_table
from sandbox.report.words import report_words, section_words
from sandbox.result import Result
from sandbox.runs import Run

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def spam() -> Result:
    return api.run("spam", ["logistic", "naive-bayes", "random"], seeds=10, steps=4000, window=200,
                   drift="abrupt@2000:obfuscation=0.8")  # fmt: skip


@pytest.fixture(scope="module")
def cliff() -> Result:
    return api.run("CliffWalking-v1", ["q-learning", "sarsa", "random"], seeds=3, steps=2000)


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Result:
    path = user_file(tmp_path_factory.mktemp("place"))
    agents = [f"{path}:Walker:fault=raise,on=1", f"{path}:Walker:on={HOSTILE!r}", "q-learning"]
    return api.run("FrozenLake-v1", agents, seeds=3, steps=400, jobs=1)


def pretend(result: Result, values: dict[str, Sequence[float]], metric: str = "return", **more: float) -> Result:
    """Return a result in which an agent's runs have these values of a metric, NaN: it failed; others have left."""

    def run_of(seed: int, model: Run, value: float) -> Run:
        if math.isnan(value) or model.scores is None:
            return Run(seed, None, "gone")
        told = model.scores.metrics | {metric: value} | more
        return replace(model, seed=seed, scores=replace(model.scores, metrics=told, fingerprint=f"{seed} {value}"))

    agents = []
    for name, told in values.items():
        model = next(agent for agent in result.agents if agent.name == name)
        agents.append(replace(model, runs=[run_of(k, model.done[0], value) for k, value in enumerate(told)]))
    return replace(result, agents=agents)


def words(result: Result) -> str:
    return " ".join(" ".join(filter(None, one)) for one in section_words(Facts(result)))


SPREAD = [0.1, -0.3, 0.2, 0.0, -0.1, 0.3, -0.2, 0.15, -0.15, 0.05]
NOISE = [0.4, -0.2, 0.1, -0.5, 0.3, 0.2, -0.1, -0.3, 0.25, -0.05]


def test_better_is_said_only_of_what_is_settled(cliff: Result) -> None:
    clear = words(
        pretend(cliff, {"sarsa": [1 + x for x in SPREAD], "q-learning": NOISE, "random": [-9 + x for x in SPREAD]})
    )
    assert (
        "sarsa did best" in clear
        and "practically certain (p < 0.001)" in clear
        and "better than the yardstick" in clear
    )
    assert "chance" not in clear
    unclear = words(pretend(cliff, {"sarsa": [0.02 + x for x in SPREAD], "q-learning": NOISE}))
    assert "No clear winner: sarsa 0.02" in unclear and "may be mere chance (p = " in unclear
    assert "did best" not in unclear and "is better than" not in unclear


def test_order_follows_what_is_better(cliff: Result) -> None:
    lower = pretend(cliff, {"sarsa": [1 + x for x in SPREAD], "q-learning": NOISE}, metric="mistakes")
    told = " ".join(" ".join(one) for one in section_words(Facts(lower, "mistakes")))
    assert "q-learning did best" in told and "(lower is better)" in told


def test_below_a_yardstick_is_the_surprise(cliff: Result) -> None:
    told = words(pretend(cliff, {"sarsa": [-3 + x for x in SPREAD], "random": NOISE}))
    assert "Below a yardstick: sarsa does worse than the yardstick random" in told
    assert "The largest surprise: sarsa learns, and still does worse than random" in told
    maybe = words(pretend(cliff, {"sarsa": [-0.02 + x for x in SPREAD], "random": NOISE}))
    assert "though that may be chance" in maybe and "The largest surprise" not in maybe


def test_fewer_mistakes_and_less_reward_is_a_surprise(cliff: Result) -> None:
    made = pretend(cliff, {"sarsa": [5 + x for x in SPREAD], "q-learning": NOISE})
    many, few = ({"mistakes": n, "regret": cost} for n, cost in ((1000.0, 500.0), (100.0, 5000.0)))
    for agent, told in zip(made.agents, (many, few), strict=True):
        for run in agent.done:
            assert run.scores is not None
            run.scores.metrics.update(told)
    told_ = words(made)
    assert "q-learning makes fewer mistakes than sarsa (100 a run against 1,000)" in told_
    assert "50 reward each against 0.50" in told_


def test_odd_studies_read_well(cliff: Result, failing: Result) -> None:
    one = words(api.run("CliffWalking-v1", ["q-learning"], seeds=1, steps=500))
    assert "1 learner made 500 decisions, once." in one and "One run each" in one and "no other learner" in one
    none = words(pretend(cliff, {"sarsa": [math.nan] * 3}))
    assert "failed before the end of a run" in none and "Nothing can be said" in none and "all 3 runs failed" in none
    some = words(failing)
    assert "Runs failed: 1 of 3 of " in some and "Few runs" in some
    yardstick = words(pretend(cliff, {"random": SPREAD}))
    assert "random is a yardstick" in yardstick and "did best" not in yardstick
    real = words(api.run("river:Phishing", ["river:GaussianNB()", "majority"], seeds=2, jobs=1))
    assert "no price" in real and "% right labels" in real
    for told in (one, none, some, yardstick, real):
        assert "nan" not in told.lower() and "None" not in told and "  " not in told and "inf " not in told


def test_drift_is_told(spam: Result) -> None:
    told = words(spam)
    assert "the world changed at decision 2,000 (abrupt@2000:obfuscation=0.8)" in told
    found = {agent.name: agent.recoveries()[0] for agent in spam.agents}
    assert found["logistic"].at_risk  # or the test shows nothing
    assert rounded(found["logistic"].drop.mean) in told and rounded(found["naive-bayes"].median.median) in told
    never = words(api.run("spam", ["logistic"], seeds=2, steps=300, drift="abrupt@1000"))
    assert "only after the last decision of every run" in never
    many = words(api.run("spam", ["logistic"], seeds=2, steps=4000, window=100, drift="recurring@1000"))
    assert "changed 3 times, first at decision 1,000" in many
    assert "The drift" not in words(api.run("spam", ["logistic"], seeds=2, steps=300))


def changed(model: Summary, median: tuple[float, float, float], hit: int, back: int) -> Summary:
    """Return a summary of 30 runs of which `hit` were hit and `back` recovered."""
    return model._replace(
        n=30, at_risk=hit, recovered=back, censored=1 - back / hit if hit else math.nan,
        median=model.median._replace(median=median[0], low=median[1], high=median[2]),
    )  # fmt: skip


def test_every_learner_is_named_and_only_what_overlaps_may_be_chance(spam: Result) -> None:
    facts = Facts(spam)
    model = spam.agents[0]
    agents = [replace(model, name=name) for name in ("a", "b", "c")]
    facts.names.update({name: name for name in "abc"})
    one = model.recoveries()[0]
    times = [(100.0, 90.0, 120.0), (110.0, 95.0, 130.0), (900.0, 800.0, 990.0)]
    hit = [(agent, changed(one, time, 30, 30)) for agent, time in zip(agents, times, strict=True)]
    assert _quickest(facts, hit) == [
        "Which of a and b is back first may be chance; c is plainly slower than a.",
    ]
    assert _quickest(facts, hit[1:]) == ["b is back first, beyond chance."]
    spared = [(agents[0], changed(one, times[0], 1, 1)), (agents[1], changed(one, times[0], 5, 5))]
    assert _spared(facts, spared) == ["Of a only 1 of 30 runs was hit, of b 5 of 30."]
    assert _spared(facts, [(agents[2], changed(one, times[0], 0, 0)), (agents[0], changed(one, times[0], 12, 2))]) == [
        "No run of c was hit.",
        "Of a 12 of 30 runs were hit.",
    ]


def test_no_clear_winner_names_who_beats_the_rest(cliff: Result) -> None:
    made = pretend(cliff, {"sarsa": [1.02 + x for x in SPREAD], "q-learning": [1 + x for x in NOISE], "random": SPREAD})
    third = replace(made.agents[2], name="third")
    told = words(replace(made, agents=[*made.agents[:2], third]))
    assert "No clear winner: sarsa 1.0" in told and "; both beat third." in told


def test_same_run_on_every_seed_is_one_run() -> None:
    told = words(api.run("river:Phishing", ["river:GaussianNB()", "river:HoeffdingTreeClassifier()"], seeds=2, jobs=1))
    assert "one run of each learner on the same data counts (other seeds change nothing)" in told
    assert "10 stretches" in told and "times over" not in told and "2 time" not in told


def test_best_possible_has_two_names_where_the_time_limit_matters(failing: Result, cliff: Result) -> None:
    lake, walk = ledger_table(Facts(failing), Facts(failing).books), ledger_table(Facts(cliff), Facts(cliff).books)
    assert lake.head[1] == "best possible without a time limit" and walk.head[1] == "best possible"
    assert "unfinished episodes" in walk.caption


def test_how_fast_they_learned_is_a_table(cliff: Result) -> None:
    facts = Facts(cliff)
    table = learning_table(facts)
    assert table is not None and facts.comparison is not None and facts.comparison.learning is not None
    assert {row[0] for row in table.rows} == {"q-learning", "sarsa", "random"}
    for row in table.rows:
        learned = facts.comparison.learning.of(row[0])
        assert (
            learned is not None and row[2] == f"{round(learned.speed.reached * learned.speed.n)} of {learned.speed.n}"
        )
        assert row[1].startswith(measured("return", learned.area))
    assert " nine tenths of the way from a yardstick's level" in table.caption


def test_whole_numbers_have_no_decimals(cliff: Result) -> None:
    one = api.run("CliffWalking-v1", ["q-learning"], seeds=1, steps=500)
    table = metrics_table(Facts(one))
    at = next(k for k, head in enumerate(table.head) if head.startswith("blunders"))
    assert re.fullmatch(r"[\d,]+", table.rows[0][at])


def test_many_worlds_get_a_line_each(spam: Result, cliff: Result) -> None:
    results = [spam, cliff, replace(cliff, budget={"steps": 5, "episodes": None})]
    titles = titles_of(results)
    assert titles == ["spam", "CliffWalking-v1, 2,000 decisions", "CliffWalking-v1, 5 decisions"]
    assert len(set(titles_of([cliff] * 3))) == 3
    said = report_words([Facts(result) for result in results], titles)
    assert [one.lead for one in said[:3]] == [f"{title}:" for title in titles]
    top = said[0].text
    leads = Facts(spam).leads
    assert "(higher is better)" in top and ("ahead of" in top) == any(
        lead.pair.settled and "random" not in (lead.ahead.name, lead.behind.name) for lead in leads
    )
    assert all(name in top.partition("The change at decision 2,000")[2] for name in ("logistic", "naive-bayes"))
    assert [one.text for one in said if one.lead == "“Back” means:"] == [f"{BACK}."]
    still = report_words([Facts(cliff)] * 2, ["a", "b"])
    assert not any(one.lead == "“Back” means:" for one in still) and "of all" not in str(said)


def test_accounts_add_up_to_what_was_earned(spam: Result, cliff: Result) -> None:
    for agent in spam.agents:  # every decision is an episode: nothing is cut short, so the six accounts alone add up
        unit, accounts = books_of(agent, spam.meta)
        assert unit == "reward per decision" and "open" not in accounts and "level" in accounts
        assert accounts["earned"].mean == pytest.approx(agent.interval("reward").mean, abs=1e-12)
        assert sum(a.mean for k, a in accounts.items() if k != "earned") == pytest.approx(accounts["earned"].mean)
    for agent in cliff.agents:
        for run in agent.done:
            alone = AgentResult(agent.name, {}, [run])
            accounts = books_of(alone, cliff.meta).accounts
            assert run.scores is not None
            starts = run.scores.metrics["episodes"] + 1.0
            # What is left open is -V* of where the last episode stands: here the number of steps to the goal.
            left = accounts["open"].mean * starts if "open" in accounts else 0.0
            assert left == pytest.approx(round(left), abs=1e-6) and 0 <= round(left) <= 15
            assert accounts["best"].mean == pytest.approx(-13.0)
    discounted = replace(cliff.meta, discount=0.9)
    assert not books_of(cliff.agents[0], discounted).accounts


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(1, 120))
def test_thinned_curves_keep_their_sums_and_their_end(values: list[float], points: int) -> None:
    total = np.array(values)
    steps = np.arange(1, len(values) + 1) * 3
    curve = Curve(steps, total, np.ones(len(values)), total, total)
    thin = thin_curve(curve, points)
    assert len(thin.step) <= points and thin.step[-1] == steps[-1] and thin.windowed[-1] == total[-1]
    assert thin.total.sum() == pytest.approx(total.sum(), rel=1e-9, abs=1e-6) and thin.number.sum() == len(values)
    seen = np.cumsum(total)[np.searchsorted(steps, thin.step)]
    assert np.cumsum(thin.total) == pytest.approx(seen, rel=1e-9, abs=1e-6)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=6, unique=True))
def test_short_names_stay_apart(names: list[str]) -> None:
    told = short_names(names)
    assert len(set(told)) == len(names) and all(told)


def test_names_and_numbers_as_people_read_them() -> None:
    assert short_names(["/a/mine.py:A:k='x'", "/a/mine.py:A:k='y'"]) == ["A:k='x'", "A:k='y'"]
    assert short_names(["river:BagOfWords(on='body') | naive_bayes.MultinomialNB()"]) == ["MultinomialNB"]
    assert short_names(["sarsa:step_size=0.1", "sarsa"]) == ["sarsa:step_size=0.1", "sarsa"]
    assert len(squeezed("x" * 99, 22)) == 22
    assert [rounded(x) for x in (-0.00012, 0.6492, 4.54, 23.456, 1505.6, 0.0)] == [
        "−0.00012", "0.65", "4.54", "23.5", "1,506", "0",
    ]  # fmt: skip
    assert amount(-0.0) == "0" and amount(math.nan) == amount(math.inf) == "–"
    assert measured("reward", (-0.0001, -0.012, 0.011, 5)) == "0.000 (−0.012 to 0.011)"
    assert measured("accuracy", (0.5, 0.4, 0.6, 5)) == "50 (40 to 60)"


def test_page_is_one_file_that_asks_for_nothing(failing: Result, spam: Result, tmp_path: Path) -> None:
    failing.agents[0].runs[1] = replace(failing.agents[0].runs[1], error=f"broke \0 \udc80 {HOSTILE}")
    first, second = (write_report([spam, failing], tmp_path / name)[0] for name in ("a.html", "deeper/b.html"))
    assert first.read_bytes() == second.read_bytes()
    text = first.read_text("utf-8")
    assert not re.search(r"https?:|<script|<img|<link|@import|url\((?!#)", text)
    assert "&lt;img src=x onerror=alert(1)&gt;" in text and HOSTILE not in text
    assert text.count("<svg viewBox") == text.count("<figure>") >= 8
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(#|xlink:href="#|href="#)([^")]+)', text)) <= set(ids)
    assert not list(tmp_path.glob(".tmp-*"))


def test_markdown_has_whole_tables_and_its_figures(failing: Result, tmp_path: Path) -> None:
    paths = write_report([failing], tmp_path / "told.md")
    text = paths[0].read_text("utf-8")
    shown = re.findall(r"\]\((told-figures/[^)]+)\)", text)
    assert shown and sorted(tmp_path / name for name in shown) == sorted(paths[1:])
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths[1:])
    tables = re.split(r"\n\n", text)
    lines = [part.split("\n") for part in tables if part.startswith("|")]
    rows = [[line.count("|") - line.count("\\|") for line in part] for part in lines]
    assert len(rows) >= 4 and all(len(set(counts)) == 1 for counts in rows)
    outside = "".join(text.split("```")[::2])  # of what is shown as it is
    assert "<img" not in outside and "&lt;img src=x" in outside


def test_figures_follow_the_scheme_of_the_page() -> None:
    from matplotlib.figure import Figure

    drawn = Figure()
    drawn.subplots().plot([0, 1], [0, 1], color="#0072B2", label="a")
    svg = inline_svg(drawn, "one", f'"{HOSTILE}"')
    assert "var(--c0072b2, #0072b2)" in svg and "#000000" not in svg and "font-family" not in svg
    assert "&lt;img" in svg and "<img" not in svg and "<style" not in svg
    assert 'id="one-' in svg and not re.findall(r'(?:id="|#)(?!one-)(?!0072b2)[a-z]\w+', svg)


def test_refused_in_one_line(cliff: Result, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="there is no format 'pdf'"):
        write_report([cliff], tmp_path / "a.html", format="pdf")
    with pytest.raises(SandboxError, match="nothing to report"):
        write_report([], tmp_path / "a.html")
    with pytest.raises(SandboxError, match="no metric 'retrun'; did you mean 'return'"):
        write_report([cliff], tmp_path / "a.html", metric="retrun")
    with pytest.raises(SandboxError, match="accuracy"):
        write_report([cliff], tmp_path / "a.html", metric="accuracy")
    (tmp_path / "file").touch()
    with pytest.raises(SandboxError, match="the report cannot be written"):
        write_report([cliff], tmp_path / "file" / "a.html")


def test_command_reports_stored_runs(tmp_path: Path) -> None:
    asked = ("run", "FrozenLake-v1", "q-learning", "random", "--seeds", 2, "--steps", 500)
    assert sandbox(*asked, cwd=tmp_path).returncode == 0
    found = document("report", cwd=tmp_path)
    text = (tmp_path / found["report"]).read_text("utf-8")
    assert found["format"] == "html" and found["files"] == [found["report"]] == ["runs/report.html"]
    assert any("q-learning" in one for one in found["said"])
    assert "FrozenLake-v1 q-learning random --seeds 2 --steps 500" in text and "numpy" in text
    assert "no runs of the agent 'sarsa'" in complaint("report", "--agent", "sarsa", cwd=tmp_path)
