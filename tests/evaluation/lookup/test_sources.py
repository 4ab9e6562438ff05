"""BM25 over titles, and copies from the training split, on literal texts."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluation.lookup.copies import Copies, longest_passage
from evaluation.lookup.title_index import AT_RANDOM, NEAR, TitleIndex

LAMPS = [f"Red lamp number {word}" for word in ("one", "two", "three", "four")]
OTHERS = ["Quiet kettle", "Old tent", "The of"]
TRAINED = [
    "the quick brown fox jumps over the lazy dog and runs",
    "A heavy blue clock for the harbour master, made by hand in Norway",
    "one two three four",
]


def ranks(titles: list[str], title: str, *texts: str) -> list[float]:
    index = TitleIndex(titles, seed=7)
    return [index.rank(title, text) for text in texts]


def test_the_rank_of_a_title_given_a_text() -> None:
    titles = LAMPS + OTHERS
    named, wrong, shared, nothing, stop_words = ranks(
        titles,
        "Red lamp number two",
        "This lamp is number TWO of red ones.",
        "A quiet kettle",
        "A red lamp",
        "",
        "the of",
    )
    assert named == 1.0
    assert wrong == 1 + 1 + 5 / 2  # the kettle is before it, the five others stand with it at 0
    assert shared == 1 + 3 / 2  # four lamps alike
    assert nothing == stop_words == 4.0  # the middle of seven


def test_titles_without_words_are_ranked() -> None:
    assert ranks(["The of", "A the"], "A the", "anything", "") == [1.5, 1.5]


def test_distractors_are_nearest_and_random_titles_in_any_order() -> None:
    titles = [f"Lamp {n:03d}" for n in range(80)] + [f"Tent {n}" for n in range(100, 180)] + ["LAMP  000"]
    index, other = TitleIndex(titles, seed=7), TitleIndex(titles[::-1], seed=7)
    title_of = {number: title for title, number in index.index_of.items()}
    distractors = [title_of[number] for number in index.distractors("Lamp 007").tolist()]
    assert len(distractors) == len(set(distractors)) == NEAR + AT_RANDOM == 99 and "lamp 007" not in distractors
    assert all(title.startswith("lamp") for title in distractors[:NEAR])
    assert any(title.startswith("tent") for title in distractors[NEAR:])
    assert index.distractors("Lamp 007").tolist() == other.distractors("Lamp 007").tolist()
    assert TitleIndex(titles, seed=8).distractors("Lamp 007").tolist() != index.distractors("Lamp 007").tolist()


@pytest.fixture
def copies(tmp_path: Path) -> Copies:
    files = [tmp_path / "train-0.parquet", tmp_path / "train-1.parquet"]
    pq.write_table(pa.table({"output": TRAINED[:1]}), files[0])
    pq.write_table(pa.table({"output": [*TRAINED[1:], "", None]}), files[1])
    return Copies(files)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("So: The quick brown fox jumps\nover the lazy dog and sleeps.", (10, 12)),
        ("quick brown fox jumps over the lazy cat", (0, 8)),  # seven in a row
        ("one two three four a heavy blue clock", (0, 8)),  # never across two descriptions
        (TRAINED[1].upper(), (13, 13)),
        ("short", (0, 1)),
        ("", (0, 0)),
    ],
)
def test_the_longest_copied_passage(copies: Copies, text: str, expected: tuple[int, int]) -> None:
    copies.look_up([text, "another text that has nothing to do with any of them at all"])
    assert copies.copied_words(text) == expected


def test_texts_looked_up_together_and_alone_give_the_same(copies: Copies) -> None:
    texts = [*TRAINED, "over the lazy dog and runs a heavy blue clock for the harbour master,", ""]
    copies.look_up(texts)
    together = [copies.copied_words(text) for text in texts]
    assert together == [(11, 11), (13, 13), (0, 4), (8, 14), (0, 0)]
    for text, expected in zip(texts, together, strict=True):
        alone = Copies(copies.files)
        alone.look_up([text])
        assert alone.copied_words(text) == expected


def test_longest_passage() -> None:
    assert longest_passage(np.array([False, True, True, False, True])) == 9
    assert longest_passage(np.array([False])) == longest_passage(np.zeros(0, bool)) == 0
