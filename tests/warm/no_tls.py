"""No test speaks TLS: the clients of a process share one context, and the certificates are read once instead of for each.

Reading them takes 0.08 s, and every `httpx.get` makes a client. Forks of the warm process find them read.
"""

from functools import cache
from ssl import SSLContext
from typing import Any

import httpx
from httpx._transports import default

plain = httpx.create_ssl_context


@cache
def usual() -> SSLContext:
    """The context of clients that ask for nothing else."""
    return plain()


def context(verify: Any = True, cert: Any = None, trust_env: bool = True) -> SSLContext:
    """In the place of httpx's function."""
    return usual() if verify is True and cert is None else plain(verify, cert, trust_env)


def share_one_context() -> None:
    """Let all httpx clients of this process, and of its forks, have one TLS context, which is made here."""
    usual()
    httpx.create_ssl_context = context
    default.create_ssl_context = context  # pyright: ignore[reportPrivateImportUsage]
