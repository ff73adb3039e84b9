"""Incidents: triggers of one event and their harm together, an interception by what it foiled."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marsad.formats import markup
from marsad.harm import total as _sum
from marsad.incidents import default_scheme, incidents, with_incidents
from marsad.resolve.places import place
from marsad.schema import Event, Report, default_labels

LABELS = default_labels()
CORPUS = Path(__file__).parents[1] / "training/corpus/reports"

TEXT = (
    "[انفجرت|e1] عبوة ناسفة في [بغداد|l1] [أمس|d1] فأدى ذلك إلى [مقتل|e2] [ثلاثة جنود|c1] "
    "و[إصابة|e3] [خمسة|c2]. وقال مصدر إن [الانفجار|e4] [قتل|e5] [أربعة|c3].\n\n"
    "[أسقطت|e6] الدفاعات [طائرة مسيرة|w1] كانت [تستهدف|e7] [قاعدة عين الأسد|f1]. "
    "وفي [ديسمبر 2020|d2] [قصفت|e8] القاعدة."
)
MARKUP = f"""### id=x-1 date=2022-01-04 style=agency
{TEXT}
---
e1 BOMBING occurred place=l1 time=d1
e2 DEATH occurred victim=c1
e3 INJURY occurred victim=c2
e4 BOMBING occurred
e5 DEATH occurred victim=c3
e6 INTERCEPTION occurred target=w1
e7 AIR_STRIKE foiled target=f1 instrument=w1
e8 SHELLING occurred time=d2
d1 2022-01-03
c1 3
c2 5
c3 4
d2 2020-12
= e1 e4
= e2 e5
"""


@pytest.fixture
def report(tmp_path: Path) -> Report:
    path = tmp_path / "x.txt"
    path.write_text(MARKUP, "utf-8")
    return markup.read(path)[0]


def test_harm_joins_its_cause_and_is_not_counted_twice(report: Report) -> None:
    bombing = incidents(report)[0]
    assert bombing.type == report.events[0].type
    assert bombing.events == ("e1", "e4", "e2", "e5", "e3")
    assert bombing.harm == {"killed": "4", "injured": "5"}
    assert bombing.date == "2022-01-03"
    assert bombing.location is not None
    assert bombing.location.country == "IQ"
    assert not bombing.background


def test_an_interception_points_to_what_it_foiled(report: Report) -> None:
    _, interception, strike, _ = incidents(report)
    assert interception.counter_of == strike.id
    assert strike.counter_of is None
    assert strike.status == "foiled"
    assert strike.location is not None
    assert strike.location.source_id.startswith("marsad:")


@pytest.mark.parametrize(
    ("between", "pointed"),
    [
        ("واحبطت|e1] [هجوم|e2] في [الكوت|l1]. و[ضبطت", [True, False]),  # it is foiled already
        ("منعت|e1]. فشل [هجوم|e2] في [الكوت|l1]. و[ضبطت", [True, False]),  # elsewhere
    ],
)
def test_arms_found_in_the_next_sentence_foiled_no_attack_elsewhere(
    between: str, pointed: list[bool]
) -> None:
    report = read(
        f"[{between}|e3] عبوات في [الموصل|l2].",
        "e1 INTERCEPTION occurred\ne2 BOMBING foiled place=l1\ne3 INTERCEPTION occurred place=l2",
    )
    found = [i for i in incidents(report) if i.type == "INTERCEPTION"]
    assert [incident.counter_of is not None for incident in found] == pointed


def test_old_events_are_background(report: Report) -> None:
    assert [i.background for i in incidents(report)] == [False, False, False, True]
    assert not any(i.background for i in incidents(replace(report, date=None)))


@pytest.mark.parametrize(("value", "old"), [("2021-Q2", True), ("2021-Q4", False)])
def test_a_season_ends_with_its_last_month(value: str, old: bool) -> None:
    report = read("[انفجار|e1] في [الموسم|d1]", f"e1 BOMBING occurred time=d1\nd1 {value}")
    assert [i.background for i in incidents(replace(report, date="2022-01-04"))] == [old]


def test_without_groups_each_trigger_of_a_cause_stands_alone(report: Report) -> None:
    assert len(incidents(replace(report, same=()))) == 5


def read(marked: str, facts: str) -> Report:
    reports, slips = markup.parse(f"### id=x-1 date=2024-05-14\n{marked}\n---\n{facts}\n", LABELS)
    assert not slips
    return reports[0]


def test_the_nouns_of_an_attack_s_victims_tell_harm() -> None:
    marked = "[خمسة شهداء|c1] و[عشرات الجرحى|c2] في [غارة|e1] على [البريج|l1]"
    strike = read(marked, "e1 AIR_STRIKE occurred victim=c1,c2 place=l1\nc1 5\nc2 ?")
    assert incidents(strike)[0].harm == {"killed": "5", "injured": "?"}
    attack = read(
        "[هجوم|e1] أوقع [25 بين قتيل وجريح|c1]", "e1 ARMED_ATTACK occurred victim=c1\nc1 25"
    )
    assert incidents(attack)[0].harm == {"killed": "?", "injured": "?"}
    both = read(
        "[هجوم|e1] أوقع [7 قتلى|c1] و[مقتل|e2] [جندي|c2] فيه",
        "e1 ARMED_ATTACK occurred victim=c1\ne2 DEATH occurred victim=c2\nc1 7\nc2 1",
    )
    assert incidents(both)[0].harm == {"killed": "7"}


def test_harm_of_two_causes_is_not_one() -> None:
    marked = "[قتل|e1] [أربعة|c1] في [كمين|e2]. و[قتل|e3] [سبعة|c2] في [اشتباكات|e4]."
    facts = "e1 DEATH occurred victim=c1\ne2 ARMED_ATTACK occurred\ne3 DEATH occurred victim=c2\n"
    report = read(marked, facts + "e4 ARMED_CLASH occurred\nc1 4\nc2 7\n= e1 e3")
    assert [i.harm for i in incidents(report)] == [{"killed": "4"}, {"killed": "7"}]


def test_the_harm_of_a_title_goes_with_that_of_the_body() -> None:
    report = read(
        "[مقتل|e1] [حارس|c1] قرب الميناء\n\n[قتل|e2] [حارس|c2] في [كمين|e3] قرب الميناء.",
        "e1 DEATH occurred victim=c1\ne2 DEATH occurred victim=c2\ne3 ARMED_ATTACK occurred\n"
        "c1 1\nc2 1\n= e1 e2",
    )
    (ambush,) = incidents(report)
    assert (ambush.events, ambush.harm) == (("e3", "e1", "e2"), {"killed": "1"})


def test_what_a_title_tells_is_told_again() -> None:
    facts = "e1 DEATH occurred victim=c1\ne2 ARMED_ATTACK occurred\ne3 DEATH occurred victim=c2\n"
    title = read(
        "[مقتل|e1] [جنود|c1] في [كمين|e2]\n\n[قتل|e3] [أربعة|c2] في الجبل", facts + "c1 ?\nc2 4"
    )
    assert [i.harm for i in incidents(title)] == [{"killed": "4"}]
    body = read(
        "[مقتل|e1] [جنود|c1] في [كمين|e2].\n[قتل|e3] [أربعة|c2] في الجبل", facts + "c1 ?\nc2 4"
    )
    assert [i.harm for i in incidents(body)] == [{"killed": "4+"}]


def test_the_hurt_go_with_the_nearest_dead() -> None:
    report = read(
        "[قتلنا|e1] [كريم حسن|p1] لأنه أمر بـ[قتل|e2] و[جرح|e3] [العشرات|c1]",
        "e1 DEATH occurred victim=p1\ne2 DEATH occurred victim=c1\ne3 INJURY occurred victim=c1\n"
        "c1 ?",
    )
    assert [i.events for i in incidents(report)] == [("e1",), ("e2", "e3")]


def test_the_victims_of_an_assassination_are_dead_where_it_did_not_fail() -> None:
    marked = "[اغتيال|e1] [رئيس البلدية|c1] و[كريم حسن|p1]"
    for status, harm in (("occurred", {"killed": "2"}), ("foiled", {})):
        report = read(marked, f"e1 ASSASSINATION {status} victim=c1,p1\nc1 1")
        assert incidents(report)[0].harm == harm


def test_a_person_named_twice_is_one() -> None:
    report = read(
        "[مقتل|e1] [كريم حسن|p1]، ولقي [حسن|p2] [حتفه|e2]، و[قتل|e3] [سمير|p3] و[سمير|p4] لاحقا",
        "e1 DEATH occurred victim=p1\ne2 DEATH occurred victim=p2\ne3 DEATH occurred victim=p3,p4\n"
        "= e1 e2",
    )
    assert [i.harm for i in incidents(report)] == [{"killed": "1"}, {"killed": "1"}]
    attack = read(
        "في [الهجوم|e1] [قتل|e2] [كريم حسن|p1]. و[قتل|e3] [حسن|p2] في بيته",
        "e1 ARMED_ATTACK occurred\ne2 DEATH occurred victim=p1\ne3 DEATH occurred victim=p2",
    )
    assert [i.harm for i in incidents(attack)] == [{"killed": "1"}]


@pytest.mark.parametrize(
    ("who", "killed"), [("المهاجم", "1"), ("المهاجمين الثلاثة", "3"), ("المتسللين", "?")]
)
def test_fighters_are_counted_by_their_noun(who: str, killed: str) -> None:
    report = read(f"[مقتل|e1] [{who}|a1]", "e1 DEATH occurred victim=a1")
    assert incidents(report)[0].harm == {"killed": killed}


def test_harm_did_not_come_of_what_is_added_after_it() -> None:
    report = read(
        "[قتل|e1] [سبعة مارة|c1] في السوق، و[خطف|e2] مسلحون حارسا",
        "e1 DEATH occurred victim=c1\ne2 ABDUCTION occurred\nc1 7",
    )
    assert [(i.type, i.harm) for i in incidents(report)] == [
        ("DEATH", {"killed": "7"}), ("ABDUCTION", {}),
    ]  # fmt: skip


def test_harm_does_not_go_to_a_later_clause() -> None:
    report = read(
        "[هاجم|e1] مسلحون حاجزا و[قتلوا|e2] [شرطيين|c1]، ثم [انفجرت|e3] عبوة",
        "e1 ARMED_ATTACK occurred\ne2 DEATH occurred victim=c1\ne3 BOMBING occurred\nc1 2",
    )
    assert [i.harm for i in incidents(report)] == [{"killed": "2"}, {}]


@pytest.mark.parametrize(
    ("marked", "facts", "harm"),
    [
        ("[مقتل|e1] [15 شخصا|c1] بينهم [7 أطفال|c2] و[4 نساء|c3]", "c1,c2,c3\nc1 15\nc2 7\nc3 4",
         {"killed": "15"}),
        ("[مقتل|e1] [18 عاملا|c1]، [خمسة منهم|c2] أجانب", "c1,c2\nc1 18\nc2 5", {"killed": "18"}),
        ("[مقتل|e1] [12 عاملا|c1] معظمهم [فتية مهاجرون|c2]", "c1,c2\nc1 12\nc2 ?",
         {"killed": "12"}),
        ("[قتل|e1] [تسعة|c1]، هم [5|c2] من حرس الميناء و[4|c3]", "c1,c2,c3\nc1 9\nc2 5\nc3 4",
         {"killed": "9"}),
        ("[سقط|e1] [30 رجلا|c1]. وبين [القتلى|c2] [8 فتية|c3]", "c1,c2,c3\nc1 30\nc2 ?\nc3 8",
         {"killed": "30"}),
        ("[مقتل|e1] [ستة عناصر|c1] وبينهم [كريم حسن|p1]", "c1,p1\nc1 6", {"killed": "6"}),
        ("[مقتل|e1] [ثلاثة شبان|c1] هم: [أدهم|p1] و[محمد|p2]", "c1,p1,p2\nc1 3", {"killed": "3"}),
        ("[مقتل|e1] [جنديين|c1] والصحفي [سمير|p1]", "c1,p1\nc1 2", {"killed": "3"}),
        ("[مقتل|e1] [سمير|p1] و[ثلاثة من مرافقيه|c1]", "p1,c1\nc1 3", {"killed": "4"}),
        ("[مقتل|e1] [36 مسلحا|c1] و[سبعة مدنيين بينهم طفلة|c2]", "c1,c2\nc1 36\nc2 7",
         {"killed": "43"}),
        ("[مقتل|e1] [25 شخصا بين قتيل وجريح|c1]", "c1\nc1 25", {"killed": "?"}),
        ("[مقتل|e1] [7 ركاب بينهم موظف|c1] في بلدية المدينة و[زوجته|c2]", "c1,c2\nc1 7\nc2 1",
         {"killed": "7"}),
        ("[مقتل|e1] [20 شخصا بينهم 9 جنود|c1] وستة من رجال الإسعاف و[5 مارة|c2]",
         "c1,c2\nc1 20\nc2 5", {"killed": "20"}),
        ("[سقط|e1] [72 قتيلا|c1] بعد أن كانت الحصيلة [60 قتيلا|c2]", "c1,c2\nc1 72\nc2 60",
         {"killed": "72"}),
    ],
)  # fmt: skip
def test_parts_of_a_total_are_not_added_to_it(
    marked: str, facts: str, harm: dict[str, str]
) -> None:
    report = read(marked, f"e1 DEATH occurred victim={facts}")
    assert [i.harm for i in incidents(report)] == [harm]


@pytest.mark.parametrize(
    ("marked", "facts", "harm"),
    [
        ("ارتفع عدد [القتلى|c1] في [التفجير|e1] إلى [16|c2]", "c1 ?\nc2 16", {"killed": "16"}),
        ("ارتفعت إلى [تسعة|c1] حصيلة [جرحى|c2] [القصف|e1]", "c1 9\nc2 ?", {"injured": "9"}),
        ("[القصف|e1]: [القتلى|c1] المبلغ عنهم: [ثلاثة|c2]", "c1 ?\nc2 3", {"killed": "3"}),
        ("[غارة|e1] رفعت عدد [القتلى|c1] من [20|c2] إلى [35|c3]", "c1 ?\nc2 20\nc3 35",
         {"killed": "35"}),
        ("[4 قتلى|c1] في [غارة|e1] ليرتفع عدد [القتلى|c2] إلى [16|c3]", "c1 4\nc2 ?\nc3 16",
         {"killed": "16"}),
        ("[هجوم|e1] خلف [7 جرحى|c1] ولم يعرف عدد [القتلى|c2]", "c1 7\nc2 ?",
         {"injured": "7", "killed": "?"}),
    ],
)  # fmt: skip
def test_a_toll_and_its_number_are_one(marked: str, facts: str, harm: dict[str, str]) -> None:
    ids = ",".join(re.findall(r"\|(c\d)\]", marked))
    report = read(marked, f"e1 AIR_STRIKE occurred victim={ids}\n{facts}")
    assert [i.harm for i in incidents(report)] == [harm]


@pytest.mark.parametrize(
    ("marked", "counts", "harm"),
    [
        # other tolls of the same
        ("[انفجار|e1] أدى إلى [مقتل|e2] [7 عمال|c1]. وقال شاهد إن [الانفجار|e3] [أودى|e4]"
         " ب[9 عمال|c2].", "c1 7\nc2 9", "9"),
        ("[انفجار|e1] أدى إلى [مقتل|e2] [7 عمال|c1]. وكان بيان ذكر في حصيلة سابقة [مقتل|e4]"
         " [4|c2]. ووقع [الانفجار|e3] ظهرا.", "c1 7\nc2 4", "7"),
        ("[انفجار|e1] أدى إلى [سقوط|e2] [عدد من القتلى|c1]. وفي [الانفجار|e3] [قضى|e4]"
         " [4 سياح|c2].", "c1 ?\nc2 4", "4"),
        # others
        ("[انفجار|e1] أدى إلى [مقتل|e2] [7 عمال|c1]. وقال شاهد إن [الانفجار|e3] [أودى|e4]"
         " ب[9 سياح|c2].", "c1 7\nc2 9", "16"),
        ("[انفجار|e1] أدى إلى [مقتل|e2] [عدد من العمال|c1]. وفي [الانفجار|e3] [قضى|e4]"
         " [4 سياح|c2].", "c1 ?\nc2 4", "4+"),
    ],
)  # fmt: skip
def test_another_toll_of_the_same_is_not_added(marked: str, counts: str, harm: str) -> None:
    facts = "e1 BOMBING occurred\ne2 DEATH occurred victim=c1\ne3 BOMBING occurred\n"
    facts += f"e4 DEATH occurred victim=c2\n{counts}\n= e1 e3"
    assert [i.harm for i in incidents(read(marked, facts))] == [{"killed": harm}]


def test_as_many_in_another_attack_are_others() -> None:
    report = read(
        "[مقتل|e1] [أربعة شبان|c1] في [قصف|e2] على [زملكا|l1]، كما [قتل|e3] [أربعة شبان|c2] في"
        " [قصف|e4] على [حمص|l2]",
        "e1 DEATH occurred victim=c1\ne2 SHELLING occurred place=l1\n"
        "e3 DEATH occurred victim=c2\ne4 SHELLING occurred place=l2\nc1 4\nc2 4\n= e1 e3",
    )
    found = [(i.events, i.harm) for i in incidents(report)]
    assert found == [(("e2", "e1"), {"killed": "4"}), (("e4", "e3"), {"killed": "4"})]


def test_other_harm_beside_a_total_is_no_part_of_it() -> None:
    report = read(
        "[الانفجار|e1] خلف [53 قتيلا بينهم سفير|c1] و[266 جريحا|c2]",
        "e1 BOMBING occurred victim=c1,c2\nc1 53\nc2 266",
    )
    assert incidents(report)[0].harm == {"killed": "53", "injured": "266"}


def test_harm_that_did_not_occur_is_none() -> None:
    report = read(
        "[قصف|e1] الجيش مواقع، ونفت القيادة [مقتل|e2] [خمسة من جنودها|c1]، ولم [يصب|e3] [أحد|c2]",
        "e1 SHELLING occurred\ne2 DEATH denied victim=c1\ne3 INJURY denied victim=c2\nc1 5\nc2 0",
    )
    assert incidents(report)[0].harm == {"injured": "0"}


@pytest.mark.parametrize(
    ("text", "victims", "harm"),
    [
        ("[مقتل|e1] [مدني|c1] و[إصابة|e2] [ثلاثة|c2] برصاص مجهولين", ("c1", "c2"),
         [{"killed": "1", "injured": "3"}]),
        ("[مقتل|e1] و[إصابة|e2] [20 عنصرا|c1]", ("c1", "c1"), [{"killed": "?", "injured": "?"}]),
        ("[استشهد|e1] [شاب|c1] متأثرا بجراح [أصيب|e2] بها", ("c1", "c1"), [{"killed": "1"}]),
        ("[مقتل|e1] [مدني|c1] في انفجار. و[إصابة|e2] [ثلاثة|c2]", ("c1", "c2"),
         [{"killed": "1"}, {"injured": "3"}]),
    ],
)  # fmt: skip
def test_dead_and_hurt_of_one_sentence_are_one_incident(
    text: str, victims: tuple[str, str], harm: list[dict[str, str]]
) -> None:
    counts = {"مدني": "c1 1", "شاب": "c1 1", "ثلاثة": "c2 3", "عنصرا": "c1 20"}
    facts = "\n".join(line for word, line in counts.items() if word in text)
    events = f"e1 DEATH occurred victim={victims[0]}\ne2 INJURY occurred victim={victims[1]}"
    assert [i.harm for i in incidents(read(text, f"{events}\n{facts}"))] == harm


def test_harm_of_another_day_has_another_cause() -> None:
    report = read(
        "[هاجم|e1] مسلحون مركزا [أمس|d1] و[قتل|e2] [11 عسكريا|c1]. و[اليوم|d2] [قضى|e3] الجيش على "
        "[ثلاثة|c2] من منفذي [الهجوم|e4]",
        "e1 ARMED_ATTACK occurred time=d1\ne2 DEATH occurred victim=c1\n"
        "e3 DEATH occurred victim=c2 time=d2\ne4 ARMED_ATTACK occurred\n= e1 e4\n"
        "d1 2024-05-13\nd2 2024-05-14\nc1 11\nc2 3",
    )
    assert [i.harm for i in incidents(report)] == [{"killed": "11"}, {"killed": "3"}]


def test_dots_end_one_sentence() -> None:
    report = read("[غارة|e1] على مصياف... [مقتل|e2] [جندي|c1]",
                  "e1 AIR_STRIKE occurred\ne2 DEATH occurred victim=c1\nc1 1")  # fmt: skip
    assert [i.harm for i in incidents(report)] == [{"killed": "1"}]


@pytest.mark.parametrize(
    ("when", "old"), [("منذ [عام 2011|d1]", False), ("في [عام 2011|d1]", True)]
)
def test_what_lasts_is_no_background(when: str, old: bool) -> None:
    report = read(f"[اشتباكات|e1] {when}", "e1 ARMED_CLASH occurred time=d1\nd1 2011")
    assert [i.background for i in incidents(report)] == [old]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[قضاء الطارمية|l1] شمال [بغداد|l2]", "قضاء الطارمية"),
        ("[مديرية حيس|l1] (جنوبي مدينة [الحديدة|l2]", "مديرية حيس"),
        ("[البحر المتوسط|l1] غرب [اللاذقية|l2]", "غرب اللاذقية"),
    ],
)
def test_a_landmark_is_not_the_place(text: str, where: str) -> None:
    report = read(f"[انفجار|e1] في {text}", "e1 BOMBING occurred place=l1,l2")
    found, wanted = incidents(report)[0].location, place(where)
    assert found is not None
    assert wanted is not None
    assert found.source_id == wanted.source_id


def test_times_and_places_that_agree_are_no_conflict() -> None:
    report = read(
        "[قصفت|e1] مدافع [فجر اليوم|d1] [الكرادة|l1] و[قتل|e2] [اليوم|d2] [طفل|c1] في [بغداد|l2]",
        "e1 SHELLING occurred time=d1 place=l1\ne2 DEATH occurred time=d2 place=l2 victim=c1\n"
        "d1 2024-05-14TMO\nd2 2024-05-14\nc1 1",
    )
    (incident,) = incidents(report)
    assert (incident.events, incident.harm) == (("e1", "e2"), {"killed": "1"})
    assert incident.date == "2024-05-14TMO"
    assert incident.location is not None
    assert incident.location.name_ar == "الكرادة"


@pytest.mark.parametrize(
    "before", ["شمالي ", "20 كم غرب مدينة ", "شمال شرق ", "إلى الشرق من ", "بالقرب من "]
)
def test_what_stands_before_a_name_tells_that_it_is_near(before: str) -> None:
    report = read(f"[انفجار|e1] {before}[الموصل|l1]", "e1 BOMBING occurred place=l1")
    location = incidents(report)[0].location
    assert location is not None
    assert location.precision == "near"


def test_a_name_that_has_lost_its_first_letter_is_known() -> None:
    location = incidents(read("[هجوم|e1] في ب[نغازي|l1]", "e1 ARMED_ATTACK occurred place=l1"))
    assert location[0].location is not None
    assert location[0].location.name == "Benghazi"


@pytest.mark.parametrize(
    ("first", "second", "where"),
    [
        ("بغداد", "الكرادة", "الكرادة"), ("العاصمة", "الكرادة", "الكرادة"),
        ("بغداد", "الموصل", "بغداد"), ("الموصل", "الكرادة", "الموصل"),
        ("العراق", "العاصمة", "بغداد"),
    ],
)  # fmt: skip
def test_a_quarter_is_finer_than_its_town(first: str, second: str, where: str) -> None:
    report = read(f"[انفجار|e1] في [{first}|l1] ب[{second}|l2]", "e1 BOMBING occurred place=l1,l2")
    found, wanted = incidents(report)[0].location, place(where)
    assert found is not None
    assert wanted is not None
    assert found.source_id == wanted.source_id


@pytest.mark.parametrize(
    ("before", "words", "where"),
    [
        ("[قندوز|l1]", "المدينة", "قندوز"),
        ("[الموصل|l1] (370 كلم شمال [بغداد|l2])", "المدينة", "الموصل"),
        ("محافظة [الأنبار|l1]", "المحافظة", "الأنبار"), ("[الموصل|l1]", "المحافظة", None),
        ("[العراق|l1]", "المدينة", None), ("[الموصل|l1]", "مدينة", None),
    ],
)  # fmt: skip
def test_the_town_is_the_one_named_before(before: str, words: str, where: str | None) -> None:
    report = read(
        f"دخل الجيش {before} ثم [انفجار|e1] ب[{words}|l9]", "e1 BOMBING occurred place=l9"
    )
    found = incidents(report)[0].location
    wanted = where and place(where)
    assert (found and found.source_id) == (wanted and wanted.source_id)


@pytest.mark.parametrize(
    ("before", "precision"),
    [("", "area"), ("محافظة ", "area"), ("مدينة ", "exact"), ("لبلدة ", "exact"),
     ("شمال مدينة ", "near")],
)  # fmt: skip
def test_a_town_is_no_governorate_of_its_name(before: str, precision: str) -> None:
    report = read(f"[كمين|e1] في {before}[أريحا|l1]", "e1 ARMED_ATTACK occurred place=l1")
    found = incidents(report)[0].location
    assert found is not None
    assert (found.country, found.precision) == ("PS", precision)


def test_incidents_come_back_from_json(report: Report) -> None:
    read = with_incidents(report, LABELS)
    assert len(read.incidents) == 4
    assert Report.from_dict(json.loads(read.to_json())) == read


def test_as_json(report: Report) -> None:
    data = json.loads(json.dumps([i.to_dict() for i in incidents(report)], ensure_ascii=False))
    assert data[0]["arguments"][0] == {"role": "place", "id": "l1"}
    assert "counter_of" not in data[0]


def test_every_trigger_of_the_corpus_is_told_by_one_incident() -> None:
    for file in sorted(CORPUS.glob("*.txt"))[::9]:
        for report in markup.read(file):
            told = [id for i in incidents(report) for id in i.events]
            assert sorted(told) == sorted(e.id for e in report.events)


def test_scheme_names_only_known_labels() -> None:
    scheme = default_scheme()
    assert {*scheme.harm, *scheme.deadly, *scheme.causes, *scheme.counters} <= {*LABELS.events}
    assert {*scheme.deadly.values()} <= {*scheme.harmed}
    assert scheme.persons <= {*LABELS.mentions}
    assert scheme.countered <= {*LABELS.statuses}
    assert {*scheme.roles.values()} <= {*LABELS.roles}


@pytest.mark.parametrize(
    ("counts", "total"),
    [(["3", "2"], "5"), (["3", "10+"], "13+"), (["?", "2"], "2+"), (["?", "?"], "?"), (["0"], "0")],
)
def test_counts_add_up(counts: list[str], total: str) -> None:
    assert _sum(counts) == total


@given(st.dictionaries(st.integers(0, 20), st.sampled_from(LABELS.events), max_size=6))
def test_no_report_breaks_it(drawn: dict[int, str]) -> None:
    text = "في بغداد وقع هجوم. ثم آخر"
    events = tuple(
        Event(f"e{i}", type, LABELS.statuses[i % 4], at, at + 1)
        for i, (at, type) in enumerate(sorted(drawn.items()))
    )
    report = Report("r", text, "2022-01-01", (), events)
    found = incidents(report)
    assert not list(replace(report, incidents=found).problems())
    told = [id for incident in found for id in incident.events]
    assert sorted(told) == sorted({*told})
