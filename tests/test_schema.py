"""The one report type: plain data and back, and what a wrong report is told."""

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from marsad.errors import MarsadError
from marsad.schema import Argument, Event, Labels, Mention, Report, default_labels, is_date

TEXT = "قصف الجيش حلب أمس"
REPORT = Report(
    "r1", TEXT, "2022-01-04",
    (
        Mention("a1", "ACTOR", 4, 9),
        Mention("l1", "LOCATION", 10, 13),
        Mention("d1", "DATE", 14, 17, value="2022-01-03"),
    ),
    (Event("e1", "SHELLING", "occurred", 0, 3, (Argument("agent", "a1"), Argument("time", "d1"))),),
    (("a1", "l1"),),
)  # fmt: skip
Change = Callable[[dict[str, Any]], object]


def test_gold_goes_to_plain_data_and_back(reports: list[Report]) -> None:
    for report in (REPORT, *reports, Report("", ""), Report("x", "نص", None, style="agency")):
        data = report.to_dict()
        assert Report.from_dict(data) == report
        assert Report.from_dict(json.loads(report.to_json())) == report
        assert data == json.loads(report.to_json())


def test_json_is_one_line_of_readable_arabic() -> None:
    line = replace(REPORT, text=TEXT.replace("حلب أمس", "حلب\nأمس")).to_json()
    assert "\n" not in line
    assert "الجيش" in line


def test_keys_of_a_prediction() -> None:
    report = Report(
        "r1", TEXT, None, (Mention("a1", "ACTOR", 4, 9, 0.9),),
        (Event("e1", "SHELLING", "denied", 0, 3, (Argument("agent", "a1", 0.8),), 0.7),),
    )  # fmt: skip
    assert report.to_dict() == {
        "id": "r1",
        "date": None,
        "text": TEXT,
        "entities": [
            {"id": "a1", "type": "ACTOR", "start": 4, "end": 9, "text": "الجيش", "score": 0.9}
        ],
        "events": [
            {
                "id": "e1", "type": "SHELLING", "status": "denied", "start": 0, "end": 3,
                "text": "قصف", "score": 0.7,
                "arguments": [{"role": "agent", "id": "a1", "score": 0.8}],
            }
        ],
        "same": [],
    }  # fmt: skip
    assert Report.from_dict(report.to_dict()) == report


def test_gold_has_no_score_and_style_only_where_given() -> None:
    data = replace(REPORT, style="agency").to_dict()
    assert list(data) == ["id", "date", "style", "text", "entities", "events", "same"]
    assert data["entities"][2].keys() == {"id", "type", "start", "end", "text", "value"}
    assert data["events"][0].keys() == {
        "id", "type", "status", "start", "end", "text", "arguments",
    }  # fmt: skip
    assert data["events"][0]["arguments"][0] == {"role": "agent", "id": "a1"}


def test_optional_keys_may_be_absent() -> None:
    assert Report.from_dict({"text": "نص"}) == Report("", "نص")
    assert Report.from_dict({"id": 7, "text": "نص", "style": None}).id == "7"
    assert Report.from_dict({"id": 0, "text": "نص"}).id == "0"


def test_surface_and_mention() -> None:
    assert [REPORT.surface(m) for m in REPORT.mentions] == ["الجيش", "حلب", "أمس"]
    assert REPORT.mention("l1").type == "LOCATION"
    with pytest.raises(KeyError):
        REPORT.mention("e1")


def entity(**fields: object) -> Change:
    return lambda data: data["entities"][0].update(fields)


def event(**fields: object) -> Change:
    return lambda data: data["events"][0].update(fields)


def incident(**fields: object) -> Change:
    sound = {"id": "i1", "type": "SHELLING", "status": "occurred", "events": [], "arguments": []}
    return top(incidents=[sound | fields])


