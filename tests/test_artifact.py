"""The artifact folder: complete, hashed, refused in one sentence when anything is wrong with it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marsad import MarsadError, load
from marsad.artifact import FILES

SHIPPED = Path(__file__).parents[1] / "model" / "marsad" / "artifact"


@pytest.fixture
def copy(tiny_artifact: Path, tmp_path: Path) -> Path:
    target = tmp_path / "artifact"
    shutil.copytree(tiny_artifact, target)
    return target


def _edit(**changes: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "config.json"
        config = json.loads(path.read_text("utf-8")) | changes
        path.write_text(json.dumps(config), "utf-8")

    return edit


def test_tiny_artifact_loads_and_reads(tiny_artifact: Path) -> None:
    assert {p.name for p in tiny_artifact.iterdir()} == set(FILES)
    report = load(tiny_artifact).predict("هدد حزب الله بقصف حيفا")
    assert [e.type for e in report.events] == ["SHELLING"]


def test_same_result_on_one_and_two_threads(tiny_artifact: Path) -> None:
    text = "هدد حزب الله بقصف حيفا"
    assert load(tiny_artifact, threads=1).predict(text) == load(tiny_artifact, threads=2).predict(
        text
    )


@pytest.mark.parametrize("name", FILES)
def test_each_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(MarsadError, match=f"{name} is missing"):
        load(copy)


def test_absent_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MarsadError, match="nowhere: no such artifact folder"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("sabotage", "sentence"),
    [
        (_edit(marsad_artifact=99), "is no marsad artifact of format 3"),
        (_edit(crf={"sha256": "0"}), "is damaged: crf lacks 'weight'"),
        (_edit(normalisation=0), "was made for normalisation 0"),
        (_edit(labels={}), "is damaged: the label set lacks"),
        (_edit(roles={}), "is damaged: the role tables lack"),
        (_edit(settings={"speed": 1}), "is damaged"),
        (_edit(special_tokens={}), "is damaged"),
        (_edit(sha256="0"), "its sha256 is not the one"),
        (lambda f: (f / "config.json").write_text("{", "utf-8"), "config.json: is damaged"),
        (lambda f: (f / "config.json").write_bytes(b"\xff\xfe"), "config.json: is damaged"),
        (lambda f: (f / "config.json").write_text("[]", "utf-8"), "is no marsad artifact"),
        (lambda f: (f / "tokenizer.json").write_text("{}", "utf-8"), "not a tokenizer"),
        (lambda f: (f / "model.onnx").write_bytes(b"onnx"), "its sha256 is not the one"),
        (lambda f: (f / "crf.npz").write_bytes(b"PK"), "its sha256 is not the one"),
    ],
)
def test_sabotage_is_refused_in_one_sentence(
    copy: Path, sabotage: Callable[[Path], Any], sentence: str
) -> None:
    sabotage(copy)
    with pytest.raises(MarsadError, match=sentence) as caught:
        load(copy)
    assert "\n" not in str(caught.value)


def test_hashed_file_that_is_no_network_is_refused(copy: Path) -> None:
    from marsad.artifact import sha256

    (copy / "model.onnx").write_bytes(b"no network")
    _edit(sha256=sha256(copy / "model.onnx"))(copy)
    with pytest.raises(MarsadError, match="not a network that onnxruntime can read"):
        load(copy)


def test_shipped_artifact_is_complete_small_and_measured() -> None:
    assert {p.name for p in SHIPPED.iterdir()} == set(FILES)
    assert (SHIPPED / "model.onnx").stat().st_size <= 40 * 2**20
    metrics = json.loads((SHIPPED / "metrics.json").read_text("utf-8"))
    assert metrics["parity"]["fp32_tags_equal"] >= 0.995
    assert metrics["size"]["onnx_int8_bytes"] == (SHIPPED / "model.onnx").stat().st_size
    assert set(metrics["scores"]) >= {"corpus-test", "real-dev"}
