"""Reports that wait, and the threads that read them in order of arrival."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from math import ceil
from time import perf_counter

from marsad.documents import Document
from marsad.schema import Report


class QueueFullError(Exception):
    """The queue has no room; `seconds` is when it may have."""

    def __init__(self, seconds: int):
        super().__init__(seconds)
        self.seconds = seconds


class StoppedError(Exception):
    """The service takes nothing more."""


class ReportQueue:
    """At most `limit` reports wait, and none that would wait longer than `patience` seconds.

    How long is told from the characters ahead, since a long report takes as long as many short
    ones. Each is read by itself, `threads` at a time: on a CPU batches gain nothing, and a report
    that is given up while it waits costs nothing.
    """

    def __init__(
        self,
        read: Callable[[str, str | None, str], Report],
        limit: int,
        patience: float,
        threads: int = 1,
    ):
        self._read, self._limit, self._patience = read, limit, patience
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._ahead: dict[Future[Report], int] = {}  # characters of what is not read yet
        self._seconds, self._characters = 0.0, 0.0  # of what was read, the latest first of all

    def start(self) -> None:
        """Begin to read."""
        self._pool = ThreadPoolExecutor(self._threads, "marsad-reader")

    def stop(self) -> None:
        """Take nothing more, give up the reports that wait, finish those being read."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(cancel_futures=True)

    @property
    def ready(self) -> bool:
        """Whether reports are taken and read."""
        return self._pool is not None

    @property
    def waiting(self) -> int:
        """Reports in the queue, without those being read."""
        self._ahead = {job: length for job, length in self._ahead.items() if not job.done()}
        return sum(not job.running() for job in self._ahead)

    def submit(self, documents: Sequence[Document]) -> list[Future[Report]]:
        """Queue all of these or none; call from one thread. A cancelled future is not read.

        Raises QueueFullError and StoppedError.
        """
        if self._pool is None:
            raise StoppedError
        waiting = self.waiting
        pace = self._seconds / max(self._characters, 1)
        wait = pace * sum(self._ahead.values()) / self._threads
        if waiting + len(documents) > self._limit or wait > self._patience:
            raise QueueFullError(max(1, ceil(wait)))
        jobs = [self._pool.submit(self._timed, document) for document in documents]
        lengths = (len(text) for text, *_ in documents)
        self._ahead |= zip(jobs, lengths, strict=True)
        return jobs

    def _timed(self, document: Document) -> Report:
        started = perf_counter()
        report = self._read(*document)
        self._seconds = 0.9 * self._seconds + perf_counter() - started
        self._characters = 0.9 * self._characters + len(document[0])
        return report
