"""No test speaks TLS: the clients of a process share one context, and the certificates are read once instead of for each.

Reading them takes 0.08 s, and every `httpx.get` makes a client. Forks of the warm process find them read.
"""

from functools import cache

import httpx
from httpx._transports import default


def share_one_context() -> None:
    """Let all httpx clients of this process, and of its forks, have one TLS context for the same arguments."""
    if not hasattr(httpx.create_ssl_context, "cache_info"):
        httpx.create_ssl_context = default.create_ssl_context = cache(httpx.create_ssl_context)
