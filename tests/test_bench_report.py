"""The benchmark's report and comparison: made of JSON alone, with n, and readable without a net."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from marsad.errors import MarsadError
from marsad.schema import Report

pytest.importorskip("torch", reason="needs the train extra")

from marsad_training.benchmark import report, results
from marsad_training.benchmark.cli import app
from marsad_training.benchmark.measures import measures, rate, size
from marsad_training.benchmark.setting import Bench, Result, System
from marsad_training.benchmark.suites import SUITES

GOOD, BAD = "<good>", "bad"


class Reads:
    """Stands in for a model; nothing is read here."""

    def predict_many(self, texts: Any, dates: Any = None, ids: Any = None) -> Iterator[Report]:
        raise AssertionError("reports are made of JSON alone")


def write(folder: Path, model: str, suite: str, found: Result) -> None:
    bench = Bench(System(model, Reads()))
    results.write(
        folder,
        results.document(SUITES[suite], bench, found, 1.0, results.machine(), "marsad-bench run"),
    )


@pytest.fixture
def folder(tmp_path: Path, reports: list[Report]) -> Path:
    """Results of a model that reads all rightly and of one that sees no trigger but in peace."""
    gold = [replace(r, id=f"{r.id}-{n}") for n in range(10) for r in reports]
    scored = [replace(r, mentions=tuple(replace(m, score=0.75) for m in r.mentions)) for r in gold]
    blind = [replace(r, events=(), same=()) for r in scored]
    for model, read, alarms in ((GOOD, scored, 0), (BAD, blind, 2)):
        parts = {
            f"theatre/{n}": measures(gold[:n], read[:n], whole=False)
            for n in (report._FEWEST - 1, report._FEWEST)
        }
        write(tmp_path, model, "corpus", Result({"all": measures(gold, read)} | parts))
        rows = {r.id: [alarms, 100] for r in gold}
        alarm = rate([(a, w) for a, w in rows.values()]) | {"labels": {}}
        quiet = size(gold) | {
            "rates": {"false events": alarm},
            "per_report": {id: {"false events": row} for id, row in rows.items()},
        }
        write(tmp_path, model, "negatives", Result({"hard negatives": quiet}))
    cell = {"system": "marsad", "threads": 1, "length": "report", "batch": 8, "words": 900,
            "words_per_second": 1234.0, "words_per_cpu_second": 1200.0}  # fmt: skip
    process = {"system": "marsad", "threads": 1, "cold_start_s": 1.0, "latency_p50_ms": 9.0,
               "latency_p95_ms": 12.0, "latency_reports": 40, "peak_mib_single": 90.0,
               "peak_mib": 99.0}  # fmt: skip
    write(tmp_path, GOOD, "speed", Result({}, {"rows": [cell], "processes": [process]}))
    amounts = [
        {"of": of, "size": n, "words": 20 * n, "seconds": n / 50, "peak_mib": 99.0}
        for of in ("reports", "characters")
        for n in (10, 100)
    ]
    write(tmp_path, GOOD, "cost", Result({}, {"rows": amounts, "threads": 2}))
    return tmp_path


def test_models_stand_side_by_side_with_n_and_interval(folder: Path) -> None:
    markdown, page = report.write(folder)
    assert (markdown.name, page.name) == ("report.md", "report.html")
    lines = markdown.read_text("utf-8").splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith(f"| all | {GOOD} |"))
    assert lines[first].startswith(f"| all | {GOOD} | 20 | 1.000 (1.000-1.000)")
    assert lines[first + 1].startswith(f"| all | {BAD} | 20 | 1.000 (1.000-1.000)")
    found = json.loads((folder / GOOD / "corpus.json").read_text("utf-8"))["slices"]["all"]
    for task, figures in found["tasks"].items():
        row = next(x for x in lines if x.startswith(f"| all | {task} | {GOOD} |"))
        assert f"| {figures['gold']} | {figures['predicted']} |" in row
        for label, of_label in figures["labels"].items():
            assert f"| all | {task} | {label} | {of_label['gold']} |" in "\n".join(lines)
    assert f"- `{BAD}/corpus.json`, written by `marsad-bench run`" in "\n".join(lines)


def test_the_report_opens_with_its_contents_and_the_systems_side_by_side(folder: Path) -> None:
    text = report.write(folder)[0].read_text("utf-8")
    opening, *sections = text.split("\n## ")
    assert re.findall(r"\[(.*?)\]\(#(.*?)\)", opening) == [
        (name, name) for name in ("corpus", "negatives", "speed", "cost")
    ]
    assert [section.split("\n", 1)[0] for section in sections] == [
        "Systems side by side", "Models", "corpus", "negatives", "speed", "cost",
    ]  # fmt: skip
    rows = [line for line in sections[0].splitlines() if line.startswith("| corpus: all ")]
    assert [row.split(" | ")[1] for row in rows] == [GOOD, BAD]
    assert "1.000 (1.000-1.000)" in rows[0]
    assert "0.000 (0.000-0.000)" in rows[1]
    assert "<details>" not in "".join((opening, *sections[:2]))


def test_parts_of_few_reports_are_left_to_the_json(folder: Path) -> None:
    lines = report.write(folder)[0].read_text("utf-8").splitlines()
    shown = [line for line in lines if line.startswith("| theatre/")]
    n = report._FEWEST
    assert [line.split(" | ")[:3] for line in shown] == [
        [f"| theatre/{n}", str(n), task] for task in ("mentions", "triggers", "arguments")
    ]
    assert shown[1].endswith("| 1.000 | 0.000 |"), "a column for each model"


def test_the_report_is_the_same_again_from_the_command(folder: Path) -> None:
    before = {path: path.read_bytes() for path in report.write(folder)}
    for path in before:
        path.unlink()
    told = CliRunner().invoke(app, ["report", str(folder)])
    assert told.exit_code == 0, told.output
    assert {path: path.read_bytes() for path in before} == before


class Page(HTMLParser):
    """Tags that are open, ids, and whatever would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: Counter[str] = Counter()
        self.tags: Counter[str] = Counter()
        self.fetched: list[str] = []
        self.used: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            if name == "id":
                self.ids[value or ""] += 1
            elif name in ("href", "xlink:href", "src") and value and not value.startswith("#"):
                self.fetched.append(value)
            self.used.update(re.findall(r"url\(#([^)]+)\)", value or ""))
            if name.endswith("href") and value and value.startswith("#"):
                self.used.add(value[1:])


