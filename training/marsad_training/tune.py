"""What is fitted on dev after training: temperatures, outside bias, role thresholds, certainty."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from marsad.crf import HEADS
from marsad.decode import Decoder, Settings, WordScores, log_odds, softmax, viterbi
from marsad.extractor import Extractor
from marsad.schema import Labels, Report
from marsad.score import score
from marsad.text import Words, split_words
from marsad_training.tags import span_f1, tag_path

_TEMPERATURES = np.arange(0.6, 3.01, 0.1)
_OUTSIDE = np.arange(-2.0, 2.01, 0.25)
_THRESHOLDS = np.arange(0.1, 0.91, 0.05)
_TIE = 5e-4  # F1 differences on dev that mean nothing


def tune(extractor: Extractor, dev: Sequence[Report], replayed: Sequence[Report] = ()) -> Settings:
    """Settings that serve the dev reports best; the network itself stays as it is.

    `replayed` reports may lack new labels, so of them only the roles are tuned: a few dozen dev
    reports are too few for thresholds (measured: 0.7 F1 of arguments on old reports).
    """
    ids = {report.id for report in dev}
    reports = [*dev, *(report for report in replayed if report.id not in ids)]
    words = [split_words(report.text) for report in reports]
    scores = extractor.score_words(words)
    settings = tag_settings(scores[: len(dev)], dev, extractor.decoder.labels)
    decoder = replace(extractor.decoder, settings=settings)
    settings = replace(settings, threshold=_thresholds(decoder, reports, words, scores))
    decoder = replace(extractor.decoder, settings=settings)
    pairs = [
        (r, decoder.report(r.text, w, s, r.id, r.date))
        for r, w, s in zip(dev, words, scores, strict=False)
    ]
    return replace(settings, certainty={kind: _certainty(pairs, kind) for kind in HEADS})


def tag_settings(scores: Sequence[WordScores], dev: Sequence[Report], labels: Labels) -> Settings:
    """The temperatures of the tags and the bonus of the outside tag, from the scores of dev."""
    temperature, outside = {}, {}
    for kind, head in HEADS.items():
        logits = [getattr(s, head) for s in scores]
        gold = [tag_path(report, kind, labels) for report in dev]
        temperature[kind] = _temperature(np.concatenate(logits), np.concatenate(gold))
        scaled = [x / np.float32(temperature[kind]) for x in logits]
        outside[kind] = _outside(scaled, gold)
    return Settings(temperature, outside)


def _temperature(logits: NDArray[np.float32], gold: NDArray[np.int64]) -> float:
    """The divisor of the logits that gives the gold tags the highest likelihood."""
    rows = np.arange(len(gold))
    losses = [
        -np.log(np.maximum(softmax(logits / np.float32(t))[rows, gold], 1e-9)).mean()
        for t in _TEMPERATURES
    ]
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 2)


def _outside(logits: list[NDArray[np.float32]], gold: list[NDArray[np.int64]]) -> float:
    """The bonus of the outside tag that gives the best span F1, smoothed over neighbours."""
    curve = []
    for bonus in _OUTSIDE:
        shifted = [x.copy() for x in logits]
        for x in shifted:
            x[:, 0] += bonus
        curve.append(span_f1(gold, [viterbi(x) for x in shifted]))
    return _best(_OUTSIDE, curve, neutral=0.0)


def _thresholds(
    decoder: Decoder, dev: Sequence[Report], words: list[Words], scores: list[WordScores]
) -> Mapping[str, float]:
    """For each role the probability that gives the best end-to-end argument F1."""
    curves: dict[str, list[float]] = {role: [] for role in decoder.labels.roles}
    for threshold in _THRESHOLDS:
        same = dict.fromkeys(decoder.labels.roles, float(threshold))
        trial = replace(decoder, settings=replace(decoder.settings, threshold=same))
        read = [
            trial.report(r.text, w, s, r.id, r.date)
            for r, w, s in zip(dev, words, scores, strict=True)
        ]
        found = score(dev, read)
        for role in curves:
            curves[role].append(found.f1("arguments", role))
    return {role: _best(_THRESHOLDS, curve, neutral=0.5) for role, curve in curves.items()}


def _best(grid: NDArray[np.floating], curve: list[float], neutral: float) -> float:
    """Where the curve, averaged over three neighbours, is highest; of equals the most neutral."""
    padded = np.pad(np.asarray(curve), 1, mode="edge")
    smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    equals = grid[smooth >= smooth.max() - _TIE]
    return round(float(equals[np.abs(equals - neutral).argmin()]), 2)


def _certainty(pairs: Sequence[tuple[Report, Report]], kind: str) -> tuple[float, float]:
    """Slope and shift of the log odds under which the spans' being right is likeliest.

    Logistic regression, held to (1, 0) by a weak prior.
    """
    scored = _judged(pairs, kind)
    x = np.array([[log_odds(s), 1.0] for s, _ in scored]).reshape(-1, 2)
    right = np.array([r for _, r in scored], np.float64)
    slope, shift = logistic(x, right, np.array([1.0, 0.0])).tolist()
    return round(slope, 3), round(shift, 3)


def logistic(
    x: NDArray[np.float64], y: NDArray[np.float64], prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weights (F) of a logistic regression of y (N) on x (N, F), held to the prior by a unit
    penalty on the squared distance; Newton's steps, halved while they lead up."""

    def loss(weights: NDArray[np.float64]) -> float:
        found = np.logaddexp(0, x @ weights).sum() - y @ (x @ weights)
        return float(found + ((weights - prior) ** 2).sum() / 2)

    weights = prior
    for _ in range(30):
        chance = 1 / (1 + np.exp(-np.clip(x @ weights, -500, 500)))
        gradient = x.T @ (chance - y) + weights - prior
        hessian = (x.T * (chance * (1 - chance))) @ x + np.eye(len(prior))
        step = np.linalg.solve(hessian, gradient)
        while np.abs(step).max() > 1e-9 and loss(weights - step) > loss(weights):
            step = step / 2
        weights = weights - step
    return weights


def _judged(pairs: Sequence[tuple[Report, Report]], kind: str) -> list[tuple[float, bool]]:
    """The score of each span that was read, and whether gold has it."""
    scored: list[tuple[float, bool]] = []
    for gold, predicted in pairs:
        at = split_words(gold.text)
        of_gold = gold.mentions if kind == "mentions" else gold.events
        of_predicted = predicted.mentions if kind == "mentions" else predicted.events
        wanted = {(s.type, at.span(s.start, s.end)) for s in of_gold}
        scored += [
            (s.score or 0.0, (s.type, at.span(s.start, s.end)) in wanted) for s in of_predicted
        ]
    return scored


def calibration_error(pairs: Sequence[tuple[Report, Report]], kind: str, bins: int = 10) -> float:
    """Expected calibration error of span scores, over (gold, prediction) pairs.

    The mean gap between score and share right, weighted over equal-width bins (Guo et al. 2017).
    """
    scored = _judged(pairs, kind)
    if not scored:
        return 0.0
    groups: dict[int, list[tuple[float, bool]]] = {}
    for value, right in scored:
        groups.setdefault(min(int(value * bins), bins - 1), []).append((value, right))
    gaps = [abs(sum(v for v, _ in g) - sum(r for _, r in g)) for g in groups.values()]
    return sum(gaps) / len(scored)
