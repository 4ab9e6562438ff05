"""Answers in batches, greedy or sampled, by transformers' own generate(): it stops at EOS and at nothing else.

On a GPU a decoding step of an 8B model is so short that launching its kernels one by one takes most of the time. There the
cache is static and the step compiled, with CUDA graphs, which needs every batch of one shape: `Shape`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from titlecraft.models.decoding.batches import pad_left
from titlecraft.settings import Generation

COLUMNS = 64  # widths are rounded up to these, so that another sample may find the same step compiled


@dataclass(frozen=True)
class Shape:
    """The one shape that all prompts are brought to: rows of a batch, and columns of a prompt."""

    rows: int
    columns: int

    @classmethod
    def of(cls, rows: int, prompts: Sequence[Sequence[int]]) -> "Shape":
        """Wide enough for all of these prompts."""
        return cls(rows, -(-max(map(len, prompts)) // COLUMNS) * COLUMNS)


def greedy_settings(tokenizer: Any, new_tokens: int) -> Any:
    """A generation config that owes nothing to the one that the base model ships (sampling, penalties, more stops)."""
    from transformers import GenerationConfig

    return GenerationConfig(
        max_new_tokens=new_tokens,
        do_sample=False,
        num_beams=1,
        use_cache=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
    )


def generate(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[int]],
    new_tokens: int,
    shape: Shape | None = None,
    sampling: Generation | None = None,
) -> list[list[int]]:
    """Token ids of the greedy answer to each prompt of one batch; an answer that stopped by itself ends in EOS.

    With a `shape`, every batch has it and the decoding step is compiled once for all of them. It takes a while. With
    `sampling`, the answer is drawn by torch's own random state in place of being the greedy one.
    """
    import torch

    settings = greedy_settings(tokenizer, new_tokens)
    if sampling is not None:
        settings.do_sample, settings.temperature = True, sampling.temperature
        settings.top_k, settings.top_p = sampling.top_k, sampling.top_p
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    asked, width = list(prompts), 0
    if shape is not None:
        settings.cache_implementation, settings.max_cache_len = "static", shape.columns + new_tokens
        asked, width = asked + [asked[-1]] * (shape.rows - len(asked)), shape.columns
    shipped, whole.generation_config = whole.generation_config, settings  # generate() fills its gaps from the model's
    try:
        with torch.no_grad():
            batch = pad_left(asked, tokenizer.pad_token_id, whole.device, width)
            out = whole.generate(
                input_ids=batch.input_ids, attention_mask=batch.attention_mask, generation_config=settings
            )
    finally:
        whole.generation_config = shipped
    answers = out[: len(prompts), batch.input_ids.shape[1] :].tolist()
    return [until_eos(answer, tokenizer.eos_token_id) for answer in answers]


def until_eos(tokens: list[int], eos_token_id: int) -> list[int]:
    """Tokens up to the first EOS and with it; what follows is padding that generate() added for the slower rows."""
    return tokens[: tokens.index(eos_token_id) + 1] if eos_token_id in tokens else tokens
