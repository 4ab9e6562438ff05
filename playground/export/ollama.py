"""Writes the files for Ollama: `template`, `system` and `params`, which it reads from the Hub, and a Modelfile for `ollama create`.

The template renders the training prompt in Go's template language. It consists of the texts that the published chat template
renders around the messages (hub docs, "Use Ollama with any GGUF Model"; Ollama's docs/template.mdx).
"""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from titlecraft.prompt import PromptFormat
from titlecraft.records.repo_files import MODELFILE, OLLAMA_PARAMS, OLLAMA_SYSTEM, OLLAMA_TEMPLATE
from titlecraft.settings import Generation

TITLE, ANSWER, LATER, SYSTEM = (
    "Kettle-7f3a",
    "Lamp-9c2e",
    "Tent-51d0",
    "Clock-e84b",
)  # placeholders that no template contains


@dataclass(frozen=True)
class ChatTexts:
    """The texts around the messages of a chat, as the published chat template renders them, BOS left out.

    Args:
        instruction: the text in front of the dataset's question, in the first message.
        before: the question in front of the title; `after` behind it.
        head: the text in front of the first message, without a system message.
        system_head: the text in front of a system message, and `system_tail` from there to the user's message; None where
            the template ignores or refuses system messages.
        system: the system message that the template has of its own; None if it has none.
        answer_head: the text between the user's message and the answer of an earlier turn.
        between: the text between an answer and the next message of the user.
        tail: the text behind the last message, where the answer begins.
    """

    instruction: str
    before: str
    after: str
    head: str
    system_head: str | None
    system_tail: str | None
    system: str | None
    answer_head: str
    between: str
    tail: str


def chat_texts(tokenizer: Any, prompt: PromptFormat) -> ChatTexts | None:
    """Return the texts of the tokenizer's chat template; None if it renders the chat in another order.

    Args:
        tokenizer: the published one, whose template renders the prompt.
    """
    _, between, _ = prompt.around()
    instruction, chat = prompt.instruction, prompt.format == "chat"
    instruction = (instruction.strip() if chat else instruction) + between if instruction.strip() or not chat else ""
    before, after = prompt.input_for(TITLE).split(TITLE)
    if chat:
        before, after = before if instruction else before.lstrip(), after.rstrip()
    asked = {"role": "user", "content": prompt.input_for(TITLE)}
    turns = [asked, {"role": "assistant", "content": ANSWER}, {"role": "user", "content": LATER}]
    question = f"{instruction}{before}{TITLE}{after}"
    one, two = render(tokenizer, [asked]), render(tokenizer, turns)
    if one is None or two is None or one.count(question) != 1 or two.count(question) != 1:
        return None
    head, tail = one.removeprefix(tokenizer.bos_token or "").split(question)
    rest = two.split(question)[1]
    if rest.count(ANSWER) != 1 or rest.count(LATER) != 1:
        return None
    answer_head, rest = rest.split(ANSWER)
    texts = {"head": head, "tail": tail, "answer_head": answer_head, "between": rest.split(LATER)[0]}
    system_head, system_tail = system_texts(tokenizer, asked, question)
    own = None
    if system_head is not None and system_tail and head.startswith(system_head) and head.endswith(system_tail):
        own = head[len(system_head) : -len(system_tail)] or None
    return ChatTexts(instruction, before, after, system_head=system_head, system_tail=system_tail, system=own, **texts)


def system_texts(tokenizer: Any, asked: dict[str, str], question: str) -> tuple[str | None, str | None]:
    """Return the texts around a system message; None and None where the template ignores or refuses it."""
    rendered = render(tokenizer, [{"role": "system", "content": SYSTEM}, asked])
    if rendered is None or rendered.count(SYSTEM) != 1 or rendered.count(question) != 1:
        return None, None
    head, rest = rendered.removeprefix(tokenizer.bos_token or "").split(SYSTEM)
    return head, rest.split(question)[0]


def render(tokenizer: Any, messages: list[dict[str, str]]) -> str | None:
    """Return a chat as text; None if the template refuses it."""
    try:
        return tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    except Exception:  # a template is a program: the base's may raise anything
        return None


def go_template(texts: ChatTexts) -> str:
    """Return Ollama's template, in Go's template language.

    The first message of the user becomes the dataset's question, unless it begins like one: Go's templates cannot look at
    the end of a text, where the chat template of transformers looks too.
    """
    values = {name: value for name, value in vars(texts).items() if name != "system"}
    values["takes_system"] = texts.system_head is not None
    # Go reads JSON's strings
    texts_of = {name: json.dumps("" if value is None else value, ensure_ascii=False) for name, value in values.items()}
    body = files("playground.export").joinpath("templates/ollama_template.gotmpl").read_text(encoding="utf-8")
    return "".join(f"{{{{- ${name} := {value} -}}}}\n" for name, value in texts_of.items()) + body.strip()


def write_ollama_files(
    folder: Path, model: str, tokenizer: Any, prompt: PromptFormat, generation: Generation
) -> tuple[str, ...]:
    """Write the files for Ollama into a folder; returns their names, none if the prompt cannot be written for Ollama.

    Args:
        model: the GGUF file that the Modelfile takes. It has to put BOS in front of a text where the prompt begins with BOS.
    """
    texts = chat_texts(tokenizer, prompt) if tokenizer.chat_template else None
    if texts is None:
        return ()
    template = go_template(texts)
    numbers = {
        "temperature": generation.temperature,
        "top_k": generation.top_k,
        "top_p": generation.top_p,
        "num_predict": generation.max_new_tokens,
    }
    written = {
        OLLAMA_TEMPLATE: template,
        OLLAMA_PARAMS: json.dumps({"stop": [tokenizer.eos_token], **numbers}, ensure_ascii=False, indent=2) + "\n",
    }
    if texts.system:
        written[OLLAMA_SYSTEM] = texts.system
    lines = [f"FROM ./{model}", f'TEMPLATE """{template}"""']
    if texts.system and '"""' not in texts.system:
        lines.append(f'SYSTEM """{texts.system}"""')
    lines.append(f"PARAMETER stop {json.dumps(tokenizer.eos_token, ensure_ascii=False)}")
    lines += [f"PARAMETER {name} {value}" for name, value in numbers.items()]
    written[MODELFILE] = "\n".join(lines) + "\n"
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    return tuple(sorted(written))
