"""Windows over long reports: every word is owned once, no window is too long, no end is missed."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from marsad.windows import MOST_SUBWORDS, Reader, Window, plan

START, END, PAD, UNKNOWN = 100, 101, 102, 0
sizes_and_limit = st.tuples(
    st.lists(st.one_of(st.integers(1, 3), st.integers(1, 30)), max_size=80), st.integers(1, 40)
)


@given(sizes_and_limit)
def test_every_word_is_owned_once_in_order(case: tuple[list[int], int]) -> None:
    windows = plan(*case)
    owned = [word for w in windows for word in range(w.first, w.last)]
    assert owned == list(range(len(case[0])))
    assert all(w.start <= w.first < w.last <= w.end for w in windows)


@given(sizes_and_limit)
def test_no_window_exceeds_the_limit_unless_one_word_does(case: tuple[list[int], int]) -> None:
    sizes, limit = case
    for window in plan(sizes, limit):
        assert sum(sizes[window.start : window.end]) <= limit or window.end == window.start + 1


@given(sizes_and_limit)
def test_windows_are_as_long_as_can_be_and_each_gets_further(case: tuple[list[int], int]) -> None:
    sizes, limit = case
    windows = plan(sizes, limit)
    for window in windows:
        assert window.end == len(sizes) or sum(sizes[window.start : window.end + 1]) > limit
    for left, right in pairwise(windows):
        assert left.start < right.start <= left.end < right.end


@given(sizes_and_limit)
def test_neighbours_overlap_where_they_can(case: tuple[list[int], int]) -> None:
    sizes, limit = case
    windows = plan(sizes, limit)
    for left, right in pairwise(windows):
        shared = sum(sizes[right.start : left.end])
        assert shared <= limit // 4
        word_before = sizes[right.start - 1]
        assert (
            right.start == left.start + 1  # a window moves on by a word at least
            or shared + word_before > limit // 4
            or shared + word_before + sizes[left.end] > limit
        )


def test_no_words_no_windows() -> None:
    assert plan([], 10) == []


@pytest.mark.parametrize("limit", [1, 5, 10])
def test_a_short_text_is_one_window(limit: int) -> None:
    assert plan([1] * limit, limit) == [Window(0, limit, 0, limit)]


def test_neighbours_share_a_quarter_and_part_it() -> None:
    assert plan([1] * 14, 8) == [Window(0, 8, 0, 7), Window(6, 14, 7, 14)]


def test_a_word_near_the_limit_does_not_leave_words_behind() -> None:
    windows = plan([1] * 10 + [15], 16)
    assert windows[-1].last == 11
    assert all(w.first < w.last <= w.end for w in windows)


@pytest.fixture(scope="module")
def reader() -> Reader:
    pieces = {"[UNK]": UNKNOWN, "قصف": 1, "جوي": 2, ".": 3, "-": 4}
    tokenizer = Tokenizer(models.WordLevel(pieces, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # splits at punctuation too
    return Reader(tokenizer, START, END, PAD, UNKNOWN, limit=8)


@pytest.mark.parametrize(
    ("forms", "ids"),
    [
        ([], []),
        (["قصف", "جوي"], [[1], [2]]),
        (["قصف-جوي", "قصف"], [[1, 4, 2], [1]]),
        (["مجهول"], [[UNKNOWN]]),
        (["قصف", " ", "جوي"], [[1], [UNKNOWN], [2]]),
        (["قصف-" * 50, "جوي"], [[1, 4] * (MOST_SUBWORDS // 2), [2]]),
    ],
)
def test_subwords_of_each_word(reader: Reader, forms: list[str], ids: list[list[int]]) -> None:
    assert reader.subwords(forms) == ids


def test_subwords_of_a_unigram_tokenizer_stay_with_their_word() -> None:
    scored = [("[UNK]", 0.0), ("▁", -3.0), ("▁قصف", -1.0), ("وا", -2.0), ("▁جوي", -1.0)]
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    reader = Reader(tokenizer, START, END, PAD, UNKNOWN, limit=8)
    assert reader.subwords(["قصفوا", "جوي", "وا"]) == [[2, 3], [4], [1, 3]]


def test_inputs_of_a_window(reader: Reader) -> None:
    ids = [[1], [1, 4, 2], [2], [3]]
    assert reader.inputs(ids, Window(0, 4, 0, 4)) == {
        "input_ids": [START, 1, 1, 4, 2, 2, 3, END],
        "word_starts": [1, 2, 5, 6],
    }
    assert reader.inputs(ids, Window(1, 3, 2, 3)) == {
        "input_ids": [START, 1, 4, 2, 2, END],
        "word_starts": [1, 4],
    }


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30))
def test_word_starts_point_at_the_first_subword(sizes: list[int]) -> None:
    ids = [[10 * n + k for k in range(size)] for n, size in enumerate(sizes)]
    reader = Reader(Tokenizer(models.WordLevel({})), START, END, PAD, UNKNOWN, limit=8)
    for window in plan(sizes, 8):
        inputs = reader.inputs(ids, window)
        at = [inputs["input_ids"][place] for place in inputs["word_starts"]]
        assert at == [10 * n for n in range(window.start, window.end)]
