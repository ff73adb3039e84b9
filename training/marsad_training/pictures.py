"""Figures as SVG, of the same figures the same bytes."""

from io import BytesIO
from typing import TYPE_CHECKING

from marsad.errors import MarsadError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def panels(width: float, height: float, count: int = 1) -> "tuple[Figure, list[Axes]]":
    """A figure, in inches, of panels side by side that share their upward axis.

    Raises MarsadError where matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MarsadError("pictures need matplotlib: pip install 'marsad[train]'.") from error
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = list(figure.subplots(1, count, sharey=True, squeeze=False)[0])
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def svg(figure: "Figure") -> bytes:
    """The figure as a file."""
    from matplotlib import rc_context

    out = BytesIO()
    with rc_context({"svg.hashsalt": "marsad"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()
