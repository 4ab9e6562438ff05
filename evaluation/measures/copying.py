"""Is the text a copy of something that the adapter was trained on?"""

from evaluation.measures.entry import Entry, Written
from evaluation.measures.scripts import SPACES


def verbatim_copy(answer: Written) -> float:
    """Share of the answer's words that lie in its longest run from the training split; 0 for an empty answer."""
    copied, total = answer.known.copied_words(answer.text)
    return copied / total if total else 0.0


VERBATIM_COPY = Entry(
    name="verbatim_copy",
    label="Verbatim copy",
    group="form",
    unit="share of words",
    better="lower",
    definition="Longest run of words of the generated description of which every eight in a row stand, in that order, in a "
    "description of the training split, as a share of the description's words; the mean over titles. Words lie between "
    "white space, case does not count, and runs of fewer than eight words are no copies. The whole split is searched.",
    source="after Carlini et al. 2023; pyarrow and numpy",
    reads=Written,
    value=verbatim_copy,
    needs=(SPACES,),
)
