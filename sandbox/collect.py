"""Runs on their way into the store: taken as they come, written soon after, kept when the study is stopped."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

from sandbox import stopping
from sandbox.dispatch import Entry
from sandbox.errors import SandboxError
from sandbox.runs import Run
from sandbox.store import Store, remove

if sys.platform != "win32":
    import fcntl

Progress = Callable[[str, int], None]  # what was just done, and how many runs are left
_Found = Generator[tuple[Entry, Run] | None]


class StoppedError(SandboxError):
    """A study was stopped; what was done is kept where it has a store."""


def collect(
    found: _Found, missing: Sequence[tuple[Entry, int]], store: Store | None, progress: Progress | None
) -> list[str]:
    """Take runs as they come, and write them within two seconds or so: fewer writes where runs are many and short.

    Return a line for each file that could not be written: the numbers are there all the same. Raise `SandboxError`
    before the first run where nothing can be written at all, `StoppedError` when the study is stopped.
    """
    if store is not None:
        stopping.tidy(store.folder)
        if missing:
            _try_to_write(store.folder)
    lost: dict[str, str] = {}
    done, keeper = 0, _Keeper(store)
    with stopping.patiently():
        try:
            for told in found:
                stopping.check()
                if told is not None:
                    entry, run = told
                    keeper.take(entry, run)
                    done += 1
                    if progress is not None:
                        progress(f"{entry.name}, seed {run.seed}", len(missing) - done)
                keeper.save_in_time()
        except KeyboardInterrupt:
            raise StoppedError(f"stopped after {done} of {len(missing)} runs, {_kept(store)}") from None
        finally:
            found.close()  # ends the workers
            lost = keeper.finish()
            if store is not None:
                stopping.say(
                    f"stopped; what is done is kept in {store.folder}, and the same command goes on from there"
                )
    if stopping.asked():
        raise StoppedError(f"stopped after {done} of {len(missing)} runs, {_kept(store)}")
    return list(lost.values())


def _kept(store: Store | None) -> str:
    if store is None:
        return "not stored"
    return f"kept in {store.folder}; the same command goes on from there"


def _try_to_write(folder: Path) -> None:
    """Refuse a folder in which nothing can be written, before time is spent on runs."""
    trial = folder / f".tmp-{os.getpid()}-{uuid.uuid4().hex}"
    try:
        trial.touch()
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
            return  # a full disk may have room again by then
        raise SandboxError(f"{folder}: runs cannot be kept there: {error.strerror or error}") from error
    finally:
        remove(trial)


class _Keeper:
    """What was taken and what of it is written."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._taken: dict[str, Entry] = {}
        self._unsaved: dict[str, Entry] = {}
        self._lost: dict[str, str] = {}  # by file: why it is not as it should be
        self._save_at = time.monotonic() + 1.0

    def take(self, entry: Entry, run: Run) -> None:
        """Add a run to its entry."""
        entry.runs[run.seed] = run
        entry.missing.remove(run.seed)
        self._taken[entry.name] = self._unsaved[entry.name] = entry
        if run.lost:
            self._lost[f"{entry.name} {run.seed}"] = run.lost

    def save_in_time(self) -> None:
        """Write what is not written yet, if it is time for that."""
        if self._store is not None and time.monotonic() > self._save_at:
            began = time.monotonic()
            self._save(self._store)
            self._save_at = time.monotonic() + max(1.0, 5 * (time.monotonic() - began))

    def finish(self) -> dict[str, str]:
        """Write all that is not there; return a line for each file that was lost."""
        if self._store is not None:
            self._store.sweep()  # what workers that were ended left behind
            for name, entry in self._taken.items():
                if not self._store.path(entry.key).is_file():  # somebody removed it
                    self._unsaved[name] = entry
            self._save(self._store)
        return self._lost

    def _save(self, store: Store) -> None:
        """Write what is not written; what cannot be stays for the next time."""
        for name, entry in list(self._unsaved.items()):
            try:
                with contextlib.suppress(OSError):  # the same: it was removed
                    store.folder.mkdir(parents=True, exist_ok=True)
                _add(entry, store)
            except SandboxError as error:
                self._lost[name] = str(error)
                continue
            self._lost.pop(name, None)
            del self._unsaved[name]


def _add(entry: Entry, store: Store) -> None:
    with _locked(store.folder):
        with contextlib.suppress(SandboxError):  # another study may have added to the file meanwhile
            for run in store.read(entry.key):
                entry.runs.setdefault(run.seed, run)
        store.write(entry.key, entry.runs.values(), entry.about)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other studies from writing in a folder, where its file system and the platform have locks."""
    with contextlib.ExitStack() as stack:
        if sys.platform != "win32":
            with contextlib.suppress(OSError):
                handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
                stack.callback(os.close, handle)
                if stat.S_ISREG(os.fstat(handle).st_mode):
                    fcntl.flock(handle, fcntl.LOCK_EX)  # until it is closed
        yield
