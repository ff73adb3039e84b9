"""JSON lines: one report a line, with the keys of `Report.to_dict`."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from marsad.errors import MarsadError, at, located
from marsad.files import dumps, loads, read_text, write_text
from marsad.formats.draft import Draft, Link, Marked
from marsad.formats.ledger import Fate, Ledger
from marsad.formats.offsets import Stated, plain, whole
from marsad.schema import Labels, Report, named


def read(path: str | Path, labels: Labels | None = None) -> list[Report]:
    """All reports of a JSON-lines file; with `labels`, unknown labels are refused too.

    Raises MarsadError that names the file, the line and the first thing that is wrong there.
    """
    reports = []
    for number, line in lines(path):
        try:
            report = Report.from_dict(loads(line))
        except MarsadError as error:
            raise at(path, number, str(error)) from error
        if labels is not None and (problem := next(labels.problems(report), None)):
            raise at(path, number, problem)
        reports.append(report)
    return reports


def lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that hold something, with their numbers."""
    numbered = enumerate(read_text(path).split("\n"), 1)
    return ((number, line) for number, line in numbered if line.strip())


def to_line(record: Any) -> str:
    """A record as one JSON line, Arabic left readable."""
    return dumps(record) + "\n"


def write(reports: Iterable[Report]) -> str:
    """Reports as JSON lines, Arabic left readable."""
    return "".join(report.to_json() + "\n" for report in reports)


def imported(path: Path, labels: Labels, ledger: Ledger) -> Iterator[Report]:
    """The reports of the file; what is wrong in a line goes to the ledger."""
    for number, record in records(path, ledger):
        where, wrong = located(path, number), "the text of a span should be a string."
        try:
            report = Report.from_dict(record)
        except MarsadError as error:
            wrong = str(error)
        else:
            sound = report.text.strip() and next(labels.problems(report), None) is None
            if sound and _says_its_words(record, report):
                ledger.keep(report)
                yield report
                continue
        draft = _draft(record, where)
        if draft is None:
            ledger.add(Fate.REFUSED, where, named(record.get("id")), wrong)
        elif settled := draft.report(labels, ledger):
            yield settled


def exported(reports: Iterable[Report], path: Path, labels: Labels, ledger: Ledger) -> None:
    """Write the file; nothing is lost."""
    write_text(path, write(reports))


def drafts(path: Path, ledger: Ledger) -> Iterator[Draft]:
    """The records of the file as drafts."""
    for number, record in records(path, ledger):
        if (draft := _draft(record, located(path, number))) is not None:
            yield draft


def records(path: Path, ledger: Ledger) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSON-lines file with their line numbers; broken lines go to the ledger."""
    for number, line in lines(path):
        where = located(path, number)
        try:
            record = loads(line)
        except MarsadError as error:
            ledger.add(Fate.REFUSED, where, "", str(error))
            continue
        if isinstance(record, dict):
            yield number, record
        else:
            ledger.add(Fate.REFUSED, where, "", "should be a JSON object.")


def _says_its_words(record: dict[str, Any], report: Report) -> bool:
    stated = [*record.get("entities", ()), *record.get("events", ())]
    return all(
        isinstance(words := data.get("text", said), str) and plain(words) == plain(said)
        for data, said in zip(stated, map(report.surface, report.spans), strict=True)
    )


def _draft(record: dict[str, Any], where: str) -> Draft | None:
    """The record as a draft, so that what is sound in it is kept; None where it has no shape."""
    try:
        events = record.get("events", ())
        marked = [
            Marked(
                str(s["id"]), str(s["type"]),
                Stated(whole(s["start"]), whole(s["end"]), s.get("text")), where,
                s.get("status"), s.get("value"), s.get("score"),
            )
            for s in (*record.get("entities", ()), *events)
        ]  # fmt: skip
        links = [
            Link(str(e["id"]), str(a["role"]), str(a["id"]), where)
            for e in events
            for a in e.get("arguments", ())
        ]
        same = [tuple(map(str, group)) for group in record.get("same", ())]
        text, date, style = record["text"], record.get("date"), record.get("style")
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    if not isinstance(text, str) or not all(isinstance(v, str | None) for v in (date, style)):
        return None
    return Draft(where, named(record.get("id")), text, date, style or "", marked, links, same)
