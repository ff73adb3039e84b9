"""Old against new: what changed is told, with its direction, and noise is not."""

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the train extra")

from marsad.errors import MarsadError
from marsad.schema import Report
from marsad_training.compare import compare, render, verdict


class Reads:
    """An extractor that answers with reports made before."""

    def __init__(self, answers: list[Report]):
        self.answers = {report.id: report for report in answers}

    def predict_many(self, texts: Any, dates: Any, ids: Any) -> list[Report]:
        return [self.answers[id] for id in ids]


def gold_of(reports: list[Report]) -> list[Report]:
    return [replace(r, id=f"{r.id}-{n}") for n in range(10) for r in reports]


def blind(report: Report) -> Report:
    """The report as a model reads it that sees no trigger."""
    return replace(report, events=(), same=())


def test_a_model_that_sees_triggers_is_better(reports: list[Report]) -> None:
    gold = gold_of(reports)
    old, new = Reads([blind(r) for r in gold]), Reads(gold)
    (found,) = compare(old, new, {"test": gold})  # type: ignore[arg-type]
    whole = {d.task: d for d in found.whole}
    assert (whole["triggers"].before, whole["triggers"].after) == (0.0, 1.0)
    assert whole["triggers"].verdict == whole["arguments"].verdict == "better"
    assert whole["mentions"].verdict == ""
    assert verdict([found]).startswith("better on test: triggers +100.0")
    (back,) = compare(new, old, {"test": gold})  # type: ignore[arg-type]
    assert {d.verdict for d in back.typed if d.task == "triggers"} == {"worse"}
    assert "No difference" in verdict(compare(new, new, {"test": gold}))  # type: ignore[arg-type]


def test_few_reports_show_nothing(reports: list[Report]) -> None:
    gold = reports[:1]
    found = compare(Reads([blind(r) for r in gold]), Reads(gold), {"test": gold})  # type: ignore[arg-type]
    assert verdict(found) == "No difference that these reports can show."


def test_the_report_names_every_label_and_marks_what_got_worse(reports: list[Report]) -> None:
    gold = gold_of(reports)
    found = compare(Reads(gold), Reads([blind(r) for r in gold]), {"test": gold})  # type: ignore[arg-type]
    markdown, html = (render(found, ("old", "<new>"), kind) for kind in ("md", "html"))
    for event in reports[0].events:
        assert f"triggers: {event.type}" in markdown
        assert f"triggers: {event.type}" in html
    assert "| worse |" in markdown
    assert '<tr class="worse whole">' in html
    assert "<new>" not in html
    with pytest.raises(MarsadError, match=r"\.md or \.html"):
        render(found, ("old", "new"), "pdf")
