"""The tokenizer of a base: its special tokens, and the files that are published with an adapter."""

from typing import Any

from titlecraft.errors import UserError
from titlecraft.hub.pins import download
from titlecraft.models.base.chat_template import require_rows
from titlecraft.models.base.config import load_config
from titlecraft.models.base.files import (
    ANOTHER,
    TOKENIZER_FILES,
    files_of,
    loading,
    read_object,
    require_tokenizer,
    require_whole,
)
from titlecraft.models.base.published_template import NO_TEMPLATE, published_template
from titlecraft.prompt import PromptFormat, encode_prompts, token_ids
from titlecraft.records import Pin
from titlecraft.records.repo_files import TOKENIZER_CONFIG

PAD_CANDIDATES = (
    "<|finetune_right_pad_id|>",
    "<|reserved_special_token_250|>",
    "<|reserved_special_token_0|>",
    "<pad>",
    "<unk>",
)
PROBE = "A kettle."
REPLACED = (
    "The base's chat template is replaced in the tokenizer of this repo: the new one renders the prompt that the adapter was "
    "trained on."
)


def load_tokenizer(base: Pin, prompt: PromptFormat | None = None) -> Any:
    """Return the tokenizer of the pinned base, with a pad token that has an embedding. Raises UserError.

    With a prompt, its EOS token is the one that ends an answer to that prompt.
    A pad token other than EOS is kept, or taken from the reserved tokens of the base; otherwise EOS is the pad token.
    Labels are explicit and padding is masked by position, so this has no effect on the loss.
    """
    from transformers import AutoTokenizer

    files = files_of(base)
    config = load_config(base, files)
    require_tokenizer(base, files)
    folder = download(base, TOKENIZER_FILES)
    require_whole(folder, base, [name for name in files if "/" not in name])
    require_no_code(folder / TOKENIZER_CONFIG, base)
    with loading(base, "a tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(base.repo, revision=base.revision, trust_remote_code=False)
        token_ids(tokenizer, ["a"])
    rows = int(config.get_text_config().vocab_size)
    require_embeddings(tokenizer, rows, base)
    if prompt is not None:
        end_answers_with(tokenizer, prompt, rows, base)
    set_pad(tokenizer, rows)
    return tokenizer


def end_answers_with(tokenizer: Any, prompt: PromptFormat, rows: int, base: Pin) -> None:
    """Make the token that ends an answer to this prompt the tokenizer's EOS. Raises UserError if it has no embedding."""
    if prompt.format == "chat":
        require_rows(prompt, tokenizer, rows, base)
    if prompt.stop != "eos":
        if prompt.stop not in tokenizer.get_vocab():
            raise UserError(f"the tokenizer of {base} has no token {prompt.stop!r}, which ends an answer; {ANOTHER}")
        tokenizer.eos_token = prompt.stop


def require_no_code(file: Any, base: Pin) -> None:
    """Raise UserError if a tokenizer_config.json needs Python code of the repo."""
    from transformers.models.auto.tokenization_auto import tokenizer_class_from_name

    tokenizer_config = read_object(file, base) if file.is_file() else {}
    remote = tokenizer_config.get("auto_map")
    remote = remote.get("AutoTokenizer") if isinstance(remote, dict) else remote
    named = tokenizer_config.get("tokenizer_class")
    if remote and not (isinstance(named, str) and tokenizer_class_from_name(named) is not None):
        raise UserError(
            f"{base} cannot be loaded as a tokenizer: it needs code from its own repo (auto_map in tokenizer_config.json), which "
            f"is never run here: it could do anything with this machine and its tokens; {ANOTHER}"
        )


def require_embeddings(tokenizer: Any, rows: int, base: Pin) -> None:
    """Raise UserError if a text token, BOS or EOS has no row in the base's embeddings."""
    if tokenizer.eos_token_id is None:
        raise UserError(f"the tokenizer of {base} has no EOS token: a model could never learn to stop; {ANOTHER}")
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    spoken = {number: token for token, number in tokenizer.get_vocab().items() if number not in special}
    needed = (
        spoken
        | {tokenizer.eos_token_id: "EOS"}
        | ({tokenizer.bos_token_id: "BOS"} if tokenizer.bos_token_id is not None else {})
    )
    if beyond := sorted(number for number in needed if number >= rows):
        raise UserError(
            f"the tokenizer of {base} has token ids up to {beyond[-1]} ({needed[beyond[-1]]!r}), but the base has embeddings for "
            f"{rows} only (vocab_size in config.json): they do not belong together; {ANOTHER}"
        )


def set_pad(tokenizer: Any, rows: int) -> None:
    """Set a pad token with an id below `rows`: the tokenizer's own, a reserved one, BOS, or else EOS."""
    eos, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    if pad is not None and pad != eos and pad < rows:
        return
    vocabulary = tokenizer.get_vocab()
    bos = [tokenizer.bos_token] if tokenizer.bos_token_id is not None else []
    candidates = [token for token in (*PAD_CANDIDATES, *bos) if token in vocabulary and eos != vocabulary[token] < rows]
    tokenizer.pad_token = candidates[0] if candidates else tokenizer.eos_token


def as_published(tokenizer: Any, prompt: PromptFormat) -> str | None:
    """Prepare a tokenizer for publishing: with a chat template that renders the prompt, and, in `alpaca`, BOS alone around a text.

    Returns a sentence for the record on what the base's chat template became, or None.
    """
    had_template = bool(tokenizer.chat_template)
    tokenizer.chat_template = published_template(tokenizer, prompt)
    if prompt.format == "alpaca" and tokenizer(PROBE)["input_ids"] != encode_prompts(tokenizer, [PROBE])[0]:
        put_bos_in_front(tokenizer)
    if tokenizer.chat_template is None:
        return NO_TEMPLATE
    return REPLACED if had_template else None


def put_bos_in_front(tokenizer: Any) -> None:
    """Make a fast tokenizer add BOS before a text, once, and nothing after it."""
    from tokenizers.processors import TemplateProcessing

    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return
    bos, number = tokenizer.bos_token, tokenizer.bos_token_id
    single = "$A" if number is None else f"{bos} $A"
    special = [] if number is None else [(bos, number)]
    backend.post_processor = TemplateProcessing(
        single=single, pair=f"{single} {single.replace('$A', '$B')}", special_tokens=special
    )
