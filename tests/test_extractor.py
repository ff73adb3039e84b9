"""predict and predict_many: offsets into whatever text is given, windows without loss, parity."""

import datetime
import json
from dataclasses import replace
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marsad import Extractor, MarsadError, Report, load
from marsad.decode import Settings
from marsad.text import split_words

PIECES = st.sampled_from(
    [
        "قصف", "حيفا", "حزب الله", "قاسم سليماني", "هدد", "و", " ", "\n", "\r\n", "\x00", "ـ",
        "\u064b", "\u200f", "\u202e", "\u2066", "😀", "#", "_", "«", "»", "12", "٣", "،", ".", "a",
        "\ufeff", "\ud7ff", "𞸀",
    ]
)  # fmt: skip


@pytest.fixture(scope="module")
def extractor(tiny_artifact: Path) -> Extractor:
    return load(tiny_artifact)


def _sound(report: Report) -> None:
    assert not list(report.problems())
    for item in (*report.mentions, *report.events):
        assert item.score is not None
        assert 0 <= item.score <= 1
        surface = report.surface(item)
        assert surface == surface.strip()
    for event in report.events:
        assert all(a.score is not None for a in event.arguments)


def test_keys_are_those_of_the_annotated_lines(extractor: Extractor) -> None:
    data = extractor.predict("هدد حزب الله بقصف حيفا", date="2023-05-01").to_dict()
    assert list(data) == ["id", "date", "text", "entities", "events", "same", "incidents"]
    entity, event = data["entities"][0], data["events"][0]
    assert set(entity) - {"value"} == {"id", "type", "start", "end", "text", "score"}
    assert set(event) == {"id", "type", "status", "start", "end", "text", "score", "arguments"}
    assert set(event["arguments"][0]) == {"role", "id", "score"}
    json.dumps(data)


def test_clitics_stand_outside(extractor: Extractor) -> None:
    report = extractor.predict("هدد حزب الله بقصف حيفا")
    assert [report.surface(e) for e in report.events] == ["قصف"]
    assert [e.status for e in report.events] == ["possible"]


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=60).map("".join))
def test_offsets_hold_in_any_text(extractor: Extractor, text: str) -> None:
    report = extractor.predict(text)
    assert report.text == text
    _sound(report)


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\x00", "\u200f\u202e", "😀", "ـ", "\u064b"])
def test_texts_without_a_word_are_read_as_empty_or_nothing(extractor: Extractor, text: str) -> None:
    _sound(extractor.predict(text))


def test_marks_do_not_change_what_is_read(extractor: Extractor) -> None:
    bare = extractor.predict("هدد حزب الله بقصف حيفا")
    marked = extractor.predict("هَدَّدَ حزب اللـه \u200fبقصف حيفا")
    assert [m.type for m in marked.mentions] == [m.type for m in bare.mentions]
    assert marked.surface(marked.mentions[0]) == "حزب اللـه"


def test_long_report_is_windowed_without_loss(extractor: Extractor) -> None:
    """A network that marks one word wherever it stands: 200 sentences give 200 mentions."""
    sentence = "هدد حزب الله بقصف حيفا ونفى قاسم سليماني اغتيال المتظاهرين أمس.\n"
    (wanted,) = extractor.reader.subwords(["حيفا"])[0]

    def network(arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
        at_words = np.take_along_axis(arrays["input_ids"], arrays["word_starts"], axis=1)
        outputs = [o * 0 for o in extractor.network(arrays)]
        outputs[0][..., 0] = 1
        outputs[0][..., 1] = 9.0 * (at_words == wanted)
        outputs[1][..., 0] = 1
        return outputs

    decoder = replace(extractor.decoder, settings=Settings())
    report = Extractor(extractor.reader, decoder, network).predict(sentence * 200)
    starts = [m.start for m in report.mentions]
    assert starts == [sentence.index("حيفا") + i * len(sentence) for i in range(200)]


def test_every_word_gets_one_score(extractor: Extractor) -> None:
    words = [split_words("كلمة " * n) for n in (0, 1, 37, 38, 39, 500)]
    scores = extractor.score_words(words)
    assert [len(s.mention_tags) for s in scores] == [len(w) for w in words]


def test_one_huge_word_is_read(extractor: Extractor) -> None:
    _sound(extractor.predict("م" * 1_000_000 + " قصف"))


def test_many_gives_what_one_by_one_gives(extractor: Extractor, reports: list[Report]) -> None:
    texts = [r.text for r in reports] * 40 + ["", "كلمة"]
    many = list(extractor.predict_many(texts))
    for text, report in islice(zip(texts, many, strict=True), 0, None, 7):
        alone = extractor.predict(text)
        assert [(m.type, m.start, m.end) for m in report.mentions] == [
            (m.type, m.start, m.end) for m in alone.mentions
        ]
        for left, right in zip(report.mentions, alone.mentions, strict=True):
            assert left.score == pytest.approx(right.score, abs=2e-3)


def test_endless_stream_is_read_as_it_comes(extractor: Extractor) -> None:
    assert len(list(islice(extractor.predict_many(repeat("قصف حيفا")), 100))) == 100


def test_dates_and_ids_go_along(extractor: Extractor) -> None:
    read = extractor.predict_many(["أ", "ب"], dates=["2020-01-01", None], ids=["x", "y"])
    assert [(r.id, r.date) for r in read] == [("x", "2020-01-01"), ("y", None)]


@pytest.mark.parametrize(
    "day", [datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2, 23, 30), "2020-01-02"]
)
def test_a_day_may_be_a_date(extractor: Extractor, day: Any) -> None:
    assert extractor.predict("نص", date=day).date == "2020-01-02"
    assert next(extractor.predict_many(["نص"], [day])).date == "2020-01-02"


@pytest.mark.parametrize("date", ["2020-1-1", "yesterday", "2020-13-01", ""])
def test_a_date_that_is_no_day_is_refused(extractor: Extractor, date: str) -> None:
    with pytest.raises(MarsadError, match="is not a day as YYYY-MM-DD"):
        extractor.predict("نص", date=date)


@pytest.mark.parametrize("text", [None, 3, b"bytes"])
def test_a_text_that_is_no_string_is_refused(extractor: Extractor, text: object) -> None:
    with pytest.raises(MarsadError, match="should be a string"):
        extractor.predict(text)  # type: ignore[arg-type]
