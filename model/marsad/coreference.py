"""Which triggers of a report tell the same event: «انفجرت عبوة ... الانفجار ... الحادث».

A logistic model over pairs of triggers of one type links each trigger to the likeliest earlier
one whose group it does not contradict: events of other days or of places far apart are not one. The
weights are data (`coreference.json`, written by `marsad-train coreference`) under the names of the
features, of which the types and roles are those of the label set.
"""

import json
import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.resources import files
from itertools import count, product
from math import exp, log1p
from typing import Any

from marsad.incidents import FEW, agree, default_scheme
from marsad.resolve.names import fold_name
from marsad.resolve.places import governorate, kilometres
from marsad.resolve.sites import sites
from marsad.schema import UNRESOLVED, Event, Report, ResolvedPlace
from marsad.text import Words, split_words, title_end

Features = dict[str, float]
Groups = tuple[tuple[str, ...], ...]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_APART = 40.0  # km; what is nearer may be one place
_REGION = 150.0  # km from the middle of a region that is no governorate
_DAY = re.compile(r"\d{4}(?!-[WQ])")  # values that say a day, or the month or year that it is of
_MOST_EARLIER = 100  # triggers of a type, and of a group, that one is compared with: the nearest
_MOST_BETWEEN = 3  # events of the type between two; more say nothing more
# words beside a trigger that tell of another event, and of one told before
_OTHER = _set(
    "اخر اخري اخرون اخرين اخران اخريان ثان ثاني ثانيه ثالث ثالثه جديد جديده مماثل مماثله"
    " منفصل منفصله"
)
_THIS = _set("هذا هذه ذلك تلك نفسه نفسها ذاته ذاتها")


