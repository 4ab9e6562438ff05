"""Runs one command in a fork of the warm process, with the state of a fresh Python."""

import atexit
import fcntl
import io
import multiprocessing
import os
import runpy
import sys
import threading
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from tests import warm
from tests.warm.endpoints import Places


def run_command(request: dict[str, Any], streams: list[int], places: Places) -> NoReturn:
    """Run the command and end this process as Python would."""
    status = 1
    try:
        take_over(request, streams)
        if request["arguments"][0] == "-m":
            # as titlecraft/command_line/choose_hub.py does where no library is imported
            os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
        places.fill(dict(os.environ))
        for name in request["only_filled"]:
            del os.environ[name]
        run(request["arguments"])
        status = 0
    except SystemExit as leaving:
        status = status_of(leaving.code)
    except KeyboardInterrupt:
        traceback.print_exc()
        status = 130
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            threading._shutdown()  # pyright: ignore[reportAttributeAccessIssue]
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


def take_over(request: dict[str, Any], streams: list[int]) -> None:
    """Open files, folder and environment of the launcher."""
    high = [fcntl.fcntl(stream, fcntl.F_DUPFD, 500) for stream in streams]
    for stream in streams:
        os.close(stream)
    for number, stream in zip([0, 1, 2, *request["passed"]], high, strict=True):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["folder"])
    environment = request["environment"]
    os.environ.clear()
    os.environ.update(environment)
    warm.PYTHON = environment.get("TITLECRAFT_WARM_PYTHON", sys.executable)  # for commands that this one starts
    multiprocessing.set_executable(warm.PYTHON)
    at_once = bool(environment.get("PYTHONUNBUFFERED"))
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, "r", closefd=False)), encoding="utf-8")
    sys.stdout = sys.__stdout__ = opened(1, at_once, "strict")
    sys.stderr = sys.__stderr__ = opened(2, at_once, "backslashreplace")
    import numpy as np
    import torch

    if environment.get("OMP_NUM_THREADS", "").isdigit():
        torch.set_num_threads(int(environment["OMP_NUM_THREADS"]))
    np.random.seed()  # or every command would draw the same numbers where nobody seeds


def opened(number: int, at_once: bool, errors: str) -> io.TextIOWrapper:
    """An output stream, buffered as Python does."""
    raw = io.FileIO(number, "w", closefd=False)
    by_line = number == 2 or os.isatty(number)
    encoding, _, asked = os.environ.get("PYTHONIOENCODING", "").partition(":")
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding or "utf-8",
        errors=asked if asked and number == 1 else errors,
        line_buffering=by_line,
        write_through=at_once,
    )


def run(arguments: list[str]) -> None:
    """Run the arguments as `python ARGUMENTS` does."""
    form, *rest = arguments
    extra = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    for folder in extra:
        forget_what_stands_before(Path(folder).resolve())
    if form == "-m":
        sys.argv = rest
        sys.path[:0] = [str(Path.cwd()), *extra]
        sys.modules.pop(rest[0], None)  # it was imported ahead; as __main__ it runs anew
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif form == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.path[:0] = ["", *extra]
        main = sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), main.__dict__)
    else:
        sys.argv = arguments
        sys.path[:0] = [str(Path(form).resolve().parent), *extra]
        runpy.run_path(form, run_name="__main__")


def forget_what_stands_before(folder: Path) -> None:
    """Let what a folder of PYTHONPATH holds be imported from there, where it was imported from elsewhere."""
    for file in folder.iterdir() if folder.is_dir() else ():
        module = sys.modules.get(file.stem)
        if module and module.__spec__ and module.__spec__.origin and folder not in Path(module.__spec__.origin).parents:
            for name in [name for name in sys.modules if name.partition(".")[0] == file.stem]:
                del sys.modules[name]


def status_of(code: Any) -> int:
    """The exit status of a SystemExit."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1
