"""Claim "detail": recall of the reference's content, and rates of unsupported numbers and names."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

import regex

from evaluation.measures.entry import Entry, Written
from evaluation.measures.scripts import CAPITALS, NOUNS, SENTENCES, SPACES
from evaluation.measures.sentences import PUNCTUATION, sentences
from titlecraft.search.scripts import OF_UNSPACED, bigrams

LETTERS = r"(?:[\p{L}\p{N}][\p{M}\u200c\u200d]*)+"
WORD = regex.compile(rf"{LETTERS}(?:['’-]{LETTERS})*")
NUMBER = regex.compile(rf"(?<![\w--[{OF_UNSPACED}]])\d+(?:[.,٫٬]\d+)*", regex.V1)
SEPARATORS = str.maketrans({",": "", "٬": "", "٫": "."})  # Arabic has its own


@cache
def stop_words() -> frozenset[str]:
    """English stop words of bm25s."""
    from bm25s.stopwords import STOPWORDS_EN_PLUS

    return frozenset(STOPWORDS_EN_PLUS)


def words(text: str) -> list[str]:
    """The words of a text, case folded, without punctuation; in scripts without spaces, pairs of neighbouring letters."""
    return WORD.findall(bigrams(text.casefold()))


def content_word_recall(answer: Written) -> float:
    """Share of the reference's content words that occur in the answer, cut at the reference's number of words."""
    reference = words(answer.reference)
    content = set(reference) - stop_words()
    return len(content & set(words(answer.text)[: len(reference)])) / len(content) if content else 0.0


def number_spans(text: str) -> list[tuple[str, int, int]]:
    """(number, start, end) of each number in digits; commas count as thousands separators."""
    return [(plain_number(match[0]), match.start(), match.end()) for match in NUMBER.finditer(text)]


def plain_number(written: str) -> str:
    """The number in digits 0 to 9 without thousands separators: ٣ and ３ are 3."""
    digits = written if written.isascii() else "".join(str(unicodedata.decimal(sign, sign)) for sign in written)
    return digits.translate(SEPARATORS)


def numbers(text: str) -> list[str]:
    """The numbers in digits of a text; commas count as thousands separators."""
    return [number for number, _, _ in number_spans(text)]


def name_spans(text: str) -> list[tuple[list[str], int, int]]:
    """(name, start, end) of each name; see `names`."""
    spans: list[tuple[list[str], int, int]] = []
    position = 0
    for sentence in sentences(text):
        extends = False
        for index, token in enumerate(sentence.split()):
            token_start = text.index(token, position)
            position = token_start + len(token)
            word = token.strip(PUNCTUATION)
            capitalised = index > 0 and len(word) > 1 and word[0].isupper() and not word.startswith(("I'", "I’"))
            if capitalised:
                start = token_start + token.index(word)
                name = re.sub(r"['’]s$", "", word.casefold())
                if extends and token[0] not in PUNCTUATION:
                    words_before, start, _ = spans.pop()
                    spans.append(([*words_before, name], start, token_start + token.index(word) + len(word)))
                else:
                    spans.append(([name], start, start + len(word)))
            extends = capitalised and token[-1] not in PUNCTUATION
    return spans


def names(text: str) -> list[list[str]]:
    """The names of a text: sequences of capitalised words, case folded, without first words of sentences and single letters."""
    return [name for name, _, _ in name_spans(text)]


def supporting_words(texts: Iterable[str]) -> set[str]:
    """The words of the texts, and the parts of each word that has an apostrophe: a name of these words is supported."""
    whole_words = {word for text in texts for word in words(text)}
    return whole_words | {part for word in whole_words for part in re.split(r"['’]", word)}


def per_sentence(answer: Written, count: int) -> float:
    """The count divided by the answer's number of sentences; an answer without sentences counts as one sentence."""
    return count / max(1, len(sentences(answer.text)))


def unsupported_numbers(answer: Written) -> float:
    """Numbers of the answer that are neither in the title nor in the reference, per sentence."""
    support = {*numbers(answer.title), *numbers(answer.reference)}
    return per_sentence(answer, sum(number not in support for number in numbers(answer.text)))


def unsupported_names(answer: Written) -> float:
    """Names of the answer with a word that is neither in the title nor in the reference, per sentence."""
    support = supporting_words((answer.title, answer.reference))
    return per_sentence(answer, sum(not support.issuperset(name) for name in names(answer.text)))


CONTENT_WORD_RECALL = Entry(
    name="content_word_recall",
    label="Content-word recall",
    group="detail",
    unit="0–1",
    largest=1.0,
    better="higher",
    definition="Share of the reference's distinct content words (English stop words left out) that also occur in the generated "
    "description, which is cut at the reference's number of words so that length alone does not pay; the mean over titles. "
    "It compares words, not meanings (it is not BERTScore): read it with the two rates below. In scripts without spaces the "
    "words are pairs of neighbouring letters.",
    source="ROUGE-1 recall without stop words and repeats, Lin 2004; stop words of bm25s",
    reads=Written,
    value=content_word_recall,
    alone=True,
    shares_words=True,
)

UNSUPPORTED_NUMBERS = Entry(
    name="unsupported_numbers",
    label="Unsupported numbers",
    group="detail",
    unit="per sentence",
    largest=1.0,
    better="lower",
    definition="Numbers in digits of the generated description that occur neither in the title nor in the reference, per "
    "generated sentence; the mean over titles. They may still be true.",
    source="Titlecraft, after entity-level checks of Nan et al. 2021",
    reads=Written,
    value=unsupported_numbers,
    alone=True,
    needs=(SENTENCES,),
    reads_title=True,
)

UNSUPPORTED_NAMES = Entry(
    name="unsupported_names",
    label="Unsupported names",
    group="detail",
    unit="per sentence",
    largest=1.0,
    better="lower",
    definition="Sequences of capitalised words of the generated description (without a sentence's first word) with a word that "
    "occurs neither in the title nor in the reference, per generated sentence; the mean over titles. They may still be true.",
    source="Titlecraft, after entity-level checks of Nan et al. 2021",
    reads=Written,
    value=unsupported_names,
    alone=True,
    needs=(SENTENCES, CAPITALS, NOUNS),
    reads_title=True,
)


def bertscore_recall(answer: Written) -> float:
    """BERTScore recall of the reference by the answer, cut at the reference's number of words."""
    return answer.known.bert_recall(answer.text, answer.reference)


BERTSCORE_RECALL = Entry(
    name="bertscore_recall",
    label="BERTScore recall",
    group="detail",
    unit="cosine",
    better="higher",
    definition="Cosine between each token of the reference and the nearest token of the generated description, by their contextual "
    "embeddings (an encoder's last layer, no idf weights, no rescaling), averaged over the tokens. The description is cut at the "
    "reference's number of words, so that length alone does not pay, and both at 512 tokens; the mean over titles. Read it with "
    "the rates of unsupported numbers and names.",
    source="Zhang et al. 2020; lighteval's copy of bert-score, last layer, {model}",
    reads=Written,
    value=bertscore_recall,
    needs=(SPACES,),
    shares_words=True,
)
