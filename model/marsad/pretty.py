"""Reports and scores for a terminal: highlighted text, a table of events, a table of scores.

Colours are given to types in the order of their appearance in a report, so any label set works.
"""

from collections.abc import Iterable
from itertools import cycle

from rich.box import SIMPLE_HEAD
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


def table(*columns: str, names: int = 1, title: str | None = None) -> Table:
    """An empty table of figures after so many columns of names; what is too wide is folded, not
    cut, and 80 columns hold eight figures."""
    empty = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0)
    )
    for place, column in enumerate(columns):
        empty.add_column(column, justify="left" if place < names else "right", overflow="fold")
    return empty


def show_scores(scores: Scores, console: Console) -> None:
    """Print the main figures with their intervals, then F1 by type."""
    figures = table(
        "", "F1", "95 %", "precision", "recall", "macro", "gold", "found",
        title=f"{len(scores.tallies)} reports",
    )  # fmt: skip
    for task in TASKS:
        count = scores.count(task)
        low, high = scores.interval(task)
        rates = (count.precision, count.recall, scores.macro_f1(task))
        figures.add_row(
            task, f"{count.f1:.3f}", f"{low:.3f}-{high:.3f}", *(f"{x:.3f}" for x in rates),
            str(count.gold), str(count.predicted),
        )  # fmt: skip
    console.print(figures, "", _by_type(scores), sep="\n")


def _by_type(scores: Scores) -> Table:
    figures = table("", "type", "F1", "precision", "recall", "gold", names=2, title="By type")
    for task in ("mentions", "triggers", "arguments", "status", "values"):
        for i, label in enumerate(scores.labels(task)):
            count = scores.count(task, label)
            figures.add_row(
                task if i == 0 else "", Text(_printable(label)), f"{count.f1:.3f}",
                f"{count.precision:.3f}", f"{count.recall:.3f}", str(count.gold),
            )  # fmt: skip
    return figures


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
    events = Table("event", "status", "trigger", "arguments", "score")
    for event in report.events:
        score = "" if event.score is None else f"{event.score:.2f}"
        trigger = _isolated(report.surface(event), "bold")
        kind, status = Text(_printable(event.type)), Text(_printable(event.status))
        events.add_row(kind, status, trigger, _arguments(report, event, colours), score)
    return events


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
