"""A lexicon as a baseline: what the train split marks, and the gazetteers, looked up in the text.

A string is taken where most of its occurrences in the train split are marked. Strings are compared
by folded words (`marsad.resolve.names`), the first one without joined letters too, numbers as one;
triggers that were not seen by a light stem. Names that the train split does not know come from the
gazetteers, if most names of their class that the train split holds are marked.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from marsad.schema import Event, Mention, Report
from marsad.text import Words, normalise, split_words
from marsad.word_features import fold, heads, named, stem

_TRUST = 0.3  # share of marked occurrences from which a string is taken; chosen on dev
Key = tuple[str, ...]


class Found(NamedTuple):
    """Words `first` to `last` (exclusive) as one type; `joined` letters stand before them."""

    first: int
    last: int
    type: str
    score: float | None = None
    joined: int = 0


class Strings:
    """The strings of one layer: key -> type, and the keys that are known not to be taken."""

    def __init__(self, marked: Mapping[Key, Counter[str]], texts: Iterable[Sequence[str]]):
        self.longest = max(map(len, marked), default=0)
        seen = Counter(
            key
            for forms in texts
            for at in range(len(forms))
            for key, _ in self._keys(forms, at)
            if key in marked
        )
        self.types: dict[Key, str | None] = {}
        for key, types in marked.items():
            type, count = types.most_common(1)[0]
            self.types[key] = type if count >= _TRUST * seen[key] else None

    def _keys(self, forms: Sequence[str], at: int) -> Iterator[tuple[Key, int]]:
        for last in range(min(at + self.longest, len(forms)), at, -1):
            rest = tuple(map(fold, forms[at + 1 : last]))
            for head, joined in heads(forms[at]):
                yield (head, *rest), joined

    def longest_at(self, forms: Sequence[str], at: int) -> Found | None:
        """The longest string that is taken at a word."""
        for key, joined in self._keys(forms, at):
            if type := self.types.get(key):
                return Found(at, at + len(key), type, None, joined)
        return None


class Lexicon:
    """Learns the strings of reports, finds them in others."""

    def __init__(self, reports: Sequence[Report]):
        texts = [split_words(report.text) for report in reports]
        forms = [words.forms for words in texts]
        pairs = list(zip(reports, texts, strict=True))
        self.mentions = Strings(_marked((r, w, r.mentions) for r, w in pairs), forms)
        self.triggers = Strings(_marked((r, w, r.events) for r, w in pairs), forms)
        self.words = {fold(form) for row in forms for form in row}
        self.stems = self._stems(pairs)
        self.classes = self._classes(pairs)

    def tag(self, words: Words) -> tuple[list[Found], list[Found]]:
        """Mentions and triggers of a text, each in the order of the text."""
        forms = words.forms
        mentions = _taken(len(forms), lambda at: self._mention(forms, at))
        return mentions, _taken(len(forms), lambda at: self._trigger(forms, at))

    def _mention(self, forms: Sequence[str], at: int) -> Found | None:
        known = self.mentions.longest_at(forms, at)
        for last, joined, kind in named(forms, at):
            if known and last <= known.last:
                break
            if (type := self.classes.get(kind)) and not self._common(forms[at:last]):
                return Found(at, last, type, None, joined)
        return known

    def _common(self, forms: Sequence[str]) -> bool:
        """Whether it is one word of the train split that is never a name there."""
        return len(forms) == 1 and any(key in self.words for key, _ in heads(forms[0]))

    def _trigger(self, forms: Sequence[str], at: int) -> Found | None:
        if known := self.triggers.longest_at(forms, at):
            return known
        if any(key in self.words for key, _ in heads(forms[at])):
            return None
        type = self.stems.get(stem(forms[at]))
        return Found(at, at + 1, type) if type else None

    @staticmethod
    def _stems(pairs: Sequence[tuple[Report, Words]]) -> dict[str, str]:
        """Stem of one-word triggers -> type, where most words of that stem are triggers of it."""
        seen = Counter(stem(form) for _, words in pairs for form in words.forms)
        marked: dict[str, Counter[str]] = defaultdict(Counter)
        for report, words in pairs:
            for event in report.events:
                first, last = words.span(event.start, event.end) or (0, 0)
                if last - first == 1:
                    marked[stem(words.forms[first])][event.type] += 1
        commonest = {key: types.most_common(1)[0] for key, types in marked.items()}
        return {k: type for k, (type, count) in commonest.items() if count >= _TRUST * seen[k]}

    @staticmethod
    def _classes(pairs: Sequence[tuple[Report, Words]]) -> dict[str, str]:
        """Class of a gazetteer -> type that most of its names have in the train split."""
        seen: Counter[str] = Counter()
        types: dict[str, Counter[str]] = defaultdict(Counter)
        for report, words in pairs:
            gold = {words.span(m.start, m.end): m.type for m in report.mentions}
            inside = {n for span in gold if span for n in range(span[0] + 1, span[1])}
            for at in range(len(words)):
                found = next(named(words.forms, at), None)
                if found and at not in inside:
                    seen[found[2]] += 1
                    if type := gold.get((at, found[0])):
                        types[found[2]][type] += 1
        commonest = {kind: counts.most_common(1)[0] for kind, counts in types.items()}
        return {k: type for k, (type, count) in commonest.items() if count >= _TRUST * seen[k]}


def _marked(
    layer: Iterable[tuple[Report, Words, Sequence[Mention | Event]]],
) -> dict[Key, Counter[str]]:
    """Key of every span -> its types; the first word without what is joined before the span."""
    found: dict[Key, Counter[str]] = defaultdict(Counter)
    for report, words, spans in layer:
        for span in spans:
            first, last = words.span(span.start, span.end) or (0, 0)
            if first < last:
                head = normalise(report.text[span.start : words.spans[first][1]])
                key = (fold(head), *map(fold, words.forms[first + 1 : last]))
                found[key][span.type] += 1
    return found


def _taken(count: int, find: Callable[[int], Found | None]) -> list[Found]:
    """What is found from left to right, none within another."""
    found: list[Found] = []
    at = 0
    while at < count:
        hit = find(at)
        if hit:
            found.append(hit)
        at = hit.last if hit else at + 1
    return found
