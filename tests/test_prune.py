"""Layers that add a constant are cut, and nothing that the network says changes."""

from pathlib import Path
from typing import Any

import pytest

from marsad.errors import MarsadError
from marsad.extractor import windows
from marsad.schema import Report
from marsad.text import split_words

torch = pytest.importorskip("torch", reason="needs the train extra")
from marsad_training.prune import prune, shorten  # noqa: E402
from marsad_training.runs import open_run  # noqa: E402


def _said(network: Any, inputs: Any) -> list[Any]:
    with torch.inference_mode():
        return [
            score
            for arrays in inputs
            for score in network(**{name: torch.from_numpy(a) for name, a in arrays.items()})
        ]


def test_a_layer_that_says_the_same_of_every_word_is_cut(
    tiny_run: Path, reports: list[Report]
) -> None:
    run = open_run(tiny_run)
    network: Any = run.network
    encoder = network.words.encoder
    count = encoder.config.num_hidden_layers
    inputs = [x for r in reports for _, x in windows(run.reader, split_words(r.text))]
    assert prune(network, inputs) == 0
    before = _said(network, inputs)
    with torch.no_grad():
        encoder.encoder.layer[-1].output.LayerNorm.weight.zero_()  # its bias is left
    dead = _said(network, inputs)
    assert not all(torch.allclose(a, b, atol=1e-3) for a, b in zip(before, dead, strict=True))
    assert prune(network, inputs) == 1
    assert encoder.config.num_hidden_layers == len(encoder.encoder.layer) == count - 1
    for one, other in zip(dead, _said(network, inputs), strict=True):
        assert torch.allclose(one, other, atol=1e-3)
    assert prune(network, inputs) == 0


def test_an_encoder_without_known_layers_stays_whole(tiny_run: Path) -> None:
    network: Any = open_run(tiny_run).network
    network.words.encoder = torch.nn.Identity()
    assert prune(network, []) == 0
    with pytest.raises(MarsadError, match=r"layers = 1, but the encoder has 0"):
        shorten(network, [], 1)


def test_a_shortened_network_reads_what_is_left_and_the_mean_of_the_rest(
    tiny_run: Path, reports: list[Report]
) -> None:
    run = open_run(tiny_run)
    network: Any = run.network
    words = network.words
    inputs = [x for r in reports for _, x in windows(run.reader, split_words(r.text))]
    before, mix = _mixed(network, inputs), words.mix.softmax(0)
    last = torch.cat([_hidden(network, x)[-1] for x in inputs])
    with pytest.raises(MarsadError, match=r"layers = 9, but the encoder has"):
        shorten(network, inputs, 9)
    shorten(network, inputs, words.encoder.config.num_hidden_layers - 1)
    expected = (before + mix[-1] * (last.mean(0) - last)) / (1 - mix[-1])
    assert torch.allclose(_mixed(network, inputs), expected, atol=1e-5)


def _hidden(network: Any, arrays: Any) -> list[Any]:
    found = {name: torch.from_numpy(a) for name, a in arrays.items()}
    at = found.pop("word_starts")[0]
    with torch.no_grad():
        hidden = network.words.encoder(**found, output_hidden_states=True).hidden_states
    return [state[0, at] for state in hidden]


def _mixed(network: Any, inputs: Any) -> Any:
    weights = network.words.mix.softmax(0)
    return torch.cat(
        [
            network.words.rest
            + sum(w * h for w, h in zip(weights, _hidden(network, x), strict=True))
            for x in inputs
        ]
    ).detach()
