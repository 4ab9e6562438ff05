"""Teacher-forced scoring: the negative log-likelihood of a reference given its prompt."""

from collections.abc import Iterator, Sequence
from typing import Any

from titlecraft.models.attention.document import DOCUMENTS
from titlecraft.models.batches import pad_left
from titlecraft.models.layers import decoder_of
from titlecraft.models.loss.answer_logits import own_logits
from titlecraft.models.loss.guard import IGNORED, labelled_nll

LOGITS_AT_ONCE = 1 << 25  # float32 logits of one chunk: 128 MiB, whatever the vocabulary
TOKENS_AT_ONCE = 1 << 14  # of one forward pass on a GPU; bounds the memory of its activations
TOKENS_AT_ONCE_PACKED = 1 << 12  # the same where weights stay in 4 bit, since memory is short


def reference_nll(
    model: Any, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], pad_token_id: int, states_of: Any = None
) -> list[float]:
    """Return the summed NLL in nats of each completion given its prompt; `pairs` (prompt tokens, completion tokens) are one batch.

    The decoder runs over a padded batch, or without padding if the model uses document attention. Logits are computed
    in chunks, and only at positions that predict a completion token, so that no [batch, length, vocabulary] tensor is
    needed. The log-softmax is float32.

    Args:
        states_of: computes the last hidden states of texts in place of the decoder (`Decoder.states`), without padding.
    """
    import torch

    packed = states_of is not None or model.config._attn_implementation == DOCUMENTS
    states = documents if packed else padded
    if states_of is not None:
        states = lambda _, group, __: states_of([[*prompt, *completion] for prompt, completion in group])  # noqa: E731
    with torch.no_grad():
        groups = groups_of_pairs(pairs, tokens_at_once(model), padded=not packed)
        return [
            loss for group in groups for loss in losses_at_the_end(model, states(model, group, pad_token_id), group)
        ]


def tokens_at_once(model: Any) -> int | None:
    """Return the maximum number of tokens, including padding, of one forward pass; None on a CPU."""
    if model.device.type != "cuda":
        return None
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return TOKENS_AT_ONCE_PACKED if getattr(base, "is_loaded_in_4bit", False) else TOKENS_AT_ONCE


def groups_of_pairs(
    pairs: Sequence[tuple[Sequence[int], Sequence[int]]], limit: int | None, padded: bool
) -> Iterator[list[tuple[Sequence[int], Sequence[int]]]]:
    """Yield the pairs in order, in groups of at most `limit` tokens or of one pair; `padded` counts padding."""
    group: list[tuple[Sequence[int], Sequence[int]]] = []
    size = longest = 0
    for pair in pairs:
        length = len(pair[0]) + len(pair[1])
        longest = max(longest, length)
        size = (len(group) + 1) * longest if padded else size + length
        if group and limit is not None and size > limit:
            yield group
            group, size, longest = [], length, length
        group.append(pair)
    if group:
        yield group


def padded(model: Any, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], pad_token_id: int) -> list[Any]:
    """Return the last hidden states of each pair, [longest, hidden], right-aligned, from one padded batch."""
    batch = pad_left([[*prompt, *completion] for prompt, completion in pairs], pad_token_id, model.device)
    return list(decoder_of(model)(**batch.arguments(), use_cache=False).last_hidden_state)


def documents(model: Any, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], _: int) -> list[Any]:
    """Return the last hidden states of each pair, [tokens, hidden], from one packed row without padding."""
    from transformers import DataCollatorWithFlattening

    flat: dict[str, Any] = DataCollatorWithFlattening(return_flash_attn_kwargs=True)(
        [{"input_ids": [*prompt, *completion]} for prompt, completion in pairs]
    )
    del flat["labels"]
    arguments = {name: value.to(model.device) if hasattr(value, "to") else value for name, value in flat.items()}
    hidden = decoder_of(model)(**arguments, use_cache=False).last_hidden_state[0]
    return list(hidden.split([len(prompt) + len(completion) for prompt, completion in pairs]))


def losses_at_the_end(
    model: Any, hidden: Sequence[Any], pairs: Sequence[tuple[Sequence[int], Sequence[int]]]
) -> list[float]:
    """Return the summed NLL of each completion from the hidden states of its pair.

    The last completion token is EOS, unless it was truncated; each token is predicted from the state before it.
    """
    import torch

    lengths = [len(completion) for _, completion in pairs]
    states = torch.cat([sequence[-length - 1 : -1] for sequence, length in zip(hidden, lengths, strict=True)])
    targets = torch.tensor([token for _, completion in pairs for token in completion], device=states.device)
    losses = token_losses(model, states, targets)
    return [float(completion_losses.sum(dtype=torch.float64)) for completion_losses in losses.split(lengths)]


def token_losses(model: Any, states: Any, targets: Any) -> Any:
    """Return the NLL in nats, float32 [n], of target tokens [n] from the hidden states [n, hidden] that predict them."""
    import torch
    from torch.nn.functional import cross_entropy

    rows = max(1, LOGITS_AT_ONCE // model.config.get_text_config().vocab_size)
    chunks = zip(states.split(rows), targets.split(rows), strict=True)
    return torch.cat(
        [
            cross_entropy(own_logits(model, chunk).float(), chunk_targets, reduction="none")
            for chunk, chunk_targets in chunks
        ]
    )


def plain_nll(model: Any, prompt: Sequence[int], completion: Sequence[int]) -> float:
    """Return the summed NLL of one completion from one unpadded forward pass with all logits: the reference for reference_nll."""
    return labelled_nll(model, [*prompt, *completion], [IGNORED] * len(prompt) + [*completion])
