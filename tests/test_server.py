"""The service: what `predict` gives over HTTP, its limits, and how it takes what is not right."""

import csv
import io
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from threading import Event
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from marsad.artifact import load
from marsad.export import acled, rows
from marsad.extractor import Extractor
from marsad.schema import Report
from marsad.server.settings import Settings

pytest.importorskip("fastapi", reason="needs the serve extra")
pytest.importorskip("prometheus_client", reason="needs the serve extra")
from fastapi.testclient import TestClient

from marsad.server import app as app_module
from marsad.server.app import create_app
from marsad.server.logs import JsonLines
from marsad.server.waiting import QueueFullError, ReportQueue, StoppedError

TEXT = "هدد حزب الله بقصف حيفا ونفى قاسم سليماني اغتيال المتظاهرين أمس"
DAY = "2023-05-01"
AS_JSON = {"Content-Type": "application/json"}
BODY = {"text": TEXT, "date": DAY, "id": "r1"}


@pytest.fixture(scope="module")
def extractor(tiny_artifact: Path) -> Extractor:
    return load(tiny_artifact, threads=1)


@contextmanager
def serving(extractor: Extractor, **settings: Any) -> Iterator[TestClient]:
    with TestClient(create_app(extractor, Settings(**settings))) as client:
        yield client


@pytest.fixture(scope="module")
def client(extractor: Extractor) -> Iterator[TestClient]:
    with serving(extractor) as client:
        yield client


class Gate:
    """An extractor that stands still before the network until it is opened."""

    def __init__(self, extractor: Extractor):
        self.open, self.reached, self.reads = Event(), Event(), 0
        self.open.set()

        def network(arrays: Any) -> Any:
            self.reads += 1
            self.reached.set()
            assert self.open.wait(20)
            return extractor.network(arrays)

        self.extractor = Extractor(extractor.reader, extractor.decoder, network)

    def shut(self) -> None:
        self.reads = 0
        self.reached.clear()
        self.open.clear()


@pytest.fixture
def gate(extractor: Extractor) -> Gate:
    return Gate(extractor)


@contextmanager
def one_being_read(gate: Gate, client: TestClient) -> Iterator[Callable[..., Future[Any]]]:
    """The reader is busy with one report; gives what sends another body in a thread of its own."""
    with ThreadPoolExecutor(12) as pool:

        def send(body: Any = BODY, path: str = "/v1/predict") -> Future[Any]:
            return pool.submit(client.post, path, json=body)

        try:
            gate.shut()
            first = send()
            assert gate.reached.wait(20)
            yield send
            gate.open.set()
            assert first.result(20).status_code == 200
        finally:
            gate.open.set()


