"""The artifact folder: the whole contract between training and serving.

`model.onnx` (the network), `tokenizer.json`, `config.json` (labels, role tables, settings, window
limit, versions, the encoder's name and licence), `crf.npz` (the CRF beside the network),
`metrics.json`, and `SHA256SUMS` of them all, as `sha256sum` writes and checks it.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from marsad.crf import LAYERS, Crf
from marsad.decode import Decoder, RoleTables, Settings, WordScores
from marsad.errors import MarsadError, at
from marsad.extractor import Arrays, Extractor, Network
from marsad.files import loads, read_bytes, write_text
from marsad.schema import Labels
from marsad.text import NORMALISATION
from marsad.windows import Reader

FORMAT = 5
NETWORK, CRF, SUMS = "model.onnx", "crf.npz", "SHA256SUMS"
FILES = ("config.json", NETWORK, CRF, "tokenizer.json", "metrics.json", SUMS)


def load(folder: str | Path | None = None, threads: int | None = None) -> Extractor:
    """Open an artifact folder; without one, the artifact that ships with the package.

    `threads` is the number of processor threads (default: all cores): one report is read by all
    of them, many reports are read so many at a time.
    Raises MarsadError where a file is missing, damaged or of another format, and for no thread.
    """
    if threads is not None and threads < 1:
        raise MarsadError(f"threads should be 1 or more, not {threads}.")
    if folder is None:
        with as_file(files("marsad") / "artifact") as shipped:
            return load(shipped, threads)
    folder = Path(folder)
    config = read_config(folder)
    _check_sums(folder)
    threads = threads or os.cpu_count() or 1
    with ThreadPoolExecutor(1) as pool:  # beside what Python reads: a tenth of the start
        network = pool.submit(_network, folder / NETWORK, threads)
        reader, decoder = _around(folder, config)
        return Extractor(reader, decoder, network.result(), threads)


def _around(folder: Path, config: Mapping[str, Any]) -> tuple[Reader, Decoder]:
    """What reads words for the network, and what decodes its scores."""
    try:
        given = {"types": 0.0, **config["crf_weights"]}  # earlier artifacts lack this layer
        weights = {layer: float(given[layer]) for layer in LAYERS}
        known = (
            Labels.from_dict(config["labels"]),
            RoleTables.from_dict(config["roles"]),
            Settings(**config["settings"]),
        )
        special = config["special_tokens"]
        ids = {f"{name}_id": special[name] for name in ("start", "end", "pad", "unknown")}
        limit = config["limit"]
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(folder / "config.json", error) from error
    reader = Reader(read_tokenizer(folder / "tokenizer.json"), limit=limit, **ids)
    return reader, Decoder(*known, Crf.read(folder / CRF, weights))


def _damaged(path: Path, error: Exception) -> MarsadError:
    return at(path, None, f"is damaged: {str(error).removesuffix('.')}.")


def read_config(folder: Path) -> dict[str, Any]:
    """`config.json`, with all files of the artifact present and of this format."""
    if not folder.is_dir():
        raise at(folder, None, "no such artifact folder.")
    for name in FILES:
        if not (folder / name).is_file():
            raise at(folder, None, f"{name} is missing; an artifact holds {', '.join(FILES)}.")
    path = folder / "config.json"
    try:
        config: dict[str, Any] = loads(read_bytes(path).decode())
    except ValueError as error:
        raise _damaged(path, error) from error
    format = config.get("marsad_artifact") if isinstance(config, dict) else None
    if format is None:
        raise at(path, None, "is of no marsad artifact.")
    if format != FORMAT:
        raise at(
            path, None,
            f"is of format {format}, and this marsad reads {FORMAT}; export the artifact again, or "
            "take another marsad.",
        )  # fmt: skip
    if config.get("normalisation") != NORMALISATION:
        raise at(
            path, None,
            f"was made for normalisation {config.get('normalisation')}; this package has "
            f"{NORMALISATION}, so train or export again.",
        )  # fmt: skip
    return config


def sums(folder: Path) -> dict[str, str]:
    """The sha256 of each file of an artifact, by its name, as `SHA256SUMS` has them."""
    lines = read_bytes(folder / SUMS).decode("utf-8", "replace").split("\n")
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def seal(folder: Path) -> None:
    """Write `SHA256SUMS` of what stands in the folder, the last step of making an artifact."""
    write_text(folder / SUMS, "".join(f"{_sha256(folder / n)}  {n}\n" for n in FILES if n != SUMS))


def _sha256(path: Path) -> str:
    return hashlib.sha256(read_bytes(path)).hexdigest()


def _check_sums(folder: Path) -> None:
    wanted = sums(folder)
    for name in FILES:
        if name != SUMS and wanted.get(name) != _sha256(folder / name):
            raise at(folder / name, None, f"is damaged: its sha256 is not the one in {SUMS}.")


def read_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer of a file; raises MarsadError where it holds none."""
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise at(path, None, "is damaged: not a tokenizer.") from error


# its kernel is not vectorised: the sum and the norm apart take a sixth less of a report's time
_DISABLED = ["SkipLayerNormFusion"]


def _network(path: Path, threads: int) -> Network:
    # its builds since 1.29 report home and keep an id in HOME unless told before the first import
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # a plan of memory for each length seen would be kept, a tenth of what the process holds
    options.enable_mem_pattern = False
    # threads that wait without turning leave the cores to other reports: a quarter more of them
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=_DISABLED
        )
    except Exception as error:  # onnxruntime raises classes of its own that share no base
        raise at(path, None, "is damaged: not a network that onnxruntime can read.") from error
    names = list(WordScores._fields)
    if [output.name for output in session.get_outputs()] != names:
        raise at(path, None, f"should have the outputs {', '.join(names)}.")

    def run(arrays: Arrays) -> Sequence[NDArray[np.float32]]:
        outputs: list[NDArray[np.float32]] = session.run(names, arrays)
        return outputs

    return run
