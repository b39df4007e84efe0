"""What the README shows is what happens: every block is run, and its naive loop makes the framework's decisions."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from pages import ROOT, blocks_of, environment, file_of

import sandbox
from sandbox.agents.tabular.q_learning import QLearning
from sandbox.loop import run_episodes
from sandbox.trace import TRACE_COLUMNS, Trace, join

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = blocks_of(README)
PYTHON = [block for block in BLOCKS if block.kind == "python"]
SHELL = [line for one in BLOCKS if one.kind == "sh" for line in one.text.splitlines() if line.startswith("sandbox ")]
NAIVE = next(block.text for block in PYTHON if "agent.learn(Experience(" in block.text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the README's Python blocks were run or saved, in their order."""
    made = tmp_path_factory.mktemp("readme")
    for block in PYTHON:
        text = block.text
        if file_of(block):
            (made / file_of(block)).write_text(text, encoding="utf-8")
            continue
        done = subprocess.run([sys.executable, "-c", text], cwd=made, capture_output=True, text=True, env=environment())
        assert done.returncode == 0, f"{text}\n{done.stderr}"
    return made


def test_readme_has_blocks_to_run() -> None:
    assert len(PYTHON) >= 5 and len(SHELL) >= 8
    assert {block.kind for block in BLOCKS} <= {"python", "sh"}


@pytest.fixture(scope="module")
def done(folder: Path) -> dict[str, subprocess.CompletedProcess[str]]:
    """What every command of the README did, one after the other: later ones need what earlier ones stored."""
    found = {}
    for line in SHELL:
        words = [sys.executable, "-m", "sandbox", *shlex.split(line, comments=True)[1:]]
        found[line] = subprocess.run(words, cwd=folder, capture_output=True, text=True, env=environment())
    return found


@pytest.mark.parametrize("line", SHELL)
def test_commands_run(done: dict[str, subprocess.CompletedProcess[str]], line: str) -> None:
    assert done[line].returncode == 0, done[line].stderr
    assert done[line].stdout.strip()


def test_python_blocks_leave_what_they_say(folder: Path) -> None:
    assert (folder / "phishing.png").stat().st_size > 10_000
    assert (folder / "log.csv").is_file() and (folder / "mine.py").is_file()


def test_naive_loop_makes_the_same_trace() -> None:
    """The recorder sees the naive loop from outside, so what the agent alone knows (`greedy`) is not compared."""
    chunks: list[Trace] = []
    own = QLearning()
    with_table = sandbox.record(gymnasium.make("FrozenLake-v1"))
    run_episodes(gymnasium.make("FrozenLake-v1"), own, chunks.append, seed=7, steps=1000, solution=with_table._solution)
    ours = join(chunks)
    recorded = NAIVE.replace('gymnasium.make("FrozenLake-v1")', 'sandbox.record(gymnasium.make("FrozenLake-v1"))')
    assert recorded != NAIVE
    names: dict[str, object] = {"sandbox": sandbox}
    exec(recorded, names)
    theirs = names["env"].trace()
    for column in TRACE_COLUMNS:
        if column != "greedy":
            np.testing.assert_array_equal(getattr(ours, column), getattr(theirs, column), err_msg=column)
    assert np.array_equal(own.q, names["agent"].q)
    assert len(NAIVE.strip().splitlines()) <= 14
