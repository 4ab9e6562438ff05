"""A host and a port to serve on: the port is free, the address can be typed, and the app runs until Ctrl-C."""

import socket
import sys
from typing import Any

from titlecraft.errors import UserError


def require_port(host: str, port: int) -> int:
    """The port, or a free one for 0. Raises UserError if it is in use."""
    try:
        if not 0 <= port <= 65535:
            raise OverflowError("a port is 0 to 65535")  # getaddrinfo would wrap 99999 to 34463
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return probe.getsockname()[1]
    except (OSError, OverflowError) as error:
        raise UserError(f"cannot serve on {host} port {port} ({error}): choose another --port or --host") from error


def address_of(host: str, port: int) -> str:
    """Return the address of a server; an IPv6 host stands in brackets."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def run_app(app: Any, host: str, port: int) -> None:
    """Serve an ASGI app until Ctrl-C. Raises UserError if the port is taken."""
    import uvicorn

    config = uvicorn.Config(app, host=host, port=port, log_level="warning", lifespan="off")
    try:
        uvicorn.Server(config).run()
    except (SystemExit, OSError) as error:  # uvicorn exits where somebody took the port in the meantime
        raise UserError(f"cannot serve on {host} port {port}: choose another --port or --host") from error
    except KeyboardInterrupt:
        print(file=sys.stderr)
