"""Checks the `Host` header, against DNS rebinding.

A browser that shows a page of evil.example may learn a minute later that evil.example is 127.0.0.1; its requests then
reach this Hub with evil.example as their `Host`. IP addresses cannot be rebound, so all of them are answered. The
allowed names are `localhost`, the name of this machine, and those of `--allow-host`.
"""

import ipaddress
import socket
from collections.abc import Collection, Iterable

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from local_hub.errors import WrongHost
from local_hub.requests.answers import refusal

ANY = "*"


def known_names(bound: str, allowed: Iterable[str] = ()) -> frozenset[str] | None:
    """The host names of a Hub that listens on `bound`, besides IP addresses; None (any name) if `allowed` has `*`."""
    names = {bound, *allowed}
    if ANY in names:
        return None
    if not _is_loopback(bound):
        names.add(socket.gethostname())
    return frozenset(name.lower().rstrip(".") for name in names)


def _is_loopback(bound: str) -> bool:
    try:
        return ipaddress.ip_address(bound).is_loopback
    except ValueError:
        return bound == "localhost"


class HostCheck:
    """ASGI middleware: answers 421 to an unknown `Host`."""

    def __init__(self, app: ASGIApp, names: Collection[str]):
        self.app = app
        self.names = names
        self._good: set[bytes] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            hosts = [value for name, value in scope["headers"] if name == b"host"]
            for host in hosts:
                if host not in self._good and not self._remembered(host):
                    name = host.decode("latin-1")[:80]
                    await refusal(Request(scope), WrongHost(name))(scope, receive, send)
                    return
        await self.app(scope, receive, send)

    def _remembered(self, host: bytes) -> bool:
        good = is_known(host.decode("latin-1"), self.names)
        if good and len(self._good) < 100:
            self._good.add(host)
        return good


def is_known(host: str, names: Collection[str]) -> bool:
    """Return True if a Hub with these names answers to a `Host` header, which may have a port."""
    name, _, port = host.rpartition(":") if ":" in host and not host.endswith("]") else (host, "", "")
    if not name or not (port == "" or (port.isascii() and port.isdigit())):
        return False
    if name.startswith("[") and name.endswith("]"):
        return _is_number(name[1:-1])
    name = name.lower().removesuffix(".")
    return name == "localhost" or name.endswith(".localhost") or name in names or _is_number(name)


def _is_number(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
