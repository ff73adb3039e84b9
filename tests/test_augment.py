"""Rewritten reports: other letters and names, the same annotation."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marsad.schema import Event, Mention, Report

augment = pytest.importorskip("marsad_training.augment", reason="needs the train extra")
from marsad_training.corpus import read_reports  # noqa: E402

REPORTS = read_reports(Path(__file__).parents[1] / "training" / "corpus" / "reports" / "IQ-01.txt")
NAMES = augment.names_of(REPORTS, ("LOCATION", "PERSON"))


def _kept(report: Report) -> list[str]:
    """Surfaces that no rewriting may change, and the text between all spans."""
    kept, at = [], 0
    for span in sorted(report.spans, key=lambda s: s.start):
        kept.append(report.text[at : span.start])
        if span.type not in ("LOCATION", "PERSON"):
            kept.append(report.surface(span))
        at = span.end
    return [*kept, report.text[at:]]


@given(seed=st.integers(0, 10**6), report=st.sampled_from(REPORTS))
def test_renaming_changes_names_and_nothing_else(seed: int, report: Report) -> None:
    renamed = augment.rename(report, NAMES, random.Random(seed), chance=1.0)
    assert _kept(renamed) == _kept(report)
    known = {name for pool in NAMES.values() for name in pool}
    for before, after in zip(report.mentions, renamed.mentions, strict=True):
        if renamed.surface(after) != report.surface(before):
            assert renamed.surface(after) in known
            assert renamed.surface(after).startswith("ال") == report.surface(before).startswith(
                "ال"
            )


def test_a_name_that_shares_words_with_a_trigger_stays() -> None:
    mentions = (Mention("l1", "LOCATION", 7, 16), Mention("l2", "LOCATION", 20, 23))
    event = Event("e1", "ARMED_ATTACK", "occurred", 7, 11)
    report = Report("a", "استهدف هجوم حيفا في عكا", None, mentions, (event,))
    renamed = augment.rename(report, {("LOCATION", False): ["صور"]}, random.Random(0), chance=1.0)
    assert renamed.text == "استهدف هجوم حيفا في صور"
    assert [renamed.surface(span) for span in renamed.spans] == ["هجوم حيفا", "صور", "هجوم"]


@given(seed=st.integers(0, 10**6), report=st.sampled_from(REPORTS))
def test_one_surface_gets_one_new_name(seed: int, report: Report) -> None:
    renamed = augment.rename(report, NAMES, random.Random(seed))
    pairs = {
        ((m.type, report.surface(m)), renamed.surface(n))
        for m, n in zip(report.mentions, renamed.mentions, strict=True)
    }
    assert len(pairs) == len({before for before, _ in pairs})


@given(seed=st.integers(0, 10**6), report=st.sampled_from(REPORTS))
def test_spelling_keeps_every_place(seed: int, report: Report) -> None:
    spelt = augment.spell(report, random.Random(seed), chance=1.0)
    assert len(spelt.text) == len(report.text)
    assert spelt.spans == report.spans
    assert not set("أإآةى") & set(spelt.text)


@given(seed=st.integers(0, 10**6), report=st.sampled_from(REPORTS))
@pytest.mark.parametrize("rewrite", augment.ROUGH, ids=lambda rewrite: rewrite.__name__)
def test_marks_and_slips_move_the_annotation_along(rewrite: Any, seed: int, report: Report) -> None:
    rough = rewrite(report, random.Random(seed))
    assert not list(rough.problems())
    for before, after in zip(report.spans, rough.spans, strict=True):
        assert replace(after, start=before.start, end=before.end) == before
        old, new = report.surface(before), rough.surface(after)
        if rewrite is augment.scanned:  # letters are misread, and few of them lost
            assert len(old) / 2 < len(new) <= len(old)
        elif rewrite is augment.joined:  # a clitic may come between two words
            letters = iter(new)
            assert all(letter in letters for letter in old)
        else:
            assert new.replace("_", " ") == old.replace("«", '"').replace("»", '"') or new == old


def test_a_share_of_the_training_reports_is_rewritten() -> None:
    from marsad_training.config import FitConfig
    from marsad_training.training_data import rewrite

    config = FitConfig("", 1, 1, rewritten=0.5, renamed=("LOCATION", "PERSON"))
    train = REPORTS * 10
    changed = sum(a != b for a, b in zip(train, rewrite(train, config), strict=True))
    assert 0.3 * len(train) < changed < 0.6 * len(train)
