"""Runs notebooks in place and keeps what they show: `python notebooks/execute.py [NOTEBOOK ...]`.

Without what differs from run to run or machine to machine for no reader's good: times of cells,
warnings on stderr.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def execute(path: Path) -> None:
    """Run from top to bottom; raises nbclient's CellExecutionError where a cell does."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(
        notebook,
        timeout=1800,
        startup_timeout=300,
        resources=resources,
        record_timing=False,
        coalesce_streams=True,
    ).execute()
    notebook.metadata.pop("language_info", None)  # the version of Python
    for cell in notebook.cells:
        if "outputs" in cell:
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    nbformat.write(notebook, path)


if __name__ == "__main__":
    chosen = [Path(name) for name in sys.argv[1:]] or sorted(Path(__file__).parent.glob("*.ipynb"))
    for path in chosen:
        execute(path.resolve())
        print(path)
