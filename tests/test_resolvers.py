"""Resolvers are measured on gold: answers, right answers, and labels that fit no mention."""

from pathlib import Path

import pytest

from marsad.errors import MarsadError
from marsad.schema import Mention, Report, default_labels

resolvers = pytest.importorskip("marsad_training.resolvers", reason="needs the train extra")

LABELS = default_labels()
TEXT = "قتل ثلاثة في بغداد أمس وقتل عدد في الموصل"
SITE = next(role for role, types in LABELS.roles.items() if types == ("LOCATION", "FACILITY"))


def mention(id: str, type: str, surface: str, value: str | None = None) -> Mention:
    start = TEXT.index(surface)
    return Mention(id, type, start, start + len(surface), value=value)


REPORT = Report(
    "r-1", TEXT, "2022-01-04",
    (mention("c1", "CASUALTY", "ثلاثة", "4"), mention("l1", "LOCATION", "بغداد"),
     mention("d1", "DATE", "أمس", "2022-01-03"), mention("c2", "CASUALTY", "عدد", "?")),
)  # fmt: skip


def test_values_are_counted_by_type() -> None:
    tallies = {t.name: t for t in resolvers.values([REPORT], LABELS)}
    assert tallies["DATE"] == resolvers.Tally("DATE", 1, 1, 1, 1)
    # three read for a gold of four; the vague one is left open on both sides
    assert tallies["CASUALTY"] == resolvers.Tally("CASUALTY", 2, 1, 0, 1)


def test_places_are_held_against_hand_labels(tmp_path: Path) -> None:
    table = tmp_path / "places.tsv"
    head = "report\tstart\tsurface\tcountry\tlatitude\tlongitude\tnote\n"
    row = f"r-1\t{TEXT.index('بغداد')}\tبغداد\tIQ\t33.3\t44.4\t\n"
    table.write_text(head + row, "utf-8")
    country, point = resolvers.located([REPORT], table, LABELS, SITE)
    assert (country.mentions, country.right, point.right) == (1, 1, 1)
    table.write_text(head + row.replace("بغداد", "حلب"), "utf-8")
    with pytest.raises(MarsadError, match=r"places\.tsv.*2.*'حلب'"):
        list(resolvers.located([REPORT], table, LABELS, SITE))
