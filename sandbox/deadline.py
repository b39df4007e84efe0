"""The time that a run may take. Where there is an interval timer, it ends a run in the middle of users' code."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, ClassVar

_AGAIN = 1.0  # seconds after which it rings once more, should users' code have caught the first
_LOOPS = {"_episodes", "_questions"}  # whose local `step` is the decision that is being made


class Halt(BaseException):
    """A run is to end now, and why; `except Exception` in users' code does not hold it back."""


class Deadline:
    """A limit in seconds on what is done inside `with`; None: no limit.

    In the main thread of a POSIX process a timer raises `Halt` wherever the code is. Elsewhere only `check`, which
    is called between chunks of decisions, does.
    """

    extended: ClassVar[Callable[[], None]] = staticmethod(lambda: None)  # called when more time is given

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._until = 0.0
        self._armed = self._rang = False
        self._before: Any = None  # the handler and the timer that were set

    def check(self, made: int) -> None:
        """Raise `Halt` if the time is up after `made` decisions."""
        if self.seconds is None or self._rang:
            return
        if made == 0 and self._before is None:  # what was compiled first is not the run's fault
            self._until = time.monotonic() + self.seconds
        elif time.monotonic() > self._until:
            raise Halt(self._text(made))

    def _text(self, made: int | None) -> str:
        where = "" if made is None else f": it was at decision {made:,}"
        return f"took longer than the timeout of {self.seconds:g} s{where}"

    def __enter__(self) -> Deadline:
        if self.seconds is None:
            return self
        began = time.monotonic()
        self._until = began + self.seconds
        if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
            handler = signal.signal(signal.SIGALRM, self._ring)
            self._armed = True
            self._before = began, handler, signal.setitimer(signal.ITIMER_REAL, self.seconds, _AGAIN)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._armed = False
        if self._before is not None:
            began, handler, (left, interval) = self._before
            self._before = None
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL if handler is None else handler)
            if left:  # somebody else's timer goes on
                signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 1e-3), interval)

    def _ring(self, number: int, frame: FrameType | None) -> None:
        if not self._armed or self.seconds is None:
            return
        if compiles(frame):  # not the run's fault, and not to be torn apart
            self._until = time.monotonic() + self.seconds
            signal.setitimer(signal.ITIMER_REAL, self.seconds, _AGAIN)
            Deadline.extended()
            return
        self._rang = True
        raise Halt(self._text(_decision(frame)))


def compiles(frame: FrameType | None) -> bool:
    """Whether numba is at work in `frame`: it does not bear to be interrupted."""
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(("numba.", "llvmlite.")):
            return True
        frame = frame.f_back
    return False


def _decision(frame: FrameType | None) -> int | None:
    """Return the decision that the open loop at work in `frame` is at, None if there is none."""
    while frame is not None:
        if frame.f_code.co_name in _LOOPS and str(frame.f_globals.get("__name__")).startswith("sandbox."):
            return int(frame.f_locals.get("step", 0))
        frame = frame.f_back
    return None
