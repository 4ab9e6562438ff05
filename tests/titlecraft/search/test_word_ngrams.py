"""Word n-grams and their hashes, on whose values the sketches of published datasets depend."""

import numpy as np
import pyarrow as pa

from titlecraft.search.word_ngrams import known_ngrams, ngram_hashes, shingles, split_words, word_ngrams


def test_word_ngrams_are_in_order_and_case_folded() -> None:
    assert word_ngrams("A red  Lamp", 2) == [("a", "red"), ("red", "lamp")]
    assert word_ngrams("A red lamp", 4) == []


def test_hashes_have_their_published_values() -> None:
    assert ngram_hashes(np.arange(9), 8).tolist() == [14327045215786906588, 6249743001559159060]
    assert ngram_hashes(np.arange(6), 5).tolist() == [17976439338477494242, 12718882306975274383]
    hashes, borders = shingles(["A red lamp", "one two three four five six"], 5)
    assert hashes.tolist() == [10958679844809964366, 9046910173419710788, 3592113224615429773]
    assert borders.tolist() == [0, 1, 3]


def test_known_ngrams_end_at_unknown_words_and_at_the_end_of_a_text() -> None:
    words = split_words(pa.array(["a b c", "b c", "a x c"]))
    hashes, rows = known_ngrams(words, pa.array(["a", "b", "c"]), 2)
    assert rows.tolist() == [0, 0, 1]
    assert hashes[1] == hashes[2] != hashes[0]
