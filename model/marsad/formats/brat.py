"""brat standoff: a folder of text and .ann files; `metadata.tsv` keeps ids, dates and styles."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

from marsad.errors import DASH, MarsadError, at
from marsad.files import read_text, write_text
from marsad.formats.draft import Draft, Link, Marked
from marsad.formats.ledger import Fate, Ledger
from marsad.formats.offsets import Stated
from marsad.schema import Event, Labels, Mention, Report

_METADATA = "metadata.tsv"
_COLUMNS = ("file", "id", "date", "style")
_STATUS = "status"  # the attribute of an event
_VALUE = "Value"  # the kind of note that holds a value
_LONGEST = 200  # letters of a file's name; its suffix counts, too, and most systems take 255 bytes
_SPAN = re.compile(r"(\S+) (\d+ \d+(?:;\d+ \d+)*)")


def drafts(path: Path, ledger: Ledger) -> Iterator[Draft]:
    """The reports of the folder, by file name; what is wrong in a line goes to the ledger."""
    if not path.is_dir():
        raise at(path, None, "is no folder; brat keeps a .txt and an .ann file for each report.")
    texts = sorted(path.glob("*.txt"))
    for lonely in sorted({p.stem for p in path.glob("*.ann")} - {p.stem for p in texts}):
        ledger.add(Fate.REFUSED, str(path / f"{lonely}.ann"), "", "has no .txt file beside it.")
    if not texts:
        raise at(path, None, "holds no .txt file.")
    metadata = _metadata(path / _METADATA)
    for text in texts:
        row = metadata.get(text.stem, {})
        draft = Draft(
            str(text), row.get("id") or text.stem, _text(text), row.get("date") or None,
            row.get("style") or "",
        )  # fmt: skip
        if text.with_suffix(".ann").exists():
            _Annotations(draft, text.with_suffix(".ann"), ledger).read()
            yield draft
        else:
            ledger.add(Fate.REFUSED, str(text), draft.id, "has no .ann file beside it.")


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except MarsadError:
        if path.is_file() and not path.read_bytes().strip():
            return ""  # the draft says that it has no text
        raise


def _metadata(path: Path) -> dict[str, dict[str, str]]:
    if not path.exists():
        return {}
    rows = csv.DictReader(io.StringIO(read_text(path)), delimiter="\t")
    try:
        if tuple(rows.fieldnames or ()) != _COLUMNS:
            raise at(path, 1, f"the columns should be {', '.join(_COLUMNS)}.")
        return {row["file"]: row for row in rows}
    except csv.Error as error:
        why = "is no line of tab-separated columns; a carriage return inside it should go"
        raise at(path, rows.line_num, f"{why} ({error}).") from error


class _Annotations:
    """Reads an .ann file into a draft; a line that cannot be read goes to the ledger."""

    def __init__(self, draft: Draft, path: Path, ledger: Ledger):
        self.draft, self.path, self.ledger = draft, path, ledger
        self.spans: dict[str, tuple[str, Stated, str]] = {}  # id -> label, span, where
        self.triggers: dict[str, str] = {}  # event id -> id of its trigger
        self.statuses: dict[str, str] = {}
        self.values: dict[str, str] = {}
        self.roles: list[Link] = []

    def read(self) -> None:
        readers = {
            "T": self._span, "E": self._event, "R": self._relation, "A": self._attribute,
            "M": self._attribute, "#": self._note, "*": self._equivalence,
        }  # fmt: skip
        raw = self.path.read_bytes().decode("utf-8-sig", "replace")
        for number, line in enumerate(raw.split("\n"), 1):
            if not line.strip():
                continue
            where, fields = f"{self.path}, line {number}", line.rstrip("\r").split("\t")
            reader = readers.get(line[0])
            try:
                if reader is None or len(fields) < 2:
                    raise ValueError("is no line of brat's standoff format.")
                reader(fields, where)
            except ValueError as error:
                self.ledger.add(Fate.REFUSED, where, self.draft.id, str(error))
        owner = {trigger: event for event, trigger in self.triggers.items()}
        for id, (label, span, where) in self.spans.items():
            status = self.statuses.get(owner.get(id, ""), self.statuses.get(id))
            value = self.values.get(id)
            self.draft.marked.append(Marked(id, label, span, where, status, value))
        for link in self.roles:
            source = self.triggers.get(link.source, link.source)
            self.draft.links.append(Link(source, link.role, link.target, link.where))

    def _span(self, fields: list[str], where: str) -> None:
        match = _SPAN.fullmatch(fields[1])
        if match is None or len(fields) < 3:
            raise ValueError("a text-bound line should be ID, label with offsets, words.")
        pieces = [tuple(map(int, piece.split())) for piece in match[2].split(";")]
        for (_, end), (start, _) in pairwise(pieces):
            if self.draft.text[end:start].strip():
                raise ValueError(f"{fields[0]} is discontinuous; a span should be in one piece.")
        if fields[0] in self.spans:
            raise ValueError(f"the id {fields[0]} is used before.")
        self.spans[fields[0]] = (
            match[1], Stated(pieces[0][0], pieces[-1][1], fields[2]), where
        )  # fmt: skip

    def _event(self, fields: list[str], where: str) -> None:
        parts = [part.partition(":") for part in fields[1].split()]
        if not parts or not all(colon and id for _, colon, id in parts):
            raise ValueError("an event should be LABEL:trigger and role:id pairs.")
        if fields[0] in self.triggers:
            raise ValueError(f"the id {fields[0]} is used before.")
        self.triggers[fields[0]] = parts[0][2]
        told = {role for role, _, _ in parts[1:]}
        for role, _, id in parts[1:]:
            # brat numbers a role's second filler: target, target2; «ARG1» may be a role of its own
            ends = (n for n in range(1, len(role)) if role[n:].isdigit() and role[:n] in told)
            self.roles.append(Link(fields[0], role[: next(ends, None)], id, where))

    def _relation(self, fields: list[str], where: str) -> None:
        role, *pairs = fields[1].split()
        ends = [pair.partition(":")[2] for pair in pairs]
        if len(ends) != 2 or not all(ends):
            raise ValueError("a relation should be a role, Arg1:id and Arg2:id.")
        self.roles.append(Link(ends[0], role, ends[1], where))

    def _attribute(self, fields: list[str], where: str) -> None:
        name, _, rest = fields[1].partition(" ")
        id, _, value = rest.partition(" ")
        if name.casefold() != _STATUS or not value:
            raise ValueError(f"the attribute {fields[1]!r} is no status; nothing reads it.")
        self.statuses[id] = value

    def _note(self, fields: list[str], where: str) -> None:
        kind, _, id = fields[1].partition(" ")
        if kind == _VALUE and len(fields) > 2:
            self.values[id] = fields[2]
        else:
            raise ValueError(f"a note of kind {kind} is no value; nothing reads it.")

    def _equivalence(self, fields: list[str], where: str) -> None:
        name, *ids = fields[1].split()
        if name != "Equiv":
            raise ValueError(f"{name} is no equivalence.")
        self.draft.same.append(tuple(self.triggers.get(id, id) for id in ids))


def exported(reports: Iterable[Report], path: Path, labels: Labels, ledger: Ledger) -> None:
    """Write the folder, with the `annotation.conf` that brat wants to open it.

    Raises MarsadError where it holds annotations already, which would be read with these.
    """
    if str(path) == DASH:
        raise MarsadError("brat writes a folder, which standard output cannot hold; name one.")
    if any(path.glob("*.ann")):
        raise at(path, None, "holds .ann files already; give an empty folder.")
    rows: dict[str, tuple[str, str, str, str]] = {}
    for report in ledger.writable(reports, path):
        name = quote(report.id, safe="")
        if not 0 < len(name) <= _LONGEST:
            name = f"report-{len(rows) + 1}"
        if name in rows:
            message = f"another report is written as {name}.txt already; give it an id of its own."
            ledger.add(Fate.REFUSED, str(path), report.id, message)
            continue
        rows[name] = (name, report.id, report.date or "", report.style)
        write_text(path / f"{name}.txt", report.text)
        write_text(path / f"{name}.ann", "".join(f"{line}\n" for line in _lines(report)))
    table = io.StringIO()
    csv.writer(table, delimiter="\t", lineterminator="\n").writerows([_COLUMNS, *rows.values()])
    write_text(path / _METADATA, table.getvalue())
    write_text(path / "annotation.conf", _configuration(labels))


def _lines(report: Report) -> Iterator[str]:
    names = {span.id: f"T{n}" for n, span in enumerate(report.spans, 1)}
    for span in report.spans:
        words = report.surface(span).replace("\n", " ")
        yield f"{names[span.id]}\t{span.type} {_pieces(report, span)}\t{words}"
    for number, event in enumerate(report.events, 1):
        roles: dict[str, int] = {}
        pairs = [f"{event.type}:{names[event.id]}"]
        for argument in event.arguments:
            roles[argument.role] = n = roles.get(argument.role, 0) + 1
            pairs.append(f"{argument.role}{n if n > 1 else ''}:{names[argument.id]}")
        yield f"E{number}\t{' '.join(pairs)}"
        yield f"A{number}\t{_STATUS} E{number} {event.status}"
    valued = [mention for mention in report.mentions if mention.value is not None]
    for number, mention in enumerate(valued, 1):
        yield f"#{number}\t{_VALUE} {names[mention.id]}\t{mention.value}"
    for group in report.same:
        yield f"*\tEquiv {' '.join(names[id] for id in group)}"


def _pieces(report: Report, span: Mention | Event) -> str:
    """The offsets; brat wants a span over line breaks in pieces."""
    found, start = [], span.start
    for line in report.surface(span).split("\n"):
        found.append(f"{start} {start + len(line)}")
        start += len(line) + 1
    return ";".join(found)


def _configuration(labels: Labels) -> str:
    fillers = {role: "|".join(types) for role, types in labels.roles.items()}
    roles = ", ".join(f"{role}*:{types}" for role, types in fillers.items())
    return "\n".join(
        ["[entities]", *labels.mentions, "", "[relations]", "", "[events]"]
        + [f"{type}\t{roles}" for type in labels.events]
        + ["", "[attributes]", f"{_STATUS}\tArg:<EVENT>, Value:{'|'.join(labels.statuses)}", ""]
    )
