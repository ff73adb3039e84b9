"""Commands for the care of annotated reports: convert, validate, stats, split, agreement, ..."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from marsad.artifact import load
from marsad.console import say, stop, told_plainly
from marsad.corpus.agreement import agreement as compare
from marsad.corpus.checks import doubts
from marsad.corpus.labels import with_labels_of
from marsad.corpus.selection import select as choose
from marsad.corpus.splits import read_splits, split_ids
from marsad.corpus.stats import picture
from marsad.corpus.stats import stats as count
from marsad.documents import Document, documents, is_stream
from marsad.errors import DASH, MarsadError, at
from marsad.files import dumps, write_bytes, write_text
from marsad.formats import FORMATS, SUGGESTIONS, FormatName, jsonl
from marsad.formats.ledger import Fate, Ledger
from marsad.pretty import table
from marsad.schema import Labels, Report, default_labels

Sources = Annotated[
    list[Path], typer.Argument(help="Annotated files, folders of them, or - for stdin.")
]
From = Annotated[FormatName, typer.Option("--from", help="How the source is written.")]
Texts = Annotated[
    list[str], typer.Argument(help="Texts: files, JSON lines, folders of both, or -.")
]
Day = Annotated[
    str | None, typer.Option(help="Publication day YYYY-MM-DD of reports that state none.")
]
Model = Annotated[Path | None, typer.Option(help="An artifact folder; default: the shipped one.")]
LabelsFile = Annotated[
    Path | None, typer.Option("--labels", help="A label set (labels.json); default: the shipped.")
]


def convert(
    source: Annotated[Path, typer.Argument(help="The file or folder to read, or -.")],
    target: Annotated[Path, typer.Argument(help="The file or folder to write, or -.")],
    from_: From,
    to: Annotated[FormatName, typer.Option("--to", help="How to write the target.")],
    ledger: Annotated[
        Path | None, typer.Option(help="Also write the ledger, as JSON, to this file.")
    ] = None,
    labels: LabelsFile = None,
) -> None:
    """Bring annotations from one tool's format to another's; ends with a ledger.

    What is not in the target as it was in the source is listed: mended, refused or lost. Exit code
    2 when anything was refused; the rest is written all the same.
    """
    with told_plainly():
        _spare([source], target, ledger)
        _spare([target], ledger)
        known, book = _labels(labels), Ledger()
        found = list(FORMATS[from_].read(source, known, book))
        if not found and not book.entries:
            raise at(source, None, "holds no report.")
        if found:
            FORMATS[to].write(found, target, known, book)
        if ledger is not None:
            write_text(ledger, dumps(book.to_dict(), indent=1) + "\n")
        _show(book)
        unread = f"nothing could be read, and {_target(target)} is as it was"
        _refuse(book, f"{_target(target)} holds the rest" if found else unread)


def validate(
    sources: Sources,
    from_: From,
    labels: LabelsFile = None,
    model: Annotated[
        bool, typer.Option(help="List what the shipped model reads differently, too.")
    ] = False,
) -> None:
    """Check annotated reports: what is wrong, then places that deserve a look.

    Wrong is what cannot be read: broken lines, spans out of range or overlapping, unknown labels.
    Worth a look: odd types, unmarked repeats, values that their words contradict.
    """
    with told_plainly():
        known = _labels(labels)
        reports, book = _read(sources, from_, known)
        columns = zip(*((r.text, r.date, r.id) for r in reports), strict=True)
        read = list(load().predict_many(*columns)) if model and reports else None
        for report, kind, detail in doubts(reports, known, read):
            print(report, kind, detail, sep="\t")
        _show(book)
        _refuse(book, "mend them, then try again")


def stats(
    sources: Sources,
    from_: From,
    labels: LabelsFile = None,
    picture_to: Annotated[
        Path | None, typer.Option("--picture", help="Also draw the counts (.svg, .png, .pdf).")
    ] = None,
) -> None:
    """Count reports, words and labels."""
    with told_plainly():
        reports, book = _read(sources, from_, _labels(labels))
        found = count(reports)
        print(f"{found.reports} reports, {found.words} words")
        for name, labelled in found.tables().items():
            print(f"{name} {labelled.total()}")
            for label, number in labelled.most_common():
                print(f"  {label}\t{number}")
        if picture_to is not None:
            write_bytes(picture_to, picture(found, picture_to.suffix.removeprefix(".")))
        _refuse(book, "the counts leave them out")


def split(
    sources: Sources,
    from_: From,
    write: Annotated[Path, typer.Option(help="The splits.json to write or extend.")],
    seed: Annotated[int, typer.Option(help="Of the shuffle within theatre and genre.")] = 7,
    labels: LabelsFile = None,
) -> None:
    """Divide reports into train, dev and test (80 / 10 / 10), near copies on one side.

    Theatres (the letters before the hyphen of an id) and genres are spread over all three. Reports
    that the file lists already stay in their part, whether they are given again or not.
    """
    with told_plainly():
        reports, book = _read(sources, from_, _labels(labels))
        _refuse(book, "nothing is split")
        earlier = read_splits(write) if write.exists() else {}
        parts = split_ids(reports, seed, earlier)
        write_text(write, json.dumps({"seed": seed, **parts}, indent=0) + "\n")
        print(", ".join(f"{name} {len(ids)}" for name, ids in parts.items()))
        if empty := [name for name, ids in parts.items() if not ids]:
            say(
                f"{' and '.join(empty)} empty: there are too few reports, or they are near copies, "
                "which stay together; training needs some in each part."
            )


def agreement(
    first: Annotated[Path, typer.Argument(help="One annotator's reports.")],
    second: Annotated[Path, typer.Argument(help="The other's, of the same texts.")],
    from_: From,
    labels: LabelsFile = None,
) -> None:
    """How far two annotators agree: F1, Cohen's kappa, Krippendorff's alpha, and where not."""
    with told_plainly():
        known = _labels(labels)
        sides = [_read([path], from_, known) for path in (first, second)]
        for _, book in sides:
            _refuse(book, "both sides must be sound")
        found = compare(sides[0][0], sides[1][0])
        for odd in found.disagreements:
            print(*odd, sep="\t")
        figures = table(
            "", "F1", "kappa of words", "alpha of words", title=f"{found.reports} reports"
        )
        for task, f1 in found.f1.items():
            kind = task.removesuffix("s")
            per_word = (
                f"{side[kind]:.3f}" if kind in side else "" for side in (found.kappa, found.alpha)
            )
            figures.add_row(task, f"{f1:.3f}", *per_word)
        Console(stderr=True).print(figures)


def labels(
    sources: Sources,
    from_: From,
) -> None:
    """Print the shipped label set with the further labels that the reports use.

    A label that roles start from, or that has a status, is taken for an event type, any other for
    a mention type. Save it as labels.json, and trim what its roles may take.
    """
    with told_plainly():
        drafts = FORMATS[from_].drafts
        if drafts is None:
            raise MarsadError(
                f"{from_} cannot be read without its label set: save what `marsad labels` prints of"
                " any jsonl reports as labels.json, and add yours."
            )
        book = Ledger()
        files = [file for source in sources for file in _files(source, from_)]
        found = [draft for file in files for draft in drafts(file, book)]
        if not found and not book.entries:
            raise at(sources[0], None, "holds no report.")
        print(json.dumps(with_labels_of(default_labels(), found).to_dict(), indent=1))
        _refuse(book, "the label set leaves them out")


def select(
    sources: Texts,
    n: Annotated[int, typer.Option("--n", help="How many texts to choose.")] = 50,
    date: Day = None,
    model: Model = None,
) -> None:
    """Choose the texts to annotate next, as JSON lines, the best first: for pre-annotate.

    Those that the model is unsure of, and that differ from each other.
    """
    with told_plainly():
        found = list(documents(sources, date))
        by_id = {id: (text, day) for text, day, id in found}
        for choice in choose(load(model), found, n):
            text, day = by_id[choice.id]
            record = {
                "id": choice.id, "date": day, "text": text, "uncertainty": choice.uncertainty
            }  # fmt: skip
            print(jsonl.to_line(record), end="")


def pre_annotate(
    sources: Texts,
    target: Annotated[Path, typer.Argument(help="The file or folder to write, or -.")],
    to: Annotated[FormatName, typer.Option("--to", help="How to write the target.")],
    date: Day = None,
    model: Model = None,
) -> None:
    """Read texts and write what was read for annotators to mend."""
    with told_plainly():
        _spare([Path(source) for source in sources], target)
        extractor, book = load(model), Ledger()
        columns = zip(*given(sources, date), strict=True)
        read = book.keeping(extractor.predict_many(*columns))
        SUGGESTIONS[to](read, target, extractor.decoder.labels, book)
        _show(book)
        _refuse(book, f"{_target(target)} holds the rest")


def given(sources: Iterable[str], date: str | None) -> Iterator[Document]:
    """The texts of all sources. That some share an id is said in the end, since nothing else tells
    their reports apart."""
    ids: Counter[str] = Counter()
    for document in documents(sources, date):
        ids[document[2]] += 1
        yield document
    (id, most), *_ = ids.most_common(1)
    if most > 1:
        say(f"{most} texts have the id {id!r}; give each one of its own to tell them apart.")


COMMANDS: Mapping[str, Callable[..., None]] = {
    "convert": convert,
    "validate": validate,
    "stats": stats,
    "split": split,
    "agreement": agreement,
    "labels": labels,
    "select": select,
    "pre-annotate": pre_annotate,
}


_SHOWN = 20  # entries of a ledger; a wrong label gives one for each of its spans


def _target(path: Path) -> str:
    """How what is written is told."""
    return "standard output" if str(path) == DASH else str(path)


def _spare(others: list[Path], *written: Path | None) -> None:
    """Raises MarsadError where what is to be written would replace one of the others."""
    taken = {
        os.path.realpath(path)
        for source in others
        for path in (source, *(file for file in source.rglob("*") if file.is_file()))
    }
    for path in written:
        if path is not None and not is_stream(str(path)) and os.path.realpath(path) in taken:
            raise at(path, None, "would replace another file of this command; name one apart.")


def _labels(path: Path | None) -> Labels:
    return default_labels() if path is None else Labels.read(path)


def _read(paths: list[Path], name: FormatName, labels: Labels) -> tuple[list[Report], Ledger]:
    """The reports of all files. Raises MarsadError for an id that stands twice, or for none."""
    book = Ledger()
    reports: dict[str, Report] = {}
    for path in (file for given in paths for file in _files(given, name)):
        for report in FORMATS[name].read(path, labels, book):
            if report.id in reports:
                raise at(path, None, f"the report id {report.id!r} is used before.")
            reports[report.id] = report
    if not reports and not book.entries:
        raise at(paths[0], None, "holds no report.")
    return list(reports.values()), book


def _files(path: Path, name: FormatName) -> list[Path]:
    """The files of a folder; of brat the folder is what is read."""
    if not path.is_dir() or name is FormatName.BRAT:
        return [path]
    return sorted(file for file in path.iterdir() if file.is_file())


def _show(ledger: Ledger) -> None:
    """The ledger as a table on stderr: what was kept, then each entry."""
    console = Console(stderr=True)
    kept = ", ".join(f"{count} {name}" for name, count in ledger.kept.items() if count)
    if kept or ledger.entries:
        console.print(f"kept: {kept or 'nothing'}", highlight=False)
    if not ledger.entries:
        return
    entries = table("fate", "where", "report", "what", names=4)
    for entry in ledger.entries[:_SHOWN]:
        entries.add_row(*map(Text, (entry.fate, entry.where, entry.report, entry.message)))
    console.print(entries)
    if (more := len(ledger.entries) - _SHOWN) > 0:
        console.print(f"and {more} more; convert --ledger FILE lists them all", highlight=False)


def _refuse(ledger: Ledger, then: str) -> None:
    """Leave with exit code 2 where anything was refused."""
    if refused := [entry for entry in ledger.entries if entry.fate is Fate.REFUSED]:
        first = str(refused[0]).removesuffix(".")
        stop(f"{len(refused)} annotations were refused, the first: {first}; {then}.")
