"""Several experiments on all cores: each in a process of its own, which answers with one JSON document."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence

from sandbox.errors import SandboxError
from sandbox.gallery._catalog import Experiment
from sandbox.gallery._found import Found, from_json

# The longest first, so that no core waits for one at the end.
_LONG = ("figure-2-6", "figure-6-3", "exercise-2-5", "figure-12-8", "figure-7-2", "figure-12-3", "figure-12-6")
_PATIENCE = 0.2  # seconds between looks at whether somebody wants to stop


def measure_all(wanted: Sequence[Experiment], quick: bool, jobs: int) -> Iterator[tuple[Experiment, Found | str]]:
    """Measure experiments, `jobs` at a time; yield each as it is done, with what it found or why it failed."""
    left = sorted(wanted, key=lambda one: (_LONG.index(one.name) if one.name in _LONG else len(_LONG), one.name))
    done: queue.SimpleQueue[tuple[Experiment, Found | str]] = queue.SimpleQueue()
    running: set[subprocess.Popen[str]] = set()
    turn, stopped = threading.Lock(), threading.Event()

    def serve() -> None:
        while True:
            with turn:
                if stopped.is_set() or not left:
                    return
                one = left.pop(0)
                process = _begin(one, quick)
                running.add(process)
            out, complaint = process.communicate()
            with turn:
                running.discard(process)
            done.put((one, _answer(process.returncode, out, complaint)))

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(min(jobs, len(left)))]
    for thread in threads:
        thread.start()
    try:
        for _ in wanted:
            yield _next(done)
    finally:  # also when nobody wants the rest
        with turn:
            stopped.set()
            for process in running:
                process.terminate()
        for thread in threads:
            thread.join()


def _next(done: queue.SimpleQueue[tuple[Experiment, Found | str]]) -> tuple[Experiment, Found | str]:
    while True:
        try:
            return done.get(timeout=_PATIENCE)
        except queue.Empty:
            continue


def _begin(one: Experiment, quick: bool) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sandbox", "gallery", one.name, "--json", *(["--quick"] if quick else [])]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _answer(status: int, out: str, complaint: str) -> Found | str:
    try:
        told = json.loads(out)["experiments"][0]["found"]
        return from_json(told)
    except (ValueError, LookupError, TypeError, SandboxError):
        last = complaint.strip().splitlines()[-1:] or [f"its process ended with status {status}"]
        return last[0]
