"""Topmost layers of the encoder are cut: those that say nothing, or as many as a run is to lack.

An encoder that was made for one vector of a whole text (e5) and then trained under a mix of its
layers may end with layers whose output is the same for every word: what they add to the mix is a
constant, which costs nothing, where they cost a twelfth of the time each. `prune` cuts these before
a network is served. `shorten` cuts more, before a run that trains what is left.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from marsad.errors import MarsadError
from marsad.extractor import Arrays, windows
from marsad.text import split_words
from marsad.windows import Reader
from marsad_training.network import JointNetwork

SAMPLE = 50  # texts of the train split, even over it, that tell what a network reads
SAME = 0.01  # of the mix's spread over words: a layer that adds less adds a constant


def sample(reader: Reader, texts: Sequence[str]) -> list[Arrays]:
    """The windows of some of the texts that a network was trained on."""
    some = texts[:: -(-len(texts) // SAMPLE)]
    return [x for text in some for _, x in windows(reader, split_words(text))]


def prune(network: JointNetwork, inputs: Iterable[Arrays]) -> int:
    """Cut the topmost layers that add a constant to the mix, and return how many.

    `inputs` are windows of texts like those that will be read, and what the network says of them
    stays as it is. An encoder whose layers are not found stays whole.
    """
    count = kept = depth(network)
    if count:
        added, mixed = _states(network, inputs)
        spread = [float(state.std(0).mean()) for state in added]
        while kept and spread[kept] < SAME * float(mixed.std(0).mean()):
            kept -= 1
        if kept < count:
            _cut(network, kept, added)
    return count - kept


def shorten(network: JointNetwork, inputs: Iterable[Arrays], kept: int) -> None:
    """Keep so many layers; for what the others added to the mix stands its mean over `inputs`.

    Raises MarsadError where the encoder has fewer, or none that are found.
    """
    count = depth(network)
    if not 0 < kept <= count:
        raise MarsadError(f"layers = {kept}, but the encoder has {count} that can be cut.")
    if kept < count:
        _cut(network, kept, _states(network, inputs)[0])


def depth(network: JointNetwork) -> int:
    """How many layers can be cut: 0 where it is not known where an encoder keeps them."""
    layers = getattr(getattr(network.words.encoder, "encoder", None), "layer", None)
    return len(layers) if isinstance(layers, nn.ModuleList) else 0


def _cut(network: JointNetwork, kept: int, added: Sequence[Tensor]) -> None:
    words = network.words
    encoder: Any = words.encoder
    share = words.mix.softmax(0)[: kept + 1].sum()
    # the norm after the mix undoes its scale, so all may be divided by what is left of it
    rest = words.rest + sum(state.mean(0) for state in added[kept + 1 :])
    words.rest.copy_((rest / share).detach())
    words.mix = nn.Parameter(words.mix.detach()[: kept + 1].clone())
    encoder.encoder.layer = encoder.encoder.layer[:kept]
    encoder.config.num_hidden_layers = kept


@torch.no_grad()
def _states(network: JointNetwork, inputs: Iterable[Arrays]) -> tuple[list[Tensor], Tensor]:
    """What each layer adds to the mix at the first subword of each word (N, H), and the mix."""
    weights = network.words.mix.softmax(0)
    parts: list[list[Tensor]] = [[] for _ in weights]
    for arrays in inputs:
        found = {name: torch.from_numpy(array) for name, array in arrays.items()}
        starts = found.pop("word_starts")[0]
        hidden = network.words.encoder(**found, output_hidden_states=True).hidden_states
        for part, weight, state in zip(parts, weights, hidden, strict=True):
            part.append(weight * state[0, starts])
    added = [torch.cat(part) for part in parts]
    return added, torch.stack(added).sum(0)
