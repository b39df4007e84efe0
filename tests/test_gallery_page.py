"""The gallery as a whole: experiments in processes of their own, and the page of all."""

from __future__ import annotations

import re
from pathlib import Path

from sandbox.gallery._all import measure_all
from sandbox.gallery._catalog import Experiment, experiment
from sandbox.gallery._found import Curve, Estimate, Found, Panel, Row
from sandbox.gallery._page import cells, write_page


def _found(value: float) -> Found:
    row = Row("mean <reward>", "a step", Estimate(1.0, 0.1), Estimate(value, 0.1), "a book")
    curve = Curve("an agent", [1.0, 2.0], [0.5, value], [0.1, 0.1], [(2.0, 1.0, row.tolerance(1))])
    return Found([row], [Panel("reward", "step", "reward a step", [curve])], ["20 runs."])


_ONE = Experiment("figure-0-0", "A title & more", "What to look at.", "a book, figure 0.0", "nowhere")


def test_several_experiments_run_at_a_time_and_say_what_here_one_says() -> None:
    wanted = [experiment("exact-values"), experiment("example-13-1")]
    told = dict(measure_all(wanted, True, 2))
    assert set(told) == set(wanted)
    assert all(told[one] == one.measure(True) for one in wanted)


def test_an_experiment_that_fails_is_told_of_and_the_others_go_on() -> None:
    told = dict(measure_all([_ONE, experiment("example-13-1")], True, 1))
    assert isinstance(told[_ONE], str) and "figure-0-0" in str(told[_ONE])
    assert isinstance(told[experiment("example-13-1")], Found)


def test_the_page_needs_no_script_and_no_network(tmp_path: Path) -> None:
    path = write_page(
        [(_ONE, _found(1.01)), (_ONE._replace(name="figure-0-1"), _found(9.0))], tmp_path / "p.html", True
    )
    page = path.read_text(encoding="utf-8")
    assert "<script" not in page and not re.search(r"(?:src|href)=\"(?!#)", page)
    assert "A title &amp; more" in page and "mean &lt;reward&gt;" in page and "a book, figure 0.0" in page
    assert page.count("<svg") >= 2 and "1 of 2 numbers are off" in page and "Small versions" in page
    assert len(set(re.findall(r' id="([^"]+)"', page))) == len(re.findall(r' id="([^"]+)"', page))


def test_a_row_is_told_with_as_many_digits_as_its_tolerance_makes_sense_of() -> None:
    found = _found(1.01)
    assert cells(found.rows[0], found) == ("mean <reward>", "a step", "1.000", "1.010", "0.4243", "ok")
    off = _found(9.0)
    assert cells(off.rows[0], off)[-1] == "off"
    exact = Found([Row("x", "value", Estimate(7.93), Estimate(7.93), "a book", 0.005)])
    assert cells(exact.rows[0], exact)[2:5] == ("7.93000", "7.93000", "0.0050")
