"""marsad as a spaCy component: `nlp.add_pipe("marsad")`.

    nlp = spacy.blank("ar")
    nlp.add_pipe("marsad", config={"model": None})  # or the folder of an artifact
    doc = nlp.make_doc(text)
    doc._.report_date = "2022-01-04"  # optional; relative dates are resolved with it
    doc = nlp(doc)

It sets
- `doc.ents`, the mentions (those of an earlier component are replaced), and
  `doc.spans["events"]`, the triggers, with the type as label;
- `doc._.report`, the whole `Report`, with exact offsets, statuses, roles, scores and incidents;
- `doc._.marsad`, what `doc.ents` and `doc.spans` have no place for, as `marsad convert` reads it
  from a DocBin.

Spans in Arabic often start after a joined letter («ب» in «ببغداد»), where spaCy has no token
boundary. In `ents` and `spans` such a span takes the whole token, and of two mentions in one token
only the longer is kept; `doc._.report` has all of them at their exact offsets.

`nlp.to_disk` copies the artifact, so that the folder is whole; with `model=None` it copies nothing
and the model of the installed package is served. `nlp.to_bytes` keeps the configuration alone,
since the model is opened from a folder.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from marsad.artifact import FILES, load
from marsad.errors import MarsadError
from marsad.extractor import Extractor
from marsad.files import write_bytes
from marsad.formats.spacy import extend, put
from marsad.schema import Report

try:
    from spacy.language import Language
    from spacy.pipeline import Pipe
    from spacy.tokens import Doc
    from spacy.util import minibatch
except ImportError as error:
    raise MarsadError("the component needs spaCy: pip install 'marsad[spacy]'.") from error

_KEPT = "marsad_report"  # in `doc.user_data`: plain data, which a DocBin can hold


class Marsad(Pipe):
    """Reads each Doc with an artifact, the shipped one where `model` is None.

    The model is opened when the first Doc comes, so that a pipeline loads where the folder of its
    configuration is gone and its own copy is to be used. Raises MarsadError for a folder that is
    no artifact and for a date that is no day.
    """

    def __init__(self, name: str = "marsad", model: str | Path | None = None):
        self.name, self.model = name, model
        self._opened: tuple[int, Extractor] | None = None
        extend(report={"getter": _report, "setter": _keep}, report_date={"default": None})

    def __reduce__(self) -> tuple[type["Marsad"], tuple[str, str | Path | None]]:
        return type(self), (self.name, self.model)  # for worker processes that are spawned

    @property
    def extractor(self) -> Extractor:
        """The opened model, one for each process: its threads do not outlive a fork."""
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = os.getpid(), load(self.model)
        return self._opened[1]

    def __call__(self, doc: Doc) -> Doc:
        """Read one Doc."""
        self._read([doc])
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 64) -> Iterator[Doc]:
        """Read Docs in batches, in order; a batch that fails goes to the error handler."""
        for docs in minibatch(stream, batch_size):  # type: ignore[no-untyped-call]
            try:
                self._read(docs)
            except MarsadError as error:
                self.get_error_handler()(self.name, self, docs, error)
            else:
                yield from docs

    def _read(self, docs: Sequence[Doc]) -> None:
        texts, dates = [doc.text for doc in docs], [doc._.report_date for doc in docs]
        reports = list(self.extractor.predict_many(texts, dates))
        for doc, report in zip(docs, reports, strict=True):
            put(report, doc)
            doc._.report = report

    def to_disk(self, path: str | Path, exclude: Iterable[str] = ()) -> None:
        """Copy the artifact to a folder; nothing where the shipped one is served."""
        if self.model is not None:
            for name in FILES:
                write_bytes(Path(path) / name, (Path(self.model) / name).read_bytes())

    def from_disk(self, path: str | Path, exclude: Iterable[str] = ()) -> "Marsad":
        """Serve the artifact that `to_disk` copied there, if it did."""
        if (Path(path) / FILES[0]).is_file():
            self.model, self._opened = Path(path), None
        return self


@Language.factory(
    "marsad",
    assigns=["doc.ents", "doc.spans", "doc._.report", "doc._.marsad"],
    default_config={"model": None},
)
def make(nlp: Language, name: str, model: str | None) -> Marsad:
    """The factory that `nlp.add_pipe("marsad")` calls."""
    return Marsad(name, model)


def _keep(doc: Doc, report: Report) -> None:
    doc.user_data[_KEPT] = {k: v for k, v in report.to_dict().items() if k != "text"}


def _report(doc: Doc) -> Report | None:
    kept = doc.user_data.get(_KEPT)
    return Report.from_dict({**kept, "text": doc.text}) if kept else None
