"""When an Arabic date expression is: «فجر الثالث من يناير عام 2020» is 2020-01-03TMO.

The values are those of the annotation guidelines ('Values', and the rulings on dates). An
expression is read in three steps: its words become items, each a letter of the `_WORDS` alphabet
with a number; the rules of `_READERS`, regular expressions over the row of letters, fill a
`_Reading`; the first of `_WAYS` that the reading allows gives the value.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from hijridate import Hijri

from marsad.schema import is_date
from marsad.text import normalise


@dataclass(frozen=True, slots=True)
class ResolvedDate:
    """A value of the guidelines and how fine it is.

    `precision` is minute, part of day, day, week, month, quarter or year.
    """

    value: str
    precision: str


def date(
    text: str, anchor: str | None = None, context: tuple[str, ...] = ()
) -> ResolvedDate | None:
    """The date that the expression means; None where that cannot be known.

    `anchor` is the report's ISO date; without it a relative expression has no date unless the
    context gives one. `context` are the values found earlier in the same report, in order: they
    fix «اليوم نفسه», «بعد ثلاثة أيام», a bare «فجرا» and a day and month without a year.
    """
    today = dt.date.fromisoformat(anchor) if anchor is not None and is_date(anchor) else None
    reading = _read(text[:_LONGEST])
    frame = _Frame(today, context[-_REMEMBERED:])
    try:
        for applies, way in _WAYS:
            if applies(reading):
                return way(reading, frame)
    except (OverflowError, ValueError):  # «قبل مليون عام», 31 February: no such day
        return None
    return None


# --- words -------------------------------------------------------------------------------------

_LONGEST = 300  # no date expression is longer; what follows would only cost time
_REMEMBERED = 64  # values before that many belong to another story
_MORNING, _AFTERNOON, _EVENING, _NIGHT = range(4)
_PARTS = ("MO", "AF", "EV", "NI")
_MINUTE, _HOUR, _DAY, _WEEK, _MONTH, _YEAR = range(6)
_START, _START_LOOSE, _MIDDLE, _LATE, _END = range(5)

# Letter -> value -> spellings. What the letters mean:
#   n cardinal       o ordinal          f feminine ordinal (an hour)   v «الأولى»
#   M month          H Hijri month      W weekday      R day relative to the report's
#   T «اليوم»         L «الليلة»          P part of day  S season        E edge of a period
#   d «عشية», an evening, but of an event («عشية التنفيذ») the day before
#   u day or month   i week             y year (U I Y with the article)  w dual  p plural of these
#   k minutes, hour  m last/this/next   a before/after s the same        b ago/hence
#   c «الساعة»        h part of an hour  x less         g e Hijri, Gregorian era
# Only numbers give z (a number that could be a year), only digits t (a clock time), D (a full date)
# and j (a pair of numbers). A dot is any other word.
_WORDS: Mapping[str, Mapping[int, str]] = {
    "n": {
        1: "واحد|أحد|إحدى|واحدة|وحدة",
        2: "اثنان|اثنين|اثنتان|اثنتين|اثنا|اثني|اثنتا|اثنتي|ثنتين|اتنين",
        3: "ثلاث|ثلاثة|تلات|تلاتة",
        4: "أربع|أربعة",
        5: "خمس|خمسة",
        6: "ست|ستة",
        7: "سبع|سبعة",
        8: "ثمان|ثماني|ثمانية|تمان|تمانية",
        9: "تسع|تسعة",
        10: "عشر|عشرة",
        11: "حداشر|احدعش|حدعش",
        12: "اتناشر|اثنعش|اطنعش",
        20: "عشرون|عشرين",
        30: "ثلاثون|ثلاثين|تلاتين",
        40: "أربعون|أربعين",
        50: "خمسون|خمسين",
        60: "ستون|ستين",
        70: "سبعون|سبعين",
        80: "ثمانون|ثمانين|تمانين",
        90: "تسعون|تسعين",
        100: "مائة|مئة",
        200: "مائتان|مائتين|مئتان|مئتين",
        300: "ثلاثمائة|ثلاثمئة",
        400: "أربعمائة|أربعمئة",
        500: "خمسمائة|خمسمئة",
        600: "ستمائة|ستمئة",
        700: "سبعمائة|سبعمئة",
        800: "ثمانمائة|ثمانمئة|ثمانيمئة",
        900: "تسعمائة|تسعمئة",
        1000: "ألف|آلاف",
        2000: "ألفان|ألفين",
    },
    "o": {
        1: "أول|حادي|غرة",
        2: "ثاني|ثان",
        3: "ثالث",
        4: "رابع",
        5: "خامس",
        6: "سادس",
        7: "سابع",
        8: "ثامن",
        9: "تاسع",
        10: "عاشر",
    },
    "f": {
        1: "الواحدة|الحادية",
        2: "الثانية",
        3: "الثالثة",
        4: "الرابعة",
        5: "الخامسة",
        6: "السادسة",
        7: "السابعة",
        8: "الثامنة",
        9: "التاسعة",
        10: "العاشرة",
    },
    "v": {1: "الأولى"},
    "M": {
        1: "يناير|كانون الثاني|كانون ثاني|ك2|جانفي|ينايير",
        2: "فبراير|شباط|فيفري|فبرابر",
        3: "مارس|آذار|مارث",
        4: "أبريل|إبريل|نيسان|أفريل|ابرايل",
        5: "مايو|أيار|ماي|ايّار|مايس",
        6: "يونيو|يونيه|حزيران|جوان",
        7: "يوليو|يوليه|تموز|جويلية|يوليوز",
        8: "أغسطس|آب|أوت|غشت|اغسطوس",
        9: "سبتمبر|أيلول|شتنبر",
        10: "أكتوبر|تشرين الأول|تشرين أول|ت1",
        11: "نوفمبر|تشرين الثاني|تشرين ثاني|ت2|نونبر|تشرين",
        12: "ديسمبر|كانون الأول|كانون أول|ك1|دجنبر|دسمبر",
    },
    "H": {
        1: "محرم|محرم الحرام",
        2: "صفر|صفر الخير",
        3: "ربيع الأول|ربيع أول",
        4: "ربيع الآخر|ربيع الثاني|ربيع آخر|ربيع ثاني",
        5: "جمادى الأولى|جمادى الأول|جمادى أولى|جماد الأول|جماد أول",
        6: "جمادى الآخرة|جمادى الثانية|جمادى الآخر|جمادى الثاني|جماد الآخر|جماد ثاني",
        7: "رجب",
        8: "شعبان",
        9: "رمضان|رمضان المبارك",
        10: "شوال",
        11: "ذو القعدة|ذي القعدة|ذو قعدة|ذي قعدة",
        12: "ذو الحجة|ذي الحجة|ذو حجة|ذي حجة",
    },
    "W": {
        0: "الاثنين|الإثنين|الاتنين",
        1: "الثلاثاء|ثلاثاء|الثلثاء|ثلثاء|التلاتا|الثلوثاء",
        2: "الأربعاء|أربعاء",
        3: "الخميس|خميس",
        4: "الجمعة|جمعة",
        5: "السبت|سبت",
        6: "الأحد|الحد",
    },
    "R": {
        -2: "أمس الأول|أول أمس|أول من أمس|أول البارحة|أول امبارح|أول مبارح|أمس الأولى",
        -1: "أمس|الأمس|البارحة|البارح|بارحة|امبارح|مبارح|إمبارح",
        0: "الآن|هسه|هسة|هلق|هلأ|دلوقتي|توا|للتو|حاليا|اللحظة|هذه اللحظة|يومنا هذا|النهاردة"
        "|قبل قليل|قبل لحظات|قبل دقائق|قبل شوي|قبل شوية|من شوي|من شوية|منذ قليل|بعد قليل"
        "|بعد لحظات",
        1: "غد|غدا|الغد|بكرا|بكرة|بكره",
        2: "بعد غد|بعد الغد|بعد بكرا|بعد بكرة",
    },
    "T": {0: "اليوم|التاريخ|هاليوم"},
    "L": {0: "الليلة|هالليلة"},
    "P": {
        _MORNING: "فجر|فجرا|الفجرية|صباح|صباحا|صبح|الصبحية|صبيحة|ضحى|ضحا|سحر|شروق|بكرة الصبح"
        "|قبل الظهر|قبل ظهر|قبيل ظهر|قبيل الظهر|قبل الفجر|قبيل الفجر|بعد الفجر|بعد فجر",
        _AFTERNOON: "ظهر|ظهرا|ظهيرة|ظهرية|عصر|عصرا|عصرية|بعد الظهر|بعد ظهر|بعيد ظهر|بعيد الظهر"
        "|بعد العصر|بعد عصر|قبل العصر|منتصف النهار|منتصف نهار|منتصف الظهر",
        _EVENING: "مساء|مسا|المسا|مغرب|مغربا|غروب|عشاء|سهرة|أمسية|قبل المغرب|بعد المغرب|بعد العشاء",
        _NIGHT: "ليل|ليلا|ليلة|منتصف ليل|منتصف الليل|منتصف ليلة|منتصف الليلة|نص الليل|نصف الليل"
        "|بعد منتصف الليل|بعد منتصف ليل|بعد نص الليل|قبل منتصف الليل|قبيل منتصف الليل",
    },
    "d": {_EVENING: "عشية"},
    "S": {1: "شتاء", 2: "ربيع", 3: "صيف", 4: "خريف"},
    "E": {
        _START: "مطلع|مستهل|بداية|بدايات",
        _START_LOOSE: "أوائل",
        _MIDDLE: "منتصف|أواسط|وسط",
        _LATE: "أواخر",
        _END: "نهاية|ختام|آخر",
    },
    "u": {_DAY: "يوم|يوما|ليلة واحدة", _MONTH: "شهر|شهرا"},
    "i": {_WEEK: "أسبوع|أسبوعا"},
    "y": {_YEAR: "عام|عاما|سنة"},
    "w": {
        _HOUR: "ساعتين|ساعتان",
        _DAY: "يومين|يومان|ليلتين",
        _WEEK: "أسبوعين|أسبوعان",
        _MONTH: "شهرين|شهران",
        _YEAR: "عامين|عامان|سنتين|سنتان",
    },
    "p": {
        _HOUR: "ساعات",
        _DAY: "أيام|ليال|ليالي",
        _WEEK: "أسابيع",
        _MONTH: "أشهر|شهور",
        _YEAR: "أعوام|سنوات|سنين",
    },
    "k": {_MINUTE: "دقيقة|دقائق|دقيقتين", _HOUR: "ساعة"},
    "m": {
        -1: "ماضي|ماضية|منصرم|منصرمة|فارط|فارطة|فائت|فائتة|منقضي|منقضية|اللي فات|اللي فاتت"
        "|اللي راح|الفايت",
        0: "جاري|جارية|حالي|حالية|راهن|هذا|هذه|هاد|أخير|أخيرة",
        1: "مقبل|مقبلة|قادم|قادمة|آتي|آتية|جاي|جاية|اللي جاي|اللي جاية",
    },
    "a": {-1: "سابق|سابقة", 1: "تالي|تالية|لاحق|لاحقة|موالي|موالية"},
    "s": {0: "نفسه|نفسها|ذاته|ذاتها|عينه|نفس|ذات|ذلك|تلك|مذكور|منه|منها"},
    "b": {-1: "قبل|قبيل|منذ", 1: "بعد|بعيد"},
    "c": {0: "الساعة|س"},
    "h": {30: "نصف|نص", 15: "ربع|ربعا", 20: "ثلث|ثلثا"},
    "x": {0: "إلا"},
    "g": {0: "ه|هجري|هجرية|للهجرة|الهجرة"},
    "e": {0: "م|ميلادي|ميلادية|للميلاد"},
}
# Expressions that stand for several items at once.
_IDIOMS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "قبلها": (("b", -1), ("s", 0)),
    "قبله": (("b", -1), ("s", 0)),
    "بعدها": (("b", 1), ("s", 0)),
    "بعده": (("b", 1), ("s", 0)),
    "يومها": (("T", 0), ("s", 0)),
    "يومذاك": (("T", 0), ("s", 0)),
    "يومئذ": (("T", 0), ("s", 0)),
    "من يومين": (("b", -1), ("w", _DAY)),
    "من أسبوع": (("b", -1), ("u", _WEEK)),
    "صلاة الجمعة": (("W", 4), ("P", _AFTERNOON)),
    "عيد الأضحى": (("n", 10), ("H", 12)),
    "عيد الفطر": (("n", 1), ("H", 10)),
    "عاشوراء": (("n", 10), ("H", 1)),
    "المولد النبوي": (("n", 12), ("H", 3)),
    "ليلة رأس السنة": (("P", _NIGHT), ("n", 31), ("M", 12)),
    "رأس السنة": (("n", 1), ("M", 1)),
}
# These say nothing about the date; without them the words that belong together are neighbours.
_FILLERS = frozenset(
    ["من", "في", "عند", "ال", "و", "ب", "ل", "الي", "حوالي", "نحو", "قرابه", "حدود", "تمام"]
) | frozenset(["يومي", "صلاه", "شمس", "تاريخ", "موافق"])
_FOLD = str.maketrans("أإآٱىةؤئ", "اااايهوي", "ء")
_ARTICLE = "ال"

_TOKEN = re.compile(
    r"(?P<full>(?<![0-9])[0-9]{1,4}\s*([/.-])\s*[0-9]{1,2}\s*\2\s*[0-9]{1,4}(?![0-9]))"
    r"|(?P<clock>(?<![0-9])[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?![0-9])"
    r"|(?<=ساعه )[0-9]{1,2}\.[0-9]{2}(?![0-9]))"  # «الساعة 17.30»
    r"|(?P<pair>(?<![0-9])[0-9]{1,4}\s*[/–-]\s*[0-9]{1,4}(?![0-9]))"
    r"|(?P<number>[0-9]+)"
    r"|(?P<word>[كت][12](?![0-9])|[^\W\d_]+)"
)
_NUMBER = re.compile("[0-9]+")


class _Item(NamedTuple):
    """A word or phrase as a letter of `_WORDS`. `joined`: it hangs on the one before by «و»."""

    letter: str
    value: int
    definite: bool = False
    joined: bool = False
    spelled: bool = True


def _fold(text: str) -> str:
    """Normalised, one alef, no hamza: «الثلاثاء» and «الثلاثا» are one word then."""
    return " ".join(normalise(word).translate(_FOLD) for word in text.split())


def _lexicon() -> dict[str, tuple[tuple[str, int], ...]]:
    found = {
        _fold(spelling): ((letter, value),)
        for letter, values in _WORDS.items()
        for value, spellings in values.items()
        for spelling in spellings.split("|")
    }
    return found | {_fold(idiom): items for idiom, items in _IDIOMS.items()}


_LEXICON = _lexicon()
_WIDEST = max(phrase.count(" ") + 1 for phrase in _LEXICON)
_HEADS = frozenset(phrase.split()[0] for phrase in _LEXICON if " " in phrase)


@lru_cache(maxsize=4096)
def _forms(word: str) -> tuple[tuple[str, bool, bool], ...]:
    """What the word may be without its clitics, each with (definite, joined by «و»)."""
    found = [(word, False, False)]
    if word.startswith(_ARTICLE):
        found.append((word[2:], True, False))
    if word.startswith("لل"):
        found += [(_ARTICLE + word[2:], False, False), (word[2:], True, False)]
    if len(word) > 2 and word[0] in "وفبلك":
        joins = word[0] in "وف"
        found += [(form, definite, joins) for form, definite, _ in _forms(word[1:])]
    return tuple(found)


def _items(text: str) -> Iterator[_Item]:
    tokens = [(match.lastgroup or "", match.group()) for match in _TOKEN.finditer(_fold(text))]
    place = 0
    while place < len(tokens):
        kind, token = tokens[place]
        if kind == "word":
            items, width = _phrase([word for k, word in tokens[place : place + _WIDEST]])
            yield from items
            place += width
        else:
            yield _digits(kind, token)
            place += 1


def _phrase(words: list[str]) -> tuple[tuple[_Item, ...], int]:
    """The longest known phrase at the head of the words, as items, and how many words it takes."""
    forms = _forms(words[0])
    heads = any(form in _HEADS for form, _, _ in forms)
    for width in range(len(words) if heads else 1, 0, -1):
        rest = " ".join(["", *words[1:width]])
        for form, definite, joined in forms:
            if known := _LEXICON.get(form + rest):
                return tuple(_item(*one, definite, joined) for one in known), width
    return (() if any(form in _FILLERS for form, _, _ in forms) else (_Item(".", 0),)), 1


def _item(letter: str, value: int, definite: bool, joined: bool) -> _Item:
    if letter in "uiy" and definite:
        letter = letter.upper()
    return _Item(letter, value, definite or letter == "f", joined)


def _digits(kind: str, token: str) -> _Item:
    """Digits as an item: a number, a clock time in minutes, a date as yyyymmdd, a pair."""
    numbers = [int(number[:9]) for number in _NUMBER.findall(token)]
    if kind == "full":
        return _Item("D", _packed(*numbers), spelled=False)
    if kind == "clock" and numbers[0] < 24 and numbers[1] < 60:
        return _Item("t", 60 * numbers[0] + numbers[1], spelled=False)
    if kind == "pair":
        return _Item("j", numbers[0] * _PAIR + numbers[1], spelled=False)
    return _Item("n" if kind == "number" else ".", numbers[0], spelled=False)


_PAIR = 10_000  # a pair of numbers is kept as one
_YEARS = range(1000, 3000)


def _packed(first: int, second: int, third: int) -> int:
    """Year, month and day as yyyymmdd, whichever way round they are written."""
    year, month, day = (first, second, third) if first > 31 else (third, second, first)
    if month > 12 >= day:
        month, day = day, month
    return (year if year > 99 else _century(year)) * 10_000 + month * 100 + day


def _century(year: int) -> int:
    """The full year of a two-digit one: 48 is 1948, 21 is 2021."""
    return year + (2000 if year < 45 else 1900)


def _merged(items: Iterator[_Item]) -> list[_Item]:
    """Number words put together: «الثالث والعشرين» 23, «ألفين وأربعة عشر» 2014."""
    found: list[_Item] = []
    for item in items:
        whole = _sum(found[-1], item) if found else None
        if whole is None:
            found.append(item)
        else:
            found[-1] = found[-1]._replace(value=whole)
    return [
        item._replace(letter="z") if item.letter == "n" and item.value in _YEARS else item
        for item in found
    ]


def _sum(left: _Item, right: _Item) -> int | None:
    if right.letter != "n" or left.letter not in "nof" or not (left.spelled and right.spelled):
        return None
    if left.letter != "n" and right.joined and left.definite != right.definite:
        return None  # «الثالثة وعشرين دقيقة» is 3:20
    value, more, tail = left.value, right.value, left.value % 100
    if right.joined:
        fits = (1 <= tail <= 9 and 20 <= more <= 90) or (
            value >= 100 and more < (1000 if value % 1000 == 0 else 100 if tail == 0 else 0)
        )
        return value + more if fits else None
    if more in (100, 1000) and 3 <= value <= 999:
        return value * more
    return value + more if 1 <= tail <= 9 and more == 10 else None


# --- reading -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Reading:
    """What the words say, before the report's date comes in.

    A step is -1 for «الماضي», 0 for «الجاري», 1 for «المقبل»; `follows` is 1 for «التالي» and -1
    for «السابق», which count from the context.
    """

    clock: int | None = None  # minutes of the day as said: «السابعة» is 420, be it evening
    exact: bool = False  # the clock is of 24 hours
    part: int | None = None
    day: int | None = None
    month: int | None = None
    year: int | None = None
    hijri_day: int | None = None
    hijri_month: int | None = None
    hijri_year: int | None = None
    year_step: int | None = None  # «آب من العام الماضي»
    year_same: bool = False
    number: int | None = None  # a day without its month
    weekday: int | None = None
    step: int | None = None
    follows: int | None = None
    same: bool = False
    shift: int | None = None  # days from the report's date: «أمس» -1
    day_same: bool = False  # «اليوم نفسه»
    day_follows: int | None = None  # «اليوم التالي»
    offset: tuple[int, int] | None = None  # «قبل يومين» is (-2, _DAY)
    offset_half: bool = False
    offset_then: bool = False  # «قبل ذلك بيومين»
    unit: int | None = None
    week: int | None = None  # its number, in the year or the month
    edge: int | None = None
    season: int | None = None


_Values = list[int]
_Reader = Callable[[_Reading, _Values, re.Match[str]], None]


def _value(values: _Values, match: re.Match[str], name: str) -> int | None:
    """The number of the first item of a group; None where the group is absent."""
    return values[match.start(name)] if match[name] else None


def _read_clock(reading: _Reading, values: _Values, match: re.Match[str]) -> None:
    said = values[match.start("hour")]
    if match["hour"] == "t":
        clock, reading.exact = said, True
    elif said <= 24:
        clock, reading.exact = said % 24 * 60, said > 12
    elif 100 <= said < 2400 and said % 100 < 60:
        clock, reading.exact = said // 100 * 60 + said % 100, True
    else:
        return
    more = _value(values, match, "more") or 0
    reading.clock = (clock + (-more if match["less"] else more)) % _MIDNIGHT


def _read_full(reading: _Reading, values: _Values, match: re.Match[str]) -> None:
    packed = values[match.start()]
    year, month, day = packed // 10_000, packed // 100 % 100, packed % 100
    if match["era"] == "g" or (year in _HIJRI_YEARS and match["era"] is None):
        reading.hijri_year, reading.hijri_month, reading.hijri_day = year, month, day
    else:
        reading.year, reading.month, reading.day = year, month, day


def _read_pair(reading: _Reading, values: _Values, match: re.Match[str]) -> None:
    first, second = divmod(values[match.start()], _PAIR)
    if first > 31 or second > 31:  # «12/2021», and «2013/2014» for its first year
        reading.year, month = (first, second) if first > 31 else (second, first)
        reading.month = month if month <= 12 else None
    else:
        reading.day, reading.month = (second, first) if second > 12 else (first, second)


def _read_calendar(reading: _Reading, values: _Values, match: re.Match[str]) -> None:
    day, year = _value(values, match, "day"), _value(values, match, "year")
    if match["day"] == "j" and day is not None:
        day //= _PAIR  # the first of «19-20 تشرين الثاني»
    late = _value(values, match, "late")
    if day is None:
        day = late  # «مايو 3»
    month = values[match.start("month")]
    if "H" in match["month"]:
        reading.hijri_day, reading.hijri_month, reading.hijri_year = day, month, year
    else:
        reading.day, reading.month, reading.year = day, month, year
    reading.year_step = next(
        (step for name in ("after", "before") if (step := _value(values, match, name)) is not None),
        None,
    )
    reading.year_same = match["then"] is not None


def _read_year(reading: _Reading, values: _Values, match: re.Match[str]) -> None:
    year = values[match.start("year")]
    if match["era"] == "g" or (year in _HIJRI_YEARS and match["era"] is None):
        reading.hijri_year = year
    else:
        reading.year = _century(year) if 31 < year < 100 else year


def _read_offset(reading: _Reading, values: _Values, match: re.Match[str]) -> None:
    unit = values[match.start("unit")]
    count = _value(values, match, "count") or _value(values, match, "late")
    if match["unit"] == "w":
        count = 2
    elif match["unit"] in "uiyk" and count is None:
        count = 1
    elif unit == _HOUR and count is None:
        count = 0  # «قبل ساعات» is the same day, but «قبل أيام» is any
    if count is not None and unit != _MINUTE:  # minutes count from an event, not from the report
        reading.offset = (count * values[match.start("sign")], unit)
        reading.offset_half = match["half"] is not None
        reading.offset_then = match["then"] is not None or match["since"] is not None


def _read_week(reading: _Reading, values: _Values, match: re.Match[str]) -> None:
    reading.week = values[match.start("number")]


def _read_same(reading: _Reading, values: _Values, match: re.Match[str]) -> None:
    reading.same = True


def _read_night(reading: _Reading, values: _Values, match: re.Match[str]) -> None:
    step = _value(values, match, "step") or 0
    reading.shift = step * (2 if match["twice"] else 1)
    if "P" not in match.string:  # the Sudanese «الليلة الصباح» is this morning
        reading.part = _NIGHT


def _read_today(reading: _Reading, values: _Values, match: re.Match[str]) -> None:
    if "s" in match.group():
        reading.day_same = True
    elif match["follows"]:
        reading.day_follows = values[match.start("follows")]
    elif not match["order"]:  # «اليوم الثاني» of what?
        reading.shift = _value(values, match, "step") or 0


def _read_number(reading: _Reading, values: _Values, match: re.Match[str]) -> None:
    number = values[match.start("number")]
    reading.number = number // _PAIR if match["number"] == "j" else number
    for name in ("before", "after"):
        if match[name] == "s":
            reading.same = True
        elif match[name]:
            reading.step = values[match.start(name)]


def _read_unit(reading: _Reading, values: _Values, match: re.Match[str]) -> None:
    reading.unit = values[match.start("unit")]
    for name in ("before", "after"):
        if match[name] == "s":
            reading.same = True
        elif match[name] == "a":
            reading.follows = values[match.start(name)]
        elif match[name]:
            reading.step = values[match.start(name)] * (2 if match["twice"] else 1)


def _read_part(reading: _Reading, values: _Values, match: re.Match[str]) -> None:
    """The first part of day named, but «بعد صلاة العشاء من ليلة الخميس» is at night."""
    parts = [values[match.start() + n] for n, letter in enumerate(match.group()) if letter == "P"]
    if reading.part is None:
        reading.part = _NIGHT if _NIGHT in parts else parts[0]


def _keep(field: str) -> _Reader:
    """A reader that keeps the number of the first item, unless a rule before it has done so."""

    def read(reading: _Reading, values: _Values, match: re.Match[str]) -> None:
        if getattr(reading, field) is None:
            setattr(reading, field, values[match.start()])

    return read


_CLOCK = (
    r"c?(?P<hour>t|(?<=c)[nfvz]|(?<![yYpuUiIwL])f|(?<![MHuUTyYp])n(?=h?P))"
    r"(?:(?P<less>x)?k?(?P<more>h|(?<=k)[nf]|[nf](?=k))k?)?"
)
_ERA = r"(?P<era>[ge])?"
_CALENDAR = (
    r"(?P<day>[noj])?[noj]?[uU]?(?P<month>M+|H+)"
    r"(?:[yY](?P<after>m)|(?P<before>m)[yY]|(?P<then>s[yY]|[yY]s)|(?:(?P<late>n)(?!g))?"
    r"(?:[yY]?(?P<year>z|n(?=g)|(?<=[yY])[nof]))?)"
)
_OFFSET = (
    r"(?P<sign>b)(?P<then>s)?(?:h|(?P<count>[noz]))?(?P<unit>[uiywpk])(?P<late>n)?(?P<half>h)?"
    r"(?P<since>s)?"
)
_NUMBERED = (
    r"(?<![pw])(?P<number>[noj])[noj]?(?:[uU]?(?P<after>[ms])|(?P<before>[ms])[uU]|(?![uUiIyYwpk]))"
)
_UNIT = r"(?P<before>[ms])?(?P<unit>[UIY]|(?<=[ms])[uiy])(?P<twice>b(?=m))?(?P<after>[msa])?"
# Tried in this order, each once; the items that a rule takes are gone for the rules after it.
_READERS: tuple[tuple[re.Pattern[str], _Reader], ...] = tuple(
    (re.compile(pattern), reader)
    for pattern, reader in (
        (r"d(?!\.)", _keep("part")),
        (_CLOCK, _read_clock),
        (rf"D{_ERA}", _read_full),
        (r"[iI](?P<number>[no])", _read_week),
        (_CALENDAR, _read_calendar),
        (r"j", _read_pair),
        (rf"[yY]?(?P<year>z|(?<=[yY])[nof]|n(?=g)){_ERA}", _read_year),
        (r"L(?:(?P<twice>b)?(?P<step>m))?", _read_night),
        (r"s?T(?:s|(?P<follows>a)|(?P<step>m)|(?P<order>[of]))?", _read_today),
        (_OFFSET, _read_offset),
        (_NUMBERED, _read_number),
        (_UNIT, _read_unit),
        (r"W", _keep("weekday")),
        (r"R", _keep("shift")),
        (r"E", _keep("edge")),
        (r"S", _keep("season")),
        (r"m", _keep("step")),
        (r"a", _keep("follows")),
        (r"s", _read_same),
        (r"P.*", _read_part),
    )
)


def _read(text: str) -> _Reading:
    items = _merged(_items(text))
    letters, values = "".join(item.letter for item in items), [item.value for item in items]
    reading = _Reading()
    for pattern, reader in _READERS:
        if match := pattern.search(letters):
            reader(reading, values, match)
            start, end = match.span()
            letters = letters[:start] + "." * (end - start) + letters[end:]
    return reading


# --- calendars ---------------------------------------------------------------------------------

_MIDNIGHT = 24 * 60
_NOON = 12 * 60
# Nobody reports from the 14th century of our era: such a year is Hijri, said or not.
_HIJRI_YEARS = range(1300, 1500)
_UMM_AL_QURA = range(1343, 1501)  # the years that the official tables give
_GREGORIAN_REFORM = dt.date(1582, 10, 15)
_HIJRI_ORDINAL = 227_014  # the day before 1 Muharram of the year 1, civil reckoning


def _from_hijri(year: int, month: int, day: int) -> dt.date:
    """The day of a Hijri date: Umm al-Qura, outside its tables the arithmetical calendar.

    Before the reform of 1582 it is the Julian day, as historians write it.
    """
    if not (1 <= year <= 9000 and 1 <= month <= 12 and 1 <= day <= 30):
        raise ValueError("no such Hijri day")
    if year in _UMM_AL_QURA:
        first = Hijri(year, month, 1).to_gregorian()
        return dt.date.fromordinal(first.toordinal() + day - 1)
    days = 354 * (year - 1) + (11 * year + 3) // 30 + 30 * (month - 1) - (month - 1) // 2 + day
    found = dt.date.fromordinal(_HIJRI_ORDINAL + days)
    if found < _GREGORIAN_REFORM:
        found -= dt.timedelta(found.year // 100 - found.year // 400 - 2)
    return found


def _middle(year: int, month: int) -> dt.date:
    """The day in the middle of a Hijri month; its Gregorian month holds most of the Hijri one."""
    return _from_hijri(year, month, 15)


def _months_on(year: int, month: int, count: int) -> tuple[int, int]:
    total = 12 * year + month - 1 + count
    return total // 12, total % 12 + 1


# --- context -----------------------------------------------------------------------------------

_POINT = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:T(\w\w).*)?)?|-W([0-9]{2})|-Q[1-4])?"
)
_NEAR = dt.timedelta(60)  # days further from the report's date belong to another story
_OLD = dt.timedelta(330)  # a day so long past tells of old times
_LONG_AGO = dt.timedelta(730)  # a month must be older: «منذ تشرين الأول 2019» tells of today
_SOON = dt.timedelta(45)  # «20 مايو» in a report of 12 May is the coming one


class _Point(NamedTuple):
    """A value found before: year, month, day and what followed its T, as far as it has them.

    `week` is a day of its week.
    """

    year: int
    month: int | None
    day: dt.date | None
    clock: str | None
    week: dt.date | None


@dataclass(frozen=True, slots=True)
class _Frame:
    """What the words are told against: the report's date and the values found before."""

    today: dt.date | None
    context: tuple[str, ...]

    def points(self) -> list[_Point]:
        return [point for value in self.context if (point := _point(value))]

    def days(self) -> list[tuple[dt.date, str | None]]:
        """The days found before, in order, each with its part or hour."""
        return [(point.day, point.clock) for point in self.points() if point.day]

    def day(self) -> dt.date | None:
        """The last day found."""
        return next((day for day, _ in reversed(self.days())), None)

    def week(self) -> dt.date | None:
        """A day of the last week found, or the last day."""
        return next((point.week for point in reversed(self.points()) if point.week), None)

    def month(self) -> tuple[int, int] | None:
        """The last month found, or that of the last day."""
        points = reversed(self.points())
        return next(((point.year, point.month) for point in points if point.month), None)

    def year(self) -> int | None:
        """The last year found."""
        return next((point.year for point in reversed(self.points())), None)

    def pivot(self) -> dt.date | None:
        """The day near which a date without a year lies, when the context tells of old times."""
        day, month = self.day(), self.month()
        if day is None and month is not None:
            first = dt.date(*month, 1)
            return first if self.today is None or self.today - first > _LONG_AGO else None
        if day is None or self.today is None or self.today - day > _OLD:
            return day
        return None

    def event_day(self, part: int | None = None) -> dt.date | None:
        """The day to which a bare «فجرا» or «الساعة 11» belongs: the latest of the events told.

        In an old story it is the last one. The plain day of the report is mostly that of the
        telling («قال اليوم»), and the morning after a night is the next day's.
        """
        days = self.days()
        if not days or self.today is None:
            return days[-1][0] if days else self.today
        told = [one for one in days if abs(self.today - one[0]) <= _NEAR and one[0] <= self.today]
        events = [one for one in told if one != (self.today, None)]
        if days[-1] == (self.today, None):
            events = told
        elif not events and abs(self.today - days[-1][0]) > _NEAR:
            return days[-1][0]
        day, clock = max(events or told or days[-1:], key=lambda one: one[0])
        if part == _MORNING and clock in _AFTER_DARK and day < self.today:
            day += dt.timedelta(1)
        return day


