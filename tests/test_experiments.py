"""The table of experiments is made of run records, and says which record is missing."""

import json
import math
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from marsad.errors import MarsadError
from marsad.schema import Report
from marsad.score import MAIN_TASKS

experiments = pytest.importorskip("marsad_training.experiments", reason="needs the train extra")
from marsad_training.export import false_events, theatres  # noqa: E402

LEVERS = """
text = "What was tried."

[[lever]]
name = "averaging"
change = "EMA 0.998"
runs = ["a1", "a2"]
kept = "yes"
"""


def _record(folder: Path, name: str, f1: float, seconds: int, false_events: float = 0.0) -> None:
    scores = dict.fromkeys(MAIN_TASKS, f1) | {"false_events": {"per_500_words": false_events}}
    record = {
        "stages": [{"run": name, "seconds": seconds}],
        "scores": {"corpus-test": scores, "real-dev": scores},
    }
    (folder / "runs").mkdir(exist_ok=True)
    (folder / "runs" / f"{name}.json").write_text(json.dumps(record), "utf-8")


def test_a_row_holds_mean_and_spread_over_seeds(tmp_path: Path) -> None:
    (tmp_path / "levers.toml").write_text(LEVERS, "utf-8")
    _record(tmp_path, "a1", 0.70, 60)
    _record(tmp_path, "a2", 0.72, 180)
    row = experiments.table(tmp_path).splitlines()[-1]
    assert row.startswith("| averaging | EMA 0.998 | 2 | 71.0 ± 1.4 / 71.0 ± 1.4")
    assert row.endswith("| 2 | yes |")


def test_a_theatre_left_out_is_compared_with_the_run_that_saw_it(tmp_path: Path) -> None:
    (tmp_path / "levers.toml").write_text(
        'text = "x"\n[[held_out]]\ntheatre = "iq"\nabout = "Iraq"\nruns = ["w"]\nbeside = ["f"]\n',
        "utf-8",
    )
    (tmp_path / "runs").mkdir()
    for name, f1 in (("w", 0.70), ("f", 0.72)):
        scores = {"corpus-test": {"theatres": {"iq": dict.fromkeys(experiments.SELECTED, f1)}}}
        (tmp_path / "runs" / f"{name}.json").write_text(json.dumps({"scores": scores}), "utf-8")
    row = experiments.table(tmp_path).splitlines()[-1]
    assert row == "| Iraq | 70.0 / 70.0 / 70.0 | 72.0 / 72.0 / 72.0 | -2.0 / -2.0 / -2.0 |"


def test_a_run_on_another_machine_says_so(tmp_path: Path) -> None:
    (tmp_path / "levers.toml").write_text(LEVERS, "utf-8")
    _record(tmp_path, "a1", 0.70, 60)
    _record(tmp_path, "a2", 0.70, 60)
    path = tmp_path / "runs" / "a2.json"
    path.write_text(
        path.read_text("utf-8").replace('"seconds": 60', '"device": "GPU", "seconds": 360')
    )
    assert experiments.table(tmp_path).endswith("| 0 + 3 (GPU) | yes |\n")


def test_a_run_without_figures_is_named(tmp_path: Path) -> None:
    (tmp_path / "levers.toml").write_text(LEVERS, "utf-8")
    _record(tmp_path, "a1", 0.70, 60)
    with pytest.raises(MarsadError, match=r"a2\.json: is absent"):
        experiments.table(tmp_path)


def test_a_run_and_its_artifact_are_recorded(
    tiny_run: Path, tiny_artifact: Path, corpus_folder: Path
) -> None:
    for folder in (tiny_run, tiny_artifact):
        found = experiments.record(folder, corpus_folder, [])
        assert found["scores"]["corpus-test"]["mentions"] > 0.8
        assert found["stages"][-1]["seconds"] >= 0


def test_false_events_are_counted_in_reports_without_events(reports: list[Report]) -> None:
    quiet = replace(reports[0], events=())
    found = false_events([(reports[0], reports[0]), (quiet, reports[0]), (quiet, quiet)])
    assert found["reports"] == 2
    assert found["events"] == len(reports[0].events)
    assert found["per_500_words"] == pytest.approx(500 * found["events"] / found["words"], abs=0.01)


def test_theatres_are_the_first_part_of_an_id(reports: list[Report]) -> None:
    right, wrong = replace(reports[0], id="iq-1"), replace(reports[0], id="sy-1")
    found = theatres([(right, right), (wrong, replace(wrong, mentions=(), events=()))])
    assert found["iq"] == dict.fromkeys(experiments.SELECTED, 1.0)
    assert found["sy"] == dict.fromkeys(experiments.SELECTED, 0.0)


def test_the_curve_tells_where_more_excerpts_lead(tmp_path: Path) -> None:
    lever = '[[lever]]\nname = "x"\nchange = "y"\nruns = ["{}"]\nreal_excerpts = {}\nkept = "no"\n'
    for name, f1, false in (("a", 0.60, 4.0), ("b", 0.62, 3.0), ("c", 0.64, 2.0)):
        _record(tmp_path, name, f1, 60, false)
    levers = [lever.format(name, n) for name, n in (("a", 100), ("b", 200), ("c", 400))]
    (tmp_path / "levers.toml").write_text('text = "x"\n' + "".join(levers), "utf-8")
    readme, picture = experiments.write(tmp_path)
    lines = experiments.curve(tmp_path, tomllib.loads("".join(levers))["lever"])
    assert picture.read_bytes() == experiments.picture(lines)
    assert lines[0].goal == 0.84
    assert lines[0].needed == pytest.approx(409_600)  # ten doublings for 0.20
    assert replace(lines[0], values=(0.6, 0.6, 0.6001)).needed == math.inf
    rows = readme.read_text("utf-8").splitlines()
    row = next(row for row in rows if row.startswith("| corpus-test, arguments"))
    # 0.64 at 400, 0.02 for each doubling, as far as it is wanted
    goal = experiments.GOALS["corpus-test"]["arguments"]
    assert (
        row
        == f"| corpus-test, arguments | 60.0 (100) | 64.0 (400) | +2.0 | {100 * goal:.1f} | now |"
    )
    # fewer are better: one less for each doubling
    false = "corpus-test, false events in 500 words"
    assert f"| {false} | 4.00 (100) | 2.00 (400) | -1.00 | 1.00 | 800 excerpts |" in rows
    (tmp_path / "levers.toml").write_text('text = "x"\n' + levers[0], "utf-8")
    assert [path.name for path in experiments.write(tmp_path)] == ["README.md"]
