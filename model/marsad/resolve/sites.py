"""Where the places that a report names are, with what stands before the names."""

import re
from collections.abc import Sequence
from dataclasses import replace

from marsad.resolve.places import places
from marsad.schema import Mention, Report, ResolvedPlace

_REACH = 30  # characters before a name that may tell that it is only nearby
# Annotators leave these outside the name: «شمالي [بغداد]», «20 كم غرب مدينة [كركوك]», «بالقرب من».
_BESIDE = re.compile(
    r"(?<!\w)[وفبل]?(?:(?:شمال|جنوب|شرق|غرب)[يّ]*|قرب|بالقرب\s+من|مقربة\s+من|قبالة|جوار|مشارف|محيط|أطراف"
    r"|تخوم|ضواحي|خراج|مداخل|مدخل)"
    r"\s+(?:(?:شرق|غرب)[يّ]*\s+)?(?:(?:مدينة|مدينتي|بلدة|بلدتي|قرية|ناحية|قضاء)\s+)?$"
)


def sites(report: Report, mentions: Sequence[Mention]) -> dict[str, ResolvedPlace]:
    """Where these mentions are, by id and as far as the gazetteer knows.

    What lies beside a named town is `near` it, not there.
    """
    found = zip(mentions, places(report.surface(m) for m in mentions), strict=True)
    return {m.id: _beside(report, m, place) for m, place in found if place}


def _beside(report: Report, mention: Mention, place: ResolvedPlace) -> ResolvedPlace:
    before = report.text[max(0, mention.start - _REACH) : mention.start]
    is_beside = place.precision == "exact" and _BESIDE.search(before)
    return replace(place, precision="near") if is_beside else place