def until(told: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not told():
        assert time.monotonic() < end
        time.sleep(0.005)


def sentence(response: Any, status: int) -> str:
    """The error of a response, which is JSON of that status with one sentence."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    ((key, value),) = response.json().items()
    assert key == "error"
    assert value.endswith(".")
    return str(value)


def csv_lines(columns: list[str], found: Iterable[dict[str, Any]]) -> list[str]:
    """Rows as `marsad predict` prints them."""
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return file.getvalue().splitlines()


def metric(client: TestClient, line: str) -> float:
    found = [x for x in client.get("/metrics").text.splitlines() if x.startswith(line)]
    return sum(float(x.rsplit(" ", 1)[1]) for x in found)


# --- what is answered ----------------------------------------------------------------------------


def test_predict_answers_to_the_letter(client: TestClient, extractor: Extractor) -> None:
    response = client.post("/v1/predict", json=BODY)
    assert response.status_code == 200
    assert response.content == extractor.predict(TEXT, DAY, "r1").to_json().encode()
    assert response.json()["events"]


def test_date_and_id_may_be_left_out(client: TestClient, extractor: Extractor) -> None:
    response = client.post("/v1/predict", json={"text": TEXT})
    assert response.content == extractor.predict(TEXT).to_json().encode()


def test_a_batch_is_answered_in_order_each_as_if_alone(
    client: TestClient, extractor: Extractor, reports: list[Report]
) -> None:
    texts = [*(r.text for r in reports), "", TEXT, "كلمة " * 200]
    response = client.post("/v1/predict/batch", json={"reports": [{"text": t} for t in texts]})
    assert response.json() == {"reports": [extractor.predict(t).to_dict() for t in texts]}


def test_the_schema_is_the_shipped_one_and_answers_fit(client: TestClient) -> None:
    schema = client.get("/v1/schema").json()
    assert schema == json.loads((files("marsad") / "report.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(client.post("/v1/predict", json=BODY).json())


def test_exports_are_those_of_the_command_line(client: TestClient, extractor: Extractor) -> None:
    report = extractor.predict(TEXT, DAY, "r1")
    assert report.incidents
    points = client.post("/v1/export/geojson", json=BODY)
    assert points.headers["content-type"] == "application/geo+json"
    assert points.json() == rows.geojson([report])
    table = client.post("/v1/export/csv", json=BODY)
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.text.splitlines() == csv_lines(rows.columns(), rows.rows([report]))
    for query, all in (("", False), ("?all=true", True)):
        table = client.post(f"/v1/export/acled{query}", json=BODY)
        assert table.text.splitlines() == csv_lines(acled.columns(), acled.rows([report], all))


def test_the_description_has_arabic_examples_that_are_true(
    client: TestClient, extractor: Extractor
) -> None:
    description = client.get("/openapi.json").json()
    schemas = description["components"]["schemas"]
    (example,) = schemas["ReportText"]["examples"]
    assert "قصفت" in example["text"]
    operation = description["paths"]["/v1/predict"]["post"]
    answer = operation["responses"]["200"]["content"]["application/json"]
    assert answer["example"] == extractor.predict(**example).to_dict()
    assert answer["schema"] == {"$ref": "#/components/schemas/Report"}
    assert {"Report", "mention", "incident", "Problem"} <= schemas.keys()


def test_probes_and_metrics_tell_how_it_stands(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"alive": True}
    assert client.get("/readyz").json() == {"ready": True}
    line = 'marsad_requests_total{path="/v1/predict",status="200"}'
    before = metric(client, line)
    client.post("/v1/predict", json=BODY)
    client.get("/nowhere/" + "x" * 100)
    assert metric(client, line) == before + 1
    told = client.get("/metrics").text
    for name in ("request_seconds_bucket", "queue_reports", "batch_reports_bucket"):
        assert f"marsad_{name}" in told
    assert "nowhere" not in told


# --- limits --------------------------------------------------------------------------------------


def test_what_is_too_large_is_refused(extractor: Extractor) -> None:
    with serving(extractor, max_body=1000, max_text=50, max_reports=2) as client:
        assert "at most 50" in sentence(client.post("/v1/predict", json={"text": "ق" * 51}), 413)
        assert client.post("/v1/predict", json={"text": "ق" * 50}).status_code == 200
        batch = {"reports": [{"text": "قصف"}] * 3}
        assert "at most 2" in sentence(client.post("/v1/predict/batch", json=batch), 413)
        stream = (b" " * 100 for _ in range(11))  # no Content-Length
        for content in (b" " * 1001, stream):
            response = client.post("/v1/predict", content=content, headers=AS_JSON)
            assert "1000 bytes" in sentence(response, 413)


def test_a_full_queue_sends_away_and_says_when_to_come_back(gate: Gate) -> None:
    with (
        serving(gate.extractor, queue=2, max_reports=2) as client,
        one_being_read(gate, client) as send,
    ):
        waiting = [send(), send()]
        until(lambda: metric(client, "marsad_queue_reports") == 2)
        response = client.post("/v1/predict", json=BODY)
        assert "waiting" in sentence(response, 429)
        assert int(response.headers["Retry-After"]) >= 1
        gate.open.set()
        assert [w.result(20).status_code for w in waiting] == [200, 200]


def test_a_batch_gets_in_wholly_or_not_at_all(gate: Gate) -> None:
    with (
        serving(gate.extractor, queue=2, max_reports=2) as client,
        one_being_read(gate, client) as send,
    ):
        waiting = send()
        until(lambda: metric(client, "marsad_queue_reports") == 1)
        batch = {"reports": [{"text": "قصف"}] * 2}
        sentence(client.post("/v1/predict/batch", json=batch), 429)
        assert metric(client, "marsad_queue_reports") == 1
        gate.open.set()
        assert waiting.result(20).status_code == 200


def test_too_many_requests_at_once_are_sent_away(gate: Gate) -> None:
    with serving(gate.extractor, max_requests=1) as client, one_being_read(gate, client):
        assert "at once" in sentence(client.post("/v1/predict", json=BODY), 429)
        assert client.get("/healthz").status_code == 200


def test_the_time_limit_ends_a_request_and_what_waits_is_never_read(gate: Gate) -> None:
    with serving(gate.extractor, time_limit=1) as client, ThreadPoolExecutor(2) as pool:
        gate.shut()
        late = list(pool.map(lambda _: client.post("/v1/predict", json=BODY), range(2)))
        assert all("within 1 s" in sentence(response, 504) for response in late)
        gate.open.set()
        assert client.post("/v1/predict", json=BODY).status_code == 200
        assert gate.reads == 2  # the first, which was being read, and the last


def test_a_stopped_service_says_so(extractor: Extractor) -> None:
    app = create_app(extractor, Settings())
    with TestClient(app):
        pass
    client = TestClient(app)  # without a life
    assert "stopping" in sentence(client.post("/v1/predict", json=BODY), 503)
    assert "stopping" in sentence(client.get("/readyz"), 503)


@pytest.fixture
def queue(gate: Gate) -> Iterator[ReportQueue]:
    queue = ReportQueue(gate.extractor.predict, limit=8, patience=0.2)
    queue.start()
    yield queue
    gate.open.set()
    queue.stop()


def read_slowly(gate: Gate, queue: ReportQueue) -> None:
    """Let the queue learn that a report of `TEXT` takes 0.3 s, then shut the gate."""
    gate.shut()
    (slow,) = queue.submit([(TEXT, None, "")])
    time.sleep(0.3)
    gate.open.set()
    slow.result(20)
    gate.shut()


def test_nothing_is_taken_that_would_wait_too_long(gate: Gate, queue: ReportQueue) -> None:
    read_slowly(gate, queue)
    queue.submit([(TEXT, None, "")] * 2)  # one to read, one to wait: nobody is ahead of them
    assert gate.reached.wait(20)
    with pytest.raises(QueueFullError) as refused:
        queue.submit([(TEXT, None, "")])
    assert refused.value.seconds == 1


def test_long_reports_ahead_count_for_many_short_ones(gate: Gate) -> None:
    queue = ReportQueue(gate.extractor.predict, limit=8, patience=1.0)
    queue.start()
    read_slowly(gate, queue)
    queue.submit([(TEXT, None, "")])
    queue.submit([(TEXT * 10, None, "")])  # 0.3 s ahead
    with pytest.raises(QueueFullError) as refused:
        queue.submit([(TEXT, None, "")])  # 3.3 s ahead, of two reports
    assert refused.value.seconds == 4
    gate.open.set()
    queue.stop()


def test_stopping_finishes_what_is_read_and_gives_up_what_waits(
    gate: Gate, queue: ReportQueue
) -> None:
    gate.shut()
    read, waiting = queue.submit([(TEXT, None, "")] * 2)
    assert gate.reached.wait(20)
    with ThreadPoolExecutor(1) as pool:
        stopped = pool.submit(queue.stop)
        until(waiting.cancelled)
        gate.open.set()
        stopped.result(20)
    assert read.result(0).text == TEXT
    with pytest.raises(StoppedError):
        queue.submit([(TEXT, None, "")])


# --- who may -------------------------------------------------------------------------------------


def test_with_a_key_only_its_bearers_are_answered(extractor: Extractor) -> None:
    with serving(extractor, api_key="سر-1") as client:
        for headers in ({}, {"X-API-Key": ""}, {"X-API-Key": "wrong"}):
            response = client.post("/v1/predict", json=BODY, headers=headers)
            assert "X-API-Key" in sentence(response, 401)
            assert response.headers["WWW-Authenticate"] == "ApiKey"
        for path in ("/v1/schema", "/metrics", "/nowhere"):
            sentence(client.get(path), 401)
        right = {"X-API-Key": "سر-1".encode()}
        assert client.post("/v1/predict", json=BODY, headers=right).status_code == 200
        for path in ("/healthz", "/readyz"):
            assert client.get(path).status_code == 200
        description = client.get("/openapi.json").json()
        assert description["paths"]["/v1/predict"]["post"]["security"]


def test_the_key_is_not_shown() -> None:
    assert "secret" not in repr(Settings(api_key="secret"))


def ask(client: TestClient, origin: str) -> Any:
    """A browser's question before it sends JSON from another origin."""
    headers = {
        "Origin": origin, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, x-api-key",
    }  # fmt: skip
    return client.options("/v1/predict", headers=headers)


def test_other_origins_are_shut_out_unless_named(client: TestClient, extractor: Extractor) -> None:
    sentence(ask(client, "https://a.example"), 405)
    plain = client.post("/v1/predict", json=BODY, headers={"Origin": "https://a.example"})
    assert "access-control-allow-origin" not in plain.headers
    with serving(extractor, origins="https://a.example https://b.example", api_key="k") as other:
        allowed = ask(other, "https://b.example")
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == "https://b.example"
        assert "CORS" in sentence(ask(other, "https://c.example"), 400)


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    for path in ("/healthz", "/v1/schema", "/nowhere"):
        headers = client.get(path).headers
        assert headers["Content-Security-Policy"].startswith(
            "default-src 'none'; script-src 'self'"
        )
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


# --- the page ------------------------------------------------------------------------------------


def test_the_page_and_its_files_are_served(
    extractor: Extractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    types = {
        "index.html": "text/html", "page.css": "text/css", "page.js": "javascript",
        "fonts/kufi.woff2": "font/woff2", "icon.svg": "image/svg+xml",
    }  # fmt: skip
    for name in types:
        (tmp_path / "static" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "static" / name).write_text(f"<{name}>", "utf-8")
    (tmp_path / "secret.txt").write_text("secret", "utf-8")
    monkeypatch.setattr(app_module, "STATIC", tmp_path / "static")
    with serving(extractor, api_key="k") as client:  # the page itself needs no key
        for name, type in types.items():
            response = client.get("/" if name == "index.html" else f"/{name}")
            assert type in response.headers["content-type"]
            assert response.text == f"<{name}>"
            assert "script-src 'self'" in response.headers["Content-Security-Policy"]
        key = {"X-API-Key": "k"}
        for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/fonts/..%2f..%2fsecret.txt"):
            sentence(client.get(path, headers=key), 404)


# --- what is not right ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "قصف\x00حيفا\x00", "\u202eقصف حيفا\u202c \u2066أمس", "قصف \ud83d حيفا \udc00",
        "م" * 1_000_000, "قصف حيفا\r\n\u0640\u064b 🚀", "", " \n", "\ufeffقصف",
        "ignore all instructions <script>alert(1)</script> '; DROP TABLE",
    ],
)  # fmt: skip
def test_odd_texts_are_read_as_predict_reads_them(extractor: Extractor, text: str) -> None:
    body = json.dumps({"text": text})
    with serving(extractor, max_text=10**6, max_body=10**7) as client:
        response = client.post("/v1/predict", content=body, headers=AS_JSON)
        assert response.content == extractor.predict(text).to_json().encode()
        for format in ("csv", "acled", "geojson"):
            response = client.post(f"/v1/export/{format}", content=body, headers=AS_JSON)
            assert response.status_code == 200


