"""The index of a dataset's rows: results and their order, locations, and interrupted builds."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from titlecraft.errors import UserError
from titlecraft.records import Pin
from titlecraft.search.row_index import RowIndex
from titlecraft.search.row_index_build import ensure_index
from titlecraft.search.title_match import near
from titlecraft.search.word_index import WordIndex, Words, best, save_index

PIN = Pin(type="dataset", repo="me/lamps", revision="a" * 40)
TRAIN = [
    ("B1", "The Red Lamp", "A lamp of red glass for the desk."),
    ("B2", "The Red Lamp (Hardcover)", "The story of a lamp, told by its owner in 1931."),
    ("B3", "Quiet Kettle", "Boils water without a whistle. The red lamp says when it is done."),
    ("B4", "Old Tent", "Canvas for four."),
    ("B5", "It", "One word, and that is a stop word."),
]
TEST = [("B6", "the  red lamp", "The same title in another split."), ("B7", "Blue Clock", "")]


def write(folder: Path, **splits: list[tuple[str, str, str]]) -> Path:
    (folder / "data").mkdir(parents=True)
    for split, rows in splits.items():
        table = pa.Table.from_pylist([dict(zip(("uid", "title", "output"), row, strict=True)) for row in rows])
        pq.write_table(table, folder / "data" / f"{split}-00000-of-00001.parquet")
    return folder


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> RowIndex:
    folder = tmp_path_factory.mktemp("index")
    source = write(folder / "dataset", train=TRAIN, test=TEST)
    ensure_index(folder / "made", PIN, lambda: source)
    return RowIndex(folder / "made", PIN)


def found(index: RowIndex, query: str, limit: int = 5, splits: tuple[str, ...] | None = None) -> list[tuple[str, str]]:
    return [(row.uid, row.match) for row in index.search(query, limit, splits)]


def test_equal_titles_are_first_then_similar_titles_then_words(index: RowIndex) -> None:
    assert found(index, "THE red  lamp") == [("B1", "exact"), ("B6", "exact"), ("B2", "near"), ("B3", "words")]
    assert found(index, "THE red  lamp", limit=2) == [("B1", "exact"), ("B6", "exact")]
    assert found(index, "The Red Lamp", splits=("train",)) == [("B1", "exact"), ("B2", "near"), ("B3", "words")]
    assert found(index, "a kettle that boils water") == [("B3", "words")]
    assert found(index, "It") == [("B5", "exact")]  # no word of it is indexed
    assert found(index, "zeppelin") == found(index, "") == found(index, "!?") == []


def test_a_row_has_its_location_and_link(index: RowIndex) -> None:
    row = index.search("Quiet Kettle")[0]
    assert (row.split, row.file, row.row) == ("train", "data/train-00000-of-00001.parquet", 2)
    assert (row.title, row.text) == TRAIN[2][1:]
    assert row.link.endswith(f"/datasets/me/lamps/blob/{'a' * 40}/data/train-00000-of-00001.parquet")
    assert len(index) == 7


def test_scores_equal_bm25s(tmp_path: Path) -> None:
    from bm25s import BM25, tokenize

    texts = [text for _, _, text in TRAIN] + ["lamp lamp lamp red", ""]
    words = Words()
    words.add(texts[:3])
    words.add(texts[3:])
    save_index(words, tmp_path)
    theirs = BM25()
    theirs.index(tokenize(texts, stopwords="en", return_ids=False, show_progress=False), show_progress=False)
    asked = ["lamp", "red", "boils", "zeppelin"]
    expected = theirs.get_scores([word for word in asked if word in theirs.vocab_dict])
    assert np.abs(WordIndex(tmp_path).scores(asked) - expected).max() < 1e-6 and expected.max() > 0.5


def test_a_failed_build_leaves_no_index(tmp_path: Path) -> None:
    source = write(tmp_path / "dataset", train=TRAIN)
    (source / "data" / "validation-00000-of-00001.parquet").write_bytes(b"PAR1, and then nothing")
    with pytest.raises(pa.ArrowInvalid):
        ensure_index(tmp_path / "made", PIN, lambda: source)
    assert not (tmp_path / "made").exists()
    (source / "data" / "validation-00000-of-00001.parquet").unlink()
    ensure_index(tmp_path / "made", PIN, lambda: source)
    assert len(RowIndex(tmp_path / "made", PIN)) == 5
    assert not (tmp_path / "made.unfinished").exists()


def test_a_dataset_of_another_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "data" / "train.parquet")
    with pytest.raises(UserError, match=r"data/train.parquet of dataset me/lamps@aaaaaaaaaaaa has no column 'uid'"):
        ensure_index(tmp_path / "made", PIN, lambda: tmp_path)


def test_similar_titles() -> None:
    assert near("Harry Potter and the Chamber of Secrets", "Harry Poter and the Chamber of Secrets")
    assert near("The Red Lamp", "the red lamp: a novel") and near("The red lamp (VHS)", "The Red Lamp")
    assert not near("The Red Lamp", "The Red Lampshade of Doom")
    assert not near("It", "It is over") and not near("The red kettle", "Old tent")


def test_the_best_rows_equal_a_full_sort() -> None:
    chance = np.random.default_rng(0)
    for scores in (chance.random(5000), chance.integers(0, 3, 5000), np.zeros(5000), chance.integers(0, 2, 3)):
        scores = scores.astype(np.float32)
        full = [row for row in np.argsort(-scores, kind="stable").tolist() if scores[row] > 0]
        assert [best(scores, most).tolist() for most in (1, 5, 50)] == [full[:1], full[:5], full[:50]]
