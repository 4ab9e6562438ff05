"""python -m tests.warm.server SOCKET: import the heavy libraries at the first request, then fork for each command."""

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import sys
from importlib import import_module
from pathlib import Path

from tests import ROOT
from tests.warm.child import run_command
from tests.warm.endpoints import Places, places_of_environment
from tests.warm.first_use import use_once
from tests.warm.no_tls import share_one_context

LIBRARIES = (
    "numpy",
    "pyarrow.parquet",
    "datasets",
    "torch",
    "transformers",
    "bitsandbytes",
    "accelerate",
    "peft",
    "trl",
    "transformers.models.llama.modeling_llama",
    "transformers.models.auto.modeling_auto",
    "transformers.trainer",
    "trl.trainer.sft_trainer",
    "peft.tuners.lora",
    "lighteval.pipeline",
    "lighteval.models.transformers.transformers_model",
    "matplotlib.pyplot",
    "scipy.stats",
    "sacrebleu",
    "rouge_score.rouge_scorer",
    "jsonargparse",
    "msgspec",
    "orjson",
    "rich.console",
    "tqdm.auto",
    "huggingface_hub",
    "jinja2",
    "bm25s",
    "rensa",
    "nltk",
    "gradio",
    "gradio_client",
    "torch.distributed.run",
    "torch.distributed.fsdp",
)
HOUSE = ("titlecraft", "local_hub", "dataset_builder", "training", "evaluation", "model_card", "playground")


def import_libraries() -> Places:
    """Import LIBRARIES and the house's modules; return the places of the Hub's address and cache folders."""
    from titlecraft.process.left_out import UNUSED
    from titlecraft.process.quiet import quiet_libraries
    from titlecraft.process.start_up import start_sooner

    quiet_libraries()
    start_sooner()
    for name in UNUSED:
        sys.modules.pop(name, None)  # lighteval imports them; no fork has to do it again
    for name in [*LIBRARIES, *house_modules()]:
        try:
            import_module(name)
        except ImportError:
            continue
    import torch

    torch.set_grad_enabled(True)  # importing lighteval switches gradients off, for everybody
    from titlecraft.records import code_version, stage_sources

    for stage in stage_sources.SOURCES:
        code_version.sources_sha256(stage)  # kept in memory: no test edits the sources
    share_one_context()
    use_once()
    places = places_of_environment()
    gc.collect()
    gc.freeze()  # or every fork would walk through, and so copy, all that is imported here
    return places


def house_modules() -> list[str]:
    """The names of all product modules that can be imported without running a program."""
    results = []
    for package in HOUSE:
        for file in sorted((ROOT / package).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            if parts[-1] != "__main__" and "kernels" not in parts[-1] and parts[-2:] != ("space", "app"):
                results.append(".".join(parts).removesuffix(".__init__"))
    return results


class Server:
    """A listening socket; each connection is one command and lasts as long as the command."""

    def __init__(self, path: str) -> None:
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(64)
        self.woken, wakes = socket.socketpair()
        self.woken.setblocking(False)
        wakes.setblocking(False)
        signal.set_wakeup_fd(wakes.fileno())
        self.wakes = wakes
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(self.woken, selectors.EVENT_READ)
        self.children: dict[int, socket.socket] = {}
        self.places: Places | None = None

    def serve(self) -> None:
        """Serve until the process that started this one has ended."""
        parent = os.getppid()
        while os.getppid() == parent:
            for key, _ in self.selector.select(timeout=1):
                if key.fileobj is self.listener:
                    self.start(self.listener.accept()[0])
                elif key.fileobj is self.woken:
                    self.woken.recv(4096)
                else:
                    assert isinstance(key.fileobj, socket.socket)
                    self.launcher_is_gone(key.fileobj)
            self.collect()
        for child in self.children:
            os.kill(child, signal.SIGKILL)

    def start(self, connection: socket.socket) -> None:
        """Fork for one command and tell its launcher the process id."""
        if self.places is None:
            self.places = import_libraries()
        length, streams, _, _ = socket.recv_fds(connection, 8, 30)
        request = b""
        while len(request) < int.from_bytes(length, "little"):
            request += connection.recv(1 << 20)
        child = os.fork()
        if not child:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for open_socket in (self.listener, self.woken, self.wakes, connection, *self.children.values()):
                open_socket.close()
            self.selector.close()
            run_command(json.loads(request), streams, self.places)
        for stream in streams:
            os.close(stream)
        self.children[child] = connection
        self.selector.register(connection, selectors.EVENT_READ)
        connection.sendall(str(child).encode().ljust(32))

    def launcher_is_gone(self, connection: socket.socket) -> None:
        """Kill the command of a launcher that was killed."""
        self.selector.unregister(connection)
        for child, its in self.children.items():
            if its is connection:
                os.kill(child, signal.SIGKILL)

    def collect(self) -> None:
        """Send the wait status of each ended command to its launcher."""
        while self.children:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                return
            connection = self.children.pop(child)
            if connection in self.selector.get_map():
                self.selector.unregister(connection)
            with contextlib.suppress(OSError):  # its launcher was killed
                connection.sendall(str(status).encode().ljust(32))
            connection.close()


if __name__ == "__main__":
    Path(sys.argv[1]).unlink(missing_ok=True)
    Server(sys.argv[1]).serve()
