"""A report as a tool exported it, and how it becomes a `Report`: one place for every check."""

import difflib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from marsad.formats.ledger import Fate, Ledger
from marsad.formats.offsets import Stated, settle
from marsad.schema import EVENT_LETTER, Argument, Event, Labels, Mention, Report, is_date, is_score


@dataclass(frozen=True)
class Marked:
    """A labelled span as stated: of a mention or of a trigger, the label set tells which.

    `where` is the file, with the line where there is one. Raises TypeError for a status, value or
    score of another kind, as a file may hold.
    """

    id: str
    label: str
    span: Stated
    where: str
    status: str | None = None
    value: str | None = None
    score: float | None = None

    def __post_init__(self) -> None:
        if not all(isinstance(said, str | None) for said in (self.status, self.value)):
            raise TypeError("a status or value is no string")
        if not is_score(self.score):
            raise TypeError(f"the score {self.score!r} is no number")


@dataclass(frozen=True)
class Link:
    """A role: the event's span id, the role, the mention's span id."""

    source: str
    role: str
    target: str
    where: str


@dataclass
class Draft:
    """One report as a tool exported it."""

    where: str
    id: str
    text: str
    date: str | None = None
    style: str = ""
    marked: list[Marked] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    same: list[tuple[str, ...]] = field(default_factory=list)

    def report(self, labels: Labels, ledger: Ledger) -> Report | None:
        """The report, with what is wrong in the ledger; None where it has no text.

        A span, link or value that cannot be read is refused alone; the rest is kept.
        """
        return _Settling(self, labels, ledger).report()


