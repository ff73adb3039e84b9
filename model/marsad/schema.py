"""The one type: a report with its mentions and events. Gold and prediction are the same type.

Offsets are Unicode code points into the raw text, end exclusive. Nothing here names a label:
label sets are data (`Labels`), read from `labels.json` or from an artifact's config.
"""

import datetime
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

from marsad.errors import MarsadError, at
from marsad.files import dumps, read_json

EVENT_LETTER = "e"  # of the ids of events, which no mention type has
UNRESOLVED = "?"  # as the guidelines write a value that cannot be known


@dataclass(frozen=True, slots=True)
class Mention:
    """A span that names an entity. `score` is None in gold; `value` is None where none is given.

    `reason` says why a value could not be resolved (`?`).
    """

    id: str
    type: str
    start: int
    end: int
    score: float | None = None
    value: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """A role of an event, filled by the mention with that id."""

    role: str
    id: str
    score: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data; an absent score is left out."""
        return _drop_none(role=self.role, id=self.id, score=self.score)


@dataclass(frozen=True, slots=True)
class Event:
    """A trigger span with a type, a status and arguments."""

    id: str
    type: str
    status: str
    start: int
    end: int
    arguments: tuple[Argument, ...] = ()
    score: float | None = None

    def fillers(self, role: str) -> list[str]:
        """Ids of the mentions that fill the role."""
        return [argument.id for argument in self.arguments if argument.role == role]


@dataclass(frozen=True, slots=True)
class ResolvedPlace:
    """A place of the gazetteer.

    `country` is ISO 3166 alpha-2, empty where the place spans several; `admin` the first-level
    area where known; degrees are WGS84. `precision` is `exact` (a town, quarter or facility),
    `near` one, `area` (a governorate, region, water) or `country`; of the last two the point is
    the centre. `source_id` is `geonames:ID` or `marsad:NAME`.
    """

    name: str
    name_ar: str
    country: str
    admin: str
    latitude: float
    longitude: float
    precision: str
    source_id: str


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that happened, might have, or was said not to have.

    `events` are the triggers that tell it, those of the incident itself first, then those of its
    harm; `arguments` the fillers of their roles, each name once. `date` is a value of the
    guidelines, None where unresolved. `harm` maps `killed`, `injured` and the like to a count as
    the guidelines write it (`3`, `10+`, `?` for some). `background` tells that it lies well before
    the report. `counter_of` is the id of the incident that this one foiled.
    """

    id: str
    type: str
    status: str
    events: tuple[str, ...]
    arguments: tuple[Argument, ...]
    date: str | None
    location: ResolvedPlace | None
    harm: Mapping[str, str]
    background: bool = False
    counter_of: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data; unresolved fields are left out."""
        data = {k: v for k, v in asdict(self).items() if v not in (None, {}, False)}
        data["events"] = list(self.events)
        data["arguments"] = [a.to_dict() for a in self.arguments]
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Incident":
        """Read what `to_dict` wrote; raises KeyError or TypeError for another shape."""
        location = data.get("location")
        return cls(
            data["id"], data["type"], data["status"], tuple(data["events"]),
            _arguments(data["arguments"]), data.get("date"),
            ResolvedPlace(**location) if location else None,
            dict(data.get("harm", {})), data.get("background", False), data.get("counter_of"),
        )  # fmt: skip


@dataclass(frozen=True)
class Report:
    """A text, its publication date (ISO, may be None), its mentions and events.

    `same` holds groups of ids, of mentions or of events, that are one thing; `incidents` what is
    told to have happened. Gold has no incidents: they are made of mentions and events.
    """

    id: str
    text: str
    date: str | None = None
    mentions: tuple[Mention, ...] = ()
    events: tuple[Event, ...] = ()
    same: tuple[tuple[str, ...], ...] = ()
    style: str = ""
    incidents: tuple[Incident, ...] = ()

    @property
    def spans(self) -> tuple[Mention | Event, ...]:
        """All mentions, then all triggers."""
        return (*self.mentions, *self.events)

    def surface(self, span: Mention | Event) -> str:
        """The words of a mention or trigger, as they stand in the text."""
        return self.text[span.start : span.end]

    def mention(self, id: str) -> Mention:
        """The mention with that id; KeyError where there is none."""
        return self._mentions[id]

    def event(self, id: str) -> Event:
        """The event with that id; KeyError where there is none."""
        return self._events[id]

    @cached_property
    def _mentions(self) -> Mapping[str, Mention]:
        return {mention.id: mention for mention in self.mentions}

    @cached_property
    def _events(self) -> Mapping[str, Event]:
        return {event.id: event for event in self.events}

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data; the keys are those of the annotated JSON lines."""
        return {
            "id": self.id,
            "date": self.date,
            **({"style": self.style} if self.style else {}),
            "text": self.text,
            "entities": [
                _drop_none(
                    id=m.id, type=m.type, start=m.start, end=m.end,
                    text=self.surface(m), score=m.score, value=m.value, reason=m.reason,
                )
                for m in self.mentions
            ],
            "events": [
                {
                    **_drop_none(
                        id=e.id, type=e.type, status=e.status, start=e.start, end=e.end,
                        text=self.surface(e), score=e.score,
                    ),
                    "arguments": [a.to_dict() for a in e.arguments],
                }
                for e in self.events
            ],
            "same": [list(group) for group in self.same],
            **({"incidents": [i.to_dict() for i in self.incidents]} if self.incidents else {}),
        }  # fmt: skip

    def to_json(self) -> str:
        """The report as one JSON line, Arabic left readable."""
        return dumps(self.to_dict())

    def to_html(self) -> str:
        """A self-contained right-to-left page with highlights, incidents and a timeline."""
        from marsad.export.html import page  # it reads this module

        return page([self])

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Report":
        """Read what `to_dict` wrote. Raises MarsadError that names the missing or wrong key."""
        try:
            mentions = tuple(
                Mention(
                    m["id"], m["type"], m["start"], m["end"],
                    m.get("score"), m.get("value"), m.get("reason"),
                )
                for m in data.get("entities", ())
            )  # fmt: skip
            events = tuple(
                Event(
                    e["id"], e["type"], e["status"], e["start"], e["end"],
                    _arguments(e.get("arguments", ())), e.get("score"),
                )
                for e in data.get("events", ())
            )  # fmt: skip
            same = tuple(tuple(group) for group in data.get("same", ()))
            incidents = tuple(Incident.from_dict(i) for i in data.get("incidents", ()))
            text = data["text"]
        except KeyError as error:
            raise MarsadError(f"the key {error} is missing.") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise MarsadError(f"the record is not shaped like a report ({error}).") from error
        report = cls(
            named(data.get("id")), text, data.get("date"), mentions, events, same,
            data.get("style") or "", incidents,
        )  # fmt: skip
        if problem := next(report.problems(), None):
            raise MarsadError(problem)
        return report

    def problems(self, labels: "Labels | None" = None) -> Iterator[str]:
        """What is wrong with the report, a sentence each; with `labels`, unknown labels too."""
        if not isinstance(self.text, str):
            yield f"the text of report {self.id!r} is {type(self.text).__name__}, not a string."
            return
        if odd := [name for name in self._names() if not isinstance(name, str)]:
            yield f"the id, label or value {odd[0]!r} should be a string."
            return
        if self.date is not None and not is_date(self.date):
            yield f"the date {self.date!r} is not a day as YYYY-MM-DD."
        yield from self._span_problems()
        yield from self._link_problems()
        if labels is not None:
            yield from labels.problems(self)

    def _link_problems(self) -> Iterator[str]:
        mentions, events = {m.id for m in self.mentions}, {e.id for e in self.events}
        known = mentions | events
        for thing in self._told():
            for argument in thing.arguments:
                if argument.id not in mentions:
                    yield f"{thing.id}: its {argument.role} {argument.id!r} is no mention here."
        for group in self.same:
            for id in group:
                if id not in known:
                    yield f"'same' names {id!r}, which is no mention or event here."
        for incident in self.incidents:
            for id in incident.events:
                if id not in events:
                    yield f"{incident.id}: {id!r} is no event here."

    def _told(self) -> "tuple[Event | Incident, ...]":
        return (*self.events, *self.incidents)

    def _names(self) -> Iterator[object]:
        """Every id, label and value given."""
        yield from (self.id, self.style)
        for mention in self.mentions:
            yield from (mention.id, mention.type)
            yield from (said for said in (mention.value, mention.reason) if said is not None)
        for incident in self.incidents:
            yield from (*incident.events, *incident.harm, *incident.harm.values())
            yield from (said for said in (incident.date, incident.counter_of) if said is not None)
        for thing in self._told():
            yield from (thing.id, thing.type, thing.status)
            for argument in thing.arguments:
                yield from (argument.role, argument.id)
        for group in self.same:
            yield from group

    def _span_problems(self) -> Iterator[str]:
        ids: set[str] = set()
        sound: list[Mention | Event] = []
        for span in self.spans:
            if span.id in ids:
                yield f"the id {span.id!r} is used twice."
            ids.add(span.id)
            scored = (span, *(span.arguments if isinstance(span, Event) else ()))
            if not all(is_score(one.score) for one in scored):
                yield f"{span.id}: a score should be a number."
            if type(span.start) is not int or type(span.end) is not int:  # a bool is no offset
                yield f"{span.id}: start and end should be whole numbers."
            elif not 0 <= span.start < span.end <= len(self.text):
                yield (
                    f"{span.id}: the span {span.start}-{span.end} is out of range; the text has "
                    f"{len(self.text)} characters and a span is not empty."
                )
            else:
                sound.append(span)
        for kind in (Mention, Event):
            ordered = sorted((s for s in sound if isinstance(s, kind)), key=lambda s: s.start)
            for left, right in pairwise(ordered):
                if right.start < left.end:
                    yield (
                        f"{left.id} ({left.start}-{left.end}) and {right.id} "
                        f"({right.start}-{right.end}) overlap; spans of one kind may not."
                    )


