"""marsad reads Arabic conflict reports into typed events with roles, status, places and dates.

>>> import marsad
>>> report = marsad.predict("قصفت طائرة مسيرة قاعدة عين الأسد فجر اليوم", date="2022-01-04")
>>> [event.type for event in report.events]
['AIR_STRIKE']
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import overload

from marsad.artifact import load
from marsad.errors import MarsadError
from marsad.extractor import Dates, Day, Errors, Extractor, Ids
from marsad.schema import Argument, Event, Failure, Labels, Mention, Report
from marsad.score import Scores, score

__version__ = "0.1.0"


@cache
def _shipped() -> Extractor:
    return load()


def predict(text: str, date: Day = None) -> Report:
    """Read one report with the shipped model; `date` is its publication day, a date or YYYY-MM-DD.

    Without a date, relative dates in the text stay unresolved. Raises MarsadError where the text
    is no string or the date no day.
    """
    return _shipped().predict(text, date)


@overload
def predict_many(
    texts: Iterable[str], dates: Dates = None, ids: Ids = None
) -> Iterator[Report]: ...
@overload
def predict_many(
    texts: Iterable[str], dates: Dates = None, ids: Ids = None, *, errors: Errors
) -> Iterator[Report | Failure]: ...
def predict_many(
    texts: Iterable[str], dates: Dates = None, ids: Ids = None, *, errors: Errors = "raise"
) -> Iterator[Report | Failure]:
    """Read reports one after another with the shipped model, in order, in bounded memory.

    The texts may be endless. With `errors="record"` a `Failure` stands in the place of a report
    that cannot be read; otherwise its error is raised.
    """
    return _shipped().predict_many(texts, dates, ids, errors=errors)


__all__ = [
    "Argument", "Event", "Extractor", "Failure", "Labels", "MarsadError", "Mention", "Report",
    "Scores", "load", "predict", "predict_many", "score",
]  # fmt: skip
