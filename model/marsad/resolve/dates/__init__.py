"""When an Arabic date expression is: «فجر الثالث من يناير عام 2020» is 2020-01-03TMO.

The values are those of the annotation guidelines ('Values', and the rulings on dates). An
expression is read in three steps: `words` turns it into items, each a letter with a number;
`reading` fills a `Reading` by regular expressions over the row of letters; `ways` takes the first
way that the reading allows, against the frame that `story` makes of the context.
"""

import datetime as dt
import re

from marsad.resolve.dates.calendars import ResolvedDate, Unresolved
from marsad.resolve.dates.joined import with_next
from marsad.resolve.dates.reading import read
from marsad.resolve.dates.story import Frame
from marsad.resolve.dates.ways import resolve
from marsad.resolve.dates.words import items

__all__ = ["ResolvedDate", "Unresolved", "date", "date_or_reason", "with_next"]

_LONGEST = 300  # no date expression is longer; what follows would only cost time
# Before an expression: «منذ [يومين]», where the guidelines leave the word outside.
_AGO = re.compile(r"(?<!\w)[وف]?(?:منذ|قبل|(?<!أكثر )(?<!أقل )من)\s+(?:نحو\s+|حوالي\s+)?$")
# Before an expression: that it is the same day in another calendar, to within so many days.
_MEANT, _SIGHTED = re.compile(r"(?:الموافق|المصادف)\s*(?:ل|لـ)?\s*$"), dt.timedelta(2)
_SPANS = frozenset("uUiIyYwpkC")  # letters of words for spans of time
# After an expression: what its speaker meant, «[اليوم] (أمس)».
_CORRECTED = re.compile(r"\s*\(\s*((?:[أا]ول من )?[أا]مس|اليوم|غدا?)\s*\)")


def date(
    text: str,
    anchor: str | None = None,
    context: tuple[str, ...] = (),
    before: str = "",
    after: str = "",
    ahead: bool = False,
) -> ResolvedDate | None:
    """The date that the expression means; None where that cannot be known.

    `anchor` is the report's ISO date; without it a relative expression has no date unless the
    context gives one. `context` are the values found earlier in the same report, in order: they
    fix «اليوم نفسه», «بعد ثلاثة أيام», a bare «فجرا» and a day and month without a year. `before`
    and `after` are the text around the expression: «تبدأ [الخميس]» is the coming one, and
    «[بعد يومين] من الهجوم» the day of the story, whenever the attack was; «هجمات [11 سبتمبر]» are
    those of 2001, and «[اليوم] (أمس)» a quote that was printed a day later. `ahead` says that what
    is dated is yet to come.
    """
    found = date_or_reason(text, anchor, context, before, after, ahead)
    return found if isinstance(found, ResolvedDate) else None


def date_or_reason(
    text: str,
    anchor: str | None = None,
    context: tuple[str, ...] = (),
    before: str = "",
    after: str = "",
    ahead: bool = False,
) -> ResolvedDate | Unresolved:
    """As `date`, with the reason where it has no value."""
    text, frame = text[:_LONGEST], Frame.around(anchor, context, before, after, ahead)
    reading = read(text)
    if reading.shift is not None and (told := _CORRECTED.match(after)):
        reading.shift = read(told[1]).shift
    found = resolve(reading, frame)
    if found is Unresolved.UNREAD and text.startswith("من "):
        return resolve(read(f"قبل {text[3:]}"), frame)
    if found is Unresolved.UNREAD and _AGO.search(before):
        return resolve(read(f"قبل {text}"), frame)
    if found is Unresolved.UNREAD and _SPANS.intersection(item.letter for item in items(text)):
        return Unresolved.OPEN  # «قبل أيام», «القرن الماضي»
    if reading.hijri_day is not None and _MEANT.search(before):
        return _as_told(found, frame.day())
    return found


def _as_told(hijri: ResolvedDate | Unresolved, told: dt.date | None) -> ResolvedDate | Unresolved:
    """The day told just before a Hijri one that is «الموافق» it, where they are nearly one."""
    if told is None or not isinstance(hijri, ResolvedDate) or hijri.precision != "day":
        return hijri
    apart = abs(dt.date.fromisoformat(hijri.value) - told)
    return ResolvedDate(f"{told}", "day") if apart <= _SIGHTED else hijri
