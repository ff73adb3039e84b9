"""The CRF beside the network: its marginals, how it is learnt, kept and mixed in."""

from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marsad
from marsad.crf import LAYERS, Chain, Crf, _marginals, log_ratios, mixed
from marsad.decode import WordScores
from marsad.errors import MarsadError
from marsad.event_features import Marked, role_features, status_features, type_features
from marsad.schema import Labels, Report
from marsad.spans import log_odds
from marsad.text import Words, split_words
from marsad.word_features import features, fold, report_features, stem

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
        b"a\nb", np.array([0, 2, 3]), np.array([0, 1, 1], np.uint8),
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
    tagger = pycrfsuite.Tagger()
    tagger.open(str(crf.trained(reports, tmp_path)["mentions"]))
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
    again = Crf.read(path, dict.fromkeys(LAYERS, 0.5))
    for layer, rows in _rows(split_words(TEXT)).items():
        found = learnt.chains[layer].marginals(rows)
        assert np.allclose(found.sum(1), 1, atol=1e-5)
        assert np.array_equal(found, again.chains[layer].marginals(rows))
    path.write_bytes(learnt.to_bytes()[:-100])
    with pytest.raises(MarsadError, match=r"crf\.npz: is damaged"):
        Crf.read(path, {})


def _rows(words: Words) -> dict[str, list[list[str]]]:
    """Features of every layer, for TEXT."""
    triggers, mentions = [Marked(3, 4, "SHELLING")], [Marked(1, 3, "ACTOR"), Marked(4, 5, "DATE")]
    tags = features(words)
    return {
        "mentions": tags, "triggers": tags, "statuses": status_features(words, triggers),
        "roles": role_features(words, triggers, mentions, [(0, 0), (0, 1)]),
        "reports": [report_features(words)],
        "types": type_features(words, triggers, mentions),
    }  # fmt: skip


def test_marginals_are_added_to_the_tags_that_they_have_weight_for(tiny_artifact: Path) -> None:
    words = split_words(TEXT)
    decoder = marsad.load(tiny_artifact, threads=1).decoder
    labels, learnt = decoder.labels, decoder.crf
    assert learnt
    sizes = (1 + 2 * len(labels.mentions), 1 + 2 * len(labels.events), 4, 3, 8, 8)
    scores = WordScores(*(np.ones((len(words), size), np.float32) for size in sizes))
    crf = replace(learnt, weight=dict.fromkeys(LAYERS, 0.0))
    assert replace(decoder, crf=crf).with_crf(words, scores) is scores
    assert replace(decoder, crf=None).with_crf(words, scores) is scores
    crf = replace(crf, weight={**crf.weight, "mentions": 0.5})
    added = replace(decoder, crf=crf).with_crf(words, scores)
    marginals = crf.chains["mentions"].marginals(features(words))
    assert np.array_equal(added.mention_tags, mixed(scores.mention_tags, marginals, 0.5))
    assert np.array_equal(added.trigger_tags, scores.trigger_tags)
    assert added.statuses is scores.statuses


@pytest.mark.parametrize("layer", ["statuses", "roles"])
def test_a_heavy_crf_decides_statuses_and_roles(
    layer: str, tiny_artifact: Path, reports: list[Report]
) -> None:
    """Its weights set to one answer that the network never gives."""
    extractor = marsad.load(tiny_artifact, threads=1)
    decoder = extractor.decoder
    assert decoder.crf
    report = next(r for r in reports if any(e.arguments for e in r.events))
    before = extractor.predict(report.text)
    assert any(event.arguments for event in before.events)
    sizes = {"statuses": len(decoder.labels.statuses), "roles": 1 + len(decoder.labels.roles)}
    names = {
        feature for event in decoder.labels.events for feature in (f"type={event}", f"e={event}")
    }
    wanted = {"statuses": 3, "roles": 0}[layer]  # denied; no role
    chain = Chain(
        "\n".join(names).encode(), np.arange(len(names) + 1),
        np.full(len(names), wanted, np.uint8), np.full(len(names), 20, np.float16),
        np.zeros((sizes[layer],) * 2, np.float32),
    )  # fmt: skip
    crf = Crf({**decoder.crf.chains, layer: chain}, {**decoder.crf.weight, layer: 100.0})
    extractor.decoder = replace(decoder, crf=crf)
    after = extractor.predict(report.text)
    if layer == "statuses":
        assert {event.status for event in after.events} == {"denied"}
    else:
        assert not any(event.arguments for event in after.events)
    assert [event.start for event in after.events] == [event.start for event in before.events]


