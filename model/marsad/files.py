"""Reading and writing files: what cannot be read is told, what is half written never seen."""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from marsad.errors import MarsadError, at


def read_text(path: str | Path) -> str:
    """Read a UTF-8 file, or say in one sentence why it cannot be read.

    A byte-order mark is dropped; line ends are kept as they are, since offsets count them.
    """
    path = Path(path)
    raw = read_bytes(path)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = error.start + len(raw) - len(error.object)  # the error does not count the mark
        line = raw.count(b"\n", 0, place) + 1
        raise at(
            path, line, f"byte {place} is not UTF-8; save the file in UTF-8 and try again."
        ) from error
    if not text.strip():
        raise at(path, None, "the file is empty; it should hold a report.")
    return text


def read_bytes(path: Path) -> bytes:
    """Read a file, or say in one sentence why it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise at(path, None, f"cannot be read ({error.strerror or error}).") from error


def read_json(path: Path) -> Any:
    """What a JSON file holds; raises MarsadError where it is none."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise at(path, error.lineno, f"broken JSON ({error.msg}).") from error


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
    """Write a UTF-8 file under another name first, so that no reader meets half of it.

    Line ends are written as they stand. Raises MarsadError where the folder cannot be written.
    """
    write_bytes(path, text.encode("utf-8", "surrogatepass"))


def write_bytes(path: str | Path, content: bytes) -> None:
    """As `write_text`, of bytes. A device or pipe takes them as it is, a link stays a link, and a
    file keeps its mode."""
    path = Path(path)
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
