"""Starts the warm process of a test session, and writes the executable that replaces Python."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import ROOT, warm

LAUNCHER = Path(__file__).with_name("launcher.py")
ADDRESS = "TITLECRAFT_WARM_PYTHON"
KEEP_MEMORY = {  # or each large tensor of a fork is given back to the kernel, which fills the next one with zeros
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
    "MALLOC_TOP_PAD_": str(2**26),
}
BLANKS = 'SOCKET, FRESH, ENVIRONMENT = "", "", {}'


class Warm:
    """The warm server process, and an executable that accepts the arguments of `python`."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="warm-")
        home = Path(self.folder.name).resolve()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        seen = dict(environment)
        environment |= {
            "HF_ENDPOINT": "http://hub-of-the-warm-process.invalid",
            "HF_HOME": str(home / "hf"),
            "PYTHONHASHSEED": "0",
            "HF_HUB_DISABLE_XET": "1",
            "TRANSFORMERS_VERBOSITY": "error",
            "TOKENIZERS_PARALLELISM": "false",
            **KEEP_MEMORY,
        }
        socket = home / "socket"
        self.server = subprocess.Popen(
            [sys.executable, "-m", "tests.warm.server", str(socket)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
        while not socket.exists():
            if self.server.poll() is not None:
                raise RuntimeError("the warm process did not start")
            time.sleep(0.01)
        self.python, self.worker = home / "python", home / "worker"
        filled = f"SOCKET, FRESH, ENVIRONMENT = {str(socket)!r}, {sys.executable!r}, {seen!r}"
        launcher = f"#!{sys.executable} -IS\n" + LAUNCHER.read_text().replace(BLANKS, filled)
        for file, main in ((self.python, "main()"), (self.worker, "main_of_worker()")):
            file.write_text(f"{launcher}\n\n{main}\n")
            file.chmod(0o755)
        os.environ[ADDRESS] = warm.PYTHON = str(self.python)

    def stop(self) -> None:
        """End the server and its running commands."""
        del os.environ[ADDRESS]
        warm.PYTHON = sys.executable
        multiprocessing.set_executable(sys.executable)
        self.server.terminate()
        self.server.wait()
        self.folder.cleanup()
