"""Reading and writing files: what cannot be read is told, what is half written never seen."""

import json
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from marsad.errors import DASH, MarsadError, at

# how files begin that are no text, and what would be right
_NO_TEXT = {
    b"\x1f\x8b": "is compressed with gzip; unpack it first.",
    b"\xff\xfe": "is UTF-16; save it in UTF-8.",
    b"\xfe\xff": "is UTF-16; save it in UTF-8.",
    b"PK\x03\x04": "is a zip archive, as office documents are; save it as text.",
    b"%PDF": "is a PDF; save it as text.",
}
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b]")  # no white space among them


def read_text(path: str | Path) -> str:
    """Read a UTF-8 file, - for stdin, or say in one sentence why it cannot be read.

    A byte-order mark is dropped; line ends are kept as they are, since offsets count them.
    """
    return whole(path, read_lines(path))


def whole(path: str | Path, lines: Iterable[str]) -> str:
    """The text of the lines of a file. Raises MarsadError where it is empty or no text."""
    text = "".join(lines)
    if 4 * len(_CONTROL.findall(text)) > len(text):
        raise at(path, None, "is full of control characters, as UTF-16 is; save it in UTF-8.")
    if not text.strip():
        raise at(path, None, "the file is empty; it should hold a report.")
    return text


def read_lines(path: str | Path) -> Iterator[str]:
    """The lines of a UTF-8 file, - for stdin, as they come, each with the newline that ends it.

    A byte-order mark is dropped. Raises MarsadError where a line cannot be read.
    """
    place = 0  # of the line, in bytes
    with _opened(path) as file:
        for number, raw in enumerate(file, 1):
            for start, message in _NO_TEXT.items() if number == 1 else ():
                if raw.startswith(start):
                    raise at(path, None, message)
            try:
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                # the error does not count the mark
                byte = place + error.start + len(raw) - len(error.object)
                message = f"byte {byte} is not UTF-8; save the file in UTF-8 and try again."
                raise at(path, number, message) from error
            place += len(raw)


def read_bytes(path: str | Path) -> bytes:
    """Read a file, or say in one sentence why it cannot be read."""
    with _opened(path) as file:
        return file.read()


@contextmanager
def _opened(path: str | Path) -> Iterator[BinaryIO]:
    """A file, or stdin, to read. Raises MarsadError where it cannot be."""
    if sys.stdin is None and str(path) == DASH:
        raise at(path, None, "is closed; name a file.")
    try:
        with nullcontext(sys.stdin.buffer) if str(path) == DASH else open(path, "rb") as file:
            yield file
    except OSError as error:
        raise at(path, None, f"cannot be read ({error.strerror or error}).") from error


def stem(path: Path) -> str:
    """The name of a file without its suffix, as ids are made of it."""
    return "stdin" if str(path) == DASH else path.stem


def loads(text: str) -> Any:
    """Read JSON. Raises MarsadError that says what is wrong, a huge number or deep nest too."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise MarsadError(f"broken JSON at column {error.colno} ({error.msg}).") from error
    except RecursionError as error:
        raise MarsadError("broken JSON (its brackets are nested too deeply).") from error
    except ValueError as error:
        raise MarsadError("broken JSON (a number has too many digits).") from error


def read_json(path: Path) -> Any:
    """What a JSON file holds; raises MarsadError where it is none."""
    text = read_text(path)
    try:
        return loads(text)
    except MarsadError as error:
        raise at(path, getattr(error.__cause__, "lineno", None), str(error)) from error


def dumps(data: Any, indent: int | None = None) -> str:
    """JSON, Arabic left readable."""
    text = json.dumps(data, ensure_ascii=False, indent=indent)
    # half a surrogate pair cannot be written in UTF-8; JSON's own escape can
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)


@contextmanager
def told_as(path: Path, message: str, line: int | None = None) -> Iterator[None]:
    """Data of another shape than is read from them become a MarsadError that names their file."""
    try:
        yield
    except MarsadError:
        raise
    except KeyError as error:
        raise at(path, line, f"{message}: the key {error} is missing.") from error
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise at(path, line, f"{message}: {str(error).splitlines()[0]}.") from error


def check_free(folder: Path, ours: bool = False) -> None:
    """Refuse a folder to write that holds something; an earlier one that is `ours` may stand there.

    Raises MarsadError, so that a slip of the finger costs nobody a file.
    """
    if folder.is_dir() and (ours or not any(folder.iterdir())):
        return
    if folder.exists() or folder.is_symlink():
        holds = "holds other files" if folder.is_dir() else "is no folder"
        raise at(folder, None, f"{holds}; name one that is absent or empty.")


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 file, - for stdout, under another name first, so that no reader meets half of
    it.

    Line ends are written as they stand. Raises MarsadError where the folder cannot be written.
    """
    try:
        content = text.encode()
    except UnicodeEncodeError as error:
        message = f"cannot be written: {text[error.start]!r} is half a character."
        raise at(path, None, message) from error
    write_bytes(path, content)


def write_bytes(path: str | Path, content: bytes) -> None:
    """As `write_text`, of bytes. A device or pipe takes them as it is, a link stays a link, and a
    file keeps its mode."""
    path = Path(path)
    if str(path) == DASH:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        return
    temporary: Path | None = None
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{uuid4().hex}")
        with temporary.open("xb") as file:
            if target.exists():
                temporary.chmod(stat.S_IMODE(target.stat().st_mode))
            file.write(content)
        temporary.replace(target)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise at(path, None, f"cannot be written ({error.strerror or error}).") from error
