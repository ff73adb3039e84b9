"""The table of levers: what was changed, what it gave over seeds, what it cost, kept or not.

`training/experiments/levers.toml` says what was tried and names its runs; `runs/NAME.json` beside
it holds the figures of each run, written by `marsad-train measure`. The table is made of both.
"""

import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from marsad.artifact import load
from marsad.errors import at
from marsad.files import read_text
from marsad_training.export import measure, stages
from marsad_training.fit import SELECTED, extractor_of, open_run, read_data
from marsad_training.tune import tune

TASKS = ("mentions", "mentions (overlap)", "triggers", "arguments", "status", "status (rare)")


def record(folder: Path, corpus: Path, real: Sequence[Path]) -> dict[str, Any]:
    """The figures of a finished run or of an artifact, on the splits of `corpus` as they are now.

    A fitted network is read in fp32, tuned on its dev; an artifact as it serves; an adapted
    encoder brings its own test scores.
    """
    if (folder / "metrics.json").exists():
        training = json.loads(read_text(folder / "metrics.json"))["training"]
        config, extractor, found = training["config"], load(folder), training["stages"]
    else:
        training = json.loads(read_text(folder / "manifest.json"))
        config, found = training["config"], list(stages(folder))
        if "test_f1" in training:
            return {
                "config": config,
                "seconds": training["seconds"],
                "test_f1": training["test_f1"],
            }
        run = open_run(folder)
        untuned = extractor_of(run.network, run.reader, run.labels)
        data = read_data(run.config)
        settings = tune(untuned, data.dev, data.replayed_dev)
        extractor = extractor_of(run.network, run.reader, run.labels, settings)
    return {
        "train_reports": training["train_reports"],
        "train_hash": training["train_hash"],
        "config": config,
        "stages": found,
        "scores": {
            name: {task: scores[task]["f1"] for task in TASKS}
            | {key: scores[key] for key in ("calibration_error", "false_events", "theatres")}
            for name, scores in measure(extractor, corpus, real).items()
        },
    }


def table(folder: Path) -> str:
    """The levers of a folder in Markdown; raises MarsadError for a run without figures."""
    levers = tomllib.loads(read_text(folder / "levers.toml"))
    parts = [levers["text"].strip()]
    if "lever" in levers:
        parts.append("\n".join(_fits(folder, levers["lever"])))
    if "held_out" in levers:
        parts.append("\n".join(_held_out(folder, levers["held_out"])))
    if "adaptation" in levers:
        parts.append("\n".join(_adaptations(folder, levers["adaptation"])))
    return "\n\n".join(parts) + "\n"


def _fits(folder: Path, levers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    sets = ("corpus-test", "real-dev")
    tasks = ("mentions", "triggers", "arguments", "status (rare)")
    heads = " | ".join(f"{name}: {' / '.join(tasks)}" for name in sets)
    yield f"| lever | what changed | runs | {heads} | minutes | kept |"
    yield "|---|---|---:|---|---|---:|---|"
    for lever in levers:
        runs = [_read(folder, name) for name in lever["runs"]]
        cells = " | ".join(
            " / ".join(_spread([run["scores"][name][task] for run in runs]) for task in tasks)
            for name in sets
        )
        yield (
            f"| {lever['name']} | {lever['change']} | {len(runs)} | {cells} | {_minutes(runs)} "
            f"| {lever['kept']} |"
        )


def _held_out(folder: Path, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What a theatre's test reports lose where no report of it is trained on."""
    yield f"| theatre left out of training | {' / '.join(SELECTED)} | with it | difference |"
    yield "|---|---|---|---|"
    for row in rows:
        name = row["theatre"]
        left, full = (
            _read(folder, row[key])["scores"]["corpus-test"]["theatres"][name]
            for key in ("run", "beside")
        )
        cells = " | ".join(
            " / ".join(f"{100 * of[t]:.1f}" for t in SELECTED) for of in (left, full)
        )
        change = " / ".join(f"{100 * (left[t] - full[t]):+.1f}" for t in SELECTED)
        yield f"| {row['about']} | {cells} | {change} |"


def _minutes(runs: Sequence[Mapping[str, Any]]) -> str:
    """Mean minutes of all stages of a run, by the machine where it was not two CPU cores."""
    seconds: Counter[str] = Counter()
    for stage in (stage for run in runs for stage in run["stages"]):
        seconds[stage.get("device", "")] += stage["seconds"]
    return " + ".join(
        f"{total / 60 / len(runs):.0f}" + f" ({device})" * bool(device)
        for device, total in sorted(seconds.items())
    )


def _adaptations(folder: Path, levers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "| encoder adapted on | runs | ANERcorp test | AQMAR test | minutes | kept |"
    yield "|---|---:|---:|---:|---:|---|"
    for lever in levers:
        runs = [_read(folder, name) for name in lever["runs"]]
        cells = " | ".join(
            _spread([run["test_f1"][name] for run in runs]) for name in ("anercorp", "aqmar")
        )
        minutes = _minutes([{"stages": [run]} for run in runs])
        yield f"| {lever['change']} | {len(runs)} | {cells} | {minutes} | {lever['kept']} |"


def _read(folder: Path, name: str) -> dict[str, Any]:
    path = folder / "runs" / f"{name}.json"
    if not path.exists():
        raise at(path, None, f"is absent; write it with: marsad-train measure RUN {path}.")
    found: dict[str, Any] = json.loads(read_text(path))
    return found


def _spread(values: Sequence[float]) -> str:
    """Mean in percent, with the standard deviation over seeds where there are several."""
    text = f"{100 * mean(values):.1f}"
    return f"{text} ± {100 * stdev(values):.1f}" if len(values) > 1 else text
