"""Baselines that answer as an `Extractor` does: a lexicon, and a CRF on words.

Either finds mentions and triggers; what both share is here. Status: naive Bayes over the trigger
and the words around it. Roles: a table of how often the nearest, second nearest, farther mention
of a type on one side of a trigger fills a role. Both are learnt from the reports that the tagger
is learnt from, the train split of the corpus; their settings were chosen on its dev split.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from math import log
from pathlib import Path
from typing import Protocol

from marsad.extractor import Dates, Ids
from marsad.resolve.values import with_values
from marsad.schema import Argument, Event, Labels, Mention, Report
from marsad.text import Words, split_words
from marsad.word_features import fold, stem
from marsad_training.benchmark.crf import Crf
from marsad_training.benchmark.lexicon import Found, Lexicon

_BEFORE, _AFTER = 6, 3  # words of its sentence in which a status may show
_SMOOTHING = 3.0  # triggers by which a cue is drawn to the commonness of each status
_REACH = 60  # words between a trigger and what may fill its roles
_FEWEST = 5  # pairs from which a row of the table counts for one event type
_FILLS = 0.4  # share of pairs from which a role is filled


Cue = tuple[str, str]  # where, which word


class Tagger(Protocol):
    """Finds mentions and triggers in words."""

    def tag(self, words: Words) -> tuple[list[Found], list[Found]]:
        """Mentions and triggers, each in the order of the text."""
        ...


class StatusCues:
    """How often each status goes with each cue: naive Bayes."""

    def __init__(self, reports: Sequence[Report]):
        self.all: Counter[str] = Counter()
        self.cues: dict[Cue, Counter[str]] = defaultdict(Counter)
        for report in reports:
            words = split_words(report.text)
            for event in report.events:
                self.all[event.status] += 1
                for cue in _cues(words, *_span(words, event)):
                    self.cues[cue][event.status] += 1

    def status(self, words: Words, first: int, last: int) -> str:
        """The likeliest status of a trigger."""
        met = [self.cues[cue] for cue in _cues(words, first, last) if cue in self.cues]

        def chance(status: str) -> float:
            share = self.all[status] / self.all.total()
            return log(share) + sum(
                log((c[status] / share + _SMOOTHING) / (c.total() + _SMOOTHING))
                for c in met
                if c.total() > 1
            )

        return max(self.all, key=chance)


def _cues(words: Words, first: int, last: int) -> set[Cue]:
    """What may tell the status of a trigger: itself, and the words around it in its sentence."""
    near = {
        "before": range(max(0, first - _BEFORE), first),
        "just before": range(max(0, first - 1), first),
        "after": range(last, min(last + _AFTER, len(words))),
    }
    return {("trigger", " ".join(map(stem, words.forms[first:last])))} | {
        (side, fold(words.forms[n]))
        for side, numbers in near.items()
        for n in numbers
        if words.breaks[n] == words.breaks[first]
    }


_Place = tuple[str, str, int, int]  # mention type, side, rank on that side, sentences between


class RoleTable:
    """How often a mention at a place fills a role, for an event type and for all."""

    def __init__(self, reports: Sequence[Report]):
        self.pairs: Counter[tuple[str, _Place]] = Counter()
        self.filled: dict[tuple[str, _Place], Counter[str]] = defaultdict(Counter)
        for report in reports:
            words = split_words(report.text)
            mentions = [(m.id, *_span(words, m), m.type) for m in report.mentions]
            for event in report.events:
                roles: dict[str, list[str]] = defaultdict(list)
                for argument in event.arguments:
                    roles[argument.id].append(argument.role)
                places = _places(words, _span(words, event), [m[1:] for m in mentions])
                for n, place in places.items():
                    for key in ((event.type, place), ("", place)):
                        self.pairs[key] += 1
                        self.filled[key].update(roles[mentions[n][0]])

    def roles(
        self, words: Words, trigger: Found, mentions: Sequence[Found]
    ) -> Iterator[tuple[int, str, float]]:
        """Number of a mention, role that it fills, share of such mentions that fill it."""
        spans = [(m.first, m.last, m.type) for m in mentions]
        for n, place in _places(words, (trigger.first, trigger.last), spans).items():
            known = self.pairs[trigger.type, place] >= _FEWEST
            key = (trigger.type if known else "", place)
            for role, count in self.filled.get(key, {}).items():
                if (share := count / self.pairs[key]) >= _FILLS:
                    yield n, role, share


def _places(
    words: Words, trigger: tuple[int, int], mentions: Sequence[tuple[int, int, str]]
) -> dict[int, _Place]:
    """Number of each mention in reach -> its place as seen from the trigger."""
    near = sorted((max(a - trigger[1], trigger[0] - b), n) for n, (a, b, _) in enumerate(mentions))
    ranks: Counter[tuple[str, str]] = Counter()
    found = {}
    for gap, n in near:
        first, _, type = mentions[n]
        if gap > _REACH:
            break
        side = "within" if gap < 0 else "before" if first < trigger[0] else "after"
        apart = abs(words.breaks[first] - words.breaks[trigger[0]])
        found[n] = (type, side, min(ranks[type, side], 2), min(apart, 2))
        ranks[type, side] += 1
    return found


def _span(words: Words, span: Mention | Event) -> tuple[int, int]:
    return words.span(span.start, span.end) or (0, 0)


class Baseline:
    """A tagger, its statuses and its roles, as a reader of reports."""

    def __init__(self, tagger: Tagger, reports: Sequence[Report], labels: Labels):
        self.tagger, self.labels = tagger, labels
        self.cues, self.table = StatusCues(reports), RoleTable(reports)

    def predict_many(
        self, texts: Iterable[str], dates: Dates = None, ids: Ids = None
    ) -> Iterator[Report]:
        """Reports one after another, in order."""
        along = zip(texts, dates or repeat(None), ids or repeat(""), strict=False)
        return (self.predict(t, str(d) if d else None, i) for t, d, i in along)

    def predict(self, text: str, date: str | None = None, id: str = "") -> Report:
        """Read one report."""
        words = split_words(text)
        found, triggers = self.tagger.tag(words)
        mentions = tuple(
            Mention(f"m{n}", m.type, *_characters(words, m), m.score) for n, m in enumerate(found)
        )
        events = tuple(
            Event(
                f"e{n}", t.type, self.cues.status(words, t.first, t.last), *_characters(words, t),
                tuple(
                    Argument(role, mentions[m].id, round(share, 4))
                    for m, role, share in self.table.roles(words, t, found)
                ),
                t.score,
            )
            for n, t in enumerate(triggers)
        )  # fmt: skip
        return with_values(Report(id, text, date, mentions, events), self.labels)


def _characters(words: Words, found: Found) -> tuple[int, int]:
    start, end = words.spans[found.first][0], words.spans[found.last - 1][1]
    return min(start + found.joined, end - 1), end


# name -> how it is learnt from reports, what it keeps in a folder
BASELINES: Mapping[str, Callable[[Sequence[Report], Labels, Path], Tagger]] = {
    "lexicon": lambda reports, labels, cache: Lexicon(reports),
    "crf": Crf,
}


def learnt(name: str, reports: Sequence[Report], labels: Labels, cache: Path) -> Baseline:
    """A baseline that has learnt reports of a label set."""
    return Baseline(BASELINES[name](reports, labels, cache), reports, labels)
