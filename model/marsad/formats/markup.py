"""The authoring markup (training/corpus/MARKUP.md): `[surface|id]` in the text, facts below `---`.

Every slip is reported with file, line and report id; nothing is dropped silently.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from marsad.errors import MarsadError, at, located
from marsad.files import read_text, write_text
from marsad.formats.ledger import Fate, Ledger
from marsad.schema import EVENT_LETTER, Argument, Event, Labels, Mention, Report, default_labels

_NO_REPORT = "holds no report; a report starts with '### id=... date=...'."
_HEADER = ("id", "date", "style")
# Characters with a meaning in the markup, edges that reading strips, lines that end a text.
_RESERVED = re.compile(r"[\[\]|\r]|\A\n|\n\Z|^---$|^### ", re.MULTILINE)


class Slip(NamedTuple):
    """What is wrong in a line of a source text, in the report of that id."""

    line: int
    report: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, report {self.report}: {self.message}"


def read(path: str | Path, labels: Labels | None = None) -> list[Report]:
    """All reports of a markup file.

    Raises MarsadError that lists every slip, one line each, as `file, line N, report ID: ...`.
    """
    reports, slips = parse(read_text(path), labels or default_labels())
    if slips:
        raise MarsadError("\n".join(f"{located(path)}, {slip}" for slip in slips))
    if not reports:
        raise at(path, None, _NO_REPORT)
    return reports


def parse(source: str, labels: Labels) -> tuple[list[Report], list[Slip]]:
    """The sound reports of a source text, and the slips in the others."""
    reports: list[Report] = []
    slips: list[Slip] = []
    seen: set[str] = set()
    lines = source.replace("\r\n", "\n").split("\n")
    heads = [i for i, line in enumerate(lines) if line.startswith("### ")]
    for number, line in enumerate(lines[: heads[0] if heads else 0], 1):
        if line.strip():
            slips.append(Slip(number, "?", "this stands before the first '### ' header."))
    for first, last in pairwise([*heads, len(lines)]):
        block = _Block(lines[first:last], first + 1, labels)
        report = block.report()
        if report is not None and report.id in seen:
            block.slip(0, f"the report id {report.id!r} is used before.")
        if block.slips or report is None:
            slips += block.slips
        else:
            seen.add(report.id)
            reports.append(report)
    return reports, slips


class _Block:
    """One report of the markup, with the slips found while reading it."""

    def __init__(self, lines: list[str], line: int, labels: Labels):
        self.lines, self.line, self.labels = lines, line, labels
        self.slips: list[Slip] = []
        self.facts: dict[str, int] = {}  # id -> offset of its line below the rule
        self.head = [part.partition("=") for part in lines[0].removeprefix("### ").split()]
        self.meta = {key: value for key, equals, value in self.head if equals}
        self.types = {letter: type for type, letter in labels.mentions.items()}
        self.mark = re.compile(rf"\[([^\[\]|]+)\|([{''.join(self.types)}{EVENT_LETTER}]\d+)\]")

    def slip(self, offset: int, message: str) -> None:
        self.slips.append(Slip(self.line + offset, self.meta.get("id", "?"), message))

    def report(self) -> Report | None:
        self._check_head()
        if "---" not in self.lines:
            self.slip(0, "no '---' line ends the text.")
            return None
        rule = self.lines.index("---")
        text, spans = self._text(rule)
        events, values, same = self._facts(rule, spans)
        mentions = tuple(
            Mention(id, self.types[id[0]], start, end, value=values.get(id))
            for id, (start, end) in spans.items()
            if id[0] != EVENT_LETTER
        )
        for mention in mentions:
            if mention.type in self.labels.values and mention.id not in self.facts:
                self.slip(rule, f"{mention.id} has no value line.")
        for id in spans:
            if id[0] == EVENT_LETTER and id not in self.facts:
                self.slip(rule, f"{id} has no event line.")
        report = Report(
            self.meta.get("id", ""), text, self.meta.get("date") or None, mentions, events,
            same, self.meta.get("style", ""),
        )  # fmt: skip
        if not self.slips:
            for problem in report.problems(self.labels):
                # a problem of an id starts with it; what is left is the header's date
                self.slip(self.facts.get(problem.partition(":")[0], 0), problem)
        return report

    def _check_head(self) -> None:
        for key in ("id", "date"):
            if key not in self.meta:
                self.slip(0, f"the header lacks {key}=.")
        for part in self.head:
            if part[0] not in _HEADER or not part[1]:
                self.slip(0, f"{''.join(part)!r} is not id=, date= or style=.")

    def _text(self, rule: int) -> tuple[str, dict[str, tuple[int, int]]]:
        """The bare text, and where each id stands in it."""
        first = 1
        while first < rule and not self.lines[first]:
            first += 1
        text, spans = "", {}
        for offset in range(first, rule):
            line, done = self.lines[offset], 0
            for match in self.mark.finditer(line):
                text += line[done : match.start()]
                surface, id = match.groups()
                if id in spans:
                    self.slip(offset, f"the id {id} is used twice.")
                if surface != surface.strip():
                    self.slip(offset, f"a space stands at the edge of {id}.")
                spans[id] = (len(text), len(text) + len(surface))
                text += surface
                done = match.end()
            rest = self.mark.sub("", line)
            if stray := re.search(r"[\[\]|]", rest):
                near = rest[max(0, stray.start() - 20) : stray.start() + 20]
                self.slip(offset, f"a stray bracket or bar near «{near}».")
            text += line[done:] + "\n"
        return text.rstrip("\n"), spans

    def _facts(
        self, rule: int, spans: dict[str, tuple[int, int]]
    ) -> tuple[tuple[Event, ...], dict[str, str], tuple[tuple[str, ...], ...]]:
        """Event, value and `=` lines below the rule."""
        events, values, same = [], {}, []
        for offset in range(rule + 1, len(self.lines)):
            parts = self.lines[offset].split()
            if not parts:
                continue
            id = parts[0]
            if id == "=":
                if unknown := [other for other in parts[1:] if other not in spans]:
                    self.slip(offset, f"'=' names {', '.join(unknown)}, not marked in the text.")
                same.append(tuple(parts[1:]))
            elif id not in spans:
                self.slip(offset, f"{id!r} is not marked in the text.")
            elif self.facts.setdefault(id, offset) != offset:
                self.slip(offset, f"{id} has a line already.")
            elif id[0] != EVENT_LETTER:
                if len(parts) != 2:
                    self.slip(offset, f"{id} wants one value.")
                else:
                    values[id] = parts[1]
            elif len(parts) < 3:
                self.slip(offset, f"{id} wants a type, a status and role=id pairs.")
            else:
                events.append(
                    Event(id, parts[1], parts[2], *spans[id], tuple(self._arguments(offset, parts)))
                )
        return tuple(events), values, tuple(same)

    def _arguments(self, offset: int, parts: list[str]) -> Iterator[Argument]:
        seen: set[Argument] = set()
        for pair in parts[3:]:
            role, equals, ids = pair.partition("=")
            if not equals or not ids:
                self.slip(offset, f"{pair!r} is not role=id.")
            for id in ids.split(",") if ids else ():
                argument = Argument(role, id)
                if argument in seen:
                    self.slip(offset, f"{role}={id} is said twice.")
                seen.add(argument)
                yield argument


def write(reports: Iterable[Report]) -> str:
    """Reports as markup; ids must follow the markup's letters.

    Raises MarsadError for what the markup cannot carry: a text with `[`, `]`, `|`, a carriage
    return, newlines at its edge or a line that ends it, and spans over lines or with outer spaces.
    """
    return "\n".join(_write_one(report) for report in reports)


def _write_one(report: Report) -> str:
    if odd := _RESERVED.search(report.text):
        raise MarsadError(f"{report.id}: the markup cannot carry a text with {odd.group()!r}.")
    if re.search(r"\s|\A\Z", report.id) or re.search(r"\s", report.style):
        raise MarsadError(f"{report.id}: the markup wants an id, and a style, of one word.")
    marked, done = "", 0
    for span in sorted(report.spans, key=lambda s: s.start):
        if span.start < done:
            raise MarsadError(f"{report.id}: {span.id} overlaps another span.")
        surface = report.surface(span)
        if "\n" in surface or surface != surface.strip():
            raise MarsadError(f"{report.id}: {span.id} has a space at its edge or a line break.")
        marked += report.text[done : span.start] + f"[{surface}|{span.id}]"
        done = span.end
    marked += report.text[done:]
    head = f"### id={report.id} date={report.date or ''}"
    lines = [head + (f" style={report.style}" if report.style else ""), marked, "---"]
    for event in report.events:
        roles: dict[str, list[str]] = {}
        for argument in event.arguments:
            roles.setdefault(argument.role, []).append(argument.id)
        # an argument that is said twice would be a slip where this is read again
        pairs = [f"{role}={','.join(dict.fromkeys(ids))}" for role, ids in roles.items()]
        lines.append(" ".join([event.id, event.type, event.status, *pairs]))
    lines += [f"{m.id} {m.value}" for m in report.mentions if m.value is not None]
    lines += [" ".join(["=", *group]) for group in report.same]
    return "\n".join(lines) + "\n"


def imported(path: Path, labels: Labels, ledger: Ledger) -> Iterator[Report]:
    """The sound reports of the file; the slips of the others go to the ledger."""
    reports, slips = parse(read_text(path), labels)
    if not reports and not slips:
        ledger.add(Fate.REFUSED, located(path), "", _NO_REPORT)
    for slip in slips:
        ledger.add(Fate.REFUSED, located(path, slip.line), slip.report, slip.message)
    yield from ledger.keeping(reports)


def exported(reports: Iterable[Report], path: Path, labels: Labels, ledger: Ledger) -> None:
    """Write the file; reports that the markup cannot carry are refused."""
    blocks = []
    for report in ledger.writable(reports, path):
        bare = replace(report, text=report.text.rstrip("\n"))
        try:
            if bare == report or any(span.end > len(bare.text) for span in report.spans):
                blocks.append(_write_one(report))
            else:
                blocks.append(_write_one(bare))
                message = "the line breaks at the end of its text are left out."
                ledger.add(Fate.LOST, str(path), report.id, message)
        except MarsadError as error:
            message = str(error).removeprefix(f"{report.id}: ")
            ledger.add(Fate.REFUSED, str(path), report.id, message)
    write_text(path, "\n".join(blocks))
