"""Spans: Viterbi against every legal path, candidates against loops, the best choice of them."""

from itertools import combinations, pairwise, product
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marsad.crf import softmax
from marsad.spans import (
    Span,
    apart,
    bio_spans,
    candidate_prior,
    candidates,
    closed,
    log_odds,
    paired,
    viterbi,
    weighed,
)


def legal(path: tuple[int, ...]) -> bool:
    """I-x (even, not 0) follows B-x or I-x only."""
    return all(
        tag % 2 == 1 or tag == 0 or before in (tag - 1, tag)
        for before, tag in zip((0, *path), path, strict=False)
    )


@settings(max_examples=40)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 5),
    st.sampled_from([1, 3, 5]),
    st.sampled_from([0, 9]),
)
def test_viterbi_finds_the_best_of_all_legal_paths(
    seed: int, count: int, size: int, inside: int
) -> None:
    logits = np.random.default_rng(seed).normal(0, 3, (count, size)).astype(np.float32)
    logits[:, 2::2] += inside  # tempts it into illegal paths
    words = np.arange(count)
    path = tuple(viterbi(logits).tolist())
    assert legal(path)
    best = max(logits[words, p].sum() for p in product(range(size), repeat=count) if legal(p))
    assert logits[words, path].sum() == pytest.approx(best, rel=1e-5, abs=1e-4)


def test_viterbi_does_not_begin_inside() -> None:
    assert viterbi(np.array([[0, 0, 9], [0, 0, 9]], np.float32)).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ([0, 0, 0], []),
        ([1], [(0, 1, 0)]),
        ([1, 2, 2], [(0, 3, 0)]),
        ([1, 1, 2], [(0, 1, 0), (1, 3, 0)]),
        ([1, 2, 3, 4], [(0, 2, 0), (2, 4, 1)]),
        ([0, 3, 0, 1], [(1, 2, 1), (3, 4, 0)]),
        ([3, 4, 0, 0, 3], [(0, 2, 1), (4, 5, 1)]),
    ],
)
def test_spans_of_a_path(path: list[int], expected: list[tuple[int, int, int]]) -> None:
    chances = np.full((len(path), 5), 0.5, np.float32)
    spans = bio_spans(np.array(path), chances)
    assert [span[:3] for span in spans] == expected
    assert [s.score for s in spans] == [round(0.5 ** (s.last - s.first), 4) for s in spans]


