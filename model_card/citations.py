"""Whom a card cites: the entries of templates/citations.bib that belong to what was used.

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
    """The whole bibliography by its keys, in its order."""
    text = (files("model_card") / "templates" / "citations.bib").read_text(encoding="utf-8")
    found = [entry.strip() for entry in text.split("\n\n") if entry.strip()]
    return {entry.split("{", 1)[1].split(",", 1)[0]: entry for entry in found}


@cache
def source_names() -> dict[str, str]:
    """The name by which a measure's source cites an entry, without accents -> the entry's key."""
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
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))


def cited_by(source: str) -> set[str]:
    """Keys of the entries that a measure's source names."""
    plain = without_accents(source)
    return {key for name, key in source_names().items() if name in plain}


def bibtex(quantization: str, sources: list[str], amazon_titles: bool) -> str:
    """The entries of an adapter's card: what it is made with, its data where that is known, and the source of each measure."""
    wanted = {*ALWAYS, *(AMAZON_TITLES if amazon_titles else ()), *([FOUR_BIT] if quantization == "nf4" else [])}
    wanted |= {key for source in sources for key in cited_by(source)}
    return "\n\n".join(entry for key, entry in entries().items() if key in wanted)
