"""The label mask is the answer and EOS, nothing else; what does not fit is cut or left out, and counted."""

from typing import Any

import pytest
from datasets import Dataset

from tests.tiny_world import row, train_tokenizer
from titlecraft.errors import UserError
from titlecraft.prompt import PromptFormat
from titlecraft.settings import Prompt
from training.checks import check_examples, require
from training.examples import IGNORED, Examples, encode_split

PROMPT = PromptFormat.from_settings(Prompt())


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer()


def split(count: int = 40) -> Dataset:
    return Dataset.from_list([row(number) for number in range(count)])


def test_labels_are_the_answer_and_eos(tokenizer: Any) -> None:
    examples = encode_split(split(), tokenizer, PROMPT, 512)
    assert (len(examples.dataset), examples.truncated, examples.left_out) == (40, 0, 0)
    for number, one in enumerate(examples.dataset):
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
    lengths = sorted(len(one["input_ids"]) for one in encode_split(split(), tokenizer, PROMPT, 512).dataset)
    cut = encode_split(split(), tokenizer, PROMPT, lengths[20])
    assert cut.truncated == sum(length > lengths[20] for length in lengths) > 0
    assert max(len(one["input_ids"]) for one in cut.dataset) == lengths[20]
    rows = split(3).add_column("extra", [1, 2, 3]).remove_columns("extra").to_list()
    rows[1] |= {"input": "long " * 600}
    examples = encode_split(Dataset.from_list(rows), tokenizer, PROMPT, 512)
    assert (examples.left_out, examples.rows) == (1, [0, 2])
    require(check_examples(examples, Dataset.from_list(rows), tokenizer, PROMPT, 512))
    require(check_examples(cut, split(), tokenizer, PROMPT, lengths[20]))
    with pytest.raises(UserError, match=r"no prompt is shorter than base\.max_length 8 tokens"):
        encode_split(split(3), tokenizer, PROMPT, 8)


@pytest.mark.parametrize(("harm", "named"), [
    (lambda one, bos: {"input_ids": [bos, *one["input_ids"]], "labels": [IGNORED, *one["labels"]]}, "exactly one BOS"),
    (lambda one, bos: {"input_ids": one["input_ids"], "labels": one["input_ids"]}, "exactly the answer and EOS"),
    (lambda one, bos: {"input_ids": one["input_ids"][:-1], "labels": [*one["labels"][:-2], 7]}, "exactly the answer and EOS"),
])  # fmt: skip
def test_a_damaged_example_stops_the_run(tokenizer: Any, harm: Any, named: str) -> None:
    good = encode_split(split(), tokenizer, PROMPT, 512)
    damaged = [harm(one, tokenizer.bos_token_id) if place == 3 else one for place, one in enumerate(good.dataset)]
    checks = check_examples(
        Examples(Dataset.from_list(damaged), list(range(40)), 0, 0), split(), tokenizer, PROMPT, 512
    )
    with pytest.raises(UserError, match=named):
        require(checks)


def test_a_pad_token_that_is_eos_stops_the_run(tokenizer: Any) -> None:
    examples = encode_split(split(4), tokenizer, PROMPT, 512)
    pad = tokenizer.pad_token
    tokenizer.pad_token = tokenizer.eos_token
    try:
        with pytest.raises(UserError, match="the pad token is not the EOS token"):
            require(check_examples(examples, split(4), tokenizer, PROMPT, 512))
    finally:
        tokenizer.pad_token = pad
