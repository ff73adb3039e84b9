"""What happened: the triggers of one event with their harm, when, where and to how many.

A report of 25 triggers tells about seven incidents. Triggers of one event (`Report.same`) are one
incident; a trigger of harm («قتل», «أصيب») belongs to the nearest cause in its sentence or the one
before, and harm of several causes is not one; an interception stays apart from the attack that it
foiled and points to it. Which types are harm, causes and interceptions, and which nouns tell harm
without a trigger («خمسة شهداء في غارة»), is data (`incidents.json`).
"""

import datetime as dt
import json
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import product

from marsad.harm import Toll
from marsad.resolve.names import fold_name
from marsad.resolve.places import finest, kilometres
from marsad.resolve.sites import COMPASS, sites
from marsad.schema import (
    UNRESOLVED,
    Argument,
    Event,
    Incident,
    Labels,
    Report,
    ResolvedPlace,
    default_labels,
)
from marsad.text import split_words


@dataclass(frozen=True)
class Scheme:
    """Which event types are harm, causes and interceptions; what the roles are for."""

    harm: Mapping[str, str]
    deadly: Mapping[str, str]  # the kind of harm that came to the victims of no harm's type
    harmed: Mapping[str, str]  # kind of harm -> pattern of the nouns for those who came to it
    persons: frozenset[str]  # mention types that name one person
    causes: frozenset[str]
    counters: frozenset[str]
    countered: frozenset[str]
    roles: Mapping[str, str]
    background_days: int


@cache
def default_scheme() -> Scheme:
    """The scheme of the guidelines' label set."""
    data = json.loads((files("marsad") / "incidents.json").read_text("utf-8"))
    for name in ("persons", "causes", "counters", "countered"):
        data[name] = frozenset(data[name])
    return Scheme(**data)


def incidents(
    report: Report, labels: Labels | None = None, scheme: Scheme | None = None
) -> tuple[Incident, ...]:
    """The incidents of a report, in the order of their first triggers."""
    return _Builder(report, labels or default_labels(), scheme or default_scheme()).build()


def with_incidents(report: Report, labels: Labels) -> Report:
    """The report with its incidents."""
    return replace(report, incidents=incidents(report, labels))


