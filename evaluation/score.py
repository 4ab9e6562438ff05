"""Teacher-forced scoring: the negative log-likelihood of a reference given its prompt. Nothing is decoded."""

from collections.abc import Sequence
from typing import Any

from evaluation.batches import pad_left

LOGITS_AT_ONCE = 1 << 25  # float32 logits of one chunk: 128 MiB, whatever the vocabulary


def reference_nll(model: Any, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], pad_token_id: int) -> list[float]:
    """Summed NLL in nats of each completion given its prompt; `pairs` (prompt tokens, completion tokens) are one batch.

    The body of the model runs once over the batch; its output head runs only where a completion token is predicted, in
    chunks, so that a vocabulary of 128k does not need [batch, length, vocabulary] logits. The log-softmax is float32.
    """
    import torch

    with torch.no_grad():
        batch = pad_left([[*prompt, *completion] for prompt, completion in pairs], pad_token_id, model.device)
        hidden = body(model)(**batch.arguments(), use_cache=False).last_hidden_state
        lengths = [len(completion) for _, completion in pairs]
        # The last column is EOS (or the cut): the state in front of a token predicts it.
        states = torch.cat([hidden[place, -length - 1 : -1] for place, length in enumerate(lengths)])
        targets = torch.cat([batch.input_ids[place, -length:] for place, length in enumerate(lengths)])
        del hidden
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
