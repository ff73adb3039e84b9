"""A text longer than any report: read in parts, each a report for itself, and joined."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marsad import Extractor, Report, load, parts
from marsad.schema import Argument, Event, Incident, Mention

MOST = 80
SENTENCE = "هدد حزب الله بقصف حيفا ونفى قاسم سليماني اغتيال المتظاهرين أمس. "


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST", MOST)


@pytest.fixture(scope="module")
def extractor(tiny_artifact: Path) -> Extractor:
    return load(tiny_artifact, threads=1)


@given(st.text(alphabet="اب. \n\r", max_size=5 * MOST))
def test_parts_are_the_whole_text(text: str) -> None:
    found = list(parts.parts(text))
    assert "".join(part for _, part in found) == text
    assert all(text.startswith(part, start) for start, part in found)
    assert all(len(part) <= MOST for _, part in found)
    assert all(part for _, part in found) or not text


@pytest.mark.parametrize(
    ("end", "rest"),
    [("\n\n", "ب\nب. ب "), ("\r\n", "ب. ب "), ("\n", "ب. ب "), (". ", "ب ب"), (" ", "ب")],
)
def test_a_part_ends_where_something_ends(end: str, rest: str) -> None:
    first = f"{'ا' * (MOST // 2)}{end}"
    assert next(parts.parts(f"{first}{rest}{'ا' * MOST}")) == (0, first)


def test_what_ends_in_the_first_half_ends_no_part() -> None:
    text = "ا" * (MOST // 4) + "\n\n" + "ا" * MOST
    assert next(parts.parts(text)) == (0, text[:MOST])


def test_a_text_that_is_just_short_enough_is_one_part() -> None:
    assert list(parts.parts("ا " * (MOST // 2))) == [(0, "ا " * (MOST // 2))]


def test_a_long_text_has_the_reports_of_its_parts(extractor: Extractor) -> None:
    text = SENTENCE * 5
    report = extractor.predict(text, "2023-05-01", "long")
    alone = [(start, extractor.predict(part, "2023-05-01")) for start, part in parts.parts(text)]
    assert len(alone) == 5
    assert (report.id, report.text, report.date) == ("long", text, "2023-05-01")
    assert not list(report.problems(extractor.decoder.labels))
    assert len(report.incidents) == sum(len(part.incidents) for _, part in alone) > 5
    assert [(e.type, e.start, [a.role for a in e.arguments]) for e in report.events] == [
        (e.type, e.start + start, [a.role for a in e.arguments])
        for start, part in alone
        for e in part.events
    ]
    for place, (_, part) in enumerate(alone):
        ids = {f"e{n + place * len(part.events) + 1}" for n in range(len(part.events))}
        assert {e.id for e in report.events[place * len(ids) : (place + 1) * len(ids)]} == ids


def test_ids_are_counted_on() -> None:
    part = Report(
        "r", "قصف قصف حلب", None, (Mention("l1", "LOCATION", 8, 11),),
        (
            Event("e1", "SHELLING", "occurred", 0, 3, (Argument("place", "l1"),)),
            Event("e2", "SHELLING", "occurred", 4, 7),
        ),
        (("e1", "e2"),),
        incidents=(
            Incident("i1", "SHELLING", "foiled", ("e1",), (), None, None, {}),
            Incident("i2", "X", "occurred", ("e2",), (), None, None, {}, counter_of="i1"),
        ),
    )  # fmt: skip
    both = parts.joined(Report("r", part.text * 2), [(0, part), (len(part.text), part)])
    assert not list(both.problems())
    assert [both.surface(span) for span in both.spans] == ["حلب"] * 2 + ["قصف"] * 4
    assert [m.id for m in both.mentions] == ["l1", "l2"]
    assert [e.id for e in both.events] == ["e1", "e2", "e3", "e4"]
    assert both.events[2].arguments == (Argument("place", "l2"),)
    assert both.same == (("e1", "e2"), ("e3", "e4"))
    assert [(i.id, i.events, i.counter_of) for i in both.incidents] == [
        ("i1", ("e1",), None), ("i2", ("e2",), "i1"),
        ("i3", ("e3",), None), ("i4", ("e4",), "i3"),
    ]  # fmt: skip
