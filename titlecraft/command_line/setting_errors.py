"""What jsonargparse and msgspec say of a wrong setting, in the words of the command line: option, value, what was expected."""

import ast
import difflib
import re
from collections.abc import Collection

KINDS = {"float": "a number", "int": "a whole number", "bool": "true or false", "list": "a list, such as '[\"a\", \"b\"]'",
         "str": "a text", "array": "a list", "NonNegativeInt": "a whole number >= 0", "PositiveInt": "a whole number > 0"}  # fmt: skip
OF_A_KEY = re.compile(r'Parser key "(?P<key>[\w.]+)": (?P<what>.*?)[:.]? Got value: (?P<value>.*)$', re.DOTALL)
OF_A_UNION = re.compile(r'Parser key "(?P<key>[\w.]+)": Does not validate against any of the Union subtypes '
                        r"Subtypes: \[(?P<what>.*?)\] Errors: .*? Given value: (?P<value>.*)$", re.DOTALL)  # fmt: skip
OF_A_RANGE = re.compile(r'Parser key "(?P<key>\w+)": Not of type (?P<what>\w+Int): (?:invalid literal .*: )?(?P<value>.*?)'
                        r"(?: does not conform to restriction .*)?$")  # fmt: skip
OF_DIGITS = re.compile(r'Parser key "(?P<key>[\w.]+)": Exceeds the limit \((?P<most>\d+) digits\)')
MOST_SHOWN, MOST_SAID = 80, 400  # characters of a value, and of a message of the parser's own


def of_parser(error: Exception) -> str:
    """An ArgumentError of jsonargparse: `--training.precision bf16: expected one of auto, bfloat16`; others as they are."""
    said = " ".join(str(error).split())
    for pattern in (OF_A_UNION, OF_A_KEY, OF_A_RANGE):
        if found := pattern.fullmatch(said):
            return f"{option(found['key'])} {shortened(found['value'])}: expected {expected(found['what'])}"
    if found := OF_DIGITS.search(said):
        return f"{option(found['key'])}: expected a number of fewer than {found['most']} digits"
    if isinstance(error, RecursionError):
        return "a value with thousands of brackets in each other: expected a setting"
    return shortened(said, MOST_SAID)


def shortened(text: str, most: int = MOST_SHOWN) -> str:
    """The text, or as much of it as fits into a line."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def of_bounds(error: Exception) -> str:
    """A ValidationError of msgspec, such as "Expected `int` >= 1 - at `$.training.batch_size`"."""
    said, _, place = str(error).partition(" - at ")
    return f"{option(place.strip('`$.'))}: expected {expected(said.removeprefix('Expected '))}"


def option(key: str) -> str:
    """The option of a parser's key: settings keep their underscores, the stage's own arguments have dashes."""
    return f"--{key if '.' in key else key.replace('_', '-')}"


def expected(what: str) -> str:
    """A type as Python or msgspec writes it, in words."""
    if choices := re.search(r"Literal\[(.*?)\]", what):
        return f"one of {', '.join(map(str, ast.literal_eval(f'[{choices[1]}]')))}"
    least = re.search(r"ge=(\d+)", what)
    words = re.sub(r"typing\.Annotated\[(\w+), .*?\)\]", r"\1", what.removeprefix("Expected a "))
    words = re.sub(r"<class '(\w+)'>|`(\w+)`", lambda name: name[1] or name[2], words)
    words = re.sub(r"\b(\w+)\b", lambda name: KINDS.get(name[1], name[1]), words).replace(", NoneType", " or null")
    return re.sub(r"(a whole number)( or null)", rf"\1 >= {least[1]}\2", words) if least else words


def closest(said: str, options: Collection[str]) -> str:
    """What may have been meant where an option is not known, or nothing."""
    wrong = said.partition("unrecognized arguments: ")[2].split("=")[0].split(" ")[0]
    close = difflib.get_close_matches(wrong, options, n=1, cutoff=0.75) if wrong.startswith("--") else []
    return f"; did you mean {close[0]}?" if close else ""
