"""Formats of annotation tools: out and in again, offsets mended where certain, all else told."""

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from marsad.cli import app
from marsad.errors import MarsadError
from marsad.formats import FORMATS, FormatName, jsonl, markup
from marsad.formats.draft import Draft, Link, Marked, joined
from marsad.formats.ledger import Fate, Ledger
from marsad.formats.offsets import Stated, settle
from marsad.schema import Argument, Event, Labels, Mention, Report, default_labels

CORPUS = Path(__file__).parents[1] / "training" / "corpus" / "reports"
LOSSLESS = [
    (FormatName.JSONL, "x.jsonl"),
    (FormatName.MARKUP, "x.txt"),
    (FormatName.BRAT, "x"),
    (FormatName.LABEL_STUDIO, "x.json"),
    (FormatName.DOCCANO, "x.jsonl"),
    (FormatName.SPACY, "x.jsonl"),
]
ODD = ["قصف", "🚀", "\u200f", "(أ)", " ", "\r\n", "\n", "  ", "ب", "حلب", "x=1"]
RUNNER = CliRunner()


def meaning(report: Report) -> Any:
    """All that a report says, whatever its ids and the order of its spans."""
    key = {s.id: (s.start, s.end, s.type) for s in report.spans}
    return (
        report.id, report.text, report.date, report.style,
        sorted((key[m.id], m.value or "") for m in report.mentions),
        sorted(
            (key[e.id], e.status, sorted((a.role, key[a.id]) for a in e.arguments))
            for e in report.events
        ),
        sorted(sorted(key[id] for id in group) for group in joined(report.same)),
    )  # fmt: skip


def write(name: FormatName, reports: list[Report], path: Path, labels: Labels) -> Ledger:
    ledger = Ledger()
    FORMATS[name].write(reports, path, labels, ledger)
    return ledger


def read(name: FormatName, path: Path, labels: Labels) -> tuple[list[Report], Ledger]:
    ledger = Ledger()
    return list(FORMATS[name].read(path, labels, ledger)), ledger


def corpus(labels: Labels) -> list[Report]:
    return [report for path in sorted(CORPUS.glob("*.txt")) for report in markup.read(path, labels)]


@pytest.mark.parametrize(("name", "file"), LOSSLESS)
def test_the_whole_corpus_comes_back(
    name: FormatName, file: str, tmp_path: Path, labels: Labels
) -> None:
    reports = corpus(labels)
    assert write(name, reports, tmp_path / file, labels).entries == []
    back, ledger = read(name, tmp_path / file, labels)
    assert ledger.entries == []
    by_id = {report.id: report for report in back}
    assert [r.id for r in reports if meaning(by_id[r.id]) != meaning(r)] == []
    assert ledger.kept["reports"] == len(reports)


def test_columns_tell_what_they_lose(tmp_path: Path, labels: Labels) -> None:
    reports = corpus(labels)
    lost = write(FormatName.CONLL, reports, tmp_path / "x.conll", labels)
    rich = [r for r in reports if r.same or any(e.arguments for e in r.events)]
    assert {entry.report for entry in lost.entries} >= {report.id for report in rich}
    assert {entry.fate for entry in lost.entries} == {Fate.LOST}
    back, ledger = read(FormatName.CONLL, tmp_path / "x.conll", labels)
    assert ledger.entries == []
    for report, again in zip(reports, back, strict=True):
        bare = replace(
            report, same=(), mentions=tuple(replace(m, value=None) for m in report.mentions),
            events=tuple(replace(e, arguments=()) for e in report.events),
        )  # fmt: skip
        assert meaning(again) == meaning(bare)


@pytest.mark.parametrize(("name", "file"), [*LOSSLESS, (FormatName.SPACY, "x.spacy")])
@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_report_comes_back(
    name: FormatName, file: str, data: st.DataObject, tmp_path: Path
) -> None:
    if file.endswith(".spacy"):
        pytest.importorskip("spacy")
    labels, report = default_labels(), data.draw(odd_reports())
    path = Path(tempfile.mkdtemp(dir=tmp_path)) / file
    if write(name, [report], path, labels).entries:
        assert name is FormatName.MARKUP  # it cannot carry every text, and says so
        return
    (back,), ledger = read(name, path, labels)
    assert ledger.entries == []
    assert meaning(back) == meaning(report)


