"""A linear-chain CRF over word features, whose marginals are added to the network's tag scores.

The network reads sense, the CRF reads strings: names that it has seen, their edges, gazetteers.
Each is right where the other is not. Inference is here, in numpy; `marsad_training.crf` learns it.

Shapes: W words, T tags, N stored weights, F features.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from marsad.decode import WordScores
from marsad.errors import at
from marsad.text import Words
from marsad.word_features import FEATURES, features

HEADS = {"mentions": "mention_tags", "triggers": "trigger_tags"}
_FLOOR = 1e-4  # of a marginal: the CRF may doubt a tag that it has not seen there, not forbid it
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Chain:
    """The weights of one tagging layer, in the tag order of the network.

    Those of feature f are `weights[starts[f] : starts[f + 1]]`, for the tags in `tags`.
    """

    ids: Mapping[str, int]
    starts: NDArray[np.int64]  # (F + 1)
    tags: NDArray[np.uint8]  # (N)
    weights: NDArray[np.float16]  # (N)
    transitions: Floats  # (T, T), from row to column

    def marginals(self, rows: Sequence[Sequence[str]]) -> Floats:
        """(W, T) The probability of each tag of each word, given its features and the chain."""
        seen = [
            (n, self.ids[name]) for n, row in enumerate(rows) for name in row if name in self.ids
        ]
        word, feature = np.array(seen, np.int64).reshape(-1, 2).T
        first = self.starts[feature]
        count = self.starts[feature + 1] - first
        place = np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
        scores = np.zeros((len(rows), len(self.transitions)))
        np.add.at(scores, (np.repeat(word, count), self.tags[place]), self.weights[place])
        return _marginals(scores, self.transitions.astype(np.float64))


def mixed(logits: Floats, marginals: Floats, weight: float) -> Floats:
    """Both (W, T): the logits with the weighted logarithms of the marginals added."""
    added: Floats = logits + np.float32(weight) * np.log(marginals + np.float32(_FLOOR))
    return added


def _marginals(scores: NDArray[np.float64], transitions: NDArray[np.float64]) -> Floats:
    """Forward and backward through (W, T) scores, each word scaled to sum to one."""
    local = np.exp(scores - scores.max(-1, keepdims=True))
    step = np.exp(transitions - transitions.max())
    ahead, behind = local.copy(), np.ones_like(local)
    for n in range(len(local)):
        if n:
            ahead[n] *= ahead[n - 1] @ step
        ahead[n] /= ahead[n].sum()
    for n in range(len(local) - 2, -1, -1):
        behind[n] = step @ (local[n + 1] * behind[n + 1])
        behind[n] /= behind[n].sum()
    both = ahead * behind
    shares: NDArray[np.float64] = both / both.sum(-1, keepdims=True)
    return shares.astype(np.float32)


@dataclass(frozen=True)
class Crf:
    """A chain for mentions, one for triggers, and how much the marginals of each count."""

    chains: Mapping[str, Chain]
    weight: Mapping[str, float]

    def marginals(self, words: Words) -> dict[str, Floats]:
        """Layer -> (W, T)."""
        rows = features(words)
        return {name: chain.marginals(rows) for name, chain in self.chains.items()}

    def added(self, words: Words, scores: WordScores) -> WordScores:
        """The network's scores with weighted logarithms of the marginals added to its tags."""
        if not len(words) or not any(self.weight.values()):
            return scores
        found = self.marginals(words)
        return scores._replace(
            **{
                head: mixed(getattr(scores, head), found[name], self.weight[name])
                for name, head in HEADS.items()
            }
        )

    def to_bytes(self) -> bytes:
        """A compressed .npz of plain arrays."""
        arrays: dict[str, Any] = {"features": FEATURES}
        for name, chain in self.chains.items():
            lines = "\n".join(chain.ids).encode()
            arrays |= {
                f"{name}.names": np.frombuffer(lines, np.uint8), f"{name}.starts": chain.starts,
                f"{name}.tags": chain.tags, f"{name}.weights": chain.weights,
                f"{name}.transitions": chain.transitions,
            }  # fmt: skip
        out = BytesIO()
        np.savez_compressed(out, **arrays)
        return out.getvalue()

    @classmethod
    def read(cls, path: Path, weight: Mapping[str, float]) -> "Crf":
        """Read what `to_bytes` made; MarsadError where it is damaged or of other features."""
        try:
            with np.load(path, allow_pickle=False) as found:
                version = int(found["features"])
                chains = {name: _chain(found, name) for name in HEADS}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
            raise at(path, None, "is damaged: not a CRF of marsad.") from error
        if version != FEATURES:
            raise at(path, None, f"knows word features {version}; this package has {FEATURES}.")
        return cls(chains, weight)


def _chain(found: Mapping[str, NDArray[Any]], name: str) -> Chain:
    names = found[f"{name}.names"].tobytes().decode().split("\n")
    return Chain(
        {text: n for n, text in enumerate(names)},
        *(found[f"{name}.{part}"] for part in ("starts", "tags", "weights", "transitions")),
    )
