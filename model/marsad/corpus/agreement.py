"""How far two annotations of the same texts agree, and where they do not."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from marsad.errors import MarsadError
from marsad.schema import Event, Mention, Report, overlap
from marsad.score import TASKS, score
from marsad.text import split_words

_OUTSIDE = "O"


class Disagreement(NamedTuple):
    """A span that only one side has, or that they label differently; absent sides are empty."""

    report: str
    kind: str  # mention, trigger
    first: str
    second: str


@dataclass(frozen=True)
class Agreement:
    """`f1` for each task of the scorer, one side taken as gold (F1 is the same either way).

    `kappa` (Cohen, 1960) and `alpha` (Krippendorff, nominal) compare the labels of words, for
    mentions and for triggers; nan where no word has a label.
    """

    reports: int
    f1: dict[str, float]
    kappa: dict[str, float]
    alpha: dict[str, float]
    disagreements: tuple[Disagreement, ...]


def agreement(first: Sequence[Report], second: Sequence[Report]) -> Agreement:
    """Compare the reports of the same ids and texts. Raises MarsadError as the scorer does, and
    where the second side lacks a report."""
    scores = score(first, second)
    by_id = {report.id: report for report in second}
    if missing := [report.id for report in first if report.id not in by_id]:
        raise MarsadError(f"the second side lacks the report {missing[0]!r} of the first.")
    pairs = [(report, by_id[report.id]) for report in first]
    words = {kind: [pair for a, b in pairs for pair in _word_labels(a, b, kind)] for kind in _KINDS}
    return Agreement(
        len(pairs),
        {task: scores.f1(task) for task in TASKS},
        {kind: cohen_kappa(found) for kind, found in words.items()},
        {kind: krippendorff_alpha(found) for kind, found in words.items()},
        tuple(odd for a, b in pairs for kind in _KINDS for odd in _disagreements(a, b, kind)),
    )


_KINDS = ("mention", "trigger")


def _spans(report: Report, kind: str) -> tuple[Mention | Event, ...]:
    return report.mentions if kind == _KINDS[0] else report.events


def _word_labels(first: Report, second: Report, kind: str) -> Iterator[tuple[str, str]]:
    """The two labels of each word."""
    words = split_words(first.text)
    sides = []
    for report in (first, second):
        labels = [_OUTSIDE] * len(words)
        for span in _spans(report, kind):
            if (place := words.span(span.start, span.end)) is not None:
                labels[place[0] : place[1]] = [span.type] * (place[1] - place[0])
        sides.append(labels)
    return zip(*sides, strict=True)


def cohen_kappa(pairs: Sequence[tuple[str, str]]) -> float:
    """Agreement beyond chance, where each side has its own habits."""
    if not pairs:
        return float("nan")
    left, right = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    seen = sum(a == b for a, b in pairs) / len(pairs)
    chance = sum(left[label] * right[label] for label in left) / len(pairs) ** 2
    return (seen - chance) / (1 - chance) if chance < 1 else float("nan")


def krippendorff_alpha(pairs: Sequence[tuple[str, str]]) -> float:
    """Agreement beyond chance, where both sides draw from one pool; for two and nominal labels."""
    pool = Counter(label for pair in pairs for label in pair)
    total = pool.total()
    chance = sum(n * (total - n) for n in pool.values())
    apart = 2 * sum(a != b for a, b in pairs)
    return 1 - (total - 1) * apart / chance if chance else float("nan")


def _disagreements(first: Report, second: Report, kind: str) -> Iterator[Disagreement]:
    def told(report: Report, span: Mention | Event) -> str:
        status = f" {span.status}" if isinstance(span, Event) else ""
        return f"«{report.surface(span)}» {span.type}{status}"

    rest = list(_spans(second, kind))
    for span in _spans(first, kind):
        over = [other for other in rest if overlap(other, span)]
        rest = [other for other in rest if other not in over]
        found = ", ".join(told(second, other) for other in over)
        if (said := told(first, span)) != found:
            yield Disagreement(first.id, kind, said, found)
    for other in rest:
        yield Disagreement(first.id, kind, "", told(second, other))
