"""`marsad-train export`: a finished run -> the artifact folder that serves.

The network is traced to ONNX, checked against torch and quantised to int8. By what that says of dev
the CRF is weighed, and temperatures and thresholds fitted. Every figure goes to `metrics.json`.
"""

import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import onnx
import torch

from marsad.artifact import CRF, FILES, FORMAT, NETWORK, SUMS, load, seal
from marsad.corpus.splits import theatre
from marsad.crf import Crf
from marsad.decode import Decoder, WordScores
from marsad.errors import MarsadError, at
from marsad.extractor import Arrays, Extractor
from marsad.files import check_free, write_bytes, write_text
from marsad.schema import Report
from marsad.score import score
from marsad.spans import viterbi
from marsad.text import NORMALISATION, split_words
from marsad_training.calibration import KINDS, reliability
from marsad_training.corpus import named, read_reports, read_splits
from marsad_training.crf import inherited, learn, weigh
from marsad_training.network import OUTPUTS
from marsad_training.prune import prune, sample
from marsad_training.quantise import quantise
from marsad_training.runs import (
    SELECTED,
    Run,
    decoder_of,
    extractor_of,
    open_run,
    read_again,
    read_manifest,
    stages,
)
from marsad_training.training_data import read_data
from marsad_training.tune import Dev, decoded, tune

LARGEST = 40 * 2**20  # bytes of the int8 network that ships with the package
LARGEST_RATE = 1.25  # bytes for each weight of a larger one; its heads stay in fp32
# subwords that are read at once: dev reports are read as well as with 380, the limit of training,
# and made ten times as long better (mentions +0.5, triggers +0.9, arguments +0.8) and faster by 8 %
READ = 256
PARITY = 0.995  # least share of dev words whose tags ONNX fp32 and torch agree on


def export(run_folder: Path, target: Path, real: Sequence[Path] = ()) -> dict[str, Any]:
    """Write the artifact of a run to `target`; returns what `metrics.json` says.

    `real` are files of annotated real reports to measure on (never trained on). Raises
    MarsadError where parity or size is not met, or the target holds anything but an artifact.
    """
    check_free(target, _is_artifact(target))
    run = open_run(run_folder)
    run = replace(run, reader=replace(run.reader, limit=min(run.reader.limit, READ)))
    data = read_data(run.config)
    inputs = sample(run.reader, [report.text for report in data.train])
    cut = prune(run.network, inputs)
    dev = data.tuned_on
    crfs = [learn(data.of_crf, run.labels, run_folder / "crf")]
    if earlier := inherited(Path(run.config.init), run.labels):
        crfs.insert(0, earlier)
    with tempfile.TemporaryDirectory() as scratch:
        full, small = Path(scratch) / "fp32", Path(scratch) / "int8"
        size = _write_networks(run, full, small, inputs, crfs[0])
        exact, scores = (load(folder).score_words(dev.words) for folder in (full, small))
        trained = extractor_of(run.network, run.reader, run.labels).score_words(dev.words)
        parity = tag_parity(trained, exact)
        if parity < PARITY:
            raise MarsadError(f"ONNX and torch agree on only {parity:.4f} of the tags of dev.")
        decoder = _tuned(decoder_of(run.network, run.labels), crfs, dev, scores)
        _write_artifact(small, run, decoder)
        seal(small)
        metrics = {
            "parity": {"fp32_tags_equal": round(parity, 5), "dev_reports": len(scores)},
            "layers": {"kept": _layers(run), "cut": cut},
            "size": {"onnx_int8_bytes": size, "crf_bytes": (small / CRF).stat().st_size},
            "crf": {"weight": _weights(decoder), "train_reports": len(data.of_crf)},
            "int8_cost": _cost(decoder, dev.own, exact, scores),
            "training": _training_facts(run_folder),
            "scores": measure(load(small), Path(run.config.corpus), real),
        }
        write_text(small / "metrics.json", _pretty(metrics))
        seal(small)
        _put(small, target)
    return metrics


