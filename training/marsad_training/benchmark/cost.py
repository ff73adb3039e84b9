"""Time and memory as the work grows: in reports, and in characters of one report.

A fresh process reads each amount (`worker.py`), so that its peak is its own. The reports are those
of the test split, over and over; a long one is many of them in one text. What a model costs at ten
million reports is worked out from the largest amount that was measured.
"""

from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import Any

from marsad.text import split_words
from marsad_training.benchmark import speed
from marsad_training.benchmark.setting import AbsentError, Bench, Document, Result, Row

REPORTS = (1, 10, 100, 1_000, 10_000)
CHARACTERS = (100, 1_000, 10_000, 100_000)
MANY = 10_000_000  # reports, on paper
MACHINES = (1, 10, 100)
_THREADS = 2


def run(bench: Bench) -> Result:
    """Each amount in a process of its own."""
    if bench.system.artifact is None:
        raise AbsentError(f"{bench.system.name} is no artifact that a fresh process can open.")
    texts = [report.text for report in bench.test_split()]
    most = bench.limit or max(REPORTS)
    amounts = [("reports", n, texts, n) for n in REPORTS if n <= most]
    if bench.limit is None:
        whole = "\n\n".join(islice(cycle(texts), CHARACTERS[-1] // min(map(len, texts))))
        amounts += [("characters", n, [whole[:n]], 1) for n in CHARACTERS]
    rows = []
    for kind, size, some, count in bench.watch(amounts, len(amounts), "cost"):
        order = {
            "threads": _THREADS,
            "single": texts[:1],
            "cells": [],
            "texts": some,
            "count": count,
        }
        _, found = speed.process("marsad", bench.system.artifact, order)
        words = sum(len(split_words(text)) for text in islice(cycle(some), count))
        rows.append({"of": kind, "size": size, "words": words, **found["amount"]})
    return Result({}, {"rows": rows, "threads": _THREADS})


def rows(document: Document) -> Iterator[Row]:
    """One row for each amount, and one for each number of machines."""
    facts = document["facts"]
    for row in facts["rows"]:
        yield {
            "amount": f"{row['size']:,} {row['of']}",
            "words": f"{row['words']:,}",
            "seconds": f"{row['seconds']:.2f}",
            "words/s": f"{row['words'] / row['seconds']:.0f}",
            "peak, MiB": f"{row['peak_mib']:.0f}",
        }
    for machines, hours in on_paper(facts["rows"]):
        yield {
            "amount": f"{MANY:,} reports, machines: {machines} (on paper)",
            "seconds": f"{3600 * hours:,.0f} ({hours:,.1f} h)",
        }


def on_paper(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[int, float]]:
    """Machines, and the hours that they need for `MANY` reports at the pace of the largest run."""
    largest = max((row for row in rows if row["of"] == "reports"), key=lambda row: row["size"])
    for machines in MACHINES:
        yield machines, MANY / largest["size"] * largest["seconds"] / machines / 3600
