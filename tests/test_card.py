"""README and model card say what `metrics.json` and the benchmark's results say."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from marsad.artifact import NETWORK, sums
from marsad.errors import MarsadError
from marsad.score import MAIN_TASKS

card = pytest.importorskip("marsad_training.card", reason="needs the train extra")
from marsad_training.benchmark import report, results  # noqa: E402
from marsad_training.benchmark.cli import app as bench  # noqa: E402

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "model" / "marsad" / "artifact"
RESULTS = ROOT / card.RESULTS


def test_model_card_is_the_rendered_one() -> None:
    assert (ROOT / "model_card.md").read_text("utf-8") == card.render_card(SHIPPED, RESULTS)


def test_readme_holds_the_rendered_tables() -> None:
    block = card.readme_block(SHIPPED)
    text = (ROOT / "README.md").read_text("utf-8")
    assert f"<!-- scores -->\n{block}<!-- /scores -->" in text


def test_committed_results_are_of_the_shipped_network_and_agree_with_its_metrics() -> None:
    found = {path: results.read(path) for path in RESULTS.glob("*/*.json")}
    assert found.keys() == card.shown(SHIPPED, RESULTS).keys(), "run marsad-bench again"
    metrics = json.loads((SHIPPED / "metrics.json").read_text("utf-8"))["scores"]["corpus-test"]
    own = sums(SHIPPED)[NETWORK]
    for path, document in found.items():
        if document["suite"] == "corpus" and document["model"].get("sha256") == own:
            tasks = document["slices"]["all"]["tasks"]
            for task in MAIN_TASKS:
                assert tasks[task]["f1"] == pytest.approx(metrics[task]["f1"], abs=1e-3), path


def test_the_committed_report_is_the_rendered_one(tmp_path: Path) -> None:
    if not RESULTS.exists():
        pytest.skip("there are no results yet")
    for path in RESULTS.glob("*/*.json"):
        (tmp_path / path.parent.name).mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / path.parent.name)
    (made, _) = report.write(tmp_path)
    assert made.read_text("utf-8") == (RESULTS / made.name).read_text("utf-8")


def test_readme_table_is_renewed_in_place(tmp_path: Path, tiny_artifact: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("a\n<!-- scores -->\nold\n<!-- /scores -->\nb\n", "utf-8")
    card.update_readme(readme, tiny_artifact)
    text = readme.read_text("utf-8")
    assert "old" not in text
    assert "| mentions |" in text
    assert text.startswith("a\n")
    assert text.endswith("b\n")


def test_card_renders_without_real_reports_and_without_results(
    tiny_artifact: Path, tmp_path: Path
) -> None:
    text = card.render_card(tiny_artifact, tmp_path / "absent")
    assert "authored test split" in text
    assert "## Benchmark" not in text


def test_the_card_shows_results_of_its_network_and_of_baselines(
    tiny_artifact: Path, corpus_folder: Path, tmp_path: Path
) -> None:
    arguments = ["run", "--suite", "corpus", "--model", tiny_artifact, "--corpus", corpus_folder]
    ran = CliRunner().invoke(bench, [*map(str, arguments), "--out", str(tmp_path)])
    assert ran.exit_code == 0, ran.output
    (path,) = tmp_path.glob("*/corpus.json")
    found = results.read(path)
    f1 = found["slices"]["all"]["tasks"]["mentions"]["f1"]
    for name, sha in (("rules", None), ("other", "0" * 64)):
        model = {**found["model"], "name": name, "sha256": sha}
        results.write(tmp_path, found | {"model": model})
    text = card.render_card(tiny_artifact, tmp_path)
    own, rules = (text.index(f"| all | {name} | 2 | {f1:.3f} (") for name in ("tiny", "rules"))
    assert own < rules
    assert "| other |" not in text
    assert "| theatre" not in text
    assert "`training/benchmark/results/tiny/corpus.json`, written by `marsad-bench run" in text


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        (("parity",), "lacks what a card tells: .*'parity'"),
        (("training",), "is damaged: the key 'training' is missing"),
        (("scores", "corpus-test", "mentions", "interval"), "is damaged: the key 'interval'"),
    ],
)
def test_metrics_that_lack_something_are_told(
    gone: tuple[str, ...], told: str, tiny_artifact: Path, tmp_path: Path
) -> None:
    artifact = shutil.copytree(tiny_artifact, tmp_path / "artifact")
    path = artifact / "metrics.json"
    metrics = json.loads(path.read_text("utf-8"))
    part = metrics
    for key in gone[:-1]:
        part = part[key]
    del part[gone[-1]]
    path.write_text(json.dumps(metrics), "utf-8")
    with pytest.raises(MarsadError, match=rf"metrics\.json: {told}"):
        card.render_card(artifact, tmp_path / "absent")


def test_a_damaged_result_is_told_in_place_of_a_card(tmp_path: Path) -> None:
    (path,) = RESULTS.glob("artifact/corpus.json")
    found = json.loads(path.read_text("utf-8"))
    del found["slices"]["all"]["tasks"]["mentions"]["interval"]
    results.write(tmp_path, found)
    with pytest.raises(MarsadError, match="holds a damaged result: the key 'interval' is missing"):
        card.render_card(SHIPPED, tmp_path)


def test_artifact_without_scores_is_refused(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("{}", "utf-8")
    with pytest.raises(MarsadError, match="holds no scores"):
        card.render_card(tmp_path)
