"""What the package says when its input is not right."""

from pathlib import Path

STDIN = "-"  # stands for standard input where a file is named


class MarsadError(ValueError):
    """Bad input, told in one sentence: which file, which line, and what would be right."""


def at(path: str | Path, line: int | None, message: str) -> MarsadError:
    """Build the error for a place in a file: `reports.jsonl, line 812: broken JSON ...`."""
    name = "stdin" if str(path) == STDIN else str(path)
    where = f"{name}, line {line}" if line is not None else name
    return MarsadError(f"{where}: {message}")
