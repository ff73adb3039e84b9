"""From a reading and its frame to a value: the first way that the reading allows."""

import datetime as dt
from collections.abc import Callable, Mapping

from marsad.resolve.dates.calendars import (
    EDGE_MONTHS,
    ERA_APART,
    HIJRI_ORDINAL,
    NOON,
    ResolvedDate,
    Unresolved,
    from_hijri,
    middle,
    middle_within,
    month_value,
    months_on,
    week_value,
    year_value,
)
from marsad.resolve.dates.reading import Reading
from marsad.resolve.dates.story import NEAR, SOON, Frame
from marsad.resolve.dates.words import (
    AFTERNOON,
    DAY,
    END,
    EVENING,
    HOUR,
    MIDDLE,
    MINUTE,
    MONTH,
    MORNING,
    NIGHT,
    PARTS,
    WEEK,
    YEAR,
    century,
)


def _finish(day: dt.date, reading: Reading, frame: Frame) -> ResolvedDate:
    """The day with the hour or the part of day that the words name."""
    if reading.clock is None:
        if reading.part is None:
            return ResolvedDate(day.isoformat(), "day")
        return ResolvedDate(f"{day.isoformat()}T{PARTS[reading.part]}", "part of day")
    clock, part = reading.clock, reading.part
    if part is None and not reading.exact:
        part = _part_before(day, frame)
    if part is not None and clock // 60 in _SECOND_HALF[part]:
        clock += NOON
    elif part in (MORNING, NIGHT) and clock // 60 == 12:  # but «12:15 مساء» is past noon
        clock -= NOON
        if part != MORNING and (reading.weekday is not None or reading.shift is not None):
            day += dt.timedelta(1)  # twelve at the end of that night
    return ResolvedDate(f"{day.isoformat()}T{clock // 60:02}:{clock % 60:02}", "minute")


# The hours of each part of day that are said as 1 to 11 and mean 13 to 23.
_SECOND_HALF: Mapping[int, range] = {
    MORNING: range(0),
    AFTERNOON: range(1, 10),
    EVENING: range(1, 12),
    NIGHT: range(6, 12),
}


def _part_before(day: dt.date, frame: Frame) -> int | None:
    """The part of day last told of that day: «السابعة» after an evening is 19:00."""
    days = frame.days()
    if days and days[-1][0] == day and days[-1][1] in PARTS:
        return PARTS.index(days[-1][1])
    return None


def _stated_year(reading: Reading, frame: Frame) -> int | None:
    """The Gregorian year that the words give, outright or as «من العام الماضي»."""
    if reading.year is not None:
        return reading.year
    if reading.year_same:
        return frame.year()
    if reading.year_step is not None and frame.today:
        return frame.today.year + reading.year_step
    return None


# days called after what happened on them, «هجمات 11 سبتمبر», with their year
_CALLED_AFTER: Mapping[tuple[int, int | None], int] = {(9, 11): 2001, (10, 7): 2023}


def _gregorian(reading: Reading, frame: Frame) -> ResolvedDate | None:
    assert reading.month is not None
    month, year = reading.month, _stated_year(reading, frame)
    if year is None:
        if reading.year_same or (frame.today is None and frame.year() is None):
            return None
        near = _CALLED_AFTER.get((month, reading.day)) if frame.attacks else None
        if near is None or (frame.today and frame.today.year < near):
            near = _fitting_year(month, reading, frame)
        if near is None:
            return None
        year = near
    if reading.week is not None:
        return week_value(dt.date(year, month, 1) + dt.timedelta(7 * (reading.week - 1)))
    if reading.day is None:
        return month_value(year, month)
    day = dt.date(year, month, reading.day)
    return _finish(_of_this_year(day, reading, frame.today) or day, reading, frame)


def _of_this_year(day: dt.date, reading: Reading, today: dt.date | None) -> dt.date | None:
    """The day where the old year was written early in the new, as its weekday tells."""
    if today is None or reading.weekday is None or day.year != today.year - 1:
        return None
    meant = day.replace(year=today.year)
    weekdays = day.weekday(), meant.weekday()
    is_near = abs(meant - today) < _EARLY and today.month == 1
    return meant if is_near and reading.weekday == weekdays[1] != weekdays[0] else None


