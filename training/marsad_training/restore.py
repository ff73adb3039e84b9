"""Stand-off annotation of published texts: written without the texts, put back from their sources.

The texts are not ours to ship. `training/corpus/real/annotations.jsonl` keeps for each excerpt its
source, the numbers of the words it takes from it, a hash of the text, and the annotation. A
folder of the public data sets (`SOURCES`) gives the texts back.
"""

import csv
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from marsad.errors import MarsadError, at
from marsad.files import read_json, read_text, told_as
from marsad.schema import Report
from marsad_training.adapt import passages, read_columns
from marsad_training.corpus import json_lines

Words = list[str]
_NEWSWIRE = "anercorp-camel/ANERCorp_CamelLab_train.txt"
_PASSAGE = 100  # words
_KEYS = {"id": str, "source": str, "paragraphs": list, "sha256": str}  # that name a text


@dataclass(frozen=True)
class Source:
    """A public data set: its folder below the data folder, its address and licence."""

    folder: str
    address: str
    licence: str
    words: Callable[[Path, str], Words]


def _article(folder: Path, key: str) -> Words:
    """Title and body of an article of the ANT corpus, from a clone or from articles.jsonl."""
    raw = _articles(folder).get(key) if (folder / "articles.jsonl").exists() else None
    raw = raw or read_text(folder / key)
    parts = re.search(r"<TITLE>(.*?)</TITLE>.*?<TEXT>(.*?)</TEXT>", raw, re.S)
    return (parts.group(1) + " " + parts.group(2)).split() if parts else []


@cache
def _articles(folder: Path) -> dict[str, str]:
    rows = json_lines(folder / "articles.jsonl", {"file": str, "text": str})
    return {row["file"]: row["text"] for _, row in rows}


def _gsr(folder: Path, key: str) -> Words:
    """A sentence of arabic_event_gsr; key is `file/id` (`spans/id` for the span files)."""
    file, _, id = key.partition("/")
    return _gsr_texts(folder, file)[id].split()


@cache
def _gsr_texts(folder: Path, file: str) -> dict[str, str]:
    if file == "spans":
        rows = [
            row
            for name in ("assault_spans.json", "protest_spans.json")
            for row in read_json(folder / name)
        ]
        return {row["_id"]: row["text"] for row in rows}
    with (folder / file).open(encoding="utf-8", newline="") as handle:
        return {row["id"]: row["text"] for row in csv.DictReader(handle)}


def _post(folder: Path, key: str) -> Words:
    """A post of ASND; key is `file/id`."""
    file, _, id = key.partition("/")
    return _posts(folder, file)[id].split()


@cache
def _posts(folder: Path, file: str) -> dict[str, str]:
    with (folder / file).open(encoding="utf-8", newline="") as handle:
        return {row["ID"]: row["Content"] for row in csv.DictReader(handle)}


def _alert(folder: Path, key: str) -> Words:
    """A labelled post of palestine-data-backend; key is `file/line`."""
    file, _, line = key.partition("/")
    return _alerts(folder, file)[line].split()


@cache
def _alerts(folder: Path, file: str) -> dict[str, str]:
    return {str(n): row["text"] for n, row in json_lines(folder / file, {"text": str})}


def _investigation(folder: Path, key: str) -> Words:
    """The words of a Markdown page of the Syrian Archive, without its markup."""
    page = (folder / key).read_text("utf-8")  # a byte-order mark counts as a character here
    page = re.sub(r"^---.*?^---", "", page, flags=re.S | re.M)
    page = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", page)
    page = re.sub(r"\[([^\]]*)\]\([^)\s]*\)", r"\1", page)
    page = re.sub(r"\{[^}]*\}", "", re.sub(r"<[^>]*>", "", page))
    return re.sub(r"[*#>`_]", "", page).split()


