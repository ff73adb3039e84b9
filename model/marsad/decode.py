"""Word scores -> spans -> events -> arguments: the one decoder, for serving and for evaluation.

What the network says of words and pairs is mixed with what the CRF says of them, where there is
one.

Shapes: W words, T tags, R roles, K role dimensions, E triggers, M mentions.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from marsad.crf import Crf, log_ratios, mixed, softmax
from marsad.errors import MarsadError
from marsad.event_features import Marked, role_features, status_features, type_features
from marsad.roles import FEATURES, pair_features
from marsad.schema import Argument, Event, Labels, Mention, Report
from marsad.spans import (
    Floats,
    Span,
    apart,
    bio_spans,
    candidate_prior,
    candidates,
    closed,
    crossed,
    log_odds,
    paired,
    parted,
    sigmoid,
    uncrossed,
    viterbi,
    weighed,
)
from marsad.text import JOINED, TATWEEL, Words
from marsad.word_features import features, report_features

# tagging layer -> its scores
HEADS = {"mentions": "mention_tags", "triggers": "trigger_tags"}
_DOUBTFUL = 0.25  # chance from which what fills a role is a mention; what fills none needs more
# The CRF is not asked about pairs whose likeliest role has less than this from the network
_LEAST = 0.02
_UNLIKELY = 2.5e-3  # chances of roles below it, and those of forbidden ones, are all alike
_REACH = 400  # words between a trigger and its arguments at most; no window shows as many
# Log odds of a trigger's likeliest arguments, as evidence that it is one: no evidence is -3
_EVIDENCE = (-3.0, 6.0)
_NO_OTHER = -4.0  # log odds of the surest other trigger where there is none
_AROUND = 50  # words before and after a candidate that tell what the passage is about
_PASSAGE = 25  # fewer words than these tell less of it: a mean of three is mostly chance


class WordScores(NamedTuple):
    """What the network says of each word of a report, (W, ...) each; the order of ONNX outputs."""

    mention_tags: Floats
    trigger_tags: Floats
    statuses: Floats
    clitics: Floats
    trigger_roles: Floats
    mention_roles: Floats


class Link(NamedTuple):
    """That a mention fills a role of an event, both by their place, with a probability."""

    event: int
    role: str
    mention: int
    score: float


@dataclass(frozen=True)
class RoleTables:
    """Additive evidence of the role scorer.

    `pairs` is (event types, mention types, R); `features` one (values, R) table for each of
    `roles.FEATURES`.
    """

    pairs: Floats
    features: tuple[Floats, ...]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "RoleTables":
        """Read `to_dict`; raises MarsadError where a table is missing."""
        try:
            return cls(
                np.asarray(data["pairs"], np.float32),
                tuple(np.asarray(data["features"][name], np.float32) for name in FEATURES),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise MarsadError(f"the role tables lack or misshape {error}.") from error

    def to_dict(self) -> dict[str, Any]:
        """Nested lists, rounded to four digits."""
        tables = zip(FEATURES, self.features, strict=True)
        return {
            "pairs": np.round(self.pairs.astype(float), 4).tolist(),
            "features": {n: np.round(t.astype(float), 4).tolist() for n, t in tables},
        }


@dataclass(frozen=True)
class Settings:
    """What is fitted on dev after training: temperatures and thresholds.

    `outside` is added to the score of the outside tag before Viterbi (of mentions only where tags
    alone are read, as in a copy for another library), and to that of the first status; `threshold`
    is the probability from which a role is filled, by role, that from which a candidate is a
    trigger, as "triggers", and that from which one that fills no role is a mention, as "mentions";
    `certainty` is the (slope, shift) that turns the log odds of a span's score into those of its
    being right (Platt 1999); `mentions` are the weights that make of the features of `candidates`
    the log odds of a candidate's being right, `triggers` those for `Decoder.trigger_features`, and
    `links` those, by role, that make of `link_features` the log odds of a link's being right, its
    trigger and its mention included; `least` is what the log odds of a report's surest trigger are
    at least where it tells any event.
    """

    temperature: Mapping[str, float] = field(default_factory=dict)
    outside: Mapping[str, float] = field(default_factory=dict)
    threshold: Mapping[str, float] = field(default_factory=dict)
    certainty: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    mentions: tuple[float, ...] = ()
    triggers: tuple[float, ...] = ()
    links: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    least: float = -100.0


@dataclass(frozen=True)
class Decoder:
    """Turns the word scores of a report into a `Report`."""

    labels: Labels
    tables: RoleTables
    settings: Settings = field(default_factory=Settings)
    crf: Crf | None = None

    def with_crf(self, words: Words, scores: WordScores) -> WordScores:
        """The network's scores, with what the CRF says of the tags."""
        layers = [layer for layer in HEADS if self.crf and self.crf.weight[layer]]
        if not len(words) or not layers:
            return scores
        assert self.crf
        rows = features(words)
        return scores._replace(
            **{
                HEADS[layer]: mixed(
                    getattr(scores, HEADS[layer]),
                    self.crf.chains[layer].marginals(rows),
                    self.crf.weight[layer],
                )
                for layer in layers
            }
        )

    def report(
        self, text: str, words: Words, scores: WordScores, id: str = "", date: str | None = None
    ) -> Report:
        """The report that the scores say; offsets point into the raw text."""
        if not len(words):
            return Report(id, text, date)
        spans = self.mentions(words, scores)
        triggers = self.triggers(spans, words, scores)
        links = self.links(triggers, spans, words, scores)
        joined = scores.clitics.argmax(-1).tolist()
        starts = {
            first: _start(text, *words.spans[first], joined[first])
            for first, *_ in (*spans, *triggers)
        }
        types, counts = list(self.labels.mentions), dict.fromkeys(self.labels.mentions, 0)
        least = self.settings.threshold.get("mentions", 0.5)
        filling = {link.mention for link in links}
        mentions = {}
        for place, span in enumerate(spans):
            if span.score < least and place not in filling:
                continue
            type = types[span.label]
            counts[type] += 1
            mentions[place] = Mention(
                f"{self.labels.mentions[type]}{counts[type]}", type,
                starts[span.first], words.spans[span.last - 1][1],
                self._certain("mentions", span.score),
            )  # fmt: skip
        arguments: list[list[Argument]] = [[] for _ in triggers]
        for event, role, place, score in links:
            arguments[event].append(Argument(role, mentions[place].id, score))
        statuses = self.status_logits(triggers, words, scores).argmax(-1)
        events = tuple(
            Event(
                f"e{i + 1}", self.labels.events[span.label],
                self.labels.statuses[statuses[i]],
                starts[span.first], words.spans[span.last - 1][1], tuple(arguments[i]),
                self._certain("triggers", span.score),
            )
            for i, span in enumerate(triggers)
        )  # fmt: skip
        return Report(id, text, date, tuple(mentions.values()), events)

    def mentions(self, words: Words, scores: WordScores) -> list[Span]:
        """What may be a mention, none overlapping, each scored with its chance of being right."""
        found, features = candidates(softmax(self.logits("mentions", words, scores)))
        weights = self.settings.mentions or candidate_prior()
        likely = apart(weighed(found, features, weights), _DOUBTFUL)
        return paired(list(closed(likely, words.forms)), words.forms)

    def tagged(self, words: Words, scores: WordScores) -> list[Span]:
        """What may be a trigger: the spans of the best path of tags; of an empty text none."""
        if not len(words):
            return []
        logits = self.logits("triggers", words, scores)
        path = logits.copy()
        path[:, 0] += self.settings.outside.get("triggers", 0.0)
        return list(closed(bio_spans(viterbi(path), softmax(logits)), words.forms))

    def logits(self, layer: str, words: Words, scores: WordScores) -> Floats:
        """(W, T) The scores of the tags of a layer of `HEADS`, at its temperature; no span goes on
        in another line."""
        logits: Floats = getattr(scores, HEADS[layer])
        logits = logits / np.float32(self.settings.temperature.get(layer, 1.0))
        return parted(logits, words.line_starts())

    def triggers(self, spans: Sequence[Span], words: Words, scores: WordScores) -> list[Span]:
        """The triggers beside the mentions `spans`, each scored with its chance of being right."""
        tagged = self.tagged(words, scores)
        if not tagged:
            return []
        features = self.trigger_features(tagged, spans, words, scores)
        weights = self.settings.triggers or trigger_prior(self.labels)
        # settings fitted before the words around were listened to have weights for the rest alone
        found = weighed(tagged, features[:, : len(weights)], weights)
        if log_odds(max(span.score for span in found)) < self.settings.least:
            return []
        least = self.settings.threshold.get("triggers", 0.0)
        return self.typed([span for span in found if span.score >= least], spans, words, scores)

    def typed(
        self, triggers: list[Span], spans: Sequence[Span], words: Words, scores: WordScores
    ) -> list[Span]:
        """The triggers, each of the type that network and CRF together find likeliest."""
        if not triggers or not self.crf or not self.crf.weight["types"]:
            return triggers
        rows = self.type_features(triggers, spans, words)
        found = self.crf.chains["types"].marginals(rows)
        logits = self.type_logits(triggers, words, scores)
        both = mixed(logits, found, self.crf.weight["types"])
        types = both.argmax(-1).tolist()
        return [span._replace(label=t) for span, t in zip(triggers, types, strict=True)]

    def type_logits(self, triggers: Sequence[Span], words: Words, scores: WordScores) -> Floats:
        """(E, event types) What the network says of the first word of each."""
        return self.logits("triggers", words, scores)[[span.first for span in triggers], 1::2]

    def type_features(
        self, triggers: Sequence[Span], spans: Sequence[Span], words: Words
    ) -> list[list[str]]:
        """What the CRF is asked about the types of triggers beside the mentions `spans`."""
        events, mentions = self.labels.events, list(self.labels.mentions)
        return type_features(words, marked(triggers, events), marked(spans, mentions))

    def trigger_features(
        self, tagged: Sequence[Span], spans: Sequence[Span], words: Words, scores: WordScores
    ) -> Floats:
        """(E, F) One; `crossed` the log odds of a candidate, of the surest other, and of a report
        that tells events by the CRF, and those of the likeliest mention in each role, by the
        network; what the network says of the words around, `WordScores.trigger_roles` and
        `mention_roles`, in the mean of as many as make a passage."""
        odds = np.array([log_odds(span.score) for span in tagged])
        others = np.full(len(odds), _NO_OTHER)
        if len(odds) > 1:
            surest = odds.argmax()
            others[:] = odds[surest]
            others[surest] = np.delete(odds, surest).max()
        evidence = np.full((len(odds), len(self.labels.roles)), -np.inf)
        for own, (first, last), (start, end) in sections(tagged, spans, len(words)):
            if own[0] == own[1] or start == end:
                continue
            near = spans[start:end]
            logits = self.role_logits(tagged[first:last], near, words, scores)
            best = np.where(self.legal(near), logits, -np.inf).max(1)
            evidence[slice(*own)] = best[own[0] - first : own[1] - first]
        told = np.full(len(odds), self.eventful(words))
        known = np.column_stack([odds, others, told, np.clip(evidence, *_EVIDENCE)])
        said = np.column_stack([scores.trigger_roles, scores.mention_roles])
        passages = (said[max(s.first - _AROUND, 0) : s.last + _AROUND] for s in tagged)
        around = np.stack([rows.sum(0) / max(len(rows), _PASSAGE) for rows in passages])
        return np.column_stack([np.ones(len(odds)), crossed(known), around]).astype(np.float32)

    def eventful(self, words: Words) -> float:
        """The log odds that a report tells any event, by the CRF and as far as it is heard."""
        if not self.crf or not self.crf.weight["reports"]:
            return 0.0
        found = log_ratios(self.crf.chains["reports"].marginals([report_features(words)]))
        return self.crf.weight["reports"] * float(found[0, 1])

    def _certain(self, kind: str, score: float) -> float:
        slope, shift = self.settings.certainty.get(kind, (1.0, 0.0))
        return round(1 / (1 + exp(-slope * log_odds(score) - shift)), 4)

    def links(
        self, triggers: list[Span], spans: list[Span], words: Words, scores: WordScores
    ) -> list[Link]:
        """The arguments, by role and then by mention for each trigger."""
        found = []
        roles = list(self.labels.roles)
        least = np.array([self.settings.threshold.get(role, 0.5) for role in roles], np.float32)
        for own, (first, last), (start, end) in sections(triggers, spans, len(words)):
            if own[0] == own[1] or start == end:
                continue
            near = spans[start:end]
            events, legal = triggers[first:last], self.legal(near)
            chances = self.role_chances(events, near, words, scores)
            chances = self.link_chances(chances, events, near, legal)
            over = (chances >= least) & legal
            for r, e, m in np.argwhere(over.transpose(2, 0, 1)).tolist():
                if own[0] <= first + e < own[1]:
                    score = round(float(chances[e, m, r]), 4)
                    found.append(Link(first + e, roles[r], start + m, score))
        return found

    def legal(self, spans: Sequence[Span]) -> NDArray[np.bool_]:
        """(M, R) Which roles the label set lets each mention fill."""
        types = list(self.labels.mentions)
        allowed = [[types[s.label] in taken for taken in self.labels.roles.values()] for s in spans]
        return np.array(allowed, bool).reshape(len(spans), len(self.labels.roles))

    def link_chances(
        self,
        chances: Floats,
        triggers: Sequence[Span],
        spans: Sequence[Span],
        legal: NDArray[np.bool_],
    ) -> Floats:
        """The probability (E, M, R) that a link is right, its trigger and its mention included.

        `chances` are those of `role_chances`, `legal` is that of the spans.
        """
        if not self.settings.links:
            return chances
        weights = np.array([self.settings.links[role] for role in self.labels.roles], np.float32)
        features = link_features(chances, triggers, spans, legal)
        return sigmoid(np.einsum("emrf,rf->emr", features, weights))

    def status_logits(self, triggers: Sequence[Span], words: Words, scores: WordScores) -> Floats:
        """(E, statuses) What network and CRF say of each trigger."""
        logits = scores.statuses[[span.first for span in triggers]]
        if triggers and self.crf and self.crf.weight["statuses"]:
            rows = status_features(words, marked(triggers, self.labels.events))
            found = self.crf.chains["statuses"].marginals(rows)
            logits = mixed(logits, found, self.crf.weight["statuses"])
        logits[:, 0] += self.settings.outside.get("statuses", 0.0)
        return logits

    def role_chances(
        self, triggers: Sequence[Span], spans: Sequence[Span], words: Words, scores: WordScores
    ) -> Floats:
        """The probability (E, M, R) that the mention fills the role of the event."""
        logits = self.role_logits(triggers, spans, words, scores)
        if self.crf and self.crf.weight["roles"]:
            pairs, ratios = self.role_ratios(triggers, spans, words, logits)
            logits[tuple(pairs.T)] += np.float32(self.crf.weight["roles"]) * ratios
        return sigmoid(logits)

    def role_logits(
        self, triggers: Sequence[Span], spans: Sequence[Span], words: Words, scores: WordScores
    ) -> Floats:
        """What the network says of it, (E, M, R)."""
        event_types = np.array([s.label for s in triggers])
        mention_types = np.array([s.label for s in spans])
        at_events = np.array([s[:2] for s in triggers])
        at_mentions = np.array([s[:2] for s in spans])
        n_roles = len(self.labels.roles)
        e = span_means(scores.trigger_roles, at_events).reshape(len(triggers), n_roles, -1)
        m = span_means(scores.mention_roles, at_mentions).reshape(len(spans), n_roles, -1)
        # (R, E, K) @ (R, K, M) -> (E, M, R)
        product = e.transpose(1, 0, 2) @ m.transpose(1, 2, 0)
        logits: Floats = product.transpose(1, 2, 0) / np.float32(e.shape[-1] ** 0.5)
        logits = logits + self.tables.pairs[event_types][:, mention_types]
        breaks = np.asarray(words.breaks)
        found = pair_features(at_events, at_mentions, mention_types, breaks)
        for table, index in zip(self.tables.features, found, strict=True):
            logits = logits + table[index]
        return logits

    def role_ratios(
        self, triggers: Sequence[Span], spans: Sequence[Span], words: Words, logits: Floats
    ) -> tuple[NDArray[np.int64], Floats]:
        """What the CRF says: pairs (N, 2) by index, and the log odds (N, R) of their roles."""
        assert self.crf
        pairs = np.argwhere(sigmoid(logits).max(-1) >= _LEAST)
        rows = role_features(
            words,
            marked(triggers, self.labels.events),
            marked(spans, list(self.labels.mentions)),
            [(int(e), int(m)) for e, m in pairs],
        )
        return pairs, log_ratios(self.crf.chains["roles"].marginals(rows))[:, 1:]


