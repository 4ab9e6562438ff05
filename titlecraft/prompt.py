"""The prompt of training, evaluation and inference.

The template is Stanford Alpaca's (Taori et al. 2023). An example is

    <BOS> template(instruction, input) | output <EOS>

and the loss is computed after the bar. A dataset publishes its wording as prompt.json; later stages read that file.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from titlecraft.errors import UserError
from titlecraft.settings import Prompt

AUTO, ANY_PRODUCT = "auto", "product"  # the word for products that follows from the uid, and the one that fits them all

# catalogue text is text: a title that holds "<|end_of_text|>" gets no special token from it
PLAIN = {"add_special_tokens": False, "split_special_tokens": True}

PLACE = re.compile(r"\{([^{}]*)\}")
PLACES = {"instruction": ("product",), "question": ("title", "product"), "product_word": ()}  # what each may hold

ALPACA_TEMPLATE = """Below is an instruction that describes a task, paired with an input that provides further context. \
Write a response that appropriately completes the request.

### Instruction:
{instruction}

### Input:
{input}

### Response:
"""


@dataclass(frozen=True)
class PromptFormat:
    """The wording of one dataset, as published in prompt.json.

    Args:
        instruction: the Alpaca instruction; rows may have "book" in place of "product".
        question: the Alpaca input with the placeholder {title}; rows may have other wordings in their `input`.
        template: the text around instruction and input; the answer begins at its end.
        stop: only the tokenizer's EOS token ends an answer.
        columns: further columns of the dataset, whose names may be placeholders of instruction and question.
    """

    instruction: str
    question: str
    template: str = ALPACA_TEMPLATE
    stop: str = "eos"
    columns: tuple[str, ...] = ()

    @classmethod
    def from_settings(cls, settings: Prompt, columns: Sequence[str] = ()) -> "PromptFormat":
        """Return the first wording with {product} filled in. Raises UserError if the question has no {title}."""
        word = ANY_PRODUCT if settings.product_word == AUTO else settings.product_word
        return cls.all_from_settings(settings, word, columns)[0]

    @classmethod
    def all_from_settings(cls, settings: Prompt, word: str, columns: Sequence[str] = ()) -> "list[PromptFormat]":
        """Return all wordings with this product word. Raises UserError if a wording has no {title}."""
        texts = [settings.instruction, settings.question, *settings.other_questions]
        used = tuple(name for name in columns if any(f"{{{name}}}" in text for text in texts))
        wordings = []
        for name, question in [
            ("question", settings.question),
            *(("other_questions", question) for question in settings.other_questions),
        ]:
            if "{title}" not in question:
                raise UserError(f"prompt.{name} is {question!r}: it must hold {{title}}, where the title goes")
            instruction, question = (text.replace("{product}", word) for text in (settings.instruction, question))
            wordings.append(cls(instruction=instruction, question=question, columns=used))
        return wordings

    @classmethod
    def from_json(cls, raw: bytes, where: str) -> "PromptFormat":
        """Decode a published prompt.json; `where` names it in the error."""
        try:
            prompt = msgspec.json.decode(raw, type=cls, strict=True)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UserError(f"{where} is not a prompt that this version reads: {error}") from error
        places = {"template": ("{instruction}", "{input}"), "question": ("{title}",)}
        for name, needed in places.items():
            if any(getattr(prompt, name).count(place) != 1 for place in needed):
                raise UserError(f"{where}: `{name}` must hold {' and '.join(needed)} once each")
        return prompt

    def to_json(self) -> bytes:
        """Indented JSON with a final newline."""
        fields = {name: value for name, value in msgspec.to_builtins(self).items() if name != "columns" or value}
        return msgspec.json.format(msgspec.json.encode(fields), indent=2) + b"\n"

    def input_for(self, title: str) -> str:
        """Return the Alpaca `input` for a title. The title is inserted literally, with quotes and braces.

        A place for another column of the dataset stays empty.
        """
        return fill(self.question, dict.fromkeys(self.columns, "") | {"title": title})

    def render(self, instruction: str, input: str) -> str:
        """Return the text before the answer, without BOS. Parts are concatenated, so braces in them are text."""
        before, middle = self.template.split("{instruction}")
        middle, after = middle.split("{input}")
        return before + instruction + middle + input + after

    def render_title(self, title: str) -> str:
        """Return the prompt of a title, without BOS."""
        return self.render(self.instruction, self.input_for(title))


def fill(text: str, values: dict[str, str]) -> str:
    """Return a wording with the places of these values filled, each literally."""
    return PLACE.sub(lambda place: values.get(place[1], place[0]), text)


def require_places(settings: Prompt, columns: Sequence[str] = ()) -> None:
    """Raise UserError if a wording has unknown placeholders, which would be published literally.

    An instruction may have {product}; a question has {title} once and may have {product}; a product word has neither.
    Instructions and questions may also have the names of `columns`, the further columns of the dataset.
    """
    questions = [("question", settings.question)]
    questions += [(f"other_questions[{number}]", text) for number, text in enumerate(settings.other_questions)]
    for name, text in [("product_word", settings.product_word), ("instruction", settings.instruction), *questions]:
        if not is_text(text):
            raise UserError(f"prompt.{name} is {text!a}: it holds bytes that are no UTF-8; write it in UTF-8")
        known = PLACES["question" if name.startswith("other") else name]
        known = (*known, *columns) if known else known
        allowed = " and ".join(f"{{{place}}}" for place in known) or "no braces"
        for place in PLACE.findall(text):
            if place not in known:
                raise UserError(
                    f"prompt.{name} is {text!r}: {{{place}}} is no place that a build fills; expected {allowed}"
                    f"{'' if columns or not known else ' (data.keep_columns gives others)'}"
                )
        if set("{}") & set(PLACE.sub("", text)):
            raise UserError(f"prompt.{name} is {text!r}: a brace stands alone; expected {allowed}, and no other braces")
    for name, text in questions:
        if text.count("{title}") != 1:
            raise UserError(f"prompt.{name} is {text!r}: it must hold {{title}}, where the title goes, once")


def is_text(text: str) -> bool:
    """Whether a text can be encoded as UTF-8; text from a shell in another encoding may not."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def token_ids(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    """Return the token ids of texts without special tokens.

    Offsets and masks are not requested from a fast tokenizer, which is 25 % faster.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return tokenizer(texts, **PLAIN)["input_ids"]
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = PLAIN["split_special_tokens"]
    return [found.ids for found in backend.encode_batch_fast(texts, add_special_tokens=PLAIN["add_special_tokens"])]


def encode_prompts(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    """Return the token ids of prompts, each with exactly one BOS at the start if the tokenizer has one."""
    bos = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    return [[*bos, *ids] for ids in token_ids(tokenizer, texts)]


def encode_completions(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    """Return the token ids of answers, each with exactly one EOS at the end."""
    if tokenizer.eos_token_id is None:
        raise UserError(
            f"the tokenizer of {tokenizer.name_or_path} has no EOS token: a model could never learn to stop"
        )
    return [[*ids, tokenizer.eos_token_id] for ids in token_ids(tokenizer, texts)]


def encode_prompt(tokenizer: Any, text: str) -> list[int]:
    """Return the token ids of one prompt, as `encode_prompts` does."""
    return encode_prompts(tokenizer, [text])[0]


def encode_completion(tokenizer: Any, text: str) -> list[int]:
    """Return the token ids of one answer, as `encode_completions` does."""
    return encode_completions(tokenizer, [text])[0]
