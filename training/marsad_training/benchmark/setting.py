"""What a suite is given: a model, data by path, a seed, a limit, a progress display."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import marsad
from marsad.artifact import NETWORK, read_config, sums
from marsad.errors import MarsadError
from marsad.extractor import Dates, Ids
from marsad.files import read_json, told_as
from marsad.schema import Labels, Report
from marsad_training.corpus import json_lines, read_splits

Document = dict[str, Any]  # a result file, as the package docstring tells its shape
Row = Mapping[str, str]  # of a table: column -> cell
T = TypeVar("T")


class AbsentError(MarsadError):
    """The data of a suite are not here; the suite is skipped."""


class Reads(Protocol):
    """Anything that reads texts into reports: an `Extractor`, a baseline."""

    def predict_many(
        self, texts: Iterable[str], dates: Dates = None, ids: Ids = None
    ) -> Iterator[Report]:
        """Reports one after another, in order."""
        ...


@dataclass(frozen=True)
class System:
    """A model under test; `artifact` is None for one that is no artifact.

    `learn` makes a model of the kind out of other reports, where that takes no more than minutes.
    """

    name: str
    reader: Reads
    artifact: Path | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    learn: Callable[[Sequence[Report], Labels], Reads] | None = None


def open_system(artifact: Path | None = None) -> System:
    """The model of an artifact folder, by default the one that ships with the package."""
    folder = artifact or Path(marsad.__file__).parent / "artifact"
    config = read_config(folder)
    metrics = folder / "metrics.json"
    with told_as(metrics, "is damaged"):
        training = read_json(metrics).get("training", {})
        learnt = {
            "train_reports": training.get("train_reports"),
            "stages": training.get("stages", []),
        }
    facts = {
        "sha256": sums(folder).get(NETWORK),
        "encoder": config.get("encoder"),
        "onnx_bytes": (folder / NETWORK).stat().st_size,
        **learnt,
    }
    name = folder.resolve().name if artifact else f"marsad-{marsad.__version__}"
    return System(name, marsad.load(folder), folder, facts)


class Watch(Protocol):
    """A progress display: passes items on and shows how far they are."""

    def __call__(self, items: Iterable[T], total: int, text: str) -> Iterable[T]: ...


def unwatched(items: Iterable[T], total: int, text: str) -> Iterable[T]:
    """No display."""
    return items


@dataclass(frozen=True)
class Bench:
    """One model, and what it is measured on."""

    system: System
    corpus: Path = Path("training/corpus")
    data: Path | None = None  # folder of the public data sets
    real: Path | None = None  # gold reports: a file, or a folder of files
    encoder: str = "default"  # what the `transformers` pipeline of suite speed reads with
    seed: int = 0
    limit: int | None = None  # most reports of a set
    seconds: float = 4.0  # least reading time of a cell of suite speed
    watch: Watch = unwatched

    def test_split(self) -> list[Report]:
        """The test split of the corpus."""
        if not (self.corpus / "splits.json").exists():
            raise AbsentError(f"there is no corpus in {self.corpus}; name it with --corpus FOLDER.")
        return self.cut(read_splits(self.corpus)["test"])

    def has(self, name: str) -> bool:
        """Whether a public data set is there."""
        return self.data is not None and (self.data / name).exists()

    def public(self, name: str) -> Path:
        """The folder of a public data set; raises AbsentError where it is not there."""
        if self.data is None:
            raise AbsentError("needs the folder of the public data sets: --data FOLDER.")
        if not (self.data / name).exists():
            raise AbsentError(f"{self.data} holds no {name}.")
        return self.data / name

    def trained_on(self) -> frozenset[tuple[str, str]]:
        """(id, source) of the published excerpts that are training data."""
        path = self.corpus / "real" / "annotations.jsonl"
        records = json_lines(path, {"id": str, "source": str}) if path.exists() else ()
        return frozenset((row["id"], row["source"]) for _, row in records)

    def cut(self, items: Sequence[T]) -> list[T]:
        """At most `limit` of the items, drawn by seed, in their order."""
        if self.limit is None or len(items) <= self.limit:
            return list(items)
        picked = random.Random(self.seed).sample(range(len(items)), self.limit)
        return [items[i] for i in sorted(picked)]

    def read(self, gold: Sequence[Report], text: str) -> list[Report]:
        """What the model reads in the texts of reports, in their order."""
        found = self.system.reader.predict_many(
            [r.text for r in gold], [r.date for r in gold], [r.id for r in gold]
        )
        return list(self.watch(found, len(gold), text))


@dataclass(frozen=True)
class Result:
    """What a suite found: slices and facts of the package docstring."""

    slices: dict[str, dict[str, Any]]
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    """A benchmark: how it runs, and the rows in which a table shows its result."""

    name: str
    about: str
    run: Callable[[Bench], Result]
    rows: Callable[[Document], Iterable[Row]]
