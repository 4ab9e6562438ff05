"""What a claim is, and how a set of records makes it a sentence. The sentences themselves are in claims.py."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

Records = Mapping[str, Any]  # named records as plain JSON values: {"training": {…}, "report": {…} or None, …}
_STEP = re.compile(r"\.?([^.\[\]]+)|\[([^\]]*)\]")
_NAMED_BY = ("name", "path", "repo")
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Claim:
    """A sentence, and what licenses it. It is said only if none of its fields is missing or null.

    Args:
        id: names it; the template asks for it by this name.
        section: where on the card it stands.
        sentence: the words, with {name} or {name:format} for the fields.
        fields: name in the sentence -> dotted path, from the name of a record on: "report.measures[primary].low".
        otherwise: what is said where a field is missing; nothing by default.
        each: path of a list or object: one claim for each of its elements; "*" in a path is the element, {key} its name.
        derive: further words from the fields' values; None says nothing at all.
    """

    id: str
    section: str
    sentence: str
    fields: Mapping[str, str]
    otherwise: str = ""
    each: str = ""
    derive: Callable[[dict[str, Any]], dict[str, Any] | None] | None = None


@dataclass(frozen=True)
class Said:
    """A claim as the card says it. `fields` are the values by their full paths; `licensed` is False for "not measured"."""

    id: str
    section: str
    sentence: str
    fields: dict[str, Any]
    licensed: bool


def say(claims: Iterable[Claim], records: Records) -> list[Said]:
    """What may be said of these records, in the order of the claims."""
    return [said for claim in claims for said in _say_one(claim, records)]


def steps_of(path: str) -> list[str]:
    """The names in a path: "report.measures[nll].low" -> report, measures, nll, low."""
    return [step[1] or step[2] for step in _STEP.finditer(path)]


def value_at(records: Records, path: str) -> Any:
    """The value at a dotted path, or None where there is none. Elements of lists are found by their name, or by number."""
    found: Any = records
    for key in steps_of(path):
        if isinstance(found, Mapping):
            found = found.get(key)
        elif isinstance(found, list):
            named = dict(_elements(found))
            found = named[key] if key in named else dict(enumerate(found)).get(int(key) if key.isdecimal() else -1)
        else:
            return None
    return found


def _say_one(claim: Claim, records: Records) -> list[Said]:
    if not claim.each:
        said = _fill(claim, claim.id, dict(claim.fields), {}, records)
        return [said] if said else []
    whole = _named(claim.each, records)
    found = []
    for key, _ in _elements(value_at(records, whole)):
        paths = {name: _named(path.replace("*", f"{whole}[{key}]"), records) for name, path in claim.fields.items()}
        said = _fill(claim, f"{claim.id}[{key}]", paths, {"key": key}, records)
        found += [said] if said else []
    return found


def _fill(claim: Claim, id: str, paths: dict[str, str], words: dict[str, Any], records: Records) -> Said | None:
    paths = {name: _named(path, records) for name, path in paths.items()}
    values = {name: value_at(records, path) for name, path in paths.items()}
    fields = {paths[name]: value for name, value in values.items()}
    if any(value is None for value in values.values()):
        text = FORMATTER.vformat(claim.otherwise, (), words)
        return Said(id, claim.section, text, fields, False) if text else None
    words = words | values
    if claim.derive:
        derived = claim.derive(words)
        if derived is None:
            return None
        words |= derived
    text = FORMATTER.vformat(claim.sentence, (), words)
    return Said(id, claim.section, text, fields, True) if text else None


def _named(path: str, records: Records) -> str:
    """The path with the primary measure's name in place of "primary"."""
    if "[primary]" not in path:
        return path
    return path.replace("[primary]", f"[{value_at(records, 'report.evaluation.primary')}]")


def _elements(value: Any) -> list[tuple[str, Any]]:
    """Elements of a list or object with their names; of a list without names, with their numbers."""
    if isinstance(value, Mapping):
        return list(value.items())
    if not isinstance(value, list):
        return []
    by = next((name for name in _NAMED_BY if all(isinstance(one, Mapping) and one.get(name) for one in value)), None)
    return [(str(one[by] if by else place), one) for place, one in enumerate(value)]


def _table_cell(value: Any) -> str:
    """A stranger's text as it stands in a cell of a Markdown table, and nothing but text."""
    text = " ".join(str(value).split())
    return re.sub(r"([\\`*_{}\[\]<>#|!~$])", r"\\\1", text) or "(empty)"


def _code(value: Any) -> str:
    """A stranger's word as it stands between two backticks, and cannot end them."""
    return " ".join(str(value).split()).replace("`", "'")


FORMATS: dict[str, Callable[[Any], str]] = {
    "short": lambda value: value if isinstance(value, str) else f"{value:.4g}",  # a text is "not measured"
    "signed": lambda value: f"{value:+.4g}" if value else "0",
    "percent": lambda share: f"{100 * share:.4g} %",
    "p": lambda value: "p < 0.0001" if value < 0.0001 else f"p = {value:.2g}",
    "cell": _table_cell,
    "code": _code,
}


class _Words(Formatter):
    """str.format with the formats above; lists are joined by commas, and whole numbers get their thousands by `,`."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec in FORMATS:
            return FORMATS[format_spec](value)
        if isinstance(value, list):
            return ", ".join(map(str, value))
        return super().format_field(value, format_spec)


FORMATTER = _Words()
