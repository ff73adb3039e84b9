"""Training end to end on a tiny encoder: learns, exports, serves the same."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from marsad import load
from marsad.errors import MarsadError
from marsad.schema import Labels, Report
from marsad.score import score
from marsad.text import split_words

torch = pytest.importorskip("torch", reason="needs the train extra")
from marsad_training import adapt as adapting  # noqa: E402
from marsad_training import config as configs  # noqa: E402
from marsad_training import corpus, export, fit, learn, network, runs, tags  # noqa: E402
from marsad_training import training_data as data_of  # noqa: E402
from marsad_training.encode import collate, encode_report  # noqa: E402

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def opened(tiny_run: Path) -> Any:
    return runs.open_run(tiny_run)


def test_a_window_holds_what_the_gold_says(
    reports: list[Report], labels: Labels, tiny_base: Path
) -> None:
    reader = learn.load_reader(str(tiny_base), 60)
    (item,) = encode_report(reports[1], labels, reader)
    words = split_words(reports[1].text)
    assert len(item["word_starts"]) == len(words) == len(item["mention_tags"])
    names = tags.tag_names(labels.mentions)
    assert [names[t] for t in item["mention_tags"]] == tags.gold_tags(reports[1], "mentions")
    attacked = next(e for e in reports[1].events if e.type == "SHELLING")
    first, _ = words.span(attacked.start, attacked.end) or (0, 0)
    assert item["statuses"][first] == labels.statuses.index("possible")
    assert item["clitics"][first] == 1  # «ب» stands outside «قصف»
    assert item["pair"]["gold"].sum() == sum(len(e.arguments) for e in reports[1].events)


def test_spans_cut_by_a_window_are_left_out_of_the_loss(
    reports: list[Report], labels: Labels, tiny_base: Path
) -> None:
    reader = learn.load_reader(str(tiny_base), 12)
    items = encode_report(reports[0], labels, reader)
    assert len(items) > 1
    for item in items:
        assert item["mention_tags"][0] % 2 == 1 or item["mention_tags"][0] in (0, network.IGNORE)


def test_torch_and_numpy_score_roles_alike(opened: Any, reports: list[Report]) -> None:
    from marsad.decode import WordScores
    from marsad.spans import Span

    reader = replace(opened.reader, limit=60)
    items = [encode_report(report, opened.labels, reader)[0] for report in reports[:3]]
    assert sum(item["pair"] is not None for item in items) > 1
    batch = collate(items, opened.reader.pad_id)
    net: Any = opened.network
    with torch.inference_mode():
        out = net(batch["input_ids"], batch["attention_mask"], batch["word_starts"])
        logits = net.role_scores(out[4], out[5], batch["pairs"])
    decoder = runs.decoder_of(net, opened.labels)
    chances = []
    for b, (item, report) in enumerate(zip(items, reports, strict=False)):
        if (pair := item["pair"]) is None:
            continue
        triggers, mentions = (
            [Span(*span, type, 1.0) for span, type in zip(pair[at].tolist(), pair[of], strict=True)]
            for at, of in (("triggers", "event_types"), ("mentions", "mention_types"))
        )
        scores = WordScores(*(o[b].numpy() for o in out))
        found = decoder.role_chances(triggers, mentions, split_words(report.text), scores)
        chances.append(found.reshape(-1, found.shape[-1]))
    np.testing.assert_allclose(np.concatenate(chances), logits.sigmoid().numpy(), atol=1e-4)


def test_tiny_run_has_learnt_its_corpus(opened: Any, corpus_folder: Path) -> None:
    dev = corpus.read_splits(corpus_folder)["dev"]
    scores = runs.evaluate(runs.extractor_of(opened.network, opened.reader, opened.labels), dev)
    assert scores.f1("mentions") > 0.9
    assert scores.f1("triggers") > 0.9
    assert scores.f1("status") > 0.9
    assert scores.f1("arguments") > 0.8


def test_manifest_says_what_was_run(tiny_run: Path) -> None:
    manifest = json.loads((tiny_run / "manifest.json").read_text("utf-8"))
    assert manifest["config"]["seed"] == 1
    assert manifest["train_reports"] == 16
    assert len(manifest["train_hash"]) == 16
    assert manifest["versions"]["torch"] == torch.__version__
    assert all(set(h) >= {"eval_mean", "eval_mentions_tag_f1"} for h in manifest["history"])
    assert len(manifest["history"]) == 30


def test_artifact_serves_what_torch_scored(
    opened: Any, tiny_artifact: Path, corpus_folder: Path
) -> None:
    gold = corpus.read_splits(corpus_folder)["test"]
    served = load(tiny_artifact)
    torch_served = runs.extractor_of(
        opened.network, opened.reader, opened.labels, served.decoder.settings
    )
    words = [split_words(report.text) for report in gold]
    assert export.tag_parity(torch_served.score_words(words), served.score_words(words)) >= 0.995
    metrics = json.loads((tiny_artifact / "metrics.json").read_text("utf-8"))
    assert metrics["parity"]["fp32_tags_equal"] >= export.PARITY
    read = served.predict_many([r.text for r in gold], ids=[r.id for r in gold])
    measured = metrics["scores"]["corpus-test"]["mentions"]["f1"]
    assert measured == pytest.approx(score(gold, read).f1("mentions"), abs=1e-4)


def test_wrong_weights_are_refused(tiny_run: Path, tmp_path: Path) -> None:
    broken = tmp_path / "run"
    shutil.copytree(tiny_run, broken, ignore=shutil.ignore_patterns("checkpoints"))
    facts = json.loads((broken / "run.json").read_text("utf-8"))
    facts["labels"]["events"].append("EARTHQUAKE")
    (broken / "run.json").write_text(json.dumps(facts), "utf-8")
    with pytest.raises(MarsadError, match=r"network\.safetensors: holds weights of another"):
        runs.open_run(broken)


def test_unfinished_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(MarsadError, match="is no finished run"):
        runs.open_run(tmp_path)


def test_seed_decides_the_run(fit_config: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    config = replace(fit_config, epochs=1)
    made = [fit.fit(replace(config, seed=s), tmp_path / f"{i}") for i, s in enumerate((1, 1, 2))]
    a, b, c = (load_file(one / "network.safetensors")["mention_tags.3.weight"] for one in made)
    torch.testing.assert_close(a, b)
    assert not torch.allclose(a, c)


def test_adaptation_trains_an_encoder_that_fit_takes(
    tiny_base: Path, fit_config: Any, tmp_path: Path
) -> None:
    (tmp_path / "flat.txt").write_text(
        "الجيش B-ORG\nالعراقي I-ORG\nفي O\nحلب B-LOC\n\n" * 8, "utf-8"
    )
    (tmp_path / "nested.txt").write_text("محافظة B-GPE\nحلب I-GPE B-LOC\n\n" * 8, "utf-8")
    sets = (
        configs.TagSet("flat", ("flat.txt",), test=("flat.txt",), repeat=20),
        configs.TagSet("nested", ("nested.txt",), nested=True, share=0.5),
    )
    config = configs.AdaptConfig(
        base=str(tiny_base), epochs=2, batch=4, limit=40, sets=sets, passage=4, learning_rate=3e-3
    )
    folder = adapting.adapt(config, tmp_path, tmp_path / "runs" / "adapt")
    manifest = json.loads((tmp_path / "runs/adapt/manifest.json").read_text("utf-8"))
    # 8 passages of one sentence in batches of 4, 20 times; half of 4 passages of two sentences
    assert manifest["batches"] == 2 * 20 + 1
    assert manifest["test_f1"] == {"flat": 1.0}  # learnt by heart: the scorer and the head agree
    fit.fit(replace(fit_config, base=str(folder), epochs=1), tmp_path / "runs" / "fit")


def test_neighbouring_sentences_make_a_passage() -> None:
    a, b, c = ([(w, ["O"]) for w in text.split()] for text in ("قصف حلب", "وقع اليوم", "انتهى"))
    assert adapting.passages([a, b, c], 4) == [a + b, c]
    assert adapting.passages([a, b, c], 1) == [a, b, c]


def test_split_clitics_go_back_to_their_word(tmp_path: Path) -> None:
    path = tmp_path / "split.txt"
    path.write_text(
        "\ufeff\u200eو\tO\n\u200eب\tO\n\u200eحلب\tB-LOC\n\u200eمدن\tO\n\u200eها\tO\n\t\n", "utf-8"
    )
    assert adapting.read_columns(path, split_clitics=True) == [
        [("وبحلب", ["B-LOC"]), ("مدنها", ["O"])]
    ]


def test_the_average_follows_and_leaves_the_weights(tiny_base: Path) -> None:
    layer = torch.nn.Linear(2, 1, bias=False)
    average = learn.Average(layer, 0.5)
    for step, value in enumerate((1.0, 3.0, 5.0), start=1):
        layer.weight.data.fill_(value)
        average.on_step_end(None, type("State", (), {"global_step": 1000 * step}), None)
    start = average.mean["weight"].clone()
    with average.applied():
        assert torch.equal(layer.weight, start)
    assert torch.equal(layer.weight, torch.full((1, 2), 5.0))
    assert 3.0 < float(start[0, 0]) < 5.0


def test_nested_tags_have_a_layer_for_each_type() -> None:
    sentence = [("محافظة", ["B-GPE"]), ("حلب", ["I-GPE", "B-LOC"])]
    assert adapting.tag_layers([sentence], nested=True) == [
        ["O", "B-GPE", "I-GPE"], ["O", "B-LOC", "I-LOC"],
    ]  # fmt: skip
    assert adapting.tag_layers([sentence], nested=False) == [
        ["O", "B-GPE", "I-GPE", "B-LOC", "I-LOC"]
    ]


def test_wordpiece_base_like_camelbert_trains_too(
    fit_config: Any, words: list[str], tmp_path: Path
) -> None:
    """WordPiece, 512 positions, no model_max_length: what CAMeLBERT's published files hold."""
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel

    base = tmp_path / "camel"
    tokenizer = BertWordPieceTokenizer(lowercase=False, strip_accents=False)
    tokenizer.train_from_iterator(words, vocab_size=300, min_frequency=1, show_progress=False)
    base.mkdir()
    tokenizer.save_model(str(base))
    (base / "tokenizer_config.json").write_text(
        json.dumps({"do_lower_case": False, "tokenizer_class": "BertTokenizer"}), "utf-8"
    )
    size = tokenizer.get_vocab_size()
    shape = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    BertModel(BertConfig(vocab_size=size, max_position_embeddings=512, **shape)).save_pretrained(
        base
    )
    made = fit.fit(
        replace(fit_config, base=str(base), epochs=1, limit=510), tmp_path / "runs" / "camel"
    )
    assert runs.open_run(made).special["start"] == tokenizer.token_to_id("[CLS]")


