"""The YAML front matter of a card: split off, and parsed within limits.

Cards come from third parties. libyaml crashes the process on deeply nested YAML, and a few lines of aliases expand to
gigabytes. `_check_bounds` reads the parser's events first, in one pass that builds no values.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.resolver import Resolver

MOST_CHARACTERS, MOST_VALUES, MOST_DEPTH = 2_000_000, 100_000, 64
MOST_EXPANDED_CHARACTERS = 8_000_000
MOST_DIGITS = 300
_BLOCK = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)(?:^|\r?\n)---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_PREFIX = "tag:yaml.org,2002:"
_TAGS = {
    f"{_PREFIX}{kind}" for kind in ("str", "value", "merge", "null", "bool", "int", "float", "timestamp", "seq", "map")
}
_NUMBERS = {f"{_PREFIX}int", f"{_PREFIX}float"}
_RESOLVER = Resolver()
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _PlainLoader(_SafeLoader):
    """A YAML loader whose values fit into JSON: dates stay text, numbers that are not finite become None."""


def _finite_float(loader: Any, node: yaml.ScalarNode) -> float | None:
    value = loader.construct_yaml_float(node)
    return value if math.isfinite(value) else None


for _kind in ("timestamp", "value"):
    _PlainLoader.add_constructor(_PREFIX + _kind, lambda loader, node: node.value)
_PlainLoader.add_constructor(f"{_PREFIX}float", _finite_float)


def split_front_matter(text: str) -> tuple[str | None, str]:
    """Split a card into its front matter (or None) and the Markdown after it."""
    text_without_bom = text.removeprefix("\ufeff")
    match = _BLOCK.match(text_without_bom)
    return (match[1], text_without_bom[match.end() :]) if match else (None, text)


def load_front_matter(block: str) -> Any:
    """Return the parsed front matter of a card that will be written back. Raises ValueError."""
    return _load(block, _SafeLoader)


def read_front_matter(readme: bytes) -> dict[str, Any]:
    """Return the metadata of a card, with dates as text and None for numbers that are not finite; empty if unreadable."""
    block, _ = split_front_matter(readme.decode("utf-8", errors="replace"))
    try:
        metadata = _load(block, _PlainLoader) if block else None
    except ValueError:
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _load(block: str, loader: Any) -> Any:
    if len(block) > MOST_CHARACTERS:
        raise ValueError(f"it is longer than {MOST_CHARACTERS:,} characters")
    try:
        _check_bounds(block)
        return yaml.load(block, Loader=loader)
    except (yaml.YAMLError, ValueError, OverflowError, LookupError, AttributeError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())[:500]) from None


@dataclass
class _Size:
    """The size of a node with its aliases expanded."""

    values: int = 1
    characters: int = 0
    height: int = 0
    anchor: str | None = None

    def add(self, other: "_Size") -> None:
        self.values += other.values
        self.characters += other.characters
        self.height = max(self.height, other.height + 1)


def _check_bounds(block: str) -> None:
    """Raise ValueError for YAML that is nested too deeply, too large with aliases expanded, or has unusual tags."""
    anchors: dict[str, _Size] = {}
    open_nodes = [_Size()]  # the document, then the collections that the present event is in
    for event in yaml.parse(block, Loader=_SafeLoader):
        match event:
            case yaml.AliasEvent():
                if event.anchor not in anchors:
                    raise ValueError(f"{_line(event)}: the alias *{event.anchor} has no complete anchor before it")
                size = anchors[event.anchor]
            case yaml.ScalarEvent():
                _check_scalar(event)
                size = _Size(characters=len(event.value), anchor=event.anchor)
            case yaml.CollectionStartEvent():
                _check_tag(event, event.tag)
                open_nodes.append(_Size(anchor=event.anchor))
                size = None
            case yaml.CollectionEndEvent():
                size = open_nodes.pop()
                size.height = max(size.height, 1)
            case _:
                continue
        if size is not None:
            open_nodes[-1].add(size)
            if size.anchor is not None:
                anchors[size.anchor] = size
        if len(open_nodes) - 1 + (size.height if size else 0) > MOST_DEPTH:
            raise ValueError(f"{_line(event)}: it is nested more than {MOST_DEPTH} deep")
        if open_nodes[-1].values > MOST_VALUES or open_nodes[-1].characters > MOST_EXPANDED_CHARACTERS:
            raise ValueError(f"{_line(event)}: it has more than {MOST_VALUES:,} values, with its aliases expanded")


def _check_scalar(event: yaml.ScalarEvent) -> None:
    guessed = event.tag in (None, "!")
    tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit) if guessed else event.tag
    _check_tag(event, tag)
    if tag in _NUMBERS and len(event.value) > MOST_DIGITS:
        raise ValueError(f"{_line(event)}: a number of {len(event.value):,} digits, {MOST_DIGITS} at most are allowed")


def _check_tag(event: Any, tag: str | None) -> None:
    if tag not in (None, "!") and tag not in _TAGS:
        raise ValueError(f"{_line(event)}: the tag {str(tag)[:80]!r} is not allowed")


def _line(event: Any) -> str:
    return f"line {event.start_mark.line + 1}"
