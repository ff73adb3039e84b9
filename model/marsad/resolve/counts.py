"""The count that a casualty expression states: «12 مدنيا بينهم أربعة أطفال» is 12, «قتيلان» 2.

What is counted follows the guidelines: the total before «بينهم», one for a singular noun, the sum
of what «و» joins, and `?` for plurals and vague numbers («عشرات», «عدد من»).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from marsad.resolve.numbers import AND, after_and, fold, is_number_word, read, words
from marsad.schema import UNRESOLVED
from marsad.text import normalise

_LONGEST = 60  # words read: a casualty span is far shorter, and a whole page costs no more then


@dataclass(frozen=True, slots=True)
class ResolvedCount:
    """A count as the guidelines write it, and its bounds; None where a bound is open.

    `value` is `3`, `10+` (ten at the least) or `?` (none stated). A vague number («عشرات») has
    the value `?` and the minimum that it implies. «نحو 100» is taken as it stands, as 100.
    """

    value: str
    minimum: int | None
    maximum: int | None


@dataclass(frozen=True, slots=True)
class _Term:
    """One of the things that «و» joins: its count (None where open), and how it is said.

    `closed` tells that a singular noun after it is no further person: «36 امرأة وطفلا» are 36;
    `whole` that no noun is: «ثلاثة من سكان غزة ورفح» are three. `dual` nouns are two for sure.
    """

    count: int | None
    number: bool = False
    closed: bool = False
    whole: bool = False
    plural: bool = False
    dual: bool = False


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(phrase.split()) for phrase in text.split("،"))


# All tables hold folded words: no marks, no hamza on the alef, ه for ة, ي for ى.

# What follows these is a part of the total, an age, or an aside.
_PARTS = _set(
    "بينهم بينهما بينها بينهن ضمنهم ضمنها نصفهم معظمهم اغلبهم غالبيتهم جلهم ثلثهم منهم منهن منها"
    " هم وهم هما وهما هن وهن"
    " عمره عمرها عمرهما اعمارهم يبلغ تبلغ"
)
_ASIDES = _set("( [ : ؛")  # they end the total where it was told before: «22: اثنا عشر من ...»
_TIMES = _set("سنه سنوات سنين عام عاما اعوام شهر شهرا اشهر شهور يوم يوما ايام")  # an age
_TOTALS = _set("عددهم عددها عددهن تعدادهم مجموعهم")  # «جميع المهاجمين وعددهم 33»
_HOUSEHOLDS = _set("اسره عائله عايله عيله")  # «94 أسرة (564 فردا)» counts the people
_AT_LEAST = _phrases(
    "اكثر من، اكتر من، اكثر عن، ازيد من، باكثر من، بازيد من، يزيد علي، يزيد عن، تزيد علي،"
    " تزيد عن، لا يقل، لا تقل، لايقل، لاتقل، مالا يقل، مالا تقل، مالايقل، مالاتقل، يربو،"
    " تربو، ينيف، كتر من، يفوق، تفوق، فوق، تجاوز، تجاوزت، علي الاقل، في الاقل، عالاقل، بالاقل،"
    " كحد ادني، حد ادني، بحد ادني، اقل تقدير، مو اقل من، مش اقل من، ليس اقل من، +، و نيف، نيف و،"
    " فما فوق، او اكثر، او يزيد"
)
_AT_MOST = _phrases(
    "لا يزيد، لا تزيد، لا يتجاوز، لا تتجاوز، لم يتجاوز، لم تتجاوز، لا يتعدي، لا يفوق، علي الاكثر،"
    " حد اقصي، بحد اقصي"
)
_LESS_THAN = _phrases("اقل من، ما دون")
_BETWEEN = _set("بين مابين")
_TO = _set("- – — الي او حتي")
# What a vague number says at the least; «بضعة» also at the most.
_VAGUE: dict[str, tuple[int, int | None]] = {
    "عشرات": (20, None), "مئات": (200, None), "مءات": (200, None), "الاف": (2000, None),
    "الوف": (2000, None), "ملايين": (2_000_000, None), "بضعه": (3, 9), "بضع": (3, 9),
}  # fmt: skip
_VAGUE_SCALES = {"الاف": 1000, "الالاف": 1000, "ملايين": 1_000_000, "الملايين": 1_000_000}

_PREFIXES = _set("من ما لا عن علي في الي ب ل ك نحو قرابه حوالي زهاء تقريبا بنحو بحوالي ال يا هناك")
_OF = _set("من في")
_AGED = _set("في بعمر")
# No count stands in these: quantities, groups, and plurals that no pattern below tells.
_UNCOUNTED = _set(
    # quantities
    "عدد عددا عده بعض جميع كل كافه معظم اغلب غالبيه اكثريه بقيه باقي سائر كثير كثيره قليل ضعف"
    " مجموعه جمع مزيد جموع حشد دفعه عديد اعداد نصف ثلث اي ايه اكثر جماعه مجمل اكبر غير ثله"
    # groups
    " طاقم سكان اهل اهالي ناس عالم اسره عائله عايله عيله ركاب فريق قافله رعايا جمهور قوم شعب خسائر"
    " خساير شرطه قوه قوات وفد جيش عصابه خليه بيشمركه امن مقاومه حرس دوريه رتل كتيبه سريه فصيل"
    " عشيره قبيله حاميه بشر نفوس انفس ارواح ضعفهم"
    # plurals
    " قتلي جرحي مرضي اسري صرعي هلكي موتي جثث جثت نسوه نسوان نساء ولاد بنات شبان فتيان صبيان غلمان"
    " فرسان رهبان اعوان صبيه فتيه اخوه اخوان جيران طلبه ائمه اساتذه قاده مرتزقه مشاه ماره روس عرب"
    " هنود امريكان اميركان افغان المان عسكر مجاريح مخاتير مغاربه شفع حوامل رضع عزل سجد قصر"
    " اسر بحاره قراصنه رسل عجزه دعاه غزاه رعاه كهنه قساوسه مقاتله حفده يهود صهاينه مشايخ مدراء"
    " قضاه ذوي ذوو خدم"
)
# Nouns whose plural is broken, so that «ـين» after them is the dual: «جنديين», not «مدنيين».
_BROKEN = _set(
    "جندي شخص طفل رجل قتيل جريح شهيد شاب ضابط ظابط شرطي عنصر قائد حارس عامل مريض اسير ولد ابن صبي"
    " غلام شيخ رضيع راكب طالب تلميذ فرد عضو زعيم طبيب تاجر نائب وزير سفير صديق رفيق شقيق اخ اب جد"
    " عم خال حفيد قريب جار ضيف زميل مدير خبير عميل سجين رهين رائد عميد عقيد رقيب عريف نقيب كاتب"
    " كاهن راهب امام قاض ناشط مختار فارس بطل زول زائر حاج ثائر قس اسقف رئيس خادم راع يتيم كادر"
    " توام زوج اخو جثمان داعيه عبد استاذ هندي تركي كردي روسي عربي يهودي صهيوني اجنبي الماني"
    " بدوي مغربي لص عازب شاهد ميت والد ابو نفر عون"
)
# Other nouns of one: those that look like a plural or a dual, and those beside which a number may
# be an age or a unit's name («فتاة في السابعة عشرة»).
_ONE = _set(
    "بحار طيار قناص صياد نجار حداد جزار خباز طباخ خياط حلاق بقال جراح غواص رسام بواب حمال سجان"
    " سباك دهان سواق حطاب انسان ربان قبطان مطران سلطان عجوز رسول عروس امين جنين مسكين عذراء"
    " مدني مسلح مقاتل مجند متطوع مواطن صحفي صحافي مصور مسعف موظف مسن فتي سيده امراه طفله فتاه بنت"
    " شابه رضيعه مواطنه صحفيه جنديه"
)
# Of these one cannot say a number: «بين قتيل وجريح» divides a crowd.
_STATES = _set("قتيل جريح شهيد مصاب")
_ONE_OF = _set("احد احدي")  # «أحد خبراء المتفجرات والألغام» is one
_ONES = _set("احدهم احدهما احداهن احداهما احدها احدنا")
_NO_CONJUNCTION = _set(
    "والد والدا والده والدته والدتها والدها والدهم والدي والديه والديها والدين وزير وزيرا وزراء"
    " وزيرين وزيران وكيل وكيلا ولد ولدا ولدين ولدان ولديه ولديها ولده ولدها ولاد وافد وافدا وافدين"
    " وجهاء وجيه وفيات وفاه وسيط وسيطا وفد وحيد وليد واعظ ولايه ولايات وزاره وزارات وكاله وحده"
    " وحدات وطني وطنيه وطنيين وادي وسط ورشه"
)
# «المشتبه به», «المظنون فيهما»: the pronoun tells how many, though not how many «فيهم» are
_SUCH = re.compile("م[^ ]+ (?:ب|في|علي)(ه|ها|هما|هم|هن)")
_SUCH_COUNTS = {"ه": 1, "ها": 1, "هما": 2}
_CLITICS = "بلفك"
_WITHOUT = _set("بلا دون بدون")  # «بلا ضحايا»
_DEFECTIVE = _set("راع قاض داع")  # «راعي السيارة» is one: the letter is the root's
_FIVE = _set("اب اخ")  # «أخاه» and «أخيه» are one: the letter is the case
_PRONOUNS = ("هما", "هم", "هن", "ها", "نا", "كم", "ه", "ك")
_PLURAL = re.compile(
    r"ا.{1,2}ا[^ه]"  # أشخاص، أنفار
    r"|[^م].[او][^يهاء]"  # رجال، حراس، جنود
    r"|[^م].ا[^ا][^يهاء]|..ا.ي[^يهاء]"  # كوادر، عوائل، جثامين
    r"|..+اء|..+ايا|..+[^ا]ات|..+يون|..+ون|...+ين"  # شهداء، ضحايا، إصابات، مدنيون، مدنيين
)
_FATHA_YA = re.compile("\u064e[\u0651]?ي\u0652?ن|\u0651\u064eي\u0652?ن|ي\u0652ن")  # مدنيَّين، مدنييْن


def count(text: str, denied: bool = False) -> ResolvedCount | None:
    """The count that a casualty expression states; None for a text without a word or number.

    `denied` tells that nobody came to harm («لم تقع إصابات»): the count is then 0, unless the
    text states more than one. Any text is taken; none raises.
    """
    found = words(text)
    if not any(letter.isalnum() for word in found for letter in normalise(word)):
        return None
    found = _total(_split(found[:_LONGEST]))
    resolved = _range(found) or _bounded(found)
    denied = denied or fold(found[0]) in _WITHOUT
    if denied and (resolved.value == UNRESOLVED or resolved.maximum == 1):
        return ResolvedCount("0", 0, 0)
    return resolved


def _split(words: Sequence[str]) -> list[str]:
    """The words with each joined «و» apart."""
    found: list[str] = []
    for word in words:
        if not found and word[0] in _CLITICS and is_number_word(word[1:]):
            word = word[1:]  # «بثلاثة»: a span may come snapped to whole words
        rest = after_and(word) if found and fold(word) not in _NO_CONJUNCTION else ""
        found.extend([AND, rest] if len(fold(rest)) > 2 else [word])
    return found


def _total(found: list[str]) -> list[str]:
    """The words that state the total, without its parts («بينهم ...») and asides."""
    keys = [fold(word) for word in found]
    for place, key in enumerate(keys[:-1]):
        if key in _TOTALS or (key == "(" and place and keys[place - 1] in _HOUSEHOLDS):
            return found[place + 1 :]
    for place, key in enumerate(keys):
        is_aside = key in _ASIDES and _sum(found[:place]) is not None
        parts_them = key in _BETWEEN and _divides(found[place + 1 : place + 4])
        if place and (key in _PARTS or is_aside or parts_them):
            return found[:place]
    return found


def _range(found: list[str]) -> ResolvedCount | None:
    """«بين 105 و200», «10-15», «ثلاثة أو أربعة»: the lower number at the least."""
    keys = [fold(word) for word in found]
    start = next((place + 1 for place, key in enumerate(keys) if key in _BETWEEN), None)
    joints = _TO if start is None else {*_TO, AND}
    # The last joint that works: «بين خمسة وعشرين وثلاثين» is 25 to 30.
    for place in range(len(found) - 1, 0, -1):
        if keys[place] in joints and (ends := _ends(found, start, place)):
            return ResolvedCount(f"{ends[0]}+", *ends)
    return None


def _ends(found: list[str], start: int | None, joint: int) -> tuple[int, int] | None:
    high = read(found, joint + 1)
    first = _first_number(found[:joint]) if start is None else start
    if high is None or first is None:
        return None
    low = read(found[:joint], first)
    if low is None or low.end != joint:
        return None
    scale = _shared_scale(found, joint + 1, high.value) if low.value < 1000 else 1
    bottom = low.value * scale
    return (bottom, high.value) if bottom < high.value else None


def _shared_scale(found: list[str], start: int, value: int) -> int:
    """The thousand of «ما بين 10 و15 ألف» counts for both ends."""
    bare = read(found[start : start + 1], 0)
    return value // bare.value if bare and 0 < bare.value < 1000 else 1


def _bounded(found: list[str]) -> ResolvedCount:
    """The sum with the words that open it upwards or downwards."""
    keys = [fold(word) for word in found]
    if vague := _vague(found, keys):
        return vague
    total = _sum(found)
    if total is None:
        return ResolvedCount(UNRESOLVED, None, None)
    if _holds(keys, _AT_MOST):
        return ResolvedCount(UNRESOLVED, None, total)
    if _holds(keys, _AT_LEAST):
        return ResolvedCount(f"{total}+", total, None)
    if _holds(keys, _LESS_THAN):
        return ResolvedCount(UNRESOLVED, None, max(total - 1, 0))
    return ResolvedCount(str(total), total, total)


def _holds(keys: Sequence[str], phrases: tuple[tuple[str, ...], ...]) -> bool:
    spoken = f" {' '.join(keys)} "
    return any(f" {' '.join(phrase)} " in spoken for phrase in phrases)


def _vague(found: list[str], keys: list[str]) -> ResolvedCount | None:
    """«عشرات», «مئات الآلاف», «بضعة»: no count, yet a minimum."""
    number = _first_number(found)
    for place, key in enumerate(keys[:number]):
        bare = key if key in _VAGUE else key.removeprefix("ال")
        if bare in _VAGUE:
            least, most = _VAGUE[bare]
            scale = _VAGUE_SCALES.get(keys[place + 1], 1) if place + 1 < len(keys) else 1
            return ResolvedCount(UNRESOLVED, least * scale, most and most * scale)
    return None


def _sum(found: list[str]) -> int | None:
    """The sum of what «و» joins; None where a part of it is not counted."""
    terms = [_term(part) for part in _joined(found) if part]
    if not terms:
        return None
    first, *rest = terms
    if first.count is None or _divides(found):
        return None
    total = first.count
    for term in rest:
        further = not first.closed or (term.dual and not first.whole)
        if term.count is not None and (term.number or further):
            total += term.count
        elif term.plural and not first.number:
            return None
    return total


def _joined(found: list[str]) -> Iterator[list[str]]:
    part: list[str] = []
    place = 0
    while place < len(found):
        if number := read(found, place):  # its own «و» joins nothing
            part += found[place : number.end]
            place = number.end
            continue
        if fold(found[place]) == AND:
            yield part
            part = []
        else:
            part.append(found[place])
        place += 1
    yield part


def _divides(found: list[str]) -> bool:
    keys = [key for word in found if (key := fold(word)) not in _BETWEEN]
    return len(keys) == 3 and keys[1] == AND and {keys[0], keys[2]} <= _STATES


def _term(part: list[str]) -> _Term:
    """A number, where one stands that counts the noun; else what the noun says."""
    head = next((i for i, word in enumerate(part) if fold(word) not in _PREFIXES), len(part))
    if head + 1 < len(part) and fold(part[head]) == "اخر" and fold(part[head + 1]) not in _OF:
        head += 1  # «آخر السياح» counts as «السياح» does
    of = any(fold(word) in _OF for word in part[head:])
    place = _first_number(part)
    number = None if place is None or _names(part[head:place]) else read(part, place)
    if number:
        assert place is not None
        one = fold(part[place]) in _ONE_OF
        whole = of or one
        return _Term(number.value, number=True, closed=number.value > 10 or whole, whole=whole)
    noun = _noun(part[head], part[head + 1 :]) if head < len(part) else None
    dual = noun == 2 and _is_sure_dual(part[head])
    return _Term(noun, closed=of, whole=of, plural=noun is None, dual=dual)


def _names(before: list[str]) -> bool:
    """Whether the number after these words names a unit or an age: «جندي من اللواء 35»."""
    if not before:
        return False
    if any(fold(word) in _AGED for word in before[1:]):  # «طفل بعمر 12»
        return _noun(before[0], before[1:]) == 1
    if not any(fold(word) in _OF for word in before):
        return False
    known = any(stem in _BROKEN or stem in _ONE for stem in _stems(before[0]))
    return known and _noun(before[0], before[1:]) is not None


def _first_number(found: list[str]) -> int | None:
    for place, word in enumerate(found):
        number = read(found, place) if is_number_word(word) else None
        if number and (number.end == len(found) or fold(found[number.end]) not in _TIMES):
            return place
    return None


def _noun(word: str, after: Sequence[str]) -> int | None:
    """1 for a singular noun, 2 for a dual, None for any other word."""
    key = fold(word)
    if key in _ONES:
        return 1
    if after and (told := _SUCH.fullmatch(f"{_bare(word)} {fold(after[0])}")):
        return _SUCH_COUNTS.get(told[1])
    if not re.match("[ء-ي]{2}", key):
        return None
    stems = tuple(_stems(word))
    if any(stem in _UNCOUNTED for stem in stems):
        return None
    if any(stem in _ONE or stem in _BROKEN for stem in stems):
        return 1
    if _is_dual(word, after):
        return 2
    plural = any(_PLURAL.fullmatch(stem) for stem in stems) or _is_possessed_plural(key, stems)
    return None if plural else 1


def _is_possessed_plural(key: str, stems: Sequence[str]) -> bool:
    """«موظفيها»: the plural has lost its nun."""
    return key.endswith(_PRONOUNS) and any(
        stem.endswith("ي") and len(stem) > 4 and stem[:-1] not in _DEFECTIVE for stem in stems[1:]
    )


def _bare(word: str) -> str:
    """The folded word without its article."""
    return re.sub("^(?:ال|لل)(?=..)", "", fold(word))


def _stems(word: str) -> Iterator[str]:
    """The word, and what is left of it without article, case ending and pronoun."""
    key = _bare(word)
    yield key
    if key.endswith("ا") and len(key) > 3:
        yield key[:-1]
    for pronoun in _PRONOUNS:
        stem = key.removesuffix(pronoun)
        if stem != key and len(stem) > 1 and not normalise(word).endswith("ة"):
            stem = stem.replace("ئ", "ء") if stem.endswith("ئ") else stem
            yield stem
            if stem[-1] in "ات":  # قتلاهم، زوجته
                yield stem[:-1] + {"ا": "ي", "ت": "ه"}[stem[-1]]


def _is_dual(word: str, after: Sequence[str]) -> bool:
    key = _bare(word)
    stem = key[:-2]
    if len(key) > 4 and key.endswith("ان"):
        return True
    if len(key) > 4 and key.endswith("ين"):
        if stem in _BROKEN or stem.endswith("ت") or _FATHA_YA.search(word):
            return True
        return bool(after) and _is_sure_dual(after[0])
    return _is_construct(key, after) or _is_possessed(key, normalise(word))


def _is_sure_dual(word: str) -> bool:
    """Whether a word can be nothing but a dual, as is the adjective of «مستوطنين شقيقين»."""
    key = fold(word)
    stem = key[:-2]
    return key.endswith(("ين", "ان")) and (stem in _BROKEN or stem.endswith("ت"))


def _is_construct(key: str, after: Sequence[str]) -> bool:
    """«تاجري مخدرات»: the dual has lost its nun."""
    return bool(after) and key.endswith("ي") and key[:-1] in _BROKEN - _DEFECTIVE


def _is_possessed(key: str, plain: str) -> bool:
    """«طفليها», «ابناه», «زوجتيه»: the dual before a pronoun."""
    if plain.endswith("ة"):
        return False
    for pronoun in _PRONOUNS:
        stem = key.removesuffix(pronoun)
        if stem != key and (
            (stem[-1:] in ("ي", "ا") and stem[:-1] in _BROKEN - _FIVE) or stem.endswith("تي")
        ):
            return True
    return False
