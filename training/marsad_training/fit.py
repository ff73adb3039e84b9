"""`marsad-train fit`: the joint network on annotated reports, from a base encoder to a run folder.

A run folder holds `run.json` (configuration, labels), `manifest.json`, `config.json` of the
encoder, `tokenizer.json`, `network.safetensors` (the best epoch on dev, weights averaged) and the
checkpoints; a killed run goes on from the last one. Where a launcher starts several processes, the
main one alone scores and writes (docs/training.md).
"""

import json
import os
import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from safetensors import SafetensorError
from safetensors.torch import load, save
from transformers import EarlyStoppingCallback, TrainerCallback

from marsad.artifact import read_tokenizer
from marsad.corpus.splits import theatre
from marsad.decode import Decoder, RoleTables, Settings
from marsad.errors import MarsadError, at
from marsad.extractor import Arrays, Extractor
from marsad.files import read_bytes, read_json, told_as, write_bytes, write_text
from marsad.schema import Labels, Report
from marsad.score import Scores, score
from marsad.windows import Reader
from marsad_training.augment import names_of, rename, roughen, spell
from marsad_training.config import FitConfig
from marsad_training.corpus import fingerprint, read_labels, read_reports, read_splits
from marsad_training.encode import Features, collate, encode_report
from marsad_training.estimate import Clock, memory, told
from marsad_training.learn import (
    MarsadTrainer,
    arguments,
    base_folder,
    begin,
    load_reader,
    over,
    plain_progress,
    processes,
    word_encoder,
    write_manifest,
)
from marsad_training.network import JointNetwork, WordEncoder, empty_encoder
from marsad_training.prune import sample, shorten
from marsad_training.tags import TagMetrics
from marsad_training.tune import Dev

# one in so many real reports is held out for dev, since the authored ones alone would tune
# thresholds to authored prose
REAL_DEV = 12
SELECTED = ("mentions", "triggers", "arguments")  # their mean F1 on dev picks the epoch


@dataclass(frozen=True)
class Data:
    """What a run learns from and what it is selected on."""

    labels: Labels
    train: list[Report]
    dev: list[Report]
    raw: tuple[Report, ...] = ()  # as a model read them
    replay: tuple[tuple[Labels, list[Report]], ...] = ()  # each with the labels it was marked with
    replayed_dev: tuple[Report, ...] = ()
    network_only: tuple[str, ...] = ()  # theatres

    @property
    def tuned_on(self) -> Dev:
        """The dev reports, with the layers whose labels the replayed ones were marked with.

        Triggers are always among them, though those of a new type count as wrong there: what the
        CRF is worth and which reports are quiet takes hundreds of reports to tell (measured: tuned
        on one report of one's own, triggers of the old types fell from F1 65 to 45).
        """
        marked = [labels for labels, _ in self.replay]
        knows = {
            "mentions": all(set(self.labels.mentions) <= set(old.mentions) for old in marked),
            "statuses": all(set(self.labels.statuses) <= set(old.statuses) for old in marked),
        }
        known = {layer for layer, all_known in knows.items() if all_known}
        return Dev(self.dev, self.replayed_dev, frozenset({"triggers", "reports", *known}))

    @property
    def of_crf(self) -> list[Report]:
        """What the CRF learns: the train part and what is replayed, each report once."""
        every = [*self.train, *(report for _, reports in self.replay for report in reports)]
        every = [report for report in every if theatre(report) not in self.network_only]
        return list({report.id: report for report in reversed(every)}.values())[::-1]


