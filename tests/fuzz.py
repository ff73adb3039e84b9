"""Feeds random inputs to everything that takes input from outside; run as a file for a long run.

    python tests/fuzz.py 1000000 [--seed N] [--seconds N]

Each target makes one input from a random generator, runs it and checks what must hold of the
answer. A MarsadError is an answer; any other exception is a find, printed with its target and seed,
as is an input that takes more than SLOW seconds. `tests/test_fuzz.py` runs a share of it.
"""

import argparse
import json
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import marsad
from marsad import resolve
from marsad.decode import Decoder, RoleTables, WordScores
from marsad.errors import MarsadError
from marsad.export import acled, rows
from marsad.extractor import Extractor
from marsad.formats import FORMATS, FormatName
from marsad.formats.ledger import Ledger
from marsad.roles import FEATURES
from marsad.schema import Labels, Report, default_labels
from marsad.text import split_words
from marsad.windows import plan

SLOW = 10.0  # seconds; a machine that does other things, too, is no find
_WORDS = """
قتل أصيب قصف هجوم أحبط نفى حاول غارة صاروخ طائرة مسيرة الجيش حزب الله في بغداد حلب ثلاثة
عشرون مئتي ألف مليون عشرات أكثر من نحو ما لا يقل عن قتيلان جنديين بين و إلى منذ قبل بعد
أمس أول اليوم غدا الماضي المقبل الثلاثاء فجر مساء ظهر الساعة يناير كانون الثاني جانفي
رمضان محرم هجري ميلادي عام سنة شهر أسبوع يوم يومين أسبوعين ساعات نصف ربع الليل صباحا مدينة
قرب
"""
_PIECES = [
    *"وفبلكس ءاأإآةهىيئؤ ٠١٢٣٤٥٦٧٨٩0123456789/-:.,،؛؟!«»\"'()[]|#@_=\n\t",
    "\u0640", "\u064b", "\u0651", "\u200f", "\u202e", "\ufeff", "\ud800", "\x00", "\u0301", "😀",
    "ﷺ", "ﻻ", "پ", "گ", "a", "Z", "ß", "漢", "\u2028", "\r\n", " " * 5, "م" * 70,
    *_WORDS.split(),
]  # fmt: skip
_VALUE = re.compile(r"\d{4}.*|\?")


def text_of(rng: random.Random, most: int = 30) -> str:
    """A text of random pieces, joined or apart."""
    space = rng.choice(("", " ", " ", " "))
    return space.join(rng.choice(_PIECES) for _ in range(rng.randrange(most)))


def check_report(report: Report, labels: Labels) -> None:
    """Offsets, links and labels of a report hold, and it comes back from its JSON the same."""
    problems = list(report.problems(labels))
    assert not problems, problems[0]
    assert Report.from_dict(json.loads(report.to_json())) == report


def dates(rng: random.Random) -> None:
    """`resolve.date` gives an ISO value or nothing."""
    anchor = rng.choice((None, "2022-01-04", "2020-02-29", "0001-01-01", "9999-12-31"))
    found = resolve.date(text_of(rng, 9), anchor)
    assert found is None or _VALUE.fullmatch(found.value), found


def counts(rng: random.Random) -> None:
    """`resolve.count` gives a range that is one."""
    found = resolve.count(text_of(rng, 9))
    if found and None not in (found.minimum, found.maximum):
        assert 0 <= found.minimum <= found.maximum, found


def names(rng: random.Random) -> None:
    """Places lie on the earth; actors have a class."""
    found = resolve.place(text_of(rng, 5), [text_of(rng, 3)])
    assert found is None or (abs(found.latitude) <= 90 and abs(found.longitude) <= 180), found
    actor = resolve.actor(text_of(rng, 5))
    assert actor is None or actor.actor_class, actor


def words(rng: random.Random) -> None:
    """Words are in order, apart, inside the text, and hold all that is visible of it."""
    text = text_of(rng, 200)
    found, end = split_words(text), 0
    for (a, b), form in zip(found.spans, found.forms, strict=True):
        assert end <= a < b <= len(text)
        assert form
        end = b


