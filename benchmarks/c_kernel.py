"""The compiled kernel alone against the same loop in C (gcc -O2), to know how far the limit is.

Both draw from numpy's generators in the same order, so that they must come to the same columns and the same table, bit
for bit; that is checked before anything is timed.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from measure import Row, at_least, paired

from sandbox.catalog import make_agent, make_world
from sandbox.table_walk import Steps, make_steps, make_walk, start_episode

SETTINGS = (0.1, 0.99, 0.1)
_WORLD = "FrozenLake-v1:map_name=8x8"


class _World(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in ("states", "choices", "width", "horizon", "steps")] + [
        (name, ctypes.c_void_p) for name in ("cumulative", "reward", "start", "successor", "terminated")
    ]


class _Columns(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_void_p) for name in ("cell", "choice", "after", "greedy", "reward", "terminated", "truncated")
    ]


def _library(folder: Path) -> Any:
    source, library = Path(__file__).with_name("q_learning.c"), folder / "q_learning.so"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return ctypes.CDLL(str(library))


class _InC:
    """The loop in C, from a fresh start at every call."""

    def __init__(self, library: Any, steps: int) -> None:
        self.library, self.table = library, make_world(_WORLD).law.tables[0]
        self.walk = make_walk([self.table], 0, False)
        self.made = make_steps(np.zeros(steps + 1, dtype=np.int64))
        shape = self.table.probability.shape
        parts = (self.walk.cumulative, self.walk.reward, self.walk.start, self.walk.successor, self.walk.terminated)
        self.world = _World(*shape, self.table.horizon or 0, steps, *(part.ctypes.data for part in parts))
        self.columns = _Columns(*(getattr(self.made, name).ctypes.data for name, _ in _Columns._fields_))

    def __call__(self) -> None:
        """Walk and learn."""
        self.q = np.zeros((self.table.n_states, self.table.n_choices))
        drawn = []
        for generator in (np.random.default_rng(0), np.random.default_rng(1)):
            told = generator.bit_generator.ctypes
            drawn += [ctypes.cast(told.next_double, ctypes.c_void_p), ctypes.c_void_p(told.state_address), generator]
        chance, rng = drawn[:2], drawn[3:5]
        numbers = [ctypes.c_double(one) for one in SETTINGS]
        self.library.walk_and_learn(
            ctypes.byref(self.world), ctypes.byref(self.columns), ctypes.c_void_p(self.q.ctypes.data), *numbers,
            *chance, *rng,
        )  # fmt: skip


class _Ours:
    """Our kernel, from a fresh start at every call."""

    def __init__(self, steps: int) -> None:
        self.world = make_world(_WORLD)
        self.made = make_steps(np.zeros(steps + 1, dtype=np.int64))

    def __call__(self) -> None:
        """Walk and learn."""
        names = zip(("step_size", "discount", "epsilon"), SETTINGS, strict=True)
        agent: Any = make_agent("q-learning:" + ",".join(f"{name}={value}" for name, value in names), self.world)
        agent.begin(self.world.observation_space, self.world.choice_space, np.random.default_rng(1))
        advance = agent.fast("table", (True,) * int(self.world.choice_space.n), None, 0)
        walk, chance = make_walk(self.world.law.tables, 0, False), np.random.default_rng(0)
        start_episode(walk, 0, chance)
        advance(walk, self.made, chance, (len(self.made.cell), 2**62))
        self.q = agent.q


def _same(one: Steps, other: Steps) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one[1:], other[1:], strict=True))


def c_kernel(quick: bool) -> list[Row]:
    """Return the speed of our kernel as a share of the speed of the loop in C."""
    if shutil.which("gcc") is None:
        raise SystemExit("the benchmark of the kernel needs gcc: install Debian's package gcc, or leave out `kernel`")
    steps, pairs = (20_000, 3) if quick else (1_000_000, 9)
    with tempfile.TemporaryDirectory() as folder:
        in_c, ours = _InC(_library(Path(folder)), steps), _Ours(steps)
        in_c()
        ours()
        if not (_same(in_c.made, ours.made) and np.array_equal(in_c.q, ours.q)):
            raise SystemExit("the loop in C is not the same loop: it made other decisions")
        ratio, c_seconds, own = paired(in_c, ours, pairs)
    detail = f"{steps / own / 1e6:.3g} M against {steps / c_seconds / 1e6:.3g} M decisions/s, bit for bit the same"
    return [at_least("q-learning kernel alone / the same loop in C (gcc -O2), FrozenLake-v1 8x8", ratio, 0.334, detail)]
