"""The test split rewritten, its gold moved along: what a spelling, a mark, a calendar costs.

A rewriting is a list of edits of the text, or an order of its paragraphs; spans follow by
arithmetic, never by search. What is drawn is drawn by seed, name of the rewriting and report id.
"""

import datetime as dt
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from hijridate import Gregorian
from numpy.typing import NDArray

from marsad.resolve import date as resolve_date
from marsad.schema import Event, Mention, Report, is_date
from marsad_training.augment import (
    HABITS,
    LETTER,
    Edit,
    Rewrite,
    edited,
    joined,
    places,
    posted,
    quoted,
    scanned,
    spelt,
    with_spans,
)
from marsad_training.benchmark.measures import difference, measures
from marsad_training.benchmark.setting import Bench, Document, Result, Row

_MARK = "[\u064b-\u0652]"
_NO_JOIN = frozenset("اأإآدذرزوؤءةى")  # a letter that is never joined to the next
_VOWELS = ("\u064e", "\u064f", "\u0650", "\u0652", "\u0651\u064e", "\u0651\u0650")
_LONGER = 10
S = TypeVar("S", Mention, Event)


def _tashkeel(report: Report, rng: random.Random) -> Report:
    """A vowel mark on four letters of five, drawn at random: no vocaliser is asked."""
    return edited(
        report,
        (
            Edit(at, at + 1, report.text[at] + rng.choice(_VOWELS))
            for at in places(f"{LETTER}(?!{_MARK})", report.text)
            if report.text[at] not in "اآى" and rng.random() < 0.8
        ),
    )


def _tatweel(report: Report, rng: random.Random) -> Report:
    return edited(
        report,
        (
            Edit(at, at + 1, report.text[at] + "ـ" * rng.randint(1, 3))
            for at in places(f"{LETTER}(?={LETTER})", report.text)
            if report.text[at] not in _NO_JOIN and rng.random() < 0.2
        ),
    )


def _hijri(report: Report, rng: random.Random) -> Report:
    """Days of the calendar, told by day and month, in Hijri; their value stays."""
    return edited(
        report,
        (
            Edit(mention.start, mention.end, told)
            for mention in report.mentions
            if (told := _in_hijri(report, mention))
        ),
    )


def _in_hijri(report: Report, mention: Mention) -> str | None:
    surface = report.surface(mention)
    if not is_date(mention.value) or mention.value is None or "هـ" in surface:
        return None
    day = dt.date.fromisoformat(mention.value)
    anchor = dt.date.fromisoformat(report.date) if report.date else day
    for near in (anchor, anchor - dt.timedelta(3)):  # a relative date moves with its anchor
        found = resolve_date(surface, anchor=near.isoformat())
        if found is None or found.value != mention.value:
            return None
    try:
        hijri = Gregorian(day.year, day.month, day.day).to_hijri()
    except OverflowError:
        return None  # outside the Umm al-Qura tables
    return f"{hijri.day} {hijri.month_name('ar')} {hijri.year}هـ"


def _shuffle(report: Report, rng: random.Random) -> Report:
    """Paragraphs in another order; a paragraph break inside a span is none."""
    blocks: list[tuple[int, int]] = []
    for match in re.finditer(r"[^\n]+", report.text):
        start, end = match.span()
        if blocks and any(s.start < start and s.end > blocks[-1][1] for s in report.spans):
            start = blocks.pop()[0]
        blocks.append((start, end))
    order = list(blocks)
    while len(blocks) > 1 and order == blocks:
        rng.shuffle(order)
    moves: list[tuple[tuple[int, int], int]] = []
    text = report.text[: blocks[0][0]] if blocks else report.text
    gaps = [report.text[a[1] : b[0]] for a, b in pairwise(blocks)]
    for block, gap in zip(order, [*gaps, ""], strict=True):
        moves.append((block, len(text) - block[0]))
        text += report.text[slice(*block)] + gap
    text += report.text[blocks[-1][1] :] if blocks else ""

    def place(span: Mention | Event) -> tuple[int, int]:
        # a span of line breaks alone stands in no paragraph
        shift = next((by for (a, b), by in moves if a <= span.start < b), 0)
        return span.start + shift, span.end + shift

    return with_spans(report, text, place)