@st.composite
def odd_reports(draw: st.DrawFn) -> Report:
    """Reports of emoji, carriage returns, marks of direction, clitics and joined spans."""
    parts = draw(
        st.lists(
            st.sampled_from(ODD),
            min_size=1, max_size=12,
        )
    )  # fmt: skip
    text, mentions, events = "س", [], []
    for number, part in enumerate(parts):
        start, text = len(text), text + part
        kind = draw(st.sampled_from([None, None, "WEAPON", "LOCATION", "EVENT"]))
        if kind is None or not part.strip() or part == "\u200f":
            continue
        text += " "  # a span ends where its word ends; doccano states no words to tell otherwise
        if kind == "EVENT":
            events.append(Event(f"e{number}", "SHELLING", "foiled", start, len(text) - 1))
        else:
            letter = default_labels().mentions[kind]
            mentions.append(Mention(f"{letter}{number}", kind, start, len(text) - 1))
    places = [Argument("place", m.id) for m in mentions if m.type == "LOCATION"]
    events = [replace(event, arguments=tuple(places)) for event in events]
    same = (tuple(m.id for m in mentions),) if len(mentions) > 1 else ()
    date = draw(st.sampled_from([None, "2022-01-04"]))
    return Report(
        draw(st.sampled_from(["x-1", "غزة/2", "a b"])), text, date, tuple(mentions),
        tuple(events), same, draw(st.sampled_from(["", "agency"])),
    )  # fmt: skip


COUNTS: dict[str, Callable[[str, int], int]] = {
    "UTF-16 code units": lambda text, at: len(text[:at].encode("utf-16-le")) // 2,
    "UTF-8 bytes": lambda text, at: len(text[:at].encode()),
    "line ends counted as one": lambda text, at: len(text[:at].replace("\r\n", "\n")),
    "counted as two characters": lambda text, at: len(text[:at].replace("\n", "\r\n")),
    "direction marks not counted": lambda text, at: len(text[:at].replace("\u200f", "")),
    "a byte-order mark": lambda text, at: at + 1,
}
TEXTS = {
    "line ends counted as one": "وصل الوفد\r\nإلى حلب\r\nثم عاد إلى حلب أمس",
    "counted as two characters": "وصل الوفد\nإلى حلب\nثم عاد إلى حلب أمس",
    "direction marks not counted": "وصل \u200fالوفد إلى حلب ثم عاد \u200fإلى حلب أمس",
}
EMOJI = "🚀🚀 وصل الوفد إلى حلب ثم عاد إلى حلب أمس"


@pytest.mark.parametrize("way", COUNTS)
def test_other_ways_of_counting_are_known_by_the_words(way: str) -> None:
    text = TEXTS.get(way, EMOJI)
    truth = [
        (text.index("الوفد"), text.index("الوفد") + 5),
        (text.rindex("حلب"), text.rindex("حلب") + 3),
    ]
    said = [
        Stated(COUNTS[way](text, start), COUNTS[way](text, end), text[start:end])
        for start, end in truth
    ]
    places, mended = settle(text, said)
    assert places == truth
    assert len(mended) == 1
    assert way in mended[0]


def test_the_last_character_instead_of_the_end() -> None:
    text = "قصف حلب أمس"
    places, mended = settle(text, [Stated(0, 2, "قصف"), Stated(4, 6, "حلب")])
    assert places == [(0, 3), (4, 7)]
    assert "the last character" in mended[0]


def test_one_stray_span_is_found_by_its_words_where_they_stand_once() -> None:
    text = "قصف حلب ثم حلب أمس"
    places, mended = settle(text, [Stated(0, 3, "قصف"), Stated(1, 3, "أمس"), Stated(9, 9, "حلب")])
    assert places == [(0, 3), (15, 18), None]
    assert len(mended) == 1


def test_without_words_only_what_is_certain_is_mended() -> None:
    assert settle("قصف حلب", [Stated(0, 4)]) == (
        [(0, 3)],
        ["0-4 has white space at its edge; it is 0-3."],
    )
    assert settle("قصف حلب", [Stated(4, 9)]) == ([None], [])
    emoji = "🚀 قصف حلب"
    assert settle(emoji, [Stated(3, 6), Stated(7, 10)])[0] == [(2, 5), (6, 9)]
    assert settle("🚀🚀 قصف حلب أمس", [Stated(9, 12)])[0] == [(7, 10)]  # (9, 12) would cut a word
    assert settle("قصف  ", [Stated(3, 5)]) == ([None], [])


