"""What the commands share: their common options, progress, and how they end."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sandbox.result import Result
    from sandbox.study import Progress

app = typer.Typer(
    help="A sandbox where every decision of a learner has a price.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

World = Annotated[str, typer.Argument(metavar="WORLD", help="a world, such as FrozenLake-v1 or river:Phishing")]
Agents = Annotated[list[str], typer.Argument(metavar="AGENT...", help="agents, such as q-learning:step_size=0.5")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document and nothing else on standard output")]
DRIFT = "how the world changes, as abrupt@20000 or gradual@20000~5000:setting=value; repeat to compose"
FEEDBACK = "how it answers, as delayed=500+partial=0.9+noisy=0.05 [immediate]"
Tag = Annotated[str, typer.Option("--tag", metavar="TAG", help="a name to find this study by later")]
Runs = Annotated[Path, typer.Option("--runs", metavar="DIR", help="folder that keeps the runs")]


def command_line() -> str:
    """Return the command that was given, as a shell takes it."""
    return shlex.join(["sandbox", *sys.argv[1:]])


def with_figures(result: Result, figures: list[Path]) -> dict[str, Any]:
    """Return a result's document, with the paths of its figures."""
    return result.as_json() | {"figures": [str(path) for path in figures]}


def finish(failed: bool, lost: list[str]) -> None:
    """Name each figure that was lost; exit with status 1 if anything was."""
    for text in lost:
        complain(text, 1)
    if failed or lost:
        raise typer.Exit(1)


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    print(json.dumps(document, allow_nan=False, indent=1))


@contextlib.contextmanager
def progress_on(title: str) -> Iterator[Progress]:
    """Show progress on standard error, if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from sandbox.show.text import printable

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(printable(title), total=None)
        done = 0

        def report(what: str, left: int) -> None:
            nonlocal done
            done += 1
            bar.update(task, completed=done, total=done + left, description=printable(what)[-60:])

        yield report


def complain(text: str, status: int) -> int:
    """Say in one line on standard error what is wrong; return the status to exit with."""
    if not text.isprintable():
        from sandbox.show.text import printable

        text = printable(text)
    print(f"sandbox: {text}", file=sys.stderr)
    return status
