"""`marsad-bench`: measure models, compare two results."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from marsad.console import told_plainly
from marsad.errors import MarsadError
from marsad.files import write_text
from marsad_training import require_extra

if TYPE_CHECKING:
    from marsad_training.benchmark.setting import Watch

T = TypeVar("T")
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
    out: Annotated[Path, typer.Option(help="Folder of the results.")],
    model: Annotated[
        list[Path] | None, typer.Option(help="An artifact folder; default: the shipped one.")
    ] = None,
    suite: Annotated[
        list[str] | None,
        typer.Option(
            help="corpus, real, ner, gsr, stress, negatives, speed or smoke; default: all but "
            "smoke."
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
) -> None:
    """Run suites on models: MODEL/SUITE.json and table.md in the folder."""
    from marsad_training.benchmark import results
    from marsad_training.benchmark.setting import AbsentError, Bench, open_system
    from marsad_training.benchmark.suites import SUITES, suites_named

    console = Console(stderr=True)
    with told_plainly():
        chosen = suites_named(suite or [])
        systems = [open_system(path) for path in model] if model else [open_system()]
        if len({system.name for system in systems}) < len(systems):
            raise MarsadError("two of the models have folders of one name; rename one of them.")
        written = 0
        for system in systems:
            for one in chosen:
                with _progress(console) as bar:
                    bench = Bench(
                        system, corpus, data, real, encoder, seed, limit, watch=_watch(bar)
                    )
                    facts, start = results.machine(), time.perf_counter()
                    try:
                        found = one.run(bench)
                    except AbsentError as reason:
                        console.print(f"{one.name}: skipped: {reason}", highlight=False)
                        continue
                seconds = time.perf_counter() - start
                path = results.write(out, results.document(one, bench, found, seconds, facts))
                written += 1
                console.print(f"{one.name}: {path} ({seconds:.0f} s)", highlight=False)
        if not written:
            raise MarsadError("no suite was run: the data of all of them are absent.")
        write_text(out / results.TABLE, results.table(out, SUITES.values()))
        print(out / results.TABLE)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="A result file, or the result folder of a model.")],
    b: Annotated[Path, typer.Argument(help="Another one, on the same data.")],
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Which of two models is better where, and whether chance could explain it."""
    from marsad_training.benchmark.results import compare as compared

    with told_plainly():
        found = compared(a, b, seed)
        if as_json:
            print(json.dumps([row.to_dict() for row in found], indent=1))
            return
        table = Table("suite", "slice", "task", "n", "A", "B", "B - A", "95 %", "p")
        for row in found:
            low, high = row.interval
            table.add_row(
                row.suite, row.slice, row.task, str(row.reports), f"{row.a:.3f}", f"{row.b:.3f}",
                f"{row.difference:+.3f}", f"{low:+.3f} {high:+.3f}", f"{row.p:.3f}",
            )  # fmt: skip
        Console().print(table)
        print(f"{len(found)} tests: about {round(0.05 * len(found))} have p < 0.05 by chance alone")


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
    app()
