"""The label mask is the answer and EOS, nothing else; what does not fit is cut or left out, and counted."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from datasets import Dataset, Split
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from tests.tiny_world import row, train_tokenizer
from titlecraft.errors import UserError
from titlecraft.prompt import PLAIN, PromptFormat, token_ids
from titlecraft.records import Pin
from titlecraft.settings import Prompt
from training.checks import begins_once, check_examples, require
from training.data.examples import IGNORED, encode_split, encoding_key, is_encoded, useful_processes
from training.data.long_answers import fit

PROMPT = PromptFormat.from_settings(Prompt())
DATA = Pin(type="dataset", repo="ns/data", revision="d" * 40)
BASE = Pin(type="model", repo="ns/base", revision="b" * 40)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer()


def split(count: int = 40) -> Dataset:
    return Dataset.from_list([row(number) for number in range(count)])


def test_labels_are_the_answer_and_eos(tokenizer: Any) -> None:
    examples = encode_split(split(), tokenizer, PROMPT, 512)
    assert (len(examples.dataset), examples.truncated, examples.left_out) == (40, 0, 0)
    for number, one in enumerate(examples.dataset.to_list()):
        prompt = [token for token, label in zip(one["input_ids"], one["labels"], strict=True) if label == IGNORED]
        answer = [label for label in one["labels"] if label != IGNORED]
        assert one["input_ids"] == prompt + answer
        assert (
            tokenizer.decode(prompt[1:]) == PROMPT.render_title(row(number)["title"])
            and prompt[0] == tokenizer.bos_token_id
        )
        assert tokenizer.decode(answer[:-1]) == row(number)["output"] and answer[-1] == tokenizer.eos_token_id
    assert len(require(check_examples(examples, split(), tokenizer, PROMPT, 512))) == 4


def test_long_answers_are_cut_and_long_prompts_left_out(tokenizer: Any) -> None:
    lengths = sorted(len(one["input_ids"]) for one in encode_split(split(), tokenizer, PROMPT, 512).dataset.to_list())
    cut = encode_split(split(), tokenizer, PROMPT, lengths[20], "truncate")
    assert cut.truncated == sum(length > lengths[20] for length in lengths) > 0
    assert max(len(one["input_ids"]) for one in cut.dataset.to_list()) == lengths[20]
    rows = split(3).add_column("extra", [1, 2, 3]).remove_columns("extra").to_list()
    rows[1] |= {"input": "long " * 600}
    examples = encode_split(Dataset.from_list(rows), tokenizer, PROMPT, 512)
    assert (examples.left_out, examples.rows.tolist()) == (1, [0, 2])
    require(check_examples(examples, Dataset.from_list(rows), tokenizer, PROMPT, 512))
    require(check_examples(cut, split(), tokenizer, PROMPT, lengths[20], "truncate"))
    with pytest.raises(UserError, match=r"no prompt is shorter than base\.max_length 8 tokens"):
        encode_split(split(3), tokenizer, PROMPT, 8, "truncate")
    with pytest.raises(
        UserError, match=r"no row has at most base\.max_length 8 tokens: .*--training\.long_answers=keep_eos"
    ):
        encode_split(split(3), tokenizer, PROMPT, 8)


def test_long_rows_are_left_out_or_keep_their_end_token(tokenizer: Any) -> None:
    lengths = sorted(encode_split(split(), tokenizer, PROMPT, 512).lengths.tolist())
    long = sum(length > lengths[20] for length in lengths)
    dropped = encode_split(split(), tokenizer, PROMPT, lengths[20])
    assert (dropped.left_out, dropped.truncated, int(dropped.lengths.max())) == (long, 0, lengths[20])
    kept = encode_split(split(), tokenizer, PROMPT, lengths[20], "keep_eos")
    assert (kept.left_out, kept.truncated, int(kept.lengths.max())) == (0, long, lengths[20])
    for examples, setting in ((dropped, "drop"), (kept, "keep_eos")):
        assert {one["labels"][-1] for one in examples.dataset.to_list()} == {tokenizer.eos_token_id}
        require(check_examples(examples, split(), tokenizer, PROMPT, lengths[20], setting))


@pytest.mark.parametrize(("room", "expected"), [(0, []), (1, []), (2, [7, 1]), (3, [7, 8, 1]), (4, [7, 8, 9, 1])])
def test_an_answer_is_cut_in_front_of_its_end_token(room: int, expected: list[int]) -> None:
    question, answer = [5, 5], [7, 8, 9, 1]
    assert fit(question, answer, 2 + room, "keep_eos") == expected
    assert fit(question, answer, 2 + room, "truncate") == answer[:room]
    assert fit(question, answer, 2 + room, "drop") == (answer if room == 4 else [])
    assert fit(question, answer, 1, "truncate") == []


@pytest.mark.parametrize(("harm", "named"), [
    (lambda one, bos: {"input_ids": [bos, *one["input_ids"]], "labels": [IGNORED, *one["labels"]]}, "exactly one BOS"),
    (lambda one, bos: {"input_ids": one["input_ids"], "labels": one["input_ids"]}, "exactly the answer and EOS"),
    (lambda one, bos: {"input_ids": one["input_ids"][:-1], "labels": [*one["labels"][:-2], 7]}, "exactly the answer and EOS"),
])  # fmt: skip
def test_a_damaged_example_stops_the_run(tokenizer: Any, harm: Any, named: str) -> None:
    good = encode_split(split(), tokenizer, PROMPT, 512)
    damaged = [
        harm(one, tokenizer.bos_token_id) if place == 3 else one for place, one in enumerate(good.dataset.to_list())
    ]
    examples = replace(good, dataset=Dataset.from_list(damaged))
    checks = check_examples(examples, split(), tokenizer, PROMPT, 512)
    with pytest.raises(UserError, match=named):
        require(checks)


def test_a_pad_token_that_is_eos_takes_no_label_from_it(tokenizer: Any) -> None:
    """The record says which was checked; a collator that takes padding by its token id is found out."""
    examples = encode_split(split(4), tokenizer, PROMPT, 512)
    assert check_examples(examples, split(4), tokenizer, PROMPT, 512)[0].name == "the pad token is not the EOS token"
    pad = tokenizer.pad_token
    tokenizer.pad_token = tokenizer.eos_token
    try:
        found = require(check_examples(examples, split(4), tokenizer, PROMPT, 512))
        assert found[0].name.startswith("the pad token is the EOS token, padding has no label")
        by_token = patch("trl.trainer.sft_trainer.DataCollatorForLanguageModeling", masks_by_token)
        with by_token, pytest.raises(UserError, match="EOS behind an answer keeps its own: expected True, found False"):
            require(check_examples(examples, split(4), tokenizer, PROMPT, 512))
    finally:
        tokenizer.pad_token = pad


def masks_by_token(pad_token_id: int) -> Any:
    """A collator as transformers' own for language modeling: every pad token loses its label, EOS among them."""

    def collate(items: list[dict[str, list[int]]]) -> dict[str, Any]:
        batch = DataCollatorForLanguageModeling(pad_token_id=pad_token_id)(items)
        batch["labels"][batch["input_ids"] == pad_token_id] = IGNORED
        return batch

    return collate