@dataclass(frozen=True, slots=True)
class Failure:
    """What stands in the place of a report that could not be read: its id, and why, a sentence."""

    id: str
    message: str

    @classmethod
    def of(cls, error: Exception, id: str) -> "Failure":
        """The failure that an exception tells of."""
        unforeseen = f"it could not be read ({type(error).__name__}: {error})."
        return cls(id, str(error) if isinstance(error, MarsadError) else unforeseen)


def overlap(one: Mention | Event, other: Mention | Event) -> bool:
    """Whether two spans of a report share a character."""
    return one.start < other.end and other.start < one.end


def named(*given: object) -> str:
    """The first name that is given, as a string; none is None or empty, but 0 is one."""
    return next((str(name) for name in given if name is not None and name != ""), "")


def is_date(value: object) -> bool:
    """Whether it is an ISO calendar day, YYYY-MM-DD."""
    try:
        return isinstance(value, str) and datetime.date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def is_score(value: object) -> bool:
    """Whether it is a finite number, or None, which gold has."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return value is None
    return abs(value) < math.inf  # which no NaN is


@dataclass(frozen=True)
class ValueRule:
    """How mentions of a type carry a value.

    `kind` names the resolver (`marsad.resolve`), `pattern` is the regular expression of a value,
    `zero_status` the event status that makes an uncounted victim none at all («لا ضحايا»),
    `ahead_status` the one that sets a weekday or month in the time to come. Raises ValueError for
    what is no pattern.
    """

    kind: str
    pattern: str
    zero_status: str | None = None
    ahead_status: str | None = None

    def __post_init__(self) -> None:
        _strings([self.kind, self.pattern])
        try:
            re.compile(self.pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"the pattern {self.pattern!r} ({error})") from error


@dataclass(frozen=True)
class Labels:
    """A label set: mention types with the letter of their ids, event types, statuses, roles.

    `roles` maps a role to the mention types that may fill it; `values` maps a mention type whose
    mentions carry a value to the rule of that value.
    """

    mentions: Mapping[str, str]
    events: tuple[str, ...]
    statuses: tuple[str, ...]
    roles: Mapping[str, tuple[str, ...]]
    values: Mapping[str, ValueRule]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Labels":
        """Read `labels.json`; raises MarsadError where a key is missing or what it holds is off."""
        try:
            labels = cls(
                _letters(data["mentions"]),
                _strings(data["events"]),
                _strings(data["statuses"], least=1),
                {role: _strings(types) for role, types in data["roles"].items()},
                {type: ValueRule(**rule) for type, rule in data.get("values", {}).items()},
            )
            labels._check()
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise MarsadError(f"the label set lacks or misshapes {error}.") from error
        return labels

    def _check(self) -> None:
        """Raise ValueError where a label stands twice, or a role takes what is no mention type."""
        for names in ((*self.mentions, *self.events), self.statuses):
            if twice := [name for name, count in Counter(names).items() if count > 1]:
                raise ValueError(f"{twice[0]}, which should stand in it once")
        for role, types in self.roles.items():
            if unknown := [type for type in types if type not in self.mentions]:
                raise ValueError(f"the role {role}, which takes {unknown[0]}, no mention type here")

    @classmethod
    def read(cls, path: Path) -> "Labels":
        """The label set of a JSON file. Raises MarsadError that names the file."""
        data = read_json(path)
        try:
            return cls.from_dict(data)
        except MarsadError as error:
            raise at(path, None, f"no label set: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as in `labels.json`."""
        return {
            "mentions": dict(self.mentions),
            "events": list(self.events),
            "statuses": list(self.statuses),
            "roles": {role: list(types) for role, types in self.roles.items()},
            "values": {type: _drop_none(**asdict(r)) for type, r in self.values.items()},
        }

    def problems(self, report: Report) -> Iterator[str]:
        """Labels and values of a report that this label set does not know."""
        types = {}
        for mention in report.mentions:
            types[mention.id] = mention.type
            if mention.type not in self.mentions:
                yield f"{mention.id}: {_unknown('mention type', mention.type, self.mentions)}"
            rule = self.values.get(mention.type)
            if mention.value is not None and (
                rule is None or not re.fullmatch(rule.pattern, mention.value)
            ):
                yield f"{mention.id}: {mention.value!r} is no value of a {mention.type}."
        for event in report.events:
            if event.type not in self.events:
                yield f"{event.id}: {_unknown('event type', event.type, self.events)}"
            if event.status not in self.statuses:
                yield f"{event.id}: {_unknown('status', event.status, self.statuses)}"
            for argument in event.arguments:
                if argument.role not in self.roles:
                    yield f"{event.id}: {_unknown('role', argument.role, self.roles)}"
                elif argument.id in types and types[argument.id] not in self.roles[argument.role]:
                    yield (
                        f"{event.id}: the role {argument.role} cannot take {argument.id}, "
                        f"a {types[argument.id]}."
                    )


