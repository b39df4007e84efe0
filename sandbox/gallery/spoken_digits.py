"""Spoken digits: accuracy drops at each new speaker, and recovers.

Six speakers of four accents say the ten digits fifty times each, one speaker after the other. A word is 36 cepstral
means: twelve for each third of it. Nobody is told who speaks. A learner that never came to terms with one speaker may
find the next one easier, as naive Bayes does: no drop is expected of it there.
"""

from __future__ import annotations

from sandbox.catalog import make_world
from sandbox.gallery._data import absent, data_file, right, windowed
from sandbox.gallery._found import Curve, Estimate, Found, Panel, Row

SOURCE = "the Free Spoken Digit Dataset, speaker by speaker: each arrival is a change of the world, and is learned"
ROWS, WINDOW, FIRST, LAST = 3000, 100, 50, 100
LEARNERS = ("river:StandardScaler() | KNNClassifier()", "river:StandardScaler() | GaussianNB()")


def measure(quick: bool) -> Found:
    """Run learners over all words: the first of them if `quick`."""
    path = data_file("spoken_digits.csv")
    if path is None:
        return absent("spoken_digits.csv", "3,000 spoken digits as cepstral means, with speaker and accent")
    world = f"{path}:digit:group=speaker,leave_out=take/accent"
    arrivals = make_world(world).meta.arrivals[1:]
    ends = [*(at for at, _ in arrivals[1:]), ROWS]
    rows, curves, notes = list[Row](), list[Curve](), list[str]()
    for agent in LEARNERS[:1] if quick else LEARNERS:
        found = right(world, agent, ROWS)
        before, after, late = (
            [float(found[low:high].mean()) for low, high in spans]
            for spans in (
                [(at - LAST, at) for at, _ in arrivals],
                [(at, at + FIRST) for at, _ in arrivals],
                [(end - LAST, end) for end in ends],
            )
        )
        dropped = sum(b > a for b, a in zip(before, after, strict=True))
        back = sum(c > a for a, c in zip(after, late, strict=True))
        told = Estimate(float(len(arrivals)))
        if agent == LEARNERS[0]:
            rows.append(Row(f"{agent}: drops", "arrivals", told, Estimate(float(dropped)), SOURCE))
        rows.append(Row(f"{agent}: recoveries", "arrivals", told, Estimate(float(back)), SOURCE))
        marks = [(float(at), a, 0.0) for (at, _), a in zip(arrivals, after, strict=True)]
        curves.append(Curve(agent, *windowed(found, WINDOW), points=marks))
        each = (
            f"{name} {100 * b:.0f}, {100 * a:.0f}, {100 * c:.0f}"
            for (_, name), b, a, c in zip(arrivals, before, after, late, strict=True)
        )
        notes.append(
            f"{agent}: per cent right in the {LAST} words before a speaker, in the first {FIRST}, in the last {LAST}: "
            + "; ".join(each)
        )
    panel = Panel(
        f"accuracy over the last {WINDOW} words", "words", "share of right digits", curves,
        changes=[float(at) for at, _ in arrivals],
    )  # fmt: skip
    return Found(rows, [panel], [*notes, f"Circles: the first {FIRST} words of a speaker."])
