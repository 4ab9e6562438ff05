"""Front matter of cards: parsed values, and fast refusal of hostile YAML."""

import datetime
import time

import pytest

from titlecraft.cards.front_matter import load_front_matter, read_front_matter, split_front_matter

DEEP = [
    "[" * 30_000,
    "a: " + "[" * 30_000,
    "a: " + "{a: " * 30_000,
    "- " * 30_000,
    "? " * 30_000,
    "a: " + "[" * 65 + "]" * 65,
    "\n".join(" " * i + "a:" for i in range(3000)),
    "[[" * 20_000 + "{" * 20_000,
]
BOMBS = [
    ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60))],
    ["a0: &a0 {k: v}", *(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}]}}" for i in range(1, 60))],
    ["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 3000))],
    [f"a: &a {'x' * 100_000}", *(f"b{i}: *a" for i in range(1000))],
    ["a: &a [*a]"],
    ["- a"] * 200_000,
    ["x" * 3_000_000],
]
INVALID = [
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
    "a: \ud800",
    "a: " + "9" * 5000,
    "a: 0x" + "f" * 5000,
    "a: !!int '" + "9" * 400 + "'",
    "<<: 5",
    "a: [",
    "a: 'b",
    "%YAML 9.9\n---\na",
]


@pytest.mark.parametrize(
    "block", [*DEEP, *("\n".join(lines) for lines in BOMBS), *INVALID], ids=lambda block: repr(block[:30])
)
def test_hostile_yaml_is_refused_fast_and_in_one_line(block: str) -> None:
    started = time.process_time()
    with pytest.raises(ValueError) as refused:
        load_front_matter(block)
    assert time.process_time() - started < 2
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 600


def test_values_of_a_block() -> None:
    block = "a: {b: [1, 2.5, true, ~]}\nc: &c [x, y]\nd: *c\ne: {<<: {f: 1}, g: 2}\nh: " + "[" * 62 + "]" * 62
    value = load_front_matter(block)
    assert {name: value[name] for name in "acde"} == {
        "a": {"b": [1, 2.5, True, None]},
        "c": ["x", "y"],
        "d": ["x", "y"],
        "e": {"f": 1, "g": 2},
    }
    assert load_front_matter("date: 2026-01-02") == {"date": datetime.date(2026, 1, 2)}
    assert load_front_matter("# nothing") is None


def test_read_front_matter_returns_json_values() -> None:
    readme = (
        b"\xef\xbb\xbf---\nlicense: mit\nday: 2026-01-02\nno_day: 2026-13-45\nn: .nan\ni: -.inf\nv: =\n---\n# Title\n"
    )
    expected = {"license": "mit", "day": "2026-01-02", "no_day": "2026-13-45", "n": None, "i": None, "v": "="}
    assert read_front_matter(readme) == expected
    for unreadable in (
        b"",
        b"# Title\n",
        b"---\n- a\n---\n",
        b"---\na: [\n---\n",
        b"---\na: " + b"[" * 30_000 + b"\n---\n",
    ):
        assert read_front_matter(unreadable) == {}


@pytest.mark.parametrize(
    ("text", "block", "body"),
    [
        ("---\na: 1\n---\n# T\n", "a: 1", "# T\n"),
        ("\ufeff---\r\na: 1\r\n---\r\n# T\n", "a: 1", "# T\n"),
        ("---\n---\n# T\n", "", "# T\n"),
        ("---\na: 1\n---", "a: 1", ""),
        ("# T\n---\na: 1\n---\n", None, "# T\n---\na: 1\n---\n"),
        ("---\na: 1\n", None, "---\na: 1\n"),
    ],
)
def test_split_front_matter(text: str, block: str | None, body: str) -> None:
    assert split_front_matter(text) == (block, body)
