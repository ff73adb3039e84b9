"""A run as a stock token classifier: read back by `transformers` alone."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from marsad.errors import MarsadError
from marsad.schema import Labels, Report
from marsad.score import score
from marsad.text import split_words

torch = pytest.importorskip("torch", reason="needs the train extra")
from marsad_training import cli, corpus, huggingface, runs  # noqa: E402
from marsad_training.tags import tag_names  # noqa: E402

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def run(tiny_run: Path) -> Any:
    return runs.open_run(tiny_run)


@pytest.fixture(scope="module")
def folder(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("hub") / "model"
    huggingface.export_hf(tiny_run, target, passes=300)
    return target


def tagger(folder: Path, **keywords: Any) -> Any:
    from transformers import pipeline

    return pipeline("token-classification", str(folder), device="cpu", **keywords)


FRESH = """
import json, sys, transformers
model = transformers.AutoModelForTokenClassification.from_pretrained(sys.argv[1])
tagger = transformers.pipeline("token-classification", sys.argv[1], aggregation_strategy="simple")
print(json.dumps({
    "class": type(model).__name__, "labels": model.config.id2label, "ids": model.config.label2id,
    "found": [[e["entity_group"], e["start"], e["end"]] for e in tagger(sys.argv[2])],
    "marsad": any(name.startswith("marsad") for name in sys.modules),
}))
"""


def test_a_fresh_process_loads_it_without_marsad(
    folder: Path, reports: list[Report], labels: Labels
) -> None:
    text = reports[0].text
    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(folder), text],
        capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["class"] == "BertForTokenClassification"
    assert not said["marsad"]
    names = tag_names(labels.mentions)
    assert said["labels"] == {str(n): name for n, name in enumerate(names)}
    assert said["ids"] == {name: n for n, name in enumerate(names)}
    gold = {(m.type, m.start, m.end) for m in reports[0].mentions}
    found = set(map(tuple, said["found"]))
    assert 2 * len(gold & found) / (len(gold) + len(found)) > 0.6  # the run knows all by heart


def test_the_folder_is_what_the_hub_wants(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {
        "README.md", "config.json", "model.safetensors", "tokenizer.json",
        "tokenizer_config.json",
    }  # fmt: skip
    _, front, card = (folder / "README.md").read_text("utf-8").split("---\n", 2)
    facts = yaml.safe_load(front)
    assert (facts["license"], facts["language"]) == ("other", "ar")
    assert facts["pipeline_tag"] == "token-classification"
    assert "base_model" not in facts  # the tiny base is a folder, no name of the hub
    assert "these weights are **distilled**" in card


def test_the_card_tells_the_loss_that_is_measured(folder: Path, corpus_folder: Path) -> None:
    gold = corpus.read_splits(corpus_folder)["dev"]
    read = huggingface.read_with(folder, gold, stride=10)
    f1 = score(gold, read).f1("mentions")
    assert f1 > 0.9
    card = (folder / "README.md").read_text("utf-8")
    assert f"| corpus-dev | exact | 1.000 | {f1:.3f} | {1 - f1:.3f} |" in card
    assert "corpus-test" not in card


@pytest.mark.parametrize("strategy", ["none", "simple", "first", "average", "max"])
def test_every_strategy_finds_mentions(folder: Path, reports: list[Report], strategy: str) -> None:
    found = tagger(folder, aggregation_strategy=strategy)(reports[1].text)
    key = "entity" if strategy == "none" else "entity_group"
    assert {e[key].split("-")[-1] for e in found} == {m.type for m in reports[1].mentions}


def test_a_long_text_is_read_to_its_end(folder: Path, reports: list[Report]) -> None:
    text = "\n".join([reports[1].text] * 6)
    found = tagger(folder, aggregation_strategy="simple", stride=10)(text)
    assert len(found) > 3 * len(reports[1].mentions)
    assert found[-1]["end"] > len(text) - len(reports[1].text) / 2


def test_the_embeddings_are_those_of_the_run(folder: Path, run: Any) -> None:
    from transformers import AutoModelForTokenClassification

    model = AutoModelForTokenClassification.from_pretrained(folder)
    left = model.bert.embeddings.word_embeddings.weight
    assert torch.equal(left, run.network.words.encoder.embeddings.word_embeddings.weight)


def test_later_subwords_go_on_inside() -> None:
    logits = torch.tensor([[9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 9.0]])  # O, B, I
    taught = huggingface.answers(logits, [-1, 0, 1, 1, 2, -1])
    assert taught.sum(-1).tolist() == pytest.approx([0, 1, 1, 1, 1, 0])
    assert taught.argmax(-1).tolist()[1:5] == [0, 1, 2, 2]


ALPHABET = "قصف حلب\n\r٣7.,:/،«»()-ـَّ🚀یکآ_#\u200f\u00a0"


STRAY = re.compile(r"(^|[^قصفحلبیک])[ـَّ]|\d\W*\u200f")


@pytest.fixture(scope="module")
def tokenizer(run: Any) -> Any:
    return huggingface.hub_tokenizer(run)


@given(text=st.text(ALPHABET, max_size=24).filter(lambda t: not STRAY.search(t)))
def test_the_tokenizer_reads_raw_text_as_the_network_does(
    run: Any, tokenizer: Any, text: str
) -> None:
    """Marks that follow no letter are left aside: here they are words or cut numbers, there not."""
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    words = split_words(text)
    wanted = [(id, n) for n, ids in enumerate(run.reader.subwords(words.forms)) for id in ids]
    assert encoding["input_ids"] == [id for id, _ in wanted]
    for (start, end), (_, word) in zip(encoding["offset_mapping"], wanted, strict=True):
        assert words.spans[word][0] <= start <= end <= words.spans[word][1]


def test_the_command_exports_and_prints_what_is_kept(
    tiny_run: Path, corpus_folder: Path, tmp_path: Path
) -> None:
    gold = corpus_folder / "reports" / "all.txt"
    done = RUNNER.invoke(
        cli.app, ["export", str(tiny_run), str(tmp_path / "out"), "--to", "hf", "--real", str(gold)]
    )
    assert done.exit_code == 0, done.output
    assert "corpus-dev" in done.stdout
    assert "| all | exact | 1.000 |" in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_what_is_missing_is_told(tmp_path: Path, run: Any) -> None:
    done = RUNNER.invoke(cli.app, ["export", str(tmp_path), str(tmp_path / "out"), "--to", "hf"])
    assert done.exit_code == 2
    assert "is no finished run" in done.stderr
    kind = {"model_type": "vit"}
    (tmp_path / "config.json").write_text(json.dumps(kind), "utf-8")
    with pytest.raises(MarsadError, match="has no token classifier for a vit encoder"):
        huggingface.stock_model(tmp_path, run)
