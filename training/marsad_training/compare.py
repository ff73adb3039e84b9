"""Is the new model better than the old one? Both read the same reports; figures with intervals.

A difference counts where the 95 % interval of a paired bootstrap over reports leaves zero out
(Berg-Kirkpatrick et al. 2012).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from marsad.errors import MarsadError
from marsad.extractor import Extractor
from marsad.schema import Report
from marsad.score import Scores, score
from marsad_training.runs import read_again
from marsad_training.templates import rendered

TASKS = ("mentions", "mentions (overlap)", "triggers", "arguments", "status", "values")
TYPED = ("mentions", "triggers", "arguments", "status")
_DRAWS, _SEED = 1000, 0
_FEWEST = 5  # reports from which a bootstrap says anything


class Difference(NamedTuple):
    """F1 of a task or of one of its labels, before and after, with the paired interval.

    `gold` is how many items stand in gold. `verdict` is better, worse, or empty where the
    interval holds zero.
    """

    task: str
    label: str
    gold: int
    before: float
    after: float
    low: float
    high: float

    @property
    def change(self) -> float:
        """After less before."""
        return self.after - self.before

    @property
    def verdict(self) -> str:
        """better, worse, or empty."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else ""


@dataclass(frozen=True)
class Comparison:
    """The differences on one set of reports."""

    name: str
    reports: int
    whole: tuple[Difference, ...]
    typed: tuple[Difference, ...]


def compare(
    old: Extractor, new: Extractor, sets: Mapping[str, Sequence[Report]]
) -> list[Comparison]:
    """Both models on each set. Labels that only one of them knows count as missed by the other."""
    found = []
    for name, gold in sets.items():
        before, after = score(gold, read_again(old, gold)), score(gold, read_again(new, gold))
        whole = tuple(_difference(before, after, task, None) for task in TASKS)
        typed = tuple(
            _difference(before, after, task, label)
            for task in TYPED
            for label in sorted({*before.labels(task), *after.labels(task)})
        )
        found.append(Comparison(name, len(gold), whole, typed))
    return found


def _difference(before: Scores, after: Scores, task: str, label: str | None) -> Difference:
    rows = np.stack([scores.rows(task, label) for scores in (before, after)])
    picks = np.random.default_rng(_SEED).integers(0, rows.shape[1], (_DRAWS, rows.shape[1]))
    gold, predicted, correct = np.moveaxis(rows[:, picks].sum(2), -1, 0)
    f1 = 2 * correct / np.maximum(gold + predicted, 1)
    low, high = np.quantile(f1[1] - f1[0], (0.025, 0.975))
    if rows.shape[1] < _FEWEST:
        low, high = -1.0, 1.0
    count = after.count(task, label)
    return Difference(
        task, label or "", count.gold, before.f1(task, label), count.f1, float(low), float(high)
    )


def verdict(comparisons: Sequence[Comparison]) -> str:
    """One line: what became better and what worse, of whole tasks first."""
    told = []
    for found in comparisons:
        for word in ("better", "worse"):
            whole = [d for d in found.whole if d.verdict == word]
            typed = sum(d.verdict == word for d in found.typed)
            if whole or typed:
                names = ", ".join(f"{d.task} {100 * d.change:+.1f}" for d in whole) or "no task"
                told.append(f"{word} on {found.name}: {names}; {typed} labels")
    return ". ".join(told) + "." if told else "No difference that these reports can show."


def render(comparisons: Sequence[Comparison], names: tuple[str, str], kind: str) -> str:
    """The report as `md` or `html`. Raises MarsadError for another kind."""
    if kind not in ("md", "html"):
        raise MarsadError(f"a report is written as .md or .html, not as .{kind}.")
    return rendered(
        f"comparison.{kind}.jinja",
        comparisons=comparisons, old=names[0], new=names[1], verdict=verdict(comparisons),
    )  # fmt: skip
