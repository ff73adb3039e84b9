"""What is installed: only our two packages, with weights, types and templates."""

import subprocess
import sys
from importlib.metadata import files
from pathlib import Path, PurePosixPath

import pytest

import marsad

ROOT = Path(__file__).parents[1]
ARTIFACT = (
    "SHA256SUMS", "config.json", "crf.npz", "metrics.json", "model.onnx", "tokenizer.json"
)  # fmt: skip


def test_only_our_two_names_are_installed() -> None:
    installed = [p for p in files("marsad") or () if p.parts[0] not in ("..", "__pycache__")]
    tops = {p.parts[0] for p in installed if not p.parts[0].endswith((".dist-info", ".pth"))}
    assert tops <= {"marsad", "marsad_training"}


@pytest.mark.slow
def test_wheel_out_of_the_sdist_is_complete(tmp_path: Path) -> None:
    """`python -m build` makes the sdist from the tree and the wheel from the sdist."""
    import zipfile

    command = [sys.executable, "-m", "build", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = {PurePosixPath(name) for name in zipfile.ZipFile(wheel).namelist()}
    for package, folder in (("marsad", "model"), ("marsad_training", "training")):
        for path in (ROOT / folder / package).rglob("*.py"):
            assert PurePosixPath(path.relative_to(ROOT / folder)) in names
    assert {PurePosixPath("marsad/artifact") / name for name in ARTIFACT} <= names
    assert PurePosixPath("marsad/py.typed") in names
    assert PurePosixPath("marsad_training/model_card.md.jinja") in names


def test_the_shipped_artifact_is_found_where_the_package_lies() -> None:
    folder = Path(marsad.__file__).parent / "artifact"
    assert sorted(p.name for p in folder.iterdir()) == sorted(ARTIFACT)
