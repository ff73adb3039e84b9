"""Words with offsets into the raw text, and the form in which the encoder reads each word.

A report is never rewritten: words point into it, and only the encoder sees the normalised form.
Normalisation version 1. Any change to `WORD` or `normalise` changes what a trained encoder sees:
raise `NORMALISATION` then, so that an old artifact is refused instead of served wrongly.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

NORMALISATION = 1

_MARKS = (
    "\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8"
    "\u06ea-\u06ed\u08d3-\u08e1\u08e3-\u08ff\ufe20-\ufe2f"
)
_INVISIBLE = "\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff"
# Numbers keep their inner separators (04:30, 31/12/2021, 2,000); a hyphen splits, since a range
# of days is two dates. Letters keep the marks and the invisible characters between them.
# Every other visible character is a word of its own, the underscore of a hashtag too.
WORD = re.compile(
    rf"\d+(?:[.,:/\u066b\u066c]\d+)+(?!\w)"
    rf"|[^\W_](?:[{_MARKS}{_INVISIBLE}]*[^\W_])*[{_MARKS}]*"
    rf"|[^\s{_INVISIBLE}\x00-\x1f\x7f]"
)
TATWEEL = "\u0640"
_DROP = re.compile(f"[{_MARKS}{_INVISIBLE}{TATWEEL}]")
_SENTENCE_END = frozenset(".!?؟؛…")
_TITLE = re.compile(r"[^\n.]{1,200}\n\s*\n")
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, from broken JSON
_FOLD = str.maketrans("\u06cc\u06a9", "\u064a\u0643")
# Letters that join a word from the front; they stay outside a span.
JOINED = frozenset("وفبلكسأ")
# Letters beyond the first 64 say nothing more about a word, and a 1 MB "word" stays cheap.
_LONGEST = 64
# A text is wrapped where so many of its lines, at least, and so large a share, are full; lines of
# other widths are paragraphs, titles, items of lists
_FULL_LINES, _FULL_SHARE, _WIDTHS = 2, 2 / 3, range(30, 121)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text.

    `spans` holds (start, end) code points; `forms` what the encoder reads, never empty;
    `breaks` the number of sentence ends and line breaks before each word; a line that ends where
    a text is wrapped to a width is none.
    """

    spans: tuple[tuple[int, int], ...]
    forms: tuple[str, ...]
    breaks: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.spans)

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        """First word and one past the last that the characters touch; None for no word."""
        first = bisect_right(self.spans, start, key=lambda span: span[1])
        last = bisect_left(self.spans, end, key=lambda span: span[0])
        return (first, last) if first < last else None

    def line_starts(self) -> list[int]:
        """The words that begin a line, but for the first and those after the end of a sentence."""
        pairs = enumerate(pairwise(self.breaks), 1)
        return [n for n, (a, b) in pairs if b > a and self.forms[n - 1] not in _SENTENCE_END]


def split_words(text: str) -> Words:
    """Split a text into words; every visible character belongs to exactly one."""
    spans: list[tuple[int, int]] = []
    forms: list[str] = []
    breaks: list[int] = []
    seen, last_end, ended, wraps = 0, 0, False, _wraps(text)
    for match in WORD.finditer(text):
        start, end = match.span()
        if spans and (ended or _breaks(text, last_end, start, wraps)):
            seen += 1
        spans.append((start, end))
        forms.append(normalise(match.group()))
        breaks.append(seen)
        last_end, ended = end, match.group() in _SENTENCE_END
    return Words(tuple(spans), tuple(forms), tuple(breaks))


def _breaks(text: str, start: int, end: int, wraps: frozenset[int]) -> bool:
    """Whether a line ends between two words, other than by being wrapped."""
    at = text.find("\n", start, end)
    return at >= 0 and (at not in wraps or "\n" in text[at + 1 : end])


def _wraps(text: str) -> frozenset[int]:
    """Where the lines of a text that is wrapped to a width are full: the next word had no room."""
    lines = text.split("\n")
    width = max(map(len, lines))
    if len(lines) <= _FULL_LINES or width not in _WIDTHS:
        return frozenset()
    ends, full, at = 0, [], 0
    for line, after in pairwise(lines):
        at += len(line)
        if line.strip() and (words := after.split(maxsplit=1)):
            ends += 1
            if len(line) + 1 + len(words[0]) > width:
                full.append(at)
        at += 1
    wrapped = len(full) >= max(_FULL_LINES, _FULL_SHARE * ends)
    return frozenset(full) if wrapped else frozenset()


def title_end(text: str) -> int:
    """Where the report begins after a first line that is its title, without a full stop and with a
    blank line after it; 0 where there is none."""
    title = _TITLE.match(text)
    return title.end() if title else 0


def normalise(word: str) -> str:
    """The form of a word that the encoder reads: no tashkeel, no tatweel, European digits.

    Presentation forms and wide letters are composed (NFKC), Persian ya and kaf are taken for
    the Arabic ones. A word that would vanish (a lone mark), and half a surrogate pair, are read as
    U+FFFD.
    """
    if word.isascii():
        return word[:_LONGEST]
    return _composed(word[: 8 * _LONGEST])


@lru_cache(maxsize=16384)  # most words of a text came before, and a report is split several times
def _composed(word: str) -> str:
    word = unicodedata.normalize("NFKC", word)
    word = _SURROGATE.sub("\ufffd", _DROP.sub("", word)).translate(_FOLD).replace(" ", "")
    word = "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in word)
    return word[:_LONGEST] or "\ufffd"
