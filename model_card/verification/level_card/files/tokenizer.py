"""Level card, tokenizer: the files beside an adapter against those that the pinned base's tokenizer makes.

A tokenizer decides what the adapter reads: two token ids that have changed places make every answer of it nonsense, or a hidden
one. Nothing of it is trained, so that all of it follows from the base and from the pad token in the record.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from model_card.verification.level_card.files.checksums import TOKENIZER
from model_card.verification.lines.checks import Checks, Line
from model_card.verification.repo_state import RepoState
from titlecraft.hub.pins import read_file

SAME = "the same"
CONFIG = "tokenizer_config.json"
WHEREABOUTS = (
    "name_or_path",
    "is_local",
    "local_files_only",
    "transformers_version",
    "tokenizer_file",
    "backend",
    "processor_class",
)
RECORDED = ("pad_token", "chat_template")  # looked at by themselves
SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "cls_token", "mask_token")
PROBES = (
    "A kettle.",
    "Größe: 40 cm\n\n### Response:\n",
    "12,345 x 0.5 – 日本語 🎉",
    "<|endoftext|></s><s>[INST]<|im_start|>",
)


def verify_tokenizer(state: RepoState) -> list[Line]:
    """A line for each file of the tokenizer that lies beside the adapter."""
    checks = Checks("card", "tokenizer")
    return checks.gather(of_files(checks, state))


def of_files(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Every file of a tokenizer against the base's own and, where it differs, against what the base's tokenizer writes here."""
    there = {name: raw for name in TOKENIZER if (raw := state.read(name)) is not None}
    base = state.training.base
    missing = [name for name in ("tokenizer.json", CONFIG) if name not in there and read_file(base, name) is not None]
    yield checks.equal("files", f"without {', '.join(missing)}" if missing else "all", "all")
    published = {name: raw for name in there if (raw := read_file(base, name)) is not None}
    others = {name: raw for name, raw in there.items() if difference(name, raw, published.get(name), None)}
    made, tokenizer = written_here(state) if others else ({}, None)
    for name in there:
        found = difference(name, there[name], made.get(name), tokenizer) if name in others else None
        yield checks.equal(f"{name} is that of the base", found or SAME, SAME)


def written_here(state: RepoState) -> tuple[dict[str, bytes], Any]:
    """The files that the base's tokenizer writes, with the record's pad token, and the tokenizer."""
    from titlecraft.models.base.model import load_tokenizer

    tokenizer = load_tokenizer(state.training.base)
    if (pad := state.training.special_tokens.get("pad")) in tokenizer.get_vocab():
        tokenizer.pad_token = pad
    with TemporaryDirectory() as temporary:
        tokenizer.save_pretrained(temporary)
        return {name: file.read_bytes() for name in TOKENIZER if (file := Path(temporary) / name).is_file()}, tokenizer


def difference(name: str, raw: bytes, made: bytes | None, tokenizer: Any) -> str | None:
    """In what a file of a tokenizer is another tokenizer than the base's; None where it is none. Raises what its reader does.

    Args:
        made: the file as the base has it, or as its `tokenizer` writes it.
        tokenizer: the base's, if it was loaded.
    """
    if raw == made:
        return None
    match name:
        case "tokenizer.json":
            return backend_difference(raw, made, tokenizer)
        case "tokenizer_config.json":
            return config_difference(raw, made)
        case "special_tokens_map.json" if tokenizer is not None:
            return special_difference(raw, tokenizer)
    return "other bytes" if made else "a file that the base's tokenizer does not have"


def backend_difference(raw: bytes, made: bytes | None, tokenizer: Any) -> str | None:
    """In what part a tokenizer.json is another tokenizer than the base's; None where it is none.

    Its post-processor may be another where it does no more than put the base's BOS in front.
    """
    from tokenizers import Tokenizer

    if made is None:
        return "no tokenizer.json of the base to compare with"
    here, there = (json.loads(Tokenizer.from_str(one.decode()).to_str()) for one in (made, raw))
    parts = [part for part in sorted({*here, *there}) if here.get(part) != there.get(part)]
    if parts == ["post_processor"] and tokenizer is not None and ids_with_bos(raw, tokenizer):
        return None
    return f"other {', '.join(parts)}" if parts else None


def ids_with_bos(raw: bytes, tokenizer: Any) -> bool:
    """Whether a tokenizer.json encodes texts as the base's tokenizer does, with its BOS once in front."""
    from tokenizers import Tokenizer

    published = Tokenizer.from_str(raw.decode())
    front = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    return all(
        published.encode(text).ids == front + tokenizer(text, add_special_tokens=False)["input_ids"] for text in PROBES
    )


def config_difference(raw: bytes, made: bytes | None) -> str | None:
    """Which settings of a tokenizer_config.json are others than the base's; None where none is.

    A setting that only one version of transformers writes has to be off.
    """
    here, there = json.loads(made or b"{}"), json.loads(raw)
    strange = []
    for key in sorted({*here, *there} - {*WHEREABOUTS, *RECORDED}):
        one, other = plain(here.get(key)), plain(there.get(key))
        if one != other and (other not in (None, False, [], {}) if key not in here else True):
            strange.append(f"{key} = {other}")
    template = there.get("chat_template")
    if template is not None and template != here.get("chat_template"):
        strange.append("another chat_template")
    return ", ".join(strange) or None


def special_difference(raw: bytes, tokenizer: Any) -> str | None:
    """Which special tokens of a special_tokens_map.json are others than the base's; None where none is."""
    named = {name: plain(token) for name, token in json.loads(raw).items() if name in (*SPECIAL, "pad_token")}
    wrong = [f"{name} = {token}" for name, token in named.items() if token != getattr(tokenizer, name, None)]
    return ", ".join(wrong) or None


def plain(value: Any) -> Any:
    """A token that is written with its properties, by its content alone."""
    return value["content"] if isinstance(value, dict) and "content" in value else value