_AFTER_DARK = (_PARTS[_EVENING], _PARTS[_NIGHT])


@lru_cache(maxsize=4096)
def _point(value: str) -> _Point | None:
    match = _POINT.fullmatch(value)
    if match is None:
        return None
    year, month = int(match[1]), int(match[2]) if match[2] else None
    try:
        day = dt.date(year, month, int(match[3])) if month and match[3] else None
        week = dt.date.fromisocalendar(year, int(match[5]), 1) if match[5] else day
        dt.date(year, month or 1, 1)
    except ValueError:
        return None
    return _Point(year, month, day, match[4], week)


# --- values ------------------------------------------------------------------------------------


def _finish(day: dt.date, reading: _Reading, frame: _Frame) -> ResolvedDate:
    """The day with the hour or the part of day that the words name."""
    if reading.clock is None:
        if reading.part is None:
            return ResolvedDate(day.isoformat(), "day")
        return ResolvedDate(f"{day.isoformat()}T{_PARTS[reading.part]}", "part of day")
    clock, part = reading.clock, reading.part
    if part is None and not reading.exact:
        part = _part_before(day, frame)
    if part is not None and clock // 60 in _SECOND_HALF[part]:
        clock += _NOON
    elif part in (_MORNING, _NIGHT) and clock // 60 == 12:  # but «12:15 مساء» is past noon
        clock -= _NOON
        if part != _MORNING and (reading.weekday is not None or reading.shift is not None):
            day += dt.timedelta(1)  # twelve at the end of that night
    return ResolvedDate(f"{day.isoformat()}T{clock // 60:02}:{clock % 60:02}", "minute")


