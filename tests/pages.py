"""Pages of documentation as programs: every block is run in its order, and what a page shows is what came out.

`python tests/pages.py docs/sweep.md` runs a page in a folder of its own and writes into it what came out.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = "…"  # a line of it stands for any number of lines


class Block(NamedTuple):
    """A block of code: its kind, its text, and the span of the text in its page."""

    kind: str
    text: str
    begin: int
    end: int


def blocks_of(page: str) -> list[Block]:
    """Return the blocks of a page of Markdown, in their order."""
    found = re.finditer(r"^```(\w*)\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    return [Block(one[1], one[2], one.start(2), one.end(2)) for one in found]


def environment() -> dict[str, str]:
    """Return the environment in which blocks are run: this checkout, and no window for figures."""
    return os.environ | {"PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}


def commands_of(block: Block) -> list[list[str]]:
    """Return the `sandbox` commands of a block for a shell, as words."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.startswith("sandbox ")]


def file_of(block: Block) -> str:
    """Return the name of the file that a block is, from its first line `# file: NAME`; "" if it is none."""
    name = re.match(r"# file: (\S+)\n", block.text)
    return name[1] if name else ""


def run_here(blocks: Sequence[Block]) -> list[str]:
    """Run blocks in this process and folder, one after the other, and return what each printed."""
    names: dict[str, Any] = {"__name__": "__main__"}
    outputs = []
    for block in blocks:
        printed = ""
        if file_of(block):
            Path(file_of(block)).write_text(block.text, encoding="utf-8")
        elif block.kind == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(block.text, "<block>", "exec"), names)
            printed = out.getvalue()
        elif block.kind == "sh":
            for words in commands_of(block):
                command = [sys.executable, "-m", "sandbox", *words[1:]]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise RuntimeError(f"{shlex.join(words)}: {done.stderr}")
                printed += done.stdout
        outputs.append(printed)
    return outputs


def run_page(page: str, folder: Path) -> list[str]:
    """Run a page in `folder`, in a process of its own, and return what each block printed."""
    told = [[*block] for block in blocks_of(page)]
    command, given = [sys.executable, __file__], json.dumps(told)
    done = subprocess.run(command, input=given, cwd=folder, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: list[str] = json.loads(done.stdout)
    return found


def clean(output: str) -> list[str]:
    """Return the lines of an output, without the spaces at their ends and without empty lines around them."""
    return "\n".join(line.rstrip() for line in output.splitlines()).strip("\n").splitlines()


def shows(shown: str, output: str) -> bool:
    """Whether a block shows an output: all of its lines, but for those that a line of … stands for."""
    parts = [re.escape(line) + r"\n" if line != LEFT_OUT else r"(?:.*\n)*?" for line in clean(shown)]
    return re.fullmatch("".join(parts), "".join(line + "\n" for line in clean(output))) is not None


def refreshed(page: str, outputs: Sequence[str]) -> str:
    """Return the page with what each block really printed in the block of text that follows it.

    Where a line of … stands, as many lines are kept before and after it as there were; where two stand, all stays.
    """
    blocks = blocks_of(page)
    for k in reversed(range(1, len(blocks))):
        block, lines = blocks[k], clean(outputs[k - 1])
        shown = clean(block.text)
        if block.kind != "text" or shown.count(LEFT_OUT) > 1:
            continue
        if LEFT_OUT in shown:
            at = shown.index(LEFT_OUT)
            after = len(shown) - at - 1
            lines = [*lines[:at], LEFT_OUT, *(lines[-after:] if after else [])]
        page = page[: block.begin] + "".join(line + "\n" for line in lines) + page[block.end :]
    return page


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(json.dumps(run_here([Block(*told) for told in json.load(sys.stdin)])))
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as place:
            text = Path(name).read_text(encoding="utf-8")
            Path(name).write_text(refreshed(text, run_page(text, Path(place))), encoding="utf-8")
