"""Level card, tokenizer: compares the published tokenizer with the one of the pinned base.

The tokenizer decides what the adapter reads: two exchanged token ids change every answer. Training does not change it, so all
of its files follow from the base, and from the pad token and the prompt in the record.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tokenizers import Tokenizer

from model_card.verification.level_card.files.path_patterns import TOKENIZER
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.hub.pins import read_file
from titlecraft.models.base.published_template import NO_TEMPLATE
from titlecraft.records.repo_files import CHAT_TEMPLATE, TOKENIZER_CONFIG

SAME = "the same"
# settings that depend on the machine or on the version of transformers
ENVIRONMENT = (
    "name_or_path",
    "is_local",
    "local_files_only",
    "transformers_version",
    "tokenizer_file",
    "backend",
    "processor_class",
)
RECORDED = ("pad_token", "chat_template")  # other lines compare these
SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "cls_token", "mask_token")
# texts that both tokenizers must encode alike
PROBES = (
    "A kettle.",
    "Größe: 40 cm\n\n### Response:\n",
    "12,345 x 0.5 – 日本語 🎉",
    "<|endoftext|></s><s>[INST]<|im_start|>",
)


def verify_tokenizer(state: RepoState) -> list[Line]:
    """Lines about each published file of the tokenizer."""
    checks = Checks("card", "tokenizer")
    return checks.gather(check_files(checks, state))


def check_files(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Compares every file with the base's file. If they differ, compares it with the file that the base's tokenizer writes."""
    published = {name: raw for name in TOKENIZER if (raw := state.read(name)) is not None}
    base = state.training.base
    required = ("tokenizer.json", TOKENIZER_CONFIG)
    missing = [name for name in required if name not in published and read_file(base, name) is not None]
    if state.training.trained_prompt and state.training.template_note != NO_TEMPLATE and CHAT_TEMPLATE not in published:
        missing.append(CHAT_TEMPLATE)
    yield checks.equal("files", f"without {', '.join(missing)}" if missing else "all", "all")
    of_base = {name: raw for name in published if (raw := read_file(base, name)) is not None}
    changed = [name for name, raw in published.items() if difference(name, raw, of_base.get(name), None)]
    saved, tokenizer = save_base_tokenizer(state) if changed else ({}, None)
    for name, raw in published.items():
        wrong = difference(name, raw, saved.get(name), tokenizer) if name in changed else None
        if name == CHAT_TEMPLATE and state.training.trained_prompt:
            yield checks.equal(f"{name} renders the prompt of the training", wrong or SAME, SAME)
            continue
        yield checks.equal(f"{name} is that of the base", wrong or SAME, SAME)


def save_base_tokenizer(state: RepoState) -> tuple[dict[str, bytes], Any]:
    """The files that the base's tokenizer saves with the record's pad token and prompt, and the tokenizer."""
    # transformers takes seconds to import, and only a changed tokenizer needs it
    from titlecraft.models.base.tokenizer import as_published, load_tokenizer

    trained = state.training.trained_prompt
    tokenizer = load_tokenizer(state.training.base, trained.prompt if trained else None)
    if (pad := state.training.special_tokens.get("pad")) in tokenizer.get_vocab():
        tokenizer.pad_token = pad
    if trained:
        as_published(tokenizer, trained.prompt)
    with TemporaryDirectory() as temporary:
        tokenizer.save_pretrained(temporary)
        return {name: file.read_bytes() for name in TOKENIZER if (file := Path(temporary) / name).is_file()}, tokenizer


def difference(name: str, raw: bytes, expected: bytes | None, tokenizer: Any) -> str | None:
    """How a file differs from the base's in meaning; None if it does not. May raise any exception of its parser.

    Args:
        raw: the published file.
        expected: the file of the base, or the one that its `tokenizer` saved; None if there is none.
        tokenizer: the tokenizer of the base; None if it was not loaded.
    """
    if raw == expected:
        return None
    match name:
        case "tokenizer.json":
            return backend_difference(raw, expected, tokenizer)
        case "tokenizer_config.json":
            return config_difference(raw, expected)
        case "special_tokens_map.json" if tokenizer is not None:
            return special_difference(raw, tokenizer)
    return "other bytes" if expected else "a file that the base's tokenizer does not have"


def backend_difference(raw: bytes, base_file: bytes | None, tokenizer: Any) -> str | None:
    """The parts in which a tokenizer.json differs from the base's; None if they are equal.

    The post-processor may differ if its only effect is the base's BOS in front.
    """
    if base_file is None:
        return "no tokenizer.json of the base to compare with"
    expected, published = (json.loads(Tokenizer.from_str(file.decode()).to_str()) for file in (base_file, raw))
    changed = [part for part in sorted({*expected, *published}) if expected.get(part) != published.get(part)]
    if changed == ["post_processor"] and tokenizer is not None and only_adds_bos(raw, tokenizer):
        return None
    return f"other {', '.join(changed)}" if changed else None


def only_adds_bos(raw: bytes, tokenizer: Any) -> bool:
    """Whether a tokenizer.json encodes the probes like the base's tokenizer, with its BOS once in front."""
    published = Tokenizer.from_str(raw.decode())
    bos = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    return all(
        published.encode(text).ids == bos + tokenizer(text, add_special_tokens=False)["input_ids"] for text in PROBES
    )


def config_difference(raw: bytes, base_file: bytes | None) -> str | None:
    """The settings in which a tokenizer_config.json differs from the base's; None if they are equal.

    A setting that the base lacks must be off: only one version of transformers may write it.
    """
    expected, published = json.loads(base_file or b"{}"), json.loads(raw)
    changed = []
    for key in sorted({*expected, *published} - {*ENVIRONMENT, *RECORDED}):
        value, new_value = token_content(expected.get(key)), token_content(published.get(key))
        is_off = key not in expected and new_value in (None, False, [], {})
        if value != new_value and not is_off:
            changed.append(f"{key} = {new_value}")
    template = published.get("chat_template")
    if template is not None and template != expected.get("chat_template"):
        changed.append("another chat_template")
    return ", ".join(changed) or None


def special_difference(raw: bytes, tokenizer: Any) -> str | None:
    """The special tokens in which a special_tokens_map.json differs from the base's; None if they are equal."""
    tokens = {name: token_content(token) for name, token in json.loads(raw).items() if name in (*SPECIAL, "pad_token")}
    wrong = [f"{name} = {token}" for name, token in tokens.items() if token != getattr(tokenizer, name, None)]
    return ", ".join(wrong) or None


def token_content(value: Any) -> Any:
    """The content of a token that is written as an object with its properties; any other value as it is."""
    return value["content"] if isinstance(value, dict) and "content" in value else value
