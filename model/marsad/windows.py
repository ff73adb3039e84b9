"""A long report is read in overlapping windows; each word is scored once, where it has context.

Nothing is ever cut: every word is owned by exactly one window, that in which it stands farthest
from a cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from tokenizers import Tokenizer

# A word of more subwords is read by its first ones; only the first is scored anyway.
MOST_SUBWORDS = 16


@dataclass(frozen=True, slots=True)
class Window:
    """Words `start` to `end` (exclusive) are read; `first` to `last` of them are owned."""

    start: int
    end: int
    first: int
    last: int


@dataclass(frozen=True)
class Reader:
    """A tokenizer with its special ids and the window limit in subwords."""

    tokenizer: Tokenizer
    start_id: int
    end_id: int
    pad_id: int
    unknown_id: int
    limit: int

    def subwords(self, forms: Sequence[str]) -> list[list[int]]:
        """The subword ids of each word, without special tokens; never an empty list."""
        encoding = self.tokenizer.encode(
            list(forms), is_pretokenized=True, add_special_tokens=False
        )
        ids: list[list[int]] = [[] for _ in forms]
        for id, word in zip(encoding.ids, encoding.word_ids, strict=True):
            if word is not None and len(ids[word]) < MOST_SUBWORDS:
                ids[word].append(id)
        # a tokenizer may strip a whole word (a control character, say)
        return [pieces or [self.unknown_id] for pieces in ids]

    def inputs(self, ids: Sequence[Sequence[int]], window: Window) -> dict[str, list[int]]:
        """`input_ids` (S) with special tokens and `word_starts` (W) of a window."""
        flat, starts = [self.start_id], []
        for pieces in ids[window.start : window.end]:
            starts.append(len(flat))
            flat += pieces
        return {"input_ids": [*flat, self.end_id], "word_starts": starts}


def plan(sizes: Sequence[int], limit: int) -> list[Window]:
    """Windows over words of the given sizes in subwords, each of at most `limit` subwords.

    Neighbours share about a quarter of the limit; half of that goes to either owner.
    """
    ends = [0, *accumulate(sizes)]
    count, windows, start, first = len(sizes), [], 0, 0
    while start < count:
        end = start + 1
        while end < count and ends[end + 1] - ends[start] <= limit:
            end += 1
        if end == count:
            windows.append(Window(start, end, first, end))
            break
        following = end
        while (
            following - 1 > start
            and ends[end] - ends[following - 1] <= limit // 4
            and ends[end + 1] - ends[following - 1] <= limit  # the next window gets further
        ):
            following -= 1
        last = (following + end) // 2
        windows.append(Window(start, end, first, last))
        start, first = following, last
    return windows
