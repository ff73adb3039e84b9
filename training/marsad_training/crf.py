"""Learns the CRF that stands beside the network, with CRFsuite, from features of strings."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from marsad.artifact import CRF, load
from marsad.crf import FEATURES, LAYERS, NO_ROLE, REPORTS, Chain, Crf, mixed
from marsad.decode import HEADS, Decoder, WordScores, marked
from marsad.errors import MarsadError
from marsad.event_features import Marked, role_features, status_features, type_features
from marsad.schema import Labels, Report
from marsad.spans import log_odds, sigmoid, viterbi
from marsad.text import Words, split_words
from marsad.word_features import features, report_features
from marsad_training.corpus import fingerprint
from marsad_training.tags import gold_tags, placed, span_f1, tag_path, tags_of
from marsad_training.tune import Dev, EventSheet, RoleSheet, StatusSheet, tag_settings

# L-BFGS with both penalties; features that are seen once are left out
_SHARED = {"feature.minfreq": 2, "feature.possible_transitions": True}
SETTINGS: Mapping[str, Mapping[str, float]] = {
    "mentions": {"c1": 0.1, "c2": 0.01, "max_iterations": 60, **_SHARED},
    "triggers": {"c1": 0.1, "c2": 0.01, "max_iterations": 60, **_SHARED},
    "statuses": {"c1": 0.1, "c2": 0.1, "max_iterations": 100, "feature.minfreq": 2},
    "roles": {"c1": 0.2, "c2": 0.02, "max_iterations": 80, "feature.minfreq": 2},
    "reports": {"c1": 0.3, "c2": 0.3, "max_iterations": 60, "feature.minfreq": 3},
    "types": {"c1": 0.1, "c2": 0.1, "max_iterations": 80, "feature.minfreq": 2},
}
WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.45, 0.6)  # of log marginals beside the network's logits
_LEAST = 0.05  # smaller weights are not kept
_UNWEIGHED = dict.fromkeys(LAYERS, 0.0)


def learn(
    reports: Sequence[Report], labels: Labels, cache: Path, layers: Iterable[str] = LAYERS
) -> Crf:
    """A CRF of the reports; the models of CRFsuite stay in the folder, for the next time.

    Raises MarsadError where python-crfsuite is not installed.
    """
    models, tags = trained(reports, cache, layers), answers(labels)
    return Crf({x: _chain(model, tags[x]) for x, model in models.items()}, _UNWEIGHED)


def answers(labels: Labels) -> dict[str, list[str]]:
    """What each layer chooses among, in order; the first is what it says of nothing."""
    return tags_of(labels) | {
        "statuses": list(labels.statuses), "roles": [NO_ROLE, *labels.roles],
        "reports": list(REPORTS), "types": list(labels.events),
    }  # fmt: skip


def trained(
    reports: Sequence[Report], cache: Path, layers: Iterable[str] = LAYERS
) -> dict[str, Path]:
    """The models of CRFsuite, one for each layer, learnt or as an earlier call left them."""
    try:
        import pycrfsuite  # noqa: F401
    except ImportError as error:
        raise MarsadError("the CRF needs python-crfsuite: pip install 'marsad[train]'.") from error
    cache.mkdir(parents=True, exist_ok=True)
    of_reports = fingerprint(reports)
    models = {}
    for layer in layers:
        what = f"{of_reports} {FEATURES} {dict(SETTINGS[layer])}"
        key = hashlib.sha256(what.encode()).hexdigest()[:12]
        models[layer] = cache / f"{layer}-{key}.crfsuite"
    for layer, model in models.items():
        if not model.exists():
            _train((found for report in reports for found in examples(report, layer)), layer, model)
    return models


Example = tuple[list[list[str]], list[str]]  # the features of a chain's places, and its answers


def examples(report: Report, layer: str) -> Iterator[Example]:
    """The gold chains of a report: one of its words, or one for each trigger or pair."""
    words = split_words(report.text)
    if layer in HEADS:
        yield features(words), gold_tags(report, layer)
        return
    if layer == "reports":
        yield [report_features(words)], [REPORTS[bool(report.events)]]
        return
    events, mentions = _placed(words, report.events), _placed(words, report.mentions)
    triggers, near = ([found for _, found in spans] for spans in (events, mentions))
    if layer == "types":
        rows, told = type_features(words, triggers, near), [event.type for event, _ in events]
    elif layer == "statuses":
        rows, told = status_features(words, triggers), [event.status for event, _ in events]
    else:
        pairs = [(e, m) for e in range(len(events)) for m in range(len(mentions))]
        roles = [{x.id: x.role for x in event.arguments} for event, _ in events]
        rows = role_features(words, triggers, near, pairs)
        told = [roles[e].get(mentions[m][0].id, NO_ROLE) for e, m in pairs]
    yield from (([row], [answer]) for row, answer in zip(rows, told, strict=True))


def _placed(words: Words, spans: Sequence[Any]) -> list[tuple[Any, Marked]]:
    """Mentions or events with their words, in the order of the text."""
    found = ((span, Marked(*at, span.type)) for span, at in placed(words, spans))
    return sorted(found, key=lambda both: both[1])


def _train(chains: Iterator[Example], layer: str, target: Path) -> None:
    import pycrfsuite

    trainer = pycrfsuite.Trainer(verbose=False)
    trainer.select("lbfgs")
    trainer.set_params(SETTINGS[layer])
    for rows, tags in chains:
        trainer.append(rows, tags)
    half = target.with_suffix(".part")
    trainer.train(str(half))
    half.replace(target)  # a killed run leaves no half model under the name


def _chain(model: Path, names: Sequence[str]) -> Chain:
    import pycrfsuite

    tagger: Any = pycrfsuite.Tagger()
    tagger.open(str(model))
    found = tagger.info()
    tags = {name: n for n, name in enumerate(names)}
    rows: dict[str, list[tuple[int, float]]] = {}
    for (feature, tag), weight in found.state_features.items():
        if abs(weight) > _LEAST:
            rows.setdefault(feature, []).append((tags[tag], weight))
    transitions = np.zeros((len(tags), len(tags)), np.float32)
    for (before, after), weight in found.transitions.items():
        transitions[tags[before], tags[after]] = weight
    pairs = [pair for feature in sorted(rows) for pair in rows[feature]]
    return Chain(
        "\n".join(sorted(rows)).encode(),
        np.cumsum([0, *(len(rows[feature]) for feature in sorted(rows))]),
        np.array([tag for tag, _ in pairs], np.uint8),
        np.array([weight for _, weight in pairs], np.float16),
        transitions,
    )


def inherited(artifact: Path, labels: Labels) -> Crf | None:
    """The CRF of an artifact, for these labels; None where the folder is no artifact."""
    if not (artifact / CRF).is_file():
        return None
    decoder = load(artifact).decoder
    assert decoder.crf
    old, new = answers(decoder.labels), answers(labels)
    chains = decoder.crf.chains
    return Crf({x: grown(chains[x], old[x], new[x]) for x in chains}, _UNWEIGHED)


def grown(chain: Chain, old: Sequence[str], new: Sequence[str]) -> Chain:
    """The chain in the tag order of another label set; to a tag that is new it says what it says
    to the first, the outside tag, so that the network alone decides between the two."""
    source = np.array([old.index(name) if name in old else 0 for name in new])
    places = [np.flatnonzero(source == tag) for tag in range(len(old))]
    sizes = np.array([len(found) for found in places])[chain.tags]
    new_tags = [places[tag] for tag in chain.tags.tolist()]
    ends = np.concatenate([[0], np.cumsum(sizes)])
    return Chain(
        chain.names,
        ends[chain.starts],
        np.concatenate(new_tags or [np.zeros(0)]).astype(np.uint8),
        np.repeat(chain.weights, sizes),
        chain.transitions[np.ix_(source, source)],
    )


def weigh(crfs: Sequence[Crf], alone: Decoder, dev: Dev, scores: Sequence[WordScores]) -> Crf:
    """For each layer the chain and the weight that serve dev best beside the network.

    The decoder has no CRF yet; `scores` are the network's, of each of `dev.every`. Of equals the
    first. Tags are chosen by their span F1, statuses by the F1 of the rarer ones at gold triggers,
    roles by argument F1 beside the tags chosen before, reports by trigger F1 where those that seem
    quiet are taken to tell no event, types by how many of the gold triggers get theirs.
    """
    reports, words, labels = dev.every, dev.words, alone.labels
    crf = Crf(crfs[0].chains, _UNWEIGHED)
    rows = [features(found) for found in words]
    for layer in HEADS:
        n = dev.count(layer)
        crf = _best(crf, crfs, layer, _tag_curve(layer, labels, reports[:n], rows, scores))
    n = dev.count("statuses")
    crf = _best(crf, crfs, "statuses", _status_curve(labels, reports[:n], words[:n], scores[:n]))
    decoder = replace(alone, crf=crf)
    scores = [decoder.with_crf(*pair) for pair in zip(words, scores, strict=True)]
    decoder = replace(decoder, settings=tag_settings(scores, reports, labels, dev))
    for layer, curve in _CURVES.items():
        n = dev.count(layer)
        crf = _best(crf, crfs, layer, curve(decoder, reports[:n], words[:n], scores[:n]))
    return crf


Curve = Callable[[Chain], list[float]]  # a figure of dev, higher is better, for each of WEIGHTS


def _best(crf: Crf, crfs: Sequence[Crf], layer: str, curve: Curve) -> Crf:
    tried = [
        (figure, chain, weight)
        for chain in (found.chains[layer] for found in crfs if layer in found.chains)
        for figure, weight in zip(curve(chain), WEIGHTS, strict=True)
    ]
    _, chain, weight = max(tried, key=lambda found: found[0])
    return Crf({**crf.chains, layer: chain}, {**crf.weight, layer: weight})


def _tag_curve(
    layer: str,
    labels: Labels,
    dev: Sequence[Report],
    rows: Sequence[list[list[str]]],
    scores: Sequence[WordScores],
) -> Curve:
    gold = [tag_path(report, layer, labels) for report in dev]
    logits = [getattr(found, HEADS[layer]) for found in scores[: len(dev)]]

    def curve(chain: Chain) -> list[float]:
        both = [(x, chain.marginals(row)) for x, row in zip(logits, rows, strict=False)]
        return [span_f1(gold, [viterbi(mixed(*pair, w)) for pair in both]) for w in WEIGHTS]

    return curve


def _status_curve(
    labels: Labels, dev: Sequence[Report], words: Sequence[Words], scores: Sequence[WordScores]
) -> Curve:
    sheet = StatusSheet(labels, dev, words)
    rows = [
        row
        for at, triggers in zip(words, sheet.read, strict=True)
        for row in status_features(at, marked(triggers, labels.events))
    ]
    logits = np.concatenate(
        [
            said.statuses[[t.first for t in triggers]]
            for said, triggers in zip(scores, sheet.read, strict=True)
        ]
    )

    def curve(chain: Chain) -> list[float]:
        marginals = chain.marginals(rows)
        return [max(sheet.f(mixed(logits, marginals, weight))) for weight in WEIGHTS]

    return curve if rows else lambda _: [0.0] * len(WEIGHTS)


def _role_curve(
    decoder: Decoder, dev: Sequence[Report], words: Sequence[Words], scores: Sequence[WordScores]
) -> Curve:
    sheet = RoleSheet(decoder, dev, words, scores)
    logits = [decoder.role_logits(x.triggers, x.spans, x.words, x.scores) for x in sheet.read]

    def curve(chain: Chain) -> list[float]:
        asked = replace(decoder, crf=Crf({"roles": chain}, _UNWEIGHED))
        ratios = []
        for x, network in zip(sheet.read, logits, strict=True):
            ratios.append(np.zeros_like(network))
            pairs, found = asked.role_ratios(x.triggers, x.spans, x.words, network)
            ratios[-1][tuple(pairs.T)] = found
        both = list(zip(logits, ratios, strict=True))
        return [sheet.f1([sigmoid(x + np.float32(w) * y) for x, y in both]) for w in WEIGHTS]

    return curve


def _report_curve(
    decoder: Decoder, dev: Sequence[Report], words: Sequence[Words], scores: Sequence[WordScores]
) -> Curve:
    sheet = EventSheet(decoder, dev, words, scores)
    odds = [np.array([log_odds(t.score) for t in x.triggers]) for x in sheet.read]

    def curve(chain: Chain) -> list[float]:
        asked = replace(decoder, crf=Crf({"reports": chain}, {"reports": 1.0}))
        said = [asked.eventful(x.words) for x in sheet.read]
        shifted = ([o + w * s for o, s in zip(odds, said, strict=True)] for w in WEIGHTS)
        return [max(sheet.f1(each)) for each in shifted]

    return curve


def _type_curve(
    decoder: Decoder, dev: Sequence[Report], words: Sequence[Words], scores: Sequence[WordScores]
) -> Curve:
    sheet = StatusSheet(decoder.labels, dev, words)
    gold = np.array([span.label for found in sheet.read for span in found])
    rows, logits = [], []
    for found, at, said in zip(sheet.read, words, scores, strict=True):
        if found:
            logits.append(decoder.type_logits(found, at, said))
            guessed = [
                span._replace(label=int(label))
                for span, label in zip(found, logits[-1].argmax(-1), strict=True)
            ]
            rows += decoder.type_features(guessed, decoder.mentions(at, said), at)

    def curve(chain: Chain) -> list[float]:
        marginals, network = chain.marginals(rows), np.concatenate(logits)
        return [float((mixed(network, marginals, w).argmax(-1) == gold).mean()) for w in WEIGHTS]

    return curve if rows else lambda _: [0.0] * len(WEIGHTS)


_CURVES = {"roles": _role_curve, "reports": _report_curve, "types": _type_curve}
