"""Run configurations: TOML files read into frozen dataclasses. A wrong key is named."""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from math import inf, isfinite
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from marsad.errors import MarsadError, at
from marsad.files import read_text

C = TypeVar("C")
T = TypeVar("T", bound="Training")


@dataclass(frozen=True)
class Training:
    """What every run has: where it starts, how it learns."""

    base: str  # folder or hub name of a BERT-like encoder; "default" is `marsad-train encoder`
    epochs: int
    batch: int  # windows that a process reads at once
    accumulate: int = 1  # batches of each process that make one optimiser step
    learning_rate: float = 3e-4
    head_factor: float = 5.0  # heads learn this much faster than the encoder's last layer
    table_factor: float = 1.0  # and tables, whose rows are seen seldom, so much faster than heads
    layer_decay: float = 0.9  # each layer below learns this much slower
    weight_decay: float = 0.01
    warmup: float = 0.06  # share of all steps
    clip: float = 1.0  # largest norm of a step's gradient
    average: float = 0.0  # decay of the moving average of the weights; 0 keeps the last weights
    dropout: float = 0.2
    word_dropout: float = 0.1  # share of subwords that are masked in training
    freeze_embeddings: bool = True
    limit: int = 380  # subwords in a window
    bf16: bool = False  # pays where the processor computes in bf16
    seed: int = 1

    def __post_init__(self) -> None:
        if self.batch < 1 or self.accumulate < 1:
            raise MarsadError("batch and accumulate must be 1 or more")


# weights of the parts of the loss, of rare statuses and filled roles within theirs
LOSS = {"mention", "trigger", "status", "clitic", "role", "role_positive", "rare_status",
        "label_smoothing"}  # fmt: skip


@dataclass(frozen=True)
class FitConfig(Training):
    """`marsad-train fit`: the joint network on annotated reports."""

    init: str = ""  # a finished run or an artifact whose network it goes on from, new labels added
    replay: tuple[str, ...] = ()  # corpora whose train split is shown again; they may lack labels
    replay_reports: int = 0  # so many of them, drawn by seed; 0 is all
    corpus: str = "training/corpus"
    real: tuple[str, ...] = ()  # files of annotated real reports, added to the train split
    real_repeat: int = 1  # how often an epoch shows them
    teachers: tuple[str, ...] = ()  # runs or artifacts whose answers it learns, averaged
    taught: float = 0.5  # their share in what it learns of an annotated report
    raw: tuple[str, ...] = ()  # files of reports as a model read them, learnt from teachers alone
    rewritten: float = 0.0  # share of the training items with other names, spelling and marks
    renamed: tuple[str, ...] = ()  # mention types whose names change there
    folds: int = 0  # parts of the train reports, by id, of which a run leaves one out;
    fold: int = 0  # this one, so that it can teach what it has not seen
    hold_out: tuple[str, ...] = ()  # theatres (first part of an id) that no part of it may see
    network_only: tuple[str, ...] = ()  # theatres that the network learns and the CRF does not
    layers: int = 0  # of the encoder, from the bottom; 0 is all. Fewer read faster and know less
    role_width: int = 48
    patience: int = 4  # evaluations without a better dev score before it stops
    train_reports: int = 0  # 0 is all; a small number makes a smoke run
    loss: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if wrong := sorted(set(self.loss) - LOSS):
            raise MarsadError(f"loss has no {wrong[0]!r}; it has {', '.join(sorted(LOSS))}")
        if self.raw and not self.teachers:
            raise MarsadError("raw reports are learnt from teachers, but none is named")
        if not 0 <= self.taught <= 1:
            raise MarsadError("taught is a share, from 0 to 1")
        if self.folds and not (self.folds > 1 and 0 <= self.fold < self.folds):
            raise MarsadError("folds are two or more, and fold is one of them, counted from 0")