@cache
def default_labels() -> Labels:
    """The label set of the guidelines, shipped with the package."""
    return Labels.from_dict(json.loads((files("marsad") / "labels.json").read_text("utf-8")))


def _unknown(kind: str, label: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    return f"unknown {kind} {label!r}; known are {', '.join(known)}."


def _strings(given: object, least: int = 0) -> tuple[str, ...]:
    """The strings of a list."""
    found = tuple(given) if isinstance(given, list | tuple) else (None,)
    if len(found) < least or not all(isinstance(one, str) for one in found):
        raise ValueError(f"{given!r}, which should be a list of strings, {least} at least")
    return found


def _letters(given: Mapping[str, Any]) -> dict[str, str]:
    """The letter of each mention type: one, which no other type and no event has."""
    found: dict[str, str] = {}
    for type, letter in given.items():
        one = isinstance(letter, str) and len(letter) == 1 and letter.isalpha()
        if not one or letter in (EVENT_LETTER, *found.values()):
            raise ValueError(
                f"the letter {letter!r} of {type}, which should be one letter, its own and not "
                f"{EVENT_LETTER}"
            )
        found[type] = letter
    return found


def _arguments(given: Iterable[Mapping[str, Any]]) -> tuple[Argument, ...]:
    return tuple(Argument(a["role"], a["id"], a.get("score")) for a in given)


def _drop_none(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}
