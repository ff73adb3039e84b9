"""What is measured on gold and read reports: the scorer's tasks, the SemEval-2013 four, status,
calibration, false alarms; and the bootstrap that says how sure a figure is.

The SemEval-2013 four (task 9.1, Segura-Bedmar et al. 2013) sort each pair of a gold and a read
span by whether boundaries and type agree. Each span is in one pair at most, the best first: same
boundaries and type, same boundaries, overlapping of one type, overlapping. A pair counts for the
gold type, a spurious span for the type read.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marsad.schema import Report
from marsad.score import TASKS, Count, Scores, score, snapper, typed_spans
from marsad.text import split_words
from marsad_training.calibration import KINDS, reliability
from marsad_training.corpus import fingerprint

DRAWS = 1000
# the share of the triggers found that the commonest gold status would get right, said of them all
MAJORITY = "status (majority)"
FIGURES = tuple(
    column for task in TASKS for column in ((task, MAJORITY) if task == "status" else (task,))
)
_Typed = tuple[str, tuple[int, int]]


class Match(IntEnum):
    """How a gold and a read span agree, best first."""

    EXACT = 0  # boundaries and type
    SPAN = 1  # boundaries
    TYPE = 2  # type, and a word in common
    OVERLAP = 3  # a word in common


# scheme -> what it calls a pair of each kind of match
SCHEMES: Mapping[str, tuple[str, str, str, str]] = {
    "strict": ("correct", "incorrect", "incorrect", "incorrect"),
    "exact": ("correct", "correct", "incorrect", "incorrect"),
    "partial": ("correct", "correct", "partial", "partial"),
    "type": ("correct", "incorrect", "correct", "incorrect"),
}


def measures(
    gold: Sequence[Report], read: Sequence[Report], seed: int = 0, whole: bool = True
) -> dict[str, Any]:
    """The SLICE of the package docstring; `whole` adds the counts of each report."""
    scores = score(gold, read)
    pairs = list(zip(gold, read, strict=True))
    found = size(gold) | {
        "tasks": task_figures(with_majority(scores), FIGURES, seed),
        "semeval": {kind: semeval(pairs, kind) for kind in ("mentions", "triggers")},
        "status_confusion": status_confusion(pairs),
        "calibration": {kind: curve for kind in KINDS if (curve := reliability(pairs, kind))},
    }
    return found | ({"per_report": per_report(gold, scores)} if whole else {})


def with_majority(scores: Scores) -> Scores:
    """The counts, and those of a baseline that gives every trigger found the commonest status."""
    rare = scores.labels("status (rare)")
    return Scores(
        tuple(
            tally
            | {
                (MAJORITY, label): Count(count.gold, count.gold, 0 if label in rare else count.gold)
                for (task, label), count in tally.items()
                if task == "status"
            }
            for tally in scores.tallies
        )
    )


def size(gold: Sequence[Report]) -> dict[str, Any]:
    """How much was read, and the hash by which two results know that they read the same."""
    words = sum(len(split_words(report.text)) for report in gold)
    return {"reports": len(gold), "words": words, "gold": fingerprint(gold)}


def task_figures(scores: Scores, tasks: Iterable[str], seed: int = 0) -> dict[str, Any]:
    """The figures of each task that occurs."""
    occurring = (task for task in tasks if any(scores.count(task)[:2]))
    return {task: scores.figures(task, DRAWS, seed) for task in occurring}


def per_report(gold: Sequence[Report], scores: Scores) -> dict[str, dict[str, list[int]]]:
    """For each report and task: gold, predicted, correct."""
    found: dict[str, dict[str, list[int]]] = {}
    for report, tally in zip(gold, scores.tallies, strict=True):
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for (task, _), count in tally.items():
            sums[task] = [a + b for a, b in zip(sums[task], count, strict=True)]
        found[report.id] = dict(sums)
    return found


def semeval(pairs: Sequence[tuple[Report, Report]], kind: str) -> dict[str, Any]:
    """The SemEval-2013 four of mentions or triggers, on whole words."""
    kinds: dict[str, Counter[Match | str]] = defaultdict(Counter)
    for gold, read in pairs:
        snap = snapper(gold.text)
        wanted, got = (list(typed_spans(_spans(report, kind), snap)) for report in (gold, read))
        for type, match in matches(wanted, got):
            kinds[type][match] += 1
    total = sum(kinds.values(), Counter[Match | str]())
    return {
        scheme: _outcomes(total, scheme)
        | {"labels": {type: _outcomes(kinds[type], scheme) for type in sorted(kinds)}}
        for scheme in SCHEMES
    }


def matches(gold: Sequence[_Typed], read: Sequence[_Typed]) -> list[tuple[str, Match | str]]:
    """(type, kind of match, or missed, or spurious), one for each pair and each span left over."""
    candidates = []
    for g, (gold_type, left) in enumerate(gold):
        for r, (read_type, right) in enumerate(read):
            shared = min(left[1], right[1]) - max(left[0], right[0])
            if left == right:
                match = Match.EXACT if gold_type == read_type else Match.SPAN
            elif shared > 0:
                match = Match.TYPE if gold_type == read_type else Match.OVERLAP
            else:
                continue
            candidates.append((match, -shared, g, r))
    free_gold, free_read = set(range(len(gold))), set(range(len(read)))
    found: list[tuple[str, Match | str]] = []
    for match, _, g, r in sorted(candidates):
        if g in free_gold and r in free_read:
            free_gold.remove(g)
            free_read.remove(r)
            found.append((gold[g][0], match))
    found += [(gold[g][0], "missed") for g in sorted(free_gold)]
    return found + [(read[r][0], "spurious") for r in sorted(free_read)]


def _outcomes(kinds: Counter[Match | str], scheme: str) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    for kind, number in kinds.items():
        counts[kind if isinstance(kind, str) else SCHEMES[scheme][kind]] += number
    paired = counts["correct"] + counts["incorrect"] + counts["partial"]
    value = counts["correct"] + 0.5 * counts["partial"]
    actual, possible = paired + counts["spurious"], paired + counts["missed"]
    return {
        name: counts[name] for name in ("correct", "incorrect", "partial", "missed", "spurious")
    } | {
        "precision": round(value / max(actual, 1), 4),
        "recall": round(value / max(possible, 1), 4),
        "f1": round(2 * value / max(actual + possible, 1), 4),
    }


def status_confusion(pairs: Sequence[tuple[Report, Report]]) -> dict[str, dict[str, int]]:
    """Gold status -> status read, over the triggers found (same words and type)."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for gold, read in pairs:
        snap = snapper(gold.text)
        wanted, got = typed_spans(gold.events, snap), typed_spans(read.events, snap)
        for key in wanted.keys() & got.keys():
            table[wanted[key].status][got[key].status] += 1
    return {status: dict(sorted(row.items())) for status, row in sorted(table.items())}


