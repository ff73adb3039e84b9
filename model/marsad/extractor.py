"""Texts in, reports out: words, windows, network, decoder."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, repeat

import numpy as np
from numpy.typing import NDArray

from marsad.coreference import with_same
from marsad.decode import Decoder, WordScores
from marsad.errors import MarsadError
from marsad.incidents import with_incidents
from marsad.resolve.values import with_values
from marsad.schema import Report, is_date
from marsad.text import Words, split_words
from marsad.windows import Reader, Window, plan

Arrays = dict[str, NDArray[np.int64]]
# `input_ids`, `attention_mask` (B, S), `word_starts` (B, W) -> fields of WordScores, (B, W, ...)
Network = Callable[[Arrays], Sequence[NDArray[np.float32]]]

_BATCH_SUBWORDS = 2048  # padded; larger batches gain nothing on two cores
_CHUNK = 64  # reports whose windows are sorted by length together


class Extractor:
    """Reads reports with a network; `marsad.load` makes one from an artifact."""

    def __init__(self, reader: Reader, decoder: Decoder, network: Network):
        self.reader, self.decoder, self.network = reader, decoder, network

    def predict(self, text: str, date: str | None = None, id: str = "") -> Report:
        """Read one report. `date` is its publication day, YYYY-MM-DD.

        Offsets are code points into `text` as given; every mention, event and argument carries a
        score. Raises MarsadError where the text is no string or the date no day.
        """
        return next(self.predict_many([text], [date], [id]))

    def predict_many(
        self,
        texts: Iterable[str],
        dates: Iterable[str | None] | None = None,
        ids: Iterable[str] | None = None,
    ) -> Iterator[Report]:
        """Read reports one after another, in order, in bounded memory.

        `dates` and `ids` go along with the texts where given.
        """
        items = zip(texts, dates or repeat(None), ids or repeat(""), strict=False)
        while chunk := list(islice(items, _CHUNK)):
            for text, date, _ in chunk:
                _check(text, date)
            words = [split_words(text) for text, _, _ in chunk]
            for (text, date, id), at, scores in zip(
                chunk, words, self.score_words(words), strict=True
            ):
                report = self.decoder.report(text, at, scores, id, date)
                labels = self.decoder.labels
                yield with_incidents(with_same(with_values(report, labels)), labels)

    def score_words(self, texts: Sequence[Words]) -> list[WordScores]:
        """The network's scores of every word of every text."""
        ids = [self.reader.subwords(words.forms) for words in texts]
        jobs = [
            (n, window)
            for n, pieces in enumerate(ids)
            for window in plan([len(p) for p in pieces], self.reader.limit)
        ]
        inputs = [self.reader.inputs(ids[n], window) for n, window in jobs]
        parts: dict[int, list[tuple[Window, WordScores]]] = {n: [] for n in range(len(texts))}
        for batch in _batches([len(i["input_ids"]) for i in inputs]):
            outputs = self.network(self._pad([inputs[j] for j in batch]))
            for b, j in enumerate(batch):
                n, window = jobs[j]
                own = slice(window.first - window.start, window.last - window.start)
                parts[n].append((window, WordScores(*(output[b, own] for output in outputs))))
        return [_join(parts[n]) for n in range(len(texts))]

    def _pad(self, inputs: Sequence[dict[str, list[int]]]) -> Arrays:
        length = max(len(i["input_ids"]) for i in inputs)
        width = max(len(i["word_starts"]) for i in inputs)
        arrays: Arrays = {
            "input_ids": np.full((len(inputs), length), self.reader.pad_id, np.int64),
            "attention_mask": np.zeros((len(inputs), length), np.int64),
            "word_starts": np.zeros((len(inputs), width), np.int64),
        }
        for b, item in enumerate(inputs):
            arrays["input_ids"][b, : len(item["input_ids"])] = item["input_ids"]
            arrays["attention_mask"][b, : len(item["input_ids"])] = 1
            arrays["word_starts"][b, : len(item["word_starts"])] = item["word_starts"]
        return arrays


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Windows of like length together, each batch within the budget of padded subwords."""
    batch: list[int] = []
    for j in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[j] > _BATCH_SUBWORDS:
            yield batch
            batch = []
        batch.append(j)
    if batch:
        yield batch


def _join(parts: list[tuple[Window, WordScores]]) -> WordScores:
    """The owned words of all windows of a text, in order."""
    if not parts:
        return WordScores(*(np.zeros((0, 1), np.float32) for _ in WordScores._fields))
    parts.sort(key=lambda part: part[0].first)
    return WordScores(
        *(np.concatenate(arrays) for arrays in zip(*(s for _, s in parts), strict=True))
    )


def _check(text: object, date: object) -> None:
    if not isinstance(text, str):
        raise MarsadError(f"a report's text should be a string, not {type(text).__name__}.")
    if date is not None and not is_date(date):
        raise MarsadError(f"the date {date!r} is not a day as YYYY-MM-DD.")
