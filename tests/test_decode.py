"""The decoder: Viterbi against every legal path, spans, and reports from hand-made word scores."""

from dataclasses import replace
from itertools import combinations_with_replacement, product
from math import exp, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marsad import decode
from marsad.crf import softmax
from marsad.decode import (
    Decoder,
    RoleTables,
    Settings,
    WordScores,
    link_features,
    span_means,
    trigger_prior,
)
from marsad.errors import MarsadError
from marsad.roles import FEATURES, pair_features
from marsad.schema import Argument, Event, Labels, Mention, Report
from marsad.spans import Span, log_odds, sigmoid
from marsad.text import split_words

LABELS = Labels(
    mentions={"ACTOR": "a", "WEAPON": "w"},
    events=("STRIKE", "DEATH"),
    statuses=("occurred", "denied"),
    roles={"agent": ("ACTOR",), "instrument": ("WEAPON",)},
    values={},
)
ROLES, DEPTH, CLITICS = 2, 3, 4
SURE = 9.0
REACH = 60  # words; pairs that are farther apart are in the last classes of distance


def tables(seed: int | None = None) -> RoleTables:
    """Tables of zeros, or of random numbers."""
    rng = np.random.default_rng(seed)
    scale = 0.0 if seed is None else 1.0
    return RoleTables(
        rng.normal(0, 1, (2, 2, ROLES)).astype(np.float32) * np.float32(scale),
        tuple(
            rng.normal(0, 1, (n, ROLES)).astype(np.float32) * np.float32(scale)
            for n in FEATURES.values()
        ),
    )


def hand_made(
    mentions: list[int],
    triggers: list[int],
    statuses: dict[int, int] | None = None,
    clitics: dict[int, int] | None = None,
    trigger_roles: dict[int, list[float]] | None = None,
) -> WordScores:
    """Sure word scores for tag paths; each word votes the given score for each role."""
    count = len(mentions)

    def one_hot(path: list[int], size: int) -> np.ndarray:
        return (SURE * np.eye(size)[path]).astype(np.float32)

    roles = np.zeros((count, ROLES * DEPTH), np.float32)
    for word, scores in (trigger_roles or {}).items():
        roles[word] = np.repeat(scores, DEPTH)
    return WordScores(
        one_hot(mentions, 5),
        one_hot(triggers, 5),
        one_hot([(statuses or {}).get(n, 0) for n in range(count)], 2),
        one_hot([(clitics or {}).get(n, 0) for n in range(count)], CLITICS),
        roles,
        np.ones((count, ROLES * DEPTH), np.float32),
    )


def read(text: str, scores: WordScores, settings: Settings | None = None) -> Report:
    decoder = Decoder(LABELS, tables(), settings or Settings())
    return decoder.report(text, split_words(text), scores, "r1", "2022-01-04")


def test_means_of_spans() -> None:
    vectors = np.array([[0, 2], [2, 4], [10, 0]], np.float32)
    means = span_means(vectors, np.array([[0, 2], [2, 3], [0, 3]]))
    assert means.tolist() == [[1, 3], [10, 0], [4, 2]]


@pytest.mark.filterwarnings("error")
def test_softmax_and_sigmoid_stand_large_values() -> None:
    large = np.array([[1e30, -1e30, 0], [-1e4, -1e4, -1e4]], np.float32)
    assert softmax(large)[0].tolist() == [1, 0, 0]
    assert softmax(large)[1].tolist() == pytest.approx([1 / 3] * 3)
    assert sigmoid(np.array([-1e30, -2, 0, 2, 1e30], np.float32)).tolist() == pytest.approx(
        [0, 1 / (1 + exp(2)), 0.5, 1 / (1 + exp(-2)), 1]
    )


