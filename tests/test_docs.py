"""The pages of documentation are what happens: every block is run in its order, and shows what it printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import ROOT, Block, blocks_of, clean, commands_of, file_of, refreshed, run_page, shows

PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_shows_what_happens(path: Path, tmp_path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    blocks = blocks_of(page)
    assert blocks[0].kind != "text" and {block.kind for block in blocks} <= {"sh", "python", "toml", "text"}
    outputs = run_page(page, tmp_path)
    for k, block in enumerate(blocks):
        if block.kind == "text":
            assert clean(block.text) and shows(block.text, outputs[k - 1]), f"{block.text}\nbut it is\n{outputs[k - 1]}"
        if block.kind == "sh":
            assert len(commands_of(block)) == len(re.findall(r"^\S", block.text, flags=re.MULTILINE))
        if block.kind == "toml":
            assert (tmp_path / file_of(block)).is_file()
    for name in re.findall(r'(?:savefig|report)\("([^"]+)"', page):
        assert (tmp_path / name).stat().st_size > 5000


@pytest.mark.parametrize("path", [*PAGES, ROOT / "README.md"], ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).is_file(), target


def test_every_page_is_linked_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in PAGES if f"(docs/{path.name})" not in readme] == []


@pytest.mark.parametrize(
    ("shown", "output", "same"),
    [
        ("a\nb\n", "\na  \nb\n\n", True),
        ("a\n", "a\nb\n", False),
        ("…\nb\n", "a\nx\nb\n", True),
        ("a\n…\n", "a\n", True),
        ("a\n…\nc\n", "a\nb\n", False),
        ("a.c\n", "abc\n", False),
        ("", "", True),
    ],
)
def test_what_a_block_shows(shown: str, output: str, same: bool) -> None:
    assert shows(shown, output) == same


def test_a_page_is_refreshed_where_it_shows_something() -> None:
    page = "# T\n```sh\nsandbox x\n```\nsaid\n```text\nold\n…\nend\n```\n```python\n1\n```\n```text\n```\nbye\n"
    first = refreshed(page, ["1\n2\n3\n", "", "4\n", ""])
    assert first == page.replace("old\n…\nend", "1\n…\n3").replace("```text\n```", "```text\n4\n```")
    assert refreshed(first, ["1\n2\n3\n", "", "4\n", ""]) == first


def test_blocks_are_found_with_their_commands_and_files() -> None:
    first, second, third = blocks_of(
        "```sh\nsandbox run a 'b c' \\\n  d  # why\nls\n```\n```toml\n# file: s.toml\n```\n```\n```\n"
    )
    assert commands_of(first) == [["sandbox", "run", "a", "b c", "d"]]
    assert (file_of(first), file_of(second), third.kind) == ("", "s.toml", "")
    assert isinstance(third, Block)
