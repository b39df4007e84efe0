"""The commands that look and do not run: exact values, lists, checks."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.shared import Json, Runs, World, app, print_json


@app.command()
def oracle(
    world: World,
    epsilon: Annotated[float | None, typer.Option(help="values of policies that explore this share, too")] = None,
    as_json: Json = False,
) -> None:
    """Print the exact values of a world whose law is known."""
    from sandbox.catalog import make_world

    with contextlib.redirect_stdout(sys.stderr):  # what a user's file prints is no part of the answer
        found = make_world(world).oracle(epsilon)
    if as_json:
        from sandbox.result import finite

        print_json(finite(found))
    else:
        from sandbox.show.answers import print_oracle

        print_oracle(found)


@app.command("list")
def list_(
    what: Annotated[
        str, typer.Argument(help="worlds, agents, metrics, runs [all but runs]; or one agent or world")
    ] = "",
    runs: Runs = Path("runs"),
    as_json: Json = False,
) -> None:
    """List what there is, or the settings of one agent or world."""
    from sandbox.listing import listing

    found = listing(what, runs)
    if as_json:
        print_json(found)
    else:
        from sandbox.show.answers import print_listing

        print_listing(found)


@app.command()
def check(
    thing: Annotated[str, typer.Argument(metavar="FILE.py:NAME", help="an agent, an environment or a stream")],
    as_json: Json = False,
) -> None:
    """Check that an agent, environment or stream keeps the contracts."""
    from sandbox.checks import run_checks

    with contextlib.redirect_stdout(sys.stderr):  # what a user's file prints is no part of the answer
        found = run_checks(thing)
    if as_json:
        print_json({"schema": 1, "thing": thing, "checks": [result._asdict() for result in found]})
    else:
        from sandbox.show.answers import print_checks

        print_checks(thing, found)
    if not all(result.passed for result in found):
        raise typer.Exit(1)
