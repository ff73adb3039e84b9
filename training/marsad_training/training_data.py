"""What a run learns from and what it is selected on: splits, real, replayed and raw reports."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from rich.console import Console

from marsad.corpus.splits import theatre
from marsad.errors import MarsadError, at
from marsad.schema import Labels, Report
from marsad_training.augment import names_of, rename, roughen, spell
from marsad_training.config import FitConfig
from marsad_training.corpus import read_labels, read_reports, read_splits
from marsad_training.tune import Dev

# one in so many real reports is held out for dev, since the authored ones alone would tune
# thresholds to authored prose
REAL_DEV = 12


@dataclass(frozen=True)
class Data:
    """What a run learns from and what it is selected on."""

    labels: Labels
    train: list[Report]
    dev: list[Report]
    raw: tuple[Report, ...] = ()  # as a model read them
    replay: tuple[tuple[Labels, list[Report]], ...] = ()  # each with the labels it was marked with
    replayed_dev: tuple[Report, ...] = ()
    network_only: tuple[str, ...] = ()  # theatres

    @property
    def tuned_on(self) -> Dev:
        """The dev reports, with the layers whose labels the replayed ones were marked with.

        Triggers are always among them, though those of a new type count as wrong there: what the
        CRF is worth and which reports are quiet takes hundreds of reports to tell (measured: tuned
        on one report of one's own, triggers of the old types fell from F1 65 to 45).
        """
        marked = [labels for labels, _ in self.replay]
        knows = {
            "mentions": all(set(self.labels.mentions) <= set(old.mentions) for old in marked),
            "statuses": all(set(self.labels.statuses) <= set(old.statuses) for old in marked),
            "types": all(set(self.labels.events) <= set(old.events) for old in marked),
        }
        known = {layer for layer, all_known in knows.items() if all_known}
        return Dev(self.dev, self.replayed_dev, frozenset({"triggers", "reports", *known}))

    @property
    def of_crf(self) -> list[Report]:
        """What the CRF learns: the train part and what is replayed, each report once."""
        every = [*self.train, *(report for _, reports in self.replay for report in reports)]
        every = [report for report in every if theatre(report) not in self.network_only]
        return list({report.id: report for report in reversed(every)}.values())[::-1]


def read_data(config: FitConfig) -> Data:
    """The corpus splits, with the real reports (where given) mixed into train and dev."""
    folder = Path(config.corpus)
    splits = read_splits(folder)
    labels = read_labels(folder)
    train, dev = list(splits["train"]), list(splits["dev"])
    for name in config.real:
        if not Path(name).exists():
            Console(stderr=True).print(f"{name} is absent: training goes on without it.")
            continue
        for report in read_reports(Path(name), labels):
            if is_dev(report):
                dev.append(report)
            else:
                train += [report] * config.real_repeat
    held = [*(r for part in splits.values() for r in part), *train, *dev]
    _check_known("renamed", config.renamed, labels.mentions)
    _check_known("hold_out", config.hold_out, {theatre(report) for report in held})
    if config.folds:
        train = [r for r in train if fold_of(r.id, config.folds) != config.fold]
    train, dev = ([r for r in part if theatre(r) not in config.hold_out] for part in (train, dev))
    if config.train_reports:
        train, dev = train[: config.train_reports], dev[: config.train_reports // 2]
    for name, part in (("train", train), ("dev", dev)):
        if not part:
            raise at(folder / "splits.json", None, f"lists no report to use for {name}.")
    replay: list[tuple[Labels, list[Report]]] = []
    old_dev: list[Report] = []
    for name in config.replay:
        shown, held_out = _replayed(Path(name), labels, config)
        replay.append((read_labels(Path(name)), shown))
        old_dev += held_out
    raw = (r for name in config.raw for r in read_reports(Path(name), labels))
    return Data(labels, train, dev, tuple(raw), tuple(replay), tuple(old_dev), config.network_only)


def _check_known(key: str, names: Iterable[str], known: Iterable[str]) -> None:
    if wrong := sorted(set(names) - set(known)):
        raise MarsadError(f"{key} names {wrong[0]!r}; there are {', '.join(sorted(known))}.")


def _replayed(folder: Path, labels: Labels, config: FitConfig) -> tuple[list[Report], list[Report]]:
    """What is shown again of a corpus, and its dev. Raises MarsadError for a label of its reports
    that the network will not have."""
    splits = read_splits(folder)
    train, dev = splits["train"], splits["dev"]
    if 0 < config.replay_reports < len(train):
        train = random.Random(config.seed).sample(train, config.replay_reports)
    known = {*labels.mentions, *labels.events, *labels.statuses, *labels.roles}
    for report in (*train, *dev):
        if lacking := sorted(_labels_of(report) - known):
            raise at(
                folder, None,
                f"its report {report.id!r} has the label {lacking[0]!r}, which the labels of "
                f"{config.corpus} lack; add it there, or replay another corpus.",
            )  # fmt: skip
    return train, dev


def _labels_of(report: Report) -> set[str]:
    roles = {argument.role for event in report.events for argument in event.arguments}
    return {span.type for span in report.spans} | {e.status for e in report.events} | roles


def is_dev(report: Report) -> bool:
    """Whether a real report is held out for dev: the same ones whatever else is annotated."""
    return crc32(report.id.encode()) % REAL_DEV == 0


def fold_of(id: str, folds: int) -> int:
    """The part of the train reports that a report belongs to, whatever else is annotated."""
    return crc32(id.encode()) // 7 % folds  # // 7: other digits than those that `is_dev` looks at


def rewrite(train: list[Report], config: FitConfig) -> list[Report]:
    """A share of the reports about other names and written with less care, the rest as they are.

    The network alone learns of them; the CRF, whose strings are names, learns what was annotated.
    """
    if not config.rewritten:
        return train
    rng = random.Random(config.seed)
    names = names_of(train, config.renamed)
    return [
        roughen(spell(rename(report, names, rng), rng), rng)
        if rng.random() < config.rewritten
        else report
        for report in train
    ]
