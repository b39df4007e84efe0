"""`sandbox detect`: its table, its document, its figure, your own detectors, and one line for what makes no sense."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from shell import COMMAND, complaint, document, sandbox

from sandbox.detection.study import detect
from sandbox.errors import SandboxError

COIN = ("detect", "coin", "--watch", "truth", "--drift", "abrupt@1000:share=0.8", "--steps", 2000, "--seeds", 4)

MINE = """
class Mean:
    \"\"\"Alarms when the mean of the last values is far from that of all.\"\"\"

    sensitivity = ("threshold", 0.9, 0.05)

    def __init__(self, threshold=0.4, window=40):
        self.threshold, self.window = threshold, window
        self.seen, self.drift_detected = [], False

    def update(self, value):
        if self.drift_detected:
            self.seen = []
        self.seen.append(value)
        recent = self.seen[-self.window:]
        gap = abs(sum(recent) / len(recent) - sum(self.seen) / len(self.seen))
        self.drift_detected = len(self.seen) >= 2 * self.window and gap > self.threshold


class Clock:
    def __init__(self, every=7):
        self.every, self.heard, self.drift_detected = every, 0, False

    def update(self, value):
        self.heard += 1
        self.drift_detected = self.heard % self.every == 0


class Deaf:
    pass


class Broken(Clock):
    def update(self, value):
        raise ValueError("no\\nidea")


class Odd(Clock):
    sensitivity = ("every", -1, 5)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path


def test_the_table_and_the_figure(folder: Path) -> None:
    done = sandbox(*COIN, "adwin", "hddm-w:lambda_val=0.1", "--out", "seen", cwd=folder)
    assert done.returncode == 0 and done.stderr == ""
    for text in ("detectors as given", "tuned to 1 false alarm per 10,000", "adwin:delta=", "every-hundred", "credit"):
        assert text in done.stdout
    lines = [line for line in done.stdout.splitlines() if line.startswith("│")]
    assert [place for line in lines if (place := line.split("│")[1].strip())] == [
        "1",
        "2",
        "dummy",
        "dummy",
        "dummy",
    ] * 2
    assert (folder / "seen.png").stat().st_size > 20_000 and (folder / "seen.svg").is_file()


def test_the_document(folder: Path) -> None:
    found = document(*COIN, "adwin", "mine.py:Mean", "mine.py:Clock", cwd=folder)
    assert found["drifts"] == [{"begin": 1000, "complete": 1000, "end": 2000}] and found["agent"] == "random"
    by_name = {one["detector"]: one for one in found["detectors"]}
    assert list(by_name) == ["adwin", "mine.py:Mean", "mine.py:Clock", "always", "never", "every-hundred"]
    assert [by_name[name]["dummy"] for name in by_name] == [False] * 3 + [True] * 3
    clock = by_name["mine.py:Clock"]  # a dummy in disguise
    assert clock["per_seed"]["credit"] == [0.0] * 4 and clock["place"] is None and not clock["beats_dummies"]
    assert clock["metrics"]["found"]["mean"] == 1.0 and clock["alarms"][0]["at"][:2] == [6, 13]
    mine = by_name["mine.py:Mean"]
    assert mine["beats_dummies"] and mine["metrics"]["credit"]["mean"] > 0.8 and mine["place"] in (1, 2)
    matched = found["matched"]
    assert set(matched["unmatched"]) == {"mine.py:Clock"}
    tuned = next(one for one in matched["detectors"] if one["detector"] == "mine.py:Mean")
    assert 0.05 <= tuned["settings"]["threshold"] <= 0.9
    assert tuned["metrics"]["false_alarms"]["mean"] <= 1.25
    assert {(one["a"], one["b"]) for one in matched["differences"]} <= {
        ("adwin", "mine.py:Mean"), ("mine.py:Mean", "adwin"),
    }  # fmt: skip
    assert (folder / "coin--detect.png").is_file() and found["figures"] == ["coin--detect.png", "coin--detect.svg"]