# The hours of each part of day that are said as 1 to 11 and mean 13 to 23.
_SECOND_HALF: Mapping[int, range] = {
    _MORNING: range(0),
    _AFTERNOON: range(1, 10),
    _EVENING: range(1, 12),
    _NIGHT: range(6, 12),
}


def _part_before(day: dt.date, frame: _Frame) -> int | None:
    """The part of day last told of that day: «السابعة» after an evening is 19:00."""
    days = frame.days()
    if days and days[-1][0] == day and days[-1][1] in _PARTS:
        return _PARTS.index(days[-1][1])
    return None


def _month(year: int, month: int) -> ResolvedDate:
    return ResolvedDate(f"{dt.date(year, month, 1):%Y-%m}".zfill(7), "month")


def _week(day: dt.date) -> ResolvedDate:
    year, week, _ = day.isocalendar()
    return ResolvedDate(f"{year:04}-W{week:02}", "week")


def _year(year: int, edge: int | None = None) -> ResolvedDate:
    """A year; its beginning is its first month and its end the last, the rest of it no month."""
    if not dt.MINYEAR <= year <= dt.MAXYEAR:
        raise ValueError("no such year")
    if edge in _EDGE_MONTHS:
        return _month(year, _EDGE_MONTHS[edge])
    return ResolvedDate(f"{year:04}", "year")


