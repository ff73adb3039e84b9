"""The benchmark: its measures against the field's libraries, its rewritings, its files."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from marsad.errors import MarsadError
from marsad.resolve import date as resolve_date
from marsad.schema import Argument, Event, Labels, Mention, Report, default_labels
from marsad.score import score
from marsad.text import normalise, split_words

pytest.importorskip("torch", reason="needs the train extra")

from marsad_training.benchmark import (
    baselines,
    cost,
    crf,
    entities,
    gsr,
    lexicon,
    negatives,
    results,
    stress,
    suites,
    worker,
)
from marsad_training.benchmark.cli import app
from marsad_training.benchmark.measures import (
    MAJORITY,
    SCHEMES,
    difference,
    measures,
    rate,
    semeval,
    status_confusion,
)
from marsad_training.benchmark.setting import AbsentError, Bench, System, open_system
from marsad_training.benchmark.systems import named_system
from marsad_training.calibration import reliability
from marsad_training.corpus import read_labels

ROOT = Path(__file__).parents[1]
TYPES = ("ACTOR", "LOCATION")
WORD = "كلمة"


def words_report(id: str, spans: Iterable[tuple[str, int, int]], count: int = 60) -> Report:
    """A report of numbered words with mentions over (type, first word, one past the last)."""
    forms = [f"{WORD}{n}" for n in range(count)]
    starts = np.cumsum([0, *(len(f) + 1 for f in forms)]).tolist()
    mentions = tuple(
        Mention(f"m{n}", type, starts[a], starts[b] - 1) for n, (type, a, b) in enumerate(spans)
    )
    return Report(id, " ".join(forms), mentions=mentions)


slot = st.one_of(st.none(), st.tuples(st.sampled_from(TYPES), st.integers(0, 2), st.integers(3, 5)))


@given(st.lists(st.tuples(slot, slot), min_size=1, max_size=10))
def test_the_semeval_four_are_those_of_nervaluate_where_spans_meet_in_pairs(
    slots: list[tuple[Any, Any]],
) -> None:
    """Where a span meets several others the libraries pair by their order; ours pair the best."""
    nervaluate = pytest.importorskip("nervaluate")
    sides = [
        [(s[0], 6 * n + s[1], 6 * n + s[2]) for n, pair in enumerate(slots) if (s := pair[side])]
        for side in (0, 1)
    ]
    gold, read = (words_report("r", spans) for spans in sides)
    ours = semeval([(gold, read)], "mentions")
    entities = [[[{"label": t, "start": a, "end": b - 1} for t, a, b in side]] for side in sides]
    theirs = nervaluate.Evaluator(*entities, tags=list(TYPES), loader="dict").evaluate()["overall"]
    for scheme in SCHEMES:
        other = theirs["ent_type" if scheme == "type" else scheme]
        for key in ("correct", "incorrect", "partial", "missed", "spurious"):
            assert ours[scheme][key] == getattr(other, key), (scheme, key)
        for key in ("precision", "recall", "f1"):
            assert ours[scheme][key] == pytest.approx(getattr(other, key), abs=1e-4)


@st.composite
def flat_spans(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    spans, at = [], 0
    for gap, size, type in draw(
        st.lists(
            st.tuples(st.integers(0, 3), st.integers(1, 3), st.sampled_from(TYPES)), max_size=8
        )
    ):
        spans.append((type, at + gap, at + gap + size))
        at += gap + size
    return spans


@settings(max_examples=40)  # each draws bootstraps
@given(st.lists(st.tuples(flat_spans(), flat_spans()), min_size=1, max_size=4))
def test_exact_span_f1_is_that_of_seqeval_and_of_the_scorer(pairs: list[tuple[Any, Any]]) -> None:
    from seqeval.metrics import f1_score
    from seqeval.scheme import IOB2

    def tags(spans: list[tuple[str, int, int]]) -> list[str]:
        row = ["O"] * 60
        for type, a, b in spans:
            row[a:b] = [f"B-{type}", *[f"I-{type}"] * (b - a - 1)]
        return row

    gold = [words_report(str(n), g) for n, (g, _) in enumerate(pairs)]
    read = [words_report(str(n), r) for n, (_, r) in enumerate(pairs)]
    ours = measures(gold, read)
    strict = ours["semeval"]["mentions"]["strict"]
    assert strict["f1"] == pytest.approx(score(gold, read).f1("mentions"), abs=1e-4)
    if any(g or r for g, r in pairs):
        sides = [[tags(pair[side]) for pair in pairs] for side in (0, 1)]
        other = f1_score(*sides, mode="strict", scheme=IOB2, zero_division=0)
        assert ours["tasks"]["mentions"]["f1"] == pytest.approx(other, abs=1e-4)
    for measure in ours["semeval"]["mentions"].values():
        for key in ("correct", "incorrect", "partial", "missed", "spurious"):
            assert measure[key] == sum(part[key] for part in measure["labels"].values())


def test_a_span_is_paired_with_the_one_that_fits_it_best() -> None:
    gold = words_report("r", [("ACTOR", 0, 2), ("LOCATION", 2, 4)])
    read = words_report("r", [("LOCATION", 1, 4)])
    found = semeval([(gold, read)], "mentions")
    assert (found["type"]["correct"], found["partial"]["partial"]) == (1, 1)
    assert found["strict"]["labels"]["ACTOR"]["missed"] == 1


def test_reliability_by_hand() -> None:
    gold = words_report("r", [("LOCATION", 0, 1), ("LOCATION", 1, 2)])
    read = words_report("r", [("LOCATION", n, n + 1) for n in range(5)])
    scores = (0.95, 0.95, 0.15, 0.15, None)  # two of two right at 0.95, none of two at 0.15
    mentions = tuple(replace(m, score=s) for m, s in zip(read.mentions, scores, strict=True))
    found = reliability([(gold, replace(read, mentions=mentions))], "mentions")
    assert found is not None
    assert (found["ece"], found["n"]) == (pytest.approx((2 * 0.05 + 2 * 0.15) / 4), 4)
    assert found["bins"] == [
        {"low": 0.1, "high": 0.2, "n": 2, "score": 0.15, "right": 0.0},
        {"low": 0.9, "high": 1.0, "n": 2, "score": 0.95, "right": 1.0},
    ]
    assert reliability([(gold, read)], "mentions") is None


def test_reliability_of_arguments_asks_for_event_role_and_words(reports: list[Report]) -> None:
    gold = next(r for r in reports if any(len(e.arguments) > 1 for e in r.events))
    links = [(e, a) for e in gold.events for a in e.arguments]
    scored = tuple(
        replace(e, arguments=tuple(replace(a, score=0.75) for a in e.arguments))
        for e in gold.events
    )
    found = reliability([(gold, replace(gold, events=scored))], "arguments")
    assert found is not None
    assert (found["ece"], found["n"]) == (0.25, len(links))
    other = next(s for s in default_labels().events if s not in {e.type for e in scored})
    wrong = tuple(replace(e, type=other) for e in scored)
    found = reliability([(gold, replace(gold, events=wrong))], "arguments")
    assert found is not None
    assert found["ece"] == 0.75


def test_status_confusion_counts_the_triggers_found(reports: list[Report]) -> None:
    first = reports[0]
    events = (replace(first.events[0], status="denied"), *first.events[1:3])
    table = status_confusion([(first, replace(first, events=events))])
    assert table["occurred"] == {"denied": 1, "occurred": 1}
    assert table["foiled"] == {"foiled": 1}


def test_a_paired_difference_is_sure_only_where_it_is_steady() -> None:
    rng = np.random.default_rng(0)
    steady = np.tile([10, 10, 5], (50, 1))
    better = steady + np.tile([0, 0, 2], (50, 1))
    noise = steady.copy()
    noise[:, 2] += rng.integers(-2, 3, 50)
    assert difference(steady, steady)["p"] == 1
    found = difference(steady, better)
    assert found["difference"] == pytest.approx(0.2)
    assert found["p"] < 0.01
    assert difference(steady, noise)["p"] > 0.05
    assert rate([(1, 500), (0, 500)])["per_1000_words"] == 1.0


# ---- rewritings

SURFACES = [
    "قال", "الجيش", "العراقي", "إن", "أسقط", "طائرة", "مسيرة،", "في", "مدينة", "الموصل.", "قرب",
    "«قاعدة»", "عين", "الأسد", "وأصيب", "3", "12", "جنود", "لحزب", "مؤسسة", "2021/12/31", "و",
]  # fmt: skip


@st.composite
def annotated(draw: st.DrawFn) -> Report:
    """Paragraphs of words, some of them under mentions or triggers, some behind a joined letter."""
    text, spans = "", []
    for _ in range(draw(st.integers(1, 4))):
        text += "\n\n" if text else ""
        for _ in range(draw(st.integers(1, 5))):
            text += "" if not text or text[-1] == "\n" else " "
            kind = draw(st.sampled_from(("none", "mention", "event")))
            if kind != "none" and draw(st.booleans()):
                text += "و"
            surface = " ".join(draw(st.lists(st.sampled_from(SURFACES), min_size=1, max_size=3)))
            spans.append((kind, len(text), len(text) + len(surface)))
            text += surface
    mentions = [
        Mention(f"m{n}", "ACTOR", a, b) for n, (k, a, b) in enumerate(spans) if k == "mention"
    ]
    events = [
        Event(f"e{n}", "BOMBING", "occurred", a, b)
        for n, (k, a, b) in enumerate(spans)
        if k == "event"
    ]
    return Report("aa-001", text, "2022-01-04", tuple(mentions), tuple(events))


WORD_BY_WORD = (
    "tashkeel", "tatweel", "hamza slips", "ta-marbuta slips", "Arabic-Indic digits", "clitics",
    "OCR noise",
)  # fmt: skip
FOLD = str.maketrans("أإآةى", "اااهي", '«»"“”#')


def skeleton(text: str) -> str:
    """What quotes, hashtags and spelling leave of a text."""
    return " ".join(normalise(w) for w in text.translate(FOLD).replace("_", " ").split())


@given(annotated(), st.integers(0, 3), st.sampled_from(sorted(stress.REWRITINGS)))
def test_every_rewriting_keeps_spans_on_their_words(report: Report, seed: int, name: str) -> None:
    (found,) = stress.rewritten([report], name, seed)
    assert list(found.problems()) == []
    assert stress.rewritten([report], name, seed) == [found], "drawn by seed"
    copies = len(found.spans) // max(len(report.spans), 1) or 1
    assert copies == (10 if name == "ten times as long" and report.spans else 1)
    before, after = split_words(report.text), split_words(found.text)
    for kind in ("mentions", "events"):
        originals = getattr(report, kind) * copies
        for old, new in zip(originals, getattr(found, kind), strict=True):
            if name in WORD_BY_WORD:
                assert len(before) == len(after)
                assert before.span(old.start, old.end) == after.span(new.start, new.end)
            else:
                assert skeleton(found.surface(new)) == skeleton(report.surface(old))


@given(annotated(), st.data())
def test_edits_move_spans_as_a_search_for_marked_words_would(
    report: Report, data: st.DataObject
) -> None:
    """The other way to say it: mark the edges in the text, edit, and look where the marks went."""
    edges = {at for s in report.spans for at in (s.start, s.end)}
    places = data.draw(st.sets(st.sampled_from(range(len(report.text) + 1)), max_size=6))
    edits = [stress.Edit(at, at, "ـ") for at in places]
    edits += [
        stress.Edit(at, at + 1, "زز")
        for at in range(len(report.text))
        if at not in places and report.text[at] == "ر"
    ]
    found = stress.edited(report, edits)
    for old, new in zip(report.spans, found.spans, strict=True):
        inner = [e for e in edits if old.start <= e.start and e.end <= old.end]
        inner = [e for e in inner if e.start < e.end or old.start < e.start < old.end]
        assert len(found.surface(new)) - len(report.surface(old)) == len(inner)
    assert len(found.text) == len(report.text) + len(edits)
    assert edges >= {s.start for s in report.spans}


def test_marks_and_digits_are_read_as_before_and_slips_are_not() -> None:
    text = "أصيب 12 جنديا في مدينة الموصل قرب القاعدة الأمريكية العسكرية " * 3
    report = Report("aa-001", text)
    forms = split_words(text).forms
    for name, same in (
        ("tashkeel", True), ("tatweel", True), ("Arabic-Indic digits", True),
        ("hamza slips", False), ("ta-marbuta slips", False), ("OCR noise", False),
        ("clitics", False),
    ):  # fmt: skip
        found = stress.rewritten([report], name, 1)[0].text
        assert found != text, name
        assert (split_words(found).forms == forms) is same, name


def test_a_day_of_the_calendar_is_told_in_hijri_and_keeps_its_value() -> None:
    text = "قصفت الطائرات المدينة في 2 آذار 2021 ثم أمس وفي آذار وفي 18 رجب 1442هـ"
    spans = {"2 آذار 2021": "2021-03-02", "أمس": "2021-03-02", "آذار وفي": "2021-03"}
    mentions = [
        Mention(f"d{n}", "DATE", text.index(s), text.index(s) + len(s), value=value)
        for n, (s, value) in enumerate(spans.items())
    ]
    (found,) = stress.rewritten(
        [Report("aa-001", text, "2021-03-03", tuple(mentions))], "Hijri dates", 0
    )
    assert [found.surface(m) for m in found.mentions] == ["18 رجب 1442هـ", "أمس", "آذار وفي"]
    resolved = resolve_date(found.surface(found.mentions[0]), anchor="2021-03-03")
    assert resolved is not None
    assert resolved.value == "2021-03-02"


# ---- public sets


class Canned:
    """A reader that finds given surfaces, each with a type."""

    def __init__(self, types: dict[str, str]):
        self.types = types

    def predict_many(
        self, texts: Iterable[str], dates: Any = None, ids: Any = None
    ) -> Iterator[Report]:
        for text, id in zip(texts, ids, strict=True):
            hits = sorted(
                (m.start(), m.end(), type)
                for surface, type in self.types.items()
                for m in re.finditer(surface, text)
            )
            mentions = tuple(
                Mention(f"m{n}", t, a, b) for n, (a, b, t) in enumerate(hits) if t != "SHELLING"
            )
            events = tuple(
                Event(f"e{n}", t, "occurred", a, b,
                      tuple(Argument("agent", m.id) for m in mentions if m.type == "ACTOR"))
                for n, (a, b, t) in enumerate(hits) if t == "SHELLING"
            )  # fmt: skip
            yield Report(id, text, mentions=mentions, events=events)


def test_nested_tags_become_mentions_and_the_outermost_of_a_type_counts() -> None:
    sentence = [
        ("جامعة", ["B-ORG"]), ("بيت", ["B-GPE", "I-ORG"]), ("لحم", ["I-GPE", "I-ORG"]),
        ("في", ["O"]), ("القدس", ["I-GPE"]), ("المحتلة", ["B-GPE"]),
    ]  # fmt: skip
    report = entities.bio_report("w-0", sentence)
    found = {(report.surface(m), m.type) for m in report.mentions}
    assert found == {
        ("جامعة بيت لحم", "ORG"), ("بيت لحم", "GPE"), ("القدس", "GPE"), ("المحتلة", "GPE"),
    }  # fmt: skip
    merged = entities.mapped(report, {"ORG": "X", "GPE": "X"})
    assert [merged.surface(m) for m in merged.mentions] == ["جامعة بيت لحم", "القدس", "المحتلة"]


def test_a_named_entity_set_is_scored_zero_shot_beside_trained_and_published(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "anercorp-camel"
    folder.mkdir()
    (folder / "ANERCorp_CamelLab_test.txt").write_text(
        "زار O\nغيث B-PERS\nبغداد B-LOC\nبكأس B-MISC\n\nوقال O\nالجيش B-ORG\n", "utf-8"
    )
    reader = Canned({"غيث": "PERSON", "الجيش": "ACTOR", "زار": "WEAPON", "وقال": "FACILITY"})
    system = System("canned", reader, facts={"stages": [{"test_f1": {"anercorp": 0.75}}]})
    found = entities.run(Bench(system, data=tmp_path))
    mentions = found.slices["anercorp"]["tasks"]["mentions"]
    assert (mentions["gold"], mentions["predicted"], mentions["recall"]) == (3, 3, 0.6667)
    facts = found.facts["anercorp"]
    assert facts["trained_f1"] == 0.75
    assert facts["left_out"] == {"MISC": 1}
    assert all(p["source"] for p in facts["published"])
    with pytest.raises(AbsentError, match="--data"):
        entities.run(Bench(system))


def gsr_folder(data: Path) -> None:
    folder = data / "arabic-event-gsr"
    folder.mkdir(parents=True)
    text = "قصف الجيش المدينة"

    def mark(surface: str) -> list[dict[str, int]]:
        return [{"start": text.index(surface), "end": text.index(surface) + len(surface)}]

    row = {"event_type": "ASSAULT", "text": text, "verb": mark("قصف"),
           "source_actor": mark("الجيش"), "target_actor": mark("المدينة")}  # fmt: skip
    rows = [{"id": "s1", "doc": "A.1-1", **row}, {"id": "s2", "doc": "A.1-2", **row}]
    (folder / "majority_spans.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    head = "accept,event_type,id,label,reject,text,total\n"
    (folder / "assault_gsr.csv").write_text(
        head + f'3,ASSAULT,A.1-1,yes,0,"{text}",3\n0,ASSAULT,B.1-1,easy no,3,"زار\u2028قصف",3\n'
        "0,ASSAULT,B.1-2,easy no,3,زار المدينة,3\n1,ASSAULT,B.1-3,ambiguous,1,x,2\n",
        "utf-8",
    )
    (folder / "protest_gsr.csv").write_text(head, "utf-8")


def test_who_did_what_to_whom_leaves_trained_sentences_out(tmp_path: Path) -> None:
    gsr_folder(tmp_path / "data")
    (tmp_path / "real").mkdir()
    seen = {"id": "gsr-1", "source": "arabic_event_gsr/spans/s2"}
    (tmp_path / "real" / "annotations.jsonl").write_text(json.dumps(seen), "utf-8")
    reader = Canned({"قصف": "SHELLING", "الجيش": "ACTOR"})
    found = gsr.run(Bench(System("canned", reader), tmp_path, tmp_path / "data"))
    tasks = found.slices["spans"]["tasks"]
    assert found.facts["left_out"] == {"spans": 1, "relevance": 0}
    assert tasks["verb"]["recall"] == tasks["source_actor"]["f1"] == 1
    assert tasks["target_actor"]["recall"] == tasks["who did what to whom"]["recall"] == 0
    assert found.facts["said_yes"] == {"ASSAULT": {"yes": [1, 1], "easy no": [2, 1]}}
    assert found.slices["relevance"]["tasks"]["ASSAULT"]["precision"] == 0.5


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("majority_spans.jsonl", "{", r"majority_spans\.jsonl, line 1: broken JSON"),
        ("majority_spans.jsonl", '\n{"id": 5}', r"spans\.jsonl, line 2: 'id' is absent or no str"),
        ("assault_gsr.csv", "id,text\n1,x\n", r"gsr\.csv, line 1: the column '.*' is missing"),
        ("assault_gsr.csv", "id,text\n1\n", r"gsr\.csv, line 2: has more or fewer columns"),
    ],
)
def test_damaged_public_data_are_told(tmp_path: Path, name: str, content: str, told: str) -> None:
    gsr_folder(tmp_path)
    (tmp_path / "arabic-event-gsr" / name).write_text(content, "utf-8")
    with pytest.raises(MarsadError, match=told):
        gsr.run(Bench(System("canned", Canned({})), tmp_path, tmp_path))


# ---- runs


def test_alarms_are_triggers_that_overlap_no_gold_trigger(
    corpus_folder: Path, reports: list[Report]
) -> None:
    reader = Canned({"قصف": "SHELLING", "الجيش": "SHELLING"})
    found = negatives.run(Bench(System("canned", reader), corpus_folder))
    alarms = found.slices["with events"]["rates"]["false events"]
    assert alarms["alarms"] == alarms["labels"]["SHELLING"] == 1
    assert found.facts["false_events"]["reports"] == 0
    assert "hard negatives" not in found.slices


def bench_run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_results_are_written_shown_and_compared(
    tiny_artifact: Path, corpus_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    real = tmp_path / "real"
    real.mkdir()
    (real / "gold.txt").write_text((corpus_folder / "reports" / "all.txt").read_text("utf-8"))
    shared = ("--corpus", corpus_folder, "--out", out, "--model", tiny_artifact)
    named = ("--suite", "corpus", "--suite", "stress", "--suite", "real", "--suite", "ner")
    ran = bench_run("run", *shared, *named, "--real", real, "--limit", 8)
    assert ran.exit_code == 0, ran.output
    assert "ner: skipped: needs the folder" in ran.output.replace("\n", " ")
    found = json.loads((out / "tiny" / "corpus.json").read_text("utf-8"))
    assert found["seed"] == 0
    assert found["limit"] == 8
    assert found["machine"]["cores"] >= 1
    assert found["model"]["sha256"]
    by_origin = json.loads((out / "tiny" / "real.json").read_text("utf-8"))["slices"]
    assert by_origin["gold"]["reports"] == 8
    assert by_origin["gold/aa"]["reports"] + by_origin["gold/bb"]["reports"] == 8
    whole = found["slices"]["all"]
    assert whole["tasks"]["mentions"]["gold"] == sum(
        row["mentions"][0] for row in whole["per_report"].values()
    )
    kept = json.loads((out / "tiny" / "stress.json").read_text("utf-8"))["facts"]["kept"]
    assert kept.keys() == stress.REWRITINGS.keys()
    assert kept["tatweel"]["mentions"]["kept"] == 1.0
    page = (out / "report.md").read_text("utf-8")
    assert "## stress" in page
    assert f"{whole['tasks']['mentions']['f1']:.3f}" in page
    compared = bench_run("compare", out, out / "tiny", "--json")
    assert compared.exit_code == 0, compared.output
    rows = json.loads(compared.output)
    assert {row["suite"] for row in rows} == {"corpus", "real", "stress"}
    assert all(row["difference"] == 0 and row["p"] == 1 for row in rows)
    other = tmp_path / "other"
    again = bench_run(
        "run", *shared[:2], "--out", other, *shared[4:], "--suite", "corpus", "--limit", 1
    )
    assert again.exit_code == 0, again.output
    unlike = bench_run("compare", out, other)
    assert unlike.exit_code == 2
    assert "of other gold" in unlike.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--out", "o", "--suite", "corpse"), "there is no suite 'corpse'"),
        (("run", "--out", "o", "--model", "absent"), "no such artifact folder"),
        (("run", "--out", "o", "--suite", "real"), "no suite was run"),
        (("compare", "absent.json", "absent.json"), "absent.json: cannot be read"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = bench_run(*arguments)
    assert told.exit_code == 2
    assert message in told.output.replace("\n", " ")
    assert "Traceback" not in told.output


def test_a_file_that_is_no_result_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{}")
    with pytest.raises(ValueError, match="no result of marsad-bench"):
        results.read(path)
    for name in ("a", "b"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "corpus.json").write_text("{}")
    with pytest.raises(ValueError, match="there are: a, b"):
        results.documents(tmp_path / "models")


def test_a_cell_is_read_in_full_batches_until_its_time_is_up() -> None:
    calls: list[tuple[list[str], int]] = []
    cell = {"length": "report", "batch": 2, "texts": ["a", "b", "c"], "words": [1, 2, 3]}

    def read(texts: Any, batch: int) -> None:
        calls.append((list(texts), batch))

    assert worker.throughput(read, cell, 0.0)["words"] == 3
    assert worker.throughput(read, cell, 0.01)["words"] > 3
    assert calls[:3] == [(["a", "b"], 2), (["a", "b"], 2), (["c", "a"], 2)]
    assert worker.peak_mib() > 10


# ---- baselines


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("baselines")


@pytest.mark.parametrize("name", baselines.BASELINES)
def test_a_baseline_reads_what_it_has_learnt(
    name: str, corpus_folder: Path, cache: Path, reports: list[Report]
) -> None:
    system = named_system(name, corpus_folder, cache)
    read = list(
        system.reader.predict_many(
            [r.text for r in reports], [r.date for r in reports], [r.id for r in reports]
        )
    )
    assert [r.id for r in read] == [r.id for r in reports]
    found = score(reports, read)
    for task in ("mentions", "triggers", "status (rare)"):
        assert found.f1(task) > 0.9, task
    assert found.f1("arguments") > 0.6
    assert system.facts["train_reports"] == 16
    assert system.artifact is None


@settings(max_examples=60)
@given(text=st.one_of(st.text(max_size=60), annotated().map(lambda report: report.text)))
@pytest.mark.parametrize("name", baselines.BASELINES)
def test_a_baseline_reads_any_text_into_a_sound_report(
    name: str, text: str, corpus_folder: Path, cache: Path
) -> None:
    system = opened(name, corpus_folder, cache)
    (read,) = system.reader.predict_many([text], ["2022-01-04"])
    assert list(read.problems(read_labels(corpus_folder))) == []


@lru_cache
def opened(name: str, corpus: Path, cache: Path) -> System:
    return named_system(name, corpus, cache)


def test_a_joined_letter_and_a_careless_spelling_do_not_hide_a_string(
    reports: list[Report],
) -> None:
    found = lexicon.Lexicon(reports)
    text = "وقال إن بالهجوم والجيش العراقى في الانبار"
    words = split_words(text)
    mentions, triggers = found.tag(words)
    assert [(words.forms[m.first], m.type, m.joined) for m in mentions] == [
        ("والجيش", "ACTOR", 1), ("الانبار", "LOCATION", 0),
    ]  # fmt: skip
    assert [(words.forms[t.first], t.type) for t in triggers] == [("بالهجوم", "AIR_STRIKE")]


def test_the_crf_finds_by_itself_what_it_has_learnt(
    reports: list[Report], labels: Labels, tmp_path: Path
) -> None:
    mentions, triggers = crf.Crf(reports, labels, tmp_path).tag(split_words(reports[0].text))
    assert {m.type for m in mentions} <= set(labels.mentions)
    assert {t.type for t in triggers} <= set(labels.events)
    assert all(0 < found.score <= 1 for found in (*mentions, *triggers) if found.score is not None)
    assert crf.Crf(reports, labels, tmp_path).tag(split_words("")) == ([], [])


def test_a_kind_of_model_is_trained_and_tested_on_a_public_set(
    tmp_path: Path, corpus_folder: Path, cache: Path
) -> None:
    folder = tmp_path / "aqmar-iob2"
    folder.mkdir()
    rows = "زار O\nغيث B-PER\nبغداد B-LOC\nبكأس B-MIS\n\n"
    (folder / "ar.train.iob2").write_text(rows * 3, "utf-8")
    (folder / "ar.testb.iob2").write_text(rows, "utf-8")
    system = named_system("crf", corpus_folder, cache)
    facts = entities.run(Bench(system, data=tmp_path)).facts["aqmar"]
    assert (facts["trained_f1"], facts["trained_gold"]) == (1.0, 3)
    limited = entities.run(Bench(system, data=tmp_path, limit=1)).facts["aqmar"]
    assert limited["trained_f1"] is None


def test_the_status_baseline_gives_every_trigger_found_the_commonest(
    reports: list[Report],
) -> None:
    tasks = measures(reports, reports)["tasks"]
    common = sum(e.status == "occurred" for r in reports for e in r.events)
    assert tasks[MAJORITY]["f1"] == pytest.approx(common / tasks["status"]["gold"], abs=1e-4)
    assert tasks["status"]["f1"] == 1


@pytest.mark.slow
def test_the_smoke_suite_runs_every_suite_that_has_data(
    tiny_artifact: Path, tiny_base: Path, corpus_folder: Path, tmp_path: Path
) -> None:
    gsr_folder(tmp_path / "data")
    (tmp_path / "data" / "asnd").mkdir()
    for name in ("dev", "tst"):
        path = tmp_path / "data" / "asnd" / f"sm_news_ar_{name}.csv"
        path.write_text("ID,Content,Class,Platform\n1,قصف حيفا,sports,x\n", "utf-8")
    ran = bench_run(
        "run", "--suite", "smoke", "--model", tiny_artifact, "--corpus", corpus_folder,
        "--data", tmp_path / "data", "--encoder", tiny_base, "--out", tmp_path / "out",
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    found = json.loads((tmp_path / "out" / "tiny" / "smoke.json").read_text("utf-8"))
    took = found["facts"]["suites"]
    assert set(took) == set(suites.DEFAULT)
    assert {name for name, seconds in took.items() if isinstance(seconds, str)} == {"real", "ner"}
    assert found["slices"]["negatives/asnd/sports"]["reports"] == 2
    speed = found["facts"]["facts"]["speed"]
    assert [(p["system"], p["threads"]) for p in speed["processes"]] == [
        ("marsad", 1), ("transformers", 1), ("marsad", 2), ("transformers", 2),
    ]  # fmt: skip
    for process in speed["processes"]:
        assert 0 < process["latency_p50_ms"] <= process["latency_p95_ms"]
        assert process["cold_start_s"] > 0
        assert process["peak_mib"] >= process["peak_mib_single"] > 20
    assert all(row["words_per_second"] > 0 for row in speed["rows"])
    assert [row["size"] for row in found["facts"]["facts"]["cost"]["rows"]] == [1]
    learnt = found["facts"]["facts"]["training"]["rows"]
    assert [row["way"] for row in learnt] == ["marsad", "marsad, bf16", "run_ner"]
    assert learnt[0]["words"] == learnt[1]["words"] >= learnt[2]["words"] > 0  # the stock way cuts
    assert all(row["seconds"] > 0 for row in learnt)


@pytest.mark.slow
def test_the_cost_suite_reads_each_amount(
    tiny_artifact: Path, corpus_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "REPORTS", (1, 150))
    monkeypatch.setattr(cost, "CHARACTERS", (100, 3000))
    bench = Bench(open_system(tiny_artifact), corpus_folder)
    found = cost.run(bench).facts
    assert [(row["of"], row["size"]) for row in found["rows"]] == [
        ("reports", 1), ("reports", 150), ("characters", 100), ("characters", 3000),
    ]  # fmt: skip
    given = [len(split_words(report.text)) for report in bench.test_split()]
    assert [row["words"] for row in found["rows"][:2]] == [
        given[0], sum(given[n % len(given)] for n in range(150)),
    ]  # fmt: skip
    assert all(row["seconds"] > 0 and row["peak_mib"] > 20 for row in found["rows"])


def test_what_ten_million_reports_cost_follows_from_the_largest_run() -> None:
    measured = [
        {"of": "reports", "size": 10, "words": 700, "seconds": 9.0, "peak_mib": 200.0},
        {"of": "reports", "size": 1000, "words": 70_000, "seconds": 36.0, "peak_mib": 210.0},
        {"of": "characters", "size": 9000, "words": 1500, "seconds": 1.5, "peak_mib": 220.0},
    ]
    assert dict(cost.on_paper(measured)) == {1: 100.0, 10: 10.0, 100: 1.0}
    shown = list(cost.rows({"facts": {"rows": measured}}))
    assert shown[2] == {
        "amount": "9,000 characters", "words": "1,500", "seconds": "1.50", "words/s": "1000",
        "peak, MiB": "220",
    }  # fmt: skip
    assert shown[-1]["seconds"] == "3,600 (1.0 h)"