def test_alarms_in_real_data_are_listed(folder: Path) -> None:
    rows = [f"{i % 5},{int(i % 3 == 0) if i < 400 else int(i % 3 != 0)}" for i in range(800)]
    (folder / "real.csv").write_text("x,label\n" + "\n".join(rows) + "\n")
    done = sandbox("detect", "real.csv:label", "ddm", "--agent", "majority", "--seeds", 1, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "nobody knows when real data change" in done.stdout and "place" not in done.stdout
    found = document("detect", "real.csv:label", "ddm", "--agent", "majority", "--seeds", 2, cwd=folder)
    assert found["matched"] is None and found["drifts"] == []
    at = found["detectors"][0]["alarms"][0]["at"]
    assert at and 400 <= at[0] < 500 and found["detectors"][0]["alarms"][0]["control"] is None


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("coin", "adwim"), "did you mean 'adwin'"),
        (("coin", "mine.py:Broken", "--seeds", "2"), "mine.py:Broken, seed 0 failed at value 1 of"),
        (("coin", "adwin", "--seeds", "0"), "--seeds 0 is out of range"),
        (("coin", "adwin", "--within", "0"), "--within 0 is out of range"),
        (("nowhere", "adwin"), "there is no world 'nowhere'"),
    ],
)
def test_the_command_says_in_one_line_what_makes_no_sense(folder: Path, words: tuple[str, ...], text: str) -> None:
    assert text in complaint("detect", *words, cwd=folder)


BAD: list[tuple[str, str, dict[str, Any], str]] = [
    ("coin", "adwin:dleta=0.1", {}, "did you mean 'delta'"),
    ("coin", "adwin:delta=5", {}, "delta=5 is out of range"),
    ("coin", "adwin:delta='a'", {}, "is not a number"),
    ("coin", "always:every=2", {}, "always has no settings"),
    ("coin", "eddm:alpha=0.1", {}, "cannot be made"),
    ("coin", "mine.py:Deaf", {}, "it needs update(value) and drift_detected"),
    ("coin", "mine.py:Odd", {}, "sensitivity=('every', -1, 5) is not understood"),
    ("coin", "mine.py:Nobody", {}, "mine.py has no 'Nobody'"),
    ("coin", "mine.py", {}, "say which class"),
    ("coin", "adwin", {"false_alarms": -1.0}, "false_alarms=-1.0 is out of range"),
    ("coin", "adwin", {"seeds": 0}, "seeds=0 is out of range"),
    ("coin", "adwin", {"watch": "mistakes"}, "one of error, truth, reward"),
    ("coin", "adwin", {"drift": "abrupt@5000", "steps": 3000}, "the drift begins after the 3,000 decisions"),
    ("coin", "adwin", {"agent": "nobody"}, "there is no agent 'nobody'"),
    ("coin", "adwin", {"agent": "mine.py:Broken"}, "no agent"),
    ("ten-armed", "ddm", {"seeds": 1}, "ddm only understands 0 and 1"),
    ("ten-armed", "adwin", {"watch": "error"}, "tells no right answers"),
    ("river:Phishing", "adwin", {"drift": "abrupt@100"}, "cannot drift on demand"),
]


@pytest.mark.parametrize(("world", "detector", "terms", "text"), BAD)
def test_one_line_for_what_makes_no_sense(
    folder: Path, world: str, detector: str, terms: dict[str, Any], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(SandboxError) as error:
        detect(world, [detector], jobs=1, **terms)
    assert text in str(error.value) and "\n" not in str(error.value)


def test_ctrl_c_ends_it_with_one_line_and_no_process_left(folder: Path) -> None:
    words = [*COMMAND, "detect", "coin", "--watch", "truth", "--seeds", "400", "--drift", "abrupt@1000", "--jobs", "2"]
    process = subprocess.Popen(
        words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    children: list[int] = []
    tasks = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not tasks.exists():
        pytest.skip("only Linux tells a process's children")
    for _ in range(300):
        children = [int(pid) for pid in tasks.read_text().split()]
        if children:
            break
        time.sleep(0.1)
    assert children
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and out == "" and err.count("\n") == 1 and "stopped" in err
    for _ in range(100):
        alive = [pid for pid in children if Path(f"/proc/{pid}").exists()]
        if not alive:
            break
        time.sleep(0.1)
    assert not alive
    assert {path.name for path in folder.iterdir()} <= {"mine.py", "__pycache__"}