_EDGE_MONTHS: Mapping[int | None, int] = {_START: 1, _END: 12}


# --- ways --------------------------------------------------------------------------------------


def _stated_year(reading: _Reading, frame: _Frame) -> int | None:
    """The Gregorian year that the words give, outright or as «من العام الماضي»."""
    if reading.year is not None:
        return reading.year
    if reading.year_same:
        return frame.year()
    if reading.year_step is not None and frame.today:
        return frame.today.year + reading.year_step
    return None


def _gregorian(reading: _Reading, frame: _Frame) -> ResolvedDate | None:
    assert reading.month is not None
    month, year = reading.month, _stated_year(reading, frame)
    if year is None:
        if reading.year_same or (frame.today is None and frame.year() is None):
            return None
        near = _fitting_year(month, reading, frame)
        if near is None:
            return None
        year = near
    if reading.week is not None:
        return _week(dt.date(year, month, 1) + dt.timedelta(7 * (reading.week - 1)))
    if reading.day is None:
        return _month(year, month)
    return _finish(dt.date(year, month, reading.day), reading, frame)


def _fitting_year(month: int, reading: _Reading, frame: _Frame) -> int | None:
    """The year of a month or day that is told without one."""
    day = reading.day or 1

    def place(year: int) -> dt.date:
        return dt.date(year, month, min(day, 28))  # 29 February too has a place in any year

    pivot = frame.pivot()
    if pivot is None and frame.today is None:
        return frame.year()
    if pivot is not None and reading.step is None:
        return pivot.year
    today = frame.today
    if today is None:
        return None
    if reading.day is None:  # months are compared as wholes
        today = today.replace(day=1)
    years = range(max(today.year - 4, 1), today.year + 2)
    if reading.step == 0:
        return today.year
    if reading.step is not None and reading.step > 0:
        return next(year for year in years if place(year) > today)
    latest = today - dt.timedelta(1) if reading.step else today + _SOON
    fitting = [year for year in years if place(year) <= latest]
    if reading.weekday is not None and reading.day is not None:
        same = [year for year in fitting if _weekday_of(year, month, day) == reading.weekday]
        fitting = same or fitting
    return fitting[-1] if fitting else None


