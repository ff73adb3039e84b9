"""A CRF over strings, whose marginals are added to what the network says.

The network reads sense, the CRF reads strings: names that it has seen, their edges, gazetteers,
cue words. Each is right where the other is not. Inference is here, in numpy;
`marsad_training.crf` learns it.

Mentions and triggers are linear chains over the words of a report. A status and an event type are
each one over a single trigger, a role over a single pair, and whether a report tells any event at
all over the report: chains without transitions, so each is a classifier.

Shapes: W words (or triggers, pairs, reports), T tags (or statuses, event types, roles after
`NO_ROLE`, `REPORTS`), N stored weights, F features.
"""

import itertools
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from marsad.errors import at

FEATURES = 2  # raise it where features change: a CRF that learnt others is then refused
LAYERS = ("mentions", "triggers", "statuses", "roles", "reports", "types")
NO_ROLE = "-"
REPORTS = ("quiet", "eventful")
_RESCALED = 8  # words between two rescalings: weights are far too small to underflow in so many
_FLOOR = 1e-4  # of a marginal: the CRF may doubt a tag that it has not seen there, not forbid it
Floats = NDArray[np.float32]
_F = TypeVar("_F", bound=np.floating)


@dataclass(frozen=True)
class Chain:
    """The weights of one layer, in the tag order of the network.

    Those of feature f are `weights[starts[f] : starts[f + 1]]`, for the tags in `tags`. Features
    are found by their hashes, an eighth of what a dictionary of 290,000 strings would hold.
    """

    names: bytes  # of the features, a line each, UTF-8
    starts: NDArray[np.int64]  # (F + 1)
    tags: NDArray[np.uint8]  # (N)
    weights: NDArray[np.float16]  # (N)
    transitions: Floats  # (T, T), from row to column
    hashes: NDArray[np.int64] = field(init=False, repr=False)  # (F), in ascending order
    features: NDArray[np.int64] = field(init=False, repr=False)  # (F) that have these hashes

    def __post_init__(self) -> None:
        hashes = _hashes(self.names.decode().split("\n"))
        order = hashes.argsort()
        object.__setattr__(self, "hashes", hashes[order])
        object.__setattr__(self, "features", order)

    def marginals(self, rows: Sequence[Sequence[str]]) -> Floats:
        """(W, T) The probability of each tag of each word, given its features and the chain."""
        shape = len(rows), len(self.transitions)
        hashes = _hashes(itertools.chain.from_iterable(rows))
        place = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        known = self.hashes[place] == hashes
        word = np.repeat(np.arange(len(rows)), np.fromiter(map(len, rows), np.int64))[known]
        feature = self.features[place[known]]
        first = self.starts[feature]
        count = self.starts[feature + 1] - first
        place = np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
        cell = np.repeat(word, count) * shape[1] + self.tags[place]
        sums = np.bincount(cell, self.weights[place], shape[0] * shape[1])
        scores: NDArray[np.float64] = sums.reshape(shape).astype(np.float64, copy=False)
        if not self.transitions.any():  # each row for itself
            return softmax(scores).astype(np.float32)
        return _marginals(scores, self.transitions.astype(np.float64))


def _hashes(names: Iterable[str]) -> NDArray[np.int64]:
    """Of 64 bits each, the same throughout a process. That a name which no feature has shares its
    hash with one of 125,000 is a chance of 1 in 10^14."""
    return np.fromiter(map(hash, names), np.int64)


def softmax(logits: NDArray[_F]) -> NDArray[_F]:
    """Over the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    chances: NDArray[_F] = powers / powers.sum(-1, keepdims=True)
    return chances


def mixed(logits: Floats, marginals: Floats, weight: float) -> Floats:
    """Both (W, T): the logits with the weighted logarithms of the marginals added."""
    added: Floats = logits + np.float32(weight) * np.log(marginals + np.float32(_FLOOR))
    return added


def log_ratios(marginals: Floats) -> Floats:
    """(W, T) The logarithms of p / (1 - p), for tags that are decided one by one."""
    ratios: Floats = np.log(marginals + np.float32(_FLOOR)) - np.log1p(_FLOOR - marginals)
    return ratios


def _marginals(scores: NDArray[np.float64], transitions: NDArray[np.float64]) -> Floats:
    """Forward and backward through (W, T) scores."""
    local = np.exp(scores - scores.max(-1, keepdims=True))
    step = np.exp(transitions - transitions.max())
    both = local * _messages(local, step) * _messages(local[::-1], step.T)[::-1]
    shares: NDArray[np.float64] = both / both.sum(-1, keepdims=True)
    return shares.astype(np.float32)


def _messages(local: NDArray[np.float64], step: NDArray[np.float64]) -> NDArray[np.float64]:
    """(W, T) What all words before say of each tag of each word, each row to a scale of its own."""
    message = np.ones(local.shape[1])
    found = [message]
    for n, word in enumerate(local[:-1]):
        message = (message * word) @ step
        if n % _RESCALED == 0:
            message = message / message.sum()
        found.append(message)
    return np.stack(found)


@dataclass(frozen=True)
class Crf:
    """A chain for each of `LAYERS`, and how much its marginals count beside the network."""

    chains: Mapping[str, Chain]
    weight: Mapping[str, float]

    def to_bytes(self) -> bytes:
        """A compressed .npz of plain arrays."""
        arrays: dict[str, Any] = {"features": FEATURES}
        for name, chain in self.chains.items():
            arrays |= {
                f"{name}.names": np.frombuffer(chain.names, np.uint8),
                f"{name}.starts": chain.starts,
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
                there = [name for name in LAYERS if weight[name] or f"{name}.names" in found]
                chains = {name: _chain(found, name) for name in there}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
            raise at(path, None, "is damaged: not a CRF of marsad.") from error
        if version != FEATURES:
            raise at(path, None, f"knows word features {version}; this package has {FEATURES}.")
        return cls(chains, weight)


def _chain(found: Mapping[str, NDArray[Any]], name: str) -> Chain:
    return Chain(
        found[f"{name}.names"].tobytes(),
        *(found[f"{name}.{part}"] for part in ("starts", "tags", "weights", "transitions")),
    )