class _Builder:
    """One report's events on their way to incidents."""

    def __init__(self, report: Report, labels: Labels, scheme: Scheme) -> None:
        self._report, self._labels, self._scheme = report, labels, scheme
        self._mentions = {m.id: m for m in report.mentions}
        self._counted = {type for type, rule in labels.values.items() if rule.zero_status}
        words = split_words(report.text)
        at = {e.id: words.span(e.start, e.end) for e in report.events}
        # «...» ends one sentence, not three
        told = zip(words.breaks, words.forms, strict=True)
        solid = sorted({n for n, form in told if form[0].isalnum()})
        self._sentence = {
            id: bisect_left(solid, words.breaks[s[0]]) if s else 0 for id, s in at.items()
        }
        self._toll = Toll(
            report, self._mentions, scheme.harm, scheme.deadly, scheme.harmed,
            scheme.roles["harmed"], self._counted, scheme.persons, labels.statuses[0],
            self._sentence,
        )  # fmt: skip
        located = labels.roles.get(scheme.roles["where"], ())
        self._places = sites(report, [m for m in report.mentions if m.type in located])

    def build(self) -> tuple[Incident, ...]:
        """Groups of triggers, harm joined to its causes, interceptions to what they foiled."""
        groups = self._groups()
        causes = [g for g in groups if g[0].type not in self._scheme.harm]
        harms: dict[int, list[list[Event]]] = {}
        lone: list[list[Event]] = []
        leaders: list[list[Event]] = []
        for group in groups:
            if group[0].type in self._scheme.harm:
                for cause, part in self._by_cause(group, causes):
                    (harms.setdefault(id(cause), []) if cause else lone).append(part)
        for part in sorted(lone, key=lambda g: g[0].start):
            leader = self._leader(part, leaders)
            (harms.setdefault(id(leader), []) if leader else leaders).append(part)
        ordered = sorted(causes + leaders, key=lambda g: g[0].start)
        made = [
            self._incident(f"i{n}", group, harms.get(id(group), []))
            for n, group in enumerate(ordered, 1)
        ]
        return tuple(self._counters(made, ordered))

    def _groups(self) -> list[list[Event]]:
        of = {id: n for n, group in enumerate(self._report.same) for id in group}
        groups: dict[object, list[Event]] = {}
        for event in sorted(self._report.events, key=lambda e: e.start):
            groups.setdefault(of.get(event.id, event.id), []).append(event)
        return list(groups.values())

    def _by_cause(
        self, harm: Sequence[Event], causes: Sequence[list[Event]]
    ) -> list[tuple[list[Event] | None, list[Event]]]:
        """Triggers of harm by the cause of each; one without, such as that of a title, goes with
        those of the same victims or with the first that has one."""
        parts: list[tuple[list[Event] | None, list[Event]]] = []
        caused = [(self._cause(event, causes), event) for event in harm]
        for cause, event in sorted(caused, key=lambda one: one[0] is None):
            for known, part in parts:
                if known is cause or any(self._share_victim(event, one) for one in part):
                    part.append(event)
                    break
            else:
                if cause is None and parts:
                    parts[0][1].append(event)
                else:
                    parts.append((cause, [event]))
        return [(cause, sorted(part, key=lambda e: e.start)) for cause, part in parts]

    def _leader(self, part: Sequence[Event], leaders: Sequence[list[Event]]) -> list[Event] | None:
        """The nearest harm of another kind in its sentence that has no cause either."""
        harm = self._scheme.harm
        best: tuple[int, list[Event]] | None = None
        for leader in leaders:
            if {harm[leader[0].type], harm[part[0].type]} != set(self._scheme.harmed):
                continue
            for a, b in product(leader, part):
                beside = self._sentence[a.id] == self._sentence[b.id] and not self._conflict(a, b)
                if beside and (best is None or abs(a.start - b.start) < best[0]):
                    best = (abs(a.start - b.start), leader)
        return best[1] if best else None

    def _share_victim(self, left: Event, right: Event) -> bool:
        """Whether one mention is harmed in both, or as many: a few only in another sentence."""
        a, b = (set(event.fillers(self._scheme.roles["harmed"])) for event in (left, right))
        same = {self._known(id) for id in a} & {self._known(id) for id in b} - {UNRESOLVED}
        here = self._sentence[left.id] == self._sentence[right.id]
        return bool(a & b or (same - FEW if here else same))

    def _cause(self, harm: Event, causes: Sequence[list[Event]]) -> list[Event] | None:
        """The group whose trigger stands nearest, in the sentence of the harm or the one before;
        one in a later clause only where there is no other, and none that «و» adds there. Harm that
        occurred came of nothing that was only feared or denied."""
        scheme, happened, text = self._scheme, self._labels.statuses[0], self._report.text
        best: tuple[int, bool, int, list[Event]] | None = None
        for group in causes:
            if group[0].type not in scheme.causes:
                continue
            if self._differ("when", self._same_time, group, [harm]):
                continue
            for one in group:
                if harm.status == happened and one.status not in (happened, *scheme.countered):
                    continue
                apart = self._sentence[harm.id] - self._sentence[one.id]
                away = abs(one.start - harm.start)
                near = apart in (0, 1) and (best is None or (apart, False, away) < best[:3])
                if near and not self._conflict(one, harm):
                    later = bool(_CLAUSE.search(text, harm.end, one.start))
                    added = later and text[one.start - 2 : one.start] == " و"  # «قتل، وقصفت»
                    if not added and (best is None or (apart, later, away) < best[:3]):
                        best = (apart, later, away, group)
        return best[3] if best else None

    def _conflict(self, left: Event, right: Event) -> bool:
        """Whether both tell a time or a place, and none of the one agrees with the other's."""
        return self._differ("when", self._same_time, [left], [right]) or self._differ(
            "where", self._same_place, [left], [right]
        )

    def _are_apart(self, left: Event, right: Event) -> bool:
        """Whether they tell other days, or known places none of which is the other's."""
        role = self._scheme.roles["where"]
        a, b = (filter(self._places.get, event.fillers(role)) for event in (left, right))
        found = [self._same_place(i, j) for i, j in product(a, b)]
        others = bool(found) and not any(found)
        return others or self._differ("when", self._same_time, [left], [right])

    def _differ(self, use: str, agree: Callable[[str, str], bool], *sides: Sequence[Event]) -> bool:
        """Whether both sides fill a role, and no filler of the one agrees with the other's."""
        role = self._scheme.roles[use]
        a, b = ([id for event in side for id in event.fillers(role)] for side in sides)
        return bool(a and b) and not any(agree(i, j) for i, j in product(a, b))

    def _same_time(self, left: str, right: str) -> bool:
        return agree(self._known(left), self._known(right))

    def _same_place(self, left: str, right: str) -> bool:
        a, b = self._places.get(left), self._places.get(right)
        if a and b:
            return a.source_id == b.source_id or kilometres(a, b) < _ONE_TOWN
        return self._known(left) == self._known(right)

    def _known(self, id: str) -> str:
        mention = self._mentions[id]
        if id in self._places:
            return self._places[id].source_id
        return mention.value or self._report.surface(mention)

    def _incident(self, id: str, group: list[Event], harms: list[list[Event]]) -> Incident:
        events = [*group, *(event for harm in harms for event in harm)]
        date, lasts = self._date(events)
        status = self._status(group)
        return Incident(
            id, group[0].type, status, tuple(e.id for e in events),
            tuple(self._arguments(events)), date, self._place(events),
            self._toll.of(group, harms, status), not lasts and self._is_background(date),
        )  # fmt: skip

    def _status(self, group: Sequence[Event]) -> str:
        """The status of most of its triggers; of equals the one that the label set has first."""
        order = self._labels.statuses
        told = [event.status for event in group]
        return max(order, key=lambda s: (told.count(s), -order.index(s)))

    def _arguments(self, events: Iterable[Event]) -> Iterator[Argument]:
        seen: set[tuple[str, str]] = set()
        for event in events:
            for argument in event.arguments:
                known = self._known(argument.id)
                if self._mentions[argument.id].type in self._counted:  # «3 رجال» and «3 فتيات»
                    known += " " + fold_name(self._report.surface(self._mentions[argument.id]))
                key = (argument.role, known)
                if key not in seen:
                    seen.add(key)
                    yield argument

    def _date(self, events: Iterable[Event]) -> tuple[str | None, bool]:
        """The finest of the dates that its triggers take, the first of equals, and whether it is
        but the day since when it lasts."""
        ids = [id for event in events for id in event.fillers(self._scheme.roles["when"])]
        known = [id for id in ids if self._mentions[id].value not in (None, UNRESOLVED)]
        at = [id for id in known if not self._is_since(id)]
        values = [self._mentions[id].value or "" for id in at or known]
        return max(values, key=len, default=None), not at

    def _is_since(self, id: str) -> bool:
        """Whether it is «منذ حزيران 2018», since when; «منذ يومين» tells when."""
        mention, text = self._mentions[id], self._report.text
        told = _SINCE.search(text, max(0, mention.start - 5), min(mention.start + 4, mention.end))
        return bool(told and _YEAR.search(text, mention.start, mention.end))

    def _place(self, events: Sequence[Event]) -> ResolvedPlace | None:
        """Where it was: its places, else the site that it was aimed at; the finest first."""
        for use in ("where", "aim"):
            told = (id for event in events for id in event.fillers(self._scheme.roles[use]))
            ids = [id for id in dict.fromkeys(told) if id in self._places]
            if found := [self._places[id] for id in ids if not self._is_landmark(id, ids)]:
                return finest(found)
        return None

    def _is_landmark(self, id: str, ids: Sequence[str]) -> bool:
        """Whether it only tells where another of the places is, «قضاء الطارمية شمال بغداد»."""
        mention = self._mentions[id]
        earlier = [m for one in ids if (m := self._mentions[one]).end <= mention.start]
        if not earlier:
            return False
        nearest = max(earlier, key=lambda m: m.end)
        place, gap = self._places[nearest.id], self._report.text[nearest.end : mention.start]
        is_sited = bool(place.country) and place.precision != "country"  # not «البحر غرب اللاذقية»
        return is_sited and _DIRECTION.fullmatch(gap) is not None

    def _is_background(self, date: str | None) -> bool:
        told, today = _last_day(date or ""), _last_day(self._report.date or "")
        return bool(told and today and (today - told).days > self._scheme.background_days)

    def _counters(
        self, made: Sequence[Incident], groups: Sequence[list[Event]]
    ) -> Iterator[Incident]:
        """Interceptions point to the nearest foiled incident of their sentence, else to one of the
        next that is not foiled in its own and of no other time or place."""
        scheme, told = self._scheme, list(zip(made, groups, strict=True))
        countering = [group for one, group in told if one.type in scheme.counters]
        own = {self._sentence[event.id] for group in countering for event in group}
        foiled = [
            (one, group, own.isdisjoint(self._sentence[event.id] for event in group))
            for one, group in told
            if one.status in scheme.countered and one.type not in scheme.counters
        ]
        for incident, group in told:
            if incident.type not in scheme.counters:
                yield incident
                continue
            found = []
            for target, other, is_open in foiled:
                for a, b in product(other, group):
                    away = abs(self._sentence[a.id] - self._sentence[b.id])
                    if away == 0 or (away == 1 and is_open and not self._are_apart(a, b)):
                        found.append((away, abs(a.start - b.start), target.id))
            yield replace(incident, counter_of=min(found)[2]) if found else incident


