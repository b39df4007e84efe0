"""Damages files of runs in many ways, and tells whether one that is read says anything that was not written.

`python tests/damage.py FOLDER COUNT SEED` works through them in a process of its own: a crash is then seen as one. It
prints a JSON document of what it found.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError
from sandbox.seal import check_seal
from sandbox.store import read_file

Damage = Callable[[bytes, random.Random], bytes]
_TEXTS = (b"q-learning", b"random", b"FrozenLake-v1", b"schema", b"fingerprint", b"budget", b"regret", b"return")


def _flip(data: bytes, rng: random.Random) -> bytes:
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)
    return bytes(made)


def _flip_late(data: bytes, rng: random.Random) -> bytes:
    """Flip where the file says what it holds, which is what its readers trust most."""
    at = len(data) - int.from_bytes(data[-8:-4], "little") - 8
    return data[:at] + _flip(data[at:], rng)


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.choice((0, 1, 4, 8, len(data) - 1, rng.randrange(len(data))))]


def _behead(data: bytes, rng: random.Random) -> bytes:
    return data[rng.randrange(1, len(data)) :]


def _drop(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.randrange(1, 512) :]


def _swap(data: bytes, rng: random.Random) -> bytes:
    size = rng.randrange(1, 256)
    i, j = sorted((rng.randrange(len(data) - size), rng.randrange(len(data) - size)))
    if j < i + size:
        return data
    return data[:i] + data[j : j + size] + data[i + size : j] + data[i : i + size] + data[j + size :]


def _zeros(data: bytes, rng: random.Random) -> bytes:
    at, size = rng.randrange(len(data)), rng.randrange(1, 4096)
    return data[:at] + bytes(min(size, len(data) - at)) + data[at + size :]


def _append(data: bytes, rng: random.Random) -> bytes:
    return data + rng.choice((rng.randbytes(rng.randrange(1, 99)), data, b"PAR1", data[-8:]))


def _text(data: bytes, rng: random.Random) -> bytes:
    text = rng.choice([text for text in _TEXTS if text in data] or [b"PAR1"])
    return data.replace(text, text[::-1], rng.choice((1, -1)))


def _length(data: bytes, rng: random.Random) -> bytes:
    return data[:-8] + rng.choice((0, 1, len(data), 2**31, 2**32 - 1)).to_bytes(4, "little") + data[-4:]


DAMAGES: tuple[Damage, ...] = (_flip, _flip, _flip_late, _cut, _behead, _drop, _swap, _zeros, _append, _text, _length)


def content(path: Path) -> str:
    """Return all that is read of a file but its seconds, as one text."""
    about, runs = read_file(path)
    told: list[Any] = [json.dumps(about, sort_keys=True)]
    for run in runs:
        scores = run.scores
        told += [run.seed, run.error, run.traceback, run.why_plain, repr(run.recoveries)]
        if scores is not None:
            curves = {name: [part.tobytes().hex() for part in curve] for name, curve in scores.curves.items()}
            told += [repr(scores.metrics), scores.decisions, scores.fingerprint, curves]
    return repr(told)


def work(folder: Path, count: int, seed: int) -> dict[str, Any]:
    """Damage the files of a folder `count` times; return how that went. Only a wrong thing that was read is `wrong`."""
    whole = [path for path in sorted(folder.glob("*.parquet")) if ".trace-" not in path.name]
    traces = sorted(folder.glob("*.trace-*.parquet"))
    known = {path: content(path) for path in whole}
    data = {path: path.read_bytes() for path in whole + traces}
    place, rng, found = folder / "damaged.parquet", random.Random(seed), Counter[str]()
    wrong, began = [], time.monotonic()
    for k in range(count):
        path, damage = rng.choice(whole if k % 8 else traces), rng.choice(DAMAGES)
        made = damage(data[path], rng)
        place.write_bytes(made)
        try:
            if path in known:
                same = content(place) == known[path]
            else:
                check_seal(place)
                same = made == data[path]
            found["same" if same else "wrong"] += 1
            if not same or made != data[path]:
                wrong.append(f"{k} {damage.__name__} {path.name}")
        except SandboxError as error:
            found["refused"] += 1
            if "\n" in str(error) or "damaged.parquet" not in str(error):
                wrong.append(str(error))
    place.unlink(missing_ok=True)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"found": found, "wrong": wrong[:20], "seconds": time.monotonic() - began, "megabytes": memory}


if __name__ == "__main__":
    print(json.dumps(work(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
