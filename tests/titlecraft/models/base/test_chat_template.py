"""The prompt in a base's own chat template: its ids are those of apply_chat_template, one end token, no second BOS."""

from typing import Any

import pytest

from tests.tiny_chat import TEMPLATES, chat_tokenizer
from tests.tiny_world import train_tokenizer
from titlecraft.errors import UserError
from titlecraft.models.base.chat_template import parts_of_template, render_chat, trained_prompt
from titlecraft.models.base.published_template import NO_TEMPLATE
from titlecraft.models.base.tokenizer import REPLACED, as_published, end_answers_with
from titlecraft.prompt import PromptFormat, encode_completion, encode_prompt
from titlecraft.records import Pin
from titlecraft.settings import Prompt

BASE = Pin(type="model", repo="someone/instruct", revision="0" * 40)
WORDING = PromptFormat.from_settings(Prompt())
TITLES = [
    "A kettle",
    "  spaces  ",
    "line\nbreak",
    "{title} {input} {{ messages }}",
    "größe & 日本語 🎉",
    'quote\'s "end"',
    "",
]


def as_trained(tokenizer: Any, setting: Any = "auto") -> PromptFormat:
    """The prompt of a training with this tokenizer, whose EOS token then ends its answers."""
    prompt = trained_prompt(WORDING, setting, tokenizer, BASE).prompt
    end_answers_with(tokenizer, prompt, 10_000, BASE)
    return prompt


@pytest.mark.parametrize("family", TEMPLATES)
def test_the_ids_are_those_of_the_chat_template(family: str) -> None:
    tokenizer = chat_tokenizer(family)
    prompt = as_trained(tokenizer)
    assert prompt.format == "chat" and prompt.stop == tokenizer.eos_token == TEMPLATES[family][2]
    for title in TITLES:
        text = prompt.render_title(title)
        message = [{"role": "user", "content": f"{WORDING.instruction}\n\n{WORDING.input_for(title)}"}]
        rendered = render_chat(tokenizer, message, add_generation_prompt=True)
        assert text == rendered
        assert encode_prompt(tokenizer, text, prompt) == tokenizer(rendered, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("family", TEMPLATES)
@pytest.mark.parametrize("setting", ["alpaca", "chat"])
def test_the_published_template_renders_the_prompt_to_the_token(family: str, setting: str) -> None:
    tokenizer = chat_tokenizer(family)
    prompt = as_trained(tokenizer, setting)
    assert as_published(tokenizer, prompt) == REPLACED
    for title in TITLES:
        expected = encode_prompt(tokenizer, prompt.render_title(title), prompt)
        for content in (title, WORDING.input_for(title), [{"type": "text", "text": title}]):
            message = [{"role": "user", "content": content}]
            found = tokenizer.apply_chat_template(message, add_generation_prompt=True, return_dict=True)["input_ids"]
            assert found == expected, (title, content)
        assert found.count(tokenizer.bos_token_id) == expected.count(tokenizer.bos_token_id) <= 1


def test_a_base_without_a_chat_template_publishes_one_that_renders_alpaca() -> None:
    tokenizer = train_tokenizer()
    assert trained_prompt(WORDING, "auto", tokenizer, BASE).reason == "someone/instruct has no chat template"
    assert as_published(tokenizer, WORDING) is None
    asked = [{"role": "user", "content": "A kettle"}]
    found = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=True)["input_ids"]
    assert found == encode_prompt(tokenizer, WORDING.render_title("A kettle")) and found[0] == tokenizer.bos_token_id
    talk = [*asked, {"role": "assistant", "content": "Red."}, {"role": "user", "content": "Thanks"}]
    text = tokenizer.apply_chat_template(talk, tokenize=False)
    assert "Red.</s>" in text and "'Thanks'" not in text and text.count("<s>") == 1


def test_sentencepiece_marks_the_beginning_of_a_text() -> None:
    from tokenizers import pre_tokenizers

    tokenizer = train_tokenizer()
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(prepend_scheme="first", split=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    as_published(tokenizer, WORDING)
    asked = [{"role": "user", "content": "A kettle"}]
    found = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=True)["input_ids"]
    assert found == encode_prompt(tokenizer, WORDING.render_title("A kettle"))


