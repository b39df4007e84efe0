"""Figures as SVG inside a page: text stays text, colours follow the page's scheme, ids are its own."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SETTINGS: Any = {"svg.fonttype": "none", "svg.hashsalt": "learner-sandbox", "path.simplify_threshold": 0.3}
_NOTHING_TOLD: dict[str, Any] = {"Date": None, "Creator": None, "Format": None, "Type": None}
# Ink, paper and grid are the page's; an agent's colour is a variable that the dark scheme may lighten.
_INK = {"#000000": "currentColor", "#262626": "currentColor", "#ffffff": "var(--paper)", "#b0b0b0": "var(--grid)"}
_PAINTS = ("fill", "stroke")
_DROPPED = ("{http://www.w3.org/2000/svg}metadata", "{http://www.w3.org/2000/svg}style")
_NUMBER = re.compile(r"-?\d+\.\d+")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def paint(colour: str) -> str:
    """Return the paint of a colour (#rrggbb) on the page: its own variable, with itself where that is not set."""
    colour = colour.lower()
    return _INK.get(colour, f"var(--c{colour[1:]}, {colour})" if colour.startswith("#") else colour)


def inline_svg(drawn: Figure, name: str, label: str) -> str:
    """Return a figure as an `svg` element to stand in HTML; the same bytes for the same figure.

    `name`: letters, digits and hyphens, no other figure's of the page: the prefix of all ids. `label`: what the figure
    shows, for who does not see it.
    """
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context(SETTINGS):
        drawn.savefig(buffer, format="svg", transparent=True, metadata=_NOTHING_TOLD)
    root = ElementTree.fromstring(buffer.getvalue())
    for parent in root.iter():
        for child in [child for child in parent if child.tag in _DROPPED]:
            parent.remove(child)
    used = set(_references(root))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        attributes = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        element.attrib.clear()
        element.attrib.update(_cleaned(attributes, name, used))
    box = root.get("viewBox", "0 0 1 1")
    root.attrib.clear()
    root.attrib.update({"viewBox": box, "role": "img", "aria-labelledby": f"{name}-title", "fill": "currentColor"})
    title = ElementTree.Element("title", {"id": f"{name}-title"})
    title.text = label
    root.insert(0, title)
    for element in root.iter():  # matplotlib's own line breaks between elements
        element.tail = None
        element.text = element.text if element.tag in ("text", "tspan", "title") else None
    return ElementTree.tostring(root, encoding="unicode")


def _references(root: ElementTree.Element) -> Iterator[str]:
    """Yield every id that something refers to."""
    for element in root.iter():
        for key, value in element.attrib.items():
            yield from _REFERENCE.findall(value)
            if key.endswith("href"):
                yield value.removeprefix("#")


def _cleaned(attributes: dict[str, str], name: str, used: set[str]) -> dict[str, str]:
    """Return an element's attributes with ids of this figure only, few digits and the page's colours."""
    found: dict[str, str] = {}
    for key, value in attributes.items():
        if key == "id":
            if value in used:
                found[key] = f"{name}-{value}"
        elif key == "href":
            found[key] = f"#{name}-{value.removeprefix('#')}"
        elif key == "style":
            found[key] = _style(value, name)
        elif key in ("d", "x", "y", "width", "height"):
            found[key] = " ".join(_NUMBER.sub(_short, value).split())
        elif key in _PAINTS:
            found[key] = paint(value)
        else:
            found[key] = _own(value, name)
    return {key: value for key, value in found.items() if value}


def _short(found: re.Match[str]) -> str:
    text = f"{float(found[0]):.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _own(value: str, name: str) -> str:
    """Return a value whose references are to this figure."""
    return _REFERENCE.sub(rf"url(#{name}-\1)", value)


def _style(text: str, name: str) -> str:
    """Return a style whose paints are the page's, and whose font is the page's but for its size."""
    parts = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        key, _, value = (bit.strip() for bit in part.partition(":"))
        if key in _PAINTS:
            value = paint(value)
        elif key == "font":
            size = re.search(r"[\d.]+px", value)
            key, value = "font-size", size[0] if size else "10px"
        elif key == "font-family":
            continue
        parts.append(f"{key}:{_own(value, name)}")
    return ";".join(parts)
