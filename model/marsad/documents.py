"""Texts to read: of files, JSON lines, folders of both, or stdin."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from marsad.errors import STDIN, MarsadError, at
from marsad.files import loads, read_text
from marsad.schema import Report, named

Document = tuple[str, str | None, str]  # text, date, id
_JSON = (".json", ".jsonl", ".ndjson")
_SUFFIXES = (".txt", *_JSON)
_TABLES = (".csv", ".tsv", ".xml", ".pdf", ".docx", ".xlsx", ".parquet")


def documents(source: str, date: str | None) -> Iterator[Document]:
    """The reports of a file, a folder or stdin."""
    path = Path(source)
    if not source:
        raise MarsadError("the name of a file is empty; name a file, a folder or - for stdin.")
    if source == STDIN:
        text = read_text(source)
        jsonlike = text.lstrip().startswith("{")
        yield from _lines(text, "stdin", date) if jsonlike else [(text, date, "stdin")]
    elif path.is_dir():
        found = sorted(p for p in _below(path) if p.suffix.lower() in _SUFFIXES)
        if not found:
            raise at(path, None, f"holds no {', '.join(_SUFFIXES)} file.")
        stems = Counter(file.stem for file in found)
        for file in found:
            for text, day, id in documents(str(file), date):
                is_shared = id == file.stem and stems[id] > 1
                inside = file.relative_to(path).with_suffix("").as_posix()
                yield text, day, inside if is_shared else id
    else:
        if path.suffix.lower() in _TABLES:
            raise at(path, None, f"is no text; it should be a {', '.join(_SUFFIXES)} file.")
        text = read_text(path)
        if path.suffix.lower() in _JSON:
            yield from _lines(text, source, date)
        else:
            yield text, date, path.stem


def _below(folder: Path) -> Iterator[Path]:
    """All files of a folder. Raises MarsadError for a folder in it that cannot be read."""

    def told(error: OSError) -> None:
        raise at(error.filename, None, f"cannot be read ({error.strerror}).") from error

    for path, _, names in os.walk(folder, onerror=told):
        yield from (Path(path, name) for name in names)


def _lines(text: str, name: str, date: str | None) -> Iterator[Document]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = loads(line)
        except MarsadError as error:
            raise at(name, number, str(error)) from error
        if not isinstance(record, dict) or not isinstance(record.get("text"), str):
            raise at(name, number, "should be an object with a string under 'text'.")
        id = named(record.get("id"), f"{Path(name).stem}-{number}")
        report = Report(id, record["text"], record.get("date") or date)
        if problem := next(report.problems(), None):
            raise at(name, number, problem)
        yield report.text, report.date, report.id
