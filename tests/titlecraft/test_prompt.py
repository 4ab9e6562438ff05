"""The prompt, to the letter; one BOS, one EOS."""

import pytest

from tests.tiny_world import train_tokenizer
from titlecraft.errors import UserError
from titlecraft.prompt import PromptFormat, encode_completion, encode_prompt
from titlecraft.settings import Prompt

EXPECTED = """Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.

### Instruction:
Describe product as accurately as possible.

### Input:
Question: Could you give me a description of the product 'A {title} with {braces} & 'quotes''?

### Response:
"""


def test_the_whole_prompt_to_the_letter() -> None:
    assert PromptFormat.from_settings(Prompt()).render_title("A {title} with {braces} & 'quotes'") == EXPECTED


def test_json_both_ways() -> None:
    prompt = PromptFormat.from_settings(Prompt(product_word="book"))
    assert PromptFormat.from_json(prompt.to_json(), "here") == prompt
    with pytest.raises(UserError, match=r"prompt\.json of x@1 is not a prompt that this version reads"):
        PromptFormat.from_json(b'{"instruction": 3}', "prompt.json of x@1")
    with pytest.raises(UserError, match=r"`template` must hold \{instruction\} and \{input\} once each"):
        PromptFormat.from_json(
            b'{"instruction": "a", "question": "{title}", "template": "{input}"}', "prompt.json of x@1"
        )


def test_a_question_without_a_place_for_the_title() -> None:
    with pytest.raises(UserError, match=r"prompt.question is 'What\?': it must hold {title}"):
        PromptFormat.from_settings(Prompt(question="What?"))


def test_special_tokens_in_a_title_are_text() -> None:
    tokenizer = train_tokenizer()
    ids = encode_prompt(tokenizer, "The <s> tag </s> explained")
    assert ids.count(tokenizer.bos_token_id) == 1 and tokenizer.eos_token_id not in ids
    assert tokenizer.decode(ids[1:]) == "The <s> tag </s> explained"


def test_one_bos_in_front_and_one_eos_behind() -> None:
    tokenizer = train_tokenizer()
    prompt, completion = encode_prompt(tokenizer, EXPECTED), encode_completion(tokenizer, "A lamp.")
    assert prompt[0] == tokenizer.bos_token_id and prompt.count(tokenizer.bos_token_id) == 1
    assert completion[-1] == tokenizer.eos_token_id and completion.count(tokenizer.eos_token_id) == 1
    assert tokenizer.decode(prompt[1:]) == EXPECTED and tokenizer.decode(completion[:-1]) == "A lamp."
