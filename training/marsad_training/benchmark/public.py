"""Public data sets: named entities (ner), who did what to whom (gsr), posts of peaceful news.

`public.json` says where each set lies under the data folder, which of its types are which of the
model's mention types, and what others have published. The model never saw these label sets: it is
scored on them zero-shot, types that it does not have left out of gold.

Suite gsr, tasks of slice `spans` (sentences of which annotators marked source, verb and target of
one event each): `verb` counts gold verbs that share a word with a trigger of the event types of
the set; an actor task the spans that fill its roles in the events of that trigger, by same words or
(overlap) a word in common; `who did what to whom` the sentences in which all that is marked was
found so. There are more events in a sentence than the one marked, so only recall is known of
verbs. Tasks of slice `relevance`: for each event type of the set, whether a sentence tells one.
Sentences that are training data are left out.
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from marsad.errors import at
from marsad.files import read_text
from marsad.schema import Mention, Report
from marsad.score import Count, Scores, Tally
from marsad.text import Words, split_words
from marsad_training.adapt import Sentence, passages, read_columns
from marsad_training.benchmark.measures import measures, per_report, size, task_figures
from marsad_training.benchmark.setting import Bench, Document, Result, Row

_PASSAGE = 100  # words, as the encoder was adapted
_SETS: dict[str, Any] = json.loads(
    (files("marsad_training.benchmark") / "public.json").read_text("utf-8")
)


@dataclass(frozen=True)
class EntitySet:
    """A named-entity corpus: its types and the model's mention types, each to a common name."""

    name: str
    about: str
    folder: str
    format: str
    files: Sequence[str]
    gold: Mapping[str, str]
    read: Mapping[str, str]
    published: Sequence[Mapping[str, Any]]


NER = tuple(EntitySet(**entry) for entry in _SETS["ner"])


def ner(bench: Bench) -> Result:
    """Zero-shot figures on each set that is there, beside trained and published ones."""
    slices, facts = {}, {}
    here = [s for s in NER if bench.has(s.folder)]
    if not here:
        bench.public(NER[0].folder)  # says what is absent
    for entity_set in here:
        whole = FORMATS[entity_set.format](entity_set, bench.public(entity_set.folder))
        gold = bench.cut(whole)
        kept = [_mapped(report, entity_set.gold) for report in gold]
        read = bench.read(gold, f"ner: {entity_set.name}")
        mapped = [_mapped(report, entity_set.read) for report in read]
        slices[entity_set.name] = measures(kept, mapped, bench.seed)
        left_out = Counter(m.type for r in gold for m in r.mentions)
        facts[entity_set.name] = {
            "about": entity_set.about,
            "trained_f1": _trained(bench, entity_set.name),
            "published": list(entity_set.published),
            "left_out": {t: n for t, n in left_out.items() if t not in entity_set.gold},
        }
    return Result(slices, facts)


def ner_rows(document: Document) -> Iterator[Row]:
    """One row for each set."""
    for name, part in document["slices"].items():
        facts, found = document["facts"][name], part["tasks"].get("mentions")
        if found is None:
            continue
        quoted = "; ".join(f"{p['system']} {100 * p['f1']:.1f}" for p in facts["published"])
        yield {
            "set": name, "gold": str(found["gold"]), "F1": f"{found['f1']:.3f}",
            "overlap": f"{part['tasks']['mentions (overlap)']['f1']:.3f}",
            **{k: f"{part['semeval']['mentions'][k]['f1']:.3f}" for k in ("partial", "type")},
            "trained and tested on it": str(facts["trained_f1"] or "-"),
            "published (trained on it)": quoted or "-",
        }  # fmt: skip


def _mapped(report: Report, types: Mapping[str, str]) -> Report:
    """The mentions whose type is mapped, under the common name; of nested ones of a type the
    outermost."""
    kept: list[Mention] = []
    for mention in sorted(report.mentions, key=lambda m: (m.start, -m.end)):
        type = types.get(mention.type)
        if type and not any(m.type == type and mention.start < m.end for m in kept):
            kept.append(replace(mention, type=type, value=None))
    return replace(report, mentions=tuple(kept), events=(), same=(), incidents=())


def _trained(bench: Bench, name: str) -> float | None:
    """The test F1 that `marsad-train adapt` wrote down when it trained the model's encoder."""
    stages = bench.system.facts.get("stages", ())
    found = [s["test_f1"][name] for s in stages if name in s.get("test_f1", {})]
    return found[-1] if found else None


def columns(entity_set: EntitySet, folder: Path) -> list[Report]:
    """Passages of BIO files as reports, the words joined by spaces."""
    return [
        bio_report(f"{Path(name).stem}-{number:04}", passage)
        for name in entity_set.files
        for number, passage in enumerate(passages(read_columns(folder / name), _PASSAGE))
    ]


def bio_report(id: str, sentence: Sentence) -> Report:
    """A report of words and their BIO tags, nested ones too; an I- after nothing opens a span."""
    spans: list[tuple[str, int, int]] = []
    running: dict[str, tuple[int, int]] = {}  # type -> where its last span stands, its last word
    start = 0
    for number, (word, tags) in enumerate(sentence):
        end = start + len(word)
        for tag in tags:
            prefix, _, type = tag.partition("-")
            place, last = running.get(type, (-1, -2))
            if prefix == "I" and last == number - 1:
                spans[place] = (type, spans[place][1], end)
            elif prefix in ("B", "I"):
                place = len(spans)
                spans.append((type, start, end))
            if type:
                running[type] = (place, number)
        start = end + 1
    mentions = tuple(Mention(f"m{n}", *span) for n, span in enumerate(spans, 1))
    return Report(id, " ".join(word for word, _ in sentence), mentions=mentions)


