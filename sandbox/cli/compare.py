"""The command that says who is better, from stored runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.shared import Json, Runs, app, print_json

Metric = Annotated[str, typer.Option("--metric", metavar="NAME", help="what to compare by [the world's own]")]
World = Annotated[str, typer.Option("--world", metavar="WORLD", help="only this world")]
Agents = Annotated[list[str] | None, typer.Option("--agent", metavar="AGENT", help="only this agent; may be repeated")]
OfTag = Annotated[str, typer.Option("--tag", metavar="TAG", help="only studies with this tag")]


@app.command()
def compare(
    metric: Metric = "",
    world: World = "",
    agent: Agents = None,
    tag: OfTag = "",
    runs: Runs = Path("runs"),
    as_json: Json = False,
) -> None:
    """Say of stored runs who is better, how sure that is, and how many more seeds would settle it."""
    from sandbox.compared import compare_all
    from sandbox.stored import load

    found = compare_all(load(runs, world, agent or (), tag), metric)
    if as_json:
        print_json({"schema": 1, "comparisons": [one.as_json() for one in found]})
    else:
        from sandbox.show.comparisons import print_comparison

        for one in found:
            print_comparison(one)
