"""`/v1`: reports read, exported, and the schema that they fit."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, HTTPException, Response, Security
from fastapi.security import APIKeyHeader

from marsad.schema import Labels, Report
from marsad.server.bodies import Batch, Problem, ReportText
from marsad.server.exports import MEDIA_TYPES, Export, encoded, export
from marsad.server.guard import KEY_HEADER, Metrics
from marsad.server.settings import Settings
from marsad.server.waiting import QueueFullError, ReportQueue, StoppedError

_SCHEMA = (files("marsad") / "report.schema.json").read_text("utf-8")
_REPORT = {"$ref": "#/components/schemas/Report"}
_REPORTS = {
    "type": "object",
    "required": ["reports"],
    "properties": {"reports": {"type": "array", "items": _REPORT}},
}
_PROBLEMS = {
    400: "The body is not JSON in UTF-8.",
    401: "The key is missing or wrong.",
    413: "The body, a text or the batch is too large.",
    415: "The body is not sent as JSON.",
    422: "A key or value of the body is not as it should be.",
    429: "Too much is waiting; Retry-After tells when to come back.",
    500: "The service failed.",
    503: "The service is stopping.",
    504: "The time limit passed.",
}


def api(
    queue: ReportQueue, metrics: Metrics, settings: Settings, labels: Labels, example: Report
) -> APIRouter:
    """The routes. `example` stands in the description of the service as an answer."""
    key = APIKeyHeader(name=KEY_HEADER, auto_error=False)  # told here; the guard checks it
    router = APIRouter(
        prefix="/v1", default_response_class=Response,
        dependencies=[Security(key)] if settings.api_key else [],
    )  # fmt: skip
    told = json.loads(example.to_json())

    async def read(bodies: Sequence[ReportText]) -> list[Report]:
        if (longest := max(len(body.text) for body in bodies)) > settings.max_text:
            sentence = f"a text has {longest} characters; at most {settings.max_text} are read."
            raise HTTPException(413, sentence)
        try:
            reports = queue.submit([body.document for body in bodies])
        except QueueFullError as full:
            sentence = "too many reports are waiting; try again soon."
            raise HTTPException(429, sentence, {"Retry-After": str(full.seconds)}) from full
        except StoppedError as stopped:
            raise HTTPException(503, "the service is stopping.") from stopped
        metrics.batches.observe(len(bodies))
        return await asyncio.gather(*map(asyncio.wrap_future, reports))

    @router.post("/predict", responses=_answers("The report.", _REPORT, told))
    async def predict(body: ReportText) -> Response:
        """Read a report: its mentions, its events with roles and status, its incidents."""
        (report,) = await read([body])
        return _json(report.to_json())

    @router.post("/predict/batch", responses=_answers("In order.", _REPORTS, {"reports": [told]}))
    async def predict_batch(body: Batch) -> Response:
        """Read several reports; none is read where one cannot be."""
        if (given := len(body.reports)) > settings.max_reports:
            sentence = f"a batch has {given} reports; at most {settings.max_reports} are read."
            raise HTTPException(413, sentence)
        lines = ", ".join(report.to_json() for report in await read(body.reports))
        return _json(f'{{"reports": [{lines}]}}')

    @router.post(
        "/export/{format}", responses=_answers("Rows or points.", {}, media_types=MEDIA_TYPES)
    )
    async def export_report(format: Export, body: ReportText, all: bool = False) -> Response:
        """Read a report and give its incidents as a table or as points on a map.

        `all` adds denied, possible and background incidents to ACLED's rows.
        """
        (report,) = await read([body])
        content, media_type = export(format, report, labels, all)
        return Response(content, media_type=media_type)

    @router.get("/schema", responses=_answers("A JSON Schema.", {"type": "object"}))
    async def schema() -> Response:
        """The JSON Schema of a report."""
        return _json(_SCHEMA)

    return router


def _answers(
    what: str,
    schema: Mapping[str, Any],
    example: object = None,
    media_types: Sequence[str] = ("application/json",),
) -> dict[int | str, Any]:
    """All that a route may answer, for the description of the service."""
    content: dict[str, Any] = {"schema": schema}
    if example is not None:
        content["example"] = example
    good = {"description": what, "content": dict.fromkeys(media_types, content)}
    bad: dict[int | str, Any] = {
        status: {"model": Problem, "description": why} for status, why in _PROBLEMS.items()
    }
    return {200: good, **bad}


def report_schemas() -> dict[str, Any]:
    """The schema of a report and its parts, as components of an OpenAPI description."""
    report = json.loads(_SCHEMA.replace("#/$defs/", "#/components/schemas/"))
    parts: dict[str, Any] = report.pop("$defs")
    return parts | {"Report": report}


def _json(text: str) -> Response:
    return Response(encoded(text), media_type="application/json")
