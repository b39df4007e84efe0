"""SMS messages: real spam in the order in which it was collected, met by filters that learn from each message.

Accuracy says little where one message in seven is spam: the spam track's pair, ham lost and spam passed, says it.
"""

from __future__ import annotations

import numpy as np

from sandbox.evaluator import evaluate
from sandbox.gallery._data import absent, data_file, windowed
from sandbox.gallery._found import Curve, Estimate, Found, Panel, Row
from sandbox.gallery._streams import runs_of
from sandbox.trace import Meta, Trace

SOURCE = (
    "the SMS Spam Collection (Almeida, Gómez Hidalgo & Yamakami 2011): 5,574 messages, 13.4 % spam; and River's own "
    "multinomial naive Bayes"
)
ROWS, WINDOW = 5574, 500
RIVERS = 'river:BagOfWords(on="body") | MultinomialNB()'
FILTERS = ("naive-bayes", "logistic", "perceptron:margin=1", RIVERS)


def measure(quick: bool) -> Found:
    """Run the filters over all messages: two of them if `quick`."""
    if data_file("SMSSpam/SMSSpamCollection", "RIVER_DATA") is None:
        return absent("SMSSpam", "River's datasets.SMSSpam(), 5,574 text messages", "RIVER_DATA")
    curves, notes, rows = list[Curve](), list[str](), list[Row]()
    for agent in ("majority", *(FILTERS[:2] if quick else FILTERS)):
        (trace,) = runs_of("river:SMSSpam", agent, range(1), ROWS)
        if agent == "majority":
            rows += _collection(trace)
        right = np.asarray(trace.choice == trace.truth, dtype=np.float64)
        points = [(float(ROWS), 1.0 - float(np.mean(trace.truth)), 0.0)] if agent == "majority" else []
        curves.append(Curve(agent, *windowed(right, WINDOW), points=points))
        told = evaluate(trace, Meta("classification", labels=(False, True), n_choices=2, why_unpriced="real")).metrics
        ham, spam, lam = (100.0 * told[name] for name in ("false_positive_rate", "false_negative_rate", "lam"))
        notes.append(
            f"{agent}: {100.0 * told['accuracy']:.2f} % right; ham lost {ham:.2f} %, spam passed {spam:.2f} %, lam "
            f"{lam:.2f} %"
        )
    panel = Panel(f"accuracy over the last {WINDOW} messages", "messages", "share of right labels", curves)
    return Found(rows, [panel], [*notes, "The circle is the share of ham: who always says so has it."])


def _collection(trace: Trace) -> list[Row]:
    """Return what is known of the collection itself."""
    share = 100.0 * float(np.mean(trace.truth))
    return [
        Row("messages", "messages", Estimate(5574.0), Estimate(float(len(trace))), SOURCE),
        Row("spam among them", "per cent", Estimate(13.4), Estimate(share), SOURCE, 0.05),
    ]
