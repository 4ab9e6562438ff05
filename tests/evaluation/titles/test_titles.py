"""Which titles are asked: random, independent of row order, without leaks, and with room to answer."""

import random
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluation.titles.draw import TokenLimits, draw
from evaluation.titles.training_split import search_training
from tests.tiny_world import row, train_tokenizer
from titlecraft.errors import UserError
from titlecraft.prompt import PromptFormat
from titlecraft.settings import Prompt

PROMPT = PromptFormat.from_settings(Prompt())
WIDE = TokenLimits(scored=1000, context=1000, new_tokens=20)


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer()


def write(folder: Path, test: list[dict], train: list[dict]) -> Path:
    (folder / "data").mkdir(parents=True)
    for split, rows in (("test", test), ("train", train)):
        pq.write_table(pa.Table.from_pylist(rows), folder / "data" / f"{split}-00000-of-00001.parquet")
    return folder


def test_the_order_of_the_rows_does_not_matter(tmp_path: Path, tokenizer) -> None:
    rows = [row(n) for n in range(100, 200)]
    one = draw(write(tmp_path / "a", rows, [row(0)]), PROMPT, tokenizer, WIDE, 40, seed=7)
    other = draw(write(tmp_path / "b", rows[::-1], [row(0)]), PROMPT, tokenizer, WIDE, 40, seed=7)
    seed = draw(tmp_path / "a", PROMPT, tokenizer, WIDE, 40, seed=8)
    assert one == other
    assert [title.uid for title in one.titles] != [title.uid for title in seed.titles]
    assert (len(one.titles), one.available, one.excluded) == (40, 100, {})


def test_leaks_and_repeats_are_left_out_and_counted(tmp_path: Path, tokenizer) -> None:
    test = [row(n) for n in range(100, 150)]
    test.append(row(120) | {"uid": "B-again", "output": "Another text about the same thing."})
    test.append(row(151) | {"output": row(151)["title"]})  # real rows have this: the title stands in the prompt
    train = [row(0) | {"title": row(100)["title"].upper()}, row(1) | {"output": "  " + row(101)["output"]}]
    sample = draw(write(tmp_path, test, train), PROMPT, tokenizer, WIDE, 100, seed=7)
    assert sample.excluded == {"title_in_train": 1, "output_in_train": 1, "repeated_title": 1, "answer_in_prompt": 1}
    assert sample.available == len(sample.titles) == 48
    assert sample.available + sum(sample.excluded.values()) == len(test)


def test_near_copies_are_left_out_and_counted(tmp_path: Path, tokenizer) -> None:
    # 40 word 5-grams; a word changed inside spoils five of them, one at the end one
    words = [f"word{n}" for n in range(44)]
    inside, ends = [*words[:20], "other", *words[21:]], ["Other", *words[1:43], "other"]
    train = [row(0) | {"output": " ".join(words)}]
    test = [row(100) | {"output": " ".join(inside).upper()}, row(101) | {"output": " ".join(ends)}]
    # 34 of 46 5-grams: 0.74
    test.append(row(102) | {"output": " ".join([*words[:20], "other", "another", *words[22:]])})
    sample = draw(
        write(tmp_path, test + [row(n) for n in range(110, 150)], train), PROMPT, tokenizer, WIDE, 100, seed=7
    )
    assert sample.excluded == {"near_output_in_train": 1}  # 38 of 42: 0.90; 35 of 45 are 0.78
    assert "B000000101" not in {title.uid for title in sample.titles}
    files = sorted((tmp_path / "data").glob("train-*"))
    assert search_training([], ["few words here", ""], files, 1).near == set()


def test_near_copies_equal_the_exact_definition(tmp_path: Path) -> None:
    rng = random.Random(3)
    texts = [" ".join(rng.choices("abcdefg", k=rng.randint(1, 60))) for _ in range(60)]
    trained = [" ".join(rng.choices("abcdefg", k=rng.randint(1, 60))) + " a b c d e f g" * 9 for _ in range(60)]
    for index in range(0, 60, 2):
        words = trained[index].split()
        words[rng.randrange(len(words))] = "z"
        texts[index] = " ".join(words[: rng.randint(20, len(words))])
    pq.write_table(
        pa.table({"title": ["a title", *[None] * 30], "output": [*trained[:30], None]}), tmp_path / "one.parquet"
    )
    pq.write_table(pa.table({"title": ["other"] * 30, "output": trained[30:]}), tmp_path / "two.parquet")
    five_grams = lambda text: {tuple(text.split()[start : start + 5]) for start in range(len(text.split()) - 4)}  # noqa: E731
    alike = lambda one, other: len(one & other) >= 0.8 * len(one | other) > 0  # noqa: E731
    expected = {text for text in texts if any(alike(five_grams(text), five_grams(other)) for other in trained)}
    assert 5 < len(expected) < 40
    files = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    found = [search_training(["A  Title"], texts, files, processes) for processes in (1, 2)]
    assert found[0] == found[1] and found[0].near == expected and found[0].titles == {"a title"}