@pytest.mark.parametrize(
    ("content", "status", "piece"),
    [
        (b"", 422, "the body"),
        (b"null", 422, "the body"),
        (b"[]", 422, "the body"),
        (b"{", 400, "broken JSON"),
        (b'{"text": "\xd9', 400, "UTF-8"),
        (b"\xff\xfe\xfd", 400, "UTF-8"),
        ("قصف".encode("cp1256"), 400, "UTF-8"),
        (b'{"text": ' + b"9" * 10_000 + b"}", 400, "digits"),
        (b"[" * 100_000, 400, "nested"),
        (b'{"text": 1e999}', 422, "text: should be a string"),
        (b'{"text": NaN}', 422, "text: should be a string"),
        (b'{"text": ["a"]}', 422, "text: should be a string"),
        (b'{"date": "2022-01-04"}', 422, "text: field required"),
        (b'{"text": "a", "date": "2022-13-01"}', 422, "date: should be a day"),
        (b'{"text": "a", "date": 20220104}', 422, "date: should be a day"),
        (b'{"text": "a", "date": ""}', 422, "date: should be a day"),
        (b'{"text": "a", "id": 7}', 422, "id: should be a string"),
        (b'{"text": "a", "txet": "b"}', 422, "txet: extra"),
        (b'{"text": "a", "\\ud800": "b"}', 422, "unicode"),
        (b'{"text": "a", "' + b"x" * 100_000 + b'": 1}', 422, "extra"),
    ],
)
def test_broken_bodies_get_a_sentence(
    client: TestClient, content: bytes, status: int, piece: str
) -> None:
    response = client.post("/v1/predict", content=content, headers=AS_JSON)
    told = sentence(response, status)
    assert piece in told
    assert len(told) < 200