def trigger_prior(labels: Labels) -> tuple[float, ...]:
    """Weights of the first of `Decoder.trigger_features`: what tags and report say, and nothing
    else; the words around come after."""
    return (0.0, *uncrossed(1.0, 0.0, 1.0, *[0.0] * len(labels.roles)))


def link_features(
    chances: Floats, triggers: Sequence[Span], spans: Sequence[Span], legal: NDArray[np.bool_]
) -> Floats:
    """(E, M, R, 12) One; `crossed` the log odds of the role, of the trigger and of the mention;
    whether no other event, and whether no other mention, is likelier in this role. `legal` is
    (M, R)."""
    kept = np.clip(chances, _UNLIKELY, 1 - _UNLIKELY)
    odds = np.where(legal, np.log(kept) - np.log1p(-kept), np.float32(log_odds(_UNLIKELY)))
    said = [
        np.array([log_odds(span.score) for span in found], np.float32)
        for found in (triggers, spans)
    ]
    known = (odds, said[0][:, None, None], said[1][None, :, None])
    features = (
        np.ones_like(odds)[..., None],
        crossed(np.stack([np.broadcast_to(f, odds.shape) for f in known], -1)),
        (odds == odds.max(0, keepdims=True))[..., None],
        (odds == odds.max(1, keepdims=True))[..., None],
    )
    return np.concatenate(features, -1)


