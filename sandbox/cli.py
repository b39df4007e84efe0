"""The command line. It parses, calls the core and shows; heavy libraries are imported where they are used."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sandbox.errors import SandboxError, one_line

if TYPE_CHECKING:
    from sandbox.result import Result
    from sandbox.study import Progress

app = typer.Typer(
    help="A sandbox where every decision of a learner has a price.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

_World = Annotated[str, typer.Argument(metavar="WORLD", help="a world, such as FrozenLake-v1 or river:Phishing")]
_Agents = Annotated[list[str], typer.Argument(metavar="AGENT...", help="agents, such as q-learning:step_size=0.5")]
_Json = Annotated[bool, typer.Option("--json", help="print one JSON document and nothing else on standard output")]
_DRIFT = "how the world changes, as abrupt@20000 or gradual@20000~5000:setting=value; repeat to compose"
_FEEDBACK = "how it answers, as delayed=500+partial=0.9+noisy=0.05 [immediate]"
_Runs = Annotated[Path, typer.Option("--runs", metavar="DIR", help="folder that keeps the runs")]


@app.command()
def run(
    world: _World,
    agents: _Agents,
    seeds: Annotated[int, typer.Option(metavar="N", help="number of seeds, from 0")] = 10,
    steps: Annotated[int | None, typer.Option(metavar="N", help="decisions of a run [the world's suggestion]")] = None,
    episodes: Annotated[int | None, typer.Option(metavar="N", help="episodes of a run")] = None,
    jobs: Annotated[int | None, typer.Option(metavar="N", help="worker processes [all cores]")] = None,
    drift: Annotated[list[str] | None, typer.Option(metavar="SPEC", help=_DRIFT)] = None,
    feedback: Annotated[str | None, typer.Option(metavar="SPEC", help=_FEEDBACK)] = None,
    plain: Annotated[bool, typer.Option("--plain", help="never use a compiled loop")] = False,
    trace: Annotated[bool, typer.Option("--trace", help="keep every decision too")] = False,
    window: Annotated[int, typer.Option(metavar="N", help="curves show the mean of the last N decisions")] = 1000,
    runs: _Runs = Path("runs"),
    as_json: _Json = False,
) -> None:
    """Run agents in a world, price their decisions, draw their curves."""
    from sandbox.names import expand
    from sandbox.plots import unwritten
    from sandbox.runs import Options
    from sandbox.show import print_figures, print_result
    from sandbox.study import run_study
    from sandbox.world import Budget, make_terms

    for name, value in (("--seeds", seeds), ("--jobs", jobs), ("--steps", steps), ("--episodes", episodes)):
        if value is not None and value < 1:
            raise SandboxError(f"{name} {value} is out of range: at least 1 is needed")
    swept = [name for agent in agents for name in expand(agent)]
    with _progress(f"{world}: {len(swept)} agents, {seeds} seeds") as progress:
        result = run_study(
            world,
            swept,
            seeds=range(seeds),
            budget=Budget(steps, episodes),
            terms=make_terms(drift, feedback, plain),
            options=Options(window=window),
            jobs=jobs,
            runs=runs,
            trace=trace,
            progress=progress,
        )
    if not as_json:
        print_result(result)
    with unwritten() as lost:
        figures = result.save_figure(runs / "figures" / result.file_stem)
    if as_json:
        _print_json(_with_figures(result, figures))
    else:
        print_figures(figures)
    _finish(bool(result.failed), lost)


@app.command()
def score(
    log: Annotated[str, typer.Argument(metavar="LOG", help="a CSV or Parquet file, one decision a row")],
    choice: Annotated[str, typer.Option(metavar="COLUMN", help="what was chosen")],
    reward: Annotated[str | None, typer.Option(metavar="COLUMN", help="what it earned")] = None,
    truth: Annotated[str | None, typer.Option(metavar="COLUMN", help="the right answer")] = None,
    time: Annotated[str | None, typer.Option(metavar="COLUMN", help="when: rows are put in this order")] = None,
    propensity: Annotated[str | None, typer.Option(metavar="COLUMN", help="probability of the choice made")] = None,
    group: Annotated[str | None, typer.Option(metavar="COLUMN", help="scores are given for each group too")] = None,
    confidence: Annotated[str | None, typer.Option(metavar="COLUMN", help="probability given to the choice")] = None,
    cell: Annotated[str | None, typer.Option(metavar="COLUMN", help="the situation")] = None,
    concept: Annotated[str | None, typer.Option(metavar="COLUMN", help="the law in force")] = None,
    greedy: Annotated[str | None, typer.Option(metavar="COLUMN", help="the choice without exploring")] = None,
    episode: Annotated[str | None, typer.Option(metavar="COLUMN", help="the episode it belongs to")] = None,
    terminated: Annotated[str | None, typer.Option(metavar="COLUMN", help="whether the episode ended here")] = None,
    truncated: Annotated[str | None, typer.Option(metavar="COLUMN", help="whether it was cut here")] = None,
    likelihood: Annotated[str | None, typer.Option(metavar="COLUMN", help="probability given to the truth")] = None,
    best: Annotated[str | None, typer.Option(metavar="COLUMN", help="V*: what the best choice was worth")] = None,
    value: Annotated[str | None, typer.Option(metavar="COLUMN", help="Q*: what this choice was worth")] = None,
    next_best: Annotated[str | None, typer.Option(metavar="COLUMN", help="V* of what followed")] = None,
    discount: Annotated[float, typer.Option(help="of the world, within an episode")] = 1.0,
    gap_range: Annotated[float | None, typer.Option(help="the largest price a decision can have")] = None,
    task: Annotated[str, typer.Option(help="auto, classification, regression or control")] = "auto",
    tolerance: Annotated[float | None, typer.Option(help="a forecast further off is a mistake")] = None,
    window: Annotated[int, typer.Option(help="decisions in the windowed curves")] = 1000,
    fading: Annotated[float, typer.Option(help="factor by which the fading mean forgets")] = 0.999,
    as_json: _Json = False,
) -> None:
    """Score a log of decisions made elsewhere."""
    from sandbox.log_score import LogColumns, score_log

    columns = LogColumns(
        choice=choice, reward=reward, truth=truth, time=time, propensity=propensity, group=group,
        confidence=confidence, cell=cell, concept=concept, greedy=greedy, episode=episode, terminated=terminated,
        truncated=truncated, likelihood=likelihood, best=best, value=value, next_best=next_best,
    )  # fmt: skip
    nan = float("nan")
    scored = score_log(
        log, columns, discount=discount, gap_range=nan if gap_range is None else gap_range, task=task, window=window,
        fading=fading, tolerance=nan if tolerance is None else tolerance,
    )  # fmt: skip
    if as_json:
        _print_json(scored.as_json())
    else:
        from sandbox.show import print_log

        print_log(scored)


@app.command()
def oracle(
    world: _World,
    epsilon: Annotated[float | None, typer.Option(help="values of policies that explore this share, too")] = None,
    as_json: _Json = False,
) -> None:
    """Print the exact values of a world whose law is known."""
    from sandbox.catalog import make_world

    with contextlib.redirect_stdout(sys.stderr):  # what a user's file prints is no part of the answer
        found = make_world(world).oracle(epsilon)
    if as_json:
        from sandbox.result import finite

        _print_json(finite(found))
    else:
        from sandbox.show import print_oracle

        print_oracle(found)


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="worlds, agents, metrics or runs [all but runs]")] = "",
    runs: _Runs = Path("runs"),
    as_json: _Json = False,
) -> None:
    """List what there is."""
    from sandbox.listing import listing

    found = listing(what, runs)
    if as_json:
        _print_json(found)
    else:
        from sandbox.show import print_listing

        print_listing(found)


@app.command()
def check(
    thing: Annotated[str, typer.Argument(metavar="FILE.py:NAME", help="an agent, an environment or a stream")],
    as_json: _Json = False,
) -> None:
    """Check that an agent, environment or stream keeps the contracts."""
    from sandbox.checks import run_checks

    with contextlib.redirect_stdout(sys.stderr):  # what a user's file prints is no part of the answer
        found = run_checks(thing)
    if as_json:
        _print_json({"schema": 1, "thing": thing, "checks": [result._asdict() for result in found]})
    else:
        from sandbox.show import print_checks

        print_checks(thing, found)
    if not all(result.passed for result in found):
        raise typer.Exit(1)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="folder for runs and figures")] = Path("demo"),
    seeds: Annotated[int | None, typer.Option(metavar="N", help="number of seeds [10, or 30 where it is fast]")] = None,
    as_json: _Json = False,
) -> None:
    """Show what it does: tabular agents, worlds that drift, spam, recommendation, River models on real data."""
    from sandbox.demo import run_demo
    from sandbox.plots import unwritten
    from sandbox.show import print_figures, print_result

    if seeds is not None and seeds < 1:
        raise SandboxError(f"--seeds {seeds} is out of range: at least 1 is needed")
    found = []
    with _progress("demo") as progress, unwritten() as lost:
        for result, figures in run_demo(out, seeds, progress):
            found.append((result, figures))
            if not as_json:
                print_result(result)
                print_figures(figures)
    if as_json:
        _print_json({"schema": 1, "studies": [_with_figures(*pair) for pair in found]})
    _finish(any(result.failed for result, _ in found), lost)


def _with_figures(result: Result, figures: list[Path]) -> dict[str, Any]:
    return result.as_json() | {"figures": [str(path) for path in figures]}


def _finish(failed: bool, lost: list[str]) -> None:
    """Name each figure that was lost; exit with status 1 if anything was."""
    for text in lost:
        _complain(text, 1)
    if failed or lost:
        raise typer.Exit(1)


def _print_json(document: Any) -> None:
    print(json.dumps(document, allow_nan=False, indent=1))


@contextlib.contextmanager
def _progress(title: str) -> Iterator[Progress]:
    """Show progress on standard error, if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from sandbox.show import printable

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


