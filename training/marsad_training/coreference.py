"""`marsad-train coreference`: the weights by which triggers are linked to one event.

Logistic regression over all pairs of triggers of one type in gold reports, positive where the
annotation has both in one `=` group. B-cubed (Bagga and Baldwin 1998) over the events of a report,
single ones included, says how good the groups are.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from marsad.coreference import Groups, Linker, Scene
from marsad.errors import MarsadError
from marsad.schema import Report
from marsad_training.tune import logistic

_THRESHOLDS = np.arange(0.2, 0.81, 0.05)


def learn(train: Sequence[Report], dev: Sequence[Report]) -> Linker:
    """Weights from train, the threshold that gives the best B-cubed F1 on dev."""
    pairs = [pair for report in train for pair in _pairs(report)]
    if len({same for _, same in pairs}) < 2 or not any(report.events for report in dev):
        raise MarsadError(
            "the train split has no two triggers of a type in one report that are one event, or "
            "none that are two, or the dev split has no trigger: annotate more reports."
        )
    names = sorted({name for features, _ in pairs for name in features})
    x = np.array([[features.get(name, 0.0) for name in names] for features, _ in pairs])
    y = np.array([same for _, same in pairs], np.float64)
    weights = logistic(x, y, np.zeros(len(names)))
    table = {name: round(float(w), 3) for name, w in zip(names, weights, strict=True)}
    scores = [(b_cubed(dev, Linker(table, float(t)).groups), float(t)) for t in _THRESHOLDS]
    return Linker(table, round(max(scores)[1], 2))


def b_cubed(gold: Iterable[Report], groups: Callable[[Report], Groups]) -> float:
    """B-cubed F1 of the groups that are made of the gold events of each report."""
    precision, recall = [], []
    for report in gold:
        ids = [event.id for event in report.events]
        wanted, found = _sets(ids, report.same), _sets(ids, groups(report))
        for id in ids:
            common = len(wanted[id] & found[id])
            precision.append(common / len(found[id]))
            recall.append(common / len(wanted[id]))
    p, r = float(np.mean(precision)), float(np.mean(recall))
    return 2 * p * r / (p + r)


def apart(report: Report) -> Groups:
    """Baseline: no two triggers are one event."""
    return ()


def by_type(report: Report) -> Groups:
    """Baseline: all triggers of a type are one event."""
    types = dict.fromkeys(event.type for event in report.events)
    return tuple(tuple(e.id for e in report.events if e.type == type) for type in types)


def _sets(ids: Sequence[str], groups: Groups) -> Mapping[str, frozenset[str]]:
    found = {id: frozenset({id}) for id in ids}
    for group in groups:
        members = frozenset(group) & found.keys()
        found |= dict.fromkeys(members, members)
    return found


def _pairs(report: Report) -> Iterable[tuple[dict[str, float], bool]]:
    scene = Scene(report)
    of = _sets([event.id for event in report.events], report.same)
    for j, later in enumerate(scene.events):
        for i in range(j):
            if scene.events[i].type == later.type:
                yield scene.pair(i, j), scene.events[i].id in of[later.id]
