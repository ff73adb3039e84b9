"""README and model card say what `metrics.json` says."""

import json
from pathlib import Path

import pytest

from marsad.errors import MarsadError

card = pytest.importorskip("marsad_training.card", reason="needs the train extra")

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "model" / "marsad" / "artifact"


def test_model_card_is_the_rendered_one() -> None:
    assert (ROOT / "model_card.md").read_text("utf-8") == card.render_card(SHIPPED)


def test_readme_holds_the_rendered_table() -> None:
    metrics = json.loads((SHIPPED / "metrics.json").read_text("utf-8"))
    assert card.score_table(metrics) in (ROOT / "README.md").read_text("utf-8")


def test_readme_table_is_renewed_in_place(tmp_path: Path, tiny_artifact: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("a\n<!-- scores -->\nold\n<!-- /scores -->\nb\n", "utf-8")
    card.update_readme(readme, tiny_artifact)
    text = readme.read_text("utf-8")
    assert "old" not in text
    assert "| mentions |" in text
    assert text.startswith("a\n")
    assert text.endswith("b\n")


def test_card_renders_without_real_reports(tiny_artifact: Path) -> None:
    assert "authored test split" in card.render_card(tiny_artifact)


def test_artifact_without_scores_is_refused(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("{}", "utf-8")
    with pytest.raises(MarsadError, match="holds no scores"):
        card.render_card(tmp_path)
