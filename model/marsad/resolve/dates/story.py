"""What a date expression is told against: the report's date, the text around, earlier dates."""

import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from marsad.resolve.dates.words import EVENING, MORNING, NIGHT, PARTS
from marsad.schema import is_date

_REMEMBERED = 64  # values before that many belong to another story
# After «بعد يومين»: what it is counted from, so that the expression names no day itself.
_SINCE = re.compile(
    r"\s+(?:(?:فقط|فحسب)\s+)?(?:من(?!\s+(?:دون|غير|خلال|جهة|جانب|قبل))|على|عن|عقب)(?!\w)"
)
_CLAUSE = re.compile(r"[.؟!،:\n]")
_ATTACKS = re.compile(
    r"(?:هجوم|هجمات|[أا]حداث|اعتداءات|تفجيرات|عملية|انتحاريي|ذكرى|ضحايا|ما بعد)\s+\(?\s*$"
)
# Before a season or the end of a week: the coming one.
_UNTIL = re.compile(r"(?<!\w)[وف]?(?:قبل|قبيل|حتى|إلى|الى|مع)\s+(?:حلول\s+)?$")
# What follows «سي», «ست» or «سن» in words that are no verb: سيطر، سنوات، سيناء، سنجار، ستوكهولم.
_NO_VERB = (
    "طر|ار|اس|د|ف|ول|رة|نا|نم|را|وات|وي|جار|حان|تكوم|تين|تان|غاف|غال|ئون|رغي|رجي|براني|بيريا"
    "|لفا|لكو|مون|اح|اق|يوف|ستان|وكهولم|مئة|مائة|يفن|يفان|ورم|يبان|رات|ريت|نما|رفر|تيزن|نغ"
    "|رته|تيت|وكويل|ليكا|اشر|ادة|ادت|ادي|الين|ايدر|يفين|يوارت|وارت|تيمتر|نتكوم|مانتك|لفيو|رها|لان|سيليا"
    "|رينا|جيان|نغالي|انستد|مسونغ|مبسون"
)
_VOWELS = "\u064b-\u0652"
# A clause that tells of what is to come: a verb with «س», or a word of plans and deadlines.
_AHEAD = re.compile(
    rf"(?<![\w{_VOWELS}])[وف]?(?:س[يتن](?!{_NO_VERB})\w{{3,}}|سوف|لن"
    r"|(?:ي|ت|ال)?(?:نتظر|توقع|متوقع|مقرر|مرتقب|منتظر|مزمع)\w*"
    r"|[يت](?:بدأ|نطلق|نتهي|سري|ستأنف|ستعد|عتزم)|أمهل\w*|مهلة|اعتبارا من|ابتداء من|بحلول)"
    r"(?!\w)"
)

_POINT = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:T(\w\w(?::[0-9]{2})?))?)?|-W([0-9]{2})|-Q[1-4])?"
)
NEAR = dt.timedelta(60)  # days further from the report's date belong to another story
_OLD = dt.timedelta(330)  # a day so long past tells of old times
_LONG_AGO = dt.timedelta(730)  # a month must be older: «منذ تشرين الأول 2019» tells of today
SOON = dt.timedelta(45)  # «20 مايو» in a report of 12 May is the coming one


class _Point(NamedTuple):
    """A value found before: year, month, day and what followed its T, as far as it has them.

    `week` is a day of its week.
    """

    year: int
    month: int | None
    day: dt.date | None
    clock: str | None
    week: dt.date | None


@dataclass(frozen=True, slots=True)
class Frame:
    """What the words are told against: the report's date and the values found before."""

    today: dt.date | None
    context: tuple[str, ...]
    ahead: bool  # the clause, or the event that is dated, is of what is to come
    until: bool  # a word before says that it ends something
    since: bool  # the words after name what the expression counts from
    attacks: bool  # the words before are of attacks known by their day

    @classmethod
    def around(
        cls,
        anchor: str | None,
        context: tuple[str, ...],
        before: str,
        after: str,
        ahead: bool,
    ) -> "Frame":
        """The frame of an expression between `before` and `after`, in a report of that date."""
        return cls(
            dt.date.fromisoformat(anchor) if anchor is not None and is_date(anchor) else None,
            context[-_REMEMBERED:],
            ahead=ahead or _AHEAD.search(_CLAUSE.split(before)[-1]) is not None,
            until=_UNTIL.search(before) is not None,
            since=_SINCE.match(after) is not None,
            attacks=_ATTACKS.search(before) is not None,
        )

    def points(self) -> list[_Point]:
        return [point for value in self.context if (point := _point(value))]

    def days(self) -> list[tuple[dt.date, str | None]]:
        """The days found before, in order, each with its part or hour."""
        return [(point.day, point.clock) for point in self.points() if point.day]

    def day(self) -> dt.date | None:
        """The last day found."""
        return next((day for day, _ in reversed(self.days())), None)

    def week(self) -> dt.date | None:
        """A day of the last week found, or the last day."""
        return next((point.week for point in reversed(self.points()) if point.week), None)

    def month(self) -> tuple[int, int] | None:
        """The last month found, or that of the last day."""
        points = reversed(self.points())
        return next(((point.year, point.month) for point in points if point.month), None)

    def year(self) -> int | None:
        """The last year found."""
        return next((point.year for point in reversed(self.points())), None)

    def pivot(self) -> dt.date | None:
        """The day near which a date without a year lies, when the context tells of old times."""
        day, month = self.day(), self.month()
        if day is None and month is not None:
            first = dt.date(*month, 1)
            return first if self.today is None or self.today - first > _LONG_AGO else None
        if day is None or self.today is None or self.today - day > _OLD:
            return day
        return None

    def event_day(self, part: int | None = None) -> dt.date | None:
        """The day to which a bare «فجرا» or «الساعة 11» belongs: the latest of the events told.

        In an old story it is the last one. The plain day of the report is mostly that of the
        telling («قال اليوم»), and the morning after a night is the next day's.
        """
        days = self.days()
        if not days or self.today is None:
            return days[-1][0] if days else self.today
        told = [one for one in days if abs(self.today - one[0]) <= NEAR and one[0] <= self.today]
        events = [one for one in told if one != (self.today, None)]
        if days[-1] == (self.today, None):
            events = told
        elif not events and abs(self.today - days[-1][0]) > NEAR:
            return days[-1][0]
        day, clock = max(events or told or days[-1:], key=lambda one: one[0])
        if part == MORNING and clock in _AFTER_DARK and day < self.today:
            day += dt.timedelta(1)
        return day


_AFTER_DARK = (PARTS[EVENING], PARTS[NIGHT])


@lru_cache(maxsize=4096)
def _point(value: str) -> _Point | None:
    match = _POINT.fullmatch(value)
    if match is None:
        return None
    year, month = int(match[1]), int(match[2]) if match[2] else None
    try:
        day = dt.date(year, month, int(match[3])) if month and match[3] else None
        week = dt.date.fromisocalendar(year, int(match[5]), 1) if match[5] else day
        dt.date(year, month or 1, 1)
    except ValueError:
        return None
    return _Point(year, month, day, match[4], week)
