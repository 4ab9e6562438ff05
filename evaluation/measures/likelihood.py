"""Measures without decoding: the likelihood of the dataset's description under a model."""

from math import log

from evaluation.measures.entry import Entry, Scored


def nll_per_token(reference: Scored) -> float:
    """Mean negative log-likelihood of a reference token, in nats."""
    return reference.nll / reference.tokens


def bits_per_byte(reference: Scored) -> float:
    """Negative log-likelihood of the reference in bits, per byte of its UTF-8."""
    return reference.nll / log(2) / max(1, reference.bytes)


def contextualisation(reference: Scored) -> float:
    """NLL per reference token given another title, minus NLL given its own title, in nats (CXMI, Fernandes et al. 2021)."""
    return (reference.nll_elsewhere - reference.nll) / reference.tokens


NLL_PER_TOKEN = Entry(
    name="nll_per_token",
    label="NLL per token",
    group="likelihood",
    unit="nats",
    better="lower",
    definition="Negative log-likelihood of the reference description and EOS given the prompt, per token; the mean over "
    "titles. Teacher forced: nothing is generated.",
    source="Shannon 1948; log-softmax in float32 (torch)",
    reads=Scored,
    value=nll_per_token,
)

BITS_PER_BYTE = Entry(
    name="bits_per_byte",
    label="Bits per byte",
    group="likelihood",
    unit="bits",
    better="lower",
    definition="The same likelihood (EOS counts) in bits, per byte of the reference; the mean over titles. It does not "
    "depend on the tokenizer, so that bases can be compared.",
    source="Gao et al. 2020 (The Pile); log-softmax in float32 (torch)",
    reads=Scored,
    value=bits_per_byte,
)

CONTEXTUALISATION = Entry(
    name="contextualisation",
    label="Contextualisation",
    group="contextualisation",
    unit="nats",
    better="higher",
    definition="How much likelier the reference is given the prompt of its own title than given that of another title of "
    "the sample: NLL(other) − NLL(own), per token; the mean over titles. The other title is the next one in the sample's "
    "random order, the first for the last. 0 means that the model ignores the title.",
    source="CXMI, Fernandes et al. 2021; log-softmax in float32 (torch)",
    reads=Scored,
    value=contextualisation,
)
