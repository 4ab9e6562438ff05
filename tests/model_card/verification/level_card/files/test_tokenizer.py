"""The published tokenizer is compared with the base's by its encoding and settings."""

import json
from typing import Any

import pytest
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.processors import TemplateProcessing

from model_card.verification.level_card.files.tokenizer import difference


def tiny_tokenizer(swapped: bool = False) -> Tokenizer:
    """A tokenizer of four letters; with `swapped`, the ids of two letters are exchanged."""
    letters = "bacd" if swapped else "abcd"
    tokenizer = Tokenizer(BPE({letter: number for number, letter in enumerate([*letters, "<s>"])}, [], unk_token=None))
    tokenizer.add_special_tokens(["<s>"])
    return tokenizer


class Base:
    """A stand-in for the base's tokenizer with the methods that the check calls."""

    bos_token_id, bos_token, eos_token, pad_token = 4, "<s>", "</s>", "<s>"

    def __call__(self, text: str, add_special_tokens: bool) -> dict[str, list[int]]:
        return {"input_ids": tiny_tokenizer().encode(text, add_special_tokens=add_special_tokens).ids}


def test_tokenizer_files_are_compared_by_encoding() -> None:
    made = tiny_tokenizer().to_str().encode()
    assert difference("tokenizer.json", made, made, None) is None
    assert difference("tokenizer.json", tiny_tokenizer().to_str(pretty=True).encode(), made, None) is None
    assert difference("tokenizer.json", tiny_tokenizer(swapped=True).to_str().encode(), made, Base()) == "other model"
    begins = tiny_tokenizer()
    begins.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 4)])
    assert difference("tokenizer.json", begins.to_str().encode(), made, Base()) is None
    begins.post_processor = TemplateProcessing(single="<s> $A <s>", special_tokens=[("<s>", 4)])
    assert difference("tokenizer.json", begins.to_str().encode(), made, Base()) == "other post_processor"
    with pytest.raises(Exception, match=r"."):
        difference("tokenizer.json", b"{}", made, Base())


def test_tokenizer_settings_must_equal_the_bases() -> None:
    base = {"eos_token": {"content": "</s>"}, "padding_side": "left", "chat_template": "{{ x }}", "is_local": False}
    made = json.dumps(base).encode()

    def said(**values: Any) -> str | None:
        return difference("tokenizer_config.json", json.dumps(base | values).encode(), made, None)

    assert said(eos_token="</s>", pad_token="<s>", name_or_path="/tmp/x", extra_special_tokens={}) is None
    assert said(chat_template=None) is None
    assert said(padding_side="right") == "padding_side = right" and said(eos_token="a") == "eos_token = a"
    assert said(chat_template="{{ y }}") == "another chat_template"
    assert said(auto_map={"AutoTokenizer": ["x.py", None]}) and said(add_bos_token=True)
    assert (
        difference("special_tokens_map.json", b'{"eos_token": "</s>", "pad_token": {"content": "<s>"}}', None, Base())
        is None
    )
    assert difference("special_tokens_map.json", b'{"eos_token": "a"}', None, Base()) == "eos_token = a"
    assert difference("chat_template.jinja", b"x", None, Base()) and difference(
        "chat_template.jinja", b"x", b"y", Base()
    )
