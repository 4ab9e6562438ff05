"""Where Linux, macOS and Windows differ: which systems there are, their cores, and the memory that a process took."""

import os
import sys

from titlecraft.errors import UserError


def require_unix() -> None:
    """Raises UserError on Windows, before anything is imported that Windows lacks (fcntl, resource)."""
    if sys.platform in ("win32", "cygwin"):
        raise UserError(
            "Titlecraft runs on Linux and macOS, and this is Windows: install WSL (`wsl --install`, see "
            "https://learn.microsoft.com/windows/wsl) and run the same command in its shell"
        )


def usable_cores() -> int:
    """Cores that this process may use: on Linux those of its affinity mask; macOS has no such mask, there it is all of them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_memory() -> int:
    """Most memory that this process had so far, in bytes: getrusage counts in kB on Linux, and in bytes on macOS."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
