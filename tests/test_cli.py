"""The command lines: what they print, and one sentence with exit code 2 for bad input."""

import errno
import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from marsad import Report, __version__, cli
from marsad.formats import jsonl
from marsad.schema import Mention

TEXT = "هدد حزب الله بقصف حيفا"
runner = CliRunner()


def run(*arguments: str | Path, input: bytes | None = None) -> tuple[int, str, str]:
    result = runner.invoke(cli.app, [str(a) for a in arguments], input=input)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    path = tmp_path / "report.txt"
    path.write_text(TEXT, "utf-8")
    return path


def test_predict_prints_a_line_for_each_report(text_file: Path, tiny_artifact: Path) -> None:
    code, out, _ = run("predict", text_file, "--model", tiny_artifact, "--date", "2023-05-01")
    assert code == 0
    (line,) = out.splitlines()
    record = json.loads(line)
    assert (record["id"], record["date"], record["text"]) == ("report", "2023-05-01", TEXT)
    assert record["events"][0]["type"] == "SHELLING"


def test_predict_reads_json_lines_with_their_ids_and_dates(
    tmp_path: Path, tiny_artifact: Path
) -> None:
    path = tmp_path / "in.jsonl"
    lines = [{"id": "x", "text": TEXT, "date": "2020-01-01"}, {"text": TEXT}]
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    _, out, _ = run("predict", path, "--model", tiny_artifact, "--date", "2021-02-02")
    read = [json.loads(line) for line in out.splitlines()]
    assert [(r["id"], r["date"]) for r in read] == [("x", "2020-01-01"), ("in-2", "2021-02-02")]


def test_files_of_one_name_have_ids_of_their_own(tmp_path: Path, tiny_artifact: Path) -> None:
    for name in ("a/x.txt", "b/x.txt", "b/y.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TEXT, "utf-8")
    code, out, _ = run("predict", tmp_path, "--model", tiny_artifact)
    assert code == 0
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["a/x", "b/x", "y"]


def test_predict_reads_a_folder_in_order(tmp_path: Path, tiny_artifact: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.txt").write_text(TEXT, "utf-8")
    _, out, _ = run("predict", tmp_path, "--model", tiny_artifact)
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["a", "b"]


@pytest.mark.parametrize("source", [[], ["-"]])
def test_predict_reads_stdin(source: list[str], tiny_artifact: Path) -> None:
    code, out, _ = run("predict", *source, "--model", tiny_artifact, input=TEXT.encode())
    assert code == 0
    assert json.loads(out)["text"] == TEXT


def test_pretty_output_shows_text_and_events(text_file: Path, tiny_artifact: Path) -> None:
    code, out, _ = run("predict", text_file, "--model", tiny_artifact, "--format", "pretty")
    assert code == 0
    assert "SHELLING" in out
    assert "possible" in out
    assert "\u2067قصف\u2069" in out  # an isolate keeps the cell right-to-left


def test_pretty_output_survives_hostile_text(tmp_path: Path, tiny_artifact: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("[red]قصف\x1b[31m \u202eحيفا\x00 [/nope]", "utf-8")
    code, out, _ = run("predict", path, "--model", tiny_artifact, "--format", "pretty")
    assert code == 0
    assert "[red]" in out
    assert "\x1b[31m" not in out


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"", "r.txt", "r.txt: the file is empty"),
        (b" \n", "r.txt", "r.txt: the file is empty"),
        ("قصف".encode("cp1256"), "r.txt", "r.txt, line 1: byte 0 is not UTF-8"),
        (b"\n" * 811 + b'{"text": "a"', "r.jsonl", "r.jsonl, line 812: broken JSON"),
        (b"[1]", "r.jsonl", "line 1: should be an object with a string under 'text'"),
        (b'{"id": 1}', "r.jsonl", "line 1: should be an object with a string under 'text'"),
        (b'{"text": 5}', "r.jsonl", "line 1: should be an object with a string under 'text'"),
        (b'{"id": ' + b"9" * 5000 + b"}", "r.jsonl", "line 1: broken JSON (a number has too many"),
        (b"[" * 200_000, "r.JSONL", "line 1: broken JSON (its brackets are nested too deeply)"),
        (b'{"text": "a", "date": "May"}', "r.jsonl", "'May' is not a day as YYYY-MM-DD"),
    ],
)
def test_bad_input_is_one_sentence_and_code_2(
    content: bytes, name: str, sentence: str, tmp_path: Path, tiny_artifact: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    code, out, err = run("predict", path, "--model", tiny_artifact)
    assert (code, out) == (2, "")
    assert sentence in err
    assert "Traceback" not in err
    assert err.count("\n") == 1


def test_a_slip_in_the_last_line_of_a_file_is_told_before_any_is_read(
    tmp_path: Path, tiny_artifact: Path
) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps({"text": TEXT}) + "\n{\n", "utf-8")
    code, out, err = run("predict", path, "--model", tiny_artifact)
    assert (code, out) == (2, "")
    assert "r.jsonl, line 2: broken JSON at column 2" in err


