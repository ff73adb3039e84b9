"""Markdown and pages made of the Jinja templates that lie beside this module."""

from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined


def rendered(template: str, **facts: Any) -> str:
    """A template, by its path in this package, filled in; what stands in HTML is escaped.

    Raises jinja2's UndefinedError for a fact that it wants and does not get.
    """
    environment = Environment(
        autoescape=template.endswith(".html.jinja"), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["f"] = lambda x: f"{x:.3f}"
    source = (files("marsad_training") / template).read_text("utf-8")
    text: str = environment.from_string(source).render(facts)
    return text
