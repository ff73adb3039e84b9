"""What the role scorer sees of a (trigger, mention) pair besides their vectors: four integers.

The same features are computed here for training and for serving. All are arrays (E, M) of
indices into learned tables.
"""

import numpy as np
from numpy.typing import NDArray

Spans = NDArray[np.int64]  # (N, 2) first word and one past the last

# feature -> number of its values
FEATURES = {"distance": 17, "triggers_between": 8, "mentions_between": 4, "breaks_between": 4}
_LOG_EDGES = np.array([1, 2, 3, 5, 8, 13, 21, 40])


def pair_features(
    triggers: Spans, mentions: Spans, mention_types: NDArray[np.int64], breaks: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """Features of every pair, each (E, M), in the order of `FEATURES`.

    distance: 0 where the spans share a word, else a signed bucket of the words between them;
    triggers_between: how many other triggers start between (0-3), the side of the mention apart;
    mentions_between: how many mentions of the same type stand between (0-3);
    breaks_between: sentence ends and line breaks between (0-3).
    """
    starts, heads = triggers[:, None, 0], mentions[None, :, 0]
    before = heads < starts  # the mention comes first
    gap = np.where(before, starts - mentions[None, :, 1], heads - triggers[:, None, 1]) + 1
    bucket = np.searchsorted(_LOG_EDGES, np.maximum(gap, 0), side="right")
    distance = np.where(before, bucket, bucket + 8 * (bucket > 0))
    low, high = np.minimum(starts, heads), np.maximum(starts, heads)
    crossed = np.minimum(_between(triggers[:, 0], low, high), 3)
    rivals = np.zeros_like(low)
    for kind in np.unique(mention_types):
        of_kind = mention_types == kind
        count = _between(mentions[of_kind, 0], low, high)
        rivals[:, of_kind] = count[:, of_kind]
    passed = np.abs(breaks[starts] - breaks[heads])
    return [distance, crossed + 4 * before, np.minimum(rivals, 3), np.minimum(passed, 3)]


def _between(starts: NDArray[np.int64], low: Spans, high: Spans) -> NDArray[np.int64]:
    """How many of the sorted starts lie strictly between low and high."""
    ordered = np.sort(starts)
    inside = np.searchsorted(ordered, high, side="left") - np.searchsorted(ordered, low, "right")
    count: NDArray[np.int64] = np.maximum(inside, 0)
    return count
