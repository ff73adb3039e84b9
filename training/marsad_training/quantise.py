"""fp32 ONNX -> int8, each kind of weight in the way that costs least (figures: a base run, dev).

- word embeddings: int8 with a scale for each row;
- all products of the encoder: int8 weights by channel, inputs by tensor. Seven bits, since eight
  saturate the 16-bit sums of processors without VNNI;
- before the second product of each feed-forward layer the inputs are divided by their largest
  values, channel by channel, and the weights multiplied (SmoothQuant, Xiao et al. 2023). Some
  channels are 20 to 60 times the median, and one scale for all cost 0.5 F1 of mentions. As blocks
  of inputs with scales of their own they cost the same F1, and the network a third more time;
- the heads stay in fp32: they are small, and every score hangs on them.
"""

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from marsad.extractor import Arrays

_PRODUCTS = 6  # query, key, value, attention output, and two of the feed-forward layer
_EMBEDDING = 100_000  # a gathered table with more numbers than this is worth quantising
SMOOTH = "_smooth"  # ends the name of what a product's inputs are multiplied by
# how much of the range of inputs goes over to the weights; of 0.5, 0.75 and 0.9 the best on dev
_SHIFTED = 0.9


def quantise(source: Path, target: Path, layers: int, inputs: Iterable[Arrays]) -> None:
    """Write the int8 form of a network whose encoder has that many layers.

    `inputs` are windows of texts like those that it will read, by which inputs are scaled.
    """
    model = _embeddings_by_row(onnx.load(source))
    weights = {i.name for i in model.graph.initializer}
    products = [
        node
        for node in model.graph.node
        if node.op_type == "MatMul" and any(name in weights for name in node.input)
    ]
    heads = sorted(node.name for node in products[_PRODUCTS * layers :])
    _smooth(model, products[_PRODUCTS - 1 : _PRODUCTS * layers : _PRODUCTS], inputs)
    logging.disable(logging.WARNING)  # the quantiser tells of each tensor, and of needless steps
    try:
        quantize_dynamic(
            model, target, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul"], nodes_to_exclude=heads,
        )  # fmt: skip
    finally:
        logging.disable(logging.NOTSET)


def _smooth(
    model: onnx.ModelProto, products: list[onnx.NodeProto], inputs: Iterable[Arrays]
) -> None:
    """Even out the channels of the products' inputs; their weights make up for it."""
    graph = model.graph
    largest = _largest(model, [node.input[0] for node in products], inputs)
    weights = {i.name: i for i in graph.initializer}
    for node, most in zip(products, largest, strict=True):
        signal, name = node.input
        weight = numpy_helper.to_array(weights[name])
        factor = np.abs(weight).max(1) ** (1 - _SHIFTED) / np.maximum(most, 1e-3) ** _SHIFTED
        factor = (factor / np.median(factor)).astype(np.float32)
        weights[name].CopyFrom(numpy_helper.from_array(weight / factor[:, None], name))
        graph.initializer.append(numpy_helper.from_array(factor, name + SMOOTH))
        node.input[0] = signal + SMOOTH
        even = helper.make_node("Mul", [signal, name + SMOOTH], [signal + SMOOTH])
        graph.node.insert(list(graph.node).index(node), even)


def _largest(
    model: onnx.ModelProto, names: list[str], inputs: Iterable[Arrays]
) -> list[NDArray[np.float32]]:
    """For each named (..., D) value the largest magnitude of each channel, (D)."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    probe.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = ort.InferenceSession(probe.SerializeToString(), providers=["CPUExecutionProvider"])
    rows = [
        [np.abs(found).reshape(-1, found.shape[-1]).max(0) for found in session.run(names, arrays)]
        for arrays in inputs
    ]
    return [np.max(layer, axis=0) for layer in zip(*rows, strict=True)]


def _embeddings_by_row(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace each large gathered table by int8 rows and a scale for each row."""
    graph = model.graph
    tables = {i.name: i for i in graph.initializer if np.prod(i.dims) > _EMBEDDING}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type != "Gather" or node.input[0] not in tables:
            nodes.append(node)
            continue
        (name, ids), (out,) = node.input, node.output
        rows = numpy_helper.to_array(tables[name])
        scale = np.maximum(np.abs(rows).max(1, keepdims=True) / 127, 1e-12).astype(np.float32)
        graph.initializer.remove(tables[name])
        graph.initializer.extend(
            [
                numpy_helper.from_array(np.round(rows / scale).astype(np.int8), f"{name}.int8"),
                numpy_helper.from_array(scale, f"{name}.scale"),
            ]
        )
        nodes += [
            helper.make_node("Gather", [f"{name}.int8", ids], [f"{out}.int8"], axis=0),
            helper.make_node("Cast", [f"{out}.int8"], [f"{out}.float"], to=TensorProto.FLOAT),
            helper.make_node("Gather", [f"{name}.scale", ids], [f"{out}.scale"], axis=0),
            helper.make_node("Mul", [f"{out}.float", f"{out}.scale"], [out]),
        ]
    del graph.node[:]
    graph.node.extend(nodes)
    return model
