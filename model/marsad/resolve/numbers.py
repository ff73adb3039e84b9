"""Arabic numbers in words and digits: «ثلاثمئة وخمسة وأربعين», «12 ألفا», «٢٬٠٠٠», 1.5 مليون.

Both genders, all cases, the common spellings (مائة، مئة، ماية) and the dialect teens are read.
The words of a text come from `words`, which sets the joined «و» before a number apart.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from marsad.text import normalise, split_words

AND = "و"

_FOLD = str.maketrans("أإآٱىة", "اااايه")
_DIGITS = r"\d+(?:[.,\u066b\u066c]\d+)*"
_SEAM = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")  # و12, 12ألفا
_COMMA = re.compile(r"(?<=\d)،(?=\d{3}(?!\d))")  # «70،000»
_GROUPED = re.compile(r"\d{1,3}(?:[.,\u066b\u066c]\d{3})+")
_DECIMAL = re.compile(r"(\d{1,9})[.,\u066b](\d{1,9})")
_PLAIN = re.compile(r"\d{1,15}")  # a longer row of digits is an identifier, no number


def _table(rows: Mapping[int, str]) -> dict[str, int]:
    return {word: value for value, words in rows.items() for word in words.split()}


# All tables hold folded words: no hamza on the alef, ه for ة, ي for ى.
_UNITS = _table(
    {
        0: "صفر",
        1: "واحد واحدا واحده احد احدا احدي وحده",
        2: "اثنان اثنين اثنا اثني اثنتان اثنتين اثنتا اثنتي ثنتان ثنتين اتنان اتنين"
        " اتنتين تنين زوز",
        3: "تلت تلته ثلاث ثلاثا ثلاثه ثلاتة تلات تلاته",
        4: "اربع اربعا اربعه",
        5: "خمس خمسا خمسه",
        6: "ست ستا سته",
        7: "سبع سبعا سبعه",
        8: "ثمان ثماني ثمانيا ثمانيه تمان تمانه تماني تمانيه تمنيه ثمنيه",
        9: "تسع تسعا تسعه",
        10: "عشر عشرا عشره",
    }
)
_TEEN = frozenset({"عشر", "عشره"})
_TEENS = _table(
    {
        11: "حداش حداشر احدعش حدعش",
        12: "اتناش اثناش اتناشر اثناعشر اثنعش اطنعش",
        13: "تلطاش تلاتعشر تلتعشر تلتاشر تلاتاشر ثلاثطعش تلتطعش تلطعش",
        14: "اربعطاش اربعتاشر اربعطعش",
        15: "خمسطاش خمستاشر خمسطعش خمستعش",
        16: "سطاش ستاشر سطعش ستعش",
        17: "سبعطاش سبعتاشر سبعطعش",
        18: "تمنطاش تمنتاشر ثمنطعش تمنطعش",
        19: "تسعطاش تسعتاشر تسعطعش",
    }
)
_TENS = {
    stem + end: value
    for value, stems in {
        20: "عشر", 30: "ثلاث تلات", 40: "اربع", 50: "خمس", 60: "ست", 70: "سبع",
        80: "ثمان تمان", 90: "تسع",
    }.items()
    for stem in stems.split()
    for end in ("ون", "ين")
}  # fmt: skip
_HUNDRED = frozenset({"مئه", "مائه", "مايه", "ميه"})
_FEW_HUNDREDS = _HUNDRED | {"مئات"}  # «ثلاث مئات» as well as «ثلاث مئة»
_HUNDREDS = {
    **dict.fromkeys(_HUNDRED, 100),
    **{stem + end: 200 for stem in ("مئت", "مائت", "مايت") for end in ("ان", "ين", "ا", "ي")},
    **{
        stem + hundred: value * 100
        for value, stems in {
            3: "ثلاث ثلث تلات تلت", 4: "اربع", 5: "خمس", 6: "ست", 7: "سبع",
            8: "ثمان ثماني تمان تمن", 9: "تسع",
        }.items()
        for stem in stems.split()
        for hundred in _HUNDRED
    },
}  # fmt: skip
_SCALES = _table(
    {
        1000: "الف الفا الاف تلاف",
        1_000_000: "مليون مليونا ملايين",
        1_000_000_000: "مليار مليارا مليارات",
    }
)
_ALONE = frozenset({"الف", "الفا", "مليون", "مليونا", "مليار", "مليارا"})  # one, without a count
_DUAL_SCALES = _table(
    {
        2000: "الفان الفين الفي",
        2_000_000: "مليونان مليونين مليوني",
        2_000_000_000: "ملياران مليارين ملياري",
    }
)
_FRACTIONS = {"نصف": 2, "نص": 2, "ربع": 4}
# «ألفا شخص» is two thousand, but «ألفا» before these, or before nothing, is one in the accusative.
_AFTER_ACCUSATIVE = frozenset({AND, "من", "علي", "او", "الي", "في", "بينهم", "بينهن"})
_WORDS = frozenset().union(
    _UNITS, _TEENS, _TENS, _HUNDREDS, _SCALES, _DUAL_SCALES, _FRACTIONS, {"مئات", "عشرات"}
)
_SHORTEST_ARTICLED = 5  # with a shorter word «ال» is likely its root
_LARGEST = 10**12


@dataclass(frozen=True, slots=True)
class Number:
    """A number read from words: its value and one past its last word."""

    value: int
    end: int


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a number: «ثلاثة آلاف» is 3000 at scale 1000; `value` counts the whole."""

    value: Fraction
    scale: int
    end: int


