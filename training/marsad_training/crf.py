"""Learns the CRF that stands beside the network, with CRFsuite, from word features."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from marsad.artifact import CRF, load
from marsad.crf import HEADS, Chain, Crf, mixed
from marsad.decode import viterbi
from marsad.errors import MarsadError
from marsad.extractor import Extractor
from marsad.schema import Labels, Report
from marsad.text import split_words
from marsad.word_features import FEATURES, features
from marsad_training.corpus import fingerprint
from marsad_training.tags import gold_tags, span_f1, tag_path, tags_of

# L-BFGS with both penalties; features that are seen once are left out
SETTINGS = {
    "c1": 0.1, "c2": 0.01, "max_iterations": 60, "feature.minfreq": 2,
    "feature.possible_transitions": True,
}  # fmt: skip
WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.45, 0.6)  # of log marginals beside the network's logits
_LEAST = 0.05  # smaller weights are not kept


def learn(reports: Sequence[Report], labels: Labels, cache: Path) -> Crf:
    """A CRF of the reports; the models of CRFsuite stay in the folder, for the next time.

    Raises MarsadError where python-crfsuite is not installed.
    """
    models = trained(reports, cache)
    tags = tags_of(labels)
    chains = {name: _chain(model, tags[name]) for name, model in zip(HEADS, models, strict=True)}
    return Crf(chains, dict.fromkeys(HEADS, 0.0))


def trained(reports: Sequence[Report], cache: Path) -> list[Path]:
    """The models of CRFsuite, one for each head, learnt or as an earlier call left them."""
    try:
        import pycrfsuite  # noqa: F401
    except ImportError as error:
        raise MarsadError("the CRF needs python-crfsuite: pip install 'marsad[train]'.") from error
    what = f"{fingerprint(reports)} {FEATURES} {SETTINGS}"
    folder = cache / f"crf-{hashlib.sha256(what.encode()).hexdigest()[:12]}"
    models = [folder / f"{name}.crfsuite" for name in HEADS]
    if not all(model.exists() for model in models):
        folder.mkdir(parents=True, exist_ok=True)
        rows = [features(split_words(report.text)) for report in reports]
        for name, model in zip(HEADS, models, strict=True):
            _train(rows, [gold_tags(report, name) for report in reports], model)
    return models


def _train(rows: Sequence[list[list[str]]], tags: Sequence[list[str]], target: Path) -> None:
    import pycrfsuite

    trainer = pycrfsuite.Trainer(verbose=False)
    trainer.select("lbfgs")
    trainer.set_params(SETTINGS)
    for row, tag in zip(rows, tags, strict=True):
        trainer.append(row, tag)
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
        {feature: n for n, feature in enumerate(sorted(rows))},
        np.cumsum([0, *(len(rows[feature]) for feature in sorted(rows))]),
        np.array([tag for tag, _ in pairs], np.uint8),
        np.array([weight for _, weight in pairs], np.float16),
        transitions,
    )


def inherited(artifact: Path, labels: Labels) -> Crf | None:
    """The CRF of an artifact, for these labels; None where the folder is no artifact."""
    if not (artifact / CRF).is_file():
        return None
    source = load(artifact)
    assert source.crf
    old, new = tags_of(source.decoder.labels), tags_of(labels)
    chains = {name: grown(chain, old[name], new[name]) for name, chain in source.crf.chains.items()}
    return Crf(chains, dict.fromkeys(HEADS, 0.0))


def grown(chain: Chain, old: Sequence[str], new: Sequence[str]) -> Chain:
    """The chain in the tag order of another label set; to a tag that is new it says what it says
    to the outside tag, so that the network alone decides between the two."""
    source = np.array([old.index(name) if name in old else 0 for name in new])
    places = [np.flatnonzero(source == tag) for tag in range(len(old))]
    sizes = np.array([len(found) for found in places])[chain.tags]
    ends = np.concatenate([[0], np.cumsum(sizes)])
    return Chain(
        chain.ids,
        ends[chain.starts],
        np.concatenate([places[tag] for tag in chain.tags.tolist()]).astype(np.uint8),
        np.repeat(chain.weights, sizes),
        chain.transitions[np.ix_(source, source)],
    )


def weigh(crfs: Sequence[Crf], extractor: Extractor, dev: Sequence[Report]) -> Crf:
    """For each head the chain and the weight that give the best span F1 on dev beside the network;
    of equals the first."""
    texts = [split_words(report.text) for report in dev]
    scores = extractor.score_words(texts)
    rows = [features(words) for words in texts]
    chains, weights = {}, {}
    for name, head in HEADS.items():
        gold = [tag_path(report, name, extractor.decoder.labels) for report in dev]
        best = -1.0
        for crf in crfs:
            chain = crf.chains[name]
            both = [
                (getattr(s, head), chain.marginals(seen))
                for s, seen in zip(scores, rows, strict=True)
            ]
            for weight in WEIGHTS:
                f1 = span_f1(gold, [viterbi(mixed(*pair, weight)) for pair in both])
                if f1 > best:
                    best, chains[name], weights[name] = f1, chain, weight
    return Crf(chains, weights)
