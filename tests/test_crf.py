"""The CRF beside the network: its marginals, how it is learnt, kept and mixed in."""

from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marsad
from marsad.crf import HEADS, Chain, Crf, _marginals, mixed
from marsad.decode import WordScores
from marsad.errors import MarsadError
from marsad.schema import Labels, Report
from marsad.text import split_words
from marsad.word_features import features, fold, stem

TEXT = "أعلن الجيش العراقي قصف حلب في 2022-01-04"


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 4))
def test_marginals_are_those_of_all_paths(seed: int, count: int, tags: int) -> None:
    draw = np.random.default_rng(seed)
    scores, transitions = draw.normal(0, 2, (count, tags)), draw.normal(0, 2, (tags, tags))
    wanted = np.zeros((count, tags))
    for path in product(range(tags), repeat=count):
        total = sum(scores[n, tag] for n, tag in enumerate(path))
        total += sum(transitions[a, b] for a, b in pairwise(path))
        wanted[np.arange(count), path] += np.exp(total)
    wanted /= wanted.sum(1, keepdims=True)
    assert np.allclose(_marginals(scores, transitions), wanted, atol=1e-5)


def test_large_scores_neither_overflow_nor_vanish() -> None:
    scores = np.tile([[900.0, -900.0]], (400, 1))
    found = _marginals(scores, np.array([[50.0, -50.0], [-50.0, 50.0]]))
    assert np.allclose(found, [[1, 0]] * 400)


def test_a_chain_sums_the_weights_of_what_is_seen() -> None:
    chain = Chain(
        {"a": 0, "b": 1}, np.array([0, 2, 3]), np.array([0, 1, 1], np.uint8),
        np.array([1.0, 2.0, 0.5], np.float16), np.zeros((2, 2), np.float32),
    )  # fmt: skip
    found = chain.marginals([["a", "b", "never"], ["b"], []])
    odds = np.log(found[:, 1] / found[:, 0])
    assert np.allclose(odds, [1.5, 0.5, 0.0], atol=1e-5)


def test_what_a_word_looks_like() -> None:
    rows = features(split_words(TEXT))
    assert "fold=0" in rows[-1]
    assert "name=B state military" not in rows[0]
    assert any(feature.startswith("name=B ") for feature in rows[4])  # حلب is in the gazetteer
    assert "-1 edge" in rows[0]
    assert features(split_words("")) == []
    assert stem("والقصف") == stem("قصفت") == "قصف"
    assert fold("١٢") == "0"


@pytest.fixture(scope="module")
def learnt(reports: list[Report], labels: Labels, tmp_path_factory: pytest.TempPathFactory) -> Crf:
    crf = pytest.importorskip("marsad_training.crf", reason="needs the train extra")
    found: Crf = crf.learn(reports, labels, tmp_path_factory.mktemp("crf"))
    return found


def test_it_says_what_crfsuite_says(reports: list[Report], labels: Labels, tmp_path: Path) -> None:
    crf = pytest.importorskip("marsad_training.crf", reason="needs the train extra")
    import pycrfsuite

    from marsad_training.tags import tag_names

    found = crf.learn(reports, labels, tmp_path)
    (model, _) = crf.trained(reports, tmp_path)
    tagger = pycrfsuite.Tagger()
    tagger.open(str(model))
    rows = features(split_words(reports[0].text))
    tagger.set(rows)
    known = set(tagger.labels())
    names = tag_names(labels.mentions)
    wanted = [[tagger.marginal(t, n) if t in known else 0 for t in names] for n in range(len(rows))]
    got = found.chains["mentions"].marginals(rows)
    seen = [t in known for t in names]
    share = got[:, seen] / got[:, seen].sum(1, keepdims=True)
    # small weights are left out, and tags that were never seen take their part
    assert np.abs(share - np.array(wanted)[:, seen]).max() < 0.1


