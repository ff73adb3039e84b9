"""Suite gsr: who did what to whom, in sentences of arabic_event_gsr that are no training data.

`gsr.json` names the files and puts the labels of the set in the model's terms.

Tasks of slice `spans` (sentences of which annotators marked verb, source and target of one event
each): `verb` counts gold verbs that share a word with a trigger of the event types of the set; an
actor task the spans that fill its roles in the events of that trigger, by same words or (overlap)
a word in common; `who did what to whom` the sentences in which all that is marked was found so.
There are more events in a sentence than the one marked, so only recall is known of verbs. Tasks of
slice `relevance`: for each event type of the set, whether a sentence tells one.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from marsad.schema import Report
from marsad.score import Count, Scores, Tally
from marsad.text import Words, split_words
from marsad_training.benchmark.measures import per_report, size, task_figures
from marsad_training.benchmark.setting import Bench, Document, Result, Row
from marsad_training.corpus import json_lines, read_table

_SENTENCE = ("id", "text", "event_type")  # of either kind of file
_ALL = "who did what to whom"


@dataclass(frozen=True)
class EventSet:
    """arabic_event_gsr: its files, and its labels in the model's terms."""

    folder: str
    spans: str
    verb: str
    actors: Mapping[str, Sequence[str]]  # span -> roles
    sentences: Sequence[str]  # files of labelled sentences
    labels: Mapping[str, bool]  # label of a sentence -> whether it tells such an event
    events: Mapping[str, Sequence[str]]  # event type of the set -> the model's event types
    statuses: Sequence[str]  # of which an event counts as told


GSR = EventSet(**json.loads((files("marsad_training.benchmark") / "gsr.json").read_text("utf-8")))


def run(bench: Bench) -> Result:
    """Who did what to whom, and which sentences tell an assault or a protest at all."""
    folder = bench.public(GSR.folder)
    keys = dict.fromkeys(_SENTENCE, str) | dict.fromkeys((GSR.verb, *GSR.actors), list)
    marked = [row for _, row in json_lines(folder / GSR.spans, keys | {"doc": str})]
    labelled = [
        row
        for name in GSR.sentences
        for _, row in read_table(folder / name, _labelled, ",")
        if row["label"] in GSR.labels
    ]
    sentence_of = {row["id"]: row["doc"] for row in marked}  # the key of an excerpt is either
    sources = {source.split("/", 2)[-1] for _, source in bench.trained_on()}
    seen = {sentence_of.get(key, key) for key in sources}
    articles = {_article(sentence) for sentence in seen}
    left_out, unseen_articles, picked = {}, {}, {}
    for name, key, found in (("spans", "doc", marked), ("relevance", "id", labelled)):
        unseen = [row for row in found if row[key] not in seen]
        picked[name] = bench.cut(unseen)
        left_out[name] = len(found) - len(unseen)
        unseen_articles[name] = sum(_article(row[key]) not in articles for row in picked[name])
    relevance, said_yes = _relevance(bench, picked["relevance"])
    return Result(
        {"spans": _spans(bench, picked["spans"]), "relevance": relevance},
        {"left_out": left_out, "unseen_articles": unseen_articles, "said_yes": said_yes},
    )


def _labelled(row: Mapping[str, str]) -> dict[str, str]:
    return {column: row[column] for column in (*_SENTENCE, "label")}


def _article(sentence: str) -> str:
    return sentence.rpartition("-")[0]


def rows(document: Document) -> Iterator[Row]:
    """One row for each task."""
    for name, part in document["slices"].items():
        for task, found in part["tasks"].items():
            yield {
                "slice": name, "task": task, "sentences": str(part["reports"]),
                "gold": str(found["gold"]), "recall": f"{found['recall']:.3f}",
                **({} if task.startswith((GSR.verb, _ALL)) else {
                    "precision": f"{found['precision']:.3f}", "F1": f"{found['f1']:.3f}",
                }),
            }  # fmt: skip


def _spans(bench: Bench, marked: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    gold = [Report(row["id"], row["text"]) for row in marked]
    read = bench.read(gold, "gsr: spans")
    scores = Scores(tuple(who_did_what(row, r) for row, r in zip(marked, read, strict=True)))
    actors = [name for actor in GSR.actors for name in (actor, f"{actor} (overlap)")]
    tasks = task_figures(scores, [GSR.verb, *actors, _ALL], bench.seed)
    return size(gold) | {"tasks": tasks, "per_report": per_report(gold, scores)}


def who_did_what(row: Mapping[str, Any], read: Report) -> Tally:
    """The counts of one sentence of the span file; labels are the set's event types."""
    words, type = split_words(row["text"]), row["event_type"]
    verbs = _word_spans(words, row[GSR.verb])
    events = [
        event
        for event in read.events
        if event.type in GSR.events[type]
        and _meet(verbs, {words.span(event.start, event.end) or (0, 0)})
    ]
    tally: Tally = {(GSR.verb, type): Count(bool(verbs), bool(events), bool(events))}
    complete = bool(events) or not verbs
    for actor, roles in GSR.actors.items():
        wanted = _word_spans(words, row[actor])
        ids = {a.id for event in events for a in event.arguments if a.role in roles}
        mentions = [read.mention(id) for id in sorted(ids)]
        got = {words.span(m.start, m.end) or (0, 0) for m in mentions}
        met = _meet(wanted, got)
        tally[actor, type] = Count(len(wanted), len(got), len(wanted & got))
        tally[f"{actor} (overlap)", type] = Count(len(wanted), len(got), met)
        complete = complete and met == len(wanted)
    tally[_ALL, type] = Count(1, 1, complete)
    return tally


def _word_spans(words: Words, marks: Sequence[Mapping[str, Any]]) -> set[tuple[int, int]]:
    return {span for m in marks if (span := words.span(m["start"], m["end"])) is not None}


def _meet(gold: set[tuple[int, int]], read: set[tuple[int, int]]) -> int:
    """How many gold spans share a word with a read span, each read span for one of them."""
    free = sorted(read)
    met = 0
    for start, end in sorted(gold):
        hit = next((span for span in free if span[0] < end and start < span[1]), None)
        if hit:
            free.remove(hit)
            met += 1
    return met


def _relevance(
    bench: Bench, labelled: Sequence[Mapping[str, str]]
) -> tuple[dict[str, Any], dict[str, dict[str, list[int]]]]:
    gold = [
        Report(f"{row['event_type']}/{row['id']}", row["text"], style=row["label"])
        for row in labelled
    ]
    read = bench.read(gold, "gsr: relevance")
    said: dict[str, dict[str, list[int]]] = {}
    tallies: list[Tally] = []
    for row, report in zip(labelled, read, strict=True):
        type, label = row["event_type"], row["label"]
        yes = any(e.type in GSR.events[type] and e.status in GSR.statuses for e in report.events)
        tallies.append({(type, label): Count(GSR.labels[label], yes, GSR.labels[label] and yes)})
        cell = said.setdefault(type, {}).setdefault(label, [0, 0])
        cell[0] += 1
        cell[1] += yes
    scores = Scores(tuple(tallies))
    tasks = task_figures(scores, GSR.events, bench.seed)
    return size(gold) | {"tasks": tasks, "per_report": per_report(gold, scores)}, said
