"""`marsad-bench`: measure models, report results, compare two of them."""

import json
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from marsad.console import script, told_plainly
from marsad.errors import MarsadError
from marsad.pretty import table
from marsad_training import require_extra

if TYPE_CHECKING:
    from marsad_training.benchmark.setting import Bench, Suite, Watch

T = TypeVar("T")
_WIDE = 120  # columns where no terminal says how wide it is
app = typer.Typer(
    help="Measures how well and how fast a model reads.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
)  # fmt: skip


@app.callback()
def _root() -> None:
    """Measures how well and how fast a model reads."""
    with told_plainly():
        require_extra()


@app.command()
def run(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("runs/bench"),
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="An artifact folder or a baseline (lexicon, crf), several with commas; "
            "default: the shipped model."
        ),
    ] = None,
    suite: Annotated[
        list[str] | None,
        typer.Option(
            help="corpus, real, ner, gsr, stress, negatives, speed, cost, training or "
            "smoke, several with commas; default: all but smoke."
        ),
    ] = None,
    corpus: Annotated[Path, typer.Option(help="A corpus folder with splits.json.")] = Path(
        "training/corpus"
    ),
    data: Annotated[Path | None, typer.Option(help="Folder of the public data sets.")] = None,
    real: Annotated[Path | None, typer.Option(help="Gold reports, a file or a folder.")] = None,
    encoder: Annotated[
        str, typer.Option(help="Encoder that the transformers pipeline is timed with.")
    ] = "default",
    limit: Annotated[
        int | None, typer.Option(min=1, help="Most reports of a set, drawn by seed.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of rewritings, draws and intervals.")] = 0,
    cache: Annotated[Path, typer.Option(help="Folder that keeps trained baselines.")] = Path(
        "runs/baselines"
    ),
) -> None:
    """Run suites on models: MODEL/SUITE.json, report.md and report.html in the folder."""
    from marsad_training.benchmark import report, results
    from marsad_training.benchmark.setting import Bench, open_system
    from marsad_training.benchmark.suites import suites_named
    from marsad_training.benchmark.systems import named_system

    with told_plainly():
        chosen = suites_named(_separate(suite))
        systems = [named_system(name, corpus, cache) for name in _separate(model)]
        systems = systems or [open_system()]
        if len({system.name for system in systems}) < len(systems):
            raise MarsadError("two of the models have folders of one name; rename one of them.")
        command = results.command("run", context.params)
        benches = [Bench(system, corpus, data, real, encoder, seed, limit) for system in systems]
        written = [_measured(one, bench, out, command) for bench in benches for one in chosen]
        if not any(written):
            raise MarsadError("no suite was run: the data of all of them are absent.")
        for path in report.write(out):
            print(path)


@app.command("report")
def report_command(
    folder: Annotated[Path, typer.Argument(help="Folder of MODEL/SUITE.json.")] = Path(
        "training/benchmark/results"
    ),
) -> None:
    """Make report.md and report.html again, of the JSON files alone."""
    from marsad_training.benchmark import report

    with told_plainly():
        for path in report.write(folder):
            print(path)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="A result file, or the result folder of a model.")],
    b: Annotated[Path, typer.Argument(help="Another one, on the same data.")],
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Which of two models is better where, and whether chance could explain it."""
    from marsad_training.benchmark.results import SURE
    from marsad_training.benchmark.results import compare as compared

    with told_plainly():
        found = compared(a, b, seed)
        if as_json:
            print(json.dumps([row.to_dict() for row in found], indent=1))
            return
        figures = table(
            "suite", "slice", "task", "n", "A", "B", "B - A", "95 %", "p", "B is", names=3
        )
        for row in found:
            low, high = row.interval
            figures.add_row(
                row.suite, row.slice, row.task, str(row.reports), f"{row.a:.3f}", f"{row.b:.3f}",
                f"{row.difference:+.3f}", f"{low:+.3f} {high:+.3f}", f"{row.p:.3f}", row.verdict,
                style={"worse": "red", "better": "green"}.get(row.verdict),
            )  # fmt: skip
        Console(width=None if sys.stdout.isatty() else _WIDE).print(figures)
        chance = round(SURE * len(found))
        print(f"n: reports. Of {len(found)} tests about {chance} have p < {SURE} by chance alone.")


def _separate(given: list[str] | None) -> list[str]:
    """`--suite a,b --suite c` names three."""
    return [name for names in given or [] for name in names.split(",") if name]


def _measured(suite: "Suite", bench: "Bench", out: Path, command: str) -> Path | None:
    """The file that the result of a suite was written to; None where its data are absent."""
    from marsad_training.benchmark import results
    from marsad_training.benchmark.setting import AbsentError

    console, facts, start = Console(stderr=True), results.machine(), time.perf_counter()
    try:
        with _progress(console) as bar:
            found = suite.run(replace(bench, watch=_watch(bar)))
    except AbsentError as reason:
        console.print(f"{suite.name}: skipped: {reason}", highlight=False)
        return None
    seconds = time.perf_counter() - start
    path = results.write(out, results.document(suite, bench, found, seconds, facts, command))
    console.print(f"{suite.name}: {path} ({seconds:.0f} s)", highlight=False)
    return path


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip


def _watch(bar: Progress) -> "Watch":
    def watch(items: Iterable[T], total: int, text: str) -> Iterable[T]:
        return bar.track(items, total=total, description=text)

    return watch


def main() -> None:
    """The console script."""
    script(app)
