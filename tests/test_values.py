"""Values in a report: dates build on earlier ones, what is negated or denied is zero."""

import json
from dataclasses import replace
from importlib.resources import files

import pytest

from marsad.resolve.dates import Unresolved
from marsad.resolve.values import with_values
from marsad.schema import Argument, Event, Labels, Mention, Report


def report(text: str, *marks: tuple[str, str, str], date: str | None = "2022-01-04") -> Report:
    mentions = tuple(
        Mention(id, type, text.index(surface), text.index(surface) + len(surface))
        for id, type, surface in marks
    )
    return Report("r", text, date, mentions)


def values(found: Report, labels: Labels) -> dict[str, str | None]:
    return {m.id: m.value for m in with_values(found, labels).mentions}


def test_each_kind_has_its_resolver(labels: Labels) -> None:
    found = report(
        "قتل ثلاثة جنود في حلب أمس الاثنين",
        ("c1", "CASUALTY", "ثلاثة جنود"), ("d1", "DATE", "أمس الاثنين"), ("l1", "LOCATION", "حلب"),
    )  # fmt: skip
    assert values(found, labels) == {"c1": "3", "d1": "2022-01-03", "l1": None}


def test_an_hour_belongs_to_the_day_told_before(labels: Labels) -> None:
    marks = (("d2", "DATE", "الساعة 04:30 فجرا"), ("d1", "DATE", "أمس"))
    told = report("وقع الهجوم أمس وانتهى الساعة 04:30 فجرا", *marks)
    assert values(told, labels) == {"d1": "2022-01-03", "d2": "2022-01-03T04:30"}
    alone = report("وقع الهجوم الساعة 04:30 فجرا", ("d1", "DATE", "الساعة 04:30 فجرا"))
    assert values(alone, labels) == {"d1": "?"}


def test_relative_dates_need_the_date_of_the_report(labels: Labels) -> None:
    found = report("وقع الهجوم أمس", ("d1", "DATE", "أمس"), date=None)
    assert values(found, labels) == {"d1": "?"}


def test_none_after_a_negation_and_in_a_denied_event(labels: Labels) -> None:
    negated = report("سقط الصاروخ دون وقوع إصابات بشرية", ("c1", "CASUALTY", "إصابات بشرية"))
    assert values(negated, labels) == {"c1": "0"}
    plain = report("أدى القصف إلى إصابات بشرية", ("c1", "CASUALTY", "إصابات بشرية"))
    assert values(plain, labels) == {"c1": "?"}
    event = Event("e1", "INJURY", "denied", 0, 3, (Argument("victim", "c1"),))
    assert values(replace(plain, events=(event,)), labels) == {"c1": "0"}
    both = (event, replace(event, id="e2", status="occurred", start=4, end=9))
    assert values(replace(plain, events=both), labels) == {"c1": "?"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ماكو [إصابات] لحد الآن", "0"),
        ("مع عدم وقوع [إصابات]", "0"),
        ("من غير [إصابات]", "0"),
        ("ولا يزال [طفل] تحت الأنقاض", "1"),
        ("لم ينج سوى [رضيع]", "1"),
        ("المُلا محمد إن [جنديا]", "1"),
        ("لا يمكن معرفة [عدد القتلى]", "?"),
        ("تجاوز عدد القتلى [160]", "160+"),
        ("لم يتجاوز عدد القتلى [160]", "160"),
        ("تخطت حصيلة القتلى [40 شهيدا]", "40+"),
    ],
)
def test_the_words_before_a_count_deny_or_open_it(text: str, value: str, labels: Labels) -> None:
    surface = text[text.index("[") + 1 : text.index("]")]
    plain = text.replace("[", "").replace("]", "")
    assert values(report(plain, ("c1", "CASUALTY", surface)), labels) == {"c1": value}


