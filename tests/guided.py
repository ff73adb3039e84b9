"""Fuzzes one target of `fuzz.py` guided by coverage, with atheris (libFuzzer).

    python tests/guided.py TARGET RUNS [libFuzzer options]

An input that reaches new code is kept and mutated further. What breaks stops the run with its
traceback and the input in a file; a MarsadError of one line is an answer.
"""

import random
import sys

import atheris

with atheris.instrument_imports(include=["marsad"]):
    import fuzz

    import marsad
    from marsad.errors import MarsadError

_LONGEST = 4096  # bytes of an input


class Drawn(random.Random):
    """A generator that draws from given bytes, and zeros after them, so that they steer it."""

    def __init__(self, data: bytes):
        super().__init__(0)
        self.data, self.at = data, 0

    def getrandbits(self, k: int) -> int:
        size = (k + 7) // 8
        piece = self.data[self.at : self.at + size]
        self.at += size
        return int.from_bytes(piece.ljust(size, b"\0"), "little") & ((1 << k) - 1)

    def random(self) -> float:
        return self.getrandbits(53) / (1 << 53)


def main() -> None:
    """Run until so many inputs were tried; libFuzzer ends the process."""
    name, runs, *options = sys.argv[1:]
    extractor = marsad.load(threads=1)
    chosen = fuzz.targets(extractor, [fuzz.sample(extractor)])
    if name not in chosen:
        sys.exit(f"no target {name!r}; there are {', '.join(chosen)}.")
    target = chosen[name][1]

    def one(data: bytes) -> None:
        try:
            target(Drawn(data))
        except MarsadError as error:
            if "\n" in str(error):
                raise

    limits = [f"-runs={runs}", f"-max_len={_LONGEST}", f"-timeout={int(fuzz.SLOW)}"]
    atheris.Setup([sys.argv[0], *limits, *options], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
