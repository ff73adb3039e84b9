"""marsad as a spaCy component: `nlp.add_pipe("marsad")`.

    nlp = spacy.blank("ar")
    nlp.add_pipe("marsad", config={"model": None})  # or the folder of an artifact
    doc = nlp.make_doc(text)
    doc._.marsad_date = "2022-01-04"  # optional; relative dates are resolved with it
    doc = nlp(doc)

It sets
- `doc._.marsad`, the `Report` that `Extractor.predict(doc.text, date)` gives, all of it;
- `doc.ents`, the mentions (those of an earlier component are replaced), and
  `doc.spans["events"]`, the triggers, with the type as label;
- `doc._.marsad_facts`, what `marsad convert` reads back from a DocBin of such Docs.

Spans in Arabic often start after a joined letter («ب» in «ببغداد»), where spaCy has no token
boundary. In `ents` and `spans` such a span takes the whole token (`alignment_mode="expand"`), and
of two mentions in one token only the longer is kept; `doc._.marsad` has all of them at their exact
offsets.

`nlp.to_disk` copies the artifact, so that the folder is whole; with `model=None` it copies nothing
and the model of the installed package is served. `nlp.to_bytes` keeps the configuration alone,
since the model is opened from a folder.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from marsad.artifact import FILES, load, read_config
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

_KEPT = "marsad_report"  # in `doc.user_data`: plain data, which a DocBin and a process can take


class Marsad(Pipe):
    """Reads each Doc with an artifact, the shipped one where `model` is None.

    The model is opened when the first Doc comes, so that a pipeline loads where the folder of its
    configuration is gone and its own copy is to be used. Raises MarsadError for a folder that is
    no artifact and for a date that is no day.
    """

    def __init__(self, name: str = "marsad", model: str | Path | None = None):
        self.name, self.model = name, model
        self._opened: dict[int, Extractor] = {}  # by process
        extend(marsad={"getter": _report}, marsad_date={"default": None})

    def __reduce__(self) -> tuple[type["Marsad"], tuple[str, str | Path | None]]:
        return type(self), (self.name, self.model)  # for worker processes that are spawned

    @property
    def extractor(self) -> Extractor:
        """The opened model of this process.

        The threads of a model do not outlive a fork, so a worker opens its own; it keeps the one
        that it was forked with, since to close that would wait for those threads for ever.
        """
        process = os.getpid()
        if process not in self._opened:
            self._opened[process] = load(self.model)
        return self._opened[process]

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
        for doc in docs:
            report = self.extractor.predict(doc.text, doc._.marsad_date)
            put(report, doc)
            doc.user_data[_KEPT] = report.to_dict()

    def to_disk(self, path: str | Path, exclude: Iterable[str] = ()) -> None:
        """Copy the artifact to a folder; nothing where the shipped one is served.

        Raises MarsadError where the artifact is gone.
        """
        if self.model is not None:
            read_config(Path(self.model))
            for name in FILES:
                write_bytes(Path(path) / name, (Path(self.model) / name).read_bytes())

    def from_disk(self, path: str | Path, exclude: Iterable[str] = ()) -> "Marsad":
        """Serve the artifact that `to_disk` copied there, if it did."""
        if (Path(path) / FILES[0]).is_file():
            self.model, self._opened = Path(path), {}
        return self


@Language.factory(
    "marsad",
    assigns=["doc.ents", "doc.spans", "doc._.marsad"],
    default_config={"model": None},
)
def make(nlp: Language, name: str, model: str | None) -> Marsad:
    """The factory that `nlp.add_pipe("marsad")` calls."""
    return Marsad(name, model)


def _report(doc: Doc) -> Report | None:
    kept = doc.user_data.get(_KEPT)
    return Report.from_dict(kept) if kept else None
