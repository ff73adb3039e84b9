"""`marsad`: predict and score from the command line."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from marsad import __version__, cluster_cli, corpus_cli, pretty
from marsad.artifact import load
from marsad.console import say, script, told_plainly
from marsad.documents import Document, documents, is_stream
from marsad.errors import DASH, MarsadError
from marsad.export import acled
from marsad.export.html import page
from marsad.export.rows import Row, columns, geojson, rows, write_csv
from marsad.files import dumps
from marsad.formats import jsonl, markup
from marsad.schema import Labels, Report
from marsad.score import score as compare
from marsad.server.command import serve

app = typer.Typer(
    help="Reads Arabic conflict reports into typed events.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
)  # fmt: skip


class Format(StrEnum):
    """How predictions are printed."""

    jsonl = "jsonl"
    pretty = "pretty"
    csv = "csv"
    acled = "acled"
    geojson = "geojson"
    html = "html"


def _show_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Reads Arabic conflict reports into typed events."""


@app.command()
def predict(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE|-|FOLDER]...",
            help="Text files, JSON lines with text/date/id, folders of both, or - for stdin.",
        ),
    ] = None,
    date: corpus_cli.Day = None,
    format: Annotated[
        Format,
        typer.Option(
            help="JSON lines of reports, a page to read in the terminal (pretty) or a browser "
            "(html); or incidents as rows (csv), ACLED-shaped rows (acled), points (geojson)."
        ),
    ] = Format.jsonl,
    all: Annotated[
        bool,
        typer.Option(
            "--all", help="ACLED rows for denied, possible and background incidents, too."
        ),
    ] = False,
    model: corpus_cli.Model = None,
) -> None:
    """Read reports: mentions, events, roles and status of each, in the order given."""
    with told_plainly():
        sources, total = sources or [DASH], None
        given = corpus_cli.given(sources, date)
        if not any(map(is_stream, sources)):  # a slip in the last line is told before hours of work
            total = sum(1 for _ in given)
            given = documents(sources, date)
        extractor = load(model)
        read = (extractor.predict_many(*zip(*some, strict=True)) for some in _some(given) if some)
        found = _progress(chain.from_iterable(read), total)
        _PRINTED[format](found, extractor.decoder.labels, all)


@app.command("score")
def score_command(
    gold: Annotated[Path, typer.Argument(help="Gold reports: JSON lines or markup, or -.")],
    predicted: Annotated[Path, typer.Argument(help="Predicted ones, likewise.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print every figure as JSON.")] = False,
    labels: corpus_cli.LabelsFile = None,
) -> None:
    """Score predictions against gold: mentions, triggers, arguments, status, values."""
    with told_plainly():
        known = None if labels is None else Labels.read(labels)
        sides = _reports(gold, known), _reports(predicted, known)
        scores = compare(*sides)
        if missing := len({r.id for r in sides[0]} - {r.id for r in sides[1]}):
            say(f"{missing} gold reports are not predicted; all in them counts as missed.")
        if as_json:
            print(json.dumps(scores.to_dict(), indent=1))
        else:
            pretty.show_scores(scores, Console())


_AT_ONCE = 64  # texts: many for each thread, and a stream's first are read soon
_LEFT_OUT = "; denied, possible and past ones are listed with --all"


def _lines(found: Iterable[Report], _: Labels, __: bool) -> None:
    for report in found:
        print(report.to_json(), flush=True)


def _pretty(found: Iterable[Report], _: Labels, __: bool) -> None:
    console = Console()
    for report in found:
        pretty.show(report, console)


def _table(columns: Iterable[str], found: Iterable[Row], left_out: str = "") -> None:
    """CSV; that it has no row is said."""
    if not write_csv(columns, found, sys.stdout):
        say(f"no incident to list in these reports{left_out}.")


# how each format prints the reports, with their label set; `all` is for ACLED's rows
_PRINTED: Mapping[Format, Callable[[Iterable[Report], Labels, bool], None]] = {
    Format.jsonl: _lines,
    Format.pretty: _pretty,
    Format.csv: lambda found, labels, _: _table(columns(labels), rows(found, labels)),
    Format.acled: lambda found, _, all: _table(
        acled.columns(), acled.rows(found, everything=all), "" if all else _LEFT_OUT
    ),
    Format.geojson: lambda found, labels, _: print(dumps(geojson(found, labels), indent=1)),
    Format.html: lambda found, *_: print(page(found)),
}


def _some(given: Iterable[Document]) -> Iterator[list[Document]]:
    """The texts, some at a time: what is at hand is read side by side, and few are held. Those
    before one that cannot be read are given, too."""
    some: list[Document] = []
    try:
        for document in given:
            some.append(document)
            if len(some) == _AT_ONCE:
                yield some
                some = []
    except MarsadError:
        yield some
        raise
    yield some


def _progress(reports: Iterable[Report], total: int | None) -> Iterable[Report]:
    if total == 1 or not sys.stderr.isatty():
        return reports
    return track(reports, "Reading", total, console=Console(stderr=True))


def _reports(path: Path, labels: Labels | None) -> list[Report]:
    return markup.read(path, labels) if path.suffix == ".txt" else jsonl.read(path, labels)


for name, command in {**corpus_cli.COMMANDS, **cluster_cli.COMMANDS}.items():
    app.command(name)(command)
app.command()(serve)


def main() -> None:
    """The console script."""
    script(app)