def rate(rows: Sequence[tuple[int, int]], seed: int = 0) -> dict[str, Any]:
    """Alarms for each 1,000 words of reports given as (alarms, words), with its interval."""
    table = np.array(rows, np.int64).reshape(-1, 2)
    low, high = np.quantile(statistic(resampled(table, seed)), (0.025, 0.975))
    alarms, words = table.sum(0).tolist()
    return {
        "alarms": alarms, "words": words,
        "per_1000_words": round(1000 * alarms / max(words, 1), 3),
        "interval": [round(float(low), 3), round(float(high), 3)],
    }  # fmt: skip


def difference(left: NDArray[np.int64], right: NDArray[np.int64], seed: int = 0) -> dict[str, Any]:
    """The statistic of two systems (N reports, 3 or 2 columns) and whether they differ.

    Paired bootstrap over reports: one draw takes the same reports for both. `p` is twice the
    smaller share of draws on either side of no difference (percentile bootstrap, Efron and
    Tibshirani 1993, ch. 13).
    """
    columns = left.shape[1]
    sums = resampled(np.hstack([left, right]), seed)
    drawn = statistic(sums[:, columns:]) - statistic(sums[:, :columns])
    a, b = (float(statistic(side.sum(0, keepdims=True))[0]) for side in (left, right))
    low, high = np.quantile(drawn, (0.025, 0.975))
    tail = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return {
        "a": round(a, 4), "b": round(b, 4), "difference": round(b - a, 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
        "p": round(min(1.0, 2 * (tail + 1) / (len(drawn) + 1)), 4),
    }  # fmt: skip


def statistic(sums: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 of (gold, predicted, correct) or alarms for each 1,000 words of (alarms, words)."""
    if sums.shape[1] == 3:
        both: NDArray[np.float64] = 2 * sums[:, 2] / np.maximum(sums[:, 0] + sums[:, 1], 1)
        return both
    alarms: NDArray[np.float64] = 1000 * sums[:, 0] / np.maximum(sums[:, 1], 1)
    return alarms


def resampled(rows: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Column sums (DRAWS, K) of as many rows (N, K), drawn with replacement."""
    count = len(rows)
    picks = np.random.default_rng(seed).multinomial(count, [1 / count] * count, DRAWS)
    sums: NDArray[np.int64] = picks @ rows
    return sums


def _spans(report: Report, kind: str) -> Sequence[Any]:
    return report.mentions if kind == "mentions" else report.events
