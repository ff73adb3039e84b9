"""Dates that say their day only together with the date after them."""

import re
from dataclasses import fields

from marsad.resolve.dates.reading import Reading, read

_OF = re.compile(r"[)\s]*[،,]?\s*(?:من|في|يوم|من يوم)?\s*")
_TO = re.compile(r"\s*(?:[–-]|(?:و|أو|او|ل|وحتى|حتى|إلى|الى|لغاية))\s*")
_MEANING = re.compile(r"\s*،?\s*(?:الموافق|المصادف)\s*(?:ل|لـ)?\s*")
_TIMES, _DAYS = {"clock", "exact", "part"}, {"day", "month"}


def with_next(text: str, gap: str, following: str) -> str:
    """The words of a date, with those of the next where only both together name the day.

    «[الساعة 22:10] من [يوم الأحد]», «[15] و[20 تشرين الأول 2017]», «[كانون الأول] و[شباط 2018]»
    (of the year before), «[الأحد] الموافق [4 شباط]». `gap` is what stands between the two.
    """
    ties = [tie for tie in (_OF, _TO, _MEANING) if tie.fullmatch(gap)]
    if not ties:
        return text
    own, then = read(text), read(following)
    said, both = _said(own), f"{text} {following}"
    if _OF in ties and said and said <= _TIMES and then.clock is None and _names_day(then):
        return both
    if _TO in ties and said == {"number"} and then.month:
        return both
    if _TO in ties and own.month and said <= _DAYS and then.month and then.year:
        return f"{text} {then.year - (own.month > then.month)}"
    if _MEANING in ties and own.hijri_day is not None and then.month and then.day:
        return following  # the moon may have been sighted a day off the tables
    if _MEANING in ties and own.weekday is not None and not own.month and then.month:
        return both
    return text


def _said(reading: Reading) -> set[str]:
    return {f.name for f in fields(Reading) if getattr(reading, f.name) != f.default}


def _names_day(reading: Reading) -> bool:
    named = (reading.month, reading.hijri_month, reading.weekday, reading.shift)
    return any(value is not None for value in named)
