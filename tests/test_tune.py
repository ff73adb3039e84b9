"""What is fitted on dev: best values of a grid."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np
import pytest

from marsad.crf import softmax
from marsad.decode import Decoder, RoleTables, Settings, WordScores, link_features
from marsad.schema import Labels, Mention, Report
from marsad.spans import Span, crossed, sigmoid, weighed
from marsad.spans import candidates as tag_candidates
from marsad.text import split_words

tune = pytest.importorskip("marsad_training.tune", reason="needs the train extra")

GRID = np.array([0.1, 0.3, 0.5, 0.7, 0.9])


@pytest.mark.parametrize(
    ("curve", "best"),
    [
        ([0.1, 0.2, 0.9, 0.2, 0.1], 0.5),
        ([0.5, 0.5, 0.5, 0.5, 0.5], 0.5),  # nothing to choose: the neutral value
        ([0.9, 0.9, 0.1, 0.1, 0.1], 0.1),
        ([0.0, 0.0, 0.1, 0.8, 0.8], 0.9),
    ],
)
def test_the_best_of_a_grid(curve: list[float], best: float) -> None:
    assert tune._best(GRID, curve, neutral=0.5) == best


def test_temperature_makes_sure_and_wrong_less_sure() -> None:
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 3, 2000)
    said = np.where(rng.random(2000) < 0.7, gold, (gold + 1) % 3)  # right in 70 %
    sure = (10 * np.eye(3)[said]).astype(np.float32)
    assert tune._temperature(sure, gold) == pytest.approx(3.0)  # the end of the grid
    honest = (np.log(0.7 / 0.15) * np.eye(3)[said]).astype(np.float32)
    assert tune._temperature(honest, gold) == pytest.approx(1.0, abs=0.15)


def test_certainty_learns_how_often_a_score_is_right() -> None:
    text = " ".join(["حلب"] * 400)
    places = [(4 * i, 4 * i + 3) for i in range(400)]
    scores = [0.9 if i % 2 else 0.6 for i in range(400)]
    # spans said with 0.9 are right in 70 %, those said with 0.6 in 40 %
    right = [(i // 2) % 10 < (7 if i % 2 else 4) for i in range(400)]
    gold = tuple(Mention(f"l{i}", "L", a, b) for i, (a, b) in enumerate(places) if right[i])
    read = tuple(Mention(f"l{i}", "L", a, b, scores[i]) for i, (a, b) in enumerate(places))
    pairs = [(Report("r", text, mentions=gold), Report("r", text, mentions=read))]
    slope, shift = tune._certainty(pairs, "mentions")
    for said, share in ((0.9, 0.7), (0.6, 0.4)):
        told = 1 / (1 + np.exp(-slope * np.log(said / (1 - said)) - shift))
        assert told == pytest.approx(share, abs=0.03)
    assert tune._certainty([(pairs[0][0], Report("r", text))], "mentions") == (1.0, 0.0)


def test_certainty_is_fitted_where_plain_newton_steps_run_away() -> None:
    rng = np.random.default_rng(0)
    x = np.stack([np.repeat([9.0, -9.0], 500) + rng.normal(0, 0.1, 1000), np.ones(1000)], 1)
    y = (np.arange(1000) % 2).astype(float)  # as sure as wrong
    weights = tune.logistic(x, y, np.array([1.0, 0.0]))
    assert np.abs(weights).max() < 0.1


def test_features_without_a_prior_are_held_by_their_variance() -> None:
    """However large their unit, they change the odds as much; and where they tell nothing, not."""
    rng = np.random.default_rng(3)
    right = rng.random(4000) < 0.5
    telling = rng.normal(right, 1.0)
    ones = np.ones(len(right))

    def odds(*beyond: np.ndarray) -> np.ndarray:
        x = np.column_stack([ones, *beyond])
        return x @ np.array(tune._weights([x], [right], (0.0,), digits=9))

    found = odds(telling)
    assert np.allclose(found, odds(100 * telling), atol=0.01)
    free = np.column_stack([ones, telling])
    most = free @ tune.logistic(free, right.astype(float), np.zeros(2))
    assert 0.3 < np.ptp(found) / np.ptp(most) < 0.9
    assert np.abs(odds(rng.normal(0, 1, len(right)))).max() < 0.2


def candidates(rng: np.random.Generator, right: list[bool]) -> tune.Candidates:
    """So many candidates of one report, beside what only their judge reads."""
    words, scores = split_words("قصف جيش"), cast(WordScores, None)
    triggers = [Span(n, n + 1, 0, rng.uniform(0.3, 1)) for n in range(len(right))]
    return tune.Candidates(words, scores, triggers, np.array(right))


def test_trigger_f1_against_a_loop() -> None:
    rng = np.random.default_rng(1)
    sheet = object.__new__(tune.EventSheet)
    sheet.read = [candidates(rng, (rng.random(4) < 0.7).tolist()) for _ in range(30)]
    sheet.gold = 100
    odds = [rng.normal(0, 1.5, 4) for _ in range(30)]
    for place, least in enumerate(tune.LEAST):
        kept = [
            right
            for one, found in zip(sheet.read, odds, strict=True)
            if max(found) >= least
            for right, chance in zip(one.right, found, strict=True)
            if chance >= -1.0
        ]
        wanted = 2 * sum(kept) / (len(kept) + 100)
        assert sheet.f1(odds, -1.0)[place] == pytest.approx(wanted)


def test_mentions_are_judged_by_what_dev_says() -> None:
    """Of what starts alike, one ends surely and is right in nine of ten, one in one of ten."""
    rng = np.random.default_rng(3)
    labels = Labels({"ACTOR": "a"}, ("STRIKE",), ("occurred",), {"agent": ("ACTOR",)}, {})
    tables = RoleTables(np.zeros((1, 1, 1), np.float32), ())
    reports, words, scores = [], [], []
    for n in range(300):
        goes_on = 0.1 if n % 2 else 0.4
        tags = np.log([[0.3, 0.7, 1e-6], [0.99 - goes_on, 0.01, goes_on]]).astype(np.float32)
        right = rng.random() < (0.9 if n % 2 else 0.1)
        gold = (Mention("a1", "ACTOR", 0, 3),) if right else ()
        reports.append(Report(str(n), "جيش قصف", None, gold))
        words.append(split_words("جيش قصف"))
        scores.append(WordScores(tags, *[np.zeros((2, 3), np.float32)] * 5))
    decoder = Decoder(labels, tables)
    found = replace(decoder, settings=tune._with_mentions(decoder, reports, words, scores))
    for n, share in ((1, 0.9), (0, 0.1)):
        chances = softmax(found.logits("mentions", words[n], scores[n]))
        judged = weighed(*tag_candidates(chances), found.settings.mentions)
        assert judged[0].score == pytest.approx(share, abs=0.06)
    assert 0.1 < found.settings.threshold["mentions"] < 0.9


def test_to_miss_a_rarer_status_is_worse_than_to_fear_one() -> None:
    sheet = object.__new__(tune.StatusSheet)
    sheet.gold = np.array([1] * 10 + [0] * 100)
    logits = np.zeros((110, 2), np.float32)
    logits[:10, 0], logits[10:40, 0], logits[40:, 0] = 1.1, 1.1, 9.0  # as sure where it is wrong
    logits[:5, 0] = -9.0
    bonus = tune._BONUS.tolist()
    plain, missed = (dict(zip(bonus, sheet.f(logits, beta), strict=True)) for beta in (1.0, 2.0))
    assert plain[0.0] == pytest.approx(2 * 5 / (10 + 5))
    assert plain[-1.5] == pytest.approx(2 * 10 / (10 + 40))
    assert missed[0.0] == pytest.approx(5 * 5 / (4 * 10 + 5))
    assert missed[-1.5] == pytest.approx(5 * 10 / (4 * 10 + 40))
    assert plain[0.0] > plain[-1.5]
    assert missed[-1.5] > missed[0.0]


@dataclass(frozen=True)
class _Judge:
    """A decoder whose candidates are right as often as their arguments say."""

    labels: ClassVar = Labels({"ACTOR": "a"}, ("STRIKE",), ("occurred",), {"agent": ("ACTOR",)}, {})
    settings: Settings

    def mentions(self, *_: Any) -> list[Span]:
        return []

    def trigger_features(self, triggers: list[Span], *_: Any) -> np.ndarray:
        """A candidate of an odd place has an argument, others have none."""
        odds = np.array([[1.0, -4.0, 0.0, 2.0 * (n % 2)] for n, *_ in triggers])
        return np.column_stack([np.ones(len(odds)), crossed(odds)])


def test_candidates_are_judged_by_what_dev_says(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    sheet = object.__new__(tune.EventSheet)
    # of candidates with an argument nine in ten are right, of others one in ten
    sheet.read = [candidates(rng, [rng.random() < 0.1, rng.random() < 0.9]) for _ in range(300)]
    sheet.gold = sum(int(one.right.sum()) for one in sheet.read)
    monkeypatch.setattr(tune, "EventSheet", lambda *_: sheet)
    found = tune._with_triggers(_Judge(Settings(outside={"triggers": 0.5})), [], [], [])
    assert found.outside == {"triggers": 0.5 + tune._CANDIDATES}
    rows = _Judge.trigger_features(cast(_Judge, None), [Span(n, n + 1, 0, 1.0) for n in range(2)])
    odds = rows @ found.triggers
    assert sigmoid(odds).tolist() == pytest.approx([0.1, 0.9], abs=0.05)
    assert 0.1 < found.threshold["triggers"] < 0.9
    assert found.least <= odds[1]


def test_links_are_as_likely_as_they_are_right() -> None:
    # a role said with 0.8 is right in 60 % where the mention is sure and in 20 % where it is not
    words, scores = split_words("قصف جيش"), cast(WordScores, None)
    trigger, legal = Span(0, 1, 0, 0.9), np.ones((1, 1, 1), bool)
    shares = {0.9: 0.6, 0.5: 0.2}
    reads = [
        tune.Read(
            words, scores, [trigger], [Span(1, 2, 0, sure)], legal,
            np.full((1, 1, 1), n % 10 < 10 * share),
        )
        for sure, share in shares.items()
        for n in range(400)
    ]  # fmt: skip
    chances = np.full((1, 1, 1), 0.8, np.float32)
    sheet = object.__new__(tune.RoleSheet)
    sheet.roles, sheet.read = ["agent"], reads
    weights = np.array(sheet.links([chances] * len(reads))["agent"])
    for sure, share in shares.items():
        features = link_features(chances, [trigger], [Span(1, 2, 0, sure)], legal[0])
        assert float(sigmoid(features @ weights)[0, 0, 0]) == pytest.approx(share, abs=0.03)
    sheet.read = []
    assert sheet.links([]) == {"agent": tune._PRIOR}
