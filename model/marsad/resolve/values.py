"""Values of the mentions of a report; the label set says which types carry one, of what kind."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from marsad.resolve.counts import count
from marsad.resolve.dates import ResolvedDate, date_or_reason, with_next
from marsad.schema import UNRESOLVED, Labels, Mention, Report

_UNSTATED = "no number stated"
# «دون وقوع», «لم تسجل», «لا ... ولا» close before a mention say that there is none, but these words
# between say that there is one («لم ينج سوى»), or that something else is denied («لم تعرف هوية»).
_ALL_THE_SAME = (
    "سوى|إلا|الا|حدود|[يت]زال|مصير|معلومات|خلاف|سيما|غير|هوية|حصيلة|عدد|[يت]عرف|[يت]علن"
    "|[يت]تضح|[يت]تمكن|[يت]حدد|الكشف|تمييز|معرفة|[إا]حصاء|حصر|تحديد|مراعاة|[يت]فرج|[يت]علق|[يت]سأل"
)
_NEGATION = re.compile(
    r"(?<![\w\u064b-\u0652])[وف]?"
    r"(?:دون|بدون|بلا|لم|لا|عدم(?= وقوع| ورود| تسجيل| وجود| حدوث| سقوط)|من غير|ليس هناك"
    r"|ما\s?فيه?|مافيش|مفيش|ماكو|مابش|ماكاين)"
    rf"\s+(?:(?!{_ALL_THE_SAME})\w+\s+){{0,3}}"
    r"(?:\w+\s+(?:[أا]و|ولا)\s+)?$"  # «قتلى أو جرحى»
)
# «تجاوز عدد القتلى», «أكثر من» before a count say that it is one at the least.
_AT_LEAST = re.compile(
    r"(?<!\w)(?<!لا )(?<!لم )[وف]?"
    r"(?:(?:[يت]?تجاوز|تجاوزت|تخطى|تخطت|فاقت?)(?:\s+(?:عدد|حصيلة)\w*)?(?:\s+\w+)?"
    r"|(?:أكثر|اكثر|أزيد) من|(?:[يت]زيد|زادت?)(?: \w+)? (?:على|عن)|لا [يت]قل(?: \w+)? عن)\s+$"
)
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
    following: tuple[str, str] | None  # what stands up to the next of its type, and its words


def with_values(report: Report, labels: Labels) -> Report:
    """The report with a value on every mention whose type carries one; `?` where unresolved."""
    valued = {mention.id: mention for mention in _valued(report, labels)}
    return replace(report, mentions=tuple(valued.get(m.id, m) for m in report.mentions))


def _valued(report: Report, labels: Labels) -> Iterator[Mention]:
    """Mentions with their values, in the order of the text, since dates build on earlier ones."""
    statuses = _statuses(report)
    dates: tuple[str, ...] = ()
    ordered = sorted(report.mentions, key=lambda m: m.start)
    valued = [m for m in ordered if m.type in labels.values]
    following = {m.id: later for m, later in pairwise(valued) if m.type == later.type}
    for mention in ordered:
        rule = labels.values.get(mention.type)
        if rule is None or rule.kind not in _RESOLVERS:
            continue
        before = report.text[max(0, mention.start - _REACH) : mention.start]
        negated = rule.zero_status is not None and _NEGATION.search(before) is not None
        zero = negated or statuses.get(mention.id) == {rule.zero_status}
        ahead = statuses.get(mention.id) == {rule.ahead_status}
        after = report.text[mention.end : mention.end + _REACH]
        later = following.get(mention.id)
        then = (report.text[mention.end : later.start], report.surface(later)) if later else None
        context = _Context(report.date, dates, zero, ahead, before, after, then)
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
    if context.following:
        surface = with_next(surface, *context.following)
    found = date_or_reason(
        surface, context.anchor, context.dates, context.before, context.after, context.ahead
    )
    return (found.value, None) if isinstance(found, ResolvedDate) else (UNRESOLVED, found.value)


def _count(surface: str, context: _Context) -> _Valued:
    found = count(surface, denied=context.zero)
    value = found.value if found else UNRESOLVED
    if value.isdigit() and value != "0" and _AT_LEAST.search(context.before):
        value += "+"
    return value, _UNSTATED if value == UNRESOLVED else None


_RESOLVERS: Mapping[str, Callable[[str, _Context], _Valued]] = {"date": _date, "count": _count}
