"""Train, dev and test by report: theatres and genres spread, near copies on one side."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from marsad.errors import MarsadError, at
from marsad.files import read_json
from marsad.schema import Report
from marsad.text import split_words

SPLITS = ("train", "dev", "test")


def theatre(report: Report) -> str:
    """Where a report plays or comes from: the letters before the hyphen of its id."""
    return report.id.split("-")[0]


def split_ids(
    reports: Sequence[Report], seed: int, earlier: Mapping[str, Sequence[str]] | None = None
) -> dict[str, list[str]]:
    """80 / 10 / 10 by report; theatres (the letters of an id) and genres spread over all three.

    Reports of an `earlier` split stay where they are, those not given too, so that no test report
    is ever trained on; a near copy of a report goes where that one is.
    """
    parts = {name: list((earlier or {}).get(name, ())) for name in SPLITS}
    side = {id: name for name, ids in parts.items() for id in ids}
    strata: dict[tuple[str, str], list[str]] = defaultdict(list)
    for report in reports:
        if report.id in side:
            continue
        strata[theatre(report), report.style].append(report.id)
    rng = random.Random(seed)
    order: list[str] = []
    for key in sorted(strata):
        ids = sorted(strata[key])
        rng.shuffle(ids)
        order += ids
    # every tenth report of the stratified order goes to test, the one five later to dev; of fewer
    # than six the last one
    of_dev = min(5, max(len(order) - 1, 2))
    copies = _neighbours(near_copies(reports))
    for place, id in enumerate(order):
        usual = {0: "test", of_dev: "dev"}.get(place % 10, "train")
        side[id] = next((side[other] for other in copies[id] if other in side), usual)
        parts[side[id]].append(id)
    return {name: sorted(ids) for name, ids in parts.items()}


def read_splits(path: Path) -> dict[str, list[str]]:
    """The ids that a splits file lists for each of `SPLITS`. Raises MarsadError where it is no such
    file, or lists an id twice."""
    data = read_json(path)
    parts = {k: v for k, v in data.items() if k != "seed"} if isinstance(data, dict) else {}
    if set(parts) != set(SPLITS) or not all(map(_are_ids, parts.values())):
        raise at(path, None, f"should be an object that lists ids under {', '.join(SPLITS)}.")
    listed = Counter(id for ids in parts.values() for id in ids)
    for id, count in listed.items():
        if count > 1:
            raise at(path, None, f"lists the id {id!r} {count} times; it should stand in one part.")
    return parts


def _are_ids(ids: object) -> bool:
    return isinstance(ids, list) and all(isinstance(id, str) for id in ids)


def _neighbours(pairs: Iterable[tuple[str, str, float]]) -> Mapping[str, list[str]]:
    """For each report all that it is chained to by near copies."""
    groups: dict[str, list[str]] = defaultdict(list)
    for left, right, _ in pairs:
        merged = list(dict.fromkeys([left, right, *groups[left], *groups[right]]))
        for id in merged:
            groups[id] = merged
    return groups


def near_copies(reports: Sequence[Report], threshold: float = 0.5) -> list[tuple[str, str, float]]:
    """Pairs of reports that share word triples beyond a Jaccard likeness, by MinHash.

    Returns (id, id, estimated likeness); MinHash of 128 permutations errs by about 0.05.
    """
    try:
        from datasketch import MinHash, MinHashLSH
    except ImportError as error:
        raise MarsadError(
            "near copies are found by datasketch: pip install 'marsad[corpus]'."
        ) from error
    index = MinHashLSH(threshold=threshold, num_perm=128)
    sketches: dict[str, MinHash] = {}
    found = []
    for report in reports:
        forms = split_words(report.text).forms
        sketch = MinHash(num_perm=128)
        starts = range(max(len(forms) - 2, 1))  # a text of two words is one piece
        sketch.update_batch([" ".join(forms[i : i + 3]).encode() for i in starts])
        for other in index.query(sketch):
            found.append((other, report.id, round(sketch.jaccard(sketches[other]), 2)))
        index.insert(report.id, sketch)
        sketches[report.id] = sketch
    return [pair for pair in found if pair[2] >= threshold]
