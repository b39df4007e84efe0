"""The real command in a process of its own, and small worlds and agents of a user's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "sandbox")

# A corridor of cells, and agents that do as the test wants on a seed, which they read from their generator.
USER_FILE = '''
import os, signal, time
import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Corridor(gym.Env):
    """Walk right; every tenth step ends the episode."""

    observation_space = spaces.Discrete(4)
    action_space = spaces.Discrete(2)

    def __init__(self, reward=1.0, length=10, fault="", at=20):
        self.reward, self.length, self.fault, self.at, self.clock = reward, length, fault, at, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return 0, {}

    def step(self, action):
        self.steps += 1
        self.clock += 1
        reward, observation = self.reward * int(action), self.steps % 4
        if self.clock == self.at:
            if self.fault == "nan reward":
                reward = float("nan")
            if self.fault == "inf reward":
                reward = float("inf")
            if self.fault == "observation":
                observation = 99
            if self.fault == "raise":
                raise RuntimeError("the corridor\\ncollapsed")
        ends = self.steps >= self.length and self.fault != "endless"
        return observation, reward, ends, False, {}


class Boxed(Corridor):
    observation_space = spaces.Box(-1.0, 100.0, (2,), np.float64)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.array([0.0, np.nan if self.fault == "nan at reset" else 0.0]), {}

    def step(self, action):
        bad = self.fault == "nan observation" and self.clock >= self.at
        _, *rest = super().step(action)
        return np.array([np.nan if bad else 1.0, 0.0]), *rest


class Walker:
    """Chooses at random; on the seed `on` it does what `fault` says after 30 decisions."""

    def __init__(self, fault="", on=-1, pause=0.0):
        self.fault, self.on, self.pause = fault, on, pause

    def begin(self, observation_space, choice_space, rng):
        self.rng, self.n, self.made = rng, int(choice_space.n), 0
        entropy = rng.bit_generator.seed_seq.entropy
        self.seed = entropy[0] if isinstance(entropy, list) else -1

    def act(self, observation):
        self.made += 1
        if self.pause:
            time.sleep(self.pause)
        if self.made > 30 and self.seed == self.on:
            if self.fault == "raise":
                raise ValueError("lost\\nmy way")
            if self.fault == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.fault == "exit":
                os._exit(7)
            if self.fault == "outside":
                return self.n
            if self.fault == "text":
                return "left"
            if self.fault == "surrogate":
                raise ValueError("bytes \\udc80 and \\0 nul")
        return int(self.rng.integers(self.n))

    def learn(self, experience):
        if self.fault == "learn" and self.made > 30 and self.seed == self.on:
            raise KeyError("forgot")
'''


def user_file(folder: Path, name: str = "mine.py") -> Path:
    """Write the user's file into `folder`."""
    path = folder / name
    path.write_text(USER_FILE)
    return path


def sandbox(*words: object, cwd: Path, timeout: float = 120, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command in `cwd` and wait for it."""
    return subprocess.run(
        [*COMMAND, *map(str, words)], cwd=cwd, env=os.environ | env, capture_output=True, text=True, timeout=timeout
    )


def document(*words: object, cwd: Path, status: int = 0, **env: str) -> dict[str, Any]:
    """Run the command with --json and return its one document; nothing else may be printed."""
    done = sandbox(*words, "--json", cwd=cwd, **env)
    assert done.returncode == status, done.stderr
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout, parse_constant=lambda text: 1 / 0)  # NaN is no JSON
    return found


def complaint(*words: object, cwd: Path, status: int = 2, **env: str) -> str:
    """Run a command that must be refused: one line on standard error, nothing on standard output."""
    done = sandbox(*words, cwd=cwd, **env)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    assert done.stderr.startswith("sandbox: ") and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def stored(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every Parquet file in a folder of runs, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.parquet"))}
