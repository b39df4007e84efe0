"""The command that shows what one agent does."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.shared import DRIFT, FEEDBACK, Json, World, app, finish, print_json, progress_on
from sandbox.errors import SandboxError


@app.command()
def watch(
    world: World,
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="an agent, such as q-learning:step_size=0.5")],
    seed: Annotated[int, typer.Option(metavar="S", help="which run")] = 0,
    steps: Annotated[int | None, typer.Option(metavar="N", help="its decisions [the world's suggestion]")] = None,
    drift: Annotated[list[str] | None, typer.Option(metavar="SPEC", help=DRIFT)] = None,
    feedback: Annotated[str | None, typer.Option(metavar="SPEC", help=FEEDBACK)] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.gif", help="where to write it [WORLD--AGENT.gif]")] = None,
    as_json: Json = False,
) -> None:
    """Watch one run: an animation of what the agent does, and maps of where it errs and what that costs."""
    from sandbox.plots.files import unwritten
    from sandbox.show.results import print_figures
    from sandbox.show.text import printable
    from sandbox.watching.watch import watch as watch_run
    from sandbox.world import make_terms

    if steps is not None and steps < 1:
        raise SandboxError(f"--steps {steps} is out of range: at least 1 is needed")
    if seed < 0:
        raise SandboxError(f"--seed {seed} is out of range: seeds are whole numbers from 0")
    # What a user's file prints is no part of the answer.
    with progress_on(f"watching {world}") as progress, unwritten() as lost, contextlib.redirect_stdout(sys.stderr):
        terms = make_terms(drift, feedback, plain=True)
        seen = watch_run(world, agent, seed=seed, steps=steps, terms=terms, out=out, progress=progress)
    if as_json:
        print_json(seen.as_json())
    else:
        for title, told in seen.scenes:
            print(printable(f"{title}: {'; '.join(told)}"))
        for note in seen.notes:
            print(printable(f"! {note}"))
        print_figures([seen.animation, *seen.figures])
    finish(False, lost)
