"""Result files: written, read, compared."""

import json
import os
import platform
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import marsad
from marsad.errors import MarsadError, at
from marsad.files import read_json, told_as, write_text
from marsad_training.benchmark.measures import difference
from marsad_training.benchmark.setting import Bench, Document, Result, Suite

FORMAT = 1
SIMULATION = "simulation.json"  # of `marsad-train simulate`; may lie beside results
SURE = 0.05
# of a result file, by what it is read for
_KEYS: dict[str, type | tuple[type, ...]] = {
    "suite": str, "about": str, "model": dict, "command": str, "version": str, "seed": int,
    "seconds": (int, float), "machine": dict, "slices": dict, "facts": dict,
}  # fmt: skip
_PACKAGES = ("numpy", "onnxruntime", "tokenizers", "torch", "transformers")


def document(
    suite: Suite,
    bench: Bench,
    result: Result,
    seconds: float,
    facts: Mapping[str, Any],
    command: str,
) -> Document:
    """The result file of a suite, as the package docstring tells it; `facts` of the machine."""
    system = bench.system
    return {
        "marsad_benchmark": FORMAT, "suite": suite.name, "about": suite.about,
        "model": {
            "name": system.name,
            "artifact": os.path.relpath(system.artifact) if system.artifact else None,
            **system.facts,
        },
        "command": command,
        "version": marsad.__version__, "seed": bench.seed, "limit": bench.limit,
        "seconds": round(seconds, 1), "machine": dict(facts),
        "slices": result.slices, "facts": result.facts,
    }  # fmt: skip


def command(name: str, options: Mapping[str, Any]) -> str:
    """The command line that has these options; paths as seen from the working folder."""
    words = ["marsad-bench", name]
    for option, value in options.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is True:
                words.append(f"--{option.replace('_', '-')}")
            elif one is not None and one is not False:
                told = os.path.relpath(one) if os.path.isabs(str(one)) else str(one)
                words += [f"--{option.replace('_', '-')}", told]
    return shlex.join(words)


def machine() -> dict[str, Any]:
    """What the figures of speed hang on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def write(folder: Path, found: Document) -> Path:
    """Write `MODEL/SUITE.json` below the folder."""
    path: Path = folder / found["model"]["name"] / f"{found['suite']}.json"
    write_text(path, json.dumps(found, ensure_ascii=False) + "\n")
    return path


def read(path: Path) -> Document:
    """A result file. Raises MarsadError for anything else."""
    found = read_json(path)
    if not isinstance(found, dict) or found.get("marsad_benchmark") != FORMAT:
        raise at(path, None, f"is no result of marsad-bench of format {FORMAT}.")
    for key, kind in _KEYS.items():
        if not isinstance(found.get(key), kind):
            raise at(path, None, f"is damaged: {key!r} is absent or of another kind.")
    if "name" not in found["model"]:
        raise at(path, None, "is damaged: 'model' has no 'name'.")
    return found


def documents(path: Path) -> dict[str, Document]:
    """Suite -> result, of a result file or of the folder of one model."""
    if not path.is_dir():
        return {(found := read(path))["suite"]: found}
    files = list(path.glob("*.json")) or _files(path)
    if len(models := {file.parent for file in files}) != 1:
        names = ", ".join(sorted(model.name for model in models)) or "none"
        raise at(path, None, f"should hold the results of one model; there are: {names}.")
    return {(found := read(file))["suite"]: found for file in files}


def below(folder: Path) -> dict[Path, Document]:
    """Path -> result, of every model below the folder; those without a network come last."""
    found = {path: read(path) for path in _files(folder)}
    return dict(sorted(found.items(), key=lambda item: item[1]["model"].get("sha256") is None))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*/*.json") if path.name != SIMULATION)


@dataclass(frozen=True)
class Difference:
    """A figure of two models on the same reports: F1, or alarms for each 1,000 words.

    `verdict` says whether B is better or worse, empty where chance may explain the difference.
    """

    suite: str
    slice: str
    task: str
    reports: int
    a: float
    b: float
    difference: float
    interval: list[float]
    p: float
    verdict: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def compare(a: Path, b: Path, seed: int = 0) -> list[Difference]:
    """Every figure that two results share, with its paired bootstrap over reports.

    Raises MarsadError where they have no slice in common, or read other gold under one name.
    """
    left, right = documents(a), documents(b)
    with told_as(b, f"it or {a} is damaged"):
        found = [
            row
            for suite in left
            if suite in right
            for row in _compared(suite, left[suite]["slices"], right[suite]["slices"], seed)
        ]
    if not found:
        raise MarsadError(f"{a} and {b} have no slice in common that could be compared.")
    return found


def _compared(
    suite: str, left: Mapping[str, Any], right: Mapping[str, Any], seed: int
) -> Iterator[Difference]:
    for name, part in left.items():
        other = right.get(name)
        if other is None or "per_report" not in part:
            continue
        if part["gold"] != other["gold"]:
            raise MarsadError(
                f"{suite}, {name}: the two results are of other gold; run both on the same data, "
                "with the same seed and limit."
            )
        sides = part["per_report"], other["per_report"]
        tasks = dict.fromkeys(task for side in sides for row in side.values() for task in row)
        for task in tasks:
            width = next(len(row[task]) for side in sides for row in side.values() if task in row)
            a, b = (
                np.array([side[id].get(task, [0] * width) for id in sides[0]], np.int64)
                for side in sides
            )
            gap = difference(a, b, seed)
            verdict = _verdict(gap["difference"] * (1 if width == 3 else -1), gap["p"])
            yield Difference(suite, name, task, len(sides[0]), **gap, verdict=verdict)


def _verdict(gain: float, p: float) -> str:
    return "" if p >= SURE else "better" if gain > 0 else "worse"
