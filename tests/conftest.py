"""What several test files are given."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give the tests of a file that sets up something for all of them to one worker, whole files first.

    As `--dist loadgroup` is meant to do by marks, which pytest-xdist 3.8 loses under pytest 9.2 without a word.
    """
    from xdist.scheduler import LoadScopeScheduling

    class WholeFilesFirst(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return file if shares(config.rootpath / file) else nodeid

    return WholeFilesFirst(config, log)


@cache
def shares(path: Path) -> bool:
    """Say whether a file of tests has a fixture that is set up once for all of them."""
    return path.is_file() and 'fixture(scope="module")' in path.read_text(encoding="utf-8")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with 1 MB of room."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root may mount the small file system that this test fills")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)
