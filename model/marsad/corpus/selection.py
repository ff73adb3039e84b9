"""Which texts to annotate next: those that the model is unsure of and that differ from each other.

Uncertainty is the sum of the binary entropies of the calibrated scores in a prediction: of its
mentions, its triggers and its arguments, in bits. Diversity is farthest-first (k-centre greedy,
Sener and Savarese 2018): a text counts the more, the farther it is from all that rank before it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marsad.decode import WordScores
from marsad.documents import Document
from marsad.errors import MarsadError
from marsad.extractor import Extractor
from marsad.schema import Report
from marsad.text import split_words

Floats = NDArray[np.float64]
_TINY = 1e-9  # bits; where the model is sure of all texts, they rank by distance


@dataclass(frozen=True, slots=True)
class Choice:
    """A text to annotate.

    `rank` counts from 1. `uncertainty` is in bits a word; `distance` (0 to 2) is that to the
    nearest text of a better rank, None for the first.
    """

    id: str
    rank: int
    uncertainty: float
    distance: float | None


@dataclass(frozen=True)
class Assessment:
    """What the model makes of N texts: uncertainty (N) in bits, words (N), vectors (N, D)."""

    uncertainty: Floats
    words: NDArray[np.int64]
    vectors: Floats


def select(extractor: Extractor, documents: Sequence[Document], n: int) -> list[Choice]:
    """The n documents to annotate first, by rank; all of them where there are fewer.

    Texts without a word come last. Raises MarsadError for no document, an n below 1, an id that
    is used twice, or a date that is no day.
    """
    if n < 1:
        raise MarsadError(f"the number of texts to choose should be 1 or more, not {n}.")
    if not documents:
        raise MarsadError("there is no text to choose from.")
    ids = [id for _, _, id in documents]
    if len(set(ids)) < len(ids):
        twice, _ = Counter(ids).most_common(1)[0]
        raise MarsadError(f"the text id {twice!r} is used twice; give each text one of its own.")
    for text, date, id in documents:
        if problem := next(Report(id, text, date).problems(), None):
            raise MarsadError(f"the text {id!r}: {problem}")
    found = assess(extractor, documents)
    uncertainty = found.uncertainty / np.maximum(found.words, 1)
    return [
        Choice(ids[i], rank, round(float(uncertainty[i]), 4), distance)
        for rank, (i, distance) in enumerate(spread(uncertainty, found.vectors, n), 1)
    ]


def assess(extractor: Extractor, documents: Iterable[Document]) -> Assessment:
    """Read the documents, each once, in bounded memory."""
    bits, words, vectors = zip(*_rows(extractor, documents), strict=True)
    width = max(len(vector) for vector in vectors)
    return Assessment(
        np.array(bits),
        np.array(words),
        np.stack([np.broadcast_to(vector, width) for vector in vectors]),
    )


def _rows(
    extractor: Extractor, documents: Iterable[Document]
) -> Iterator[tuple[float, int, Floats]]:
    for text, date, id in documents:
        words = split_words(text)
        (scores,) = extractor.score_words([words])
        report = extractor.decoder.report(text, words, scores, id, date)
        yield entropy(report), len(words), _vector(scores)


def entropy(report: Report) -> float:
    """The binary entropies of all scores of a prediction, summed, in bits."""
    scores = [
        *(span.score for span in report.spans),
        *(argument.score for event in report.events for argument in event.arguments),
    ]
    chances = np.clip(np.array(scores, np.float64), _TINY, 1 - _TINY)
    return float(-(chances * np.log2(chances) + (1 - chances) * np.log2(1 - chances)).sum())


def _vector(scores: WordScores) -> Floats:
    """(D) What a text is about, as the roles see it; (1) zero for a text without a word."""
    words = np.concatenate([scores.trigger_roles, scores.mention_roles], -1)
    return words.mean(0, np.float64) if len(words) else np.zeros(1)


def spread(uncertainty: Floats, vectors: Floats, n: int) -> list[tuple[int, float | None]]:
    """Indices of n rows, greedily by uncertainty times distance, with that distance.

    The distance of two rows is 1 minus the cosine of their vectors, centred on the mean of all.
    """
    empty = ~vectors.any(1)
    vectors = vectors - vectors[~empty].mean(0) if not empty.all() else vectors
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _TINY)
    nearest = np.where(empty, 0.0, 2.0)
    free = np.ones(len(vectors), bool)
    found: list[tuple[int, float | None]] = []
    for _ in range(min(n, len(vectors))):
        best = int(np.where(free, (uncertainty + _TINY) * nearest, -1.0).argmax())
        found.append((best, round(float(nearest[best]), 4) if found else None))
        free[best] = False
        nearest = np.minimum(nearest, np.maximum(1 - vectors @ vectors[best], 0.0))
    return found
