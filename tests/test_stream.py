"""predict_many as a stream: endless, in order, one text at a time, a bad item in its place."""

from collections.abc import Iterator
from itertools import count, islice, repeat
from pathlib import Path

import numpy as np
import pytest

import marsad
from marsad import Extractor, Failure, MarsadError, Report, load

TEXT = "هدد حزب الله بقصف حيفا"


@pytest.fixture(scope="module", params=[1, 3])
def extractor(tiny_artifact: Path, request: pytest.FixtureRequest) -> Extractor:
    return load(tiny_artifact, threads=request.param)


def test_an_endless_stream_is_read_one_text_at_a_time(extractor: Extractor) -> None:
    taken = []

    def endless() -> Iterator[str]:
        for n in count():
            taken.append(n)
            yield f"{TEXT} {n}"

    stream = extractor.predict_many(endless(), ids=map(str, count()))
    for n, report in enumerate(islice(stream, 100)):
        assert (report.id, report.text) == (str(n), f"{TEXT} {n}")
        assert len(taken) == n + 1  # nothing is held back or taken ahead


def test_one_string_is_no_list_of_texts(extractor: Extractor) -> None:
    for given in ((TEXT,), ([TEXT], "2023-05-01"), ([TEXT], None, "a")):
        with pytest.raises(MarsadError, match="should be a list of strings, not one string"):
            list(extractor.predict_many(*given))


def test_a_bad_item_is_recorded_in_its_place(extractor: Extractor) -> None:
    texts: list[object] = [TEXT, None, TEXT, " ", TEXT]
    dates = [None, None, "May", None, "2023-05-01"]
    read = list(extractor.predict_many(texts, dates, list("abcde"), errors="record"))  # type: ignore[call-overload]
    assert [item.id for item in read] == list("abcde")
    assert [type(item) for item in read] == [Report, Failure, Failure, Report, Report]
    assert read[1].message == "a report's text should be a string, not NoneType."
    assert read[2].message == "the date 'May' is not a day as YYYY-MM-DD."
    assert read[4] == extractor.predict(TEXT, "2023-05-01", "e")


def test_what_goes_wrong_in_the_network_is_recorded_too(extractor: Extractor) -> None:
    (poison,) = extractor.reader.subwords(["حيفا"])[0]

    def network(arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
        if poison in arrays["input_ids"]:
            raise RuntimeError("out of luck")
        return list(extractor.network(arrays))

    frail = Extractor(extractor.reader, extractor.decoder, network, extractor.threads)
    read = list(frail.predict_many(["قصف", TEXT, "قصف"], errors="record"))
    assert read[1] == Failure("", "it could not be read (RuntimeError: out of luck).")
    assert read[0] == read[2] == extractor.predict("قصف")


def test_without_record_the_first_bad_item_raises_after_the_good_ones(extractor: Extractor) -> None:
    stream = extractor.predict_many([TEXT, TEXT, TEXT], [None, "May", None])
    assert next(stream).text == TEXT
    with pytest.raises(MarsadError, match="'May' is not a day"):
        next(stream)


def test_slips_of_the_caller_always_raise(extractor: Extractor) -> None:
    with pytest.raises(MarsadError, match="'raise' or 'record', not 'ignore'"):
        next(extractor.predict_many([TEXT], errors="ignore"))  # type: ignore[call-overload]
    with pytest.raises(MarsadError, match="fewer dates or ids than texts"):
        list(extractor.predict_many([TEXT, TEXT], [None], errors="record"))


def test_a_report_is_read_alike_alone_and_among_others(extractor: Extractor) -> None:
    """To the letter, scores and all: short, long, windowed and empty texts side by side."""
    texts = [" ".join(islice(repeat(TEXT), n)) for n in (1, 40, 0, 3, 12, 1)]
    alone = [extractor.predict(text).to_json() for text in texts]
    assert [report.to_json() for report in extractor.predict_many(texts * 5)] == alone * 5
    assert [report.to_json() for report in extractor.predict_many(iter(texts))] == alone


def test_a_list_left_half_read_stops(extractor: Extractor) -> None:
    for report in extractor.predict_many([TEXT] * 1000):
        assert report.text == TEXT
        break


def test_the_shipped_model_streams_and_records() -> None:
    read = list(marsad.predict_many([TEXT, "قصف"], ["2023-05-01", "1"], errors="record"))
    assert read[0] == marsad.predict(TEXT, "2023-05-01")
    assert isinstance(read[1], Failure)
