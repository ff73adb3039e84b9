"""The table of levers: what was changed, what it gave over seeds, what it cost, kept or not.

Beside it the curve of each figure that the project set out for, against the real excerpts that
were trained on.

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
from marsad_training.export import measure
from marsad_training.pictures import panels, svg
from marsad_training.runs import SELECTED, extractor_of, open_run, stages
from marsad_training.training_data import read_data
from marsad_training.tune import tune

SETS = ("corpus-test", "real-dev")
STROKES = {"corpus-test": "--", "real-dev": "-"}
FALSE_EVENTS = "false events in 500 words"  # of hard negatives; of this the fewer the better
# what the project set out for
GOALS = {
    "corpus-test": {"mentions": 0.84, "triggers": 0.81, "arguments": 0.58, FALSE_EVENTS: 1.0},
    "real-dev": {
        "mentions": 0.83, "mentions (overlap)": 0.91, "triggers": 0.85, "arguments": 0.63,
        "status": 0.95, "status (rare)": 0.75, FALSE_EVENTS: 1.0,
    },
}  # fmt: skip
_TRAINED = ("train_reports", "train_hash", "config")
FARTHEST = 1000  # times as many excerpts as there are: a line drawn farther says nothing


def record(folder: Path, corpus: Path, real: Sequence[Path]) -> dict[str, Any]:
    """The figures of a finished run or of an artifact, on the splits of `corpus` as they are now.

    A fitted network is read in fp32, tuned on its dev; an artifact as it serves; an adapted
    encoder brings its own test scores.
    """
    if (folder / "metrics.json").exists():
        with told_as(folder / "metrics.json", "tells no training"):
            training = read_json(folder / "metrics.json")["training"]
            facts = {key: training[key] for key in (*_TRAINED, "stages")}
        extractor = load(folder)
    else:
        with told_as(folder / "manifest.json", "is damaged"):
            training = read_json(folder / "manifest.json")
            if "test_f1" in training:
                return {key: training[key] for key in ("config", "seconds", "test_f1")}
            facts = {key: training[key] for key in _TRAINED}
        run = open_run(folder)
        facts["stages"] = list(stages(folder))
        untuned = extractor_of(run.network, run.reader, run.labels)
        dev = read_data(run.config).tuned_on
        settings = tune(untuned.decoder, dev, untuned.score_words(dev.words))
        extractor = extractor_of(run.network, run.reader, run.labels, settings)
    scores = {
        name: {task: found[task]["f1"] for task in MAIN_TASKS}
        | {key: found[key] for key in ("calibration_error", "false_events", "theatres")}
        for name, found in measure(extractor, corpus, real).items()
    }
    return facts | {"scores": scores}


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
    """A figure of a set of reports against the number of real excerpts trained on."""

    reports: str
    figure: str
    sizes: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def doubling(self) -> tuple[float, float]:
        """Slope and intercept of the figure over log2 of the excerpts, by least squares."""
        slope, start = np.polyfit(np.log2(self.sizes), self.values, 1).tolist()
        return slope, start

    @property
    def goal(self) -> float:
        """What is wanted of the figure."""
        return GOALS[self.reports][self.figure]

    @property
    def reached(self) -> bool:
        """Whether the last value is as good as wanted."""
        return self._sign * self.values[-1] >= self._sign * self.goal

    @property
    def needed(self) -> float:
        """The excerpts at which the line reaches what is wanted, if it goes on as it went."""
        slope, start = self.doubling
        doublings = (self.goal - start) / slope if self._sign * slope > 0 else inf
        return float(2**doublings) if doublings < _ENDLESS else inf

    @property
    def _sign(self) -> int:
        return -1 if self.figure == FALSE_EVENTS else 1

    def told(self, value: float, sign: str = "") -> str:
        """F1 and accuracy in percent, counts as they are."""
        if self.figure == FALSE_EVENTS:
            return f"{value:{sign}.2f}"
        return f"{100 * value:{sign}.1f}"


def curve(folder: Path, levers: Sequence[Mapping[str, Any]]) -> list[Line]:
    """The lines of the levers that name their `real_excerpts`; none where fewer than three do."""
    found = [(n, _read(folder, x["runs"][0])) for x in levers if (n := x.get("real_excerpts"))]
    if len(found) < 3:
        return []
    sizes = tuple(n for n, _ in found)
    return [
        Line(
            reports, figure, sizes,
            tuple(_value(run["scores"][reports], figure) for _, run in found),
        )
        for reports in SETS
        for figure in GOALS[reports]
    ]  # fmt: skip


def _value(scores: Mapping[str, Any], figure: str) -> float:
    found = scores["false_events"]["per_500_words"] if figure == FALSE_EVENTS else scores[figure]
    return float(found)


def _outlook(lines: Sequence[Line]) -> Iterator[str]:
    """What each doubling of the real excerpts gave, and where that leads."""
    yield "![F1 against real excerpts](curve.svg)"
    yield ""
    yield "| against real excerpts | from | to | each doubling | wanted | reached at |"
    yield "|---|---:|---:|---:|---:|---:|"
    for line in lines:
        far = line.needed >= FARTHEST * line.sizes[-1]
        at = "not this way" if far else f"{line.needed:,.0f} excerpts"
        yield (
            f"| {line.reports}, {line.figure} | {line.told(line.values[0])} ({line.sizes[0]:,}) "
            f"| {line.told(line.values[-1])} ({line.sizes[-1]:,}) "
            f"| {line.told(line.doubling[0], '+')} | {line.told(line.goal)} "
            f"| {'now' if line.reached else at} |"
        )


def picture(lines: Sequence[Line]) -> bytes:
    """The curves of `SELECTED` as SVG; raises MarsadError where matplotlib is not installed."""
    figure, (axis,) = panels(7, 4)
    for line in (line for line in lines if line.figure in SELECTED):
        axis.plot(
            line.sizes, [100 * value for value in line.values], marker="o", markersize=3,
            color=f"C{SELECTED.index(line.figure)}", linestyle=STROKES[line.reports],
            label=f"{line.reports}, {line.figure}",
        )  # fmt: skip
    axis.set_xscale("log")
    ticks = sorted(set(lines[0].sizes))
    axis.set_xticks(ticks, [f"{n:,}" for n in ticks], minor=False)
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