def test_a_report_from_sure_scores() -> None:
    text = "قصف الجيش العراقي بصاروخ والجماعة تنفي مقتل"
    scores = hand_made(
        mentions=[0, 1, 2, 3, 1, 0, 0],
        triggers=[1, 0, 0, 0, 0, 0, 3],
        statuses={6: 1},
        clitics={3: 1, 4: 1},
        trigger_roles={0: [9, 9], 6: [-9, -9]},
    )
    report = read(text, scores)
    assert (report.id, report.text, report.date) == ("r1", text, "2022-01-04")
    assert [(m.id, m.type, report.surface(m)) for m in report.mentions] == [
        ("a1", "ACTOR", "الجيش العراقي"), ("w1", "WEAPON", "صاروخ"), ("a2", "ACTOR", "الجماعة"),
    ]  # fmt: skip
    assert [(e.id, e.type, e.status, report.surface(e)) for e in report.events] == [
        ("e1", "STRIKE", "occurred", "قصف"), ("e2", "DEATH", "denied", "مقتل"),
    ]  # fmt: skip
    first, second = report.events
    assert [(a.role, a.id) for a in first.arguments] == [
        ("agent", "a1"), ("agent", "a2"), ("instrument", "w1"),
    ]  # fmt: skip
    assert second.arguments == ()
    scored: list[Mention | Event | Argument] = [*report.mentions, *report.events, *first.arguments]
    assert all(s.score is not None and 0.9 < s.score <= 1 for s in scored)
    assert list(report.problems(LABELS)) == []


@pytest.mark.parametrize(
    ("word", "letters", "surface"),
    [
        ("والجيش", 0, "والجيش"),
        ("والجيش", 1, "الجيش"),
        ("وبالجيش", 2, "الجيش"),
        ("فلجيش", 2, "جيش"),
        ("الجيش", 1, "الجيش"),  # alif is no clitic
        ("وجيش", 2, "وجيش"),  # nor is jim: then nothing is cut
        ("و", 1, "و"),  # something must be left
        ("وب", 2, "وب"),
        ("وبل", 3, "وبل"),
        ("بُجيش", 2, "بُجيش"),
    ],
)
def test_joined_letters_stay_outside(word: str, letters: int, surface: str) -> None:
    scores = hand_made([0, 1], [0, 3], clitics={1: letters})
    report = read(f"قال {word}", scores)
    assert report.surface(report.mentions[0]) == surface
    assert report.surface(report.events[0]) == surface


def test_strokes_before_a_mention_are_not_of_it_and_alone_are_none() -> None:
    (mention,) = read("لــ", hand_made([1], [0], clitics={0: 1})).mentions
    assert (mention.start, mention.end) == (2, 3)  # never empty
    assert read("ـ", hand_made([1], [0])).mentions == ()


def test_the_outside_bias_of_statuses_moves_the_first_one() -> None:
    scores = hand_made([0], [1], statuses={0: 1})
    statuses = [
        read("قصف", scores, Settings(outside={"statuses": bias})).events[0].status
        for bias in (0.0, SURE + 1)
    ]
    assert statuses == ["denied", "occurred"]


