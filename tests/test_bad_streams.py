"""Bad input to streams: one clear line that names the thing, the run and the step, and nothing lost (DESIGN 11)."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from bad_models import THEIRS
from shell import COMMAND

import sandbox
import sandbox.envs
from sandbox import cli, stopping
from sandbox.errors import SandboxError

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    texts = {
        "rows.csv": "x,label,who\n" + "".join(f"{k / 2},{'ab'[k % 2]},{'uv'[k // 20]}\n" for k in range(40)),
        "long.csv": "x,label\n1,a\n2,b,c\n3,a\n",
        "short.csv": "x,label\n1,a\n3\n4,a\n",
        "mistyped.csv": "x,label\n1.5,a\n2.5,b\ntwo,a\n3,b\n",
        "empty.csv": "",
        "blank.csv": "\n\n",
        "header.csv": "x,label\n",
        "nameless.csv": "x,,label\n1,2,a\n",
        "twice.csv": "x,x,label\n1,2,a\n",
        "alone.csv": "label\na\nb\n",
        "one.csv": "x,label\n" + "1.5,a\n2.5,a\n" * 20,
        "nan.csv": "x,label\n1.5,a\nNaN,b\n3.5,a\n",
        "inf.csv": "x,label\n1.5,a\n-inf,b\n3.5,a\n",
        "big.csv": "x,label\n1.5,a\n1e999,b\n3.5,a\n",
        "nanlabel.csv": "x,label\n1.5,0.5\n2,nan\n3.5,1.5\n",
        "fake.parquet": "x,label\n1,a\n",
        "theirs.py": THEIRS,
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "bytes.csv").write_bytes(b"\x00\xff\xfe\x01" * 300)
    (folder / "latin.csv").write_bytes("x,label\n1,caf\xe9\n".encode("latin-1"))
    (folder / "folder.csv").mkdir()
    return folder


@pytest.fixture
def said(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """The real command in this process: its status, and what it printed."""
    monkeypatch.chdir(place)
    for name in ("listen", "ignore"):
        monkeypatch.setattr(stopping, name, lambda: None)

    def command(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["sandbox", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        assert isinstance(left.value.code, int)
        return left.value.code, *capsys.readouterr()

    return command


FILES = {
    "long.csv:label": "long.csv: cannot be read: line 3: Expected Number of Columns: 2 Found: 3",
    "short.csv:label": "short.csv: cannot be read: line 3: Expected Number of Columns: 2 Found: 1",
    "mistyped.csv:label": "row 3: 'x' is 'two', where most rows have a number",
    "empty.csv:label": "empty.csv: the file is empty",
    "blank.csv:label": "blank.csv: the file is empty",
    "header.csv:label": "header.csv: the file has no rows",
    "nameless.csv:label": "nameless.csv: column 2 has no name",
    "twice.csv:label": "twice.csv has 2 columns 'x'",
    "alone.csv:label": "no column beside the label 'label'",
    "bytes.csv:label": "bytes.csv: cannot be read: it is not UTF-8 text",
    "latin.csv:label": "latin.csv: cannot be read: it is not UTF-8 text",
    "folder.csv:label": "folder.csv: is no file",
    "nowhere.csv:label": "nowhere.csv: no such file",
    "fake.parquet:label": "fake.parquet: cannot be read",
    "rows.csv:label:group=speaker": "rows.csv has no column 'speaker'; it has x, label, who",
    "rows.csv:label:group=3": "rows.csv has no column '3'",
    "rows.csv:label:group=label": "group=label: the label is no group",
    "rows.csv:label:leave_out=x/wo": "rows.csv has no column 'wo'; did you mean 'who'?",
    "rows.csv:label:leave_out=5": "rows.csv has no column '5'",
    "rows.csv:label:leave_out=x/who": "no column beside the label 'label' that is shown",
    "rows.csv:label:tolerance=-1": "rows.csv: tolerance=-1 is out of range",
    "rows.csv:label:tolerance=big": "rows.csv: tolerance='big' is not a number",
    "rows.csv:label:missing=3": "missing=3 is none of error, omit",
}
SETTINGS = {
    "accents:accent=3": "accents: accent=3 is out of range [0, 2]",
    "accents:accent=0.5": "accents: accent=0.5 is not a whole number",
    "accents:women=two": "accents: women='two' is not a number",
    "accents:wonen=0.5": "did you mean 'women'?",
    "coin:share=1.5": "coin: share=1.5 is out of range [0, 1]",
    "coin:share=nan": "coin: share='nan' is not a number",
    "coin:share=True": "coin: share=True is not a number",
    "coin:share=[0.5]": "coin: share=[0.5] is not a number",
    "demand:products=0": "demand: products=0 is out of range [1, 10]",
    "demand:products=2.5": "demand: products=2.5 is not a whole number",
    "demand:decision=guess": "demand: there is no decision 'guess'; one of forecast, quantile, order",
    "demand:censored=maybe": "demand: censored='maybe' is neither True nor False",
    "demand:level=1": "demand: level=1 is out of range",
    "digits:classes=11": "digits: classes=11 is out of range [2, 10]",
    "digits:rotation=upside": "digits: rotation='upside' is not a number",
    "fraud:alerts=501": "fraud: alerts=501 <= per_day=500 <= cards=5000 does not hold",
    "fraud:saves=two": "fraud: saves='two' is neither 'amount' nor 'one'",
    "fraud:label_delay=1.5": "fraud: label_delay=1.5 is not a whole number",
    "house-prices:noise=-1": "house-prices: noise=-1 is out of range [0, 1]",
    "house-prices:trend=steep": "house-prices: trend='steep' is not a number",
    "hyperplane:dimensions=1.5": "hyperplane: dimensions=1.5 is not a whole number",
    "hyperplane:noise=2": "hyperplane: noise=2 is out of range [0, 0.5]",
    "led:irrelevant=-1": "led: irrelevant=-1 is out of range [0, 200]",
    "led:flip=0.1": "has no setting 'flip'",
    "sea:theta=x": "sea: theta='x' is not a number",
    "sea:noise=1": "sea: noise=1 is out of range [0, 0.5]",
    "stagger:noise=-1": "stagger: noise=-1 is out of range [0, 0.5]",
    "stagger:rule=4": "stagger: rule=4",
    "text:words=5": "text: words=5 is out of range [10, 500]",
    "text:document=5.5": "text: document=5.5 is not a whole number",
    "text:focus=1": "text: focus=1 is out of range [0, 0.95]",
    "spam:padding=2": "spam: padding=2 is out of range [0, 1]",
    "spam:budget=1.5": "spam: budget=1.5 is not a whole number",
    "spam:paddding=1": "did you mean 'padding'?",
    "recommendation:slots=21": "recommendation: 21 slots are more than 20 items",
    "recommendation:slots=1.5": "recommendation: slots=1.5 is not a whole number",
    "recommendation:attention=many": "recommendation: attention='many' is not a number",
}


@pytest.mark.parametrize(("world", "says"), [*FILES.items(), *SETTINGS.items()])
def test_worlds_that_cannot_be(world: str, says: str, said: Said) -> None:
    refused(said("run", world, "random"), says)


def refused(found: tuple[int, str, str], says: str) -> None:
    """Check that a command said one line, and nothing else."""
    status, out, err = found
    assert (status, out) == (2, "") and err.startswith("sandbox: ") and err.count("\n") == 1, found
    assert says in err and len(err) < 400


TERMS = [
    (("rows.csv:label", "--drift", "abrupt@20"), "rows.csv:label cannot drift on demand"),
    (("rows.csv:label", "--drift", "abrupt@20:x=3"), "rows.csv:label cannot drift on demand"),
    (("river:Phishing", "--drift", "abrupt@20"), "river:Phishing cannot drift on demand"),
    (("accents", "--drift", "abrupt@50:accent=7"), "accent=7 is out of range [0, 2]"),
    (("coin", "--drift", "abrupt@50:share=high"), "coin: share='high' is not a number"),
    (("demand", "--drift", "abrupt@50:products=3"), "demand: 'products' cannot drift; these can: volume"),
    (("digits", "--drift", "abrupt@50:classes=12"), "digits: classes=12 is out of range"),
    (("fraud", "--drift", "abrupt@50:alerts=3"), "fraud: 'alerts' cannot drift"),
    (("fraud", "--drift", "gradual@50"), "say how many steps it takes"),
    (("house-prices", "--drift", "abrupt@50:law_seed=3"), "house-prices: 'law_seed' cannot drift"),
    (("hyperplane", "--drift", "abrupt@50:dimensions=3"), "hyperplane: 'dimensions' cannot drift"),
    (("led", "--drift", "abrupt@50:irrelevant=3"), "led: 'irrelevant' cannot drift"),
    (("sea", "--drift", "abrupt@50:thta=3"), "did you mean 'theta'?"),
    (("stagger", "--drift", "abrupt@50:noise=2"), "stagger: noise=2 is out of range"),
    (("text", "--drift", "incremental@50~10:focus=1"), "text: focus=1 is out of range"),
    (("spam", "--drift", "abrupt@50:reaction=3"), "reaction never changes"),
    (("recommendation", "--drift", "abrupt@50:slots=3"), "recommendation: 'slots' cannot drift"),
    (("house-prices", "--feedback", "one-sided=5"), "one-sided feedback needs choices that can be counted"),
    (("demand", "--feedback", "one-sided=order"), "one-sided feedback needs choices that can be counted"),
    (("house-prices", "--feedback", "active"), "'active' needs a value"),
    (("house-prices", "--feedback", "active=1.5"), "active=1.5 is out of range"),
    (("text", "--feedback", "one-sided=none"), "and 40 more"),
    (("spam", "--feedback", "partial=1.5"), "partial=1.5 is out of range [0, 1]"),
    (("spam", "--feedback", "delayed=uniform(9,3)"), "delayed=uniform(9,3) is out of range"),
    (("spam", "--feedback", "tardy=3"), "'tardy=3' is not understood"),
]
AGENTS = [
    ("spam", "only-mistakes", "say which agent, as in only-mistakes:logistic"),
    ("spam", "only-mistakes:", "say which agent"),
    ("spam", "only-mistakes:no-such", "there is no agent 'no-such'"),
    ("spam", "only-mistake:logistic", "did you mean 'only-mistakes'?"),
    ("spam", "replay:size=0:logistic", "replay: size=0 is out of range"),
    ("spam", "replay:sise=9:logistic", "did you mean 'size'?"),
    ("spam", "replay:size=9", "say which agent, as in replay:logistic"),
    ("spam", "committee:oracle", "oracle learns nothing, so that there is nothing to wrap"),
    ("spam", "replay:frozen:logistic", "frozen goes first, as in frozen:replay:AGENT"),
    ("spam", "committee:replay:q-learning", "needs discrete observations"),
    ("spam", "reset-on-drift:detector=3:logistic", "detector=3: River's int is no drift detector"),
    ("spam", "early-and-late:river:NoSuch()", "River has no constructor 'NoSuch'"),
    ("FrozenLake-v1", "only-mistakes:logistic", "logistic learns from right labels, and this world tells none"),
    ("accents", "perceptron", "perceptron knows two labels, and this world has 10; try naive-bayes"),
    ("digits", "logistic", "logistic knows two labels, and this world has 10; try naive-bayes"),
    ("one.csv:label", "logistic", "logistic knows two labels, and this world has 1"),
    ("house-prices", "majority", "majority counts labels"),
    ("text", "mean", "mean averages numbers and needs a stream that asks for forecasts"),
    ("text", "river:LinearRegression()", "forecasts numbers, and this stream asks for labels"),
    ("fraud", "q-learning", "needs discrete observations"),
    ("spam", "linucb", "needs a context"),
    ("spam", "best-planned", "spam has no best-planned"),
    ("FrozenLake-v1", "best-planned", "FrozenLake-v1 has no best-planned: its oracle plans"),
    ("recommendation", "best-planned", "recommendation has no best-planned with item_life"),
    ("spam", "best-blind", "spam has no best-blind"),
    ("rows.csv:label", "oracle", "rows.csv:label has no oracle"),
]


@pytest.mark.parametrize(("words", "says"), TERMS)
def test_drifts_and_answers_that_cannot_be(words: tuple[str, ...], says: str, said: Said) -> None:
    refused(said("run", words[0], "random", *words[1:]), says)


@pytest.mark.parametrize(("world", "agent", "says"), AGENTS)
def test_agents_that_do_not_fit(world: str, agent: str, says: str, said: Said) -> None:
    refused(said("run", world, agent), says)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("coin", "adwim"), "there is no detector 'adwim'; did you mean 'adwin'?"),
        (("coin", "adwin:delta=2"), "adwin: delta=2 is out of range"),
        (("coin", "adwin:dleta=0.1"), "did you mean 'delta'?"),
        (("coin", "adwin", "--watch", "truths"), "one of error, truth, reward"),
        (("coin", "adwin", "--agent", "no-such"), "there is no agent 'no-such'"),
        (("coin", "adwin", "--drift", "abrupt@50:shre=1"), "did you mean 'share'?"),
        (("coin", "adwin", "--false-alarms", "nan"), "false_alarms=nan is out of range"),
        (("coin", "theirs.py:Likely"), "is no detector: it needs update(value) and drift_detected"),
        (("no-such", "adwin"), "there is no world 'no-such'"),
        (("nowhere.csv:label", "adwin"), "nowhere.csv: no such file"),
        (("rows.csv:label", "adwin", "--drift", "abrupt@20"), "cannot drift on demand"),
        (("ten-armed", "adwin", "--watch", "error"), "ten-armed tells no right answers"),
        (("house-prices", "ddm", "--steps", "60", "--seeds", "1"), "ddm only understands 0 and 1"),
    ],
)
def test_detectors_that_cannot_be(words: tuple[str, ...], says: str, said: Said) -> None:
    refused(said("detect", *words), says)
    refused(said("gallery", "no-such"), "no-such")


def run_of(world: str, agent: str | list[str], place: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Any:
    """Run one seed of an agent, or of several, in this process; return the study's result."""
    monkeypatch.chdir(place)
    return sandbox.run(world, agent, seeds=1, steps=more.pop("steps", 60), jobs=1, **more)


