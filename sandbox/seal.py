"""A seal on a Parquet file: a digest of all its other bytes, checked before anything parses them.

Parquet notices few flipped bits, and its readers were not made for hostile bytes. The digest lies in front of the
file's last part (the footer, found by its length at the end), where the format leaves room: other readers pass over it.
"""

from __future__ import annotations

import os
import stat
from hashlib import blake2b
from pathlib import Path
from typing import IO

from sandbox.errors import SandboxError

_MARK = b"sandbox\0"
_SIZE = len(_MARK) + 16
_TAIL = 8  # the footer's length in four bytes, and b"PAR1"
_BLOCK = 1 << 20


def seal(path: Path) -> None:
    """Put the seal into a Parquet file that was just written."""
    with path.open("r+b") as file:
        footer = _footer(file)
        file.seek(footer)
        tail = file.read()
        file.seek(0)
        mark = _MARK + _digest(file, footer, tail)
        file.seek(footer)
        file.write(mark + tail)


def check_seal(path: Path) -> None:
    """Raise `SandboxError` if a file is not, byte for byte, what was sealed."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):  # a pipe would be waited for
                raise SandboxError(f"{path}: no regular file")
            footer = _footer(file)
            file.seek(footer - _SIZE)
            mark, tail = file.read(_SIZE), file.read()
            file.seek(0)
            if mark != _MARK + _digest(file, footer - _SIZE, tail):
                raise ValueError
    except OSError as error:
        raise SandboxError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise SandboxError(f"{path}: damaged, or not a file of this program") from error


def _footer(file: IO[bytes]) -> int:
    """Return where the footer begins."""
    size = file.seek(0, os.SEEK_END)
    if size < _SIZE + _TAIL:
        raise ValueError
    file.seek(size - _TAIL)
    tail = file.read(_TAIL)
    footer = size - _TAIL - int.from_bytes(tail[:4], "little")
    if tail[4:] != b"PAR1" or footer < _SIZE:
        raise ValueError
    return footer


def _digest(file: IO[bytes], count: int, tail: bytes) -> bytes:
    """Return the digest of the next `count` bytes and of `tail`."""
    digest = blake2b(digest_size=16)
    while count:
        block = file.read(min(count, _BLOCK))
        if not block:
            raise ValueError
        digest.update(block)
        count -= len(block)
    digest.update(tail)
    return digest.digest()
