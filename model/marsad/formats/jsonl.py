"""JSON lines: one report a line, with the keys of `Report.to_dict`."""

import json
from collections.abc import Iterable
from pathlib import Path

from marsad.errors import MarsadError, at, read_text
from marsad.schema import Labels, Report


def read(path: str | Path, labels: Labels | None = None) -> list[Report]:
    """All reports of a JSON-lines file; with `labels`, unknown labels are refused too.

    Raises MarsadError that names the file, the line and the first thing that is wrong there.
    """
    reports = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            report = Report.from_dict(json.loads(line))
        except json.JSONDecodeError as error:
            raise at(path, number, f"broken JSON at column {error.colno} ({error.msg}).") from error
        except MarsadError as error:
            raise at(path, number, str(error)) from error
        if labels is not None and (problem := next(labels.problems(report), None)):
            raise at(path, number, problem)
        reports.append(report)
    return reports


def write(reports: Iterable[Report]) -> str:
    """Reports as JSON lines, Arabic left readable."""
    return "".join(report.to_json() + "\n" for report in reports)
