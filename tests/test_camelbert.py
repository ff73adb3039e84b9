"""CAMeLBERT's kind of encoder, from its published files to a served artifact.

The base is made here as the hub holds CAMeLBERT: `vocab.txt` of WordPiece, `pytorch_model.bin` of
a masked language model, the old keys of `config.json`, and no `model_max_length`.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import marsad
from marsad.errors import MarsadError
from marsad.schema import Report
from marsad.score import score
from marsad.text import normalise, split_words

torch = pytest.importorskip("torch", reason="needs the train extra")

from marsad_training import adapt, cli, corpus, export, fit, learn, quantise, runs, start  # noqa: E402
from marsad_training import config as configs  # noqa: E402

NAME = "CAMeL-Lab/bert-base-arabic-camelbert-mix"
SPECIAL = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4}
CONFIG = {
    "architectures": ["BertForMaskedLM"], "attention_probs_dropout_prob": 0.1,
    "gradient_checkpointing": False, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
    "initializer_range": 0.02, "layer_norm_eps": 1e-12, "max_position_embeddings": 512,
    "model_type": "bert", "pad_token_id": 0, "position_embedding_type": "absolute",
    "transformers_version": "4.3.3", "type_vocab_size": 2, "use_cache": True,
}  # fmt: skip
SHAPE = {
    "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128,
}  # fmt: skip
TOKENIZER = {
    "do_lower_case": False, "strip_accents": None, "tokenize_chinese_chars": True,
    "do_basic_tokenize": True, "never_split": None, "unk_token": "[UNK]", "sep_token": "[SEP]",
    "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]",
}  # fmt: skip


def write_base(folder: Path, words: list[str]) -> None:
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertForMaskedLM

    folder.mkdir(parents=True)
    tokenizer = BertWordPieceTokenizer(lowercase=False, strip_accents=False)
    # too few pieces for whole words, and every letter, so that words are read in ## pieces
    tokenizer.train_from_iterator(
        words, vocab_size=150, min_frequency=1, show_progress=False, special_tokens=[*SPECIAL]
    )
    tokenizer.save_model(str(folder))
    facts = CONFIG | SHAPE | {"vocab_size": tokenizer.get_vocab_size()}
    (folder / "config.json").write_text(json.dumps(facts), "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(TOKENIZER), "utf-8")
    tokens = {key: value for key, value in TOKENIZER.items() if key.endswith("_token")}
    (folder / "special_tokens_map.json").write_text(json.dumps(tokens), "utf-8")
    torch.manual_seed(0)
    torch.save(BertForMaskedLM(BertConfig(**facts)).state_dict(), folder / "pytorch_model.bin")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> Path:
    folder = tmp_path_factory.mktemp("camel") / "base"
    write_base(folder, words)
    return folder


@pytest.fixture(scope="module")
def reader(base: Path) -> Any:
    return learn.load_reader(str(base), 380)


@pytest.fixture(scope="module")
def camel_config(base: Path, fit_config: Any) -> Any:
    return replace(fit_config, base=str(base), epochs=20, learning_rate=3e-3, limit=380)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, camel_config: Any) -> Path:
    return fit.fit(camel_config, tmp_path_factory.mktemp("runs") / "camel")


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory, run: Path) -> Path:
    target = tmp_path_factory.mktemp("artifact") / "camel"
    with pytest.MonkeyPatch.context() as patch:
        # so that the tables of the tiny base are as large as CAMeLBERT's: positions, not types
        patch.setattr(quantise, "_EMBEDDING", 5_000)
        export.export(run, target)
    return target


def test_the_tokenizer_is_read_as_published(reader: Any, words: list[str]) -> None:
    ids = (reader.pad_id, reader.unknown_id, reader.start_id, reader.end_id)
    assert ids == tuple(SPECIAL[name] for name in ("[PAD]", "[UNK]", "[CLS]", "[SEP]"))
    pieces = [reader.tokenizer.id_to_token(i) for ids in reader.subwords(words) for i in ids]
    assert any(piece.startswith("##") for piece in pieces)
    assert "[UNK]" not in pieces
    for form in ("أسقط", "آخرين", "Ain"):  # neither hamzas nor capitals are lost
        assert reader.tokenizer.normalizer.normalize_str(form) == form


LETTERS = "ابتجحخدرسقلمنهويأإآةىء \u064b\u064e\u0651\u0670\u0640،.:٣7,-#\u200f\ufffd\U0001f4a5\n"


@given(text=st.text(LETTERS))
def test_each_word_has_its_own_pieces(reader: Any, text: str) -> None:
    forms = split_words(text).forms
    found = reader.subwords(forms)
    assert [reader.subwords([form])[0] for form in forms] == found
    assert all(found)


@pytest.mark.slow
def test_fit_export_and_load_serve_one_model(
    run: Path, artifact: Path, corpus_folder: Path
) -> None:
    gold = corpus.read_splits(corpus_folder)["test"]
    extractor = marsad.load(artifact)
    found = score(gold, runs.read_again(extractor, gold))
    for task in ("mentions", "triggers", "arguments"):
        assert found.f1(task) > 0.9, task
    metrics = json.loads((artifact / "metrics.json").read_text("utf-8"))
    assert metrics["parity"]["fp32_tags_equal"] >= export.PARITY
    assert all(abs(cost["cost"]) < 0.05 for cost in metrics["int8_cost"].values())
    facts = json.loads((artifact / "config.json").read_text("utf-8"))
    assert facts["special_tokens"] == {"start": 2, "end": 3, "pad": 0, "unknown": 1}
    assert facts["limit"] == export.READ
    assert facts["network"]["encoder"]["layer_norm_eps"] == 1e-12
    opened = runs.open_run(run).network.words.encoder.config
    assert (opened.type_vocab_size, opened.max_position_embeddings) == (2, 512)


MARKS = "\u064e\u0651\u0640"


def vocalised(text: str) -> str:
    """A fatha, a shadda and a tatweel after each Arabic letter that another letter follows."""
    return re.sub(r"(?<=[ء-ي])(?=[ء-ي])", MARKS, text)


@pytest.mark.slow
def test_offsets_point_into_the_vocalised_text(artifact: Path, reports: list[Report]) -> None:
    extractor = marsad.load(artifact)
    for report in reports:
        plain = extractor.predict(report.text, report.date)
        text = vocalised(report.text)
        marked = extractor.predict(text, report.date)
        assert len(text) > 2 * len(report.text)
        assert plain.mentions
        assert plain.events
        for kind in ("mentions", "events"):
            left, right = getattr(plain, kind), getattr(marked, kind)
            assert [s.type for s in left] == [s.type for s in right]
            for a, b in zip(left, right, strict=True):
                surface = text[b.start : b.end]
                assert surface.translate(dict.fromkeys(map(ord, MARKS))) == plain.surface(a)
                assert normalise(surface.replace(" ", "")) == normalise(
                    plain.surface(a).replace(" ", "")
                )


@pytest.mark.slow
def test_a_long_report_is_read_in_windows_of_our_limit(
    artifact: Path, reports: list[Report]
) -> None:
    extractor = marsad.load(artifact)
    longest = []
    network = extractor.network

    def seen(arrays: Any) -> Any:
        longest.append(arrays["input_ids"].shape[1])
        return network(arrays)

    extractor.network = seen
    text = "\n\n".join(report.text for report in reports * 20)
    found = extractor.predict(text, "2022-01-04")
    assert max(longest) <= export.READ + 2
    assert len(longest) > 1
    last = text.rindex(reports[-1].text)
    assert any(mention.start >= last for mention in found.mentions)


@pytest.mark.slow
def test_the_tables_are_int8_by_row_and_the_products_int8(artifact: Path) -> None:
    graph = onnx.load(artifact / "model.onnx").graph
    kinds = {i.name: i.data_type for i in graph.initializer}
    rows = [name for name in kinds if name.endswith("embeddings.weight.int8")]
    assert len(rows) == 2  # words and positions; two token types are no table
    operations = [node.op_type for node in graph.node]
    assert operations.count("MatMulInteger") == 2 * 6


@pytest.mark.slow
def test_training_goes_on_from_the_artifact(run: Path, artifact: Path) -> None:
    old, back = runs.open_run(run), start.open_artifact(artifact)
    name = "words.encoder.embeddings.token_type_embeddings.weight"
    before, after = old.network.state_dict(), back.network.state_dict()
    torch.testing.assert_close(after[name], before[name])
    name = "words.encoder.embeddings.position_embeddings.weight"
    torch.testing.assert_close(after[name], before[name], atol=2e-3, rtol=0.02)


def test_the_encoder_may_be_adapted_first(base: Path, camel_config: Any, tmp_path: Path) -> None:
    (tmp_path / "flat.txt").write_text("الجيش B-ORG\nالعراقي I-ORG\nفي O\n\n" * 4, "utf-8")
    sets = (configs.TagSet("flat", ("flat.txt",)),)
    settings = configs.AdaptConfig(base=str(base), epochs=1, batch=4, sets=sets, passage=4)
    encoder = adapt.adapt(settings, tmp_path, tmp_path / "runs" / "adapt")
    config = replace(camel_config, base=str(encoder), epochs=1)
    opened = runs.open_run(fit.fit(config, tmp_path / "runs" / "fit"))
    assert opened.special == {"start": 2, "end": 3, "pad": 0, "unknown": 1}


def test_a_window_and_its_special_tokens_must_fit_512_positions(
    camel_config: Any, tmp_path: Path
) -> None:
    with pytest.raises(MarsadError, match=r"limit = 511 .* exceed the 512 positions"):
        fit.fit(replace(camel_config, limit=511), tmp_path / "run")


def test_a_hub_name_is_taken_from_the_cache(
    words: list[str], camel_config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    hub, commit = tmp_path / "hub", "0" * 40
    folder = hub / f"models--{NAME.replace('/', '--')}"
    write_base(folder / "snapshots" / commit, words)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(hub))
    run = fit.fit(replace(camel_config, base=NAME, epochs=1), tmp_path / "runs" / "camel")
    assert json.loads((run / "manifest.json").read_text("utf-8"))["base"] == NAME
    assert [stage["run"] for stage in runs.stages(run)] == ["camel"]


def test_a_hub_name_that_cannot_be_had_is_one_sentence(
    camel_config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    path = tmp_path / "camelbert.toml"
    path.write_text(
        f'base = "{NAME}"\ncorpus = "{camel_config.corpus}"\nepochs = 1\nbatch = 4\n', "utf-8"
    )
    run = tmp_path / "run"
    result = CliRunner().invoke(cli.app, ["fit", str(path), "--run", str(run)])
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"marsad: the base {NAME!r} is neither a folder ")
    assert line.endswith("or name a folder with --base")
    # nothing was learnt, so another base may be named for the same folder
    other = ["fit", str(path), "--run", str(run), "--base", camel_config.base]
    assert CliRunner().invoke(cli.app, other).exit_code == 0


@pytest.mark.parametrize("lost", ["pytorch_model.bin", "vocab.txt", "config.json"])
def test_a_base_that_lacks_a_file_is_one_sentence(
    lost: str, words: list[str], camel_config: Any, tmp_path: Path
) -> None:
    write_base(tmp_path / "base", words)
    (tmp_path / "base" / lost).unlink()
    config = replace(camel_config, base=str(tmp_path / "base"))
    with pytest.raises(MarsadError, match=r"the base '.*base' ") as error:
        fit.fit(config, tmp_path / "run")
    assert "\n" not in str(error.value)


def test_a_tokenizer_without_the_tokens_of_a_window_is_refused(base: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    backend = AutoTokenizer.from_pretrained(base).backend_tokenizer
    PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]").save_pretrained(tmp_path)
    with pytest.raises(MarsadError, match="lacks a token that starts, ends, pads or is unknown"):
        learn.load_reader(str(tmp_path), 380)


def test_the_size_that_int8_may_have_grows_with_the_network() -> None:
    shipped, camel = 30_000_000, 109_000_000
    assert export.largest(shipped) == 40 * 2**20
    assert camel < export.largest(camel) < 2 * camel
    assert np.isclose(export.largest(camel) / camel, export.largest(2 * camel) / 2 / camel)
