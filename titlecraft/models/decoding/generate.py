"""Batched generation, greedy or sampled, by transformers' generate(); EOS is the only stop token.

On a GPU a decoding step of an 8B model is so short that kernel launches take most of the time. There the cache is
static and the step is compiled with CUDA graphs, which needs batches of one `Shape`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from titlecraft.models.batches import pad_left
from titlecraft.models.decoding.choose import ChosenByRow, TokenChooser
from titlecraft.models.decoding.request import Sampling

COLUMNS = 64  # widths are rounded up to multiples, so that other samples reuse the compiled step


@dataclass(frozen=True)
class Shape:
    """The shape of all prompt batches: rows, and columns (tokens)."""

    rows: int
    columns: int

    @classmethod
    def of(cls, rows: int, prompts: Sequence[Sequence[int]]) -> "Shape":
        """Return a shape that fits all these prompts."""
        return cls(rows, -(-max(map(len, prompts)) // COLUMNS) * COLUMNS)


def greedy_settings(tokenizer: Any, new_tokens: int) -> Any:
    """Return a greedy generation config that ignores the one published with the base (sampling, penalties, stop tokens)."""
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
    sampling: Sequence[Sampling] | None = None,
) -> list[list[int]]:
    """Return the token ids of the answer to each prompt of a batch; a finished answer ends in EOS.

    With a `shape`, all batches have that shape and share one compiled decoding step; compiling takes up to a minute.
    With `sampling`, one for each prompt, answers are sampled with random numbers of their own; otherwise decoding is greedy.
    """
    import torch
    from transformers import LogitsProcessorList

    settings = greedy_settings(tokenizer, new_tokens)
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    batch_prompts, width = list(prompts), 0
    if shape is not None:
        settings.cache_implementation, settings.max_cache_len = "static", shape.columns + new_tokens
        batch_prompts, width = batch_prompts + [batch_prompts[-1]] * (shape.rows - len(batch_prompts)), shape.columns
    last = [] if sampling is None else [sampling[-1]] * (len(batch_prompts) - len(prompts))
    choosers = [TokenChooser(one, base.device) for one in [*(sampling or ()), *last]]
    shipped, base.generation_config = (
        base.generation_config,
        settings,
    )  # generate() takes unset values from the model's config
    try:
        with torch.no_grad():
            batch = pad_left(batch_prompts, tokenizer.pad_token_id, base.device, width)
            out = base.generate(
                input_ids=batch.input_ids,
                attention_mask=batch.attention_mask,
                generation_config=settings,
                logits_processor=LogitsProcessorList([ChosenByRow(choosers)] if choosers else []),
            )
    finally:
        base.generation_config = shipped
    answers = out[: len(prompts), batch.input_ids.shape[1] :].tolist()
    return [until_eos(answer, tokenizer.eos_token_id) for answer in answers]


def until_eos(tokens: list[int], eos_token_id: int) -> list[int]:
    """Return the tokens up to and including the first EOS; generate() pads finished rows after it."""
    return tokens[: tokens.index(eos_token_id) + 1] if eos_token_id in tokens else tokens
