"""Claim "detail": how much of the reference's content is said, always beside what is said and stands nowhere."""

import re
from collections.abc import Iterable
from functools import cache

from evaluation.measures.entry import Entry, Written
from evaluation.measures.scripts import CAPITALS, DIGITS, MARKS, NOUNS, SENTENCES, SPACES
from evaluation.measures.sentences import PUNCTUATION, sentences

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
NUMBER = re.compile(r"(?<!\w)\d+(?:[.,]\d+)*")


@cache
def stop_words() -> frozenset[str]:
    """English words without content, as bm25s lists them."""
    from bm25s.stopwords import STOPWORDS_EN_PLUS

    return frozenset(STOPWORDS_EN_PLUS)


def words(text: str) -> list[str]:
    """Words, case folded, without punctuation."""
    return WORD.findall(text.casefold())


def content_word_recall(answer: Written) -> float:
    """Share of the reference's content words that stand in the answer's first words, as many as the reference has."""
    reference = words(answer.reference)
    content = set(reference) - stop_words()
    return len(content & set(words(answer.text)[: len(reference)])) / len(content) if content else 0.0


def number_places(text: str) -> list[tuple[str, int, int]]:
    """Numbers in digits, commas taken as those between thousands, each with where it begins and ends."""
    return [(found[0].replace(",", ""), found.start(), found.end()) for found in NUMBER.finditer(text)]


def numbers(text: str) -> list[str]:
    """Numbers in digits; commas are taken as those between thousands."""
    return [number for number, _, _ in number_places(text)]


def name_places(text: str) -> list[tuple[list[str], int, int]]:
    """Names as `names` finds them, each with where it begins and ends."""
    found: list[tuple[list[str], int, int]] = []
    at = 0
    for sentence in sentences(text):
        open_run = False
        for place, token in enumerate(sentence.split()):
            begin = text.index(token, at)
            at = begin + len(token)
            word = token.strip(PUNCTUATION)
            capital = place > 0 and len(word) > 1 and word[0].isupper() and not word.startswith(("I'", "I’"))
            if capital:
                start = begin + token.index(word)
                name = re.sub(r"['’]s$", "", word.casefold())
                if open_run and token[0] not in PUNCTUATION:
                    before, start, _ = found.pop()
                    found.append(([*before, name], start, begin + token.index(word) + len(word)))
                else:
                    found.append(([name], start, start + len(word)))
            open_run = capital and token[-1] not in PUNCTUATION
    return found


def names(text: str) -> list[list[str]]:
    """Runs of capitalised words, case folded. A sentence's first word, and words of one letter, are no names."""
    return [name for name, _, _ in name_places(text)]


def supporting_words(texts: Iterable[str]) -> set[str]:
    """Words of texts that a name may be made of: those of a word with an apostrophe count apart too."""
    found = {word for text in texts for word in words(text)}
    return found | {part for word in found for part in re.split(r"['’]", word)}


def per_sentence(answer: Written, count: int) -> float:
    """A count per sentence of the answer; an answer without sentences has none of anything."""
    return count / max(1, len(sentences(answer.text)))


def unsupported_numbers(answer: Written) -> float:
    """Numbers of the answer that stand neither in the title nor in the reference, per sentence."""
    support = {*numbers(answer.title), *numbers(answer.reference)}
    return per_sentence(answer, sum(number not in support for number in numbers(answer.text)))


def unsupported_names(answer: Written) -> float:
    """Names of the answer with a word that stands neither in the title nor in the reference, per sentence."""
    support = supporting_words((answer.title, answer.reference))
    return per_sentence(answer, sum(not support.issuperset(name) for name in names(answer.text)))


CONTENT_WORD_RECALL = Entry(
    name="content_word_recall",
    label="Content-word recall",
    group="detail",
    unit="0–1",
    better="higher",
    definition="Share of the reference's different content words (English stop words apart) that stand in the generated "
    "description too, cut at as many words as the reference has, so that length alone does not pay; the mean over titles. "
    "It knows words, not meanings (this is not BERTScore): read it beside the two rates below.",
    source="ROUGE-1 recall without stop words and repeats, Lin 2004; stop words of bm25s",
    reads=Written,
    value=content_word_recall,
    needs=(SPACES, MARKS),
    shares_words=True,
)

UNSUPPORTED_NUMBERS = Entry(
    name="unsupported_numbers",
    label="Unsupported numbers",
    group="detail",
    unit="per sentence",
    better="lower",
    definition="Numbers in digits of the generated description that stand neither in the title nor in the reference, per "
    "generated sentence; the mean over titles. They may be true all the same.",
    source="Titlecraft, after entity-level checks of Nan et al. 2021",
    reads=Written,
    value=unsupported_numbers,
    needs=(SPACES, SENTENCES, DIGITS),
    reads_title=True,
)

UNSUPPORTED_NAMES = Entry(
    name="unsupported_names",
    label="Unsupported names",
    group="detail",
    unit="per sentence",
    better="lower",
    definition="Runs of capitalised words of the generated description (a sentence's first word apart) with a word that "
    "stands neither in the title nor in the reference, per generated sentence; the mean over titles. They may be true all "
    "the same.",
    source="Titlecraft, after entity-level checks of Nan et al. 2021",
    reads=Written,
    value=unsupported_names,
    needs=(SPACES, MARKS, SENTENCES, CAPITALS, NOUNS),
    reads_title=True,
)


def bertscore_recall(answer: Written) -> float:
    """BERTScore recall of the reference by the answer's first words, as many as the reference has."""
    return answer.known.bert_recall(answer.text, answer.reference)


BERTSCORE_RECALL = Entry(
    name="bertscore_recall",
    label="BERTScore recall",
    group="detail",
    unit="cosine",
    better="higher",
    definition="Each token of the reference beside the token of the generated description that is nearest to it by the cosine of "
    "their contextual embeddings (an encoder's last layer, no idf weights, no rescaling), averaged; the description is cut at as "
    "many words as the reference has, so that length alone does not pay, and both at 512 tokens; the mean over titles. Read it "
    "beside the rates of unsupported numbers and names.",
    source="Zhang et al. 2020; lighteval's copy of bert-score, last layer, {model}",
    reads=Written,
    value=bertscore_recall,
    needs=(SPACES,),
    shares_words=True,
)