def region(id: str, start: int, end: int, text: str, **label: list[str]) -> dict[str, Any]:
    kind = "choices" if "choices" in label else "labels"
    value = {"start": start, "end": end, "text": text, **label}
    return {"id": id, "type": kind, "value": value, "to_name": "text", "origin": "manual"}


LABEL_STUDIO = [
    {
        "id": 12,
        "data": {"text": "🚀 قصف حلب", "date": "2022-01-04"},
        "annotations": [
            {"id": 1, "was_cancelled": True, "result": []},
            {
                "id": 2,
                "was_cancelled": False,
                "ground_truth": False,
                "result": [
                    region("Qx1", 3, 6, "قصف", labels=["SHELLING"]),
                    region("Qx2", 7, 10, "حلب", labels=["LOCATION"]),
                    region("Qx1", 3, 6, "قصف", choices=["denied"]),
                    {
                        "from_id": "Qx2", "to_id": "Qx1", "type": "relation",
                        "direction": "left", "labels": ["place"],
                    },
                ],
            },
        ],
        "predictions": [],
    },
    {"id": 13, "text": "قصف حلب", "label": [{"start": 4, "end": 7, "labels": ["LOCATION"]}]},
]  # fmt: skip


def test_a_label_studio_export(tmp_path: Path, labels: Labels) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(LABEL_STUDIO), "utf-8")
    (first, second), ledger = read(FormatName.LABEL_STUDIO, path, labels)
    assert (first.date, first.surface(first.events[0]), first.events[0].status) == (
        "2022-01-04", "قصف", "denied",
    )  # fmt: skip
    assert [(a.role, first.surface(first.mention(a.id))) for a in first.events[0].arguments] == [
        ("place", "حلب")
    ]
    assert second.surface(second.mentions[0]) == "حلب"
    assert [(e.fate, e.message) for e in ledger.entries] == [
        (Fate.MENDED, "the offsets are UTF-16 code units.")
    ]


def test_label_studio_may_number_its_regions(tmp_path: Path, labels: Labels) -> None:
    regions: list[dict[str, Any]] = [
        region("", 0, 3, "قصف", labels=["SHELLING"]) | {"id": 1},
        region("", 0, 3, "قصف", choices=["denied"]) | {"id": 1},
        region("", 4, 7, "أمس", labels=["DATE"]) | {"id": 2},
        {"id": 2, "type": "textarea", "value": {"text": ["2022-01-03"]}},
    ]
    path = tmp_path / "export.json"
    task = {"data": {"text": "قصف أمس"}, "annotations": [{"result": regions}]}
    path.write_text(json.dumps([task]), "utf-8")
    (report,), ledger = read(FormatName.LABEL_STUDIO, path, labels)
    assert (report.events[0].status, report.mentions[0].value) == ("denied", "2022-01-03")
    assert not ledger.entries


def test_what_is_known_is_told_once_in_a_ledger(tmp_path: Path, labels: Labels) -> None:
    path = tmp_path / "x.conll"
    path.write_text("قصف B-QQQ\nحلب B-QQQ\nأمس B-DATES\n", "utf-8")
    (_,), ledger = read(FormatName.CONLL, path, labels)
    told = [entry.message for entry in ledger.entries if entry.fate is Fate.REFUSED]
    known = ", ".join((*labels.mentions, *labels.events))
    assert told == [
        f"unknown label 'QQQ'; known are {known}.", "unknown label 'QQQ'.",
        "unknown label 'DATES'; did you mean DATE?",
    ]  # fmt: skip


def test_a_report_of_refused_lines_alone_gives_the_next_nothing(
    tmp_path: Path, labels: Labels
) -> None:
    path = tmp_path / "x.conll"
    path.write_text("# id = a\n# date = 2022-01-04\nقصف\n# id = b\nحلب\tB-LOCATION\n", "utf-8")
    (report,), ledger = read(FormatName.CONLL, path, labels)
    assert (report.id, report.date, report.text) == ("b", None, "حلب")
    assert [e.report for e in ledger.entries if e.fate is Fate.REFUSED] == ["a"]