@pytest.mark.parametrize(
    ("text", "first", "second", "value"),
    [
        ("بين 15 و20 تشرين الأول 2017", "15", "20 تشرين الأول 2017", "2017-10-15"),
        ("بين حزيران وتشرين الأول 2017", "حزيران", "تشرين الأول 2017", "2017-06"),
        ("بين كانون الأول وشباط 2018", "كانون الأول", "شباط 2018", "2017-12"),
        ("الساعة 22:10 من يوم الأحد", "الساعة 22:10", "يوم الأحد", "2022-01-02T22:10"),
        ("يوم الأحد الموافق 4 شباط 2018", "يوم الأحد", "4 شباط 2018", "2018-02-04"),
        ("12 شوال 1434 هـ الموافق 20 آب 2013", "12 شوال 1434 هـ", "20 آب 2013", "2013-08-20"),
        ("يوم الأحد، قبل 4 شباط 2018", "يوم الأحد", "4 شباط 2018", "2022-01-02"),
    ],
)
def test_a_date_is_completed_by_the_next(
    text: str, first: str, second: str, value: str, labels: Labels
) -> None:
    found = report(text, ("d1", "DATE", first), ("d2", "DATE", second))
    assert values(found, labels)["d1"] == value


@pytest.mark.parametrize(
    ("hijri", "value"), [("12 شوال", "2013-08-20"), ("12 رمضان", "2013-07-20")]
)
def test_a_hijri_day_is_the_one_that_it_is_said_to_be(
    hijri: str, value: str, labels: Labels
) -> None:
    text = f"وقع في 20 آب 2013 الموافق {hijri} 1434"
    found = report(text, ("d1", "DATE", "20 آب 2013"), ("d2", "DATE", f"{hijri} 1434"))
    assert values(found, labels) == {"d1": "2013-08-20", "d2": value}  # but not weeks away


@pytest.mark.parametrize(
    "name", ["ستيفن ليندمان", "سنايدر", "سيرغي لافروف", "في سنجار", "وول ستريت جورنال", "منذ سنوات"]
)
def test_a_name_is_no_verb_of_what_is_to_come(name: str, labels: Labels) -> None:
    found = report(f"قال {name} الجمعة", ("d1", "DATE", "الجمعة"))
    assert values(found, labels) == {"d1": "2021-12-31"}


def test_a_weekday_of_an_event_to_come_lies_ahead(labels: Labels) -> None:
    found = report("يهدد باقتحام البلدة الجمعة", ("d1", "DATE", "الجمعة"))
    for status, expected in (("possible", "2022-01-07"), ("occurred", "2021-12-31")):
        event = Event("e1", "ARMED_ATTACK", status, 6, 12, (Argument("time", "d1"),))
        assert values(replace(found, events=(event,)), labels) == {"d1": expected}


def test_labels_without_rules_get_no_values(labels: Labels) -> None:
    found = report("وقع الهجوم أمس", ("d1", "DATE", "أمس"))
    assert values(found, replace(labels, values={})) == {"d1": None}


def test_what_stands_before_a_span_tells_that_it_is_ago(labels: Labels) -> None:
    since = report("اختفى منذ يومين", ("d1", "DATE", "يومين"))
    assert values(since, labels) == {"d1": "2022-01-02"}
    within = report("يعود خلال يومين", ("d1", "DATE", "يومين"))
    assert values(within, labels) == {"d1": "?"}


def test_an_open_value_says_why_in_the_schema_s_words(labels: Labels) -> None:
    marks = ("d1", "DATE", "فجرا"), ("c1", "CASUALTY", "عشرات القتلى"), ("d2", "DATE", "أمس")
    found = with_values(report("سقط فجرا عشرات القتلى لا أمس", *marks), labels)
    assert [(m.value, m.reason) for m in found.mentions] == [
        ("?", "no day told before"), ("?", "no number stated"), ("2022-01-03", None),
    ]  # fmt: skip
    assert Report.from_dict(found.to_dict()) == found
    schema = json.loads((files("marsad") / "report.schema.json").read_text(encoding="utf-8"))
    reasons = schema["$defs"]["mention"]["properties"]["reason"]["enum"]
    assert {*Unresolved, "no number stated"} == set(reasons)
