"""The report as one HTML file that needs neither network nor script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sandbox.plots.inline import inline_svg, paint
from sandbox.report.parts import Picture, Report
from sandbox.show.text import printable

_TEMPLATES = Path(__file__).parent / "templates"


def page(report: Report) -> str:
    """Return the report as an HTML document; everything that comes from data, names and errors is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def shown(value: Any) -> Any:
        return value if isinstance(value, Markup) or not isinstance(value, str) else printable(value)

    def figure(picture: Picture) -> Markup:
        return Markup(inline_svg(picture.draw(), picture.name, printable(picture.label)))  # escaped by its maker

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, finalize=shown,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    style = Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8"))
    template = environment.get_template("report.html.jinja")
    return template.render(report=report, style=style, figure=figure, paint=paint) + "\n"
