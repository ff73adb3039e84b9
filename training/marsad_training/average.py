"""`marsad-train average`: the mean of the weights of networks that come from one.

Networks that left one network by different ways (another seed, more reports, a higher learning
rate) often read better as their mean than each alone (model soups, Wortsman et al. 2022).
"""

import json
from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from torch import Tensor

from marsad.errors import MarsadError, at
from marsad.files import check_free, read_json, write_text
from marsad_training.runs import (
    Run,
    describe,
    dev_scores,
    extractor_of,
    open_run,
    save_weights,
    stages,
)
from marsad_training.start import kind, open_start
from marsad_training.training_data import read_data


def average(
    folders: Sequence[Path], target: Path, shares: Sequence[float] = ()
) -> dict[str, float]:
    """Write the mean of runs or artifacts as a run folder; returns its scores on dev.

    `shares` are as many as the folders, equal by default, and scaled to sum to one. Everything but
    the weights is that of the first folder, a run. Raises MarsadError where the networks are not
    alike or the target holds something.
    """
    shares = list(shares) or [1.0] * len(folders)
    counts = all(share > 0 and isfinite(share) for share in shares)
    if len(folders) < 2 or len(shares) != len(folders) or not counts:
        raise MarsadError("a mean takes two networks or more, and a share above 0 for each.")
    check_free(target)
    first, total = open_run(folders[0]), sum(shares)
    mean = {name: value * (shares[0] / total) for name, value in _floats(first)}
    for folder, share in zip(folders[1:], shares[1:], strict=True):
        other = open_start(folder)
        _check_alike(first, other, folder)
        for name, value in _floats(other):
            mean[name] += value * (share / total)
    first.network.load_state_dict(mean, strict=False)
    data = read_data(first.config)
    scores = dev_scores(extractor_of(first.network, first.reader, data.labels), data.dev)
    target.mkdir(parents=True, exist_ok=True)
    describe(target, first.network, first.reader, data.labels, first.config)
    save_weights(first.network, target / "network.safetensors")
    manifest = read_json(folders[0] / "manifest.json")
    facts = {
        "mean_of": {str(f): share / total for f, share in zip(folders, shares, strict=True)},
        "stages": list(_once(folders)), "history": [scores],
    }  # fmt: skip
    write_text(target / "manifest.json", json.dumps(manifest | facts, indent=2, ensure_ascii=False))
    return scores


def _floats(run: Run) -> Iterator[tuple[str, Tensor]]:
    return ((n, v) for n, v in run.network.state_dict().items() if v.is_floating_point())


def _check_alike(first: Run, other: Run, folder: Path) -> None:
    shapes = [{name: value.shape for name, value in _floats(run)} for run in (first, other)]
    kinds = [kind(run.labels, run.reader) for run in (first, other)]
    if kinds[0] != kinds[1] or shapes[0] != shapes[1]:
        raise at(folder, None, "holds a network of other labels, pieces or layers than the first.")


def _once(folders: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """The stages of all, each once."""
    told: list[dict[str, Any]] = []
    for stage in (stage for folder in folders for stage in stages(folder)):
        if stage not in told:
            told.append(stage)
            yield stage
