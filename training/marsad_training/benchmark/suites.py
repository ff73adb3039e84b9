"""The suites, by name. Each is data: what it is called, how it runs, how it is shown."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from marsad.corpus.splits import theatre
from marsad.errors import MarsadError
from marsad.schema import Report
from marsad.score import TASKS
from marsad.text import split_words
from marsad_training.benchmark import public, speed, stress
from marsad_training.benchmark.measures import measures, rate, size
from marsad_training.benchmark.setting import AbsentError, Bench, Document, Result, Row, Suite
from marsad_training.corpus import read_labels, read_reports
from marsad_training.export import false_events

_ALARM = "false events"
_NEGATIVES = "events read where gold has none; posts are not annotated: an alarm may be right"
_FEWEST = 3  # reports of a set in suite smoke


def corpus(bench: Bench) -> Result:
    """The test split, whole, by theatre and by genre."""
    gold = bench.test_split()
    read = bench.read(gold, "corpus")
    slices = {"all": measures(gold, read, bench.seed)}
    slices |= _parts(gold, read, bench.seed, "theatre", theatre)
    slices |= _parts(gold, read, bench.seed, "genre", lambda report: report.style or "none")
    return Result(slices)


def real(bench: Bench) -> Result:
    """Each file of gold reports, whole and by origin."""
    if bench.real is None:
        raise AbsentError("needs gold reports: --real FILE_OR_FOLDER of JSON lines or markup.")
    paths = sorted(bench.real.iterdir()) if bench.real.is_dir() else [bench.real]
    # a folder may hold its reports twice, as markup and compiled
    files = {p.stem: p for suffix in (".txt", ".jsonl") for p in paths if p.suffix == suffix}
    if not files:
        raise AbsentError(f"{bench.real} holds no .txt or .jsonl file of gold reports.")
    trained = {id for id, _ in bench.trained_on()}
    slices: dict[str, dict[str, Any]] = {}
    seen = {}
    for stem, path in files.items():
        gold = bench.cut(read_reports(path, read_labels(bench.corpus)))
        read = bench.read(gold, f"real: {stem}")
        slices[stem] = measures(gold, read, bench.seed)
        slices |= _parts(gold, read, bench.seed, stem, theatre)
        seen[stem] = sum(report.id in trained for report in gold)
    return Result(slices, {"seen_in_training": seen})


def _parts(
    gold: Sequence[Report],
    read: Sequence[Report],
    seed: int,
    name: str,
    part: Callable[[Report], str],
) -> dict[str, dict[str, Any]]:
    """Measures of each part of a set that holds two reports or more, as `NAME/PART`."""
    parts: dict[str, list[tuple[Report, Report]]] = {}
    for pair in zip(gold, read, strict=True):
        parts.setdefault(part(pair[0]), []).append(pair)
    return {
        f"{name}/{key}": measures([g for g, _ in pairs], [r for _, r in pairs], seed, whole=False)
        for key, pairs in sorted(parts.items())
        if len(pairs) > 1
    }


def negatives(bench: Bench) -> Result:
    """Events read where there are none: in hard negatives, beside gold events, in peaceful posts.

    Posts are not annotated: an event that is read there counts as an alarm, right or not.
    """
    gold = bench.test_split()
    sets = {
        "hard negatives": [r for r in gold if not r.events],
        "with events": [r for r in gold if r.events],
    }
    sets |= {name: bench.cut(posts) for name, posts in public.quiet_posts(bench).items()}
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
            if not any(g.start < event.end and event.start < g.end for g in report.events)
        ]
        types.update(false)
        rows[report.id] = (len(false), len(split_words(report.text)))
    alarm = rate(list(rows.values()), seed) | {"labels": dict(types.most_common())}
    per_report = {id: {_ALARM: list(row)} for id, row in rows.items()}
    return size(gold) | {"rates": {_ALARM: alarm}, "per_report": per_report}


def smoke(bench: Bench) -> Result:
    """A tiny slice of every other suite, under a minute: does all of it still run?"""
    tiny = replace(bench, limit=min(bench.limit or _FEWEST, _FEWEST), seconds=0.0)
    slices: dict[str, dict[str, Any]] = {}
    took: dict[str, float | str] = {}
    facts = {}
    for name, suite in SUITES.items():
        if suite.run is smoke:
            continue
        start = time.perf_counter()
        try:
            found = suite.run(tiny)
        except AbsentError as reason:
            took[name] = f"skipped: {reason}"
            continue
        slices |= {f"{name}/{key}": part for key, part in found.slices.items()}
        facts[name] = found.facts
        took[name] = round(time.perf_counter() - start, 1)
    return Result(slices, {"suites": took, "facts": facts})


def task_rows(document: Document) -> Iterator[Row]:
    """F1 with its interval for each task of each slice."""
    for name, part in document["slices"].items():
        yield {"slice": name, "reports": str(part["reports"])} | {
            task: f"{found['f1']:.3f} ({found['interval'][0]:.3f}-{found['interval'][1]:.3f})"
            for task in TASKS
            if (found := part["tasks"].get(task))
        }


def rate_rows(document: Document) -> Iterator[Row]:
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


def smoke_rows(document: Document) -> Iterator[Row]:
    """What ran, in how many seconds."""
    for name, outcome in document["facts"]["suites"].items():
        yield {"suite": name, "seconds": str(outcome)}


SUITES: Mapping[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite("corpus", "authored test split (synthetic), by theatre and genre", corpus, task_rows),
        Suite("real", "gold reports given by path, by origin", real, task_rows),
        Suite("ner", "public named-entity sets, zero-shot", public.ner, public.ner_rows),
        Suite("gsr", "arabic_event_gsr: who did what to whom", public.gsr, public.gsr_rows),
        Suite("stress", "authored test split, rewritten", stress.run, stress.rows),
        Suite("negatives", _NEGATIVES, negatives, rate_rows),
        Suite("speed", "throughput, latency, start, memory", speed.run, speed.rows),
        Suite("smoke", "a tiny slice of all, for CI", smoke, smoke_rows),
    )
}
DEFAULT = tuple(name for name in SUITES if name != "smoke")


def suites_named(names: Sequence[str]) -> list[Suite]:
    """The suites of these names; by default all but the smoke test."""
    if unknown := [name for name in names if name not in SUITES]:
        raise MarsadError(f"there is no suite {unknown[0]!r}; known are {', '.join(SUITES)}.")
    return [SUITES[name] for name in names or DEFAULT]
