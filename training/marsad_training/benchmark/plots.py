"""Plots of the report, as SVG for the inside of a page: its ink is the page's, light or dark."""

import re
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_INK = "#010203"  # stands for the text colour of the page
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8c6d00", "#777777")  # Okabe and Ito 2008
_MARKS = "osD^vP"
_STYLE: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "marsad", "font.family": "sans-serif", "font.size": 9,
    "text.color": _INK, "axes.labelcolor": _INK, "axes.edgecolor": _INK, "axes.titlesize": 10,
    "xtick.color": _INK, "ytick.color": _INK, "legend.frameon": False,
    "axes.spines.top": False, "axes.spines.right": False,
}  # fmt: skip
_NOISE = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", re.S)
_IDS = re.compile(r'(\bid="|href="#|url\(#)')
Bars = Mapping[str, Mapping[str, float]]  # series -> bar -> height


def bars(name: str, series: Bars, axis: str, most: float | None = None) -> str:
    """Horizontal bars, a group for each bar's name, in the order of the first series."""
    names = list(dict.fromkeys(bar for found in series.values() for bar in found))
    width = 0.8 / len(series)
    with rc_context(_STYLE):
        figure, (axes,) = _figure(7.5, 0.7 + len(names) * (0.12 + 0.15 * len(series)))
        for n, (label, found) in enumerate(series.items()):
            places = [i + (n - (len(series) - 1) / 2) * width for i in range(len(names))]
            heights = [found.get(bar, 0) for bar in names]
            drawn = axes.barh(places, heights, width, color=_COLOURS[n % 6], label=label)
            told = [f"{found[bar]:.3g}" if bar in found else "" for bar in names]
            axes.bar_label(drawn, told, padding=2, fontsize=7)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(0, most)
        axes.set_xlabel(axis)
        if len(series) > 1:
            figure.legend(loc="outside upper left", ncols=3)
        return _svg(figure, name)


def reliability(name: str, curves: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> str:
    """Kind of span -> model -> bins of score: the share that is right over the mean score."""
    with rc_context(_STYLE):
        figure, panels = _figure(7.5, 3.8, len(curves))
        for axes, (kind, models) in zip(panels, curves.items(), strict=True):
            axes.plot([0, 1], [0, 1], color=_INK, alpha=0.7, linewidth=0.8, linestyle=":")
            for n, (model, found) in enumerate(models.items()):
                x, y = [row["score"] for row in found], [row["right"] for row in found]
                axes.plot(
                    x, y, marker=_MARKS[n % 6], color=_COLOURS[n % 6], markersize=4, label=model
                )
            axes.set(title=kind, xlabel="mean score", ylabel="share right", aspect="equal")
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15))
        return _svg(figure, name)


def confusion(name: str, tables: Mapping[str, Mapping[str, Mapping[str, int]]]) -> str:
    """Model -> gold -> read -> count, shaded by the share of its gold row."""
    with rc_context(_STYLE):
        figure, panels = _figure(3.6 * len(tables), 3.2, len(tables))
        for axes, (model, table) in zip(panels, tables.items(), strict=True):
            names = sorted({*table, *(read for row in table.values() for read in row)})
            for y, gold in enumerate(names):
                row = table.get(gold, {})
                for x, read in enumerate(names):
                    share = row.get(read, 0) / max(sum(row.values()), 1)
                    axes.bar(x, 1, 1, y - 0.5, color=_COLOURS[0], alpha=0.75 * share)
                    axes.text(x, y, str(row.get(read, 0)), ha="center", va="center")
            axes.set_xticks(range(len(names)), names, rotation=30)
            axes.set_yticks(range(len(names)), names)
            axes.set(title=model, xlabel="read", ylabel="gold", aspect="equal")
            axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5))
        return _svg(figure, name)


def learning(name: str, curves: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]) -> str:
    """Strategy -> figure -> mean and sd by round: F1 over annotated reports."""
    with rc_context(_STYLE):
        figure, (axes,) = _figure(7.5, 3.6)
        for n, (strategy, curve) in enumerate(curves.items()):
            axes.errorbar(
                curve["reports"]["mean"], curve["f1"]["mean"], curve["f1"]["sd"], capsize=2,
                color=_COLOURS[n % 6], marker=_MARKS[n % 6], markersize=4, label=strategy,
            )  # fmt: skip
        axes.set(xlabel="reports annotated", ylabel="F1", xlim=(0, None))
        axes.legend(loc="lower right")
        return _svg(figure, name)


def growth(name: str, panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]) -> str:
    """What is measured -> kind of amount -> (words, figure), both on scales of tens."""
    with rc_context(_STYLE):
        figure, drawn = _figure(7.5, 3.4, len(panels))
        for axes, (measured, curves) in zip(drawn, panels.items(), strict=True):
            for n, (kind, points) in enumerate(curves.items()):
                x, y = zip(*points, strict=True)
                axes.plot(x, y, marker=_MARKS[n], color=_COLOURS[n], markersize=4, label=kind)
            axes.set(xscale="log", yscale="log", xlabel="words", ylabel=measured)
            axes.legend()
        return _svg(figure, name)


def _figure(width: float, height: float, panels: int = 1) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = list(figure.subplots(1, panels, squeeze=False)[0])
    for one in axes:
        one.patch.set_visible(False)
    return figure, axes


def _svg(figure: Figure, name: str) -> str:
    """The figure as an element; its ids begin with the name, for a page holds several."""
    out = StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    text = _NOISE.sub("", out.getvalue()).replace(_INK, "currentColor").strip()
    prefix = re.sub(r"\W+", "-", name)
    return _IDS.sub(rf"\g<1>{prefix}-", text)
