"""Models by name: an artifact folder, a baseline, or a model of which the record alone is left.

A record (`records.json` names it, with the gold that it was measured on) has F1 and no reports: the
encoder without adaptation is not trained again for a table.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from marsad.errors import at
from marsad.extractor import Dates, Ids
from marsad.files import read_text
from marsad.schema import Report
from marsad_training.benchmark.baselines import BASELINES, learnt
from marsad_training.benchmark.setting import AbsentError, System, open_system
from marsad_training.corpus import fingerprint, read_labels, read_splits

_RECORDS: dict[str, dict[str, Any]] = {
    entry["name"]: entry
    for entry in json.loads(
        (files("marsad_training.benchmark") / "records.json").read_text("utf-8")
    )
}


def named_system(name: str, corpus: Path, cache: Path) -> System:
    """The model of a name: a baseline learns the train split of the corpus.

    Raises MarsadError for an artifact, corpus or record that is absent or damaged.
    """
    if name in BASELINES:
        return _baseline(name, corpus, cache)
    return _recorded(_RECORDS[name]) if name in _RECORDS else open_system(Path(name))


def _baseline(name: str, corpus: Path, cache: Path) -> System:
    train, labels = read_splits(corpus)["train"], read_labels(corpus)
    return System(
        name,
        learnt(name, train, labels, cache),
        facts={"train_reports": len(train), "train_hash": fingerprint(train)},
        learn=lambda reports, labels: learnt(name, reports, labels, cache),
    )


def _recorded(entry: Mapping[str, Any]) -> System:
    path = Path(entry["record"])
    try:
        record = json.loads(read_text(path))
        recorded = {
            suite: {key: found[key] for key in ("about", "reports", "words")}
            | {
                "tasks": {
                    task: {"f1": f1, "gold": found["gold"].get(task)}
                    for task, f1 in record["scores"][found["set"]].items()
                    if isinstance(f1, float)
                }
            }
            for suite, found in entry["sets"].items()
        }
        facts = {key: record[key] for key in ("train_reports", "train_hash", "stages")}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise at(path, None, f"is no record of marsad-train measure ({error}).") from error
    facts |= {"about": entry["about"], "record": str(path)}
    return System(entry["name"], _Unread(entry["name"]), facts=facts, recorded=recorded)


@dataclass(frozen=True)
class _Unread:
    """Stands where a reader would; what it is asked to read is skipped."""

    name: str

    def predict_many(
        self, texts: Iterable[str], dates: Dates = None, ids: Ids = None
    ) -> Iterator[Report]:
        raise AbsentError(f"of {self.name} there is a record and no model that could read.")
