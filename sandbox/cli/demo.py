"""The command that shows what it does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.shared import Json, app, finish, print_json, progress_on, with_figures
from sandbox.errors import SandboxError


@app.command()
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="folder for runs and figures")] = Path("demo"),
    seeds: Annotated[int | None, typer.Option(metavar="N", help="number of seeds [10, or 30 where it is fast]")] = None,
    as_json: Json = False,
) -> None:
    """Show what it does: tabular agents, worlds that drift, spam, recommendation, River models on real data."""
    from sandbox.demo import run_demo
    from sandbox.plots.files import unwritten
    from sandbox.report import write_report
    from sandbox.show.results import print_figures, print_report, print_result

    if seeds is not None and seeds < 1:
        raise SandboxError(f"--seeds {seeds} is out of range: at least 1 is needed")
    found = []
    with progress_on("demo") as progress, unwritten() as lost:
        for result, figures in run_demo(out, seeds, progress):
            found.append((result, figures))
            if not as_json:
                print_result(result)
                print_figures(figures)
    report: Path | None = None
    try:
        report = write_report([result for result, _ in found], out / "report.html")[0]
    except SandboxError as error:  # the numbers are still told
        lost.append(str(error))
    if as_json:
        studies = [with_figures(*pair) for pair in found]
        print_json({"schema": 1, "studies": studies, "report": None if report is None else str(report)})
    elif report is not None:
        print_report(report)
    finish(any(result.failed for result, _ in found), [text for result, _ in found for text in result.lost] + lost)
