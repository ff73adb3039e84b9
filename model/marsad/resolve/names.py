"""Names as they are looked up: one form for what writers spell in many ways.

The tables of places and actors are folded by the same function when they are built, so both sides
agree whatever it does.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from marsad.text import normalise

_INSIDE = re.compile("[\u0640\u064b-\u0652\u0670\u200b-\u200f'’`ʼء]")  # belong to their word
_WORD = re.compile(r"[^\W_]+")
_LETTERS = str.maketrans("أإآٱىةؤئگڤڨپچ", "اااايهويكفقبج")
_PROCLITICS = "وفبكل"
_SHORTEST = 3  # letters that are left where a joined letter or the article is taken off


@lru_cache(maxsize=65536)
def fold_name(name: str) -> str:
    """The form of a name that is looked up: «الأنبار» and «انبار» are one, «سامرّاء» is «سامرا».

    No marks and no hamza, one alef, ه for ة, ي for ى, no article before a word, single spaces.
    """
    return " ".join(w[2:] if _articled(w) else w for w in spelt(name))


@lru_cache(maxsize=65536)
def spelt(name: str) -> tuple[str, ...]:
    """The words of a name as they are looked up, but with their articles."""
    return tuple(normalise(w).translate(_LETTERS) for w in _WORD.findall(_INSIDE.sub("", name)))


def readings(surface: str) -> Iterator[str]:
    """Folded forms under which a surface may be known, the likeliest first."""
    return map(fold_name, unjoined(surface))


def unjoined(surface: str) -> Iterator[str]:
    """A surface, then without a joined letter («وبغداد», «للعراق»), which no span should hold.

    «للبنان» is of «لبنان» before it is of «البنان»: few names begin with a lam of their own, and
    those that do are meant.
    """
    yield surface
    text = _INSIDE.sub("", surface).strip()
    if text[:1] in _PROCLITICS and len(text) > _SHORTEST:
        yield text[1:]
    if text.startswith("لل") and len(text) > _SHORTEST + 1:
        yield "ال" + text[2:]


def _articled(word: str) -> bool:
    return word.startswith("ال") and len(word) > _SHORTEST + 1
