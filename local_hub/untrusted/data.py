"""Reads untrusted JSON within bounds: requests, cards and files of repos. `yaml_reader` does the same for YAML.

Reading is cheap, cannot end the process, and gives values that a JSON answer can hold: no lone surrogates, finite
numbers of at most `MAX_DIGITS` digits, lists and objects of at most `MAX_DEPTH` levels.

`strict` is for input that can be refused: NaN, long numbers and duplicate names are errors. In stored data, NaN becomes
None and the last of several equal names counts.
"""

import json
import math
import re
from typing import Any

MAX_DEPTH = 64
MAX_JSON_BYTES = 64 * 2**20
_MAX_JSON_VALUES = 2_000_000
MAX_DIGITS = 300  # a double ends at 1.8e308

# a string ends at its quote or at the end of the text, so that the search is linear for any text
_TOKENS = re.compile(r'"[^"\\]*(?:\\.?[^"\\]*)*(?:"|\Z)|[\[{]|[\]}]|,', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
SURROGATE = re.compile("[\ud800-\udfff]")


class BadData(ValueError):
    """The text cannot be read; the message is one line."""


def read_json(content: bytes | str, *, strict: bool = False, most_bytes: int = MAX_JSON_BYTES) -> Any:
    """The JSON value in `content` (UTF-8). Raises BadData."""
    if len(content) > most_bytes:
        raise BadData(f"it is longer than {most_bytes:,} bytes")
    try:
        text = (content if isinstance(content, str) else content.decode("utf-8")).removeprefix("\ufeff")
        _check_json_shape(text)
        value = (_STRICT_JSON if strict else _LENIENT_JSON).decode(text)
    except UnicodeDecodeError:
        raise BadData("it is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise BadData(one_line(error)) from None
    return _whole_characters(value, strict) if _SURROGATE_ESCAPE.search(text) else value


def read_json_object(content: bytes | str, *, strict: bool = False, most_bytes: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """The JSON object in `content`. Raises BadData, also for any other value."""
    value = read_json(content, strict=strict, most_bytes=most_bytes)
    if not isinstance(value, dict):
        raise BadData("it is not a JSON object")
    return value


def _check_json_shape(text: str) -> None:
    """Raises BadData for JSON that is too deep or has too many values, before it is parsed. Most texts need three counts."""
    opened = text.count("[") + text.count("{")
    if opened <= MAX_DEPTH and opened + text.count(",") <= _MAX_JSON_VALUES:
        return
    depth = values = 0
    for token in _TOKENS.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
                values += 1
                if depth > MAX_DEPTH:
                    raise BadData(f"its lists and objects are nested more than {MAX_DEPTH} deep")
            case "]" | "}":
                depth -= 1
            case ",":
                values += 1
        if values > _MAX_JSON_VALUES:
            raise BadData(f"it has more than {_MAX_JSON_VALUES:,} values")


def _whole_number(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise BadData(f"a number of {len(text):,} digits, {MAX_DIGITS} at most are allowed")
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
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise BadData(f"the name {double[:80]!r} comes twice")
    return value


_STRICT_JSON = json.JSONDecoder(
    parse_int=_whole_number, parse_float=_finite_number, parse_constant=_no_constant, object_pairs_hook=_no_double
)
_LENIENT_JSON = json.JSONDecoder(parse_int=_whole_number, parse_float=_finite_or_none, parse_constant=lambda text: None)


def _whole_characters(value: Any, strict: bool) -> Any:
    """Replace lone surrogates, which JSON escapes may contain; `strict` raises BadData for them."""
    if isinstance(value, str):
        if strict and SURROGATE.search(value):
            raise BadData("it holds half of a surrogate pair")
        return SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole_characters(item, strict) for item in value]
    if isinstance(value, dict):
        return {_whole_characters(name, strict): _whole_characters(item, strict) for name, item in value.items()}
    return value


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]
