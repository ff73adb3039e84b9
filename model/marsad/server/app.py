"""The application: an extractor, its settings, and what is answered where."""

import asyncio
import mimetypes
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

import marsad
from marsad.extractor import Extractor
from marsad.server.api import api, report_schemas
from marsad.server.bodies import EXAMPLE, told
from marsad.server.guard import KEY_HEADER, Cors, Guard, Metrics, problem
from marsad.server.settings import Settings
from marsad.server.waiting import ReportQueue

STATIC = Path(str(files("marsad") / "server" / "static"))
_OPEN = {"/healthz", "/readyz", "/openapi.json"}
_SENTENCES = {  # what the framework says, and what we say
    "Not Found": "nothing is here; /openapi.json lists what is where.",
    "Method Not Allowed": "this address takes another method; the header Allow names it.",
    "There was an error parsing the body": "the body should be JSON in UTF-8, not nested deeply "
    "and without numbers of thousands of digits.",
}
mimetypes.add_type("font/woff2", ".woff2")  # not known everywhere


class _Service(FastAPI):
    def __init__(self, limits: Settings, **options: Any):
        super().__init__(**options)
        self.limits = limits

    def openapi(self) -> dict[str, Any]:
        """FastAPI's description, with the report's own schema and the limits in it."""
        description = super().openapi()
        schemas = description["components"]["schemas"]
        schemas |= report_schemas()
        schemas["Batch"]["properties"]["reports"]["maxItems"] = self.limits.max_reports
        schemas["ReportText"]["properties"]["text"]["maxLength"] = self.limits.max_text
        return description


def create_app(extractor: Extractor, settings: Settings) -> FastAPI:
    """The ASGI application. A report is read here, so the network is warm before the first."""
    example = extractor.predict(**EXAMPLE)
    metrics = Metrics()
    read = partial(extractor.predict, threads=1)  # the queue has as many threads as the extractor
    queue = ReportQueue(read, settings.queue, settings.time_limit / 2, extractor.threads)
    metrics.queue.set_function(lambda: queue.waiting)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        queue.start()
        yield
        await asyncio.to_thread(queue.stop)

    app = _Service(
        settings, title="marsad", version=marsad.__version__, lifespan=lifespan,
        description="Reads Arabic reports of armed conflict into typed events.",
        docs_url=None, redoc_url=None,  # they load scripts from elsewhere
        redirect_slashes=False,  # to a host that the client names
    )  # fmt: skip
    app.include_router(api(queue, metrics, settings, extractor.decoder.labels, example))
    _add_probes(app, queue, metrics)
    pages = dict(_pages())
    for path, file in pages.items():
        _add_page(app, path, file)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_middleware(Guard, settings=settings, metrics=metrics, open_paths=_OPEN | pages.keys())
    if settings.origins:
        app.add_middleware(
            Cors, allow_origins=settings.origins.split(), allow_methods=["GET", "POST"],
            allow_headers=[KEY_HEADER], expose_headers=["Retry-After", "X-Request-ID"],
        )  # fmt: skip
    return app


def _add_probes(app: FastAPI, queue: ReportQueue, metrics: Metrics) -> None:
    @app.get("/healthz")
    async def alive() -> dict[str, bool]:
        """Whether the process answers."""
        return {"alive": True}

    @app.get("/readyz")
    async def ready() -> Response:
        """Whether reports are taken and read."""
        if queue.ready:
            return JSONResponse({"ready": True})
        return problem(503, "the service is stopping.")

    @app.get("/metrics", response_class=PlainTextResponse)
    async def prometheus() -> Response:
        """Requests, latency, queue and batch size for Prometheus."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _pages() -> Iterator[tuple[str, Path]]:
    """The files of the page by their address; `/` is index.html."""
    for file in sorted(STATIC.rglob("*")):
        if file.is_file():
            name = file.relative_to(STATIC).as_posix()
            yield ("/" if name == "index.html" else f"/{name}"), file


def _add_page(app: FastAPI, path: str, file: Path) -> None:
    async def page() -> Response:
        return FileResponse(file, headers={"Cache-Control": "no-cache"})

    app.add_api_route(path, page, methods=["GET", "HEAD"], include_in_schema=False)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem(*told(error.errors()))


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = _SENTENCES.get(error.detail, error.detail)
    return problem(error.status_code, sentence, error.headers)
