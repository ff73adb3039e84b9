"""The pair features of the role scorer, against a loop that reads as their description does."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marsad.roles import FEATURES, pair_features

Spans = list[tuple[int, int]]
COUNT = 70  # words of the made-up text


@st.composite
def flat_spans(draw: st.DrawFn) -> Spans:
    edges = sorted(draw(st.sets(st.integers(0, COUNT), min_size=2, max_size=16)))
    pairs = list(pairwise(edges))
    kept = draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs)))
    return [p for p, keep in zip(pairs, kept, strict=True) if keep] or pairs[:1]


def features(triggers: Spans, mentions: Spans, types: list[int], breaks: list[int]) -> np.ndarray:
    found = pair_features(np.array(triggers), np.array(mentions), np.array(types), np.array(breaks))
    assert len(found) == len(FEATURES)
    return np.stack(found, -1)


def bucket(words_between: int) -> int:
    for n, edge in enumerate((1, 2, 3, 5, 8, 13, 21, 40)):
        if words_between + 1 < edge:
            return n
    return 8


def slow(triggers: Spans, mentions: Spans, types: list[int], breaks: list[int]) -> np.ndarray:
    found = np.zeros((len(triggers), len(mentions), 4), int)
    for e, (start, end) in enumerate(triggers):
        for m, (head, tail) in enumerate(mentions):
            low, high = min(start, head), max(start, head)
            if tail <= start:
                distance = bucket(start - tail)
            elif end <= head:
                distance = 8 + bucket(head - end)
            else:
                distance = 0
            crossed = sum(low < other < high for other, _ in triggers)
            rivals = sum(
                low < other < high and types[n] == types[m] for n, (other, _) in enumerate(mentions)
            )
            passed = sum(a != b for a, b in zip(breaks[low:high], breaks[low + 1 :], strict=False))
            found[e, m] = (
                distance, min(crossed, 3) + (4 if head < start else 0), min(rivals, 3),
                min(passed, 3),
            )  # fmt: skip
    return found


@given(flat_spans(), flat_spans(), st.data())
def test_features_agree_with_a_loop(triggers: Spans, mentions: Spans, data: st.DataObject) -> None:
    size = len(mentions)
    types = data.draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    steps = data.draw(st.lists(st.integers(0, 1), min_size=COUNT, max_size=COUNT))
    breaks = np.cumsum(steps).tolist()
    found = features(triggers, mentions, types, breaks)
    assert found.tolist() == slow(triggers, mentions, types, breaks).tolist()
    for n, values in enumerate(FEATURES.values()):
        assert 0 <= found[..., n].min() <= found[..., n].max() < values


@pytest.mark.parametrize(
    ("trigger", "mention", "distance"),
    [
        ((5, 6), (5, 6), 0),
        ((5, 8), (6, 7), 0),
        ((5, 6), (4, 7), 0),
        ((5, 6), (4, 5), 1),
        ((5, 6), (6, 7), 9),
        ((5, 6), (7, 8), 10),
        ((5, 6), (3, 4), 2),
        ((0, 1), (60, 61), 16),
        ((60, 61), (0, 1), 8),
    ],
)
def test_distance_buckets(
    trigger: tuple[int, int], mention: tuple[int, int], distance: int
) -> None:
    assert features([trigger], [mention], [0], [0] * COUNT)[0, 0, 0] == distance


def test_what_stands_between_is_counted_up_to_three() -> None:
    spans = [(n, n + 1) for n in range(0, 12, 2)]
    found = features(spans, spans, [0] * 6, list(range(COUNT)))
    assert found[0, :, 1].tolist() == [0, 0, 1, 2, 3, 3]
    assert found[5, :, 1].tolist() == [7, 7, 6, 5, 4, 0]
    assert found[0, :, 2].tolist() == [0, 0, 1, 2, 3, 3]
    assert found[0, :, 3].tolist() == [0, 2, 3, 3, 3, 3]
    assert features(spans, spans, list(range(6)), [0] * COUNT)[..., 2].max() == 0
