"""Distillation: a network that learns the averaged answers of others."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")
import numpy as np  # noqa: E402

from marsad.errors import MarsadError  # noqa: E402
from marsad.schema import Report  # noqa: E402
from marsad_training.config import FitConfig  # noqa: E402
from marsad_training.encode import Features, collate, encode_report  # noqa: E402
from marsad_training.fit import fit  # noqa: E402
from marsad_training.runs import Run, build_network, open_run  # noqa: E402
from marsad_training.teach import Teacher, open_teachers, teach  # noqa: E402
from marsad_training.training_data import fold_of, read_data  # noqa: E402


@pytest.fixture(scope="module")
def opened(tiny_run: Path) -> Run:
    return open_run(tiny_run)


def _items(opened: Run, reports: list[Report]) -> list[Features]:
    return [i for r in reports for i in encode_report(r, opened.labels, opened.reader)]


def _other(opened: Run, seed: int, folds: int = 0, fold: int = 0) -> Teacher:
    torch.manual_seed(seed)
    other = build_network(opened.network.words, opened.labels, opened.config)
    return Teacher(other.eval(), folds, fold)


def test_the_target_is_the_mean_of_what_each_teacher_says(
    opened: Run, reports: list[Report]
) -> None:
    teachers = [_other(opened, seed) for seed in (1, 2)]
    each = []
    for chosen in ([teachers[0]], [teachers[1]], teachers):
        each.append(_items(opened, reports))
        teach(each[-1], chosen, 1.0, opened.reader.pad_id)
    for first, second, both in zip(*each, strict=True):
        words = len(both["word_starts"])
        for name in ("mention_tags", "trigger_tags"):
            assert both["taught"][name].shape[0] == words
            assert np.allclose(both["taught"][name].astype(float).sum(-1), 1, atol=2e-3)
            mean = (first["taught"][name] + second["taught"][name]) / 2
            assert np.allclose(both["taught"][name], mean, atol=2e-3)
        mean = (first["pair"]["gold"] + second["pair"]["gold"]) / 2
        assert np.allclose(both["pair"]["gold"], mean, atol=2e-3)
        begins = both["taught"]["trigger_tags"][:, 1::2].astype(float).sum(-1)
        assert np.allclose(both["taught"]["statuses"].astype(float).sum(-1), begins, atol=4e-3)


def test_a_report_is_told_of_by_those_who_did_not_see_it(
    opened: Run, reports: list[Report]
) -> None:
    pair = [_other(opened, fold + 1, folds=2, fold=fold) for fold in (0, 1)]
    bare = [Teacher(t.network) for t in pair]
    made = {}
    for name, chosen, new in (
        ("apart", pair, False), ("first", bare[:1], False), ("second", bare[1:], False),
        ("both", bare, False), ("raw", pair, True),
    ):  # fmt: skip
        made[name] = _items(opened, reports)
        teach(made[name], chosen, 1.0, opened.reader.pad_id, new)
    for n, item in enumerate(made["apart"]):
        one = made[("first", "second")[fold_of(item["report"], 2)]][n]
        assert np.allclose(item["taught"]["mention_tags"], one["taught"]["mention_tags"], atol=2e-3)
        assert np.allclose(item["pair"]["gold"], one["pair"]["gold"], atol=2e-3)
        raw, both = (made[name][n] for name in ("raw", "both"))
        assert np.allclose(raw["taught"]["statuses"], both["taught"]["statuses"], atol=2e-3)


def test_a_run_leaves_its_fold_out(fit_config: Any) -> None:
    every = {r.id for r in read_data(fit_config).train}
    left_out = [
        every - {r.id for r in read_data(replace(fit_config, folds=3, fold=fold)).train}
        for fold in range(3)
    ]
    assert set.union(*left_out) == every
    assert sum(map(len, left_out)) == len(every)


def test_without_a_share_the_loss_is_that_of_the_gold(opened: Run, reports: list[Report]) -> None:
    plain, taught = _items(opened, reports), _items(opened, reports)
    teach(taught, [_other(opened, 1)], 0.0, opened.reader.pad_id)
    for read in ("sums", "totals"):
        found = [
            getattr(opened.network, read)(collate(items, opened.reader.pad_id))
            for items in (plain, taught)
        ]
        assert torch.allclose(*found, rtol=1e-5)


def test_a_network_is_nearest_to_its_own_answers(opened: Run, reports: list[Report]) -> None:
    """Cross-entropy with a distribution is least where the answer is that distribution."""
    pad_id, losses = opened.reader.pad_id, []
    for teacher in (Teacher(opened.network), _other(opened, 1)):
        items = _items(opened, reports)
        teach(items, [teacher], 1.0, pad_id)
        batch = collate(items, pad_id)
        entropy = torch.stack(
            [
                -(batch["taught"][name] * batch["taught"][name].clamp(min=1e-6).log()).sum()
                for name in ("mention_tags", "trigger_tags")
            ]
        )
        losses.append(teacher.network.sums(batch)[:2] - entropy)
        assert torch.all(opened.network.sums(batch)[:2] - entropy > -0.05)
    assert torch.allclose(losses[0], torch.zeros(2), atol=0.05)


def test_a_student_learns_from_raw_reports_what_its_teacher_knows(
    tiny_run: Path, corpus_folder: Path, fit_config: Any, reports: list[Report], tmp_path: Path
) -> None:
    raw = tmp_path / "raw.jsonl"
    bare = [replace(r, id=f"raw-{n}") for n, r in enumerate([*reports] * 8)]
    raw.write_text("".join(r.to_json() + "\n" for r in bare), "utf-8")
    config = replace(
        fit_config, teachers=(str(tiny_run),), raw=(str(raw),), train_reports=2, epochs=60
    )
    history = json.loads((fit(config, tmp_path / "taught") / "manifest.json").read_text("utf-8"))
    assert history["raw_reports"] == len(bare)
    assert max(entry["eval_mentions"] for entry in history["history"]) > 0.9


def test_another_network_is_no_teacher(opened: Run) -> None:
    shipped = Path(__file__).parents[1] / "model/marsad/artifact"
    with pytest.raises(MarsadError, match="artifact: is no teacher of this network"):
        open_teachers([str(shipped)], opened.labels, opened.reader)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"raw": ("raw.jsonl",)}, "none is named"),
        ({"taught": 1.5}, "a share, from 0 to 1"),
        ({"folds": 1}, "folds are two or more"),
        ({"folds": 4, "fold": 4}, "fold is one of them"),
    ],
)
def test_a_configuration_that_teaches_nothing_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(MarsadError, match=said):
        FitConfig(base="default", epochs=1, batch=1, **wrong)
