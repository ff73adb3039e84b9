"""Around every request: key, limits, errors as JSON, security headers, a log line, metrics."""

import asyncio
import hmac
import json
import logging
from collections.abc import Collection, Mapping
from time import perf_counter
from uuid import uuid4

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from marsad.server.exports import encoded
from marsad.server.settings import Settings

LOG = logging.getLogger("marsad.server")
KEY_HEADER = "X-API-Key"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "font-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_DROPPED = 64  # times the limit
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """What Prometheus reads: requests, latency, queue, batch size, and the process itself."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "marsad_requests", "Requests answered.", ["path", "status"], registry=registry
        )
        self.latency = Histogram(
            "marsad_request_seconds", "From a request's head to the end of its answer.", ["path"],
            registry=registry, buckets=_SECONDS,
        )  # fmt: skip
        self.queue = Gauge("marsad_queue_reports", "Reports that wait.", registry=registry)
        self.batches = Histogram(
            "marsad_batch_reports", "Reports of a request.",
            registry=registry, buckets=(1, 2, 4, 8, 16, 32, 64),
        )  # fmt: skip


def problem(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as the service tells it."""
    body = encoded(json.dumps({"error": sentence}, ensure_ascii=False))
    return Response(body, status, headers, "application/json")


class Guard:
    """ASGI middleware; paths other than `open_paths` need the key where one is set."""

    def __init__(
        self, app: ASGIApp, settings: Settings, metrics: Metrics, open_paths: Collection[str]
    ):
        self.app, self.metrics, self.open_paths = app, metrics, open_paths
        self.key = settings.api_key and settings.api_key.encode()
        self.settings, self.inside = settings, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and answer in the app's stead where it may not or cannot."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        id, started, status = uuid4().hex, perf_counter(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        self.inside += 1
        try:
            answer = self._refusal(scope)
            if answer is None:
                answer = await self._pass_on(scope, receive, send_with_headers, id)
            if answer is not None and not status:
                await answer(scope, receive, send_with_headers)
        finally:
            self.inside -= 1
            self._note(scope, id, status, perf_counter() - started)

    def _refusal(self, scope: Scope) -> Response | None:
        if scope["path"] in self.open_paths:
            return None
        given = Headers(scope=scope).get(KEY_HEADER, "").encode("latin-1")
        if self.key and not hmac.compare_digest(given, self.key):
            sentence = f"the header {KEY_HEADER} should hold the key of this service."
            return problem(401, sentence, {"WWW-Authenticate": "ApiKey"})
        if self.inside > self.settings.max_requests:
            return problem(429, "too many requests at once; try again soon.", {"Retry-After": "1"})
        return None

    async def _pass_on(
        self, scope: Scope, receive: Receive, send: Send, id: str
    ) -> Response | None:
        """Let the app answer; what to answer where it does not."""
        try:
            async with asyncio.timeout(self.settings.time_limit):
                await self.app(scope, self._limited(receive), send)
        except TimeoutError:
            limit = f"{self.settings.time_limit} s"
            return problem(504, f"not answered within {limit}; send less at once or try later.")
        except Exception:
            LOG.exception("failed", extra={"fields": {"request": id}})
            return problem(500, f"the service failed; its log has the details of request {id}.")
        return None

    def _limited(self, receive: Receive) -> Receive:
        """The request's body up to its limit; FastAPI passes an HTTPException on.

        The rest of a larger one is read and dropped, within reason: a client that still sends when
        the connection closes never sees the answer.
        """
        most, size = self.settings.max_body, 0

        async def receive_limited() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size <= most:
                return message
            while message.get("more_body") and size < _DROPPED * most:
                message = await receive()
                size += len(message.get("body", b""))
            raise HTTPException(413, f"the body has more than {most} bytes.")

        return receive_limited

    def _note(self, scope: Scope, id: str, status: int, seconds: float) -> None:
        path = getattr(scope.get("route"), "path", "none")  # a template, nothing that was sent
        self.metrics.requests.labels(path, status).inc()
        self.metrics.latency.labels(path).observe(seconds)
        fields = {"request": id, "path": path, "status": status, "seconds": round(seconds, 4)}
        LOG.info("request", extra={"fields": fields})


class Cors(CORSMiddleware):
    """Starlette's, with its refusals told as all others."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to the browser's question."""
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        return problem(400, "this origin, method or header is not allowed here (CORS).")
