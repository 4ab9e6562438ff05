"""JSON and YAML that somebody else wrote, read within bounds: the one way in for requests, cards and files of repos.

What a file means is the caller's business. This module sees to it that reading it costs little, cannot end the process
and gives values that an answer in JSON can hold: text without halves of surrogate pairs, finite numbers of at most
`_MOST_DIGITS` digits, lists and objects no deeper than `MOST_DEPTH`.

`strict` is for what comes in and can still be refused: NaN, numbers that are too long and names that come twice are errors.
For what is stored already, NaN becomes null and of two equal names the last one counts.
"""

import json
import math
import re
from functools import cache
from typing import Any

MOST_DEPTH = 64
MOST_JSON_BYTES = 64 * 2**20
_MOST_JSON_VALUES = 2_000_000
_MOST_YAML_CHARACTERS = 2_000_000
_MOST_YAML_VALUES = 100_000  # aliases count as what they stand for
_MOST_ALIASED_CHARACTERS = 8_000_000
_MOST_DIGITS = 300  # a double ends at 1.8e308

# a string runs to its quote or to the end of the text: whatever the text is, the search takes one pass
_TOKENS = re.compile(r'"[^"\\]*(?:\\.?[^"\\]*)*(?:"|\Z)|[\[{]|[\]}]|,', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class BadData(ValueError):
    """Why the text cannot be read, in one line."""


def read_json(content: bytes | str, *, strict: bool = False, most_bytes: int = MOST_JSON_BYTES) -> Any:
    """The JSON value that `content` (UTF-8) holds. Raises BadData."""
    if len(content) > most_bytes:
        raise BadData(f"it is longer than {most_bytes:,} bytes")
    try:
        text = (content if isinstance(content, str) else content.decode("utf-8")).removeprefix("\ufeff")
        _check_json_shape(text)
        value = (_STRICT_JSON if strict else _LENIENT_JSON).decode(text)
    except UnicodeDecodeError:
        raise BadData("it is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise BadData(_one_line(error)) from None
    return _whole_characters(value, strict) if _SURROGATE_ESCAPE.search(text) else value


def read_json_object(
    content: bytes | str, *, strict: bool = False, most_bytes: int = MOST_JSON_BYTES
) -> dict[str, Any]:
    """As `read_json`, for a JSON object. Raises BadData for any other value."""
    value = read_json(content, strict=strict, most_bytes=most_bytes)
    if not isinstance(value, dict):
        raise BadData("it is not a JSON object")
    return value


def read_yaml(text: str, *, strict: bool = False) -> Any:
    """The value of the one YAML document in `text`, None for an empty one. Raises BadData.

    All keys become text, dates become text. Tags other than YAML's own for plain values are errors.
    """
    yaml = _yaml()
    if len(text) > _MOST_YAML_CHARACTERS:
        raise BadData(f"it is longer than {_MOST_YAML_CHARACTERS:,} characters")
    try:
        loader = _yaml_loader()(_SURROGATE.sub("\ufffd", text))
        try:
            return _YamlReader(loader, strict).document()
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadData(_one_line(error)) from None


def _check_json_shape(text: str) -> None:
    """Refuse what is too deep or has too many values before anything is built. Most texts need three counts only."""
    opened = text.count("[") + text.count("{")
    if opened <= MOST_DEPTH and opened + text.count(",") <= _MOST_JSON_VALUES:
        return
    depth = values = 0
    for token in _TOKENS.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
                values += 1
                if depth > MOST_DEPTH:
                    raise BadData(f"its lists and objects are nested more than {MOST_DEPTH} deep")
            case "]" | "}":
                depth -= 1
            case ",":
                values += 1
        if values > _MOST_JSON_VALUES:
            raise BadData(f"it has more than {_MOST_JSON_VALUES:,} values")


def _whole_number(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise BadData(f"a number of {len(text):,} digits, {_MOST_DIGITS} at most are allowed")
    return int(text)


def _finite_number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise BadData(f"{text[:40]} is not a finite number")
    return value


def _finite_or_none(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _no_constant(text: str) -> None:
    raise BadData(f"{text} is not a finite number")


def _no_double(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise BadData(f"the name {double[:80]!r} comes twice")
    return found


_STRICT_JSON = json.JSONDecoder(
    parse_int=_whole_number, parse_float=_finite_number, parse_constant=_no_constant, object_pairs_hook=_no_double
)
_LENIENT_JSON = json.JSONDecoder(parse_int=_whole_number, parse_float=_finite_or_none, parse_constant=lambda text: None)


def _whole_characters(value: Any, strict: bool) -> Any:
    """Halves of surrogate pairs are valid in JSON's escapes, but no text that could be stored or shown."""
    if isinstance(value, str):
        if strict and _SURROGATE.search(value):
            raise BadData("it holds half of a surrogate pair")
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole_characters(item, strict) for item in value]
    if isinstance(value, dict):
        return {_whole_characters(name, strict): _whole_characters(item, strict) for name, item in value.items()}
    return value


class _YamlReader:
    """Values straight from libyaml's events. Its own way from text to nodes calls itself for every level in C, where
    30,000 brackets end the process, and works out merges (`<<`) of merges without counting them."""

    def __init__(self, loader: Any, strict: bool):
        self.loader = loader
        self.strict = strict
        self.yaml = _yaml()
        self.values = 0
        self.characters = 0
        self.anchors: dict[str, tuple[Any, int, int, int]] = {}  # value, values, characters, height

    def document(self) -> Any:
        yaml = self.yaml
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
        """(value, how many levels it has)"""
        yaml = self.yaml
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        values, characters = self.values, self.characters
        self._count(event, 1, 0)
        if isinstance(event, yaml.ScalarEvent):
            self._count(event, 0, len(event.value))
            value, height = self._scalar(event), 0
        else:
            if depth >= MOST_DEPTH:
                raise BadData(f"{_line(event)}: it is nested more than {MOST_DEPTH} deep")
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
        if depth + height > MOST_DEPTH:
            raise BadData(f"{_line(event)}: its aliases are nested more than {MOST_DEPTH} deep")
        return value, height

    def _count(self, event: Any, values: int, characters: int) -> None:
        self.values += values
        self.characters += characters
        if self.values > _MOST_YAML_VALUES or self.characters > _MOST_ALIASED_CHARACTERS:
            raise BadData(
                f"{_line(event)}: it has more than {_MOST_YAML_VALUES:,} values or {_MOST_ALIASED_CHARACTERS:,} characters; "
                "aliases count as what they stand for"
            )

    def _sequence(self, start: Any, depth: int) -> tuple[list, int]:
        self._check_tag(start, "tag:yaml.org,2002:seq")
        found, highest = [], 0
        while not isinstance(event := self.loader.get_event(), self.yaml.SequenceEndEvent):
            value, height = self._node(event, depth + 1)
            found.append(value)
            highest = max(highest, height)
        return found, highest + 1

    def _mapping(self, start: Any, depth: int) -> tuple[dict, int]:
        self._check_tag(start, "tag:yaml.org,2002:map")
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        highest = 0
        while not isinstance(event := self.loader.get_event(), self.yaml.MappingEndEvent):
            name = self._key(event)
            value, height = self._node(self.loader.get_event(), depth + 1)
            highest = max(highest, height)
            if name == "<<" and getattr(event, "implicit", (False,))[0]:
                for source in value if isinstance(value, list) else [value]:
                    if not isinstance(source, dict):
                        raise BadData(f"{_line(event)}: '<<' needs a mapping or a list of mappings")
                    merged = source | merged
                continue
            if self.strict and name in found:
                raise BadData(f"{_line(event)}: the name {name[:80]!r} comes twice")
            found[name] = value
        return merged | found, highest + 1

    def _key(self, event: Any) -> str:
        """A key as it is written: `no:` and `1:` are names like others."""
        if isinstance(event, self.yaml.AliasEvent):
            value, _ = self._alias(event, 0)
            if isinstance(value, list | dict):
                raise BadData(f"{_line(event)}: a list or a mapping cannot be a name")
            return str(value)
        if not isinstance(event, self.yaml.ScalarEvent):
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
            tag = self.loader.resolve(self.yaml.ScalarNode, text, event.implicit)
        kind = tag.removeprefix("tag:yaml.org,2002:")
        if kind in ("str", "value", "merge"):
            return text
        if kind not in _CONVERTED:
            raise BadData(f"{_line(event)}: the tag {tag[:80]!r} is not allowed")
        try:
            if kind in ("int", "float") and len(text) > _MOST_DIGITS:
                raise BadData(f"{_line(event)}: a number of {len(text):,} digits, {_MOST_DIGITS} at most are allowed")
            value = getattr(self.loader, f"construct_yaml_{kind}")(self.yaml.ScalarNode(tag, text))
        except (ValueError, OverflowError, LookupError, AttributeError) as error:
            if isinstance(error, BadData):
                raise
            if guessed and kind == "timestamp":  # 2026-13-45 only looks like a date
                return text
            raise BadData(f"{_line(event)}: {text[:40]!r} is not a valid {kind}") from None
        if isinstance(value, float) and not math.isfinite(value):
            if self.strict:
                raise BadData(f"{_line(event)}: {text[:40]} is not a finite number: write null, or leave it out")
            return None
        return str(value) if kind == "timestamp" else value


_CONVERTED = ("null", "bool", "int", "float", "timestamp")


def _line(event: Any) -> str:
    return f"line {event.start_mark.line + 1}"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]


@cache
def _yaml() -> Any:
    # only cards need it; `server`, which is imported for every command, reads JSON
    import yaml

    return yaml


@cache
def _yaml_loader() -> Any:
    """libyaml's parser where PyYAML was built with it."""
    return getattr(_yaml(), "CSafeLoader", _yaml().SafeLoader)
