"""Ctrl-C, SIGTERM and SIGHUP: the command ends cleanly, whatever it is doing when they come.

Nothing of ours is torn apart in the middle: while runs are collected and stored a signal is noted and asked for
(`check`), users' code in this process is interrupted, and anything else ends the process at once, since nothing that it
does has to be finished. A program that uses the package keeps its own handlers.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

from sandbox.deadline import compiles

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_TWICE = 2.0  # seconds within which a second signal is the first one again: wrappers pass on what the terminal sent too


class _State:
    """What is being done, as far as a signal must know."""

    def __init__(self) -> None:
        self.asked = 0  # the signal that came, 0: none
        self.at = 0.0  # and when
        self.patient = 0  # how many blocks are open that want to end by themselves
        self.raising = False  # whether it may interrupt right here
        self.says = "stopped"
        self.tidied: set[Path] = set()  # folders in which this process writes


_state = _State()


def listen() -> None:
    """Take over the signals that this process does not ignore: background jobs, `nohup`."""
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _came)


def ignore() -> None:
    """Ignore the signals from now on: all is done, and nothing is to disturb the end of the process."""
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is _came:
            signal.signal(number, signal.SIG_IGN)


def asked() -> bool:
    """Whether a signal came that somebody has to act on."""
    return _state.asked != 0


def check() -> None:
    """Raise `KeyboardInterrupt` if a signal came."""
    if _state.asked:
        raise KeyboardInterrupt


def status() -> int:
    """Return the exit status of a command that was stopped: 128 and the signal."""
    return 128 + (_state.asked or signal.SIGINT)


@contextlib.contextmanager
def patiently() -> Iterator[None]:
    """Inside, signals are noted only: whoever opens it has to `check`."""
    _state.patient += 1
    try:
        yield
    finally:
        _state.patient -= 1


@contextlib.contextmanager
def raising() -> Iterator[None]:
    """Inside, a signal interrupts: users' code does not `check`."""
    _state.raising = True
    try:
        check()
        yield
    finally:
        _state.raising = False


def tidy(folder: Path) -> None:
    """Remember a folder from which this process's temporary files are removed when it ends early."""
    _state.tidied.add(folder)


def say(text: str) -> None:
    """Set the line that a signal prints from now on."""
    _state.says = text


def leave(status: int) -> NoReturn:
    """End the process at once: no thread, no import and no exit handler that a signal cut short says a word."""
    for folder in _state.tidied:
        _remove_own(folder)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(status)


def _remove_own(folder: Path) -> None:
    from sandbox.store import remove

    with contextlib.suppress(OSError):
        for left in folder.glob(f".tmp-{os.getpid()}-*"):
            remove(left)


def _came(number: int, frame: FrameType | None) -> None:
    if not _state.asked and (_state.patient or _state.raising):
        _state.asked, _state.at = number, time.monotonic()
        if not _state.raising:
            return
    if _state.asked and _state.raising:
        if compiles(frame):
            again = threading.Timer(0.1, os.kill, (os.getpid(), number))
            again.daemon = True
            again.start()
            return
        _state.raising = False
        raise KeyboardInterrupt
    if _state.asked and time.monotonic() - _state.at < _TWICE:
        return
    _state.asked = number
    with contextlib.suppress(Exception):
        clear = "\x1b[?25h\r\x1b[2K" if sys.stderr.isatty() else ""  # the cursor that a progress bar hid
        os.write(2, f"{clear}sandbox: {_state.says}\n".encode(errors="replace"))
    leave(128 + number)
