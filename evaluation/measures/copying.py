"""Measure "verbatim_copy": does the text copy a description that the adapter was trained on?"""

from evaluation.measures.entry import Entry, Written


def verbatim_copy(answer: Written) -> float:
    """Share of the answer's words in its longest passage from the training split; 0 for an empty answer."""
    copied, total = answer.known.copied_words(answer.text)
    return copied / total if total else 0.0


VERBATIM_COPY = Entry(
    name="verbatim_copy",
    label="Verbatim copy",
    group="form",
    unit="share of words",
    largest=1.0,
    better="lower",
    definition="Longest passage of the generated description whose word 8-grams all occur in descriptions of the training split, "
    "as a share of the description's words; the mean over titles. White space separates words, case is ignored, and a passage "
    "of fewer than eight words is no copy. In scripts without spaces each letter is a word, and sixteen take the place of eight. The whole split is searched.",
    source="after Carlini et al. 2023; pyarrow and numpy",
    reads=Written,
    value=verbatim_copy,
)