def read_data(config: FitConfig) -> Data:
    """The corpus splits, with the real reports (where given) mixed into train and dev."""
    folder = Path(config.corpus)
    splits = read_splits(folder)
    labels = read_labels(folder)
    train, dev = list(splits["train"]), list(splits["dev"])
    for name in config.real:
        if not Path(name).exists():
            Console(stderr=True).print(f"{name} is absent: training goes on without it.")
            continue
        for report in read_reports(Path(name), labels):
            if is_dev(report):
                dev.append(report)
            else:
                train += [report] * config.real_repeat
    held = [*(r for part in splits.values() for r in part), *train, *dev]
    _check_known("renamed", config.renamed, labels.mentions)
    _check_known("hold_out", config.hold_out, {theatre(report) for report in held})
    if config.folds:
        train = [r for r in train if fold_of(r.id, config.folds) != config.fold]
    train, dev = ([r for r in part if theatre(r) not in config.hold_out] for part in (train, dev))
    if config.train_reports:
        train, dev = train[: config.train_reports], dev[: config.train_reports // 2]
    for name, part in (("train", train), ("dev", dev)):
        if not part:
            raise at(folder / "splits.json", None, f"lists no report to use for {name}.")
    replay = tuple(_replayed(Path(name), config) for name in config.replay)
    old_dev = (r for name in config.replay for r in read_splits(Path(name))["dev"])
    raw = (r for name in config.raw for r in read_reports(Path(name), labels))
    return Data(labels, train, dev, tuple(raw), replay, tuple(old_dev), config.network_only)


def _check_known(key: str, names: Iterable[str], known: Iterable[str]) -> None:
    if wrong := sorted(set(names) - set(known)):
        raise MarsadError(f"{key} names {wrong[0]!r}; there are {', '.join(sorted(known))}.")


def _replayed(folder: Path, config: FitConfig) -> tuple[Labels, list[Report]]:
    found = read_splits(folder)["train"]
    if 0 < config.replay_reports < len(found):
        found = random.Random(config.seed).sample(found, config.replay_reports)
    return read_labels(folder), found


def is_dev(report: Report) -> bool:
    """Whether a real report is held out for dev: the same ones whatever else is annotated."""
    return crc32(report.id.encode()) % REAL_DEV == 0


def fold_of(id: str, folds: int) -> int:
    """The part of the train reports that a report belongs to, whatever else is annotated."""
    return crc32(id.encode()) // 7 % folds  # // 7: other digits than those that `is_dev` looks at


def rewrite(train: list[Report], config: FitConfig) -> list[Report]:
    """A share of the reports about other names and written with less care, the rest as they are.

    The network alone learns of them; the CRF, whose strings are names, learns what was annotated.
    """
    if not config.rewritten:
        return train
    rng = random.Random(config.seed)
    names = names_of(train, config.renamed)
    return [
        roughen(spell(rename(report, names, rng), rng), rng)
        if rng.random() < config.rewritten
        else report
        for report in train
    ]


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
    """F1 of each task on dev, and the mean by which networks are chosen."""
    scores = evaluate(extractor, dev)
    found = {task: scores.f1(task) for task in (*SELECTED, "status")}
    return found | {"mean": sum(found[task] for task in SELECTED) / len(SELECTED)}


def fit(config: FitConfig, run: Path, callbacks: Sequence[TrainerCallback] = ()) -> Path:
    """Train, keep the best epoch, write the run folder; resumes a killed run."""
    data = read_data(config)
    base = config.init or base_folder(config.base, run.parent)
    facts = {
        "config": asdict(config), "base": base, "processes": processes().num_processes,
        "train_reports": len(data.train), "dev_reports": len(data.dev),
        "raw_reports": len(data.raw), "train_hash": fingerprint([*data.train, *data.raw]),
        "dev_hash": fingerprint(data.dev),
    }  # fmt: skip
    if not begin(run, **facts):
        return run
    torch.manual_seed(config.seed)
    network, reader, items = _start(base, data, config)
    for marked_with, reports in data.replay:
        items += [i for r in reports for i in encode_report(r, data.labels, reader, marked_with)]
    if config.teachers:
        items += _ask_teachers(items, data, reader, config)
    lengths = [len(item["input_ids"]) for item in items]
    tag_metrics = TagMetrics(data.labels)

    def evaluator() -> dict[str, float]:
        extractor = extractor_of(network, reader, data.labels)
        return dev_scores(extractor, data.dev) | tag_metrics.compute(extractor, data.dev)

    at_once = config.batch * config.accumulate * processes().num_processes
    steps = -(-len(items) // at_once) * config.epochs
    weights = run / "network.safetensors"
    trainer = MarsadTrainer(
        network, config, lengths, evaluator, keep=lambda: save_weights(network, weights),
        args=arguments(
            run, config, steps,
            per_device_train_batch_size=config.batch,
            eval_strategy="epoch", save_strategy="epoch",
            metric_for_best_model="eval_mean", greater_is_better=True,
        ),
        train_dataset=items, eval_dataset=data.dev,
        data_collator=lambda batch: collate(batch, reader.pad_id),
        callbacks=[EarlyStoppingCallback(config.patience), *callbacks],
    )  # fmt: skip
    plain_progress(trainer)
    _announce(trainer, config, steps, at_once)
    result = trainer.go_on(run)
    if trainer.is_world_process_zero():
        describe(run, network, reader, data.labels, config)
        write_manifest(
            run, **facts, seconds=result.metrics["train_runtime"],
            steps=trainer.state.global_step, loss=result.training_loss,
            history=[entry for entry in trainer.state.log_history if "eval_mean" in entry],
        )  # fmt: skip
    processes().wait_for_everyone()
    return run


def _announce(trainer: MarsadTrainer, config: FitConfig, steps: int, at_once: int) -> None:
    """Say what the run needs, and later how long it takes."""
    if not trainer.is_world_process_zero():
        return
    say = Console(stderr=True, soft_wrap=True, highlight=False).print
    items: Any = trainer.train_dataset
    longest = max(items, key=lambda item: len(item["input_ids"]))
    count = processes().num_processes
    needs = memory(
        trainer.network, lambda n: trainer.data_collator([longest] * n), config.batch,
        config.bf16, count,
    )  # fmt: skip
    say(told(needs, config.batch, len(longest["input_ids"])))
    say(
        f"{steps:,} steps of {at_once} windows: {config.batch} at once, {config.accumulate} times, "
        f"in {count} process{'es' if count > 1 else ''}."
    )
    if count == 1 and "MASTER_PORT" in os.environ and "WORLD_SIZE" not in os.environ:
        say("A launcher was asked for more and started only this one; see docs/training.md.")
    trainer.add_callback(Clock(lambda: trainer.subwords, sum(trainer.lengths) / count, say))


def _start(base: str, data: Data, config: FitConfig) -> tuple[JointNetwork, Reader, list[Features]]:
    """The encoded reports, and a network on the base encoder or on what `init` names.

    Its heads are those of the labels; where `init` did not know some, their rows are fitted first.
    """
    # it opens runs by this module
    from marsad_training.start import open_start, start_from, warm_up

    source = open_start(Path(config.init)) if config.init else None
    if source and source.config.role_width != config.role_width:
        raise MarsadError(f"{config.init} has role_width = {source.config.role_width}.")
    reader = (
        replace(source.reader, limit=config.limit) if source else load_reader(base, config.limit)
    )
    words = (
        over(source.network.words.encoder, reader, config)
        if source
        else word_encoder(base, reader, config)
    )
    network = build_network(words, data.labels, config)
    train = rewrite(data.train, config)
    items = [i for r in train for i in encode_report(r, data.labels, reader)]
    if source:
        start_from(network, data.labels, source)
        warm_up(network, source.labels, data.labels, items, reader.pad_id)
    if config.layers:
        shorten(network, sample(reader, [r.text for r in data.train]), config.layers)
    return network, reader, items


def _ask_teachers(
    items: list[Features], data: Data, reader: Reader, config: FitConfig
) -> list[Features]:
    """Teach the items, and return those of the raw reports, taught."""
    from marsad_training.teach import open_teachers, teach  # it opens runs by this module

    teachers = open_teachers(config.teachers, data.labels, reader)
    raw = [i for r in data.raw for i in encode_report(r, data.labels, reader)]
    teach(items, teachers, config.taught, reader.pad_id)
    teach(raw, teachers, 1.0, reader.pad_id, new=True)
    return raw


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
    try:
        state = load(read_bytes(run / "network.safetensors"))
        missing, unexpected = network.load_state_dict(state, strict=False)
    except (SafetensorError, RuntimeError) as error:
        found = str(error).splitlines()[-1].strip().rstrip(".")
        raise at(run / "network.safetensors", None, f"does not fit the run: {found}.") from error
    if unexpected or any("pooler" not in name and name != "words.rest" for name in missing):
        raise MarsadError(f"{run}: the weights do not fit the network ({missing or unexpected}).")
    return Run(network.eval(), reader, labels, config, special)