def top(**fields: object) -> Change:
    return lambda data: data.update(fields)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (top(text=None), "the text of report 'r1' is NoneType, not a string"),
        (top(text=["نص"]), "is list, not a string"),
        (top(date="04.01.2022"), "the date '04.01.2022' is not a day as YYYY-MM-DD"),
        (top(date="20220104"), "is not a day"),
        (top(date="2022-02-30"), "is not a day"),
        (top(date=20220104), "the date 20220104 is not a day"),
        (top(date=""), "the date '' is not a day"),
        (entity(start=-1), "a1: the span -1-9 is out of range; the text has 17 characters"),
        (entity(end=18), "a1: the span 4-18 is out of range"),
        (entity(end=4), "a1: the span 4-4 is out of range"),
        (entity(start=9, end=4), "a1: the span 9-4 is out of range"),
        (entity(end=11), "a1 (4-11) and l1 (10-13) overlap"),
        (entity(start=10, end=13), "overlap"),
        (entity(start="4"), "a1: start and end should be whole numbers"),
        (entity(start=4.0), "a1: start and end should be whole numbers"),
        (entity(start=True), "a1: start and end should be whole numbers"),
        (entity(start=None), "a1: start and end should be whole numbers"),
        (event(end=True), "e1: start and end should be whole numbers"),
        (event(start=0, end=99), "e1: the span 0-99 is out of range"),
        (entity(id="l1"), "the id 'l1' is used twice"),
        (event(id="l1"), "the id 'l1' is used twice"),
        (entity(id=["a1"]), "the id, label or value ['a1'] should be a string"),
        (entity(type=None), "the id, label or value None should be a string"),
        (entity(value=3), "the id, label or value 3 should be a string"),
        (event(status=1), "the id, label or value 1 should be a string"),
        (event(arguments=[{"role": "agent", "id": "a9"}]), "e1: its agent 'a9' is no mention here"),
        (event(arguments=[{"role": "agent", "id": "e1"}]), "e1: its agent 'e1' is no mention here"),
        (event(arguments=[{"role": "agent", "id": []}]), "[] should be a string"),
        (event(arguments=[{"id": "a1"}]), "the key 'role' is missing"),
        (event(arguments=["a1"]), "not shaped like a report"),
        (top(same=[["a1", "a9"]]), "'same' names 'a9', which is no mention or event here"),
        (top(same=[["a9", "a1"]]), "'same' names 'a9', which is no mention or event here"),
        (top(style=5), "5 should be a string"),
        (entity(value=0), "0 should be a string"),
        (event(score="high"), "e1: a score should be a number"),
        (event(score=float("nan")), "e1: a score should be a number"),
        (event(score=float("inf")), "e1: a score should be a number"),
        (event(score=True), "e1: a score should be a number"),
        (incident(events=["e9"]), "i1: 'e9' is no event here"),
        (incident(arguments=[{"role": "agent", "id": "a9"}]), "i1: its agent 'a9' is no mention"),
        (incident(harm={"killed": 3}), "3 should be a string"),
        (incident(harm="xyz"), "not shaped like a report"),
        (incident(date=5), "5 should be a string"),
        (top(same=3), "not shaped like a report"),
        (top(entities=[3]), "not shaped like a report"),
        (top(events=None), "not shaped like a report"),
        (lambda data: data.pop("text"), "the key 'text' is missing"),
        (lambda data: data["entities"][0].pop("end"), "the key 'end' is missing"),
        (lambda data: data["events"][0].pop("status"), "the key 'status' is missing"),
    ],
)
def test_a_wrong_record_is_told_in_a_sentence(change: Change, told: str) -> None:
    data = REPORT.to_dict()
    change(data)
    with pytest.raises(MarsadError) as caught:
        Report.from_dict(data)
    assert told in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("data", [None, 3, "نص", [], [{"text": "نص"}]])
def test_a_record_that_is_no_object(data: Any) -> None:
    with pytest.raises(MarsadError, match="not shaped like a report"):
        Report.from_dict(data)


def test_spans_that_touch_do_not_overlap() -> None:
    touching = Report("a", "نص", mentions=(Mention("a1", "A", 0, 1), Mention("a2", "A", 1, 2)))
    assert not list(touching.problems())


def test_a_mention_and_a_trigger_may_share_words() -> None:
    event = replace(REPORT.events[0], start=4, end=13)
    assert list(replace(REPORT, events=(event,)).problems()) == []


def with_argument(role: str, id: str) -> Report:
    return replace(REPORT, events=(replace(REPORT.events[0], arguments=(Argument(role, id),)),))


def with_mention(n: int, **fields: Any) -> Report:
    mentions = list(REPORT.mentions)
    mentions[n] = replace(mentions[n], **fields)
    return replace(REPORT, mentions=tuple(mentions))


@pytest.mark.parametrize(
    ("report", "problems"),
    [
        (REPORT, []),
        (with_mention(1, type="PLACE"), ["l1: unknown mention type 'PLACE'; known are ACTOR, "]),
        (
            replace(REPORT, events=(replace(REPORT.events[0], type="WAR"),)),
            ["e1: unknown event type 'WAR'; known are ARMED_CLASH, "],
        ),
        (
            replace(REPORT, events=(replace(REPORT.events[0], status="sure"),)),
            ["e1: unknown status 'sure'; known are occurred, foiled, possible, denied."],
        ),
        (with_argument("with", "a1"), ["e1: unknown role 'with'; known are agent, target, "]),
        (with_argument("time", "l1"), ["e1: the role time cannot take l1, a LOCATION."]),
        (with_argument("target", "d1"), ["e1: the role target cannot take d1, a DATE."]),
        (with_mention(2, value="yesterday"), ["d1: 'yesterday' is no value of a DATE."]),
        (with_mention(2, value="2022-1-3"), ["d1: '2022-1-3' is no value of a DATE."]),
        (with_mention(1, value="3"), ["l1: '3' is no value of a LOCATION."]),
        (with_mention(1, type="CASUALTY", value="+3"), ["l1: '+3' is no value of a CASUALTY."]),
        (
            replace(with_mention(0, type="X"), date="today"),
            [
                "the date 'today' is not",
                "a1: unknown mention type 'X'",
                "e1: the role agent cannot",
            ],
        ),
    ],
)
def test_problems_with_a_label_set(report: Report, problems: list[str]) -> None:
    found = list(report.problems(default_labels()))
    assert len(found) == len(problems)
    assert all(a.startswith(b) for a, b in zip(found, problems, strict=True))


