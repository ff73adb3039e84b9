"""Bad input to the training commands: one sentence, exit code 2, and what stood there stands."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="needs the train extra")

from marsad_training import cli

RUNNER = CliRunner()


def refused(*arguments: str | Path) -> str:
    """The one sentence by which `marsad-train` refuses the arguments."""
    done = RUNNER.invoke(cli.app, [str(argument) for argument in arguments])
    assert done.exit_code == 2, (done.output, done.exception)
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


COMMANDS = [
    ("export", "run", "TARGET"), ("export", "run", "TARGET", "--to", "hf"), ("dataset", "TARGET"),
    ("encoder", "TARGET"), ("average", "TARGET", "a", "b"),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("names", [["notes.txt"], ["config.json", "SHA256SUMS", "notes.txt"]])
def test_a_folder_of_other_files_is_left_alone(
    tmp_path: Path, command: tuple[str, ...], names: list[str]
) -> None:
    target = tmp_path / "v"
    target.mkdir()
    for name in names:
        (target / name).write_text("mine", "utf-8")
    before = files_in(tmp_path)
    assert f"{target}: holds other files" in refused(
        *(target if word == "TARGET" else word for word in command)
    )
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_is_no_folder(tmp_path: Path, command: tuple[str, ...]) -> None:
    target = tmp_path / "v"
    target.write_text("mine", "utf-8")
    words = [target if word == "TARGET" else word for word in command]
    assert f"{target}: is no folder" in refused(*words)
    assert files_in(tmp_path) == {target: b"mine"}


def test_a_run_does_not_write_over_a_model(tmp_path: Path, tiny_base: Path) -> None:
    from marsad_training.learn import begin

    before = files_in(tiny_base)
    with pytest.raises(ValueError, match="holds a network that is no run"):
        begin(tiny_base)
    assert files_in(tiny_base) == before
