"""lighteval without Inspect AI and scikit-learn: it imports both, and only other ways of running it use them.

Inspect AI is a framework of its own, a quarter of what importing lighteval costs. Its names stand in type annotations and
in a decorated scorer that this harness never calls. scikit-learn computes scores of a corpus that no measure here uses.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

INSPECT = ("inspect_ai", "inspect_ai.dataset", "inspect_ai.scorer", "inspect_ai.solver")
SKLEARN = ("sklearn", "sklearn.metrics")


class Unused:
    """In the place of a class, a function or a decorator."""

    def __init__(self, *arguments: Any, **options: Any) -> None: ...

    def __call__(self, *arguments: Any, **options: Any) -> "Unused":
        return self


class UnusedModule(ModuleType):
    """Has every name that is asked for."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Unused


@contextmanager
def without(names: tuple[str, ...]) -> Iterator[None]:
    """Let imports within the block find placeholders for these modules, unless they are imported already."""
    placeholders = {name: UnusedModule(name) for name in names if not sys.modules.get(name)}
    before = {name: sys.modules[name] for name in placeholders if name in sys.modules}  # None hides a module
    sys.modules.update(placeholders)
    try:
        yield
    finally:
        for name in placeholders:
            del sys.modules[name]
        sys.modules.update(before)
