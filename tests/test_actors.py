"""Actors: the table is sound, names are found however they are spelt, unknown ones keep a class."""

import csv
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import marsad.resolve.actors as module
from marsad.resolve import actor
from marsad.resolve.names import fold_name

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with (ROOT / "training/gazetteer/actors.tsv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


def test_table_is_sound(rows: list[dict[str, str]]) -> None:
    assert len(rows) >= 900
    assert all(None not in row and None not in row.values() for row in rows)
    assert {row["class"] for row in rows} <= module.CAMEO_ROLES.keys()
    assert max(Counter(row["id"] for row in rows).values()) == 1
    assert all(row["country"] == "" or len(row["country"]) == 2 for row in rows)


def test_no_name_has_two_bearers(rows: list[dict[str, str]]) -> None:
    bearers: dict[str, set[str]] = {}
    for row in rows:
        for name in (row["name_ar"], *filter(None, row["aliases"].split("|"))):
            bearers.setdefault(fold_name(name), set()).add(row["id"])
    assert {name: ids for name, ids in bearers.items() if len(ids) > 1} == {}


@pytest.mark.parametrize(
    ("text", "name", "kind", "country"),
    [
        ("تنظيم الدولة الإسلامية", "Islamic State", "rebel", ""),
        ("داعش", "Islamic State", "rebel", ""),
        ("مقاتلو حزب الله", "Hezbollah", "", "LB"),
        ("الجيش العراقي", "Iraqi", "state_military", "IQ"),
        ("للجيش العراقي", "Iraqi", "state_military", "IQ"),
        ("قسد", "Syrian Democratic Forces", "", "SY"),
        ("القوات المسلحة اليمنية", "Yemen", "state_military", "YE"),
        ("سينتكوم", "CENTCOM", "state_military", "US"),
        ("الجندرما", "Turkish Gendarmerie", "police", "TR"),
        ("القوة المشتركة", "Joint forces", "state_military", ""),
        ("عناصر الشباب", "Al-Shabaab", "rebel", "SO"),
        ("جيش تحرير تيغراي", "Tigray", "rebel", "ET"),
        ("جيش الطريقة النقشبندية", "Naqshbandi", "rebel", "IQ"),
        ("الدول الإسلامية", "Islamic countries", "government", ""),
        ("قوات عربية", "Arab forces", "foreign_military", ""),
        ("القوات الشعبية", "Popular forces", "political_militia", ""),
        ("مجموعة من المواطنين", "Civilians", "civilians", ""),
    ],
)
def test_known_actors(text: str, name: str, kind: str, country: str) -> None:
    found = actor(text)
    assert found is not None
    assert name in found.name_en
    assert found.match == "exact"
    assert not kind or found.actor_class == kind
    assert found.country == country


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("تنظيم داعشش الارهابي", "تنظيم الدولة الإسلامية"),
        ("هيئة تحرير الشاام", "هيئة تحرير الشام"),
        ("جبهة النصرةة", "جبهة النصرة"),
    ],
)
def test_a_misspelt_group_is_still_known(text: str, name: str) -> None:
    found = actor(text)
    assert found is not None
    assert (found.name_ar, found.match) == (name, "spelling")


@pytest.mark.parametrize(
    ("text", "kind", "country"),
    [
        ("خمسة مسلحين مجهولين من القرية", "unidentified_armed", ""),
        ("كتيبة من متمردين كولومبيين", "rebel", "CO"),
        ("شرطيان تونسيان", "police", "TN"),
        ("عشرون مسلحا", "unidentified_armed", ""),
        ("سبعة من جنودها", "state_military", ""),
        ("كتيبة من القوات المسلحة", "state_military", ""),
        ("فرقة مختصة في قضايا الإرهاب", "police", ""),
    ],
)
def test_an_unknown_actor_keeps_its_words_and_class(text: str, kind: str, country: str) -> None:
    found = actor(text)
    assert found is not None
    assert (found.name_ar, found.match) == (text, "class")
    assert (found.actor_class, found.country) == (kind, country)


@pytest.mark.parametrize(
    "text", ["", "قواته", "زميل لهم", "xyz", "للخطوط الجوية القطرية", "نقابة الأمن"]
)
def test_what_names_nobody_is_unresolved(text: str) -> None:
    assert actor(text) is None


def test_countries_are_never_confused_by_spelling() -> None:
    """«النيجري» and «النيجيري» differ by a letter: adjectives of countries are not corrected."""
    niger, nigeria = actor("الجيش النيجري"), actor("الجيش النيجيري")
    assert niger is not None
    assert nigeria is not None
    assert (niger.country, nigeria.country) == ("NE", "NG")


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    actor(text)


def test_code_orders_country_and_role() -> None:
    found = actor("الجيش العراقي")
    assert found is not None
    assert found.code == "IQ-MIL"
