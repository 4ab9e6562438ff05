"""Greedy answers in batches, by transformers' own generate(): it stops at EOS and at nothing else."""

from collections.abc import Sequence
from typing import Any

from evaluation.batches import pad_left


def greedy_settings(tokenizer: Any, new_tokens: int) -> Any:
    """A generation config that owes nothing to the one that the base model ships (sampling, penalties, more stops)."""
    from transformers import GenerationConfig

    return GenerationConfig(
        max_new_tokens=new_tokens, do_sample=False, num_beams=1, use_cache=True, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id,
    )  # fmt: skip


def generate(model: Any, tokenizer: Any, prompts: Sequence[Sequence[int]], new_tokens: int) -> list[list[int]]:
    """Token ids of the greedy answer to each prompt of one batch; an answer that stopped by itself ends in EOS."""
    import torch

    settings = greedy_settings(tokenizer, new_tokens)
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    shipped, whole.generation_config = whole.generation_config, settings  # generate() fills its gaps from the model's
    try:
        with torch.no_grad():
            batch = pad_left(prompts, tokenizer.pad_token_id, whole.device)
            out = whole.generate(
                input_ids=batch.input_ids, attention_mask=batch.attention_mask, generation_config=settings
            )
    finally:
        whole.generation_config = shipped
    return [until_eos(answer, tokenizer.eos_token_id) for answer in out[:, batch.input_ids.shape[1] :].tolist()]


def until_eos(tokens: list[int], eos_token_id: int) -> list[int]:
    """Tokens up to the first EOS and with it; what follows is padding that generate() added for the slower rows."""
    return tokens[: tokens.index(eos_token_id) + 1] if eos_token_id in tokens else tokens