def _weekday_of(year: int, month: int, day: int) -> int | None:
    try:
        return dt.date(year, month, day).weekday()
    except ValueError:
        return None


def _hijri(reading: _Reading, frame: _Frame) -> ResolvedDate | None:
    assert reading.hijri_month is not None
    month, year = reading.hijri_month, reading.hijri_year
    if year is None:
        found = _fitting_hijri(reading, frame)
    elif reading.hijri_day is None:
        found = _middle(year, month)
    else:
        found = _from_hijri(year, month, reading.hijri_day)
    if found is None:
        return None
    if reading.hijri_day is None:
        return _month(found.year, found.month)
    return _finish(_by_weekday(found, reading.weekday), reading, frame)


def _by_weekday(day: dt.date, weekday: int | None) -> dt.date:
    """A Hijri day set right by its weekday, where the moon was sighted a day off the tables."""
    if weekday is None:
        return day
    off = (weekday - day.weekday() + 3) % 7 - 3
    return day + dt.timedelta(off) if abs(off) == 1 else day


def _fitting_hijri(reading: _Reading, frame: _Frame) -> dt.date | None:
    assert reading.hijri_month is not None
    day = reading.hijri_day or 15
    pivot = frame.pivot() or frame.today
    if pivot is None:
        return None
    this = (pivot.toordinal() - _HIJRI_ORDINAL) * 30 // 10_631 + 1  # 30 years have 10631 days
    places = [_from_hijri(year, reading.hijri_month, day) for year in range(this - 2, this + 3)]
    if frame.pivot():
        return min(places, key=lambda place: abs(place - pivot))
    if reading.step == 1:
        return next(place for place in places if place > pivot)
    latest = pivot - dt.timedelta(15) if reading.step else pivot + _SOON
    return [place for place in places if place <= latest][-1]


