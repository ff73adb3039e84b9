"""The corpus as a data set: read back by `datasets`, equal and typed."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from marsad.schema import Labels, Report

datasets = pytest.importorskip("datasets", reason="needs the train extra")

from marsad_training import cli, corpus  # noqa: E402

ROOT = Path(__file__).parents[1]
RUNNER = CliRunner()
NAMES = {"train": "train", "dev": "validation", "test": "test"}


def written(target: Path, *options: str) -> Any:
    done = RUNNER.invoke(cli.app, ["dataset", str(target), *options])
    assert done.exit_code == 0, done.output
    return datasets.load_dataset(str(target), cache_dir=str(target.parent / "cache"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dataset") / "out"


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Any:
    return written(folder, "--corpus", str(ROOT / "training/corpus"))


def test_the_whole_corpus_comes_back_equal(loaded: Any) -> None:
    splits = corpus.read_splits(ROOT / "training/corpus")
    assert set(loaded) == set(NAMES.values())
    for name, gold in splits.items():
        assert [Report.from_dict(row) for row in loaded[NAMES[name]]] == gold


def test_every_split_has_the_same_types_and_a_date_stays_a_string(loaded: Any) -> None:
    for part in loaded.values():
        assert part.features == corpus.FEATURES
        assert part.data.schema.field("date").type == "string"
    assert corpus.to_dataset([]).features == corpus.FEATURES


def test_no_published_text_is_written(loaded: Any) -> None:
    lines = (ROOT / "training/corpus/real/annotations.jsonl").read_text("utf-8").splitlines()
    real = {json.loads(line)["id"] for line in lines}
    assert real
    assert not real & {id for part in loaded.values() for id in part["id"]}


def test_the_card_names_the_splits_and_that_reports_are_synthetic(
    loaded: Any, folder: Path
) -> None:
    _, front, card = (folder / "README.md").read_text("utf-8").split("---\n", 2)
    (config,) = yaml.safe_load(front)["configs"]
    assert [part["split"] for part in config["data_files"]] == list(NAMES.values())
    assert "synthetic" in card
    for name, part in loaded.items():
        assert f"| {name} | {len(part)} |" in card


def test_another_corpus_brings_its_own_labels(corpus_folder: Path, tmp_path: Path) -> None:
    data = written(tmp_path / "out", "--corpus", str(corpus_folder))
    gold = corpus.read_splits(corpus_folder)["dev"]
    assert [Report.from_dict(row) for row in data["validation"]] == gold
    assert Labels.read(tmp_path / "out" / "labels.json") == corpus.read_labels(corpus_folder)


def test_a_folder_that_is_no_corpus_is_told(tmp_path: Path) -> None:
    done = RUNNER.invoke(cli.app, ["dataset", str(tmp_path / "out"), "--corpus", str(tmp_path)])
    assert done.exit_code == 2
    assert "no such file or folder of annotated reports" in done.stderr
