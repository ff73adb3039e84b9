"""Places to look: every kind of oddity is found where it stands, and nowhere else."""

from dataclasses import replace
from pathlib import Path

import pytest

from marsad.corpus import consistency, splits
from marsad.corpus.agreement import agreement
from marsad.errors import MarsadError
from marsad.formats import markup
from marsad.schema import Labels, Mention, Report

REPORTS = Path(__file__).parents[1] / "training" / "corpus" / "reports"


def _read(labels: Labels, *texts: str) -> list[Report]:
    blocks = [f"### id=aa-{i} date=2022-01-01\n{text}" for i, text in enumerate(texts)]
    found, slips = markup.parse("\n\n".join(blocks) + "\n", labels)
    assert not slips
    return found


def _found(reports: list[Report], read: list[Report] | None = None) -> list[tuple[str, str]]:
    return [(f.report, f.kind) for f in consistency.findings(reports, read)]


def test_an_unusual_type_is_found(labels: Labels) -> None:
    usual = "زار [حلب|l1]\n---"
    assert _found(_read(labels, *[usual] * 4, "قالت [حلب|a1]\n---")) == [("aa-4", "type")]


def test_a_phrase_marked_elsewhere_is_found(labels: Labels) -> None:
    usual = "زار [مطار دمشق|f1]\n---"
    texts = [*[usual] * 4, "قرب مَطار دمشق مساء\n---"]
    assert _found(_read(labels, *texts)) == [("aa-4", "unmarked")]


def test_a_head_that_stands_outside_is_found(labels: Labels) -> None:
    assert _found(_read(labels, "زار [مدينة حلب|l1]\n---")) == [("aa-0", "outside")]


def test_what_a_model_reads_differently_is_found(labels: Labels) -> None:
    (gold,) = _read(labels, "زار [قاسم|p1] [حلب|l1]\n---")
    start = gold.text.index("قاسم")
    read = replace(gold, mentions=(Mention("m1", "ACTOR", start, start + 4, score=0.9),))
    kinds = [f.detail for f in consistency.findings([gold], [read])]
    assert kinds == [
        "mention «قاسم» ACTOR (0.90); marked: «قاسم» PERSON",
        "mention «حلب» LOCATION is not read",
    ]


def test_near_copies_are_paired(reports: list[Report]) -> None:
    copy = replace(reports[0], id="copy", text=reports[0].text + " أمس")
    ((left, right, likeness),) = splits.near_copies([*reports, copy])
    assert {left, right} == {reports[0].id, "copy"}
    assert likeness > 0.8


def test_short_texts_are_copies_only_of_themselves() -> None:
    texts = ["قصف", "انفجار كبير", "قصف"]
    reports = [Report(str(n), text) for n, text in enumerate(texts)]
    assert splits.near_copies(reports) == [("0", "2", 1.0)]


def test_a_mention_of_white_space_is_no_outside_head() -> None:
    assert _found([Report("a", "زار  حلب", None, (Mention("l1", "LOCATION", 4, 5),))]) == []


def test_both_annotators_should_have_each_report(reports: list[Report]) -> None:
    with pytest.raises(MarsadError, match=f"lacks the report '{reports[0].id}'"):
        agreement(reports, reports[1:])


@pytest.mark.parametrize("count", [3, 5, 6, 12])
def test_few_reports_are_split_in_three(count: int) -> None:
    line = "قصف هجوم انفجار غارة اشتباك اعتقال اغتيال خطف نزوح تظاهر اتفاق تهديد"
    words = line.split()
    reports = [Report(f"a-{n}", f"{words[n]} {n} {words[-n]} {n}{n}") for n in range(count)]
    parts = splits.split_ids(reports, 7)
    assert all(parts.values())
    assert sum(map(len, parts.values())) == count


def test_the_corpus_holds_no_near_copies() -> None:
    from marsad_training.corpus import read_reports

    assert splits.near_copies(read_reports(REPORTS)) == []
