"""Triggers of one event: what the features say, what the shipped weights give on unseen gold."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marsad import coreference
from marsad.coreference import Linker, Scene, _apart, linker
from marsad.resolve.places import place
from marsad.schema import Argument, Event, Mention, Report, default_labels

TYPES = default_labels().events
STATUS = default_labels().statuses[0]
TEXT = "انفجرت عبوة في بغداد. وأدى الانفجار إلى دمار. ثم وقع هجوم آخر في الموصل."


def event(id: str, type: str, word: str, *arguments: Argument) -> Event:
    at = TEXT.index(word)
    return Event(id, type, STATUS, at, at + len(word), arguments)


@pytest.fixture
def report() -> Report:
    type = TYPES[3]
    return Report(
        "r", TEXT, None,
        (Mention("l1", "LOCATION", TEXT.index("بغداد"), TEXT.index("بغداد") + 5),
         Mention("l2", "LOCATION", TEXT.index("الموصل"), TEXT.index("الموصل") + 6)),
        (event("e1", type, "انفجرت", Argument("place", "l1")),
         event("e2", type, "الانفجار"), event("e3", type, "هجوم", Argument("place", "l2"))),
    )  # fmt: skip


def test_features_tell_what_the_text_says(report: Report) -> None:
    scene = Scene(report)
    near, far = scene.pair(0, 1), scene.pair(0, 2)
    assert near["definite"] == near["definite after indefinite"] == 1
    assert far["another"] == far["other place"] == 1
    assert (near["events between"], far["events between"]) == (0, 1)


def test_the_first_event_of_the_body_is_that_of_the_title(report: Report) -> None:
    text = TEXT.replace("بغداد. ", "بغداد\n\n")  # offsets stay
    scene = Scene(replace(report, text=text))
    told = [scene.pair(i, j)["first after the title"] for i, j in ((0, 1), (0, 2), (1, 2))]
    assert told == [1, 0, 0]
    assert Scene(report).pair(0, 1)["first after the title"] == 0


def test_a_later_definite_mention_is_the_same_event(report: Report) -> None:
    assert linker().groups(report) == (("e1", "e2"),)


@pytest.mark.parametrize(
    ("first", "second", "apart"),
    [
        ("محافظة نينوى", "محافظة ديالى", True), ("محافظة الأنبار", "الرطبة", False),
        ("محافظة الأنبار", "الموصل", True), ("العراق", "الموصل", False),
        ("جبل سنجار", "الموصل", False), ("جبل سنجار", "البصرة", True),
    ],
)  # fmt: skip
def test_a_place_is_not_apart_from_what_it_lies_in(first: str, second: str, apart: bool) -> None:
    one, other = place(first), place(second)
    assert one is not None
    assert other is not None
    assert _apart(one, other) is _apart(other, one) is apart


def test_other_days_and_places_far_apart_are_not_one() -> None:
    text = "قصف على حلب يوم الأحد. والقصف على دمشق. والقصف على حي في حلب يوم الاثنين."
    names = [("l1", "LOCATION", "حلب"), ("l2", "LOCATION", "دمشق"), ("d1", "DATE", "يوم الأحد")]
    mentions = [Mention(i, t, text.index(s), text.index(s) + len(s)) for i, t, s in names]
    mentions[2] = replace(mentions[2], value="2024-05-12")
    last, monday = text.rindex("حلب"), text.index("يوم الاثنين")
    mentions += [
        Mention("l3", "LOCATION", last, last + 3),
        Mention("d2", "DATE", monday, len(text) - 1, value="2024-05-13"),
    ]
    starts = [match.start() for match in re.finditer("(?<![ء-ي])(?:ال)?قصف|القصف", text)]
    fillers = [("l1", "d1"), ("l2",), ("l3", "d2")]
    events = tuple(
        Event(
            f"e{n}", TYPES[2], STATUS, start, start + 4,
            tuple(Argument("time" if i[0] == "d" else "place", i) for i in of),
        )
        for n, (start, of) in enumerate(zip(starts, fillers, strict=True), 1)
    )  # fmt: skip
    scene = Scene(Report("r", text, "2024-05-14", tuple(mentions), events))
    assert scene.contradict(0, 1)
    assert scene.contradict(0, 2)
    always = Linker({"bias": 9.0}, 0.5)
    assert always.groups(Report("r", text, "2024-05-14", tuple(mentions), events)) == ()


def harm(text: str, names: list[str]) -> Report:
    """Deaths by the names of those who died, each after its trigger «قتل»."""
    places = [text.index(name) for name in names]
    mentions = tuple(
        Mention(f"c{n}", "CASUALTY", at, at + len(name), value="2")
        for n, (at, name) in enumerate(zip(places, names, strict=True))
    )
    starts = [match.start() for match in re.finditer("قتل", text)]
    events = tuple(
        Event(f"e{n}", "DEATH", STATUS, at, at + 3, (Argument("victim", f"c{n}"),))
        for n, at in enumerate(starts)
    )
    return Report("r", text, None, mentions, events)


def test_a_few_others_are_not_the_same_because_they_are_as_many() -> None:
    report = harm("قتل جنديان في كمين، كما قتل شرطيان آخران.", ["جنديان", "شرطيان آخران"])
    found = Scene(report).pair(0, 1)
    assert found["same few here"] == found["other ones"] == 1
    assert "same victim" not in found
    assert linker().groups(report) == ()


def test_one_mention_harmed_twice_is_told_apart_from_as_many() -> None:
    report = harm("قتل جنديان، وقتل حارسان", ["جنديان", "حارسان"])
    assert "one victim" not in Scene(report).pair(0, 1)
    first, second = report.events
    again = replace(second, arguments=first.arguments)
    assert Scene(replace(report, events=(first, again))).pair(0, 1)["one victim"] == 1


@pytest.mark.parametrize(("again", "feature"), [("جنديان", "same toll"), ("سائقان", "other toll")])
def test_sentences_that_tell_one_toll_tell_one_cause(again: str, feature: str) -> None:
    report = harm(f"انفجار قتل جنديان. انفجار قتل {again}", ["جنديان", again])
    count = "2" if feature == "same toll" else "3"
    mentions = (report.mentions[0], replace(report.mentions[1], value=count))
    causes = tuple(
        Event(f"b{n}", "BOMBING", STATUS, m.start(), m.end())
        for n, m in enumerate(re.finditer("انفجار", report.text))
    )
    scene = Scene(replace(report, mentions=mentions, events=(*report.events, *causes)))
    blasts = [n for n, event in enumerate(scene.events) if event.type == "BOMBING"]
    found = scene.pair(*blasts)
    assert {name for name in ("same toll", "other toll") if found[name]} == {feature}
    assert found["told anew"] == 1


def test_a_country_that_two_events_share_is_no_place_in_common() -> None:
    text = "انفجار في الموصل بالعراق. انفجار في البصرة بالعراق"
    names = ["الموصل", "العراق", "البصرة", "العراق"]
    places, at = [], 0
    for name in names:
        at = text.index(name, at)
        places.append(at)
    mentions = tuple(
        Mention(f"l{n}", "LOCATION", at, at + len(name))
        for n, (at, name) in enumerate(zip(places, names, strict=True))
    )
    starts = [match.start() for match in re.finditer("انفجار", text)]
    events = tuple(
        Event(
            f"e{n}", "BOMBING", STATUS, at, at + 6,
            (Argument("place", f"l{2 * n}"), Argument("place", f"l{2 * n + 1}")),
        )
        for n, at in enumerate(starts)
    )  # fmt: skip
    assert Scene(Report("r", text, None, mentions, events)).contradict(0, 1)


def test_a_trigger_is_compared_with_the_nearest_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that ten times the text takes ten times as long, however often it says the same."""
    asked: list[tuple[int, int]] = []
    pair = Scene.pair
    monkeypatch.setattr(Scene, "pair", lambda *given: asked.append(given[1:]) or pair(*given))
    monkeypatch.setattr(coreference, "_MOST_EARLIER", 3)
    word = "قصف "
    events = tuple(
        Event(f"e{n}", TYPES[n % 2], STATUS, n * len(word), n * len(word) + 3) for n in range(20)
    )
    found = Linker({"bias": 9.0}, 0.5).groups(Report("r", word * 20, None, (), events))
    assert [len(group) for group in found] == [10, 10]
    assert len(asked) == 2 * (1 + 2 + 3 * 7)
    assert all(later - earlier in (2, 4, 6) for earlier, later in asked)


