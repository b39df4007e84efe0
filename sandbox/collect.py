"""Runs on their way into the store: taken as they come, written soon after, kept when the study is stopped."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

from sandbox.dispatch import Entry
from sandbox.errors import SandboxError
from sandbox.runs import Run
from sandbox.store import Store

if sys.platform != "win32":
    import fcntl

Progress = Callable[[str, int], None]  # what was just done, and how many runs are left


class StoppedError(SandboxError):
    """A study was stopped; what was done is kept where it has a store."""


def collect(
    found: Generator[tuple[Entry, Run] | None],
    missing: Sequence[tuple[Entry, int]],
    store: Store | None,
    progress: Progress | None,
) -> None:
    """Take runs as they come, and write them within two seconds or so: fewer writes where runs are many and short."""
    unsaved: dict[str, Entry] = {}
    done = 0
    save_at = time.monotonic() + 1.0
    try:
        for told in found:
            if told is not None:
                entry, run = told
                entry.runs[run.seed] = run
                entry.missing.remove(run.seed)
                done += 1
                unsaved[entry.name] = entry
                if progress is not None:
                    progress(f"{entry.name}, seed {run.seed}", len(missing) - done)
            if store is not None and time.monotonic() > save_at:
                began = time.monotonic()
                _save(unsaved, store)
                save_at = time.monotonic() + max(1.0, 5 * (time.monotonic() - began))
    except KeyboardInterrupt:
        kept = f"kept in {store.folder}; the same command goes on from there" if store is not None else "not stored"
        raise StoppedError(f"stopped after {done} of {len(missing)} runs, {kept}") from None
    finally:
        found.close()  # ends the workers
        if store is not None:
            store.sweep()  # what workers that were ended left behind
            _save(unsaved, store)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other studies from writing in a folder, where its file system and the platform have locks."""
    with contextlib.ExitStack() as stack:
        if sys.platform != "win32":
            with contextlib.suppress(OSError):
                handle = stack.enter_context((folder / ".lock").open("a"))
                fcntl.flock(handle, fcntl.LOCK_EX)  # until it is closed
        yield


def _save(unsaved: dict[str, Entry], store: Store) -> None:
    for name in list(unsaved):
        entry = unsaved.pop(name)
        with _locked(store.folder):
            with contextlib.suppress(SandboxError):  # another study may have added to the file meanwhile
                for run in store.read(entry.key):
                    entry.runs.setdefault(run.seed, run)
            store.write(entry.key, entry.runs.values(), entry.about)
