"""A run folder and the network in it: written, opened, read with, scored.

It holds `run.json` (configuration, labels), `manifest.json`, `config.json` of the encoder,
`tokenizer.json`, `network.safetensors` (the best epoch on dev, weights averaged) and the
checkpoints.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save

from marsad.artifact import read_tokenizer
from marsad.decode import Decoder, RoleTables, Settings
from marsad.errors import at
from marsad.extractor import Arrays, Extractor
from marsad.files import read_bytes, read_json, told_as, write_bytes, write_text
from marsad.schema import Labels, Report
from marsad.score import Scores, score
from marsad.text import split_words
from marsad.windows import Reader
from marsad_training.config import FitConfig
from marsad_training.learn import CPU
from marsad_training.network import JointNetwork, WordEncoder, empty_encoder, fill
from marsad_training.tags import tag_f1

SELECTED = ("mentions", "triggers", "arguments")  # their mean F1 on dev picks the epoch


def build_network(words: WordEncoder, labels: Labels, config: FitConfig) -> JointNetwork:
    """The joint network of a configuration."""
    return JointNetwork(words, labels, config.role_width, config.loss)


def decoder_of(network: JointNetwork, labels: Labels, settings: Settings | None = None) -> Decoder:
    """The decoder with the network's role tables, without a CRF."""
    pairs, *features = (t.detach().cpu().numpy().copy() for t in network.role_tables())
    tables = RoleTables(pairs, tuple(features))
    return Decoder(labels, tables, settings or Settings())


def extractor_of(
    network: JointNetwork,
    reader: Reader,
    labels: Labels,
    settings: Settings | None = None,
) -> Extractor:
    """The served extractor on top of the torch network: what is scored is what is served."""
    device = network.pair_bias.device

    def run(arrays: Arrays) -> Sequence[NDArray[np.float32]]:
        with torch.inference_mode():
            outputs = network(**{k: torch.from_numpy(v).to(device) for k, v in arrays.items()})
        return [output.float().cpu().numpy() for output in outputs]

    return Extractor(reader, decoder_of(network, labels, settings), run)


def read_again(extractor: Extractor, gold: Sequence[Report]) -> list[Report]:
    """What the extractor reads in the texts of gold reports, in their order."""
    columns = [r.text for r in gold], [r.date for r in gold], [r.id for r in gold]
    return list(extractor.predict_many(*columns))


def evaluate(extractor: Extractor, gold: Sequence[Report]) -> Scores:
    """Read the gold texts and score what was read."""
    return score(gold, read_again(extractor, gold))


def dev_scores(extractor: Extractor, dev: Sequence[Report]) -> dict[str, float]:
    """F1 of each task on dev, of the tags alone, and the mean by which networks are chosen."""
    words = [split_words(report.text) for report in dev]
    said = extractor.score_words(words)
    read = (
        extractor.decoder.report(r.text, w, s, r.id)
        for r, w, s in zip(dev, words, said, strict=True)
    )
    scores = score(dev, read)
    found = {task: scores.f1(task) for task in (*SELECTED, "status")}
    found["mean"] = sum(found[task] for task in SELECTED) / len(SELECTED)
    return found | tag_f1(extractor.decoder.labels, dev, said)


def save_weights(network: JointNetwork, path: Path) -> None:
    """The weights of a run folder."""
    write_bytes(path, save({k: v.contiguous() for k, v in network.state_dict().items()}))


def describe(
    run: Path, network: JointNetwork, reader: Reader, labels: Labels, config: FitConfig
) -> None:
    """Write all that `open_run` needs beside the weights."""
    encoder: Any = network.words.encoder
    encoder.config.save_pretrained(run)
    reader.tokenizer.save(str(run / "tokenizer.json"))
    special = {
        "start": reader.start_id, "end": reader.end_id, "pad": reader.pad_id,
        "unknown": reader.unknown_id,
    }  # fmt: skip
    facts = {"config": asdict(config), "special_tokens": special, "labels": labels.to_dict()}
    write_text(run / "run.json", json.dumps(facts, ensure_ascii=False, indent=1))


@dataclass(frozen=True)
class Run:
    """A finished run, opened."""

    network: JointNetwork
    reader: Reader
    labels: Labels
    config: FitConfig
    special: dict[str, int]


def open_run(run: Path) -> Run:
    """Open a run folder; raises MarsadError where it is unfinished, absent or damaged."""
    path = run / "run.json"
    if not path.exists():
        raise at(run, None, "is no finished run of: marsad-train fit.")
    facts = read_json(path)
    with told_as(path, "is damaged"):
        labels = Labels.from_dict(facts["labels"])
        known = {k: v for k, v in facts["config"].items() if k in FitConfig.__dataclass_fields__}
        config = replace(FitConfig(base="", epochs=0, batch=1), **known)
        special = facts["special_tokens"]
        ids = {f"{name}_id": special[name] for name in ("start", "end", "pad", "unknown")}
    reader = Reader(read_tokenizer(run / "tokenizer.json"), limit=config.limit, **ids)
    with told_as(run / "config.json", "is damaged"):
        encoder = empty_encoder(read_json(run / "config.json"))
    words = WordEncoder(encoder, config.dropout, config.word_dropout, reader.unknown_id)
    network = build_network(words, labels, config)
    weights = run / "network.safetensors"
    try:
        state = load(read_bytes(weights))
    except SafetensorError as error:
        raise at(weights, None, f"is damaged: {error}.") from error
    fill(network, state, weights)
    return Run(network.eval(), reader, labels, config, special)


def read_manifest(run_folder: Path) -> dict[str, Any]:
    """What a run learnt from and how it went; empty where there is no manifest."""
    path = run_folder / "manifest.json"
    found: dict[str, Any] = read_json(path) if path.exists() else {}
    return found


def stages(run_folder: Path) -> Iterator[dict[str, Any]]:
    """The runs that led to this one, the first one first: encoder, earlier stages, itself.

    An artifact, from which a run may go on, tells its own.
    """
    with told_as(run_folder, "is damaged"):
        yield from _stages(run_folder)


def _stages(run_folder: Path) -> Iterator[dict[str, Any]]:
    manifest = read_manifest(run_folder)
    if not manifest:
        if (metrics := run_folder / "metrics.json").exists():
            yield from read_json(metrics).get("training", {}).get("stages", ())
        return
    if "stages" in manifest:  # of a mean
        yield from manifest["stages"]
        return
    config = manifest["config"]
    earlier = config.get("init") or Path(config["base"]).parent
    if Path(earlier) != Path():  # a hub name or "default" has no folder above it
        yield from stages(Path(earlier))
    more = {"test_f1": manifest["test_f1"]} if manifest.get("test_f1") else {}
    if (device := manifest.get("device", CPU)) != CPU:
        more["device"] = device
    if teachers := config.get("teachers"):
        more |= {"teachers": len(teachers), "raw_reports": manifest["raw_reports"]}
    yield {"run": run_folder.name, "seconds": round(manifest["seconds"]), **more}