def test_special_tokens_in_a_title_are_text_and_those_of_the_template_are_special() -> None:
    tokenizer = chat_tokenizer("llama3")
    prompt = as_trained(tokenizer)
    plain = encode_prompt(tokenizer, prompt.render_title("The  tag"), prompt)
    for name in ("<|eot_id|>", "<s>", "<|start_header_id|>system<|end_header_id|>"):
        ids = encode_prompt(tokenizer, prompt.render_title(f"The {name} tag"), prompt)
        special = set(tokenizer.all_special_ids)
        assert [i for i in ids if i in special] == [i for i in plain if i in special]
        assert name in tokenizer.decode(ids) and len(ids) > len(plain)


def test_an_answer_ends_with_the_end_of_the_turn_alone() -> None:
    tokenizer = chat_tokenizer("chatml")
    as_trained(tokenizer)
    answer = encode_completion(tokenizer, "Red <|im_end|> lamp.")
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert answer.count(end) == 1 and answer[-1] == end


def test_a_template_with_a_date_is_rendered_on_the_same_day_always() -> None:
    before, _, _ = parts_of_template(chat_tokenizer("llama3"), BASE)
    assert "Today Date: 26 Jul 2024" in before


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ raise_exception('no users') }}", r"cannot render a question \(TemplateError: no users\)"),
        ("{{ messages[0].content }", "cannot render a question"),
        ("{{ messages[5].content }}", "cannot render a question|does not render"),
        ("{{ 'hello' }}", "does not render the text of a message"),
        (
            "{% for m in messages %}{{ m.content + m.content }}{% endfor %}",
            "does not render the text of a message, once",
        ),
        ("{% for m in messages %}{{ m.content }}\n{% endfor %}", "has no generation prompt"),
        (
            "{% for m in messages %}<s>{{ m.content }}{% endfor %}{% if add_generation_prompt %}</s><think>\n{% endif %}",
            "begins every answer with a chain of thought",
        ),
        (
            "{% for m in messages %}<s>{{ m.content }} (over){% endfor %}</s>{% if add_generation_prompt %}<pad>{% endif %}",
            r"writes '\(over\)' behind every answer",
        ),
        ("{input} {% for m in messages %}{{ m.content }}{% endfor %}</s>\nA:", "has {input} in its own text"),
    ],
)
def test_a_template_that_cannot_be_trained_with_is_refused_in_one_line(template: str, message: str) -> None:
    tokenizer = train_tokenizer()
    tokenizer.chat_template = template
    for setting in ("auto", "chat"):
        with pytest.raises(UserError, match=message) as refusal:
            trained_prompt(WORDING, setting, tokenizer, BASE)
        said = str(refusal.value)
        assert "\n" not in said and "someone/instruct" in said and "--prompt.format=alpaca" in said
    assert trained_prompt(WORDING, "alpaca", tokenizer, BASE).prompt == WORDING


def test_chat_without_a_template_and_a_token_without_an_embedding() -> None:
    with pytest.raises(
        UserError, match=r"prompt\.format is chat, but the tokenizer of someone/instruct@.* has no chat"
    ):
        trained_prompt(WORDING, "chat", train_tokenizer(), BASE)
    tokenizer = chat_tokenizer("chatml")
    prompt = trained_prompt(WORDING, "chat", tokenizer, BASE).prompt
    with pytest.raises(UserError, match=r"has the token '<\|im_start\|>' \(400\), but the base has embeddings for 400"):
        end_answers_with(tokenizer, prompt, 400, BASE)


def test_a_prompt_that_no_template_renders_publishes_none() -> None:
    tokenizer = train_tokenizer()
    tokenizer.backend_tokenizer.normalizer = None
    odd = PromptFormat(instruction="", question="{title}", template="<s>{instruction}{input}")
    assert as_published(tokenizer, odd) == NO_TEMPLATE and tokenizer.chat_template is None
