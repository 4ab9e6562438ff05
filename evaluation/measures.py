"""The measures: each a small entry with its definition, unit, direction, citation and the function that computes it.

To add one, append an Entry to MEASURES: lighteval computes it per title, compare.py gives it an interval, and the
report, the table and the plots show it. Entries must not download anything, nor import a model.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal


@dataclass(frozen=True)
class Scored:
    """A reference under a model, without decoding.

    Args:
        nll: negative log-likelihood of the reference's tokens and EOS given the prompt, summed, in nats.
        tokens: how many tokens that is, EOS among them.
    """

    nll: float
    tokens: int


@dataclass(frozen=True)
class Written:
    """An answer that a model wrote, beside the reference.

    Args:
        text: the answer, decoded.
        tokens: tokens of the answer, without EOS.
        stopped: the answer ended in EOS, rather than at the most new tokens.
        reference: the text that stands in the dataset.
        reference_tokens: its tokens, without EOS.
    """

    text: str
    tokens: int
    stopped: bool
    reference: str
    reference_tokens: int


@dataclass(frozen=True)
class Entry:
    """One measure. `value` gives the value for one title in one arm from what it `reads`."""

    name: str
    label: str
    unit: str
    better: Literal["lower", "higher", "neither"]
    definition: str
    source: str
    reads: type[Scored] | type[Written]
    value: Callable[[Any], float]


def nll_per_token(reference: Scored) -> float:
    """Mean negative log-likelihood of a reference token, in nats."""
    return reference.nll / reference.tokens


@cache
def chrf_scorer() -> Any:
    from sacrebleu.metrics import CHRF

    return CHRF()  # chrF2: character 6-grams, no word n-grams, beta 2


def chrf(answer: Written) -> float:
    """Sentence chrF2 of the answer against the reference, 0 to 100 (Popović 2015)."""
    return float(chrf_scorer().sentence_score(answer.text, [answer.reference]).score)


@cache
def rouge_scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], use_stemmer=False)


def rouge_l(answer: Written) -> float:
    """ROUGE-L F1 of the answer against the reference, 0 to 1 (Lin 2004)."""
    return float(rouge_scorer().score(answer.reference, answer.text)["rougeL"].fmeasure)


def length_ratio(answer: Written) -> float:
    """Tokens of the answer per token of the reference."""
    return answer.tokens / answer.reference_tokens


def stopped(answer: Written) -> float:
    """1 where the answer ended in EOS, else 0."""
    return float(answer.stopped)


MEASURES = (
    Entry(
        name="nll_per_token",
        label="NLL per token",
        unit="nats",
        better="lower",
        definition="Negative log-likelihood of the reference description and EOS given the prompt, per token; the mean "
        "over titles. Teacher forced: nothing is generated.",
        source="Shannon 1948; log-softmax in float32 (torch)",
        reads=Scored,
        value=nll_per_token,
    ),
    Entry(
        name="chrf",
        label="chrF",
        unit="0–100",
        better="higher",
        definition="F-score of shared character n-grams (n up to 6, recall counts twice) between the generated and the "
        "reference description; the mean over titles.",
        source="Popović 2015; sacrebleu, nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no",
        reads=Written,
        value=chrf,
    ),
    Entry(
        name="rouge_l",
        label="ROUGE-L",
        unit="0–1",
        better="higher",
        definition="F1 of the longest common subsequence of words between the generated and the reference description; "
        "the mean over titles.",
        source="Lin 2004; rouge-score, no stemmer",
        reads=Written,
        value=rouge_l,
    ),
    Entry(
        name="length_ratio",
        label="Length ratio",
        unit="generated / reference",
        better="neither",
        definition="Tokens of the generated description per token of the reference; the mean over titles. The most new "
        "tokens of the protocol bound it.",
        source="Titlecraft",
        reads=Written,
        value=length_ratio,
    ),
    Entry(
        name="stop_rate",
        label="Stop rate",
        unit="share",
        better="higher",
        definition="Share of the generated descriptions that end by themselves (EOS) before the most new tokens.",
        source="Titlecraft",
        reads=Written,
        value=stopped,
    ),
)


def measure_names() -> list[str]:
    """Names of all measures, in the order of the report."""
    return [entry.name for entry in MEASURES]