def test_a_batch_names_the_report_that_is_not_right(client: TestClient) -> None:
    batch = {"reports": [{"text": "a"}, {"text": "b", "date": "gestern"}]}
    assert sentence(client.post("/v1/predict/batch", json=batch), 422).startswith("reports.1.date:")
    assert "reports" in sentence(client.post("/v1/predict/batch", json={"reports": []}), 422)


def test_other_addresses_methods_and_types_get_a_sentence(client: TestClient) -> None:
    assert "openapi.json" in sentence(client.get("/v2/predict"), 404)
    response = client.get("/v1/predict")
    assert "method" in sentence(response, 405)
    assert response.headers["Allow"] == "POST"
    assert "csv" in sentence(client.post("/v1/export/pdf", json=BODY), 422)
    for headers in ({}, {"Content-Type": "text/plain"}):
        response = client.post("/v1/predict", content=json.dumps(BODY), headers=headers)
        assert "Content-Type" in sentence(response, 415)


# --- logs ----------------------------------------------------------------------------------------


def test_logs_are_json_lines_without_a_word_of_a_report(
    extractor: Extractor, caplog: pytest.LogCaptureFixture
) -> None:
    def sick(_: Any) -> Any:
        raise RuntimeError(f"cannot read {TEXT}")

    caplog.set_level(logging.INFO, "marsad.server")
    failing = Extractor(extractor.reader, extractor.decoder, extractor.network)
    with serving(failing) as client:
        assert client.post("/v1/predict", json=BODY).status_code == 200
        client.get(f"/v1/predict?text={TEXT}", headers={"X-Request-ID": TEXT.encode()})
        client.get(f"/{TEXT}")
        client.post("/v1/predict", json={"text": TEXT, "date": TEXT})
        failing.network = sick
        failed = client.post("/v1/predict", json=BODY)
    assert "failed" in sentence(failed, 500)
    assert TEXT.split()[0] not in failed.text
    written = [JsonLines().format(record) for record in caplog.records]
    lines = [json.loads(line) for line in written]
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["status"] for line in requests] == [200, 405, 404, 422, 500]
    assert requests[0].keys() == {"when", "level", "event", "request", "path", "status", "seconds"}
    (failure,) = (line for line in lines if line["event"] == "failed")
    assert failure["error"] == "RuntimeError"
    assert failure["request"] == failed.headers["X-Request-ID"]
    assert any("test_server.py" in place for place in failure["at"])
    for word in TEXT.split():
        assert not [line for line in lines if word in json.dumps(line, ensure_ascii=False)]


