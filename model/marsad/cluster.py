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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib import import_module
from importlib.resources import as_file, files
from importlib.util import find_spec
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from marsad import __version__
from marsad.artifact import NETWORK, SUMS, load, sums
from marsad.errors import MarsadError, at
from marsad.extractor import Extractor
from marsad.partitions import TEMPORARY, Folder, Part, Row, cuts, inputs, open_folder, rows_of, told
from marsad.schema import Failure, Report, named

ROWS = 1000  # a partition: a minute or two of one core, and what a killed worker loses
_STRIDE = 200  # rows held at once
_COPIES = 1000  # texts whose reading is kept: a post or an agency's story comes again and again
_TRIES = 3  # a partition that ends its worker so often is left
_PLAN = "_plan.json"
_ERRORS = pa.schema(
    {"file": pa.string(), "row": pa.int64(), "id": pa.string(), "message": pa.string()}
)


@dataclass(frozen=True)
class Outcome:
    """What became of a partition: its rows, how many were bad, or why it could not be done."""

    part: str
    rows: int = 0
    bad: int = 0
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
    output = open_folder(target)
    folder, sizes = inputs(source, output)
    identity = _identity(model)
    settings = identity | {"rows": rows, "text": text}
    with told(output.at(_PLAN)):
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
        name: {"size": size, "parts": cuts(folder, name, rows)}
        for name, size in sizes.items()
        if name not in earlier["files"]
    }
    known = {"settings": settings, "files": earlier["files"] | new}
    if new:
        with told(target), output.writing(_PLAN) as file:
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
    job.target.clear(TEMPORARY)  # of a run that was killed
    job.target.fs.makedirs(job.target.at(TEMPORARY), exist_ok=True)
    if workers == 0 or not has_ray():
        yield from map(Worker(job).read, job.todo)
    elif job.todo:
        yield from _on_ray(job, workers)
    job.target.clear(TEMPORARY)


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
            with told(self.job.source.at(part.file)), self._trying(part):
                return self._write(part)
        except MarsadError as error:
            return Outcome(part.name, problem=str(error))

    @contextmanager
    def _trying(self, part: Part) -> Iterator[None]:
        """Leaves a mark (host, process) that stays where the process dies."""
        target = self.job.target
        marks = {f"{part.name}.{n}" for n in range(_TRIES)} - target.names(TEMPORARY)
        if not marks:
            raise MarsadError(
                f"{part.file}: reading the {part.count} rows from {part.first} on ended the "
                f"process {_TRIES} times; is one of them very long?"
            )
        mark = target.at(f"{TEMPORARY}/{min(marks)}")
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
        rows, stem = rows_of(self.job.source, part), PurePosixPath(part.file).stem
        while some := list(islice(rows, _STRIDE)):
            texts: list[Any] = [row.fields.get("text") for row in some]
            dates: list[Any] = [row.fields.get("date") or None for row in some]
            ids = [named(row.fields.get("id"), f"{stem}-{row.number}") for row in some]
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


def _earlier(output: Folder) -> dict[str, Any]:
    """The plan that stands in the output folder, if any."""
    if not output.fs.isfile(output.at(_PLAN)):
        if output.names("reports"):
            raise at(output.root, None, f"holds reports but no {_PLAN}; name another folder.")
        return {}
    found = json.loads(output.fs.cat(output.at(_PLAN)))
    return {key: dict(found[key]) for key in ("settings", "files")}


def _identity(model: Path | None) -> dict[str, str]:
    """The version of the package and the sha256 of the model's weights."""
    with as_file(files("marsad") / "artifact") as shipped:
        folder = model or shipped
        digest = sums(folder).get(NETWORK)
    if digest is None:
        raise at(folder / SUMS, None, f"does not name {NETWORK}; export the artifact again.")
    return {"marsad": __version__, "model": digest}
