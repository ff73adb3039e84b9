"""The test split rewritten, its gold moved along: what a spelling, a mark, a calendar costs.

A rewriting is a list of edits of the text, or an order of its paragraphs; spans follow by
arithmetic, never by search. What is drawn is drawn by seed, name of the rewriting and report id.
"""

import datetime as dt
import random
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any, TypeVar

import numpy as np
from hijridate import Gregorian
from numpy.typing import NDArray

from marsad.resolve import date as resolve_date
from marsad.schema import Event, Mention, Report, is_date
from marsad_training.augment import HABITS
from marsad_training.benchmark.measures import difference, measures
from marsad_training.benchmark.setting import Bench, Document, Result, Row

_HAMZA, _TA_MARBUTA, _YA, _QUOTES, _DIGITS = HABITS
_LETTER = "[\u0621-\u064a]"
_MARK = "[\u064b-\u0652]"
_NO_JOIN = frozenset("اأإآدذرزوؤءةى")  # a letter that is never joined to the next
_VOWELS = ("\u064e", "\u064f", "\u0650", "\u0652", "\u0651\u064e", "\u0651\u0650")
_EMOJI = ("🔴", "🚨", "📍", "⚡", "💥", "🕯", "‼️")
# letters that a scan takes for one another, since dots get lost or one hook looks like the next
_LOOK_ALIKE = ("بتثنيئ", "جحخ", "دذ", "رز", "سش", "صض", "طظ", "عغ", "فق", "هة", "وؤ", "اأإآ")
_MISREAD = {c: group.replace(c, "") for group in _LOOK_ALIKE for c in group}
_LONGER = 10
S = TypeVar("S", Mention, Event)


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters `start` to `end` of the old text give way to `text`."""

    start: int
    end: int
    text: str


def edited(report: Report, edits: Iterable[Edit]) -> Report:
    """The report with all edits made at once; they must not overlap.

    What is inserted at the edge of a span stays outside it; a span that begins or ends within a
    replaced stretch takes all of what replaces it.
    """
    ordered = sorted(edits, key=lambda e: (e.start, e.end))  # stable: same place, order given
    pieces: list[str] = []
    done = 0
    for edit in ordered:
        pieces += (report.text[done : edit.start], edit.text)
        done = edit.end
    starts, ends = [e.start for e in ordered], [e.end for e in ordered]
    shifts = [0, *accumulate(len(e.text) - (e.end - e.start) for e in ordered)]

    def start_of(old: int) -> int:
        before = bisect_right(ends, old)  # edits that lie wholly before
        inside = before < len(ordered) and starts[before] < old
        return (starts[before] if inside else old) + shifts[before]

    def end_of(old: int) -> int:
        before = bisect_left(starts, old)  # edits that begin before
        inside = before > 0 and ends[before - 1] > old
        return (ends[before - 1] if inside else old) + shifts[before]

    return _with_spans(
        report,
        "".join(pieces) + report.text[done:],
        lambda span: (start_of(span.start), end_of(span.end)),
    )


def _with_spans(
    report: Report, text: str, place: Callable[[Mention | Event], tuple[int, int]]
) -> Report:
    def moved(span: S) -> S:
        start, end = place(span)
        return replace(span, start=start, end=end)

    return replace(
        report, text=text,
        mentions=tuple(moved(m) for m in report.mentions),
        events=tuple(moved(e) for e in report.events),
    )  # fmt: skip


Rewrite = Callable[[Report, random.Random], Report]


def _spelt(*habits: Mapping[int, int]) -> Rewrite:
    """Letters changed one for one throughout."""

    def rewrite(report: Report, rng: random.Random) -> Report:
        text = report.text
        for habit in habits:
            text = text.translate(habit)
        return replace(report, text=text)

    return rewrite


def _tashkeel(report: Report, rng: random.Random) -> Report:
    """A vowel mark on four letters of five, drawn at random: no vocaliser is asked."""
    return edited(
        report,
        (
            Edit(at, at + 1, report.text[at] + rng.choice(_VOWELS))
            for at in _places(f"{_LETTER}(?!{_MARK})", report.text)
            if report.text[at] not in "اآى" and rng.random() < 0.8
        ),
    )


def _tatweel(report: Report, rng: random.Random) -> Report:
    return edited(
        report,
        (
            Edit(at, at + 1, report.text[at] + "ـ" * rng.randint(1, 3))
            for at in _places(f"{_LETTER}(?={_LETTER})", report.text)
            if report.text[at] not in _NO_JOIN and rng.random() < 0.2
        ),
    )


def _quotes(report: Report, rng: random.Random) -> Report:
    """«» as straight quotes, and half of the mentions in quotes of some kind."""

    def edits() -> Iterator[Edit]:
        for mention in sorted(report.mentions, key=lambda m: m.start):
            if rng.random() < 0.5:
                left, right = rng.choice(("«»", '""', "“”"))
                yield Edit(mention.start, mention.start, left)
                yield Edit(mention.end, mention.end, right)

    return edited(_spelt(_QUOTES)(report, rng), edits())


def _clitics(report: Report, rng: random.Random) -> Report:
    """«و» or «ف» joined to every fifth word."""
    return edited(
        report,
        (
            Edit(at, at, rng.choice("وف"))
            for at in _places(rf"(?<!\S)(?![وف]){_LETTER}{{3}}", report.text)
            if rng.random() < 0.2
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


def _social(report: Report, rng: random.Random) -> Report:
    """Emoji before words; half of the mentions as hashtags, their spaces as underscores."""

    def edits() -> Iterator[Edit]:
        for at in _places(r"(?<!\S)\S", report.text):
            if rng.random() < 0.06 and not any(s.start < at < s.end for s in report.spans):
                yield Edit(at, at, f"{rng.choice(_EMOJI)} ")
        for mention in report.mentions:
            free = mention.start == 0 or not report.text[mention.start - 1].isalnum()
            surface = report.surface(mention)
            if free and rng.random() < 0.5 and re.fullmatch(r"\w+(?: \w+)*", surface):
                yield Edit(mention.start, mention.start, "#")
                for at in _places(" ", surface):
                    yield Edit(mention.start + at, mention.start + at + 1, "_")

    return edited(report, edits())


def _ocr(report: Report, rng: random.Random) -> Report:
    """One letter of 25 misread, and one of 100 lost inside a longer word."""
    edges = {span.start for span in report.spans}

    def edits() -> Iterator[Edit]:
        for word in re.finditer(f"{_LETTER}+", report.text):
            for at in range(*word.span()):
                drawn = rng.random()
                if drawn < 0.04 and report.text[at] in _MISREAD:
                    yield Edit(at, at + 1, rng.choice(_MISREAD[report.text[at]]))
                elif drawn > 0.99 and word.end() - word.start() > 3 and at not in edges:
                    yield Edit(at, at + 1, "")

    return edited(report, edits())


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

    return _with_spans(report, text, place)


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


def _places(pattern: str, text: str) -> Iterator[int]:
    return (match.start() for match in re.finditer(pattern, text))


# name -> rewriting of one report
REWRITINGS: Mapping[str, Rewrite] = {
    "tashkeel": _tashkeel,
    "tatweel": _tatweel,
    "hamza slips": _spelt(_HAMZA, _YA),
    "ta-marbuta slips": _spelt(_TA_MARBUTA),
    "Arabic-Indic digits": _spelt(_DIGITS),
    "quotes": _quotes,
    "clitics": _clitics,
    "Hijri dates": _hijri,
    "emoji and hashtags": _social,
    "OCR noise": _ocr,
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