def _write_networks(run: Run, full: Path, small: Path, inputs: list[Arrays], crf: Crf) -> int:
    """Untuned artifacts of the network in fp32 and in int8; returns the bytes of the latter."""
    _write_artifact(full, run, replace(decoder_of(run.network, run.labels), crf=crf))
    _export_onnx(run, full / NETWORK)
    seal(full)
    shutil.copytree(full, small)
    quantise(full / NETWORK, small / NETWORK, _layers(run), inputs)
    seal(small)
    size = (small / NETWORK).stat().st_size
    most = largest(sum(p.numel() for p in run.network.parameters()))
    if size > most:
        raise MarsadError(f"the int8 network has {size} bytes, more than {most}.")
    return size


def _tuned(alone: Decoder, crfs: Sequence[Crf], dev: Dev, scores: Sequence[WordScores]) -> Decoder:
    """The decoder with a CRF and with settings, by what the network that serves says of dev."""
    decoder = replace(alone, crf=weigh(crfs, alone, dev, scores))
    return replace(decoder, settings=tune(decoder, dev, scores))


def _layers(run: Run) -> int:
    encoder: Any = run.network.words.encoder
    layers: int = encoder.config.num_hidden_layers
    return layers


def _weights(decoder: Decoder) -> dict[str, float]:
    assert decoder.crf
    return dict(decoder.crf.weight)


def _is_artifact(folder: Path) -> bool:
    """Whether a folder holds an artifact and nothing else, which may give way to another."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return {SUMS, "config.json"} <= names <= set(FILES)


def _put(made: Path, target: Path) -> None:
    """Copy a folder to its place; a copy that breaks off leaves what stood there."""
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
        new, old = Path(scratch) / "new", Path(scratch) / "old"
        try:
            shutil.copytree(made, new)
        except shutil.Error as error:
            _, _, reason = error.args[0][0]
            raise at(target, None, f"cannot be written ({reason}).") from error
        if target.exists():
            target.rename(old)
        new.rename(target)


def largest(weights: int) -> int:
    """The bytes that the int8 form of a network of so many weights may have."""
    return max(LARGEST, round(LARGEST_RATE * weights))


def measure(extractor: Extractor, corpus: Path, real: Sequence[Path]) -> dict[str, Any]:
    """Scores on the corpus's dev and test splits and on each file of real reports."""
    splits = read_splits(corpus)
    sets = {"corpus-dev": splits["dev"], "corpus-test": splits["test"]}
    labels = extractor.decoder.labels
    sets |= {name: read_reports(path, labels) for name, path in named(real, sets).items()}
    found: dict[str, Any] = {}
    for name, gold in sets.items():
        read = read_again(extractor, gold)
        pairs = list(zip(gold, read, strict=True))
        found[name] = score(gold, read).to_dict() | {
            "calibration_error": {
                kind: curve["ece"] for kind in KINDS if (curve := reliability(pairs, kind))
            },
            "false_events": false_events(pairs),
            "theatres": theatres(pairs),
        }
    return found


def theatres(pairs: Sequence[tuple[Report, Report]]) -> dict[str, dict[str, float]]:
    """F1 of mentions, triggers and arguments by theatre."""
    parts: dict[str, list[tuple[Report, Report]]] = {}
    for gold, read in pairs:
        parts.setdefault(theatre(gold), []).append((gold, read))
    scores = {name: score(*zip(*part, strict=True)) for name, part in sorted(parts.items())}
    return {
        name: {task: round(found.f1(task), 4) for task in SELECTED}
        for name, found in scores.items()
    }


def false_events(pairs: Sequence[tuple[Report, Report]]) -> dict[str, float]:
    """Events read in the hard negatives: reports of a set in which there is none."""
    quiet = [(gold, read) for gold, read in pairs if not gold.events]
    words = sum(len(split_words(gold.text)) for gold, _ in quiet)
    events = sum(len(read.events) for _, read in quiet)
    return {
        "reports": len(quiet), "words": words, "events": events,
        "per_500_words": round(500 * events / max(words, 1), 2),
    }  # fmt: skip


