"""The words and number formats of the document's two languages. Words lie beside the templates, one TOML file a language."""

import re
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from evaluation.report import wording
from titlecraft.records import Measure, NotMeasured, Pin

LANGUAGES = ("en", "pt-BR")
TO_COMMA = str.maketrans(",.", ".,")  # of a number as Python writes it: 1,234.5 -> 1.234,5


@cache
def words_of(language: str) -> dict[str, Any]:
    """The tables of words of a language, by section."""
    return tomllib.loads(
        (files("playground.document") / "templates" / f"words.{language}.toml").read_text(encoding="utf-8")
    )


@dataclass(frozen=True)
class Language:
    """Numbers, measures and settings as a language writes them; its methods are the template's filters.

    Args:
        code: "en" or "pt-BR".
        endpoint: address of the Hub that links point to.
    """

    code: str
    endpoint: str

    @property
    def words(self) -> dict[str, Any]:
        """See words_of."""
        return words_of(self.code)

    def localised(self, text: str) -> str:
        """A number as Python writes it, with this language's separators."""
        return text.translate(TO_COMMA) if self.code == "pt-BR" else text

    def count(self, value: int) -> str:
        """A whole number with separators between thousands."""
        return self.localised(f"{value:,}")

    def number(self, value: float) -> str:
        """A measured value, rounded as in the report."""
        return self.localised(wording.number(value))

    def signed(self, value: float) -> str:
        """A difference, rounded as in the report."""
        return self.localised(wording.number(value, signed=True))

    def percent(self, share: float) -> str:
        """A share of 1 in per cent, two decimals."""
        return self.localised(f"{100 * share:.2f}%")

    def value(self, value: Any) -> str:
        """A setting or a recorded figure, every digit of it; none of them is rounded."""
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
        """What texts lack that a measure relies on, in words that follow "texts"."""
        words = self.words["lacking"]
        return words["or"].join(words.get(name, name) for name in measure.lacking)

    def label(self, measure: Measure | NotMeasured) -> str:
        """Name of a measure. Standard benchmarks, which no table knows, keep the record's."""
        return self.of_measure(measure, "label")

    def unit(self, measure: Measure) -> str:
        """Unit of a measure."""
        return self.of_measure(measure, "unit")

    def definition(self, measure: Measure) -> str:
        """What a measure is."""
        return self.of_measure(measure, "definition")

    def of_measure(self, measure: Measure | NotMeasured, what: str) -> str:
        """A text of a measure in this language, by the measure's name, else the record's own."""
        return self.words["measures"].get(measure.name, {}).get(what) or getattr(measure, what)

    def link(self, pin: Pin) -> str:
        """Markdown link to a repo at its commit."""
        kind = "datasets/" if pin.type == "dataset" else ""
        return f"[{pin.repo}]({self.endpoint}/{kind}{pin.repo}/tree/{pin.revision}) (`{pin.revision[:12]}`)"

    def settings_table(self, heading: str, rows: list[tuple[str, Any, bool]]) -> str:
        """Markdown table of settings: dotted name, value, whether it differs from the default."""
        value, meaning = {"en": ("value", "meaning"), "pt-BR": ("valor", "o que é")}[self.code]
        lines = [f"| {heading} | {value} | {meaning} |", "|---|---|---|"]
        for name, setting, changed in rows:
            # integers as they are typed in a recipe: a seed has no thousands separators
            text = str(setting) if type(setting) is int else self.value(setting)
            shown = f"**{text}**" if changed else text
            lines.append(f"| `{name}` | {cell(shown)} | {self.words['settings'][name]} |")
        return "\n".join(lines)


def fenced(text: str, kind: str = "text") -> str:
    """Text as a code block, whatever backticks it holds."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}{kind}\n{text.rstrip()}\n{fence}"


def cell(text: str | None) -> str:
    """Text that stands in one cell of a Markdown table."""
    return " ".join(str(text).replace("|", "\\|").split())
