"""Values of each measure on literal texts."""

from dataclasses import dataclass, replace
from math import log

import pytest

from evaluation.measures import (
    MEASURES,
    Entry,
    Scored,
    Written,
    entry_named,
    fewest_resamples,
    measure_names,
    primary_names,
)
from evaluation.measures.detail import names, numbers
from evaluation.measures.overlap import SCORES
from evaluation.measures.sentences import orders, sentences
from tests import present
from titlecraft.records import CLAIMS
from titlecraft.settings import Evaluation

PLAIN = Evaluation()


@dataclass(frozen=True)
class Known:
    """A lookup with fixed values."""

    true_rank: float = 1.0
    copied: tuple[int, int] = (0, 0)

    def rank(self, title: str, text: str) -> float:
        return self.true_rank

    def embedded_rank(self, title: str, text: str) -> float:
        return 2 * self.true_rank

    def bert_recall(self, text: str, reference: str) -> float:
        return 0.5

    def overlap(self, name: str, text: str, reference: str) -> float:
        return SCORES[name](text, reference)

    def copied_words(self, text: str) -> tuple[int, int]:
        return self.copied

    def value(self, entry: Entry, answer: Written) -> float:
        return entry.value(answer)


CAT = Written(
    text="the cat sat",
    tokens=3,
    stopped=True,
    reference="the cat sat down",
    reference_tokens=4,
    title="A cat",
    nll_in_order=None,
    nll_shuffled=None,
    known=Known(),
)
NOTHING = replace(CAT, text="", tokens=0)
SAME = replace(CAT, text="A red lamp.", tokens=5, stopped=False, reference="A red lamp.", reference_tokens=5)
REFERENCE = Scored(nll=6.0, tokens=4, bytes=12, nll_elsewhere=8.0)


def value(name: str, answer: Written | Scored) -> float:
    return entry_named(name, PLAIN).value(answer)


def answer_of(text: str, reference: str, title: str = "") -> Written:
    return replace(CAT, text=text, reference=reference, title=title)


def test_likelihood() -> None:
    assert value("nll_per_token", REFERENCE) == 1.5
    assert value("bits_per_byte", REFERENCE) == pytest.approx(6 / log(2) / 12)
    assert value("contextualisation", REFERENCE) == 0.5  # (8 − 6) / 4
    assert value("contextualisation", replace(REFERENCE, nll_elsewhere=6.0)) == 0.0


def test_specificity_is_the_reciprocal_rank() -> None:
    assert value("specificity", replace(CAT, known=Known(true_rank=4.0))) == 0.25
    assert value("specificity", replace(CAT, known=Known(true_rank=50.5))) == pytest.approx(0.0198, abs=1e-4)


@pytest.mark.parametrize(
    ("in_order", "shuffled", "expected"), [(10.0, 11.0, 1.0), (11.0, 10.0, 0.0), (10.0, 10.0, 0.5), (None, None, 0.5)]
)
def test_coherence_compares_the_nll_of_two_orders(in_order, shuffled, expected: float) -> None:
    assert value("coherence", replace(CAT, nll_in_order=in_order, nll_shuffled=shuffled)) == expected


def test_sentences_end_at_punctuation_and_line_breaks() -> None:
    assert sentences("A cat. It sat!  Did it? 'Yes.' No…\nA dog, 2.5 m") == [
        "A cat.",
        "It sat!",
        "Did it?",
        "'Yes.'",
        "No…",
        "A dog, 2.5 m",
    ]
    assert sentences("  ") == []


def test_the_shuffled_order_depends_on_seed_and_text_only() -> None:
    text = "One comes first. Two follows. Three ends. And this is unfin"
    own_order, shuffled = present(orders(text, seed=7))
    assert own_order == "One comes first. Two follows. Three ends."
    assert shuffled == "Three ends. One comes first. Two follows."
    assert orders(text, seed=7) == (own_order, shuffled)
    assert orders("One. Two.", seed=1) == ("One. Two.", "Two. One.")
    for single in ("Only one.", "Twice. Twice.", "One. And the rest is unfin", ""):
        assert orders(single, seed=7) is None


def test_content_word_recall_cuts_the_answer_at_the_references_length() -> None:
    reference = "The red lamp of the kitchen"  # content: red, lamp, kitchen; six words
    assert value("content_word_recall", answer_of("A Lamp in RED", reference)) == pytest.approx(2 / 3)
    # beyond six words
    assert value("content_word_recall", answer_of("so so so so so so red lamp kitchen", reference)) == 0.0
    assert value("content_word_recall", answer_of("", reference)) == 0.0
    assert value("content_word_recall", answer_of("the the", "the of")) == 0.0


