"""Where training starts: a finished run or a served artifact, its heads grown for new labels.

An artifact holds its weights once, as int8 products of the served graph; `open_artifact` brings
them back into the network. Each product is known by the bias that the graph adds to it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from marsad.artifact import load, read_config
from marsad.decode import RoleTables
from marsad.errors import at
from marsad.roles import FEATURES
from marsad.schema import Labels
from marsad.windows import Reader
from marsad_training.config import FitConfig
from marsad_training.crf import answers
from marsad_training.encode import Features, collate
from marsad_training.network import (
    IGNORE,
    INPUTS,
    JointNetwork,
    WordEncoder,
    empty_encoder,
    fill,
)
from marsad_training.quantise import SMOOTH
from marsad_training.runs import Run, build_network, open_run
from marsad_training.tags import tag_names

_Array = NDArray[Any]
_PRODUCTS = ("MatMul", "MatMulInteger")
_LAST = 3  # the place of a head's last layer in its Sequential
_AT_ONCE = 16  # windows
_SHRINK = 1e-4  # of squared weights: a few dozen examples stand against thousands of dimensions


def open_start(folder: Path) -> Run:
    """A run folder or an artifact folder, opened. Raises MarsadError where it is neither."""
    if (folder / "run.json").exists():
        return open_run(folder)
    if (folder / "model.onnx").exists():
        return open_artifact(folder)
    raise at(folder, None, "is no finished run of: marsad-train fit, and no artifact.")


def kind(labels: Labels, reader: Reader) -> tuple[dict[str, list[str]], str]:
    """What networks have in common that are averaged or teach each other: what they choose among,
    and the pieces that they cut words into."""
    return answers(labels), reader.tokenizer.to_str()


def open_artifact(folder: Path) -> Run:
    """The network of an artifact, its weights as near as int8 keeps them."""
    config = read_config(folder)
    if "network" not in config:
        raise at(folder / "config.json", None, "is of an artifact that keeps no encoder to train.")
    reader = load(folder).reader  # it checks the sums
    facts, labels = config["network"], Labels.from_dict(config["labels"])
    encoder = empty_encoder(facts["encoder"])
    fit = replace(FitConfig(base="", epochs=0, batch=1), role_width=facts["role_width"])
    words = WordEncoder(encoder, fit.dropout, fit.word_dropout, reader.unknown_id)
    network = build_network(words, labels, fit)
    state = {name: torch.from_numpy(array) for name, array in weights(folder / "model.onnx")}
    state |= {f"words.{name}": torch.tensor(facts[name]) for name in ("mix", "rest")}
    tables = RoleTables.from_dict(config["roles"])
    state["pair_bias"] = torch.from_numpy(np.array(tables.pairs, np.float32))
    for place, table in enumerate(tables.features):
        state[f"feature_bias.{place}"] = torch.from_numpy(np.array(table, np.float32))
    fill(network, state, folder)
    return Run(network.eval(), reader, labels, fit, config["special_tokens"])


def weights(path: Path) -> Iterator[tuple[str, _Array]]:
    """Name and fp32 array of each parameter of a served graph, in torch's layout."""
    graph = onnx.load(path).graph
    kept = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    made_by = {out: node for node in graph.node for out in node.output}
    for name, array in kept.items():
        if name.endswith((".weight", ".bias")):
            yield name, np.array(array)
        elif name.endswith(".weight.int8"):
            scale = kept[name.removesuffix("int8") + "scale"]
            yield name.removesuffix(".int8"), array.astype(np.float32) * scale
    for node in graph.node:
        biases = [name for name in node.input if name.endswith(".bias") and name in kept]
        if node.op_type == "Add" and biases:
            other = next(name for name in node.input if name not in biases)
            product = _product(other, made_by)
            if product is not None:
                yield biases[0].removesuffix("bias") + "weight", _dense(product, kept)


def _product(name: str, made_by: Mapping[str, onnx.NodeProto]) -> onnx.NodeProto | None:
    """The product whose scaled result is called so; None where it is something else."""
    node = made_by.get(name)
    while node is not None and node.op_type not in _PRODUCTS:
        if node.op_type not in ("Mul", "Cast"):
            return None
        node = made_by.get(node.input[0])
    return node


def _dense(node: onnx.NodeProto, kept: Mapping[str, _Array]) -> _Array:
    """The weight of a product, (out, in)."""
    name = node.input[1]
    if node.op_type == "MatMul":
        return np.ascontiguousarray(kept[name].T)
    stem = name.removesuffix("_quantized")
    whole = kept[name].astype(np.float32) - kept[f"{stem}_zero_point"]
    whole *= kept[f"{stem}_scale"]
    if stem + SMOOTH in kept:
        whole *= kept[stem + SMOOTH][:, None]
    return np.ascontiguousarray(whole.T)


