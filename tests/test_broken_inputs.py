"""Broken annotations: each gets its sentence, none crashes, none passes in silence."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from marsad.cli import app

RUNNER = CliRunner()
TEXT = "قصف حلب أمس"
MENTION = {"id": "l1", "type": "LOCATION", "start": 4, "end": 7, "text": "حلب"}
EVENT = {"id": "e1", "type": "SHELLING", "status": "occurred", "start": 0, "end": 3, "text": "قصف"}


def record(*mentions: dict[str, object], events: object = (), **more: object) -> str:
    data = {"id": "a", "date": "2022-01-04", "text": TEXT, "entities": mentions, "events": events}
    return json.dumps({**data, **more}) + "\n"


def task(*results: object, **data: object) -> str:
    whole = {"data": {"text": TEXT, **data}, "annotations": [{"result": results}]}
    return json.dumps([whole])


def region(start: float, end: int, label: str, text: str | None = None, **more: object) -> object:
    value = {"start": start, "end": end, "labels": [label], **({"text": text} if text else {})}
    return {"id": f"{label}{start}", "type": "labels", "value": value, **more}


def entity(id: int, label: str, start: object, end: object) -> dict[str, object]:
    return {"id": id, "label": label, "start_offset": start, "end_offset": end}


def doccano(*entities: object, relations: object = (), text: object = TEXT) -> str:
    return json.dumps({"text": text, "entities": entities, "relations": relations}) + "\n"


def relation(source: int, target: int, type: str) -> dict[str, object]:
    return {"id": 9, "from_id": source, "to_id": target, "type": type}


def choice(id: str, *names: object) -> object:
    return {"id": id, "type": "choices", "value": {"choices": names}}


def exact(*where: object) -> str:
    span = {"start": 4, "end": 7, "label": "LOCATION"}
    facts = {"marsad_facts": {"exact": {"4-7-LOCATION": where}}}
    return json.dumps({"text": TEXT, "ents": [span], "_": facts}) + "\n"


DEEP = "[" * 200_000
DIGITS = '{"text": "x", "id": ' + "9" * 5000 + "}\n"
# format, content (a string, bytes, or the files of a folder), a piece of the sentence
BROKEN: list[tuple[str, str | bytes | dict[str, str], str]] = [
    # JSON lines
    ("jsonl", "", "the file is empty"),
    ("jsonl", "قصف".encode("cp1256"), "is not UTF-8"),
    ("jsonl", record(MENTION) + "{broken\n", "line 2: broken JSON at column 2"),
    ("jsonl", "[1, 2]\n", "line 1: should be a JSON object"),
    ("jsonl", json.dumps({"id": "a"}) + "\n", "the key 'text' is missing"),
    ("jsonl", json.dumps({"text": 5}) + "\n", "text"),
    ("jsonl", json.dumps({"text": " "}) + "\n", "has no text"),
    ("jsonl", record({**MENTION, "type": "LOCATON"}), "did you mean LOCATION?"),
    ("jsonl", record({**MENTION, "type": "TANK"}), "unknown label 'TANK'; known are"),
    ("jsonl", record({**MENTION, "start": 40, "end": 43, "text": None}), "lies outside the text"),
    ("jsonl", record({**MENTION, "text": "دمشق"}), "does not read «دمشق»"),
    ("jsonl", record({**MENTION, "start": "four"}), "line 1"),
    ("jsonl", record({**MENTION, "start": 4.9}), "whole numbers"),
    ("jsonl", record({**MENTION, "start": 1e999}), "whole numbers"),
    ("jsonl", record({**MENTION, "value": 5}), "5 should be a string"),
    ("jsonl", record({**MENTION, "score": "high"}), "l1: a score should be a number"),
    ("jsonl", record(MENTION, events=[{**EVENT, "status": 5}]), "5 should be a string"),
    ("jsonl", record(MENTION, style=5), "5 should be a string"),
    ("jsonl", DIGITS, "too many digits"),
    ("jsonl", DEEP, "nested too deeply"),
    ("jsonl", record(MENTION, {**MENTION, "id": "l2", "start": 4, "end": 11, "text": "حلب أمس"}), "overlaps"),
    ("jsonl", record(MENTION, events=[{**EVENT, "status": "ocurred"}]), "did you mean occurred?"),
    ("jsonl", record(MENTION, events=[{**EVENT, "arguments": [{"role": "plase", "id": "l1"}]}]), "did you mean place?"),
    ("jsonl", record(MENTION, events=[{**EVENT, "arguments": [{"role": "place", "id": "l9"}]}]), "'l9', which is no mention"),
    ("jsonl", record(MENTION, events=[{**EVENT, "arguments": [{"role": "time", "id": "l1"}]}]), "cannot take a LOCATION"),
    ("jsonl", record({**MENTION, "value": "3"}), "'3' is no value of a LOCATION"),
    ("jsonl", record(MENTION, date="4 May"), "'4 May' is not a day"),
    ("jsonl", record(MENTION, same=[["l1", "l7"]]), "names l7, not read here"),
    # markup
    ("markup", "قصف [حلب|l1]\n", "holds no report"),
    ("markup", "### id=a date=2022-01-04\nقصف [حلب|l1\n---\n", "a stray bracket"),
    ("markup", "### id=a date=2022-01-04\nقصف [حلب|l1]\n", "no '---' line"),
    ("markup", "### id=a date=2022-01-04\nقصف [حلب|l1] [أمس|l1]\n---\n", "is used twice"),
    ("markup", "### id=a date=2022-01-04\n[قصف|e1] حلب\n---\n", "has no event line"),
    ("markup", "### id=a date=2022-01-04\n[قصف|e1] حلب\n---\ne1 BANG occurred\n", "unknown event type"),
    # CoNLL
    ("conll", "قصف\nحلب\n", "should be a token and its tag"),
    ("conll", "قصف O\nحلب B-LOCATOIN\n", "did you mean LOCATION?"),
    ("conll", "قصف O\nحلب\n", "line 2"),
    # brat
    ("brat", "قصف", "is no folder"),
    ("brat", {"a.ann": ""}, "holds no .txt file"),
    ("brat", {"a.txt": TEXT}, "has no .ann file"),
    ("brat", {"a.txt": TEXT, "a.ann": "T1\tLOCATION 4\tحلب\n"}, "line 1"),
    ("brat", {"a.txt": TEXT, "a.ann": "T1\tLOCATION 4 7\tدمشق\n"}, "does not read «دمشق»"),
    ("brat", {"a.txt": TEXT, "a.ann": "T1\tLOCATION 0 3;8 11\tقصف أمس\n"}, "discontinuous"),
    ("brat", {"a.txt": TEXT, "a.ann": "X1 what\n"}, "is no line of brat"),
    ("brat", {"a.txt": TEXT, "a.ann": "T1\tSHELLING 0 3\tقصف\nE1\tSHELLING:T1 place:T9\n"}, "'T9', which is no mention"),
    ("brat", {"a.txt": TEXT, "a.ann": "T1\tLOCATION 4 7\tحلب\nA1\tSure T1\n"}, "is no status"),
    ("brat", {"a.txt": "", "a.ann": ""}, "has no text"),
    ("brat", {"a.txt": TEXT, "a.ann": "", "metadata.tsv": "file\tid\tdate\tstyle\na\rb\tx\t\t\n"}, "carriage return"),
    # Label Studio
    ("label-studio", "{", "broken JSON"),
    ("label-studio", json.dumps([{"data": {"image": "x.png"}}]), "no string under 'text'"),
    ("label-studio", json.dumps([{"data": {"text": TEXT}, "annotations": []}]), "has no annotation"),
    ("label-studio", json.dumps([{"data": {"text": TEXT}, "annotations": [{"result": []}, {"result": []}]}]), "has 2 annotations"),
    ("label-studio", task(region(4, 7, "LOCATIONS", "حلب")), "did you mean LOCATION?"),
    ("label-studio", task(region(4, 70, "LOCATION", "دمشق")), "does not read «دمشق»"),
    ("label-studio", task({"id": "x", "type": "rectanglelabels", "value": {}}), "'rectanglelabels' is not read"),
    ("label-studio", task({"id": "x", "type": "labels", "value": {"labels": ["LOCATION"]}}), "not shaped like"),
    ("label-studio", json.dumps([5]), "not shaped like"),
    ("label-studio", task(region(4.9, 7, "LOCATION")), "4.9 is no whole number"),
    ("label-studio", task(region(0, 3, "SHELLING"), choice("SHELLING0", 5)), "not shaped like"),
    ("label-studio", task(region(0, 3, "SHELLING"), choice("SHELLING0")), "not shaped like"),
    ("label-studio", "[]", "holds no report"),
    ("label-studio", DEEP, "nested too deeply"),
    # doccano
    ("doccano", doccano(entity(1, "LOCATION", 4.9, 7)), "4.9 is no whole number"),
    ("doccano", DIGITS, "too many digits"),
    ("doccano", doccano(entity(1, "LOCATION", 4, 99)), "lies outside the text"),
    ("doccano", doccano(entity(1, "LOCATION", "x", 7)), "not shaped like"),
    ("doccano", doccano(entity(1, "LOCATION", 4, 7), relations=[relation(1, 2, "place")]), "which is no event read here"),
    ("doccano", doccano(entity(1, "LOCATION", 4, 7), entity(2, "LOCATION", 4, 7)), "overlaps another span"),
    ("doccano", doccano(text=5), "not shaped like"),
    # spaCy
    ("spacy", json.dumps({"ents": []}) + "\n", "not shaped like a spaCy Doc"),
    ("spacy", json.dumps({"text": TEXT, "ents": [{"start": 4, "end": 7, "label": "GPE"}]}) + "\n", "unknown label 'GPE'"),
    ("spacy", json.dumps({"text": TEXT, "ents": [{"start": 4, "label": "LOCATION"}]}) + "\n", "not shaped like"),
    ("spacy", exact(None, None), "not shaped like"),
    ("spacy", exact(4), "not shaped like"),
]  # fmt: skip


def test_there_are_fifty() -> None:
    assert len(BROKEN) >= 50


@pytest.mark.parametrize(("format", "content", "sentence"), BROKEN)
def test_one_clear_sentence(
    format: str, content: str | bytes | dict[str, str], sentence: str, tmp_path: Path
) -> None:
    source = tmp_path / "in"
    if isinstance(content, dict):
        source.mkdir()
        for name, text in content.items():
            (source / name).write_text(text, "utf-8")
    else:
        source.write_bytes(content if isinstance(content, bytes) else content.encode())
    arguments = ["convert", str(source), str(tmp_path / "out.jsonl"), "--from", format]
    done = RUNNER.invoke(app, [*arguments, "--to", "jsonl", "--ledger", str(tmp_path / "ledger")])
    assert done.exit_code == 2, done.stderr
    assert done.exception is None or isinstance(done.exception, SystemExit)
    told = done.stderr.replace("\n", " ")
    if (tmp_path / "ledger").exists():
        entries = json.loads((tmp_path / "ledger").read_text("utf-8"))["entries"]
        told += " ".join(f"{e['where']}: {e['message']}" for e in entries)
    assert sentence in told
    assert str(source) in told


def test_a_damaged_docbin_is_told(tmp_path: Path) -> None:
    pytest.importorskip("spacy")
    (tmp_path / "x.spacy").write_bytes(b"\x00 no docs")
    arguments = ["convert", str(tmp_path / "x.spacy"), str(tmp_path / "out.jsonl")]
    done = RUNNER.invoke(app, [*arguments, "--from", "spacy", "--to", "jsonl"])
    assert done.exit_code == 2
    assert "is no DocBin" in done.stderr


def test_a_label_set_is_told_the_first_line_that_could_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text(record(MENTION) * 2 + "{broken\n", "utf-8")
    done = RUNNER.invoke(app, ["labels", str(tmp_path / "b.jsonl"), "--from", "jsonl"])
    assert done.exit_code == 2
    assert "b.jsonl, line 3: broken JSON" in done.stderr


def test_comments_alone_are_no_report(tmp_path: Path) -> None:
    (tmp_path / "x.conll").write_text("# id = a\n", "utf-8")
    arguments = ["convert", str(tmp_path / "x.conll"), str(tmp_path / "out.jsonl")]
    done = RUNNER.invoke(app, [*arguments, "--from", "conll", "--to", "jsonl"])
    assert done.exit_code == 2
    assert "x.conll: holds no report" in done.stderr
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("tag", ["[/x]", "[red]"])
def test_what_looks_like_markup_of_the_terminal_is_shown(tag: str, tmp_path: Path) -> None:
    (tmp_path / "x.conll").write_text(f"قصف B-{tag}\n", "utf-8")
    arguments = ["convert", str(tmp_path / "x.conll"), str(tmp_path / "out.jsonl")]
    done = RUNNER.invoke(app, [*arguments, "--from", "conll", "--to", "jsonl"])
    assert isinstance(done.exception, SystemExit)
    assert f"unknown label '{tag}'" in done.stderr.partition("marsad:")[0]


@pytest.mark.parametrize("command", ["convert", "--ledger"])
def test_what_is_read_is_not_written_over(command: str, tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text(record(MENTION) + "{broken\n", "utf-8")
    target = source if command == "convert" else tmp_path / "b.jsonl"
    arguments = ["convert", str(source), str(target), "--from", "jsonl", "--to", "jsonl"]
    done = RUNNER.invoke(app, [*arguments, "--ledger", str(source)])
    assert done.exit_code == 2
    assert "a.jsonl: would replace another file of this command" in done.stderr
    assert source.read_text("utf-8").endswith("{broken\n")
