"""The tags of single words: gold paths, their spans, and metrics as the field reports them.

The metrics are those of `seqeval`, through a local `evaluate.Metric`; models are chosen by reports
(`marsad.score`), but tuned by the F1 of spans here.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import datasets
import evaluate
import numpy as np
from numpy.typing import NDArray
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from marsad.decode import HEADS, WordScores
from marsad.schema import Event, Labels, Mention, Report
from marsad.spans import bio_spans, viterbi
from marsad.text import Words, split_words

S = TypeVar("S", Mention, Event, Mention | Event)
_Place = tuple[int, int, int]  # of a span: first word, one past the last, and type


class Seqeval(evaluate.Metric):  # type: ignore[misc]
    """Strict IOB2 F1; the hub's script of that name cannot be fetched offline."""

    def _info(self) -> evaluate.MetricInfo:
        rows = datasets.Sequence(datasets.Value("string"))
        return evaluate.MetricInfo(
            description="Strict IOB2 F1 over spans.",
            citation="Nakayama 2018, seqeval",
            features=datasets.Features({"predictions": rows, "references": rows}),
        )

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        f1 = f1_score(references, predictions, mode="strict", scheme=IOB2, zero_division=0)
        return {"f1": float(f1)}


def tag_f1(
    labels: Labels, gold: Sequence[Report], scores: Sequence[WordScores]
) -> dict[str, float]:
    """`mentions_tag_f1` and `triggers_tag_f1`: strict IOB2 F1 of the Viterbi paths."""
    metric, found = Seqeval(), {}
    for head, tags in tags_of(labels).items():
        wanted = [gold_tags(report, head) for report in gold]
        paths = [viterbi(getattr(said, HEADS[head])) for said in scores]
        got = [[tags[t] for t in path.tolist()] for path in paths]
        found[f"{head}_tag_f1"] = metric.compute(predictions=got, references=wanted)["f1"]
    return found


def placed(words: Words, spans: Iterable[S]) -> Iterator[tuple[S, tuple[int, int]]]:
    """Those of the spans that hold a word, with their first word and one past the last."""
    for span in spans:
        if (at := words.span(span.start, span.end)) is not None:
            yield span, at


def gold_tags(report: Report, head: str) -> list[str]:
    """The BIO tags of a report's words, of its mentions or its triggers."""
    words = split_words(report.text)
    tags = ["O"] * len(words)
    for span, (first, last) in placed(words, _spans_of(report, head)):
        tags[first:last] = [f"B-{span.type}", *[f"I-{span.type}"] * (last - first - 1)]
    return tags


def _spans_of(report: Report, head: str) -> Sequence[Mention | Event]:
    return report.mentions if head == "mentions" else report.events


def gold_places(report: Report, words: Words, head: str, labels: Labels) -> set[_Place]:
    """First word, one past the last, and label of each mention or trigger; two may share a word,
    which tags cannot say."""
    types = list(labels.mentions if head == "mentions" else labels.events)
    found = placed(words, _spans_of(report, head))
    return {(*at, types.index(span.type)) for span, at in found}


def tag_path(report: Report, head: str, labels: Labels) -> NDArray[np.int64]:
    """(W) The numbers of those tags."""
    index = {name: i for i, name in enumerate(tags_of(labels)[head])}
    return np.array([index[tag] for tag in gold_tags(report, head)], np.int64)


def span_f1(gold: Sequence[NDArray[np.int64]], paths: Sequence[NDArray[np.int64]]) -> float:
    """F1 of the spans of tag paths, text by text."""
    return set_f1(map(spans_of, gold), map(spans_of, paths))


def set_f1(gold: Iterable[set[_Place]], read: Iterable[set[_Place]]) -> float:
    """F1 of labelled spans, text by text."""
    correct = both = 0
    for wanted, got in zip(gold, read, strict=True):
        correct += len(wanted & got)
        both += len(wanted) + len(got)
    return 2 * correct / max(both, 1)


def spans_of(path: NDArray[np.int64]) -> set[_Place]:
    """The spans of a tag path."""
    even = np.ones((len(path), int(path.max(initial=0)) + 1), np.float32)
    return {span[:3] for span in bio_spans(path, even)}


def tags_of(labels: Labels) -> dict[str, list[str]]:
    """The tags of the mention head and of the trigger head, in order."""
    return {"mentions": tag_names(labels.mentions), "triggers": tag_names(labels.events)}


def tag_names(types: Iterable[str]) -> list[str]:
    """The tags of a head in order: `O`, then B- and I- of each type."""
    return ["O", *(f"{prefix}-{type}" for type in types for prefix in "BI")]
