"""What the package says when its input is not right."""

from pathlib import Path

DASH = "-"  # stands for standard input, or output, where a file is named


class MarsadError(ValueError):
    """Bad input, told in one sentence: which file, which line, and what would be right."""


def located(path: str | Path, line: int | None = None, unit: str = "line") -> str:
    """How a place in a file that is read is told: `reports.jsonl, line 812`."""
    name = "stdin" if str(path) == DASH else str(path)
    return name if line is None else f"{name}, {unit} {line}"


def at(path: str | Path, line: int | None, message: str) -> MarsadError:
    """Build the error for a place in a file: `reports.jsonl, line 812: broken JSON ...`."""
    return MarsadError(f"{located(path, line)}: {message}")
