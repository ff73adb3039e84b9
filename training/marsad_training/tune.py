"""What is fitted on dev after training, all that `Settings` holds: temperatures, the judges of
mentions, triggers and links, thresholds and certainty."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from marsad.crf import softmax
from marsad.decode import HEADS, Decoder, Settings, WordScores, link_features, trigger_prior
from marsad.schema import Labels, Report
from marsad.spans import Span, candidate_prior, candidates, log_odds, uncrossed, viterbi
from marsad.text import Words, split_words
from marsad_training.calibration import judged
from marsad_training.tags import gold_places, placed, set_f1, span_f1, tag_path

_TEMPERATURES = np.arange(0.6, 3.01, 0.1)
_OUTSIDE = np.arange(-2.0, 2.01, 0.25)
_THRESHOLDS = np.arange(0.1, 0.91, 0.05)
LEAST = np.arange(-3.0, 3.01, 0.1)
# of the weights of link features: the role's chance alone
_PRIOR = (0.0, *uncrossed(1.0, 0.0, 0.0), 0.0, 0.0)
# Held to nothing so much for each unit of variance, as found by cross-validation, and at least
_HELD, _LEAST_HELD = 600.0, 1e-3
_HOPELESS = 5e-3  # links of a lower chance teach nothing about those that are near the threshold
_TIE = 5e-4  # F1 differences on dev that mean nothing
_BONUS = np.arange(-4.0, 2.01, 0.25)  # of the first status
_MISSED = 2.0  # to miss a rarer status is so much worse than to fear one
_GIVEN = 5e-3  # trigger F1 that dev may lose for fewer false events in reports that tell none
_CANDIDATES = -1.5  # less bonus of the outside tag than is best alone: more triggers to judge


@dataclass(frozen=True)
class Dev:
    """The dev reports of a run, and those that are replayed with it.

    The latter may lack new labels, so mentions and statuses are tuned on them only where they were
    marked with all of these (`known`), triggers and roles always: a few dozen
    reports of one's own are too few (measured: 0.7 F1 of arguments, 2 of triggers, on old reports).
    """

    own: Sequence[Report]
    replayed: Sequence[Report] = ()
    known: frozenset[str] = frozenset()

    @property
    def every(self) -> list[Report]:
        """The own reports, then the replayed ones."""
        ids = {report.id for report in self.own}
        return [*self.own, *(report for report in self.replayed if report.id not in ids)]

    @property
    def words(self) -> list[Words]:
        """The words of each of `every`."""
        return [split_words(report.text) for report in self.every]

    def count(self, layer: str) -> int:
        """How many of `every`, from the first on, a layer of the CRF is tuned on."""
        return len(self.every) if layer in {"roles", *self.known} else len(self.own)


def tune(untuned: Decoder, dev: Dev, scores: Sequence[WordScores]) -> Settings:
    """Settings that serve the dev reports best; the network itself stays as it is.

    `scores` are the network's alone, of each of `dev.every`.
    """
    reports, words = dev.every, dev.words
    scores = [untuned.with_crf(*pair) for pair in zip(words, scores, strict=True)]
    settings = tag_settings(scores, reports, untuned.labels, dev)
    for layer, fitted in _FITS.items():
        n, decoder = dev.count(layer), replace(untuned, settings=settings)
        settings = fitted(decoder, reports[:n], words[:n], scores[:n])
    decoder = replace(untuned, settings=settings)
    pairs = [
        (r, decoder.report(r.text, w, s, r.id, r.date))
        for r, w, s in zip(reports, words, scores, strict=True)
    ]
    certainty = {kind: _certainty(pairs[: dev.count(kind)], kind) for kind in HEADS}
    return replace(settings, certainty=certainty)


def decoded(
    decoder: Decoder, reports: Sequence[Report], scores: Sequence[WordScores]
) -> list[Report]:
    """What the decoder reads in texts of which the network alone says `scores`."""
    found = []
    for report, said in zip(reports, scores, strict=True):
        words = split_words(report.text)
        said = decoder.with_crf(words, said)
        found.append(decoder.report(report.text, words, said, report.id, report.date))
    return found


def tag_settings(
    scores: Sequence[WordScores], reports: Sequence[Report], labels: Labels, dev: Dev
) -> Settings:
    """The temperatures of the tags and the bonus of the outside tag, from the scores of dev."""
    temperature, outside = {}, {}
    for kind, head in HEADS.items():
        logits = [getattr(s, head) for s in scores[: dev.count(kind)]]
        gold = [tag_path(report, kind, labels) for report in reports[: dev.count(kind)]]
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


def _with_mentions(
    decoder: Decoder, dev: Sequence[Report], words: list[Words], scores: list[WordScores]
) -> Settings:
    """The weights under which the candidates' being right is likeliest, and the chance from which
    they are mentions, roles apart, that gives the best F1."""
    gold = [gold_places(*each, "mentions", decoder.labels) for each in zip(dev, words, strict=True)]
    logits = (decoder.logits("mentions", *pair) for pair in zip(words, scores, strict=True))
    found = [candidates(softmax(each)) for each in logits]
    right = [
        np.array([span[:3] in had for span in spans], bool)
        for (spans, _), had in zip(found, gold, strict=True)
    ]
    weights = _weights([rows for _, rows in found], right, candidate_prior(), digits=4)
    decoder = replace(decoder, settings=replace(decoder.settings, mentions=weights))
    rated = [decoder.mentions(*pair) for pair in zip(words, scores, strict=True)]
    curve = [
        set_f1(gold, ({s[:3] for s in spans if s.score >= chance} for spans in rated))
        for chance in _THRESHOLDS
    ]
    chance = _best(_THRESHOLDS, curve, neutral=0.5)
    threshold = {**decoder.settings.threshold, "mentions": chance}
    return replace(decoder.settings, threshold=threshold)


class Candidates(NamedTuple):
    """What was read in a dev report that may be triggers (E), and which of it gold has."""

    words: Words
    scores: WordScores
    triggers: list[Span]
    right: NDArray[np.bool_]  # (E,)


class EventSheet:
    """The candidates of the dev reports, for judging which are triggers."""

    def __init__(
        self,
        decoder: Decoder,
        dev: Sequence[Report],
        words: Sequence[Words],
        scores: Sequence[WordScores],
    ):
        self.read: list[Candidates] = []
        for report, at, said in zip(dev, words, scores, strict=True):
            if not (triggers := decoder.tagged(at, said)):
                continue
            gold = gold_places(report, at, "triggers", decoder.labels)
            right = np.array([trigger[:3] in gold for trigger in triggers])
            self.read.append(Candidates(at, said, triggers, right))
        self.gold = sum(len(report.events) for report in dev)

    def f1(self, odds: Sequence[NDArray[np.floating]], least: float = -inf) -> list[float]:
        """Trigger F1 at each of `LEAST`, the least that a report's surest candidate needs.

        `odds` are the log odds (E,) of each of `read`; candidates below `least` are left out.
        """
        right, count = np.zeros((2, len(LEAST)), np.int64)
        for one, found in zip(self.read, odds, strict=True):
            kept, loud = found >= least, found.max() >= LEAST
            right += loud * int((one.right & kept).sum())
            count += loud * int(kept.sum())
        curve: list[float] = (2 * right / np.maximum(count + self.gold, 1)).tolist()
        return curve


def _with_triggers(
    decoder: Decoder, dev: Sequence[Report], words: list[Words], scores: list[WordScores]
) -> Settings:
    """More candidates, the weights under which their being right is likeliest, the chance that
    gives the best trigger F1, and the strictest of `LEAST` that costs next to none of it."""
    settings = decoder.settings
    bonus = settings.outside["triggers"] + _CANDIDATES
    settings = replace(settings, outside={**settings.outside, "triggers": bonus})
    decoder = replace(decoder, settings=settings)
    sheet = EventSheet(decoder, dev, words, scores)
    features = []
    for x in sheet.read:
        spans = decoder.mentions(x.words, x.scores)
        found = decoder.trigger_features(x.triggers, spans, x.words, x.scores)
        features.append(found.astype(np.float64))
    prior = trigger_prior(decoder.labels)
    weights = _weights(features, [x.right for x in sheet.read], prior, digits=4)
    odds = [x @ np.array(weights) for x in features]
    curve = [sheet.f1(odds, log_odds(chance))[0] for chance in _THRESHOLDS]
    chance = _best(_THRESHOLDS, curve, neutral=0.5)
    stricter = np.array(sheet.f1(odds, log_odds(chance)))
    return replace(
        settings,
        triggers=weights,
        threshold={**settings.threshold, "triggers": chance},
        least=round(float(LEAST[stricter >= stricter.max() - _GIVEN].max()), 2),
    )


class StatusSheet:
    """The gold triggers of the dev reports and their statuses, for judging scores of statuses."""

    def __init__(self, labels: Labels, dev: Sequence[Report], words: Sequence[Words]):
        self.read: list[list[Span]] = []
        gold = []
        for report, at in zip(dev, words, strict=True):
            found = sorted((span, e.type, e.status) for e, span in placed(at, report.events))
            self.read.append([Span(*span, labels.events.index(t), 1.0) for span, t, _ in found])
            gold += [labels.statuses.index(status) for *_, status in found]
        self.gold = np.array(gold, np.int64)

    def f(self, logits: NDArray[np.float32], beta: float = 1.0) -> list[float]:
        """F of all statuses but the first, for each bonus of the first, from scores (N, S)."""
        curve = []
        for bonus in _BONUS:
            shifted = logits.copy()
            shifted[:, 0] += bonus
            read = shifted.argmax(-1)
            right = ((self.gold == read) & (self.gold > 0)).sum()
            total = beta**2 * (self.gold > 0).sum() + (read > 0).sum()
            curve.append(float((1 + beta**2) * right / max(total, 1)))
        return curve


def _with_statuses(
    decoder: Decoder, dev: Sequence[Report], words: list[Words], scores: list[WordScores]
) -> Settings:
    """The bonus of the first status that gives the best F of the others, recall before precision
    (F-beta, van Rijsbergen 1979)."""
    settings, sheet = decoder.settings, StatusSheet(decoder.labels, dev, words)
    if not len(sheet.gold):
        return settings
    found = zip(sheet.read, words, scores, strict=True)
    logits = np.concatenate([decoder.status_logits(*each) for each in found])
    bonus = _best(_BONUS, sheet.f(logits, _MISSED), neutral=0.0)
    return replace(settings, outside={**settings.outside, "statuses": bonus})


class Read(NamedTuple):
    """What was read in a dev report, E triggers and M mentions, and what gold says of it."""

    words: Words
    scores: WordScores
    triggers: list[Span]
    spans: list[Span]
    legal: NDArray[np.bool_]  # (E, M, R) which roles the label set allows
    right: NDArray[np.bool_]  # (E, M, R) which of them gold has


class RoleSheet:
    """The dev reports with what was read in them, for judging chances of roles."""

    def __init__(
        self,
        decoder: Decoder,
        dev: Sequence[Report],
        words: Sequence[Words],
        scores: Sequence[WordScores],
    ):
        self.roles = list(decoder.labels.roles)
        found = [_read(decoder, *each) for each in zip(dev, words, scores, strict=True)]
        self.read = [one for one in found if one.triggers and one.spans]
        counts = Counter(
            role for report, at in zip(dev, words, strict=True) for _, role, _ in _links(report, at)
        )
        self.gold = np.array([counts[role] for role in self.roles])

    def links(self, chances: Sequence[NDArray[np.float32]]) -> dict[str, tuple[float, ...]]:
        """For each role the weights of `decode.link_features`, by logistic regression; `chances`
        are those of the roles, as in `thresholds`."""
        found = []
        for one, said in zip(self.read, chances, strict=True):
            features = link_features(said, one.triggers, one.spans, one.legal[0])
            found.append((features, one.right, one.legal & (said > _HOPELESS)))
        weights = {}
        for r, role in enumerate(self.roles):
            rows = [features[:, :, r][kept[:, :, r]] for features, _, kept in found]
            right = [gold[:, :, r][kept[:, :, r]] for _, gold, kept in found]
            weights[role] = _weights(rows, right, _PRIOR)
        return weights

    def thresholds(self, chances: Sequence[NDArray[np.float32]]) -> dict[str, float]:
        """For each role the chance that gives the best F1; `chances` are (E, M, R), one for each
        of `read`."""
        return self._best_of(*self._counts(chances))

    def f1(self, chances: Sequence[NDArray[np.float32]]) -> float:
        """Micro-F1 of arguments at those thresholds."""
        right, wrong = self._counts(chances)
        best = np.array(list(self._best_of(right, wrong).values()))
        at = np.arange(len(best)), np.abs(_THRESHOLDS[None] - best[:, None]).argmin(1)
        total = right[at].sum() + wrong[at].sum() + self.gold.sum()
        return float(2 * right[at].sum() / max(total, 1))

    def _best_of(self, right: NDArray[np.int64], wrong: NDArray[np.int64]) -> dict[str, float]:
        curves = 2 * right / np.maximum(right + wrong + self.gold[:, None], 1)
        return {
            role: _best(_THRESHOLDS, curve, neutral=0.5)
            for role, curve in zip(self.roles, curves.tolist(), strict=True)
        }

    def _counts(
        self, chances: Sequence[NDArray[np.float32]]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(R, thresholds) How many arguments are read rightly and wrongly."""
        right, wrong = np.zeros((2, len(self.roles), len(_THRESHOLDS)), np.int64)
        for one, found in zip(self.read, chances, strict=True):
            over = (found[..., None] >= _THRESHOLDS) & one.legal[..., None]
            right += (over & one.right[..., None]).sum((0, 1))
            wrong += (over & ~one.right[..., None]).sum((0, 1))
        return right, wrong


