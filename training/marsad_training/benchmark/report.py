"""`report.md` and `report.html` of a result folder, made of the JSON files below it alone.

First the systems side by side on whole test sets, then for each suite its rows, every figure with n
and interval, its details folded, and, in the page, plots of what the tables say.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from marsad.errors import at
from marsad.files import read_json, told_as, write_text
from marsad_training.benchmark import plots, results
from marsad_training.benchmark.setting import Document, Row
from marsad_training.benchmark.suites import SUITES, figure_cell
from marsad_training.templates import rendered

_FIGURES = ("gold", "predicted", "precision", "recall", "f1", "macro_f1")
_ANNOTATED = ("real", "corpus")  # suites of gold reports, whose figures tell systems apart
_OF_PARTS = ("mentions", "triggers", "arguments")  # their n is the same for each model
_HEADLINE = (*_OF_PARTS, "status (rare)")
_FEWEST = 5  # reports of a part that is shown; those of fewer say nothing


@dataclass(frozen=True)
class Table:
    """Rows under a title; columns in the order in which they first occur. `folded`: a detail."""

    title: str
    rows: Sequence[Row]
    folded: bool = False

    @property
    def columns(self) -> list[str]:
        """The columns of all rows."""
        return list(dict.fromkeys(column for row in self.rows for column in row))

    def markdown(self) -> str:
        """The table in Markdown."""
        cells = [[row.get(column, "-") for column in self.columns] for row in self.rows]
        lines = [self.columns, ["---"] * len(self.columns), *cells]
        return "\n".join(f"| {' | '.join(c.replace('|', '/') for c in line)} |" for line in lines)


@dataclass(frozen=True)
class Plot:
    """An SVG element, and what it shows of how many."""

    caption: str
    svg: Markup


class Source(NamedTuple):
    """Where figures come from: a file below the result folder, what wrote it, on what machine."""

    path: str
    command: str
    about: str


@dataclass(frozen=True)
class Section:
    """What the results of one suite say."""

    name: str
    about: str
    tables: Sequence[Table]
    plots: Sequence[Plot] = ()
    sources: Sequence[Source] = ()
    warnings: Sequence[str] = ()

    @property
    def anchor(self) -> str:
        """What a link within the report calls it, as Markdown makes it of the heading."""
        return re.sub(r"[^\w -]", "", self.name.lower()).replace(" ", "-")


def write(folder: Path) -> list[Path]:
    """Write both reports into the folder. Raises MarsadError where there is no result below it."""
    found = results.below(folder)
    if not found:
        raise at(folder, None, "holds no MODEL/SUITE.json; they are written by: marsad-bench run.")
    documents = list(found.values())
    with told_as(folder, "holds a damaged result"):
        parts = {
            "headline": headline(documents),
            "models": models(documents),
            "sections": [*sections(found, folder), *_learning(folder)],
        }
    written = [folder / f"report.{kind}" for kind in ("md", "html")]
    for path in written:
        write_text(path, rendered(f"benchmark/{path.name}.jinja", **parts))
    return written


def headline(documents: Sequence[Document]) -> Table:
    """The systems side by side on whole sets of gold reports: a row for each set and model."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for suite in _ANNOTATED:
        of_suite = [document for document in documents if document["suite"] == suite]
        for name, task, model, found in _side_by_side(of_suite, "tasks"):
            head = {"reports": f"{suite}: {name}", "model": model}
            row = rows.setdefault((head["reports"], model), head)
            if task in _HEADLINE:
                row[task] = figure_cell(found)
    return Table("Systems side by side", list(rows.values()))


def models(documents: Sequence[Document]) -> Table:
    """What was measured: one row for each model."""
    named = {document["model"]["name"]: document for document in documents}
    return Table("Models", [_model(document) for document in named.values()])


