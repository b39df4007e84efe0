"""The command that scores detectors of change."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.shared import DRIFT, FEEDBACK, Json, app, finish, print_json, progress_on
from sandbox.errors import SandboxError


@app.command()
def detect(
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="a world, such as coin or river:Phishing")],
    detectors: Annotated[
        list[str] | None,
        typer.Argument(metavar="DETECTOR", help="as adwin:delta=0.01 or FILE.py:NAME [all of River's]"),
    ] = None,
    agent: Annotated[str | None, typer.Option(metavar="A", help="whose decisions are watched [a usual one]")] = None,
    watch: Annotated[str | None, typer.Option(metavar="WHAT", help="error, truth or reward [error]")] = None,
    seeds: Annotated[int, typer.Option(metavar="N", help="seeds, from 0")] = 10,
    steps: Annotated[int | None, typer.Option(metavar="N", help="decisions of a run [the world's suggestion]")] = None,
    drift: Annotated[list[str] | None, typer.Option(metavar="SPEC", help=DRIFT)] = None,
    feedback: Annotated[str | None, typer.Option(metavar="SPEC", help=FEEDBACK)] = None,
    within: Annotated[int, typer.Option(metavar="N", help="an alarm N decisions after a drift has missed it")] = 1000,
    false_alarms: Annotated[float, typer.Option(metavar="R", help="tune to R false alarms per 10,000 decisions")] = 1.0,
    jobs: Annotated[int | None, typer.Option(metavar="N", help="worker processes [all cores]")] = None,
    out: Annotated[Path | None, typer.Option(metavar="STEM", help="where the figure goes [STREAM--detect]")] = None,
    as_json: Json = False,
) -> None:
    """Score detectors of change: what they find beyond chance, how late, at how many false alarms."""
    from sandbox.detection.shown import print_found
    from sandbox.detection.study import detect as detect_in
    from sandbox.plots.detect import save_detection
    from sandbox.plots.files import unwritten
    from sandbox.show.results import print_figures

    _check(("--seeds", seeds), ("--steps", steps), ("--jobs", jobs), ("--within", within))
    # What a user's file prints is no part of the answer.
    with progress_on(f"detectors in {stream}") as progress, contextlib.redirect_stdout(sys.stderr):
        found = detect_in(
            stream, detectors or (), agent=agent, watch=watch, seeds=seeds, steps=steps, drift=drift,
            feedback=feedback, within=within, false_alarms=false_alarms, jobs=jobs, progress=progress,
        )  # fmt: skip
    with unwritten() as lost:
        figures = save_detection(found, out)
    if as_json:
        print_json(found.as_json() | {"figures": [str(path) for path in figures]})
    else:
        print_found(found)
        print_figures(figures)
    finish(False, lost)


def _check(*given: tuple[str, int | None]) -> None:
    for name, value in given:
        if value is not None and value < 1:
            raise SandboxError(f"{name} {value} is out of range: at least 1 is needed")