def _links(report: Report, words: Words) -> set[tuple[Any, ...]]:
    """Gold arguments by words: the event's span and type, the role, the mention's."""
    at = {span.id: (words.span(span.start, span.end), span.type) for span in report.spans}
    return {
        (at[event.id], argument.role, at[argument.id])
        for event in report.events
        for argument in event.arguments
    }


def _read(decoder: Decoder, report: Report, words: Words, scores: WordScores) -> Read:
    labels = decoder.labels
    spans = decoder.mentions(words, scores)
    triggers = decoder.triggers(spans, words, scores)
    types, links = list(labels.mentions), _links(report, words)
    events = [((t.first, t.last), labels.events[t.label]) for t in triggers]
    mentions = [((m.first, m.last), types[m.label]) for m in spans]
    shape = len(triggers), len(spans), len(labels.roles)
    right = [[[(e, r, m) in links for r in labels.roles] for m in mentions] for e in events]
    return Read(
        words, scores, triggers, spans,
        np.broadcast_to(decoder.legal(spans), shape),
        np.array(right, bool).reshape(shape),
    )  # fmt: skip


def _with_links(
    decoder: Decoder, dev: Sequence[Report], words: list[Words], scores: list[WordScores]
) -> Settings:
    """The weights under which the links' being right is likeliest, and for each role the
    probability that gives the best end-to-end argument F1."""
    sheet = RoleSheet(decoder, dev, words, scores)
    of_roles = [decoder.role_chances(x.triggers, x.spans, x.words, x.scores) for x in sheet.read]
    settings = replace(decoder.settings, links=sheet.links(of_roles))
    decoder = replace(decoder, settings=settings)
    chances = [
        decoder.link_chances(said, x.triggers, x.spans, x.legal[0])
        for said, x in zip(of_roles, sheet.read, strict=True)
    ]
    return replace(settings, threshold={**settings.threshold, **sheet.thresholds(chances)})


