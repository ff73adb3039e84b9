"""The command `marsad serve`. Nothing heavy is imported before it runs."""

import logging
import os
import signal
import socket
import sys
from dataclasses import fields
from inspect import Parameter, Signature
from types import FrameType
from typing import Any

from marsad.artifact import load
from marsad.console import told_plainly
from marsad.errors import MarsadError
from marsad.server.settings import KEY_VARIABLE, Settings

LOG = logging.getLogger("marsad.server")


def serve(**options: Any) -> None:
    """Answer over HTTP: predictions, exports, a page, metrics. Logs are JSON lines on stderr.

    Every option can be given as an environment variable, too. With MARSAD_API_KEY, requests need
    that key in the header X-API-Key.
    """
    with told_plainly():
        settings = Settings(**options, api_key=os.environ.get(KEY_VARIABLE))
        try:
            import uvicorn

            from marsad.server.app import create_app
            from marsad.server.logs import JsonLines
        except ImportError as error:
            raise MarsadError(
                f"serve needs {error.name or 'FastAPI'}: pip install 'marsad[serve]'."
            ) from error
        signal.signal(signal.SIGTERM, _leave)  # uvicorn hands the signal on once it has stopped
        listener = _listen(settings.host, settings.port)
        app = create_app(load(settings.model, settings.threads), settings)

    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    LOG.setLevel(logging.INFO)
    host, port, *_ = listener.getsockname()
    LOG.info("listening", extra={"fields": {"host": host, "port": port}})
    if settings.api_key is None and not _is_loopback(host):
        LOG.warning(f"open to the network without {KEY_VARIABLE}")
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, proxy_headers=False,
        http="h11", ws="none",
        timeout_keep_alive=75,  # longer than proxies keep a connection, or they meet a closed one
        timeout_graceful_shutdown=settings.time_limit + 1,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listener])


serve.__signature__ = Signature(  # type: ignore[attr-defined]
    [
        Parameter(
            option.name, Parameter.KEYWORD_ONLY, default=option.default, annotation=option.type
        )
        for option in fields(Settings)
        if option.name != "api_key"
    ]
)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = error.strerror or error
        raise MarsadError(f"cannot listen on {host}, port {port} ({reason}).") from error


def _is_loopback(host: str) -> bool:
    return host == "::1" or host.startswith("127.")


def _leave(_: int, __: FrameType | None) -> None:
    sys.exit(0)
