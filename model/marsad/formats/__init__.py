"""Annotation formats: each reads into `Report` and writes it, with a ledger of what changed.

`FORMATS` names them. The readers of a tool's exports make a `Draft` of each report, and
`Draft.report` does every check in one place.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from marsad.formats import brat, conll, doccano, jsonl, label_studio, markup, spacy
from marsad.formats.draft import Draft
from marsad.formats.ledger import Ledger
from marsad.schema import Labels, Report


class FormatName(StrEnum):
    """The formats, as the command line names them."""

    JSONL = "jsonl"
    MARKUP = "markup"
    CONLL = "conll"
    BRAT = "brat"
    LABEL_STUDIO = "label-studio"
    DOCCANO = "doccano"
    SPACY = "spacy"


_Drafts = Callable[[Path, Ledger], Iterator[Draft]]
_Read = Callable[[Path, Labels, Ledger], Iterator[Report]]
_Write = Callable[[Iterable[Report], Path, Labels, Ledger], None]


@dataclass(frozen=True)
class Format:
    """`read` yields the reports of a file (or folder) and tells the ledger what is wrong in it;
    `write` writes them and tells the ledger what the format cannot hold. Both raise MarsadError
    where the file as a whole cannot be read or written. `drafts` yields what a file states before
    any label set is asked; None where a file cannot be read without one.
    """

    read: _Read
    write: _Write
    drafts: _Drafts | None


def _of_a_tool(drafts: _Drafts, write: _Write) -> Format:
    def read(path: Path, labels: Labels, ledger: Ledger) -> Iterator[Report]:
        for draft in drafts(path, ledger):
            if (report := draft.report(labels, ledger)) is not None:
                yield report

    return Format(read, write, drafts)


FORMATS: Mapping[FormatName, Format] = {
    FormatName.JSONL: Format(jsonl.imported, jsonl.exported, jsonl.drafts),
    FormatName.MARKUP: Format(markup.imported, markup.exported, None),
    FormatName.CONLL: _of_a_tool(conll.drafts, conll.exported),
    FormatName.BRAT: _of_a_tool(brat.drafts, brat.exported),
    FormatName.LABEL_STUDIO: _of_a_tool(label_studio.drafts, label_studio.exported),
    FormatName.DOCCANO: _of_a_tool(doccano.drafts, doccano.exported),
    FormatName.SPACY: _of_a_tool(spacy.drafts, spacy.exported),
}
# How predictions are handed to annotators: as suggestions where a tool knows such, else as marks.
SUGGESTIONS: Mapping[FormatName, _Write] = {
    **{name: format.write for name, format in FORMATS.items()},
    FormatName.LABEL_STUDIO: label_studio.suggested,
}