def windows(rng: random.Random) -> None:
    """Every word is owned once, and no window of several words passes the limit."""
    sizes = [rng.choice((1, 1, 2, 3, 16)) for _ in range(rng.randrange(300))]
    limit = rng.randrange(1, 64)
    owned = []
    for window in plan(sizes, limit):
        owned += range(window.first, window.last)
        assert window.start <= window.first <= window.last <= window.end
        assert sum(sizes[window.start : window.end]) <= limit or window.end == window.start + 1
    assert owned == list(range(len(sizes)))


def decoding(rng: random.Random) -> None:
    """Any scores at all decode to a report that holds."""
    labels, draw = default_labels(), np.random.default_rng(rng.getrandbits(32))
    text = text_of(rng, 40)
    found = split_words(text)
    roles, depth, scale = len(labels.roles), 4, rng.choice((0.1, 3.0, 100.0))
    sizes = (
        1 + 2 * len(labels.mentions), 1 + 2 * len(labels.events), len(labels.statuses), 3,
        roles * depth, roles * depth,
    )  # fmt: skip
    scores = WordScores(
        *(draw.normal(0, scale, (len(found), size)).astype(np.float32) for size in sizes)
    )
    shape = (len(labels.events), len(labels.mentions), roles)
    tables = RoleTables(
        draw.normal(0, 1, shape).astype(np.float32),
        tuple(draw.normal(0, 1, (n, roles)).astype(np.float32) for n in FEATURES.values()),
    )
    check_report(Decoder(labels, tables).report(text, found, scores, "x"), labels)


def reading(extractor: Extractor) -> Callable[[random.Random], None]:
    """`predict` and the rows of every export, of any text and date."""

    def target(rng: random.Random) -> None:
        date = rng.choice((None, "2022-01-04", "2022-13-01", "", "٢٠٢٢-٠١-٠٤"))
        report = extractor.predict(text_of(rng, 60), date)
        check_report(report, extractor.decoder.labels)
        list(rows.rows([report]))
        rows.geojson([report])
        list(acled.rows([report], everything=True))

    return target


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The bytes with a few cut out, doubled, changed or put in."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(out) + 1)
        there = at + rng.choice((1, 1, 2, 5, 40))
        kind = rng.randrange(4)
        if kind == 0:
            del out[at:there]
        elif kind == 1:
            out[at:at] = out[at:there]
        elif kind == 2:
            out[at:there] = rng.randbytes(there - at)
        else:
            out[at:at] = rng.choice((b"null", b"-1", b'"', b"{", b"]", b"9" * 30, b"\t", b"\n"))
    return bytes(out)


def importing(name: FormatName, reports: list[Report]) -> Callable[[random.Random], None]:
    """A reader of a format, on files that were sound and are not any more."""
    labels = default_labels()
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "sound"
        FORMATS[name].write(iter(reports), target, labels, Ledger())
        folder = target.is_dir()
        paths = sorted(target.rglob("*")) if folder else [target]
        sound = {p.name: p.read_bytes() for p in paths if p.is_file()}

    def target_(rng: random.Random) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            victim = rng.choice(list(sound))
            for file, data in sound.items():
                found = damaged(data, rng) if file == victim else data
                (Path(scratch) / file).write_bytes(found)
            source = Path(scratch) if folder else Path(scratch) / victim
            for report in FORMATS[name].read(source, labels, Ledger()):
                check_report(report, labels)

    return target_


