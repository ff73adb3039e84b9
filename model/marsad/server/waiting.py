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

    Each is read by itself, `threads` at a time: on a CPU batches gain nothing, and a report that is
    given up while it waits costs nothing.
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
        self._waiting: list[Future[Report]] = []
        self._pace = 0.0  # seconds a report, a moving average

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
        self._waiting = [job for job in self._waiting if not (job.running() or job.done())]
        return len(self._waiting)

    def submit(self, documents: Sequence[Document]) -> list[Future[Report]]:
        """Queue all of these or none; call from one thread. A cancelled future is not read.

        Raises QueueFullError and StoppedError.
        """
        if self._pool is None:
            raise StoppedError
        ahead = self.waiting
        wait = self._pace * ahead / self._threads
        if ahead + len(documents) > self._limit or wait > self._patience:
            raise QueueFullError(max(1, ceil(wait)))
        jobs = [self._pool.submit(self._timed, document) for document in documents]
        self._waiting += jobs
        return jobs

    def _timed(self, document: Document) -> Report:
        started = perf_counter()
        report = self._read(*document)
        self._pace += 0.2 * (perf_counter() - started - self._pace)
        return report