def tag_parity(left: Iterable[WordScores], right: Iterable[WordScores]) -> float:
    """The share of words for which two scores of the same texts choose the same tags."""
    same = count = 0
    for a, b in zip(left, right, strict=True):
        for head in ("mention_tags", "trigger_tags"):
            x, y = viterbi(getattr(a, head)), viterbi(getattr(b, head))
            same, count = same + int((x == y).sum()), count + len(x)
    return same / max(count, 1)


def _export_onnx(run: Run, target: Path) -> None:
    batch = torch.export.Dim("batch", min=1, max=4096)
    subwords = torch.export.Dim("subwords", min=2, max=run.reader.limit + 2)
    words = torch.export.Dim("words", min=1, max=run.reader.limit)
    example = (
        torch.full((2, 16), 5), torch.ones(2, 16, dtype=torch.long), torch.arange(1, 9).expand(2, 8)
    )  # fmt: skip
    logging.getLogger("onnx_ir").setLevel(logging.WARNING)  # it tells every merged constant
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses torchvision, as it may
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            run.network.eval(), example, str(target),
            input_names=["input_ids", "attention_mask", "word_starts"],
            output_names=list(OUTPUTS),
            dynamic_shapes=({0: batch, 1: subwords}, {0: batch, 1: subwords}, {0: batch, 1: words}),
            external_data=False, verbose=False, dynamo=True,
        )  # fmt: skip
    onnx.checker.check_model(str(target))


def _write_artifact(folder: Path, run: Run, decoder: Decoder) -> None:
    """All but the network."""
    assert decoder.crf
    folder.mkdir(parents=True, exist_ok=True)
    run.reader.tokenizer.save(str(folder / "tokenizer.json"))
    network: Any = run.network
    encoder = network.words.encoder.config
    config = {
        "marsad_artifact": FORMAT, "normalisation": NORMALISATION,
        "encoder": getattr(encoder, "encoder_name", run.config.base),
        "encoder_licence": getattr(encoder, "encoder_licence", "see the card of the encoder"),
        "limit": run.reader.limit, "special_tokens": run.special,
        "labels": run.labels.to_dict(), "settings": asdict(decoder.settings),
        "roles": decoder.tables.to_dict(),
        "crf_weights": _weights(decoder),
        "network": {  # what the graph does not tell, for training on from the artifact
            "encoder": {"model_type": encoder.model_type, **encoder.to_diff_dict()},
            "mix": network.words.mix.tolist(), "rest": network.words.rest.tolist(),
            "role_width": run.config.role_width,
        },
    }  # fmt: skip
    write_bytes(folder / CRF, decoder.crf.to_bytes())
    write_text(folder / "config.json", json.dumps(config, ensure_ascii=False))
    write_text(folder / "metrics.json", "{}")


def _cost(
    decoder: Decoder, dev: Sequence[Report], exact: list[WordScores], scores: list[WordScores]
) -> dict[str, Any]:
    """Dev F1 by the scores of fp32 and of int8, and what int8 costs."""
    before, after = (
        score(dev, decoded(decoder, dev, said[: len(dev)])) for said in (exact, scores)
    )
    return {
        task: {
            "fp32": round(before.f1(task), 4),
            "int8": round(after.f1(task), 4),
            "cost": round(before.f1(task) - after.f1(task), 4),
        }
        for task in ("mentions", "triggers", "arguments", "status")
    }


def _training_facts(run_folder: Path) -> dict[str, Any]:
    manifest = read_manifest(run_folder)
    keys = ("train_reports", "dev_reports", "train_hash", "versions", "config")
    facts = {key: manifest[key] for key in (*keys, "note") if key in manifest}
    return facts | {"stages": list(stages(run_folder))}


def _pretty(facts: Any) -> str:
    return json.dumps(facts, indent=1, ensure_ascii=False) + "\n"
