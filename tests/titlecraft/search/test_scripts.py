"""Words of texts in scripts without spaces, the same for builder, evaluation and playground."""

import pyarrow as pa
import pytest

from titlecraft.search.scripts import bigrams, count_words, query_words, units, width
from titlecraft.search.title_match import near
from titlecraft.search.word_ngrams import split_words, word_ngrams

TEXTS = {
    "这款第12号不锈钢水壶，采用T恤。ok yes": "这 款 第 12 号 不 锈 钢 水 壶 ， 采 用 t 恤 。 ok yes",
    "ステンレスコーヒー です": "ス テ ン レ ス コ ー ヒ ー で す",
    "น้ำ 12": "น้ ำ 12",
    "कॅमेरा लाल": "कॅमेरा लाल",
    "이 주전자는": "이 주전자는",
    "A  red Lamp – “old”, café": "a red lamp – “old”, café",
    "": "",
}


@pytest.mark.parametrize("text", TEXTS)
def test_letters_of_scripts_without_spaces_are_words(text: str) -> None:
    words = TEXTS[text].split()
    assert units(text).lower().split() == words
    assert [gram for (gram,) in word_ngrams(text, 1)] == words
    assert split_words(pa.array([text, "plain words"])).to_pylist() == [words or [""], ["plain", "words"]]
    assert count_words(" ".join(text.split()), 100) == len(words)


def test_a_search_has_pairs_of_letters_and_whole_words_with_marks() -> None:
    assert query_words("红色不锈钢 kettle") == ["红色", "色不", "不锈", "锈钢", "kettle"]
    assert query_words("लाल केतली") == ["लाल", "केतली"] and bigrams("水 A") == " 水  A"
    assert query_words("The red lamp of Mr. Ó Briain, n° 5") == ["red", "lamp", "mr", "briain"]


def test_wide_letters_count_two_columns() -> None:
    assert width("纯棉T恤,透气") == 12 and width("lamp") == 4 and width("café") == 4


def test_a_chinese_title_with_its_edition_is_near() -> None:
    assert near("不锈钢水壶", "不锈钢水壶 两件套装 家用大容量") and near("不锈钢水壶", "不锈钢水壶套装加长版大容量")
    assert not near("不锈钢水壶", "红色雨伞") and not near("red lamp", "red lampshade of the house")