@dataclass(frozen=True)
class TagSet:
    """A public corpus in BIO columns; `nested` ones have several tags a word."""

    name: str
    files: tuple[str, ...]  # relative to the data folder
    test: tuple[str, ...] = ()  # scored after training
    nested: bool = False
    split_clitics: bool = False  # joined letters are words of their own
    repeat: int = 1  # how often an epoch shows it
    share: float = 1.0  # of its passages, drawn by seed


@dataclass(frozen=True)
class AdaptConfig(Training):
    """`marsad-train adapt`: the encoder on public named-entity corpora, a head for each."""

    sets: tuple[TagSet, ...] = ()
    passage: int = 100  # neighbouring sentences are read together up to so many words


_MANY = (0, inf)
_SOME = (1, inf)
_SHARE = (0, 1)
# the lowest and the highest value of a field, and of the numbers in a list or a table
RANGES: Mapping[str, tuple[float, float]] = {
    "epochs": _SOME, "batch": _SOME, "accumulate": _SOME, "learning_rate": (1e-9, 1),
    "head_factor": _MANY, "table_factor": _MANY, "layer_decay": _SHARE, "weight_decay": _SHARE,
    "warmup": _SHARE, "clip": _MANY, "average": _SHARE, "dropout": (0, 0.9),
    "word_dropout": (0, 0.9), "limit": (8, inf), "seed": (0, 2**31),
    "replay_reports": _MANY, "real_repeat": _MANY, "taught": _SHARE, "rewritten": _SHARE,
    "folds": _MANY, "fold": _MANY, "layers": _MANY, "role_width": _SOME, "patience": _SOME,
    "train_reports": _MANY, "loss": _MANY, "loss.label_smoothing": _SHARE,
    "repeat": _SOME, "share": _SHARE, "passage": _SOME,
    "rounds": _SOME, "seeds": _SOME, "steps": _SOME,
}  # fmt: skip
_CALLED = {
    int: "a whole number", float: "a number", bool: "true or false", str: "a text in quotes",
    TagSet: "a table, [[sets]]",
}  # fmt: skip


def load(path: Path, kind: type[C]) -> C:
    """Read a TOML file into a configuration; raises MarsadError that names a wrong key."""
    data = read_toml(path)
    if isinstance(sets := data.get("sets"), list):
        data["sets"] = [_build(TagSet, x, path) if isinstance(x, dict) else x for x in sets]
    return _build(kind, data, path)


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; raises MarsadError where it is none."""
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise at(path, None, f"is no TOML: {error}.") from error


def _build(kind: type[C], data: dict[str, Any], path: Path) -> C:
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    if wrong := sorted(set(data) - set(known)):
        raise at(path, None, f"unknown key {wrong[0]!r}; known are {', '.join(sorted(known))}.")
    for name, f in known.items():
        if name not in data and f.default is MISSING and f.default_factory is MISSING:
            raise at(path, None, f"the key {name!r} is missing.")
    try:
        for name, value in data.items():
            check(name, value, known[name].type)
        return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in data.items()})
    except MarsadError as error:
        raise at(path, None, f"{error}.") from error


def check(name: str, value: Any, kind: Any) -> None:
    """Raise MarsadError where the value of a field is not of its kind or out of its range."""
    inner = get_args(kind)
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise MarsadError(f"{name} should be a list, not {value!r}")
        for entry in value:
            check(name, entry, inner[0])
    elif get_origin(kind) is dict:
        if not isinstance(value, dict):
            raise MarsadError(f"{name} should be a table, not {value!r}")
        for key, entry in value.items():
            check(f"{name}.{key}", entry, inner[1])
    elif type(value) is not kind and not (kind is float and type(value) is int):
        raise MarsadError(f"{name} should be {_CALLED[kind]}, not {value!r}")
    elif kind in (int, float):
        low, high = RANGES.get(name) or RANGES[name.partition(".")[0]]
        if not (isfinite(value) and low <= value <= high):
            most = f" to {high:g}" if high < inf else " or more"
            raise MarsadError(f"{name} should be {low:g}{most}, not {value!r}")


def with_base(config: T, base: str | None) -> T:
    """The configuration with another base encoder, where one is named."""
    return replace(config, base=base) if base else config
