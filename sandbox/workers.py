"""Worker processes: jobs go out, packed runs come back; a worker that dies gives its job back."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any


def cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """A set of worker processes, started when first needed and ended by `close`."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._processes: list[subprocess.Popen[str] | None] = [None] * count

    def _start(self) -> subprocess.Popen[str]:
        path = os.pathsep.join(part for part in sys.path if part)
        environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "sandbox.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
            start_new_session=True,  # Ctrl-C reaches the parent alone, which knows what to do
        )

    def _serve(self, index: int, jobs: queue.Queue[dict[str, Any]], done: queue.Queue[Any]) -> None:
        while True:
            try:
                job = jobs.get_nowait()
            except queue.Empty:
                return
            process = self._processes[index]
            if process is None:
                process = self._processes[index] = self._start()
            done.put((job, _ask(process, job)))
            if process.poll() is not None:
                self._processes[index] = None

    def map(self, jobs: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any] | str]]:
        """Yield each job with its packed run as it comes, or with a text: how its worker died, twice."""
        waiting: queue.Queue[dict[str, Any]] = queue.Queue()
        done: queue.Queue[Any] = queue.Queue()
        for job in jobs:
            waiting.put(job)
        retried: set[int] = set()
        left = len(jobs)
        threads: list[threading.Thread | None] = [None] * self._count
        while left:
            for index in range(min(self._count, left)):
                thread = threads[index]
                if (thread is None or not thread.is_alive()) and not waiting.empty():
                    fresh = threading.Thread(target=self._serve, args=(index, waiting, done), daemon=True)
                    threads[index] = fresh
                    fresh.start()
            job, answer = done.get()
            if isinstance(answer, str) and id(job) not in retried:
                retried.add(id(job))
                waiting.put(job)
                continue
            left -= 1
            yield job, answer

    def close(self) -> None:
        """End every worker at once."""
        for process in self._processes:
            if process is not None:
                process.kill()
        for index, process in enumerate(self._processes):
            if process is not None:
                process.wait()
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None:
                        pipe.close()
            self._processes[index] = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _ask(process: subprocess.Popen[str], job: dict[str, Any]) -> dict[str, Any] | str:
    """Send one job and wait for its answer; return how the worker died if it did."""
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except (BrokenPipeError, ValueError, OSError):
        line = ""
    if line.endswith("\n"):
        answer: dict[str, Any] = json.loads(line)
        return answer
    code = process.wait()
    return f"its worker was killed by signal {-code}" if code < 0 else f"its worker ended with status {code}"
