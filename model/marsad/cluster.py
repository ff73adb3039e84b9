"""Reports by the million: Parquet or JSON lines in, partitioned Parquet out.

The input is cut into partitions of so many rows, and the cuts are written down in the output
folder. `Worker.read` reads, predicts and writes one partition; a plain loop calls it, or actors of
Ray Data, one model each. A partition gets its name only when it is whole, so a run that is started
again does what is missing. What a folder holds: `reports/` with one row for each input row,
`errors/` with the rows that could not be read, `_plan.json`, and `_temporary/` while a run goes on.
"""

import json
import logging
import os
import socket
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib import import_module
from importlib.resources import as_file, files
from importlib.util import find_spec
from itertools import accumulate, islice
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fsspec.core import url_to_fs

from marsad import __version__
from marsad.artifact import NETWORK, SUMS, load, sums
from marsad.errors import MarsadError, at
from marsad.extractor import Extractor
from marsad.files import loads
from marsad.schema import Failure, Report, named

ROWS = 1000  # a partition: a minute or two of one core, and what a killed worker loses
_STRIDE = 200  # rows held at once
_COPIES = 1000  # texts whose reading is kept: a post or an agency's story comes again and again
_TRIES = 3  # a partition that ends its worker so often is left
_PLAN, _TEMPORARY = "_plan.json", "_temporary"
_READ = ("id", "date", "text")
_ERRORS = pa.schema(
    {"file": pa.string(), "row": pa.int64(), "id": pa.string(), "message": pa.string()}
)


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
        temporary, path = self.at(f"{_TEMPORARY}/{uuid4().hex}"), self.at(name)
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


@dataclass(frozen=True)
class Outcome:
    """What became of a partition: its rows, how many were bad, or why it could not be done."""

    part: str
    rows: int = 0
    bad: int = 0
    problem: str = ""


class Row(NamedTuple):
    """A row of the input: where it stands, its fields, and what is wrong where they are no use."""

    number: int
    fields: Mapping[str, Any]
    problem: str = ""


@dataclass(frozen=True)
class Job:
    """What is read, where it goes, and how.

    `identity` tells which marsad and model read it; `threads` as in `marsad.load`.
    """

    source: Folder
    target: Folder
    parts: tuple[Part, ...]
    model: Path | None
    identity: Mapping[str, str]
    text: bool
    threads: int | None = None

    @cached_property
    def todo(self) -> list[Part]:
        """The partitions that were not finished before."""
        done = self.target.names("reports")
        return [part for part in self.parts if f"{part.name}.parquet" not in done]


def plan(
    source: str, target: str, model: Path | None = None, rows: int = ROWS, text: bool = False
) -> Job:
    """Cut the input (a file or folder, or its URL) into partitions, or take up an earlier plan.

    `text` adds the text as a column. Raises MarsadError where there is nothing to read, where a
    file cannot be read at all, and where the target was begun with other settings or files that
    have changed since. Files that are new are added.
    """
    output = _folder(target)
    folder, sizes = _inputs(source, output)
    identity = _identity(model)
    settings = identity | {"rows": rows, "text": text}
    with _told(target):
        earlier = _earlier(output) or {"settings": settings, "files": {}}
    for key, value in settings.items():
        if (begun := earlier["settings"].get(key)) != value:
            raise at(
                target, None,
                f"was begun with {key} {begun}, and now it is {value}; name another folder.",
            )  # fmt: skip
    for name, entry in earlier["files"].items():
        if name not in sizes:
            raise at(
                target, None,
                f"was begun with {name}, which {source} is not or lacks; name another folder.",
            )  # fmt: skip
        if sizes[name] != entry["size"]:
            raise at(
                folder.at(name), None, f"has changed since {target} was begun; name another folder."
            )
    new = {
        name: {"size": size, "parts": _cuts(folder, name, rows)}
        for name, size in sizes.items()
        if name not in earlier["files"]
    }
    known = {"settings": settings, "files": earlier["files"] | new}
    if new:
        with _told(target), output.writing(_PLAN) as file:
            file.write(json.dumps(known, ensure_ascii=False).encode())
    parts = (
        Part(f"part-{n:05}-{m:05}", name, *cut)
        for n, (name, entry) in enumerate(known["files"].items())
        for m, cut in enumerate(entry["parts"])
    )
    return Job(folder, output, tuple(parts), model and model.absolute(), identity, text)


