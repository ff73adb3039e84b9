"""How far scores can be believed: what was read, by its score, against the share that is right."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from marsad.schema import Report
from marsad.score import links_of, snapper, typed_spans

KINDS = ("mentions", "triggers", "arguments")
Pairs = Sequence[tuple[Report, Report]]  # gold, read
_BINS = 10


def judged(pairs: Pairs, kind: str) -> list[tuple[float, bool]]:
    """The score of each thing of one of `KINDS` that was read, and whether the scorer finds it
    right; what was read without a score is left out."""
    return [
        (score, right)
        for gold, read in pairs
        for score, right in _judged(gold, read, kind)
        if score is not None
    ]


def _judged(gold: Report, read: Report, kind: str) -> list[tuple[float | None, bool]]:
    snap = snapper(gold.text)
    if kind == "arguments":
        wanted = links_of(gold, snap)
        at = {span.id: snap(span) for span in read.spans}
        return [
            (link.score, (event.type, at[event.id], link.role, at[link.id]) in wanted)
            for event in read.events
            for link in event.arguments
        ]
    if kind == "mentions":
        mentions = typed_spans(gold.mentions, snap)
        return [(m.score, key in mentions) for key, m in typed_spans(read.mentions, snap).items()]
    events = typed_spans(gold.events, snap)
    return [(e.score, key in events) for key, e in typed_spans(read.events, snap).items()]


def reliability(pairs: Pairs, kind: str) -> dict[str, Any] | None:
    """Mean score and share right in ten bins of equal width, and `ece`, the gap between the two,
    weighted (Guo et al. 2017). None where nothing that was read has a score."""
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for score, right in judged(pairs, kind):
        bins[min(int(score * _BINS), _BINS - 1)].append((score, right))
    if not bins:
        return None
    sums = {
        place: (sum(score for score, _ in found), sum(right for _, right in found), len(found))
        for place, found in sorted(bins.items())
    }
    count = sum(n for *_, n in sums.values())
    rows = [
        {
            "low": place / _BINS, "high": (place + 1) / _BINS, "n": n,
            "score": round(scores / n, 4), "right": round(right / n, 4),
        }
        for place, (scores, right, n) in sums.items()
    ]  # fmt: skip
    gap = sum(abs(scores - right) for scores, right, _ in sums.values())
    return {"ece": round(gap / count, 4), "n": count, "bins": rows}
