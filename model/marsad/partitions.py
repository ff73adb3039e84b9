"""Where a corpus lies and how it is read: folders anywhere, cut into partitions, rows out of them.

Parquet is cut by rows, JSON lines by bytes, so that a partition is read without what stands before.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fsspec.core import url_to_fs

from marsad.errors import MarsadError, at
from marsad.files import loads

TEMPORARY = "_temporary"  # the folder of what is not whole yet
_BATCH = 200  # rows of a table that are held at once
_READ = ("id", "date", "text")


@dataclass(frozen=True)
class Folder:
    """A folder on any file system that fsspec knows."""

    fs: Any
    root: str

    def at(self, name: str) -> str:
        """The path of a file in it."""
        return f"{self.root}/{name}"

    def names(self, below: str) -> set[str]:
        """The names in a folder below it; none where there is no such folder."""
        self.fs.invalidate_cache()  # others write there, too
        if not self.fs.isdir(self.at(below)):
            return set()
        return {PurePosixPath(path).name for path in self.fs.ls(self.at(below), detail=False)}

    @contextmanager
    def writing(self, name: str) -> Iterator[Any]:
        """A binary file that gets its name when it is whole."""
        temporary, path = self.at(f"{TEMPORARY}/{uuid4().hex}"), self.at(name)
        for each in (temporary, path):
            self.fs.makedirs(each.rpartition("/")[0], exist_ok=True)
        with self.fs.open(temporary, "wb") as file:
            yield file
        self.fs.mv(temporary, path)

    def clear(self, below: str) -> None:
        """Remove a folder below it, if there is one."""
        if self.fs.isdir(self.at(below)):
            self.fs.rm(self.at(below), recursive=True)


@dataclass(frozen=True)
class Part:
    """A partition: `count` rows of a file from row (or line) `first`, which counts from 1.

    Of JSON lines `start` and `end` are the bytes where they stand.
    """

    name: str
    file: str
    first: int
    count: int
    start: int = 0
    end: int = 0


class Row(NamedTuple):
    """A row of the input: where it stands, its fields, and what is wrong where they are no use."""

    number: int
    fields: Mapping[str, Any]
    problem: str = ""


@contextmanager
def told(where: str) -> Iterator[None]:
    """Whatever goes wrong, as a MarsadError: file systems share no class of errors."""
    try:
        yield
    except MarsadError:
        raise
    except Exception as error:
        kind = type(error).__name__
        raise at(where, None, f"cannot be read or written ({kind}: {error}).") from error


def open_folder(url: str) -> Folder:
    """The folder of a path or URL; MarsadError where it is empty, or fsspec does not know it."""
    if not url:
        raise MarsadError("the name of a folder is empty; name one.")
    with told(url):
        fs, root = url_to_fs(url)
    return Folder(fs, root.rstrip("/"))


def inputs(url: str, output: Folder) -> tuple[Folder, dict[str, int]]:
    """The input folder, and its files with their sizes; a name in . or _ is no input."""
    folder = open_folder(url)
    with told(url):
        if folder.fs.isfile(folder.root):
            root, _, name = folder.root.rpartition("/")
            folder, sizes = Folder(folder.fs, root), {name: folder.fs.size(folder.root)}
        elif folder.fs.isdir(folder.root):
            if folder.fs == output.fs and f"{output.root}/".startswith(f"{folder.root}/"):
                raise at(output.root, None, "lies in the input; name a folder outside it.")
            found = sorted(_sizes(folder.fs, folder.root))
            sizes = {path[len(folder.root) + 1 :]: size for path, size in found}
            sizes = {n: s for n, s in sizes.items() if not any(p[0] in "._" for p in n.split("/"))}
        else:
            raise at(url, None, "no such file or folder.")
    known = ", ".join(_KINDS)
    if not sizes:
        raise at(url, None, f"holds no {known} file.")
    if odd := [name for name in sizes if PurePosixPath(name).suffix not in _KINDS]:
        raise at(folder.at(odd[0]), None, f"cannot be read; files should be {known}.")
    return folder, sizes


def _sizes(fs: Any, folder: str) -> Iterator[tuple[str, int]]:
    """All files below a folder, with their sizes; `find` would leave out what it may not open."""
    for info in fs.ls(folder, detail=True):
        if info["type"] != "directory":
            yield info["name"], info["size"]
        elif info["name"].rstrip("/") != folder:  # a bucket may list a folder in itself
            yield from _sizes(fs, info["name"])


def cuts(folder: Folder, name: str, rows: int) -> list[tuple[int, ...]]:
    """How a file is cut: (first, count), of JSON lines also (start, end), as `Part` has them.

    Raises MarsadError where it cannot be read.
    """
    with told(folder.at(name)), folder.fs.open(folder.at(name), "rb") as file:
        return list(_KINDS[PurePosixPath(name).suffix].cut(file, rows))


class Kind(NamedTuple):
    """How files of a suffix are cut, (first, count, start, end) each, and how a part is read."""

    cut: Callable[[Any, int], Iterator[tuple[int, ...]]]
    rows: Callable[[Any, Part], Iterator[Row]]


def _cut_lines(file: Any, rows: int) -> Iterator[tuple[int, ...]]:
    first, count, start, end = 1, 0, 0, 0
    for number, line in enumerate(file, 1):
        end += len(line)
        count += bool(line.strip())
        if count == rows:
            yield first, count, start, end
            first, count, start = number + 1, 0, end
    if count:
        yield first, count, start, end


def _lines(file: Any, part: Part) -> Iterator[Row]:
    file.seek(part.start)
    for number, line in enumerate(file.read(part.end - part.start).split(b"\n"), part.first):
        if line.strip():
            yield _line(number, line)


def _line(number: int, line: bytes) -> Row:
    try:
        record = loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return Row(number, {}, f"byte {error.start} of the line is not UTF-8.")
    except MarsadError as error:
        return Row(number, {}, str(error))
    sound = isinstance(record, dict) and isinstance(record.get("text"), str)
    problem = "" if sound else "should be an object with a string under 'text'."
    return Row(number, record if isinstance(record, dict) else {}, problem)


def _cut_parquet(file: Any, rows: int) -> Iterator[tuple[int, ...]]:
    metadata = pq.ParquetFile(file).metadata
    names = metadata.schema.to_arrow_schema().names
    if "text" not in names:
        raise ValueError(f"no column 'text' among {', '.join(names)}")
    for first in range(0, metadata.num_rows, rows):
        yield first + 1, min(rows, metadata.num_rows - first)


def _parquet_rows(file: Any, part: Part) -> Iterator[Row]:
    table = pq.ParquetFile(file)
    metadata = table.metadata
    sizes = (metadata.row_group(n).num_rows for n in range(metadata.num_row_groups))
    ends = list(accumulate(sizes, initial=0))
    first, last = part.first - 1, part.first - 1 + part.count
    groups = [n for n in range(len(ends) - 1) if ends[n] < last and first < ends[n + 1]]
    columns = [name for name in _READ if name in table.schema_arrow.names]
    seen = ends[groups[0]]
    for batch in table.iter_batches(_BATCH, groups, columns):
        values = {name: _days(batch[name]) for name in columns}
        for n in range(max(first - seen, 0), min(last - seen, batch.num_rows)):
            try:
                yield Row(seen + n + 1, {name: values[name][n].as_py() for name in columns})
            except ValueError as error:  # bytes that are not UTF-8
                yield Row(seen + n + 1, {}, f"cannot be read ({error}).")
        seen += batch.num_rows


def _days(column: Any) -> Any:
    """A column of days or times as YYYY-MM-DD, another as it is."""
    if not pa.types.is_temporal(column.type):
        return column
    return pc.utf8_slice_codeunits(column.cast(pa.string()), 0, 10)


_KINDS = {
    ".parquet": Kind(_cut_parquet, _parquet_rows),
    ".jsonl": Kind(_cut_lines, _lines),
    ".json": Kind(_cut_lines, _lines),
}


def rows_of(folder: Folder, part: Part) -> Iterator[Row]:
    """The rows of a partition."""
    with folder.fs.open(folder.at(part.file), "rb") as file:
        yield from _KINDS[PurePosixPath(part.file).suffix].rows(file, part)
