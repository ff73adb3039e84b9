"""Days and months of the Gregorian and the Hijri calendar, and values of the guidelines."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from hijridate import Hijri

from marsad.resolve.dates.words import END, START


@dataclass(frozen=True, slots=True)
class ResolvedDate:
    """A value of the guidelines and how fine it is.

    `precision` is minute, part of day, day, week, month, quarter or year.
    """

    value: str
    precision: str


class Unresolved(StrEnum):
    """Why an expression has no value."""

    UNREAD = "not understood"
    IMPOSSIBLE = "no such day"
    NO_ANCHOR = "no report date"
    NO_DAY = "no day told before"
    OPEN = "left open"


MIDNIGHT = 24 * 60
NOON = 12 * 60
# Nobody reports from the 14th century of our era: such a year is Hijri, said or not.
HIJRI_YEARS = range(1300, 1500)
ERA_APART = 1700  # from this year on, a year beside a Hijri month is Gregorian
_UMM_AL_QURA = range(1343, 1501)  # the years that the official tables give
_GREGORIAN_REFORM = dt.date(1582, 10, 15)
HIJRI_ORDINAL = 227_014  # the day before 1 Muharram of the year 1, civil reckoning


def from_hijri(year: int, month: int, day: int) -> dt.date:
    """The day of a Hijri date: Umm al-Qura, outside its tables the arithmetical calendar.

    Before the reform of 1582 it is the Julian day, as historians write it.
    """
    if not (1 <= year <= 9000 and 1 <= month <= 12 and 1 <= day <= 30):
        raise ValueError("no such Hijri day")
    if year in _UMM_AL_QURA:
        first = Hijri(year, month, 1).to_gregorian()
        return dt.date.fromordinal(first.toordinal() + day - 1)
    days = 354 * (year - 1) + (11 * year + 3) // 30 + 30 * (month - 1) - (month - 1) // 2 + day
    found = dt.date.fromordinal(HIJRI_ORDINAL + days)
    if found < _GREGORIAN_REFORM:
        found -= dt.timedelta(found.year // 100 - found.year // 400 - 2)
    return found


def middle(year: int, month: int) -> dt.date:
    """The day in the middle of a Hijri month; its Gregorian month holds most of the Hijri one."""
    return from_hijri(year, month, 15)


def middle_within(year: int, month: int) -> dt.date | None:
    """The middle of the Hijri month that lies in a Gregorian year: «رمضان 2015»."""
    this = int((year - 622) * 33 / 32)
    places = (middle(this + step, month) for step in (-1, 0, 1, 2))
    return next((place for place in places if place.year == year), None)


def months_on(year: int, month: int, count: int) -> tuple[int, int]:
    total = 12 * year + month - 1 + count
    return total // 12, total % 12 + 1


def month_value(year: int, month: int) -> ResolvedDate:
    return ResolvedDate(f"{dt.date(year, month, 1):%Y-%m}".zfill(7), "month")


def week_value(day: dt.date) -> ResolvedDate:
    year, week, _ = day.isocalendar()
    return ResolvedDate(f"{year:04}-W{week:02}", "week")


def year_value(year: int, edge: int | None = None) -> ResolvedDate:
    """A year; its beginning is its first month and its end the last, the rest of it no month."""
    if not dt.MINYEAR <= year <= dt.MAXYEAR:
        raise ValueError("no such year")
    if edge in EDGE_MONTHS:
        return month_value(year, EDGE_MONTHS[edge])
    return ResolvedDate(f"{year:04}", "year")


EDGE_MONTHS: Mapping[int | None, int] = {START: 1, END: 12}