def run(job: Job, workers: int | None = None) -> Iterator[Outcome]:
    """Do what is missing; yields what became of each partition, in any order.

    `workers` is the number of Ray actors, each on one core (default: one for each of the cluster);
    0, or no Ray, is a plain loop on all cores. Raises MarsadError where Ray gives up.
    """
    job.target.clear(_TEMPORARY)  # of a run that was killed
    job.target.fs.makedirs(job.target.at(_TEMPORARY), exist_ok=True)
    if workers == 0 or not has_ray():
        yield from map(Worker(job).read, job.todo)
    elif job.todo:
        yield from _on_ray(job, workers)
    job.target.clear(_TEMPORARY)


def has_ray() -> bool:
    """Whether Ray is installed."""
    return find_spec("ray") is not None


class Worker:
    """Holds a model and does partitions, one after another."""

    def __init__(self, job: Job):
        self.job = job
        self.kept: OrderedDict[str, Report | Failure] = OrderedDict()

    @cached_property
    def extractor(self) -> Extractor:
        """The model, opened at the first partition: a node without it says so in an outcome."""
        if (here := _identity(self.job.model)) != self.job.identity:
            raise MarsadError(
                f"{socket.gethostname()} has another marsad or model ({here}) than the run was "
                f"begun with ({self.job.identity})."
            )
        return load(self.job.model, self.job.threads)

    def __call__(self, batch: Mapping[str, Iterable[str]]) -> dict[str, list[Any]]:
        """As Ray Data calls it: partitions as JSON in, outcomes as columns out."""
        outcomes = [asdict(self.read(Part(**json.loads(part)))) for part in batch["part"]]
        return {key: [outcome[key] for outcome in outcomes] for key in outcomes[0]}

    def read(self, part: Part) -> Outcome:
        """Read, predict and write a partition. What goes wrong is told, never raised."""
        try:
            with _told(self.job.source.at(part.file)), self._trying(part):
                return self._write(part)
        except MarsadError as error:
            return Outcome(part.name, problem=str(error))

    @contextmanager
    def _trying(self, part: Part) -> Iterator[None]:
        """Leaves a mark (host, process) that stays where the process dies."""
        target = self.job.target
        marks = {f"{part.name}.{n}" for n in range(_TRIES)} - target.names(_TEMPORARY)
        if not marks:
            raise MarsadError(
                f"{part.file}: reading the {part.count} rows from {part.first} on ended the "
                f"process {_TRIES} times; is one of them very long?"
            )
        mark = target.at(f"{_TEMPORARY}/{min(marks)}")
        target.fs.pipe(mark, f"{socket.gethostname()} {os.getpid()}".encode())
        yield
        target.fs.rm(mark)

    def _write(self, part: Part) -> Outcome:
        target, name = self.job.target, f"{part.name}.parquet"
        count, bad = 0, []
        with target.writing(f"reports/{name}") as sink:
            with pq.ParquetWriter(sink, _schema(self.job.text)) as writer:
                for rows in self._predicted(part):
                    writer.write_table(pa.Table.from_pylist(rows, writer.schema))
                    count += len(rows)
                    bad += [row | {"message": row["error"]} for row in rows if "error" in row]
            if count != part.count:
                raise at(part.file, None, f"has changed: {count} rows where {part.count} were.")
            if bad:
                with target.writing(f"errors/{name}") as sink_of_errors:
                    pq.write_table(pa.Table.from_pylist(bad, _ERRORS), sink_of_errors)
        return Outcome(part.name, count, len(bad))

    def _predicted(self, part: Part) -> Iterator[list[dict[str, Any]]]:
        """The output rows of a partition, some at a time."""
        source, kind = self.job.source, PurePosixPath(part.file)
        with source.fs.open(source.at(part.file), "rb") as file:
            rows = _KINDS[kind.suffix].rows(file, part)
            while some := list(islice(rows, _STRIDE)):
                texts: list[Any] = [row.fields.get("text") for row in some]
                dates: list[Any] = [row.fields.get("date") or None for row in some]
                ids = [named(row.fields.get("id"), f"{kind.stem}-{row.number}") for row in some]
                found = self._found(texts, dates)
                yield [
                    {"file": part.file, "row": row.number} | _columns(row, replace(each, id=id))
                    for row, each, id in zip(some, found, ids, strict=True)
                ]

    def _found(self, texts: Sequence[Any], dates: Sequence[Any]) -> list[Report | Failure]:
        """What is read in each; a text that came before under the same date is not read again."""
        keys = [repr(pair) for pair in zip(texts, dates, strict=True)]
        new = {key: n for n, key in enumerate(keys) if key not in self.kept}
        read = self.extractor.predict_many(
            [texts[n] for n in new.values()], [dates[n] for n in new.values()], errors="record"
        )
        self.kept.update(zip(new, read, strict=True))
        for key in keys:
            self.kept.move_to_end(key)
        found = [self.kept[key] for key in keys]
        while len(self.kept) > _COPIES:
            self.kept.popitem(last=False)
        return found


