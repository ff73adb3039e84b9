"""What a date expression says before any context comes in: rules over its row of letters."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from marsad.resolve.dates.calendars import HIJRI_YEARS, MIDNIGHT
from marsad.resolve.dates.words import EVENING, HOUR, MINUTE, MONTH, NIGHT, PAIR, century, items


@dataclass(slots=True)
class Reading:
    """What the words say, before the report's date comes in.

    A step is -1 for «الماضي», 0 for «الجاري», 1 for «المقبل»; `follows` is 1 for «التالي» and -1
    for «السابق», which count from the context.
    """

    clock: int | None = None  # minutes of the day as said: «السابعة» is 420, be it evening
    exact: bool = False  # the clock is of 24 hours
    part: int | None = None
    day: int | None = None
    month: int | None = None
    year: int | None = None
    hijri_day: int | None = None
    hijri_month: int | None = None
    hijri_year: int | None = None
    year_step: int | None = None  # «آب من العام الماضي»
    year_same: bool = False
    number: int | None = None  # a day without its month
    weekday: int | None = None
    step: int | None = None
    follows: int | None = None
    same: bool = False
    shift: int | None = None  # days from the report's date: «أمس» -1
    day_same: bool = False  # «اليوم نفسه»
    day_follows: int | None = None  # «اليوم التالي»
    offset: tuple[int, int] | None = None  # «قبل يومين» is (2, DAY) with
    offset_sign: int = 1  # -1
    offset_half: bool = False
    offset_then: bool = False  # «قبل ذلك بيومين»
    unit: int | None = None
    week: int | None = None  # its number, in the year or the month
    edge: int | None = None
    season: int | None = None


_Values = list[int]
_Reader = Callable[[Reading, _Values, re.Match[str]], None]


def _value(values: _Values, match: re.Match[str], name: str) -> int | None:
    """The number of the first item of a group; None where the group is absent."""
    return values[match.start(name)] if match[name] else None


def _read_clock(reading: Reading, values: _Values, match: re.Match[str]) -> None:
    said = values[match.start("hour")]
    if match["hour"] == "t":
        clock, reading.exact = said, True
    elif said <= 24:
        clock, reading.exact = said % 24 * 60, said > 12
    elif 100 <= said < 2400 and said % 100 < 60:
        clock, reading.exact = said // 100 * 60 + said % 100, True
    else:
        return
    if match["half"]:
        reading.part = EVENING if match["half"] == "e" else values[match.start("half")]
    more = _value(values, match, "more") or 0
    reading.clock = (clock + (-more if match["less"] else more)) % MIDNIGHT


def _read_full(reading: Reading, values: _Values, match: re.Match[str]) -> None:
    packed = values[match.start()]
    year, month, day = packed // 10_000, packed // 100 % 100, packed % 100
    if match["era"] == "g" or (year in HIJRI_YEARS and match["era"] is None):
        reading.hijri_year, reading.hijri_month, reading.hijri_day = year, month, day
    else:
        reading.year, reading.month, reading.day = year, month, day


def _read_pair(reading: Reading, values: _Values, match: re.Match[str]) -> None:
    first, second = divmod(values[match.start()], PAIR)
    if first > 31 or second > 31:  # «12/2021», and «2013/2014» for its first year
        reading.year, month = (first, second) if first > 31 else (second, first)
        reading.month = month if month <= 12 else None
    else:
        reading.day, reading.month = (second, first) if second > 12 else (first, second)


def _read_calendar(reading: Reading, values: _Values, match: re.Match[str]) -> None:
    day, year = _value(values, match, "day"), _value(values, match, "year")
    if match["day"] == "j" and day is not None:
        day //= PAIR  # the first of «19-20 تشرين الثاني»
    late = _value(values, match, "late")
    if day is None:
        day = late  # «مايو 3»
    month = values[match.start("month")]
    if "H" in match["month"]:
        reading.hijri_day, reading.hijri_month, reading.hijri_year = day, month, year
    else:
        reading.day, reading.month, reading.year = day, month, year
    reading.year_step = next(
        (step for name in ("after", "before") if (step := _value(values, match, name)) is not None),
        None,
    )
    reading.year_same = match["then"] is not None


def _read_year(reading: Reading, values: _Values, match: re.Match[str]) -> None:
    year = values[match.start("year")]
    if match["era"] == "g" or (year in HIJRI_YEARS and match["era"] is None):
        reading.hijri_year = year
    else:
        reading.year = century(year) if 31 < year < 100 else year


def _read_offset(reading: Reading, values: _Values, match: re.Match[str]) -> None:
    unit, sign = values[match.start("unit")], values[match.start("sign")]
    count = _value(values, match, "count") or _value(values, match, "late")
    if match["unit"] == "w":
        count = 2
    elif match["unit"] in "uiyk" and count is None:
        count = 1
    elif unit == HOUR and count is None:
        count = 0  # «قبل ساعات» is the same day, but «قبل أيام» is any
    if unit == HOUR and match["part"]:
        # «بعد نصف ساعة» counts from an event, «قبل نصف ساعة» is today
        count, unit = (values[match.start("part")], MINUTE) if sign > 0 else (0, HOUR)
    if count is not None:
        reading.offset, reading.offset_sign = (count, unit), sign
        reading.offset_half = match["half"] is not None
        reading.offset_then = match["then"] is not None or match["since"] is not None


def _read_week(reading: Reading, values: _Values, match: re.Match[str]) -> None:
    reading.week = values[match.start("number")]


def _read_same(reading: Reading, values: _Values, match: re.Match[str]) -> None:
    reading.same = True


def _read_night(reading: Reading, values: _Values, match: re.Match[str]) -> None:
    step = _value(values, match, "step") or 0
    if "s" in match.group():  # «تلك الليلة»
        reading.day_same = True
    else:
        reading.shift = step * (2 if match["twice"] else 1)
    if "P" not in match.string:  # the Sudanese «الليلة الصباح» is this morning
        reading.part = NIGHT


def _read_today(reading: Reading, values: _Values, match: re.Match[str]) -> None:
    if "s" in match.group():
        reading.day_same = True
    elif match["follows"]:
        reading.day_follows = values[match.start("follows")]
    elif not match["order"]:  # «اليوم الثاني» of what?
        reading.shift = _value(values, match, "step") or 0


def _read_this(reading: Reading, values: _Values, match: re.Match[str]) -> None:
    """«هذا الصباح» is today's."""
    if values[match.start()] == 0 and "T" not in match.string:
        reading.shift = 0


