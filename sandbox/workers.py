"""Worker processes: jobs go out, packed runs come back; a worker that dies gives its job back.

One that says nothing for longer than a run may take is killed. They never outlive this process, however it ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from sandbox.errors import one_line
from sandbox.runs import Run, pack
from sandbox.worker import BEGAN

PATIENCE = 0.1  # seconds between two looks at whether the study is to stop
_GRACE = 2.0  # seconds in which a worker is to end, by itself, a run that took too long
_STARTING = 60.0  # seconds in which a worker is to start
_Job = dict[str, Any]
_Process = subprocess.Popen[str]


def cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """A set of worker processes, started when first needed and ended by `close`."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._processes: list[_Process | None] = [None] * count
        self._lock = threading.Lock()  # so that no process is started while all are ended
        self._closed = False
        self._line = os.pipe() if os.name == "posix" else None  # its other end closes with this process

    def _start(self) -> _Process:
        path = os.pathsep.join(part for part in sys.path if part)
        environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        lines = [] if self._line is None else [self._line[0]]
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "sandbox.worker", *map(str, lines)],
            pass_fds=lines,
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
                answer, sound = _ask(process, job)
                if not sound:
                    _end(process)
                    self._processes[index] = None
            except Exception as error:
                answer = f"its worker cannot be reached ({one_line(error)})"
            done.put((job, answer))

    def map(self, jobs: list[_Job]) -> Iterator[tuple[_Job, dict[str, Any] | str] | None]:
        """Yield each job with its packed run as it comes, or with a text: how its worker died, twice.

        When nothing came for `PATIENCE` seconds, yield None.
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
                    job, answer = done.get(timeout=PATIENCE)
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
                    _kill(process)
        for index, process in enumerate(self._processes):
            if process is not None:
                _end(process)
            self._processes[index] = None
        for end in self._line or ():
            with contextlib.suppress(OSError):
                os.close(end)
        self._line = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _kill(process: _Process) -> None:
    """Kill a worker, and on POSIX whatever users' code started in it."""
    with contextlib.suppress(OSError):
        if os.name == "posix" and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _end(process: _Process) -> None:
    """Kill a worker and let go of all that is left of it."""
    _kill(process)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _ask(process: _Process, job: _Job) -> tuple[dict[str, Any] | str, bool]:
    """Send one job and wait for its answer, or how the worker died; and whether it is fit for the next job."""
    asked = time.monotonic()
    line, late = _talk(process, json.dumps(job) + "\n", job["timeout"])
    if line.endswith("\n"):
        try:
            answer = json.loads(line)
        except ValueError:
            return "its worker answered what is no answer", False
        # After a timeout: what was interrupted may have left anything behind.
        return answer, job["timeout"] is None or time.monotonic() - asked < job["timeout"]
    if late:
        text = f"took longer than the timeout of {job['timeout']:g} s and did not let itself be stopped"
        return pack(Run(job["seed"], None, f"{job['world']}, seed {job['seed']}, {text}")), False
    try:
        code = process.wait(1.0)
    except subprocess.TimeoutExpired:  # it closed its lines, and lives
        return "its worker does not answer", False
    return f"its worker was killed by signal {-code}" if code < 0 else f"its worker ended with status {code}", False


def _talk(process: _Process, line: str, timeout: float | None) -> tuple[str, bool]:
    """Return the line that answers a line, "" if there is none, and whether that came of killing a silent worker."""
    assert process.stdin is not None and process.stdout is not None
    late = threading.Event()

    def kill() -> None:
        late.set()
        _kill(process)

    try:
        process.stdin.write(line)
        process.stdin.flush()
        answer, more = BEGAN + "\n", _STARTING
        while answer == BEGAN + "\n":
            watch = threading.Timer(timeout + more, kill) if timeout is not None else None
            if watch is not None:
                watch.daemon = True
                watch.start()
            answer = process.stdout.readline()
            if watch is not None:
                watch.cancel()
            more = _GRACE
        return answer, late.is_set()
    except (BrokenPipeError, ValueError, OSError):
        pass
    return "", late.is_set()
