"""Help of a verb: examples, and options with their types and defaults in plain words."""

import argparse
import difflib
import json
import textwrap
from collections.abc import Iterable
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from jsonargparse import DefaultHelpFormatter

HUB = "`local`, or the address of a Hub (default: HF_ENDPOINT, or the public Hub)"
WORDS = {int: "whole number", float: "number"}
USAGE = {
    "build": "FILE [FILE ...] --repo NAMESPACE/NAME [options]",
    "train": "--dataset NAMESPACE/NAME --repo NAMESPACE/NAME [options]",
    "sweep": "--dataset NAMESPACE/NAME --repo NAMESPACE/NAME [options]",
    "evaluate": "--adapter NAMESPACE/NAME [options]",
}
EXAMPLES = {
    "build": ("products.csv --preview 5", "products.csv --repo YOU/products"),
    "train": (
        "--dataset YOU/products --repo YOU/Llama-3-8B-products --recipe auto --dry-run",
        "--dataset YOU/products --repo YOU/Llama-3-8B-products --recipe auto",
    ),
    "sweep": (
        "--dataset YOU/products --repo YOU/Llama-3-8B-products --recipe auto --sweep training.learning_rate=1e-4,2e-4,5e-4",
        "--dataset YOU/products --repo YOU/Llama-3-8B-products --recipe lists.yaml --out chosen --dry-run",
    ),
    "evaluate": ("--adapter YOU/NAME", "--adapter YOU/NAME --evaluation.titles=200"),
    "judge": (
        "--adapter YOU/NAME --judge http://localhost:8000/v1 --out judged",
        "--adapter YOU/NAME --people --out votes",
    ),
    "card": ("YOU/NAME --dry-run", "YOU/NAME"),
    "verify": ("YOU/NAME", "datasets/YOU/products --level data --source products.csv"),
    "sign": ("YOU/NAME --key key.pem", "datasets/YOU/products --key key.pem"),
    "lineage": ("YOU/NAME", "YOU/NAME --json"),
    "ask": ('"Adult Ballet Tutu Yellow" --adapter YOU/NAME --both', "--adapter YOU/NAME --grounded"),
    "play": ("--adapter YOU/NAME", "--adapter YOU/NAME --hub local"),
    "serve": ("--adapter YOU/NAME", "--adapter YOU/NAME --port 8000 --api-key SECRET"),
    "space": ("--adapter YOU/NAME --repo YOU/SPACE", "--adapter YOU/NAME --repo YOU/SPACE --hub local"),
    "export": ("--adapter YOU/NAME --to merged", "--adapter YOU/NAME --to gguf --quantize q4_k_m,q8_0 --llama-cpp DIR"),
    "document": ("--adapter YOU/NAME", "--adapter YOU/NAME --hub local"),
    "hub": ("start", "serve --host 0.0.0.0 --allow-host hub.example"),
    "demo": ("", "--real"),
    "recipes": ("",),
}


def examples(verb: str) -> str:
    """Return the examples of a verb, one a line; an empty text for a verb without any."""
    lines = [f"  titlecraft {verb} {arguments}".rstrip() for arguments in EXAMPLES.get(verb, ())]
    return "\n".join(["examples:", *lines]) if lines else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean X?` for the closest known word, or an empty text."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def type_in_words(hint: Any) -> str:
    """Return a type in plain words, such as `whole number from 1`; an empty text where the option's values show it."""
    if get_origin(hint) is Annotated:
        kind, *metas = get_args(hint)
        return type_in_words(kind) + "".join(bounds(meta) for meta in metas)
    if get_origin(hint) in (Union, UnionType):
        words = [type_in_words(kind) for kind in get_args(hint) if kind is not type(None)]
        none = " or null" if type(None) in get_args(hint) else ""
        return " or ".join(filter(None, words)) + none if any(words) else ""
    if get_origin(hint) is Literal or hint is bool:
        return ""
    if hint is list or get_origin(hint) is list:
        return "list"
    return WORDS.get(hint, "")


def bounds(meta: Any) -> str:
    """Return the limits of a number, as `msgspec.Meta` has them, in words."""
    lower = [f" from {meta.ge}" if getattr(meta, "ge", None) is not None else ""]
    lower += [f" above {meta.gt}" if getattr(meta, "gt", None) is not None else ""]
    upper = [f" to {meta.le:,}" if getattr(meta, "le", None) is not None and meta.le < 10**6 else ""]
    upper += [f" below {meta.lt}" if getattr(meta, "lt", None) is not None else ""]
    return "".join(lower + upper)


class PlainHelp(argparse.HelpFormatter):
    """Formatter that words types and defaults once, marks required options, and keeps lines of examples."""

    def _expand_help(self, action: argparse.Action) -> str:
        text = (action.help or "").replace("%%", "%")
        return text + notes(action, text)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        filled = (line if line.startswith("  ") else textwrap.fill(line, width) for line in text.splitlines())
        return "\n".join(filled)


class SettingsHelp(PlainHelp, DefaultHelpFormatter):
    """The same for the parsers of jsonargparse, which make options of settings."""


def notes(action: argparse.Action, text: str) -> str:
    """Return ` (required)`, or type and default where the help does not name them; empty for flags and positionals."""
    if not action.option_strings or action.nargs == 0:
        return ""
    if action.required or getattr(action, "is_needed", False):
        return " (required)"
    if "(default" in text:
        return ""
    words = [type_in_words(getattr(action, "_typehint", None))]
    if "default" not in text.lower() and action.default not in (None, argparse.SUPPRESS, [], ""):
        value = action.default if isinstance(action.default, str) else json.dumps(action.default, default=str)
        words.append(f"default: {value}")
    shown = ", ".join(filter(None, words))
    return f" ({shown})" if shown else ""
