"""The annotated reports: read, split, mixed. `datasets` objects on top for those who want them."""

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

from datasets import Dataset, DatasetDict, Features, Value

from marsad.corpus.splits import SPLITS
from marsad.corpus.splits import read_splits as read_ids
from marsad.errors import MarsadError, at
from marsad.files import loads, read_text
from marsad.formats import jsonl, markup
from marsad.schema import Labels, Report, default_labels

M = TypeVar("M")

_STRING, _OFFSET, _SCORE = Value("string"), Value("int32"), Value("float64")
_SPAN = {
    "id": _STRING, "type": _STRING, "start": _OFFSET, "end": _OFFSET, "text": _STRING,
    "score": _SCORE,
}  # fmt: skip
# The columns of a report's JSON line; without types of their own, a column that is empty in one
# split would have another type there. Incidents are left out, since they are made of the rest.
FEATURES = Features(
    {
        "id": _STRING,
        "date": _STRING,
        "style": _STRING,
        "text": _STRING,
        "entities": [_SPAN | {"value": _STRING, "reason": _STRING}],
        "events": [
            _SPAN
            | {
                "status": _STRING,
                "arguments": [{"role": _STRING, "id": _STRING, "score": _SCORE}],
            }
        ],
        "same": [[_STRING]],
    }
)


def read_labels(folder: Path) -> Labels:
    """`labels.json` of a corpus folder, or the label set of the guidelines where it has none."""
    path = folder / "labels.json"
    return Labels.read(path) if path.exists() else default_labels()


def read_reports(path: Path, labels: Labels | None = None) -> list[Report]:
    """Reports of a file (.txt markup or .jsonl), or of all such files of a folder, by name.

    Raises MarsadError for a path that is absent, holds nothing, or holds an id twice.
    """
    if not path.exists():
        raise at(path, None, "no such file or folder of annotated reports.")
    found = sorted([*path.glob("*.txt"), *path.glob("*.jsonl")]) if path.is_dir() else [path]
    labels = labels or default_labels()
    reports: list[Report] = []
    for file in found:
        read = jsonl.read if file.suffix == ".jsonl" else markup.read
        reports += read(file, labels)
    if not reports:
        raise at(path, None, "holds no .txt or .jsonl file with annotated reports.")
    ids: set[str] = set()
    for report in reports:
        if report.id in ids:
            raise at(path, None, f"the report id {report.id!r} is used twice.")
        ids.add(report.id)
    return reports


def read_splits(folder: Path) -> dict[str, list[Report]]:
    """The splits of a corpus folder, as its `splits.json` writes them down.

    Raises MarsadError where the file is absent or does not cover the reports exactly once.
    """
    reports = {r.id: r for r in read_reports(folder / "reports", read_labels(folder))}
    path = folder / "splits.json"
    if not path.exists():
        how = "marsad split CORPUS/reports --from FORMAT --write CORPUS/splits.json"
        raise at(path, None, f"is absent; write it with: {how}.")
    parts = read_ids(path)
    if odd := sorted({id for ids in parts.values() for id in ids} ^ set(reports))[:5]:
        raise at(path, None, f"does not cover the reports exactly once (see {', '.join(odd)}).")
    return {name: [reports[id] for id in parts[name]] for name in SPLITS}


def read_gold(path: Path, labels: Labels | None = None) -> list[Report]:
    """Annotated reports to measure on: as `read_reports`, but of a corpus folder its test split."""
    is_corpus = (path / "splits.json").exists()
    return read_splits(path)["test"] if is_corpus else read_reports(path, labels)


def named(paths: Iterable[Path], names: Iterable[str] = ()) -> dict[str, Path]:
    """Files and folders of reports by the name that tables have for them, which is none of
    `names`. Raises MarsadError where two have one name."""
    found: dict[str, Path] = {}
    for path in paths:
        if path.stem in (*names, *found):
            raise at(path, None, f"is the second {path.stem!r} to measure on; rename one.")
        found[path.stem] = path
    return found


def json_lines(path: Path, keys: Mapping[str, type]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of each line. Raises MarsadError for a line that is none, or in which
    a key is absent or of another kind."""
    for number, line in jsonl.lines(path):
        try:
            record = loads(line)
        except MarsadError as error:
            raise at(path, number, str(error)) from error
        if not isinstance(record, dict):
            raise at(path, number, "should be a JSON object.")
        for key, kind in keys.items():
            if not isinstance(record.get(key), kind):
                raise at(path, number, f"{key!r} is absent or no {kind.__name__}.")
        yield number, record


def read_table(
    path: Path, make: Callable[[dict[str, str]], M], delimiter: str = "\t"
) -> Iterator[tuple[int, M]]:
    """Line of a table, its columns named in the first, and what is made of it.

    Raises MarsadError that names a line with more or fewer columns, one that a KeyError of `make`
    says is missing, and a line of which it raises ValueError.
    """
    rows = csv.DictReader(StringIO(read_text(path), newline=""), delimiter=delimiter)
    try:
        for row in rows:
            if None in row or None in row.values():
                raise at(path, rows.line_num, "has more or fewer columns than the first line.")
            try:
                made = make(row)
            except ValueError as error:
                raise at(path, rows.line_num, f"{error}.") from error
            except KeyError as error:
                raise at(path, 1, f"the column {error} is missing.") from error
            yield rows.line_num, made
    except csv.Error as error:
        raise at(path, rows.line_num, f"{error}.") from error


def to_dataset(reports: Iterable[Report]) -> Dataset:
    """A `datasets.Dataset` with one row for each report, its columns as `FEATURES` says.

    What a report lacks is None. `Report.from_dict` reads a row back.
    """
    rows = [{"style": r.style, **r.to_dict()} for r in reports]
    columns = {k: [row[k] for row in rows] for k in FEATURES}
    return Dataset.from_dict(columns, features=FEATURES)  # `from_list` refuses an empty split


def to_dataset_dict(folder: Path) -> DatasetDict:
    """Train, dev and test of a corpus folder as a `datasets.DatasetDict`."""
    return DatasetDict({name: to_dataset(part) for name, part in read_splits(folder).items()})


def fingerprint(reports: Iterable[Report]) -> str:
    """A hash of texts and annotation, for the run manifest."""
    digest = hashlib.sha256()
    for report in reports:
        digest.update(report.to_json().encode())
    return digest.hexdigest()[:16]
