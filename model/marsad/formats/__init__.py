"""Annotation formats: each reads into `Report` and writes it, with a ledger of what changed.

A format is a module with `imported` and `exported`; `FORMATS` names them. Readers of tool exports
make a `Draft`, and `Draft.report` does every check in one place.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from marsad.formats import brat, conll, doccano, jsonl, label_studio, markup, spacy
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


@dataclass(frozen=True)
class Format:
    """`read` yields the reports of a file (or folder) and tells the ledger what is wrong in it;
    `write` writes them and tells the ledger what the format cannot hold. Both raise MarsadError
    where the file as a whole cannot be read or written.
    """

    read: Callable[[Path, Labels, Ledger], Iterator[Report]]
    write: Callable[[Iterable[Report], Path, Labels, Ledger], None]


FORMATS: Mapping[FormatName, Format] = {
    FormatName.JSONL: Format(jsonl.imported, jsonl.exported),
    FormatName.MARKUP: Format(markup.imported, markup.exported),
    FormatName.CONLL: Format(conll.imported, conll.exported),
    FormatName.BRAT: Format(brat.imported, brat.exported),
    FormatName.LABEL_STUDIO: Format(label_studio.imported, label_studio.exported),
    FormatName.DOCCANO: Format(doccano.imported, doccano.exported),
    FormatName.SPACY: Format(spacy.imported, spacy.exported),
}
