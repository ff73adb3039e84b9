"""`marsad-train resolvers`: how often each resolver answers, and how often the answer is right.

Read on gold spans, so that nothing but the resolver is measured. Places are measured on a table of
hand labels: report, start, surface, country, latitude, longitude.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from marsad.errors import at
from marsad.resolve.places import kilometres, places
from marsad.resolve.values import with_values
from marsad.schema import UNRESOLVED, Labels, Report, ResolvedPlace
from marsad_training.corpus import read_table

NEAR = 25.0  # km within which a place counts as found


class _Label(NamedTuple):
    """A row of the hand labels."""

    country: str
    latitude: float
    longitude: float
    report: str
    start: int
    surface: str


@dataclass(frozen=True)
class Tally:
    """Of so many mentions, how many were answered, and how many answers are right.

    `agreed` counts the right answers and the mentions that gold leaves unresolved too.
    """

    name: str
    mentions: int
    answered: int
    right: int
    agreed: int


def values(reports: Sequence[Report], labels: Labels) -> Iterator[Tally]:
    """A tally for each mention type that carries values."""
    bare = [replace(r, mentions=tuple(replace(m, value=None) for m in r.mentions)) for r in reports]
    read = [with_values(report, labels) for report in bare]
    for type in labels.values:
        pairs = [
            (gold.value, found.value)
            for report, again in zip(reports, read, strict=True)
            for gold, found in zip(report.mentions, again.mentions, strict=True)
            if gold.type == type
        ]
        answers = [(gold, found) for gold, found in pairs if found != UNRESOLVED]
        yield Tally(
            type, len(pairs), len(answers), sum(g == f for g, f in answers),
            sum(g == f for g, f in pairs),
        )  # fmt: skip


def located(reports: Iterable[Report], table: Path, labels: Labels, site: str) -> Iterator[Tally]:
    """Tallies of the country and of the point, on hand-labelled mentions.

    `site` is the role whose fillers are places. Raises MarsadError for a label that no mention of
    the reports fits.
    """
    by_id = {report.id: report for report in reports}
    found: list[tuple[_Label, ResolvedPlace | None]] = []
    for number, label in read_table(table, _label):
        report = by_id.get(label.report)
        named = [m for m in report.mentions if m.type in labels.roles[site]] if report else []
        at_row = [i for i, m in enumerate(named) if m.start == label.start]
        if report is None or not at_row or report.surface(named[at_row[0]]) != label.surface:
            raise at(table, number, f"{label.report} has no mention {label.surface!r} there.")
        found.append((label, places(report.surface(m) for m in named)[at_row[0]]))
    answers = [(label, it) for label, it in found if it is not None]
    country = sum(it.country == label.country for label, it in answers)
    near = sum(_apart(label, it) <= NEAR for label, it in answers)
    yield Tally("country of a place", len(found), len(answers), country, country)
    yield Tally(f"point within {NEAR:.0f} km", len(found), len(answers), near, near)


def _label(row: Mapping[str, str]) -> _Label:
    point = row["country"], float(row["latitude"]), float(row["longitude"])
    return _Label(*point, row["report"], int(row["start"]), row["surface"])


def _apart(label: _Label, it: ResolvedPlace) -> float:
    return kilometres(replace(it, latitude=label.latitude, longitude=label.longitude), it)
