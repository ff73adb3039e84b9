"""Values of the mentions of a report; the label set says which types carry one, of what kind."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from marsad.resolve.counts import count
from marsad.resolve.dates import ResolvedDate, date_or_reason
from marsad.schema import Labels, Mention, Report

UNRESOLVED = "?"  # as the guidelines write a value that cannot be known
_UNSTATED = "no number stated"
# «دون وقوع», «لم تسجل», «لا ... ولا» close before a mention say that there is none
_NEGATION = re.compile(r"(?<!\w)[وف]?(?:دون|بدون|بلا|لم|لا)\s+(?:\w+\s+){0,3}$")
_REACH = 80  # characters around a mention that a resolver may look at


@dataclass(frozen=True)
class _Context:
    """What a resolver may know besides the words of the mention."""

    anchor: str | None
    dates: tuple[str, ...]  # resolved before, in the order of the text
    zero: bool  # it is negated, or every event that it takes part in did not happen
    ahead: bool  # every event that it takes part in is yet to happen
    before: str  # the text around the mention
    after: str


def with_values(report: Report, labels: Labels) -> Report:
    """The report with a value on every mention whose type carries one; `?` where unresolved."""
    valued = {mention.id: mention for mention in _valued(report, labels)}
    return replace(report, mentions=tuple(valued.get(m.id, m) for m in report.mentions))


def _valued(report: Report, labels: Labels) -> Iterator[Mention]:
    """Mentions with their values, in the order of the text, since dates build on earlier ones."""
    statuses = _statuses(report)
    dates: tuple[str, ...] = ()
    for mention in sorted(report.mentions, key=lambda m: m.start):
        rule = labels.values.get(mention.type)
        if rule is None or rule.kind not in _RESOLVERS:
            continue
        before = report.text[max(0, mention.start - _REACH) : mention.start]
        negated = rule.zero_status is not None and _NEGATION.search(before) is not None
        zero = negated or statuses.get(mention.id) == {rule.zero_status}
        ahead = statuses.get(mention.id) == {rule.ahead_status}
        after = report.text[mention.end : mention.end + _REACH]
        context = _Context(report.date, dates, zero, ahead, before, after)
        value, reason = _RESOLVERS[rule.kind](report.surface(mention), context)
        if rule.kind == "date" and reason is None:
            dates = (*dates, value)
        yield replace(mention, value=value, reason=reason)


def _statuses(report: Report) -> dict[str, set[str]]:
    """For each mention the statuses of the events that it takes part in."""
    found: dict[str, set[str]] = {}
    for event in report.events:
        for argument in event.arguments:
            found.setdefault(argument.id, set()).add(event.status)
    return found


_Valued = tuple[str, str | None]  # the value and, where it is `?`, why


def _date(surface: str, context: _Context) -> _Valued:
    found = date_or_reason(
        surface, context.anchor, context.dates, context.before, context.after, context.ahead
    )
    return (found.value, None) if isinstance(found, ResolvedDate) else (UNRESOLVED, found.value)


def _count(surface: str, context: _Context) -> _Valued:
    found = count(surface, denied=context.zero)
    value = found.value if found else UNRESOLVED
    return value, _UNSTATED if value == UNRESOLVED else None


_RESOLVERS: Mapping[str, Callable[[str, _Context], _Valued]] = {"date": _date, "count": _count}
