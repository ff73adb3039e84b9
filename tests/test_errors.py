"""Files that cannot be read say so in one sentence."""

import os
from pathlib import Path

import pytest

from marsad.errors import MarsadError, at
from marsad.files import read_text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("قصف".encode(), "قصف"),
        (b"\xef\xbb\xbf" + "قصف".encode(), "قصف"),
        (b"a\r\nb\n", "a\r\nb\n"),
        (b" a ", " a "),
        (b"\x1b[1m a", "\x1b[1m a"),  # a few control characters are no other encoding
    ],
)
def test_text_is_read_as_it_stands(tmp_path: Path, raw: bytes, text: str) -> None:
    path = tmp_path / "r.txt"
    path.write_bytes(raw)
    assert read_text(path) == read_text(str(path)) == text


@pytest.mark.parametrize("raw", [b"", b" \n\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_an_empty_file(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "r.txt"
    path.write_bytes(raw)
    with pytest.raises(MarsadError) as caught:
        read_text(path)
    assert str(caught.value) == f"{path}: the file is empty; it should hold a report."


@pytest.mark.parametrize(
    ("raw", "line", "byte"),
    [
        (b"\xff", 1, 0),
        (b"ab\n\xe9", 2, 3),
        (b"a\n" * 9 + b"\xd9", 10, 18),
        ("قصف\nجوي".encode("cp1256"), 1, 0),
        (b"\xef\xbb\xbfa\n\xff", 2, 5),
        (b"\xef\xbb\xbfa\xff", 1, 4),
    ],
)
def test_unreadable_bytes(tmp_path: Path, raw: bytes, line: int, byte: int) -> None:
    path = tmp_path / "r.txt"
    path.write_bytes(raw)
    with pytest.raises(MarsadError) as caught:
        read_text(path)
    expected = (
        f"{path}, line {line}: byte {byte} is not UTF-8; save the file in UTF-8 and try again."
    )
    assert str(caught.value) == expected


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(
        MarsadError, match=r"none\.txt: cannot be read \(No such file or directory\)"
    ):
        read_text(tmp_path / "none.txt")


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(MarsadError, match="cannot be read"):
        read_text(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_forbidden_file(tmp_path: Path) -> None:
    path = tmp_path / "r.txt"
    path.write_text("قصف", "utf-8")
    path.chmod(0)
    with pytest.raises(MarsadError, match="cannot be read"):
        read_text(path)


def test_places() -> None:
    assert str(at("r.jsonl", 812, "broken.")) == "r.jsonl, line 812: broken."
    assert str(at(Path("r.jsonl"), None, "broken.")) == "r.jsonl: broken."
    assert isinstance(at("r", 1, "x"), ValueError)
