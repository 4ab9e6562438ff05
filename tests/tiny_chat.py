"""Tokenizers with the chat templates of well-known families, shortened to what decides about a prompt; and an instruct base."""

from pathlib import Path
from typing import Any

CHATML = """{%- if messages[0].role != 'system' %}{{- '<|im_start|>system\\nYou are helpful.<|im_end|>\\n' }}{%- endif %}
{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""
THINKS = """{%- for message in messages %}{%- if message.role == 'assistant' %}
{{- '<|im_start|>assistant\\n<think>\\n\\n</think>\\n\\n' + message.content.split('</think>')[-1].lstrip('\\n') + '<|im_end|>\\n' }}
{%- else %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{%- endif %}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- if enable_thinking is defined and enable_thinking is false %}
{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}"""
LLAMA3 = """{{- bos_token }}{%- if strftime_now is defined %}{%- set today = strftime_now("%d %b %Y") %}{%- else %}
{%- set today = "26 Jul 2024" %}{%- endif %}
{{- '<|start_header_id|>system<|end_header_id|>\\n\\nToday Date: ' + today + '\\n\\n<|eot_id|>' }}
{%- for message in messages %}
{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' + message.content | trim + '<|eot_id|>' }}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}"""
ISO_DATE = LLAMA3.replace("%d %b %Y", "%Y-%m-%d")
GEMMA = """{{ bos_token }}{%- for message in messages -%}{%- set role = 'model' if message.role == 'assistant' else message.role -%}
{{ '<start_of_turn>' + role + '\\n' + message.content | trim + '<end_of_turn>\\n' }}{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}"""
MISTRAL = """{{- bos_token }}{%- for message in messages %}{%- if message.role == 'user' %}{{- '[INST] ' + message.content + ' [/INST]' }}
{%- else %}{{- ' ' + message.content + eos_token }}{%- endif %}{%- endfor %}"""
PHI3 = """{% for message in messages %}{{ '<|' + message.role + '|>\\n' + message.content + '<|end|>\\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}"""

TEMPLATES: dict[str, tuple[str, tuple[str, ...], str]] = {  # template, special tokens, what ends an answer
    "chatml": (CHATML, ("<|im_start|>", "<|im_end|>"), "<|im_end|>"),
    "thinks": (THINKS, ("<|im_start|>", "<|im_end|>"), "<|im_end|>"),
    "llama3": (LLAMA3, ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"), "<|eot_id|>"),
    "iso date": (ISO_DATE, ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"), "<|eot_id|>"),
    "gemma": (GEMMA, ("<start_of_turn>", "<end_of_turn>"), "<end_of_turn>"),
    "mistral": (MISTRAL, ("[INST]", "[/INST]"), "</s>"),
    "phi3": (PHI3, ("<|user|>", "<|assistant|>", "<|end|>"), "<|end|>"),
}


def chat_tokenizer(family: str = "chatml", **settings: Any) -> Any:
    """A tokenizer with a family's chat template and its special tokens; `settings` are attributes of the tokenizer."""
    from tokenizers import AddedToken

    from tests.tiny_world import train_tokenizer

    template, special, _ = TEMPLATES[family]
    tokenizer = train_tokenizer()
    swallows = family == "phi3"  # its tokens take white space behind them away
    tokens = [AddedToken(name, special=True, rstrip=swallows, normalized=False) for name in special]
    tokenizer.add_special_tokens({"additional_special_tokens": tokens}, replace_extra_special_tokens=False)
    if family == "thinks":
        tokenizer.add_tokens(["<think>", "</think>"])
    tokenizer.chat_template = template
    for name, value in settings.items():
        setattr(tokenizer, name, value)
    return tokenizer


def save_instruct_base(folder: Path, family: str = "chatml") -> None:
    """Write a tiny Llama with random weights and a chat template."""
    from tests.tiny_world import make_base

    tokenizer = chat_tokenizer(family)
    tokenizer.save_pretrained(folder)
    make_base(len(tokenizer)).save_pretrained(folder)
