"""How fast a model reads, how soon it is ready, how much memory it takes.

Beside it the `token-classification` pipeline of transformers, on the encoder that marsad starts
from with a random head: it tags mentions alone, in fp32. The model reads mentions, triggers, roles,
status, values and incidents in the same time. Each reader and number of threads has a fresh
process (`worker.py`); what else the machine does at that time is told by `machine.load`.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from marsad.errors import MarsadError
from marsad.schema import Report
from marsad.text import split_words
from marsad_training.benchmark.setting import AbsentError, Bench, Document, Result, Row
from marsad_training.learn import base_folder

THREADS = (1, 2)
BATCHES = {"sentence": (1, 8, 32), "report": (1, 8, 32), "long": (1,)}
_SENTENCE = 25  # words
_LONG = 10  # reports in one text
_SINGLE = 40  # reports whose latency is taken
_WORKER = Path(__file__).parent / "worker.py"
ABOUT = (
    "transformers: token-classification pipeline, random head, mentions only, fp32; "
    "marsad: mentions, triggers, roles, status, values and incidents"
)


def run(bench: Bench) -> Result:
    """Each reader with one and two threads, in turn."""
    if bench.system.artifact is None:
        raise AbsentError(f"{bench.system.name} is no artifact that a fresh process can open.")
    texts = texts_of(bench.test_split())
    encoder = Path(base_folder(bench.encoder, Path("runs")))
    folders = {"marsad": bench.system.artifact, "transformers": encoder}
    jobs = [(reader, threads) for threads in THREADS for reader in folders]
    rows: list[dict[str, Any]] = []
    processes = []
    for reader, threads in bench.watch(jobs, len(jobs), "speed"):
        process, cells = _measured(reader, folders[reader], threads, texts, bench.seconds)
        processes.append(process)
        rows += [{"system": reader, "threads": threads, **cell} for cell in cells]
    facts = {"rows": rows, "processes": processes, "encoder": str(encoder), "about": ABOUT}
    return Result({}, facts)


def texts_of(reports: Sequence[Report]) -> dict[str, list[str]]:
    """Texts of each length: the first words of reports, reports, ten reports as one."""
    whole = [report.text for report in reports]
    found = {"sentence": [], "report": whole, "long": []}
    for text in whole:
        spans = split_words(text).spans[:_SENTENCE]
        found["sentence"].append(text[: spans[-1][1]] if spans else text)
    for at in range(0, len(whole), _LONG):
        found["long"].append("\n\n".join(whole[at : at + _LONG]))
    return found


def _measured(
    reader: str, folder: Path, threads: int, texts: dict[str, list[str]], seconds: float
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The figures of one process, and of its cells."""
    words = {name: [len(split_words(t)) for t in found] for name, found in texts.items()}
    order = {
        "threads": threads, "seconds": seconds, "single": texts["report"][:_SINGLE],
        "cells": [
            {"length": name, "batch": batch, "texts": texts[name], "words": words[name]}
            for name, batches in BATCHES.items()
            for batch in sorted({min(batch, len(texts[name])) for batch in batches})
        ],
    }  # fmt: skip
    cold, found = process(reader, folder, order)
    p50, p95 = 1000 * np.quantile(found["times"], (0.5, 0.95))
    return {
        "system": reader, "threads": threads, "cold_start_s": round(cold, 2),
        "latency_p50_ms": round(float(p50), 1), "latency_p95_ms": round(float(p95), 1),
        "latency_reports": len(found["times"]),
        "peak_mib_single": round(found["peak_mib_single"], 1),
        "peak_mib": round(found["peak_mib"], 1),
    }, found["cells"]  # fmt: skip


def process(reader: str, folder: Path, order: Mapping[str, Any]) -> tuple[float, dict[str, Any]]:
    """Have a fresh process do an order; seconds to its first report, and its figures.

    Raises MarsadError where it fails.
    """
    order = {"reader": reader, "folder": str(folder.resolve()), **order}
    threads = str(order["threads"])
    with tempfile.TemporaryFile("w+") as order_file, tempfile.TemporaryFile("w+") as errors:
        json.dump(order, order_file)
        order_file.seek(0)
        start = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, str(_WORKER)],
            stdin=order_file, stdout=subprocess.PIPE, stderr=errors, text=True,
            env={
                **os.environ, "OMP_NUM_THREADS": threads, "HF_HUB_OFFLINE": "1",
                "TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error",
            },
        ) as running:  # fmt: skip
            assert running.stdout
            running.stdout.readline()
            cold = time.perf_counter() - start
            answer = running.stdout.read()
        if running.returncode:
            errors.seek(0)
            last = (errors.read().strip().splitlines() or ["no message"])[-1]
            raise MarsadError(f"the {reader} process that reads in the benchmark failed: {last}")
    return cold, json.loads(answer)


def rows(document: Document) -> Iterator[Row]:
    """One row for each process: start, latency, memory, and words a second by length and batch."""
    facts = document["facts"]
    for process in facts["processes"]:
        reads: dict[str, dict[str, str]] = {}
        for cell in facts["rows"]:
            if all(cell[key] == process[key] for key in ("system", "threads")):
                by_batch = reads.setdefault(cell["length"], {})
                by_batch[f"x{cell['batch']}"] = f"{cell['words_per_second']:.0f}"
        yield {
            "reader": process["system"], "threads": str(process["threads"]),
            "cold start, s": f"{process['cold_start_s']:.1f}",
            "reports timed singly": str(process["latency_reports"]),
            "p50, ms": f"{process['latency_p50_ms']:.0f}",
            "p95, ms": f"{process['latency_p95_ms']:.0f}",
            "peak, MiB": f"{process['peak_mib']:.0f}",
            **{
                f"words/s, {length} {' / '.join(by_batch)}": " / ".join(by_batch.values())
                for length, by_batch in reads.items()
            },
        }  # fmt: skip