def _whole_year(reading: _Reading, frame: _Frame) -> ResolvedDate | None:
    assert reading.year is not None
    if reading.week is not None:
        return _week(dt.date.fromisocalendar(reading.year, reading.week, 1))
    return _year(reading.year, reading.edge)


def _hijri_year(reading: _Reading, frame: _Frame) -> ResolvedDate | None:
    assert reading.hijri_year is not None
    if reading.edge in _EDGE_MONTHS:
        day = _middle(reading.hijri_year, _EDGE_MONTHS[reading.edge])
        return _month(day.year, day.month)
    return _year(_middle(reading.hijri_year, 6).year)


def _quarter(reading: _Reading, frame: _Frame) -> ResolvedDate | None:
    """A season: spring is the second quarter, autumn the fourth (the guidelines' Q3 is summer)."""
    assert reading.season is not None
    year = reading.year
    if year is None and reading.unit == _YEAR:
        year = _unit_year(reading, frame)
    if year is None:
        if frame.today is None:
            return None
        now = (frame.today.month + 2) // 3
        step = reading.step or 0
        year = frame.today.year
        if step > 0:
            year += reading.season <= now
        elif reading.season > now or (step < 0 and reading.season == now):
            year -= 1
    return ResolvedDate(f"{_year(year).value}-Q{reading.season}", "quarter")