def fold(word: str) -> str:
    """The form in which words are looked up: normalised, one alef, ه for ة, ي for ى."""
    return normalise(word).translate(_FOLD)


def words(text: str) -> list[str]:
    """The words of a text as written; «و» before a number word or digits stands apart."""
    found: list[str] = []
    spaced = _SEAM.sub(" ", _COMMA.sub(",", text))
    spans = split_words(spaced).spans
    written = [spaced[start:end] for start, end in spans]
    for word, following in pairwise([*written, ""]):
        teen = fold(following) in _TEEN  # «واحد عشر» is «و» and 11, its hamza left out
        rest = word[1:] if teen and fold(word) == "واحد" else after_and(word)
        found.extend([AND, rest] if rest and is_number_word(rest) else [word])
    return found


def after_and(word: str) -> str:
    """What follows the letter «و» at the head of a word; empty without one."""
    is_and = word.startswith(AND) and (fold(word) not in _WORDS or "أ" in word)  # وأحد, not واحد
    return word[1:] if is_and else ""


def is_number_word(word: str) -> bool:
    """Whether the word is one of the number words, or digits."""
    return _known(fold(word)) in _WORDS or _digits(fold(word)) is not None


def read(words: Sequence[str], at: int) -> Number | None:
    """The longest number that begins at that word; None where none does."""
    keys = _Keys(words)
    total, limit, place = Fraction(0), 0, at
    end = None
    while (part := _part(keys, place)) and (not limit or part.value < limit):
        part = _with_fraction(keys, part)
        total, limit, end = total + part.value, part.scale, part.end
        if part.scale == 1 or keys[end] != AND:
            break
        place = end + 1
    return Number(int(total), end) if end is not None and total.denominator == 1 else None


