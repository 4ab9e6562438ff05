"""Untrusted YAML is read within bounds."""

import json
import time

import pytest

from local_hub.untrusted.data import BadData
from local_hub.untrusted.yaml_reader import read_yaml

DEEP_YAML = [
    "[" * 30_000,
    "a: " + "[" * 30_000,
    "a: " + "{a: " * 30_000,
    "- " * 30_000,
    "? " * 30_000,
    "a: " + "[" * 65 + "]" * 65,
    "\n".join(" " * i + "a:" for i in range(3000)),
    "[[" * 20_000 + "{" * 20_000,
]


BOMBS = {
    "aliases": ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60))],
    "merges": ["a0: &a0 {k: v}", *(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}" for i in range(1, 60))],
    "a chain": ["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 3000))],
    "long text": [f"a: &a {'x' * 100_000}", *(f"b{i}: *a" for i in range(1000))],
    "itself": ["a: &a [*a]"],
    "many values": ["- a"] * 200_000,
}


@pytest.mark.parametrize("text", DEEP_YAML)
def test_deep_yaml_is_refused_at_once(text: str) -> None:
    began = time.process_time()
    with pytest.raises(BadData):
        read_yaml(text)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("name", BOMBS)
def test_yaml_bombs_are_refused_at_once(name: str) -> None:
    began = time.process_time()
    with pytest.raises(BadData):
        read_yaml("\n".join(BOMBS[name]))
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system [id]",
        "a: !!python/name:os.system",
        "a: !!binary aGk=",
        "a: !!set {x, y}",
        "a: !!omap [a: 1]",
        "a: !!int ''",
        "a: !!bool maybe",
        "a: !!timestamp never",
        "a: !!float x",
        "a: !own x",
        "a: *nothing",
        "[a, b]: c",
        "{a: 1}: c",
        "a: b\0c",
        'a: "\\ud800"',
        "---\na\n---\nb",
        "a: " + "9" * 5000,
        "a: 0x" + "f" * 5000,
        "<<: 5",
        "a: [",
        "a: 'b",
        "x" * 3_000_000,
        "%YAML 9.9\n---\na",
    ],
)
def test_odd_yaml_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(BadData) as refused:
        read_yaml(text)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 600


def test_yaml_becomes_what_json_can_hold() -> None:
    text = "no: no\n1: 2\n2026-01-02: 2026-01-02\nt: 2026-01-02T03:04:05Z\nodd: 2026-13-45\nn: .nan\ni: -.inf\ne: 1.0e+999\nv: =\nq: 'no'\n"
    text += "b: &b {x: 1, y: 2}\nm: {<<: *b, x: 3}\n~: ~\n"
    expected = {
        "no": False,
        "1": 2,
        "2026-01-02": "2026-01-02",
        "t": "2026-01-02 03:04:05+00:00",
        "odd": "2026-13-45",
        "n": None,
        "i": None,
        "e": None,
        "v": "=",
        "q": "no",
        "b": {"x": 1, "y": 2},
        "m": {"x": 3, "y": 2},
        "~": None,
    }
    assert read_yaml(text) == expected
    json.dumps(read_yaml(text), allow_nan=False).encode()
    assert read_yaml("") is read_yaml("# nothing") is None