def test_a_crf_of_types_decides_the_types_of_the_triggers_alone(
    tiny_artifact: Path, reports: list[Report]
) -> None:
    """Its weights set to one type, whatever the trigger."""
    extractor = marsad.load(tiny_artifact, threads=1)
    decoder = extractor.decoder
    assert decoder.crf
    before = extractor.predict(reports[0].text)
    types = decoder.labels.events
    chain = Chain(
        b"bias", np.arange(2), np.array([3], np.uint8), np.array([20], np.float16),
        np.zeros((len(types),) * 2, np.float32),
    )  # fmt: skip
    crf = Crf({**decoder.crf.chains, "types": chain}, {**decoder.crf.weight, "types": 100.0})
    extractor.decoder = replace(decoder, crf=crf)
    after = extractor.predict(reports[0].text)
    assert {event.type for event in before.events} != {types[3]}
    assert {event.type for event in after.events} == {types[3]}
    assert [(e.start, e.end, e.score) for e in after.events] == [
        (e.start, e.end, e.score) for e in before.events
    ]


def test_an_artifact_made_before_there_was_a_crf_of_types_is_read(
    tiny_artifact: Path, tmp_path: Path
) -> None:
    crf = marsad.load(tiny_artifact, threads=1).decoder.crf
    assert crf
    path = tmp_path / "crf.npz"
    earlier = {layer: chain for layer, chain in crf.chains.items() if layer != "types"}
    path.write_bytes(Crf(earlier, crf.weight).to_bytes())
    read = Crf.read(path, {**crf.weight, "types": 0.0})
    assert read.chains.keys() == earlier.keys()
    with pytest.raises(MarsadError, match="is damaged"):
        Crf.read(path, {**crf.weight, "types": 0.5})


def test_a_report_that_seems_quiet_tells_no_event(
    tiny_artifact: Path, reports: list[Report]
) -> None:
    extractor = marsad.load(tiny_artifact, threads=1)
    decoder = extractor.decoder
    report = next(r for r in reports if r.events)
    words = split_words(report.text)
    (scores,) = extractor.score_words([words])
    triggers = decoder.triggers(decoder.mentions(words, scores), words, scores)
    found = log_odds(max(span.score for span in triggers))
    for least, read in ((found - 0.01, True), (found + 0.01, False)):
        extractor.decoder = replace(decoder, settings=replace(decoder.settings, least=least))
        after = extractor.predict(report.text)
        assert bool(after.events) == read
        assert after.mentions  # which stay


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_log_ratios_are_finite_and_rise(chances: list[float]) -> None:
    ratios = log_ratios(np.sort(np.array(chances, np.float32))[None])[0]
    assert np.isfinite(ratios).all()
    assert (np.diff(ratios) >= 0).all()


def test_a_status_is_read_from_its_own_sentence() -> None:
    words = split_words("نفى الجيش القصف. حاول مسلحون اقتحام المبنى وقتل اثنان")
    first, second = Marked(2, 3, "SHELLING"), Marked(6, 7, "ARMED_ATTACK")
    rows = status_features(words, [first, second, Marked(8, 9, "DEATH")])
    near = {feature for feature in rows[1] if feature.startswith("near=")}
    assert near == {f"near={stem(form)}" for form in ("حاول", "مسلحون", "المبنى", "وقتل", "اثنان")}
    assert "event >=DEATH" in rows[1]
    assert not any(feature.startswith("event") for feature in rows[0])
    assert status_features(words, []) == []


