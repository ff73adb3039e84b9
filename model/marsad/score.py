"""Compares two sets of reports: the only scorer, for training, benchmark and users alike.

Spans are snapped to whole words (`marsad.text`), as the guidelines say, so that a clitic left
inside or a quotation mark costs nothing. All figures are micro-averages over the mentions,
triggers or arguments of all reports unless they say macro.

Measures
- mentions: same words and same type. `mentions (overlap)`: same type and a word in common, each
  span matched once.
- triggers, `triggers (overlap)`: likewise, with the event type.
- arguments: same event type, same trigger words, same role, same mention words (end to end).
- status: over the triggers found (same words and type), the share with the right status;
  `status (rare)` over those of them whose gold status is not the commonest one.
- values: over the mentions found whose gold has a value, the share with the same value.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from marsad.errors import MarsadError
from marsad.schema import Event, Mention, Report
from marsad.text import split_words

TASKS = (
    "mentions", "mentions (overlap)", "triggers", "triggers (overlap)", "arguments", "status",
    "status (rare)", "values",
)  # fmt: skip
# those that models are chosen and shown by
MAIN_TASKS = (
    "mentions", "mentions (overlap)", "triggers", "arguments", "status", "status (rare)",
)  # fmt: skip


class Count(NamedTuple):
    """How many gold, predicted and correct items."""

    gold: int
    predicted: int
    correct: int

    @property
    def precision(self) -> float:
        """Correct over predicted; 0 where nothing was predicted."""
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Correct over gold; 0 where there is no gold."""
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; of a status or value task, the accuracy."""
        both = self.gold + self.predicted
        return 2 * self.correct / both if both else 0.0


# (task, label) -> count, of one report
Tally = dict[tuple[str, str], Count]
_Span = tuple[int, int]
S = TypeVar("S", Mention, Event)


@dataclass(frozen=True)
class Scores:
    """The counts of each report, and the figures that follow from them."""

    tallies: tuple[Tally, ...]

    def count(self, task: str, label: str | None = None) -> Count:
        """The counts of a task over all reports, of one label or of all."""
        found = [
            count
            for tally in self.tallies
            for (of_task, of), count in tally.items()
            if of_task == task and label in (None, of)
        ]
        return Count(*map(sum, zip(*found, strict=True))) if found else Count(0, 0, 0)

    def f1(self, task: str, label: str | None = None) -> float:
        """Micro-F1 of a task (accuracy for status and values), 0 to 1. Raises MarsadError for a
        task that there is not."""
        if task not in TASKS and not self.labels(task):
            raise MarsadError(f"unknown task {task!r}; known are {', '.join(TASKS)}.")
        return self.count(task, label).f1

    def macro_f1(self, task: str) -> float:
        """Mean F1 over the labels that occur in gold."""
        found = [
            self.f1(task, label) for label in self.labels(task) if self.count(task, label).gold
        ]
        return sum(found) / len(found) if found else 0.0

    def labels(self, task: str) -> list[str]:
        """The labels that a task met, in gold or prediction."""
        return sorted({label for tally in self.tallies for t, label in tally if t == task})

    def rows(self, task: str, label: str | None = None) -> NDArray[np.int64]:
        """(N, 3) The counts of each of N reports, of one label or of all."""
        counts = [
            [c for (t, of), c in tally.items() if t == task and label in (None, of)]
            for tally in self.tallies
        ]
        return np.array([np.sum(found or [Count(0, 0, 0)], axis=0) for found in counts])

    def interval(self, task: str, draws: int = 1000, seed: int = 0) -> tuple[float, float]:
        """95 % bootstrap interval of the micro-F1, resampling reports."""
        rows = self.rows(task)
        picks = np.random.default_rng(seed).integers(0, len(rows), (draws, len(rows)))
        gold, predicted, correct = rows[picks].sum(1).T
        f1 = 2 * correct / np.maximum(gold + predicted, 1)
        low, high = np.quantile(f1, (0.025, 0.975))
        return float(low), float(high)

    def figures(self, task: str, draws: int = 1000, seed: int = 0) -> dict[str, Any]:
        """Every figure of a task as plain data: overall, macro, interval, and per label."""
        return {
            **_figures_of(self.count(task)),
            "macro_f1": round(self.macro_f1(task), 4),
            "interval": [round(x, 4) for x in self.interval(task, draws, seed)],
            "labels": {label: _figures_of(self.count(task, label)) for label in self.labels(task)},
        }

    def to_dict(self, draws: int = 1000) -> dict[str, Any]:
        """Every figure of every task as plain data."""
        figures = {task: self.figures(task, draws) for task in TASKS}
        return {"reports": len(self.tallies)} | figures


def score(gold: Iterable[Report], predicted: Iterable[Report]) -> Scores:
    """Compare predictions with gold, report by report, matched by id.

    A gold report without a prediction counts as missed. Raises MarsadError for an id that is
    used twice, for a prediction of an unknown report or of another text.
    """
    golds, predictions = _by_id(gold, "gold"), _by_id(predicted, "prediction")
    if not golds:
        raise MarsadError("there is no gold report to score against.")
    if unknown := [id for id in predictions if id not in golds]:
        raise MarsadError(f"prediction {unknown[0]!r} has no gold report of that id.")
    common = commonest_status(golds.values())
    tallies = []
    for id, report in golds.items():
        answer = predictions.get(id, Report(id, report.text))
        if answer.text != report.text:
            raise MarsadError(f"the text of prediction {id!r} is not that of the gold report.")
        tallies.append(_tally(report, answer, common))
    return Scores(tuple(tallies))


def _tally(gold: Report, predicted: Report, common: str) -> Tally:
    snap = snapper(gold.text)
    tally: Tally = {}
    mentions = typed_spans(gold.mentions, snap), typed_spans(predicted.mentions, snap)
    triggers = typed_spans(gold.events, snap), typed_spans(predicted.events, snap)
    for task, (wanted, got) in (("mentions", mentions), ("triggers", triggers)):
        _add(tally, task, Counter(t for t, _ in wanted), Counter(t for t, _ in got),
             Counter(t for t, _ in wanted.keys() & got.keys()))  # fmt: skip
        overlap = f"{task} (overlap)"
        for type in {t for t, _ in (*wanted, *got)}:
            of_gold = sorted(span for t, span in wanted if t == type)
            of_predicted = sorted(span for t, span in got if t == type)
            met = _overlaps(of_gold, of_predicted)
            tally[overlap, type] = Count(len(of_gold), len(of_predicted), met)
    links = links_of(gold, snap), links_of(predicted, snap)
    _add(tally, "arguments", *(Counter(link[2] for link in side) for side in
                               (*links, links[0] & links[1])))  # fmt: skip
    _add_status(tally, triggers, common)
    _add_values(tally, mentions)
    return tally


def _add(tally: Tally, task: str, *sides: Counter[str]) -> None:
    for label in set().union(*sides):
        tally[task, label] = Count(*(side[label] for side in sides))


def _add_status(
    tally: Tally, sides: tuple[Mapping[Any, Event], Mapping[Any, Event]], common: str
) -> None:
    gold, predicted = sides
    found: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for key in gold.keys() & predicted.keys():
        status = gold[key].status
        right = predicted[key].status == status
        found["status", status].append(right)
        if status != common:
            found["status (rare)", status].append(right)
    tally |= {key: Count(len(hits), len(hits), sum(hits)) for key, hits in found.items()}


def _add_values(tally: Tally, sides: tuple[Mapping[Any, Mention], Mapping[Any, Mention]]) -> None:
    gold, predicted = sides
    found: dict[str, list[bool]] = defaultdict(list)
    for key in gold.keys() & predicted.keys():
        if (value := gold[key].value) is not None:
            found[gold[key].type].append(predicted[key].value == value)
    tally |= {("values", t): Count(len(hits), len(hits), sum(hits)) for t, hits in found.items()}


def typed_spans(
    spans: Sequence[S], snap: Callable[[Mention | Event], _Span | None]
) -> dict[tuple[str, _Span], S]:
    """(type, word span) -> the span; one without a word matches only itself."""
    return {(s.type, snap(s) or (-s.start - 1, -s.end - 1)): s for s in spans}


def links_of(
    report: Report, snap: Callable[[Mention | Event], _Span | None]
) -> set[tuple[str, _Span | None, str, _Span | None]]:
    """Event type, trigger, role and mention of each argument, both spans in words."""
    mentions = {m.id: snap(m) for m in report.mentions}
    return {
        (event.type, snap(event), argument.role, mentions[argument.id])
        for event in report.events
        for argument in event.arguments
        if argument.id in mentions
    }


def _overlaps(gold: list[_Span], predicted: list[_Span]) -> int:
    """The most pairs with a word in common, each span in one pair; both lists sorted, flat."""
    matched = g = p = 0
    while g < len(gold) and p < len(predicted):
        if gold[g][0] < predicted[p][1] and predicted[p][0] < gold[g][1]:
            matched, g, p = matched + 1, g + 1, p + 1
        elif gold[g][1] <= predicted[p][1]:
            g += 1
        else:
            p += 1
    return matched


def snapper(text: str) -> Callable[[Mention | Event], _Span | None]:
    """Span -> its whole words, punctuation at the edges left out unless there is nothing else."""
    words = split_words(text)
    solid = [any(letter.isalnum() for letter in form) for form in words.forms]

    def snap(span: Mention | Event) -> _Span | None:
        found = words.span(span.start, span.end)
        if found is None or not any(solid[slice(*found)]):
            return found
        first, last = found
        while not solid[first]:
            first += 1
        while not solid[last - 1]:
            last -= 1
        return first, last

    return snap


def _by_id(reports: Iterable[Report], side: str) -> dict[str, Report]:
    found: dict[str, Report] = {}
    for report in reports:
        if report.id in found:
            raise MarsadError(f"the {side} report id {report.id!r} is used twice.")
        found[report.id] = report
    return found


def commonest_status(reports: Iterable[Report]) -> str:
    """The status of most events; empty where there is none."""
    counts = Counter(event.status for report in reports for event in report.events)
    return counts.most_common(1)[0][0] if counts else ""


def _figures_of(count: Count) -> dict[str, Any]:
    """A count with its rates, rounded to four digits, for JSON."""
    return {
        "f1": round(count.f1, 4), "precision": round(count.precision, 4),
        "recall": round(count.recall, 4), "gold": count.gold, "predicted": count.predicted,
    }  # fmt: skip
