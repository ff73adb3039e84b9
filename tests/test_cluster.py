"""predict-corpus: a row out for each row in, whatever is bad, killed, resumed or on Ray."""

import datetime
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from marsad import Report, cli, load

pa = pytest.importorskip("pyarrow", reason="needs the cluster extra")
pytest.importorskip("fsspec", reason="needs the cluster extra")
pq = pytest.importorskip("pyarrow.parquet")
from marsad import cluster, partitions  # noqa: E402

TEXT = "هدد حزب الله بقصف حيفا"
LINES = [
    {"id": "x", "text": TEXT, "date": "2023-05-01"},
    {"text": f"{TEXT}\n\ud800", "id": "half \udc00"},
    "",
    {"text": TEXT, "date": "May"},
    {"id": 0},
    '{"text": "a',
    "[1]",
    "\r",
    {"text": ""},
]
BAD = {
    ("a/lines.jsonl", 4): "the date 'May' is not a day as YYYY-MM-DD.",
    ("a/lines.jsonl", 5): "should be an object with a string under 'text'.",
    ("a/lines.jsonl", 6): "broken JSON at column 10 (Unterminated string starting at).",
    ("a/lines.jsonl", 7): "should be an object with a string under 'text'.",
    ("table.parquet", 2): "a report's text should be a string, not NoneType.",
}
ROWS = [("a/lines.jsonl", n) for n in (1, 2, 4, 5, 6, 7, 9)] + [
    ("table.parquet", n) for n in (1, 2, 3)
]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Nine lines, two of them blank, and a table of three rows; and what is no input."""
    folder = tmp_path / "in"
    (folder / "a").mkdir(parents=True)
    lines = [line if isinstance(line, str) else json.dumps(line) for line in LINES]
    (folder / "a" / "lines.jsonl").write_text("\n".join(lines), "utf-8", newline="")
    day = datetime.date(2023, 5, 1)
    table = {
        "text": [TEXT, None, f"{TEXT}."],
        "date": [day, day, None],
        "id": [1, 2, 3],
        "z": [0] * 3,
    }
    pq.write_table(pa.table(table), folder / "table.parquet", row_group_size=2)
    (folder / "_SUCCESS").touch()
    return folder


def read(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder).to_pylist()
    return rows


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli.app, ["predict-corpus", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_each_row_gives_a_row_and_bad_ones_are_told(
    corpus: Path, tmp_path: Path, tiny_artifact: Path
) -> None:
    out = tmp_path / "out"
    code, said, told = run(
        corpus, out, "--workers", 0, "--rows", 2, "--text", "--model", tiny_artifact
    )
    assert (code, said) == (0, f"{out}: 10 rows in 6 partitions, 0 done before\n")
    assert told == f"marsad: 5 rows could not be read; see {out}/errors.\n"
    rows = read(out / "reports")
    assert [(row["file"], row["row"]) for row in rows] == ROWS
    assert {(r["file"], r["row"]): r["error"] for r in rows if r["error"]} == BAD
    assert {(r["file"], r["row"]): r["message"] for r in read(out / "errors")} == BAD
    assert all((row["report"] is None) == (row["error"] is not None) for row in rows)
    assert [row["id"] for row in rows[:4]] == ["x", "half \ufffd", "lines-4", "0"]
    assert (rows[1]["text"], rows[7]["date"]) == (f"{TEXT}\n\ufffd", "2023-05-01")
    assert sorted(p.name for p in out.iterdir()) == ["_plan.json", "errors", "reports"]


def test_the_columns_are_those_of_the_report(
    corpus: Path, tmp_path: Path, tiny_artifact: Path
) -> None:
    run(corpus, tmp_path / "out", "--workers", 0, "--model", tiny_artifact)
    row = read(tmp_path / "out" / "reports")[0]
    report = Report.from_dict(json.loads(row["report"]))
    assert "text" not in row
    assert (row["id"], row["date"]) == (report.id, report.date) == ("x", "2023-05-01")
    assert row["mentions"] == len(report.mentions) > 0
    assert row["event_types"] == [event.type for event in report.events]
    assert row["incidents"] == len(report.incidents)
    located = [i.location.country for i in report.incidents if i.location]
    assert row["countries"] == list(dict.fromkeys(located))


def test_copies_of_a_text_are_read_once_and_told_under_their_own_ids(
    tmp_path: Path, tiny_artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        {"id": n, "text": f"{TEXT} {n % 3}", "date": f"2023-05-0{1 + n // 6}"} for n in range(12)
    ]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(line | {"id": str(line["id"])}) + "\n" for line in lines))
    job = cluster.plan(str(source), str(tmp_path / "out"), tiny_artifact, rows=4)
    worker = cluster.Worker(job)
    monkeypatch.setattr(cluster, "_COPIES", 4)
    asked: list[tuple[str, str]] = []
    many = worker.extractor.predict_many

    def counted(texts: list[str], dates: list[str], **kind: Any) -> Any:
        asked.extend(zip(texts, dates, strict=True))
        return many(texts, dates, **kind)

    monkeypatch.setattr(worker.extractor, "predict_many", counted)
    assert [worker.read(part).rows for part in job.todo] == [4, 4, 4]
    assert len(asked) == len(set(asked)) == 6
    assert len(worker.kept) == 4
    extractor = load(tiny_artifact)
    assert [row["report"] for row in read(tmp_path / "out" / "reports")] == [
        extractor.predict(str(x["text"]), str(x["date"]), str(x["id"])).to_json() for x in lines
    ]


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow, id="on Ray")])
def test_all_ways_of_reading_agree_to_the_letter(
    workers: int, tmp_path: Path, tiny_artifact: Path, reports: list[Report]
) -> None:
    if workers:
        pytest.importorskip("ray", reason="needs the cluster extra")
    texts = [f"{report.text} {'،' * n}" for n in range(6) for report in reports] + [TEXT * 50]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps({"text": t, "date": "2023-05-01"}) + "\n" for t in texts))
    ids = [f"in-{n}" for n in range(1, len(texts) + 1)]
    extractor = load(tiny_artifact)
    alone = [
        extractor.predict(t, "2023-05-01", id).to_json() for t, id in zip(texts, ids, strict=True)
    ]
    stream = extractor.predict_many(iter(texts), ["2023-05-01"] * len(texts), ids)
    code, *_ = run(
        source, tmp_path / "out", "--workers", workers, "--rows", 5, "--model", tiny_artifact
    )
    assert code == 0
    told = CliRunner().invoke(cli.app, ["predict", str(source), "--model", str(tiny_artifact)])
    assert [row["report"] for row in read(tmp_path / "out" / "reports")] == alone
    assert [report.to_json() for report in stream] == alone
    assert told.stdout.splitlines() == alone


def test_a_run_that_ended_goes_on_where_it_was(
    corpus: Path, tmp_path: Path, tiny_artifact: Path
) -> None:
    out = tmp_path / "out"
    begun = cluster.run(cluster.plan(str(corpus), str(out), tiny_artifact, rows=2), workers=0)
    first = {next(begun).part, next(begun).part}
    begun.close()
    (out / "_temporary" / "half.parquet").write_bytes(b"PAR1")  # what a killed process leaves
    before = {path.name: path.stat().st_mtime_ns for path in (out / "reports").iterdir()}
    assert set(before) == {f"{part}.parquet" for part in first}

    (corpus / "new.jsonl").write_text(json.dumps({"text": TEXT}))  # the corpus has grown, too
    job = cluster.plan(str(corpus), str(out), tiny_artifact, rows=2)
    done = {outcome.part for outcome in cluster.run(job, workers=0)}
    assert done == {part.name for part in job.parts} - first
    after = {path.name: path.stat().st_mtime_ns for path in (out / "reports").iterdir()}
    assert before.items() <= after.items()
    rows = [(row["file"], row["row"]) for row in read(out / "reports")]
    assert rows == [*ROWS, ("new.jsonl", 1)]
    assert not (out / "_temporary").exists()
    code, said, _ = run(corpus, out, "--workers", 0, "--rows", 2, "--model", tiny_artifact)
    assert (code, said) == (0, f"{out}: 11 rows in 7 partitions, 7 done before\n")


def test_a_partition_that_cannot_be_done_is_told_and_the_rest_is_done(
    corpus: Path, tmp_path: Path, tiny_artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, rest = tmp_path / "out", ("--workers", 0, "--rows", 2, "--model", tiny_artifact)
    with monkeypatch.context() as change:

        def torn(file: Any, part: partitions.Part) -> Any:
            if part.first > 5:
                raise OSError("the disk is gone")
            return partitions._lines(file, part)

        change.setitem(partitions._KINDS, ".jsonl", partitions.Kind(partitions._cut_lines, torn))
        code, _, told = run(corpus, out, *rest)
    assert code == 2
    assert "2 partitions could not be done; start it again" in told
    assert "lines.jsonl: cannot be read or written (OSError: the disk is gone)." in told
    assert len(read(out / "reports")) == 7
    assert run(corpus, out, *rest)[0] == 0
    assert [(row["file"], row["row"]) for row in read(out / "reports")] == ROWS


def test_a_partition_that_ends_its_process_is_given_up(
    corpus: Path, tmp_path: Path, tiny_artifact: Path
) -> None:
    job = cluster.plan(str(corpus), str(tmp_path / "out"), tiny_artifact)
    worker = cluster.Worker(job)
    for _ in range(3):
        worker._trying(job.parts[0]).__enter__()  # and the process ends: the mark stays
    outcome = worker.read(job.parts[0])
    assert "lines.jsonl: reading the 7 rows from 1 on ended the process 3 tim" in outcome.problem
    assert not worker.read(job.parts[1]).problem


def test_another_model_on_a_node_is_told(corpus: Path, tmp_path: Path, tiny_artifact: Path) -> None:
    job = cluster.plan(str(corpus), str(tmp_path / "out"), tiny_artifact)
    for outcome in map(cluster.Worker(replace(job, model=None)).read, job.parts):
        assert "has another marsad or model" in outcome.problem


def test_a_folder_can_be_any_url(tiny_artifact: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/corpus/in/a.json", json.dumps({"text": TEXT}).encode())
    arguments = ("memory://corpus/in", "memory://corpus/out", "--workers", 0)
    assert run(*arguments, "--model", tiny_artifact)[0] == 0
    (path,) = memory.glob("/corpus/out/reports/*")
    assert pq.read_table(memory.open(path)).num_rows == 1
    memory.rm("/corpus", recursive=True)


def _touch(corpus: Path) -> None:
    (corpus / "a" / "lines.jsonl").write_text(json.dumps({"text": "other"}))


def _spoil(corpus: Path) -> None:
    (corpus / "table.parquet").write_bytes(b"PAR1 and no more")


def _spoil_plan(corpus: Path) -> None:
    (corpus.parent / "out" / "_plan.json").write_text('{"settings": {}}')


def _remove(corpus: Path) -> None:
    (corpus / "a" / "lines.jsonl").unlink()


def _rename(corpus: Path) -> None:
    pq.write_table(pa.table({"body": ["a"], "when": ["b"]}), corpus / "table.parquet")


@pytest.mark.parametrize(
    ("change", "options", "sentence"),
    [
        (_touch, (), "lines.jsonl: has changed since"),
        (_remove, (), "out: was begun with a/lines.jsonl, which "),
        (None, ("--rows", 3), "was begun with rows 2, and now it is 3; name another folder."),
        (None, ("--text",), "was begun with text False, and now it is True"),
        (_spoil, (), "table.parquet: has changed since"),
        (_spoil_plan, (), "_plan.json: cannot be read or written (KeyError: 'files')."),
    ],
)
def test_a_folder_that_holds_other_work_is_refused(
    change: Any, options: Any, sentence: str, corpus: Path, tmp_path: Path, tiny_artifact: Path
) -> None:
    arguments = (corpus, tmp_path / "out", "--workers", 0, "--model", tiny_artifact, "--rows", 2)
    assert run(*arguments)[0] == 0
    if change:
        change(corpus)
    code, _, told = run(*arguments, *options)
    assert code == 2
    assert sentence in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "target", "sentence"),
    [
        (_spoil, "out", "table.parquet: cannot be read or written (ArrowInvalid:"),
        (_rename, "out", "table.parquet: cannot be read or written (ValueError: no column 'text' "),
        (lambda folder: (folder / "read.me").touch(), "out", "read.me: cannot be read; files"),
        (lambda folder: None, "in/out", "in/out: lies in the input; name a folder outside it."),
        (lambda folder: None, "nowhere://out", "nowhere://out: cannot be read or written (Value"),
        (lambda folder: None, "", "the name of a folder is empty"),
    ],
)
def test_what_cannot_be_read_at_all_is_one_sentence_before_anything_is_done(
    change: Any, target: str, sentence: str, corpus: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    change(corpus)
    code, said, told = run("in", target, "--workers", 0)
    assert (code, said) == (2, "")
    assert sentence in told
    assert told.count("\n") == 1


def test_a_folder_that_cannot_be_read_is_told(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def scan(path: Any) -> Any:
        if path == str(corpus / "a"):
            raise PermissionError("Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    code, _, told = run(corpus, tmp_path / "out", "--workers", 0)
    assert code == 2
    assert "cannot be read or written (PermissionError" in told


def test_an_absent_or_empty_input_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name, sentence in (("no", "no such file or folder"), ("empty", "holds no .parquet, .jso")):
        code, _, told = run(tmp_path / name, tmp_path / "out", "--workers", 0)
        assert code == 2
        assert sentence in told


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "marsad.cluster")
    monkeypatch.delattr("marsad.cluster")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, _, told = run("in", "out")
    assert code == 2
    assert told == "marsad: predict-corpus needs pyarrow: pip install 'marsad[cluster]'.\n"


def test_without_ray_one_process_reads_all(
    corpus: Path, tmp_path: Path, tiny_artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "has_ray", lambda: False)
    code, said, told = run(corpus, tmp_path / "out", "--model", tiny_artifact)
    assert code == 0
    assert "10 rows in 2 partitions" in said
    assert "no Ray here, so one process reads all" in told


@given(st.lists(st.sampled_from([b"{}", b"", b" \r", b"{} \r"])), st.booleans(), st.integers(1, 5))
def test_cut_lines_are_all_lines_once(lines: list[bytes], ends: bool, rows: int) -> None:
    content = b"\n".join(lines) + b"\n" * ends
    cuts = list(partitions._cut_lines(io.BytesIO(content), rows))
    parts = [partitions.Part("", "", *cut) for cut in cuts]
    found = [[row.number for row in partitions._lines(io.BytesIO(content), p)] for p in parts]
    assert [len(numbers) for numbers in found] == [part.count for part in parts]
    assert all(part.count == rows for part in parts[:-1])
    wanted = [n for n, line in enumerate(lines, 1) if line.strip()]
    assert [number for numbers in found for number in numbers] == wanted
    assert all(left.end == right.start for left, right in pairwise(parts))


@given(st.integers(0, 30), st.integers(1, 9), st.integers(1, 9))
def test_cut_tables_are_all_rows_once(count: int, group: int, rows: int) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": list(map(str, range(count)))}), sink, row_group_size=group)
    parts = [partitions.Part("", "", *cut) for cut in partitions._cut_parquet(sink, rows)]
    found = [(r.number, r.fields["text"]) for p in parts for r in partitions._parquet_rows(sink, p)]
    assert found == [(n + 1, str(n)) for n in range(count)]


@pytest.mark.parametrize(
    ("dates", "wanted"),
    [
        (pa.array([datetime.datetime(2023, 5, 1, 23, 59)], pa.timestamp("ns")), "2023-05-01"),
        (pa.array([datetime.date(2023, 5, 1)]), "2023-05-01"),
        (pa.array(["May"]), "May"),
        (pa.array([None], pa.date32()), None),
    ],
)
def test_days_of_a_table_are_read_as_days(dates: Any, wanted: str | None) -> None:
    assert partitions._days(dates).to_pylist() == [wanted]


@pytest.mark.slow
def test_a_killed_worker_costs_no_row(tmp_path: Path, tiny_artifact: Path) -> None:
    pytest.importorskip("ray", reason="needs the cluster extra")
    arguments = ["400", tmp_path, "--rows", "40", "--model", tiny_artifact]
    script = Path(__file__).with_name("large.py")
    result = subprocess.run(
        [sys.executable, script, *map(str, arguments)], capture_output=True, text=True
    )
    told, facts = result.stdout.splitlines()  # and nothing of Ray's
    assert told == f"{tmp_path}/out: 400 rows in 10 partitions, 0 done before"
    found = json.loads(facts)
    assert found["killed"], result.stderr
    assert (found["exit"], found["rows"], found["ids"]) == (0, 400, 400)
