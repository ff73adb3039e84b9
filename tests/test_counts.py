"""Counts of casualty expressions, Arabic numbers in words and digits, and what holds for any."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from marsad.resolve import numbers
from marsad.resolve.counts import ResolvedCount, count
from marsad.schema import default_labels


def integer(text: str) -> int | None:
    """The number that the whole text states; None where it is anything else."""
    found = numbers.words(text)
    number = numbers.read(found, 0)
    return number.value if number and number.end == len(found) else None


VALUE = re.compile(default_labels().values["CASUALTY"].pattern)

STATED = [
    # digits of three scripts, with separators
    ("7 جنود", "7"),
    ("9 بين شهيد وجريح", "9"),
    ("خمسة جنود ما بين قتيل وجريح", "5"),
    ("بين قتيل وجريح", "?"),
    ("٧ جنود", "7"),
    ("۷ جنود", "7"),
    ("2,000 نازح", "2000"),
    ("2.000 نازح", "2000"),
    ("٢٬٠٠٠ نازح", "2000"),
    ("2 000 نازح", "2000"),
    ("1,250,000 لاجئ", "1250000"),
    ("12ألف نازح", "12000"),
    ("15 ألفا", "15000"),
    ("2.5 مليون نازح", "2500000"),
    ("0 إصابات", "0"),
    ("الـ17 عسكريا", "17"),
    ("15 شخصا في الأقل", "15+"),
    ("بلا ضحايا", "0"),
    ("لايقل عن 20 قتيلا", "20+"),
    ("ما يربو على 20 قتيلا", "20+"),
    ("5 مدنيين هم 3 أطفال وامرأتان", "5"),
    ("فلسطيني في العشرين من عمره", "1"),
    ("طفل بعمر الـ12", "1"),
    ("موظفيها", "?"),
    ("آخر السياح", "?"),
    ("الأب", "1"),
    ("التوأمين", "2"),
    ("خمسطاش قتيل", "15"),
    ("دون إصابات بشرية", "0"),
    ("راعي أغنام", "1"),
    ("زعيمي قبيلتين", "2"),
    ("مسلحيْن", "2"),
    ("أحد خبراء المتفجرات والألغام", "1"),
    ("95،000 نازح", "95000"),
    ("صاحب ورشة ألعاب", "1"),
    ("مدير وكالة أنباء ومصور", "2"),
    ("عوني إطفاء", "2"),
    ("6 ضباط وأعوان سجون", "6"),
    ("المظنون فيه", "1"),
    ("مشتبه بهما", "2"),
    ("المدعى عليهم", "?"),
    ("13 عاملا وممرضتان", "15"),
    ("40 نازحا وشرطيين", "42"),
    ("ثلاثة من عمال سوريا ولبنان", "3"),
    ("تلت جنود", "3"),
    ("ثمنية", "8"),
    ("تلاتعشر", "13"),
    # number words of both genders, all cases, several spellings
    ("ثلاثة عسكريين", "3"),
    ("ثلاث ممرضات", "3"),
    ("ثماني معلمات", "8"),
    ("ثمانية عسكريين", "8"),
    ("ثمانِ نساء", "8"),
    ("عشر طالبات", "10"),
    ("أحد عشر بحارا", "11"),
    ("إحدى عشرة فتاة", "11"),
    ("مئة واحد عشر بحارا", "111"),
    ("مئة وأحد وعشرون بحارا", "121"),
    ("واحد وعشرون بحارا", "21"),
    ("اثنا عشر ضابطا", "12"),
    ("اثنتي عشرة ممرضة", "12"),
    ("خمسة عشر ملثما", "15"),
    ("ثماني عشرة عاملة", "18"),
    ("تسعة عشر حارسا", "19"),
    ("إحدى وأربعين امرأة", "41"),
    ("ثلاثة وعشرون جنديا", "23"),
    ("ثلاثا وستين طالبة", "63"),
    ("تسعون أسيرا", "90"),
    ("مئة راكب", "100"),
    ("مائة راكب", "100"),
    ("ماية راكب", "100"),
    ("مئتا راكب", "200"),
    ("مئتي راكب", "200"),
    ("مائتين", "200"),
    ("ثلاثمئة وخمسة وأربعين حاجا", "345"),
    ("ثلاثمائة حاج", "300"),
    ("ثلاث مئة حاج", "300"),
    ("تسعمائة وتسع وتسعون امرأة", "999"),
    ("ألف مقاتل", "1000"),
    ("ألف ومئة مقاتل", "1100"),
    ("ألفي مقاتل", "2000"),
    ("ألفا مقاتل", "2000"),
    ("ألفين وخمسمئة مقاتل", "2500"),
    ("أربعة آلاف مقاتل", "4000"),
    ("ثلاثة وعشرين ألفا وأربعمئة وسبعة", "23407"),
    ("مئة ألف نازح", "100000"),
    ("نصف مليون نازح", "500000"),
    ("مليون ونصف نازح", "1500000"),
    ("مليوني نازح", "2000000"),
    ("ثلاثة ملايين نازح", "3000000"),
    ("تلاتة عساكر", "3"),
    ("اتناشر زول", "12"),
    ("زوز عساكر", "2"),
    # the number after its noun, or deeper in the phrase
    ("جندي واحد", "1"),
    ("ممرضة واحدة", "1"),
    ("مسلحين اثنين", "2"),
    ("الحراس الستة", "6"),
    ("بناته الثلاث", "3"),
    ("جثث تسعة عمال", "9"),
    ("طاقم من سبعة بحارة", "7"),
    ("الركاب وعددهم 54", "54"),
    ("القتلى (12)", "12"),
    ("20 عائلة (115 شخصا)", "115"),
    ("سبعة منهم", "7"),
    ("تسعة من أصل 14 محتجزا", "9"),
    ("خمسة آخرين", "5"),
    ("بخمسة جنود", "5"),
    # the total stands before its parts
    ("25 مدنيا بينهم تسعة أطفال", "25"),
    ("25 مدنيا، بينهم تسعة أطفال على الأقل", "25"),
    ("40 شخصا، من بينهم نساء", "40"),
    ("18 قتيلا منهم 3 ضباط", "18"),
    ("33 نازحا نصفهم نساء", "33"),
    ("16: تسعة جنود وسبعة مدنيين", "16"),
    # singular nouns
    ("جندي", "1"),
    ("طفلا", "1"),
    ("الطفل", "1"),
    ("الممرضة", "1"),
    ("امرأة مسنة", "1"),
    ("صيادا", "1"),
    ("مدني سوري", "1"),
    ("والدها", "1"),
    ("أخاه", "1"),
    ("زوجته", "1"),
    ("آخر", "1"),
    ("أحد الحراس", "1"),
    ("إحدى الممرضات", "1"),
    ("أحدهم", "1"),
    ("طفل عمره 6 سنوات", "1"),
    ("طفل (6 سنوات)", "1"),
    ("فتاة في السابعة عشرة", "1"),
    ("ضابط من اللواء 35", "1"),
    # duals
    ("قتيلان", "2"),
    ("قتيلين", "2"),
    ("جنديين", "2"),
    ("الجنديين", "2"),
    ("مدنيتين", "2"),
    ("مدنيان", "2"),
    ("مدنيَّين", "2"),
    ("مسلحَين", "2"),
    ("موظفين شقيقين", "2"),
    ("ممرضتان", "2"),
    ("امرأتين", "2"),
    ("جثتين", "2"),
    ("آخران", "2"),
    ("ضابطي شرطة", "2"),
    ("طفليها", "2"),
    ("ابناه", "2"),
    ("زوجتيه", "2"),
    ("والديه", "2"),
    # sums
    ("قتيل وثلاثة جرحى", "4"),
    ("ضابط وجنديان", "3"),
    ("ضابط وأربعة جنود", "5"),
    ("رجل وزوجته وثلاثة أطفال", "5"),
    ("ستة جنود وسائق", "7"),
    ("12 شرطيا و9 مدنيين", "21"),
    ("14 رجلا وامرأة", "14"),
    ("خمسة جنود وضباط", "5"),
    ("80 قتيل وجريح", "80"),
    ("أربعة من سكان حلب وإدلب", "4"),
    # approximate
    ("نحو 30 جريحا", "30"),
    ("قرابة ألف نازح", "1000"),
    ("حوالي عشرين شخصا", "20"),
    # at least
    ("أكثر من 50 قتيلا", "50+"),
    ("اكتر من ٥٠ قتيل", "50+"),
    ("أكثر من خمسين ألف نازح", "50000+"),
    ("ما لا يقل عن سبعة جنود", "7+"),
    ("لا يقل عن 11 مدنيا بينهم نساء", "11+"),
    ("ما يزيد على مئتي جريح", "200+"),
    ("أزيد من ثلاثين", "30+"),
    ("ستة أشخاص على الأقل", "6+"),
    ("شخص واحد على الأقل", "1+"),
    ("19 شخصا على الأقل، بينهم طفلان", "19+"),
    ("ليس أقل من 10 جنود", "10+"),
    ("عشرون ونيف", "20+"),
    ("70+", "70+"),
    ("أكثر من 20 قتيلا و30 جريحا", "50+"),
    # ranges
    ("بين 10 و15 جنديا", "10+"),
    ("ما بين عشرين وثلاثين", "20+"),
    ("بين خمسة وعشرين وثلاثين", "25+"),
    ("ما بين 40 و50 ألف نازح", "40000+"),
    ("10-15 شخصا", "10+"),
    ("ثلاثة أو أربعة جنود", "3+"),
    # none stated
    ("جرحى", "?"),
    ("القتلى", "?"),
    ("مدنيين", "?"),
    ("مسلحون", "?"),
    ("الجنود", "?"),
    ("أشخاصا", "?"),
    ("الشهداء", "?"),
    ("ضحاياها", "?"),
    ("قتلاهم", "?"),
    ("إصابات", "?"),
    ("عوائل", "?"),
    ("جثامين", "?"),
    ("السكان", "?"),
    ("طاقمها", "?"),
    ("آخرين", "?"),
    ("عدد من الممرضين", "?"),
    ("عدد كبير من النازحين بينهم 30 طفلا", "?"),
    ("بعض الحراس", "?"),
    ("عشرات النازحين", "?"),
    ("العشرات", "?"),
    ("مئات الأسرى", "?"),
    ("عشرات الآلاف", "?"),
    ("بضعة جنود", "?"),
    ("أقل من عشرة", "?"),
    ("قتيل وجريح", "?"),
    ("القنصل وعائلته", "?"),
    ("من", "?"),
    ("unknown", "?"),
]


@pytest.mark.parametrize(("text", "value"), STATED)
def test_the_count_of_an_expression(text: str, value: str) -> None:
    resolved = count(text)
    assert resolved is not None
    assert resolved.value == value


def test_the_table_is_large_and_has_no_doubles() -> None:
    assert len({text for text, _ in STATED}) == len(STATED) >= 120


@pytest.mark.parametrize("text", ["", " \n", "...", "«»", "ـ", "\u200f", "،-"])
def test_no_word_gives_none(text: str) -> None:
    assert count(text) is None
    assert count(text, denied=True) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ثلاثة جنود", ResolvedCount("3", 3, 3)),
        ("أكثر من 10", ResolvedCount("10+", 10, None)),
        ("بين 10 و15", ResolvedCount("10+", 10, 15)),
        ("أقل من عشرة", ResolvedCount("?", None, 9)),
        ("ما لا يزيد على 10", ResolvedCount("?", None, 10)),
        ("عشرات الجرحى", ResolvedCount("?", 20, None)),
        ("مئات الآلاف", ResolvedCount("?", 200_000, None)),
        ("بضعة جنود", ResolvedCount("?", 3, 9)),
        ("جرحى", ResolvedCount("?", None, None)),
    ],
)
def test_the_bounds(text: str, expected: ResolvedCount) -> None:
    assert count(text) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("إصابات", "0"),
        ("أي ضحايا", "0"),
        ("خسائر في الأرواح", "0"),
        ("مدنيين", "0"),
        ("أحد", "0"),
        ("أحدا من الحراس", "0"),
        ("جندي واحد", "0"),
        ("ستة صيادين", "6"),
        ("اثنين من الحراس", "2"),
    ],
)
def test_a_denied_casualty_is_none_unless_more_than_one_is_stated(text: str, value: str) -> None:
    resolved = count(text, denied=True)
    assert resolved is not None
    assert resolved.value == value


@pytest.mark.parametrize("text", ["", "جندي", "خمسة جنود", "2.5", "12:30", "نصف", "9" * 5000])
def test_no_integer_in_what_is_no_number(text: str) -> None:
    assert integer(text) is None


# number words of any integer below a million: (before a masculine noun, before a feminine one)
ONES = [
    ("صفر", "صفر"), ("واحد", "واحدة"), ("اثنان", "اثنتان"), ("ثلاثة", "ثلاث"), ("أربعة", "أربع"),
    ("خمسة", "خمس"), ("ستة", "ست"), ("سبعة", "سبع"), ("ثمانية", "ثماني"), ("تسعة", "تسع"),
    ("عشرة", "عشر"),
]  # fmt: skip
TENS = ["", "", "عشر", "ثلاث", "أربع", "خمس", "ست", "سبع", "ثمان", "تسع"]
HUNDREDS = ["", "", "", "ثلاث", "أربع", "خمس", "ست", "سبع", "ثمان", "تسع"]


def two(word: str, oblique: bool) -> str:
    return word + ("ين" if oblique else "ان")


def ones(n: int, feminine: bool, oblique: bool) -> str:
    return two("اثنت" if feminine else "اثن", oblique) if n == 2 else ONES[n][feminine]


def below_hundred(n: int, feminine: bool, oblique: bool) -> str:
    if n <= 10:
        return ones(n, feminine, oblique)
    ten, one = divmod(n, 10)
    if ten > 1:
        tens = TENS[ten] + ("ين" if oblique else "ون")
        first = ("إحدى" if feminine else "واحد") if one == 1 else ones(one, feminine, oblique)
        return f"{first} و{tens}" if one else tens
    first = {
        1: "إحدى" if feminine else "أحد",
        2: two("اثنت" if feminine else "اثن", oblique)[:-1],
    }.get(one, ONES[one][feminine])
    return f"{first} {'عشرة' if feminine else 'عشر'}"


def below_thousand(n: int, feminine: bool, oblique: bool, hundred: str) -> str:
    count, rest = divmod(n, 100)
    head = {0: "", 1: hundred, 2: two(hundred.replace("ة", "ت"), oblique)}.get(
        count, HUNDREDS[count] + hundred
    )
    tail = below_hundred(rest, feminine, oblique) if rest or not head else ""
    return " و".join(filter(None, (head, tail)))


def in_words(n: int, feminine: bool, oblique: bool, hundred: str) -> str:
    count, rest = divmod(n, 1000)
    if count == 0:
        return below_thousand(rest, feminine, oblique, hundred)
    if count < 3:
        head = "ألف" if count == 1 else two("ألف", oblique)
    else:
        noun = "آلاف" if 3 <= count % 100 <= 10 else "ألفا" if count % 100 > 10 else "ألف"
        head = f"{below_thousand(count, False, oblique, hundred)} {noun}"
    tail = below_thousand(rest, feminine, oblique, hundred) if rest else ""
    return " و".join(filter(None, (head, tail)))


@given(
    st.integers(0, 999_999),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["مئة", "مائة", "ماية"]),
)
@example(111_111, False, True, "مئة")
def test_number_words_resolve_back(n: int, feminine: bool, oblique: bool, hundred: str) -> None:
    text = in_words(n, feminine, oblique, hundred)
    assert integer(text) == n, text
    resolved = count(f"{text} {'امرأة' if feminine else 'جنديا'}")
    assert resolved == ResolvedCount(str(n), n, n), text


@given(st.integers(0, 10**12 - 1), st.sampled_from([",", ".", "٬", ""]), st.booleans())
def test_digits_resolve_back(n: int, separator: str, arabic: bool) -> None:
    text = f"{n:,}".replace(",", separator)
    if arabic:
        text = text.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    assert integer(text) == n


WORDS = sorted({word for text, _ in STATED for word in text.split()})
texts = st.one_of(
    st.text(max_size=40),
    st.text(st.sampled_from("ابتولينةىئآـَّ0123٤٫٬,.-+()²½ "), max_size=30),
    st.lists(st.sampled_from(WORDS), max_size=90).map(" ".join),
)


@given(texts, st.booleans())
@example("ألف " * 5000, False)
@example("9" * 5000 + " ألف", False)
@example("( ", True)
@example("و و و", False)
def test_any_text_is_taken(text: str, denied: bool) -> None:
    resolved = count(text, denied)
    if resolved is None:
        return
    assert VALUE.fullmatch(resolved.value)
    low, high = resolved.minimum, resolved.maximum
    assert low is None or high is None or low <= high
    if resolved.value.isdigit():
        assert low == high == int(resolved.value)
