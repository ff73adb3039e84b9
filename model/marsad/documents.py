"""Texts to read: of files, JSON lines, folders of both, or stdin."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import tee
from pathlib import Path

from marsad.errors import DASH, MarsadError, at
from marsad.files import loads, read_lines, stem, whole
from marsad.schema import Report, named

Document = tuple[str, str | None, str]  # text, date, id
_JSON = (".json", ".jsonl", ".ndjson")
_SUFFIXES = (".txt", *_JSON)
_TABLES = (".csv", ".tsv", ".xml", ".pdf", ".docx", ".xlsx", ".parquet")


def documents(sources: Iterable[str], date: str | None) -> Iterator[Document]:
    """The reports of files, folders and stdin, as they come; of JSON lines one is held at a time.

    Raises MarsadError, with file and line, at the first that cannot be read.
    """
    for source in sources:
        if not source:
            raise MarsadError("the name of a file is empty; name a file, a folder or - for stdin.")
        path = Path(source)
        yield from _of_folder(path, date) if path.is_dir() else _of_file(path, date)


def is_stream(source: str) -> bool:
    """Whether it can be read but once: stdin, a pipe, a device."""
    path = Path(source)
    return source == DASH or (path.exists() and not path.is_file() and not path.is_dir())


def _of_folder(folder: Path, date: str | None) -> Iterator[Document]:
    found = sorted(p for p in _below(folder) if p.suffix.lower() in _SUFFIXES)
    if not found:
        raise at(folder, None, f"holds no {', '.join(_SUFFIXES)} file.")
    stems = Counter(file.stem for file in found)
    for file in found:
        for text, day, id in _of_file(file, date):
            is_shared = id == file.stem and stems[id] > 1
            inside = file.relative_to(folder).with_suffix("").as_posix()
            yield text, day, inside if is_shared else id


def _of_file(path: Path, date: str | None) -> Iterator[Document]:
    if path.suffix.lower() in _TABLES:
        raise at(path, None, f"is no text; it should be a {', '.join(_SUFFIXES)} file.")
    first, lines = _begun(read_lines(path))
    is_json = path.suffix.lower() in _JSON or (is_stream(str(path)) and first.lstrip()[:1] == "{")
    if first and is_json:
        yield from _records(lines, path, date)
    else:
        yield whole(path, lines), date, stem(path)


def _begun(lines: Iterator[str]) -> tuple[str, Iterator[str]]:
    """The first line that holds something, and all lines."""
    lines, ahead = tee(lines)
    return next((line for line in ahead if line.strip()), ""), lines


def _below(folder: Path) -> Iterator[Path]:
    """All files of a folder. Raises MarsadError for a folder in it that cannot be read."""

    def told(error: OSError) -> None:
        raise at(error.filename, None, f"cannot be read ({error.strerror}).") from error

    for path, _, names in os.walk(folder, onerror=told):
        yield from (Path(path, name) for name in names)


def _records(lines: Iterable[str], path: Path, date: str | None) -> Iterator[Document]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = loads(line.removesuffix("\n"))
        except MarsadError as error:
            raise at(path, number, str(error)) from error
        if not isinstance(record, dict) or not isinstance(record.get("text"), str):
            raise at(path, number, "should be an object with a string under 'text'.")
        id = named(record.get("id"), f"{stem(path)}-{number}")
        report = Report(id, record["text"], record.get("date") or date)
        if problem := next(report.problems(), None):
            raise at(path, number, problem)
        yield report.text, report.date, report.id
