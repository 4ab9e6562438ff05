"""Addresses of this machine alone."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Return whether the host, a name or an address, is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
