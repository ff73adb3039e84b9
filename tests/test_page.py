"""The service's page in a real browser: reading, filters, languages, widths, keyboard."""

import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from marsad.incidents import with_incidents
from marsad.schema import Labels, Report

api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytestmark = pytest.mark.slow
STATIC = Path(str(files("marsad") / "server" / "static"))
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
Opened = Callable[..., Any]
HOSTILE = {
    "id": "x", "date": None, "same": [],
    "text": "<script>alert(1)</script>\u202eabc\u0000 قصف \U0001f4a5\r\n<img src=x onerror=a()>",
    "entities": [
        {"id": "a1", "type": "<b>", "start": 0, "end": 8, "text": "<script>"},
        {"id": "a2", "type": "L" * 300, "start": 31, "end": 34, "text": "قصف", "value": "?"},
    ],
    "events": [
        {"id": "e1", "type": "<img src=x onerror=alert(1)>", "status": "\u202eno", "start": 25,
         "end": 29, "text": "\u202eabc", "arguments": [
             {"role": "R" * 200, "id": "a1"}, {"role": "__proto__", "id": "a2"}]},
        {"id": "e2", "type": "__proto__", "status": "constructor", "start": 31, "end": 34,
         "text": "قصف", "arguments": []},
    ],
    "incidents": [
        {"id": "i1", "type": "<img src=x onerror=alert(1)>", "status": "\u202eno",
         "events": ["e1"], "arguments": [{"role": "R" * 200, "id": "a1"}], "date": "2022-W05",
         "harm": {"<i>": "3"}, "background": True, "counter_of": "i9",
         "location": {"name": "<b>x</b>", "name_ar": "", "country": "", "admin": "",
                      "latitude": 90, "longitude": -180, "precision": "area",
                      "source_id": "marsad:x"}},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The real service with the shipped model."""
    pytest.importorskip("fastapi", reason="needs the serve extra")
    uvicorn = pytest.importorskip("uvicorn", reason="needs the serve extra")
    from marsad.artifact import load
    from marsad.server.app import create_app
    from marsad.server.settings import Settings

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(load(), Settings()), log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium is installed; the page needs a browser to be tested in")
    sandbox = os.geteuid() != 0  # chromium refuses its sandbox to root
    with api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, chromium_sandbox=sandbox)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Opened]:
    """Opens the page; where `answer` is given, the service answers with it instead of reading.

    The page may write no error to the console, open no dialog and ask for nothing from elsewhere.
    """
    wrong: list[str] = []
    contexts: list[Any] = []

    def is_wrong(message: Any) -> bool:  # that an answer is an error is told to the console, too
        return message.type == "error" and not message.text.startswith("Failed to load resource")

    def open_page(answer: Any = None, width: int = 1400, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.set_default_timeout(60_000)  # a busy machine is no failure
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda r: r.url.startswith((address, "data:", "blob:")) or wrong.append(
            r.url))  # fmt: skip
        page.on("console", lambda m: wrong.append(m.text) if is_wrong(m) else None)
        if answer is not None:
            page.route("**/v1/predict", lambda route: route.fulfill(json=answer))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture
def told(reports: list[Report], labels: Labels) -> dict[str, Any]:
    """A prepared report with a dated incident on the map."""
    data = with_incidents(reports[0], labels).to_dict()
    assert {"date", "location"} <= data["incidents"][0].keys()
    return data


def read(page: Any, text: str = "نص") -> None:
    page.fill("#text", text)
    page.click("#read")
    page.wait_for_selector("#results:not([hidden])")
    page.wait_for_selector("#status:not(:empty):not(:text('…'))")


def complains(page: Any, words: str) -> None:
    api.expect(page.locator("#problem")).to_contain_text(words, timeout=60_000)


def test_the_example_is_read_by_the_service_and_exported(opened: Opened, address: str) -> None:
    page = opened()
    with page.expect_response("**/v1/predict") as answer:
        page.click("#example")
    page.wait_for_selector("#results:not([hidden])")
    report = answer.value.json()
    assert report["events"]
    assert page.text_content("#report") == report["text"]
    assert page.locator("#events > li").count() == len(report["events"])
    assert page.locator("#incidents tbody tr").count() == len(report["incidents"])
    assert page.locator("#map circle").count() == page.locator(".places li").count() > 0

    asked = {key: report[key] for key in ("id", "text", "date")}
    for format, button in {"csv": "CSV", "geojson": "GeoJSON", "acled": "ACLED"}.items():
        exported = page.request.post(f"{address}/v1/export/{format}", data=asked).text()
        assert downloaded(page, button) == exported
    assert json.loads(downloaded(page, "JSON")) == report
    page.click("[aria-label='انسخ JSON']")
    page.wait_for_selector("#status:text('JSON')")
    assert json.loads(page.evaluate("navigator.clipboard.readText()")) == report


def downloaded(page: Any, format: str) -> str:
    with page.expect_download() as download:
        page.click(f"[aria-label='نزّل {format}']")
    return Path(download.value.path()).read_text("utf-8")


def test_spans_are_marked_where_they_stand(opened: Opened, told: dict[str, Any]) -> None:
    page = opened(told)
    read(page)
    for kind, spans in (("mention", told["entities"]), ("event", told["events"])):
        marked = page.locator(f"mark.{kind}").all_text_contents()
        assert marked == [s["text"] for s in sorted(spans, key=lambda s: s["start"])]


def test_offsets_are_code_points(opened: Opened) -> None:
    text = "\U0001f4a5\r\nقَصْف \U0001f600 حلب"
    span = {"id": "m1", "type": "T", "start": 11, "end": 14, "text": "حلب"}
    page = opened({"id": "", "date": None, "text": text, "entities": [span], "events": []})
    read(page)
    assert page.locator("mark").all_text_contents() == ["حلب"]
    assert page.text_content("#report") == text


def test_the_legend_hides_and_shows(opened: Opened, told: dict[str, Any]) -> None:
    page = opened(told)
    read(page)
    kind = told["events"][0]["type"]
    button = page.get_by_role("button", name=f"{kind} 1")
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert button.evaluate("node => node === document.activeElement")
    assert page.locator("mark.event").count() == len(told["events"]) - 1
    assert kind not in page.inner_text("#events") + page.inner_text("#incidents")
    button.click()
    assert page.locator("mark.event").count() == len(told["events"])


def test_lines_lead_from_a_trigger_to_its_roles(opened: Opened, told: dict[str, Any]) -> None:
    page = opened(told)
    read(page)
    for event in told["events"]:
        button = page.locator(f"[data-event={event['id']}]")
        if button.get_attribute("aria-pressed") == "false":
            button.click()
        roles = [argument["role"] for argument in event["arguments"]]
        assert page.locator(".links path").count() == len(roles)
        assert page.locator(".links text").all_text_contents() == roles
    page.locator("mark.event").first.click()  # the text chooses, too
    assert page.locator("[aria-pressed=true][data-event]").count() == 1


def test_statuses_other_than_the_usual_stand_out(opened: Opened, told: dict[str, Any]) -> None:
    page = opened(told)
    read(page)
    statuses = [event["status"] for event in told["events"]]
    usual = max(statuses, key=statuses.count)
    odd = [status for status in statuses if status != usual]
    assert odd
    assert page.locator("#events .badge.odd").all_text_contents() == odd


def test_a_report_without_events_says_so(opened: Opened) -> None:
    page = opened(Report("r", "صباح الخير").to_dict())
    read(page)
    assert page.inner_text("#events") == "لا أحداث هنا."
    assert page.inner_text("#map") == "لم يعرف موضع أي واقعة."


def test_arabic_runs_from_the_right_and_the_language_is_remembered(
    opened: Opened, told: dict[str, Any]
) -> None:
    page = opened(told)

    def sides() -> tuple[str, float, float]:
        text, events = (page.locator(at).bounding_box()["x"] for at in ("#report", "#events"))
        return page.evaluate("document.dir"), text, events

    read(page)
    direction, text, events = sides()
    assert (direction, text > events) == ("rtl", True)
    page.click("#language")
    direction, text, events = sides()
    assert (direction, text < events) == ("ltr", True)
    assert page.inner_text("#events-heading") == "Events"
    assert page.get_attribute("#report", "dir") == "rtl"
    page.click("#theme")
    page.reload()
    assert page.inner_text("#read") == "Read the report"
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_both_languages_say_the_same_things(opened: Opened) -> None:
    keys = opened().evaluate(
        "import('./strings.js').then(({LANGUAGES: l}) => [l.ar, l.en].map(Object.keys))"
    )
    arabic, english = ({k for k in own if not k.startswith("reason ")} for own in keys)
    assert arabic == english  # reasons are English already


@pytest.mark.parametrize(
    ("value", "said", "begins"),
    [
        ("2022-01-03", "Monday 3 January 2022", "2022-01-03"),
        ("2022-01-03TEV", "Monday 3 January 2022, evening", "2022-01-03-18:00"),
        ("2022-01-03T06:30", "Monday 3 January 2022, 06:30", "2022-01-03-06:30"),
        ("2022-01", "January 2022", "2022-01"),
        ("2022-W01", "week 1 of 2022", "2022-01-03"),
        ("2020-W53", "week 53 of 2020", "2020-12-28"),
        ("2022-Q3", "quarter 3 of 2022", "2022-07"),
        ("2022", "2022", "2022"),
        ("soon", "soon", "~soon"),
    ],
)
def test_dates_are_said_and_ordered(opened: Opened, value: str, said: str, begins: str) -> None:
    found = opened().evaluate(
        """async (value) => {
            const [dates, {speaker}] = await Promise.all(
                ['./dates.js', './strings.js'].map((name) => import(name)));
            return [dates.said(value, speaker('en')), dates.order(value)];
        }""",
        value,
    )
    assert [found[0].replace("Monday,", "Monday"), found[1]] == [said, begins]


@pytest.mark.parametrize("width", [320, 1400])
def test_a_hostile_report_is_only_text(opened: Opened, width: int) -> None:
    page = opened(HOSTILE, width)
    read(page)
    assert page.locator("#results").locator("script, img, b, i").count() == 0
    shown = page.text_content("#report")
    assert shown == str(HOSTILE["text"]).replace("\u202e", "·").replace("\0", "·")
    assert "\u202e" not in page.text_content("#results")
    assert "<b>x</b>" in page.inner_text("#map")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(
    ("letters", "pasted", "opened_as_file"),
    [("ب" * 1_000_000, "1,000,000 حرفا", "x.txt"), ("ب" * 5_000, "بلا مسافة", "بلا مسافة")],
)
def test_a_text_that_would_halt_the_browser_is_refused(
    opened: Opened, letters: str, pasted: str, opened_as_file: str
) -> None:
    page = opened()
    page.evaluate("text => navigator.clipboard.writeText(text)", letters)
    page.focus("#text")
    started = time.perf_counter()
    page.keyboard.press("Control+V")
    complains(page, pasted)
    assert page.input_value("#text") == ""
    assert time.perf_counter() - started < 20  # an idle machine needs a fraction of a second
    page.set_input_files("#file", {"name": "x.txt", "mimeType": "", "buffer": letters.encode()})
    complains(page, opened_as_file)
    assert page.input_value("#text") == ""


def test_a_file_is_opened_or_refused(opened: Opened) -> None:
    page = opened()
    page.set_input_files("#file", {"name": "a", "mimeType": "", "buffer": "قصف".encode()})
    api.expect(page.locator("#text")).to_have_value("قصف")
    page.set_input_files("#file", {"name": "b.txt", "mimeType": "", "buffer": b"\xde\xd5\xdd"})
    complains(page, "b.txt")
    assert page.input_value("#text") == "قصف"


def test_a_dropped_file_is_read_and_does_not_replace_the_page(opened: Opened) -> None:
    page = opened()
    transfer = page.evaluate_handle(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File(['قصف'], 'a.txt', {type: 'text/plain'}));
            return transfer;
        }"""
    )
    page.dispatch_event("main", "drop", {"dataTransfer": transfer})
    api.expect(page.locator("#text")).to_have_value("قصف")


def test_what_is_wrong_is_said(opened: Opened, told: dict[str, Any]) -> None:
    page = opened()
    page.click("#read")
    complains(page, "ألصق تقريرا أولا.")
    assert page.get_attribute("#text", "aria-invalid") == "true"
    page.fill("#text", "قصف " * 10_000)
    page.click("#read")
    complains(page, "40000")  # the service's own sentence
    page.fill("#text", "قصف")
    page.fill("#date", "2022-01-04")
    page.focus("#date")
    page.keyboard.press("Backspace")
    page.click("#read")
    page.wait_for_selector("#date[aria-invalid=true]")
    page.fill("#date", "")

    page.route("**/v1/predict", lambda route: route.abort())
    page.click("#read")
    complains(page, "تعذر")
    page.route("**/v1/predict", lambda route: route.fulfill(body="<html>"))
    page.click("#read")
    complains(page, "لا تفهمه")
    page.route("**/v1/predict", lambda route: route.fulfill(json={"events": [{}], "text": 1}))
    page.click("#read")
    complains(page, "لا تفهمه")
    assert page.is_hidden("#results")
    page.click("#language")
    complains(page, "The service answered with something")


def test_a_service_with_a_key_gets_it(opened: Opened, told: dict[str, Any]) -> None:
    page = opened()

    def guarded(route: Any) -> None:
        if route.request.headers.get("x-api-key") == "sesame":
            route.fulfill(json=told)
        else:
            route.fulfill(status=401, json={"error": "a key is needed."})

    page.route("**/v1/predict", guarded)
    page.fill("#text", "نص")
    assert page.is_hidden("#key")
    page.click("#read")
    complains(page, "a key is needed.")
    page.fill("#key", "sesame")
    read(page)
    assert page.locator("#events > li").count() == len(told["events"])


def test_the_map_goes_where_it_is_told(opened: Opened, told: dict[str, Any]) -> None:
    page = opened(told)
    read(page)

    def ground() -> str:
        return str(page.get_attribute("svg.map > g", "transform"))

    views = [ground()]
    for button in ("تقريب", "تبعيد", "كل المواضع"):
        page.get_by_role("button", name=button).click()
        views.append(ground())
    assert views[0] == views[2] == views[3] != views[1]
    page.click(".places button")
    assert ground() != views[0]
    box = page.locator("svg.map").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    before = ground()
    page.mouse.move(middle[0] + 40, middle[1] + 40)
    page.mouse.up()
    assert ground() != before


@pytest.mark.parametrize("width", [320, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["ar", "en"])
def test_every_width_theme_and_language_is_accessible(
    opened: Opened, told: dict[str, Any], tmp_path: Path, width: int, scheme: str, language: str
) -> None:
    page = opened(told, width, color_scheme=scheme)
    if language == "en":
        page.click("#language")
    read(page)
    page.click("summary")
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe")
    results = axe.Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def test_the_keyboard_alone_is_enough(opened: Opened, told: dict[str, Any]) -> None:
    page = opened(told)
    press = page.keyboard.press

    def focused() -> str:
        return str(page.evaluate("document.activeElement.id"))

    def tab_to(selector: str) -> None:
        for _ in range(60):
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
            press("Tab")
        raise AssertionError(f"Tab never reaches {selector}")

    press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    press("Enter")
    press("Tab")
    assert focused() == "text"
    page.keyboard.insert_text("نص")
    press("Control+Enter")
    page.wait_for_selector("#results:not([hidden])")
    tab_to("#legend button")
    press("Space")
    assert page.locator("#legend [aria-pressed=false]").count() == 1
    tab_to("#events li:nth-child(2) button")
    press("Enter")
    assert page.locator("[data-event][aria-pressed=true]").count() == 1
    tab_to(".places button")
    press("Enter")
    tab_to("summary")
    press("Enter")
    assert page.locator("#mentions table").is_visible()


def test_the_files_are_small_and_write_no_markup(labels: Labels) -> None:
    held = [path for path in STATIC.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in held) < 1_500_000
    names = {*labels.mentions, *labels.events}
    for path in held:
        if path.suffix in {".js", ".html", ".css"}:
            source = path.read_text("utf-8")
            for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("):
                assert word not in source, path
            assert not [name for name in names if f'"{name}"' in source], path
            assert "style=" not in source, path