def start_from(network: JointNetwork, labels: Labels, source: Run) -> None:
    """Give a new network the weights of an old one; what is of new labels stays as it was drawn."""
    old, new = source.network.state_dict(), network.state_dict()
    for name, axes in _label_axes(source.labels, labels, source.config.role_width):
        grown = new[name].clone()
        was, now = zip(*(_places(*names) for names in axes), strict=True)
        grown[_index(now)] = old[name][_index(was)]
        old[name] = grown
    old.pop("legal", None)
    fill(network, old, Path("start"))


def warm_up(
    network: JointNetwork, old: Labels, new: Labels, items: Sequence[Features], pad_id: int
) -> None:
    """Fit the rows of new tags and statuses to the network as it is; nothing else changes.

    A tag whose row is drawn at random stands against old ones that are sure, and a short run
    teaches it little. Its row alone, over features that are read once, is a small convex problem.
    """
    fresh = {
        head: sorted(set(range(len(names[1]))) - set(_places(*names)[1]))
        for head, names in _rows(old, new).items()
    }
    fresh = {head: rows for head, rows in fresh.items() if rows}
    if not fresh or not items:
        return
    read: dict[str, list[tuple[Tensor, Tensor]]] = {head: [] for head in fresh}
    network.eval()
    with torch.no_grad():
        for n in range(0, len(items), _AT_ONCE):
            batch = collate(items[n : n + _AT_ONCE], pad_id)
            device = network.pair_bias.device
            words = network.words(*(batch[name].to(device) for name in INPUTS))
            for head, found in read.items():
                gold = batch[head].to(device)
                layers = getattr(network, head)[:_LAST]
                found.append((layers(words[gold != IGNORE]), gold[gold != IGNORE]))
    for head, found in read.items():
        features, gold = (torch.cat(parts) for parts in zip(*found, strict=True))
        _fit_rows(getattr(network, head)[_LAST], fresh[head], features, gold)
    network.train()


def _fit_rows(layer: nn.Linear, rows: list[int], features: Tensor, gold: Tensor) -> None:
    """Cross-entropy over (N, H) features and N tags, of some rows of a layer alone, by L-BFGS."""
    with torch.no_grad():
        scores = layer(features)
    weight = layer.weight[rows].detach().clone().requires_grad_()
    bias = layer.bias[rows].detach().clone().requires_grad_()
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=100, line_search_fn="strong_wolfe")
    index = torch.tensor(rows, device=scores.device)

    def loss() -> Tensor:
        optimiser.zero_grad()
        fitted = scores.index_copy(1, index, features @ weight.T + bias)
        total = functional.cross_entropy(fitted, gold) + _SHRINK * weight.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        layer.weight[rows], layer.bias[rows] = weight, bias


_Axis = tuple[Sequence[str], Sequence[str]]  # names before and after


def _label_axes(old: Labels, new: Labels, width: int) -> Iterator[tuple[str, list[_Axis]]]:
    """For each parameter with a row for each label: the names along its leading axes."""
    roles = [list(labels.roles) for labels in (old, new)]
    projections = [[f"{role}/{k}" for role in names for k in range(width)] for names in roles]
    rows = _rows(old, new) | {"trigger_roles": projections, "mention_roles": projections}
    for head, (before, after) in rows.items():
        for kind in ("weight", "bias"):
            yield f"{head}.{_LAST}.{kind}", [(before, after)]
    yield (
        "pair_bias",
        [
            (old.events, new.events),
            (list(old.mentions), list(new.mentions)),
            (roles[0], roles[1]),
        ],
    )
    for place in range(len(FEATURES)):
        every = [str(n) for n in range(list(FEATURES.values())[place])]
        yield f"feature_bias.{place}", [(every, every), (roles[0], roles[1])]


def _rows(old: Labels, new: Labels) -> dict[str, list[Sequence[str]]]:
    """For each head of tags or statuses: the names of its rows, before and after."""
    return {
        "mention_tags": [tag_names(labels.mentions) for labels in (old, new)],
        "trigger_tags": [tag_names(labels.events) for labels in (old, new)],
        "statuses": [labels.statuses for labels in (old, new)],
    }


def _index(axes: Sequence[list[int]]) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(places) for places in np.ix_(*axes))


def _places(before: Sequence[str], after: Sequence[str]) -> tuple[list[int], list[int]]:
    """Where the common names stand before, and after."""
    common = [name for name in before if name in after]
    return [before.index(name) for name in common], [after.index(name) for name in common]
