"""20,000 random inputs over all that takes input from outside; tests/fuzz.py runs more."""

from pathlib import Path

import pytest
from fuzz import finds, run

from marsad import Report, load

pytest.importorskip("fastapi", reason="needs the serve extra")


@pytest.mark.slow
def test_no_input_breaks_anything(tiny_artifact: Path, reports: list[Report]) -> None:
    assert list(run(20_000, 0, load(tiny_artifact, threads=1), reports)) == []


def test_what_breaks_is_found() -> None:
    def broken(rng: object) -> None:
        raise ValueError("out of luck")

    (find,) = finds("broken", broken, ["1"])
    assert (find.target, find.seed, find.what) == ("broken", "1", "ValueError: out of luck")
