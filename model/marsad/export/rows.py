"""Incidents as plain rows (CSV) and as points on a map (GeoJSON)."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from marsad.schema import Incident, Labels, Report, default_labels

Row = dict[str, Any]
NOTHING = Incident("", "", "", (), (), None, None, {})  # its row has the columns of any


def rows(reports: Iterable[Report], labels: Labels | None = None) -> Iterator[Row]:
    """One row for each incident; unresolved cells are empty strings."""
    labels = labels or default_labels()
    for report in reports:
        for incident in report.incidents:
            yield row(report, incident, labels)


def columns(labels: Labels | None = None) -> list[str]:
    """The names of the columns, which do not depend on there being a row."""
    return list(row(Report("", ""), NOTHING, labels or default_labels()))


def write_csv(columns: Iterable[str], found: Iterable[Row], file: TextIO) -> int:
    """Write rows as CSV below a line of their columns; how many there were."""
    writer = csv.DictWriter(file, list(columns), lineterminator="\n")
    writer.writeheader()
    return sum(1 for row in found if writer.writerow(row))


def row(report: Report, incident: Incident, labels: Labels) -> Row:
    """The row of one incident: what, when, where, who, harm, and the words that tell it."""
    place = incident.location
    return {
        "report": report.id, "incident": incident.id, "type": incident.type,
        "status": incident.status, "date": incident.date or "", "published": report.date or "",
        "location": place.name if place else "", "location_ar": place.name_ar if place else "",
        "country": place.country if place else "", "admin": place.admin if place else "",
        "latitude": place.latitude if place else "", "longitude": place.longitude if place else "",
        "location_precision": place.precision if place else "",
        **{role: fillers(report, incident, role) for role in labels.roles},
        **{kind: incident.harm.get(kind, "") for kind in ("killed", "injured")},
        "background": incident.background, "counter_of": incident.counter_of or "",
        "evidence": " | ".join(report.surface(report.event(id)) for id in incident.events),
    }  # fmt: skip


def fillers(report: Report, incident: Incident, role: str) -> str:
    """The words of all fillers of a role, joined by semicolons."""
    return "; ".join(
        report.surface(report.mention(a.id)) for a in incident.arguments if a.role == role
    )


def geojson(reports: Iterable[Report], labels: Labels | None = None) -> dict[str, Any]:
    """A `FeatureCollection` (RFC 7946) of points; an incident without a place has no geometry."""
    features = []
    for properties in rows(reports, labels):
        point = (properties.pop("longitude"), properties.pop("latitude"))
        geometry = None if "" in point else {"type": "Point", "coordinates": list(point)}
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    return {"type": "FeatureCollection", "features": features}
