"""Values of the mentions of a report; the label set says which types carry one, of what kind."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from marsad.resolve.counts import count
from marsad.resolve.dates import date
from marsad.schema import Labels, Report

UNRESOLVED = "?"  # as the guidelines write a value that cannot be known
# «دون وقوع», «لم تسجل», «لا ... ولا» close before a mention say that there is none
_NEGATION = re.compile(r"(?<!\w)[وف]?(?:دون|بدون|بلا|لم|لا)\s+(?:\w+\s+){0,3}$")
# before a span, «منذ [يومين]»: the guidelines leave the word outside
_AGO = re.compile(r"(?<!\w)[وف]?(?:منذ|قبل)\s+$")
_REACH = 40  # characters before a mention in which a negation still governs it


@dataclass(frozen=True)
class _Context:
    """What a resolver may know besides the words of the mention."""

    anchor: str | None
    dates: tuple[str, ...]  # resolved before, in the order of the text
    zero: bool  # it is negated, or every event that it takes part in did not happen
    ago: bool  # «منذ» or «قبل» stands before it


def with_values(report: Report, labels: Labels) -> Report:
    """The report with a value on every mention whose type carries one; `?` where unresolved."""
    values = dict(_values(report, labels))
    mentions = (replace(m, value=values[m.id]) if m.id in values else m for m in report.mentions)
    return replace(report, mentions=tuple(mentions))


def _values(report: Report, labels: Labels) -> Iterator[tuple[str, str]]:
    """Mention id and value, in the order of the text, since dates build on earlier ones."""
    statuses = _statuses(report)
    dates: tuple[str, ...] = ()
    for mention in sorted(report.mentions, key=lambda m: m.start):
        rule = labels.values.get(mention.type)
        if rule is None or rule.kind not in _RESOLVERS:
            continue
        before = report.text[max(0, mention.start - _REACH) : mention.start]
        negated = rule.zero_status is not None and _NEGATION.search(before) is not None
        zero = negated or statuses.get(mention.id) == {rule.zero_status}
        context = _Context(report.date, dates, zero, _AGO.search(before) is not None)
        value = _RESOLVERS[rule.kind](report.surface(mention), context)
        if rule.kind == "date" and value is not None:
            dates = (*dates, value)
        yield mention.id, value or UNRESOLVED


def _statuses(report: Report) -> dict[str, set[str]]:
    """For each mention the statuses of the events that it takes part in."""
    found: dict[str, set[str]] = {}
    for event in report.events:
        for argument in event.arguments:
            found.setdefault(argument.id, set()).add(event.status)
    return found


def _date(surface: str, context: _Context) -> str | None:
    found = date(surface, context.anchor, context.dates)
    if found is None and context.ago:
        found = date(f"قبل {surface}", context.anchor, context.dates)
    return found.value if found else None


def _count(surface: str, context: _Context) -> str | None:
    found = count(surface, denied=context.zero)
    return found.value if found else None


_RESOLVERS: Mapping[str, Callable[[str, _Context], str | None]] = {"date": _date, "count": _count}
