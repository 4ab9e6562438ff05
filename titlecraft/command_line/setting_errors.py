"""Errors of jsonargparse and msgspec about a setting, as one line: option, value, and the expected type."""

import ast
import difflib
import re
from collections.abc import Collection

from titlecraft.errors import closest_setting

KINDS = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "list": 'a list, such as \'["a", "b"]\'',
    "str": "a text",
    "array": "a list",
    "NonNegativeInt": "a whole number >= 0",
    "PositiveInt": "a whole number > 0",
}
OF_A_KEY = re.compile(r'Parser key "(?P<key>[\w.]+)": (?P<type>.*?)[:.]? Got value: (?P<value>.*)$', re.DOTALL)
OF_A_UNION = re.compile(
    r'Parser key "(?P<key>[\w.]+)": Does not validate against any of the Union subtypes '
    r"Subtypes: \[(?P<type>.*?)\] Errors: .*? Given value: (?P<value>.*)$",
    re.DOTALL,
)
OF_A_RANGE = re.compile(
    r'Parser key "(?P<key>\w+)": Not of type (?P<type>\w+Int): (?:invalid literal .*: )?(?P<value>.*?)'
    r"(?: does not conform to restriction .*)?$"
)
OF_DIGITS = re.compile(r'Parser key "(?P<key>[\w.]+)": Exceeds the limit \((?P<maximum>\d+) digits\)')
MAX_VALUE, MAX_MESSAGE = 80, 400  # characters


def of_parser(error: Exception) -> str:
    """Return the message for an error of the parser: `--training.precision bf16: expected one of auto, bfloat16`.

    Other messages are returned as they are, on one line.
    """
    message = " ".join(str(error).split())
    for pattern in (OF_A_UNION, OF_A_KEY, OF_A_RANGE):
        if match := pattern.fullmatch(message):
            return f"{option(match['key'])} {shortened(match['value'])}: expected {expected(match['type'])}"
    if match := OF_DIGITS.search(message):
        return f"{option(match['key'])}: expected a number of fewer than {match['maximum']} digits"
    if isinstance(error, RecursionError):
        return "a value with thousands of nested brackets: expected a setting"
    return shortened(message, MAX_MESSAGE)


def shortened(text: str, limit: int = MAX_VALUE) -> str:
    """Return the text, cut after `limit` characters."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text):,} characters)"


def of_bounds(error: Exception) -> str:
    """Return the message for a ValidationError of msgspec: "Expected `int` >= 1 - at `$.training.batch_size`"."""
    message, _, path = str(error).partition(" - at ")
    return f"{option(path.strip('`$.'))}: expected {expected(message.removeprefix('Expected '))}"


def option(key: str) -> str:
    """Return the option of a parser's key: settings have underscores, the stage's own options have dashes."""
    return f"--{key if '.' in key else key.replace('_', '-')}"


def expected(type: str) -> str:
    """Return the words for a type as Python or msgspec prints it."""
    if choices := re.search(r"Literal\[(.*?)\]", type):
        return f"one of {', '.join(map(str, ast.literal_eval(f'[{choices[1]}]')))}"
    minimum = re.search(r"ge=(\d+)", type)
    words = re.sub(
        r"typing\.Annotated\[(\w+), .*?\)\]", r"\1", type.removeprefix("Expected a ").replace("list[str]", "list")
    )
    words = re.sub(r"<class '(\w+)'>|`(\w+)`", lambda name: name[1] or name[2], words)
    words = re.sub(r"\b(\w+)\b", lambda name: KINDS.get(name[1], name[1]), words).replace(", NoneType", " or null")
    return re.sub(r"(a whole number)( or null)", rf"\1 >= {minimum[1]}\2", words) if minimum else words


def closest(message: str, options: Collection[str]) -> str:
    """Return a hint at the closest option for an unknown one, or an empty string."""
    wrong = message.partition("unrecognized arguments: ")[2].split("=")[0].split(" ")[0]
    if not wrong.startswith("--"):
        return ""
    if "." in wrong:
        close = closest_setting(wrong, options)
    else:
        close = next(iter(difflib.get_close_matches(wrong, options, n=1, cutoff=0.75)), None)
    return f"; did you mean {close}?" if close else ""
