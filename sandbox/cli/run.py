"""The command that runs studies."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.shared import (
    DRIFT,
    FEEDBACK,
    Json,
    Runs,
    Tag,
    app,
    command_line,
    finish,
    print_json,
    progress_on,
    with_figures,
)
from sandbox.cli.studies import given_beside, run_file, save_figures
from sandbox.errors import SandboxError


@app.command()
def run(
    context: typer.Context,
    world: Annotated[str, typer.Argument(metavar="WORLD", help="a world such as spam, or a file STUDY.toml")],
    agents: Annotated[list[str] | None, typer.Argument(metavar="AGENT", help="agents, such as sarsa")] = None,
    seeds: Annotated[int | None, typer.Option(metavar="N", help="seeds, from 0 [10; with --until at most 50]")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="settled", help="add seeds till one is known to be better")
    ] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", help="decisions of a run [the world's suggestion]")] = None,
    episodes: Annotated[int | None, typer.Option(metavar="N", help="episodes of a run")] = None,
    jobs: Annotated[int | None, typer.Option(metavar="N", help="worker processes [all cores]")] = None,
    drift: Annotated[list[str] | None, typer.Option(metavar="SPEC", help=DRIFT)] = None,
    feedback: Annotated[str | None, typer.Option(metavar="SPEC", help=FEEDBACK)] = None,
    plain: Annotated[bool, typer.Option("--plain", help="never use a compiled loop")] = False,
    trace: Annotated[bool, typer.Option("--trace", help="keep every decision too")] = False,
    timeout: Annotated[float | None, typer.Option(metavar="SECONDS", help="a run that takes longer fails")] = None,
    window: Annotated[int, typer.Option(metavar="N", help="curves show the mean of the last N decisions")] = 1000,
    tag: Tag = "",
    runs: Runs = Path("runs"),
    as_json: Json = False,
) -> None:
    """Run agents in a world, price their decisions, draw their curves."""
    from sandbox.names import expand
    from sandbox.plots.files import unwritten
    from sandbox.runs import Options
    from sandbox.settle import most_seeds, settle_study
    from sandbox.show.results import print_figures, print_result
    from sandbox.show.text import printable
    from sandbox.study import run_study
    from sandbox.study_file import is_study_file
    from sandbox.world import Budget, make_terms

    for name, value in (("--seeds", seeds), ("--jobs", jobs), ("--steps", steps), ("--episodes", episodes)):
        if value is not None and value < 1:
            raise SandboxError(f"{name} {value} is out of range: at least 1 is needed")
    if is_study_file(world):
        if agents:
            raise SandboxError(f"{world} names its agents itself; {agents[0]!r} beside it is too much")
        run_file(world, given_beside(context, "world", "agents", "runs", "as_json"), runs, as_json)
        return
    if not agents:
        raise SandboxError(f"AGENT is missing: say which agents to run in {world}; see 'sandbox list agents'")
    swept = [name for agent in agents for name in expand(agent)]
    count = most_seeds(until, seeds, len(swept)) if until is not None else 10 if seeds is None else seeds
    with progress_on(f"{world}: {len(swept)} agents, {count} seeds{' at most' * (until is not None)}") as progress:
        study = partial(
            run_study,
            world,
            swept,
            budget=Budget(steps, episodes),
            terms=make_terms(drift, feedback, plain),
            options=Options(window=window),
            jobs=jobs,
            runs=runs,
            trace=trace,
            timeout=timeout,
            progress=progress,
            tag=tag,
            command=command_line(),
        )
        settled = None if until is None else settle_study(study, most=count, jobs=jobs)
        result = study(seeds=range(count)) if settled is None else settled.result
    if not as_json:
        print_result(result)
        for line in [] if settled is None else settled.words():
            print(printable(line))
    with unwritten() as lost:
        figures = save_figures(result, runs)
    if as_json:
        told = {} if settled is None else {"settled": settled.as_json()}
        print_json(with_figures(result, figures) | told)
    else:
        print_figures(figures)
    finish(bool(result.failed), result.lost + lost)
