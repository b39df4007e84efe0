"""What a notebook shows of a result: the picture first, then the table, then what to mind."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from sandbox.show.verdicts import p_text, place_text, share_text, verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sandbox.compared import Comparison
    from sandbox.result import Result


def result_html(result: Result) -> str:
    """Return a result as HTML that needs nothing else; every text in it is escaped."""
    from sandbox.show.text import cell, heading

    rows = [
        [
            agent.name + (" ▼" if result.below_yardstick(agent) else ""),
            *(cell(name, agent.interval(name)) for name in result.shown),
            f"{agent.distinct}" + (f" + {len(agent.failed)} failed" if agent.failed else ""),
        ]
        for agent in result.agents
    ]
    caption = "; ".join(filter(None, (result.world, str(result.drifting), "mean [95 % interval] over runs")))
    table = _table(caption, ["agent", *map(heading, result.shown), "runs"], rows)
    return _picture(result.plot(), f"learning curves in {result.world}") + table + _notes(result.warnings())


def comparison_html(found: Comparison) -> str:
    """Return a comparison as HTML that needs nothing else; every text in it is escaped."""
    from sandbox.show.text import cell, heading

    name = heading(found.metric)
    places = [
        [place_text(one), one.agent.name, *(cell(found.metric, part) for part in (one.mean, one.median, one.iqm))]
        for one in found.ranking
    ]
    pairs = [
        [
            f"{pair.a} − {pair.b}",
            cell(found.metric, pair.difference),
            p_text(pair.p_holm),
            share_text(pair),
            verdict(found, pair),
        ]
        for pair in found.pairs
    ]
    ranking = _table(
        f"{found.result.world}: {name}", ["place", "agent", "mean", "median", "interquartile mean"], places
    )
    heads = ["pair", "difference [95 % interval]", "p (Holm)", "first is better in", "verdict"]
    picture = _picture(found.plot(), f"agents in {found.result.world} compared")
    return picture + ranking + (_table("differences", heads, pairs) if pairs else "") + _notes(found.result.warnings())


def _table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _notes(texts: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>" if texts else ""


def _picture(drawn: Figure, about: str) -> str:
    held = io.BytesIO()
    drawn.savefig(held, format="png", dpi=90, metadata={"Software": None})
    data = base64.b64encode(held.getvalue()).decode()
    return f'<img alt="{escape(about)}" style="max-width:100%" src="data:image/png;base64,{data}">'