@pytest.mark.parametrize(
    "value",
    [
        "?",
        "2014",
        "2020-01",
        "2022-01-04",
        "2022-01-03T04:30",
        "2022-01-03TMO",
        "2022-01-03TNI",
        "2022-W01",
        "2021-Q3",
    ],
)
def test_date_values(value: str) -> None:
    assert list(with_mention(2, value=value).problems(default_labels())) == []


@pytest.mark.parametrize("value", ["?", "0", "12", "100+"])
def test_casualty_values(value: str) -> None:
    report = with_mention(1, type="CASUALTY", value=value)
    assert list(report.problems(default_labels())) == []


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("2022-01-04", True), ("2020-02-29", True), ("2021-02-29", False), ("2022-1-4", False),
        ("20220104", False), ("2022-W01-1", False), ("2022-01-04T00:00", False), ("", False),
        ("٢٠٢٢-٠١-٠٤", False), (None, False), (20220104, False),
    ],
)  # fmt: skip
def test_days(value: object, right: bool) -> None:
    assert is_date(value) is right


def test_labels_go_to_plain_data_and_back(labels: Labels) -> None:
    assert Labels.from_dict(json.loads(json.dumps(labels.to_dict()))) == labels


def test_the_shipped_label_set_hangs_together(labels: Labels) -> None:
    assert (len(labels.mentions), len(labels.events), len(labels.statuses)) == (8, 18, 4)
    letters = [*labels.mentions.values(), "e"]
    assert len(set(letters)) == len(letters)
    assert {t for types in labels.roles.values() for t in types} == set(labels.mentions)
    assert set(labels.values) <= set(labels.mentions)


@pytest.mark.parametrize("key", ["mentions", "events", "statuses", "roles"])
def test_a_label_set_without_a_key(labels: Labels, key: str) -> None:
    data = labels.to_dict()
    del data[key]
    with pytest.raises(MarsadError, match=f"label set lacks or misshapes '{key}'"):
        Labels.from_dict(data)
    with pytest.raises(MarsadError, match="label set"):
        Labels.from_dict(labels.to_dict() | {key: 3})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"events": [5]}, "[5], which should be a list of strings"),
        ({"events": "SHELLING"}, "'SHELLING', which should be a list of strings"),
        ({"statuses": []}, "1 at least"),
        ({"mentions": {"ACTOR": "z-a"}}, "the letter 'z-a' of ACTOR"),
        ({"mentions": {"ACTOR": 5}}, "the letter 5 of ACTOR"),
        ({"mentions": {"ACTOR": "5"}}, "the letter '5' of ACTOR"),
        ({"mentions": {"ACTOR": "e"}}, "the letter 'e' of ACTOR"),
        ({"mentions": {"ACTOR": "a", "PERSON": "a"}}, "the letter 'a' of PERSON"),
        ({"events": ["RAID", "RAID"]}, "RAID, which should stand in it once"),
        ({"events": ["ACTOR"]}, "ACTOR, which should stand in it once"),
        ({"statuses": ["sure", "sure"]}, "sure, which should stand in it once"),
        ({"roles": {"place": ["TOWN"]}}, "the role place, which takes TOWN, no mention type here"),
        ({"values": {"DATE": {"kind": "date", "pattern": "("}}}, "the pattern '('"),
        ({"values": {"DATE": {"kind": "date", "pattern": 5}}}, "5], which should be"),
    ],
)
def test_a_label_set_that_is_off(labels: Labels, change: dict[str, Any], told: str) -> None:
    with pytest.raises(MarsadError, match=r"^the label set lacks or misshapes ") as caught:
        Labels.from_dict(labels.to_dict() | change)
    assert told in str(caught.value)


def test_mentions_and_events_are_found_by_id(reports: list[Report]) -> None:
    for report in reports:
        assert [report.mention(m.id) for m in report.mentions] == list(report.mentions)
        assert [report.event(e.id) for e in report.events] == list(report.events)
        assert pickle.loads(pickle.dumps(report)) == replace(report) == report
        for absent in (report.mention, report.event):
            with pytest.raises(KeyError, match="x9"):
                absent("x9")
