"""Annotated reports rewritten so that their annotation stays true: other names, spelling, marks.

A rewriting is a list of edits of the text; spans follow by arithmetic, never by search.
"""

import random
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TypeVar

from marsad.schema import Event, Mention, Report, overlap

# what writers do to letters and digits, each a habit that a whole text has or has not
HABITS = {
    "hamza": str.maketrans("أإآ", "ااا"),
    "ta marbuta": str.maketrans("ة", "ه"),
    "ya": str.maketrans("ى", "ي"),
    "quotes": str.maketrans("«»", '""'),
    "digits": str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"),
}
LETTER = "[\u0621-\u064a]"
_EMOJI = ("🔴", "🚨", "📍", "⚡", "💥", "🕯", "‼️")
# letters that a scan takes for one another, since dots get lost or one hook looks like the next
_LOOK_ALIKE = ("بتثنيئ", "جحخ", "دذ", "رز", "سش", "صض", "طظ", "عغ", "فق", "هة", "وؤ", "اأإآ")
_MISREAD = {c: group.replace(c, "") for group in _LOOK_ALIKE for c in group}
S = TypeVar("S", Mention, Event)
Rewrite = Callable[[Report, random.Random], Report]
Names = Mapping[tuple[str, bool], Sequence[str]]


def spell(report: Report, rng: random.Random, chance: float = 0.3) -> Report:
    """The report in a careless writer's spelling; every letter keeps its place."""
    return spelt(*(habit for habit in HABITS.values() if rng.random() < chance))(report, rng)


def roughen(report: Report, rng: random.Random, chance: float = 0.2) -> Report:
    """The report with marks and slips of `ROUGH`, each with that chance."""
    for rewrite in ROUGH:
        if rng.random() < chance:
            report = rewrite(report, rng)
    return report


def names_of(reports: Iterable[Report], types: Sequence[str]) -> Names:
    """Surfaces of mentions by (type, begins with the article), to draw other names from."""
    found: dict[tuple[str, bool], set[str]] = defaultdict(set)
    for report in reports:
        for mention in report.mentions:
            surface = report.surface(mention)
            if mention.type in types and _is_free(surface):
                found[mention.type, surface.startswith("ال")].add(surface)
    return {key: sorted(surfaces) for key, surfaces in found.items()}


def rename(report: Report, names: Names, rng: random.Random, chance: float = 0.5) -> Report:
    """The report about other names; all mentions of one surface get the same new one.

    A name with the article is only changed for another, since joined letters hang on it; one that
    shares words with a trigger stays.
    """
    drawn: dict[tuple[str, str], str] = {}
    edits = []
    for mention in sorted(report.mentions, key=lambda m: m.start):
        surface = report.surface(mention)
        pool = names.get((mention.type, surface.startswith("ال")), ())
        told = any(overlap(event, mention) for event in report.events)
        if pool and _is_free(surface) and not told:
            key = (mention.type, surface)
            if key not in drawn:
                drawn[key] = rng.choice(pool) if rng.random() < chance else surface
            edits.append(Edit(mention.start, mention.end, drawn[key]))
    return edited(report, edits)


def _is_free(surface: str) -> bool:
    """Whether a surface may stand elsewhere: no fused article, no line break."""
    return not surface.startswith("لل") and "\n" not in surface


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

    return with_spans(
        report,
        "".join(pieces) + report.text[done:],
        lambda span: (start_of(span.start), end_of(span.end)),
    )


def with_spans(
    report: Report, text: str, place: Callable[[Mention | Event], tuple[int, int]]
) -> Report:
    """The report with another text, and each span from where to where `place` says."""

    def moved(span: S) -> S:
        start, end = place(span)
        return replace(span, start=start, end=end)

    return replace(
        report, text=text,
        mentions=tuple(moved(m) for m in report.mentions),
        events=tuple(moved(e) for e in report.events),
    )  # fmt: skip


def spelt(*habits: Mapping[int, int]) -> Rewrite:
    """Letters changed one for one throughout."""

    def rewrite(report: Report, rng: random.Random) -> Report:
        text = report.text
        for habit in habits:
            text = text.translate(habit)
        return replace(report, text=text)

    return rewrite


def quoted(report: Report, rng: random.Random) -> Report:
    """«» as straight quotes, and half of the mentions in quotes of some kind."""

    def edits() -> Iterator[Edit]:
        for mention in sorted(report.mentions, key=lambda m: m.start):
            if rng.random() < 0.5:
                left, right = rng.choice(("«»", '""', "“”"))
                yield Edit(mention.start, mention.start, left)
                yield Edit(mention.end, mention.end, right)

    return edited(spelt(HABITS["quotes"])(report, rng), edits())


def joined(report: Report, rng: random.Random) -> Report:
    """«و» or «ف» joined to every fifth word."""
    return edited(
        report,
        (
            Edit(at, at, rng.choice("وف"))
            for at in places(rf"(?<!\S)(?![وف]){LETTER}{{3}}", report.text)
            if rng.random() < 0.2
        ),
    )


def posted(report: Report, rng: random.Random) -> Report:
    """Emoji before words; half of the mentions as hashtags, their spaces as underscores."""

    def edits() -> Iterator[Edit]:
        for at in places(r"(?<!\S)\S", report.text):
            if rng.random() < 0.06 and not any(s.start < at < s.end for s in report.spans):
                yield Edit(at, at, f"{rng.choice(_EMOJI)} ")
        for mention in report.mentions:
            free = mention.start == 0 or not report.text[mention.start - 1].isalnum()
            surface = report.surface(mention)
            if free and rng.random() < 0.5 and re.fullmatch(r"\w+(?: \w+)*", surface):
                yield Edit(mention.start, mention.start, "#")
                for at in places(" ", surface):
                    yield Edit(mention.start + at, mention.start + at + 1, "_")

    return edited(report, edits())


def scanned(report: Report, rng: random.Random) -> Report:
    """One letter of 25 misread, and one of 100 lost: in longer words alone, and once in each."""
    edges = {span.start for span in report.spans}

    def edits() -> Iterator[Edit]:
        for word in re.finditer(f"{LETTER}+", report.text):
            whole = word.end() - word.start() > 3
            for at in range(*word.span()):
                drawn = rng.random()
                if drawn < 0.04 and report.text[at] in _MISREAD:
                    yield Edit(at, at + 1, rng.choice(_MISREAD[report.text[at]]))
                elif drawn > 0.99 and whole and at not in edges:
                    whole = False
                    yield Edit(at, at + 1, "")

    return edited(report, edits())


def places(pattern: str, text: str) -> Iterator[int]:
    """Where a regular expression matches."""
    return (match.start() for match in re.finditer(pattern, text))


ROUGH: tuple[Rewrite, ...] = (quoted, joined, posted, scanned)
