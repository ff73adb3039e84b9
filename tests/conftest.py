"""Everything small and made in memory: tokenizers, a two-layer encoder, a corpus, an artifact."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from marsad.formats import markup
from marsad.schema import Labels, Report, default_labels

os.environ["HF_HUB_OFFLINE"] = "1"  # no test may reach the hub
os.environ["TOKENIZERS_PARALLELISM"] = "false"
ROOT = Path(__file__).parents[1]
settings.register_profile("steady", deadline=None)  # a busy machine is no failure
settings.load_profile("steady")

MARKUP = """\
### id=aa-001 date=2022-01-04 style=agency
قالت [وكالة الأنباء العراقية|o1] إن [الجيش العراقي|a1] [أسقط|e1] [اليوم الثلاثاء|d1] [طائرة مسيرة|w1] قرب [قاعدة بلد الجوية|f1].

وأدى ال[هجوم|e2] إلى [مقتل|e3] [ثلاثة جنود|c1] و[إصابة|e4] [آخرين|c2] في [الأنبار|l1].
---
e1 INTERCEPTION occurred agent=a1 target=w1 place=f1 time=d1
e2 AIR_STRIKE foiled instrument=w1 target=f1
e3 DEATH occurred victim=c1 place=l1
e4 INJURY occurred victim=c2 place=l1
d1 2022-01-04
c1 3
c2 ?
= e1 e2

### id=bb-001 date=2023-05-01 style=social
هدد [حزب الله|a1] ب[قصف|e1] [حيفا|l1] ونفى [قاسم سليماني|p1] [اغتيال|e2] [المتظاهرين|a2] [أمس|d1]
---
e1 SHELLING possible agent=a1 target=l1
e2 ASSASSINATION denied victim=a2 time=d1
d1 2023-04-30
"""


@pytest.fixture(scope="session")
def labels() -> Labels:
    return default_labels()


@pytest.fixture(scope="session")
def reports(labels: Labels) -> list[Report]:
    found, slips = markup.parse(MARKUP, labels)
    assert not slips
    return found


@pytest.fixture(scope="session")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus folder of 20 short reports with splits."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "reports").mkdir()
    bodies = MARKUP.split("### ")[1:]
    blocks = [
        "### " + bodies[i % 2].replace("aa-001", f"aa-{i:03}").replace("bb-001", f"bb-{i:03}")
        for i in range(20)
    ]
    (folder / "reports" / "all.txt").write_text("\n".join(blocks), "utf-8")
    ids = [f"{'ab'[i % 2] * 2}-{i:03}" for i in range(20)]
    splits = {"train": ids[:16], "dev": ids[16:18], "test": ids[18:]}
    (folder / "splits.json").write_text(json.dumps({"seed": 0, **splits}), "utf-8")
    return folder


@pytest.fixture(scope="session")
def words() -> list[str]:
    """A vocabulary of whole words, from the markup above."""
    from marsad.text import split_words

    found, _ = markup.parse(MARKUP, default_labels())
    return sorted({form for r in found for form in split_words(r.text).forms})


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> Path:
    """A two-layer BERT with a unigram vocabulary, saved as a Hugging Face folder."""
    torch = pytest.importorskip("torch", reason="needs the train extra")
    from transformers import BertConfig, BertModel

    from marsad_training.encoder import unigram_tokenizer

    letters = sorted({letter for word in words for letter in word})
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *(f"▁{w}" for w in words)]
    pieces += [letter for letter in letters if letter not in pieces]
    scores = [0.0] * 4 + [-8.0] + [-2.0] * len(words) + [-6.0] * (len(pieces) - 5 - len(words))
    folder = tmp_path_factory.mktemp("tiny-base")
    unigram_tokenizer(list(zip(pieces, scores, strict=True))).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64, pad_token_id=1,
    )  # fmt: skip
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def fit_config(tiny_base: Path, corpus_folder: Path) -> Any:
    from marsad_training.config import FitConfig

    return FitConfig(
        base=str(tiny_base), corpus=str(corpus_folder), epochs=30, batch=4, learning_rate=5e-3,
        head_factor=1.0, dropout=0.0, word_dropout=0.0, freeze_embeddings=False, limit=40,
        role_width=8, patience=30, loss={"status": 1.0, "role": 1.0},
    )  # fmt: skip


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, fit_config: Any) -> Path:
    """A finished run that has learnt the tiny corpus by heart."""
    from marsad_training.fit import fit

    return fit(fit_config, tmp_path_factory.mktemp("runs") / "tiny")


@pytest.fixture(scope="session")
def tiny_artifact(tmp_path_factory: pytest.TempPathFactory, tiny_run: Path) -> Path:
    """The artifact of that run."""
    from marsad_training.export import export

    target = tmp_path_factory.mktemp("artifact") / "tiny"
    export(tiny_run, target)
    return target