def test_a_stream_is_read_as_it_comes(tiny_artifact: Path) -> None:
    """The first reports while more is to come, and those before a slip, whatever follows."""
    line = json.dumps({"text": TEXT}).encode() + b"\n"
    with subprocess.Popen(
        [sys.executable, "-c", "from marsad.cli import main; main()", "predict", "--model",
         str(tiny_artifact)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        process.stdin.write(line * cli._AT_ONCE)
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == "stdin-1"
        out, err = process.communicate(line + b"{\n" + line)
    assert len(out.splitlines()) == cli._AT_ONCE
    assert process.returncode == 2
    assert err.startswith(b"marsad: stdin, line 66: broken JSON")


def test_a_pipe_of_a_name_is_read_once(tmp_path: Path, tiny_artifact: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(json.dumps({"text": TEXT}), "utf-8"))
    writer.start()
    code, out, _ = run("predict", pipe, "--model", tiny_artifact)
    writer.join()
    assert (code, json.loads(out)["id"]) == (0, "pipe-1")


def test_a_text_from_stdin_keeps_its_blank_lines(tiny_artifact: Path) -> None:
    text = f" \n\r\n{TEXT}\n\n{TEXT}"
    _, out, _ = run("predict", "--model", tiny_artifact, input=text.encode())
    record = json.loads(out)
    assert (record["id"], record["text"]) == ("stdin", text)


def test_absent_file_empty_folder_bad_stdin_and_bad_date(
    tmp_path: Path, text_file: Path, tiny_artifact: Path
) -> None:
    (tmp_path / "empty").mkdir()
    model = ("--model", tiny_artifact)
    for arguments, input, sentence in (
        (("no-such.txt",), None, "no-such.txt: cannot be read"),
        ((tmp_path / "empty",), None, "holds no .txt"),
        (("-",), b"\xff", "stdin, line 1: byte 0 is not UTF-8"),
        (("-",), b"", "stdin: the file is empty"),
        (("-",), b'{"id": ' * 200_000, "stdin, line 1: broken JSON"),
        ((text_file, "--date", "today"), None, "'today' is not a day"),
        ((text_file, "--model", tmp_path / "empty"), None, "config.json is missing"),
    ):
        code, _, err = run("predict", *model, *arguments, input=input)
        assert code == 2, sentence
        assert sentence in err


def test_names_in_capitals_and_an_id_of_0_are_read(tmp_path: Path, tiny_artifact: Path) -> None:
    (tmp_path / "B.TXT").write_text(TEXT, "utf-8")
    (tmp_path / "C.JSONL").write_text(json.dumps({"id": 0, "text": TEXT}), "utf-8")
    code, out, _ = run("predict", tmp_path, "--model", tiny_artifact)
    assert code == 0
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["B", "0"]


def test_a_folder_that_cannot_be_read_is_told(
    tmp_path: Path, tiny_artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text(TEXT, "utf-8")
    (tmp_path / "shut").mkdir()
    monkeypatch.setattr(os, "scandir", shut(tmp_path / "shut"))
    code, out, err = run("predict", tmp_path, "--model", tiny_artifact)
    assert (code, out) == (2, "")
    assert "shut: cannot be read (Permission denied)" in err


def shut(folder: Path) -> Callable[..., object]:
    """`os.scandir` of one who may not open the folder."""
    scandir = os.scandir

    def scan(path: Any) -> object:
        if path == str(folder):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    return scan


def test_pretty_output_shows_any_id(tmp_path: Path, tiny_artifact: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"id": "a[/b]c", "text": TEXT}), "utf-8")
    code, out, _ = run("predict", path, "--model", tiny_artifact, "--format", "pretty")
    assert code == 0
    assert "a[/b]c" in out


def test_version() -> None:
    assert run("--version") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("x.csv", b"id;txt", "is no text; it should be a .txt, .json, .jsonl, .ndjson file."),
        ("x.txt", TEXT.encode("utf-16-le"), "is full of control characters, as UTF-16 is"),
        ("x.txt", "abc def".encode("utf-16-le"), "is full of control characters, as UTF-16 is"),
        ("x.txt", TEXT.encode("utf-16"), "x.txt: is UTF-16; save it in UTF-8."),
        ("x.txt.gz", gzip.compress(TEXT.encode()), "is compressed with gzip; unpack it first."),
        ("x.doc", b"PK\x03\x04\xff", "is a zip archive, as office documents are"),
    ],
)
def test_what_is_no_text_is_refused(
    name: str, content: bytes, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    code, out, err = run("predict", tmp_path / name)
    assert (code, out) == (2, "")
    assert sentence in err
    if name != "x.csv":
        code, out, err = run("predict", "-", input=content)
        assert (code, out) == (2, "")
        assert sentence.removeprefix("x.txt: ") in err
        assert err.startswith("marsad: stdin: ")


def test_texts_that_share_an_id_are_told(tmp_path: Path, tiny_artifact: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [{"id": "x", "text": TEXT}, {"id": "y", "text": TEXT}, {"id": "x", "text": TEXT}]
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    code, out, err = run("predict", path, "--model", tiny_artifact)
    assert code == 0
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["x", "y", "x"]
    assert err == "marsad: 2 texts have the id 'x'; give each one of its own to tell them apart.\n"


def test_what_is_told_of_a_file_is_one_line_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a\n\x1b[31m.txt"
    path.write_bytes(b"")
    code, _, err = run("predict", path)
    assert code == 2
    assert err.endswith("a\\n\\x1b[31m.txt: the file is empty; it should hold a report.\n")


@pytest.mark.parametrize(
    "command",
    [
        ("validate", "-", "--from", "jsonl"),
        ("stats", "-", "--from", "jsonl"),
        ("labels", "-", "--from", "jsonl"),
        ("convert", "-", "out.txt", "--from", "jsonl", "--to", "markup"),
        ("score", "gold.jsonl", "-"),
        ("score", "-", "gold.jsonl"),
    ],
)
def test_annotated_reports_are_read_from_stdin(
    command: tuple[str, ...], tmp_path: Path, reports: list[Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "".join(f"{report.to_json()}\n" for report in reports)
    Path("gold.jsonl").write_text(text, "utf-8")
    code, out, err = run(*command, input=text.encode())
    assert code == 0, err
    assert out or "kept: 2 reports" in err or Path("out.txt").read_text("utf-8")
    code, _, err = run(*command, input=text.encode() + b"\xff")
    assert code == 2
    assert err.startswith(f"marsad: stdin, line {len(reports) + 1}: byte {len(text.encode())} is")


def test_an_empty_name_is_no_folder() -> None:
    code, out, err = run("predict", "")
    assert (code, out) == (2, "")
    assert "the name of a file is empty" in err


def test_score_tells_how_many_reports_are_not_predicted(
    tmp_path: Path, reports: list[Report]
) -> None:
    paths = [tmp_path / "gold.jsonl", tmp_path / "read.jsonl"]
    for path, part in zip(paths, (reports, reports[1:]), strict=True):
        path.write_text(jsonl.write(part), "utf-8")
    assert "1 gold reports are not predicted" in run("score", *paths)[2]


def test_score_shows_any_type(tmp_path: Path) -> None:
    report = Report("a", TEXT, None, (Mention("x1", "[/x]", 0, 3),))
    (tmp_path / "a.jsonl").write_text(report.to_json(), "utf-8")
    code, out, _ = run("score", tmp_path / "a.jsonl", tmp_path / "a.jsonl")
    assert code == 0
    assert "[/x]" in out


def test_score_prints_tables_and_json(tmp_path: Path, reports: list[Report]) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text(jsonl.write(reports), "utf-8")
    code, out, _ = run("score", gold, gold)
    assert code == 0
    row = next(line for line in out.splitlines() if line.startswith("mentions (overlap)"))
    count = sum(len(report.mentions) for report in reports)
    assert row.split()[2:] == ["1.000", "1.000-1.000", *["1.000"] * 3, *[str(count)] * 2]
    assert max(map(len, out.splitlines())) <= 80
    code, out, _ = run("score", gold, gold, "--json")
    figures = json.loads(out)
    assert figures["mentions"]["f1"] == figures["arguments"]["f1"] == 1.0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"end": 10_000}, "is out of range"),
        ({"start": 0, "end": 15}, "overlap"),
        ({"type": 3}, None),
    ],
)
def test_score_refuses_bad_spans(
    change: dict[str, int], sentence: str | None, tmp_path: Path, reports: list[Report]
) -> None:
    gold, bad = tmp_path / "gold.jsonl", tmp_path / "bad.jsonl"
    gold.write_text(jsonl.write(reports[:1]), "utf-8")
    record = reports[0].to_dict()
    record["entities"][0] |= {"start": 5, "end": 10}
    record["entities"][1] |= change
    bad.write_text(json.dumps(record), "utf-8")
    code, _, err = run("score", gold, bad)
    if sentence:
        assert code == 2
        assert "bad.jsonl, line 1" in err
        assert sentence in err


def test_training_names_the_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import marsad_training
    from marsad_training import cli as training_cli

    monkeypatch.setattr(marsad_training, "find_spec", lambda name: None if name == "torch" else 1)
    result = runner.invoke(training_cli.app, ["resolvers", "x"])
    assert result.exit_code == 2
    assert result.stderr == (
        "marsad: training needs torch; install it with: pip install 'marsad[train]'\n"
    )


def test_validate_tells_every_slip_and_what_deserves_a_look(tmp_path: Path) -> None:
    path = tmp_path / "reports.txt"
    slips = "### id=a date=2020-01-01\n[قصف|e1] و[حلب|l1\n---\ne1 BANG occurred\n"
    odd = "### id=b date=2020-01-01\n[أمس|d1] في [خان شيخون|l1] ثم خان شيخون\n---\nd1 2019-12-30\n"
    path.write_text(f"{slips}\n{odd}", "utf-8")
    result = runner.invoke(cli.app, ["validate", str(tmp_path), "--from", "markup"])
    assert result.exit_code == 2
    assert "line 2, report a: a stray bracket" in result.stderr.replace("\n", " ")
    assert "«أمس» is given as 2019-12-30, reads as 2019-12-31" in result.stdout
    assert "«خان شيخون» is marked, but not at 20-29" in result.stdout


def installed(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """`marsad` as a process of its own, in another environment."""
    code = "from marsad.cli import main; main()"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True)


def test_output_is_utf_8_whatever_the_locale_and_home_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("قصف على حلب", "utf-8")
    home = tmp_path / "home"
    home.mkdir()
    done = installed(
        "predict", str(tmp_path / "x.txt"), "--format", "csv",
        LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="cp1252", HOME=str(home),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert "حلب" in done.stdout.decode("utf-8")
    assert not list(home.iterdir())