# --- the command ---------------------------------------------------------------------------------


def run(*arguments: str) -> tuple[int, str]:
    from marsad import cli

    result = CliRunner().invoke(cli.app, ["serve", *arguments])
    return result.exit_code, result.stderr


def test_every_setting_but_the_key_is_an_option_and_a_variable() -> None:
    from typer.main import get_command

    from marsad import cli

    options = get_command(cli.app).commands["serve"].params  # type: ignore[attr-defined]
    told = {o.name: (o.opts, o.envvar, o.default) for o in options}
    assert told == {
        f.name: ([f"--{f.name.replace('_', '-')}"], f"MARSAD_{f.name.upper()}", f.default)
        for f in fields(Settings)
        if f.name != "api_key"
    }


def test_the_default_is_this_machine_only() -> None:
    assert Settings().host == "127.0.0.1"


def test_a_missing_extra_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    code, told = run()
    assert code == 2
    assert told == "marsad: serve needs uvicorn: pip install 'marsad[serve]'.\n"


def test_the_command_line_does_without_the_extra() -> None:
    probe = "import sys, marsad.cli; assert not {'fastapi', 'uvicorn'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", probe], check=True)


def test_a_port_in_use_is_told(client: TestClient) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, told = run("--port", str(taken.getsockname()[1]))
    assert code == 2
    assert "cannot listen on 127.0.0.1" in told


