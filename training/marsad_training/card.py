"""The model card and the README's score tables, rendered from JSON alone.

An artifact's `metrics.json` (of `marsad-train export`) and the benchmark's results (of
`marsad-bench run`), of which those of the same network and of the baselines are shown. A suite
without results is left out.
"""

import re
from pathlib import Path
from typing import Any

from jinja2 import UndefinedError

from marsad.artifact import NETWORK, read_config, sums
from marsad.errors import at
from marsad.files import read_json, read_text, told_as, write_text
from marsad.score import MAIN_TASKS
from marsad_training.benchmark import entities, report, results, suites
from marsad_training.benchmark.setting import Document
from marsad_training.templates import rendered

RESULTS = Path("training/benchmark/results")
SET_NAMES = {
    "corpus-test": "authored test split (synthetic)",
    "corpus-dev": "authored dev split (synthetic)",
    "real-dev": "real reports, never trained on",
}
_BESIDE = ("unadapted",)  # a network beside the baselines: training/configs/unadapted.toml
_BLOCK = re.compile(r"(<!-- scores -->\n).*?(<!-- /scores -->)", re.S)


def render_card(artifact: Path, folder: Path = RESULTS) -> str:
    """The model card of an artifact, in Markdown; `folder` holds results of the benchmark."""
    metrics, path = _metrics(artifact), artifact / "metrics.json"
    with told_as(folder, "holds a damaged result"):
        benchmark = "\n".join(_told(suite) for suite in _suites(artifact, folder))
    try:
        with told_as(path, "is damaged"):
            return rendered(
                "model_card.md.jinja",
                config=read_config(artifact), metrics=metrics, training=metrics["training"],
                table=score_table(metrics), scores=metrics["scores"], set_names=SET_NAMES,
                confusable=_commonest_confusions(metrics),
                published={s.name: s.published for s in entities.SETS if s.published},
                benchmark=benchmark,
            )  # fmt: skip
    except UndefinedError as error:
        raise at(path, None, f"lacks what a card tells: {error}.") from error


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


def readme_block(artifact: Path) -> str:
    """What stands between the README's marks: the score table."""
    with told_as(artifact / "metrics.json", "is damaged"):
        return score_table(_metrics(artifact))


def update_readme(readme: Path, artifact: Path) -> None:
    """Put the table between the README's `<!-- scores -->` marks."""
    text = read_text(readme)
    if not _BLOCK.search(text):
        raise at(readme, None, "has no <!-- scores --> ... <!-- /scores --> block.")
    block = readme_block(artifact)
    write_text(readme, _BLOCK.sub(lambda m: m[1] + block + m[2], text))


def shown(artifact: Path, folder: Path = RESULTS) -> dict[Path, Document]:
    """The results of the artifact's network and of the systems that it is set beside."""
    networks = (sums(artifact)[NETWORK], None)
    models = {path: (d, d["model"]) for path, d in results.below(folder).items()}
    return {
        path: document
        for path, (document, model) in models.items()
        if model.get("sha256") in networks or model["name"] in _BESIDE
    }


def _suites(artifact: Path, folder: Path) -> list[report.Section]:
    found = shown(artifact, folder)
    return [s for s in report.sections(found, folder, brief=True) if s.name in suites.DEFAULT]


def _told(suite: report.Section) -> str:
    """A suite in Markdown: its table, and where it comes from."""
    lines = [f"**{suite.name}**: {suite.about}", *(t.markdown() for t in suite.tables)]
    lines += [f"Not to be compared: {warning}" for warning in suite.warnings]
    files = "\n".join(
        f"- `{RESULTS.as_posix()}/{s.path}`, written by `{s.command}`: {s.about}"
        for s in suite.sources
    )
    return "\n\n".join([*lines, files]) + "\n"


def _metrics(artifact: Path) -> dict[str, Any]:
    path = artifact / "metrics.json"
    with told_as(path, "holds no scores of marsad-train export"):
        metrics: dict[str, Any] = read_json(path)
        metrics["scores"]["corpus-test"]
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