def test_models_are_learnt_once(
    reports: list[Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crf = pytest.importorskip("marsad_training.crf", reason="needs the train extra")
    first = crf.trained(reports, tmp_path)
    monkeypatch.setattr(crf, "_train", lambda *_: pytest.fail("it should be read from the folder"))
    assert crf.trained(reports, tmp_path) == first
    assert {p.suffix for p in tmp_path.rglob("*") if p.is_file()} == {".crfsuite"}


def test_it_is_kept_and_read_back(learnt: Crf, tmp_path: Path) -> None:
    path = tmp_path / "crf.npz"
    path.write_bytes(learnt.to_bytes())
    again = Crf.read(path, dict.fromkeys(HEADS, 0.5))
    words = split_words(TEXT)
    for name, found in learnt.marginals(words).items():
        assert np.array_equal(found, again.marginals(words)[name])
    path.write_bytes(learnt.to_bytes()[:-100])
    with pytest.raises(MarsadError, match=r"crf\.npz: is damaged"):
        Crf.read(path, {})


def test_marginals_are_added_to_the_tags_alone(learnt: Crf, labels: Labels) -> None:
    words = split_words(TEXT)
    sizes = (1 + 2 * len(labels.mentions), 1 + 2 * len(labels.events), 4, 3, 8, 8)
    scores = WordScores(*(np.ones((len(words), size), np.float32) for size in sizes))
    assert replace(learnt, weight=dict.fromkeys(HEADS, 0.0)).added(words, scores) is scores
    added = replace(learnt, weight={"mentions": 0.5, "triggers": 0.0}).added(words, scores)
    marginals = learnt.marginals(words)["mentions"]
    assert np.array_equal(added.mention_tags, mixed(scores.mention_tags, marginals, 0.5))
    assert np.array_equal(added.trigger_tags, scores.trigger_tags)
    assert added.statuses is scores.statuses


def test_the_shipped_model_reads_otherwise_without_it() -> None:
    extractor = marsad.load(threads=1)
    assert extractor.crf is not None
    alone = marsad.Extractor(extractor.reader, extractor.decoder, extractor.network)
    assert alone.predict(TEXT).mentions != extractor.predict(TEXT).mentions


def test_a_missing_or_damaged_crf_is_told(tiny_artifact: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "artifact"
    shutil.copytree(tiny_artifact, folder)
    (folder / "crf.npz").write_bytes(b"no")
    with pytest.raises(MarsadError, match="its sha256 is not the one"):
        marsad.load(folder)
    (folder / "crf.npz").unlink()
    with pytest.raises(MarsadError, match=r"crf\.npz is missing"):
        marsad.load(folder)


def test_weights_are_those_that_help_on_dev(
    learnt: Crf, tiny_artifact: Path, reports: list[Report]
) -> None:
    crf = pytest.importorskip("marsad_training.crf", reason="needs the train extra")
    extractor = marsad.load(tiny_artifact, threads=1)
    extractor.crf = None
    found = crf.weigh([learnt], extractor, reports)
    assert set(found.weight) == set(HEADS)
    # a network that knows the reports by heart needs no help
    assert found.weight["mentions"] == 0.0


def test_a_chain_grows_for_labels_that_it_does_not_know(learnt: Crf, labels: Labels) -> None:
    crf = pytest.importorskip("marsad_training.crf", reason="needs the train extra")
    from marsad_training.tags import tag_names

    old = tag_names(labels.mentions)
    new = ["O", "B-NEW", "I-NEW", *reversed(old[1:])]
    chain = learnt.chains["mentions"]
    rows = features(split_words(TEXT))
    before, after = chain.marginals(rows), crf.grown(chain, old, new).marginals(rows)
    assert np.allclose(after[:, 1], after[:, 0])  # as likely as the outside tag
    assert after.shape == (len(rows), len(new))
    known = [new.index(name) for name in old[1:]]
    odds = after[:, known].argmax(1) == before[:, 1:].argmax(1)
    assert odds.mean() > 0.9
    same = crf.grown(chain, old, old).marginals(rows)
    assert np.allclose(same, before, atol=1e-6)


def test_an_artifact_hands_its_chains_on(tiny_artifact: Path, labels: Labels) -> None:
    crf = pytest.importorskip("marsad_training.crf", reason="needs the train extra")
    found = crf.inherited(tiny_artifact, labels)
    rows = features(split_words(TEXT))
    kept = marsad.load(tiny_artifact).crf
    assert kept is not None
    for name, chain in kept.chains.items():
        assert np.allclose(found.chains[name].marginals(rows), chain.marginals(rows), atol=1e-6)
    assert crf.inherited(tiny_artifact.parent, labels) is None
