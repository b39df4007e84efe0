"""The report as Markdown, with its figures as PNG files beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from sandbox.report.parts import Part, Picture, Report, Said, Table
from sandbox.show.text import printable


def markdown(report: Report, figures: str) -> str:
    """Return the report as Markdown; `figures`: the folder with its figures, as the file names it."""
    lines = [f"# {escaped(report.title)}", "", "## In short", "", *_sentences(report.said)]
    for section in report.sections:
        lines += [f"## {escaped(section.title)}", ""]
        lines += [" · ".join(f"{name}: {escaped(told)}" for name, told in section.terms), "", *_sentences(section.said)]
        for part in section.parts:
            lines += _part(part, figures)
    lines += ["## What the words mean", "", *[f"- **{name}**: {told}" for name, told in report.glossary]]
    return "\n".join(lines) + "\n"


def pictures_of(report: Report) -> Iterator[Picture]:
    """Yield every figure of a report."""
    for section in report.sections:
        for part in section.parts:
            yield from part.pictures


def save_pictures(report: Report, folder: Path) -> list[Path]:
    """Write every figure into a folder, as PNG; return the paths."""
    import matplotlib

    paths = []
    for picture in pictures_of(report):
        folder.mkdir(parents=True, exist_ok=True)
        paths.append(folder / f"{picture.name}.png")
        with matplotlib.rc_context({"svg.hashsalt": "learner-sandbox"}):
            picture.draw().savefig(paths[-1], dpi=130, metadata={"Software": None})
    return paths


def escaped(text: str) -> str:
    """Return text as Markdown shows it as it is: no markup, no HTML, no links, one line."""
    told = " ".join(printable(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]#|~$!])", r"\\\1", told)


def _sentences(said: list[Said]) -> list[str]:
    lines = []
    for lead, text in said:
        lines += [" ".join(filter(None, (f"**{escaped(lead)}**" if lead else "", escaped(text)))), ""]
    return lines


def _part(part: Part, figures: str) -> Iterator[str]:
    yield from (f"### {escaped(part.title)}", "", *_sentences(part.said))
    yield from (f"- {escaped(name)}: {escaped(told)}" for name, told in part.defined)
    yield from [""] if part.defined else []
    for command in part.commands:
        yield from (*_fenced(command), "")
    for picture in part.pictures:
        yield from (f"![{escaped(picture.label)}]({figures}/{picture.name}.png)", "", f"*{escaped(picture.title)}*", "")
    for table in part.tables:
        yield from _table(table)


def _fenced(text: str) -> tuple[str, str, str]:
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{ticks}sh", printable(text), ticks


def _table(table: Table) -> Iterator[str]:
    yield from (escaped(table.caption), "")
    yield f"| {' | '.join(map(escaped, table.head))} |"
    yield f"|{'|'.join('---' if k == 0 or k in table.left else '---:' for k in range(len(table.head)))}|"
    for row in table.rows:
        yield f"| {' | '.join(map(escaped, row))} |"
    yield ""
