"""Where the places that a report names are, with what stands before the names."""

import re
from collections.abc import Sequence
from dataclasses import replace

from marsad.resolve.names import spelt, unjoined
from marsad.resolve.places import GOVERNORATES, TOWNS, place, places
from marsad.schema import Mention, Report, ResolvedPlace
from marsad.text import JOINED

_REACH = 30  # characters before a name that may tell that it is only nearby
# «شمالي [بغداد]», «شمال شرق», «إلى الشرق من»: annotators leave these outside the name
COMPASS = (
    r"(?:(?:شمال|جنوب|شرق|غرب)[يّ]*(?:\s+(?:شرق|غرب)[يّ]*)?"
    r"|(?:[إا]لى|في)\s+ال(?:شمال|جنوب|شرق|غرب)(?:\s+ال(?:شرق|غرب)[يّ]*)?\s+من)"
)
# and «20 كم غرب مدينة [كركوك]», «بالقرب من»
_BESIDE = re.compile(
    rf"(?<!\w)[وفبل]?(?:{COMPASS}|قرب|بالقرب\s+من|مقربة\s+من|قبالة|جوار|مشارف|محيط|أطراف|تخوم|ضواحي"
    r"|خراج|مداخل|مدخل)\s+(?:(?:مدينة|مدينتي|بلدة|بلدتي|قرية|ناحية|قضاء)\s+)?$"
)
_TOWN = re.compile(r"(?<!\w)[وفبل]?(?:مدينة|بلدة)\s+$")  # «مدينة [مأرب]» is not the governorate

# «المدينة» -> how the ids of what it may stand for begin
_STANDS_FOR = {
    spelt(f"ال{head}"): ids
    for ids, heads in {TOWNS: "مدينة بلدة قرية", GOVERNORATES: "محافظة ولاية إقليم مقاطعة"}.items()
    for head in heads.split()
}


def sites(report: Report, mentions: Sequence[Mention]) -> dict[str, ResolvedPlace]:
    """Where these mentions are, by id and as far as the gazetteer knows.

    What lies beside a named town is `near` it, not there; «المدينة» is the last one named before.
    """
    ordered = sorted(mentions, key=lambda m: m.start)
    found: dict[str, ResolvedPlace] = {}
    surfaces = [_whole(report, mention) for mention in ordered]
    for mention, surface, named in zip(ordered, surfaces, places(surfaces), strict=True):
        if meant := named or _named_before(surface, found):
            before = report.text[max(0, mention.start - _REACH) : mention.start]
            found[mention.id] = _beside(before, _town(before, surface, meant))
    return found


def _whole(report: Report, mention: Mention) -> str:
    """The words of a mention, with the letter that its first one has lost: «[حيرة] تشاد»."""
    surface, cut = report.surface(mention), report.text[: mention.start][-1:]
    lost = cut in JOINED and place(surface) is None and place(cut + surface)
    return cut + surface if lost else surface


def _named_before(surface: str, earlier: dict[str, ResolvedPlace]) -> ResolvedPlace | None:
    """What «المدينة» or «المحافظة» means: the last such place before, but no mere landmark."""
    forms = map(spelt, unjoined(surface))
    ids = next((_STANDS_FOR[form] for form in forms if form in _STANDS_FOR), ())
    if not ids:
        return None
    meant = (
        p
        for p in reversed(earlier.values())
        if p.precision != "near" and p.source_id.startswith(ids)
    )
    return next(meant, None)


def _town(before: str, surface: str, area: ResolvedPlace) -> ResolvedPlace:
    """The town that a governorate shares its name with, where the words before tell of a town."""
    if not (area.source_id.startswith(GOVERNORATES) and _TOWN.search(before)):
        return area
    found = place(f"مدينة {surface}", near=[area])
    return found if found and found.country == area.country else area


def _beside(before: str, named: ResolvedPlace) -> ResolvedPlace:
    is_beside = named.precision == "exact" and _BESIDE.search(before)
    return replace(named, precision="near") if is_beside else named
