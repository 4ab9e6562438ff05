"""The texts and number formats of the document's two languages; the texts are in templates/words.LANGUAGE.toml."""

import re
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from evaluation.report.numbers import number
from titlecraft.records import Measure, NotMeasured, Pin

LANGUAGES = ("en", "pt-BR")
TO_COMMA = str.maketrans(",.", ".,")  # 1,234.5 -> 1.234,5


@cache
def words_of(language: str) -> dict[str, Any]:
    """The texts of a language, by section."""
    return tomllib.loads(
        (files("playground.document") / "templates" / f"words.{language}.toml").read_text(encoding="utf-8")
    )


@dataclass(frozen=True)
class Language:
    """Formats numbers, measures and settings in a language; its methods are the template's filters.

    Args:
        code: "en" or "pt-BR".
        endpoint: the URL of the Hub, for links.
    """

    code: str
    endpoint: str

    @property
    def words(self) -> dict[str, Any]:
        """The texts of the language, by section."""
        return words_of(self.code)

    def localised(self, text: str) -> str:
        """A number in Python's format, converted to this language's separators."""
        return text.translate(TO_COMMA) if self.code == "pt-BR" else text

    def count(self, value: int) -> str:
        """An integer with thousands separators."""
        return self.localised(f"{value:,}")

    def number(self, value: float) -> str:
        """A measured value, rounded as in the report."""
        return self.localised(number(value))

    def signed(self, value: float) -> str:
        """A difference, rounded as in the report."""
        return self.localised(number(value, signed=True))

    def percent(self, share: float) -> str:
        """A fraction as a percentage with two decimals."""
        return self.localised(f"{100 * share:.2f}%")

    def value(self, value: Any) -> str:
        """A setting or a recorded value, without rounding."""
        match value:
            case None:
                return "–"
            case bool():
                return {"en": ("no", "yes"), "pt-BR": ("não", "sim")}[self.code][value]
            case int():
                return self.count(value)
            case float():
                return self.localised(f"{Decimal(repr(value)):,f}").removesuffix(self.localised(".0"))
            case list():
                return ", ".join(map(str, value))
        return str(value)

    def lacking(self, measure: NotMeasured) -> str:
        """The properties that a measure needs and the texts lack, in words that follow "texts"."""
        words = self.words["lacking"]
        return words["or"].join(words.get(name, name) for name in measure.lacking)

    def label(self, measure: Measure | NotMeasured) -> str:
        """The name of a measure; for a standard benchmark, the record's."""
        return self.of_measure(measure, "label")

    def unit(self, measure: Measure) -> str:
        """The unit of a measure."""
        return self.of_measure(measure, "unit")

    def definition(self, measure: Measure) -> str:
        """The definition of a measure."""
        return self.of_measure(measure, "definition")

    def of_measure(self, measure: Measure | NotMeasured, what: str) -> str:
        """A text of a measure in this language, or the record's text if there is no translation."""
        return self.words["measures"].get(measure.name, {}).get(what) or getattr(measure, what)

    def link(self, pin: Pin) -> str:
        """A Markdown link to a repo at its commit."""
        kind = "datasets/" if pin.type == "dataset" else ""
        return f"[{pin.repo}]({self.endpoint}/{kind}{pin.repo}/tree/{pin.revision}) (`{pin.revision[:12]}`)"

    def settings_table(self, heading: str, rows: list[tuple[str, Any, bool]]) -> str:
        """A Markdown table of settings. `rows` are dotted names, values, and whether a value differs from the default."""
        value, meaning = {"en": ("value", "meaning"), "pt-BR": ("valor", "o que é")}[self.code]
        lines = [f"| {heading} | {value} | {meaning} |", "|---|---|---|"]
        for name, setting, changed in rows:
            # integers as they are typed in a recipe: a seed has no thousands separators
            text = str(setting) if type(setting) is int else self.value(setting)
            shown = f"**{text}**" if changed else text
            lines.append(f"| `{name}` | {cell(shown)} | {self.words['settings'][name]} |")
        return "\n".join(lines)


def fenced(text: str, kind: str = "text") -> str:
    """The text as a code block, with a fence that is longer than any run of backticks in it."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}{kind}\n{text.rstrip()}\n{fence}"


def cell(text: str | None) -> str:
    """The text, escaped for a cell of a Markdown table."""
    return " ".join(str(text).replace("|", "\\|").split())
