"""`marsad convert`: annotations in from any tool and out to it."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from marsad.console import stop, told_plainly
from marsad.files import write_text
from marsad.formats import FORMATS, FormatName
from marsad.formats.ledger import Fate, Ledger
from marsad.schema import Labels, default_labels

LabelsOption = Annotated[
    Path | None, typer.Option("--labels", help="A label set (labels.json); default: the shipped.")
]


def convert(
    source: Annotated[Path, typer.Argument(help="The file or folder to read.")],
    target: Annotated[Path, typer.Argument(help="The file or folder to write.")],
    from_: Annotated[FormatName, typer.Option("--from", help="How the source is written.")],
    to: Annotated[FormatName, typer.Option("--to", help="How to write the target.")],
    ledger: Annotated[
        Path | None, typer.Option(help="Also write the ledger, as JSON, to this file.")
    ] = None,
    labels: LabelsOption = None,
) -> None:
    """Bring annotations from one tool's format to another's; ends with a ledger.

    What is not in the target as it was in the source is listed: mended, refused or lost. Exit code
    2 when anything was refused; the rest is written all the same.
    """
    with told_plainly():
        known, book = read_labels(labels), Ledger()
        FORMATS[to].write(FORMATS[from_].read(source, known, book), target, known, book)
        if ledger is not None:
            write_text(ledger, json.dumps(book.to_dict(), ensure_ascii=False, indent=1) + "\n")
        show_ledger(book, Console(stderr=True))
        if refused := book.count(Fate.REFUSED):
            stop(f"{refused} annotations were refused; {target} holds the rest.")


COMMANDS = (convert,)


def read_labels(path: Path | None) -> Labels:
    """The label set of the file, or the shipped one."""
    return default_labels() if path is None else Labels.read(path)


def show_ledger(ledger: Ledger, console: Console) -> None:
    """The ledger as a table: what was kept, then each entry."""
    kept = ", ".join(f"{count} {name}" for name, count in ledger.kept.items() if count)
    console.print(f"kept: {kept or 'nothing'}", highlight=False)
    if not ledger.entries:
        return
    table = Table(*("fate", "where", "report", "what"))
    for entry in ledger.entries:
        table.add_row(entry.fate, entry.where, entry.report, entry.message)
    console.print(table)