def _fitting_year(month: int, reading: Reading, frame: Frame) -> int | None:
    """The year of a month or day that is told without one."""
    day = reading.day or 1

    def place(year: int) -> dt.date:
        return dt.date(year, month, min(day, 28))  # 29 February too has a place in any year

    pivot = frame.pivot()
    if pivot is None and frame.today is None:
        return frame.year()
    if pivot is not None and reading.step is None:
        return pivot.year
    today = frame.today
    if today is None:
        return None
    if reading.day is None:  # months are compared as wholes
        today = today.replace(day=1)
    years = range(max(today.year - 4, 1), today.year + 2)
    if reading.step == 0:
        return today.year
    if reading.step is not None and reading.step > 0:
        return next(year for year in years if place(year) > today)
    if frame.ahead and reading.step is None:
        return next(year for year in years if place(year) >= today)
    latest = today - dt.timedelta(1) if reading.step else today + SOON
    fitting = [year for year in years if place(year) <= latest]
    if reading.weekday is not None and reading.day is not None:
        same = [year for year in fitting if _weekday_of(year, month, day) == reading.weekday]
        fitting = same or fitting
    return fitting[-1] if fitting else None


def _weekday_of(year: int, month: int, day: int) -> int | None:
    try:
        return dt.date(year, month, day).weekday()
    except ValueError:
        return None


def _hijri(reading: Reading, frame: Frame) -> ResolvedDate | None:
    assert reading.hijri_month is not None
    month, year = reading.hijri_month, reading.hijri_year
    if year is None and reading.year_step is not None and frame.today:  # «رمضان العام الماضي»
        found = middle_within(frame.today.year + reading.year_step, month)
    elif year is None:
        found = _fitting_hijri(reading, frame)
    elif year >= ERA_APART and reading.hijri_day is None:
        found = middle_within(year, month)
    elif reading.hijri_day is None:
        found = middle(year, month)
    else:
        found = from_hijri(year, month, reading.hijri_day)
    if found is None:
        return None
    if reading.hijri_day is None:
        return month_value(found.year, found.month)
    return _finish(_by_weekday(found, reading.weekday), reading, frame)


def _by_weekday(day: dt.date, weekday: int | None) -> dt.date:
    """A Hijri day set right by its weekday, where the moon was sighted a day off the tables."""
    if weekday is None:
        return day
    off = (weekday - day.weekday() + 3) % 7 - 3
    return day + dt.timedelta(off) if abs(off) == 1 else day


def _fitting_hijri(reading: Reading, frame: Frame) -> dt.date | None:
    assert reading.hijri_month is not None
    day = reading.hijri_day or 15
    pivot = frame.pivot() or frame.today
    if pivot is None:
        return None
    this = (pivot.toordinal() - HIJRI_ORDINAL) * 30 // 10_631 + 1  # 30 years have 10631 days
    places = [from_hijri(year, reading.hijri_month, day) for year in range(this - 2, this + 3)]
    if frame.pivot():
        return min(places, key=lambda place: abs(place - pivot))
    if reading.step == 1:
        return next(place for place in places if place > pivot)
    if reading.step is None and (frame.ahead or frame.until):
        return next(place for place in places if place + dt.timedelta(15) >= pivot)
    latest = pivot - dt.timedelta(15) if reading.step else pivot + SOON
    return [place for place in places if place <= latest][-1]


def _whole_year(reading: Reading, frame: Frame) -> ResolvedDate | None:
    assert reading.year is not None
    if reading.shift == 0 and frame.today:  # «مثل هذا اليوم من عام 2006»
        return ResolvedDate(f"{frame.today.replace(year=reading.year)}", "day")
    if reading.week is not None:
        return week_value(dt.date.fromisocalendar(reading.year, reading.week, 1))
    return year_value(reading.year, reading.edge)


def _hijri_year(reading: Reading, frame: Frame) -> ResolvedDate | None:
    assert reading.hijri_year is not None
    if reading.edge in EDGE_MONTHS:
        day = middle(reading.hijri_year, EDGE_MONTHS[reading.edge])
        return month_value(day.year, day.month)
    return year_value(middle(reading.hijri_year, 6).year)


def _quarter(reading: Reading, frame: Frame) -> ResolvedDate | None:
    """A season: spring is the second quarter, autumn the fourth (the guidelines' Q3 is summer)."""
    assert reading.season is not None
    year = reading.year
    if year is None and reading.unit == YEAR:
        year = _unit_year(reading, frame)
    if year is None:
        if frame.today is None:
            return None
        now = (frame.today.month + 2) // 3
        step = reading.step or 0
        year = frame.today.year
        if step > 0:
            year += reading.season <= now
        elif step == 0 and (frame.ahead or frame.until):
            year += reading.season < now
        elif reading.step == 0:  # «هذا الصيف» may lie ahead
            pass
        elif reading.season > now or (step < 0 and reading.season == now):
            year -= 1
    return ResolvedDate(f"{year_value(year).value}-Q{reading.season}", "quarter")