_ONE_TOWN = 45.0  # km
FEW = frozenset(map(str, range(10)))  # counts that are of other people as often as of the same
_SINCE, _YEAR = re.compile(r"(?<!\w)منذ\s"), re.compile(r"\d{4}")
_DIRECTION = re.compile(
    rf"\s*[،(]?\s*(?:على بعد .{{1,25}} )?{COMPASS}\s*(?:(?:مدينة|العاصمة|بلدة)\s+)?"
)
_CLAUSE = re.compile(r"[،؛]|\s(?:ثم|فيما|بينما|كما)\s")


def agree(left: str, right: str) -> bool:
    """Whether two values of dates may be one time: one says the other more finely, or both with an
    hour one day. Weeks and quarters may hold any day."""
    if any(mark in value for mark in "WQ" for value in (left, right)):
        return True
    left, right = left[:10], right[:10]
    return left.startswith(right) or right.startswith(left)


def _last_day(value: str) -> dt.date | None:
    """The last day of a date: the 28th of a month is near enough, as is the Monday of a week."""
    if "-Q" in value:
        value = f"{value[:4]}-{3 * int(value[-1]):02}"
    whole = {4: f"{value}-12-31", 7: f"{value}-28"}.get(len(value), value[:10])
    try:
        return dt.date.fromisoformat(whole)
    except ValueError:
        return None
