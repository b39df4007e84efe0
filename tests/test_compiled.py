"""What compiled code is kept under: a digest that changes with every source it is made of, and with no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import compiled as compiling


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up package of ours, with a cache of its own."""
    root = tmp_path / "sandbox"
    sources = {
        "__init__.py": "", "a.py": "from sandbox.b import f\nfrom .folder import (\n    c,\n    d as e,\n)", "b.py": "",
        "folder/__init__.py": "", "folder/c.py": "def f():\n    from ..deep import g", "folder/d.py": "import numpy",
        "deep.py": "import sandbox.far", "far.py": "from sandbox.a import f", "other.py": "from sandbox.b import f",
    }  # fmt: skip
    for name, text in sources.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.setattr(compiling, "_ROOT", root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    forget()
    return root


def forget() -> None:
    for kept in (compiling._imports, compiling._cache_folder, compiling._cache_root):
        kept.cache_clear()


@pytest.fixture(autouse=True)
def _forget_afterwards() -> object:
    yield
    forget()


def test_sources_are_a_module_and_all_that_it_imports(project: Path) -> None:
    found = compiling.sources_of({"sandbox.a"})
    names = {"a", "b", "deep", "far", "folder", "folder.c", "folder.d"}
    assert set(found) == {f"sandbox.{name}" for name in names}
    assert set(compiling.sources_of({"sandbox.other", "numpy"})) == {"sandbox.other", "sandbox.b"}


@pytest.mark.parametrize("edited", ["a.py", "b.py", "folder/c.py", "folder/d.py", "deep.py", "far.py"])
def test_an_edit_of_any_source_changes_the_folder(project: Path, edited: str) -> None:
    before = compiling._cache_folder(frozenset({"sandbox.a"}))
    (project / edited).write_text((project / edited).read_text() + "\nx = 1")
    forget()
    assert before is not None and compiling._cache_folder(frozenset({"sandbox.a"})) != before


def test_an_edit_elsewhere_does_not(project: Path) -> None:
    before = compiling._cache_folder(frozenset({"sandbox.a"}))
    (project / "other.py").write_text("x = 1")
    forget()
    assert compiling._cache_folder(frozenset({"sandbox.a"})) == before
