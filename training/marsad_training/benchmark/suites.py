"""The suites, by name. Each is data: what it is called, how it runs, how it is shown."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from marsad.corpus.splits import theatre
from marsad.errors import MarsadError
from marsad.schema import Report
from marsad_training.benchmark import cost, entities, gsr, negatives, speed, stress, training
from marsad_training.benchmark.measures import FIGURES, measures
from marsad_training.benchmark.setting import AbsentError, Bench, Document, Result, Row, Suite
from marsad_training.corpus import read_labels, read_reports

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
    """F1 with its interval and its n for each task of each slice."""
    for name, part in document["slices"].items():
        yield {"slice": name, "reports": str(part["reports"])} | {
            task: figure_cell(found) for task in FIGURES if (found := part["tasks"].get(task))
        }


def figure_cell(found: Mapping[str, Any]) -> str:
    """F1 of a task with its interval and its n."""
    return "{:.3f} ({:.3f}-{:.3f}), n {}".format(found["f1"], *found["interval"], found["gold"])


def smoke_rows(document: Document) -> Iterator[Row]:
    """What ran, in how many seconds."""
    for name, outcome in document["facts"]["suites"].items():
        yield {"suite": name, "seconds": str(outcome)}


SUITES: Mapping[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite("corpus", "authored test split (synthetic), by theatre and genre", corpus, task_rows),
        Suite("real", "gold reports given by path, by origin", real, task_rows),
        Suite("ner", "public named-entity sets, zero-shot", entities.run, entities.rows),
        Suite("gsr", "arabic_event_gsr: who did what to whom", gsr.run, gsr.rows),
        Suite("stress", "authored test split, rewritten", stress.run, stress.rows),
        Suite("negatives", "events read where gold has none", negatives.run, negatives.rows),
        Suite("speed", "throughput, latency, start, memory", speed.run, speed.rows),
        Suite("cost", "time and memory as the work grows", cost.run, cost.rows),
        Suite("training", "words learnt in a second", training.run, training.rows),
        Suite("smoke", "a tiny slice of all, for CI", smoke, smoke_rows),
    )
}
DEFAULT = tuple(name for name in SUITES if name != "smoke")


def suites_named(names: Sequence[str]) -> list[Suite]:
    """The suites of these names; by default all but the smoke test."""
    if unknown := [name for name in names if name not in SUITES]:
        raise MarsadError(f"there is no suite {unknown[0]!r}; known are {', '.join(SUITES)}.")
    return [SUITES[name] for name in names or DEFAULT]