@pytest.mark.parametrize("seed", range(5))
def test_candidates_against_a_loop(seed: int) -> None:
    chances = softmax(np.random.default_rng(seed).normal(0, 2, (6, 5)).astype(np.float32))
    spans, features = candidates(chances)
    wanted = {}
    for label, first in product(range(2), range(6)):
        for last in range(first + 1, 7):
            start, inside = chances[first, 1 + 2 * label], chances[first + 1 : last, 2 + 2 * label]
            end = 1 - (chances[last, 2 + 2 * label] if last < 6 else 0.0)
            if (score := start * inside.prod() * end) >= 0.05:
                edges = [log_odds(x) for x in (start, min(inside, default=1.0), end)]
                both = [edges[i] * edges[j] / 30 for i in range(3) for j in range(i, 3)]
                wanted[first, last, label] = score, [1.0, log_odds(score), *edges, *both]
    assert {span[:3] for span in spans} == set(wanted)
    for span, row in zip(spans, features, strict=True):
        score, values = wanted[span[:3]]
        assert span.score == pytest.approx(score, rel=1e-5)
        assert row.tolist() == pytest.approx(values, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("chances", [np.zeros((0, 5)), np.eye(5)[[0, 0]]])
def test_where_nothing_is_told_there_are_no_candidates(chances: np.ndarray) -> None:
    spans, features = candidates(chances.astype(np.float32))
    assert spans == []
    assert features.shape == (0, len(candidate_prior()))


def test_without_weights_candidates_are_as_likely_as_their_tags() -> None:
    chances = softmax(np.random.default_rng(1).normal(0, 2, (8, 5)).astype(np.float32))
    spans, features = candidates(chances)
    assert [span.score for span in weighed(spans, features, candidate_prior())] == pytest.approx(
        [span.score for span in spans], rel=1e-4
    )


_spans = st.builds(
    lambda first, length, label, score: Span(first, first + length, label, score),
    st.integers(0, 7), st.integers(1, 3), st.integers(0, 1), st.floats(0.01, 0.99),
)  # fmt: skip


@given(st.lists(_spans, max_size=7), st.floats(0.1, 0.9))
def test_the_likeliest_choice_of_all(spans: list[Span], least: float) -> None:
    def worth(choice: tuple[Span, ...] | list[Span]) -> float:
        return sum(log_odds(span.score) - log_odds(least) for span in choice)

    def legal_choice(choice: tuple[Span, ...] | list[Span]) -> bool:
        return all(a.last <= b.first for a, b in pairwise(sorted(choice)))

    found = apart(spans, least)
    assert found == sorted(found)
    assert legal_choice(found)
    assert all(span.score > least for span in found)
    choices = (c for n in range(len(spans) + 1) for c in combinations(spans, n))
    assert worth(found) == pytest.approx(max(worth(c) for c in choices if legal_choice(c)))


def test_two_likely_spans_beat_one_over_both() -> None:
    one, *two = Span(0, 2, 0, 0.7), Span(0, 1, 0, 0.6), Span(1, 2, 1, 0.65)
    assert log(0.6 / 0.4) + log(0.65 / 0.35) > log(0.7 / 0.3)
    assert apart([one, *two], 0.5) == two
    assert apart([one, *two], 0.62) == [one]


def test_of_equal_choices_the_first_stands() -> None:
    assert apart([Span(1, 3, 0, 0.9), Span(0, 2, 0, 0.9)], 0.5) == [Span(0, 2, 0, 0.9)]


def test_the_least_sure_word_of_a_span_is_told_wherever_it_stands() -> None:
    sure, unsure, end = [0.05, 0.0, 0.95], [0.3, 0.0, 0.7], [1.0, 0.0, 0.0]
    begin = [0.05, 0.95, 0.0]
    least = [
        candidates(np.array([begin, *inside, end]))[1][-1, 3]
        for inside in ([unsure, sure], [sure, unsure])
    ]
    assert least == pytest.approx([log_odds(0.7)] * 2, rel=1e-4)


def test_a_sign_that_begins_the_next_span_is_not_taken_from_it() -> None:
    spans = [Span(0, 3, 0, 0.5), Span(3, 6, 0, 0.5)]
    assert list(closed(spans, ["حزب", '"', "النهضة", '"', "سرت", '"'])) == spans


@pytest.mark.parametrize(
    ("text", "read", "kept"),
    [
        ("حزب « النهضة » قال", (0, 3), (0, 4)),  # closed right after
        ('تنظيم " داعش " قال', (0, 3), (0, 4)),
        ("في « سرت » أمس", (1, 3), (2, 3)),  # quotes around a whole name stay outside
        ("حزب « النهضة الذي", (0, 3), (0, 3)),  # never closed
        ("( 29 مارس ) قال", (1, 4), (1, 3)),
        ("شركة ( نقل", (0, 2), (0, 1)),
        ("رتل ( 12 آلية ) مر", (0, 5), (0, 5)),
        ("قال ) ثم", (1, 2), None),
        ("قال - ثم", (1, 2), None),
        ("قطعوا طريق درنة - أمس", (1, 4), (1, 3)),  # no dash or comma at an edge
        ("– السبت ،", (0, 3), (1, 2)),
    ],
)
def test_quotes_and_brackets_come_in_pairs(
    text: str, read: tuple[int, int], kept: tuple[int, int] | None
) -> None:
    spans = list(closed([Span(*read, 3, 0.5)], text.split()))
    assert [span[:2] for span in spans] == ([kept] if kept else [])
    assert all(span[2:] == (3, 0.5) for span in spans)


@pytest.mark.parametrize(
    ("text", "read", "kept"),
    [
        ("وقع ليل الأحد – الاثنين", [(1, 3), (4, 5)], [(1, 5)]),
        ("وقع ليل الأحد الاثنين", [(1, 3), (3, 4)], [(1, 4)]),
        ("منتصف ليلة السبت إلى الأحد", [(0, 3), (4, 5)], [(0, 5)]),
        ("وقع مساء الأحد – الاثنين", [(1, 3), (4, 5)], [(1, 3), (4, 5)]),  # two days
        ("وقع ليل الأحد وفجر الاثنين", [(1, 3), (3, 5)], [(1, 3), (3, 5)]),
        ("على طريق درنة - طبرق", [(1, 3), (4, 5)], [(1, 5)]),
        ("على طريق درنة وطبرق", [(1, 3), (3, 4)], [(1, 3), (3, 4)]),
        ("في درنة - طبرق", [(1, 2), (3, 4)], [(1, 2), (3, 4)]),
    ],
)
def test_a_night_of_two_days_and_a_road_between_two_towns_are_one(
    text: str, read: list[tuple[int, int]], kept: list[tuple[int, int]]
) -> None:
    found = paired([Span(*places, 3, 0.5 + 0.1 * n) for n, places in enumerate(read)], text.split())
    assert [span[:2] for span in found] == kept
    assert found[0].score == 0.5
    apart = [Span(*places, n, 0.5) for n, places in enumerate(read)]
    assert paired(apart, text.split()) == apart  # of two types


@given(st.lists(st.sampled_from(["(", ")", '"', "«", "»", "قصف"]), min_size=1), st.data())
def test_spans_stay_apart_when_they_are_closed(forms: list[str], data: st.DataObject) -> None:
    cuts = sorted(set(data.draw(st.lists(st.integers(0, len(forms)), max_size=8))))
    spans = [Span(a, b, 0, 0.5) for a, b in pairwise(cuts)]
    found = list(closed(spans, forms))
    assert all(0 <= span.first < span.last <= len(forms) for span in found)
    assert all(left.last <= right.first for left, right in pairwise(found))
    assert {span for span in spans if "قصف" in forms[span.first : span.last]} == {
        next(o for o in spans if o.first <= span.first < o.last)
        for span in found
        if "قصف" in forms[span.first : span.last]
    }
