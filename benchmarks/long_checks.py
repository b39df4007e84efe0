"""The checks of the test suite that are quick there, at their full size: millions of draws, all pairs of speeds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

from measure import ROOT, Row

# What, the file or files, the tests in them, and their size in full.
CHECKS = (
    (
        "2,000,000 messages of each spam world against its law",
        "test_spam.py",
        "what_is_drawn_is_what_the_law_says",
        {"SANDBOX_DRAWS": "2000000"},
    ),
    (
        "2,000,000 messages of each spam world, padded or not, priced as they fall, in every bin",
        "test_spam_padding.py",
        "what_is_drawn_is_what_the_law_says",
        {"SANDBOX_DRAWS": "2000000"},
    ),
    (
        "2,000,000 messages of a spammer who reacts, in each of his states",
        "test_spam_reaction.py",
        "prices_are_right_in_every_state",
        {"SANDBOX_DRAWS": "2000000"},
    ),
    (
        "2,000,000 recommendations of each world against its law",
        "test_recommendation.py",
        "luck_has_mean_zero or wrong_law_is_found",
        {"RECOMMENDATION_DRAWS": "2000000"},
    ),
    (
        "2,000,000 recommendations in every mood, in slates and one by one, in every bin; places looked at",
        "test_recommendation_moods.py tests/test_recommendation_slate.py",
        "frequencies or wrong_moods or places_are_looked_at",
        {"RECOMMENDATION_DRAWS": "2000000"},
    ),
    (
        "2,000,000 messages of padded spam, and of a spammer who reacts, against their laws",
        "test_spam_padding.py tests/test_spam_reaction.py",
        "law_says or right_in_every_state",
        {"SANDBOX_DRAWS": "2000000"},
    ),
    (
        "2,000,000 questions of each stream of the literature, and of accents, against their posteriors",
        "test_classic_streams.py tests/test_accents.py",
        "as_often_as",
        {"SANDBOX_DRAWS": "2000000"},
    ),
    (
        "2,000,000 forecasts of each market and shop, and words of each topic model, against their laws",
        "test_house_prices.py tests/test_demand.py tests/test_text.py",
        "spread_as or as_often_as or variance_of_the_law or cover_what",
        {"SANDBOX_DRAWS": "2000000"},
    ),
    (
        "2,000,000 payments of each world of fraud against its law",
        "test_fraud.py",
        "what_is_drawn_is_what_the_law_says",
        {"SANDBOX_DRAWS": "2000000"},
    ),
    (
        "2,000,000 slates, and tired users, against their laws",
        "test_recommendation_slate.py tests/test_recommendation_moods.py",
        "frequencies",
        {"RECOMMENDATION_DRAWS": "2000000"},
    ),
    (
        "plain and compiled, every pair, 50,000 decisions, 3 seeds, bit for bit",
        "test_speeds.py",
        "",
        {"SANDBOX_SPEED_STEPS": "50000", "SANDBOX_SPEED_SEEDS": "3"},
    ),
    (
        "10,000 damaged files of runs and decisions: refused, or read as they were written",
        "test_damage.py",
        "hundreds_of_damaged_files",
        {"SANDBOX_DAMAGES": "10000"},
    ),
)


def long_checks(quick: bool) -> list[Row]:
    """Return how many tests failed at full size; in a quick version they have the size of the test suite."""
    rows = []
    for name, file, which, size in CHECKS:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *f"tests/{file}".split()]
        command += ["-k", which] if which else []
        began = time.perf_counter()
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | ({} if quick else size), capture_output=True, text=True, check=False
        )
        failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
        kept = done.returncode == 0
        detail = f"{time.perf_counter() - began:.0f} s  " + " ".join(failed)
        rows.append(Row(f"failures: {name}", float(len(failed) or (not kept)), "0", kept, detail.strip()))
    return rows
