"""Markup and JSON lines: what is written is read again, and every slip names file, line, report."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marsad.errors import MarsadError
from marsad.formats import jsonl, markup
from marsad.schema import Argument, Event, Labels, Mention, Report, default_labels

CORPUS = Path(__file__).parents[1] / "training" / "corpus" / "reports"
HEAD = "### id=x-1 date=2022-01-04"
VALUES = {"DATE": "2022-01-04TMO", "CASUALTY": "3+"}
WORDS = ["قصف", "وَالجيش", "حلب،", "12", "(أ)", "ـ", "🚀", "#", "a=b", "", "  ", "\n", "\n\n"]


@st.composite
def sound_reports(draw: st.DrawFn) -> Report:
    """Reports as an annotator may write them: flat spans of one line, values where wanted."""
    labels = default_labels()
    text, mentions, events = "", [], []
    for n, part in enumerate(draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12))):
        start, text = len(text), text + part
        kind = draw(st.sampled_from([None, "EVENT", *labels.mentions]))
        if not part.strip() or kind is None:
            continue
        if kind == "EVENT":
            type, status = (
                draw(st.sampled_from(labels.events)),
                draw(st.sampled_from(labels.statuses)),
            )
            events.append(Event(f"e{n}", type, status, start, len(text)))
        else:
            id = f"{labels.mentions[kind]}{n}"
            mentions.append(Mention(id, kind, start, len(text), value=VALUES.get(kind)))
    cut = len(text) - len(text.lstrip("\n"))
    mentions = [Mention(m.id, m.type, m.start - cut, m.end - cut, value=m.value) for m in mentions]
    linked = []
    for e in events:
        legal = [
            Argument(role, m.id)
            for role, types in labels.roles.items()
            for m in mentions
            if m.type in types
        ]
        kept = tuple(a for a in legal if draw(st.booleans()))
        linked.append(Event(e.id, e.type, e.status, e.start - cut, e.end - cut, kept))
    ids = [m.id for m in mentions]
    return Report(
        draw(st.sampled_from(["x-1", "غزة-2"])), text.strip("\n"),
        draw(st.sampled_from([None, "2022-01-04"])), tuple(mentions), tuple(linked),
        (tuple(ids[:2]),) if len(ids) > 1 else (), draw(st.sampled_from(["", "agency"])),
    )  # fmt: skip


def test_the_whole_corpus_is_written_and_read_again(labels: Labels) -> None:
    count, differences = 0, []
    for path in sorted(CORPUS.glob("*.txt")):
        reports = markup.read(path, labels)
        back, slips = markup.parse(markup.write(reports), labels)
        assert slips == []
        differences += [a.id for a, b in zip(reports, back, strict=True) if a != b]
        count += len(reports)
    assert differences == []
    assert count >= 672


@given(sound_reports())
def test_any_sound_report_goes_through_markup(report: Report) -> None:
    assert markup.parse(markup.write([report]), default_labels()) == ([report], [])


@given(st.lists(sound_reports(), max_size=3))
def test_any_reports_go_through_json_lines(
    tmp_path_factory: pytest.TempPathFactory, found: list[Report]
) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "r.jsonl"
    path.write_text(jsonl.write(found) or "\n", "utf-8")
    if found:
        assert jsonl.read(path, default_labels()) == found
    else:
        with pytest.raises(MarsadError, match="the file is empty"):
            jsonl.read(path)


def test_windows_line_ends_and_a_byte_order_mark(tmp_path: Path, reports: list[Report]) -> None:
    path = tmp_path / "r.txt"
    source = markup.write(reports).replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + source.encode())
    assert markup.read(path) == reports


def test_text_and_offsets_of_a_marked_report(reports: list[Report]) -> None:
    first = reports[0]
    assert first.text.startswith("قالت وكالة الأنباء العراقية إن الجيش العراقي أسقط")
    assert "\n\nوأدى الهجوم إلى" in first.text
    assert first.surface(first.mention("c2")) == "آخرين"
    assert first.mention("c2").value == "?"
    assert first.same == (("e1", "e2"),)
    assert first.style == "agency"


def test_an_argument_said_twice_is_written_once() -> None:
    text = f"{HEAD}\n[قصف|e1] [حلب|l1]\n---\ne1 SHELLING occurred place=l1\n"
    (report,), slips = markup.parse(text, default_labels())
    (event,) = report.events
    twice = replace(report, events=(replace(event, arguments=event.arguments * 2),))
    assert not slips
    assert markup.parse(markup.write([twice]), default_labels()) == ([report], [])


# the snippet starts on line 1 with its header unless it says otherwise
BROKEN = [
    (f"{HEAD}\n[حلب|l1]", 1, "no '---' line ends the text"),
    ("### date=2022-01-04\nنص\n---\n", 1, "the header lacks id="),
    ("### id=x-1\nنص\n---\n", 1, "the header lacks date="),
    ("### id=x-1 date=4.1.2022\nنص\n---\n", 1, "the date '4.1.2022' is not a day"),
    (f"{HEAD} agency\nنص\n---\n", 1, "'agency' is not id=, date= or style="),
    (f"{HEAD} stlye=agency\nنص\n---\n", 1, "'stlye=agency' is not id=, date= or style="),
    (f"\n## id=x-0\n{HEAD}\nنص\n---\n", 2, "stands before the first '### ' header"),
    (f"{HEAD}\nنص\n[حلب l1]\n---\n", 3, "a stray bracket or bar near «[حلب l1]»"),
    (f"{HEAD}\nنص | نص\n---\n", 2, "a stray bracket or bar"),
    (f"{HEAD}\n[حلب|x1]\n---\n", 2, "a stray bracket or bar"),
    (f"{HEAD}\n[قرب [حلب|l1]|f1]\n---\n", 2, "a stray bracket or bar"),
    (f"{HEAD}\n[حلب|l1]\n[إدلب|l1]\n---\n", 3, "the id l1 is used twice"),
    (f"{HEAD}\n\n[ حلب|l1]\n---\n", 3, "a space stands at the edge of l1"),
    (f"{HEAD}\n[أمس|d1]\n---\n", 3, "d1 has no value line"),
    (f"{HEAD}\n[قصف|e1]\n---\n", 3, "e1 has no event line"),
    (f"{HEAD}\n[أمس|d1]\n---\nd1\n", 4, "d1 wants one value"),
    (f"{HEAD}\n[أمس|d1]\n---\nd1 3 Jan\n", 4, "d1 wants one value"),
    (f"{HEAD}\n[أمس|d1]\n---\nd1 2022\n\nd1 2023\n", 6, "d1 has a line already"),
    (f"{HEAD}\n[أمس|d1]\n---\n\nd1 yesterday\n", 5, "'yesterday' is no value of a DATE"),
    (f"{HEAD}\n[حلب|l1]\n---\nl1 3\n", 4, "'3' is no value of a LOCATION"),
    (f"{HEAD}\nنص\n---\nd1 2022\n", 4, "'d1' is not marked in the text"),
    (f"{HEAD}\nنص\n---\n##id=x-2\n", 4, "'##id=x-2' is not marked in the text"),
    (f"{HEAD}\n[حلب|l1]\n---\n= l1 l2 l3\n", 4, "'=' names l2, l3, not marked in the text"),
    (f"{HEAD}\n[قصف|e1]\n---\ne1 SHELLING\n", 4, "e1 wants a type, a status and role=id pairs"),
    (f"{HEAD}\n[قصف|e1]\n---\ne1 WAR occurred\n", 4, "unknown event type 'WAR'"),
    (f"{HEAD}\n[قصف|e1]\n---\ne1 SHELLING sure\n", 4, "unknown status 'sure'"),
    (f"{HEAD}\n[قصف|e1]\n---\ne1 SHELLING occurred place\n", 4, "'place' is not role=id"),
    (f"{HEAD}\n[قصف|e1]\n---\ne1 SHELLING occurred place=\n", 4, "'place=' is not role=id"),
    (f"{HEAD}\n[قصف|e1]\n---\ne1 SHELLING occurred place=l1\n", 4, "its place 'l1' is no mention"),
    (
        f"{HEAD}\n[قصف|e1] [حلب|l1]\n---\n\n\ne1 SHELLING occurred at=l1\n", 6,
        "unknown role 'at'",
    ),
    (
        f"{HEAD}\n[قصف|e1] [حلب|l1]\n---\ne1 SHELLING occurred time=l1\n", 4,
        "the role time cannot take l1, a LOCATION",
    ),
    (
        f"{HEAD}\n[قصف|e1] [حلب|l1]\n---\ne1 SHELLING occurred place=l1 place=l1\n", 4,
        "place=l1 is said twice",
    ),
    (
        f"{HEAD}\n[قصف|e1]\n---\ne1 SHELLING occurred\ne1 SHELLING occurred\n", 5,
        "e1 has a line already",
    ),
    (f"{HEAD}\nنص\n---\n\n{HEAD}\nنص\n---\n", 5, "the report id 'x-1' is used before"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "line", "told"), BROKEN)
def test_a_slip_names_file_line_and_report(
    tmp_path: Path, source: str, line: int, told: str
) -> None:
    path = tmp_path / "slips.txt"
    path.write_text(source, "utf-8")
    with pytest.raises(MarsadError) as caught:
        markup.read(path)
    (message,) = str(caught.value).split("\n")  # one slip, told once
    id = "?" if "lacks id=" in told or "before the first" in told else "x-1"
    assert message.startswith(f"{path}, line {line}, report {id}: ")
    assert told in message
    assert message.endswith(".")


def test_all_slips_are_told_and_sound_reports_kept(labels: Labels, reports: list[Report]) -> None:
    source = f"{HEAD}\n[حلب|l1] |\n[أمس|d1]\n---\nw1 3\n\n" + markup.write(reports)
    found, slips = markup.parse(source, labels)
    assert found == reports
    assert [slip[:2] for slip in slips] == [(2, "x-1"), (5, "x-1"), (4, "x-1")]


def test_a_file_without_a_report(tmp_path: Path) -> None:
    path = tmp_path / "r.txt"
    path.write_text("قصف الجيش حلب\n", "utf-8")
    with pytest.raises(MarsadError, match="holds no report"):
        markup.read(path)


@pytest.mark.parametrize("read", [markup.read, jsonl.read])
@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        ("{}\nقصف".encode("cp1256"), "line 2: byte 3 is not UTF-8"),
    ],
)
def test_a_file_that_is_no_text(tmp_path: Path, read: object, raw: bytes, told: str) -> None:
    assert callable(read)
    path = tmp_path / "r"
    path.write_bytes(raw)
    with pytest.raises(MarsadError, match=told):
        read(path)


def marked(text: str, *mentions: Mention) -> Report:
    return Report("x-1", text, "2022-01-04", mentions)


@pytest.mark.parametrize(
    "report",
    [
        marked("قصف [حلب]"),
        marked("قصف | حلب"),
        marked("قصف\r\nحلب"),
        marked("\nقصف"),
        marked("قصف\n"),
        marked("قصف\n---\nحلب"),
        marked("### قصف"),
        marked("قصف\nحلب", Mention("l1", "LOCATION", 0, 8)),
        marked("قصف حلب", Mention("l1", "LOCATION", 3, 7)),
        marked("قصف حلب", Mention("l1", "LOCATION", 0, 5), Mention("l2", "LOCATION", 4, 7)),
    ],
)
def test_markup_refuses_what_it_cannot_carry(report: Report) -> None:
    with pytest.raises(MarsadError, match=r"^x-1: "):
        markup.write([report])


def lines(path: Path, reports: list[Report], count: int) -> list[str]:
    """A file of `count` sound lines."""
    found = [reports[n % len(reports)].to_json() for n in range(count)]
    path.write_text("\n".join(found), "utf-8")
    return found


def test_json_lines_with_blank_lines_and_windows_ends(
    tmp_path: Path, reports: list[Report]
) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(("\r\n\r\n".join(r.to_json() for r in reports) + "\r\n").encode())
    assert jsonl.read(path) == reports


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"id": "x", "text": ', "broken JSON at column "),
        ("قصف", "broken JSON at column 1"),
        ("[]", "not shaped like a report"),
        ('{"id": "x"}', "the key 'text' is missing"),
        ('{"text": "نص", "date": "today"}', "the date 'today' is not a day"),
        (
            '{"text": "x", "entities": [{"id": "a1", "type": "ACTOR", "start": 0, "end": 2}]}',
            "a1: the span 0-2 is out of range",
        ),
        (
            '{"text": "x", "entities": [{"id": "a1", "type": "STATE", "start": 0, "end": 1}]}',
            "a1: unknown mention type 'STATE'",
        ),
    ],
)  # fmt: skip
def test_a_broken_line_is_named(
    tmp_path: Path, reports: list[Report], labels: Labels, line: str, told: str
) -> None:
    path = tmp_path / "r.jsonl"
    found = lines(path, reports, 900)
    found[811] = line
    path.write_text("\n".join(found), "utf-8")
    with pytest.raises(MarsadError) as caught:
        jsonl.read(path, labels)
    assert str(caught.value).startswith(f"{path}, line 812: ")
    assert told in str(caught.value)


def test_unknown_labels_pass_where_no_label_set_is_given(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    report = Report("x", "نص", None, (Mention("s1", "STATE", 0, 2),))
    path.write_text(jsonl.write([report]), "utf-8")
    assert jsonl.read(path) == [report]
