"""The shipped model on texts written for this test: what a user sees in the first minute."""

import pytest

import marsad


def events(text: str) -> list[tuple[str, str]]:
    return [(e.type, e.status) for e in marsad.predict(text, date="2022-01-04").events]


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("قتل ثلاثة جنود في انفجار عبوة ناسفة قرب الموصل أمس", ("BOMBING", "occurred")),
        ("شنت طائرات حربية غارات على مدينة إدلب فجر اليوم", ("AIR_STRIKE", "occurred")),
        ("اعتقلت الشرطة خمسة متظاهرين في تونس", ("ARREST", "occurred")),
        ("اغتال مسلحون مجهولون الناشط علي حسن في عدن", ("ASSASSINATION", "occurred")),
    ],
)
def test_plain_sentences(text: str, event: tuple[str, str]) -> None:
    assert event in events(text)


def test_roles_of_a_plain_sentence() -> None:
    report = marsad.predict("قصف الجيش السوري مدينة إدلب بقذائف هاون مساء الاثنين")
    fillers = {
        (argument.role, report.surface(report.mention(argument.id)))
        for event in report.events
        for argument in event.arguments
    }
    assert ("agent", "الجيش السوري") in fillers
    assert ("instrument", "قذائف هاون") in fillers


@pytest.mark.parametrize(
    "text", ["فاز المنتخب الوطني بثلاثة أهداف مقابل هدف", "ارتفعت أسعار الخبز والوقود اليوم"]
)
def test_no_event_where_there_is_none(text: str) -> None:
    assert events(text) == []


def test_predict_many_streams_in_order() -> None:
    texts = ["قصف الجيش حلب", "", "اعتقلت الشرطة متظاهرا"]
    assert [r.text for r in marsad.predict_many(texts)] == texts
