"""The words of dates: a text as a row of items, each a letter of `_WORDS` and a number."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from marsad.text import TATWEEL, normalise

MORNING, AFTERNOON, EVENING, NIGHT = range(4)
PARTS = ("MO", "AF", "EV", "NI")
MINUTE, HOUR, DAY, WEEK, MONTH, YEAR = range(6)
START, _START_LOOSE, MIDDLE, _LATE, END = range(5)

# Letter -> value -> spellings. What the letters mean:
#   n cardinal       o ordinal          f feminine ordinal (an hour)   v «الأولى»
#   M month          H Hijri month      W weekday      R day relative to the report's
#   T «اليوم»         L «الليلة»          P part of day  S season or quarter  E edge of a period
#   d «عشية», an evening, but of an event («عشية التنفيذ») the day before
#   u day or month   i week             y year (U I Y with the article)  w dual  p plural of these
#   k minutes, hour  m last/this/next   a before/after s the same        b ago/hence
#   c «الساعة»        Z Greenwich time  h part of an hour  x less         g e Hijri, Gregorian era
#   C century, decade
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
        1: "أول|حادي|غرة|فاتح",
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
        1: "يناير|كانون2|كانون الثاني|كانون ثاني|ك2|جانفي|ينايير",
        2: "فبراير|شباط|فيفري|فبرابر",
        3: "مارس|آذار|مارث",
        4: "أبريل|إبريل|نيسان|أفريل|ابرايل",
        5: "مايو|أيار|ماي|ايّار|مايس",
        6: "يونيو|يونيه|حزيران|جوان",
        7: "يوليو|يوليه|تموز|جويلية|يوليوز",
        8: "أغسطس|آب|أوت|غشت|اغسطوس",
        9: "سبتمبر|أيلول|شتنبر",
        10: "أكتوبر|أوكتوبر|تشرين1|تشرين الأول|تشرين أول|ت1",
        11: "نوفمبر|تشرين2|تشرين الثاني|تشرين ثاني|ت2|نونبر|تشرين",
        12: "ديسمبر|كانون1|كانون الأول|كانون أول|ك1|دجنبر|دسمبر",
    },
    "H": {
        1: "محرم|محرم الحرام",
        2: "صفر|صفر الخير",
        3: "ربيع الأول|ربيع أول",
        4: "ربيع الآخر|ربيع الثاني|ربيع آخر|ربيع ثاني",
        5: "جمادى الأولى|جمادى الأول|جمادى أولى|جمادى أول|جماد الأولى|جماد الأول|جماد أول",
        6: "جمادى الآخرة|جمادى الثانية|جمادى الآخر|جمادى الثاني|جمادى ثاني|جماد الآخرة|جماد الثانية"
        "|جماد الآخر|جماد الثاني|جماد ثاني|جماد آخر",
        7: "رجب",
        8: "شعبان",
        9: "رمضان|رمضان المبارك",
        10: "شوال",
        11: "ذوالقعدة|ذيالقعدة|ذو القعدة|ذي القعدة|ذو قعدة|ذي قعدة",
        12: "ذوالحجة|ذيالحجة|ذو الحجة|ذي الحجة|ذو حجة|ذي حجة",
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
        -2: "أمس الأول|أول أمس|أول من أمس|أول البارحة|أول امبارح|أول مبارح|أمس الأولى|قبل أمس"
        "|قبل البارحة|البارحة الأولى|قبل امبارح",
        -1: "يامس|امبارحة|أمس|الأمس|البارحة|البارح|بارحة|امبارح|مبارح|إمبارح",
        0: "الآن|هسه|هسة|هسا|هسي|هسع|هلق|هلأ|دلوقتي|الحين|توا|توة|توه|للتو|حاليا|اللحظة|هذه اللحظة"
        "|يومنا هذا|النهاردة|شوي|منذ لحظات|منذ دقائق"
        "|قبل قليل|قبل لحظات|قبل دقائق|قبل شوي|قبل شوية|من شوي|من شوية|منذ قليل|بعد قليل"
        "|بعد لحظات",
        1: "باجر|باچر|غد|غدا|الغد|غدوة|بكرا|بكرة|بكره",
        2: "بعد غد|بعد الغد|بعد بكرا|بعد بكرة",
    },
    "T": {0: "تاريخه|اليوم|التاريخ|هاليوم"},
    "L": {0: "الليلة|هالليلة"},
    "P": {
        MORNING: "فجر|فجرا|الفجرية|صباح|صباحا|صبح|الصبحية|صبيحة|ضحى|ضحا|سحر|شروق|بكرة الصبح"
        "|قبل الظهر|قبل ظهر|قبيل ظهر|قبيل الظهر|قبل الفجر|قبيل الفجر|بعد الفجر|بعد فجر"
        "|الساعات الأولى",
        AFTERNOON: "ظهر|ظهرا|ظهيرة|ظهرية|عصر|عصرا|عصرية|زوال|بعد الزوال|ضهر|بعد الضهر"
        "|بعد الظهر|بعد ظهر|بعيد ظهر|بعيد الظهر"
        "|بعد العصر|بعد عصر|قبل العصر|منتصف النهار|منتصف نهار|منتصف الظهر",
        EVENING: "مساء|مسا|المسا|مغرب|مغربا|غروب|عشاء|سهرة|أمسية|قبل المغرب|بعد المغرب|بعد العشاء",
        NIGHT: "ليل|ليلا|ليلة|منتصف ليل|منتصف الليل|منتصف ليلة|نص الليل|نصف الليل"
        "|بعد منتصف الليل|بعد منتصف ليل|بعد نص الليل|قبل منتصف الليل|قبيل منتصف الليل",
    },
    "d": {EVENING: "عشية"},
    "S": {
        1: "شتاء|ربع أول|ربع الأول",
        2: "ربيع|ربع ثاني|ربع الثاني",
        3: "صيف|صائفة|صيفية|ربع ثالث|ربع الثالث",
        4: "ربع أخير|ربع الأخير|خريف|ربع رابع|ربع الرابع",
    },
    "E": {
        START: "مطلع|مستهل|بداية|بدايات",
        _START_LOOSE: "أوائل",
        MIDDLE: "منتصف|أواسط|وسط",
        _LATE: "أواخر",
        END: "نهاية|ختام|آخر",
    },
    "u": {DAY: "يوم|يوما|ليلة واحدة", MONTH: "شهر|شهرا"},
    "i": {WEEK: "أسبوع|أسبوعا"},
    "y": {YEAR: "عام|عاما|سنة"},
    "w": {
        HOUR: "ساعتين|ساعتان",
        DAY: "يومين|يومان|ليلتين",
        WEEK: "أسبوعين|أسبوعان",
        MONTH: "شهرين|شهران",
        YEAR: "عامين|عامان|سنتين|سنتان",
    },
    "p": {
        HOUR: "ساعات",
        DAY: "أيام|ليال|ليالي",
        WEEK: "أسابيع",
        MONTH: "أشهر|شهور",
        YEAR: "أعوام|سنوات|سنين",
    },
    "k": {MINUTE: "دقيقة|دقائق|دقيقتين", HOUR: "ساعة"},
    "m": {
        -1: "ماضي|ماضية|منصرم|منصرمة|فارط|فارطة|فائت|فائتة|منقضي|منقضية|اللي فات|اللي فاتت"
        "|اللي راح|الفايت|فات|فاتت|الي فات|الي فاتت|الي راح|الي راحت",
        0: "جاري|جارية|حالي|حالية|راهن|هذا|هذه|هاد|أخير|أخيرة",
        1: "مقبل|مقبلة|قادم|قادمة|آتي|آتية|جاي|جاية|اللي جاي|اللي جاية",
    },
    "a": {-1: "سابق|سابقة", 1: "تالي|تالية|لاحق|لاحقة|موالي|موالية"},
    "s": {0: "نفسه|نفسها|ذاته|ذاتها|عينه|نفس|ذات|ذلك|تلك|مذكور|منه|منها"},
    "b": {-1: "قبل|قبيل|منذ", 1: "بعد|بعيد"},
    "c": {0: "الساعة|س"},
    "C": {0: "قرن|قرنين|قرون|عقد|عقدين|عقود"},
    "Z": {0: "ت غ|غرينتش|جرينتش|غرينيتش"},
    "h": {30: "نصف|نص", 15: "ربع|ربعا", 20: "ثلث|ثلثا"},
    "x": {0: "إلا"},
    "q": {AFTERNOON: "ظ|ب ظ", MORNING: "ص|ق ظ"},
    "g": {0: "ه|هجري|هجرية|للهجرة|الهجرة"},
    "e": {0: "م|ميلادي|ميلادية|للميلاد"},
}
# Expressions that stand for several items at once.
_IDIOMS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "وقت سابق": ((".", 0),),
    "وقت لاحق": ((".", 0),),
    "ثاني يوم": (("T", 0), ("a", 1)),
    "تاني يوم": (("T", 0), ("a", 1)),
    "النصف الأول": (("E", MIDDLE),),
    "النصف الثاني": (("E", MIDDLE),),
    "أحد الشعانين": (("W", 6),),
    "أحد الفصح": (("W", 6),),
    "ذلك الحين": ((".", 0),),
    "قبلها": (("b", -1), ("s", 0)),
    "قبله": (("b", -1), ("s", 0)),
    "بعدها": (("b", 1), ("s", 0)),
    "بعده": (("b", 1), ("s", 0)),
    "يومها": (("T", 0), ("s", 0)),
    "يومذاك": (("T", 0), ("s", 0)),
    "يومئذ": (("T", 0), ("s", 0)),
    "من يومين": (("b", -1), ("w", DAY)),
    "من أسبوع": (("b", -1), ("u", WEEK)),
    "صلاة الجمعة": (("W", 4), ("P", AFTERNOON)),
    "عيد الأضحى": (("n", 10), ("H", 12)),
    "عيد الفطر": (("n", 1), ("H", 10)),
    "عيد العمال": (("n", 1), ("M", 5)),
    "عاشوراء": (("n", 10), ("H", 1)),
    "المولد النبوي": (("n", 12), ("H", 3)),
    "ليلة رأس السنة": (("P", NIGHT), ("n", 31), ("M", 12)),
    "رأس السنة": (("n", 1), ("M", 1)),
    "يوم الميلاد": (("n", 25), ("M", 12)),
    "عيد الميلاد": (("n", 25), ("M", 12)),
    "ليلة الميلاد": (("P", NIGHT), ("n", 24), ("M", 12)),
    "ليلتها": (("P", NIGHT), ("T", 0), ("s", 0)),
    "ذلك النهار": (("T", 0), ("s", 0)),
}
# These say nothing about the date; without them the words that belong together are neighbours.
_FILLERS = frozenset(
    ["من", "في", "عند", "ال", "و", "ب", "ل", "الي", "حوالي", "نحو", "قرابه", "حدود", "تمام"]
) | frozenset(["يومي", "صلاه", "شمس", "تاريخ", "موافق", "توقيت"])
_FOLD = str.maketrans("أإآٱىةؤئ", "اااايهوي", "ء")
_ARTICLE = "ال"
_GLUED = re.compile(r"(?<=\w{3})(?=ال(?:ماضي|جاري|حالي|مقبل|قادم)(?!\w))")  # «أيلولالماضي»

_TOKEN = re.compile(
    r"(?P<full>(?<![0-9])[0-9]{1,4}\s*([/.\\_-])\s*[0-9]{1,2}\s*\2\s*[0-9]{1,4}(?![0-9]))"
    r"|(?P<clock>(?<![0-9])[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?![0-9])"
    r"|(?<=ساعه )[0-9]{1,2}\.[0-9]{2}(?![0-9]))"  # «الساعة 17.30»
    r"|(?P<pair>(?<![0-9])[0-9]{1,4}\s*[/–-]\s*[0-9]{1,4}(?![0-9]))"
    r"|(?P<number>[0-9]+)"
    r"|(?P<word>(?:[كت]|تشرين|كانون)[12](?![0-9])|[^\W\d_]+)"
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
    text = re.sub(f"(?<=[0-9]){TATWEEL}(?=[0-9])", "-", text)  # «21ـ8ـ2013»
    folded = " ".join(normalise(word).translate(_FOLD) for word in text.split())
    return _GLUED.sub(" ", folded)


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


def items(text: str) -> list[_Item]:
    """The words of the text as items, fillers left out and number words put together."""
    return _merged(_items(text))


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
    if kind == "number" and len(token) == 4 and token[0] == "0" and numbers[0] % 100 < 60:  # «0415»
        return _Item("t", numbers[0] // 100 * 60 + numbers[0] % 100, spelled=False)
    if kind == "pair":
        return _Item("j", numbers[0] * PAIR + numbers[1], spelled=False)
    return _Item("n" if kind == "number" else ".", numbers[0], spelled=False)


PAIR = 10_000  # a pair of numbers is kept as one
_YEARS = range(1000, 3000)


def _packed(first: int, second: int, third: int) -> int:
    """Year, month and day as yyyymmdd, whichever way round they are written."""
    year, month, day = (first, second, third) if first > 31 else (third, second, first)
    if month > 12 >= day:
        month, day = day, month
    return (year if year > 99 else century(year)) * 10_000 + month * 100 + day


def century(year: int) -> int:
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