def _offset(reading: Reading, frame: Frame) -> ResolvedDate | None:
    """«قبل ثلاثة أيام» counts from the report, or from an old story; «بعد أيام» from any story.

    «بعد ساعات» is in the story too.
    """
    assert reading.offset is not None
    (count, unit), sign = reading.offset, reading.offset_sign
    since = frame.since and (sign > 0 or unit in (HOUR, DAY))
    story = unit == YEAR and sign > 0 and not frame.ahead and frame.day() is not None
    if (since or story) and not reading.offset_then:
        return _beside_an_event(reading, frame)
    if unit in (MINUTE, HOUR) and sign > 0:
        return _later(count, unit, frame)
    if unit == MINUTE:
        return None
    count *= sign
    base = frame.today
    told = frame.day()
    if base and told and unit in (DAY, WEEK) and (sign > 0 or abs(base - told) > NEAR):
        base = told
    if base is None or reading.offset_then:
        base = told
    if base is None:
        return None
    if unit == YEAR:
        year, month = months_on(base.year, base.month, 12 * count)
        if reading.offset_half:
            year, month = months_on(year, month, 6 * sign)
        return year_value(year)
    if unit == MONTH:
        return month_value(*months_on(base.year, base.month, count))
    day = base + dt.timedelta(int(count * _UNIT_DAYS[unit]))
    return _finish(day, reading, frame)


def _beside_an_event(reading: Reading, frame: Frame) -> ResolvedDate | None:
    """«بعد يومين من الهجوم» says when the story is, «قبل يومين من الهجوم» what was before it."""
    assert reading.offset is not None
    (count, unit), day = reading.offset, frame.pivot() or frame.event_day()
    if day is None:
        return None
    before = count if unit == DAY and reading.offset_sign < 0 else 0
    return _as_fine_as(unit, day - dt.timedelta(before))


def _as_fine_as(unit: int, day: dt.date) -> ResolvedDate:
    if unit == YEAR:
        return year_value(day.year)
    return month_value(day.year, day.month) if unit == MONTH else ResolvedDate(f"{day}", "day")


def _later(count: int, unit: int, frame: Frame) -> ResolvedDate | None:
    """Minutes or hours after what was told last: to the minute if that was, else its day."""
    days = frame.days()
    if not days:
        return ResolvedDate(f"{frame.today}", "day") if frame.today and unit == HOUR else None
    day, clock = days[-1]
    if not clock or clock in PARTS or not count:
        return ResolvedDate(f"{day}", "day")
    told = dt.datetime.combine(day, dt.time.fromisoformat(clock))
    then = told + dt.timedelta(hours=count) if unit == HOUR else told + dt.timedelta(minutes=count)
    return ResolvedDate(f"{then:%Y-%m-%dT%H:%M}", "minute")


_EARLY = dt.timedelta(31)
_UNIT_DAYS: Mapping[int, float] = {HOUR: 1 / 24, DAY: 1, WEEK: 7}


def _weekday(reading: Reading, frame: Frame) -> ResolvedDate | None:
    assert reading.weekday is not None
    today, ahead = frame.today, reading.step == 1 or (frame.ahead and reading.step is None)
    if reading.follows is not None:
        today, ahead = frame.day(), reading.follows > 0
    if today is None:
        return None
    if reading.unit == WEEK and reading.step is not None:
        monday = today - dt.timedelta(today.weekday() - 7 * reading.step)
        return _finish(monday + dt.timedelta(reading.weekday), reading, frame)
    if reading.shift:
        # The ruling on «أمس الأحد»: the relative word wins where the weekday is the report's own.
        day = today + dt.timedelta(reading.shift)
        if reading.weekday in (day.weekday(), today.weekday()):
            return _finish(day, reading, frame)
        ahead = reading.shift > 0
    off = (reading.weekday - today.weekday()) % 7 if ahead else None
    if off is None:
        off = -((today.weekday() - reading.weekday) % 7)
    if off == 0 and (reading.step or reading.follows):  # «الاثنين الماضي» is never today
        off = 7 if ahead else -7
    if reading.step == -2:  # «الاثنين قبل الماضي»
        off -= 7
    return _finish(today + dt.timedelta(off), reading, frame)


def _numbered(reading: Reading, frame: Frame) -> ResolvedDate | None:
    """A day without its month: «13 الجاري», «الحادي عشر منه», or the last such day."""
    assert reading.number is not None
    if 31 < reading.number < 100:  # «حرب 73»
        return year_value(century(reading.number))
    today = frame.today
    if reading.same or today is None or (reading.unit == MONTH and _recent_month(frame)):
        found = frame.month()
        if found is None:
            return None
    else:
        back = reading.step is None and reading.number > today.day
        found = months_on(today.year, today.month, -1 if back else reading.step or 0)
    return _finish(dt.date(*found, reading.number), reading, frame)