def test_a_doccano_export(tmp_path: Path, labels: Labels) -> None:
    lines = [
        {"id": 7, "text": "قصف حلب", "Comments": [],
         "entities": [{"id": 41, "label": "SHELLING", "start_offset": 0, "end_offset": 3},
                      {"id": 42, "label": "LOCATION", "start_offset": 4, "end_offset": 7}],
         "relations": [{"id": 3, "from_id": 41, "to_id": 42, "type": "place"}]},
        {"id": 8, "text": "قصف حلب", "label": [[4, 7, "LOCATION"]]},
    ]  # fmt: skip
    path = tmp_path / "admin.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    (first, second), ledger = read(FormatName.DOCCANO, path, labels)
    assert [(a.role, a.id) for a in first.events[0].arguments] == [("place", "l1")]
    assert [m.type for m in second.mentions] == ["LOCATION"]
    assert [e.message for e in ledger.entries] == ["SHELLING 0-3 has no status; it is occurred."]


def test_doccano_numbers_all_of_a_project(
    tmp_path: Path, reports: list[Report], labels: Labels
) -> None:
    path = tmp_path / "x.jsonl"
    write(FormatName.DOCCANO, [*reports, replace(reports[0], id="again")], path, labels)
    written = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for kind in ("entities", "relations"):
        ids = [each["id"] for record in written for each in record[kind]]
        assert ids == list(range(1, len(ids) + 1))


@pytest.mark.parametrize("truth", [0, 1])
def test_label_studio_s_ground_truth_is_read(truth: int, tmp_path: Path, labels: Labels) -> None:
    spans = [
        region("r", 0, 3, "قصف", labels=["WEAPON"]),
        region("r", 4, 7, "حلب", labels=["LOCATION"]),
    ]
    found = [{"result": [span], "ground_truth": n == truth} for n, span in enumerate(spans)]
    path = tmp_path / "x.json"
    path.write_text(json.dumps([{"data": {"text": "قصف حلب"}, "annotations": found}]), "utf-8")
    (report,), _ = read(FormatName.LABEL_STUDIO, path, labels)
    assert [m.type for m in report.mentions] == [["WEAPON", "LOCATION"][truth]]


BRAT = """T1	SHELLING 0 3	قصف
T2	LOCATION 4 7;8 12	حلب أمس1
T3	WEAPON 13 18	قذائف
E1	SHELLING:T1 place:T2 instrument:T3 instrument2:T4
T4	WEAPON 20 23	مدف
A1	status E1 foiled
#1	AnnotatorNotes T1	تأكد
"""


@pytest.mark.parametrize("words", [["حلب"], {"a": 1}, 3])
def test_words_of_a_span_that_are_no_string_are_refused(
    words: Any, tmp_path: Path, labels: Labels
) -> None:
    entity = {"id": "l1", "type": "LOCATION", "start": 4, "end": 7, "text": words}
    record = {"id": "a", "date": "2022-01-04", "text": "قصف حلب", "entities": [entity]}
    for wrong in (record, record | {"date": "never"}):  # a sound record, and one to be mended
        path = tmp_path / "a.jsonl"
        path.write_text(json.dumps(wrong) + "\n", "utf-8")
        found, ledger = read(FormatName.JSONL, path, labels)
        assert not found
        (entry,) = ledger.entries
        assert "line 1" in str(entry)
        assert ("should be a string" if wrong is record else "never") in str(entry)


