"""The artifact folder: complete, hashed, refused in one sentence when anything is wrong with it."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marsad import MarsadError, load
from marsad.artifact import FILES, SUMS, seal
from marsad.extractor import windows
from marsad.text import split_words

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
        seal(folder)

    return edit


def _write(name: str, content: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).write_bytes(content)
        seal(folder)

    return write


def test_tiny_artifact_loads_and_reads(tiny_artifact: Path) -> None:
    assert {p.name for p in tiny_artifact.iterdir()} == set(FILES)
    report = load(tiny_artifact).predict("هدد حزب الله بقصف حيفا")
    assert [e.type for e in report.events] == ["SHELLING"]


@pytest.mark.parametrize("times", [1, 100])  # one window; many, read side by side
def test_same_result_on_one_and_two_threads(tiny_artifact: Path, times: int) -> None:
    text = "هدد حزب الله بقصف حيفا. " * times
    one, two = (load(tiny_artifact, threads=n) for n in (1, 2))
    assert len(list(windows(one.reader, split_words(text)))) > times // 50
    assert one.predict(text) == two.predict(text) == next(two.predict_many([text]))


@pytest.mark.parametrize("name", FILES)
def test_each_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(MarsadError, match=f"{name} is missing"):
        load(copy)


@pytest.mark.parametrize("threads", [0, -1])
def test_no_thread_reads_nothing(threads: int) -> None:
    with pytest.raises(MarsadError, match=f"threads should be 1 or more, not {threads}"):
        load(threads=threads)


def test_absent_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MarsadError, match="nowhere: no such artifact folder"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("sabotage", "sentence"),
    [
        (_edit(marsad_artifact=99), "is of format 99, and this marsad reads 5"),
        (_edit(crf_weights={}), "config.json: is damaged: 'mentions'"),
        (_edit(normalisation=0), "was made for normalisation 0"),
        (_edit(labels={}), "is damaged: the label set lacks"),
        (_edit(roles={}), "is damaged: the role tables lack"),
        (_edit(settings={"speed": 1}), "is damaged"),
        (_edit(special_tokens={}), "is damaged"),
        (_write("config.json", b"{"), "config.json: is damaged"),
        (_write("config.json", b"\xff\xfe"), "config.json: is damaged"),
        (_write("config.json", b"[]"), "is of no marsad artifact"),
        (_write("config.json", b"[" * 200_000), "is damaged: broken JSON .its brackets"),
        (_write("tokenizer.json", b"{}"), "not a tokenizer"),
        (_write("model.onnx", b"onnx"), "not a network that onnxruntime can read"),
        (_write("crf.npz", b"PK"), r"^\S*crf\.npz: is damaged"),
    ],
)
def test_sabotage_is_refused_in_one_sentence(
    copy: Path, sabotage: Callable[[Path], Any], sentence: str
) -> None:
    sabotage(copy)
    with pytest.raises(MarsadError, match=sentence) as caught:
        load(copy)
    assert re.fullmatch(r".*[^.]\.", str(caught.value))


@pytest.mark.parametrize("name", FILES)
def test_damage_at_any_place_of_any_file_is_refused(copy: Path, name: str) -> None:
    path = copy / name
    whole = path.read_bytes()
    for percent in range(100):
        place = len(whole) * percent // 100
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(MarsadError, match=r"is damaged|is of |was made for") as caught:
            load(copy)
        assert "\n" not in str(caught.value)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MarsadError, match="is damaged"):
        load(copy)
    path.write_bytes(whole)
    load(copy)


def test_sums_are_those_of_the_standard_tool(copy: Path) -> None:
    checked = subprocess.run(["sha256sum", "--check", SUMS], cwd=copy, capture_output=True)
    assert checked.returncode == 0, checked.stdout


def test_shipped_artifact_is_complete_small_and_measured() -> None:
    assert {p.name for p in SHIPPED.iterdir()} == set(FILES)
    assert (SHIPPED / "model.onnx").stat().st_size <= 40 * 2**20
    metrics = json.loads((SHIPPED / "metrics.json").read_text("utf-8"))
    assert metrics["parity"]["fp32_tags_equal"] >= 0.995
    assert metrics["size"]["onnx_int8_bytes"] == (SHIPPED / "model.onnx").stat().st_size
    assert set(metrics["scores"]) >= {"corpus-test", "real-dev"}
