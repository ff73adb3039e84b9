"""Suite negatives: events read where there are none.

In the hard negatives of the test split, beside the events of its other reports, and in posts that
a news channel filed under peaceful classes (`negatives.json`). The posts are not annotated: an
event that is read there counts as an alarm, right or not.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from marsad.schema import Report, overlap
from marsad.text import split_words
from marsad_training.benchmark.measures import rate, size
from marsad_training.benchmark.setting import Bench, Document, Result, Row
from marsad_training.corpus import read_table
from marsad_training.export import false_events

_ALARM = "false events"
_QUIET: dict[str, Any] = json.loads(
    (files("marsad_training.benchmark") / "negatives.json").read_text("utf-8")
)


def run(bench: Bench) -> Result:
    """False events for each 1,000 words of every set."""
    gold = bench.test_split()
    sets = {
        "hard negatives": [r for r in gold if not r.events],
        "with events": [r for r in gold if r.events],
    }
    sets |= {name: bench.cut(posts) for name, posts in quiet_posts(bench).items()}
    read = {name: bench.read(part, f"negatives: {name}") for name, part in sets.items() if part}
    slices = {name: _alarms(sets[name], found, bench.seed) for name, found in read.items()}
    quiet = list(zip(sets["hard negatives"], read.get("hard negatives", ()), strict=True))
    return Result(slices, {"false_events": false_events(quiet)})


def _alarms(gold: Sequence[Report], read: Sequence[Report], seed: int) -> dict[str, Any]:
    """Triggers read that overlap no gold trigger, whatever its type."""
    types: Counter[str] = Counter()
    rows = {}
    for report, found in zip(gold, read, strict=True):
        false = [
            event.type
            for event in found.events
            if not any(overlap(g, event) for g in report.events)
        ]
        types.update(false)
        rows[report.id] = (len(false), len(split_words(report.text)))
    alarm = rate(list(rows.values()), seed) | {"labels": dict(types.most_common())}
    per_report = {id: {_ALARM: list(row)} for id, row in rows.items()}
    return size(gold) | {"rates": {_ALARM: alarm}, "per_report": per_report}


def rows(document: Document) -> Iterator[Row]:
    """Alarms for each 1,000 words, and the types that most of them have."""
    for name, part in document["slices"].items():
        for found in part["rates"].values():
            low, high = found["interval"]
            commonest = list(found["labels"].items())[:3]
            yield {
                "texts": name, "reports": str(part["reports"]), "words": str(found["words"]),
                "false events": str(found["alarms"]),
                "for each 1,000 words": f"{found['per_1000_words']:.2f} ({low:.2f}-{high:.2f})",
                "commonest types": ", ".join(f"{type} {n}" for type, n in commonest) or "-",
            }  # fmt: skip


def quiet_posts(bench: Bench) -> dict[str, list[Report]]:
    """Posts of a news channel that it filed under peaceful classes, none of them training data.

    None at all where the set is absent.
    """
    if not bench.has(_QUIET["folder"]):
        return {}
    folder = bench.public(_QUIET["folder"])
    seen = {source for _, source in bench.trained_on()}
    found: dict[str, list[Report]] = {name: [] for name in _QUIET["classes"]}
    for name in _QUIET["files"]:
        for _, (id, kind, content) in read_table(folder / name, _post, ","):
            source = f"{_QUIET['name']}/{name}/{id}"
            if kind in found and source not in seen:
                found[kind].append(Report(source, re.sub(r"\s+", " ", content).strip()))
    return {f"{_QUIET['name']}/{name}": reports for name, reports in found.items()}


def _post(row: Mapping[str, str]) -> tuple[str, str, str]:
    return row["ID"], row["Class"], row["Content"]