def _longer(report: Report, rng: random.Random) -> Report:
    """The report ten times over as one text: every copy has its own gold."""
    step = len(report.text) + 2

    def copy(number: int, span: S) -> S:
        shift = number * step
        return replace(
            span, id=f"{span.id}.{number}", start=span.start + shift, end=span.end + shift
        )

    numbers = range(_LONGER)
    return replace(
        report,
        text="\n\n".join([report.text] * _LONGER),
        mentions=tuple(copy(n, m) for n in numbers for m in report.mentions),
        events=tuple(
            replace(copy(n, e), arguments=tuple(replace(a, id=f"{a.id}.{n}") for a in e.arguments))
            for n in numbers
            for e in report.events
        ),
        same=tuple(tuple(f"{id}.{n}" for id in group) for n in numbers for group in report.same),
    )


# name -> rewriting of one report
REWRITINGS: Mapping[str, Rewrite] = {
    "tashkeel": _tashkeel,
    "tatweel": _tatweel,
    "hamza slips": spelt(HABITS["hamza"], HABITS["ya"]),
    "ta-marbuta slips": spelt(HABITS["ta marbuta"]),
    "Arabic-Indic digits": spelt(HABITS["digits"]),
    "quotes": quoted,
    "clitics": joined,
    "Hijri dates": _hijri,
    "emoji and hashtags": posted,
    "OCR noise": scanned,
    "paragraphs shuffled": _shuffle,
    "ten times as long": _longer,
}
TASKS = ("mentions", "triggers", "arguments", "status", "values")


def rewritten(reports: Sequence[Report], name: str, seed: int) -> list[Report]:
    """Reports under one of the `REWRITINGS`."""
    return [REWRITINGS[name](r, random.Random(f"{seed}/{name}/{r.id}")) for r in reports]


def run(bench: Bench) -> Result:
    """F1 on the clean test split and on each rewriting, and how much of it is kept."""
    clean = bench.test_split()
    sets = {"clean": clean} | {name: rewritten(clean, name, bench.seed) for name in REWRITINGS}
    slices = {
        name: measures(gold, bench.read(gold, f"stress: {name}"), bench.seed)
        | {"changed": sum(a.text != b.text for a, b in zip(clean, gold, strict=True))}
        for name, gold in sets.items()
    }
    kept = {name: _kept(slices["clean"], slices[name], bench.seed) for name in REWRITINGS}
    return Result(slices, {"kept": kept})


def _kept(clean: Document, stressed: Document, seed: int) -> dict[str, Any]:
    """For each task the share of F1 that is kept, and the paired difference."""
    found = {}
    for task in TASKS:
        if task in clean["tasks"]:
            before, after = (counts(part["per_report"], task) for part in (clean, stressed))
            gap = difference(before, after, seed)
            a, b = gap.pop("a"), gap.pop("b")
            kept = round(b / a, 4) if a else None
            found[task] = {"clean": a, "stressed": b, "kept": kept, **gap}
    return found


def counts(per_report: Mapping[str, Mapping[str, list[int]]], task: str) -> NDArray[np.int64]:
    """Rows (N, 3) of gold, predicted, correct; a report without the task has none of them."""
    return np.array([tasks.get(task, [0, 0, 0]) for tasks in per_report.values()], np.int64)


def rows(document: Document) -> Iterator[Row]:
    """F1 on the clean split, then for each rewriting what is kept of it."""
    for name, part in document["slices"].items():
        cells = {"texts": name, "changed": f"{part['changed']} of {part['reports']}"}
        for task in TASKS:
            if task not in part["tasks"]:  # in neither gold nor prediction
                continue
            gap = document["facts"]["kept"].get(name, {}).get(task)
            kept = f" ({100 * gap['kept']:.0f} % kept)" if gap and gap["kept"] is not None else ""
            found = part["tasks"][task]
            cells[task] = f"{found['f1']:.3f}{kept}, n {found['gold']}"
        yield cells
