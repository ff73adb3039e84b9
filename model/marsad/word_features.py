"""What a word looks like: folded form, stem, edges, shape, gazetteers, neighbours."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import pairwise

from marsad.resolve.names import fold_name, readings
from marsad.resolve.places import gazetteer
from marsad.text import Words

_NAME = 3  # most words of a gazetteer's name
# light10 (Larkey, Ballesteros and Connell 2007), and the endings of a verb in the past
_PREFIXES = ("وال", "بال", "كال", "فال", "ال", "لل", "و", "ف", "ب", "ل", "ك", "س")
_SUFFIXES = ("ها", "ان", "ات", "ون", "ين", "يه", "وا", "هم", "ه", "ي", "ت")
_STEM = 3  # letters that a stem keeps


@lru_cache(maxsize=65536)
def fold(form: str) -> str:
    """The key of a word; all numbers are one."""
    return "0" if form[0].isdigit() else fold_name(form) or form


@lru_cache(maxsize=65536)
def heads(form: str) -> tuple[tuple[str, int], ...]:
    """The keys under which a first word may be known, with the letters joined before each."""
    if not form[0].isalpha():
        return ((fold(form), 0),)
    return tuple((key, int(n > 0)) for n, key in enumerate(readings(form)) if key)


@lru_cache(maxsize=65536)
def stem(form: str) -> str:
    """A word without joined letters, article and endings."""
    word = fold(form)
    for prefix in _PREFIXES:
        if word.startswith(prefix) and len(word) >= len(prefix) + _STEM:
            word = word.removeprefix(prefix)
            break
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) >= len(suffix) + _STEM:
            return word.removesuffix(suffix)
    return word


@cache
def kinds() -> Mapping[str, str]:
    """Folded names of places and actors -> kind and size of the place, class of the actor.

    Of several places of a name the largest; an actor before a place.
    """
    places = gazetteer().execute(
        "SELECT names.name, kind || ' ' || length(population) FROM names "
        "JOIN places ON place = places.id ORDER BY population, places.id"
    )
    actors = gazetteer().execute(
        "SELECT name, class FROM actor_names JOIN actors ON actor = actors.id"
    )
    return dict(places) | dict(actors)


def named(forms: Sequence[str], at: int) -> Iterator[tuple[int, int, str]]:
    """Names of a gazetteer that begin with a word, longest first: last word, joined, class."""
    for last in range(min(at + _NAME, len(forms)), at, -1):
        rest = tuple(map(fold, forms[at + 1 : last]))
        for head, joined in heads(forms[at]):
            if (kind := kinds().get(" ".join((head, *rest)))) is not None:
                yield last, joined, kind
                break


def features(words: Words) -> list[list[str]]:
    """The features of every word: its own, and those of two words on either side."""
    forms = words.forms
    names = [""] * len(forms)
    for at in range(len(forms)):
        for last, _, kind in named(forms, at):
            for n in range(at, last):
                names[n] = names[n] or f"{'B' if n == at else 'I'} {kind}"
            break
    folded, stems = [fold(form) for form in forms], [stem(form) for form in forms]
    rows = []
    for at, form in enumerate(forms):
        row = ["bias", f"name={names[at]}", *_own(form)]
        for step in (-2, -1, 1, 2):
            there = at + step
            if not 0 <= there < len(forms):
                row.append(f"{step} edge")
                continue
            row += (f"{step} fold={folded[there]}", f"{step} name={names[there]}")
            if abs(step) == 1:
                broken = words.breaks[at] != words.breaks[there]
                row += (f"{step} stem={stems[there]}", f"{step} break={broken}")
                left, right = sorted((at, there))
                row.append(f"{step} pair={folded[left]} {folded[right]}")
        rows.append(row)
    return rows


def report_features(words: Words) -> list[str]:
    """Of a whole report: the stems that it has, and their pairs."""
    stems = [stem(form) for form in words.forms]
    pairs = (f"pair={one} {other}" for one, other in pairwise(stems))
    return sorted({*(f"stem={one}" for one in stems), *pairs})


@lru_cache(maxsize=65536)
def _own(form: str) -> tuple[str, ...]:
    parts = [
        f"form={form}",
        f"fold={fold(form)}",
        f"stem={stem(form)}",
        f"long={min(len(form), 8)}",
    ]
    for size in (1, 2, 3):
        parts += (f"head={form[:size]}", f"tail={form[-size:]}")
    if not form.isalpha():
        parts.append("digits" if form[0].isdigit() else "sign")
    return tuple(parts)