FAILING = [
    ("nan.csv:label", "majority", "step 1: feature 'x' is nan"),
    ("inf.csv:label", "naive-bayes", "step 1: feature 'x' is -inf"),
    ("big.csv:label", "river:GaussianNB()", "step 1: feature 'x' is inf"),
    ("nanlabel.csv:label", "mean", "step 1: the stream gave the label nan"),
    ("theirs.py:Asks:asked=nan", "logistic", "step 10: feature 'x' is nan"),
    ("theirs.py:Asks:asked=inf", "majority", "step 10: feature 'x' is inf"),
    ("theirs.py:Asks:asked=text", "river:LogisticRegression()", "feature 'x' is 'seven', and the stream declares"),
    ("theirs.py:Asks:asked=none", "river:LogisticRegression()", "feature 'x' is None, and the stream declares"),
    (
        "theirs.py:Asks:asked=list",
        "river:GaussianNB()",
        "step 10: the stream gave the question [1.0], which is no",
    ),
    ("theirs.py:Asks:label=seven", "majority", "step 10: the stream gave the label 7, outside 0..1"),
    ("theirs.py:Asks:label=half", "majority", "step 10: the stream gave the label 0.5, outside 0..1"),
    ("theirs.py:Asks:label=minus", "majority", "step 10: the stream gave the label -1, outside 0..1"),
    (
        "theirs.py:Asks:label=word",
        "majority",
        "step 10: the stream gave the label 'spam', outside 0..1",
    ),
    ("theirs.py:Asks:label=nan", "majority", "step 10: the stream gave the label nan"),
    ("theirs.py:Asks:rewards=short", "majority", "step 10: the stream gave 1 rewards or values for 2 choices"),
    ("theirs.py:Asks:rewards=nan", "majority", "step 10: the stream gave the rewards or values (nan, 1.0)"),
    ("theirs.py:Asks:rewards=inf", "majority", "step 10: the stream gave the rewards or values (0.0, -inf)"),
    ("theirs.py:Asks:fault=tuple", "majority", "step 10: the stream gave ({'x': 3.0}, True), which is no Question"),
    ("theirs.py:Asks:fault=raise", "majority", "step 10: the stream raised ValueError: the line broke"),
    ("theirs.py:Asks", "theirs.py:Likely:fault=high", "step 10: the agent's confidence is 1.5, not a probability"),
    ("theirs.py:Asks", "theirs.py:Likely:fault=low", "step 10: the scores are no probabilities: the smallest is -0.2"),
    ("theirs.py:Asks", "theirs.py:Likely:fault=both", "step 10: the scores are no probabilities"),
    ("theirs.py:Asks", "theirs.py:Likely:fault=negative", "step 10: the scores are no probabilities"),
    (
        "theirs.py:Asks",
        "theirs.py:Likely:fault=nan",
        "step 10: the model answered {False: nan, True: nan}",
    ),
    ("theirs.py:Asks", "theirs.py:Likely:fault='half nan'", "step 10: the scores are no probabilities"),
    ("theirs.py:Asks", "theirs.py:Likely:fault=text", "step 10: the model answered {True: 'much'}, which is no"),
    ("theirs.py:Asks", "theirs.py:Likely:fault=number", "step 10: the model answered 0.7, which is no probability"),
    (
        "theirs.py:Asks",
        "theirs.py:Likely:fault='pair of none'",
        "step 10: the model answered {False: None,",
    ),
    ("theirs.py:Asks", "theirs.py:Likely:fault=stranger", "step 10: the model answered 'maybe', which is none of"),
    (
        "theirs.py:Asks",
        "theirs.py:Likely:fault=raise",
        "the model's predict_proba_one raised ZeroDivisionError: by",
    ),
    ("theirs.py:Asks", "theirs.py:Likely:fault=learn", "step 10: the model's learn_one raised KeyError: 'y'"),
    ("theirs.py:Asks", "theirs.py:Says:answer=stranger", "step 10: the model answered 'maybe', which is none of"),
    ("theirs.py:Asks", "theirs.py:Says:answer=nan", "step 10: the model answered nan, which is none of"),
    ("house-prices", "theirs.py:Forecasts:answer=nan", "step 10: the agent forecast nan, which is not a finite number"),
    ("house-prices", "theirs.py:Forecasts:answer=inf", "step 10: the agent forecast inf, which is not a finite number"),
    ("house-prices", "theirs.py:Forecasts:answer=text", "step 10: the agent forecast 'much', which is not a finite"),
    ("house-prices", "theirs.py:Forecasts:answer=huge", "step 10: the agent forecast 1000000"),
    ("spam", "theirs.py:Answers:answer=huge", "step 10: the agent chose 1000000"),
    ("spam", "theirs.py:Answers:answer=text", "step 10: the agent chose 'left', outside 0..1"),
    ("spam", "theirs.py:Answers:answer=word", "step 10: the agent's confidence is 'sure', not a probability"),
    ("spam", "theirs.py:Answers:answer=no", "step 10: the agent's confidence is None, not a probability"),
    ("spam", "theirs.py:Answers:answer=short", "step 10: the agent gave 1 probabilities, and there are 2 labels"),
    ("spam", "theirs.py:Answers:answer=number", "step 10: the agent's scores 0.5 are no probabilities"),
    (
        "text",
        "theirs.py:Answers:answer=two",
        "step 10: the scores are no probabilities: the smallest is 0.04",
    ),
    (
        "text",
        "theirs.py:Answers:answer=less",
        "step 10: the scores are no probabilities: the smallest is -1",
    ),
    ("text", "theirs.py:Answers:answer=lost", "step 10: the scores are no probabilities"),
    ("text", "theirs.py:Answers:answer=short", "step 10: the agent gave 1 probabilities, and there are 50 labels"),
    ("text", "theirs.py:Answers:answer=row", "step 10: the agent chose array([0.02"),
    ("fraud", "theirs.py:Answers:answer=sure", "step 10: the agent's confidence is 1.5, not a probability"),
    ("fraud", "theirs.py:Answers:answer=no", "step 10: the agent's confidence is None, not a probability"),
    (
        "fraud",
        "theirs.py:Answers:answer=two",
        "step 10: the scores are no probabilities: the smallest is 1",
    ),
    ("fraud", "theirs.py:Answers:answer=short", "step 10: the agent gave 1 probabilities, and there are 2 labels"),
    ("fraud", "theirs.py:Answers:answer=half", "step 10: the agent chose 0.5, outside 0..1"),
    ("recommendation:slots=3", "theirs.py:Answers:answer=short", "step 10: the agent gave 1 scores to 20 items"),
    ("recommendation:slots=3", "theirs.py:Answers:answer=pair", "step 10: the agent chose [0, 1], outside 0..19"),
]