def _model(document: Document) -> Row:
    facts = document["model"]
    size = facts.get("onnx_bytes")
    return {
        "model": facts["name"], "encoder": facts.get("encoder") or "-",
        "network, MiB": f"{size / 2**20:.1f}" if size else "-",
        "training items": str(facts.get("train_reports") or "-"),
        "sha256 of the network": (facts.get("sha256") or "-")[:12],
        "marsad": document["version"],
    }  # fmt: skip


def sections(
    found: Mapping[Path, Document], folder: Path, brief: bool = False
) -> Iterator[Section]:
    """One section for each suite that has results, in the order of the suites.

    `brief`: its first table only.
    """
    for name, suite in SUITES.items():
        of_suite = {path: d for path, d in found.items() if d["suite"] == name}
        if not of_suite:
            continue
        documents = list(of_suite.values())
        details = [] if brief else [make(documents) for make in _DETAILS.get(name, ())]
        yield Section(
            name, suite.about,
            [table for table in (overview(documents), *details) if table.rows],
            [] if brief else list(_plots(documents)),
            [_source(path.relative_to(folder), d) for path, d in of_suite.items()],
            list(_warnings(documents)),
        )  # fmt: skip


def overview(documents: Sequence[Document]) -> Table:
    """The rows of a suite, those of one whole slice side by side, a model each."""
    groups: dict[str, list[Row]] = {}
    for document in documents:
        for row in SUITES[document["suite"]].rows(document | {"slices": whole(document)}):
            subject, *rest = row.items()
            model = ("model", document["model"]["name"])
            groups.setdefault(subject[1], []).append(dict([subject, model, *rest]))
    return Table("", [row for group in groups.values() for row in group])


def whole(document: Document) -> dict[str, Any]:
    """The slices that are no part of another."""
    return {name: s for name, s in document["slices"].items() if "per_report" in s}


def _source(path: Path, document: Document) -> Source:
    facts = document["machine"]
    about = (
        f"marsad {document['version']}, {document['seconds']:.0f} s on "
        f"{facts['usable_cores'] or facts['cores']} cores of {facts['processor']}, "
        f"load {facts['load']} at the start"
    )
    return Source(path.as_posix(), document["command"], about)


