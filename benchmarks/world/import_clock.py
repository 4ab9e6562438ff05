"""python import_clock.py TREE OUT MODULE ARGUMENTS: run `python -m MODULE ARGUMENTS` of a source tree, and write what importing cost.

OUT receives JSON: CPU seconds of all imports of the process, and of the whole process.
"""

import atexit
import builtins
import importlib
import json
import os
import runpy
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

spent, state = [0.0], threading.local()


def clocked(load: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with a clock around its outermost call in each thread."""

    def importing(*arguments: Any, **options: Any) -> Any:
        if getattr(state, "inside", False):
            return load(*arguments, **options)
        state.inside, began = True, time.thread_time()
        try:
            return load(*arguments, **options)
        finally:
            state.inside = False
            spent[0] += time.thread_time() - began

    return importing


def write(out: Path) -> None:
    """Write the seconds; runs when the process ends."""
    used = os.times()
    out.write_text(json.dumps({"imports": spent[0], "process": used.user + used.system}))


if __name__ == "__main__":
    tree, out, module, *arguments = sys.argv[1:]
    sys.path[0] = tree
    sys.argv = [module, *arguments]
    atexit.register(write, Path(out))
    builtins.__import__ = clocked(builtins.__import__)
    importlib.import_module = clocked(importlib.import_module)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
