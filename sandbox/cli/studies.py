"""What `sandbox run STUDY.toml` does: the studies of a file, one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sandbox.cli.shared import command_line, finish, print_json, progress_on, with_figures

if TYPE_CHECKING:
    from sandbox.result import Result


def given_beside(context: typer.Context, *others: str) -> dict[str, Any]:
    """Return the options that were typed, by parameter, without `others`."""
    typed = [name for name in context.params if name not in others]
    return {name: context.params[name] for name in typed if _was_typed(context, name)}


def _was_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def save_figures(result: Result, runs: Path) -> list[Path]:
    """Draw the curves of a study, and its sensitivity to each setting that was swept, beside its runs."""
    from sandbox.plots.sensitivity import save_sensitivity

    stem = runs / "figures" / result.file_stem
    return [*result.save_figure(stem), *save_sensitivity(result, stem)]


def run_file(path: str, given: dict[str, Any], runs: Path, as_json: bool) -> None:
    """Run the studies of a file; `given`: what was typed beside it, which replaces what it says."""
    from sandbox.planned import check_studies, run_studies
    from sandbox.plots.files import unwritten
    from sandbox.show.results import print_figures, print_result
    from sandbox.study_file import read_study_file

    planned = read_study_file(path, given)
    check_studies(planned, path)
    found = []
    with progress_on(path) as progress, unwritten() as lost:
        for result in run_studies(planned, runs, progress, command_line()):
            if not as_json:
                print_result(result)
            figures = save_figures(result, runs)
            found.append((result, figures))
            if not as_json:
                print_figures(figures)
    if as_json:
        print_json({"schema": 1, "studies": [with_figures(*pair) for pair in found]})
    finish(any(result.failed for result, _ in found), [text for result, _ in found for text in result.lost] + lost)
