"""A fresh process that reads texts and times itself; run as a file, its order on stdin as JSON.

It imports what the reader under test needs and nothing else, so that start and memory are the
reader's own. It prints a line as soon as the first text is read, and one with all figures.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

Read = Callable[[Sequence[str], int], Any]  # texts, batch size
_AT_ONCE = 100  # texts whose reports are held together
_STRIDE = 64  # subwords that neighbouring windows of the pipeline share


def _marsad(folder: str, threads: int) -> Read:
    from marsad.artifact import load

    extractor = load(folder, threads)
    return lambda texts, batch: [
        list(extractor.predict_many(texts[at : at + batch])) for at in range(0, len(texts), batch)
    ]


def _transformers(folder: str, threads: int) -> Read:
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForTokenClassification.from_pretrained(folder, num_labels=17)
    # published tokenizers may name no limit; the positions are the encoder's
    tokenizer.model_max_length = min(
        tokenizer.model_max_length, model.config.max_position_embeddings
    )
    stride = min(_STRIDE, tokenizer.model_max_length // 4)
    read = pipeline(
        "token-classification", model=model, tokenizer=tokenizer, device=-1,
        aggregation_strategy="simple", stride=stride,
    )  # fmt: skip
    return lambda texts, batch: read(list(texts), batch_size=batch)


READERS = {"marsad": _marsad, "transformers": _transformers}


def peak_mib() -> float:
    """The most memory that the process has held, in MiB.

    `ru_maxrss` is at least that of the process that started this one; Linux tells its own in
    /proc.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def throughput(read: Read, cell: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Words for each second of a cell, read in full batches until the time is up.

    Of the wall clock and of the processor, whose seconds other work on the machine does not take.
    """
    texts, words, batch = cell["texts"], cell["words"], cell["batch"]
    done, at, start, busy = 0, 0, time.perf_counter(), time.process_time()
    while not done or time.perf_counter() - start < seconds:
        picked = [(at + step) % len(texts) for step in range(batch)]
        read([texts[i] for i in picked], batch)
        done, at = done + sum(words[i] for i in picked), at + batch
    took, busy = time.perf_counter() - start, time.process_time() - busy
    return {
        "length": cell["length"], "batch": batch, "words": done,
        "words_per_second": round(done / took, 1),
        "words_per_cpu_second": round(done / max(busy, 1e-9), 1),
    }  # fmt: skip


def amount(read: Read, texts: Sequence[str], count: int) -> dict[str, Any]:
    """Seconds in which so many texts are read, the given ones over and over."""
    start, left = time.perf_counter(), count
    given = cycle(texts)
    while left > 0:
        some = list(islice(given, min(left, _AT_ONCE)))
        read(some, len(some))
        left -= len(some)
    return {"seconds": round(time.perf_counter() - start, 4), "peak_mib": round(peak_mib(), 1)}


def main() -> None:
    """Read the order, read the texts, print the figures."""
    order = json.load(sys.stdin)
    read = READERS[order["reader"]](order["folder"], order["threads"])
    read(order["single"][:1], 1)
    print(json.dumps({"read": 1}), flush=True)
    times = []
    for text in order["single"]:
        start = time.perf_counter()
        read([text], 1)
        times.append(time.perf_counter() - start)
    single = peak_mib()
    cells = [throughput(read, cell, order["seconds"]) for cell in order["cells"]]
    found = {"times": times, "peak_mib_single": single, "cells": cells, "peak_mib": peak_mib()}
    if "count" in order:
        found["amount"] = amount(read, order["texts"], order["count"])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
