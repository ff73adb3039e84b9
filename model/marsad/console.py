"""What the commands share: a mistake is one sentence on stderr and exit code 2."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from marsad.errors import MarsadError


@contextmanager
def told_plainly() -> Iterator[None]:
    """A MarsadError becomes its sentence on stderr and exit code 2; a closed pipe is no error."""
    try:
        yield
    except MarsadError as error:
        stop(str(error))
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(0) from None


def stop(message: str) -> NoReturn:
    """Say what is wrong and leave with exit code 2."""
    print(f"marsad: {message}", file=sys.stderr)
    raise typer.Exit(2)
