"""Words of awkward Arabic text, the forms the encoder reads, and what holds for any text."""

import re
import unicodedata
from textwrap import wrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marsad.text import Words, normalise, split_words, title_end

# letters, marks, digits and signs that meet in real reports, next to any other character
LETTERS = "اوبلكسعةىيپکی٠٣۴04abé#_-/:.,،؟!…«»()\"'│🚀🇮🇶ﷺﻻ"
LETTERS += " \t\n\r\x00\x7fـً\u0670\u200f\u200c\u2067\ufeff\u00ad"
texts = st.text(st.one_of(st.sampled_from(LETTERS), st.characters()), max_size=40)
INVISIBLE = set("\u00ad\u061c\ufeff") | {
    chr(c)
    for low, high in ((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2069), (0xFE00, 0xFE0F))
    for c in range(low, high + 1)
}


def visible(letter: str) -> bool:
    return not (
        letter.isspace() or letter in INVISIBLE or unicodedata.category(letter) in ("Cc", "Cf")
    )


def surfaces(text: str) -> list[str]:
    return [text[start:end] for start, end in split_words(text).spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\r\n", []),
        ("\x00\x1f\x7f", []),
        ("\u200f\u202b\ufeff", []),
        ("قصفت طائرة", ["قصفت", "طائرة"]),
        ("قُتِلَ جنديّ", ["قُتِلَ", "جنديّ"]),
        ("الـــجيش", ["الـــجيش"]),
        ("٣ جنود و12 مدنيا", ["٣", "جنود", "و12", "مدنيا"]),
        ("«حزب الله»", ["«", "حزب", "الله", "»"]),
        ('"أسقط"\'', ['"', "أسقط", '"', "'"]),
        ("#غزة_تحت_القصف", ["#", "غزة", "_", "تحت", "_", "القصف"]),
        ("الساعة 04:30، فجرا", ["الساعة", "04:30", "،", "فجرا"]),
        ("31/12/2021.", ["31/12/2021", "."]),
        ("٣١/١٢/٢٠٢١", ["٣١/١٢/٢٠٢١"]),
        ("2,000 و2٬000 و٢٫٥", ["2,000", "و2", "٬", "000", "و٢", "٫", "٥"]),
        ("12.34x", ["12", ".", "34x"]),
        ("12-14 مايو", ["12", "-", "14", "مايو"]),
        ("إف-16", ["إف", "-", "16"]),
        ("مايو/أيار", ["مايو", "/", "أيار"]),
        ("\u202bبغداد\u202c", ["بغداد"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("قال\u200f.", ["قال", "."]),
        ("قصف🚀🚀", ["قصف", "🚀", "🚀"]),
        ("سقط\r\nصاروخ", ["سقط", "صاروخ"]),
        ("سقط\x00صاروخ", ["سقط", "صاروخ"]),
        ("ﻗﺼﻒ ﷺ", ["ﻗﺼﻒ", "ﷺ"]),
        ("\u064b", ["\u064b"]),
        ("أ│ب", ["أ", "│", "ب"]),
    ],
)
def test_words_of_awkward_text(text: str, expected: list[str]) -> None:
    assert surfaces(text) == expected


@pytest.mark.parametrize(
    ("word", "form"),
    [
        ("plain", "plain"),
        ("قُتِلَ", "قتل"),
        ("الـــجيش", "الجيش"),
        ("هٰذا", "هذا"),
        ("٣١/١٢/٢٠٢١", "31/12/2021"),
        ("۴", "4"),
        ("²", "2"),
        ("ﻗﺼﻒ", "قصف"),
        ("ﻻ", "لا"),
        ("ﷺ", "صلىاللهعليهوسلم"),
        ("ＡＢ", "AB"),
        ("کی", "كي"),
        ("أإآئؤ", "أإآئؤ"),
        ("می\u200cخواهم", "ميخواهم"),
        ("\u064b", "\ufffd"),
        ("ـ", "\ufffd"),
        ("🚀", "🚀"),
        ("ا" * 1000, "ا" * 64),
    ],
)
def test_the_form_that_the_encoder_reads(word: str, form: str) -> None:
    assert normalise(word) == form


@pytest.mark.parametrize(
    ("text", "breaks"),
    [
        ("", ()),
        ("\n\nقصف", (0,)),
        ("قصف جوي", (0, 0)),
        ("قصف.جوي", (0, 0, 1)),
        ("قصف\n\nجوي", (0, 1)),
        ("قصف\r\nجوي", (0, 1)),
        ("قصف؟\nجوي", (0, 0, 1)),
        ("أ، ب! ج…", (0, 0, 0, 0, 1, 1)),
    ],
)
def test_breaks_count_sentence_ends_and_lines(text: str, breaks: tuple[int, ...]) -> None:
    assert split_words(text).breaks == breaks


@pytest.mark.parametrize("letter", ["x", "ق"])
def test_a_form_has_64_letters_at_most(letter: str) -> None:
    assert normalise(letter * 65) == letter * 64


def test_a_megabyte_without_a_space_is_one_cheap_word() -> None:
    words = split_words("ب" * 1_000_000)
    assert words.spans == ((0, 1_000_000),)
    assert words.forms == ("ب" * 64,)


@given(texts)
def test_spans_are_sorted_disjoint_and_inside_the_text(text: str) -> None:
    words = split_words(text)
    edges = [edge for span in words.spans for edge in span]
    assert edges == sorted(edges)
    assert all(0 <= start < end <= len(text) for start, end in words.spans)
    assert len(words) == len(words.spans) == len(words.forms) == len(words.breaks)


@given(texts)
def test_every_visible_character_is_in_exactly_one_word(text: str) -> None:
    owners = [0] * len(text)
    for start, end in split_words(text).spans:
        for place in range(start, end):
            owners[place] += 1
    assert max(owners, default=0) <= 1
    assert [c for c, n in zip(text, owners, strict=True) if visible(c) and n != 1] == []
    assert not any(n for c, n in zip(text, owners, strict=True) if c.isspace())


@given(texts)
def test_forms_are_never_empty_and_hold_no_space(text: str) -> None:
    words = split_words(text)
    assert all(words.forms)
    assert not any(re.search(r"\s", form) for form in words.forms)
    assert list(words.breaks) == sorted(words.breaks)


@given(texts)
def test_normalising_twice_changes_nothing(text: str) -> None:
    for form in split_words(text).forms:
        assert normalise(form) == form


@given(texts, st.integers(0, 41), st.integers(1, 41))
def test_span_finds_the_words_that_the_characters_touch(text: str, start: int, size: int) -> None:
    words = split_words(text)
    touched = [n for n, (a, b) in enumerate(words.spans) if a < start + size and start < b]
    expected = (touched[0], touched[-1] + 1) if touched else None
    assert words.span(start, start + size) == expected


def test_span_of_no_words_is_none() -> None:
    assert Words((), (), ()).span(0, 5) is None
    assert split_words("قصف  جوي").span(3, 5) is None


_REPORT = (
    "قالت مصادر محلية إن مسلحين مجهولين هاجموا حاجزا أمنيا على الطريق العام بين المدينتين فجر "
    "اليوم، وأسفر الهجوم عن مقتل ثلاثة جنود وجرح خمسة آخرين نقلوا إلى المستشفى. وأعلن قائد "
    "المنطقة أن قواته تلاحق المهاجمين في القرى المجاورة"
)


@pytest.mark.parametrize("width", [40, 60, 78, 100])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_text_that_is_wrapped_is_read_as_if_it_were_not(width: int, end: str) -> None:
    flat, wrapped = (split_words(text) for text in (_REPORT, end.join(wrap(_REPORT, width))))
    assert wrapped.forms == flat.forms
    assert wrapped.breaks == flat.breaks
    title = split_words(f"هجوم على حاجز\n\n{end.join(wrap(_REPORT, width))}")
    assert title.line_starts() == [3]


@pytest.mark.parametrize(
    "text",
    [
        "القتلى: ثلاثة جنود\nالجرحى: خمسة\nالمكان: حاجز على الطريق العام\nالوقت: فجر اليوم",
        f"{_REPORT}\n{_REPORT}\n{_REPORT}",  # paragraphs, wider than what is wrapped
        "أ ب\nأ ب\nأ ب\nأ ب",  # narrower
        "هجوم على حاجز في الطريق العام\nمقتل ثلاثة جنود وجرح خمسة في هجوم",
    ],
)
def test_other_lines_are_lines(text: str) -> None:
    assert len(split_words(text).line_starts()) == text.count("\n")


def test_words_that_begin_a_line() -> None:
    words = split_words("القتلى: 3\nالجرحى: 4.\nالمكان، د. سعد")
    assert [words.forms[place] for place in words.line_starts()] == ["الجرحى"]


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("مقتل جنود في كمين\n\nقتل أربعة", 19), ("بيان. قتل أربعة\n\nفي كمين", 0),
        ("قتل أربعة\nفي كمين", 0), ("قتل أربعة في كمين", 0), ("", 0),
    ],
)  # fmt: skip
def test_a_title_is_a_first_line_without_a_full_stop(text: str, end: int) -> None:
    assert title_end(text) == end
