"""Learns the CRF that stands beside the network, with CRFsuite, from word features."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from marsad.crf import HEADS, Chain, Crf, mixed
from marsad.decode import viterbi
from marsad.errors import MarsadError
from marsad.extractor import Extractor
from marsad.schema import Labels, Report
from marsad.text import split_words
from marsad.word_features import FEATURES, features
from marsad_training.corpus import fingerprint
from marsad_training.tags import gold_tags, span_f1, tag_names, tag_path

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
    types = {"mentions": labels.mentions, "triggers": labels.events}
    chains = {
        name: _chain(model, tag_names(types[name]))
        for name, model in zip(HEADS, models, strict=True)
    }
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


def weigh(crf: Crf, extractor: Extractor, dev: Sequence[Report]) -> Crf:
    """The CRF with the weights that give the best span F1 on dev beside the network."""
    texts = [split_words(report.text) for report in dev]
    scores = extractor.score_words(texts)
    marginals = [crf.marginals(words) for words in texts]
    best = {}
    for name, head in HEADS.items():
        gold = [tag_path(report, name, extractor.decoder.labels) for report in dev]
        both = [(getattr(s, head), m[name]) for s, m in zip(scores, marginals, strict=True)]
        curve = [span_f1(gold, [viterbi(mixed(*pair, w)) for pair in both]) for w in WEIGHTS]
        best[name] = WEIGHTS[int(np.argmax(curve))]
    return crf.weighed(best)
