"""marsad in a spaCy pipeline: ents, triggers, the report; batches, workers, to disk and back."""

import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marsad import predict
from marsad.errors import MarsadError
from marsad.formats import FORMATS, FormatName
from marsad.formats.ledger import Ledger
from marsad.schema import Report

spacy = pytest.importorskip("spacy")
from spacy.tokens import Doc, DocBin  # noqa: E402

import marsad.spacy_component  # noqa: E402  (its factory, where no entry point is installed)
from marsad_training.corpus import read_splits  # noqa: E402

ROOT = Path(__file__).parents[1]
PIECES = [
    "قصفت طائرات", " قاعدة عين الأسد", " ب", "قصف", " حيفا", "أمس", " مقتل ثلاثة جنود", "\n\n",
    "  ", "ـ", "َ", "\u200f", "🚀", "، و", "«", "@x.com", "٣",
]  # fmt: skip


@pytest.fixture(scope="module")
def nlp(tiny_artifact: Path) -> Any:
    made = spacy.blank("ar")
    made.add_pipe("marsad", config={"model": str(tiny_artifact)})
    return made


@pytest.fixture(scope="module")
def texts(reports: list[Report]) -> list[str]:
    return [report.text for report in reports]


def spans(found: Any) -> list[tuple[int, int, str]]:
    return [(s.start_char, s.end_char, s.label_) for s in found]


def test_the_shipped_model_is_served_where_none_is_named() -> None:
    nlp = spacy.blank("ar")
    nlp.add_pipe("marsad")
    doc = nlp("قصفت طائرات قاعدة عين الأسد فجر الثلاثاء")
    assert doc.ents
    assert doc._.marsad.events
    assert [e.type for e in doc._.marsad.events] == [s.label_ for s in doc.spans["events"]]


def test_the_entry_point_is_the_factory() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (point,) = project["entry-points"]["spacy_factories"].items()
    assert EntryPoint(*point, "spacy_factories").load() is marsad.spacy_component.make


DATES = st.sampled_from([None, "2022-01-04", "2023-05-01"])


def test_a_test_report_is_read_as_predict_reads_it() -> None:
    nlp = spacy.blank("ar")
    nlp.add_pipe("marsad")
    texts = [report.text for report in read_splits(ROOT / "training/corpus")["test"]]

    @settings(max_examples=12, derandomize=True)
    @given(st.sampled_from(texts), DATES)
    def alike(text: str, date: str | None) -> None:
        doc = nlp.make_doc(text)
        doc._.marsad_date = date
        assert nlp(doc)._.marsad == predict(text, date)
        assert [s.label_ for s in doc.spans["events"]] == [e.type for e in doc._.marsad.events]

    alike()


@settings(max_examples=60)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), DATES)
def test_any_text_is_read_as_predict_reads_it_and_spans_cover_it(
    nlp: Any, tiny_artifact: Path, text: str, date: str | None
) -> None:
    doc = nlp.make_doc(text)
    doc._.marsad_date = date
    report = nlp(doc)._.marsad
    assert report == nlp.get_pipe("marsad").extractor.predict(text, date)
    for event, span in zip(report.events, doc.spans["events"], strict=True):
        assert span.start_char <= event.start < event.end <= span.end_char
    for ent in doc.ents:
        assert any(
            m.type == ent.label_ and ent.start_char <= m.start < m.end <= ent.end_char
            for m in report.mentions
        )


def test_incidents_keep_the_scores_of_their_arguments(nlp: Any, texts: list[str]) -> None:
    told = [a for i in nlp(texts[0])._.marsad.incidents for a in i.arguments]
    assert told
    assert all(argument.score is not None for argument in told)


def test_a_span_inside_a_token_takes_the_token_and_stays_exact_in_the_report(
    nlp: Any, texts: list[str]
) -> None:
    doc = nlp(texts[1])
    (trigger,) = [e for e in doc._.marsad.events if doc._.marsad.surface(e) == "قصف"]
    assert texts[1][trigger.start - 1] == "ب"
    whole = next(s for s in doc.spans["events"] if s.end_char == trigger.end)
    assert (whole.text, whole.label_) == ("بقصف", trigger.type)


def test_pipe_reads_in_order_what_single_calls_read(nlp: Any, texts: list[str]) -> None:
    several = [*texts, "", " \n ", *texts[::-1]] * 3
    read = list(nlp.pipe(several, batch_size=4))
    assert [doc.text for doc in read] == several
    for doc in read[:6]:
        alone = nlp(doc.text)
        assert spans(doc.ents) == spans(alone.ents)
        assert [e.type for e in doc._.marsad.events] == [e.type for e in alone._.marsad.events]
    assert read[2]._.marsad == Report("", "")


