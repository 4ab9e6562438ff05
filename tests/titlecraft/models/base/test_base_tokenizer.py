"""Requirements of a base's tokenizer, its pad token, and the published tokenizer."""

import json
from pathlib import Path

import pytest

from tests import present
from tests.folder_repos import pin_of
from tests.tiny_world import train_tokenizer
from tests.titlecraft.models.base.test_known_base import TOKENIZER, change, refusal
from titlecraft.models.base.model import load_base
from titlecraft.models.base.tokenizer import as_published, load_tokenizer
from titlecraft.prompt import PromptFormat, encode_prompt
from titlecraft.settings import Prompt

ROLES = {
    "a pad token of its own": ({}, "<pad>"),
    "no pad token": ({"pad_token": None}, "<pad>"),  # a reserved one, by its name
    "pad is EOS and nothing is reserved": ({"pad_token": "</s>", "bos_token": None}, "</s>"),
    "BOS is EOS": ({"bos_token": "</s>", "pad_token": None}, "</s>"),
    "no BOS": ({"bos_token": None}, "<pad>"),
}


@pytest.mark.parametrize("name", ROLES)
def test_every_tokenizer_gets_a_pad_token(base: Path, name: str) -> None:
    changed, expected = ROLES[name]
    if expected == "</s>":  # no token of a name that could pad
        for file in ("tokenizer.json", "tokenizer_config.json"):
            (base / file).write_text((base / file).read_text().replace("<pad>", "<odd>"))
    change(base / "tokenizer_config.json", **{key: value for key, value in changed.items() if value})
    config = json.loads((base / "tokenizer_config.json").read_text())
    (base / "tokenizer_config.json").write_text(
        json.dumps({key: value for key, value in config.items() if changed.get(key, "") is not None})
    )
    tokenizer = load_tokenizer(pin_of(base))
    assert tokenizer.pad_token == expected
    load_base(pin_of(base), "none", "float32")


def test_a_pad_token_beyond_the_embeddings_is_not_used(base: Path) -> None:
    tokenizer = train_tokenizer()
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    tokenizer.save_pretrained(base)
    assert tokenizer.pad_token_id == len(TOKENIZER)
    assert load_tokenizer(pin_of(base)).pad_token == "<pad>"


def test_a_tokenizer_without_eos_is_refused(base: Path) -> None:
    file = base / "tokenizer_config.json"
    file.write_text(
        json.dumps({key: value for key, value in json.loads(file.read_text()).items() if key != "eos_token"})
    )
    assert "has no EOS token: a model could never learn to stop" in refusal(base)


@pytest.mark.parametrize("adds", ["$A", "<s> $A", "<s> $A </s>", "</s> $A"])
def test_the_published_tokenizer_adds_bos_once_and_has_the_prompt_as_chat_template(adds: str) -> None:
    """BOS once before a text and nothing after it, for every base's tokenizer; the chat template is the prompt of training."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = train_tokenizer()
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=adds, special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    tokenizer.chat_template = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"
    prompt = PromptFormat.from_settings(Prompt())
    assert "chat template is replaced" in present(as_published(tokenizer, prompt))
    assert tokenizer("A red kettle.")["input_ids"] == encode_prompt(tokenizer, "A red kettle.")
    asked = [{"role": "user", "content": "A red kettle"}]
    rendered = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=True)["input_ids"]
    assert rendered == encode_prompt(tokenizer, prompt.render_title("A red kettle"))
