"""What a set of annotated reports holds, in numbers and as a picture."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from marsad.errors import MarsadError
from marsad.schema import Report
from marsad.text import split_words


@dataclass(frozen=True)
class Stats:
    """Counts over reports. `words` are words in the sense of the tagger; tables by label."""

    reports: int
    words: int
    mentions: Counter[str]
    events: Counter[str]
    statuses: Counter[str]
    roles: Counter[str]

    def tables(self) -> dict[str, Counter[str]]:
        """The counts by label, each under its name."""
        return {
            "mentions": self.mentions, "events": self.events,
            "statuses": self.statuses, "roles": self.roles,
        }  # fmt: skip


def stats(reports: Sequence[Report]) -> Stats:
    """Count labels, words and reports."""
    return Stats(
        len(reports),
        sum(len(split_words(report.text)) for report in reports),
        Counter(m.type for r in reports for m in r.mentions),
        Counter(e.type for r in reports for e in r.events),
        Counter(e.status for r in reports for e in r.events),
        Counter(a.role for r in reports for e in r.events for a in e.arguments),
    )


def picture(found: Stats, format: str) -> bytes:
    """The tables as bars, in a format that matplotlib writes (png, svg, pdf).

    Raises MarsadError where matplotlib is not installed or does not know the format.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MarsadError("pictures need matplotlib: pip install 'marsad[corpus]'.") from error
    tables = {name: table for name, table in found.tables().items() if table}
    sizes = [len(table) + 1 for table in tables.values()] or [1]
    figure = Figure(figsize=(7, 0.28 * sum(sizes) + 1), layout="constrained")
    axes = figure.subplots(len(sizes), 1, height_ratios=sizes, squeeze=False)[:, 0]
    for axis, (name, table) in zip(axes, tables.items(), strict=False):
        names, counts = zip(*table.most_common()[::-1], strict=True)
        bars = axis.barh(names, counts, color="#3b6ea5")
        axis.bar_label(bars, padding=3, fontsize=8)
        axis.set_title(f"{name} (n = {table.total()})", loc="left", fontsize=9)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    out = BytesIO()
    try:
        figure.savefig(out, format=format)
    except ValueError as error:
        raise MarsadError(f"no picture of kind {format!r}: use .svg, .png or .pdf.") from error
    return out.getvalue()
