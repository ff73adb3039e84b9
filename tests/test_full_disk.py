"""A full disk: one sentence, exit code 2, and what stood there still stands."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from marsad import Report
from marsad.files import write_text
from marsad.formats import FORMATS, jsonl

ROOM = 512  # bytes of a file


def run(*arguments: str | Path, **how: object) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-c", "from marsad.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, stderr=subprocess.PIPE, **how)  # type: ignore[call-overload,no-any-return]


def cramped() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("brat", "spacy")])
def test_convert_leaves_what_stood_there(name: str, tmp_path: Path, reports: list[Report]) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out" / "target"
    source.write_text(jsonl.write(reports), "utf-8")
    arguments = ("convert", source, target, "--from", "jsonl", "--to", name)
    assert run(*arguments).returncode == 0
    before = files_in(tmp_path)
    done = run(*arguments, preexec_fn=cramped)
    assert done.returncode == 2, done.stderr
    assert b"cannot be written (File too large)" in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert files_in(tmp_path) == before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_help_that_cannot_be_written_is_told() -> None:
    with open("/dev/full", "wb") as full:
        done = run("predict", "--help", stdout=full)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1, done.stderr
    assert b"standard output: cannot be read or written" in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("form", ["jsonl", "pretty", "csv", "geojson", "html"])
def test_a_full_standard_output_is_told(form: str, tmp_path: Path, tiny_artifact: Path) -> None:
    text = tmp_path / "report.txt"
    text.write_text("هدد حزب الله بقصف حيفا", "utf-8")
    with open("/dev/full", "wb") as full:
        done = run("predict", text, "--model", tiny_artifact, "--format", form, stdout=full)
    assert (done.returncode, done.stderr) == (
        2, b"marsad: standard output: cannot be read or written (No space left on device).\n"
    )  # fmt: skip


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_device_is_written_to_and_stays_one(tmp_path: Path, reports: list[Report]) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(jsonl.write(reports), "utf-8")
    link = tmp_path / "full"
    link.symlink_to("/dev/full")
    done = run("convert", source, link, "--from", "jsonl", "--to", "conll")
    assert done.returncode == 2
    assert b"full: cannot be written (No space left on device)" in done.stderr
    assert link.is_char_device()


def test_a_link_stays_a_link_and_a_file_keeps_its_mode(tmp_path: Path) -> None:
    real, link, new = (tmp_path / name for name in ("real", "link", "new"))
    real.write_text("old", "utf-8")
    real.chmod(0o600)
    link.symlink_to(real)
    write_text(link, "new")
    assert (link.is_symlink(), real.read_text("utf-8")) == (True, "new")
    assert real.stat().st_mode & 0o777 == 0o600
    mask = os.umask(0o027)
    write_text(new, "new")
    os.umask(mask)
    assert new.stat().st_mode & 0o777 == 0o640


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "text")
    assert (os.read(reader, 9), pipe.is_fifo()) == (b"text", True)
    os.close(reader)
