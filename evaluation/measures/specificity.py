"""Claim "specificity": does the text say which product it is about?"""

from evaluation.measures.entry import Entry, Written
from evaluation.measures.scripts import MARKS, SPACES


def reciprocal_rank(answer: Written) -> float:
    """1 / the rank of the true title among its distractors, by BM25 with the answer as the query."""
    return 1 / answer.known.rank(answer.title, answer.text)


SPECIFICITY = Entry(
    name="specificity",
    label="Specificity",
    group="specificity",
    unit="0–1",
    better="higher",
    definition="Reciprocal rank of the true title among it and 99 others of the test split (all there are, where there are "
    "fewer), ranked by BM25 with the words of the generated description as the query; the mean over titles. 50 of the "
    "others are those nearest to the true title by BM25, the rest are drawn at random, the same in both arms. Titles with "
    "equal scores share their mean rank: a text that names none of them has rank 50.5.",
    source="mean reciprocal rank, Voorhees 1999; BM25, Robertson et al. 1994; bm25s (Lù 2024), Lucene's variant, k1 1.5, b 0.75",
    reads=Written,
    value=reciprocal_rank,
    needs=(SPACES, MARKS),
    shares_words=True,
    reads_title=True,
)


def embedded_reciprocal_rank(answer: Written) -> float:
    """1 / the rank of the true title among its distractors, by an encoder's cosine to the answer."""
    return 1 / answer.known.embedded_rank(answer.title, answer.text)


SPECIFICITY_EMBEDDING = Entry(
    name="specificity_embedding",
    label="Specificity (embedding)",
    group="specificity",
    unit="0–1",
    better="higher",
    definition="As Specificity, among the same titles, but ranked by the cosine between the generated description and each title "
    "as an encoder sees them: its last hidden states, averaged over the tokens, at most 512 of a text. It knows likeness of "
    "meaning where BM25 knows words.",
    source="mean reciprocal rank, Voorhees 1999; mean pooling, Reimers and Gurevych 2019; transformers, {model}",
    reads=Written,
    value=embedded_reciprocal_rank,
)
