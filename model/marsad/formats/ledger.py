"""What became of each annotation of an import or export: kept, mended, refused or lost."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from marsad.schema import Report


class Fate(StrEnum):
    """`mended` was put right where that is certain, `refused` is not read, or a report that the
    target format cannot hold, `lost` what that format has no place for in a report it holds.
    """

    MENDED = "mended"
    REFUSED = "refused"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that is not in the output as it was in the input. `where` is file and line."""

    fate: Fate
    where: str
    report: str
    message: str

    def __str__(self) -> str:
        name = f", report {self.report}" if self.report else ""
        return f"{self.where}{name}: {self.message}"


@dataclass
class Ledger:
    """Collects entries, and counts what was kept."""

    entries: list[Entry] = field(default_factory=list)
    kept: Counter[str] = field(default_factory=Counter)
    hints: set[str] = field(default_factory=set, repr=False)

    def add(self, fate: Fate, where: str, report: str, message: str) -> None:
        """Enter one thing; `where` is file and line."""
        self.entries.append(Entry(fate, where, report, message))

    def keep(self, report: Report) -> None:
        """Count a report that was read."""
        self.kept.update(
            reports=1, mentions=len(report.mentions), events=len(report.events),
            arguments=sum(len(e.arguments) for e in report.events), links=len(report.same),
        )  # fmt: skip

    def keeping(self, reports: Iterable[Report]) -> Iterator[Report]:
        """The reports, each counted as it comes."""
        for report in reports:
            self.keep(report)
            yield report

    def is_first(self, hint: str) -> bool:
        """Whether a hint is given for the first time; a long one is not repeated for each span."""
        is_new = hint not in self.hints
        self.hints.add(hint)
        return is_new

    def writable(self, reports: Iterable[Report], path: Path) -> Iterator[Report]:
        """Those of the reports that UTF-8 can hold; the others are refused."""
        for report in reports:
            try:
                json.dumps(report.to_dict(), ensure_ascii=False).encode()
            except UnicodeEncodeError:
                message = "holds half a surrogate pair, which this format cannot; JSON lines can."
                self.add(Fate.REFUSED, str(path), report.id, message)
            else:
                yield report

    def count(self, fate: Fate) -> int:
        """How many entries have that fate."""
        return sum(entry.fate is fate for entry in self.entries)

    def to_dict(self) -> Mapping[str, Any]:
        """Plain data: what was kept, how many entries of each fate, and the entries."""
        return {
            "kept": dict(self.kept),
            **{fate.value: self.count(fate) for fate in Fate},
            "entries": [asdict(entry) for entry in self.entries],
        }
