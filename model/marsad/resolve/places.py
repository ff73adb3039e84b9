"""Where a named place is: «طرابلس» beside «بيروت» is the one in Lebanon.

Names are looked up in the gazetteer that ships with the package (GeoNames towns, CC BY 4.0, and
tables written for this project; `marsad-train gazetteer` builds it). Generic heads («محافظة»,
«حي») say which kind of place is meant, words of nearness («محيط», «ريف», «شمالي») make it a
point nearby. Of several bearers of a name the best is taken: the larger one, in the country of the
other places, close to them; «العاصمة» alone is that of the country that most of them lie in.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from importlib.resources import files
from math import asin, cos, exp, log10, radians, sin, sqrt
from pathlib import Path
from typing import NamedTuple

from marsad.errors import at
from marsad.resolve.names import fold_name, spelt, unjoined
from marsad.schema import ResolvedPlace


def place(text: str, near: Iterable["str | ResolvedPlace"] = ()) -> ResolvedPlace | None:
    """The place that a name means; None where the gazetteer has none or cannot tell which.

    `near` are other places of the same report, as names or resolved: they decide between bearers
    of one name.
    """
    candidates = _candidates(text[:_LONGEST])
    around = [p for n in near if (p := place(n) if isinstance(n, str) else n) is not None]
    return _choose(candidates, around)


def places(texts: Iterable[str]) -> list[ResolvedPlace | None]:
    """The places of one report, each chosen with the help of the others.

    First those whose name leaves little doubt, then all beside these.
    """
    surfaces = list(texts)
    found = {text: _candidates(text[:_LONGEST]) for text in dict.fromkeys(surfaces)}
    sure = {text: _choose(candidates, (), _CLEAR) for text, candidates in found.items()}
    chosen = {
        text: _choose(candidates, [p for t, p in sure.items() if p is not None and t != text])
        for text, candidates in found.items()
    }
    return [chosen[text] for text in surfaces]


def kilometres(a: ResolvedPlace, b: ResolvedPlace) -> float:
    """The distance of two places on the globe."""
    return _kilometres(a.latitude, a.longitude, b.latitude, b.longitude)


def governorate(place: ResolvedPlace) -> str:
    """The first-level area that a place is or lies in; empty where it lies in none or several."""
    return place.name if place.source_id.startswith(GOVERNORATES) else place.admin


def finest(found: Sequence[ResolvedPlace]) -> ResolvedPlace:
    """The one of several, one at least, that says most finely where: a quarter or a site before
    the town around it, of equals the first."""
    first = min(found, key=lambda p: _PRECISIONS.index(p.precision))
    finer = (
        p
        for p in found
        if (p.precision, first.precision) == ("exact", "exact")
        and not p.source_id.startswith(TOWNS)
        and kilometres(p, first) <= _SAME
    )
    return next(finer, first)


# --- names -------------------------------------------------------------------------------------

_PRECISIONS = ("exact", "near", "area", "country")
# how the ids of towns and villages begin, and those of first-level areas
TOWNS, GOVERNORATES = ("geonames:", "marsad:district-"), ("marsad:admin-",)
_LONGEST = 100  # characters; no name of a place is longer
_ADMIN, _TOWN, _QUARTER, _FACILITY = "admin", "town", "quarter", "facility"
_SMALL = frozenset({_TOWN, _QUARTER, "district"})  # facilities of the table have names of their own
_AREAS = frozenset({_ADMIN, "district", "region", "water", "mountain"})


def _set(words: str) -> frozenset[str]:
    return frozenset(fold_name(word) for word in words.split())


# heads of a name and the kinds of place that they announce
_HEADS: Mapping[str, frozenset[str]] = {
    head: frozenset(kinds.split())
    for kinds, heads in {
        "admin region": "محافظة محافظات محافظتي محافظتا ولاية ولايات ولايتي ولايتا إقليم "
        "أقاليم إمارة مقاطعة",
        "town quarter": "مدينة مدن مدينتي مدينتا بلدة بلدات بلدتي بلدتا قرية قرى قريتي ضيعة عاصمة",
        "quarter facility": "حي شارع ساحة ميدان دوار",
        "quarter facility town": "أحياء حيي ضاحية",
        "district town quarter": "قضاء ناحية ناحيتي مديرية مديريات مديريتي مركز بلدية بلديات "
        "بلديتي محلية محليات محليتي معتمدية معتمديات معتمديتي عمادة دائرة لواء",
        "region mountain town": "منطقة مناطق بادية هضبة سهل جبل جبلي جبال وادي صحراء جزيرة جزر",
        "water": "نهر بحر خليج مضيق بحيرة",
        "country": "دولة جمهورية مملكة سلطنة",
        "facility": "مطار قاعدة مخيم مخيمي معبر منفذ ميناء مرفأ مصفاة حقل سجن مستشفى مشفى معسكر "
        "ثكنة مسجد جامع كنيسة جامعة جسر سد",
    }.items()
    for head in _set(heads)
}
_NEAR = _set(
    "قرب محيط أطراف مشارف جوار تخوم ريف أرياف ريفي ضواحي شمال شمالي جنوب جنوبي شرق شرقي غرب غربي "
    "وسط عمق حدود ساحل سواحل محور جبهة مداخل مدخل طريق داخل"
)
_COMPASS = _set(
    "الشمالي الشمالية الجنوبي الجنوبية الشرقي الشرقية الغربي الغربية الأوسط الوسطى القديم القديمة "
    "الجديد الجديدة"
)
_SORTS = _set("الدولي الدولية العسكري العسكرية الحربي المدني الجوي الجوية العام")  # of a site
# of a town; they bear the names of towns and countries far away: «حي القاهرة» lies in Baghdad
_PARTS = frozenset({_QUARTER, _FACILITY})

# these alone are no name («المدينة»), but for a few that are: «الجزيرة», «العاصمة»
_GENERIC = (_HEADS.keys() | _NEAR | _COMPASS) - _set(
    "الجزيرة الجبل الساحل البادية الضاحية الوسطى الوادي الخليج الجنوب العاصمة"
)
# a name of these alone is one only in the country that the report is about
_PLAIN = _HEADS.keys() | _NEAR | _COMPASS | _set("شريط حدودي")
_CAPITAL = fold_name("العاصمة")  # alone it is that of the country that the report is about
# Far villages are called so, but a report means the thing: «السوق», «منزله», «السجن المركزي». With
# or without the article, as it stands here: «بلد» is a town of Iraq.
_COMMON = frozenset(
    spelt(
        "البلاد البلد بلده منزله بيتها سوق السوق الأسواق فندق الفندق مقر المقر بنك البنك بنوك "
        "محلات المحلات منشأة المنشأة النادي الدير قصر القصر قلعة القلعة البرج عمارة مزرعة درب "
        "بستان البستان حمام الحمام قبو القبو القطار السكة السماء الديوان المزار الرأس قريتين "
        "البورصة الصوفية الأمن أمن المركزي المركزية العسكري العسكرية المدني المدنية الجراحي"
    )
)
# unless after these: «بلدة السوق»
_SETTLED = _set("محافظة ولاية مدينة بلدة قرية ضيعة قضاء ناحية مديرية معتمدية")


# «الطريق الدولي» before its ends, and what stands between them
_ROAD, _DASH = re.compile(r"(?:طريق|الطريق(?:\s+ال\S+)?)\s"), re.compile(r"\s*[-–—/\u0640]\s*")


class _Row(NamedTuple):
    source: str
    kind: str
    name_ar: str
    name: str
    country: str
    admin: str
    latitude: float
    longitude: float
    radius: float
    population: int


class _Candidate(NamedTuple):
    row: _Row
    near: bool
    kinds: frozenset[str]  # that the head of the name announced
    capital: bool  # found as the capital of some country
    misspelt: bool  # that of the place is spelt otherwise: «البورصة» is not «بورصة», the town
    plain: bool  # the name is of ordinary words, «الشريط الحدودي»

    @property
    def expected(self) -> bool:
        return not self.kinds or self.row.kind in self.kinds


@lru_cache(maxsize=4096)
def _candidates(text: str) -> tuple[_Candidate, ...]:
    """All bearers of the longest known part of a name, of a road those of its first known end."""
    whole, *joined = unjoined(text)
    road = _ROAD.match(text)
    ends = _DASH.split(text[road.end() :]) if road and _DASH.search(text) else []
    for surface in (whole, *joined, *ends):
        for name, near, kinds in _parts(surface):
            if rows := _bearers(name):
                word = "" if surface in joined else _spelling(surface, name)
                plain = _PLAIN.issuperset(name.split())
                return tuple(
                    _Candidate(row, near or surface in ends, kinds, name == _CAPITAL,
                               not _fits(row, word), plain)
                    for row in rows
                )  # fmt: skip
    return ()


def _spelling(surface: str, name: str) -> str:
    """A name of one word as it stands in the surface."""
    words = fold_name(surface).split()
    return spelt(surface)[words.index(name)] if name in words else name


def _fits(row: _Row, word: str) -> bool:
    """Whether a word has an article where the name of the place has one; no word has none."""
    return bool(word) and (" " in word or word.startswith("ال") == row.name_ar.startswith("ال"))


def _parts(surface: str) -> Iterator[tuple[str, bool, frozenset[str]]]:
    """A name, then what is left of it without heads and words of nearness: (name, near, kinds)."""
    forms, words = spelt(surface), fold_name(surface).split()
    trailing = len(words)
    while trailing:
        near = not _COMPASS.isdisjoint(words[trailing:])
        kinds: frozenset[str] = frozenset()
        for first in range(trailing):
            if trailing - first > 1 or _names(forms[first], words[max(0, first - 1)]):
                yield " ".join(words[first:trailing]), near, kinds
            if words[first] in _HEADS:
                kinds = _HEADS[words[first]]
            elif words[first] in _NEAR:
                near = True
            else:
                break
        is_site = _FACILITY in _HEADS.get(words[0], ())
        if words[trailing - 1] not in (_COMPASS | _SORTS if is_site else _COMPASS):
            return
        trailing -= 1


def _names(form: str, head: str) -> bool:
    """Whether a word can be a name alone, after the word that heads it (itself where none does)."""
    return form.removeprefix("ال") not in _GENERIC and (form not in _COMMON or head in _SETTLED)


@cache
def gazetteer() -> sqlite3.Connection:
    """The tables of places and actors. Raises MarsadError where they are missing or damaged."""
    path = Path(str(files("marsad") / "resolve" / "gazetteer.sqlite"))
    address = f"{path.as_uri()}?mode=ro&immutable=1"
    try:
        found = sqlite3.connect(address, uri=True, check_same_thread=False)
        found.execute("SELECT name FROM names LIMIT 1").fetchone()
    except sqlite3.Error as error:
        raise at(path, None, "is missing or damaged; install marsad anew.") from error
    return found


@lru_cache(maxsize=16384)
def _bearers(name: str) -> tuple[_Row, ...]:
    """All places of a name; of «العاصمة» what is called «العاصمة العراقية» and so on."""
    if name != _CAPITAL:
        return tuple(_rows("=", name))
    called = sorted(_rows("GLOB", f"{name} *"), key=lambda row: row.population)
    # of a country the largest, not «العاصمة المقدسة»
    return tuple({row.country: row for row in called}.values())


def _rows(compared: str, name: str) -> Iterator[_Row]:
    found = gazetteer().execute(
        "SELECT source, kind, name_ar, places.name, country, admin, latitude, longitude, radius, "
        f"population FROM names JOIN places ON place = places.id WHERE names.name {compared} ?",
        (name,),
    )
    return (_Row(*row) for row in found)


# --- choice ------------------------------------------------------------------------------------

# how likely a bare name means a place of that kind, on the scale of a town's log10(inhabitants)
_PRIOR = {"country": 8.0, _ADMIN: 4.5, _FACILITY: 4.0, "district": 3.6, _QUARTER: 3.5}
_OTHER_AREA = 4.2
_VILLAGE = 2.5  # a town without a population figure
_EXPECTED = 3.0  # for a kind that the head announces
_SAME_COUNTRY = 2.5  # if all other places lie there
_CLOSE, _REACH = 2.0, 150.0  # at no distance, falling by e every so many km
_MARGIN = 0.3  # a smaller lead over a bearer elsewhere decides nothing
_CLEAR = 1.0  # a lead that needs no other place
_SAME = 50.0  # km; bearers so close are one place near a border
# A small place so far from all others of its report is another, unknown bearer of the name.
_WIDE = 10.0  # km of radius from which a district is more than its town
_FAR = 600.0  # km
_BESIDE = 30.0  # km from which a village is no quarter: «حي الروضة» beside «روضة»
# inhabitants from which a town is news anywhere: under any name, under its own, under one that no
# other has
_KNOWN_ANYWHERE, _KNOWN_AFAR, _KNOWN_ALONE = 1_000_000, 100_000, 40_000


class _Around:
    """The other places of a report, as they speak for and against a bearer of a name."""

    def __init__(self, others: Iterable[ResolvedPlace]) -> None:
        self._others = list(others)
        self._countries = Counter(p.country for p in self._others if p.country)
        self._points = [p for p in self._others if p.precision != "country"]

    def merit(self, candidate: _Candidate) -> float:
        """How likely the name means this place."""
        row = candidate.row
        of_country = _SAME_COUNTRY * self._countries[row.country] / max(self._countries.total(), 1)
        if candidate.capital:  # neither size nor distance tells which
            return of_country
        town = log10(row.population) if row.population > 1 else _VILLAGE
        value = town if row.kind == _TOWN else _PRIOR.get(row.kind, _OTHER_AREA)
        value += _EXPECTED * candidate.expected
        value += of_country
        if self._points:
            value += _CLOSE * exp(-_nearest(row, self._points) / _REACH)
        return value

    def excludes(self, candidate: _Candidate, alone: bool) -> bool:
        """Whether it is small or the capital, in no country of the other places and far from them.

        `alone` tells that no other country has a place of that name. What a quarter or a street is
        named after is never meant, only a village of the country that is called so; what a camp or
        a mosque is, only in the country or where it is large.
        """
        row, at_home = candidate.row, candidate.row.country in self._countries
        little_known = row.population < _KNOWN_AFAR
        if candidate.capital:
            return not at_home
        if self._countries and not at_home:
            within = not row.country and _nearest(row, self._others) <= row.radius
            if candidate.plain and row.kind not in ("country", "water") and not within:
                return True
            announced = candidate.expected or _FACILITY in candidate.kinds
            if row.kind == _TOWN and (candidate.misspelt or not announced):
                known = row.population >= _KNOWN_ANYWHERE
                return not known and _nearest(row, self._others) > _FAR
        small = row.kind in _SMALL and little_known
        if candidate.kinds == _PARTS and not candidate.expected:
            return not (small and at_home and _nearest(row, self._others) < _BESIDE)
        named_after = candidate.kinds == {_FACILITY} and not candidate.expected and little_known
        if (row.kind == _QUARTER or named_after) and self._countries and not at_home:
            return True
        if not small or (alone and row.population >= _KNOWN_ALONE) or not self._countries:
            return False
        return not at_home and _nearest(row, self._others) > _FAR


def _choose(
    candidates: Iterable[_Candidate], others: Iterable[ResolvedPlace], margin: float = _MARGIN
) -> ResolvedPlace | None:
    around, bearers = _Around(others), list(candidates)
    alone = len({c.row.country for c in bearers}) == 1
    left = (c for c in bearers if not around.excludes(c, alone))
    ranked = sorted(((around.merit(c), -i, c) for i, c in enumerate(left)), reverse=True)
    if not ranked:
        return None
    best, _, candidate = ranked[0]
    rivals = [merit for merit, _, c in ranked[1:] if _apart(c.row, candidate.row) > _SAME]
    if rivals and best - rivals[0] < margin:
        return None
    return _resolved(_seat(candidate, [c for _, _, c in ranked]))


def _seat(candidate: _Candidate, bearers: Iterable[_Candidate]) -> _Candidate:
    """The town that a district is named after; a bare name or «بلدة» means the town."""
    if candidate.row.kind != "district" or not candidate.kinds.isdisjoint(_AREAS):
        return candidate
    towns = (c for c in bearers if c.row.kind == _TOWN and _within(c.row, candidate.row))
    return next(towns, candidate)


def _within(town: _Row, area: _Row) -> bool:
    apart = _kilometres(town.latitude, town.longitude, area.latitude, area.longitude)
    return town.country == area.country and apart <= area.radius


def _nearest(row: _Row, places: Iterable[ResolvedPlace]) -> float:
    return min(_kilometres(row.latitude, row.longitude, p.latitude, p.longitude) for p in places)


def _apart(a: _Row, b: _Row) -> float:
    """Kilometres between two bearers of a name, none within one country."""
    if a.country == b.country:
        return 0.0
    return _kilometres(a.latitude, a.longitude, b.latitude, b.longitude)


def _resolved(candidate: _Candidate) -> ResolvedPlace:
    row, precision = candidate.row, _precision(candidate.row, candidate.kinds)
    found = ResolvedPlace(
        row.name, row.name_ar, row.country, row.admin, row.latitude, row.longitude,
        precision, row.source,
    )  # fmt: skip
    return replace(found, precision="near") if candidate.near else found


def _precision(row: _Row, kinds: frozenset[str]) -> str:
    """How fine a point is: a district that is no wider than a town, or is called one, is exact."""
    if row.kind == "country":
        return "country"
    if row.kind == "district" and kinds.isdisjoint(_AREAS):
        return "exact" if _TOWN in kinds or row.radius <= _WIDE else "area"
    return "area" if row.kind in _AREAS else "exact"


def _kilometres(a: float, b: float, c: float, d: float) -> float:
    """Haversine distance of (latitude a, longitude b) and (c, d) in degrees."""
    half = sin(radians(c - a) / 2) ** 2
    half += cos(radians(a)) * cos(radians(c)) * sin(radians(d - b) / 2) ** 2
    return 12742 * asin(sqrt(half))
