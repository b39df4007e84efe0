"""A log that cannot be scored as asked is refused in one line that says what, and in which row."""

from __future__ import annotations

import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sandbox.errors import SandboxError
from sandbox.log_score import LogColumns, LogScore, score_log


def score(folder: Path, text: str, **options: Any) -> LogScore:
    """Score a log, a row a word, whose columns are named after what they say."""
    names = text.split(maxsplit=1)[0].split(",")
    known = {name: name for name in names if name in LogColumns.__dataclass_fields__}
    path = folder / "log.csv"
    path.write_text("\n".join(text.split()) + "\n")
    return score_log(str(path), LogColumns(**known), **options)


EPISODE = "episode,choice,reward,best,value,next_best,terminated"

BAD_VALUES = [
    ("choice,reward a,1 b,", "row 2 has no reward (column 'reward')"),
    ("choice,reward a,1 b,nan", "row 2 has no reward"),
    ("choice,reward a,1 b,inf", "row 2: the reward (column 'reward') is 'inf', not a finite number"),
    ("choice,reward a,1 b,much", "row 2: the reward (column 'reward') is 'much', not a finite number"),
    ("choice,truth,reward 1.5,2,1 2.5,2,", "row 2 has no reward"),
    ("choice,truth 1.5,2 inf,2", "row 2: the choice (column 'choice') is 'inf', not a finite number"),
    ("choice,truth 1.5,2 1,-inf", "row 2: the truth (column 'truth') is '-inf'"),
    ("choice,truth,confidence a,a,1 b,a,1.1", "(column 'confidence') is '1.1', not a probability"),
    ("choice,truth,confidence a,a,1 b,a,-0.1", "row 2: the confidence"),
    ("choice,truth,likelihood a,a,1 b,a,x", "row 2: the likelihood (column 'likelihood') is 'x', not a probability"),
    ("choice,reward,propensity a,1,0.5 a,1,0", "is '0', not a probability above 0"),
    ("choice,reward,propensity a,1,0.5 a,1,1.5", "row 2: the propensity"),
    ("choice,reward,propensity a,1,0.5 a,1,", "row 2 has no propensity"),
    ("choice,reward,time a,1,3 a,1,", "row 2 has no time"),
    ("choice,reward,time a,1,3 a,1,inf", "row 2: the time (column 'time') is 'inf', not a finite number"),
    ("choice,reward,time a,1,2026-01-31 a,1,31/01/2026", "is '31/01/2026', not a number, nor a date"),
    ("choice,reward,time a,1,Monday", "row 1: the time"),
    ("choice,reward,concept a,1,3 a,1,", "row 2 has no concept"),
    ("choice,reward,episode a,1,3 a,1,", "row 2 has no episode"),
    ("choice,reward,episode,terminated a,1,3,0 a,1,3,maybe", "is 'maybe', not true or false"),
    ("choice,reward,episode,truncated a,1,3,0 a,1,3,2", "row 2: the truncated"),
    ("choice,reward,best,value a,1,2,1 a,1,,1", "row 2 has no best"),
    ("choice,reward,best,value a,1,2,1 a,1,2,inf", "row 2: the value"),
    (f"{EPISODE} 1,a,0,1,1,,0 1,a,0,1,1,,1", "row 1 has no next_best"),
    (f"{EPISODE} 1,a,0,1,1,1,0 1,a,0,1,1,,1 1,a,0,1,1,1,0", "row 3 goes on with episode '1' after it ended"),
    ("episode,choice,reward x,a,0 y,a,0 x,a,1", "row 3 goes on with episode 'x' after another began"),
    ("episode,choice,reward,group x,a,0,g x,a,0,h", "row 2 goes on with episode 'x' in another group"),
    ("choice,reward a,1 b,1 c,1,1", "line 4: Expected Number of Columns: 2 Found: 3"),
    ("choice,reward,cell a,1,1 b,1", "line 3: Expected Number of Columns: 3 Found: 2"),
    ('choice,reward a,1 "b,1', "unterminated quote"),
    ("choice,reward", "the file has no rows"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BAD_VALUES)
def test_bad_value(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SandboxError) as caught:
        score(tmp_path, text)
    said = str(caught.value)
    assert message in said and said.startswith(str(tmp_path / "log.csv")) and "\n" not in said


BAD_REQUESTS: list[tuple[str, dict[str, Any], str]] = [
    ("choice,cell a,1", {}, "needs the column of the reward or of the truth"),
    ("choice,truth,episode a,1,1", {}, "episodes need the column of the reward"),
    ("choice,reward,best a,1,1", {}, "best and value go together"),
    ("choice,reward,value a,1,1", {}, "best and value go together"),
    ("choice,reward,episode,next_best a,1,1,1", {}, "next_best needs best and value"),
    ("choice,reward,episode,best,value a,1,1,1,1", {}, "priced episodes need the column of next_best"),
    ("choice,reward,best,value,next_best a,1,1,1,1", {}, "next_best needs the column of the episode"),
    ("choice,reward,terminated a,1,1", {}, "terminated needs the column of the episode"),
    ("choice,reward,truncated a,1,1", {}, "truncated needs the column of the episode"),
    ("choice,reward,episode,propensity a,1,1,1", {}, "a propensity has no use in episodes"),
    ("choice,reward,propensity 0.5,1,1", {}, "a propensity is of use where choices are labels"),
    ("choice,reward,likelihood a,1,1", {}, "likelihood needs the column of the truth"),
    ("choice,truth,sharpness a,a,1", {}, "sharpness needs the column of the likelihood"),
    ("choice,reward a,1", {"discount": 1.5}, "discount=1.5 is out of range [0, 1]"),
    ("choice,reward a,1", {"discount": math.nan}, "discount=nan is out of range [0, 1]"),
    ("choice,reward a,1", {"gap_range": 1.0}, "gap_range needs best and value"),
    ("choice,reward,best,value a,1,1,1", {"gap_range": 0.0}, "gap_range=0.0 is not above 0"),
    ("choice,reward,best,value a,1,1,1", {"gap_range": math.inf}, "gap_range=inf is not above 0"),
    ("choice,reward a,1", {"window": 0}, "window=0 is out of range"),
    ("choice,reward a,1", {"fading": 0.0}, "fading=0.0 is out of range"),
    ("choice,truth 1.5,1", {"tolerance": -1.0}, "tolerance=-1.0 is below 0"),
    ("choice,reward a,1", {"task": "guess"}, "task='guess' is none of auto, control, classification, regression"),
    ("choice,reward a,1", {"task": "regression"}, "regression needs the column of the truth"),
    ("choice,truth a,1", {"task": "regression"}, "row 1: the choice (column 'choice') is 'a', not a finite number"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "options", "message"), BAD_REQUESTS)
def test_bad_request(text: str, options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(SandboxError) as caught:
        score(tmp_path, text, **options)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_bad_columns(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("choice,reward,twice,twice\na,1,2,2\n")
    parquet = tmp_path / "log.parquet"
    duckdb.sql(f"COPY (SELECT 'a' AS choice, 1 AS reward) TO '{parquet}' (FORMAT parquet)")
    for log in (path, parquet):
        with pytest.raises(
            SandboxError, match=r"has no column 'reword' for the reward; did you mean 'reward'\?; it has"
        ):
            score_log(str(log), LogColumns("choice", "reword"))
    with pytest.raises(SandboxError, match="has no column 'Choice' for the choice; did you mean 'choice'"):
        score_log(str(path), LogColumns("Choice", "reward"))
    with pytest.raises(SandboxError, match="has 2 columns 'twice'"):
        score_log(str(path), LogColumns("choice", "twice"))
    with pytest.raises(SandboxError, match="more than 200 kinds"):
        score(tmp_path, "choice,reward,group " + " ".join(f"a,1,{k}" for k in range(201)))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.csv", None, "no such file"),
        ("empty.csv", b"", "the file is empty"),
        ("empty.parquet", b"", "cannot be read"),
        ("text.parquet", b"choice,reward\na,1\n", "cannot be read"),
        ("latin.csv", "choice,reward\ncaf\xe9,1\n".encode("latin-1"), "not UTF-8"),
        ("latin2.csv", "choice,r\xe9ward\na,1\n".encode("latin-1"), "not UTF-8"),
        ("late.csv", b"choice,reward\n" + b"a,1\n" * 90_000 + b"caf\xe9,1\n", "line 90002: Invalid unicode"),
        ("packed.csv.gz", b"choice,reward\na,1\n", "cannot be read"),
        ("binary.csv", bytes(range(256)) * 40, "cannot be read"),
    ],
)
def test_bad_file(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SandboxError) as caught:
        score_log(str(path), LogColumns("choice", "reward"))
    said = str(caught.value)
    assert message in said and said.startswith(str(path)) and "\n" not in said
    with pytest.raises(SandboxError, match="no such file"):
        score_log(str(tmp_path), LogColumns("choice", "reward"))


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    score(tmp_path, "choice,reward a,1")
    with pytest.raises(SandboxError):
        score(tmp_path, "choice,reward a,x")
    assert not list((tmp_path / "scratch").iterdir())
    shutil.rmtree(tmp_path / "scratch")
    with pytest.raises(SandboxError, match="no room for a temporary table"):
        score(tmp_path, "choice,reward a,1")


def test_labels_written_in_two_ways_are_pointed_at(tmp_path: Path) -> None:
    found = score(tmp_path, "choice,truth Spam,spam Ham,spam")
    assert found.notes[-1] == (
        "no choice is ever a truth: choices are Ham, Spam; truths are spam; are they written alike?"
    )