def posting(extractor: Extractor) -> tuple[Callable[[random.Random], None], Callable[[], None]]:
    """The HTTP layer: whatever is sent gets an answer with a status below 500. And its end."""
    from fastapi.testclient import TestClient

    from marsad.server.app import create_app
    from marsad.server.settings import Settings

    client = TestClient(create_app(extractor, Settings()))
    client.__enter__()
    paths = ("/v1/predict", "/v1/predict/batch", "/v1/schema", "/healthz", "/", "/v1/../x")

    def value(rng: random.Random, depth: int = 0) -> Any:
        kinds: list[Callable[[], Any]] = [
            lambda: text_of(rng), lambda: None, lambda: rng.randrange(-9, 10**20), lambda: True,
            lambda: "2022-01-04", lambda: 1e308,
        ]  # fmt: skip
        if depth < 3:
            keys = ("text", "date", "id", "reports", "documents", "x")
            kinds += [
                lambda: [value(rng, depth + 1) for _ in range(rng.randrange(4))],
                lambda: {rng.choice(keys): value(rng, depth + 1) for _ in range(rng.randrange(4))},
            ] * 2
        return rng.choice(kinds)()

    def target(rng: random.Random) -> None:
        body = json.dumps(value(rng)).encode("utf-8", "surrogatepass")
        if rng.random() < 0.3:
            body = damaged(body, rng)
        kind = rng.choice(("application/json", "application/json", "text/plain", ""))
        method = rng.choice(("POST", "POST", "POST", "GET", "PUT"))
        answer = client.request(
            method, rng.choice(paths), content=body, headers={"Content-Type": kind}
        )
        assert answer.status_code < 500, (answer.status_code, body)

    return target, lambda: client.__exit__(None, None, None)


@dataclass(frozen=True)
class Find:
    """An input that broke something: `seed` makes it again."""

    target: str
    seed: str
    what: str


def targets(extractor: Extractor, reports: list[Report]) -> Mapping[str, Any]:
    """Name -> (share of the inputs, target)."""
    formats = {f"read {name}": (1, importing(name, reports)) for name in FORMATS}
    return {
        "dates": (20, dates), "counts": (20, counts), "names": (5, names), "words": (20, words),
        "windows": (10, windows), "decoding": (5, decoding), "predict": (4, reading(extractor)),
        **formats,
    }  # fmt: skip


def finds(
    name: str, target: Callable[[random.Random], None], seeds: Iterator[str] | list[str]
) -> Iterator[Find]:
    """Run a target on inputs, and yield what broke."""
    for seed in seeds:
        start = time.perf_counter()
        try:
            target(random.Random(seed))
        except MarsadError as error:
            if "\n" in str(error):
                yield Find(name, seed, f"a message of several lines: {error!r}")
        except Exception as error:
            yield Find(name, seed, f"{type(error).__name__}: {str(error)[:300]}")
        if (took := time.perf_counter() - start) > SLOW:
            yield Find(name, seed, f"took {took:.1f} s")


def run(inputs: int, seed: int, extractor: Extractor, reports: list[Report]) -> Iterator[Find]:
    """So many inputs over all targets."""
    chosen = targets(extractor, reports)
    http, close = posting(extractor)
    chosen = {**chosen, "http": (2, http)}
    total = sum(share for share, _ in chosen.values())
    try:
        for name, (share, target) in chosen.items():
            count, start = max(1, inputs * share // total), time.perf_counter()
            yield from finds(name, target, [f"{name} {seed} {n}" for n in range(count)])
            took = time.perf_counter() - start
            print(f"{name}: {count} inputs, {took:.0f} s", file=sys.stderr, flush=True)
    finally:
        close()


def sample(extractor: Extractor) -> Report:
    """A sound report for the files that the formats' readers are given damaged."""
    text = "قصف الجيش مدينة حلب أمس ما أدى إلى مقتل ثلاثة مدنيين"
    return extractor.predict(text, "2022-01-04", "a")


def main() -> None:
    """The long run; exit code 1 for a find."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("inputs", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", help="an artifact folder; default: the shipped one")
    given = parser.parse_args()
    extractor = marsad.load(given.model, threads=1)
    broken = 0
    for find in run(given.inputs, given.seed, extractor, [sample(extractor)]):
        broken += 1
        print(find, flush=True)
    print(f"{broken} finds in {given.inputs} inputs.")
    sys.exit(broken > 0)


if __name__ == "__main__":
    main()
