"""The command that writes a report of stored runs, for people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.compare import Agents, Metric, OfTag, World
from sandbox.cli.shared import Json, Runs, app, print_json


@app.command()
def report(
    metric: Metric = "",
    world: World = "",
    agent: Agents = None,
    tag: OfTag = "",
    runs: Runs = Path("runs"),
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="where to write it [DIR/report.html]")
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", metavar="html|md", help="one page, or Markdown [by the file]")
    ] = "",
    as_json: Json = False,
) -> None:
    """Write a report of stored runs: who is better, how sure that is, and what the drift did."""
    from sandbox.report import kind_of, make_report, write_made
    from sandbox.show.results import print_report
    from sandbox.stored import load

    kind = kind_of(out or "", format_)
    made = make_report(load(runs, world, agent or (), tag), metric)
    paths = write_made(made, out or runs / f"report.{kind}", kind)
    if as_json:
        said = [" ".join(filter(None, one)) for one in made.said]
        files = [str(path) for path in paths]
        print_json({"schema": 1, "report": files[0], "format": kind, "files": files, "said": said})
    else:
        print_report(paths[0])
