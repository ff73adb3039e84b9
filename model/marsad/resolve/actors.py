"""Who an actor is: «تنظيم داعش», «الدولة الإسلامية» and «داعش» are one rebel group.

Names are looked up in a table written for this project; one that no row has is matched to the
nearest spelling, and failing that stays as it is said, with the class that its head noun tells
(«مسلحون») and the country of its adjective («الشرطة التونسية»).
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files

from rapidfuzz import fuzz, process

from marsad.resolve.names import fold_name, readings
from marsad.resolve.places import gazetteer

# CAMEO's role codes (Schrodt 2012) for the classes of actors
CAMEO_ROLES: Mapping[str, str] = {
    "government": "GOV", "state_military": "MIL", "foreign_military": "MIL", "police": "COP",
    "intelligence": "SPY", "rebel": "REB", "political_militia": "UAF", "identity_militia": "UAF",
    "unidentified_armed": "UAF", "protesters": "OPP", "civilians": "CVL", "coalition_igo": "IGO",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ResolvedActor:
    """An actor: of the table, or as it is said where the table has none.

    `actor_class` is a key of `CAMEO_ROLES`, empty where unknown; `country` ISO 3166 alpha-2 of the
    state it belongs to or mainly acts in, empty for none. `match` tells how it was found:
    `exact`, `spelling` (nearest in the table) or `class` (only its head noun was understood).
    """

    name_ar: str
    name_en: str
    actor_class: str
    country: str
    match: str

    @property
    def code(self) -> str:
        """Country and role as CAMEO orders them, with the two-letter country: `IQ-MIL`."""
        return "-".join(filter(None, (self.country, CAMEO_ROLES.get(self.actor_class, ""))))


@lru_cache(maxsize=8192)
def actor(text: str) -> ResolvedActor | None:
    """The actor that a name means; None where neither name nor head noun is known."""
    text = text[:_LONGEST].strip()
    for part in (text, *_ASIDE.split(text)):  # «أنصار الله (الحوثيين)»
        for folded in readings(part):
            for name in _parts(folded):
                if found := _known(name):
                    return found
    for folded in readings(text):
        if found := _nearest(folded):
            return found
    return _by_head(text)


# --- the table ---------------------------------------------------------------------------------

_LONGEST = 120  # characters; no name of an actor is longer
_ASIDE = re.compile(r"[()\[\]«»\"،]")
_SHORTEST = 6  # letters from which a name may be misspelt and still be known
# Least likeness of a misspelt name, in percent of its letters. Measured on the table itself: of
# names with one letter dropped, swapped or changed 0.92 are found, 0.999 of them rightly; of names
# whose row is taken out 0.03 are mistaken for another group.
SPELLING = 90.0
# only groups have names of their own; «الجيش الغاني» and «الجيش الغيني» differ by a letter
_NAMED = frozenset({"rebel", "political_militia", "identity_militia", "coalition_igo"})


def _set(words: str) -> frozenset[str]:
    return frozenset(fold_name(word) for word in words.split())


# members, units and kinds of group before the name of the group itself
_MEMBERS = _set(
    "عناصر عنصر أفراد مقاتلي مقاتلو مقاتلون مسلحي مسلحو جنود ضباط أعوان رجال قوات قوة وحدات وحدة "
    "دورية دوريات قيادة قيادات أنصار مليشيا مليشيات ميليشيا ميليشيات حركة حزب تنظيم جماعة جبهة "
    "كتائب كتيبة لواء ألوية فصيل فصائل مجموعة مجموعات خلية خلايا شبكة جناح تحالف"
)


def _parts(folded: str) -> Iterator[str]:
    """The name, then what is left of it without words for members and groups."""
    words = folded.split()
    for first in range(len(words)):
        yield " ".join(words[first:])
        if words[first] not in _MEMBERS:
            return


@lru_cache(maxsize=8192)
def _known(folded: str) -> ResolvedActor | None:
    """The actor that the table has under a folded name."""
    rows = gazetteer().execute(
        "SELECT name_ar, name_en, class, country FROM actor_names "
        "JOIN actors ON actor = actors.id WHERE name = ?",
        (folded,),
    )
    return next((ResolvedActor(a, e, kind, c, "exact") for a, e, kind, c in rows), None)


@cache
def _groups() -> tuple[str, ...]:
    """Folded names that may be met misspelt: of groups, without an adjective of a country."""
    rows = gazetteer().execute(
        "SELECT name, class FROM actor_names JOIN actors ON actor = actors.id ORDER BY actors.id"
    )
    return tuple(
        name
        for name, kind in rows
        if kind in _NAMED
        and len(name) >= _SHORTEST
        and not any(word in _demonyms() for word in name.split())
    )


def _nearest(folded: str) -> ResolvedActor | None:
    """The group whose name is spelt most alike."""
    if len(folded) < _SHORTEST or any(word in _demonyms() for word in folded.split()):
        return None
    hit = process.extractOne(folded, _groups(), scorer=fuzz.ratio, score_cutoff=SPELLING)
    found = _known(hit[0]) if hit else None
    return replace(found, match="spelling") if found else None


# --- head nouns --------------------------------------------------------------------------------

_HEADS = {
    head: kind
    for kind, heads in {
        "government": "حكومة حكومات سلطات السلطة وزارة نظام رئاسة دولة إدارة كرملين",
        "state_military": "جيش جيوش عسكريون عسكريين بحرية جوية طيران سلاح أركان ضباط ضابط جندي "
        "جنود مجند مجندون عسكريا عسكريان عسكرية حرس حلفاء",
        "police": "شرطة بوليس أمن درك أمنية شرطي شرطيين حماية جمارك ديوانة سجون داخلية قضايا "
        "جرائم",
        "intelligence": "مخابرات استخبارات موساد",
        "unidentified_armed": "مسلحون مسلحين مسلح مقاتل مقاتلون مقاتلين مقاتلي مقاتلو ملثمون "
        "ملثمين مجهولون مجهولين مجهول إرهابيون إرهابيين إرهابي إرهابيان متطرفون متطرفين متشددون "
        "متشددين قراصنة انتحاري انتحاريون انتحاريين انتحارية مهاجمون مهاجمين مهاجم جناة عصابة "
        "عصابات مهربون مهربين خلية",
        "rebel": "متمردون متمردين متمردي متمردو ثوار مقاومة مقاومون مجاهدون مجاهدين معارضة فصائل "
        "جهاديون جهاديين",
        "political_militia": "ميليشيا ميليشيات مليشيا مليشيات لجان كتائب",
        "identity_militia": "قبيلة قبائل عشيرة عشائر مستوطنون مستوطنين مستوطن رعاة مزارعون",
        "protesters": "متظاهرون متظاهرين متظاهرو متظاهري محتجون محتجين محتجو محتجي معتصمون معتصمين "
        "طلبة طلاب عمال حشود مسيرة ناشطون ناشطين نشطاء",
        "civilians": "مدنيا مدنيان مدنيون مدنيين مواطنا مواطنان أهالي سكان مواطنون مواطنين "
        "نازحون نازحين لاجئون لاجئين مصلون مصلين شباب شبان",
        "coalition_igo": "تحالف أممية اتحاد ناتو",
    }.items()
    for head in _set(heads)
}  # fmt: skip
# these are no force, whatever follows: «الخطوط الجوية»
_PLAIN = _set(
    "خطوط شركة جمعية نقابة مرصد صحيفة قناة إذاعة تلفزيون جامعة مستشفى نادي محكمة محاكم نيابة"
)
_ARMED_FORCES = fold_name("القوات المسلحة")  # of a state, not of gunmen
_PRONOUN, _ENDING = re.compile("(?<=..)(?:ها|هم|نا|ه)$"), re.compile("(?<=..)(?:ين|ان|ا|ي|و)$")


@cache
def _demonyms() -> Mapping[str, str]:
    """Folded adjective in its forms -> country."""
    text = (files("marsad") / "resolve" / "demonyms.tsv").read_text("utf-8")
    found = {}
    for row in csv.DictReader(text.splitlines(), delimiter="\t"):
        for adjective in row["adjectives"].split("|"):
            stem = fold_name(adjective)
            for end in ("", "ه", "ين", "ون", "تين", "ان", "ات"):
                found[stem + end] = row["country"]
    return found


def _kind(word: str) -> str:
    """The class that a word tells, in any number and case and before a pronoun; empty for none."""
    forms = (word, _PRONOUN.sub("", word), _ENDING.sub("", word))
    return next((_HEADS[form] for form in forms if form in _HEADS), "")


def _by_head(text: str) -> ResolvedActor | None:
    """An actor as said, with the class of its first known noun and the country it names."""
    forms = [folded.replace(_ARMED_FORCES, "جيش").split() for folded in readings(text)]
    if any(words and words[0] in _PLAIN for words in forms):
        return None
    for words in forms:
        kind = next(filter(None, map(_kind, words)), "")
        country = next((_demonyms()[word] for word in words if word in _demonyms()), "")
        if kind:
            return ResolvedActor(text, "", kind, country, "class")
    return None
