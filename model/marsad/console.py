"""What the commands share: a mistake is one sentence on stderr and exit code 2."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import NoReturn

import typer

from marsad.errors import MarsadError

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


@contextmanager
def told_plainly() -> Iterator[None]:
    """A MarsadError, a full disk too, becomes its sentence on stderr and exit code 2; a closed pipe
    is no error. What is printed is UTF-8 whatever the locale, half a surrogate pair its escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        yield
        sys.stdout.flush()
    except MarsadError as error:
        stop(str(error))
    except MemoryError:
        stop("there is not enough memory for so much text; give it in parts.")
    except OSError as error:
        # what could not be written is dropped, or Python tries again at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise typer.Exit(0) from None
        where = error.filename or "standard output"
        stop(f"{where}: cannot be read or written ({error.strerror}).")


def script(app: typer.Typer) -> None:
    """Run a console script; help that cannot be written is told plainly, too."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    try:
        with told_plainly():
            app()
    except typer.Exit as left:
        sys.exit(left.exit_code)


def stop(message: str) -> NoReturn:
    """Say what is wrong and leave with exit code 2."""
    say(message)
    raise typer.Exit(2)


def say(message: str) -> None:
    """Tell something on stderr, beside the output, in one line whatever a file is called."""
    shown = _CONTROL.sub(lambda control: repr(control[0])[1:-1], message)
    print(f"marsad: {shown}", file=sys.stderr)