# what is fitted one after another, each beside what was fitted before -> by the layer it is of
_FITS = {
    "mentions": _with_mentions,
    "reports": _with_triggers,
    "statuses": _with_statuses,
    "roles": _with_links,
}


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
    scored = judged(pairs, kind)
    x = np.array([[log_odds(s), 1.0] for s, _ in scored]).reshape(-1, 2)
    right = np.array([r for _, r in scored], np.float64)
    slope, shift = logistic(x, right, np.array([1.0, 0.0])).tolist()
    return round(slope, 3), round(shift, 3)


def _weights(
    rows: Sequence[NDArray[np.floating]],
    right: Sequence[NDArray[np.bool_]],
    prior: tuple[float, ...],
    digits: int = 3,
) -> tuple[float, ...]:
    """Rounded, those under which what is `right` (N each) is likeliest by its features (N, F).

    Features beyond those of the prior are held to nothing, and the tighter the more they vary.
    """
    x = np.concatenate(rows) if rows else np.zeros((0, len(prior)))
    y = np.concatenate([np.zeros(0), *right])
    known, others = np.array(prior), np.zeros(x.shape[1] - len(prior))
    penalty = np.ones(x.shape[1])
    if len(others):
        penalty[len(known) :] = _LEAST_HELD + _HELD * x[:, len(known) :].var(0)
    found = logistic(x, y, np.concatenate([known, others]), penalty)
    return tuple(np.round(found, digits).tolist())


def logistic(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    prior: NDArray[np.float64],
    penalty: NDArray[np.float64] | float = 1.0,
) -> NDArray[np.float64]:
    """Weights (F) of a logistic regression of y (N) on x (N, F), held to the prior by a penalty
    (F) on the squared distance; Newton's steps, halved while they lead up."""

    def loss(weights: NDArray[np.float64]) -> float:
        found = np.logaddexp(0, x @ weights).sum() - y @ (x @ weights)
        return float(found + (penalty * (weights - prior) ** 2).sum() / 2)

    weights = prior
    for _ in range(30):
        chance = 1 / (1 + np.exp(-np.clip(x @ weights, -500, 500)))
        gradient = x.T @ (chance - y) + penalty * (weights - prior)
        hessian = (x.T * (chance * (1 - chance))) @ x + penalty * np.eye(len(prior))
        step = np.linalg.solve(hessian, gradient)
        while np.abs(step).max() > 1e-9 and loss(weights - step) > loss(weights):
            step = step / 2
        weights = weights - step
    return weights