def _same_day(reading: Reading, frame: Frame) -> ResolvedDate | None:
    day = frame.day() and (frame.pivot() or frame.event_day())
    if day is None:
        return None
    return _finish(day + dt.timedelta(reading.day_follows or 0), reading, frame)


def _shifted(reading: Reading, frame: Frame) -> ResolvedDate | None:
    assert reading.shift is not None
    if frame.today is None:
        return None
    return _finish(frame.today + dt.timedelta(reading.shift), reading, frame)


def _unit(reading: Reading, frame: Frame) -> ResolvedDate | None:
    """«الأسبوع الماضي», «مطلع الشهر الجاري», «نهاية العام»."""
    if reading.unit == YEAR:
        year = _unit_year(reading, frame)
        return None if year is None else year_value(year, reading.edge)
    if reading.unit == MONTH:
        month = _unit_month(reading, frame)
        return None if month is None else month_value(*month)
    if reading.unit != WEEK:
        return None
    if reading.same or reading.follows:
        day, step = frame.week() or frame.today, reading.follows or 0
    else:
        day, step = frame.today, reading.step or 0
        past = not (frame.ahead or frame.until)
        if day and reading.edge == END and reading.step is None and past and day.weekday() < 3:
            step = -1  # early in a week the weekend is the one before
    return week_value(day + dt.timedelta(7 * step)) if day else None


def _unit_year(reading: Reading, frame: Frame) -> int | None:
    if reading.same:
        return frame.year()
    if reading.follows:
        year = frame.year()
        return None if year is None else year + reading.follows
    return frame.today.year + (reading.step or 0) if frame.today else None


def _unit_month(reading: Reading, frame: Frame) -> tuple[int, int] | None:
    today, told = frame.today, frame.month()
    if reading.same or reading.follows:
        return months_on(*told, reading.follows or 0) if told else None
    if today is None:
        return None
    this = (today.year, today.month)
    if reading.step is None and reading.edge in (None, MIDDLE) and _recent_month(frame):
        return told  # «منتصف الشهر» after «شهر يونيو» is that month's
    return months_on(*this, reading.step or 0)


def _recent_month(frame: Frame) -> bool:
    """Whether the month told last is the report's or the one before: then «الشهر» is that one."""
    assert frame.today is not None
    this = (frame.today.year, frame.today.month)
    return frame.month() in (this, months_on(*this, -1))


def _bare(reading: Reading, frame: Frame) -> ResolvedDate | None:
    """A part of day or an hour alone belongs to the day told before, and to none without one.

    The report's own day would be a guess: social posts mean today's, chapters of investigations
    do not, and the Rulings leave «ليلا» with no day unresolved.
    """
    day = frame.event_day(reading.part) if frame.days() else None
    return _finish(day, reading, frame) if day else None


_Way = Callable[[Reading, Frame], ResolvedDate | None]


def _has(*fields: str) -> Callable[[Reading], bool]:
    return lambda reading: any(getattr(reading, field) is not None for field in fields)


# The first way whose condition holds gives the value: what says more comes first.
_WAYS: tuple[tuple[Callable[[Reading], bool], _Way], ...] = (
    (_has("month"), _gregorian),
    (_has("hijri_month"), _hijri),
    (_has("season"), _quarter),
    (_has("year"), _whole_year),
    (_has("hijri_year"), _hijri_year),
    (_has("offset"), _offset),
    (lambda reading: reading.number is not None and reading.same, _numbered),
    (_has("weekday"), _weekday),
    (_has("number"), _numbered),
    (lambda reading: reading.day_same or reading.day_follows is not None, _same_day),
    (_has("shift"), _shifted),
    (_has("unit"), _unit),
    (_has("part", "clock"), _bare),
)


def resolve(reading: Reading, frame: Frame) -> ResolvedDate | Unresolved:
    """The value of the first way that applies, or why there is none."""
    way = next((way for applies, way in _WAYS if applies(reading)), None)
    if way is None:
        return Unresolved.UNREAD
    try:
        found = way(reading, frame)
    except (OverflowError, ValueError):  # «قبل مليون عام», 31 February
        return Unresolved.IMPOSSIBLE
    if found is not None:
        return found
    if way in (_bare, _same_day):
        return Unresolved.NO_DAY
    return Unresolved.OPEN if frame.today else Unresolved.NO_ANCHOR
