"""doccano JSON lines: entities and relations; what it has no place for travels as metadata."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from marsad.errors import located
from marsad.files import stem, write_text
from marsad.formats.draft import Draft, Link, Marked, joined, read_side_facts, side_facts
from marsad.formats.jsonl import records, to_line
from marsad.formats.ledger import Fate, Ledger
from marsad.formats.offsets import Stated, whole
from marsad.schema import Labels, Report, named

_SAME = "same"  # the relation between two mentions of one thing
_OLD = ("label", "labels")  # where plain sequence labelling keeps [start, end, label]


def drafts(path: Path, ledger: Ledger) -> Iterator[Draft]:
    """The reports of the file; what is wrong in a line goes to the ledger."""
    for number, record in records(path, ledger):
        where = located(path, number)
        try:
            yield _draft(record, where, f"{stem(path)}-{number}")
        except (KeyError, TypeError, ValueError) as error:
            message = f"is not shaped like a doccano record ({type(error).__name__}: {error})."
            ledger.add(Fate.REFUSED, where, str(record.get("id", "")), message)


def _draft(record: dict[str, Any], where: str, id: str) -> Draft:
    if not isinstance(record["text"], str):
        raise TypeError("'text' is no string")
    id = named(record.get("report"), record.get("id"), id)
    date, style = record.get("date") or None, str(record.get("style") or "")
    draft = Draft(where, id, record["text"], date, style)
    draft.marked = [_marked(entity, where) for entity in record.get("entities", ())]
    for name in _OLD:
        for place, (start, end, label) in enumerate(record.get(name) or ()):
            span = Stated(whole(start), whole(end))
            draft.marked.append(Marked(f"{name}{place}", str(label), span, where))
    for relation in record.get("relations", ()):
        source, target = str(relation["from_id"]), str(relation["to_id"])
        if relation["type"] == _SAME:
            draft.same.append((source, target))
        else:
            draft.links.append(Link(source, str(relation["type"]), target, where))
    draft.same = joined(draft.same)
    read_side_facts(draft, record)
    return draft


def _marked(entity: dict[str, Any], where: str) -> Marked:
    span = Stated(whole(entity["start_offset"]), whole(entity["end_offset"]))
    return Marked(str(entity["id"]), str(entity["label"]), span, where)


def exported(reports: Iterable[Report], path: Path, labels: Labels, ledger: Ledger) -> None:
    """Write the file; doccano numbers entities over the whole project, and so does this."""
    lines, first, relations = [], 1, 1
    for number, report in enumerate(reports, 1):
        ids = {span.id: first + place for place, span in enumerate(report.spans)}
        first += len(ids)
        ends = [(e.id, a.role, a.id) for e in report.events for a in e.arguments]
        ends += [(left, _SAME, right) for group in report.same for left, right in pairwise(group)]
        facts = {k: v for k, v in side_facts(report).items() if k not in ("roles", _SAME)}
        record = {
            "id": number,
            "text": report.text,
            **facts,
            "entities": [
                {"id": ids[s.id], "label": s.type, "start_offset": s.start, "end_offset": s.end}
                for s in report.spans
            ],
            "relations": [
                {"id": relations + n, "from_id": ids[source], "to_id": ids[target], "type": role}
                for n, (source, role, target) in enumerate(ends)
            ],
            "Comments": [],
        }
        relations += len(ends)
        lines.append(to_line(record))
    write_text(path, "".join(lines))