def test_unsupported_numbers() -> None:
    assert numbers("A 12V drill, 1,200 rpm, 2.5 kg, model XK900, in 1987.") == ["12", "1200", "2.5", "1987"]
    answer = answer_of(
        "It has 1200 pages. It was made in 1987 and 1988.", reference="1,200 pages", title="Yearbook 1987"
    )
    assert value("unsupported_numbers", answer) == 0.5  # 1988, in two sentences
    assert value("unsupported_numbers", NOTHING) == 0.0


def test_unsupported_names() -> None:
    text = "Written by John Smith, Paris. He and I saw Mary's NASA in May. Then it ended."
    assert names(text) == [["john", "smith"], ["paris"], ["mary", "nasa"], ["may"]]
    answer = answer_of(text, reference="by John Smith of Paris", title="Mary at NASA")
    assert value("unsupported_names", answer) == pytest.approx(1 / 3)  # May
    assert value("unsupported_names", answer_of("Smith ran.", "nobody")) == 0.0  # a sentence begins with any capital


def test_rouge_l_is_the_f1_of_the_longest_common_subsequence() -> None:
    assert value("rouge_l", CAT) == pytest.approx(2 * 1 * 0.75 / 1.75)  # precision 3/3, recall 3/4
    assert value("rouge_l", SAME) == 1.0
    assert value("rouge_l", NOTHING) == 0.0


def test_chrf_equals_sacrebleu() -> None:
    from sacrebleu import sentence_chrf

    recall = sum((10 - n) / (14 - n) for n in range(1, 7)) / 6  # "thecatsat" in "thecatsatdown"; precision is 1
    assert value("chrf", CAT) == sentence_chrf("the cat sat", ["the cat sat down"]).score
    assert value("chrf", CAT) == pytest.approx(100 * 5 * recall / (4 + recall))
    assert value("chrf", SAME) == pytest.approx(100.0)
    assert value("chrf", NOTHING) == 0.0
    assert value("chrf_pp", CAT) == sentence_chrf("the cat sat", ["the cat sat down"], word_order=2).score


def test_sentence_bleu_equals_sacrebleu() -> None:
    from sacrebleu import sentence_bleu

    assert value("bleu", CAT) == sentence_bleu("the cat sat", ["the cat sat down"]).score  # it has effective order
    assert value("bleu", SAME) == pytest.approx(100.0)
    assert value("bleu", NOTHING) == 0.0


def test_sources_name_sacrebleus_signatures() -> None:
    for name in ("bleu", "chrf_pp"):
        metric = entry_named(name, PLAIN).corpus_metric()
        metric.corpus_score(["a b"], [["a b"]])
        signature = str(metric.get_signature()).partition("|version")[0]
        assert signature in entry_named(name, PLAIN).source


def test_length_ratio_and_stop_rate() -> None:
    assert [value("length_ratio", answer) for answer in (CAT, NOTHING, SAME)] == [0.75, 0.0, 1.0]
    assert [value("stop_rate", answer) for answer in (CAT, SAME)] == [1.0, 0.0]


def test_distinct_2_and_repetition() -> None:
    looped = replace(CAT, text="a b a b a b")  # pairs ab ba ab ba ab; 4-grams abab baba abab
    assert value("distinct_2", looped) == pytest.approx(2 / 5)
    assert value("repetition", looped) == pytest.approx(1 / 3)
    assert (value("distinct_2", CAT), value("repetition", CAT)) == (1.0, 0.0)
    assert (value("distinct_2", NOTHING), value("repetition", NOTHING)) == (0.0, 0.0)


def test_verbatim_copy_is_a_share_of_words() -> None:
    assert value("verbatim_copy", replace(CAT, known=Known(copied=(9, 12)))) == 0.75
    assert value("verbatim_copy", NOTHING) == 0.0


def test_every_entry_is_documented() -> None:
    assert measure_names(PLAIN) == [
        "nll_per_token",
        "specificity",
        "coherence",
        "content_word_recall",
        "unsupported_numbers",
        "unsupported_names",
        "contextualisation",
        "bits_per_byte",
        "chrf",
        "chrf_pp",
        "bleu",
        "rouge_l",
        "length_ratio",
        "stop_rate",
        "distinct_2",
        "repetition",
        "verbatim_copy",
    ]
    for entry in MEASURES:
        assert entry.label and entry.unit and entry.source and entry.definition.endswith(".")
    assert {entry.group for entry in MEASURES} > set(CLAIMS)
    assert set(measure_names(PLAIN)) - set(primary_names(PLAIN)) == {"bleu", "chrf_pp"}
    assert fewest_resamples(PLAIN) == 640  # 16 measures beside the primary one