def test_a_brat_folder(tmp_path: Path, labels: Labels) -> None:
    (tmp_path / "a.txt").write_bytes("قصف حلب\nأمس1 قذائف مدفع".encode())
    (tmp_path / "a.ann").write_text(BRAT, "utf-8")
    (tmp_path / "b.txt").write_text("قصف", "utf-8")
    (tmp_path / "c.ann").write_text("", "utf-8")
    (report,), ledger = read(FormatName.BRAT, tmp_path, labels)
    assert [report.surface(m) for m in report.mentions] == ["حلب\nأمس1", "قذائف"]
    assert [a.role for a in report.events[0].arguments] == ["place", "instrument"]
    assert report.events[0].status == "foiled"
    told = [str(entry) for entry in ledger.entries]
    assert len(told) == 5
    assert any("a.ann, line 5" in t and "«مدف»" in t for t in told)
    assert any("a.ann, line 4" in t and "ends at 'T4'" in t for t in told)
    assert any("a.ann, line 7" in t and "AnnotatorNotes" in t for t in told)
    assert any("b.txt" in t and "no .ann" in t for t in told)
    assert any("c.ann" in t and "no .txt" in t for t in told)


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        (["B-LOCATION", "I-LOCATION", "O"], ["قصف حلب"]),
        (["I-LOCATION", "B-LOCATION", "O"], ["قصف", "حلب"]),
        (["B-LOCATION", "E-LOCATION", "S-DATE"], ["قصف حلب", "أمس"]),
        (["U-LOCATION", "B-DATE", "L-DATE"], ["قصف", "حلب أمس"]),
        (["LOCATION", "LOCATION", "O"], ["قصف حلب"]),
        (["I-LOCATION", "I-DATE", "O"], ["قصف", "حلب"]),
        (["S-LOCATION", "I-LOCATION", "O"], ["قصف", "حلب"]),
    ],
)
def test_conll_2003_in_every_scheme(
    tags: list[str], spans: list[str], tmp_path: Path, labels: Labels
) -> None:
    rows = [f"{token} NN O {tag}" for token, tag in zip(["قصف", "حلب", "أمس"], tags, strict=True)]
    path = tmp_path / "x.conll"
    path.write_text("-DOCSTART- -X- O O\n\n" + "\n".join(rows) + "\n\nعاد NN O O\n", "utf-8")
    (report,), ledger = read(FormatName.CONLL, path, labels)
    assert report.text == "قصف حلب أمس\nعاد"
    assert [report.surface(m) for m in report.mentions] == spans
    assert [e.fate for e in ledger.entries] == [Fate.MENDED]


def test_a_text_that_is_not_its_tokens_is_rebuilt(tmp_path: Path, labels: Labels) -> None:
    path = tmp_path / "x.conll"
    path.write_text('# id = a\n# text = "قصف مدينة حلب"\nقصف O\nحلب B-LOCATION\n', "utf-8")
    (report,), ledger = read(FormatName.CONLL, path, labels)
    assert (report.text, report.surface(report.mentions[0])) == ("قصف حلب", "حلب")
    assert ledger.entries[0].message.startswith("its text is rebuilt")


def test_stated_ids_are_kept_and_no_link_is_read_twice(labels: Labels) -> None:
    """A free id is one that nothing further on has; a group of one is none."""
    marked = [
        Marked("a", "SHELLING", Stated(0, 3), "x", "occurred"),
        Marked("b", "LOCATION", Stated(4, 7), "x"),
        Marked("l1", "LOCATION", Stated(8, 12), "x"),
    ]
    links = [Link("a", "place", "b", "x")] * 2
    draft = Draft("x", "r", "قصف حلب وحمص", marked=marked, links=links, same=[("b", "gone")])
    ledger = Ledger()
    report = draft.report(labels, ledger)
    assert report
    assert [mention.id for mention in report.mentions] == ["l2", "l1"]
    assert report.events[0].arguments == (Argument("place", "l2"),)
    assert report.same == ()
    assert [e.message for e in ledger.entries] == [
        "a group of the same thing names gone, not read here."
    ]


def test_what_spacy_writes_is_read(tmp_path: Path, labels: Labels) -> None:
    spacy = pytest.importorskip("spacy")
    from spacy.tokens import DocBin, Span

    doc = spacy.blank("ar")("قصف حلب أمس")
    doc.ents = [Span(doc, 1, 2, "LOCATION")]
    doc.spans["events"] = [Span(doc, 0, 1, "SHELLING")]
    DocBin(docs=[doc]).to_disk(tmp_path / "x.spacy")
    (tmp_path / "x.jsonl").write_text(json.dumps(doc.to_json()) + "\n", "utf-8")
    for name in ("x.spacy", "x.jsonl"):
        (report,), ledger = read(FormatName.SPACY, tmp_path / name, labels)
        assert [report.surface(s) for s in report.spans] == ["حلب", "قصف"]
        assert [e.message for e in ledger.entries] == [
            "SHELLING 0-3 has no status; it is occurred."
        ]