@dataclass(frozen=True)
class Linker:
    """Weights by feature name, and the probability from which two triggers are one event."""

    weights: Mapping[str, float]
    threshold: float

    def chance(self, features: Features) -> float:
        """That a pair is one event."""
        total = sum(self.weights.get(name, 0.0) * value for name, value in features.items())
        return 1 / (1 + exp(-max(min(total, 50.0), -50.0)))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as `coreference.json` holds it."""
        return {"threshold": self.threshold, "weights": dict(self.weights)}

    def groups(self, report: Report) -> Groups:
        """Ids of the events that are one, a group of two or more each, in order of the text."""
        scene = Scene(report)
        groups: list[list[int]] = []  # for each event the one that it is in
        earlier: dict[str, deque[int]] = defaultdict(partial(deque, maxlen=_MOST_EARLIER))
        for j, later in enumerate(scene.events):
            groups.append([j])
            likely = [
                (chance, i)
                for i in earlier[later.type]
                if (chance := self.chance(scene.pair(i, j))) >= self.threshold
            ]
            likeliest = {id(groups[i]): groups[i] for _, i in sorted(likely, reverse=True)}
            for members in likeliest.values():
                if not any(scene.contradict(k, j) for k in members[-_MOST_EARLIER:]):
                    members.append(j)
                    groups[j] = members
                    break
            earlier[later.type].append(j)
        distinct = {id(members): members for members in groups}.values()
        return tuple(
            tuple(scene.events[i].id for i in members) for members in distinct if len(members) > 1
        )


class Scene:
    """The events of a report in order, with what is asked of their pairs."""

    def __init__(self, report: Report) -> None:
        self.events: Sequence[Event] = sorted(report.events, key=lambda e: e.start)
        order: dict[str, Iterator[int]] = defaultdict(count)
        self._rank = [next(order[e.type]) for e in self.events]  # among those of its type
        self._title = title_end(report.text)
        self._first = {e.id for e in _firsts(self.events, self._title)}
        self._words: Words = split_words(report.text)
        forms = self._words.forms
        self._spans = [self._words.span(e.start, e.end) or (0, 0) for e in self.events]
        self._names = [fold_name(report.surface(e)) for e in self.events]
        self._definite = [report.surface(e).startswith(("ال", "لل")) for e in self.events]
        self._beside = [
            {fold_name(form) for form in (*forms[max(0, a - 2) : a], *forms[b : b + 2])}
            for a, b in self._spans
        ]
        surfaces = {m.id: fold_name(report.surface(m)) for m in report.mentions}
        values = {m.id: m.value for m in report.mentions}
        self._fillers: list[dict[str, set[str]]] = []
        for event in self.events:
            fillers: dict[str, set[str]] = {}
            for argument in event.arguments:
                value = values.get(argument.id)
                known = value if value and value != UNRESOLVED else surfaces.get(argument.id, "")
                fillers.setdefault(argument.role, set()).add(known)
            self._fillers.append(fillers)
        scheme = default_scheme()
        where, when, self._harmed = (scheme.roles[use] for use in ("where", "when", "harmed"))
        self._others = [
            any(
                not _OTHER.isdisjoint(surfaces.get(id, "").split())
                for id in e.fillers(self._harmed)
            )
            for e in self.events
        ]
        self._sentences = [self._words.breaks[first] for first, _ in self._spans]
        tolls: dict[int, set[str]] = defaultdict(set)  # that the harm of a sentence tells
        told = list(zip(self.events, self._sentences, self._fillers, strict=True))
        for event, sentence, fillers in told:
            if event.type in scheme.harm:
                counts = (n for n in fillers.get(self._harmed, ()) if n[:1].isdigit())
                tolls[sentence] |= {f"{event.type} {n}" for n in counts}
        self._tolls = [
            set() if event.type in scheme.harm else tolls[sentence] for event, sentence, _ in told
        ]
        sited = {id for event in self.events for id in event.fillers(where)}
        found = sites(report, [m for m in report.mentions if m.id in sited])
        self._sites = [
            _narrowed([found[id] for id in e.fillers(where) if id in found]) for e in self.events
        ]
        self._days = [
            [day for id in e.fillers(when) if _DAY.match(day := values.get(id) or "")]
            for e in self.events
        ]

    def pair(self, i: int, j: int) -> Features:
        """What speaks for and against events i and j of one type, i the earlier, being one."""
        apart = max(self._sentences[j] - self._sentences[i], 0)
        is_body = self.events[i].start >= self._title
        tolls = self._tolls[i], self._tolls[j]
        kind = self.events[j].type
        between = self._rank[j] - self._rank[i] - 1
        features = {
            "bias": 1.0,
            "same words": float(self._names[i] == self._names[j]),
            "definite": float(self._definite[j]),
            "definite after indefinite": float(self._definite[j] and not self._definite[i]),
            "told anew": float(apart > 0 and is_body and not self._definite[j]),
            "demonstrative": float(bool(self._beside[j] & _THIS)),
            "another": float(bool(self._beside[j] & _OTHER)),
            "one sentence": float(apart == 0),
            "sentences between": log1p(apart),
            "events between": float(min(between, _MOST_BETWEEN)),
            "first after the title": float(not is_body and self.events[j].id in self._first),
            "other ones": float(self._others[j]),
            "same toll": float(apart > 0 and bool(tolls[0] & tolls[1])),
            "other toll": float(apart > 0 and all(tolls) and tolls[0].isdisjoint(tolls[1])),
            "other status": float(self.events[i].status != self.events[j].status),
            f"type {kind}": 1.0,
        }
        return features | dict(self._shared(i, j))

    def contradict(self, i: int, j: int) -> bool:
        """Whether both events tell a day or a place, and none of the one is of the other."""
        days, places = (self._days[i], self._days[j]), (self._sites[i], self._sites[j])
        if all(days) and not any(agree(a, b) for a, b in product(*days)):
            return True
        return all(places) and all(_apart(a, b) for a, b in product(*places))

    def _shared(self, i: int, j: int) -> Iterator[tuple[str, float]]:
        """For each role that both fill: whether with one mention, with the same, or with others."""
        left, right = self._fillers[i], self._fillers[j]
        here = self._sentences[i] == self._sentences[j]
        for role in left.keys() & right.keys():
            same = left[role] & right[role]
            if {*self.events[i].fillers(role)} & {*self.events[j].fillers(role)}:
                yield f"one {role}", 1.0
            elif same and role == self._harmed and same <= FEW:
                yield f"same few {'here' if here else 'apart'}", 1.0
            else:
                yield f"{'same' if same else 'other'} {role}", 1.0
        if not left.keys() & right.keys():
            yield "nothing in common", 1.0


def _narrowed(told: Sequence[ResolvedPlace]) -> Sequence[ResolvedPlace]:
    """The places of an event without the countries that others of them lie in."""
    return [place for place in told if place.precision != "country"] or told


def _apart(a: ResolvedPlace, b: ResolvedPlace) -> bool:
    """Whether neither place may lie in the other."""
    if "country" in (a.precision, b.precision):
        return bool(a.country and b.country) and a.country != b.country
    far = kilometres(a, b)
    if "area" in (a.precision, b.precision) and a.country == b.country:
        in_a, in_b = governorate(a), governorate(b)
        if not (in_a and in_b):  # a region
            return far >= _REGION
        return in_a != in_b and far > _APART
    return far > _APART


def _firsts(events: Sequence[Event], start: int) -> Iterator[Event]:
    """The first event of each type from that character on."""
    seen: set[str] = set()
    for event in events:
        if event.start >= start and event.type not in seen:
            seen.add(event.type)
            yield event


@cache
def linker() -> Linker:
    """The shipped one."""
    data = json.loads((files("marsad") / "coreference.json").read_text("utf-8"))
    return Linker(data["weights"], data["threshold"])


def with_same(report: Report) -> Report:
    """The report with the groups of its events that are one."""
    return replace(report, same=linker().groups(report))