def main() -> None:
    """Run the command line: exit status 0 all done, 1 something failed, 2 the request makes no sense."""
    try:
        here = str(Path.cwd())
        if "" not in sys.path and here not in sys.path:
            sys.path.append(here)  # users' own modules; last, so that nothing of ours is shadowed
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal that cannot show a sign shows another
        status = app(standalone_mode=False)
    except FileNotFoundError:
        status = _complain("the folder that this was started in is gone", 2)
    except SandboxError as error:
        status = _complain(one_line(error), 130 if type(error).__name__ == "StoppedError" else 2)
    except typer.TyperException as error:
        # Without a command the help was shown already; that is no complaint.
        status = 2 if type(error).__name__ == "NoArgsIsHelpError" else _complain(_usage(error), 2)
    except (KeyboardInterrupt, typer.Abort):
        status = _complain("stopped", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader left, as `| head` does
        status = 0
    sys.exit(status if isinstance(status, int) else 0)


def _usage(error: Exception) -> str:
    describe = getattr(error, "format_message", None)
    text = " ".join((describe() if describe is not None else str(error)).split())
    context = getattr(error, "ctx", None)
    return f"{text.rstrip('.')}; see '{context.command_path if context is not None else 'sandbox'} --help'"


def _complain(text: str, status: int) -> int:
    if not text.isprintable():
        from sandbox.show import printable

        text = printable(text)
    print(f"sandbox: {text}", file=sys.stderr)
    return status
