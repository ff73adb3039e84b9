"""fp32 ONNX -> int8, each kind of weight in the way that costs least (figures: base run, dev).

- word embeddings: int8 with a scale for each row;
- the second product of each feed-forward layer, whose inputs have outliers: int8 in blocks for
  weights and inputs (`MatMulNBits`), since one scale for all inputs cost 0.5 F1 of mentions;
- the other products of the encoder: int8 weights by channel, inputs by tensor. Seven bits, since
  eight saturate the 16-bit sums of processors without VNNI;
- the heads stay in fp32: they are small, and every score hangs on them.
All products as blocks would cost nothing in F1 and twice the time.
"""

import logging
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

_PRODUCTS = 6  # query, key, value, attention output, and two of the feed-forward layer
_BLOCK = 128
_EMBEDDING = 100_000  # a gathered table with more numbers than this is worth quantising


def quantise(source: Path, target: Path, layers: int) -> None:
    """Write the int8 form of a network whose encoder has that many layers."""
    model = _embeddings_by_row(onnx.load(source))
    weights = {i.name: i for i in model.graph.initializer}
    products = [
        node
        for node in model.graph.node
        if node.op_type == "MatMul" and any(name in weights for name in node.input)
    ]
    heads = {node.name for node in products[_PRODUCTS * layers :]}
    second = {node.name for node in products[_PRODUCTS - 1 : _PRODUCTS * layers : _PRODUCTS]}
    others = [node.name for node in products if node.name not in second]
    logging.disable(logging.INFO)  # the quantisers tell of every tensor
    blocks = MatMulNBitsQuantizer(
        model, bits=8, block_size=_BLOCK, is_symmetric=True, accuracy_level=4,
        nodes_to_exclude=others,
    )  # fmt: skip
    blocks.process()
    blocks.model.save_model_to_file(str(target), False)
    quantize_dynamic(
        target, target, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul"], nodes_to_exclude=sorted(heads),
    )  # fmt: skip
    logging.disable(logging.NOTSET)


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