def test_spacy_reads_what_is_written(tmp_path: Path, labels: Labels) -> None:
    spacy = pytest.importorskip("spacy")
    from spacy.tokens import Doc, DocBin

    reports = corpus(labels)[:40]
    write(FormatName.SPACY, reports, tmp_path / "x.spacy", labels)
    write(FormatName.SPACY, reports, tmp_path / "x.jsonl", labels)
    vocab = spacy.blank("ar").vocab
    docs = list(DocBin().from_disk(tmp_path / "x.spacy").get_docs(vocab))
    lines = (tmp_path / "x.jsonl").read_text("utf-8").splitlines()
    docs += [Doc(vocab).from_json(json.loads(line)) for line in lines]
    for report, doc in zip([*reports, *reports], docs, strict=True):
        assert doc.text == report.text
        ordered = sorted(report.mentions, key=lambda m: m.start)
        assert [(e.text, e.label_) for e in doc.ents] == [
            (report.surface(m), m.type) for m in ordered
        ]
        assert len(doc.spans["events"]) == len(report.events)


def test_label_studio_s_own_library_reads_what_is_written(tmp_path: Path, labels: Labels) -> None:
    sdk = pytest.importorskip("label_studio_sdk.label_interface")
    reports = corpus(labels)[:40]
    write(FormatName.LABEL_STUDIO, reports, tmp_path / "x.json", labels)
    interface = sdk.LabelInterface((tmp_path / "x.xml").read_text("utf-8"))
    assert interface.is_valid
    for task in json.loads((tmp_path / "x.json").read_text("utf-8")):
        for item in task["annotations"][0]["result"]:
            assert interface.validate_region(item) or item["type"] == "relation"


