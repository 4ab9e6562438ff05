"""Runs one command in a fork of the warm process, or in a fresh Python if the warm one would differ.

`tests/warm/session.py` writes this file to an executable, with the line SOCKET filled in. It imports little, because it replaces the
start of a process. Exit status, signals and the three standard streams are the command's.
"""

import array
import json
import os
import signal
import socket
import sys

SOCKET, FRESH, ENVIRONMENT = "", "", {}
# read when Python or a library starts
STARTS_WITH = (
    "PYTHON",
    "LC_",
    "LANG",
    "HF_",
    "TRANSFORMERS_",
    "OMP_",
    "MKL_",
    "CUDA_",
)
MAY_DIFFER = {  # of those: what a fork can still change, or what changes nothing
    "HF_ENDPOINT",
    "HF_HOME",
    "HF_TOKEN",
    "HF_HUB_CACHE",
    "HF_ASSETS_CACHE",
    "HF_XET_CACHE",
    "HF_DATASETS_CACHE",
    "HF_MODULES_CACHE",
    "HF_TOKEN_PATH",
    "HF_STORED_TOKENS_PATH",
    "HF_HUB_DISABLE_XET",
    "HF_HUB_DISABLE_TELEMETRY",
    "PYTHONPATH",
    "PYTHONBREAKPOINT",
    "PYTHONIOENCODING",
    "PYTHONUNBUFFERED",
    "PYTHONDONTWRITEBYTECODE",
    "OMP_NUM_THREADS",
    "TRANSFORMERS_VERBOSITY",
}
DEFAULTS = {"HF_HUB_OFFLINE": "0", "HF_DATASETS_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "0", "PYTHONHASHSEED": "0"}


def needs_fresh(arguments: list[str], environment: dict[str, str]) -> bool:
    """Whether this command needs a fresh Python."""
    if arguments[:1] not in (["-m"], ["-c"]) and not arguments[0].endswith(".py"):
        return True
    if not {"HF_ENDPOINT", "HF_HOME"} <= environment.keys() or "--hub" in " ".join(arguments):
        return True
    own, warm = DEFAULTS | environment, DEFAULTS | ENVIRONMENT
    looked_at = {name for name in own.keys() | warm.keys() if name.startswith(STARTS_WITH)}
    return any(own.get(name) != warm.get(name) for name in looked_at - MAY_DIFFER)


def run_warm(arguments: list[str], environment: dict[str, str], only_filled: list[str] | None = None) -> int:
    """Hand the command over with its open files, pass signals on, and return its wait status.

    Args:
        only_filled: variables that the libraries find filled in, and that are not in the command's environment.
    """
    passed = [number for number in map(int, os.listdir("/proc/self/fd")) if number > 2 and is_open(number)]  # noqa: PTH208
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(SOCKET)
    folder = os.getcwd()  # noqa: PTH109 (pathlib takes 10 ms to import)
    what = {
        "arguments": arguments,
        "environment": environment,
        "folder": folder,
        "passed": passed,
        "only_filled": only_filled or [],
    }
    request = json.dumps(what).encode()
    streams = array.array("i", [0, 1, 2, *passed])
    connection.sendmsg([len(request).to_bytes(8, "little")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
    connection.sendall(request)
    child = int(connection.recv(32))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: os.kill(child, number))
    return int(connection.recv(32))


def is_open(number: int) -> bool:
    """Whether a file is open under this number."""
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def main() -> None:
    """Run the command of `sys.argv`."""
    arguments, environment = sys.argv[1:], dict(os.environ)
    if "--multiprocessing-fork" in arguments:  # of a test's own process: it may know no Hub
        main_of_worker()
    if needs_fresh(arguments, environment):
        os.execv(FRESH, [FRESH, *arguments])
    end_as(run_warm(arguments, environment))


def main_of_worker() -> None:
    """Run the `-c CODE` of a worker of pytest-xdist or multiprocessing, which may know no Hub: with the usual address then."""
    usual = {"HF_ENDPOINT": "https://huggingface.co", "HF_HOME": os.path.expanduser("~/.cache/huggingface")}  # noqa: PTH111
    arguments = sys.argv[sys.argv.index("-c") :]
    end_as(run_warm(arguments, usual | os.environ, [name for name in usual if name not in os.environ]))


def end_as(status: int) -> None:
    """End this process as the command ended."""
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) != signal.SIGKILL:
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))