def test_bos_that_is_eos_stands_once_in_front_and_once_behind(tokenizer: Any) -> None:
    """OLMo-2, SmolLM and GPT-2 have one token for both."""
    bos = tokenizer.bos_token
    tokenizer.bos_token = tokenizer.eos_token
    try:
        for longest in (512, 130):  # whole, and cut at the end
            examples = encode_split(split(4), tokenizer, PROMPT, longest, "truncate")
            require(check_examples(examples, split(4), tokenizer, PROMPT, longest, "truncate"))
        twice = {"input_ids": [1, 1, 9, 1], "labels": [IGNORED, IGNORED, 9, 1]}
        assert not begins_once(twice, tokenizer) and begins_once({**twice, "input_ids": [1, 5, 9, 1]}, tokenizer)
    finally:
        tokenizer.bos_token = bos


def test_counts_are_typed_arrays_of_what_the_examples_hold(tokenizer: Any) -> None:
    examples = encode_split(split(), tokenizer, PROMPT, 130, "truncate")
    assert {array.dtype.name for array in (examples.rows, examples.lengths, examples.completion_tokens)} == {"int32"}
    assert examples.lengths.tolist() == [len(one["input_ids"]) for one in examples.dataset.to_list()]
    answers = [sum(label != IGNORED for label in one["labels"]) for one in examples.dataset.to_list()]
    assert examples.completion_tokens.tolist() == answers and examples.lengths.max() == 130
    features = examples.dataset.features
    assert [features[name].feature.dtype for name in ("input_ids", "labels")] == ["int32", "int32"]


