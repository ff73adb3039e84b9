"""Pages that are made when the site is built: commands, HTTP, schema, and files kept elsewhere.

mkdocs calls the functions `on_...`; nothing that these pages tell is written down twice.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
KEPT_ELSEWHERE = {
    "guidelines.md": "training/corpus/GUIDELINES.md",
    "markup.md": "training/corpus/MARKUP.md",
    "security.md": "SECURITY.md",
    "model_card.md": "model_card.md",
}
_LIST = re.compile(r"^((?!- |\s|\|).+)\n(?=- )", re.MULTILINE)
_QUOTED = re.compile("«[^»<]*[\u0621-\u064a][^»<]*»")
# code, indented or spanned, and links; or a bracket
_LEFT_ALONE = re.compile(r"(^ {4}.*$|`[^`\n]*`|\[[^\]\n]*\]\()|\[([^\]\n]*)\]", re.MULTILINE)


def on_page_content(html: str, **_: object) -> str:
    """Set each Arabic quotation apart, or several in a row would run into each other."""
    return _QUOTED.sub(lambda quoted: f'<bdi dir="rtl">{quoted[0]}</bdi>', html)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    made: dict[str, Callable[[], str]] = {
        "reference/commands.md": commands,
        "reference/http.md": http,
        "reference/schema.md": schema,
    }
    pages = {path: make() for path, make in made.items()}
    pages |= {page: _kept(ROOT / path) for page, path in KEPT_ELSEWHERE.items()}
    for path, content in pages.items():
        files.append(File.generated(config, path, content=content))
    return files


def _kept(path: Path) -> str:
    """The page as Python-Markdown wants it.

    A blank line before each list, and brackets that only mark a span are no links.
    """
    text = _LIST.sub(r"\1\n\n", path.read_text("utf-8"))
    return _LEFT_ALONE.sub(lambda m: m[1] or rf"\[{m[2]}\]", text)


def commands() -> str:
    """Every command and option, as typer describes them."""
    import typer
    from typer.cli import get_docs_for_click
    from typer.main import get_command

    from marsad.cli import app as marsad
    from marsad_training.benchmark.cli import app as bench
    from marsad_training.cli import app as train

    pages = ["# Commands\n\nA mistake is told in one sentence, with exit code 2.\n"]
    for name, app in (("marsad", marsad), ("marsad-train", train), ("marsad-bench", bench)):
        command = get_command(app)
        context = typer.Context(command, info_name=name)
        pages.append(get_docs_for_click(obj=command, ctx=context, name=name, indent=1))
    return "\n".join(pages)


def http() -> str:
    """The addresses of the service, out of its OpenAPI description."""
    import marsad
    from marsad.server.app import create_app
    from marsad.server.settings import Settings

    api = create_app(marsad.load(), Settings()).openapi()
    parts = [f"# HTTP\n\n{api['info']['description']} `/openapi.json` describes the same.\n"]
    for path, methods in api["paths"].items():
        for method, route in methods.items():
            parts.append(f"## `{method.upper()} {path}`\n\n{route.get('description', '')}\n")
            parts += _request(route, api["components"]["schemas"])
            parts.append(_answers(route["responses"]))
    return "\n".join(parts)


def schema() -> str:
    """The JSON Schema of a report, as tables and whole."""
    text = (package_files("marsad") / "report.schema.json").read_text("utf-8")
    whole = json.loads(text)
    tables = "\n".join(
        f"## {name}\n\n{part.get('description', '')}\n\n{_keys(part)}"
        for name, part in {"report": whole, **whole["$defs"]}.items()
        if "properties" in part
    )
    return (
        "# JSON of a report\n\nWhat `report.to_json()`, `marsad predict` and the service write: "
        f"one object for each report.\n\n{tables}\n## The schema itself\n\n"
        f"It ships as `marsad/report.schema.json`.\n\n```json\n{text}```\n"
    )


def _request(route: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterable[str]:
    for parameter in route.get("parameters", ()):
        kind = _type(_resolved(parameter["schema"], schemas))
        yield f"- `{parameter['name']}` in the {parameter['in']}: {kind}"
    if body := route.get("requestBody"):
        part = _resolved(body["content"]["application/json"]["schema"], schemas)
        yield f"\n{_keys(part)}\n{_json(part['examples'][0])}"


def _answers(responses: Mapping[str, Any]) -> str:
    rows = [
        f"| {status} | {answer['description']} | {', '.join(answer.get('content', ()))} |"
        for status, answer in sorted(responses.items())
    ]
    table = "\n".join(["\n| status | | as |", "|---|---|---|", *rows, ""])
    content = next(iter(responses["200"].get("content", {}).values()), {})
    if "example" not in content:
        return table
    return f'{table}\n??? example "An answer"\n\n{_indented(_json(content["example"]))}\n'


def _keys(part: Mapping[str, Any]) -> str:
    """The keys of an object as a table."""
    needed = part.get("required", ())
    rows = [
        f"| `{name}` | {_type(key)} | {'yes' if name in needed else ''} "
        f"| {key.get('description', '')} |"
        for name, key in part["properties"].items()
    ]
    return "\n".join(["| key | | needed | |", "|---|---|---|---|", *rows, ""])


def _type(key: Mapping[str, Any]) -> str:
    """A type in words."""
    if "$ref" in key:
        return str(key["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in key:
        return " or ".join(map(_type, key["anyOf"]))
    if "enum" in key:
        return ", ".join(f"`{value}`" for value in key["enum"])
    if key.get("type") == "array":
        return f"list of {_type(key['items'])}"
    shape = key.get("format") or key.get("pattern")
    return f"{key.get('type', 'any')}{f' ({shape})' if shape else ''}"


def _resolved(key: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = schemas[_type(key)] if "$ref" in key else key
    return found


def _json(value: object) -> str:
    return f"```json\n{json.dumps(value, ensure_ascii=False, indent=1)}\n```\n"


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())
