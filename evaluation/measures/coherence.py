"""Claim "coherence": do the sentences stand in an order that matters?"""

from evaluation.measures.entry import Entry, Written
from evaluation.measures.scripts import SENTENCES, SPACES

CHANCE = 0.5


def in_order(answer: Written) -> float:
    """1 where the sentences are likelier as they stand than shuffled, 0 where they are less likely, else one half."""
    if answer.nll_in_order is None or answer.nll_shuffled is None or answer.nll_in_order == answer.nll_shuffled:
        return CHANCE
    return float(answer.nll_in_order < answer.nll_shuffled)


COHERENCE = Entry(
    name="coherence",
    label="Coherence",
    group="coherence",
    unit="share",
    better="higher",
    definition="Shuffle test: share of the generated descriptions that are likelier as they stand than with their sentences "
    "shuffled (fixed by a seed), by the NLL of the whole text under the frozen base with the adapter off, for both arms "
    "alike. An unfinished last sentence is left out of both. A text without two different whole sentences counts one half, "
    "which is chance, in place of being left out: else each arm would choose its own titles. The base judges its own texts "
    "in one arm.",
    source="shuffle test, Barzilay and Lapata 2008; log-softmax in float32 (torch)",
    reads=Written,
    value=in_order,
    neutral=CHANCE,
    needs=(SPACES, SENTENCES),
    recomputed="never",
)