def _offset(reading: _Reading, frame: _Frame) -> ResolvedDate | None:
    """«قبل ثلاثة أيام» counts from the report, or from an old story; «بعد أيام» from any story."""
    assert reading.offset is not None
    count, unit = reading.offset
    base = frame.today
    told = frame.day()
    if base and told and unit in (_DAY, _WEEK) and (count > 0 or abs(base - told) > _NEAR):
        base = told
    if base is None or reading.offset_then:
        base = told
    if base is None:
        return None
    if unit == _YEAR:
        year, month = _months_on(base.year, base.month, 12 * count)
        if reading.offset_half:
            year, month = _months_on(year, month, 6 if count > 0 else -6)
        return _year(year)
    if unit == _MONTH:
        return _month(*_months_on(base.year, base.month, count))
    day = base + dt.timedelta(int(count * _UNIT_DAYS[unit]))
    return _finish(day, reading, frame)


_UNIT_DAYS: Mapping[int, float] = {_MINUTE: 1 / 1440, _HOUR: 1 / 24, _DAY: 1, _WEEK: 7}


def _weekday(reading: _Reading, frame: _Frame) -> ResolvedDate | None:
    assert reading.weekday is not None
    today, ahead = frame.today, reading.step == 1
    if reading.follows is not None:
        today, ahead = frame.day(), reading.follows > 0
    if today is None:
        return None
    if reading.unit == _WEEK and reading.step is not None:
        monday = today - dt.timedelta(today.weekday() - 7 * reading.step)
        return _finish(monday + dt.timedelta(reading.weekday), reading, frame)
    if reading.shift:
        # The ruling on «أمس الأحد»: the relative word wins where the weekday is the report's own.
        day = today + dt.timedelta(reading.shift)
        if reading.weekday in (day.weekday(), today.weekday()):
            return _finish(day, reading, frame)
        ahead = reading.shift > 0
    off = (reading.weekday - today.weekday()) % 7 if ahead else None
    if off is None:
        off = -((today.weekday() - reading.weekday) % 7)
    if off == 0 and (reading.step or reading.follows):  # «الاثنين الماضي» is never today
        off = 7 if ahead else -7
    return _finish(today + dt.timedelta(off), reading, frame)


