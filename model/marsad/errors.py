"""What the package says when its input is not right."""

from pathlib import Path


class MarsadError(ValueError):
    """Bad input, told in one sentence: which file, which line, and what would be right."""


def at(path: str | Path, line: int | None, message: str) -> MarsadError:
    """Build the error for a place in a file: `reports.jsonl, line 812: broken JSON ...`."""
    where = f"{path}, line {line}" if line is not None else str(path)
    return MarsadError(f"{where}: {message}")


def read_text(path: str | Path) -> str:
    """Read a UTF-8 file, or say in one sentence why it cannot be read.

    A byte-order mark is dropped; line ends are kept as they are, since offsets count them.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise at(path, None, f"cannot be read ({error.strerror or error}).") from error
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