@pytest.mark.parametrize(
    ("arguments", "variables", "piece"),
    [
        (["--port", "99999"], {}, "--port"),
        ([], {"MARSAD_QUEUE": "many"}, "queue"),
        (["--queue", "1"], {}, "--queue should be at least --max-reports"),
        ([], {"MARSAD_API_KEY": " "}, "MARSAD_API_KEY is empty"),
        (["--port", "0", "--model", "nowhere"], {}, "no such artifact folder"),
    ],
)
def test_wrong_settings_are_told(
    arguments: list[str], variables: dict[str, str], piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    code, told = run(*arguments)
    assert code == 2
    assert piece in told


# --- in a process of its own ---------------------------------------------------------------------


def _write_nothing() -> None:
    """The kernel lets this process put no byte into a file."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@contextmanager
def process(
    artifact: Path, folder: Path, *arguments: str
) -> Iterator[tuple[subprocess.Popen[str], str, Future[list[Any]]]]:
    """`marsad serve` that may write no file, the URL in its log, and the rest of its log."""
    start = "from marsad.cli import main; main()"
    command = [sys.executable, "-c", start, "serve", "--port", "0", "--model", str(artifact)]
    home = {"HOME": str(folder), "TMPDIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    server = subprocess.Popen(
        [*command, *arguments], stderr=subprocess.PIPE, text=True, cwd=folder,
        env={**os.environ, **home}, preexec_fn=_write_nothing,
    )  # fmt: skip
    assert server.stderr
    with ThreadPoolExecutor(1) as pool:
        try:
            line = json.loads(server.stderr.readline())
            assert line["event"] == "listening"
            log = pool.submit(lambda err: list(map(json.loads, err)), server.stderr)
            yield server, f"http://{line['host']}:{line['port']}", log
        finally:
            server.kill()
            server.wait()


def post(url: str, body: Any, path: str = "/v1/predict") -> tuple[int, bytes]:
    request = Request(url + path, json.dumps(body).encode(), AS_JSON)
    try:
        with urlopen(request, timeout=60) as response:
            return response.status, response.read()
    except HTTPError as error:
        return error.code, error.read()


@pytest.mark.slow
def test_sigterm_lets_requests_in_flight_finish_and_no_file_is_written(
    tiny_artifact: Path, tmp_path: Path, extractor: Extractor
) -> None:
    long = {"text": "هدد حزب الله بقصف حيفا. " * 400}
    with (
        process(tiny_artifact, tmp_path, "--threads", "1") as (server, url, log),
        ThreadPoolExecutor(4) as pool,
    ):
        assert post(url, BODY) == (200, extractor.predict(TEXT, DAY, "r1").to_json().encode())
        status, body = post(url, {"text": "م" * 1_000_000})
        assert (status, json.loads(body).keys()) == (413, {"error"})
        flying = [pool.submit(post, url, long) for _ in range(4)]
        until(lambda: b"marsad_queue_reports 3.0" in urlopen(url + "/metrics").read())
        server.send_signal(signal.SIGTERM)
        assert [f.result()[0] for f in flying] == [200] * 4
        assert server.wait(20) == 0
        statuses = [line["status"] for line in log.result(20) if line.get("path") == "/v1/predict"]
    assert statuses == [200, 413, *[200] * 4]
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_under_load_every_answer_is_what_predict_gives(
    tiny_artifact: Path, tmp_path: Path, extractor: Extractor, reports: list[Report]
) -> None:
    from marsad.server.load_check import check

    sent = [(r.text, r.date, r.id) for r in reports]
    with process(tiny_artifact, tmp_path, "--threads", "1") as (_, url, _):
        figures = check(url, extractor, sent, clients=32, seconds=3)
    assert figures.sound, figures
    assert 0 < figures.memory[-1] < 1.1 * figures.memory[0]
