"""The incidents of a report as CSV, ACLED-shaped rows or GeoJSON, as bytes to send."""

import io
import json
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

from marsad.export import acled, rows
from marsad.schema import Labels, Report


class Export(StrEnum):
    """The formats, by the names that `marsad predict --format` has for them."""

    csv = "csv"
    acled = "acled"
    geojson = "geojson"


_WRITERS: Mapping[Export, tuple[str, Callable[[Report, Labels, bool], str]]] = {
    Export.csv: (
        "text/csv",
        lambda report, labels, _: _table(rows.columns(labels), rows.rows([report], labels)),
    ),
    Export.acled: (
        "text/csv",
        lambda report, _, all: _table(acled.columns(), acled.rows([report], all)),
    ),
    Export.geojson: (
        "application/geo+json",
        lambda report, labels, _: json.dumps(rows.geojson([report], labels), ensure_ascii=False),
    ),
}
MEDIA_TYPES = tuple(dict.fromkeys(media_type for media_type, _ in _WRITERS.values()))


def export(format: Export, report: Report, labels: Labels, all: bool) -> tuple[bytes, str]:
    """The bytes and their media type; a table without incidents has its columns.

    With `all`, ACLED rows for denied, possible and background incidents, too.
    """
    media_type, write = _WRITERS[format]
    return encoded(write(report, labels, all)), media_type


def encoded(text: str) -> bytes:
    """UTF-8; half a surrogate pair, which that cannot hold, becomes the escape that JSON has."""
    return text.encode("utf-8", "backslashreplace")


def _table(columns: Iterable[str], found: Iterable[rows.Row]) -> str:
    file = io.StringIO()
    rows.write_csv(columns, found, file)
    return file.getvalue()
