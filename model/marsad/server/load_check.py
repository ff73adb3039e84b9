"""`python -m marsad.server.load_check URL FILE...`: many clients at once, every answer compared.

Each client sends one report after another for some seconds. Any status but 200 and 429 is an
error; every answer has to be what `predict` gives for the same report, to the letter. Meanwhile
`/metrics` is asked for the memory of the service.
"""

import http.client
import json
import os
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import numpy as np
import typer

from marsad.artifact import load
from marsad.console import told_plainly
from marsad.documents import Document, documents
from marsad.extractor import Extractor
from marsad.server.guard import KEY_HEADER
from marsad.server.settings import KEY_VARIABLE

_TIMEOUT = 120  # seconds; longer than the service takes to give up
_PARTS = 4
_MEMORY = re.compile(r"^process_resident_memory_bytes (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Figures:
    """What the clients met. Latencies are seconds over answers with status 200."""

    clients: int
    seconds: float
    statuses: Mapping[str, int]
    differing: int
    per_second: float
    p50: float
    p95: float
    longest: float
    memory: tuple[float, ...]  # highest resident MiB of the service in each quarter of the time

    @property
    def sound(self) -> bool:
        """Some answers, no error but 429, none that differs from `predict`."""
        return "200" in self.statuses and not self.differing and {*self.statuses} <= {"200", "429"}


def check(
    url: str, extractor: Extractor, reports: Sequence[Document], clients: int, seconds: float
) -> Figures:
    """Send the reports round and round; `extractor` says what is right."""
    address = urlsplit(url)
    headers = {"Content-Type": "application/json", KEY_HEADER: os.environ.get(KEY_VARIABLE, "")}
    bodies = [json.dumps(dict(zip(("text", "date", "id"), r, strict=True))) for r in reports]
    expected = [extractor.predict(*report).to_json().encode() for report in reports]
    turn, started = count(), time.perf_counter()

    def connect() -> http.client.HTTPConnection:
        return http.client.HTTPConnection(address.hostname or "", address.port, timeout=_TIMEOUT)

    def client(_: int) -> list[tuple[str, float, bool]]:
        seen = []
        connection = connect()
        while time.perf_counter() - started < seconds:
            n = next(turn) % len(reports)
            sent = time.perf_counter()
            try:
                connection.request("POST", "/v1/predict", bodies[n], headers)
                response = connection.getresponse()
                body, status = response.read(), str(response.status)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                body, status = b"", type(error).__name__
            same = status != "200" or body == expected[n]
            seen.append((status, time.perf_counter() - sent, same))
            if status == "429":
                time.sleep(0.5)
        connection.close()
        return seen

    def watch() -> list[float]:
        peaks = [0.0] * _PARTS
        while (passed := time.perf_counter() - started) < seconds:
            connection = connect()
            with suppress(OSError, http.client.HTTPException):
                connection.request("GET", "/metrics", headers=headers)
                if found := _MEMORY.search(connection.getresponse().read().decode()):
                    part = int(passed / seconds * _PARTS)
                    peaks[part] = max(peaks[part], float(found[1]) / 2**20)
            connection.close()
            time.sleep(min(1, seconds / 100))
        return peaks

    with ThreadPoolExecutor(clients + 1) as pool:
        watched = pool.submit(watch)
        seen = [one for many in pool.map(client, range(clients)) for one in many]
    took = time.perf_counter() - started
    good = [seconds for status, seconds, _ in seen if status == "200"] or [float("nan")]
    p50, p95, longest = (round(float(np.percentile(good, q)), 3) for q in (50, 95, 100))
    return Figures(
        clients, round(took, 1), dict(Counter(status for status, *_ in seen)),
        sum(not same for *_, same in seen), round(len(good) / took, 1), p50, p95, longest,
        memory=tuple(round(peak, 1) for peak in watched.result()),
    )  # fmt: skip


def main(
    url: Annotated[str, typer.Argument(help="Where the service listens.")],
    sources: Annotated[list[str], typer.Argument(help="Reports, as `marsad predict` takes them.")],
    clients: Annotated[int, typer.Option(min=1)] = 32,
    seconds: Annotated[float, typer.Option(min=1)] = 20,
    model: Annotated[Path | None, typer.Option(help="The artifact that is served.")] = None,
) -> None:
    """Put load on a running service; exit code 1 for an error or an answer that differs."""
    with told_plainly():
        reports = list(documents(sources, None))
        figures = check(url, load(model), reports, clients, seconds)
        print(json.dumps(asdict(figures)))
        raise typer.Exit(0 if figures.sound else 1)


if __name__ == "__main__":
    typer.run(main)
