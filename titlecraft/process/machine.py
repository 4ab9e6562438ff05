"""Platform differences between Linux, macOS and Windows: support, cores and memory."""

import os
import sys

from titlecraft.errors import UserError


def require_unix() -> None:
    """Raise UserError on Windows, before imports of modules that it lacks (fcntl, resource)."""
    if sys.platform in ("win32", "cygwin"):
        raise UserError(
            "Titlecraft runs on Linux and macOS, and this is Windows: install WSL (`wsl --install`, see "
            "https://learn.microsoft.com/windows/wsl) and run the same command in its shell"
        )


def usable_cores() -> int:
    """Return the number of usable cores: the affinity mask on Linux, all cores on macOS."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_memory() -> int:
    """Return the peak memory of this process in bytes; getrusage counts kB on Linux and bytes on macOS."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