def _by_part(documents: Sequence[Document]) -> Table:
    """F1 of the slices that are part of another, a column for each model."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for document in documents:
        for name, part in document["slices"].items():
            if "per_report" in part or part["reports"] < _FEWEST:
                continue
            for task in _OF_PARTS:
                if found := part["tasks"].get(task):
                    head = {"slice": name, "reports": str(part["reports"]), "task": task}
                    row = rows.setdefault((name, task), head | {"n": str(found["gold"])})
                    row[document["model"]["name"]] = f"{found['f1']:.3f}"
    title = f"F1 by part of {_FEWEST} reports or more, n in gold; smaller ones stand in the JSON"
    return Table(title, list(rows.values()), folded=True)


def _by_label(documents: Sequence[Document]) -> Table:
    """F1 of each label, a column for each model."""
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for name, task, model, found in _side_by_side(documents, "tasks"):
        for label, figures in found["labels"].items():
            head = {"slice": name, "task": task, "label": label, "n": str(figures["gold"])}
            rows.setdefault((name, task, label), head)[model] = f"{figures['f1']:.3f}"
    return Table("F1 by label, n in gold", list(rows.values()), folded=True)


def _by_task(documents: Sequence[Document]) -> Table:
    rows = [
        {
            "slice": name, "task": task, "model": model,
            **{key: _told(found[key]) for key in _FIGURES},
            "95 % of f1": "-".join(f"{end:.3f}" for end in found["interval"]),
        }
        for name, task, model, found in _side_by_side(documents, "tasks")
    ]  # fmt: skip
    return Table("every task", rows, folded=True)


def _by_scheme(documents: Sequence[Document]) -> Table:
    rows = [
        {
            "slice": name, "span": kind, "scheme": scheme, "model": model,
            **{key: _told(value) for key, value in figures.items() if key != "labels"},
        }
        for name, kind, model, found in _side_by_side(documents, "semeval")
        for scheme, figures in found.items()
    ]  # fmt: skip
    return Table("boundaries and types (SemEval-2013)", rows, folded=True)


def _by_status(documents: Sequence[Document]) -> Table:
    rows = [
        {"slice": name, "gold": gold, "model": model, "n": str(sum(row.values()))}
        | {f"read {status}": str(n) for status, n in row.items()}
        for name, gold, model, row in _side_by_side(documents, "status_confusion")
    ]
    return Table("status of the triggers found", rows, folded=True)


def _by_score(documents: Sequence[Document]) -> Table:
    rows = [
        {
            "slice": name, "what": kind, "model": model,
            "score": f"{row['low']:.1f}-{row['high']:.1f}", "n": str(row["n"]),
            "mean score": _told(row["score"]), "share right": _told(row["right"]),
            "ece of all": f"{found['ece']:.3f} (n = {found['n']})",
        }
        for name, kind, model, found in _side_by_side(documents, "calibration")
        for row in found["bins"]
    ]  # fmt: skip
    return Table("calibration of scores", rows, folded=True)


_OF_GOLD = (_by_part, _by_label, _by_task, _by_scheme, _by_status, _by_score)
# what is told of a suite beside its rows; the JSON files hold more
_DETAILS: Mapping[str, Sequence[Callable[[Sequence[Document]], Table]]] = {
    **dict.fromkeys(_ANNOTATED, _OF_GOLD),
    "ner": (_by_task, _by_scheme),
    "gsr": (_by_task,),
}


def _side_by_side(
    documents: Sequence[Document], key: str
) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """(slice, what is measured, model, figures) of whole slices, models innermost."""
    keys = dict.fromkeys(
        (name, what) for d in documents for name, s in whole(d).items() for what in s.get(key, ())
    )
    for name, what in keys:
        for document in documents:
            if found := whole(document).get(name, {}).get(key, {}).get(what):
                yield name, what, document["model"]["name"], found


def _plots(documents: Sequence[Document]) -> Iterator[Plot]:
    """Of the first whole slice: labels, calibration, status; of suite speed, words a second."""
    suite = documents[0]["suite"]
    first = next((name for d in documents for name in whole(d)), None)
    parts = {d["model"]["name"]: whole(d)[first] for d in documents if first in whole(d)}
    if suite in _ANNOTATED and first is not None:
        for kind in ("mentions", "triggers"):
            yield from _of_labels(suite, first, parts, kind)
        yield from _of_calibration(suite, first, parts)
        yield from _of_statuses(suite, first, parts)
    for number, document in enumerate(documents):
        if suite == "speed":
            yield from _speed(document, number)
        elif suite == "cost":
            yield _growth(document, number)


_Parts = Mapping[str, dict[str, Any]]  # a slice by the model that was measured on it


def _of_labels(suite: str, first: str, parts: _Parts, kind: str) -> Iterator[Plot]:
    gold = {
        label: figures["gold"]
        for part in parts.values()
        for label, figures in part["tasks"].get(kind, {"labels": {}})["labels"].items()
    }
    series = {
        model: {
            f"{label} ({gold[label]})": figures["f1"]
            for label, figures in part["tasks"][kind]["labels"].items()
        }
        for model, part in parts.items()
        if kind in part["tasks"]
    }
    if gold:
        n = max(part["reports"] for part in parts.values())
        yield _plot(
            f"F1 of {kind} by type on {first}, {n} reports; in brackets how many in gold.",
            plots.bars(f"{suite}-{kind}", series, "F1", 1.0),
        )


def _of_calibration(suite: str, first: str, parts: _Parts) -> Iterator[Plot]:
    curves: dict[str, dict[str, Any]] = {}
    for model, part in parts.items():
        for kind, found in part["calibration"].items():
            label = f"{model}: ECE {found['ece']:.3f}, n = {found['n']}"
            curves.setdefault(kind, {})[label] = found["bins"]
    if curves:
        yield _plot(
            f"Do scores say how often they are right? On {first}; the dotted line is perfect.",
            plots.reliability(f"{suite}-reliability", curves),
        )


def _of_statuses(suite: str, first: str, parts: _Parts) -> Iterator[Plot]:
    tables = {
        f"{model}, n = {sum(sum(row.values()) for row in part['status_confusion'].values())}":
        part["status_confusion"]
        for model, part in parts.items()
        if part["status_confusion"]
    }  # fmt: skip
    if tables:
        yield _plot(
            f"Status of the triggers found on {first}; shade: share of the gold status.",
            plots.confusion(f"{suite}-status", tables),
        )


def _speed(document: Document, number: int) -> Iterator[Plot]:
    """Words a second of every reader at its fastest batch."""
    series: dict[str, dict[str, float]] = {}
    words = 0
    for row in document["facts"]["rows"]:
        bars = series.setdefault(row["system"], {})
        bar = f"{row['length']}, threads: {row['threads']}"
        bars[bar] = max(bars.get(bar, 0), row["words_per_second"])
        words += row["words"]
    if series:
        model = document["model"]["name"]
        yield _plot(
            f"Words a second of {model} at the fastest batch, {words} words read in all.",
            plots.bars(f"speed-{number}", series, "words a second"),
        )


def _growth(document: Document, number: int) -> Plot:
    """Seconds and memory over amounts, each kind of amount a curve."""
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {"seconds": {}, "peak, MiB": {}}
    for row in document["facts"]["rows"]:
        for panel, key in zip(panels.values(), ("seconds", "peak_mib"), strict=True):
            panel.setdefault(row["of"], []).append((row["words"], row[key]))
    model, most = document["model"]["name"], max(r["words"] for r in document["facts"]["rows"])
    return _plot(
        f"What more work costs {model}, up to {most:,} words: reports, and characters of one.",
        plots.growth(f"cost-{number}", panels),
    )


def _plot(caption: str, svg: str) -> Plot:
    return Plot(caption, Markup(svg))


def _learning(folder: Path) -> Iterator[Section]:
    """The curves of each `marsad-train simulate` whose figures lie in the folder."""
    for path in sorted(folder.glob(f"*/{results.SIMULATION}")):
        with told_as(path, "is no result of marsad-train simulate"):
            yield _curves(path.parent.name, path.name, read_json(path))


def _curves(name: str, file: str, found: Mapping[str, Any]) -> Section:
    curves, seeds = found["curves"], len({point["seed"] for point in found["points"]})
    rows = [
        {
            "strategy": strategy, "reports": f"{reports:.0f}", "words": f"{words:.0f}",
            "F1": f"{mean:.3f} ± {sd:.3f}", "n": f"{seeds} seeds",
        }
        for strategy, curve in curves.items()
        for reports, words, mean, sd in zip(
            curve["reports"]["mean"], curve["words"]["mean"],
            curve["f1"]["mean"], curve["f1"]["sd"], strict=True,
        )
    ]  # fmt: skip
    caption = f"Mean and standard deviation over {seeds} seeds."
    return Section(
        f"learning curve: {name}",
        "F1 (mean of mentions and triggers) over annotated reports, the encoder left as it is",
        [Table("", rows)],
        [_plot(caption, plots.learning(f"learning-{name}", curves))],
        [Source(f"{name}/{file}", "marsad-train simulate", f"{seeds} seeds")],
    )


def _warnings(documents: Sequence[Document]) -> Iterator[str]:
    """Where models read other reports under one name."""
    first: dict[str, Document] = {}
    for document in documents:
        for name, part in document["slices"].items():
            other = first.setdefault(name, document)
            if other["slices"][name]["gold"] != part["gold"]:
                yield (
                    f"{name}: {document['model']['name']} read other reports than "
                    f"{other['model']['name']} did; their figures cannot be compared."
                )


def _told(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"
