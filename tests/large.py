"""Reads many reports with `marsad predict-corpus` and kills a worker on the way; not a test.

    python tests/large.py 100000 FOLDER [--workers N] [--rows N] [--model ARTIFACT]

The reports are those of the corpus, over and over, each with an id of its own. Prints how many rows
came out, how many ids they have, and how many reports were read in a second. Started again with the
same folder, it does what is missing.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from itertools import cycle, islice
from pathlib import Path

import pyarrow.dataset as ds

from marsad.formats import markup

REPORTS = Path(__file__).parents[1] / "training/corpus/reports"


def write_reports(count: int, file: Path) -> None:
    """So many reports as JSON lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    reports = [r for path in sorted(REPORTS.glob("*.txt")) for r in markup.read(path)]
    with file.open("w", encoding="utf-8") as lines:
        for n, report in enumerate(islice(cycle(reports), count)):
            record = {"id": f"r{n}", "date": report.date, "text": report.text}
            lines.write(json.dumps(record, ensure_ascii=False) + "\n")


def kill_one(output: Path, run: subprocess.Popen[bytes]) -> int | None:
    """Kill a worker once a partition is finished; its process id, None where none was left."""
    while run.poll() is None:
        if any(output.glob("reports/*.parquet")):
            for mark in output.glob("_temporary/part-*"):
                try:
                    process = int(mark.read_text().split()[1])
                    os.kill(process, signal.SIGKILL)
                except (OSError, IndexError):
                    continue  # it ended in the meantime
                return process
        time.sleep(0.02)
    return None


def main() -> None:
    """Write, read, kill, count."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("count", type=int)
    options.add_argument("folder", type=Path)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--rows", type=int, default=1000)
    options.add_argument("--model")
    given = options.parse_args()
    source, output = given.folder / "in", given.folder / "out"
    if not source.exists():
        write_reports(given.count, source / "reports.jsonl")
    command = [
        "predict-corpus", source, output, "--workers", given.workers, "--rows", given.rows,
        *(("--model", given.model) if given.model else ()),
    ]  # fmt: skip
    start = time.monotonic()
    run = subprocess.Popen(
        [sys.executable, "-c", "from marsad.cli import main; main()", *map(str, command)]
    )
    killed = kill_one(output, run)
    code, seconds = run.wait(), time.monotonic() - start
    ids = ds.dataset(output / "reports").to_table(["id"])["id"]
    print(
        json.dumps(
            {
                "exit": code, "killed": killed, "rows": len(ids),
                "ids": len(set(ids.to_pylist())), "seconds": round(seconds, 1),
                "reports_per_second": round(len(ids) / seconds, 2),
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
