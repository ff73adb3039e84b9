"""The corpus: every report compiles, splits are by report and spread, slips are told."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from marsad.cli import app
from marsad.corpus.splits import split_ids
from marsad.errors import MarsadError
from marsad.formats import jsonl
from marsad.schema import Report

corpus = pytest.importorskip("marsad_training.corpus", reason="needs the train extra")

FOLDER = Path(__file__).parents[1] / "training" / "corpus"


LATER = ("r", "hn-", "v", "w")  # how ids of reports begin that were written after the split
TRAPS = tuple(f"w{letter}-" for letter in "abcdefg")  # of them, quiet ones and traps


def _parts(later: bool) -> dict[str, list[Report]]:
    """The splits of the first 904 reports, or of those written later, known by their ids; without
    those of rare words."""
    splits = corpus.read_splits(FOLDER)
    return {
        name: [
            report
            for report in reports
            if report.id.startswith(LATER) == later and not report.id.startswith("lx-")
        ]
        for name, reports in splits.items()
    }


def _rare(reports: list[Report]) -> list[Report]:
    return [report for report in reports if report.id.startswith("lx-")]


def test_splits_cover_the_corpus_once_80_10_10() -> None:
    sizes = {name: len(reports) for name, reports in _parts(later=False).items()}
    assert sum(sizes.values()) == 904
    assert sizes["train"] == pytest.approx(0.8 * 904, rel=0.01)
    assert sizes["dev"] == pytest.approx(0.1 * 904, rel=0.03)


def test_later_reports_leave_the_test_split_as_it_was() -> None:
    """A tenth of them is in dev, and of those of quiet and traps all, for only reports that a
    network has not learnt tell how it takes quiet ones."""
    parts = _parts(later=True)
    assert not parts["test"]
    traps = {n: [r for r in reports if r.id.startswith(TRAPS)] for n, reports in parts.items()}
    assert {n: len(reports) for n, reports in traps.items()} == {"train": 0, "dev": 420, "test": 0}
    others = len(parts["dev"]) - 420
    assert others == pytest.approx(0.1 * (others + len(parts["train"])), abs=1)


def test_reports_of_rare_words_teach_and_measure_nothing() -> None:
    sizes = {name: len(_rare(reports)) for name, reports in corpus.read_splits(FOLDER).items()}
    assert sizes == {"train": 640, "dev": 0, "test": 0}


def test_theatres_and_genres_stand_in_every_split() -> None:
    splits = _parts(later=False)
    for key in (lambda r: r.id.split("-")[0], lambda r: r.style):
        parts = [Counter(key(r) for r in reports) for reports in splits.values()]
        common = {name for name, count in sum(parts, Counter()).items() if count >= 20}
        assert all(common <= set(part) for part in parts)


def test_written_splits_stay_where_they_are() -> None:
    written = json.loads((FOLDER / "splits.json").read_text("utf-8"))
    reports = corpus.read_reports(FOLDER / "reports")
    assert split_ids(reports, written.pop("seed"), written) == written


def test_new_reports_are_split_beside_the_old_ones(reports: list[Report]) -> None:
    old = [_other(reports[0], f"aa-{i:03}") for i in range(20)]
    earlier = split_ids(old, 1)
    parts = split_ids([*old, *(_other(r, r.id + "x") for r in old)], 1, earlier)
    assert all(set(earlier[name]) <= set(parts[name]) for name in corpus.SPLITS)
    assert {name: len(ids) for name, ids in parts.items()} == {"train": 32, "dev": 4, "test": 4}


def test_a_split_keeps_the_ids_of_reports_not_given(reports: list[Report]) -> None:
    old = [_other(reports[0], f"aa-{i:03}") for i in range(20)]
    earlier = split_ids(old, 1)
    parts = split_ids([_other(reports[0], "bb-1"), *old[:3]], 1, earlier)
    assert all(set(earlier[name]) <= set(parts[name]) for name in corpus.SPLITS)
    assert sum(map(len, parts.values())) == 21


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "broken JSON at column 2"),
        ("[1]", "should be an object that lists ids under train, dev, test"),
        ('{"train": 5}', "should be an object"),
        ('{"train": [5]}', "should be an object"),
        ('{"validation": ["a"]}', "should be an object"),
        ('{"train": ["a"], "dev": ["b"], "test": ["a"]}', "lists the id 'a' 2 times"),
    ],
)
def test_a_broken_splits_file_is_told(
    content: str, told: str, tmp_path: Path, reports: list[Report]
) -> None:
    (tmp_path / "a.jsonl").write_text(jsonl.write(reports), "utf-8")
    splits = tmp_path / "splits.json"
    splits.write_text(content, "utf-8")
    arguments = ["split", str(tmp_path / "a.jsonl"), "--from", "jsonl", "--write", str(splits)]
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, splits.read_text("utf-8")) == (2, content)
    assert f"marsad: {splits}" in done.stderr
    assert told in done.stderr


def test_a_near_copy_goes_where_its_original_is(reports: list[Report]) -> None:
    old = [_other(reports[0], f"aa-{i:03}") for i in range(20)]
    earlier = split_ids(old, 1)
    copies = [replace(r, id=r.id + "x", text=r.text + " ختام") for r in old]
    parts = split_ids([*old, *copies], 1, earlier)
    assert {
        name: [f"{id}{x}" for id in ids for x in ("", "x")] for name, ids in earlier.items()
    } == parts


def _other(report: Report, id: str) -> Report:
    """A report with that id and other words."""
    return replace(
        report, id=id, text=" ".join(f"{id}{n}" for n in range(40)), mentions=(), events=()
    )


def test_split_does_not_hang_on_order(reports: list[Report]) -> None:
    assert split_ids(reports, 3) == split_ids(reports[::-1], 3)


def test_dataset_rows_read_back_as_reports(corpus_folder: Path) -> None:
    data = corpus.to_dataset_dict(corpus_folder)
    assert {name: len(part) for name, part in data.items()} == {"train": 16, "dev": 2, "test": 2}
    gold = corpus.read_splits(corpus_folder)["dev"]
    assert [Report.from_dict(row) for row in data["dev"]] == gold


def test_missing_folder_names_itself(tmp_path: Path) -> None:
    with pytest.raises(MarsadError, match="no-such"):
        corpus.read_reports(tmp_path / "no-such")


def test_folder_without_reports_says_what_it_wants(tmp_path: Path) -> None:
    with pytest.raises(MarsadError, match=r"no \.txt or \.jsonl"):
        corpus.read_reports(tmp_path)


def test_splits_that_miss_a_report_are_refused(corpus_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "reports").symlink_to(corpus_folder / "reports")
    splits = json.loads((corpus_folder / "splits.json").read_text("utf-8"))
    splits["dev"].pop()
    (tmp_path / "splits.json").write_text(json.dumps(splits), "utf-8")
    with pytest.raises(MarsadError, match="bb-017"):
        corpus.read_splits(tmp_path)


def test_own_label_set_is_read_and_enforced(corpus_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "reports").symlink_to(corpus_folder / "reports")
    labels = corpus.default_labels().to_dict()
    labels["events"].remove("SHELLING")
    (tmp_path / "labels.json").write_text(json.dumps(labels), "utf-8")
    (tmp_path / "splits.json").write_bytes((corpus_folder / "splits.json").read_bytes())
    with pytest.raises(MarsadError, match="unknown event type 'SHELLING'"):
        corpus.read_splits(tmp_path)


def test_gold_of_a_corpus_folder_is_its_test_split() -> None:
    corpus = pytest.importorskip("marsad_training.corpus", reason="needs the train extra")
    folder = Path(__file__).parents[1] / "training/corpus"
    assert corpus.read_gold(folder) == corpus.read_splits(folder)["test"]
    assert len(corpus.read_gold(folder / "reports")) > len(corpus.read_gold(folder))
