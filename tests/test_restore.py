"""Stand-off annotation: written without texts, put back from sources, refused when they changed."""

import json
from pathlib import Path

import pytest

from marsad.errors import MarsadError
from marsad.schema import Mention, Report

restore = pytest.importorskip("marsad_training.restore", reason="needs the train extra")

ARTICLE = "<DOC><TITLE>قصف حلب</TITLE>\n<TEXT>\nقصف الطيران أمس\nمدينة حلب. نهاية\n</TEXT></DOC>"
TEXT = "قصف حلب\n\nقصف الطيران أمس مدينة حلب."


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "antcorpus" / "news"
    folder.mkdir(parents=True)
    (folder / "1.txt").write_text(ARTICLE, "utf-8")
    return tmp_path


@pytest.fixture
def annotations(tmp_path: Path) -> Path:
    mention = Mention("l1", "LOCATION", 4, 7)
    report = Report("x-1", TEXT, "2016-01-02", (mention,))
    record = restore.strip(report, "antcorpus/news/1.txt", [(0, 2), (2, 7)])
    path = tmp_path / "annotations.jsonl"
    path.write_text(json.dumps(record, ensure_ascii=False) + "\n", "utf-8")
    return path


def test_no_word_of_the_text_is_written(annotations: Path) -> None:
    written = annotations.read_text("utf-8")
    assert not any(word in written for word in TEXT.split())


def test_text_comes_back(annotations: Path, data: Path) -> None:
    (report,) = restore.restore(annotations, data)
    assert report.text == TEXT
    assert report.surface(report.mentions[0]) == "حلب"


def test_a_post_is_known_by_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "palestine-alerts"
    folder.mkdir()
    (folder / "labels.jsonl").write_text('{"text": "غارة  على\\nرفح"}\n{"text": "قصف"}\n', "utf-8")
    path = tmp_path / "annotations.jsonl"
    for line, held in (("1", True), ("3", False)):
        report = Report("p-1", "غارة على رفح", "2026-07-14")
        record = restore.strip(report, f"palestine-data-backend/labels.jsonl/{line}", [(0, 3)])
        path.write_text(json.dumps(record) + "\n", "utf-8")
        if held:
            assert [r.text for r in restore.restore(path, tmp_path)] == [report.text]
        else:
            with pytest.raises(MarsadError, match=r"labels\.jsonl/3 is not in"):
                list(restore.restore(path, tmp_path))


def test_changed_source_is_refused_with_its_line(annotations: Path, data: Path) -> None:
    (data / "antcorpus/news/1.txt").write_text(ARTICLE.replace("أمس", "اليوم"), "utf-8")
    with pytest.raises(MarsadError, match=r"line 1: the text of antcorpus/news/1\.txt is not"):
        list(restore.restore(annotations, data))


def test_paragraphs_of_another_shape_are_told(annotations: Path, data: Path) -> None:
    record = json.loads(annotations.read_text("utf-8"))
    for paragraphs in ([5], [["a", "b"]], [[1, 2, 3]]):
        annotations.write_text(json.dumps(record | {"paragraphs": paragraphs}), "utf-8")
        with pytest.raises(MarsadError, match=r"line 1: 'paragraphs' should list pairs"):
            list(restore.restore(annotations, data))


def test_absent_source_is_named(annotations: Path, tmp_path: Path) -> None:
    with pytest.raises(MarsadError, match=r"antcorpus/news/1\.txt"):
        list(restore.restore(annotations, tmp_path / "elsewhere"))


def test_shipped_annotation_holds_no_text() -> None:
    path = Path(__file__).parents[1] / "training/corpus/real/annotations.jsonl"
    for line in path.read_text("utf-8").splitlines():
        record = json.loads(line)
        assert "text" not in record
        assert all("text" not in s for s in (*record["entities"], *record["events"]))


def test_an_id_used_twice_is_named(annotations: Path, data: Path) -> None:
    annotations.write_text(annotations.read_text("utf-8") * 2, "utf-8")
    with pytest.raises(MarsadError, match=r"annotations\.jsonl.*2.*'x-1' is used twice"):
        list(restore.restore(annotations, data))


def test_committed_annotation_uses_each_id_once() -> None:
    path = Path(__file__).parents[1] / "training/corpus/real/annotations.jsonl"
    ids = [json.loads(line)["id"] for line in path.read_text("utf-8").splitlines()]
    assert len(ids) == len(set(ids)) > 0


def test_news_without_excerpts_is_told_apart(annotations: Path, data: Path) -> None:
    for name, body in (("2", "هدنة في تعز. انتهى"), ("3", "فتح معبر رفح. انتهى")):
        text = f"<DOC><TITLE>خبر {name}</TITLE><TEXT>{body}</TEXT></DOC>"
        (data / f"antcorpus/news/{name}.txt").write_text(text, "utf-8")
    newswire = data / "anercorp-camel"
    newswire.mkdir()
    train = newswire / "ANERCorp_CamelLab_train.txt"
    train.write_text("بغداد B-LOC\nهادئة O\n\nالبصرة B-LOC\n", "utf-8")
    held = [Report("r-1", "فتح  معبر رفح.", "2016-01-02")]
    assert list(restore.unread(annotations, data, held)) == [
        ("2", "خبر 2 هدنة في تعز. انتهى"),
        ("anercorp-0", "بغداد هادئة البصرة"),
    ]


def test_absent_news_is_named(annotations: Path, tmp_path: Path) -> None:
    with pytest.raises(MarsadError, match="antcorpus: is absent"):
        list(restore.unread(annotations, tmp_path / "elsewhere"))
