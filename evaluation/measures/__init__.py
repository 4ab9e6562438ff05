"""The measures, in the order of the report: one file for each claim or kind, with an Entry for each measure.

To add a measure, change these files:

1. a file of this folder: an `Entry` with label, unit, definition, source, the needs of a script, and `value`;
2. this file: import the Entry and put it into MEASURES, at its place in the report;
3. model_card/templates/citations.bib: the paper that `source` names as "Author year", unless it is there already;
4. playground/document/templates/words.pt-BR.toml: label, unit and definition in Portuguese.

tests/evaluation/measures/test_new_measure.py names what a new measure lacks. The rest needs no change: lighteval computes the value
per title, statistics/significance.py gives the interval, and report, table, plots, card and `titlecraft verify` show it.
The golden files list every measure: `python -m tests.playground.document.test_document` and
`python -m tests.model_card.test_golden_cards` rewrite them. A measure downloads nothing and loads no model; it reads titles and
training texts from `Known`.
"""

from dataclasses import replace
from math import ceil

from evaluation.measures.coherence import COHERENCE
from evaluation.measures.copying import VERBATIM_COPY
from evaluation.measures.detail import BERTSCORE_RECALL, CONTENT_WORD_RECALL, UNSUPPORTED_NAMES, UNSUPPORTED_NUMBERS
from evaluation.measures.entry import Entry, Known, Scored, Written
from evaluation.measures.form import DISTINCT_2, LENGTH_RATIO, REPETITION, STOP_RATE
from evaluation.measures.likelihood import BITS_PER_BYTE, CONTEXTUALISATION, NLL_PER_TOKEN
from evaluation.measures.overlap import BLEU, CHRF, CHRF_PP, ROUGE_L
from evaluation.measures.specificity import SPECIFICITY, SPECIFICITY_EMBEDDING
from titlecraft.settings import BM25, Evaluation

MEASURES: tuple[Entry, ...] = (
    NLL_PER_TOKEN,
    SPECIFICITY,
    COHERENCE,
    CONTENT_WORD_RECALL,
    UNSUPPORTED_NUMBERS,
    UNSUPPORTED_NAMES,
    CONTEXTUALISATION,
    BITS_PER_BYTE,
    CHRF,
    CHRF_PP,
    BLEU,
    ROUGE_L,
    LENGTH_RATIO,
    STOP_RATE,
    DISTINCT_2,
    REPETITION,
    VERBATIM_COPY,
)

ALL_ENTRIES = (*MEASURES, SPECIFICITY_EMBEDDING, BERTSCORE_RECALL)
"""MEASURES, and the measures that need an encoder named by the recipe."""


def measures_of(settings: Evaluation) -> tuple[Entry, ...]:
    """All measures of a recipe, in the order of the report: MEASURES, and a measure for each encoder that the recipe names."""
    entries = list(MEASURES)
    for model, entry, neighbour in (
        (settings.retriever, SPECIFICITY_EMBEDDING, SPECIFICITY),
        (settings.bertscore, BERTSCORE_RECALL, CONTENT_WORD_RECALL),
    ):
        if model not in (BM25, None):
            entries.insert(entries.index(neighbour) + 1, replace(entry, source=entry.source.format(model=model)))
    return tuple(entries)


def sampled_measures(settings: Evaluation) -> tuple[Entry, ...]:
    """The measures of sampled answers, each a mean over the answers to a title. Corpus scores need one answer, so they are left out."""
    return tuple(entry for entry in measures_of(settings) if entry.reads is Written and entry.corpus is None)


__all__ = [
    "ALL_ENTRIES",
    "MEASURES",
    "Entry",
    "Known",
    "Scored",
    "Written",
    "entry_named",
    "fewest_resamples",
    "measure_names",
    "measures_of",
    "primary_names",
    "sampled_measures",
]


def measure_names(settings: Evaluation) -> list[str]:
    """Names of all measures of a recipe, in the order of the report."""
    return [entry.name for entry in measures_of(settings)]


def primary_names(settings: Evaluation) -> list[str]:
    """Names of the measures that can be primary: those with one value per title."""
    return [entry.name for entry in measures_of(settings) if entry.corpus is None]


def fewest_resamples(settings: Evaluation) -> int:
    """The smallest number of resamples with which a measure other than the primary can pass Holm's first step.

    The smallest two-sided p-value of n random shuffles is 2 / (n + 1).
    """
    return ceil(2 * (len(measures_of(settings)) - 1) / settings.level)


def entry_named(name: str, settings: Evaluation) -> Entry:
    """The measure of that name in a recipe."""
    return next(entry for entry in measures_of(settings) if entry.name == name)
