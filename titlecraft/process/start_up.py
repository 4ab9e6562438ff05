"""What makes a command start sooner, and changes nothing that it computes: two habits of Python and of a library."""

import gc
import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

# New objects between two collections of garbage. Python's 700 walk through all of torch again and again while it is imported:
# a sixth of the seconds.
OBJECTS = 10_000
COMPILES = "bitsandbytes.backends.default.ops"
"""Calls torch.compile on four functions when it is imported, and so imports a compiler that most runs never use."""


def start_sooner() -> None:
    """Let imports that follow in this process cost less: called once, before torch is imported."""
    gc.set_threshold(OBJECTS, *gc.get_threshold()[1:])
    if COMPILES not in sys.modules:
        sys.meta_path.insert(0, CompilesAtFirstCall())


class CompilesAtFirstCall:
    """Finds the module COMPILES as Python does, and lets torch.compile wait there until a compiled function is called."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of the module COMPILES; None leaves every other module to the finders that follow."""
        if name != COMPILES:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec and spec.loader:
            run = spec.loader.exec_module
            spec.loader.exec_module = lambda module: run_with_late_compile(run, module)
        return spec


def run_with_late_compile(run: Callable[[ModuleType], None], module: ModuleType) -> None:
    """Run the code of a module; what it gives to torch.compile is compiled when it is called."""
    import torch

    compile_now = torch.compile

    def compile_later(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
        compiled = cache(lambda: compile_now(function, **options))
        return lambda *values, **named: compiled()(*values, **named)

    torch.compile = compile_later
    try:
        run(module)
    finally:
        torch.compile = compile_now
