"""20,000 random inputs over all that takes input from outside; tests/fuzz.py runs more."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz import finds, run

from marsad import Report, load

pytest.importorskip("fastapi", reason="needs the serve extra")


@pytest.mark.slow
def test_no_input_breaks_anything(tiny_artifact: Path, reports: list[Report]) -> None:
    assert list(run(20_000, 0, load(tiny_artifact, threads=1), reports)) == []


@pytest.mark.slow
def test_bytes_steer_a_guided_run() -> None:
    pytest.importorskip("atheris", reason="needs atheris")
    from guided import Drawn

    assert [Drawn(b"\x05").randrange(8), Drawn(b"").randrange(8)] == [5, 0]
    assert Drawn(b"\xff" * 8).random() > 0.99
    drawn = Drawn(b"ab")
    assert isinstance(drawn, random.Random)
    assert drawn.randbytes(3) == b"ab\0"
    script = Path(__file__).parent / "guided.py"
    ran = subprocess.run(
        [sys.executable, str(script), "dates", "500"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "Done 500 runs" in ran.stderr


def test_what_breaks_is_found() -> None:
    def broken(rng: object) -> None:
        raise ValueError("out of luck")

    (find,) = finds("broken", broken, ["1"])
    assert (find.target, find.seed, find.what) == ("broken", "1", "ValueError: out of luck")