def _read_before_last(reading: Reading, values: _Values, match: re.Match[str]) -> None:
    """«الخميس قبل الماضي» is a week before the last one."""
    reading.weekday, reading.step = values[match.start()], 2 * values[match.end() - 1]


def _read_feast(reading: Reading, values: _Values, match: re.Match[str]) -> None:
    """«ثالث أيام عيد الفطر»."""
    reading.hijri_day = values[match.start("day")] + values[match.start("nth")] - 1
    reading.hijri_month = values[match.start("month")]


def _read_number(reading: Reading, values: _Values, match: re.Match[str]) -> None:
    number = values[match.start("number")]
    reading.number = number // PAIR if match["number"] == "j" else number
    reading.unit = MONTH if match["of"] and values[match.start("of")] == MONTH else None
    for name in ("before", "after"):
        if match[name] == "s":
            reading.same = True
        elif match[name]:
            reading.step = values[match.start(name)]


def _read_unit(reading: Reading, values: _Values, match: re.Match[str]) -> None:
    reading.unit = values[match.start("unit")]
    for name in ("before", "after"):
        if match[name] == "s":
            reading.same = True
        elif match[name] == "a":
            reading.follows = values[match.start(name)]
        elif match[name]:
            reading.step = values[match.start(name)] * (2 if match["twice"] else 1)