def posts(entity_set: EntitySet, folder: Path) -> list[Report]:
    """Posts of IDRISI with their location mentions."""
    found: dict[str, Report] = {}
    for path in sorted(p for name in entity_set.files for p in folder.glob(name)):
        for number, row in _json_lines(path):
            mentions = []
            for n, m in enumerate(row["location_mentions"], 1):
                start, end = int(m["startIdx"]), int(m["endIdx"])
                if row["text"][start:end] != m["text"]:
                    raise at(path, number, f"{m['text']!r} does not stand at {start}-{end}.")
                mentions.append(Mention(f"m{n}", m["type"], start, end))
            found[row["tweet_id"]] = Report(row["tweet_id"], row["text"], mentions=tuple(mentions))
    return list(found.values())


FORMATS = {"columns": columns, "posts": posts}


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers and records; a text may hold any line separator but the newline."""
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip():
            yield number, json.loads(line)


def _table(path: Path) -> Iterator[dict[str, str]]:
    return csv.DictReader(io.StringIO(read_text(path), newline=""))


@dataclass(frozen=True)
class EventSet:
    """arabic_event_gsr: its files, and its labels in the model's terms."""

    folder: str
    spans: str
    verb: str
    actors: Mapping[str, Sequence[str]]  # span -> roles
    relevance: Mapping[str, str]  # event type of the set -> file
    labels: Mapping[str, bool]  # label of a sentence -> whether it tells such an event
    events: Mapping[str, Sequence[str]]  # event type of the set -> the model's event types
    statuses: Sequence[str]  # of which an event counts as told


GSR = EventSet(**_SETS["gsr"])


def gsr(bench: Bench) -> Result:
    """Who did what to whom, and which sentences tell an assault or a protest at all."""
    folder = bench.public(GSR.folder)
    marked = [row for _, row in _json_lines(folder / GSR.spans)]
    sentence_of = {row["id"]: row["doc"] for row in marked}
    keys = {source.split("/", 2)[-1] for _, source in bench.trained_on()}
    seen = {sentence_of.get(key, key) for key in keys}
    labelled = [
        (type, row)
        for type, name in GSR.relevance.items()
        for row in _table(folder / name)
        if row["label"] in GSR.labels
    ]
    unseen = [row for row in marked if row["doc"] not in seen]
    unseen_labelled = [(type, row) for type, row in labelled if row["id"] not in seen]
    articles = {sentence.rpartition("-")[0] for sentence in seen}
    spans, relevance = bench.cut(unseen), bench.cut(unseen_labelled)
    found = {"spans": _spans(bench, spans)} if spans else {}
    table, said = _relevance(bench, relevance)
    return Result(
        found | {"relevance": table},
        {
            "left_out": {
                "spans": len(marked) - len(unseen),
                "relevance": len(labelled) - len(unseen_labelled),
            },
            "unseen_articles": {
                "spans": sum(row["doc"].rpartition("-")[0] not in articles for row in spans),
                "relevance": sum(
                    row["id"].rpartition("-")[0] not in articles for _, row in relevance
                ),
            },
            "said_yes": said,
        },
    )


def gsr_rows(document: Document) -> Iterator[Row]:
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


_ALL = "who did what to whom"


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
    bench: Bench, labelled: Sequence[tuple[str, Mapping[str, str]]]
) -> tuple[dict[str, Any], dict[str, dict[str, list[int]]]]:
    gold = [Report(f"{t}/{row['id']}", row["text"], style=row["label"]) for t, row in labelled]
    read = bench.read(gold, "gsr: relevance")
    said: dict[str, dict[str, list[int]]] = {}
    tallies: list[Tally] = []
    for (type, row), report in zip(labelled, read, strict=True):
        yes = any(e.type in GSR.events[type] and e.status in GSR.statuses for e in report.events)
        label = row["label"]
        tallies.append({(type, label): Count(GSR.labels[label], yes, GSR.labels[label] and yes)})
        cell = said.setdefault(type, {}).setdefault(label, [0, 0])
        cell[0] += 1
        cell[1] += yes
    scores = Scores(tuple(tallies))
    tasks = task_figures(scores, GSR.relevance, bench.seed)
    return size(gold) | {"tasks": tasks, "per_report": per_report(gold, scores)}, said


def quiet_posts(bench: Bench) -> dict[str, list[Report]]:
    """Posts of a news channel that it filed under peaceful classes, none of them training data.

    None at all where the set is absent.
    """
    quiet = _SETS["quiet"]
    if not bench.has(quiet["folder"]):
        return {}
    folder = bench.public(quiet["folder"])
    seen = {source for _, source in bench.trained_on()}
    found: dict[str, list[Report]] = {name: [] for name in quiet["classes"]}
    for name in quiet["files"]:
        for row in _table(folder / name):
            source = f"{quiet['name']}/{name}/{row['ID']}"
            if row["Class"] in found and source not in seen:
                text = re.sub(r"\s+", " ", row["Content"]).strip()
                found[row["Class"]].append(Report(source, text))
    return {f"{quiet['name']}/{name}": reports for name, reports in found.items()}