SOURCES = {
    "antcorpus": Source(
        "antcorpus", "https://github.com/antcorpus/antcorpus.data", "Apache-2.0", _article
    ),
    "arabic_event_gsr": Source(
        "arabic-event-gsr", "https://github.com/openeventdata/arabic_event_gsr",
        "MIT (annotations; sentences of Asharq Al-Awsat)", _gsr,
    ),
    "asnd": Source(
        "asnd", "https://github.com/shammur/Arabic_news_text_classification_datasets",
        "CC BY 4.0", _post,
    ),
    "palestine-data-backend": Source(
        "palestine-alerts", "https://github.com/Zaidroid/palestine-data-backend",
        "MIT (labels; posts of Telegram channels)", _alert,
    ),
    "beta-content": Source(
        "syrian-archive-reports-ar", "https://github.com/tareefdev/beta-content",
        "CC BY-SA 4.0", _investigation,
    ),
}  # fmt: skip


def strip(report: Report, source: str, paragraphs: list[tuple[int, int]]) -> dict[str, Any]:
    """The stand-off record of an annotated excerpt: everything but its text."""
    record = report.to_dict()
    for span in (*record["entities"], *record["events"]):
        del span["text"]
    del record["text"]
    return record | {
        "source": source,
        "paragraphs": [list(p) for p in paragraphs],
        "sha256": _hash(report.text),
    }


def restore(annotations: Path, data: Path) -> Iterator[Report]:
    """The annotated reports with their texts.

    Raises MarsadError where a source is absent, a text is no longer the annotated one or an id is
    used twice.
    """
    ids: set[str] = set()
    for number, record in json_lines(annotations, _KEYS):
        try:
            text = _text(record["source"], record["paragraphs"], data)
        except (KeyError, OSError) as error:
            raise at(annotations, number, f"{record['source']} is not in {data}.") from error
        except MarsadError as error:
            raise at(annotations, number, str(error)) from error
        except (TypeError, ValueError) as error:
            message = (
                "'paragraphs' should list pairs of numbers, of a first word and past the last."
            )
            raise at(annotations, number, message) from error
        if _hash(text) != record["sha256"]:
            raise at(
                annotations, number, f"the text of {record['source']} is not the annotated one."
            )
        if record["id"] in ids:
            raise at(annotations, number, f"the report id {record['id']!r} is used twice.")
        ids.add(record["id"])
        with told_as(annotations, "is no annotation", number):
            report = Report.from_dict(record | {"text": text})
        yield report


def unread(annotations: Path, data: Path, held: Iterable[Report] = ()) -> Iterator[tuple[str, str]]:
    """Id and text of news that no annotated excerpt is taken from, for `FitConfig.raw`.

    These are articles of the ANT corpus and passages of 100 words of ANERcorp's train part. An
    article that holds a paragraph of a `held` report is left out, so that a model can be measured
    on that. Raises MarsadError where a source is absent.
    """
    used = {record["source"] for _, record in json_lines(annotations, _KEYS)}
    paragraphs = [" ".join(p.split()) for report in held for p in report.text.split("\n\n")]
    folder = data / SOURCES["antcorpus"].folder
    for key in _article_keys(folder):
        text = " ".join(_article(folder, key))
        if text and f"antcorpus/{key}" not in used and not any(p in text for p in paragraphs):
            yield Path(key).stem, text
    for number, passage in enumerate(passages(read_columns(data / _NEWSWIRE), _PASSAGE)):
        yield f"anercorp-{number}", " ".join(word for word, _ in passage)


def _article_keys(folder: Path) -> list[str]:
    if (folder / "articles.jsonl").exists():
        return list(_articles(folder))
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.txt"))
    if not found:
        raise at(folder, None, "is absent; --data should name the folder of public corpora.")
    return found


def _text(source: str, paragraphs: list[list[int]], data: Path) -> str:
    name, _, key = source.partition("/")
    words = SOURCES[name].words(data / SOURCES[name].folder, key)
    return "\n\n".join(" ".join(words[first:last]) for first, last in paragraphs)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
