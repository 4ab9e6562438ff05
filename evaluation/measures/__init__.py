"""The measures, in the order of the report: one file for each claim or kind, with an Entry for each measure.

To add a measure, change these files:

1. a file of this folder: an `Entry`, with its label, unit, definition, source, what it needs of a script, and `value`;
2. this file: import the Entry and put it into MEASURES, where the report shall show it;
3. model_card/templates/citations.bib: the paper that `source` names as "Author year" (nothing, where it is there already);
4. playground/document/templates/words.pt-BR.toml: label, unit and definition in Portuguese.

tests/evaluation/measures/test_new_measure.py says which of them a new measure lacks. Everything else follows: lighteval computes the
value per title, statistics/significance.py gives the interval, and report, table, plots, card and `titlecraft verify` show it.
The golden documents list every measure: `python -m tests.playground.document.test_document` and
`python -m tests.model_card.test_golden_cards` write them again. A measure downloads nothing and loads no model; it looks up titles
and training texts in `Known`.
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
    NLL_PER_TOKEN, SPECIFICITY, COHERENCE, CONTENT_WORD_RECALL, UNSUPPORTED_NUMBERS, UNSUPPORTED_NAMES,
    CONTEXTUALISATION, BITS_PER_BYTE, CHRF, CHRF_PP, BLEU, ROUGE_L, LENGTH_RATIO, STOP_RATE, DISTINCT_2, REPETITION,
    VERBATIM_COPY,
)  # fmt: skip

ALL_ENTRIES = (*MEASURES, SPECIFICITY_EMBEDDING, BERTSCORE_RECALL)
"""MEASURES, and those that need an encoder named by the recipe."""


def measures_of(settings: Evaluation) -> tuple[Entry, ...]:
    """All measures of a recipe, in the order of the report: MEASURES, and one for each encoder that it names."""
    found = list(MEASURES)
    for model, entry, beside in (
        (settings.retriever, SPECIFICITY_EMBEDDING, SPECIFICITY),
        (settings.bertscore, BERTSCORE_RECALL, CONTENT_WORD_RECALL),
    ):
        if model not in (BM25, None):
            found.insert(found.index(beside) + 1, replace(entry, source=entry.source.format(model=model)))
    return tuple(found)


def sampled_measures(settings: Evaluation) -> tuple[Entry, ...]:
    """The measures of sampled answers, of which a title has several: their mean (a corpus has one text for each title)."""
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
    """Names of the measures that may answer the question: those with one value for each title."""
    return [entry.name for entry in measures_of(settings) if entry.corpus is None]


def fewest_resamples(settings: Evaluation) -> int:
    """Resamples below which no measure beside the primary one could pass Holm's first step, however clear its difference.

    The smallest two-sided p-value of so many random shuffles is 2 / (resamples + 1).
    """
    return ceil(2 * (len(measures_of(settings)) - 1) / settings.level)


def entry_named(name: str, settings: Evaluation) -> Entry:
    """The measure of that name in a recipe."""
    return next(entry for entry in measures_of(settings) if entry.name == name)
