"""The prompt of training, evaluation and inference.

There are two formats. `alpaca` is the template of Stanford Alpaca (Taori et al. 2023), `chat` the base's own chat template as
rendered around one message of a user. An example is

    alpaca: <BOS> template(instruction, input) | output <EOS>
    chat:   template(instruction, input) | output <end of the assistant's turn>

and the loss is computed after the bar. A dataset publishes its wording as prompt.json. A training decides the format and
publishes the whole prompt in its record and as prompt.json of the adapter; later stages read that.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

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
    """The wording of one dataset and the text around it, as published in prompt.json.

    Args:
        instruction: the Alpaca instruction; rows may have "book" in place of "product".
        question: the Alpaca input with the placeholder {title}; rows may have other wordings in their `input`.
        template: the text around instruction and input; the answer begins at its end. That of `chat` has the special tokens
            of the base's chat template in it, BOS included if the chat template has one.
        stop: the token that ends an answer, "eos" for the EOS token of the base's tokenizer.
        columns: further columns of the dataset, whose names may be placeholders of instruction and question.
        format: "alpaca" or "chat".
    """

    instruction: str
    question: str
    template: str = ALPACA_TEMPLATE
    stop: str = "eos"
    columns: tuple[str, ...] = ()
    format: Literal["alpaca", "chat"] = "alpaca"

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
            prompt = replace(msgspec.json.decode(raw, type=cls, strict=True))  # a copy has the defaults in its JSON too
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UserError(f"{where} is not a prompt that this version reads: {error}") from error
        places = {"template": ("{instruction}", "{input}"), "question": ("{title}",)}
        for name, needed in places.items():
            if any(getattr(prompt, name).count(place) != 1 for place in needed):
                raise UserError(f"{where}: `{name}` must hold {' and '.join(needed)} once each")
        return prompt

    def to_json(self) -> bytes:
        """Indented JSON with a final newline."""
        return msgspec.json.format(msgspec.json.encode(self.by_name()), indent=2) + b"\n"

    def by_name(self) -> dict[str, Any]:
        """Return the fields by name, without the format alpaca and without columns if there are none.

        Older files and keys stay as they are.
        """
        fields = asdict(self)
        absent = {"format": "alpaca", "columns": ()}
        return {name: value for name, value in fields.items() if absent.get(name) != value}

    def input_for(self, title: str) -> str:
        """Return the Alpaca `input` for a title. The title is inserted literally, with quotes and braces.

        A place for another column of the dataset stays empty.
        """
        return fill(self.question, dict.fromkeys(self.columns, "") | {"title": title})

    def render(self, instruction: str, input: str) -> str:
        """Return the text before the answer. That of `alpaca` is without BOS.

        Parts are concatenated, so braces in them are text. In `chat`, instruction and input are one message without white
        space around it, and a part that is empty leaves no blank lines.
        """
        before, between, after = self.around()
        if self.format == "chat":
            return before + between.join(part for part in (instruction.strip(), input.strip()) if part) + after
        return before + instruction + between + input + after

    def around(self) -> tuple[str, str, str]:
        """Return the template's text before the instruction, between instruction and input, and after the input."""
        before, rest = self.template.split("{instruction}")
        between, after = rest.split("{input}")
        return before, between, after

    def render_title(self, title: str) -> str:
        """Return the prompt of a title. That of `alpaca` is without BOS."""
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


def token_ids(tokenizer: Any, texts: list[str], *, special: bool = False) -> list[list[int]]:
    """Return the token ids of texts, without adding BOS or EOS.

    Args:
        special: read the names of special tokens in the texts as these tokens; otherwise they are text like any other.

    Offsets and masks are not requested from a fast tokenizer, which is 25 % faster.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return tokenizer(texts, **PLAIN | {"split_special_tokens": not special})["input_ids"]
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = not special
    return [found.ids for found in backend.encode_batch_fast(texts, add_special_tokens=PLAIN["add_special_tokens"])]


def encode_prompts(tokenizer: Any, texts: list[str], prompt: PromptFormat | None = None) -> list[list[int]]:
    """Return the token ids of rendered prompts.

    Without a prompt format, and in `alpaca`, each has exactly one BOS at the start if the tokenizer has one. In `chat` they
    are the ids of the text that the chat template renders, in which only the template's own special tokens are special.
    """
    if prompt is not None and prompt.format == "chat":
        return encode_chat(tokenizer, texts, prompt)
    bos = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    return [[*bos, *ids] for ids in token_ids(tokenizer, texts)]


def encode_chat(tokenizer: Any, texts: list[str], prompt: PromptFormat) -> list[list[int]]:
    """Return the token ids of prompts that a chat template rendered.

    A whole prompt is encoded at once, as `apply_chat_template` does. Where the message names a special token, that token's id
    is replaced by those of its name as text.
    """
    before, _, after = prompt.around()
    encoded = token_ids(tokenizer, texts, special=True)
    names = {number: token.content for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    named = re.compile("|".join(map(re.escape, names.values())) or r"\b\B")
    for index, text in enumerate(texts):
        if named.search(text, len(before), len(text) - len(after)):
            leading, trailing = (
                sum(number in names for number in ids) for ids in token_ids(tokenizer, [before, after], special=True)
            )
            found = [position for position, number in enumerate(encoded[index]) if number in names]
            inside = set(found[leading : len(found) - trailing])
            encoded[index] = [
                piece
                for position, number in enumerate(encoded[index])
                for piece in (token_ids(tokenizer, [names[number]])[0] if position in inside else [number])
            ]
    return encoded


def encode_completions(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    """Return the token ids of answers, each with exactly one EOS at the end."""
    if tokenizer.eos_token_id is None:
        raise UserError(
            f"the tokenizer of {tokenizer.name_or_path} has no EOS token: a model could never learn to stop"
        )
    return [[*ids, tokenizer.eos_token_id] for ids in token_ids(tokenizer, texts)]


def encode_prompt(tokenizer: Any, text: str, prompt: PromptFormat | None = None) -> list[int]:
    """Return the token ids of one prompt, as `encode_prompts` does."""
    return encode_prompts(tokenizer, [text], prompt)[0]


def encode_completion(tokenizer: Any, text: str) -> list[int]:
    """Return the token ids of one answer, as `encode_completions` does."""
    return encode_completions(tokenizer, [text])[0]
