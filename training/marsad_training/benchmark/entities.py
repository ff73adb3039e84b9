"""Suite ner: public named-entity sets, zero-shot; flat ones trained and tested on as well.

`entities.json` says where each set lies under the data folder, which of its types are which of the
model's mention types, and what others have published. The model never saw these label sets; types
that it does not have are left out of gold. Published figures are of models trained on the set, so
beside them stands the F1, on all its types, of the model's encoder trained on it (`marsad-train
adapt`), or of a baseline that learns it here.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from marsad.errors import at
from marsad.files import told_as
from marsad.schema import Labels, Mention, Report
from marsad.score import score
from marsad_training.adapt import Sentence, passages, read_columns
from marsad_training.benchmark.measures import measures
from marsad_training.benchmark.setting import Bench, Document, Result, Row
from marsad_training.corpus import json_lines

_PASSAGE = 100  # words, as the encoder was adapted
_POST = {"tweet_id": str, "text": str, "location_mentions": list}
_TABLE = files("marsad_training.benchmark") / "entities.json"


@dataclass(frozen=True)
class EntitySet:
    """A named-entity corpus: its types and the model's mention types, each to a common name."""

    name: str
    about: str
    folder: str
    format: str
    files: Sequence[str]
    train: Sequence[str]
    gold: Mapping[str, str]
    read: Mapping[str, str]
    published: Sequence[Mapping[str, Any]]


SETS = tuple(EntitySet(**entry) for entry in json.loads(_TABLE.read_text("utf-8")))


def run(bench: Bench) -> Result:
    """Zero-shot figures on each set that is there, beside trained and published ones."""
    slices, facts = {}, {}
    here = [s for s in SETS if bench.has(s.folder)]
    if not here:
        bench.public(SETS[0].folder)  # says what is absent
    for entity_set in here:
        folder = bench.public(entity_set.folder)
        whole = FORMATS[entity_set.format](entity_set.files, folder)
        gold = bench.cut(whole)
        kept = [mapped(report, entity_set.gold) for report in gold]
        read = bench.read(gold, f"ner: {entity_set.name}")
        named = [mapped(report, entity_set.read) for report in read]
        slices[entity_set.name] = measures(kept, named, bench.seed)
        left_out = Counter(m.type for r in gold for m in r.mentions)
        facts[entity_set.name] = {
            "about": entity_set.about,
            "trained_f1": _adapted(bench, entity_set.name) or _learnt(bench, entity_set, whole),
            "trained_gold": sum(len(report.mentions) for report in whole),
            "published": list(entity_set.published),
            "left_out": {t: n for t, n in left_out.items() if t not in entity_set.gold},
        }
    return Result(slices, facts)


def rows(document: Document) -> Iterator[Row]:
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
            "trained and tested on it": (
                f"{facts['trained_f1']:.3f}, n {facts['trained_gold']}"
                if facts["trained_f1"] else "-"
            ),
            "published (trained on it)": quoted or "-",
        }  # fmt: skip


def mapped(report: Report, types: Mapping[str, str]) -> Report:
    """The mentions whose type is mapped, under its common name; nested ones of a type left out."""
    kept: list[Mention] = []
    for mention in sorted(report.mentions, key=lambda m: (m.start, -m.end)):
        type = types.get(mention.type)
        if type and not any(m.type == type and mention.start < m.end for m in kept):
            kept.append(replace(mention, type=type, value=None))
    return replace(report, mentions=tuple(kept), events=(), same=(), incidents=())


def _adapted(bench: Bench, name: str) -> float | None:
    """The test F1 that `marsad-train adapt` wrote down when it trained the model's encoder."""
    stages = bench.system.facts.get("stages", ())
    found = [s["test_f1"][name] for s in stages if name in s.get("test_f1", {})]
    return found[-1] if found else None


def _learnt(bench: Bench, entity_set: EntitySet, gold: Sequence[Report]) -> float | None:
    """The F1 of a model of the kind that learns the train part; none of a few reports of it."""
    folder = bench.public(entity_set.folder)
    here = all((folder / name).exists() for name in entity_set.train)
    if bench.system.learn is None or bench.limit or not (entity_set.train and here):
        return None
    train = FORMATS[entity_set.format](entity_set.train, folder)
    types = {mention.type: "m" for report in train for mention in report.mentions}
    reader = bench.system.learn(train, Labels(types, (), (), {}, {}))
    read = reader.predict_many([r.text for r in gold], ids=[r.id for r in gold])
    found = bench.watch(read, len(gold), f"ner: {entity_set.name}, trained on it")
    return round(score(gold, found).f1("mentions"), 4)


def columns(names: Sequence[str], folder: Path) -> list[Report]:
    """Passages of BIO files as reports, the words joined by spaces."""
    return [
        bio_report(f"{Path(name).stem}-{number:04}", passage)
        for name in names
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


def posts(names: Sequence[str], folder: Path) -> list[Report]:
    """Posts of IDRISI with their location mentions."""
    found: dict[str, Report] = {}
    for path in sorted(p for name in names for p in folder.glob(name)):
        for number, row in json_lines(path, _POST):
            mentions = []
            for n, m in enumerate(row["location_mentions"], 1):
                with told_as(path, "a location mention is damaged", number):
                    start, end, said, type = (
                        int(m["startIdx"]),
                        int(m["endIdx"]),
                        m["text"],
                        m["type"],
                    )
                if row["text"][start:end] != said:
                    raise at(path, number, f"{said!r} does not stand at {start}-{end}.")
                mentions.append(Mention(f"m{n}", type, start, end))
            found[row["tweet_id"]] = Report(row["tweet_id"], row["text"], mentions=tuple(mentions))
    return list(found.values())


FORMATS = {"columns": columns, "posts": posts}