def test_the_command_ends_with_a_ledger(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    good = {"id": "a", "text": "قصف حلب", "entities": [
        {"id": "l1", "type": "LOCATION", "start": 4, "end": 7, "text": "حلب"}]}  # fmt: skip
    off = {"id": "b", "text": "قصف حلب", "entities": [
        {"id": "l1", "type": "LOCATIN", "start": 4, "end": 7, "text": "حلب"}]}  # fmt: skip
    source.write_text(f"{json.dumps(good)}\n{json.dumps(off)}\nnot json\n", "utf-8")
    arguments = ["convert", str(source), str(tmp_path / "out"), "--from", "jsonl", "--to", "brat"]
    done = RUNNER.invoke(app, [*arguments, "--ledger", str(tmp_path / "ledger.json")])
    assert done.exit_code == 2
    assert "2 annotations were refused" in done.stderr
    book = json.loads((tmp_path / "ledger.json").read_text("utf-8"))
    assert book["kept"]["reports"] == 2
    assert [(e["fate"], e["where"].rpartition(", ")[2]) for e in book["entries"]] == [
        ("refused", "line 2"), ("refused", "line 3"),
    ]  # fmt: skip
    assert "did you mean LOCATION?" in book["entries"][0]["message"]
    assert (tmp_path / "out" / "a.ann").read_text("utf-8") == "T1\tLOCATION 4 7\tحلب\n"


def told(ledger: Ledger) -> list[tuple[Fate, str]]:
    return [(entry.fate, entry.message) for entry in ledger.entries]


def test_what_could_not_be_read_replaces_nothing(tmp_path: Path) -> None:
    source, target = tmp_path / "x.jsonl", tmp_path / "good.jsonl"
    source.write_text("{broken", "utf-8")
    target.write_text("precious", "utf-8")
    done = CliRunner().invoke(
        app,
        ["convert", str(source), str(target), "--from", "jsonl", "--to", "jsonl",
         "--ledger", str(tmp_path / "ledger.json")],
    )  # fmt: skip
    assert done.exit_code == 2
    assert "broken JSON" in (tmp_path / "ledger.json").read_text("utf-8")
    assert f"nothing could be read, and {target} is as it was" in done.stderr
    assert target.read_text("utf-8") == "precious"


def test_label_studio_replaces_only_a_configuration_of_its_own(
    tmp_path: Path, labels: Labels
) -> None:
    beside, reports = tmp_path / "x.xml", [Report("a", "قصف")]
    for _ in range(2):
        write(FormatName.LABEL_STUDIO, reports, tmp_path / "x.json", labels)
    beside.write_text("<mine/>", "utf-8")
    with pytest.raises(MarsadError, match=r"x\.xml: stands where the labelling configuration"):
        write(FormatName.LABEL_STUDIO, reports, tmp_path / "x.json", labels)
    assert beside.read_text("utf-8") == "<mine/>"


def test_two_reports_of_one_id_are_not_written_over_each_other(
    tmp_path: Path, labels: Labels
) -> None:
    reports = [Report("a", "قصف"), Report("a", "حلب"), Report("", "أمس"), Report("report-2", "x")]
    ledger = write(FormatName.BRAT, reports, tmp_path / "x", labels)
    assert {entry.fate for entry in ledger.entries} == {Fate.REFUSED}
    assert [entry.report for entry in ledger.entries] == ["a", "report-2"]
    assert {p.name: p.read_text("utf-8") for p in (tmp_path / "x").glob("*.txt")} == {
        "a.txt": "قصف", "report-2.txt": "أمس",
    }  # fmt: skip


def test_roles_that_end_in_a_digit_come_back_from_brat(tmp_path: Path, labels: Labels) -> None:
    roles = {role: ("LOCATION",) for role in ("ARG0", "ARG1")}
    labels = replace(labels, roles=roles)
    mentions = tuple(Mention(f"l{n}", "LOCATION", n, n + 1) for n in range(4, 7))
    filled = zip(("ARG0", "ARG1", "ARG1"), mentions, strict=True)
    arguments = tuple(Argument(role, mention.id) for role, mention in filled)
    event = Event("e1", "SHELLING", "occurred", 0, 3, arguments)
    report = Report("a", "قصف حلبي", None, mentions, (event,))
    assert not write(FormatName.BRAT, [report], tmp_path / "x", labels).entries
    (back,), _ = read(FormatName.BRAT, tmp_path / "x", labels)
    assert {(a.role, back.mention(a.id).start) for a in back.events[0].arguments} == {
        ("ARG0", 4), ("ARG1", 5), ("ARG1", 6),
    }  # fmt: skip


def test_an_id_that_brat_gives_twice_is_refused(tmp_path: Path, labels: Labels) -> None:
    (tmp_path / "a.txt").write_text("قصف حلب", "utf-8")
    lines = "T1\tLOCATION 4 7\tحلب\nT1\tSHELLING 0 3\tقصف\n"
    (tmp_path / "a.ann").write_text(lines, "utf-8")
    (report,), ledger = read(FormatName.BRAT, tmp_path, labels)
    assert [m.type for m in report.mentions] == ["LOCATION"]
    assert told(ledger) == [(Fate.REFUSED, "the id T1 is used before.")]


def test_what_the_markup_cannot_carry_is_refused(tmp_path: Path, labels: Labels) -> None:
    reports = [Report("a", "قصف\n\n"), Report("b", "قصف\r\nحلب"), Report("c d", "x")]
    ledger = write(FormatName.MARKUP, reports, tmp_path / "x.txt", labels)
    assert [entry.fate for entry in ledger.entries] == [Fate.LOST, Fate.REFUSED, Fate.REFUSED]
    (back,), ledger = read(FormatName.MARKUP, tmp_path / "x.txt", labels)
    assert (back.text, ledger.entries) == ("قصف", [])


@pytest.mark.parametrize(("name", "file"), [*LOSSLESS, (FormatName.SPACY, "x.spacy")])
def test_half_a_surrogate_pair_is_escaped_or_refused(
    name: FormatName, file: str, tmp_path: Path, labels: Labels
) -> None:
    if file.endswith(".spacy"):
        pytest.importorskip("spacy")
    sound, half = Report("a", "قصف حلب"), Report("b", "قصف \ud800")
    refused = told(write(name, [sound, half], tmp_path / file, labels))
    back, _ = read(name, tmp_path / file, labels)
    assert [r.text for r in back] == [r.text for r in (sound, half)][: 2 - len(refused)]
    assert all("half a surrogate pair" in message for _, message in refused)
    assert bool(refused) == (name in ("markup", "brat") or file == "x.spacy")


def test_of_two_spans_in_a_token_the_place_of_the_kept_one_is_told(labels: Labels) -> None:
    spacy = pytest.importorskip("spacy")
    from marsad.formats.spacy import put

    doc = spacy.blank("ar").make_doc("ببغداد")
    put(
        Report(
            "r",
            doc.text,
            mentions=(Mention("l1", "LOCATION", 0, 1), Mention("l2", "LOCATION", 1, 6)),
        ),
        doc,
    )
    assert [span.text for span in doc.ents] == ["ببغداد"]
    assert doc._.marsad_facts["exact"] == {"0-6-LOCATION": [0, 1]}


def test_a_docbin_without_spacy_says_what_to_install(
    tmp_path: Path, labels: Labels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(MarsadError, match="needs spaCy: pip install"):
        read(FormatName.SPACY, tmp_path / "x.spacy", labels)


@pytest.mark.parametrize("name", [name for name in FormatName if name is not FormatName.BRAT])
def test_a_dash_is_standard_output(
    name: FormatName, tmp_path: Path, reports: list[Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.jsonl").write_text(jsonl.write(reports), "utf-8")
    convert = ["convert", "in.jsonl", "--from", "jsonl", "--to", name]
    assert RUNNER.invoke(app, [*convert, "out.json"]).exit_code == 0
    before = sorted(tmp_path.iterdir())
    printed = RUNNER.invoke(app, [*convert, "-"])
    assert printed.exit_code == 0
    assert printed.stdout_bytes == Path("out.json").read_bytes()
    assert sorted(tmp_path.iterdir()) == before


def test_brat_does_not_write_among_other_annotations(
    tmp_path: Path, reports: list[Report], labels: Labels
) -> None:
    (tmp_path / "old.ann").write_text("", "utf-8")
    with pytest.raises(MarsadError, match=r"holds \.ann files already; give an empty folder"):
        write(FormatName.BRAT, reports, tmp_path, labels)
    assert [path.name for path in tmp_path.iterdir()] == ["old.ann"]


def test_standard_output_is_no_folder(tmp_path: Path, reports: list[Report]) -> None:
    (tmp_path / "in.jsonl").write_text(jsonl.write(reports), "utf-8")
    arguments = ["convert", str(tmp_path / "in.jsonl"), "-", "--from", "jsonl", "--to", "brat"]
    done = RUNNER.invoke(app, arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("marsad: brat writes a folder")


def test_tasks_are_not_lost_under_their_configuration(
    tmp_path: Path, reports: list[Report], labels: Labels
) -> None:
    with pytest.raises(MarsadError, match=r"x\.xml: is where the labelling configuration goes"):
        write(FormatName.LABEL_STUDIO, reports, tmp_path / "x.xml", labels)
    assert not list(tmp_path.iterdir())


def test_a_report_whose_id_is_too_long_for_a_file_comes_back_from_brat(
    tmp_path: Path, reports: list[Report], labels: Labels
) -> None:
    long = [replace(report, id="قصف " * 60 + str(n)) for n, report in enumerate(reports)]
    write(FormatName.BRAT, long, tmp_path, labels)
    assert [r.id for r in read(FormatName.BRAT, tmp_path, labels)[0]] == [r.id for r in long]


SLIPS = {
    FormatName.JSONL: ('{"id": "a"}', "line 1"),
    FormatName.MARKUP: ("### id=a\n", "line 1"),
    FormatName.CONLL: ("قصف O\nحلب\n", "line 2"),
    FormatName.LABEL_STUDIO: ("[{}]", "task 1"),
    FormatName.DOCCANO: ("{}", "line 1"),
    FormatName.SPACY: ("{}", "line 1"),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_ledger_calls_stdin_by_its_name(name: FormatName, tmp_path: Path) -> None:
    text, where = SLIPS[name]
    arguments = ["convert", "-", str(tmp_path / "out"), "--from", name, "--to", "jsonl"]
    done = RUNNER.invoke(app, [*arguments, "--ledger", "-"], input=text)
    assert done.exit_code == 2
    assert json.loads(done.stdout)["entries"][0]["where"] == f"stdin, {where}"


def test_ids_made_of_a_name_call_stdin_by_its_name(tmp_path: Path) -> None:
    arguments = ["convert", "-", "-", "--from", "conll", "--to", "jsonl"]
    done = RUNNER.invoke(app, arguments, input="قصف O\n")
    assert json.loads(done.stdout)["id"] == "stdin-1"