@pytest.mark.parametrize("world", dict.fromkeys(world for world, _, _ in FAILING))
def test_runs_that_cannot_go_on(world: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One study for each world; every agent in it fails by itself."""
    expected = {agent: says for name, agent, says in FAILING if name == world}
    result = run_of(world, list(expected), place, monkeypatch)
    assert [agent.name for agent in result.agents] == list(expected)
    for agent in result.agents:
        (failed,) = agent.failed
        assert failed.error.startswith(f"{world}, seed 0, ") and expected[agent.name] in failed.error, failed.error
        assert "\n" not in failed.error and len(failed.error) < 300
        assert any(failed.error in warning for warning in result.warnings())


def test_no_answer_is_an_abstention_and_counted(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for world, agent in (
        ("theirs.py:Asks", "Likely:fault=none"),
        ("theirs.py:Asks", "Likely:fault=empty"),
        ("theirs.py:Asks", "Says"),
        ("house-prices", "Forecasts"),
        ("spam", "Answers"),
        ("text", "Answers:answer=abstains"),
    ):
        result = run_of(world, f"theirs.py:{agent}", place, monkeypatch)
        assert result.failed == [] and result.agents[0].values("abstentions") == [50.0]
        assert any("abstained from 83% of its decisions" in text for text in result.warnings())


def test_one_class_is_allowed_and_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    caveat = "every label is 'a': whoever says so is always right, and nothing can be learned"
    result = run_of("one.csv:label", "river:GaussianNB()", place, monkeypatch)
    assert result.failed == [] and caveat in result.warnings()
    assert result.agents[0].values("accuracy_answered") == [1.0]
    assert not any(
        "every label" in text for text in run_of("rows.csv:label", "majority", place, monkeypatch).warnings()
    )


@pytest.mark.parametrize("feedback", ["partial=0", "delayed=5000", "active=0"])
@pytest.mark.parametrize("world", ["rows.csv:label", "spam", "fraud"])
def test_labels_that_never_come(world: str, feedback: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = "logistic" if world != "fraud" else "river:LogisticRegression()"
    result = run_of(world, agent, place, monkeypatch, feedback=feedback, steps=500)
    assert result.failed == []
    (one,) = result.agents
    never, pending = one.values("never_answered")[0], one.values("pending")[0]
    assert never + pending == one.decisions == (40 if world == "rows.csv:label" else 500)
    assert any("no answer came before the end of a run, so that it learned nothing" in w for w in result.warnings())


def test_what_others_did_is_kept(said: Said, place: Path) -> None:
    words = ("run", "theirs.py:Asks", "majority", "theirs.py:Likely:fault=high", "--seeds", 2, "--jobs", 1)
    status, out, err = said(*words)
    assert (status, err) == (1, "") and "0 + 2 failed" in out and "Traceback" not in out
    assert "the agent's confidence is 1.5" in " ".join(out.split())
    kept = {path.name: path.read_bytes() for path in (place / "runs").glob("*.parquet")}
    assert kept
    assert said(*words)[0] == 1
    assert {name: (place / "runs" / name).read_bytes() for name in kept} == kept


WEIGHTS = np.full(50, 0.04)
ACTIONS: list[tuple[str, dict[str, Any], list[Any]]] = [
    ("Text", {}, [-WEIGHTS, WEIGHTS * math.nan, WEIGHTS[:3], 2 * WEIGHTS / WEIGHTS, 7, "word", {}, [math.inf] * 50]),
    ("Fraud", {"per_day": 50, "alerts": 5}, [None, 1, "alert", [1.0], WEIGHTS * math.nan, WEIGHTS - 1, WEIGHTS + 1]),
    ("Recommendation", {"slots": 3}, [0, "item", [1, 2, 3], np.full(20, math.nan)]),
    ("Recommendation", {}, [20, -1, 0.5, "item", [1, 2]]),
    ("Demand", {}, [math.nan, math.inf, "much", [1.0], 10**400]),
    ("HousePrices", {}, [math.nan, "much", [1.0, 2.0]]),
    ("Stagger", {}, [2, -1, 0.5, "True"]),
]


@pytest.mark.parametrize(("name", "settings", "actions"), ACTIONS)
def test_actions_that_cannot_be_taken(name: str, settings: dict[str, Any], actions: list[Any]) -> None:
    env = gymnasium.make(f"sandbox/{name}-v0", disable_env_checker=True, **settings)
    env.reset(seed=0)
    for action in actions:
        with pytest.raises(SandboxError, match=r"^the action .{1,60} is outside (Box|Discrete)"):
            env.step(action)
    good = env.action_space.sample()
    reward = env.step(good)[1]
    assert math.isfinite(float(reward))  # the question was not lost
    with pytest.raises(SandboxError, match="already; reset"):
        env.step(good)


def test_weights_of_words_need_not_add_up() -> None:
    """They are divided by their sum, as reinforcement learners need; nothing at all is no preference."""
    env = gymnasium.make("sandbox/Text-v0", disable_env_checker=True)
    earned = []
    for action in (WEIGHTS, WEIGHTS / 2, WEIGHTS * 0, None):
        env.reset(seed=0)
        earned.append(float(env.step(action)[1]))
    np.testing.assert_allclose(earned, -math.log(50), rtol=1e-12)


@pytest.mark.parametrize(
    "words",
    [
        ("run", "fraud", "random", "river:LogisticRegression()", "--seeds", "40", "--steps", "20000", "--jobs", "1"),
        ("detect", "accents", "adwin", "--drift", "abrupt@5000", "--seeds", "40", "--steps", "40000", "--jobs", "1"),
        ("gallery", "--quick", "--out", "pages"),
    ],
)
def test_ctrl_c_leaves_no_traceback(words: tuple[str, ...], tmp_path: Path) -> None:
    """What is done is kept: whole files, or none."""
    quiet = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*COMMAND, *words], cwd=tmp_path, env=quiet, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        ends = time.monotonic() + 30.0
        while words[0] == "run" and not list(tmp_path.glob("runs/*.parquet")) and time.monotonic() < ends:
            time.sleep(0.1)
        if words[0] != "run":
            time.sleep(4.0)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.startswith("sandbox: ") and err.count("\n") == 1 and "Traceback" not in err
    left = [path.name for path in tmp_path.rglob("*") if path.name.startswith((".tmp", "core"))]
    assert left == []
    if words[0] == "run":
        (told,) = sandbox.load(str(tmp_path / "runs"))
        assert told.failed == [] and 1 <= len(told.agents[0].done) <= 40
