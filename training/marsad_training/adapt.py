"""The encoder, adapted: public named-entity corpora, each with its own head, one shared encoder.

Only the encoder is kept. The corpora are read from a folder that the user gives; none is shipped.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from marsad.errors import MarsadError, at, read_text
from marsad.text import normalise
from marsad.windows import Reader, plan
from marsad_training.config import AdaptConfig, TagSet, as_dict
from marsad_training.encode import Features, pad_inputs
from marsad_training.learn import (
    MarsadTrainer,
    arguments,
    base_folder,
    last_checkpoint,
    load_reader,
    plain_progress,
    word_encoder,
    write_manifest,
)
from marsad_training.network import IGNORE, TaggingNetwork
from marsad_training.tags import tag_names

Sentence = list[tuple[str, list[str]]]  # words with their tags


def read_columns(path: Path) -> list[Sentence]:
    """Sentences of a BIO file: a word and its tags a line, a blank line between sentences."""
    if not path.exists():
        raise at(path, None, "is absent; --data should name the folder of public corpora.")
    sentences: list[Sentence] = [[]]
    for line in read_text(path).splitlines():
        parts = line.split()
        if len(parts) < 2:
            sentences.append([])
        else:
            sentences[-1].append((parts[0], parts[1:]))
    return [s for s in sentences if s]


def tag_layers(sentences: Sequence[Sentence], nested: bool) -> list[list[str]]:
    """The tags of each BIO layer: one layer of all types, or one for each type where nested."""
    types = sorted({tag[2:] for s in sentences for _, tags in s for tag in tags if tag != "O"})
    layers = [[t] for t in types] if nested else [types]
    return [tag_names(layer) for layer in layers]


def encode_sentence(sentence: Sentence, layers: list[list[str]], reader: Reader) -> list[Features]:
    """Windows of a sentence; `tags` is (W, layers)."""
    ids = reader.subwords([normalise(word) for word, _ in sentence])
    rows = [
        [next((layer.index(t) for t in tags if t in layer), 0) for layer in layers]
        for _, tags in sentence
    ]
    return [
        reader.inputs(ids, w) | {"tags": rows[w.start : w.end]}
        for w in plan([len(i) for i in ids], reader.limit)
    ]


def batches(items: list[Features], name: str, config: AdaptConfig, pad_id: int) -> list[Features]:
    """Batches of like length out of one corpus, ready for `TaggingNetwork.loss`."""
    rng = random.Random(config.seed)
    items = sorted(items, key=lambda i: len(i["input_ids"]) * rng.uniform(0.9, 1.1))
    made = []
    for at_item in range(0, len(items), config.batch):
        chunk = items[at_item : at_item + config.batch]
        longest = max(len(i["word_starts"]) for i in chunk)
        blank = [IGNORE] * len(chunk[0]["tags"][0])
        tags = [[*i["tags"], *[blank] * (longest - len(i["tags"]))] for i in chunk]
        made.append(pad_inputs(chunk, pad_id) | {"tags": torch.tensor(tags), "corpus": name})
    return made


def adapt(config: AdaptConfig, data: Path, run: Path) -> Path:
    """Train on all sets and save the encoder; returns its folder. Resumes a killed run."""
    base = base_folder(config.base, run.parent)
    reader = load_reader(base, config.limit)
    sizes: dict[str, tuple[int, int]] = {}
    items: list[Features] = []
    for tag_set in config.sets:
        sentences, layers = _read_set(tag_set, data)
        encoded = [i for s in sentences for i in encode_sentence(s, layers, reader)]
        sizes[tag_set.name] = (len(layers), len(layers[0]))
        items += batches(encoded, tag_set.name, config, reader.pad_id)
    if not items:
        raise MarsadError("the configuration names no [[sets]] to adapt on.")
    network = TaggingNetwork(word_encoder(base, reader, config), sizes)
    trainer = MarsadTrainer(
        network,
        config,
        args=arguments(
            run, config, int(len(items) * config.epochs), per_device_train_batch_size=1,
            save_strategy="steps", save_steps=200,
        ),
        train_dataset=items,
        data_collator=_first,
    )  # fmt: skip
    plain_progress(trainer)
    result = trainer.train(resume_from_checkpoint=last_checkpoint(run))
    write_manifest(
        run, config=as_dict(config), batches=len(items), seconds=result.metrics["train_runtime"],
        loss=result.training_loss,
    )  # fmt: skip
    target = run / "encoder"
    encoder: Any = network.words.encoder
    encoder.save_pretrained(target)
    reader.tokenizer.save(str(target / "tokenizer.json"))
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (source := Path(base) / name).exists():
            (target / name).write_bytes(source.read_bytes())
    return target


def _read_set(tag_set: TagSet, data: Path) -> tuple[list[Sentence], list[list[str]]]:
    sentences = [s for name in tag_set.files for s in read_columns(data / name)]
    return sentences, tag_layers(sentences, tag_set.nested)


def _first(items: list[Features]) -> Features:
    return items[0]
