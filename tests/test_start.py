"""Training starts from a run or from the served artifact, and heads grow for new labels."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

import marsad  # noqa: E402
from marsad.errors import MarsadError  # noqa: E402
from marsad.schema import Labels, Report  # noqa: E402
from marsad.text import split_words  # noqa: E402
from marsad_training.encode import collate, encode_report  # noqa: E402
from marsad_training.export import tag_parity  # noqa: E402
from marsad_training.runs import Run, build_network, extractor_of, open_run, stages  # noqa: E402
from marsad_training.start import open_artifact, open_start, start_from, warm_up  # noqa: E402


def test_an_artifact_gives_back_the_weights_of_its_run(tiny_run: Path, tiny_artifact: Path) -> None:
    old, back = open_run(tiny_run), open_artifact(tiny_artifact)
    assert back.labels == old.labels
    before = old.network.state_dict()
    for name, found in back.network.state_dict().items():
        if name == "words.mix":  # only its softmax counts
            found, before[name] = found.softmax(0), before[name].softmax(0)
        if not found.is_floating_point() or "pooler" in name:  # which nothing reads
            continue
        spread = before[name].abs().max().clamp(min=1e-3)
        # inputs of the second feed-forward product are evened out, so that its weights are coarser
        # where inputs are small
        most = 0.1 if name.endswith(".output.dense.weight") else 0.02
        assert ((found - before[name]).abs() / spread).max() < most, name


def test_an_artifact_is_read_like_it_serves(tiny_artifact: Path, reports: list[Report]) -> None:
    run = open_artifact(tiny_artifact)
    served = marsad.load(tiny_artifact)
    trained = extractor_of(run.network, run.reader, run.labels, served.decoder.settings)
    words = [split_words(report.text) for report in reports]
    assert tag_parity(trained.score_words(words), served.score_words(words)) > 0.98


def test_attention_dropout_is_off_wherever_training_starts(
    tiny_run: Path, tiny_artifact: Path
) -> None:
    for run in (open_run(tiny_run), open_artifact(tiny_artifact)):
        encoder: Any = run.network.words.encoder
        assert encoder.config.attention_probs_dropout_prob == 0


def test_a_run_that_goes_on_from_an_artifact_tells_its_stages(
    tiny_artifact: Path, tmp_path: Path
) -> None:
    facts = {"config": {"base": "default", "init": str(tiny_artifact)}, "seconds": 2.0}
    (tmp_path / "manifest.json").write_text(json.dumps(facts), "utf-8")
    before = json.loads((tiny_artifact / "metrics.json").read_text("utf-8"))["training"]["stages"]
    assert before
    assert list(stages(tmp_path)) == [*before, {"run": tmp_path.name, "seconds": 2}]


def test_the_shipped_artifact_can_be_trained_on(reports: list[Report]) -> None:
    served = marsad.load()
    run = open_artifact(Path(marsad.__file__).parent / "artifact")
    trained = extractor_of(run.network, run.reader, run.labels, served.decoder.settings)
    words = [split_words(report.text) for report in reports]
    assert tag_parity(trained.score_words(words), served.score_words(words)) > 0.98


def test_heads_grow_for_new_labels_and_keep_the_old(tiny_run: Path) -> None:
    run = open_run(tiny_run)
    old = run.labels
    wider = Labels(
        {"VEHICLE": "v", **old.mentions}, ("RAID", *old.events), (*old.statuses, "claimed"),
        {"route": ("VEHICLE",), **{r: (*t, "VEHICLE") for r, t in old.roles.items()}}, old.values,
    )  # fmt: skip
    network = build_network(run.network.words, wider, run.config)
    start_from(network, wider, run)
    tags, was = network.mention_tags[3].weight, run.network.mention_tags[3].weight
    assert torch.equal(tags[0], was[0])  # outside
    assert torch.equal(tags[3:], was[1:])  # VEHICLE took rows 1 and 2
    assert torch.equal(network.pair_bias[1:, 1:, 1:], run.network.pair_bias)
    assert torch.equal(network.statuses[3].bias[:-1], run.network.statuses[3].bias)
    narrower = replace(old, events=old.events[1:])
    network = build_network(run.network.words, narrower, run.config)
    start_from(network, narrower, run)
    assert torch.equal(network.trigger_tags[3].bias[1:], run.network.trigger_tags[3].bias[3:])


def test_what_is_neither_run_nor_artifact_is_told(tmp_path: Path) -> None:
    with pytest.raises(MarsadError, match=r"no finished run .* and no artifact"):
        open_start(tmp_path)


def test_rows_of_new_labels_are_fitted_before_training_and_no_other(
    tiny_run: Path, reports: list[Report]
) -> None:
    run = open_run(tiny_run)
    new = run.labels.events.index(reports[0].events[0].type)
    old = replace(run.labels, events=(*run.labels.events[:new], *run.labels.events[new + 1 :]))
    narrow = build_network(run.network.words, old, run.config)
    start_from(narrow, old, run)
    torch.manual_seed(0)
    network = build_network(run.network.words, run.labels, run.config)
    start_from(network, run.labels, Run(narrow, run.reader, old, run.config, run.special))
    items = [i for r in reports for i in encode_report(r, run.labels, run.reader)]
    batch = collate(items, run.reader.pad_id)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    gold = batch["trigger_tags"] == 1 + 2 * new
    assert gold.any()

    def certainty() -> float:
        with torch.no_grad():
            scores = network.eval()(
                *(batch[name] for name in ("input_ids", "attention_mask", "word_starts"))
            )[1]
        return float(scores.softmax(-1)[gold, 1 + 2 * new].mean())

    drawn = certainty()
    warm_up(network, old, run.labels, items, run.reader.pad_id)
    assert certainty() > max(0.5, drawn)
    for name, value in network.state_dict().items():
        old_rows = torch.ones(len(value), dtype=torch.bool) if value.dim() else ...
        if name.startswith("trigger_tags.3"):
            old_rows[1 + 2 * new : 3 + 2 * new] = False
        assert torch.equal(value[old_rows], before[name][old_rows]), name
