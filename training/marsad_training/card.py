"""The model card and the README's score table, rendered from an artifact's `metrics.json`."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from marsad.artifact import read_config
from marsad.errors import at

MAIN_TASKS = (
    "mentions", "mentions (overlap)", "triggers", "arguments", "status", "status (rare)",
)  # fmt: skip
SET_NAMES = {
    "corpus-test": "authored test split (synthetic)",
    "corpus-dev": "authored dev split (synthetic)",
    "real-dev": "real reports, never trained on",
}
_BLOCK = re.compile(r"(<!-- scores -->\n).*?(<!-- /scores -->)", re.S)


def render_card(artifact: Path) -> str:
    """The model card of an artifact, in Markdown."""
    metrics = _metrics(artifact)
    return rendered(
        "model_card.md.jinja",
        config=read_config(artifact), metrics=metrics, training=metrics["training"],
        table=score_table(metrics), scores=metrics["scores"], set_names=SET_NAMES,
        confusable=_commonest_confusions(metrics),
    )  # fmt: skip


def rendered(template: str, **facts: Any) -> str:
    """A template of this package, filled in; a fact that it wants and does not get is an error."""
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters["f"] = lambda x: f"{x:.3f}"
    source = (files("marsad_training") / template).read_text("utf-8")
    text: str = environment.from_string(source).render(facts)
    return text


def score_table(metrics: dict[str, Any]) -> str:
    """Main tasks by test set as a Markdown table: F1 with its 95 % interval."""
    sets = [name for name in ("real-dev", "corpus-test") if name in metrics["scores"]]
    lines = [
        "| F1 (95 % interval) | " + " | ".join(SET_NAMES[name] for name in sets) + " |",
        "|---|" + "---:|" * len(sets),
    ]
    for task in MAIN_TASKS:
        cells = []
        for name in sets:
            found = metrics["scores"][name][task]
            low, high = found["interval"]
            cells.append(f"{found['f1']:.3f} ({low:.3f}-{high:.3f}), n = {found['gold']}")
        lines.append(f"| {task} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def update_readme(readme: Path, artifact: Path) -> None:
    """Put the score table between the README's `<!-- scores -->` marks."""
    text = readme.read_text("utf-8")
    if not _BLOCK.search(text):
        raise at(readme, None, "has no <!-- scores --> ... <!-- /scores --> block.")
    table = score_table(_metrics(artifact))
    readme.write_text(_BLOCK.sub(lambda m: m[1] + table + m[2], text), "utf-8")


def _metrics(artifact: Path) -> dict[str, Any]:
    path = artifact / "metrics.json"
    try:
        metrics: dict[str, Any] = json.loads(path.read_text("utf-8"))
        metrics["scores"]["corpus-test"]
    except (OSError, ValueError, KeyError) as error:
        raise at(path, None, "holds no scores; it is written by: marsad-train export.") from error
    return metrics


def _commonest_confusions(metrics: dict[str, Any]) -> list[tuple[str, float, int]]:
    """The five mention types and triggers that are found worst on the authored test split."""
    found = metrics["scores"]["corpus-test"]
    rows = [
        (label, figures["f1"], figures["gold"])
        for task in ("mentions", "triggers")
        for label, figures in found[task]["labels"].items()
        if figures["gold"] >= 10
    ]
    return sorted(rows, key=lambda row: row[1])[:5]