def test_the_page_holds_all_it_shows(folder: Path) -> None:
    text = report.write(folder)[1].read_text("utf-8")
    page = Page()
    page.feed(text)
    assert page.fetched == []
    assert not page.tags["script"]
    assert not page.tags["link"]
    assert set(page.ids.values()) == {1}, "ids of several plots do not clash"
    assert page.used <= page.ids.keys()
    assert page.tags["svg"] == page.tags["figure"] == page.tags["figcaption"] == 6
    assert "#010203" not in text, "ink is the page's own"
    assert GOOD not in text, "names are escaped"
    assert "ECE 0.250" in text
    assert "color-scheme: light dark" in text
    assert 'name="viewport"' in text


def test_other_gold_under_one_name_is_told(folder: Path) -> None:
    path = folder / BAD / "corpus.json"
    found = json.loads(path.read_text("utf-8"))
    found["slices"]["all"]["gold"] = "other"
    path.write_text(json.dumps(found), "utf-8")
    assert "cannot be compared" in report.write(folder)[0].read_text("utf-8")


def test_a_learning_curve_is_drawn_from_the_figures_of_a_simulation(folder: Path) -> None:
    curve = {
        "reports": {"mean": [20, 40]}, "words": {"mean": [900, 1800]},
        "f1": {"mean": [0.4, 0.5], "sd": [0.01, 0.02]},
    }  # fmt: skip
    found = {"curves": {"random": curve}, "points": [{"seed": 0}, {"seed": 1}]}
    (folder / "chosen").mkdir()
    path = folder / "chosen" / results.SIMULATION
    path.write_text(json.dumps(found), "utf-8")
    markdown, page = report.write(folder)
    assert "| random | 40 | 1800 | 0.500 ± 0.020 | 2 seeds |" in markdown.read_text("utf-8")
    assert 'id="learning-chosen-' in page.read_text("utf-8")
    path.write_text("{}", "utf-8")
    with pytest.raises(MarsadError, match="no result of marsad-train simulate"):
        report.write(folder)


def test_what_got_worse_is_marked_and_fewer_false_events_are_better(folder: Path) -> None:
    rows = {(d.suite, d.task): d for d in results.compare(folder / GOOD, folder / BAD)}
    assert rows["corpus", "triggers"].verdict == "worse"
    assert rows["corpus", "mentions"].verdict == ""
    alarms = rows["negatives", "false events"]
    assert (alarms.difference, alarms.verdict) == (20.0, "worse")
    back = {d.task: d for d in results.compare(folder / BAD, folder / GOOD)}
    assert back["triggers"].verdict == back["false events"].verdict == "better"
    told = CliRunner().invoke(
        app, ["compare", str(folder / GOOD), str(folder / BAD)], env={"COLUMNS": "160"}
    )
    assert told.exit_code == 0, told.output
    assert "worse" in told.output
    assert "by chance alone" in told.output


def test_the_command_is_told_as_it_would_be_typed() -> None:
    options = {
        "out": Path.cwd() / "a b", "suite": ["real", "ner"], "limit": None, "seed": 0,
        "all_of_it": True, "none_of_it": False,
    }  # fmt: skip
    assert results.command("run", options) == (
        "marsad-bench run --out 'a b' --suite real --suite ner --seed 0 --all-of-it"
    )


def test_a_folder_without_results_is_told(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert told.exit_code == 2
    assert "holds no MODEL/SUITE.json" in told.output.replace("\n", " ")
