"""Offsets as annotation tools count them, brought to Unicode code points of the text.

Tools count UTF-16 code units (browsers), bytes, line ends of two characters as one, or a
byte-order mark; some state the last character instead of the end. A way of counting is believed
only when it makes every span of a report fit.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

Span = tuple[int, int]
_Way = Callable[[str], Callable[[Span], Span | None]]  # of a text: as stated -> in code points
_MARKS = (
    "\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c"
    "\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)


def _by(width: Callable[[str, int], int]) -> _Way:
    """Offsets in which the character at i of a text counts for width(text, i)."""

    def way(text: str) -> Callable[[Span], Span | None]:
        places = [0, *accumulate(width(text, i) for i in range(len(text)))]

        def read(span: Span) -> Span | None:
            # what counts for nothing lies outside a span: its start is the last such place
            start, end = bisect_right(places, span[0]) - 1, bisect_left(places, span[1])
            exact = places[start] == span[0] and places[min(end, len(text))] == span[1]
            return (start, end) if exact else None

        return read

    return way


def _shift(start: int, end: int) -> _Way:
    return lambda text: lambda span: (span[0] + start, span[1] + end)


def _units(text: str, i: int) -> int:
    return 2 if ord(text[i]) > 0xFFFF else 1


def _bytes(text: str, i: int) -> int:
    return len(text[i].encode("utf-8", "surrogatepass"))


def _one_line_end(text: str, i: int) -> int:
    return 0 if text[i : i + 2] == "\r\n" else 1


def _two_line_ends(text: str, i: int) -> int:
    return 2 if text[i] == "\n" and text[i - 1 : i] != "\r" else 1


def _no_marks(text: str, i: int) -> int:
    return 0 if text[i] in _MARKS else 1


# The first way that fits all spans of a report is believed; the plain one comes first. Where a file
# does not repeat the words, only the ways of browsers and line ends are tried.
_PLAIN = "code points"
_COUNTED: Mapping[str, _Way] = {
    _PLAIN: _shift(0, 0),
    "UTF-16 code units": _by(_units),
    "line ends counted as one character": _by(_one_line_end),
    "line ends counted as two characters": _by(_two_line_ends),
}
_WAYS: Mapping[str, _Way] = {
    **_COUNTED,
    "UTF-8 bytes": _by(_bytes),
    "direction marks not counted": _by(_no_marks),
    "a byte-order mark counted": _shift(-1, -1),
    "the last character stated instead of the end": _shift(0, 1),
    "counted from one": _shift(-1, 0),
}


@dataclass(frozen=True)
class Stated:
    """A span as a file states it; `surface` is None where the file does not repeat the words.

    Raises TypeError for words that are no string, as a file may hold.
    """

    start: int
    end: int
    surface: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.surface, str | None):
            raise TypeError


def whole(offset: Any) -> int:
    """An offset as a file states it. Raises TypeError or ValueError for what is no whole number."""
    if isinstance(offset, float) and not offset.is_integer():
        raise ValueError(f"the offset {offset} is no whole number")
    return int(offset)


def settle(text: str, spans: Sequence[Stated]) -> tuple[list[Span | None], list[str]]:
    """Each span in code points, None where it cannot be placed; and what was mended, in words.

    Where no way of counting fits all spans, a span stands where its words stand in the text, if
    they stand there once.
    """
    wordless = any(stated.surface is None for stated in spans)
    for name, way in (_COUNTED if wordless else _WAYS).items():
        read = way(text)
        placed = [read((s.start, s.end)) for s in spans]
        if all(_fits(text, p, s.surface) for p, s in zip(placed, spans, strict=True)):
            return list(placed), [] if name == _PLAIN else [f"the offsets are {name}."]
    found, mended = [], []
    for stated in spans:
        place, how = _alone(text, stated)
        found.append(place)
        if how and place:
            mended.append(f"{stated.start}-{stated.end} {how}; it is {place[0]}-{place[1]}.")
    return found, mended


def _fits(text: str, place: Span | None, surface: str | None) -> bool:
    if place is None or not 0 <= place[0] < place[1] <= len(text):
        return False
    said = text[place[0] : place[1]]
    if surface is not None:
        return plain(said) == plain(surface)
    return said == said.strip() and not _inside_word(text, place[1])


def plain(words: str) -> str:
    """Words to compare: without direction marks, all white space one space."""
    return " ".join(words.translate(dict.fromkeys(map(ord, _MARKS))).split())


def _inside_word(text: str, at: int) -> bool:
    """Whether the offset cuts a word: spans of Arabic open after clitics but end with words."""
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()


def _alone(text: str, stated: Stated) -> tuple[Span | None, str]:
    """The place of one span whose report counts in no known way."""
    place = (stated.start, stated.end)
    if stated.surface is None:
        if not 0 <= place[0] < place[1] <= len(text):
            return None, ""
        said = text[place[0] : place[1]]
        if not said.strip():
            return None, ""
        trimmed = (place[0] + len(said) - len(said.lstrip()), place[0] + len(said.rstrip()))
        return trimmed, "" if trimmed == place else "has white space at its edge"
    if _fits(text, place, stated.surface):
        return place, ""
    hits = list(occurrences(text, stated.surface))
    return (hits[0], "does not hold its words") if len(hits) == 1 else (None, "")


def occurrences(text: str, surface: str) -> Iterable[Span]:
    """Where the words stand in the text, white space and direction marks aside."""
    words = [re.escape(word) for word in plain(surface).split()]
    if words:
        for match in re.finditer(rf"[\s{_MARKS}]+".join(words), text):
            if not _inside_word(text, match.end()):
                yield match.span()
