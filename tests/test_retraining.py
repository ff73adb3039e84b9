"""Reports with a new label: a run goes on from the artifact, which old reports do not disturb."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

import marsad  # noqa: E402
from marsad.corpus.labels import extended  # noqa: E402
from marsad.errors import MarsadError  # noqa: E402
from marsad.formats import jsonl  # noqa: E402
from marsad.schema import Argument, Event, Labels, Mention, Report, default_labels  # noqa: E402
from marsad_training.encode import collate, encode_report  # noqa: E402
from marsad_training.export import export  # noqa: E402
from marsad_training.fit import fit  # noqa: E402
from marsad_training.runs import open_run  # noqa: E402
from marsad_training.training_data import Data, read_data  # noqa: E402


@pytest.fixture
def wider() -> Labels:
    return extended(default_labels(), ["CROP"], [])


@pytest.fixture
def new_corpus(tmp_path: Path, wider: Labels) -> Path:
    """Reports in which a word is of a type that the old label set does not know."""
    letter = wider.mentions["CROP"]
    reports = [
        Report(f"cr-{n}", f"حرق المسلحون القمح في البلدة {n}", "2022-01-04",
               (Mention(f"{letter}1", "CROP", 13, 18),), ())
        for n in range(12)
    ]  # fmt: skip
    return write_corpus(tmp_path / "new", wider, reports)


def write_corpus(folder: Path, labels: Labels, reports: list[Report]) -> Path:
    (folder / "reports").mkdir(parents=True)
    (folder / "reports" / "new.jsonl").write_text(jsonl.write(reports), "utf-8")
    (folder / "labels.json").write_text(json.dumps(labels.to_dict()), "utf-8")
    ids = [report.id for report in reports]
    parts = {"seed": 1, "train": ids[:10], "dev": ids[10:11], "test": ids[11:]}
    (folder / "splits.json").write_text(json.dumps(parts), "utf-8")
    return folder


def test_a_run_goes_on_from_an_artifact_with_a_new_label(
    tmp_path: Path, tiny_artifact: Path, new_corpus: Path, corpus_folder: Path, fit_config: Any
) -> None:
    config = replace(
        fit_config, base="default", init=str(tiny_artifact), corpus=str(new_corpus),
        replay=(str(corpus_folder),), replay_reports=5, epochs=1, train_reports=0,
    )  # fmt: skip
    data = read_data(config)
    assert [len(reports) for _, reports in data.replay] == [5]
    run = open_run(fit(config, tmp_path / "run"))
    assert "CROP" in run.labels.mentions
    assert run.network.mention_tags[3].out_features == 1 + 2 * len(run.labels.mentions)


def test_a_run_goes_on_with_a_new_event_type_and_its_role(
    tmp_path: Path, tiny_artifact: Path, corpus_folder: Path, fit_config: Any
) -> None:
    labels = extended(default_labels(), [], ["RELEASE"], {"freed": ["PERSON"]})
    event = Event("e1", "RELEASE", "occurred", 0, 4, (Argument("freed", "p1"),))
    reports = [
        Report(f"re-{n}", f"أفرج المسلحون عن قاسم سليماني في البلدة {n}", "2022-01-04",
               (Mention("p1", "PERSON", 17, 29),), (event,))
        for n in range(12)
    ]  # fmt: skip
    config = replace(
        fit_config, base="default", init=str(tiny_artifact), replay=(str(corpus_folder),),
        corpus=str(write_corpus(tmp_path / "new", labels, reports)), epochs=2,
    )  # fmt: skip
    folder = fit(config, tmp_path / "run")
    run = open_run(folder)
    assert run.network.trigger_tags[3].out_features == 1 + 2 * len(default_labels().events) + 2
    assert run.labels.roles == {**default_labels().roles, "freed": ("PERSON",)}
    export(folder, tmp_path / "artifact")
    served = marsad.load(tmp_path / "artifact")
    assert served.decoder.labels == labels
    read = served.predict(reports[0].text)
    assert read.text == reports[0].text
    assert not list(labels.problems(read))


def test_a_replayed_corpus_with_labels_that_the_own_lacks_is_told(
    tmp_path: Path, corpus_folder: Path, labels: Labels, fit_config: Any
) -> None:
    narrow = replace(labels, events=("RELEASE",))
    reports = [Report(f"re-{n}", f"صباح الخير {n}") for n in range(12)]
    own = write_corpus(tmp_path / "own", narrow, reports)
    config = replace(fit_config, corpus=str(own), replay=(str(corpus_folder),))
    with pytest.raises(MarsadError, match=r"has the label '[A-Z_]+', which the labels of .*own"):
        read_data(config)


def test_replayed_reports_teach_of_a_new_label_only_that_marked_words_are_none_of_it(
    tiny_artifact: Path, reports: list[Report], wider: Labels, fit_config: Any
) -> None:
    from marsad_training.runs import build_network
    from marsad_training.start import open_start, start_from

    source = open_start(tiny_artifact)
    torch.manual_seed(0)
    network = build_network(source.network.words, wider, source.config)
    start_from(network, wider, source)
    new = slice(-2, None)  # the tags of the last type

    def pull(reports: list[Report], marked_with: Labels | None) -> float:
        items = [i for r in reports for i in encode_report(r, wider, source.reader, marked_with)]
        network.zero_grad()
        network.sums(collate(items, source.reader.pad_id)).sum().backward()
        return float(network.mention_tags[3].bias.grad[new].abs().sum())

    bare = [replace(report, mentions=(), events=()) for report in reports]
    assert pull(bare, default_labels()) < 0.1 * pull(bare, None)
    assert pull(bare, default_labels()) < pull(reports, default_labels())


def test_each_new_type_has_a_letter_of_its_own() -> None:
    new = ["Planes", "Ports", "شخص", "مكان"]  # p is the letter of persons
    letters = extended(default_labels(), new, []).mentions
    assert len(set(letters.values())) == len(letters) == len(default_labels().mentions) + len(new)
    with pytest.raises(MarsadError, match="no letter is left for the ids of T"):
        extended(default_labels(), [f"T{n}" for n in range(26)], [])


def test_triggers_are_tuned_on_replayed_reports_whatever_is_new(labels: Labels) -> None:
    new = extended(labels, [], ["RELEASE"])
    data = Data(new, [], [], replay=((labels, []),))
    assert data.tuned_on.known == {"triggers", "reports", "mentions", "statuses"}
    data = Data(extended(labels, ["CROP"], []), [], [], replay=((labels, []),))
    assert "mentions" not in data.tuned_on.known


@pytest.mark.parametrize("part", ["train", "dev"])
def test_a_fit_without_reports_is_told_before_it_begins(
    part: str, corpus_folder: Path, fit_config: Any, tmp_path: Path
) -> None:
    folder = shutil.copytree(corpus_folder, tmp_path / "corpus")
    splits = json.loads((folder / "splits.json").read_text("utf-8"))
    splits["test"] += splits[part]
    splits[part] = []
    (folder / "splits.json").write_text(json.dumps(splits), "utf-8")
    with pytest.raises(MarsadError, match=rf"splits\.json: lists no report to use for {part}"):
        fit(replace(fit_config, corpus=str(folder)), tmp_path / "run")


def test_another_role_width_is_told(
    tiny_artifact: Path, corpus_folder: Path, fit_config: Any, tmp_path: Path
) -> None:
    config = replace(fit_config, init=str(tiny_artifact), role_width=7, corpus=str(corpus_folder))
    with pytest.raises(MarsadError, match="role_width"):
        fit(config, tmp_path / "run")
