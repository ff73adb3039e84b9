"""Files that cannot be read say so in one sentence."""

import os
from pathlib import Path

import pytest

from marsad.errors import MarsadError, at
from marsad.files import check_free, read_text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("قصف".encode(), "قصف"),
        (b"\xef\xbb\xbf" + "قصف".encode(), "قصف"),
        (b"a\r\nb\n", "a\r\nb\n"),
        ("a\rb\u2028\x0cc\n\n".encode(), "a\rb\u2028\x0cc\n\n"),
        (b"a\n\xef\xbb\xbfb", "a\n\ufeffb"),
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


def test_a_folder_to_write_holds_nothing_of_others(tmp_path: Path) -> None:
    full, file, link = tmp_path / "full", tmp_path / "full" / "file", tmp_path / "link"
    full.mkdir()
    check_free(full)
    check_free(tmp_path / "absent")
    file.write_text("mine", "utf-8")
    check_free(full, ours=True)
    link.symlink_to(tmp_path / "gone")
    for path, ours, told in (
        (full, False, "holds other files"),
        (file, True, "is no folder"),
        (link, True, "is no folder"),
    ):
        with pytest.raises(MarsadError, match=f"{told}; name one that is absent or empty"):
            check_free(path, ours)


def test_places() -> None:
    assert str(at("r.jsonl", 812, "broken.")) == "r.jsonl, line 812: broken."
    assert str(at(Path("r.jsonl"), None, "broken.")) == "r.jsonl: broken."
    assert isinstance(at("r", 1, "x"), ValueError)