_Range = tuple[int, int]


def sections(
    triggers: Sequence[Span], mentions: Sequence[Span], count: int
) -> Iterator[tuple[_Range, _Range, _Range]]:
    """The parts of a text of so many words in which roles are read, so that the work is linear.

    For each part the range of its own triggers, and those of all triggers and mentions that lie
    within `_REACH` words of it: what stands between a pair is then as in the whole text.
    """
    size = count if count <= 3 * _REACH else _REACH
    heads = [[span.first for span in spans] for spans in (triggers, mentions)]
    for start in range(0, count, size):
        low, high = start - _REACH, start + size + _REACH
        own = bisect_left(heads[0], start), bisect_left(heads[0], start + size)
        wide = [(bisect_left(places, low), bisect_left(places, high)) for places in heads]
        yield own, wide[0], wide[1]


def marked(spans: Sequence[Span], types: Sequence[str]) -> list[Marked]:
    """The spans with their types by name, as features are made of them."""
    return [Marked(span.first, span.last, types[span.label]) for span in spans]


def _start(text: str, start: int, end: int, joined: int) -> int:
    """Where a span that begins with a word starts: after so many letters joined before it."""
    if joined < end - start and JOINED.issuperset(text[start : start + joined]):
        start += joined
    while start < end - 1 and text[start] == TATWEEL:  # as in «لـ35»
        start += 1
    return start


def span_means(projections: Floats, spans: NDArray[np.int64]) -> Floats:
    """(W, D) word vectors and (N, 2) word spans, end exclusive -> (N, D) means."""
    return np.stack([projections[a:b].mean(0) for a, b in spans])
