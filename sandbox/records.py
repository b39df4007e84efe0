"""What was asked: a small record of each study beside its runs, so that a report can say the exact command.

A record names the files that hold the study's runs, its seeds, its tag and its command. It decides nothing: without it
the runs are still there.
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.store import put_in_place, remove

FOLDER = "studies"
_SCHEMA = 1
_LONGEST = 100  # characters of a tag
_LARGEST = 10_000_000  # bytes of a record that is read


@dataclass(frozen=True)
class Record:
    """One study as it was asked for. `files`: the stems of its run files, in the order of its agents."""

    world: str
    files: tuple[str, ...]
    seeds: tuple[int, ...]
    tag: str = ""
    command: str = ""

    @property
    def name(self) -> str:
        """Its file name: the same study asked for again, with more seeds or fewer, is the same record."""
        told = json.dumps([sorted(self.files), self.tag]).encode("utf-8", "backslashreplace")
        return f"{blake2b(told, digest_size=8).hexdigest()}.json"


def check_tag(tag: str) -> str:
    """Return a tag, which is one line of text."""
    if not tag.isprintable() or len(tag) > _LONGEST:
        raise SandboxError(f"the tag {tag[:_LONGEST]!r} is no name: give at most {_LONGEST} characters in one line")
    return tag


def keep(folder: Path, record: Record) -> None:
    """Write a record; raise `SandboxError` where that is not possible."""
    place = folder / FOLDER
    temporary = folder / f".tmp-{os.getpid()}-{uuid.uuid4().hex}"
    try:
        place.mkdir(exist_ok=True)
        temporary.write_text(json.dumps({"schema": _SCHEMA, **asdict(record)}, sort_keys=True), encoding="utf-8")
        put_in_place(temporary, place / record.name)
    except OSError as error:
        raise SandboxError(f"{place}: the study cannot be recorded: {error.strerror or error}") from error
    finally:
        remove(temporary)


def records(folder: Path) -> list[Record]:
    """Return every record that can be read, by file name; others are of no use to anybody."""
    found = []
    for path in sorted((folder / FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            if not path.is_file() or path.stat().st_size > _LARGEST:
                continue
            told = json.loads(path.read_text(encoding="utf-8"))
            if told["schema"] == _SCHEMA:
                found.append(_record(told))
    return found


def _record(told: dict[str, object]) -> Record:
    texts = [told[name] for name in ("world", "tag", "command")]
    files, seeds = told["files"], told["seeds"]
    if not all(isinstance(text, str) for text in texts) or not isinstance(files, list) or not isinstance(seeds, list):
        raise TypeError
    if not all(isinstance(file, str) for file in files) or not all(type(seed) is int for seed in seeds):
        raise TypeError
    return Record(str(told["world"]), tuple(files), tuple(seeds), str(told["tag"]), str(told["command"]))


def tags(found: Sequence[Record]) -> list[str]:
    """Return every tag there is."""
    return sorted({record.tag for record in found if record.tag})
