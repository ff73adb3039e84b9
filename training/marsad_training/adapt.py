"""The encoder, adapted: public named-entity corpora, each with its own head, one shared encoder.

Only the encoder is kept. The corpora are read from a folder that the user gives; none is shipped.
"""

import random
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from marsad.errors import MarsadError, at
from marsad.files import read_text, write_bytes
from marsad.spans import viterbi
from marsad.text import normalise
from marsad.windows import Reader, plan
from marsad_training.config import AdaptConfig, TagSet
from marsad_training.encode import Features, pad_inputs
from marsad_training.learn import (
    MarsadTrainer,
    arguments,
    base_folder,
    begin,
    load_reader,
    plain_progress,
    processes,
    word_encoder,
    write_manifest,
)
from marsad_training.network import IGNORE, TaggingNetwork
from marsad_training.tags import Seqeval, tag_names

Sentence = list[tuple[str, list[str]]]  # words with their tags
_MARKS = dict.fromkeys(map(ord, "\u200e\u200f\ufeff"))
_PROCLITICS = frozenset("وفبلك")
_ENCLITICS = frozenset(("ه", "ها", "هم", "هما", "هن", "ي", "نا", "ك", "كم"))


def read_columns(path: Path, split_clitics: bool = False) -> list[Sentence]:
    """Sentences of a BIO file: a word and its tags a line, blank lines between sentences.

    `split_clitics`: the corpus writes joined letters and pronouns as words of their own; they go
    back to their word, which keeps its tag.
    """
    if not path.exists():
        raise at(path, None, "is absent; --data should name the folder of public corpora.")
    sentences: list[Sentence] = [[]]
    for line in read_text(path).translate(_MARKS).splitlines():
        parts = line.split()
        if len(parts) < 2:
            sentences.append([])
        else:
            sentences[-1].append((parts[0], parts[1:]))
    return [_joined(s) if split_clitics else s for s in sentences if s]


def _joined(sentence: Sentence) -> Sentence:
    made: Sentence = []
    before = ""
    for word, tags in sentence:
        if word in _PROCLITICS:
            before += word
        elif word in _ENCLITICS and made and not before:
            made[-1] = (made[-1][0] + word, made[-1][1])
        else:
            made.append((before + word, tags))
            before = ""
    return made or sentence


def passages(sentences: Sequence[Sentence], words: int) -> list[Sentence]:
    """Neighbouring sentences joined while they hold at most so many words together.

    Entities are told once in full and later in part; a lone sentence hides that.
    """
    made: list[Sentence] = []
    for sentence in sentences:
        if made and len(made[-1]) + len(sentence) <= words:
            made[-1] = made[-1] + sentence
        else:
            made.append(sentence)
    return made


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
    """Batches of like length out of one corpus, ready for `TaggingNetwork.sums`."""
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
    """Train on all sets, score those with a test part, save the encoder; returns its folder.

    Resumes a killed run.
    """
    base, target = base_folder(config.base, run.parent), run / "encoder"
    reader = load_reader(base, config.limit)
    layers, items = _encoded(config, data, reader)
    facts = {
        "config": asdict(config), "batches": len(items), "processes": processes().num_processes
    }  # fmt: skip
    if not begin(run, **facts):
        return target
    torch.manual_seed(config.seed)
    sizes = {name: (len(found), len(found[0])) for name, found in layers.items()}
    network = TaggingNetwork(word_encoder(base, reader, config), sizes)
    trainer = MarsadTrainer(
        network, config, [1] * len(items),  # they are batches already
        args=arguments(run, config, len(items), 1, save_strategy="steps", save_steps=200),
        train_dataset=items, data_collator=_first,
    )  # fmt: skip
    plain_progress(trainer)
    result = trainer.go_on(run)
    if trainer.is_world_process_zero():
        with trainer.average.applied():
            test = {
                t.name: test_f1(
                    network, t, _read(t, t.test, data), layers[t.name][0], reader, config
                )
                for t in config.sets
                if t.test
            }
            _save(network, reader, Path(base), target)
        write_manifest(
            run, **facts, seconds=result.metrics["train_runtime"], steps=trainer.state.global_step,
            loss=result.training_loss, test_f1=test,
        )  # fmt: skip
    return target


def _encoded(
    config: AdaptConfig, data: Path, reader: Reader
) -> tuple[dict[str, list[list[str]]], list[Features]]:
    """The tag layers of each set, and the batches of all."""
    layers: dict[str, list[list[str]]] = {}
    items: list[Features] = []
    for tag_set in config.sets:
        sentences = _read(tag_set, tag_set.files, data)
        layers[tag_set.name] = tag_layers(sentences, tag_set.nested)
        read = passages(sentences, config.passage)
        read = random.Random(config.seed).sample(read, round(len(read) * tag_set.share))
        encoded = [i for s in read for i in encode_sentence(s, layers[tag_set.name], reader)]
        items += batches(encoded, tag_set.name, config, reader.pad_id) * tag_set.repeat
    if not items:
        raise MarsadError("the configuration names no [[sets]] to adapt on.")
    return layers, items


def _save(network: TaggingNetwork, reader: Reader, base: Path, target: Path) -> None:
    """The encoder as a Hugging Face folder, with the tokenizer of its base."""
    encoder: Any = network.words.encoder
    encoder.save_pretrained(target)
    reader.tokenizer.save(str(target / "tokenizer.json"))
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (source := base / name).exists():
            write_bytes(target / name, source.read_bytes())


def test_f1(
    network: TaggingNetwork,
    tag_set: TagSet,
    sentences: Sequence[Sentence],
    tags: list[str],
    reader: Reader,
    config: AdaptConfig,
) -> float:
    """Strict IOB2 F1 of a head on a flat corpus, read in passages as in training."""
    network.eval()
    device = network.words.mix.device
    wanted, got = [], []
    for passage in passages(sentences, config.passage):
        ids = reader.subwords([normalise(word) for word, _ in passage])
        path: list[str] = []
        for window in plan([len(i) for i in ids], reader.limit):
            inputs = pad_inputs([reader.inputs(ids, window)], reader.pad_id)
            inputs = {name: tensor.to(device) for name, tensor in inputs.items()}
            with torch.inference_mode():
                scores = network.scores(tag_set.name, inputs)[0, :, 0].cpu().numpy()
            found = [tags[t] for t in viterbi(scores).tolist()]
            path += found[window.first - window.start : window.last - window.start]
        got.append(path)
        wanted.append([tag[0] for _, tag in passage])
    score: float = Seqeval().compute(predictions=got, references=wanted)["f1"]
    return round(score, 4)


def _read(tag_set: TagSet, files: Sequence[str], data: Path) -> list[Sentence]:
    return [s for name in files for s in read_columns(data / name, tag_set.split_clitics)]


def _first(items: list[Features]) -> Features:
    return items[0]