@given(st.data())
def test_groups_are_disjoint_and_of_one_type(data: st.DataObject) -> None:
    spans = data.draw(st.lists(st.integers(0, len(TEXT) - 2), unique=True, max_size=8))
    events = tuple(
        Event(f"e{i}", data.draw(st.sampled_from(TYPES[:2])), STATUS, at, at + 1)
        for i, at in enumerate(spans)
    )
    found = Linker({"bias": data.draw(st.floats(-3, 3))}, 0.5).groups(
        Report("r", TEXT, None, (), events)
    )
    members = [id for group in found for id in group]
    assert len(members) == len(set(members))
    type_of = {e.id: e.type for e in events}
    assert all(len({type_of[id] for id in group}) == 1 for group in found)


def test_shipped_weights_beat_both_baselines_on_the_test_split() -> None:
    training = pytest.importorskip("marsad_training.coreference", reason="needs the train extra")
    from marsad_training.corpus import read_splits

    gold = read_splits(Path(__file__).parents[1] / "training/corpus")["test"]
    learnt = training.b_cubed(gold, linker().groups)
    assert learnt > 0.94
    assert learnt > training.b_cubed(gold, training.apart)
    assert learnt > training.b_cubed(gold, training.by_type)


def test_b_cubed_of_gold_is_one() -> None:
    training = pytest.importorskip("marsad_training.coreference", reason="needs the train extra")
    events = tuple(Event(f"e{i}", TYPES[0], STATUS, i, i + 1) for i in range(4))
    report = Report("r", TEXT, None, (), events, (("e0", "e1"),))
    assert training.b_cubed([report], lambda r: r.same) == 1
    # precision 1 1/2 1/2 1/2 ... by hand: three in one group against {0,1}, {2}, {3}
    found = training.b_cubed([report], lambda r: (("e0", "e1", "e2"),))
    precision, recall = (2 / 3 + 2 / 3 + 1 / 3 + 1) / 4, 1.0
    assert found == pytest.approx(2 * precision * recall / (precision + recall))