def test_window_limit_must_fit_the_positions(fit_config: Any, tmp_path: Path) -> None:
    with pytest.raises(MarsadError, match="exceed the 64 positions"):
        fit.fit(replace(fit_config, limit=200), tmp_path / "run")


def test_unknown_base_is_named(fit_config: Any, tmp_path: Path) -> None:
    with pytest.raises(MarsadError, match="no/such-model"):
        fit.fit(replace(fit_config, base="no/such-model"), tmp_path / "run")


@pytest.mark.parametrize("name", ["base", "smoke", "camelbert", "grow", "teacher", "teach"])
def test_shipped_configurations_are_read(name: str) -> None:
    config = configs.load(ROOT / "training/configs" / f"{name}.toml", configs.FitConfig)
    assert config.epochs > 0


def test_wrong_key_in_a_configuration_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('base = "default"\nepochs = 1\nbatch = 2\nlearnin_rate = 1\n', "utf-8")
    with pytest.raises(MarsadError, match=r"c\.toml: unknown key 'learnin_rate'"):
        configs.load(path, configs.FitConfig)


def test_absent_real_reports_are_left_out_with_a_word(
    fit_config: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    data = data_of.read_data(replace(fit_config, real=("no/such.jsonl",)))
    assert len(data.train) == 16
    assert "no/such.jsonl is absent" in capsys.readouterr().err


def test_layers_learn_slower_the_deeper_they_lie(opened: Any) -> None:
    config = replace(opened.config, table_factor=7.0)
    groups = learn.parameter_groups(opened.network, config)
    rate_of = {id(p): g["lr"] for g in groups for p in g["params"]}
    named = dict(opened.network.named_parameters())
    top = rate_of[id(named["words.encoder.encoder.layer.1.output.dense.weight"])]
    below = rate_of[id(named["words.encoder.encoder.layer.0.output.dense.weight"])]
    assert below == pytest.approx(top * opened.config.layer_decay)
    assert rate_of[id(named["clitics.weight"])] == opened.config.learning_rate
    heads = config.learning_rate * config.head_factor
    for table in ("pair_bias", "feature_bias.0"):
        assert rate_of[id(named[table])] == pytest.approx(heads * 7)
