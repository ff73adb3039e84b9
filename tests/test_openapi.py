"""Schemathesis: whatever the OpenAPI description allows gets an answer that it describes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from marsad import load

schemathesis = pytest.importorskip("schemathesis", reason="needs the dev extra")
pytest.importorskip("fastapi", reason="needs the serve extra")
from fastapi.testclient import TestClient  # noqa: E402

from marsad.server.app import create_app  # noqa: E402
from marsad.server.settings import Settings  # noqa: E402


@pytest.fixture(scope="module")
def operations(tiny_artifact: Path) -> Iterator[dict[str, Any]]:
    app = create_app(load(tiny_artifact, threads=1), Settings())
    with TestClient(app):
        described = schemathesis.openapi.from_asgi("/openapi.json", app)
        # what is longer than described is refused, too, in a way of its own
        described.config.checks.negative_data_rejection.expected_statuses += ["413"]
        found = described.get_all_operations()
        yield {operation.ok().label: operation.ok() for operation in found}


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
def test_every_answer_is_as_described(mode: Any, operations: dict[str, Any]) -> None:
    assert {"POST /v1/predict", "POST /v1/predict/batch"} < operations.keys()
    for operation in operations.values():
        if mode is schemathesis.GenerationMode.NEGATIVE and operation.method != "post":
            continue  # what takes nothing can be given nothing wrong

        @given(operation.as_strategy(generation_mode=mode))
        @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
        def answered(case: Any) -> None:
            case.call_and_validate()

        answered()


def test_the_limits_are_described(tiny_artifact: Path) -> None:
    app = create_app(load(tiny_artifact, threads=1), Settings(max_reports=7, max_text=99))
    schemas = app.openapi()["components"]["schemas"]
    assert schemas["Batch"]["properties"]["reports"]["maxItems"] == 7
    assert schemas["ReportText"]["properties"]["text"]["maxLength"] == 99
