"""Malformed lines of a catalogue, one function of a row for each kind."""

import json
from typing import Any

import numpy as np

KINDS = [
    "truncated",
    "truncated_in_string",
    "invalid_utf8",
    "invalid_utf8_in_ignored_key",
    "blank",
    "spaces",
    "no_title_key",
    "no_content_key",
    "no_uid_key",
    "null_title",
    "numeric_title",
    "list_content",
    "null_content",
    "not_object",
    "two_objects",
    "raw_control",
    "lone_surrogate",
    "nan_literal",
    "single_quotes",
    "trailing_comma",
    "nul_bytes",
    "extra_key",
    "crlf",
    "uid_number",
    "bool_content",
    "duplicate_key",
]


def to_json(value: Any) -> bytes:
    """Return a value as JSON text in ASCII."""
    return json.dumps(value).encode()


def malform(kind: str, line: str, uid: str, t: str, c: str, ti: str, rng: np.random.Generator) -> bytes:
    """Return the malformed line of a kind for a row; `ti` is its `target_ind` as JSON."""
    full = {"uid": uid, "title": t, "content": c, "target_ind": [1], "target_rel": [1.0]}
    encoded = line.encode("utf-8", "surrogatepass")
    if kind == "truncated":
        return encoded[: -int(rng.integers(1, 12))]
    if kind == "truncated_in_string":
        return to_json({"uid": uid, "title": t})[:-3]
    if kind == "invalid_utf8":
        return to_json({**full, "content": "@@" + c}).replace(b"@@", b"caf\xe9 \xff ", 1)
    if kind == "invalid_utf8_in_ignored_key":
        return to_json({**full, "note": "@@"}).replace(b'"@@"', b'"\xc3\x28"', 1)
    if kind == "blank":
        return b""
    if kind == "spaces":
        return b"  \t "
    if kind == "no_title_key":
        full.pop("title")
        return to_json(full)
    if kind == "no_content_key":
        full.pop("content")
        return to_json(full)
    if kind == "no_uid_key":
        full.pop("uid")
        return to_json(full)
    if kind == "null_title":
        return to_json({**full, "title": None})
    if kind == "numeric_title":
        return to_json({**full, "title": 1984})
    if kind == "list_content":
        return to_json({**full, "content": [c, 1]})
    if kind == "null_content":
        return to_json({**full, "content": None})
    if kind == "not_object":
        return [b"[1, 2, 3]", b"42", b'"text"', b"null"][int(rng.integers(0, 4))]
    if kind == "two_objects":
        return to_json(full) + to_json(full)
    if kind == "raw_control":
        return to_json({**full, "content": "@@" + c}).replace(b"@@", b"a\x01b\tc", 1)
    if kind == "lone_surrogate":
        return to_json({**full, "content": "@@" + c}).replace(b"@@", b"x \\ud83d y", 1)
    if kind == "nan_literal":
        return to_json({**full, "target_rel": [1]}).replace(b'"target_rel": [1]', b'"target_rel": [NaN]', 1)
    if kind == "single_quotes":
        return to_json({"uid": uid}).replace(b'"', b"'")
    if kind == "trailing_comma":
        return to_json(full)[:-1] + b",}"
    if kind == "nul_bytes":
        return b"\x00" * 40
    if kind == "extra_key":
        return to_json({**full, "extra": {"a": [1, {"b": None}], "c": "\u00e9"}})
    if kind == "crlf":
        return to_json(full) + b"\r"
    if kind == "uid_number":
        return to_json({**full, "uid": 123})
    if kind == "bool_content":
        return to_json({**full, "content": True})
    if kind == "duplicate_key":
        return to_json(full)[:-1] + b', "title": "Second Title Wins"}'
    raise ValueError(kind)
