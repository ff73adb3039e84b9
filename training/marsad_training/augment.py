"""Annotated reports rewritten so that their annotation stays true: other spelling, other names."""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from marsad.schema import Event, Mention, Report

# what writers do to letters and digits, each a habit that a whole text has or has not
HABITS = tuple(
    str.maketrans(before, after)
    for before, after in (
        ("أإآ", "ااا"), ("ة", "ه"), ("ى", "ي"), ("«»", '""'),
        ("0123456789", "٠١٢٣٤٥٦٧٨٩"),
    )
)  # fmt: skip
S = TypeVar("S", Mention, Event)
Names = Mapping[tuple[str, bool], Sequence[str]]


def spell(report: Report, rng: random.Random, chance: float = 0.3) -> Report:
    """The report in a careless writer's spelling; every letter keeps its place."""
    text = report.text
    for habit in HABITS:
        if rng.random() < chance:
            text = text.translate(habit)
    return replace(report, text=text)


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

    A name with the article is only changed for another, since joined letters hang on it.
    """
    drawn: dict[tuple[str, str], str] = {}
    pieces: list[str] = []
    moved: dict[str, tuple[int, int]] = {}
    at = size = 0
    for span in sorted(report.spans, key=lambda s: s.start):
        surface = report.surface(span)
        pool = names.get((span.type, surface.startswith("ال")), ())
        if isinstance(span, Mention) and pool and _is_free(surface):
            key = (span.type, surface)
            if key not in drawn:
                drawn[key] = rng.choice(pool) if rng.random() < chance else surface
            surface = drawn[key]
        pieces += (report.text[at : span.start], surface)
        size += span.start - at
        moved[span.id] = (size, size + len(surface))
        size, at = size + len(surface), span.end
    text = "".join(pieces) + report.text[at:]
    return replace(
        report,
        text=text,
        mentions=tuple(_move(m, moved) for m in report.mentions),
        events=tuple(_move(e, moved) for e in report.events),
    )


def _move(span: S, moved: Mapping[str, tuple[int, int]]) -> S:
    start, end = moved[span.id]
    return replace(span, start=start, end=end)


def _is_free(surface: str) -> bool:
    """Whether a surface may stand elsewhere: no fused article, no line break."""
    return not surface.startswith("لل") and "\n" not in surface
