"""How fast a network learns, beside the stock way.

Both learn the same reports of the train split once, from the same encoder, in batches of eight,
under `transformers.Trainer`. The stock way is that of `run_ner.py` among the examples of
transformers: mention tags alone, all weights trained, fp32, a report cut where it is longer than
the limit, batches in any order, each padded to its longest. marsad learns every task at once, in
fp32 and in bf16, in which the released model was trained: that pays where the processor has it.
"""

import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    Trainer,
    TrainingArguments,
)

from marsad.schema import Labels, Report
from marsad_training.benchmark.setting import Bench, Document, Result, Row
from marsad_training.config import FitConfig
from marsad_training.corpus import read_labels, read_splits
from marsad_training.encode import collate, encode_report
from marsad_training.learn import (
    MarsadTrainer,
    arguments,
    base_folder,
    load_reader,
    plain_progress,
    word_encoder,
)
from marsad_training.network import IGNORE
from marsad_training.runs import build_network
from marsad_training.tags import tag_path

_REPORTS = 240
_BATCH = 8
ABOUT = "run_ner: mentions alone, all weights, fp32; marsad: every task, the embeddings frozen"


def run(bench: Bench) -> Result:
    """One epoch of either way over the same reports."""
    train = read_splits(bench.corpus)["train"]
    reports = random.Random(bench.seed).sample(train, min(bench.limit or _REPORTS, len(train)))
    labels, base = read_labels(bench.corpus), base_folder(bench.encoder, Path("runs"))
    rows = []
    for name, learn in bench.watch(LEARNERS.items(), len(LEARNERS), "training"):
        torch.manual_seed(bench.seed)
        with tempfile.TemporaryDirectory() as scratch:
            words, seconds = learn(base, reports, labels, Path(scratch))
        rows.append({"way": name, "words": words, "seconds": round(seconds, 2)})
    facts = {"rows": rows, "reports": len(reports), "threads": torch.get_num_threads()}
    return Result({}, facts | {"about": ABOUT})


def rows(document: Document) -> Iterator[Row]:
    """One row for each way."""
    facts = document["facts"]
    for row in facts["rows"]:
        yield {
            "way": row["way"], "reports": str(facts["reports"]), "words": str(row["words"]),
            "seconds": f"{row['seconds']:.1f}",
            "words/s": f"{row['words'] / row['seconds']:.0f}",
            "threads": str(facts["threads"]),
        }  # fmt: skip


def _marsad(
    base: str, reports: Sequence[Report], labels: Labels, scratch: Path, bf16: bool
) -> tuple[int, float]:
    config = replace(_config(base), bf16=bf16)
    reader = load_reader(base, config.limit)
    network = build_network(word_encoder(base, reader, config), labels, config)
    items = [item for report in reports for item in encode_report(report, labels, reader)]
    trainer = MarsadTrainer(
        network, config, [len(item["input_ids"]) for item in items],
        args=arguments(
            scratch, config, len(items), _BATCH, save_strategy="no", disable_tqdm=True
        ),
        train_dataset=items, data_collator=lambda batch: collate(batch, reader.pad_id),
    )  # fmt: skip
    return sum(len(item["mention_tags"]) for item in items), _seconds(trainer)


def _run_ner(
    base: str, reports: Sequence[Report], labels: Labels, scratch: Path
) -> tuple[int, float]:
    reader = load_reader(base, _config(base).limit)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForTokenClassification.from_pretrained(
        base, num_labels=1 + 2 * len(labels.mentions)
    )
    items = []
    for report in reports:
        item = encode_report(report, labels, reader)[0]  # what comes after the limit is cut
        tags = [IGNORE] * len(item["input_ids"])
        path = tag_path(report, "mentions", labels)
        for place, tag in zip(item["word_starts"], path.tolist(), strict=False):
            tags[place] = tag
        items.append({"input_ids": item["input_ids"], "labels": tags})
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(scratch), num_train_epochs=1, per_device_train_batch_size=_BATCH,
            save_strategy="no", report_to=[], disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
        ),
        train_dataset=items, data_collator=DataCollatorForTokenClassification(tokenizer),
    )  # fmt: skip
    words = sum(tag != IGNORE for item in items for tag in item["labels"])
    return words, _seconds(trainer)


def _config(base: str) -> FitConfig:
    """The defaults; windows are no longer than the encoder has positions."""
    positions = AutoConfig.from_pretrained(base).max_position_embeddings
    config = FitConfig(base=base, epochs=1, batch=_BATCH)
    return replace(config, limit=min(config.limit, positions - 2))


def _seconds(trainer: Trainer) -> float:
    plain_progress(trainer)
    found: dict[str, Any] = trainer.train().metrics
    return float(found["train_runtime"])


LEARNERS: Mapping[str, Callable[[str, Sequence[Report], Labels, Path], tuple[int, float]]] = {
    "marsad": partial(_marsad, bf16=False),
    "marsad, bf16": partial(_marsad, bf16=True),
    "run_ner": _run_ner,
}
