"""The `Claim` class, and `say`, which renders claims from records. The claims themselves are in the other files here."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from evaluation.report.numbers import number

Records = Mapping[str, Any]  # named records as plain JSON values: {"training": {…}, "report": {…} or None, …}
_STEP = re.compile(r"\.?([^.\[\]]+)|\[([^\]]*)\]")
_NAMED_BY = ("name", "path", "repo")
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Claim:
    """A sentence of a card and the record fields that support it. It is rendered only if all of its fields have values.

    Args:
        id: the name that the template uses.
        section: the section of the card.
        sentence: a format string with {name} or {name:format} for the fields.
        fields: name in the sentence -> dotted path from the name of a record on: "report.measures[primary].low".
        otherwise: the sentence if a field is missing or null; nothing by default.
        each: path of a list or object; one claim for each element. "*" in a path is the element, {key} its name.
        derive: computes further format values from the fields' values; the sentence is omitted if it returns None.
    """

    id: str
    section: str
    sentence: str
    fields: Mapping[str, str]
    otherwise: str = ""
    each: str = ""
    derive: Callable[[dict[str, Any]], dict[str, Any] | None] | None = None


@dataclass(frozen=True)
class RenderedClaim:
    """A rendered claim. `fields` are the values by full path; `licensed` is False if the sentence is `otherwise`."""

    id: str
    section: str
    sentence: str
    fields: dict[str, Any]
    licensed: bool


def render_claims(claims: Iterable[Claim], records: Records) -> list[RenderedClaim]:
    """The claims that these records support, rendered, in the order of `claims`."""
    return [rendered for claim in claims for rendered in _render(claim, records)]


def steps_of(path: str) -> list[str]:
    """The steps of a path: "report.measures[nll].low" -> report, measures, nll, low."""
    return [step[1] or step[2] for step in _STEP.finditer(path)]


def value_at(records: Records, path: str) -> Any:
    """The value at a dotted path, or None. A list element is addressed by its name or its index."""
    value: Any = records
    for key in steps_of(path):
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list):
            by_name = dict(_elements(value))
            value = by_name[key] if key in by_name else dict(enumerate(value)).get(int(key) if key.isdecimal() else -1)
        else:
            return None
    return value


def _render(claim: Claim, records: Records) -> list[RenderedClaim]:
    if not claim.each:
        rendered = _fill(claim, claim.id, dict(claim.fields), {}, records)
        return [rendered] if rendered else []
    collection = _resolve_primary(claim.each, records)
    rendered_claims = []
    for key, _ in _elements(value_at(records, collection)):
        paths = {name: path.replace("*", f"{collection}[{key}]") for name, path in claim.fields.items()}
        rendered = _fill(claim, f"{claim.id}[{key}]", paths, {"key": key}, records)
        rendered_claims += [rendered] if rendered else []
    return rendered_claims


def _fill(
    claim: Claim, id: str, paths: dict[str, str], words: dict[str, Any], records: Records
) -> RenderedClaim | None:
    paths = {name: _resolve_primary(path, records) for name, path in paths.items()}
    values = {name: value_at(records, path) for name, path in paths.items()}
    fields = {paths[name]: value for name, value in values.items()}
    if any(value is None for value in values.values()):
        text = FORMATTER.vformat(claim.otherwise, (), words)
        return RenderedClaim(id, claim.section, text, fields, False) if text else None
    words = words | values
    if claim.derive:
        derived = claim.derive(words)
        if derived is None:
            return None
        words |= derived
    text = FORMATTER.vformat(claim.sentence, (), words)
    return RenderedClaim(id, claim.section, text, fields, True) if text else None


def _resolve_primary(path: str, records: Records) -> str:
    """The path with the name of the primary measure instead of "primary"."""
    if "[primary]" not in path:
        return path
    return path.replace("[primary]", f"[{value_at(records, 'report.evaluation.primary')}]")


def _elements(value: Any) -> list[tuple[str, Any]]:
    """The elements of a list or object with their names, or with their indices if a list's elements have no names."""
    if isinstance(value, Mapping):
        return list(value.items())
    if not isinstance(value, list):
        return []
    by = next((name for name in _NAMED_BY if all(isinstance(item, Mapping) and item.get(name) for item in value)), None)
    return [(str(item[by] if by else index), item) for index, item in enumerate(value)]


def _table_cell(value: Any) -> str:
    """Untrusted text, escaped for a cell of a Markdown table."""
    text = " ".join(str(value).split())
    return re.sub(r"([\\`*_{}\[\]<>#|!~$])", r"\\\1", text) or "(empty)"


def _code(value: Any) -> str:
    """Untrusted text, without the backticks that would end inline code."""
    return " ".join(str(value).split()).replace("`", "'")


FORMATS: dict[str, Callable[[Any], str]] = {
    "short": lambda value: value if isinstance(value, str) else f"{value:.4g}",  # a string is "not measured"
    "signed": lambda value: f"{value:+.4g}" if value else "0",
    "value": lambda value: value if isinstance(value, str) else number(value),
    "change": lambda value: value if isinstance(value, str) else number(value, signed=True),
    "percent": lambda share: f"{100 * share:.4g}%",
    "p": lambda value: "p < 0.0001" if value < 0.0001 else f"p = {value:.2g}",
    "cell": _table_cell,
    "code": _code,
}


class _Words(Formatter):
    """str.format with FORMATS; lists are joined by commas."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec in FORMATS:
            return FORMATS[format_spec](value)
        if isinstance(value, list):
            return ", ".join(map(str, value))
        return super().format_field(value, format_spec)


FORMATTER = _Words()