class _Settling:
    def __init__(self, draft: Draft, labels: Labels, ledger: Ledger):
        self.draft, self.labels, self.ledger = draft, labels, ledger
        self.reserved = {marked.id for marked in draft.marked}

    def tell(self, fate: Fate, where: str, message: str) -> None:
        self.ledger.add(fate, where, self.draft.id, message)

    def report(self) -> Report | None:
        draft = self.draft
        if not draft.text.strip():
            self.tell(Fate.REFUSED, draft.where, "has no text.")
            return None
        if draft.date is not None and not is_date(draft.date):
            self.tell(
                Fate.REFUSED, draft.where,
                f"the date {draft.date!r} is not a day as YYYY-MM-DD; the report stays undated.",
            )  # fmt: skip
            draft = self.draft = replace(draft, date=None)
        names: dict[str, str] = {}
        mentions: list[Mention] = []
        events: list[Event] = []
        for marked, place in self._placed():
            kind = self.labels.mentions if marked.label in self.labels.mentions else None
            if any(place[0] < o.end and o.start < place[1] for o in (mentions if kind else events)):
                self.tell(
                    Fate.REFUSED, marked.where,
                    f"{_name(marked)} overlaps another span of its kind.",
                )  # fmt: skip
            elif kind is not None:
                id = names[marked.id] = self._id(marked, kind[marked.label], mentions)
                value = self._value(marked)
                mentions.append(Mention(id, marked.label, *place, marked.score, value))
            elif (status := self._status(marked)) is not None:
                id = names[marked.id] = self._id(marked, EVENT_LETTER, events)
                events.append(Event(id, marked.label, status, *place, (), marked.score))
        events = self._linked(events, {m.id: m for m in mentions}, names)
        report = Report(
            draft.id, draft.text, draft.date, tuple(mentions), tuple(events),
            tuple(self._same(names)), draft.style,
        )  # fmt: skip
        self.ledger.keep(report)
        return report

    def _placed(self) -> Iterator[tuple[Marked, tuple[int, int]]]:
        """The spans of known labels, in the order of the text, each with its place."""
        known = [m for m in self.draft.marked if self._known(m)]
        places, mended = settle(self.draft.text, [m.span for m in known])
        for message in mended:
            self.tell(Fate.MENDED, self.draft.where, message)
        found = []
        for marked, place in zip(known, places, strict=True):
            if place is not None:
                found.append((marked, place))
                continue
            said = f" does not read «{marked.span.surface}»" if marked.span.surface else ""
            self.tell(
                Fate.REFUSED, marked.where,
                f"{_name(marked)}{said or ' lies outside the text'}; the text has "
                f"{len(self.draft.text)} characters.",
            )  # fmt: skip
        return iter(sorted(found, key=lambda pair: pair[1]))

    def _id(self, marked: Marked, letter: str, others: Sequence[Mention | Event]) -> str:
        """The id as stated where it is of the house's form, else the letter and a free number."""
        used = {other.id for other in others} | self.reserved
        if re.fullmatch(rf"{letter}[0-9]+", marked.id) and marked.id not in {o.id for o in others}:
            return marked.id
        numbers = itertools.count(1)
        return next(id for n in numbers if (id := f"{letter}{n}") not in used)

    def _known(self, marked: Marked) -> bool:
        known = (*self.labels.mentions, *self.labels.events)
        if marked.label in known:
            return True
        self.tell(
            Fate.REFUSED,
            marked.where,
            f"unknown label {marked.label!r}{self._hint(marked.label, known)}",
        )
        return False

    def _status(self, marked: Marked) -> str | None:
        usual = self.labels.statuses[0]
        if marked.status is None:
            self.tell(Fate.MENDED, marked.where, f"{_name(marked)} has no status; it is {usual}.")
            return usual
        if marked.status in self.labels.statuses:
            return marked.status
        self.tell(
            Fate.REFUSED, marked.where,
            f"unknown status {marked.status!r}{self._hint(marked.status, self.labels.statuses)}",
        )  # fmt: skip
        return None

    def _value(self, marked: Marked) -> str | None:
        if marked.value is None:
            return None
        probe = Mention("m", marked.label, 0, 1, value=marked.value)
        problem = next(self.labels.problems(Report("", "x", None, (probe,), ())), None)
        if problem is None:
            return marked.value
        self.tell(Fate.REFUSED, marked.where, f"{marked.value!r} is no value of a {marked.label}.")
        return None

    def _linked(
        self, events: list[Event], mentions: Mapping[str, Mention], names: Mapping[str, str]
    ) -> list[Event]:
        roles: dict[str, list[Argument]] = {}
        for link in self.draft.links:
            source, target = names.get(link.source, ""), names.get(link.target, "")
            if problem := self._problem(link, source, target, mentions):
                self.tell(Fate.REFUSED, link.where, problem)
            elif (argument := Argument(link.role, target)) not in roles.setdefault(source, []):
                roles[source].append(argument)
        return [replace(event, arguments=tuple(roles.get(event.id, ()))) for event in events]

    def _problem(
        self, link: Link, source: str, target: str, mentions: Mapping[str, Mention]
    ) -> str | None:
        """Why the link is none of the label set; None where it is sound."""
        if link.role not in self.labels.roles:
            return f"unknown role {link.role!r}{self._hint(link.role, tuple(self.labels.roles))}"
        if not source or source in mentions:
            return f"the role {link.role} starts at {link.source!r}, which is no event read here."
        if target not in mentions:
            return f"the role {link.role} ends at {link.target!r}, which is no mention read here."
        type = mentions[target].type
        if type not in self.labels.roles[link.role]:
            return f"the role {link.role} cannot take a {type}."
        return None

    def _hint(self, label: str, known: Sequence[str]) -> str:
        """The end of a sentence on an unknown label; what is known is told once in a ledger."""
        if close := nearest(label, known):
            return f"; did you mean {close}?"
        told = f"; known are {', '.join(known)}."
        return told if self.ledger.is_first(told) else "."

    def _same(self, names: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
        for group in self.draft.same:
            known = tuple(names[id] for id in group if id in names)
            if len(known) < len(group):
                gone = ", ".join(id for id in group if id not in names)
                self.tell(
                    Fate.REFUSED, self.draft.where,
                    f"a group of the same thing names {gone}, not read here.",
                )  # fmt: skip
            if len(known) > 1:
                yield known


def nearest(label: str, known: Iterable[str]) -> str | None:
    """Which known label may be meant by an unknown one."""

    def folded(name: str) -> str:
        return name.casefold().replace("-", "_").replace(" ", "_")

    names = {folded(name): name for name in known}
    close = difflib.get_close_matches(folded(label), names, n=1)
    return names[close[0]] if close else None


def _name(marked: Marked) -> str:
    return f"{marked.label} {marked.span.start}-{marked.span.end}"


def joined(pairs: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Groups of what the pairs chain together, in the order met."""
    groups: list[list[str]] = []
    for pair in pairs:
        touched = [group for group in groups if not set(pair).isdisjoint(group)]
        merged = list(dict.fromkeys(id for part in (*touched, pair) for id in part))
        groups = [group for group in groups if group not in touched] + [merged]
    return [tuple(group) for group in groups]


def side_facts(report: Report) -> dict[str, Any]:
    """What formats of bare spans have no place for, keyed by the spans as `start-end-label`."""
    keys = {span.id: span_key(span.start, span.end, span.type) for span in report.spans}
    return {
        "report": report.id,
        "date": report.date,
        "style": report.style,
        "status": {keys[e.id]: e.status for e in report.events},
        "value": {keys[m.id]: m.value for m in report.mentions if m.value is not None},
        "roles": [[keys[e.id], a.role, keys[a.id]] for e in report.events for a in e.arguments],
        "same": [[keys[id] for id in group] for group in report.same],
    }


def read_side_facts(draft: Draft, facts: Mapping[str, Any]) -> None:
    """Put side facts back on the spans of a draft; roles and links only where it has none."""
    status, value = _table(facts.get("status")), _table(facts.get("value"))
    keys = {_key(m): m.id for m in draft.marked}
    draft.marked = [
        replace(m, status=status.get(_key(m), m.status), value=value.get(_key(m), m.value))
        for m in draft.marked
    ]
    if not draft.links:
        draft.links = [
            Link(keys.get(str(source), str(source)), str(role), keys.get(str(target), str(target)),
                 draft.where)
            for source, role, target in _rows(facts.get("roles"), 3)
        ]  # fmt: skip
    if not draft.same:
        groups = facts.get("same")
        draft.same = [
            tuple(keys.get(str(key), str(key)) for key in group)
            for group in (groups if isinstance(groups, list | tuple) else ())
            if isinstance(group, list | tuple)
        ]


def span_key(start: int, end: int, label: str) -> str:
    """How side facts name a span."""
    return f"{start}-{end}-{label}"


def _key(marked: Marked) -> str:
    return span_key(marked.span.start, marked.span.end, marked.label)


def _table(facts: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in facts.items()} if isinstance(facts, Mapping) else {}


def _rows(facts: object, width: int) -> Iterator[Sequence[object]]:
    for row in facts if isinstance(facts, list | tuple) else ():  # a DocBin keeps tuples
        if isinstance(row, list | tuple) and len(row) == width:
            yield row
