"""Worker processes: jobs go out, packed runs come back; a worker that dies gives its job back."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

from sandbox.errors import one_line

_Job = dict[str, Any]


def cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """A set of worker processes, started when first needed and ended by `close`."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._processes: list[subprocess.Popen[str] | None] = [None] * count
        self._lock = threading.Lock()  # so that no process is started while all are ended
        self._closed = False

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

    def _serve(self, index: int, jobs: queue.Queue[_Job | None], done: queue.Queue[Any]) -> None:
        """Have jobs done by one process until there is a None; the process is started anew when it died."""
        while (job := jobs.get()) is not None:
            try:
                with self._lock:
                    process = self._processes[index]
                    if process is None and not self._closed:
                        process = self._processes[index] = self._start()
                if process is None:
                    return
                answer = _ask(process, job)
                if process.poll() is not None:
                    self._processes[index] = None
            except Exception as error:
                answer = f"its worker cannot be reached ({one_line(error)})"
            done.put((job, answer))

    def map(self, jobs: list[_Job]) -> Iterator[tuple[_Job, dict[str, Any] | str] | None]:
        """Yield each job with its packed run as it comes, or with a text: how its worker died, twice.

        After a second in which nothing came, yield None.
        """
        waiting: queue.Queue[_Job | None] = queue.Queue()
        done: queue.Queue[Any] = queue.Queue()
        for job in jobs:
            waiting.put(job)
        count = min(self._count, len(jobs))
        for index in range(count):
            threading.Thread(target=self._serve, args=(index, waiting, done), daemon=True).start()
        retried: set[int] = set()
        left = len(jobs)
        try:
            while left:
                try:
                    job, answer = done.get(timeout=1.0)
                except queue.Empty:
                    yield None
                    continue
                if isinstance(answer, str) and id(job) not in retried:
                    retried.add(id(job))
                    waiting.put(job)
                    continue
                left -= 1
                yield job, answer
        finally:  # also when nobody wants the rest: no thread may start another job
            with contextlib.suppress(queue.Empty):
                while True:
                    waiting.get_nowait()
            for _ in range(count):
                waiting.put(None)

    def close(self) -> None:
        """End every worker at once, for good."""
        with self._lock:
            self._closed = True
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
