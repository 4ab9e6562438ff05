"""The chat template that is published with an adapter: it renders the prompt that the adapter was trained on, to the token.

`apply_chat_template([{"role": "user", "content": TITLE}], add_generation_prompt=True)` puts the title into the dataset's question,
and the question into the prompt. A first message that is such a question already, or a later message, stays as it is.
"""

import json
from typing import Any

from titlecraft.prompt import PromptFormat, encode_prompt

NO_TEMPLATE = (
    "The tokenizer in this repo has no chat template, because none renders the prompt that the adapter was trained on with this "
    "tokenizer."
)
TITLES = ("A kettle.", "Größe: 40 cm, 'blau' & rot {3}", "日本語 12,345")  # that a template is tested with

ASKED = """\
{%- set asked = namespace(messages=[], found=false) -%}
{%- for message in messages -%}
{%- set text = message['content'] if message['content'] is string else '' -%}
{%- if message['content'] and message['content'] is not string -%}
{%- set text = message['content'] | map(attribute='text') | join('') -%}
{%- endif -%}
{%- if message['role'] == 'user' and not asked.found -%}
{%- set asked.found = true -%}
{%- if text.startswith(INSTRUCTION) -%}
{%- set text = text[INSTRUCTION | length:] -%}
{%- endif -%}
{%- if not (text.startswith(BEFORE) and text.endswith(AFTER)) -%}
{%- set text = BEFORE + text + AFTER -%}
{%- endif -%}
{%- if TRIM -%}
{%- set text = text | trim -%}
{%- endif -%}
{%- set text = INSTRUCTION + text -%}
{%- endif -%}
{%- set asked.messages = asked.messages + [{'role': message['role'], 'content': text}] -%}
{%- endfor -%}
"""
PROMPT = """\
{{- BOS -}}
{%- for message in asked.messages -%}
{%- if message['role'] == 'user' -%}
{{- HEAD + message['content'] + TAIL -}}
{%- elif message['role'] == 'assistant' -%}
{{- message['content'] + EOS -}}
{%- endif -%}
{%- endfor -%}
"""
CHAT = """\
{%- set messages = asked.messages -%}
{%- set enable_thinking = false -%}
{%- macro strftime_now(format) -%}26 Jul 2024{%- endmacro -%}\
"""


def published_template(tokenizer: Any, prompt: PromptFormat) -> str | None:
    """Return the chat template that renders this prompt to the token; None if none does with this tokenizer.

    Args:
        tokenizer: that of the base, with the base's chat template and the prompt's end token as EOS.
    """
    own = tokenizer.chat_template
    try:
        return next((text for text in candidates(tokenizer, prompt) if renders(tokenizer, text, prompt)), None)
    finally:
        tokenizer.chat_template = own


def candidates(tokenizer: Any, prompt: PromptFormat) -> list[str]:
    """Return the templates to try, the best first."""
    head, between, tail = prompt.around()
    before, after = prompt.input_for(TITLES[0]).split(TITLES[0])
    words = {"BEFORE": before, "AFTER": after, "HEAD": head, "TAIL": tail, "EOS": tokenizer.eos_token, "BOS": ""}
    if prompt.format == "chat":
        instruction = prompt.instruction.strip()
        words |= {"INSTRUCTION": instruction + between if instruction else "", "TRIM": True}
        own = tokenizer.get_chat_template()
        return [filled(ASKED + CHAT, words) + own, filled(ASKED + PROMPT, words)]
    words |= {"INSTRUCTION": prompt.instruction + between, "TRIM": False}
    bos = tokenizer.bos_token or ""
    # Tokenizers made from SentencePiece mark the beginning of a text with a space, which BOS in the text takes away.
    return [filled(ASKED + PROMPT, words | {"BOS": first}) for first in dict.fromkeys((bos, f"{bos} " if bos else ""))]


def filled(template: str, words: dict[str, Any]) -> str:
    """Return a template with its words in capitals set to these values, as `set` statements in front."""
    used = [name for name in words if name in template]
    values = "".join(
        f"{{%- set {name.lower()}_text = {json.dumps(words[name], ensure_ascii=False)} -%}}\n" for name in used
    )
    for name in used:
        template = template.replace(name, f"{name.lower()}_text")
    return values + template


def renders(tokenizer: Any, template: str, prompt: PromptFormat) -> bool:
    """Whether a chat template gives the token ids of training, for a title and for its question, in front of an answer."""
    tokenizer.chat_template = template
    for title in TITLES:
        expected = encode_prompt(tokenizer, prompt.render_title(title), prompt)
        for content in (title, prompt.input_for(title)):
            message = [{"role": "user", "content": content}]
            try:
                found = tokenizer.apply_chat_template(
                    message, add_generation_prompt=True, tokenize=True, return_dict=True
                )["input_ids"]
            except Exception:  # a template is a program: the base's may raise anything
                return False
            if found != expected:
                return False
    return True
