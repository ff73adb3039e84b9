"""Incidents as rows in the shape of ACLED's codebook (2023): types, actors, precision codes.

Which sub-event an incident becomes is data (`acled.json`); the column `rule` tells the number of
the rule that applied. Denied, possible and background incidents, and attacks whose interception
has a row, are left out unless asked for; harm without a told cause never has a row.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from marsad.export.rows import NOTHING, Row
from marsad.resolve.actors import ResolvedActor, actor
from marsad.schema import UNRESOLVED, Incident, Report

_Rule = Mapping[str, Any]
_GEO = {"exact": 1, "near": 2, "area": 3, "country": 3}  # ACLED: 1 exact, 2 near, 3 larger area


def rows(reports: Iterable[Report], everything: bool = False) -> Iterator[Row]:
    """One row for each incident that ACLED would list; with `everything` the others too."""
    for report in reports:
        countered = {incident.counter_of for incident in report.incidents}
        for incident in report.incidents:
            told = incident.status in _scheme()["told"] and not incident.background
            told = told and incident.id not in countered  # the interception is its row
            if (told or everything) and (found := _rule(report, incident)):
                yield _row(report, incident, *found)


def columns() -> list[str]:
    """The names of the columns, which do not depend on there being a row."""
    return list(_row(Report("", ""), NOTHING, 0, {"event": "", "sub_event": ""}))


@cache
def _scheme() -> Mapping[str, Any]:
    scheme: Mapping[str, Any] = json.loads(
        (files("marsad") / "export" / "acled.json").read_text("utf-8")
    )
    return scheme


def _row(report: Report, incident: Incident, number: int, rule: _Rule) -> Row:
    place = incident.location
    country = place.country if place else ""
    first, second = (
        next(filter(_name, _actors(report, incident, _scheme()[side])), None)
        for side in ("actors", "aims")
    )
    return {
        "event_date": (incident.date or report.date or "")[:10],
        "time_precision": _time_precision(incident.date),
        "event_type": rule["event"], "sub_event_type": rule["sub_event"],
        "actor1": _name(first), "inter1": _inter(first, country, rule.get("class", "")),
        "actor2": _name(second), "inter2": _inter(second, country),
        "country": country, "admin1": place.admin if place else "",
        "location": place.name if place else "",
        "latitude": place.latitude if place else "", "longitude": place.longitude if place else "",
        "geo_precision": _GEO[place.precision] if place else "",
        "fatalities": _fatalities(report, incident, rule), "status": incident.status,
        "source": report.id, "notes": _sentence(report, incident), "rule": number,
    }  # fmt: skip


def _actors(report: Report, incident: Incident, roles: Iterable[str]) -> Iterator[ResolvedActor]:
    """Who fills the roles, no place or weapon; without a name people of whom only a count is told,
    «12 شخصا»."""
    for role in roles:
        for argument in incident.arguments:
            mention = report.mention(argument.id)
            is_counted = mention.type in _scheme()["counted"] and mention.value != "0"
            if argument.role == role and (is_counted or mention.type in _scheme()["named"]):
                surface = report.surface(mention)
                name = "" if is_counted else surface
                yield actor(surface) or ResolvedActor(name, "", "", "", "")


def _rule(report: Report, incident: Incident) -> tuple[int, _Rule] | None:
    """The first rule all of whose conditions hold, with its number."""
    words = [report.surface(report.mention(a.id)) for a in incident.arguments]
    said = " ".join((*words, *(report.surface(report.event(id)) for id in incident.events)))
    classes = {
        key: {who.actor_class for who in _actors(report, incident, _scheme()[side])}
        for key, side in (("agents", "actors"), ("aims", "aims"))
    }
    for number, rule in enumerate(_scheme()["rules"], 1):
        if (
            incident.type in rule["types"]
            and incident.status in rule.get("statuses", [incident.status])
            and ("words" not in rule or any(word in said for word in rule["words"]))
            and all(key not in rule or classes[key] & {*rule[key]} for key in classes)
            and ("harm" not in rule or incident.harm.keys() & {*rule["harm"]})
        ):
            return number, rule
    return None


def _name(who: ResolvedActor | None) -> str:
    return (who.name_en or who.name_ar) if who else ""


def _inter(who: ResolvedActor | None, country: str, likely: str = "") -> int | str:
    """ACLED's code of the actor, of the class that is likely where its own is unknown; forces of
    another state than the place's are external."""
    known = who and (who.actor_class or likely)
    if who is None or not known:
        return ""
    code: int = _scheme()["inter"][known]
    is_foreign = code == 1 and who.country and country and who.country != country
    return int(_scheme()["foreign"]) if is_foreign else code


def _time_precision(date: str | None) -> int:
    """1 for a day, 2 for a week, 3 for a month or less known."""
    if date is None:
        return 3
    return 1 if len(date) >= 10 else 2 if "W" in date else 3


def _fatalities(report: Report, incident: Incident, rule: _Rule) -> int | str:
    """The number killed, the least where it is open; empty where it is unknown: in a war ACLED puts
    10 for it, elsewhere 3, and no report says which."""
    harmed = (
        report.mention(a.id).value != "0"
        for a in incident.arguments
        if a.role in rule.get("may_kill", ())  # and nothing told what came to them
    )
    unknown = UNRESOLVED if "injured" not in incident.harm and any(harmed) else "0"
    count = incident.harm.get("killed", unknown)
    return "" if count == UNRESOLVED else int(count.rstrip("+"))


def _sentence(report: Report, incident: Incident) -> str:
    """The sentence of the first trigger."""
    ends = _sentence_ends(report.text)
    place = bisect_right(ends, min((report.event(id).start for id in incident.events), default=0))
    start, end = ends[place - 1] if place else 0, ends[place] - 1
    return report.text[start:end].strip()


@lru_cache(maxsize=1)
def _sentence_ends(text: str) -> list[int]:
    return [*(mark.end() for mark in re.finditer(r"[.!؟\n]", text)), len(text) + 1]