def _numbered(reading: _Reading, frame: _Frame) -> ResolvedDate | None:
    """A day without its month: «13 الجاري», «الحادي عشر منه», or the last such day."""
    assert reading.number is not None
    today = frame.today
    if reading.same or today is None:
        found = frame.month()
        if found is None:
            return None
    else:
        back = reading.step is None and reading.number > today.day
        found = _months_on(today.year, today.month, -1 if back else reading.step or 0)
    return _finish(dt.date(*found, reading.number), reading, frame)


def _same_day(reading: _Reading, frame: _Frame) -> ResolvedDate | None:
    day = frame.day() and (frame.pivot() or frame.event_day())
    if day is None:
        return None
    return _finish(day + dt.timedelta(reading.day_follows or 0), reading, frame)


def _shifted(reading: _Reading, frame: _Frame) -> ResolvedDate | None:
    assert reading.shift is not None
    if frame.today is None:
        return None
    return _finish(frame.today + dt.timedelta(reading.shift), reading, frame)


def _unit(reading: _Reading, frame: _Frame) -> ResolvedDate | None:
    """«الأسبوع الماضي», «مطلع الشهر الجاري», «نهاية العام»."""
    if reading.unit == _YEAR:
        year = _unit_year(reading, frame)
        return None if year is None else _year(year, reading.edge)
    if reading.unit == _MONTH:
        month = _unit_month(reading, frame)
        return None if month is None else _month(*month)
    if reading.unit != _WEEK:
        return None
    if reading.same or reading.follows:
        day, step = frame.week() or frame.today, reading.follows or 0
    else:
        day, step = frame.today, reading.step or 0
        if day and reading.edge == _END and reading.step is None and day.weekday() < 3:
            step = -1  # early in a week the weekend is the one before
    return _week(day + dt.timedelta(7 * step)) if day else None


def _unit_year(reading: _Reading, frame: _Frame) -> int | None:
    if reading.same:
        return frame.year()
    if reading.follows:
        year = frame.year()
        return None if year is None else year + reading.follows
    return frame.today.year + (reading.step or 0) if frame.today else None


def _unit_month(reading: _Reading, frame: _Frame) -> tuple[int, int] | None:
    today, told = frame.today, frame.month()
    if reading.same or reading.follows:
        return _months_on(*told, reading.follows or 0) if told else None
    if today is None:
        return None
    this = (today.year, today.month)
    vague = reading.step is None and reading.edge in (None, _MIDDLE)
    if vague and told in (this, _months_on(*this, -1)):
        return told  # «منتصف الشهر» after «شهر يونيو» is that month's
    return _months_on(*this, reading.step or 0)


def _bare(reading: _Reading, frame: _Frame) -> ResolvedDate | None:
    """A part of day or an hour alone belongs to the day told before, and to none without one.

    The report's own day would be a guess: social posts mean today's, chapters of investigations
    do not, and the Rulings leave «ليلا» with no day unresolved.
    """
    day = frame.event_day(reading.part) if frame.days() else None
    return _finish(day, reading, frame) if day else None


_Way = Callable[[_Reading, _Frame], ResolvedDate | None]


def _has(*fields: str) -> Callable[[_Reading], bool]:
    return lambda reading: any(getattr(reading, field) is not None for field in fields)


# The first way whose condition holds gives the value: what says more comes first.
_WAYS: tuple[tuple[Callable[[_Reading], bool], _Way], ...] = (
    (_has("month"), _gregorian),
    (_has("hijri_month"), _hijri),
    (_has("season"), _quarter),
    (_has("year"), _whole_year),
    (_has("hijri_year"), _hijri_year),
    (_has("offset"), _offset),
    (_has("weekday"), _weekday),
    (_has("number"), _numbered),
    (lambda reading: reading.day_same or reading.day_follows is not None, _same_day),
    (_has("shift"), _shifted),
    (_has("unit"), _unit),
    (_has("part", "clock"), _bare),
)
