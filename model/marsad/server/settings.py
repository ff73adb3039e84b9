"""What can be set: once here, for the command line and the environment alike."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from marsad.errors import MarsadError

PREFIX = "MARSAD_"
KEY_VARIABLE = f"{PREFIX}API_KEY"


def _about(name: str, help: str, min: int | None = None, max: int | None = None) -> Any:
    return typer.Option(help=help, envvar=PREFIX + name, min=min, max=max)


@dataclass(frozen=True)
class Settings:
    """The settings of a service; each is an option and a variable `MARSAD_...` of that name.

    The key is only a variable, since other users of a machine see its command lines. Raises
    MarsadError where settings contradict each other or the key is empty.
    """

    host: Annotated[str, _about("HOST", "Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, _about("PORT", "Port; 0 takes a free one.", 0, 65535)] = 8000
    model: Annotated[
        Path | None, _about("MODEL", "An artifact folder; default: the shipped one.")
    ] = None
    threads: Annotated[
        int | None, _about("THREADS", "Processor threads of the network; default: all cores.", 1)
    ] = None
    max_body: Annotated[int, _about("MAX_BODY", "Bytes of a body.", 1)] = 256 * 1024
    max_text: Annotated[int, _about("MAX_TEXT", "Characters of a report.", 1)] = 20_000
    max_reports: Annotated[int, _about("MAX_REPORTS", "Reports of a batch request.", 1)] = 32
    max_requests: Annotated[int, _about("MAX_REQUESTS", "Requests answered at once.", 1)] = 256
    queue: Annotated[
        int, _about("QUEUE", "Reports that may wait; the rest is sent away with 429.", 1)
    ] = 64
    time_limit: Annotated[
        int, _about("TIME_LIMIT", "Seconds until a request is given up with 504.", 1)
    ] = 60
    origins: Annotated[
        str, _about("ORIGINS", "Web origins, parted by spaces, whose pages may call (CORS).")
    ] = ""
    api_key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.max_reports > self.queue:
            raise MarsadError("--queue should be at least --max-reports, or no batch gets in.")
        if self.api_key is not None and not self.api_key.strip():
            raise MarsadError(f"{KEY_VARIABLE} is empty; give it a key or unset it.")
        if self.api_key is not None and not self.api_key.isprintable():  # half a surrogate, too
            raise MarsadError(f"{KEY_VARIABLE} should be printable UTF-8.")
