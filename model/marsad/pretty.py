"""Reports and scores for a terminal: highlighted text, a table of events, a table of scores.

Colours are given to types in the order of their appearance in a report, so any label set works.
"""

from collections.abc import Iterable
from itertools import cycle

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from marsad.schema import Event, Report
from marsad.score import TASKS, Scores

_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_green", "bright_cyan", "orange3")
_TRIGGER = "bold white on red"
# Isolates keep each Arabic cell in its own direction beside Latin labels and punctuation.
_RTL, _POP = "\u2067", "\u2069"


def show(report: Report, console: Console) -> None:
    """Print the text with mentions and triggers marked, and its events as a table."""
    colours = _colours(m.type for m in report.mentions)
    title = Text(_printable(" · ".join(part for part in (report.id, report.date) if part)))
    console.print(
        Panel(_highlighted(report, colours), title=title or None, subtitle=_legend(colours))
    )
    if report.events:
        console.print(_event_table(report, colours))
    else:
        console.print("No events.", style="dim")


def show_scores(scores: Scores, console: Console) -> None:
    """Print the main figures with their intervals, then F1 by type."""
    table = Table(title=f"{len(scores.tallies)} reports", title_justify="left")
    for column in ("", "F1", "95 %", "precision", "recall", "macro F1", "gold", "predicted"):
        table.add_column(column, justify="left" if not column else "right", no_wrap=not column)
    for task in TASKS:
        count = scores.count(task)
        low, high = scores.interval(task)
        figures = (count.precision, count.recall, scores.macro_f1(task))
        table.add_row(
            task, f"{count.f1:.3f}", f"{low:.3f}-{high:.3f}", *(f"{x:.3f}" for x in figures),
            str(count.gold), str(count.predicted),
        )  # fmt: skip
    console.print(table)
    console.print(_by_type(scores))


def _by_type(scores: Scores) -> Table:
    table = Table(title="By type", title_justify="left")
    for column in ("", "type", "F1", "precision", "recall", "gold"):
        table.add_column(column, justify="left" if column in ("", "type") else "right")
    for task in ("mentions", "triggers", "arguments", "status", "values"):
        for i, label in enumerate(scores.labels(task)):
            count = scores.count(task, label)
            table.add_row(
                task if i == 0 else "", Text(_printable(label)), f"{count.f1:.3f}",
                f"{count.precision:.3f}", f"{count.recall:.3f}", str(count.gold),
            )  # fmt: skip
    return table


def _colours(types: Iterable[str]) -> dict[str, str]:
    return dict(zip(dict.fromkeys(types), cycle(_COLOURS), strict=False))


def _highlighted(report: Report, colours: dict[str, str]) -> Text:
    text = Text(_printable(report.text), justify="right")
    for mention in report.mentions:
        text.stylize(f"bold {colours[mention.type]}", mention.start, mention.end)
    for event in report.events:
        text.stylize(_TRIGGER, event.start, event.end)
    return text


def _printable(text: str) -> str:
    """The text with control characters made visible, as many characters as before."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\u00b7" for c in text)


def _legend(colours: dict[str, str]) -> Text:
    parts = [Text(_printable(type), style=colour) for type, colour in colours.items()]
    return Text("  ").join([Text("TRIGGER", style=_TRIGGER), *parts])


def _event_table(report: Report, colours: dict[str, str]) -> Table:
    table = Table("event", "status", "trigger", "arguments", "score")
    for event in report.events:
        score = "" if event.score is None else f"{event.score:.2f}"
        trigger = _isolated(report.surface(event), "bold")
        kind, status = Text(_printable(event.type)), Text(_printable(event.status))
        table.add_row(kind, status, trigger, _arguments(report, event, colours), score)
    return table


def _arguments(report: Report, event: Event, colours: dict[str, str]) -> Text:
    """A line for each argument: its role, then the words that fill it."""
    lines = []
    for argument in event.arguments:
        mention = report.mention(argument.id)
        filler = _isolated(report.surface(mention), colours[mention.type])
        lines.append(Text.assemble((f"{_printable(argument.role):<11}", "dim"), filler))
    return Text("\n").join(lines)


def _isolated(surface: str, style: str) -> Text:
    return Text(f"{_RTL}{_printable(surface)}{_POP}".replace("\n", " "), style=style)