def test_a_long_text_is_read_in_sections_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs too far apart aside, which no window shows and the last table forbids here."""
    rng = np.random.default_rng(5)
    count = 4 * REACH
    scores = hand_made(
        rng.choice([0, 1, 3], count, p=[0.8, 0.1, 0.1]).tolist(),
        rng.choice([0, 1, 3], count, p=[0.9, 0.05, 0.05]).tolist(),
    )._replace(
        trigger_roles=rng.normal(0, 1, (count, ROLES * DEPTH)).astype(np.float32),
        mention_roles=rng.normal(0, 1, (count, ROLES * DEPTH)).astype(np.float32),
    )
    learnt = tables(7)
    distance = learnt.features[0].copy()
    distance[[8, 16]] = -40.0  # 40 words between and more
    decoder = Decoder(LABELS, replace(learnt, features=(distance, *learnt.features[1:])))
    text = "قصف " * count
    reports, evidence = [], []
    words = split_words(text)
    tagged, mentions = decoder.tagged(words, scores), decoder.mentions(words, scores)
    for reach in (REACH, count):
        monkeypatch.setattr(decode, "_REACH", reach)
        reports.append(decoder.report(text, words, scores))
        evidence.append(decoder.trigger_features(tagged, mentions, words, scores))
    assert np.allclose(*evidence, atol=1e-5)
    assert len(reports[0].events) > 20
    assert sum(len(event.arguments) for event in reports[0].events) > 20
    assert reports[0] == reports[1]


def test_only_the_first_word_of_a_span_is_trimmed() -> None:
    report = read("قال والجيش وجيش", hand_made([0, 1, 2], [0, 0, 0], clitics={1: 1, 2: 1}))
    assert [report.surface(m) for m in report.mentions] == ["الجيش وجيش"]


@pytest.mark.parametrize("text", ["", " \n", "\u200f"])
def test_a_text_without_words_is_an_empty_report(text: str) -> None:
    assert read(text, hand_made([], [])) == Report("r1", text, "2022-01-04")


@pytest.mark.parametrize(("mentions", "triggers"), [([1, 0], [0, 0]), ([0, 0], [0, 3])])
def test_no_arguments_without_both_sides(mentions: list[int], triggers: list[int]) -> None:
    report = read("قصف الجيش", hand_made(mentions, triggers, trigger_roles={1: [9, 9]}))
    assert len(report.mentions) + len(report.events) == 1
    assert all(event.arguments == () for event in report.events)


def test_a_role_is_filled_from_its_threshold_on() -> None:
    scores = hand_made([0, 1, 3], [1, 0, 0])  # every chance is one half
    assert [a.role for a in read("قصف جيش صاروخ", scores).events[0].arguments] == [
        "agent", "instrument",
    ]  # fmt: skip
    strict = Settings(threshold={"agent": 0.51, "instrument": 0.49})
    (event,) = read("قصف جيش صاروخ", scores, strict).events
    assert event.arguments == (Argument("instrument", "w1", 0.5),)


def test_the_outside_bias_hides_and_shows_spans() -> None:
    scores = hand_made([0, 1], [0, 1])
    assert read("قصف جيش", scores, Settings(outside={"triggers": 10.0})).events == ()
    shown = read("قصف جيش", scores, Settings(outside={"triggers": -10.0}))
    assert [e.start for e in shown.events] == [0, 4]
    assert len(shown.mentions) == 1


def test_a_doubtful_mention_stands_by_the_role_it_fills() -> None:
    scores = hand_made([0, 1], [1, 0], trigger_roles={0: [9, -9]})
    scores.mention_tags[1] = np.log([0.6, 0.4, 1e-3, 1e-3, 1e-3])
    assert [m.id for m in read("قصف جيش", scores).mentions] == ["a1"]
    assert read("قصف جيش", scores, Settings(threshold={"agent": 1.1})).mentions == ()
    low = Settings(threshold={"agent": 1.1, "mentions": 0.3})
    assert [m.id for m in read("قصف جيش", scores, low).mentions] == ["a1"]
    scores.mention_tags[1] = np.log([0.9, 0.1, 1e-3, 1e-3, 1e-3])  # too doubtful even so
    assert read("قصف جيش", scores).mentions == ()


def test_mentions_are_judged_by_their_weights() -> None:
    scores = hand_made([0, 1, 2], [0, 0, 0])
    assert len(read("قال جيش لبنان", scores).mentions) == 1
    doubting = Settings(mentions=(-9.0, *[0.0] * 10))
    assert read("قال جيش لبنان", scores, doubting).mentions == ()


@pytest.mark.parametrize(("gap", "surfaces"), [(" ", ["جيش لبنان"]), ("\n", ["جيش", "لبنان"])])
def test_no_span_goes_on_in_another_line(gap: str, surfaces: list[str]) -> None:
    report = read(f"جيش{gap}لبنان", hand_made([1, 2], [1, 2]))
    assert [report.surface(mention) for mention in report.mentions] == surfaces
    assert [report.surface(event) for event in report.events] == surfaces


def test_temperature_cools_scores_but_moves_no_span() -> None:
    scores = hand_made([0, 1], [0, 1])
    warm = read("قصف جيش", scores)
    cool = read("قصف جيش", scores, Settings(temperature={"mentions": 9.0, "triggers": 9.0}))
    assert [(m.start, m.end) for m in cool.mentions] == [(m.start, m.end) for m in warm.mentions]
    assert cool.mentions[0].score == pytest.approx(exp(1) / (exp(1) + 4), abs=1e-4)
    assert warm.mentions[0].score == pytest.approx(exp(9) / (exp(9) + 4), abs=1e-4)


def test_certainty_moves_the_log_odds_of_scores() -> None:
    scores = hand_made([0, 1], [0, 1])
    (plain,) = read("قصف جيش", scores).mentions
    (sure,) = read("قصف جيش", scores, Settings(certainty={"mentions": (0.5, -1.0)})).mentions
    assert log_odds(sure.score or 0) == pytest.approx(
        0.5 * log_odds(plain.score or 0) - 1, abs=0.01
    )
    assert (sure.start, sure.end) == (plain.start, plain.end)


@pytest.mark.parametrize("seed", range(5))
def test_trigger_features_against_a_loop(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    words = split_words("قصف الجيش بلدة. ثم قصف\nالحزب قاعدة ونفى الجيش مقتل أحد")
    monkeypatch.setattr("marsad.decode._AROUND", 2)
    monkeypatch.setattr("marsad.decode._PASSAGE", 4)
    scores = hand_made([0] * len(words), [0] * len(words))._replace(
        trigger_roles=rng.normal(0, 2, (len(words), ROLES * DEPTH)).astype(np.float32)
    )
    said = np.hstack([scores.trigger_roles, scores.mention_roles])
    candidates = [Span(n, n + 1, n % 2, rng.uniform(0.2, 1)) for n in (0, 5, 10)]
    spans = [Span(n, n + 1, n % 2, 1.0) for n in (1, 6, 9, 11)]
    decoder = Decoder(LABELS, tables(seed))
    logits = decoder.role_logits(candidates, spans, words, scores)
    odds = [log_odds(span.score) for span in candidates]
    for e, row in enumerate(decoder.trigger_features(candidates, spans, words, scores)):
        agents = max(logits[e, m, 0] for m, span in enumerate(spans) if span.label == 0)
        weapons = max(logits[e, m, 1] for m, span in enumerate(spans) if span.label == 1)
        others = max(odds[n] for n in range(3) if n != e)
        evidence = [min(max(found, -3.0), 6.0) for found in (agents, weapons)]
        wanted = _crossed([odds[e], others, 0.0, *evidence])
        place = candidates[e].first
        near = [said[n] for n in range(len(words)) if abs(n - place) <= 2]
        around = np.sum(near, 0) / max(len(near), 4)
        assert row.tolist() == pytest.approx([1.0, *wanted, *around], abs=1e-4)
    (lone,) = decoder.trigger_features(candidates[:1], [], words, scores)
    wanted = _crossed([odds[0], -4.0, 0.0, -3.0, -3.0])
    assert lone[: len(trigger_prior(LABELS))].tolist() == pytest.approx([1.0, *wanted], abs=1e-4)


def _crossed(odds: list[float]) -> list[float]:
    return [*odds, *(a * b / 30 for a, b in combinations_with_replacement(odds, 2))]


def test_a_candidate_is_a_trigger_by_its_arguments() -> None:
    agents = {0: [2.0, -9.0], 3: [-9.0, -9.0]}  # the first word takes an agent, the last none
    scores = hand_made([0, 1, 0, 0], [1, 0, 0, 3], trigger_roles=agents)
    text, weights = "قصف جيش ثم مقتل", (0.0, 0.0, 0.0, 0.0, 1.0, *[0.0] * 16)
    assert [e.type for e in read(text, scores).events] == ["STRIKE", "DEATH"]
    choosy = Settings(triggers=weights, threshold={"triggers": 0.5})
    (event,) = read(text, scores, choosy).events
    assert (event.type, event.score) == ("STRIKE", pytest.approx(sigmoid(2 * sqrt(3)), abs=1e-3))
    assert read(text, scores, replace(choosy, least=4.0)).events == ()


@pytest.mark.parametrize("seed", range(5))
def test_link_features_against_a_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    triggers = [Span(n, n + 1, 0, rng.uniform(0.3, 1)) for n in range(3)]
    spans = [Span(n + 3, n + 4, n % 2, rng.uniform(0.3, 1)) for n in range(4)]
    chances = rng.uniform(0.01, 0.99, (3, 4, ROLES)).astype(np.float32)
    legal = rng.random((4, ROLES)) < 0.8
    found = link_features(chances, triggers, spans, legal)
    for e, m, r in product(range(3), range(4), range(ROLES)):
        odds = [
            [log_odds(float(chances[i, j, r])) if legal[j, r] else -9.0 for j in range(4)]
            for i in range(3)
        ]
        if not legal[m, r]:
            continue
        wanted = [
            1.0, *_crossed([odds[e][m], log_odds(triggers[e].score), log_odds(spans[m].score)]),
            float(odds[e][m] >= max(row[m] for row in odds)),
            float(odds[e][m] >= max(odds[e])),
        ]  # fmt: skip
        assert found[e, m, r].tolist() == pytest.approx(wanted, abs=1e-4)


def test_a_link_is_as_doubtful_as_its_trigger() -> None:
    text, scores = "قصف جيش صاروخ", hand_made([0, 1, 3], [1, 0, 0])
    (event,) = read(text, scores).events
    weights = (0.0, 1.0, 0.5, *[0.0] * 9)  # of the chance, one half here, and of the trigger
    sure = {role: weights for role in LABELS.roles}
    (link, _) = read(text, scores, Settings(links=sure)).events[0].arguments
    assert log_odds(link.score or 0) == pytest.approx(0.5 * log_odds(event.score or 0), abs=0.01)
    unsure = {role: (0.0, 1.0, -0.5, *[0.0] * 9) for role in LABELS.roles}
    assert read(text, scores, Settings(links=unsure)).events[0].arguments == ()


@pytest.mark.parametrize("seed", range(5))
def test_role_chances_against_a_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    words = split_words("قصف الجيش بلدة. ثم قصف\nالحزب قاعدة ونفى الجيش مقتل أحد")
    count = len(words)
    scores = hand_made([0] * count, [0] * count)._replace(
        trigger_roles=rng.normal(0, 1, (count, ROLES * DEPTH)).astype(np.float32),
        mention_roles=rng.normal(0, 1, (count, ROLES * DEPTH)).astype(np.float32),
    )
    triggers = [Span(0, 1, 0, 1.0), Span(5, 6, 0, 1.0), Span(10, 12, 1, 1.0)]
    spans = [Span(1, 3, 0, 1.0), Span(6, 8, 1, 1.0), Span(9, 10, 0, 1.0), Span(11, 12, 1, 1.0)]
    learnt = tables(seed + 100)
    decoder = Decoder(LABELS, learnt)
    chances = decoder.role_chances(triggers, spans, words, scores)
    features = pair_features(
        np.array([t[:2] for t in triggers]), np.array([s[:2] for s in spans]),
        np.array([s.label for s in spans]), np.array(words.breaks),
    )  # fmt: skip
    assert chances.shape == (3, 4, ROLES)
    for e, trigger in enumerate(triggers):
        for m, span in enumerate(spans):
            for r in range(ROLES):
                own = slice(r * DEPTH, (r + 1) * DEPTH)
                left = scores.trigger_roles[trigger.first : trigger.last, own].mean(0)
                right = scores.mention_roles[span.first : span.last, own].mean(0)
                logit = float(left @ right) / sqrt(DEPTH)
                logit += float(learnt.pairs[trigger.label, span.label, r])
                logit += sum(
                    float(table[index[e, m], r])
                    for table, index in zip(learnt.features, features, strict=True)
                )
                assert chances[e, m, r] == pytest.approx(1 / (1 + exp(-logit)), abs=1e-5)


def test_role_tables_round_trip() -> None:
    learnt = tables(1)
    back = RoleTables.from_dict(learnt.to_dict())
    assert np.allclose(back.pairs, learnt.pairs, atol=1e-4)
    assert [t.shape for t in back.features] == [(n, ROLES) for n in FEATURES.values()]
    assert RoleTables.from_dict(back.to_dict()).to_dict() == back.to_dict()


@pytest.mark.parametrize(
    "data", [{}, {"pairs": [[[0]]]}, {"pairs": "x", "features": {}}, {"pairs": [], "features": 3}]
)
def test_missing_role_tables_are_told(data: dict[str, object]) -> None:
    with pytest.raises(MarsadError, match="role tables"):
        RoleTables.from_dict(data)


def test_decoding_does_not_change_the_scores() -> None:
    scores = hand_made([0, 1], [1, 0])
    copy = WordScores(*(array.copy() for array in scores))
    read("قصف جيش", scores, replace(Settings(), outside={"mentions": 5.0, "triggers": 5.0}))
    assert all((a == b).all() for a, b in zip(scores, copy, strict=True))


_heads = st.lists(st.integers(0, 199), max_size=30, unique=True).map(sorted)


@given(_heads, _heads, st.integers(1, 80))
def test_each_trigger_is_read_once_beside_all_that_is_near(
    triggers: list[int], mentions: list[int], reach: int
) -> None:
    rows, columns = ([Span(n, n + 1, 0, 1.0) for n in heads] for heads in (triggers, mentions))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode, "_REACH", reach)
        found = list(decode.sections(rows, columns, 200))
    read = [n for own, _, _ in found for n in range(*own)]
    assert read == list(range(len(rows)))
    for own, wide, near in found:
        assert wide[0] <= own[0] <= own[1] <= wide[1]
        for n in range(*own):
            for spans, (first, last) in ((rows, wide), (columns, near)):
                close = [m for m, s in enumerate(spans) if abs(s.first - rows[n].first) < reach]
                assert set(close) <= set(range(first, last))
