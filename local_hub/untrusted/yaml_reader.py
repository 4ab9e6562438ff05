"""Reads untrusted YAML within bounds: cards of repos. See `data` for the bounds and for `strict`."""

import math
from typing import Any

import yaml

from local_hub.untrusted.data import MAX_DEPTH, MAX_DIGITS, SURROGATE, BadData, one_line

_MAX_YAML_CHARACTERS = 2_000_000
_MAX_YAML_VALUES = 100_000  # with aliases expanded
_MAX_ALIASED_CHARACTERS = 8_000_000
# libyaml's parser if PyYAML was built with it
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONVERTED = ("null", "bool", "int", "float", "timestamp")


def read_yaml(text: str, *, strict: bool = False) -> Any:
    """The value of the YAML document in `text`; None for an empty text. Raises BadData.

    Keys and dates become text. Tags other than the standard ones of plain values are errors.
    """
    if len(text) > _MAX_YAML_CHARACTERS:
        raise BadData(f"it is longer than {_MAX_YAML_CHARACTERS:,} characters")
    try:
        loader = _Loader(SURROGATE.sub("\ufffd", text))
        try:
            return _YamlReader(loader, strict).document()
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadData(one_line(error)) from None


class _YamlReader:
    """Builds values from libyaml's events.

    PyYAML's own composer recurses in C, where 30,000 brackets end the process, and expands merges (`<<`) of merges
    without a limit.
    """

    def __init__(self, loader: Any, strict: bool):
        self.loader = loader
        self.strict = strict
        self.values = 0
        self.characters = 0
        self.anchors: dict[str, tuple[Any, int, int, int]] = {}  # value, values, characters, height

    def document(self) -> Any:
        self.loader.get_event()  # the stream's start
        if self.loader.check_event(yaml.StreamEndEvent):
            return None
        self.loader.get_event()  # the document's start
        value, _ = self._node(self.loader.get_event(), 0)
        self.loader.get_event()  # the document's end
        if not self.loader.check_event(yaml.StreamEndEvent):
            raise BadData("it holds more than one document")
        return value

    def _node(self, event: Any, depth: int) -> tuple[Any, int]:
        """(value, number of levels)."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        values, characters = self.values, self.characters
        self._count(event, 1, 0)
        if isinstance(event, yaml.ScalarEvent):
            self._count(event, 0, len(event.value))
            value, height = self._scalar(event), 0
        else:
            if depth >= MAX_DEPTH:
                raise BadData(f"{_line(event)}: it is nested more than {MAX_DEPTH} deep")
            inside = self._sequence if isinstance(event, yaml.SequenceStartEvent) else self._mapping
            value, height = inside(event, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, self.values - values, self.characters - characters, height)
        return value, height

    def _alias(self, event: Any, depth: int) -> tuple[Any, int]:
        if event.anchor not in self.anchors:
            raise BadData(
                f"{_line(event)}: the alias *{event.anchor} stands for nothing that came to its end before it"
            )
        value, values, characters, height = self.anchors[event.anchor]
        self._count(event, values, characters)
        if depth + height > MAX_DEPTH:
            raise BadData(f"{_line(event)}: its aliases are nested more than {MAX_DEPTH} deep")
        return value, height

    def _count(self, event: Any, values: int, characters: int) -> None:
        self.values += values
        self.characters += characters
        if self.values > _MAX_YAML_VALUES or self.characters > _MAX_ALIASED_CHARACTERS:
            raise BadData(
                f"{_line(event)}: it has more than {_MAX_YAML_VALUES:,} values or {_MAX_ALIASED_CHARACTERS:,} characters; "
                "aliases count as what they stand for"
            )

    def _sequence(self, start: Any, depth: int) -> tuple[list, int]:
        self._check_tag(start, "tag:yaml.org,2002:seq")
        items, highest = [], 0
        while not isinstance(event := self.loader.get_event(), yaml.SequenceEndEvent):
            value, height = self._node(event, depth + 1)
            items.append(value)
            highest = max(highest, height)
        return items, highest + 1

    def _mapping(self, start: Any, depth: int) -> tuple[dict, int]:
        self._check_tag(start, "tag:yaml.org,2002:map")
        mapping: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        highest = 0
        while not isinstance(event := self.loader.get_event(), yaml.MappingEndEvent):
            name = self._key(event)
            value, height = self._node(self.loader.get_event(), depth + 1)
            highest = max(highest, height)
            if name == "<<" and getattr(event, "implicit", (False,))[0]:
                for source in value if isinstance(value, list) else [value]:
                    if not isinstance(source, dict):
                        raise BadData(f"{_line(event)}: '<<' needs a mapping or a list of mappings")
                    merged = source | merged
                continue
            if self.strict and name in mapping:
                raise BadData(f"{_line(event)}: the name {name[:80]!r} comes twice")
            mapping[name] = value
        return merged | mapping, highest + 1

    def _key(self, event: Any) -> str:
        """A key as text: `no` and `1` are keys like any other."""
        if isinstance(event, yaml.AliasEvent):
            value, _ = self._alias(event, 0)
            if isinstance(value, list | dict):
                raise BadData(f"{_line(event)}: a list or a mapping cannot be a name")
            return str(value)
        if not isinstance(event, yaml.ScalarEvent):
            raise BadData(f"{_line(event)}: a list or a mapping cannot be a name")
        self._count(event, 1, len(event.value))
        if event.anchor is not None:
            self.anchors[event.anchor] = (event.value, 1, len(event.value), 0)
        return event.value

    def _check_tag(self, event: Any, usual: str) -> None:
        if event.tag not in (None, "!", usual):
            raise BadData(f"{_line(event)}: the tag {event.tag[:80]!r} is not allowed")

    def _scalar(self, event: Any) -> Any:
        text, tag = event.value, event.tag
        guessed = tag in (None, "!")
        if guessed:
            tag = self.loader.resolve(yaml.ScalarNode, text, event.implicit)
        kind = tag.removeprefix("tag:yaml.org,2002:")
        if kind in ("str", "value", "merge"):
            return text
        if kind not in _CONVERTED:
            raise BadData(f"{_line(event)}: the tag {tag[:80]!r} is not allowed")
        try:
            if kind in ("int", "float") and len(text) > MAX_DIGITS:
                raise BadData(f"{_line(event)}: a number of {len(text):,} digits, {MAX_DIGITS} at most are allowed")
            value = getattr(self.loader, f"construct_yaml_{kind}")(yaml.ScalarNode(tag, text))
        except (ValueError, OverflowError, LookupError, AttributeError) as error:
            if isinstance(error, BadData):
                raise
            if guessed and kind == "timestamp":  # 2026-13-45 is not a date
                return text
            raise BadData(f"{_line(event)}: {text[:40]!r} is not a valid {kind}") from None
        if isinstance(value, float) and not math.isfinite(value):
            if self.strict:
                raise BadData(f"{_line(event)}: {text[:40]} is not a finite number: write null, or leave it out")
            return None
        return str(value) if kind == "timestamp" else value


def _line(event: Any) -> str:
    return f"line {event.start_mark.line + 1}"
