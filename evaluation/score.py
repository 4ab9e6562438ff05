"""Teacher-forced scoring: the negative log-likelihood of a reference given its prompt. Nothing is decoded."""

from collections.abc import Iterator, Sequence
from typing import Any

from evaluation.batches import pad_left
from titlecraft.document_attention import DOCUMENTS

LOGITS_AT_ONCE = 1 << 25  # float32 logits of one chunk: 128 MiB, whatever the vocabulary
TOKENS_AT_ONCE = 1 << 14  # of one forward pass without padding


def reference_nll(model: Any, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], pad_token_id: int) -> list[float]:
    """Summed NLL in nats of each completion given its prompt; `pairs` (prompt tokens, completion tokens) are one batch.

    The body of the model runs over the batch, padded, or without padding where the model attends within documents. Its
    output head runs only where a completion token is predicted, in chunks, so that a vocabulary of 128k does not need
    [batch, length, vocabulary] logits. The log-softmax is float32.
    """
    import torch

    attention = model.config._attn_implementation
    with torch.no_grad():
        if attention != DOCUMENTS:
            batch = pad_left([[*prompt, *completion] for prompt, completion in pairs], pad_token_id, model.device)
            hidden = body(model)(**batch.arguments(), use_cache=False).last_hidden_state
            return losses_at_the_end(model, list(hidden), pairs)
        return [loss for some in pieces(pairs) for loss in losses_at_the_end(model, documents(model, some), some)]


def pieces(pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Iterator[list[tuple[Sequence[int], Sequence[int]]]]:
    """The pairs in order, in runs of at most TOKENS_AT_ONCE tokens, or of one pair."""
    run: list[tuple[Sequence[int], Sequence[int]]] = []
    size = 0
    for pair in pairs:
        length = len(pair[0]) + len(pair[1])
        if run and size + length > TOKENS_AT_ONCE:
            yield run
            run, size = [], 0
        run.append(pair)
        size += length
    if run:
        yield run


def documents(model: Any, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[Any]:
    """Last hidden states of each pair, [tokens, hidden], from one row that holds them all, without padding."""
    from transformers import DataCollatorWithFlattening

    flat = DataCollatorWithFlattening(return_flash_attn_kwargs=True)(
        [{"input_ids": [*prompt, *completion]} for prompt, completion in pairs]
    )
    del flat["labels"]
    given = {name: value.to(model.device) if hasattr(value, "to") else value for name, value in flat.items()}
    hidden = body(model)(**given, use_cache=False).last_hidden_state[0]
    return list(hidden.split([len(prompt) + len(completion) for prompt, completion in pairs]))


def losses_at_the_end(
    model: Any, hidden: Sequence[Any], pairs: Sequence[tuple[Sequence[int], Sequence[int]]]
) -> list[float]:
    """Summed NLL of each completion from the hidden states of its pair, whose last is that of its last token.

    That token is EOS (or where the text was cut); the state in front of a token predicts it.
    """
    import torch

    lengths = [len(completion) for _, completion in pairs]
    states = torch.cat([one[-length - 1 : -1] for one, length in zip(hidden, lengths, strict=True)])
    targets = torch.tensor([token for _, completion in pairs for token in completion], device=states.device)
    losses = token_losses(model, states, targets)
    return [float(part.sum(dtype=torch.float64)) for part in losses.split(lengths)]


def token_losses(model: Any, states: Any, targets: Any) -> Any:
    """NLL in nats, float32 [n], of target tokens [n] from the hidden states [n, hidden] that predict them."""
    import torch
    from torch.nn.functional import cross_entropy

    head = model.get_output_embeddings()
    rows = max(1, LOGITS_AT_ONCE // model.config.vocab_size)
    chunks = zip(states.split(rows), targets.split(rows), strict=True)
    return torch.cat([cross_entropy(head(some).float(), wanted, reduction="none") for some, wanted in chunks])


def body(model: Any) -> Any:
    """The transformer below the output head; a LoRA adapter sits in its layers and is on or off there too."""
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    return whole.get_decoder()


def plain_nll(model: Any, prompt: Sequence[int], completion: Sequence[int]) -> float:
    """The same for one title, the plain way: one unpadded forward pass with all logits. The yardstick of reference_nll.

    It also shows whether a model does more to its logits than the output head (soft-capping, scaling).
    """
    import torch

    with torch.no_grad():
        ids = torch.tensor([[*prompt, *completion]], device=model.device)
        logits = model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1].float()
        chosen = logits.log_softmax(-1).gather(1, ids[0, len(prompt) :, None])
        return -float(chosen.sum(dtype=torch.float64))
