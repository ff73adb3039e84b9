"""Runs the samples of pages and renews what they print: `python docs/samples.py [PAGE ...]`.

Of a page in `PAGES` every `python` block is run, all in one namespace, and every `sh` block that a
`text` block follows. That block holds what was printed. `report.txt` and `training/` are at hand.
"""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
PAGES = ("tutorial.md", "python.md", "retrain.md", "ecosystem.md")
_SAMPLE = re.compile(
    r"^```(?P<kind>python|sh)\n(?P<source>.*?)^```\n(?P<between>\n```text\n)?(?P<told>(?(between).*?^```\n))",
    re.MULTILINE | re.DOTALL,
)


def renewed(page: str) -> str:
    """The page with what its samples print now. Raises what a sample raises."""
    names: dict[str, Any] = {}

    def renew(match: re.Match[str]) -> str:
        kind, source, between = match["kind"], match["source"], match["between"]
        if kind == "sh" and between is None:
            return match[0]
        told = _python(source, names) if kind == "python" else _shell(source)
        if between is None:
            if told:
                raise ValueError(f"this prints, and no text block follows it: {source}")
            return match[0]
        return f"```{kind}\n{source}```\n{between}{told}```\n"

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        shutil.copy(DOCS.parent / "notebooks/example.txt", "report.txt")
        os.symlink(DOCS.parent / "training", "training")
        return _SAMPLE.sub(renew, page)


def _python(source: str, names: dict[str, Any]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(source, names)
    return printed.getvalue()


def _shell(source: str) -> str:
    env = {
        **os.environ, "COLUMNS": "100", "TERM": "dumb", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", source], env=env, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, encoding="utf-8",
    )  # fmt: skip
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()) + "\n"


if __name__ == "__main__":
    for name in sys.argv[1:] or PAGES:
        path = DOCS / Path(name).name
        path.write_text(renewed(path.read_text("utf-8")), "utf-8")
