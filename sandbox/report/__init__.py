"""The report: who is better at what, how sure that is and what the drift did, in one file for people."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from sandbox.report.parts import Report
    from sandbox.result import Result

FORMATS = ("html", "md")


def write_report(results: Sequence[Result], out: str | Path, *, format: str = "", metric: str = "") -> list[Path]:
    """Write the report of results, a section each, and return the paths written, the report's own first.

    `format`: "html" (one file that needs nothing else) or "md" (figures as PNG in a folder beside it), '' to tell from
    the file's name. `metric`: by which agents are compared, '' for each world's own. The same results give the same
    bytes. Raise `SandboxError` if there is nothing to report, or the file cannot be written.
    """
    kind_of(out, format)  # before the work
    return write_made(make_report(results, metric), out, format)


def make_report(results: Sequence[Result], metric: str = "") -> Report:
    """Return the report of results, not yet written as anything."""
    from sandbox.report.sections import report_of

    if not results:
        raise SandboxError("there is nothing to report: no result was given")
    return report_of(results, metric)


def kind_of(out: str | Path, format: str = "") -> str:
    """Return the format of a report: what was asked, else what the file's name says."""
    suffix = Path(out).suffix.lower()
    if not format and suffix not in ("", ".html", ".htm", ".md", ".markdown"):
        raise SandboxError(f"{out}: a report is written as .html or .md")
    kind = format or ("md" if suffix in (".md", ".markdown") else "html")
    if kind not in FORMATS:
        raise SandboxError(f"there is no format {format!r}: a report is html or md")
    return kind


def write_made(report: Report, out: str | Path, format: str = "") -> list[Path]:
    """Write a report that is made; return the paths written, its own first."""
    out, kind = Path(out), kind_of(out, format)
    if not out.name:
        raise SandboxError(f"{str(out)!r} is no file to write a report to; give it a name, such as report.html")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if kind == "html":
            from sandbox.report.page import page

            return [_written(out, page(report))]
        from sandbox.report.markdown import markdown, save_pictures

        figures = out.with_name(f"{out.stem}-figures")
        return [_written(out, markdown(report, figures.name)), *save_pictures(report, figures)]
    except OSError as error:
        raise SandboxError(f"{out}: the report cannot be written: {error.strerror or error}") from error


def _written(out: Path, text: str) -> Path:
    """Write a file whole: whoever looks sees the old one or the new one."""
    beside = out.with_name(f".tmp-{out.name}")
    try:
        beside.write_bytes(text.encode("utf-8", "backslashreplace"))
        beside.replace(out)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    return out
