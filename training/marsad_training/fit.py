"""`marsad-train fit`: the joint network on annotated reports, from a base encoder to a run folder.

A killed run goes on from its last checkpoint. Where a launcher starts several processes, the main
one alone scores and writes (docs/training.md).
"""

import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from transformers import EarlyStoppingCallback, TrainerCallback

from marsad.errors import MarsadError
from marsad.windows import Reader
from marsad_training.config import FitConfig
from marsad_training.corpus import fingerprint
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
    steps,
    word_encoder,
    write_manifest,
)
from marsad_training.network import JointNetwork
from marsad_training.prune import sample, shorten
from marsad_training.runs import build_network, describe, dev_scores, extractor_of, save_weights
from marsad_training.start import open_start, start_from, warm_up
from marsad_training.teach import open_teachers, teach
from marsad_training.training_data import Data, read_data, rewrite


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
    items += _further(items, data, reader, config)
    trainer = MarsadTrainer(
        network, config, [len(item["input_ids"]) for item in items],
        evaluator=lambda: dev_scores(extractor_of(network, reader, data.labels), data.dev),
        keep=lambda: save_weights(network, run / "network.safetensors"),
        args=arguments(
            run, config, len(items), config.batch, eval_strategy="epoch", save_strategy="epoch",
            metric_for_best_model="eval_mean", greater_is_better=True,
        ),
        train_dataset=items, eval_dataset=data.dev,
        data_collator=lambda batch: collate(batch, reader.pad_id),
        callbacks=[EarlyStoppingCallback(config.patience), *callbacks],
    )  # fmt: skip
    plain_progress(trainer)
    _announce(trainer, config)
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


def _start(base: str, data: Data, config: FitConfig) -> tuple[JointNetwork, Reader, list[Features]]:
    """The encoded reports, and a network on the base encoder or on what `init` names.

    Its heads are those of the labels; where `init` did not know some, their rows are fitted first.
    """
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


def _further(
    items: Sequence[Features], data: Data, reader: Reader, config: FitConfig
) -> list[Features]:
    """The windows of replayed and of raw reports; where there are teachers, they are asked about
    these and `items`."""
    replayed = [
        item
        for marked_with, reports in data.replay
        for report in reports
        for item in encode_report(report, data.labels, reader, marked_with)
    ]
    raw = [item for r in data.raw for item in encode_report(r, data.labels, reader)]
    if config.teachers:
        teachers = open_teachers(config.teachers, data.labels, reader)
        teach([*items, *replayed], teachers, config.taught, reader.pad_id)
        teach(raw, teachers, 1.0, reader.pad_id, new=True)
    return replayed + raw


def _announce(trainer: MarsadTrainer, config: FitConfig) -> None:
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
    at_once = config.batch * config.accumulate * count
    say(
        f"{steps(len(items), at_once, config):,} steps of {at_once} windows: {config.batch} at "
        f"once, {config.accumulate} times, in {count} process{'es' if count > 1 else ''}."
    )
    if count == 1 and "MASTER_PORT" in os.environ and "WORLD_SIZE" not in os.environ:
        say("A launcher was asked for more and started only this one; see docs/training.md.")
    trainer.add_callback(Clock(lambda: trainer.subwords, sum(trainer.lengths) / count, say))
