"""The generated texts under the frozen base, as they stand and with their sentences shuffled (measure "coherence")."""

from collections.abc import Sequence
from functools import partial

from evaluation.measures.sentences import orders
from evaluation.model.finished_batches import FinishedBatches
from evaluation.progress import Progress
from titlecraft.models.adapter.load import Loaded
from titlecraft.models.attention.grouped import attention_of
from titlecraft.models.decoding.batches import length_sorted
from titlecraft.models.loss.answer_nll import reference_nll
from titlecraft.prompt import token_ids


def order_nll(
    loaded: Loaded, texts: Sequence[str], seed: int, batch_size: int, progress: Progress, finished: FinishedBatches
) -> dict[str, tuple[float, float]]:
    """NLL in nats of each text as it stands, and shuffled, behind BOS alone and without EOS; the adapter is switched off.

    Texts that have one order only are left out; equal texts are scored once.
    """
    tokenizer = loaded.tokenizer
    start = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    both = {text: found for text in sorted(set(texts)) if (found := orders(text, seed)) is not None}
    ids = token_ids(tokenizer, [order for found in both.values() for order in found]) if both else []
    items = [(text, ids[2 * place], ids[2 * place + 1]) for place, text in enumerate(both)]
    scores: dict[str, tuple[float, float]] = {}
    fastest = attention_of("scoring", loaded.model, loaded.compiles)
    with progress.bar("rereading", len(items)) as advance, loaded.model.disable_adapter(), fastest:
        for batch in length_sorted(items, lambda item: len(item[1]), max(1, batch_size // 2)):
            pairs = [([start], order) for _, standing, shuffled in batch for order in (standing, shuffled)]
            compute = partial(reference_nll, loaded.model, pairs, tokenizer.pad_token_id)
            losses = finished.answers("rereading", "before", pairs, compute)
            scores.update({text: (losses[2 * n], losses[2 * n + 1]) for n, (text, _, _) in enumerate(batch)})
            advance(len(batch))
    return scores
