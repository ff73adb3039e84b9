"""Texts worth annotating come first, copies late, and the simulation says whether it pays."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from marsad import Extractor, MarsadError, load
from marsad.cli import app
from marsad.corpus.selection import entropy, select, spread
from marsad.documents import Document
from marsad.schema import Argument, Event, Mention, Report

RUNNER = CliRunner()
TEXTS = [
    "هدد حزب الله بقصف حيفا",
    "أسقط الجيش العراقي طائرة مسيرة",
    "نفى قاسم سليماني اغتيال المتظاهرين أمس",
    "أدى الهجوم إلى مقتل ثلاثة جنود في الأنبار",
]


def documents(*texts: str) -> list[Document]:
    return [(text, None, str(i)) for i, text in enumerate(texts)]


@pytest.fixture(scope="module")
def extractor(tiny_artifact: Path) -> Extractor:
    return load(tiny_artifact)


def test_the_same_texts_give_the_same_choice(extractor: Extractor) -> None:
    given = documents(*TEXTS)
    assert select(extractor, given, 3) == select(extractor, given, 3)


@pytest.mark.parametrize("n", [1, 3, 4, 99])
def test_n_texts_are_chosen_or_all(extractor: Extractor, n: int) -> None:
    chosen = select(extractor, documents(*TEXTS), n)
    assert [choice.rank for choice in chosen] == list(range(1, min(n, len(TEXTS)) + 1))
    assert len({choice.id for choice in chosen}) == len(chosen)
    assert chosen[0].distance is None
    assert all(0 <= (choice.distance or 0) <= 2 for choice in chosen)


def test_copies_of_a_text_come_late(extractor: Extractor) -> None:
    copied = [text for text in TEXTS for _ in range(3)]
    chosen = select(extractor, documents(*copied), len(copied))
    assert {copied[int(choice.id)] for choice in chosen[: len(TEXTS)]} == set(TEXTS)


def test_texts_without_a_word_come_last(extractor: Extractor) -> None:
    chosen = select(extractor, documents("", TEXTS[0], "\u200f \n", TEXTS[1]), 4)
    assert [choice.id for choice in chosen[2:]] == ["0", "2"]
    assert chosen[2].uncertainty == 0
    assert [choice.id for choice in select(extractor, documents("", " "), 2)] == ["0", "1"]


def test_each_text_is_read_once(extractor: Extractor, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    score_words = extractor.score_words

    def counted(texts: Any) -> Any:
        read.extend(" ".join(words.forms) for words in texts)
        return score_words(texts)

    monkeypatch.setattr(extractor, "score_words", counted)
    select(extractor, documents(*TEXTS * 20), 5)
    assert len(read) == len(TEXTS) * 20


@pytest.mark.parametrize(
    ("given", "n", "message"),
    [
        ([], 1, "no text to choose from"),
        (documents(*TEXTS), 0, "should be 1 or more, not 0"),
        ([(TEXTS[0], None, "a"), (TEXTS[1], None, "a")], 1, "'a' is used twice"),
        ([(TEXTS[0], "yesterday", "a")], 1, "'a': the date 'yesterday' is not a day"),
        ([(7, None, "a")], 1, "'a'.* is int, not a string"),
    ],
)
def test_odd_input_is_told(extractor: Extractor, given: Any, n: int, message: str) -> None:
    with pytest.raises(MarsadError, match=message):
        select(extractor, given, n)


def test_entropy_counts_mentions_triggers_and_arguments() -> None:
    unsure = Argument("r", "m1", 0.5)
    report = Report(
        "a", "x y", None, (Mention("m1", "M", 0, 1, 0.5),),
        (Event("e1", "E", "s", 2, 3, (unsure, unsure), 0.5),),
    )  # fmt: skip
    assert entropy(report) == pytest.approx(4)
    sure = Report("a", "x y", None, (Mention("m1", "M", 0, 1, 1.0),))
    assert entropy(sure) == pytest.approx(0, abs=1e-6)
    assert entropy(Report("a", "x")) == 0


ROWS = st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=1, max_size=12)


@given(ROWS, st.integers(1, 15), st.randoms(use_true_random=False))
def test_spread_takes_each_row_once(rows: list[list[int]], n: int, rng: Any) -> None:
    uncertainty = np.array([rng.random() for _ in rows])
    found = spread(uncertainty, np.array(rows, float), n)
    picked = [i for i, _ in found]
    assert len(picked) == len(set(picked)) == min(n, len(rows))
    assert all(distance is None or 0 <= distance <= 2 for _, distance in found)


def test_of_equally_unsure_texts_the_farthest_come_first() -> None:
    corners = np.array([[1, 0], [1, 0.1], [-1, 0], [-1, 0.1], [0, 1], [0, -1]], float)
    picked = {i for i, _ in spread(np.ones(6), corners, 4)}
    assert len(picked & {0, 1}) == len(picked & {2, 3}) == 1


def test_the_command_prints_what_pre_annotate_takes(tiny_artifact: Path, tmp_path: Path) -> None:
    source, chosen, target = (tmp_path / name for name in ("in.jsonl", "chosen.jsonl", "out.jsonl"))
    records = [{"id": f"x{i}", "text": text} for i, text in enumerate(TEXTS)]
    records[0]["text"] += " \ud800"  # half a surrogate pair, as broken exports hold it
    source.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    model = ["--model", str(tiny_artifact)]
    options = ["--n", "4", "--date", "2022-01-04", *model]
    result = RUNNER.invoke(app, ["select", str(source), *options])
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert {line["id"]: line["text"] for line in lines} == {r["id"]: r["text"] for r in records}
    assert all(list(line) == ["id", "date", "text", "uncertainty"] for line in lines)
    chosen.write_text(result.stdout, "utf-8")
    result = RUNNER.invoke(app, ["pre-annotate", str(chosen), str(target), "--to", "jsonl", *model])
    assert result.exit_code == 0, result.output
    assert f"kept: {len(lines)} reports" in result.stderr
    read = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert [(r["id"], r["date"]) for r in read] == [(line["id"], "2022-01-04") for line in lines]


def test_the_command_tells_what_is_wrong(tiny_artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXTS[0], "utf-8")
    for options, message in ((["--n", "0"], "1 or more"), (["--date", "soon"], "is not a day")):
        arguments = ["select", str(tmp_path), *options, "--model", str(tiny_artifact)]
        result = RUNNER.invoke(app, arguments)
        assert result.exit_code == 2
        assert message in result.stderr


# The simulation


@pytest.fixture
def config(tmp_path: Path, tiny_base: Path, corpus_folder: Path) -> Path:
    """Two rounds on the tiny corpus."""
    path = tmp_path / "tiny.toml"
    settings = {
        "base": str(tiny_base), "corpus": str(corpus_folder), "rounds": [4, 8], "seeds": 2,
        "epochs": 1, "steps": 40, "batch": 4, "learning_rate": 5e-3, "head_factor": 2.0,
        "dropout": 0.0, "limit": 40, "role_width": 8,
    }  # fmt: skip
    path.write_text("".join(f"{k} = {json.dumps(v)}\n" for k, v in settings.items()), "utf-8")
    return path


def _run(config: Path, target: Path) -> Any:
    training_cli = pytest.importorskip("marsad_training.cli", reason="needs the train extra")
    return RUNNER.invoke(training_cli.app, ["simulate", str(config), str(target)])


def test_the_simulation_runs_and_repeats(config: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the corpus extra")
    results = [_run(config, tmp_path / name) for name in ("a", "b")]
    assert results[0].exit_code == 0, results[0].output
    files = [
        [(tmp_path / name / f"simulation.{kind}").read_bytes() for kind in ("json", "svg")]
        for name in ("a", "b")
    ]
    assert files[0] == files[1]
    found = json.loads(files[0][0])
    assert found["needed"]["random"]["reports"] <= 8
    for curve in found["curves"].values():
        assert curve["reports"]["mean"] == [4, 8]
        assert curve["f1"]["mean"][-1] > 0.5  # it learns
    first = {(p["seed"], p["mentions"]) for p in found["points"] if p["reports"] == 4}
    assert len(first) <= 2  # both strategies start from the same reports


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rounds = [4, 8]", "rounds = [4, 80]", "pool holds 16 reports; the last round wants 80"),
        ("rounds = [4, 8]", "rounds = [8, 4]", "rising numbers"),
        ("seeds = 2", "seeds = 0", "seeds should be 1 or more"),
        ("seeds = 2", 'strategies = ["magic"]', "no strategy 'magic'"),
        ("seeds = 2", 'strategies = ["longest"]', "should hold 'random'"),
        ("dropout = 0.0", "dropout = 0.0\nword_dropout = 0.1", "word_dropout should be 0"),
    ],
)
def test_a_simulation_that_cannot_be_is_told(
    config: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    config.write_text(config.read_text("utf-8").replace(old, new, 1), "utf-8")
    result = _run(config, tmp_path / "out")
    assert result.exit_code == 2
    assert message in result.stderr.replace("\n", " ")


def test_a_curve_is_read_between_its_rounds() -> None:
    simulate = pytest.importorskip("marsad_training.simulate", reason="needs the train extra")
    assert simulate.reach([20, 40, 80], [0.2, 0.4, 0.6], 0.5) == 60
    assert simulate.reach([20, 40, 80], [0.2, 0.4, 0.6], 0.1) == 20
    assert simulate.reach([20, 40, 80], [0.2, 0.4, 0.6], 0.7) is None


def test_hidden_states_are_computed_once_and_kept_as_they_are(tiny_base: Path) -> None:
    simulate = pytest.importorskip("marsad_training.simulate", reason="needs the train extra")
    import torch

    encoder = simulate.load_base(tiny_base)
    ids = torch.tensor([[0, 5, 6, 2, 1], [0, 7, 8, 9, 2]])
    mask = (ids != 1).long()
    with torch.no_grad():
        expected = encoder.eval()(ids, mask, output_hidden_states=True).hidden_states
    remembered = simulate.Remembered(encoder)
    first = remembered(ids, mask).hidden_states
    assert len(first) == len(expected)
    for got, wanted in zip(first, expected, strict=True):
        kept = mask.bool()
        assert torch.allclose(got[kept], wanted[kept], atol=2e-3)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.zero_()
    again = remembered(ids, mask).hidden_states
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not list(remembered.parameters())
