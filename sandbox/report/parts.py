"""What a report is made of, whatever it is written as: sections of parts, with sentences, figures and tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Said(NamedTuple):
    """Something said: a few words that stand out, may be empty, and the rest."""

    lead: str
    text: str


class Picture(NamedTuple):
    """A figure: its id on the page, its title, what it shows in words, and how it is drawn."""

    name: str
    title: str
    label: str
    draw: Callable[[], Figure]


@dataclass(frozen=True)
class Table:
    """A table of text: `rows` of as many cells as `head` has; the first column names the row, `left` are no numbers.

    `fold`: long, so it is folded away at first.
    """

    name: str
    caption: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    left: tuple[int, ...] = ()
    fold: bool = False


@dataclass(frozen=True)
class Part:
    """One subject of a section, such as the ranking."""

    name: str
    title: str
    said: list[Said] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    legend: list[tuple[str, str, str]] = field(default_factory=list)  # name, colour, dash pattern of its line
    commands: list[str] = field(default_factory=list)
    defined: list[tuple[str, str]] = field(default_factory=list)  # words that only this part uses


@dataclass(frozen=True)
class Section:
    """One world."""

    name: str
    title: str
    terms: list[tuple[str, str]]
    said: list[Said]
    parts: list[Part]


@dataclass(frozen=True)
class Report:
    """The whole: what is said first, and a section for each world."""

    title: str
    said: list[Said]
    sections: list[Section]
    glossary: list[tuple[str, str]]
