"""Whom a card cites: the entries of templates/citations.bib that belong to what was used. Adding a measure's source: both here."""

from functools import cache
from importlib.resources import files

ALWAYS = ("hu2022lora", "taori2023alpaca")
AMAZON_TITLES = ("bhatia2016extreme", "mcauley2015image")
FOUR_BIT = "dettmers2023qlora"
OF_SOURCES = {  # as the `source` of a measure names them
    "Shannon 1948": "shannon1948mathematical",
    "Gao et al. 2020": "gao2020pile",
    "Fernandes et al. 2021": "fernandes2021measuring",
    "Voorhees 1999": "voorhees1999trec",
    "Robertson et al. 1994": "robertson1994okapi",
    "Lù 2024": "lu2024bm25s",
    "Barzilay and Lapata 2008": "barzilay2008modeling",
    "Lin 2004": "lin2004rouge",
    "Nan et al. 2021": "nan2021entity",
    "Popović 2015": "popovic2015chrf",
    "Popović 2017": "popovic2017chrfpp",
    "Papineni et al. 2002": "papineni2002bleu",
    "sacrebleu": "post2018call",
    "Li et al. 2016": "li2016diversity",
    "Welleck et al. 2020": "welleck2020neural",
    "Carlini et al. 2023": "carlini2023quantifying",
    "lighteval": "habib2023lighteval",
}


@cache
def entries() -> dict[str, str]:
    """The whole bibliography by its keys, in its order."""
    text = (files("model_card") / "templates" / "citations.bib").read_text(encoding="utf-8")
    found = [entry.strip() for entry in text.split("\n\n") if entry.strip()]
    return {entry.split("{", 1)[1].split(",", 1)[0]: entry for entry in found}


def bibtex(quantization: str, sources: list[str], amazon_titles: bool) -> str:
    """The entries of an adapter's card: what it is made with, its data where that is known, and the source of each measure."""
    wanted = {*ALWAYS, *(AMAZON_TITLES if amazon_titles else ()), *([FOUR_BIT] if quantization == "nf4" else [])}
    wanted |= {key for name, key in OF_SOURCES.items() if any(name in source for source in sources)}
    return "\n\n".join(entry for key, entry in entries().items() if key in wanted)
