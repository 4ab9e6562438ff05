"""Claim "specificity": does the text tell which product it describes?"""

from evaluation.measures.entry import Entry, Written


def reciprocal_rank(answer: Written) -> float:
    """1 / the rank of the true title among its distractors, by BM25 with the answer as the query."""
    return 1 / answer.known.rank(answer.title, answer.text)


SPECIFICITY = Entry(
    name="specificity",
    label="Specificity",
    group="specificity",
    unit="0–1",
    largest=1.0,
    better="higher",
    definition="Reciprocal rank of the true title among itself and 99 other titles of the test split (all of them if there are "
    "fewer), ranked by BM25 with the words of the generated description as the query; the mean over titles. 50 of the "
    "others are the nearest to the true title by BM25, the rest are drawn at random; both arms have the same. Titles with "
    "equal scores share their mean rank: a text that names none of them has rank 50.5. In scripts without spaces the words are "
    "pairs of neighbouring letters.",
    source="mean reciprocal rank, Voorhees 1999; BM25, Robertson et al. 1994; bm25s (Lù 2024), Lucene's variant, k1 1.5, b 0.75",
    reads=Written,
    value=reciprocal_rank,
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
    largest=1.0,
    better="higher",
    definition="As Specificity, among the same titles, but ranked by the cosine between the embeddings of the generated description "
    "and of each title: an encoder's last hidden states, averaged over at most 512 tokens of a text. It compares meanings "
    "where BM25 compares words.",
    source="mean reciprocal rank, Voorhees 1999; mean pooling, Reimers and Gurevych 2019; transformers, {model}",
    reads=Written,
    value=embedded_reciprocal_rank,
)