def test_a_long_prompt_is_left_out_and_a_long_reference_truncated(tmp_path: Path, tokenizer) -> None:
    test = [row(n) for n in range(100, 140)] + [row(141) | {"title": "long " * 2000, "input": "long " * 2000}]
    folder = write(tmp_path, test, [row(0)])
    full = draw(folder, PROMPT, tokenizer, WIDE, 100, seed=7)
    assert (full.excluded, full.cut()) == ({"no_room_for_answer": 1}, 0)
    longest = max(len(title.prompt_tokens) for title in full.titles)
    tight = draw(folder, PROMPT, tokenizer, TokenLimits(scored=longest + 10, context=1000, new_tokens=20), 100, seed=7)
    assert tight.cut() == 40
    assert all(len(title.prompt_tokens) + len(title.reference_tokens) == longest + 10 for title in tight.titles)


def test_every_title_has_the_prompt_of_another(tmp_path: Path, tokenizer) -> None:
    folder = write(tmp_path, [row(n) for n in range(100, 140)], [row(0)])
    titles = draw(folder, PROMPT, tokenizer, WIDE, 40, seed=7).titles
    assert [title.other_prompt for title in titles] == [title.prompt for title in [*titles[1:], titles[0]]]
    assert [title.other_prompt_tokens for title in titles[:-1]] == [title.prompt_tokens for title in titles[1:]]
    assert all(title.other_prompt != title.prompt for title in titles)


def test_a_reference_is_truncated_after_a_long_other_prompt(tmp_path: Path, tokenizer) -> None:
    long = row(101) | {"title": "The long tale of " * 20, "input": PROMPT.input_for("The long tale of " * 20)}
    folder = write(tmp_path, [row(100), long], [row(0)])
    short, other = sorted(draw(folder, PROMPT, tokenizer, WIDE, 2, seed=7).titles, key=lambda title: len(title.prompt))
    context = len(other.prompt_tokens) + 5
    room = TokenLimits(scored=context, context=context, new_tokens=5)
    cut = min(draw(folder, PROMPT, tokenizer, room, 2, seed=7).titles, key=lambda title: len(title.prompt))
    assert short.scored_bytes == len(row(100)["output"].encode())
    assert (cut.reference_tokens, cut.cut) == (short.reference_tokens[:5], True)
    assert cut.scored_bytes == len(tokenizer.decode(short.reference_tokens[:5]).encode())


def test_error_for_too_few_titles_has_a_fix(tmp_path: Path, tokenizer) -> None:
    folder = write(tmp_path, [row(n) for n in range(100, 120)], [row(0)])
    with pytest.raises(
        UserError, match=r"dataset a/b@1234 gives 20 usable titles of 20 rows .* needs 30.*data\.test_share"
    ):
        draw(folder, PROMPT, tokenizer, WIDE, 200, seed=7, name="dataset a/b@1234")
    assert len(draw(folder, PROMPT, tokenizer, WIDE, 10, seed=7).titles) == 10
    with pytest.raises(
        UserError, match=r"no_room_for_answer 20.* Set --generation\.max_new_tokens \(now 9999\) smaller"
    ):
        draw(folder, PROMPT, tokenizer, replace(WIDE, new_tokens=9999), 10, seed=7)


def test_a_prompt_with_the_answer_stops_the_run(tmp_path: Path, tokenizer) -> None:
    test = [item | {"input": f"{item['input']} {item['output']}"} for item in map(row, range(100, 150))]
    with pytest.raises(UserError, match="the prompt holds the answer in 50 of 50 rows"):
        draw(write(tmp_path, test, [row(0)]), PROMPT, tokenizer, WIDE, 40, seed=7)


def test_the_prompt_is_the_one_of_training(tmp_path: Path, tokenizer) -> None:
    (title, *_) = draw(
        write(tmp_path, [row(n) for n in range(100, 140)], [row(0)]), PROMPT, tokenizer, WIDE, 5, 7
    ).titles
    assert title.prompt == PROMPT.render_title(title.title)
    assert title.prompt_tokens[0] == tokenizer.bos_token_id and tokenizer.bos_token_id not in title.prompt_tokens[1:]
    assert title.reference_tokens[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(title.reference_tokens[:-1]) == title.reference
