"""The scorer, counted by hand for every task, and against seqeval and a slow matching."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marsad.errors import MarsadError
from marsad.schema import Argument, Event, Mention, Report
from marsad.score import TASKS, Count, Scores, score
from marsad.text import split_words

TEXT = "قصفت الطائرة حلب أمس وقتل جنديا و«داعش»"


def mention(surface: str, type: str, id: str, value: str | None = None) -> Mention:
    start = TEXT.index(surface)
    return Mention(id, type, start, start + len(surface), value=value)


def event(surface: str, type: str, id: str, status: str = "occurred", **roles: str) -> Event:
    start = TEXT.index(surface)
    arguments = tuple(Argument(role, m) for role, m in roles.items())
    return Event(id, type, status, start, start + len(surface), arguments)


def report(*spans: Mention | Event, id: str = "r1", text: str = TEXT) -> Report:
    return Report(
        id, text, None,
        tuple(s for s in spans if isinstance(s, Mention)),
        tuple(s for s in spans if isinstance(s, Event)),
    )  # fmt: skip


GOLD = report(
    mention("الطائرة", "WEAPON", "w1"),
    mention("حلب", "LOCATION", "l1"),
    mention("أمس", "DATE", "d1", "2022-01-03"),
    mention("جنديا", "CASUALTY", "c1", "1"),
    mention("داعش", "ACTOR", "a1"),
    event("قصفت", "AIR_STRIKE", "e1", instrument="w1", place="l1", time="d1"),
    event("قتل", "DEATH", "e2", "denied", victim="c1"),
)


def counts(*predicted: Mention | Event) -> Scores:
    return score([GOLD], [report(*predicted)])


def test_a_perfect_prediction_is_1_in_every_task() -> None:
    scores = score([GOLD], [GOLD])
    assert {task: scores.f1(task) for task in TASKS} == dict.fromkeys(TASKS, 1.0)
    assert {task: scores.macro_f1(task) for task in TASKS} == dict.fromkeys(TASKS, 1.0)
    assert scores.count("arguments") == (4, 4, 4)
    assert scores.count("status (rare)") == (1, 1, 1)
    assert scores.count("values") == (2, 2, 2)


def test_mentions_want_the_same_words_and_type() -> None:
    scores = counts(
        mention("الطائرة", "WEAPON", "w1"),
        mention("حلب", "FACILITY", "f1"),  # wrong type
        mention("أمس وقتل", "DATE", "d1"),  # a word too many
        mention("قصفت", "ACTOR", "a1"),  # made up
    )
    assert scores.count("mentions") == (5, 4, 1)
    assert scores.count("mentions (overlap)") == (5, 4, 2)
    assert scores.count("mentions", "WEAPON") == (1, 1, 1)
    assert scores.count("mentions", "FACILITY") == (0, 1, 0)
    assert scores.count("mentions", "DATE") == (1, 1, 0)
    assert scores.count("mentions (overlap)", "DATE") == (1, 1, 1)
    assert scores.f1("mentions") == pytest.approx(2 / 9)
    assert scores.macro_f1("mentions") == pytest.approx(1 / 5)  # FACILITY is not in gold


def test_triggers_want_the_same_words_and_type() -> None:
    scores = counts(event("قصفت الطائرة", "AIR_STRIKE", "e1"), event("قتل", "INJURY", "e2"))
    assert scores.count("triggers") == (2, 2, 0)
    assert scores.count("triggers (overlap)") == (2, 2, 1)
    assert scores.count("triggers", "DEATH") == (1, 0, 0)


def test_arguments_want_trigger_role_and_filler() -> None:
    fillers = (
        mention("الطائرة حلب", "WEAPON", "w9"),  # not the gold words
        mention("حلب", "FACILITY", "l9"),  # the words count, not the type or the id
        mention("أمس", "DATE", "d9"),
        mention("جنديا", "CASUALTY", "c9"),
    )
    scores = counts(
        *fillers,
        event("قصفت", "AIR_STRIKE", "e1", instrument="w9", place="l9", target="d9"),
        event("قتل", "INJURY", "e2", victim="c9"),  # another event type
    )
    assert scores.count("arguments") == (4, 4, 1)
    assert scores.labels("arguments") == ["instrument", "place", "target", "time", "victim"]
    assert scores.count("arguments", "place") == (1, 1, 1)
    assert scores.count("arguments", "target") == (0, 1, 0)
    assert scores.count("arguments", "time") == (1, 0, 0)


def test_status_counts_over_the_triggers_found() -> None:
    scores = counts(
        event("قصفت", "AIR_STRIKE", "e1", "foiled"), event("قتل", "DEATH", "e2", "denied")
    )
    assert scores.count("status") == (2, 2, 1)
    assert scores.f1("status") == 0.5
    assert scores.count("status", "occurred") == (1, 1, 0)
    assert scores.count("status (rare)") == (1, 1, 1)
    missed = counts(event("قتل", "INJURY", "e2", "denied"))
    assert missed.count("status") == (0, 0, 0)


def test_values_count_over_the_mentions_found() -> None:
    scores = counts(
        mention("أمس", "DATE", "d1", "2022-01-03"),
        mention("جنديا", "CASUALTY", "c1"),
        mention("داعش", "ACTOR", "a1", "7"),  # gold has no value here
    )
    assert scores.count("values") == (2, 2, 1)
    assert scores.count("values", "CASUALTY") == (1, 1, 0)
    assert counts(mention("جنديا", "DATE", "d1", "1")).count("values") == (0, 0, 0)


def test_signs_at_the_edge_of_a_span_cost_nothing() -> None:
    text = "قال «داعش» اليوم."
    sides = (
        Report("a", text, mentions=(Mention("a1", "ACTOR", *span),)) for span in ((5, 9), (4, 10))
    )
    assert score(*([side] for side in sides)).count("mentions") == Count(1, 1, 1)


@pytest.mark.parametrize("surface", ["«داعش»", "داعش", "و«داعش»"])
def test_quotes_around_a_name_still_overlap_it(surface: str) -> None:
    scores = counts(mention(surface, "ACTOR", "a1"))
    assert scores.count("mentions (overlap)", "ACTOR") == (1, 1, 1)


@pytest.mark.parametrize("surface", ["قتل", "وقتل", "وقتل ", " وقتل", "تل"])
def test_clitics_and_spaces_cost_nothing(surface: str) -> None:
    scores = counts(event(surface, "DEATH", "e2", "denied"))
    assert scores.count("triggers", "DEATH") == (1, 1, 1)
    assert scores.count("status (rare)") == (1, 1, 1)


def test_a_span_without_a_word_matches_only_itself() -> None:
    text = "قصف \u200f\u200f حلب"
    blank = report(Mention("a1", "ACTOR", 4, 6), text=text)
    other = report(Mention("a1", "ACTOR", 4, 5), text=text)
    assert score([blank], [blank]).count("mentions") == (1, 1, 1)
    assert score([blank], [other]).count("mentions") == (1, 1, 0)
    assert score([blank], [other]).count("mentions (overlap)") == (1, 1, 0)


def test_a_report_without_a_prediction_is_missed() -> None:
    scores = score([GOLD, replace(GOLD, id="r2")], [GOLD])
    assert scores.count("mentions") == (10, 5, 5)
    assert scores.count("triggers (overlap)") == (4, 2, 2)
    assert scores.count("arguments") == (8, 4, 4)
    assert (scores.count("mentions").precision, scores.count("mentions").recall) == (1.0, 0.5)
    assert scores.f1("mentions") == pytest.approx(2 / 3)


def test_reports_are_matched_by_id_in_any_order() -> None:
    others = [replace(GOLD, id=f"r{n}", mentions=GOLD.mentions[:n]) for n in range(5)]
    assert score(iter(others), iter(others[::-1])).f1("mentions") == 1.0


@pytest.mark.parametrize(
    ("gold", "predicted", "told"),
    [
        ([], [], "there is no gold report"),
        ([GOLD], [replace(GOLD, id="r9")], "prediction 'r9' has no gold report of that id"),
        ([GOLD], [replace(GOLD, text=TEXT + ".")], "the text of prediction 'r1' is not that"),
        ([GOLD, GOLD], [GOLD], "the gold report id 'r1' is used twice"),
        ([GOLD], [GOLD, GOLD], "the prediction report id 'r1' is used twice"),
    ],
)
def test_reports_that_do_not_fit_are_refused(
    gold: list[Report], predicted: list[Report], told: str
) -> None:
    with pytest.raises(MarsadError, match=told):
        score(gold, predicted)


@pytest.mark.parametrize(
    ("count", "precision", "recall", "f1"),
    [
        (Count(0, 0, 0), 0, 0, 0),
        (Count(4, 0, 0), 0, 0, 0),
        (Count(0, 4, 0), 0, 0, 0),
        (Count(4, 2, 1), 0.5, 0.25, 1 / 3),
        (Count(3, 3, 3), 1, 1, 1),
    ],
)
def test_figures_of_a_count(count: Count, precision: float, recall: float, f1: float) -> None:
    assert (count.precision, count.recall) == (precision, recall)
    assert count.f1 == pytest.approx(f1)


@st.composite
def flat_mentions(draw: st.DrawFn, types: tuple[str, ...], count: int = 14) -> list[Mention]:
    """Disjoint mentions over whole words of `count` two-letter words."""
    edges = sorted(draw(st.sets(st.integers(0, count), min_size=2, max_size=10)))
    return [
        Mention(f"m{a}", draw(st.sampled_from(types)), 3 * a, 3 * b - 1)
        for a, b in pairwise(edges)
        if draw(st.booleans())
    ]


WORDS = " ".join(["نص"] * 14)


def most_pairs(near: list[list[int]]) -> int:
    """The size of a maximum matching, trying every choice for the first item in turn."""
    if not near:
        return 0
    return max(
        most_pairs(near[1:]),
        *(1 + most_pairs([[p for p in row if p != g] for row in near[1:]]) for g in near[0]),
        0,
    )


@settings(max_examples=60)
@given(flat_mentions(("A",)), flat_mentions(("A",)))
def test_overlap_finds_the_most_pairs(gold: list[Mention], got: list[Mention]) -> None:
    near = [[n for n, p in enumerate(got) if p.start < g.end and g.start < p.end] for g in gold]
    scores = score([report(*gold, text=WORDS)], [report(*got, text=WORDS)])
    assert scores.count("mentions (overlap)") == (len(gold), len(got), most_pairs(near))


def tags(found: Report) -> list[str]:
    words = split_words(found.text)
    row = ["O"] * len(words)
    for m in found.mentions:
        span = words.span(m.start, m.end)
        assert span is not None
        row[span[0] : span[1]] = [f"B-{m.type}"] + [f"I-{m.type}"] * (span[1] - span[0] - 1)
    return row


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(flat_mentions(("A", "B")), flat_mentions(("A", "B"))), min_size=1, max_size=3
    )
)
def test_exact_mentions_agree_with_seqeval(
    pairs: list[tuple[list[Mention], list[Mention]]],
) -> None:
    metrics = pytest.importorskip("seqeval.metrics", reason="needs the train extra")
    scheme = pytest.importorskip("seqeval.scheme", reason="needs the train extra")
    gold = [report(*g, id=str(n), text=WORDS) for n, (g, _) in enumerate(pairs)]
    got = [report(*p, id=str(n), text=WORDS) for n, (_, p) in enumerate(pairs)]
    rows = [tags(r) for r in gold], [tags(r) for r in got]
    kind = {"mode": "strict", "scheme": scheme.IOB2, "zero_division": 0}
    scores, count = score(gold, got), score(gold, got).count("mentions")
    if not (count.gold and count.predicted):
        return  # seqeval cannot count what is not there
    assert scores.f1("mentions") == pytest.approx(metrics.f1_score(*rows, **kind))
    assert count.precision == pytest.approx(metrics.precision_score(*rows, **kind))
    assert count.recall == pytest.approx(metrics.recall_score(*rows, **kind))


def mixed(right: int, wrong: int) -> Scores:
    """Scores of reports with one mention each, so many of them found."""
    one = report(mention("حلب", "LOCATION", "l1"))
    gold = [replace(one, id=str(n)) for n in range(right + wrong)]
    return score(gold, gold[:right])


@pytest.mark.parametrize(("right", "wrong"), [(1, 0), (0, 1), (1, 1), (5, 15), (30, 10), (20, 0)])
def test_the_interval_contains_the_figure(right: int, wrong: int) -> None:
    scores = mixed(right, wrong)
    low, high = scores.interval("mentions")
    assert 0 <= low <= scores.f1("mentions") <= high <= 1
    assert scores.interval("mentions") == (low, high)  # the draws are seeded
    assert (low == high) == (not right or not wrong)


def test_more_reports_make_a_narrower_interval() -> None:
    few, many = (mixed(n, n).interval("mentions") for n in (5, 100))
    assert np.diff(few) > 2 * np.diff(many)


def test_the_interval_of_a_task_that_some_reports_lack() -> None:
    scores = score([GOLD, report(id="r2")], [GOLD])
    assert scores.interval("arguments") == (0.0, 1.0)
    assert score([report()], []).interval("arguments") == (0.0, 0.0)


def test_plain_data_of_scores() -> None:
    data: dict[str, Any] = counts(*GOLD.mentions[:2], GOLD.events[0]).to_dict(draws=50)
    assert json.loads(json.dumps(data)) == data
    assert list(data) == ["reports", *TASKS]
    assert data["reports"] == 1
    mentions = data["mentions"]
    assert mentions["f1"] == round(4 / 7, 4)
    assert (mentions["gold"], mentions["predicted"]) == (5, 2)
    assert (mentions["precision"], mentions["recall"], mentions["macro_f1"]) == (1.0, 0.4, 0.4)
    assert mentions["interval"] == [mentions["f1"]] * 2
    assert mentions["labels"]["DATE"] == {
        "f1": 0.0, "precision": 0.0, "recall": 0.0, "gold": 1, "predicted": 0,
    }  # fmt: skip


@pytest.mark.parametrize("change", [lambda r: r, lambda r: replace(r, mentions=(), events=())])
def test_scoring_empty_reports_divides_by_nothing(change: Callable[[Report], Report]) -> None:
    scores = score([replace(GOLD, mentions=(), events=())], [change(GOLD)])
    assert {scores.f1(task) for task in TASKS} == {0.0}
    assert scores.macro_f1("mentions") == 0.0
    json.dumps(scores.to_dict(draws=10))


def test_scores_may_be_of_other_tasks() -> None:
    assert Scores(({("deeds", "x"): Count(2, 2, 1)},)).f1("deeds") == 0.5


def test_an_unknown_task_is_told() -> None:
    scores = score([GOLD], [GOLD])
    assert scores.f1("mentions") == 1.0
    with pytest.raises(MarsadError, match="unknown task 'mention'; known are mentions, "):
        scores.f1("mention")
