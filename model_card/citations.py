"""The BibTeX entries of a card: those of templates/citations.bib for the methods, data and measures that were used.

A measure's `source` names papers as "Lin 2004", "Barzilay and Lapata 2008" or "Gao et al. 2020"; an entry of that author and year
is cited.
"""

import re
import unicodedata
from functools import cache
from importlib.resources import files

ALWAYS = ("hu2022lora", "taori2023alpaca")
AMAZON_TITLES = ("bhatia2016extreme", "mcauley2015image")
FOUR_BIT = "dettmers2023qlora"
# cited by name rather than by author and year
SOFTWARE = {"sacrebleu": "post2018call", "lighteval": "habib2023lighteval"}


@cache
def entries() -> dict[str, str]:
    """All entries of citations.bib by key, in the order of the file."""
    text = (files("model_card") / "templates" / "citations.bib").read_text(encoding="utf-8")
    bibliography = [entry.strip() for entry in text.split("\n\n") if entry.strip()]
    return {entry.split("{", 1)[1].split(",", 1)[0]: entry for entry in bibliography}


@cache
def source_names() -> dict[str, str]:
    """How a measure's source cites an entry, such as "Lin 2004" without accents -> the entry's key."""
    return {author_year(entry): key for key, entry in entries().items()} | SOFTWARE


def author_year(entry: str) -> str:
    """How a text cites a BibTeX entry: "Lin 2004", "Barzilay and Lapata 2008", "Gao et al. 2020"; without accents."""
    fields = dict(re.findall(r"^\s*(\w+)\s*=\s*\{(.*)\},?$", entry, re.MULTILINE))
    authors = re.sub(r"\{\\\W ?(\w)\}|\{\\\w (\w)\}", r"\1\2", fields["author"]).split(" and ")
    names = [author.partition(",")[0] for author in authors]
    return (
        f"{names[0]} et al. {fields['year']}"
        if len(names) > 2 or "others" in names
        else f"{' and '.join(names)} {fields['year']}"
    )


def without_accents(text: str) -> str:
    """The text without combining marks: "Popović" -> "Popovic"."""
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


def cited_by(source: str) -> set[str]:
    """Keys of the entries that a measure's source names."""
    plain = without_accents(source)
    return {key for name, key in source_names().items() if name in plain}


def bibtex(quantization: str, sources: list[str], amazon_titles: bool) -> str:
    """The BibTeX of an adapter's card: its methods, its dataset if that is AmazonTitles, and the source of each measure."""
    wanted = {*ALWAYS, *(AMAZON_TITLES if amazon_titles else ()), *([FOUR_BIT] if quantization == "nf4" else [])}
    wanted |= {key for source in sources for key in cited_by(source)}
    return "\n\n".join(entry for key, entry in entries().items() if key in wanted)
