"""The report in a real browser: no script or network, nothing cut off or too faint, two widths and two schemes."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, browser, chromium
from shell import user_file

from sandbox import api
from sandbox.report import write_report

pytestmark = [
    pytest.mark.skipif(
        chromium() is None and os.environ.get("SANDBOX_BROWSER") != "required",
        reason="Debian's package 'chromium' is not installed",
    ),
]
HOSTILE = "<img src=x onerror=alert(1)>"
CLOSING = "</style></svg></title><script>alert(2)</script>"
# Contrast (WCAG 2.1) of every text against what lies behind it; alphas are mixed, paints of SVG text are `fill`.
CONTRAST = """
(() => {
  const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const alpha = c => c.length > 3 ? c[3] : 1;
  const mix = (top, under) => [0, 1, 2].map(k => alpha(top) * top[k] + (1 - alpha(top)) * under[k]);
  const line = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = c => [0.2126, 0.7152, 0.0722].reduce((sum, w, k) => sum + w * line(c[k] / 255), 0);
  const up = e => { const chain = []; for (; e; e = e.parentElement) chain.push(getComputedStyle(e)); return chain; };
  const behind = e => up(e).reverse().reduce((under, s) => mix(parse(s.backgroundColor), under), [255, 255, 255]);
  document.querySelectorAll('details').forEach(e => e.open = true);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  let seen = 0;
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
    if (!text || ['STYLE', 'SCRIPT', 'title'].includes(element.nodeName)) continue;
    const style = getComputedStyle(element), under = behind(element);
    const opacity = up(element).reduce((product, s) => product * Number(s.opacity), 1);
    const top = mix(parse(element instanceof SVGElement ? style.fill : style.color), under);
    const [a, b] = [light(mix([...top, opacity], under)), light(under)].sort((x, y) => y - x);
    seen += 1;
    if ((a + 0.05) / (b + 0.05) < 4.5) found.push([text, (a + 0.05) / (b + 0.05)]);
  }
  return {seen, found};
})()
"""
FIGURES = """
[...document.querySelectorAll('figure svg')].map(svg => {
  const box = svg.getBoundingClientRect();
  const size = e => { const b = e.getBoundingClientRect(); return b.width + b.height; };
  const drawn = [...svg.querySelectorAll('path, use')].filter(e => size(e) > 0);
  const texts = [...svg.querySelectorAll('text')].map(e => e.getBoundingClientRect());
  return {width: box.width, height: box.height, right: box.right, paths: drawn.length, texts: texts.length,
          ends: Math.max(...texts.map(t => t.right)), title: svg.querySelector('title').textContent};
})
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of a drifting world with late answers, an unpriced one, and one with hostile names and failing runs."""
    folder = tmp_path_factory.mktemp("report")
    path = user_file(folder)
    raising = f"{path}:Walker:fault=raise,on=1"
    hostile = [f"{path}:Walker:on={HOSTILE!r}", f"{path}:Walker:on={CLOSING!r}", raising]
    results = [
        api.run("spam", ["logistic", "naive-bayes", "random"], seeds=10, steps=3000, window=200,
                drift="abrupt@1500:obfuscation=0.8", feedback="delayed=50"),
        api.run("river:Phishing", ["river:GaussianNB()", "majority"], seeds=2, jobs=1),
        api.run("FrozenLake-v1", [*hostile, "random"], seeds=3, steps=400, jobs=1),
    ]  # fmt: skip
    assert results[2].failed
    return write_report(results, folder / "report.html")[0]


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


def complaints(events: list[dict[str, Any]], path: Path) -> list[Any]:
    """Return what the page reported: scripts, console, policy, and requests of anything but the page itself."""
    bad = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Audits.issueAdded")
    bad += ("Page.javascriptDialogOpening", "Network.webSocketCreated")
    own = path.resolve().as_uri()
    requests = [one["params"] for one in events if one.get("method") == "Network.requestWillBeSent"]
    return [one for one in events if one.get("method") in bad] + [
        one["request"]["url"] for one in requests if one["request"]["url"].partition("#")[0] != own
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_is_drawn_whole_and_readable(width: int, scheme: str, page: Path, window: Browser) -> None:
    window.open(page, width=width, scheme=scheme)
    measured = window.run("[document.documentElement.scrollWidth, document.body.scrollWidth, innerWidth]")
    assert max(measured[:2]) <= measured[2] == width
    figures = window.run(FIGURES)
    assert len(figures) >= 10
    for figure in figures:
        assert figure["width"] > 200 and figure["height"] > 60 and figure["right"] <= width, figure
        assert figure["ends"] <= width, figure  # no label is cut off at the edge
        assert figure["paths"] >= 5 and figure["texts"] >= 2 and figure["title"], figure
    contrast = window.run(CONTRAST)
    assert contrast["seen"] > 500 and not contrast["found"]
    opened = window.run("[document.documentElement.scrollWidth, innerWidth]")  # with every fold open
    assert opened[0] <= opened[1]
    paper = window.run("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") is (scheme == "light")
    assert not complaints(window.events, page)


def test_contrast_is_noticed(page: Path, window: Browser) -> None:
    window.open(page)
    window.run("document.querySelector('h1').style.color = '#888888'")
    assert [text for text, _ in window.run(CONTRAST)["found"]] == ["Report: 3 studies"]
    window.run("document.querySelector('figure svg text').style.fill = '#eeeeee'")
    assert len(window.run(CONTRAST)["found"]) == 2


def test_hostile_names_are_text(page: Path, window: Browser) -> None:
    window.open(page)
    assert window.run("document.querySelectorAll('img, script, iframe, object, link, [onerror]').length") == 0
    text = window.run("document.body.innerText + document.title")
    assert HOSTILE in text and CLOSING in text
    inside = window.run("[...document.querySelectorAll('svg text')].map(e => e.textContent).join(' ')")
    assert "<img src=x" in inside
    assert not complaints(window.events, page)


def test_keyboard_reaches_everything(page: Path, window: Browser) -> None:
    window.open(page, width=390)
    reached: list[str] = []
    count = window.run("document.querySelectorAll('a, summary, [tabindex=\"0\"]').length")
    for _ in range(count + 5):
        window.press("Tab")
        what = "e => e.className.includes('scroll') ? 'scroll' : e.nodeName + ' ' + (e.getAttribute('href') || '')"
        reached.append(window.run(f"({what})(document.activeElement)"))
    assert reached[0] == "A #main"  # the skip link, first of all
    assert {"A #s1", "A #s2", "A #s3", "scroll"} <= set(reached) and any(one.startswith("SUMMARY") for one in reached)
    visible = window.run("[...document.querySelectorAll('.scroll')].filter(e => e.checkVisibility()).length")
    assert reached.count("scroll") >= visible > 5
    window.run("document.querySelector('.scroll table').parentElement.focus()")
    window.press("ArrowRight")
    window.press("ArrowRight")
    moved = "new Promise(done => setTimeout(() => done(document.activeElement.scrollLeft), 400))"
    assert window.run(moved) > 0
    window.open(page)
    window.press("Tab")
    assert window.run("document.activeElement.getBoundingClientRect().top") >= 0  # it shows itself
    window.press("Enter")
    assert window.run("document.activeElement.id") == "main"


def test_has_the_structure_that_readers_of_it_need(page: Path, window: Browser) -> None:
    window.open(page)
    headings = window.run("[...document.querySelectorAll('h1, h2, h3')].map(e => Number(e.nodeName[1]))")
    assert headings[0] == 1 and headings.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))
    assert window.run(
        "[...document.querySelectorAll('table')].every(t => t.caption && t.caption.textContent.length > 10)"
    )
    assert window.run("[...document.querySelectorAll('tbody tr')].every(r => r.cells[0].scope === 'row')")
    ids = window.run("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids)) > 20
    known = "e => document.getElementById(e.getAttribute('aria-labelledby')) !== null"
    assert window.run(f"[...document.querySelectorAll('[aria-labelledby]')].every({known})")
    assert window.run("document.documentElement.lang") == "en"


def test_prints(page: Path, window: Browser) -> None:
    window.open(page, scheme="dark")
    printed = window.pdf()
    assert printed.startswith(b"%PDF-") and len(printed) > 50_000
    window.call(
        "Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}]
    )
    assert window.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"  # paper is white
