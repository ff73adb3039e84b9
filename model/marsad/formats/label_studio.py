"""Label Studio JSON: regions, relations, a status choice and a value field for each region.

The labelling configuration that shows such tasks is written beside a file of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from marsad.errors import DASH, at, located
from marsad.files import dumps, read_bytes, read_json, stem, write_text
from marsad.formats.draft import Draft, Link, Marked, joined
from marsad.formats.ledger import Fate, Ledger
from marsad.formats.offsets import Stated, whole
from marsad.schema import Event, Labels, Mention, Report, named

_TEXT, _LABEL, _STATUS, _VALUE, _SAME = "text", "label", "status", "value", "same"
_VIEW = f'<View>\n  <Labels name="{_LABEL}" toName="{_TEXT}">'  # begins every configuration
_MODEL = "marsad"


def drafts(path: Path, ledger: Ledger) -> Iterator[Draft]:
    """The reports of an export (JSON or JSON-MIN); what is wrong in a task goes to the ledger."""
    tasks = read_json(path)
    for number, task in enumerate(tasks if isinstance(tasks, list) else [tasks], 1):
        where = located(path, number, "task")
        try:
            draft = _Task(task, where, f"{stem(path)}-{number}", ledger).draft()
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            message = f"is not shaped like a Label Studio task ({type(error).__name__}: {error})."
            ledger.add(Fate.REFUSED, where, "", message)
            continue
        if draft is not None:
            yield draft


class _Task:
    def __init__(self, task: Mapping[str, Any], where: str, id: str, ledger: Ledger):
        self.task, self.where, self.ledger = task, where, ledger
        self.data: Mapping[str, Any] = task.get("data", task)
        self.id = named(self.data.get("report"), task.get("id"), id)

    def refuse(self, message: str) -> None:
        self.ledger.add(Fate.REFUSED, self.where, self.id, message)

    def draft(self) -> Draft | None:
        text = self.data.get(_TEXT)
        if not isinstance(text, str):
            self.refuse(f"its data have no string under {_TEXT!r}.")
            return None
        style, date = str(self.data.get("style") or ""), self.data.get("date") or None
        draft = Draft(self.where, self.id, text, date, style)
        pairs: list[tuple[str, ...]] = []
        statuses: dict[str, str] = {}
        values: dict[str, str] = {}
        for item in self._result():
            kind, value = item.get("type"), item.get("value", {})
            if kind in ("labels", "hypertextlabels"):
                self._region(draft, item)
            elif kind == "choices":
                statuses[str(item["id"])] = value["choices"][0]
            elif kind == "textarea":
                values[str(item["id"])] = value["text"][0]
            elif kind == "relation":
                self._relation(draft, item, pairs)
            else:
                self.refuse(f"a result of type {kind!r} is not read.")
        draft.marked = [
            Marked(m.id, m.label, m.span, m.where, statuses.get(m.id), values.get(m.id), m.score)
            for m in draft.marked
        ]
        draft.same = joined(pairs)
        return draft

    def _result(self) -> list[Mapping[str, Any]]:
        """The annotation of the task: the ground truth, or else the last one."""
        if "annotations" not in self.task and "completions" not in self.task:
            return self._minimal()
        found = self.task.get("annotations") or self.task.get("completions") or []
        kept = [one for one in found if not one.get("was_cancelled")]
        if not kept:
            self.refuse("has no annotation; it is read as a report without any.")
            return []
        if len(kept) > 1:
            self.refuse(f"has {len(kept)} annotations; one is read, the ground truth or the last.")
        best = next((one for one in kept if one.get("ground_truth")), kept[-1])
        return list(best["result"])

    def _minimal(self) -> list[Mapping[str, Any]]:
        """JSON-MIN: the regions lie in the record itself, under the name of the control."""
        regions: list[Mapping[str, Any]] = [
            {"id": f"{key}{place}", "type": "labels", "value": region}
            for key, found in self.data.items()
            if isinstance(found, list)
            for place, region in enumerate(found)
            if isinstance(region, Mapping) and "labels" in region
        ]
        if not regions:
            self.refuse("has no annotation; it is read as a report without any.")
        return regions

    def _region(self, draft: Draft, item: Mapping[str, Any]) -> None:
        value = item["value"]
        place = value.get("globalOffsets", value)  # of a page, where start and end count in a tag
        span = Stated(whole(place["start"]), whole(place["end"]), value.get("text"))
        names = value.get("labels") or value.get("hypertextlabels") or ()
        if not names:
            self.refuse(f"the region {item.get('id')} has no label.")
        for n, name in enumerate(names):
            id = str(item["id"]) if n == 0 else f"{item['id']}/{n}"
            draft.marked.append(Marked(id, str(name), span, self.where))

    def _relation(
        self, draft: Draft, item: Mapping[str, Any], pairs: list[tuple[str, ...]]
    ) -> None:
        ends = [str(item["from_id"]), str(item["to_id"])]
        if item.get("direction") == "left":
            ends.reverse()
        if not item.get("labels"):
            self.refuse(f"the relation from {ends[0]} to {ends[1]} has no label.")
        for name in item.get("labels") or ():
            if name == _SAME:
                pairs.append(tuple(ends))
            else:
                draft.links.append(Link(ends[0], str(name), ends[1], self.where))


def exported(reports: Iterable[Report], path: Path, labels: Labels, ledger: Ledger) -> None:
    """Write tasks with an annotation each, and the labelling configuration beside them."""
    _write(((r, {"annotations": [{"result": list(_results(r))}]}) for r in reports), path, labels)


def suggested(reports: Iterable[Report], path: Path, labels: Labels, ledger: Ledger) -> None:
    """Write tasks whose spans are predictions, for an annotator to mend."""

    def prediction(report: Report) -> dict[str, Any]:
        scores = [span.score for span in report.spans if span.score is not None]
        mean = sum(scores) / len(scores) if scores else 0.0
        return {"model_version": _MODEL, "score": mean, "result": list(_results(report))}

    _write(((r, {"predictions": [prediction(r)]}) for r in reports), path, labels)


def _write(tasks: Iterable[tuple[Report, Mapping[str, Any]]], path: Path, labels: Labels) -> None:
    found = [
        {
            "data": {"text": r.text, "report": r.id, "date": r.date or "", "style": r.style},
            **annotation,
        }
        for r, annotation in tasks
    ]
    beside = path.with_suffix(".xml")
    if beside == path:
        raise at(path, None, "is where the labelling configuration goes; name the tasks .json.")
    if beside.exists() and not read_bytes(beside).startswith(_VIEW.encode()):
        raise at(beside, None, f"stands where the labelling configuration of {path.name} goes.")
    write_text(path, dumps(found, indent=1) + "\n")
    if str(path) != DASH:
        write_text(beside, configuration(labels))


def _results(report: Report) -> Iterator[dict[str, Any]]:
    for span in report.spans:
        score = {} if span.score is None else {"score": span.score}
        yield _said(span, _LABEL, "labels", text=report.surface(span), labels=[span.type]) | score
    for event in report.events:
        words = report.surface(event)
        yield _said(event, _STATUS, "choices", text=words, choices=[event.status])
    for mention in report.mentions:
        if mention.value is not None:
            yield _said(mention, _VALUE, "textarea", text=[mention.value])
    for event in report.events:
        for argument in event.arguments:
            yield _link(event.id, argument.role, argument.id, "right")
    for group in report.same:
        for left, right in pairwise(group):
            yield _link(left, _SAME, right, "bi")


def _said(of: Mention | Event, control: str, type: str, **value: Any) -> dict[str, Any]:
    """What a control says of a region."""
    return {
        "id": of.id, "to_name": _TEXT, "from_name": control, "type": type,
        "value": {"start": of.start, "end": of.end, **value},
    }  # fmt: skip


def _link(source: str, name: str, target: str, direction: str) -> dict[str, Any]:
    return {
        "type": "relation", "from_id": source, "to_id": target,
        "direction": direction, "labels": [name],
    }  # fmt: skip


def configuration(labels: Labels) -> str:
    """The labelling configuration (XML) of the label set."""

    def each(tag: str, names: Iterable[str]) -> str:
        return "\n".join(f"    <{tag} value={quoteattr(name)}/>" for name in names)

    return f"""{_VIEW}
{each("Label", [*labels.mentions, *labels.events])}
  </Labels>
  <Text name="{_TEXT}" value="$text" granularity="symbol"/>
  <Choices name="{_STATUS}" toName="{_TEXT}" perRegion="true" choice="single">
{each("Choice", labels.statuses)}
  </Choices>
  <TextArea name="{_VALUE}" toName="{_TEXT}" perRegion="true" maxSubmissions="1"/>
  <Relations>
{each("Relation", [*labels.roles, _SAME])}
  </Relations>
</View>
"""
