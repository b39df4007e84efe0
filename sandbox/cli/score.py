"""The command that scores a log of decisions made elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from sandbox.cli.shared import Json, app, print_json


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
    sharpness: Annotated[str | None, typer.Option(metavar="COLUMN", help="sum of squared probabilities")] = None,
    best: Annotated[str | None, typer.Option(metavar="COLUMN", help="V*: what the best choice was worth")] = None,
    value: Annotated[str | None, typer.Option(metavar="COLUMN", help="Q*: what this choice was worth")] = None,
    next_best: Annotated[str | None, typer.Option(metavar="COLUMN", help="V* of what followed")] = None,
    discount: Annotated[float, typer.Option(help="of the world, within an episode")] = 1.0,
    gap_range: Annotated[float | None, typer.Option(help="the largest price a decision can have")] = None,
    task: Annotated[str, typer.Option(help="auto, classification, regression or control")] = "auto",
    tolerance: Annotated[float | None, typer.Option(help="a forecast further off is a mistake")] = None,
    window: Annotated[int, typer.Option(help="decisions in the windowed curves")] = 1000,
    fading: Annotated[float, typer.Option(help="factor by which the fading mean forgets")] = 0.999,
    as_json: Json = False,
) -> None:
    """Score a log of decisions made elsewhere."""
    from sandbox.log_score import LogColumns, score_log

    columns = LogColumns(
        choice=choice, reward=reward, truth=truth, time=time, propensity=propensity, group=group,
        confidence=confidence, cell=cell, concept=concept, greedy=greedy, episode=episode, terminated=terminated,
        truncated=truncated, likelihood=likelihood, sharpness=sharpness, best=best, value=value, next_best=next_best,
    )  # fmt: skip
    nan = float("nan")
    scored = score_log(
        log, columns, discount=discount, gap_range=nan if gap_range is None else gap_range, task=task, window=window,
        fading=fading, tolerance=nan if tolerance is None else tolerance,
    )  # fmt: skip
    if as_json:
        print_json(scored.as_json())
    else:
        from sandbox.show.answers import print_log

        print_log(scored)
