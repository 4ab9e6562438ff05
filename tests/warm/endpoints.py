"""Finds where imported libraries store the Hub's address and cache folders, and replaces these values in a fork.

Libraries read them from the environment once, at import. The warm process imports the libraries with unique values, searches
every module, class, function default and module-level object for them, and a fork writes its own values there.
"""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from types import FunctionType
from typing import Any

ENDPOINT, HOME = os.environ.get("HF_ENDPOINT", ""), os.environ.get("HF_HOME", "")  # of the warm process
CACHES = {
    "HF_HUB_CACHE": "hub",
    "HF_ASSETS_CACHE": "assets",
    "HF_XET_CACHE": "xet",
    "HF_DATASETS_CACHE": "datasets",
    "HF_MODULES_CACHE": "modules",
    "HF_TOKEN_PATH": "token",
    "HF_STORED_TOKENS_PATH": "stored_tokens",
}
READERS = {
    "huggingface_hub",
    "datasets",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "lighteval",
    "titlecraft",
    "dataset_builder",
    "training",
    "evaluation",
    "model_card",
    "playground",
}


@dataclass(frozen=True)
class Places:
    """Functions that each set one value, given a function that fills in address and folder."""

    setters: list[tuple[Callable[[Any], None], Any]]

    def fill(self, environment: dict[str, str]) -> None:
        """Put the values of this environment into every place."""
        home = environment["HF_HOME"]
        folders = [(f"{HOME}/{folder}", environment.get(name, f"{home}/{folder}")) for name, folder in CACHES.items()]
        pairs = [*folders, (HOME, home), (ENDPOINT, environment["HF_ENDPOINT"])]
        for setter, template in self.setters:
            setter(filled(template, pairs))
        from huggingface_hub import constants

        constants.HF_HUB_DISABLE_XET = environment.get("HF_HUB_DISABLE_XET", "0") == "1"
        constants.HF_HUB_DISABLE_TELEMETRY = environment.get("HF_HUB_DISABLE_TELEMETRY", "0") == "1"


def filled(template: Any, pairs: list[tuple[str, str]]) -> Any:
    """The template with the warm process's values replaced; of the same type."""
    if isinstance(template, tuple):
        return tuple(filled(item, pairs) for item in template)
    if not isinstance(template, str | PurePath):
        return template
    text = str(template)
    for warm, own in pairs:
        text = text.replace(warm, own)
    return type(template)(text)


def is_template(value: Any) -> bool:
    """Whether a value contains a value of the warm process's environment."""
    if type(value) is tuple:
        return any(is_template(item) for item in value)
    return (type(value) is str or isinstance(value, PurePath)) and (ENDPOINT in str(value) or HOME in str(value))


def places_of_environment() -> Places:
    """All places in the imported modules."""
    modules = [module for name, module in list(sys.modules.items()) if name.split(".")[0] in READERS]
    return Places([place for module in modules for place in of_holder(module, depth=1)])


def of_holder(holder: Any, depth: int) -> Iterator[tuple[Callable[[Any], None], Any]]:
    """Places among the attributes of a module, class or object, down to this number of levels.

    Only existing attributes are searched: reading a lazy mapping or a proxy would import more modules.
    """
    for name, value in list(vars(holder).items()):
        kind = type(value)
        if is_template(value):
            yield setter_of(holder, name), value
        elif kind is FunctionType:
            yield from of_function(value)
        elif kind is dict:
            yield from ((setter_of_item(value, key), item) for key, item in list(value.items()) if is_template(item))
        elif depth and (kind is type or kind.__module__.split(".")[0] in READERS) and "__dict__" in dir(kind):
            yield from of_holder(value, depth - 1)


def setter_of(holder: Any, name: str) -> Callable[[Any], None]:
    """Return a function that sets an attribute."""
    return lambda new: setattr(holder, name, new)


def setter_of_item(items: dict[Any, Any], key: Any) -> Callable[[Any], None]:
    """Return a function that sets an item."""
    return lambda new: items.__setitem__(key, new)


def of_function(function: FunctionType) -> Iterator[tuple[Callable[[Any], None], Any]]:
    """Places among the defaults of a function's parameters."""
    if is_template(function.__defaults__):
        yield setter_of(function, "__defaults__"), function.__defaults__
    if function.__kwdefaults__:
        defaults = function.__kwdefaults__
        yield from (
            (setter_of_item(defaults, name), default) for name, default in defaults.items() if is_template(default)
        )