def test_a_type_is_read_from_mentions_and_from_the_other_triggers() -> None:
    words = split_words("قصفت طائرة مسيرة موقعا. وقصفت المدفعية بلدة " + "ثم " * 30 + "انفجر لغم")
    triggers = [Marked(0, 1, "AIR_STRIKE"), Marked(5, 6, "SHELLING"), Marked(38, 39, "BOMBING")]
    mentions = [Marked(1, 3, "WEAPON"), Marked(6, 7, "WEAPON"), Marked(39, 40, "WEAPON")]
    drone = stem("مسيرة")
    first, second, last = map(set, type_features(words, triggers, mentions))
    assert {"WEAPON >", f"touching WEAPON > {drone}", "same=SHELLING", "close >=SHELLING"} <= first
    assert {"WEAPON <", f"WEAPON < {drone}", "other=BOMBING", "close <=AIR_STRIKE"} <= second
    assert {f"told=WEAPON {drone}", "other=AIR_STRIKE"} <= last
    assert not any(feature.startswith(("WEAPON <", "close", "same")) for feature in last)
    assert not any("type=A" in feature for feature in first)  # its own type is what is asked
    assert type_features(words, [], mentions) == []


def test_a_pair_is_read_with_what_lies_between() -> None:
    words = split_words("قصف الجيش في حلب مواقع المسلحين يوم الاثنين")
    trigger = Marked(0, 1, "SHELLING")
    mentions = [Marked(1, 2, "ACTOR"), Marked(3, 4, "LOCATION"), Marked(5, 6, "ACTOR")]
    army, city, rebels = role_features(words, [trigger], mentions, [(0, 0), (0, 1), (0, 2)])
    assert "far=SHELLING ACTOR >0" in army
    assert "words=LOCATION > الجيش في".replace("الجيش", fold("الجيش")) in city
    assert "rivals=ACTOR >1" in rebels
    assert "before=LOCATION > في" in city
    (inside,) = role_features(words, [Marked(1, 2, "DEATH")], [Marked(1, 3, "ACTOR")], [(0, 0)])
    assert "far=ACTOR >over" in inside


def test_the_shipped_model_reads_otherwise_without_it() -> None:
    extractor = marsad.load(threads=1)
    before = extractor.predict(TEXT).mentions
    assert extractor.decoder.crf is not None
    extractor.decoder = replace(extractor.decoder, crf=None)
    assert extractor.predict(TEXT).mentions != before


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
    from marsad_training.tune import Dev

    extractor = marsad.load(tiny_artifact, threads=1)
    extractor.decoder = replace(extractor.decoder, crf=None)
    dev = Dev(reports)
    found = crf.weigh([learnt], extractor.decoder, dev, extractor.score_words(dev.words))
    assert set(found.weight) == set(LAYERS)
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
    kept = marsad.load(tiny_artifact).decoder.crf
    assert kept is not None
    for layer, rows in _rows(split_words(TEXT)).items():
        before, after = (x.chains[layer].marginals(rows) for x in (kept, found))
        assert np.allclose(before, after, atol=1e-6)
    assert crf.inherited(tiny_artifact.parent, labels) is None


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 3)), min_size=1, max_size=6),
    st.integers(0, 20),
)
def test_closer_triggers_are_counted_as_by_hand(drawn: list[tuple[int, int]], at: int) -> None:
    words = split_words(" ".join(["كلمة"] * 30))
    triggers = [Marked(a, a + size, "X") for a, size in sorted(drawn)]
    mention = Marked(at, at + 2, "Y")
    gaps = [max(at - t.last, t.first - mention.last, -1) for t in triggers]
    (row,) = role_features(words, triggers, [mention], [(0, 0)])
    closer = sum(gap < gaps[0] for gap in gaps)
    assert f"closer=Y {min(closer, 3)}" in row