def test_worker_processes_read_too(nlp: Any, texts: list[str]) -> None:
    before = [spans(doc.ents) for doc in nlp.pipe(texts)]  # the model is open before the fork
    docs = list(nlp.pipe(texts, n_process=2))
    assert [spans(doc.ents) for doc in docs] == before
    assert all(doc._.marsad.text == doc.text for doc in docs)


def test_a_wrong_date_is_told_and_a_handler_may_go_on(nlp: Any, texts: list[str]) -> None:
    docs = [nlp.make_doc(text) for text in texts]
    docs[0]._.marsad_date = "yesterday"
    with pytest.raises(MarsadError, match="'yesterday' is not a day"):
        list(nlp.pipe(docs))
    failed: list[Any] = []
    nlp.set_error_handler(lambda name, pipe, docs, error: failed.extend(docs))
    try:
        assert list(nlp.pipe(docs, batch_size=1)) == docs[1:]
    finally:
        nlp.set_error_handler(spacy.util.raise_error)
    assert failed == docs[:1]


def test_a_folder_that_is_no_artifact_is_named(tmp_path: Path) -> None:
    nlp = spacy.blank("ar")
    nlp.add_pipe("marsad", config={"model": str(tmp_path / "nowhere")})
    with pytest.raises(MarsadError, match="nowhere: no such artifact folder"):
        nlp("قصف")


def test_a_saved_pipeline_needs_the_first_folder_no_more(
    tiny_artifact: Path, texts: list[str], tmp_path: Path
) -> None:
    first = tmp_path / "first"
    first.symlink_to(tiny_artifact)
    nlp = spacy.blank("ar")
    nlp.add_pipe("marsad", config={"model": str(first)})
    wanted = nlp(texts[0])._.marsad
    nlp.to_disk(tmp_path / "saved")
    first.unlink()
    again = spacy.load(tmp_path / "saved")
    assert again(texts[0])._.marsad == wanted
    again.to_disk(tmp_path / "twice")
    assert spacy.load(tmp_path / "twice")(texts[0])._.marsad == wanted


def test_a_model_that_is_gone_is_told_before_it_is_saved(tmp_path: Path) -> None:
    nlp = spacy.blank("ar")
    nlp.add_pipe("marsad", config={"model": str(tmp_path / "gone")})
    with pytest.raises(MarsadError, match="gone: no such artifact folder"):
        nlp.to_disk(tmp_path / "saved")


def test_a_pipeline_of_the_shipped_model_copies_no_weights(tmp_path: Path) -> None:
    nlp = spacy.blank("ar")
    nlp.add_pipe("marsad")
    nlp.to_disk(tmp_path / "saved")
    assert not list(tmp_path.rglob("*.onnx"))
    assert spacy.load(tmp_path / "saved").get_pipe("marsad").model is None


def test_a_docbin_of_read_docs_keeps_the_report(
    nlp: Any, texts: list[str], tmp_path: Path, labels: Any
) -> None:
    docs = list(nlp.pipe(texts))
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "read.spacy")
    back = list(DocBin().from_disk(tmp_path / "read.spacy").get_docs(nlp.vocab))
    assert [doc._.marsad for doc in back] == [doc._.marsad for doc in docs]
    ledger = Ledger()
    converted = list(FORMATS[FormatName.SPACY].read(tmp_path / "read.spacy", labels, ledger))
    assert not ledger.entries
    for doc, report in zip(docs, converted, strict=True):
        exact = {(s.start, s.end, s.type) for s in doc._.marsad.spans}
        assert {(s.start, s.end, s.type) for s in report.spans} == exact
        assert [e.status for e in report.events] == [e.status for e in doc._.marsad.events]
        assert sum(len(e.arguments) for e in report.events) == sum(
            len(e.arguments) for e in doc._.marsad.events
        )


def test_a_doc_that_was_not_read_has_no_report() -> None:
    assert Doc(spacy.blank("ar").vocab, words=["قصف"])._.marsad is None


def test_without_spacy_the_extra_is_named() -> None:
    script = "import sys; sys.modules['spacy'] = None\nimport marsad.spacy_component"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "MarsadError: the component needs spaCy: pip install 'marsad[spacy]'." in done.stderr