def _columns(row: Row, found: Report | Failure) -> dict[str, Any]:
    """The output columns of a report, or of one that could not be read."""
    if isinstance(found, Failure):
        text = row.fields.get("text")
        return {
            "id": _storable(found.id),
            "text": _storable(text) if isinstance(text, str) else None,
            "error": _storable(row.problem or found.message),
        }
    places = (i.location.country for i in found.incidents if i.location)
    return {
        "id": _storable(found.id),
        "date": found.date,
        "text": _storable(found.text),
        "mentions": len(found.mentions),
        "events": len(found.events),
        "incidents": len(found.incidents),
        "event_types": list(dict.fromkeys(event.type for event in found.events)),
        "countries": list(dict.fromkeys(country for country in places if country)),
        "report": found.to_json(),
    }


def _schema(text: bool) -> pa.Schema:
    """The columns of `reports/`."""
    strings, count = pa.list_(pa.string()), pa.int32()
    return pa.schema(
        {
            "file": pa.string(), "row": pa.int64(), "id": pa.string(), "date": pa.string(),
            **({"text": pa.string()} if text else {}),
            "mentions": count, "events": count, "incidents": count,
            "event_types": strings, "countries": strings,
            "report": pa.string(), "error": pa.string(),
        }
    )  # fmt: skip


def _storable(text: str) -> str:
    """Half a surrogate pair has no UTF-8; offsets stay."""
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


def _on_ray(job: Job, workers: int | None) -> Iterator[Outcome]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    ray: Any = import_module("ray")
    import_module("ray.data")
    ours = not ray.is_initialized()
    if ours:  # RAY_ADDRESS, or a cluster on this machine, or one of our own
        ray.init(log_to_driver=False, logging_level=logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.execution_no_progress_timeout_s = -1  # a partition may take long
    count = min(workers or int(ray.cluster_resources()["CPU"]), len(job.todo))
    given = [{"part": json.dumps(asdict(part))} for part in job.todo]
    outcomes = ray.data.from_items(given, override_num_blocks=len(given)).map_batches(
        Worker,
        fn_constructor_args=(replace(job, parts=(), threads=1),),
        batch_size=1,
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(size=count, max_tasks_in_flight_per_actor=1),
    )
    try:
        for row in outcomes.iter_rows():
            yield Outcome(**row)
    except ray.exceptions.RayError as error:
        last = str(error).strip().splitlines()[-1]
        raise MarsadError(f"Ray gave up ({last}); start it again to go on.") from error
    finally:
        if ours:
            ray.shutdown()


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
    for batch in table.iter_batches(_STRIDE, groups, columns):
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


def _folder(url: str) -> Folder:
    with _told(url):
        fs, root = url_to_fs(url)
    return Folder(fs, root.rstrip("/"))


def _inputs(url: str, output: Folder) -> tuple[Folder, dict[str, int]]:
    """The input folder, and its files with their sizes; a name in . or _ is no input."""
    folder = _folder(url)
    with _told(url):
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


def _cuts(folder: Folder, name: str, rows: int) -> list[tuple[int, ...]]:
    """How a file is cut."""
    with _told(folder.at(name)), folder.fs.open(folder.at(name), "rb") as file:
        return list(_KINDS[PurePosixPath(name).suffix].cut(file, rows))


def _earlier(output: Folder) -> dict[str, Any]:
    """The plan that stands in the output folder, if any."""
    if not output.fs.isfile(output.at(_PLAN)):
        if output.names("reports"):
            raise at(output.root, None, f"holds reports but no {_PLAN}; name another folder.")
        return {}
    found: dict[str, Any] = json.loads(output.fs.cat(output.at(_PLAN)))
    return found


def _identity(model: Path | None) -> dict[str, str]:
    """The version of the package and the sha256 of the model's weights."""
    with as_file(files("marsad") / "artifact") as shipped:
        folder = model or shipped
        digest = sums(folder).get(NETWORK)
    if digest is None:
        raise at(folder / SUMS, None, f"does not name {NETWORK}; export the artifact again.")
    return {"marsad": __version__, "model": digest}


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Whatever goes wrong, as a MarsadError: file systems share no class of errors."""
    try:
        yield
    except MarsadError:
        raise
    except Exception as error:
        kind = type(error).__name__
        raise at(where, None, f"cannot be read or written ({kind}: {error}).") from error
