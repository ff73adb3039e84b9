"""The table of levers: what was changed, what it gave over seeds, what it cost, kept or not.

Beside it the curve of F1 against the real excerpts that were trained on.

`training/experiments/levers.toml` says what was tried and names its runs; `runs/NAME.json` beside
it holds the figures of each run, written by `marsad-train measure`. The table is made of both.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

from marsad.artifact import load
from marsad.errors import at
from marsad.files import read_json, told_as, write_bytes, write_text
from marsad.score import MAIN_TASKS
from marsad_training.config import read_toml
from marsad_training.export import measure, stages
from marsad_training.fit import SELECTED, extractor_of, open_run, read_data
from marsad_training.pictures import panels, svg
from marsad_training.tune import tune

SETS = ("corpus-test", "real-dev")
STROKES = {"corpus-test": "--", "real-dev": "-"}
# what the project set out for
GOALS = {
    "corpus-test": {"mentions": 0.84, "triggers": 0.81, "arguments": 0.58},
    "real-dev": {"mentions": 0.83, "triggers": 0.85, "arguments": 0.63},
}
FARTHEST = 1000  # times as many excerpts as there are: a line drawn farther says nothing


def record(folder: Path, corpus: Path, real: Sequence[Path]) -> dict[str, Any]:
    """The figures of a finished run or of an artifact, on the splits of `corpus` as they are now.

    A fitted network is read in fp32, tuned on its dev; an artifact as it serves; an adapted
    encoder brings its own test scores.
    """
    if (folder / "metrics.json").exists():
        with told_as(folder / "metrics.json", "tells no training"):
            training = read_json(folder / "metrics.json")["training"]
            config, found = training["config"], training["stages"]
        extractor = load(folder)
    else:
        training = read_json(folder / "manifest.json")
        config, found = training["config"], list(stages(folder))
        if "test_f1" in training:
            return {
                "config": config,
                "seconds": training["seconds"],
                "test_f1": training["test_f1"],
            }
        run = open_run(folder)
        untuned = extractor_of(run.network, run.reader, run.labels)
        dev = read_data(run.config).tuned_on
        settings = tune(untuned.decoder, dev, untuned.score_words(dev.words))
        extractor = extractor_of(run.network, run.reader, run.labels, settings)
    return {
        "train_reports": training["train_reports"],
        "train_hash": training["train_hash"],
        "config": config,
        "stages": found,
        "scores": {
            name: {task: scores[task]["f1"] for task in MAIN_TASKS}
            | {key: scores[key] for key in ("calibration_error", "false_events", "theatres")}
            for name, scores in measure(extractor, corpus, real).items()
        },
    }


def table(folder: Path) -> str:
    """The levers of a folder in Markdown; raises MarsadError for a run without figures."""
    levers = read_toml(folder / "levers.toml")
    with told_as(folder / "levers.toml", "it or a run that it names is damaged"):
        parts = [levers["text"].strip()]
        if "lever" in levers:
            parts.append("\n".join(_fits(folder, levers["lever"])))
            if sizes := curve(folder, levers["lever"]):
                parts.append("\n".join(_outlook(sizes)))
        if "held_out" in levers:
            parts.append("\n".join(_held_out(folder, levers["held_out"])))
        if "adaptation" in levers:
            parts.append("\n".join(_adaptations(folder, levers["adaptation"])))
    return "\n\n".join(parts) + "\n"


def _fits(folder: Path, levers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    tasks = ("mentions", "triggers", "arguments", "status (rare)")
    heads = " | ".join(f"{name}: {' / '.join(tasks)}" for name in SETS)
    yield f"| lever | what changed | runs | {heads} | minutes | kept |"
    yield "|---|---|---:|---|---|---:|---|"
    for lever in levers:
        runs = [_read(folder, name) for name in lever["runs"]]
        cells = " | ".join(
            " / ".join(_spread([run["scores"][name][task] for run in runs]) for task in tasks)
            for name in SETS
        )
        yield (
            f"| {lever['name']} | {lever['change']} | {len(runs)} | {cells} | {_minutes(runs)} "
            f"| {lever['kept']} |"
        )


_ENDLESS = 64  # doublings: more than there are texts


@dataclass(frozen=True)
class Line:
    """F1 of a task on a set of reports against the number of real excerpts trained on."""

    reports: str
    task: str
    sizes: tuple[int, ...]
    f1: tuple[float, ...]

    @property
    def doubling(self) -> tuple[float, float]:
        """Slope and intercept of F1 over log2 of the excerpts, by least squares."""
        slope, start = np.polyfit(np.log2(self.sizes), self.f1, 1).tolist()
        return slope, start

    def needed(self, goal: float) -> float:
        """The excerpts at which that line reaches a figure, if it goes on as it went."""
        slope, start = self.doubling
        doublings = (goal - start) / slope if slope > 0 else inf
        return float(2**doublings) if doublings < _ENDLESS else inf


def curve(folder: Path, levers: Sequence[Mapping[str, Any]]) -> list[Line]:
    """The lines of the levers that name their `real_excerpts`; none where fewer than three do."""
    found = [(n, _read(folder, x["runs"][0])) for x in levers if (n := x.get("real_excerpts"))]
    if len(found) < 3:
        return []
    return [
        Line(
            reports, task,
            tuple(n for n, _ in found), tuple(run["scores"][reports][task] for _, run in found),
        )
        for reports in SETS
        for task in SELECTED
    ]  # fmt: skip


def _outlook(lines: Sequence[Line]) -> Iterator[str]:
    """What each doubling of the real excerpts gave, and where that leads."""
    yield "![F1 against real excerpts](curve.svg)"
    yield ""
    yield "| F1 against real excerpts | from | to | each doubling | wanted | reached at |"
    yield "|---|---:|---:|---:|---:|---:|"
    for line in lines:
        goal, last = GOALS[line.reports][line.task], line.f1[-1]
        excerpts = line.needed(goal)
        at = f"{excerpts:,.0f} excerpts" if excerpts < FARTHEST * line.sizes[-1] else "not this way"
        yield (
            f"| {line.reports}, {line.task} | {100 * line.f1[0]:.1f} ({line.sizes[0]:,}) "
            f"| {100 * last:.1f} ({line.sizes[-1]:,}) | {100 * line.doubling[0]:+.1f} "
            f"| {100 * goal:.0f} | {'now' if last >= goal else at} |"
        )


def picture(lines: Sequence[Line]) -> bytes:
    """The curves as SVG; raises MarsadError where matplotlib is not installed."""
    figure, (axis,) = panels(7, 4)
    for line in lines:
        axis.plot(
            line.sizes, [100 * f1 for f1 in line.f1], marker="o", markersize=3,
            color=f"C{SELECTED.index(line.task)}", linestyle=STROKES[line.reports],
            label=f"{line.reports}, {line.task}",
        )  # fmt: skip
    axis.set_xscale("log")
    axis.set_xticks(lines[0].sizes, [f"{n:,}" for n in lines[0].sizes], minor=False)
    axis.minorticks_off()
    axis.set_xlabel("real excerpts trained on, beside the authored reports")
    axis.set_ylabel("F1")
    axis.legend(frameon=False, ncols=2, fontsize=8)
    return svg(figure)


def write(folder: Path) -> Iterator[Path]:
    """Write `README.md`, and `curve.svg` where levers name their real excerpts."""
    levers = read_toml(folder / "levers.toml")
    write_text(folder / "README.md", table(folder))
    yield folder / "README.md"
    if lines := curve(folder, levers.get("lever", ())):
        write_bytes(folder / "curve.svg", picture(lines))
        yield folder / "curve.svg"


def _held_out(folder: Path, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What a theatre's test reports lose where no report of it is trained on.

    Means of the runs that were not and of those that were; their spread tells what a difference
    means.
    """
    yield f"| theatre left out of training | {' / '.join(SELECTED)} | with it | difference |"
    yield "|---|---|---|---|"
    for row in rows:
        left, full = (
            [
                _read(folder, run)["scores"]["corpus-test"]["theatres"][row["theatre"]]
                for run in runs
            ]
            for runs in (row["runs"], row["beside"])
        )
        without, beside = (
            " / ".join(_spread([of[t] for of in found]) for t in SELECTED) for found in (left, full)
        )
        change = " / ".join(
            f"{100 * (mean(of[t] for of in left) - mean(of[t] for of in full)):+.1f}"
            for t in SELECTED
        )
        yield f"| {row['about']} | {without} | {beside} | {change} |"


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
    found: dict[str, Any] = read_json(path)
    return found


def _spread(values: Sequence[float]) -> str:
    """Mean in percent, with the standard deviation over seeds where there are several."""
    text = f"{100 * mean(values):.1f}"
    return f"{text} ± {100 * stdev(values):.1f}" if len(values) > 1 else text
