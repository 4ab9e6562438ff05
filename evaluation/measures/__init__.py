"""The measures, in the order of the report: one file for each claim or kind, in it a small Entry for each measure.

To add one, write an Entry and name it here: lighteval computes it per title, compare.py gives it an interval, and the
report, the table and the plots show it. A measure downloads nothing and loads no model.
"""

from math import ceil

from evaluation.measures.coherence import COHERENCE
from evaluation.measures.copying import VERBATIM_COPY
from evaluation.measures.detail import CONTENT_WORD_RECALL, UNSUPPORTED_NAMES, UNSUPPORTED_NUMBERS
from evaluation.measures.entry import Entry, Known, Scored, Written
from evaluation.measures.form import DISTINCT_2, LENGTH_RATIO, REPETITION, STOP_RATE
from evaluation.measures.likelihood import BITS_PER_BYTE, CONTEXTUALISATION, NLL_PER_TOKEN
from evaluation.measures.overlap import BLEU, CHRF, CHRF_PP, ROUGE_L
from evaluation.measures.specificity import SPECIFICITY

MEASURES: tuple[Entry, ...] = (
    NLL_PER_TOKEN, SPECIFICITY, COHERENCE, CONTENT_WORD_RECALL, UNSUPPORTED_NUMBERS, UNSUPPORTED_NAMES,
    CONTEXTUALISATION, BITS_PER_BYTE, CHRF, CHRF_PP, BLEU, ROUGE_L, LENGTH_RATIO, STOP_RATE, DISTINCT_2, REPETITION,
    VERBATIM_COPY,
)  # fmt: skip

# of sampled answers, of which a title has several: their mean (a corpus has one text for each title)
SAMPLED_MEASURES = tuple(entry for entry in MEASURES if entry.reads is Written and entry.corpus is None)

__all__ = [
    "MEASURES",
    "SAMPLED_MEASURES",
    "Entry",
    "Known",
    "Scored",
    "Written",
    "entry_named",
    "fewest_resamples",
    "measure_names",
    "primary_names",
]


def measure_names() -> list[str]:
    """Names of all measures, in the order of the report."""
    return [entry.name for entry in MEASURES]


def primary_names() -> list[str]:
    """Names of the measures that may answer the question: those with one value for each title."""
    return [entry.name for entry in MEASURES if entry.corpus is None]


def fewest_resamples(level: float) -> int:
    """Resamples below which no measure beside the primary one could pass Holm's first step, however clear its difference.

    The smallest two-sided p-value of so many random shuffles is 2 / (resamples + 1).
    """
    return ceil(2 * (len(MEASURES) - 1) / level)


def entry_named(name: str) -> Entry:
    """The measure of that name."""
    return next(entry for entry in MEASURES if entry.name == name)
