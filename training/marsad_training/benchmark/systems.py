"""Models by name: an artifact folder or a baseline."""

from pathlib import Path

from marsad_training.benchmark.baselines import BASELINES, learnt
from marsad_training.benchmark.setting import System, open_system
from marsad_training.corpus import fingerprint, read_labels, read_splits


def named_system(name: str, corpus: Path, cache: Path) -> System:
    """The model of a name: a baseline learns the train split of the corpus.

    Raises MarsadError for an artifact or corpus that is absent or damaged.
    """
    if name not in BASELINES:
        return open_system(Path(name))
    train, labels = read_splits(corpus)["train"], read_labels(corpus)
    return System(
        name,
        learnt(name, train, labels, cache),
        facts={"train_reports": len(train), "train_hash": fingerprint(train)},
        learn=lambda reports, labels: learnt(name, reports, labels, cache),
    )
