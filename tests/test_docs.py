"""The documentation builds without a warning, names what exists, and prints what it says."""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.main import get_command

import marsad.resolve
from marsad.cli import app as marsad_app
from marsad_training.benchmark.cli import app as bench_app
from marsad_training.cli import app as train_app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
NAMED_IN = [*sorted(DOCS.glob("**/*.md")), ROOT / "README.md", ROOT / "SECURITY.md"]
PROGRAMS = {"marsad": marsad_app, "marsad-train": train_app, "marsad-bench": bench_app}
# fenced blocks, indented blocks, code spans
_CODE = re.compile(r"^```\w*\n(.*?)^```|^ {4}([^\n]+)$|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
_APART = re.compile(r"\n|;|&&| \| | #|\$\(| bash -c \"")


def samples() -> ModuleType:
    spec = importlib.util.spec_from_file_location("samples", DOCS / "samples.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands(code: str) -> Iterator[tuple[str, list[str]]]:
    """Each program that the code calls, with its arguments."""
    code = code.replace("\\\n", " ")
    code = re.sub(r"-m marsad_training(?: --)? ", "; marsad-train ", code)
    code = re.sub(r" -- (?=marsad)", "; ", code).replace("$(BIN)/", "")
    for piece in _APART.split(code):
        words = re.sub(r"^\s*(?:@|\$ |\w+=\S+ )*", "", piece).split()
        if words and words[0] in PROGRAMS and len(words) > 1:
            yield words[0], [word.strip("[]\"'.,") for word in words[1:]]


@cache
def options(program: str) -> dict[str, set[str]]:
    """The options of each command of a program."""
    group: Any = get_command(PROGRAMS[program])
    return {
        name: {"--help", *(opt for p in command.params for opt in (*p.opts, *p.secondary_opts))}
        for name, command in group.commands.items()
    }


def wrong(code: str) -> Iterator[str]:
    for program, words in commands(code):
        known = options(program)
        if not re.fullmatch(r"[a-z][a-z-]*", words[0]):
            continue
        if words[0] not in known:
            yield f"{program} {words[0]}"
            continue
        for word in words[1:]:
            if word.startswith("--") and word.partition("=")[0] not in known[words[0]]:
                yield f"{program} {words[0]} {word}"


def test_what_the_test_reads_as_a_command() -> None:
    code = (
        "x=1 marsad predict a --nope; marsad-bench run --out b\npython -m marsad_training -- fot C"
    )
    assert list(wrong(code)) == ["marsad predict --nope", "marsad-train fot"]


@pytest.mark.parametrize("path", NAMED_IN, ids=lambda p: p.name)
def test_every_command_and_option_that_a_page_names_exists(path: Path) -> None:
    text = path.read_text("utf-8").replace("\\\n", " ")
    found = ["".join(part or "" for part in match.groups()) for match in _CODE.finditer(text)]
    assert [slip for code in found for slip in wrong(code)] == []


def test_every_command_of_the_makefile_exists() -> None:
    assert list(wrong((ROOT / "Makefile").read_text("utf-8"))) == []


def test_every_public_name_is_in_the_reference() -> None:
    page = (DOCS / "reference/python.md").read_text("utf-8")
    entries = re.findall(r"^::: (\S+)", page, re.MULTILINE)
    for module in (marsad, marsad.resolve):
        for name in module.__all__:
            home = getattr(module, name).__module__
            assert {f"{module.__name__}.{name}", home, f"{home}.{name}"} & set(entries), name


@pytest.mark.parametrize(
    "page",
    [
        "tutorial.md",
        *(pytest.param(p, marks=pytest.mark.slow) for p in samples().PAGES[1:]),
    ],
)
def test_samples_print_what_the_page_says(page: str) -> None:
    """`python docs/samples.py` renews a page after a new model."""
    if page == "retrain.md":
        pytest.importorskip("datasketch", reason="needs the corpus extra")
    if page == "ecosystem.md":
        pytest.importorskip("spacy", reason="needs the spacy extra")
        pytest.importorskip("transformers", reason="needs the train extra")
    if page == "python.md":
        pytest.importorskip("jsonschema", reason="needs the dev extra")
    text = (DOCS / page).read_text("utf-8")
    assert samples().renewed(text) == text


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_needs_no_network(tmp_path: Path) -> None:
    for module in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(module, reason="needs the docs extra: pip install 'marsad[docs]'")
    pytest.importorskip("fastapi", reason="needs the docs extra: pip install 'marsad[docs]'")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 15
    loaded = re.compile(
        r"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=\"?(https?:[^\s\">]+)"
    )
    for page in pages:
        assert loaded.findall(page.read_text("utf-8")) == [], page.name