def _read_part(reading: Reading, values: _Values, match: re.Match[str]) -> None:
    """The first part of day named, but «بعد صلاة العشاء من ليلة الخميس» is at night."""
    parts = [values[match.start() + n] for n, letter in enumerate(match.group()) if letter == "P"]
    if reading.part is None:
        reading.part = NIGHT if NIGHT in parts else parts[0]


def _keep(field: str) -> _Reader:
    """A reader that keeps the number of the first item, unless a rule before it has done so."""

    def read(reading: Reading, values: _Values, match: re.Match[str]) -> None:
        if getattr(reading, field) is None:
            setattr(reading, field, values[match.start()])

    return read


_CLOCK = (
    r"c?(?P<hour>t|(?<=c)[nfvz]|(?<![yYpuUiIwL])f|(?<![MHuUTyYp])n(?=h?P)|[nz](?=Z))"
    r"(?:(?P<less>x)?k?(?P<more>h|(?<=k)[nf]|[nf](?=k))k?)?(?P<half>[eq](?!g))?"
)
_ERA = r"(?P<era>[ge])?"
_CALENDAR = (
    r"(?P<day>[noj])?[noj]?p?[uU]?(?P<month>M+|H+)"
    r"(?:[yY](?P<after>m)|(?P<before>m)[yY]|(?P<then>s[yY]|[yY]s)|(?:(?P<late>n)(?!g))?"
    r"(?:[yY]?(?P<year>z|n(?=g)|(?<=[yY])[nof]))?)"
)
_OFFSET = (
    r"(?P<sign>b)(?P<then>s)?(?:(?P<part>h)|(?P<count>[noz]))?(?P<unit>[uiywpk])(?P<late>n)?(?P<half>h)?"
    r"(?P<since>s)?"
)
_NUMBERED = (
    r"(?<![pwC])(?P<number>[noj])[noj]?"
    r"(?:[uU]?(?P<after>[ms])|(?P<before>[ms])[uU]|(?P<of>U)|(?![uUiIyYwpkgeC]))"
)
_UNIT = r"(?P<before>[ms])?(?P<unit>[UIY]|(?<=[ms])[uiy])(?P<twice>b(?=m))?(?P<after>[msa])?"
# Tried in this order, each once; the items that a rule takes are gone for the rules after it.
_READERS: tuple[tuple[re.Pattern[str], _Reader], ...] = tuple(
    (re.compile(pattern), reader)
    for pattern, reader in (
        (r"d(?!\.)", _keep("part")),
        (r"m(?=P)", _read_this),
        (r"W\.?bm", _read_before_last),
        (r"(?P<nth>[no])[pu](?P<day>n)(?P<month>H)", _read_feast),
        (_CLOCK, _read_clock),
        (rf"D{_ERA}", _read_full),
        (r"[iI](?P<number>[no])", _read_week),
        (_CALENDAR, _read_calendar),
        (r"j", _read_pair),
        (rf"[yY]?(?P<year>z|(?<=[yY])[nof]|n(?=g)){_ERA}", _read_year),
        (r"s?L(?:s|(?P<twice>b)?(?P<step>m))?", _read_night),
        (r"s?T(?:s|(?P<follows>a)|(?P<step>m)|(?P<order>[of]))?", _read_today),
        (_OFFSET, _read_offset),
        (_NUMBERED, _read_number),
        (_UNIT, _read_unit),
        (r"W", _keep("weekday")),
        (r"R", _keep("shift")),
        (r"E", _keep("edge")),
        (r"S", _keep("season")),
        (r"m", _keep("step")),
        (r"a", _keep("follows")),
        (r"s", _read_same),
        (r"P.*", _read_part),
    )
)


def read(text: str) -> Reading:
    row = items(text)
    letters, values = "".join(item.letter for item in row), [item.value for item in row]
    reading = Reading()
    for pattern, reader in _READERS:
        if match := pattern.search(letters):
            reader(reading, values, match)
            start, end = match.span()
            letters = letters[:start] + "." * (end - start) + letters[end:]
    return reading