def on_disk(folder: Path, count: int) -> Dataset:
    """The split as `load_dataset` gives it: read from the cache that it keeps in `folder`."""
    if not (folder / "rows.parquet").exists():
        split(count).to_parquet(folder / "rows.parquet")
    return Dataset.from_parquet(str(folder / "rows.parquet"), cache_dir=str(folder / "cache"), split=Split.TRAIN)


@pytest.mark.parametrize("processes", [1, 2])
def test_an_encoding_is_found_again_under_its_pins_and_no_others(
    tokenizer: Any, tmp_path: Path, processes: int
) -> None:
    first = encode_split(on_disk(tmp_path, 60), tokenizer, PROMPT, 512, dataset=DATA, base=BASE, processes=processes)
    assert first.dataset[:] == encode_split(split(60), tokenizer, PROMPT, 512).dataset[:]
    assert first.rows.tolist() == list(range(60))
    again, other = on_disk(tmp_path, 60), train_tokenizer(300)  # which would give other ids, were it asked
    assert is_encoded(again, encoding_key(again, DATA, BASE, PROMPT, 512))
    found = encode_split(again, other, PROMPT, 512, dataset=DATA, base=BASE)
    assert found.dataset[:] == first.dataset[:] and found.lengths.tolist() == first.lengths.tolist()
    moved = Pin(type="model", repo="ns/base", revision="c" * 40)
    assert not is_encoded(again, encoding_key(again, DATA, moved, PROMPT, 512))
    assert encode_split(again, other, PROMPT, 512, dataset=DATA, base=moved).dataset[:] != first.dataset[:]
    keys = [encoding_key(again, DATA, BASE, PROMPT, 512), encoding_key(again, DATA, moved, PROMPT, 512),
            encoding_key(again, Pin(type="dataset", repo="ns/data", revision="e" * 40), BASE, PROMPT, 512),
            encoding_key(again, DATA, BASE, PROMPT, 511),
            encoding_key(again, DATA, BASE, PromptFormat("i", "{title}", "{instruction} {input}"), 512)]  # fmt: skip
    assert len(set(keys)) == 5


def test_half_an_encoding_is_none(tokenizer: Any, tmp_path: Path) -> None:
    rows = on_disk(tmp_path, 60)
    encode_split(rows, tokenizer, PROMPT, 512, dataset=DATA, base=BASE, processes=2)
    key = encoding_key(rows, DATA, BASE, PROMPT, 512)
    next(tmp_path.rglob(f"cache-{key}_00001_of_00002.arrow")).unlink()
    assert not is_encoded(rows, key)


def test_a_tokenizer_without_eos_is_named_before_any_process_starts() -> None:
    tokenizer = train_tokenizer()
    tokenizer.eos_token = None
    with pytest.raises(UserError, match="has no EOS token"):
        encode_split(split(4), tokenizer, PROMPT, 512)


def test_the_quick_way_to_token_ids_gives_those_of_the_tokenizer(tokenizer: Any) -> None:
    texts = ["A red lamp", "</s> in a <pad> title", "", "  naïve 日本語\n"]
    plain = tokenizer(texts, **PLAIN)["input_ids"]
    tokenizer(texts, padding=True, truncation=True, max_length=3)  # leaves its settings in the tokenizer
    assert token_ids(tokenizer, texts) == plain
    assert tokenizer.eos_token_id not in plain[1]


def test_processes_are_started_where_there_are_rows_and_cores_for_them() -> None:
    assert [useful_processes(rows, cores=16) for rows in (0, 19_999, 45_000, 1_200_000)] == [1, 1, 4, 16]
    assert useful_processes(1_200_000, cores=2) == 1
