"""Claim "coherence": does the order of the sentences matter?"""

from evaluation.measures.entry import Entry, Written
from evaluation.measures.scripts import SENTENCES

CHANCE = 0.5


def in_order(answer: Written) -> float:
    """1 if the sentences are likelier in their own order than shuffled, 0 if less likely, 0.5 if equal or not scored."""
    if answer.nll_in_order is None or answer.nll_shuffled is None or answer.nll_in_order == answer.nll_shuffled:
        return CHANCE
    return float(answer.nll_in_order < answer.nll_shuffled)


COHERENCE = Entry(
    name="coherence",
    label="Coherence",
    group="coherence",
    unit="share",
    largest=1.0,
    better="higher",
    definition="Shuffle test: share of the generated descriptions that are likelier in their own order of sentences than in a "
    "shuffled one (fixed by a seed), by the NLL of the whole text under the frozen base with the adapter off, in both arms. "
    "An unfinished last sentence is left out of both orders. A text without two different whole sentences counts as 0.5 "
    "(chance) and is not left out: otherwise each arm would choose its own titles. In the arm before, the base scores its "
    "own texts.",
    source="shuffle test, Barzilay and Lapata 2008; log-softmax in float32 (torch)",
    reads=Written,
    value=in_order,
    neutral=CHANCE,
    needs=(SENTENCES,),
    recomputed="never",
)
