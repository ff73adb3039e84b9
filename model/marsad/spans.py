"""Tag scores -> spans: the best path of tags, and single spans that are judged for themselves.

Tags are ordered O, B-1, I-1, B-2, I-2, ... Shapes: W words, T tags, N candidates.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from math import log
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_F = TypeVar("_F", bound=np.floating)

_LIKELY = 0.05  # chance of its tags from which a span is a candidate, and of its first one
_CERTAIN = 1e-4  # probabilities are kept so far from 0 and 1
_UNIT = 30.0  # of products of log odds: few dev reports move their weights little
# what opens a quotation or a bracket -> what closes it
_CLOSERS = {"(": ")", "[": "]", "{": "}", "«": "»", "“": "”", "‘": "’", '"': '"', "'": "'"}
_CLOSING = frozenset(_CLOSERS.values())
_JOINTS = frozenset("-–—/|\ufffd")  # between two names of one thing; U+FFFD is a tatweel alone
_LOOSE = _JOINTS | frozenset("،,:؛;•*…")  # stand at no edge of a span
# of two names that make one: a night has two days, a road two ends
_NIGHTS, _TO = frozenset(["ليل", "ليلة"]), frozenset(["إلى", "الى"])
_ROADS = frozenset(["طريق", "الطريق", "أوتوستراد", "اوتوستراد"])
_DAYS = "الاثنين الإثنين الثلاثاء الأربعاء الاربعاء الخميس الجمعة السبت الأحد الاحد"
_WEEKDAYS = frozenset(_DAYS.split())


class Span(NamedTuple):
    """Words `first` to `last` (exclusive) as one label, by index, with a probability."""

    first: int
    last: int
    label: int
    score: float


def viterbi(logits: Floats) -> NDArray[np.int64]:
    """The best legal BIO path (W) through tag scores (W, T): I-x follows only B-x or I-x.

    The work is linear in T, since a tag other than I-x may follow any tag.
    """
    first = logits[0].copy()
    first[2::2] = -np.inf
    rows = [first]
    for word in logits[1:]:
        last = rows[-1]
        row = last.max() + word
        row[2::2] = np.maximum(last[1::2], last[2::2]) + word[2::2]
        rows.append(row)
    best = np.stack(rows)
    any_tag = best.argmax(1).tolist()
    stays = (best[:, 2::2] >= best[:, 1::2]).tolist()
    path = [any_tag[-1]]
    for word in range(len(best) - 2, -1, -1):
        tag = path[-1]
        if tag == 0 or tag % 2:
            path.append(any_tag[word])
        else:
            path.append(tag if stays[word][tag // 2 - 1] else tag - 1)
    return np.array(path[::-1], np.int64)


def parted(logits: Floats, places: Sequence[int]) -> Floats:
    """The tag scores (W, T), but what would go on into a word at one of the places begins there."""
    found = logits.copy()
    found[places, 1::2] = np.logaddexp(logits[places, 1::2], logits[places, 2::2])
    found[places, 2::2] = -np.inf
    return found


def bio_spans(path: NDArray[np.int64], chances: Floats) -> list[Span]:
    """Spans of a legal BIO path; their score is the product of the chances of their tags."""
    at_path = chances[np.arange(len(path)), path]
    firsts = np.flatnonzero(path % 2 == 1)
    spans = []
    for first in firsts.tolist():
        last = first + 1
        while last < len(path) and path[last] == path[first] + 1:
            last += 1
        spans.append(Span(first, last, int(path[first]) // 2, float(at_path[first:last].prod())))
    return spans


def candidates(chances: Floats) -> tuple[list[Span], Floats]:
    """The spans that tags of these chances (W, T) may mean, and what tells which are right.

    They may overlap; the score of one is the chance that it starts where it does, goes on and ends.
    Features (N, 11): one; the log odds of the score; `crossed` those of the start, of the least
    sure word after it (a span of one word has none) and of the end.
    """
    spans, parts = [], []
    starts = chances[:, 1::2].tolist()
    goes_on = [*chances[:, 2::2].tolist(), [0.0] * (chances.shape[1] // 2)]
    for first, label in np.argwhere(chances[:, 1::2] >= _LIKELY).tolist():
        last, least, whole = first + 1, 1.0, starts[first][label]
        while whole >= _LIKELY:
            on = goes_on[last][label]
            if whole * (1 - on) >= _LIKELY:
                spans.append(Span(first, last, label, whole * (1 - on)))
                parts.append((spans[-1].score, starts[first][label], least, 1 - on))
            last, least, whole = last + 1, min(least, on), whole * on
    kept = np.clip(np.array(parts).reshape(-1, 4), _CERTAIN, 1 - _CERTAIN)
    odds = np.log(kept) - np.log1p(-kept)
    features = (np.ones((len(spans), 1)), odds[:, :1], crossed(odds[:, 1:]))
    return spans, np.hstack(features).astype(np.float32)


def candidate_prior() -> tuple[float, ...]:
    """Weights of the features of `candidates`: the score, and nothing else."""
    return (0.0, 1.0, *uncrossed(0.0, 0.0, 0.0))


def crossed(odds: NDArray[_F]) -> NDArray[_F]:
    """(..., F) -> (..., F + F (F + 1) / 2) Log odds, then their squares and products."""
    left, right = np.triu_indices(odds.shape[-1])
    both: NDArray[_F] = np.concatenate((odds, odds[..., left] * odds[..., right] / _UNIT), -1)
    return both


def uncrossed(*weights: float) -> tuple[float, ...]:
    """Weights of what `crossed` makes of log odds: of these the given ones, of products none."""
    return (*weights, *[0.0] * (len(weights) * (len(weights) + 1) // 2))


def weighed(spans: Sequence[Span], features: Floats, weights: Sequence[float]) -> list[Span]:
    """The spans (N), each scored with the chance that its features (N, F) and the weights tell."""
    chances = sigmoid(features @ np.array(weights, np.float32)).tolist()
    return [span._replace(score=chance) for span, chance in zip(spans, chances, strict=True)]


def apart(spans: Sequence[Span], least: float) -> list[Span]:
    """Of spans that may overlap those that are likeliest together, in the order of the text.

    Each counts by how far the log odds of its score are above those of `least`; others are left.
    """
    likely = sorted((span for span in spans if span.score > least), key=lambda span: span.last)
    ends, best = [0], [(0.0, 0)]  # of the best choice so far its sum, and how many come before it
    taken: list[Span] = []
    for span in likely:
        before = bisect_right(ends, span.first)
        worth = best[before - 1][0] + log_odds(span.score) - log_odds(least)
        if worth > best[-1][0]:
            ends.append(span.last)
            best.append((worth, before))
            taken.append(span)
    chosen, place = [], len(taken)
    while place:
        chosen.append(taken[place - 1])
        place = best[place][1] - 1
    return chosen[::-1]


def closed(spans: Sequence[Span], forms: Sequence[str]) -> Iterator[Span]:
    """The spans with quotes and brackets in pairs, as annotators leave them.

    At its edges what has no partner inside is left out, as are dashes and commas, and a span of
    nothing else is none; what is opened inside and closed right after the span is taken in.
    """
    taken = {span.first for span in spans}
    for span in spans:
        first, last = span.first, span.last
        lone = _lone(forms, first, last)
        while first < last and (first in lone or forms[first] in _LOOSE):
            first += 1
        while first < last and (last - 1 in lone or forms[last - 1] in _LOOSE):
            last -= 1
        if first == last:
            continue
        wanted = {_CLOSERS.get(forms[place]) for place in lone if first < place < last}
        if last < len(forms) and last not in taken and forms[last] in wanted:
            last += 1
        yield span._replace(first=first, last=last)


def paired(spans: Sequence[Span], forms: Sequence[str]) -> list[Span]:
    """The spans, one for what both name: «ليل الاثنين – الثلاثاء», «طريق بغداد - الموصل»."""
    found: list[Span] = []
    for span in spans:
        if found and _are_one(found[-1], span, forms):
            first, score = found[-1].first, min(found[-1].score, span.score)
            found[-1] = span._replace(first=first, score=score)
        else:
            found.append(span)
    return found


def _are_one(left: Span, right: Span, forms: Sequence[str]) -> bool:
    if left.label != right.label or right.first - left.last > 1:
        return False
    joint = forms[left.last : right.first]
    if forms[left.first] in _ROADS:
        return bool(joint) and joint[0] in _JOINTS
    is_night = forms[left.last - 1] in _WEEKDAYS and not _NIGHTS.isdisjoint(forms[slice(*left[:2])])
    tied = not joint or joint[0] in _JOINTS | _TO
    return is_night and tied and right.last - right.first == 1 and forms[right.first] in _WEEKDAYS


def _lone(forms: Sequence[str], first: int, last: int) -> set[int]:
    """The places of quotes and brackets without a partner between the words."""
    opened: list[int] = []
    lone: set[int] = set()
    for place in range(first, last):
        if opened and forms[place] == _CLOSERS[forms[opened[-1]]]:
            opened.pop()
        elif forms[place] in _CLOSERS:
            opened.append(place)
        elif forms[place] in _CLOSING:
            lone.add(place)
    return lone.union(opened)


def log_odds(chance: float) -> float:
    """Of a probability that is kept from 0 and 1."""
    chance = min(max(chance, _CERTAIN), 1 - _CERTAIN)
    return log(chance / (1 - chance))


def sigmoid(logits: Floats) -> Floats:
    """Element-wise, safe for large values."""
    chances: Floats = 0.5 * (1 + np.tanh(0.5 * logits))
    return chances