class _Keys:
    """The folded words, with an empty one past either end."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words

    def __getitem__(self, place: int) -> str:
        return _known(fold(self._words[place])) if 0 <= place < len(self._words) else ""


def _known(key: str) -> str:
    """The word without its article where only that is a number word: «الخمسة», not «ألف»."""
    if key not in _WORDS and key.startswith("ال") and len(key) >= _SHORTEST_ARTICLED:
        return key[2:]
    return key


def _part(keys: _Keys, place: int) -> _Part | None:
    """A count with its scale: «ثلاثة آلاف», «ألفي», «نصف مليون», «مئة», «1.5 مليون»."""
    word = keys[place]
    if word in _DUAL_SCALES:
        value = _DUAL_SCALES[word]
        return _scaled(keys, _Part(Fraction(value), value // 2, place + 1))
    if word in _ALONE:
        value = _SCALES[word]
        count = 2 if word.endswith("ا") and _in_construct(keys[place + 1]) else 1
        return _scaled(keys, _Part(Fraction(value * count), value, place + 1))
    if word in _FRACTIONS:
        whole = _scaled(keys, _Part(Fraction(1, _FRACTIONS[word]), 1, place + 1))
        return whole if whole.scale > 1 else None
    small = _small(keys, place)
    return _scaled(keys, small) if small else None


def _in_construct(following: str) -> bool:
    return following[:1].isalpha() and following not in _AFTER_ACCUSATIVE


def _scaled(keys: _Keys, part: _Part) -> _Part:
    while part.scale < _LARGEST and (scale := _SCALES.get(keys[part.end])):
        part = _Part(part.value * scale, part.scale * scale, part.end + 1)
    return part


def _with_fraction(keys: _Keys, part: _Part) -> _Part:
    """«مليون ونصف» and «مليون ونصف مليون» are both one and a half."""
    if part.scale == 1 or keys[part.end] != AND or keys[part.end + 1] not in _FRACTIONS:
        return part
    value = part.value + Fraction(part.scale, _FRACTIONS[keys[part.end + 1]])
    end = part.end + 2
    return _Part(value, part.scale, end + (_SCALES.get(keys[end]) == part.scale))


def _small(keys: _Keys, place: int) -> _Part | None:
    """Digits, or words below a thousand."""
    if (digits := _digits(keys[place])) is not None:
        return _spaced(keys, digits, place + 1)
    hundreds = _hundreds(keys, place)
    if hundreds is None:
        return _below_hundred(keys, place)
    rest = _below_hundred(keys, hundreds.end + 1) if keys[hundreds.end] == AND else None
    return _Part(hundreds.value + rest.value, 1, rest.end) if rest else hundreds


def _hundreds(keys: _Keys, place: int) -> _Part | None:
    word = keys[place]
    if word in _HUNDREDS:
        return _Part(Fraction(_HUNDREDS[word]), 1, place + 1)
    count = _UNITS.get(word, 0)
    if 3 <= count <= 9 and keys[place + 1] in _FEW_HUNDREDS:
        return _Part(Fraction(count * 100), 1, place + 2)
    return None


def _below_hundred(keys: _Keys, place: int) -> _Part | None:
    word, after, last = keys[place], keys[place + 1], keys[place + 2]
    value = _TENS.get(word, _TEENS.get(word))
    if value is not None:
        return _Part(Fraction(value), 1, place + 1)
    unit = _UNITS.get(word)
    if unit is None:
        return None
    if 1 <= unit <= 9 and after in _TEEN:
        return _Part(Fraction(unit + 10), 1, place + 2)
    if 1 <= unit <= 9 and after == AND and last in _TENS:
        return _Part(Fraction(unit + _TENS[last]), 1, place + 3)
    return _Part(Fraction(unit), 1, place + 1)


def _digits(word: str) -> Fraction | None:
    if not re.fullmatch(_DIGITS, word):
        return None
    if _PLAIN.fullmatch(word):
        return Fraction(word)
    if _GROUPED.fullmatch(word):
        return Fraction(re.sub(r"\D", "", word))
    if match := _DECIMAL.fullmatch(word):
        return Fraction(f"{match[1]}.{match[2]}")
    return None


def _spaced(keys: _Keys, value: Fraction, end: int) -> _Part:
    """«2 000»: a short number goes on with groups of three digits."""
    if 0 < value < 1000 and value.denominator == 1:
        while re.fullmatch(r"\d{3}", keys[end]) and value < _LARGEST:
            value, end = value * 1000 + int(keys[end]), end + 1
    return _Part(value, 1, end)
