"""CoNLL columns: BIO tags of mentions, and of triggers with their status where we wrote the file.

Comments before a report keep its id, date and text (as JSON), so that offsets survive; a file
without them has its text rebuilt from the tokens.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from marsad.errors import MarsadError, located
from marsad.files import loads, read_text, stem, write_text
from marsad.formats.draft import Draft, Marked
from marsad.formats.ledger import Fate, Ledger
from marsad.formats.offsets import Stated
from marsad.schema import Event, Labels, Mention, Report

_COLUMNS = "token mention trigger status"
_COMMENT = re.compile(r"# (id|date|style|text|columns) = ?(.*)")
_TAG = re.compile(r"(?:([BIOESLU])-)?(.+)")
_OUTSIDE = frozenset(["O", "_", "-"])


@dataclass
class _Rows:
    """The rows of a report: token, its tags, its line; None between sentences."""

    line: int
    facts: dict[str, str] = field(default_factory=dict)
    rows: list[tuple[list[str], int] | None] = field(default_factory=list)


def drafts(path: Path, ledger: Ledger) -> Iterator[Draft]:
    """The reports of the file; a line that cannot be read goes to the ledger.

    A report is what `# id` or `-DOCSTART-` opens; without such lines each sentence is one.
    """
    for number, block in enumerate(_blocks(read_text(path), path, ledger), 1):
        draft = _draft(block, path, number, ledger)
        if draft is not None:
            yield draft


def _blocks(text: str, path: Path, ledger: Ledger) -> Iterator[_Rows]:
    lines = text.replace("\r\n", "\n").split("\n")
    marked = any(line.startswith(("# id =", "-DOCSTART-")) for line in lines)
    block = _Rows(1)
    for number, line in enumerate(lines, 1):
        comment = _COMMENT.fullmatch(line)
        opens = line.startswith("-DOCSTART-") or (comment and comment[1] == "id")
        begun = block.rows or "id" in block.facts
        if (opens or (not marked and not line.strip())) and begun:
            yield block
            block = _Rows(number)
        if comment:
            block.facts[comment[1]] = comment[2]
        elif line.startswith("# ") or line.startswith("-DOCSTART-"):
            continue
        elif not line.strip():
            block.rows.append(None)
        elif len(fields := line.split()) < 2:
            message = f"{line!r} should be a token and its tag."
            ledger.add(Fate.REFUSED, located(path, number), block.facts.get("id", ""), message)
        else:
            block.rows.append((fields, number))
    if any(block.rows):
        yield block


def _draft(block: _Rows, path: Path, number: int, ledger: Ledger) -> Draft | None:
    id, where = block.facts.get("id") or f"{stem(path)}-{number}", located(path, block.line)
    rows = [row for row in block.rows if row]
    if not rows:
        return None
    text = _stated_text(block.facts.get("text"))
    places = _places(text, [fields[0] for fields, _ in rows]) if text is not None else None
    if text is None or places is None:
        text, places = _rebuilt(block.rows)
        message = "its text is rebuilt from the tokens, one space between them."
        ledger.add(Fate.MENDED, where, id, message)
    ours = block.facts.get("columns") == _COLUMNS
    draft = Draft(where, id, text, block.facts.get("date") or None, block.facts.get("style", ""))
    for fields, number in rows:
        if ours and len(fields) < len(_COLUMNS.split()):
            message = f"{' '.join(fields)!r} lacks columns; those named are {_COLUMNS}."
            ledger.add(Fate.REFUSED, located(path, number), id, message)
    for column in (1, 2) if ours else (-1,):
        tags = [fields[column] if column < len(fields) else "O" for fields, _ in rows]
        stated = ours and column == 2
        statuses = [fields[3] if stated and len(fields) > 3 else None for fields, _ in rows]
        for first, last, label in _spans(tags):
            start, end = places[first][0], places[last][1]
            where = located(path, rows[first][1])
            span = Stated(start, end, text[start:end])
            draft.marked.append(Marked(f"{column}:{first}", label, span, where, statuses[first]))
    return draft


def _stated_text(said: str | None) -> str | None:
    try:
        text = loads(said) if said else None
    except MarsadError:
        return None
    return text if isinstance(text, str) else None


def _places(text: str, tokens: Sequence[str]) -> list[tuple[int, int]] | None:
    """Where each token stands in the text, in order; None where one does not."""
    found, at = [], 0
    for token in tokens:
        start = text.find(token, at)
        if start < 0 or text[at:start].strip():
            return None
        at = start + len(token)
        found.append((start, at))
    return found


def _rebuilt(
    rows: Sequence[tuple[list[str], int] | None],
) -> tuple[str, list[tuple[int, int]]]:
    text, places, gap = "", [], ""
    for row in rows:
        if row is None:
            gap = "\n" if text else ""
            continue
        text += gap
        places.append((len(text), len(text) + len(row[0][0])))
        text, gap = text + row[0][0], " "
    return text, places


def _spans(tags: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """First and last token and label of each span; BIO, IOB1 and BIOES (BILOU) are read."""
    start, label = None, ""
    for place, tag in enumerate([*tags, "O"]):
        match = _TAG.fullmatch(tag)
        prefix, name = (match[1] or "I", match[2]) if match else ("I", tag)
        outside = tag in _OUTSIDE
        if start is not None and (outside or prefix in "BSU" or name != label):
            yield start, place - 1, label
            start = None
        if not outside and start is None:
            start, label = place, name
        if start is not None and prefix in "ESLU":
            yield start, place, label
            start = None


def exported(reports: Iterable[Report], path: Path, labels: Labels, ledger: Ledger) -> None:
    """Write the file; roles, values and links have no column and are lost."""
    blocks = []
    for report in ledger.writable(reports, path):
        blocks.append("\n".join(_lines(report)) + "\n")
        gone = {
            "roles": sum(len(e.arguments) for e in report.events),
            "values": sum(m.value is not None for m in report.mentions),
            "links": len(report.same),
        }
        if told := ", ".join(f"{count} {name}" for name, count in gone.items() if count):
            ledger.add(Fate.LOST, str(path), report.id, f"columns cannot hold {told}.")
    write_text(path, "\n".join(blocks))


def _lines(report: Report) -> Iterator[str]:
    yield f"# id = {report.id}"
    if report.date:
        yield f"# date = {report.date}"
    if report.style:
        yield f"# style = {report.style}"
    yield f"# text = {json.dumps(report.text, ensure_ascii=False)}"
    yield f"# columns = {_COLUMNS}"
    last = 0
    for start, end in tokens(report):
        if "\n" in report.text[last:start]:
            yield ""
        mention, trigger = (_covering(spans, start) for spans in (report.mentions, report.events))
        status = trigger.status if isinstance(trigger, Event) else "_"
        columns = (report.text[start:end], _tag(mention, start), _tag(trigger, start), status)
        yield "\t".join(columns)
        last = end


def tokens(report: Report) -> list[tuple[int, int]]:
    """Words, parted where a span starts or ends: «[بـ][بغداد]»."""
    edges = sorted({edge for span in report.spans for edge in (span.start, span.end)})
    found = []
    for word in re.finditer(r"\S+", report.text):
        cuts = [word.start(), *(e for e in edges if word.start() < e < word.end()), word.end()]
        found += list(pairwise(cuts))
    return found


def _covering(spans: Sequence[Mention] | Sequence[Event], at: int) -> Mention | Event | None:
    return next((span for span in spans if span.start <= at < span.end), None)


def _tag(span: Mention | Event | None, start: int) -> str:
    return "O" if span is None else f"{'B' if span.start == start else 'I'}-{span.type}"
