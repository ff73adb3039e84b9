"""Texts in, reports out: words, windows, network, decoder."""

import datetime as dt
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat
from typing import Any, Literal, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from marsad.coreference import with_same
from marsad.decode import Decoder, WordScores
from marsad.errors import MarsadError
from marsad.incidents import with_incidents
from marsad.parts import joined, parts
from marsad.resolve.values import with_values
from marsad.schema import Failure, Report, is_date
from marsad.text import Words, split_words
from marsad.windows import Reader, Window, plan

Arrays = dict[str, NDArray[np.int64]]
# `input_ids`, `attention_mask` (B, S), `word_starts` (B, W) -> fields of WordScores, (B, W, ...)
Network = Callable[[Arrays], Sequence[NDArray[np.float32]]]
Day = str | dt.date | None
Dates = Iterable[Day] | None
Ids = Iterable[str] | None
Errors = Literal["raise", "record"]
_T = TypeVar("_T")


@dataclass(eq=False, repr=False)
class Extractor:
    """Reads reports with a network; `marsad.load` makes one from an artifact.

    The network sees one window at a time. An int8 network scales its inputs by the largest of a
    batch, so neighbours would change what is read in a report; and on a CPU batches gain nothing.
    What does is to read `threads` reports, or windows of one report, side by side.
    """

    reader: Reader
    decoder: Decoder
    network: Network
    threads: int = 1

    def predict(
        self, text: str, date: Day = None, id: str = "", *, threads: int | None = None
    ) -> Report:
        """Read one report. `date` is its publication day, a date or YYYY-MM-DD.

        Offsets are code points into `text` as given; every mention, event and argument carries a
        score. `threads` is the number of windows of a long report that are read side by side, by
        default that of the extractor; who reads reports side by side wants one.
        Raises MarsadError where the text is no string or the date no day.
        """
        whole = Report(id, text, _checked(text, date))
        read = (
            (start, self._part(replace(whole, text=part), threads or self.threads))
            for start, part in parts(text)
        )
        return joined(whole, read)

    def _part(self, unread: Report, threads: int) -> Report:
        """The report with what its text tells, which is held in memory at once."""
        words, labels = split_words(unread.text), self.decoder.labels
        scores = self._score(words, threads)
        report = self.decoder.report(unread.text, words, scores, unread.id, unread.date)
        return with_incidents(with_same(with_values(report, labels)), labels)

    @overload
    def predict_many(
        self, texts: Iterable[str], dates: Dates = None, ids: Ids = None
    ) -> Iterator[Report]: ...
    @overload
    def predict_many(
        self, texts: Iterable[str], dates: Dates = None, ids: Ids = None, *, errors: Errors
    ) -> Iterator[Report | Failure]: ...
    def predict_many(
        self,
        texts: Iterable[str],
        dates: Dates = None,
        ids: Ids = None,
        *,
        errors: Errors = "raise",
    ) -> Iterator[Report | Failure]:
        """Read reports in order.

        Texts that are at hand, in a list or tuple, are read `threads` at a time. Those of any other
        iterable are read one after another, each as soon as it comes and with no other held, so
        they may be endless. `dates` and `ids` go along with the texts; MarsadError where they end
        before them. What cannot be read raises, or with `errors="record"` yields a `Failure` in its
        place.
        """
        if errors not in ("raise", "record"):
            raise MarsadError(f"errors should be 'raise' or 'record', not {errors!r}.")
        along = _along(texts, dates, ids)
        read = partial(self._read, errors=errors)
        if self.threads == 1 or not isinstance(texts, Sequence) or len(texts) == 1:
            return (read(*one) for one in along)
        return _side_by_side(partial(read, threads=1), along, self.threads)

    def _read(
        self, text: str, date: Day, id: str, errors: Errors, threads: int | None = None
    ) -> Report | Failure:
        try:
            return self.predict(text, date, id, threads=threads)
        except Exception as error:
            if errors == "raise":
                raise
            return Failure.of(error, id)

    def score_words(self, texts: Sequence[Words]) -> list[WordScores]:
        """The scores of every word of every text."""
        return [self._score(words) for words in texts]

    def _score(self, words: Words, threads: int = 1) -> WordScores:
        """The owned words of all windows of a text, in order, with what the CRF adds."""

        def read(window: Window, arrays: Arrays) -> list[NDArray[np.float32]]:
            own = slice(window.first - window.start, window.last - window.start)
            return [output[0, own] for output in self.network(arrays)]

        cut = list(windows(self.reader, words))
        if threads > 1 and len(cut) > 1:
            found = list(_side_by_side(read, cut, threads))
        else:
            found = [read(*one) for one in cut]
        if not found:
            return WordScores(*(np.zeros((0, 1), np.float32) for _ in WordScores._fields))
        scores = WordScores(*map(np.concatenate, zip(*found, strict=True)))
        return self.decoder.with_crf(words, scores)


def windows(reader: Reader, words: Words) -> Iterator[tuple[Window, Arrays]]:
    """The windows of a text, and what the network is given of each: (1, S), (1, S), (1, W)."""
    ids = reader.subwords(words.forms)
    for window in plan([len(pieces) for pieces in ids], reader.limit):
        inputs = reader.inputs(ids, window)
        inputs["attention_mask"] = [1] * len(inputs["input_ids"])
        yield window, {name: np.array([row], np.int64) for name, row in inputs.items()}


def _along(texts: Iterable[str], dates: Dates, ids: Ids) -> Iterator[tuple[str, Day, str]]:
    """Each text with its date and id. Raises MarsadError where those end before the texts, and for
    one text in place of several."""
    for name, given in (("texts", texts), ("dates", dates), ("ids", ids)):
        if isinstance(given, str | bytes):
            raise MarsadError(f"{name} should be a list of strings, not one string.")
    dates = repeat(None) if dates is None else iter(dates)
    ids = repeat("") if ids is None else iter(ids)
    for text in texts:
        try:
            yield text, next(dates), next(ids)
        except StopIteration:
            raise MarsadError("there are fewer dates or ids than texts.") from None


def _side_by_side(
    read: Callable[..., _T], given: Iterable[tuple[Any, ...]], threads: int
) -> Iterator[_T]:
    """What is read in each, in order; a few are read ahead of what is asked for."""
    running: deque[Future[_T]] = deque()
    with ThreadPoolExecutor(threads, "marsad") as pool:
        try:
            for one in given:
                running.append(pool.submit(read, *one))
                if len(running) > 2 * threads:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _checked(text: object, date: Day) -> str | None:
    """The day as YYYY-MM-DD. Raises MarsadError where the text is no string or the date no day."""
    if not isinstance(text, str):
        raise MarsadError(f"a report's text should be a string, not {type(text).__name__}.")
    day = date.isoformat()[:10] if isinstance(date, dt.date) else date
    if day is not None and not is_date(day):
        raise MarsadError(f"the date {date!r} is not a day as YYYY-MM-DD.")
    return day
